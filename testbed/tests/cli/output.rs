//! What goes where: results to standard output, talk to standard error, colour and progress to terminals only.

use std::path::PathBuf;
use std::process::Command;

use testbed::verdict::Verdict;

use crate::support::{ONE_RUN, Place, runs_of, say};

const SITE: &str = "\
version: 1
name: tiny
site:
  segments: { office: { subnets: [198.51.100.0/24] } }
  hosts:
    desk: { segment: office, address: 198.51.100.5 }
    guest: { segment: office, address: 198.51.100.6 }
checks:
  up: { reach: { from: guest, to: desk, ports: icmp/8 }, proves: PAN-NET-01 (part) }
";

fn tiny(place: &Place) -> PathBuf {
    place.write("site/tiny.yaml", SITE)
}

#[test]
fn one_run_reports_to_people_and_programs_and_is_quiet_when_asked() {
    let place = Place::new();
    tiny(&place);
    let (junit, elsewhere) = (place.path().join("junit.xml"), place.path().join("tmp"));
    let mut run = place.testbed();
    // From another folder, by a relative path; NO_COLOR is not set, and this is no terminal.
    run.current_dir(&elsewhere).env_remove("NO_COLOR").args(["run", "../site/tiny.yaml", "--out", "../out"]);
    run.args(["--quiet", "--timings", "--json", "-", "--junit"]).arg(&junit);
    let said = say(run, ONE_RUN).expect_code(0);
    assert!(said.stderr.is_empty(), "quiet, and no progress where there is no terminal: {said}");
    assert!(said.stdout.starts_with('{'), "what a program reads is alone: {said}");
    let mut aloud = place.testbed();
    aloud.env_remove("NO_COLOR").args(["run", "--timings", "--json", "-", "--out"]).arg(place.out());
    aloud.arg(place.path().join("site/tiny.yaml"));
    let aloud = say(aloud, ONE_RUN).expect_code(0);
    assert!(aloud.stdout.starts_with('{'), "what a program reads is alone: {aloud}");
    assert!(!aloud.stderr.contains('\u{1b}'), "no colour where there is no terminal: {aloud}");
    assert!(aloud.stderr.contains("PASS") && aloud.stderr.contains("1 passed"), "{aloud}");
    assert!(aloud.stderr.contains("  build "), "{aloud}");

    let runs = runs_of(&said);
    assert_eq!((runs.version, runs.exit, runs.runs.len()), (1, 0, 1), "{said}");
    assert_eq!(runs.runs[0].checks[0].verdict, Verdict::Pass);
    let folder = runs.runs[0].folder.clone().expect("evidence was kept");
    assert!(
        elsewhere.join(&folder).join("verdicts.json").exists(),
        "{folder} is as given on the command line"
    );

    let text = std::fs::read_to_string(junit).unwrap();
    let junit = quick_junit::Report::deserialize_from_str(&text).expect("JUnit");
    assert_eq!((junit.tests, junit.failures, junit.errors), (1, 0, 0), "{text}");
}

#[test]
fn a_terminal_shows_progress_and_colour_unless_asked_not_to() {
    assert!(
        std::path::Path::new("/usr/bin/script").exists(),
        "script is missing: install the package bsdutils"
    );
    let place = Place::new();
    let site = tiny(&place);
    let on_terminal = |variable: Option<(&str, &str)>, option: &str| {
        let run = place.run(&site);
        let words: Vec<_> = std::iter::once(run.get_program())
            .chain(run.get_args())
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        let mut script = Command::new("script");
        script.env("TERM", "xterm").env_remove("NO_COLOR").envs(variable);
        script.args([
            "--quiet",
            "--return",
            "--command",
            &format!("{} {option}", words.join(" ")),
            "/dev/null",
        ]);
        say(script, ONE_RUN).expect_code(0).stdout
    };
    let plain = on_terminal(None, "");
    assert!(plain.contains("\u{1b}[32mPASS"), "a verdict has its colour: {plain:?}");
    assert!(
        plain.contains("builds segments") || plain.contains("starts cameras"),
        "progress is shown: {plain:?}"
    );
    let quiet = on_terminal(Some(("NO_COLOR", "1")), "--quiet");
    assert!(!quiet.contains('\u{1b}') && quiet.contains("PASS"), "{quiet:?}");
}

#[test]
fn logs_are_json_lines_when_asked_for() {
    let place = Place::new();
    let site = tiny(&place);
    let mut run = place.run(&site);
    run.args(["--log-format", "json", "-v"]);
    let said = say(run, ONE_RUN).expect_code(0);
    assert!(said.stderr.contains("a lab starts"), "of the program itself: {said}");
    assert!(said.stderr.contains("a stage begins"), "of the lab: {said}");
    for line in said.stderr.lines() {
        let line: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(line["level"].is_string() && line["timestamp"].is_string(), "{line}");
    }
}

#[test]
fn doctor_says_what_this_host_can() {
    let place = Place::new();
    let mut doctor = place.testbed();
    doctor.arg("doctor");
    let said = say(doctor, ONE_RUN).expect_code(0);
    for line in ["yes  program nft", "yes  program fake-camera", "yes  namespaces for", "yes  kernel: veth"] {
        assert!(said.stdout.contains(line), "`{line}` is missing: {said}");
    }
    assert!(said.stdout.contains("kernel: vlan-tags"), "{said}");
    assert!(
        said.stdout.contains("Runs can be made") || said.stdout.contains("Everything is there"),
        "{said}"
    );
}
