//! Whole sites: paths over several devices, and who may open what to whom.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;
use crate::load;
use crate::names::NodeName;
use crate::plan::{Plan, plan};

const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios");

/// The plan of a shipped scenario, by the beginning of its file's name.
pub(super) fn site(start: &str) -> Plan {
    let paths = std::fs::read_dir(SCENARIOS).unwrap().map(|entry| entry.unwrap().path());
    let is = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with(start) && name.ends_with(".yaml")
    };
    let loaded = load::scenario(&paths.filter(is).min().expect("a shipped scenario")).unwrap();
    plan(&loaded.scenario).unwrap()
}

/// What nft lists of a shipped rule file, loaded in a namespace of its own.
pub(super) fn listing(file: &str) -> String {
    let path = Path::new(SCENARIOS).join(format!("{file}.nft"));
    listed(&format!("nft -f {}", path.display()))
}

/// What nft lists in a new namespace once this command has loaded something there.
pub(super) fn listed(load: &str) -> String {
    let script = format!("{load} && nft -j list ruleset");
    let output = Command::new("unshare")
        .args(["--map-root-user", "--net", "--", "sh", "-c", &script])
        .env("PATH", format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default()))
        .output()
        .expect("unshare (Debian package util-linux) must be installed for this test");
    assert!(output.status.success(), "{load}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Calls with the model of T3 whose router has these rules, separated by `;`, in a chain that drops what else is to be
/// forwarded.
pub(super) fn with_rules<T>(rules: &str, work: impl FnOnce(&Model<'_>) -> T) -> T {
    let chain = "type filter hook forward priority 0; policy drop;";
    let table = format!("table inet t {{\n chain c {{\n {chain}\n {rules}\n }}\n }}");
    let plan = Plan { flows: Vec::new(), ..site("t3-separate") };
    let listing = listed(&format!("nft '{table}'"));
    work(&Model::of(&plan, &BTreeMap::from([(name("rtr"), listing.as_str())])).unwrap())
}

fn name(text: &str) -> NodeName {
    text.parse().unwrap()
}

/// Calls with the model of a site, each node with the listing of a file.
fn with(start: &str, rules: &[(&str, &str)], work: impl FnOnce(&Model<'_>)) {
    let plan = site(start);
    let listings: Vec<(NodeName, String)> =
        rules.iter().map(|(node, file)| (name(node), listing(file))).collect();
    let listings: BTreeMap<NodeName, &str> =
        listings.iter().map(|(node, text)| (node.clone(), text.as_str())).collect();
    work(&Model::of(&plan, &listings).unwrap());
}

/// What becomes of a TCP packet with SYN from the first lane between the two.
fn opens(model: &Model<'_>, from: &str, to: &str, port: u16) -> String {
    let lanes = model.lanes(&name(from), &name(to), partition::IpFamily::V4);
    let body = Body::Tcp { source: 40_000, destination: port, flags: 2 };
    let lane = lanes.first().expect("a lane");
    model.predict(&lane.probe(Packet::new(lane.source, lane.destination, body))).fate.to_string()
}

/// Who may open what, a line each.
fn shown(model: &Model<'_>) -> String {
    let mut text = String::new();
    for pair in model.matrix() {
        let ends = format!("{} -> {}", pair.from, pair.to);
        text.extend(pair.allowed.iter().map(|opening| format!("{ends}: {opening}\n")));
        let elsewhere = pair.elsewhere.iter();
        text.extend(elsewhere.map(|(at, opening)| format!("{ends}: {opening} arrives at {at}\n")));
        text.extend(pair.unknown.iter().map(|(why, opening)| format!("{ends}: {opening} {why}\n")));
    }
    text
}

#[test]
fn a_packet_is_stopped_where_the_rule_stands() {
    with("t3-separate", &[("rtr", "t3")], |model| {
        assert_eq!(opens(model, "app", "aws", 443), "arrives at aws");
        assert!(
            opens(model, "app", "aws", 80).starts_with("stopped at rtr by inet site through handle "),
            "by the last rule"
        );
        assert!(
            opens(model, "dock-1", "vms", 554).starts_with("stopped at rtr by inet site through handle "),
            "by the last rule"
        );
        assert!(opens(model, "app", "rtr", 53).starts_with("arrives at rtr"));
        assert!(opens(model, "dock-1", "dock-2", 554).contains("isolated"));
        assert_eq!(opens(model, "vms", "vms-cam", 554), "arrives at vms-cam");
    });
}

#[test]
fn the_matrix_of_t3_is_what_its_flows_say_and_its_neighbours_can() {
    with("t3-separate", &[("rtr", "t3")], |model| insta::assert_snapshot!("t3", shown(model)));
}

#[test]
fn the_matrix_of_t1_has_the_appliances_own_filter() {
    with("t1", &[("rtr", "t1"), ("app", "app")], |model| insta::assert_snapshot!("t1", shown(model)));
}

#[test]
fn what_a_resolver_fills_is_left_to_probes() {
    with("t4-leases", &[("rtr", "t4"), ("app", "app")], |model| {
        assert!(opens(model, "app", "aws", 443).contains("filled while the site runs"));
        assert!(
            opens(model, "app", "aws", 80).starts_with("stopped at rtr by inet site through handle "),
            "by the last rule"
        );
    });
}

#[test]
fn a_switch_that_filters_is_left_to_probes() {
    with("t5", &[("rtr", "t5"), ("app", "app")], |model| {
        assert!(opens(model, "app", "rtr", 53).contains("probe-only at app because of switch"));
        assert!(opens(model, "dock-1", "aws", 443).starts_with("stopped at rtr"));
    });
}

#[test]
fn broken_rules_open_what_they_should_not() {
    let allowed = |file: &str, from: &str, to: &str| {
        let mut text = String::new();
        with("t3-separate", &[("rtr", file)], |model| {
            let pair = model.pair(&name(from), &name(to));
            text = pair.allowed.iter().map(|opening| format!("{opening}\n")).collect();
        });
        text
    };
    assert_eq!(allowed("t3", "dock-1", "vms"), "");
    assert!(allowed("broken/t3-forward-accept", "dock-1", "vms").contains("tcp/0-65535"));
    assert_eq!(allowed("t3", "vms", "dock-1"), "");
    assert!(allowed("broken/t3-vms-sees-cameras", "vms", "dock-1").contains("tcp/554"));
}

#[test]
fn pieces_of_a_packet_get_through_where_they_are_not_put_together() {
    let fate = |file: &str| {
        let mut text = String::new();
        with("t3-separate", &[("rtr", file)], |model| {
            let lanes = model.lanes(&name("vms"), &name("dock-1"), partition::IpFamily::V4);
            let lane = lanes.first().expect("a lane");
            let body = Body::Tcp { source: 40_000, destination: 554, flags: 2 };
            let probe = lane.probe(Packet::new(lane.source, lane.destination, body));
            text = model.predict_in_pieces(&probe, 3).fate.to_string();
        });
        text
    };
    assert!(fate("t3").starts_with("stopped at rtr by inet site through handle "), "by the last rule");
    assert_eq!(fate("broken/passes-fragments"), "arrives at dock-1");
}

#[test]
fn a_port_forward_is_seen_to_lead_elsewhere() {
    with("t3-separate", &[("rtr", "broken/t3-port-forward")], |model| {
        let pair = model.pair(&name("aws"), &name("rtr"));
        assert!(!pair.elsewhere.is_empty(), "{pair:?}");
    });
}

#[test]
fn rules_that_are_missing_or_somebody_elses_are_refused() {
    let plan = site("t3-separate");
    let none = Model::of(&plan, &BTreeMap::new()).unwrap_err();
    assert_eq!(none.to_string(), "the rules of `rtr` are not given");
    let empty = r#"{"nftables": []}"#;
    let stranger =
        Model::of(&plan, &BTreeMap::from([(name("rtr"), empty), (name("nobody"), empty)])).unwrap_err();
    assert!(stranger.to_string().contains("`nobody`"));
    let broken = Model::of(&plan, &BTreeMap::from([(name("rtr"), "no JSON")])).unwrap_err();
    assert!(broken.to_string().starts_with("rules of `rtr`: read nft's listing as JSON"));
}
