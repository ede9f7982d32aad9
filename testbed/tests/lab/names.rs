//! Rules that let out by name: shut before the name is looked up, open afterwards, and by nobody else's lookup.

use crate::sites;
use crate::support::{ONE_RUN, Place, User, runs_of, say};

/// Runs the site; the host `app` looks what is open before and after each lookup, and ends accordingly.
fn run(place: &Place, scenario: &str, code: i32) -> String {
    let site = sites::names(place, scenario);
    let mut run = sites::run_allowed(place, &site);
    run.args(["--json", "-"]);
    let said = say(run, ONE_RUN).expect_code(code);
    let failure = runs_of(&said).runs[0].failure.clone();
    failure.map(|failure| format!("{}\n{}", failure.text, failure.last_lines.join("\n"))).unwrap_or_default()
}

#[test]
fn only_a_lookup_in_the_network_itself_opens_and_only_what_was_looked_up() {
    let place = Place::new();
    run(&place, sites::NAMES, 0);
    let state = std::fs::read_to_string(place.run_folders()[0].join("after/rtr.json")).unwrap();
    assert!(
        state.contains("elements = { 203.0.113.10"),
        "the snapshot shows what the set was filled with: {state}"
    );
    let before = std::fs::read_to_string(place.run_folders()[0].join("before/rtr.json")).unwrap();
    assert!(!before.contains("elements"), "it was empty before: {before}");
}

#[test]
fn another_network_whose_answers_fill_the_set_is_told_apart() {
    let both = "sets: { office: [{ names: \"*.iot.eu-west-1.amazonaws.com\", ip4: inet site iot4 }], inside:";
    let scenario = sites::changed(sites::NAMES, "sets: { inside:", both);
    let said = run(&Place::new(), &scenario, 1);
    assert!(said.contains("open before the network itself has asked"), "{said}");
}

#[test]
fn a_pattern_that_takes_in_more_names_is_told_apart() {
    let scenario =
        sites::changed(sites::NAMES, "\"*.iot.eu-west-1.amazonaws.com\", ip4", "\"*.amazonaws.com\", ip4");
    // The set then has the address of the logs, too; what is opened is still the one that was looked up.
    let place = Place::new();
    run(&place, &scenario, 0);
    let state = std::fs::read_to_string(place.run_folders()[0].join("after/rtr.json")).unwrap();
    assert!(state.contains("203.0.113.12"), "{state}");
}

#[test]
fn sets_are_filled_without_root() {
    let place = Place::of(User::Ordinary);
    let site = sites::names(&place, sites::NAMES);
    let said = say(sites::run_allowed(&place, &site), ONE_RUN);
    let refused = said.status.code() == Some(3) && said.all().contains("scripts/setup userns");
    assert!(refused || said.status.code() == Some(0), "{said}");
}
