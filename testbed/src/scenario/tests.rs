//! Tests of the room as a whole: the shipped files, the schema, inputs nobody thought of.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::Value as Json;

use super::model::{Kind, Word};
use super::{DEFAULT_PORTS, Files, Mistakes, Source, policy_schema, read, read_twin, schema, twin_schema};
use crate::names::Traffic;

const T3: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/t3-separate-vlan.yaml"));
const T5: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/t5-dual-network.yaml"));
const KEYS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/README.md"));

fn source(text: &str) -> Source {
    Source { path: "x.yaml".into(), text: text.into() }
}

/// Every rule file of the shipped scenarios.
fn files() -> Files {
    let paths = ["t3.nft", "t5.nft", "t5-switch.nft", "app.nft", "app-asks.nft", "rules.nft"];
    Files { found: paths.map(|path| (path.to_owned(), Ok(String::new()))).into(), ..Files::default() }
}

#[test]
fn what_is_not_written_is_filled_in() {
    let written = ", video: { size: 320x176, fps: 5 }";
    assert!(T3.contains(written), "the site says less than this test leaves out");
    let t3 = read(&source(&T3.replace(written, "")), &files()).unwrap().scenario;
    let node = |name: &str| &t3.site.nodes[name];
    assert_eq!(t3.site.groups.len(), 1);
    assert_eq!(node("dock-2").gateway.as_ref().unwrap().as_str(), "eth0");
    let names: Vec<_> = node("rtr").links.iter().map(|link| link.name.as_str()).collect();
    assert_eq!(names, ["lan.20", "lan.30", "wan0"]);
    assert_eq!(node("rtr").links[0].trunk.as_ref().unwrap().as_str(), "lan");
    assert!(node("rtr").gateway.is_none(), "a router has no gateway");
    let Kind::Camera(camera) = &node("vms-cam").kind else { panic!("no camera") };
    assert_eq!((camera.id, camera.width, camera.height, camera.fps), (3, 640, 360, 15));
    let ids: Vec<_> = t3.flows.iter().map(|flow| flow.id.as_str()).collect();
    let all = "F01 F03 F05 F06 F07 F08 F09 F10 F11 F13 F15 F17 F18 S01 S02 S03";
    assert_eq!(ids.join(" "), all);
    let shut = t3.checks.iter().find(|check| check.name.as_str() == "vms-shut").unwrap();
    let Word::NoReach { from, ports, .. } = &shut.word else { panic!("no no_reach") };
    assert_eq!(from.len(), 3, "two cameras and the appliance");
    assert_eq!(ports.len(), DEFAULT_PORTS.len() + 1, "IPv6 is spoken, so ICMPv6 is sent");
    let line = T3.lines().position(|line| line == "  dock-plays:").unwrap() as u32 + 1;
    let place = &t3.checks[0].place;
    assert_eq!((place.file.as_str(), place.line, place.column), ("x.yaml", line, 3));
}

#[test]
fn a_gateway_that_is_named_wins_over_the_first_link_with_a_router() {
    let t5 = read(&source(T5), &files()).unwrap().scenario;
    let app = &t5.site.nodes["app"];
    assert_eq!(app.gateway.as_ref().unwrap().as_str(), "eth1");
    let none = read(&source(&T5.replace("gateway: eth1", "gateway: none")), &files()).unwrap().scenario;
    assert_eq!(none.site.nodes["app"].gateway, None);
}

#[test]
fn what_an_impaired_link_needs_is_required_unsaid_also_by_who_looks_at_such_a_check() {
    let fault = "{ impair: app.eth1, delay: 1400ms, jitter: 100ms, loss: 5%, duplicate: 2%, reorder: 5% }";
    assert!(T5.contains(&format!("fault: {fault}")) && !T5.contains("requires:"), "what T5 says");
    let required = |text: &str, name: &str| {
        let t5 = read(&source(text), &files()).unwrap().scenario;
        t5.checks.into_iter().find(|check| check.name.as_str() == name).unwrap().requires
    };
    assert_eq!(required(T5, "uplink-in-trouble"), ["netem"]);
    assert_eq!(required(T5, "no-transit"), [] as [&str; 0]);
    let cut = T5.replace(fault, "{ cut: app.eth1 }");
    assert_eq!(required(&cut, "uplink-in-trouble"), [] as [&str; 0]);
    let held = cut.replace("  no-transit:\n", "  no-transit:\n    requires: vlan-tags\n");
    assert_eq!(required(&held, "uplink-in-trouble"), ["vlan-tags"]);
    let during = cut.replace("  cloud-reached:\n", &format!("  cloud-reached:\n    during: {fault}\n"));
    assert_eq!(required(&during, "cloud-reached"), ["netem"]);
}

#[test]
fn the_same_text_means_the_same() {
    let once = serde_json::to_string(&read(&source(T3), &files()).unwrap().scenario).unwrap();
    let again = serde_json::to_string(&read(&source(T3), &files()).unwrap().scenario).unwrap();
    assert_eq!(once, again);
}

#[test]
fn the_default_ports_are_single_kinds_and_none_twice() {
    let ports: BTreeSet<Traffic> = DEFAULT_PORTS.iter().map(|port| port.parse().unwrap()).collect();
    assert_eq!(ports.len(), DEFAULT_PORTS.len());
    assert!(ports.iter().all(|port| port.each().count() == 1));
}

#[test]
fn beyond_a_hundred_mistakes_are_only_counted() {
    let hosts: String = (0..130).map(|n| format!("    h{n}: {{ segment: came }}\n")).collect();
    let text = format!(
        "version: 1\nname: many\nsite:\n  segments: {{ cam: {{ subnets: [10.0.0.0/24] }} }}\n  hosts:\n{hosts}"
    );
    let mistakes = read(&source(&text), &files()).unwrap_err();
    assert_eq!(mistakes.iter().count(), 100);
    assert!(mistakes.render(false).ends_with("… and 31 more\n"), "130 segments and no checks");
}

/// A document with one key at the end of a path through maps and lists.
fn document(path: &[String], value: &str) -> String {
    path.iter().rev().fold(value.to_owned(), |inner, step| match step.as_str() {
        "[]" => format!("[{inner}]"),
        key => format!("{{\"{key}\": {inner}}}"),
    })
}

/// Every way to every table of a schema, with the table's keys.
fn tables(
    schema: &Json,
    root: &Json,
    path: &mut Vec<String>,
    found: &mut BTreeMap<Vec<String>, Vec<String>>,
) {
    if let Some(reference) = schema["$ref"].as_str() {
        return tables(root.pointer(&reference[1..]).unwrap(), root, path, found);
    }
    for any in ["anyOf", "allOf"].iter().filter_map(|any| schema[*any].as_array()).flatten() {
        tables(any, root, path, found);
    }
    let mut into = |step: &str, inner: &Json| {
        path.push(step.to_owned());
        tables(inner, root, path, found);
        path.pop();
    };
    if schema["items"].is_object() {
        into("[]", &schema["items"]);
    }
    if schema["additionalProperties"].is_object() {
        into("n1", &schema["additionalProperties"]);
    }
    if let Some(keys) = schema["properties"].as_object() {
        for (key, inner) in keys {
            assert!(
                inner["description"].as_str().is_some_and(|says| says.len() > 5),
                "{path:?} {key} says nothing"
            );
            into(key, inner);
        }
        assert_eq!(schema["additionalProperties"], Json::Bool(false), "{path:?}");
        found.entry(path.clone()).or_default().extend(keys.keys().cloned());
    }
}

/// A reader finds fault with an unknown key in every table of its schema, and with none of the schema's keys.
fn knows_the_same_keys(schema: &Json, read: impl Fn(&str) -> Mistakes) -> usize {
    let mut found = BTreeMap::new();
    tables(schema, schema, &mut Vec::new(), &mut found);
    let complains = |path: &[String], key: &str| {
        let mut path = path.to_vec();
        path.push(key.to_owned());
        let mistakes = read(&document(&path, "null"));
        mistakes
            .iter()
            .any(|mistake| mistake.title.ends_with("has no such key") && mistake.source_line.contains(key))
    };
    for (path, keys) in &found {
        for key in keys {
            assert!(!complains(path, key), "the reader does not know {path:?} {key}");
        }
        assert!(complains(path, "quite-another"), "the reader knows more keys at {path:?}");
    }
    found.len()
}

#[test]
fn schema_and_reader_know_the_same_keys() {
    let scenario = |text: &str| read(&source(text), &files()).err().unwrap_or_default();
    assert!(knows_the_same_keys(&schema(), scenario) >= 25);
    let twin = |text: &str| read_twin(&source(text), Ok(&source(T3)), &files()).err().unwrap_or_default();
    assert!(knows_the_same_keys(&twin_schema(), twin) >= 3);
    let policy = |text: &str| {
        let mut files = files();
        files.found.insert("policies/own.yaml".into(), Ok(text.into()));
        let text = T3.replace("use: panorama", "use: policies/own.yaml");
        read(&source(&text), &files).err().unwrap_or_default()
    };
    assert!(knows_the_same_keys(&policy_schema(), policy) >= 2);
}

#[test]
fn the_readmes_first_scenario_is_a_good_one() {
    let text = KEYS.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let found = [("first.nft".to_owned(), Ok(String::new()))].into();
    let read =
        read(&source(text), &Files { found, ..Files::default() }).unwrap_or_else(|error| panic!("{error}"));
    assert!(read.warnings.is_empty(), "{}", read.warnings);
}

#[test]
fn the_readme_explains_every_key() {
    let mut keys = BTreeSet::new();
    for schema in [schema(), twin_schema(), policy_schema()] {
        let mut found = BTreeMap::new();
        tables(&schema, &schema, &mut Vec::new(), &mut found);
        keys.extend(found.into_values().flatten());
    }
    assert!(keys.len() > 60);
    let missing: Vec<_> = keys.iter().filter(|key| !KEYS.contains(&format!("`{key}`"))).collect();
    assert!(missing.is_empty(), "scenarios/README.md says nothing of {missing:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Pieces of a good scenario, cut out, doubled and exchanged: a mistake at worst.
    #[test]
    fn no_change_of_a_scenario_makes_the_reader_panic(
        cuts in proptest::collection::vec((0..4000_usize, 0..60_usize, 0..4000_usize), 1..4),
        word in "[a-z0-9.:/{}\\[\\] ,\"-]{0,12}",
    ) {
        let mut text = T3.to_owned();
        for (at, length, from) in cuts {
            let piece: String = T3.chars().skip(from).take(length).collect();
            let at = text.floor_char_boundary(at);
            let end = text.ceil_char_boundary(at + length);
            text.replace_range(at..end.min(text.len()), &format!("{word}{piece}"));
        }
        if let Err(mistakes) = read(&source(&text), &files()) {
            prop_assert!(mistakes.has_errors());
            prop_assert!(!mistakes.render(true).is_empty());
        }
    }
}
