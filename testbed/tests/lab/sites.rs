//! The small sites of these tests, put into a place with what a test changes in them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::Place;

pub(crate) const SMALL: &str = include_str!("small.yaml");
pub(crate) const SMALL_RULES: &str = include_str!("small.nft");
pub(crate) const SWEEP: &str = include_str!("sweep.yaml");
pub(crate) const SWEEP_RULES: &str = include_str!("sweep.nft");
pub(crate) const OWN_RULES: &str = include_str!("own.nft");
pub(crate) const LEASES: &str = include_str!("leases.yaml");
pub(crate) const LEASES_RULES: &str = include_str!("leases.nft");
pub(crate) const NAMES: &str = include_str!("names.yaml");
pub(crate) const NAMES_RULES: &str = include_str!("names.nft");
const COMMAND: &str = include_str!("command.yaml");
const PROGRAMS: &str = include_str!("programs.yaml");

/// One camera, one appliance, five frames, with the router's rules as given.
pub(crate) fn small(place: &Place, rules: &str) -> PathBuf {
    place.write("site/small.nft", rules);
    place.write("site/small.yaml", SMALL)
}

/// A host that hands out addresses and another that asks, with the scenario and the rules of the first as given.
pub(crate) fn leases(place: &Place, scenario: &str, rules: &str) -> PathBuf {
    place.write("site/leases.nft", rules);
    place.write("site/leases.yaml", scenario)
}

/// A firewall that lets out by name, with the scenario as given.
pub(crate) fn names(place: &Place, scenario: &str) -> PathBuf {
    place.write("site/names.nft", NAMES_RULES);
    place.write("site/names.yaml", scenario)
}

/// A host, `desk`, that runs a shell script of the scenario's own to its end.
pub(crate) fn command(place: &Place, script: &str) -> PathBuf {
    let words = serde_json::to_string(&["bash", "-c", script]).expect("texts are JSON");
    // JSON is YAML.
    place.write("site/command.yaml", COMMAND.replace("[COMMAND]", &words))
}

/// dnsmasq and tcpdump as commands of the scenario's own.
pub(crate) fn programs(place: &Place) -> PathBuf {
    place.write("site/programs.yaml", PROGRAMS)
}

/// The site whose isolation is attacked, with the scenario, the router's rules and the appliance's as given.
pub(crate) fn sweep(place: &Place, scenario: &str, router: &str, appliance: &str) -> PathBuf {
    place.write("site/sweep.nft", router);
    place.write("site/own.nft", appliance);
    place.write("site/sweep.yaml", scenario)
}

/// The text with one place in it changed, which must be there.
#[track_caller]
pub(crate) fn changed(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "`{from}` is not in the text");
    text.replace(from, to)
}

/// `testbed run SCENARIO --allow-run`.
pub(crate) fn run_allowed(place: &Place, scenario: &Path) -> Command {
    let mut run = place.run(scenario);
    run.arg("--allow-run");
    run
}

/// What the services of a node wrote in the place's only run.
#[track_caller]
pub(crate) fn log_of(place: &Place, node: &str) -> String {
    let folders = place.run_folders();
    let [folder] = folders.as_slice() else { panic!("one run folder was expected: {folders:?}") };
    let path = folder.join("logs").join(format!("{node}.log"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
