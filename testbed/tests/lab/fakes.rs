//! Programs that fail: a fake of ours ends the run as our failure, a command of the scenario's as the scenario's.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use testbed::event::Fault;
use testbed::run::FAKES;

use crate::sites;
use crate::support::{Counted, ONE_RUN, Place, Said, runs_of, say};

/// A folder with the programs, `fake-camera` replaced by a shell script, or left out.
///
/// It lies among the test programs: where user namespaces need a profile, that one covers it.
fn programs(camera: Option<&str>) -> TempDir {
    let tests = std::env::current_exe().expect("our own path");
    let folder =
        tempfile::tempdir_in(tests.parent().expect("a file lies in a folder")).expect("a temporary folder");
    let built = PathBuf::from(env!("CARGO_BIN_EXE_testbed"));
    let built = built.parent().expect("a file lies in a folder");
    for name in FAKES.into_iter().chain(["testbed"]) {
        let to = folder.path().join(name);
        match (name, camera) {
            ("fake-camera", None) => {}
            ("fake-camera", Some(script)) => {
                fs::write(&to, format!("#!/bin/sh\n{script}\n")).expect("our own folder");
                fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).expect("our own folder");
            }
            _ => {
                fs::hard_link(built.join(name), &to).unwrap_or_else(|error| panic!("{name}: {error}"));
            }
        }
    }
    folder
}

/// Runs the small site with such a camera.
#[track_caller]
fn run_with(camera: Option<&str>, code: i32) -> Said {
    let (place, programs) = (Place::new(), programs(camera));
    let site = sites::small(&place, sites::SMALL_RULES);
    let mut run = place.command(programs.path().join("testbed"));
    run.arg("run").arg(site).arg("--out").arg(place.out()).args(["--json", "-"]);
    let counted = Counted::at(&place);
    let said = say(counted.wrap(run), ONE_RUN).expect_code(code);
    counted.assert_nothing_left();
    said
}

/// The failure is ours, at the camera, and has these words.
#[track_caller]
fn assert_ours(said: &Said, words: &[&str], last: &str) {
    let failure = runs_of(said).runs[0].failure.clone().unwrap_or_else(|| panic!("no failure: {said}"));
    assert_eq!(failure.fault, Fault::Ours, "{said}");
    assert_eq!(failure.node.as_ref().map(ToString::to_string).as_deref(), Some("door"), "{said}");
    for word in words {
        assert!(failure.text.contains(word), "`{word}` is not said: {said}");
    }
    assert!(failure.last_lines.iter().any(|line| line == last), "`{last}` is no last line: {said}");
    assert!(
        said.all().contains("fake-camera of `door`") && said.all().contains(&format!("| {last}")),
        "{said}"
    );
}

#[test]
fn one_that_dies_at_once_is_told_of_with_its_last_lines() {
    let said = run_with(Some("echo last words >&2; exit 7"), 4);
    assert_ours(&said, &["ended by itself", "exit status: 7"], "last words");
    assert!(said.took < Duration::from_secs(10), "nobody waited for it to get ready: {said}");
}

#[test]
fn one_that_dies_later_is_told_of_with_its_last_lines() {
    let ready = r#"echo '{"at":1,"fact":"ready","listens":[]}'; echo last words >&2; sleep 0.5; kill -11 $$"#;
    let said = run_with(Some(ready), 4);
    assert_ours(&said, &["ended by itself", "signal: 11"], "last words");
}

#[test]
fn one_that_prints_rubbish_is_told_of_with_its_last_lines() {
    let said = run_with(Some("echo fine >&2; echo this is no fact; exec sleep 60"), 4);
    assert_ours(&said, &["no fact", "this is no fact"], "this is no fact");
    assert!(said.took < Duration::from_secs(10), "{said}");
}

#[test]
fn one_that_never_gets_ready_has_a_deadline() {
    let said = run_with(Some("echo not yet >&2; exec sleep 60"), 4);
    assert_ours(&said, &["not ready within 20 s"], "not yet");
    assert!(said.took < Duration::from_secs(40), "{said}");
}

#[test]
fn one_that_is_missing_is_named_with_what_to_do() {
    let said = run_with(None, 3);
    assert!(said.stdout.contains("fake-camera is missing") && said.stdout.contains("cargo build"), "{said}");
}

/// Runs a command site and returns what was said.
fn run_command(scenario: PathBuf, place: &Place, code: i32) -> Said {
    let counted = Counted::at(place);
    let mut run: Command = sites::run_allowed(place, &scenario);
    run.args(["--json", "-"]);
    let said = say(counted.wrap(run), ONE_RUN).expect_code(code);
    counted.assert_nothing_left();
    said
}

#[test]
fn a_command_of_the_scenario_that_fails_is_a_fail_with_its_last_lines() {
    let place = Place::new();
    let said = run_command(sites::command(&place, "echo one; echo two >&2; exit 7"), &place, 1);
    let failure = runs_of(&said).runs[0].failure.clone().unwrap_or_else(|| panic!("no failure: {said}"));
    assert_eq!(failure.fault, Fault::Scenario, "{said}");
    assert!(failure.text.contains("exit status: 7") && failure.text.contains("`desk`"), "{said}");
    for line in ["one", "two"] {
        assert!(failure.last_lines.iter().any(|last| last == line), "`{line}` is missing: {said}");
    }
}

#[test]
fn a_command_that_is_not_there_is_named() {
    let place = Place::new();
    let scenario = sites::command(&place, "true");
    let text = fs::read_to_string(&scenario).unwrap();
    for program in ["no-such-program", "/opt/no/such-program"] {
        let scenario = place.write("site/missing.yaml", sites::changed(&text, "bash", program));
        let said = run_command(scenario, &place, 3);
        assert!(said.stdout.contains(&format!("`{program}` is not there")), "{said}");
        assert!(!said.stdout.contains("build the whole workspace"), "that would not help: {said}");
    }
}
