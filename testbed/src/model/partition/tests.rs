//! Cells of real rule sets: each packet is in one of them, and what becomes of one becomes of all.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::evaluate::tcp_class;
use crate::model::tests::{listing, site};
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
