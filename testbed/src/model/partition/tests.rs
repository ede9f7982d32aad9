//! Cells of real rule sets: each packet is in one of them, and what becomes of one becomes of all.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::evaluate::tcp_class;
use crate::model::tests::{listed, listing, site};
use crate::model::{Body, Fate, Model, Packet};
use crate::plan::Plan;

/// T3 with the listing of its rules.
fn with_model(work: impl FnOnce(&Model<'_>)) {
    let plan: Plan = site("t3-separate");
    let (rules, name) = (listing("t3"), "rtr".parse().unwrap());
    work(&Model::of(&plan, &BTreeMap::from([(name, rules.as_str())])).unwrap());
}

fn fate(model: &Model<'_>, probe: &crate::model::Probe) -> String {
    match model.predict(probe).fate {
        Fate::Arrives { at, .. } => format!("arrives at {at}"),
        other => other.to_string(),
    }
}

#[test]
fn every_packet_of_a_cell_meets_the_same_fate() {
    with_model(|model| {
        let mut seen = 0;
        for (from, to) in [("dock-1", "vms"), ("app", "aws"), ("app", "rtr"), ("vms", "rtr"), ("aws", "app")]
        {
            let cells = model.cells(&from.parse().unwrap(), &to.parse().unwrap(), IpFamily::V4);
            assert!(!cells.is_empty(), "{from} has a lane to {to}");
            for (seed, cell) in (0x1234_5678_9abc_u64..).zip(&cells) {
                let first = fate(model, &cell.representative());
                for probe in cell.probes(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)) {
                    assert!(cell.extent.contains(&probe.packet.body), "{cell:?}");
                    assert_eq!(fate(model, &probe), first, "{cell:?} {probe:?}");
                    seen += 1;
                }
            }
        }
        assert!(seen > 1000, "{seen}");
    });
}

#[test]
fn what_is_left_out_is_said() {
    with_model(|model| {
        let left_out = model.left_out(IpFamily::V4).join("\n");
        assert!(left_out.contains("Fragments"));
        assert!(left_out.contains("CtState"), "T3 looks at the connection: {left_out}");
        assert!(!left_out.contains("HopLimit"), "cells are sent with it: {left_out}");
    });
}

#[test]
fn too_many_combinations_are_not_made_and_said_not_to_be() {
    let port = |field: &str, number: u16| {
        let left = json!({"payload": {"protocol": "tcp", "field": field}});
        json!({"match": {"op": "==", "left": left, "right": number}})
    };
    let rules = (0..200_u16).map(|at| {
        let expr = json!([port("dport", 10 * at + 5), port("sport", 7 * at + 3), {"accept": null}]);
        json!({"rule": {"family": "inet", "table": "t", "chain": "c", "handle": at, "expr": expr}})
    });
    let mut all = vec![
        json!({"table": {"family": "inet", "name": "t"}}),
        json!({"chain": {"family": "inet", "table": "t", "name": "c"}}),
    ];
    all.extend(rules);
    let listing = json!({"nftables": all}).to_string();
    let plan = site("t3-separate");
    let model = Model::of(&plan, &BTreeMap::from([("rtr".parse().unwrap(), listing.as_str())])).unwrap();
    let extents = model.extents(IpFamily::V4);
    assert!(extents.len() < MOST_COMBINATIONS && extents.len() > 800, "{}", extents.len());
    let has = |destination: u128, source: u128| {
        extents.iter().any(|extent| {
            let (to, from) = extent.sides();
            matches!(extent, Extent::Tcp { .. }) && to.contains(destination) && from.contains(source)
        })
    };
    assert!(has(5, 40_000) && has(1995, 40_000) && has(40_000, 3) && !has(5, 3), "each varies by itself");
    assert!(model.left_out(IpFamily::V4).join("\n").contains("each varies by itself"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_first_packet_is_in_one_cell(source in any::<u16>(), destination in any::<u16>(), flags in any::<u8>()) {
        with_model(|model| {
            let extents = model.extents(IpFamily::V4);
            // Its flags are in the class of one combination.
            let classes: std::collections::BTreeSet<u8> = extents.iter().filter_map(|extent| match extent {
                Extent::Tcp { flags: other, .. } if tcp_class(*other) == tcp_class(flags) => Some(*other),
                _ => None,
            }).collect();
            assert_eq!(classes.len(), 1, "T3 does not look at flags");
            let flags = *classes.first().unwrap();
            for body in [
                Body::Tcp { source, destination, flags },
                Body::Udp { source, destination },
                Body::Icmp { kind: source as u8, code: destination as u8 },
            ] {
                let cells = extents.iter().filter(|extent| extent.contains(&body)).count();
                assert_eq!(cells, 1, "{body:?}");
            }
            let packet = Packet::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), Body::Other(source as u8));
            let in_cells = extents.iter().filter(|extent| extent.contains(&packet.body)).count();
            assert_eq!(in_cells, usize::from(![1, 6, 17].contains(&(source as u8))));
        });
    }
}

/// The model of T3 with these rules of a switch, separated by `;`.
fn with_switch<T>(rules: &str, work: impl FnOnce(&Model<'_>) -> T) -> T {
    let chain = "type filter hook forward priority 0; policy drop;";
    let listing = listed(&format!("nft 'table bridge t {{\n chain c {{\n {chain}\n {rules}\n }}\n }}'"));
    let ruleset = crate::model::ruleset::Ruleset::read(&listing).unwrap();
    let plan = Plan { flows: Vec::new(), ..site("t3-separate") };
    let rules = listed("true");
    let mut model = Model::of(&plan, &BTreeMap::from([("rtr".parse().unwrap(), rules.as_str())])).unwrap();
    model.add_switches(&ruleset);
    work(&model)
}

fn texts(standing: &Standing) -> Vec<String> {
    standing.packets.iter().map(ToString::to_string).collect()
}

#[test]
fn what_rules_of_switches_tell_apart_is_cut_where_packets_cross_one_and_nowhere_else() {
    let rules = "udp sport 47808 udp dport 47808 accept; ip dscp ef accept; ip protocol 112 accept; ip6 nexthdr 112 accept";
    with_switch(rules, |model| {
        let (plain, crossing) =
            (model.standing(IpFamily::V4, &[], 7), model.standing_at_switches(IpFamily::V4, &[], 7).unwrap());
        assert!(crossing.cells > plain.cells && crossing.too_many.is_empty(), "{crossing:?}");
        let (plain, crossing) = (texts(&plain), texts(&crossing));
        let ends = |all: &[String], with: &str| all.iter().any(|one| one.ends_with(with));
        for one in ["udp/47808 from 47808", "proto/112"] {
            assert!(crossing.contains(&one.to_owned()) && !plain.contains(&one.to_owned()), "{crossing:?}");
        }
        assert!(ends(&crossing, " dscp 46") && !ends(&plain, " dscp 46"));
        let six = texts(&model.standing_at_switches(IpFamily::V6, &[], 7).unwrap());
        assert!(six.contains(&"proto/112".to_owned()) && !ends(&six, " dscp 46"), "{six:?}");
    });
    with_model(|model| {
        assert!(model.standing_at_switches(IpFamily::V4, &[], 7).is_err(), "none were listed");
        assert!(model.frames(7).is_err());
    });
}

#[test]
fn frames_stand_for_both_edges_of_what_rules_say_of_ethertypes() {
    let frames = |rules: &str| with_switch(rules, |model| model.frames(7).unwrap());
    let all = frames(
        "ether type { 0x8892, 0x88a4-0x88a8 } accept; ether type < 0x0600 drop; ether type 8021q drop",
    );
    let has = |wanted: &str| texts(&all).contains(&format!("ether/{wanted}"));
    for edge in
        ["0x0000", "0x05ff", "0x0600", "0x8891", "0x8892", "0x8893", "0x88a3", "0x88a4", "0x88a9", "0xffff"]
    {
        assert!(has(edge), "{edge}: {:?}", texts(&all));
    }
    // What is a header of its own is not sent without it: a tag, here at an edge and alone in its piece.
    assert!(!has("0x88a8") && !has("0x8100"), "{:?}", texts(&all));
    let by_chance = texts(&all).len() - 10;
    assert!((1..=16).contains(&by_chance), "{:?}", texts(&all));
    // Rules that say nothing of it leave one piece.
    let one = frames("ip saddr 10.0.0.1 accept");
    assert_eq!((one.cells, one.packets.len()), (1, 3));
    assert_ne!(
        with_switch("ip saddr 10.0.0.1 accept", |model| model.frames(8).unwrap()),
        one,
        "chance is the run's"
    );
}
