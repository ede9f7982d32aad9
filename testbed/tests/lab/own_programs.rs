//! Commands of nodes that are no hosts: they take a fake's place, and whoever needs them starts when they are ready.

use std::path::PathBuf;

use testbed::verdict::Verdict;

use crate::support::{ONE_RUN, Place, Said, runs_of, say};

const SITE: &str = include_str!("own_programs.yaml");
const SERVE: &str = include_str!("serve.sh");

fn site(place: &Place, text: &str) -> PathBuf {
    place.write("site/programs/serve.sh", SERVE);
    place.write("site/programs/page.html", "<p>the door</p>\n");
    place.write("site/own-programs.yaml", text)
}

#[track_caller]
fn run(place: &Place, text: &str, more: &[&str]) -> Said {
    let mut run = place.run(&site(place, text));
    run.args(["--json", "-"]).args(more);
    say(run, ONE_RUN)
}

/// What a node's programs have said in the only run.
fn log(place: &Place, node: &str) -> String {
    let [folder] = &place.run_folders()[..] else { panic!("one run") };
    std::fs::read_to_string(folder.join("logs").join(format!("{node}.log"))).expect("it has said something")
}

#[test]
fn a_cameras_and_an_appliances_own_programs_take_the_fakes_place() {
    let place = Place::new();
    let said = run(&place, SITE, &["--allow-run"]).expect_code(0);
    assert_eq!(runs_of(&said).runs[0].checks[0].verdict, Verdict::Pass, "{said}");
    // It was asked when it was ready, with its own environment, which no shell has read.
    assert_eq!(log(&place, "app"), "hello from $NOBODY\n");
    assert_eq!(log(&place, "door"), "the door serves\n");
}

#[test]
fn they_need_a_permission_of_their_own() {
    let place = Place::new();
    let said = run(&place, SITE, &[]).expect_code(2);
    assert!(said.all().contains("allow that with --allow-run"), "{said}");
    assert!(place.run_folders().is_empty());
}

#[test]
fn one_that_is_never_ready_fails_the_run_with_its_last_lines() {
    let place = Place::new();
    let text = SITE.replace("{ line: the door serves }", "{ line: something else, within: 1s }");
    let said = run(&place, &text, &["--allow-run"]).expect_code(1);
    let failure = runs_of(&said).runs[0].failure.clone().expect("it says why");
    assert!(failure.text.contains("command `sh serve.sh` of `door` was not ready within 1 s"), "{said}");
    assert_eq!(failure.last_lines, ["the door serves"]);
    let place = Place::new();
    let text = SITE.replace("{ port: tcp/8080 }", "{ port: tcp/8081, within: 1s }");
    let said = run(&place, &text, &["--allow-run"]).expect_code(1);
    assert!(said.all().contains("of `desk` was not ready within 1 s"), "{said}");
}

#[test]
fn one_that_ends_before_it_is_ready_fails_the_run() {
    let place = Place::new();
    let text = SITE.replace("[sh, serve.sh]", "[sh, -c, \"echo no >&2; exit 3\"]");
    let said = run(&place, &text, &["--allow-run"]).expect_code(1);
    assert!(said.all().contains("of `door` ended by itself"), "{said}");
}
