//! `matrix`: of the shipped sites, every pair is looked at or left out with a reason, and nothing that is sent is allowed.

use std::collections::BTreeSet;
use std::path::Path;

use crate::load;
use crate::names::{NodeName, Traffic};
use crate::plan::{Aim, LeftOut, Node, Open, Plan, Word, plan};
use crate::scenario::model::Scenario;

const SHIPPED: [&str; 2] = ["t3-separate-vlan.yaml", "t4-leases-and-names.yaml"];

fn written(file: &str) -> Scenario {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    load::scenario(&folder.join(file)).unwrap().scenario
}

fn shipped(file: &str) -> Plan {
    plan(&written(file)).unwrap()
}

fn matrix(plan: &Plan) -> (&[Aim], Vec<&Open>, &[LeftOut]) {
    let found = plan.checks.iter().find_map(|check| match &check.word {
        Word::Matrix { aims, opens, left_out, .. } => {
            Some((&aims[..], opens.iter().map(|(open, _)| open).collect(), &left_out[..]))
        }
        _ => None,
    });
    found.expect("it has a matrix")
}

#[test]
fn no_pair_is_forgotten() {
    for file in SHIPPED {
        let plan = shipped(file);
        let (aims, opens, left_out) = matrix(&plan);
        let mut told: BTreeSet<(&NodeName, &NodeName)> =
            aims.iter().map(|aim| (&aim.from, &aim.to)).collect();
        told.extend(left_out.iter().map(|one| (&one.from, &one.to)));
        assert!(opens.iter().all(|open| told.contains(&(&open.from, &open.to))), "{file}");
        let nodes = plan.nodes.len();
        assert_eq!(told.len(), nodes * (nodes - 1), "{file}: {told:?}");
        assert!(left_out.iter().all(|one| !one.why.is_empty()), "{file}");
    }
}

#[test]
fn the_first_device_on_the_way_opens_tunnels_in_the_open_copy_alone() {
    for file in SHIPPED {
        let plan = shipped(file);
        let by_way = |aim: &&Aim| aim.cells.as_ref().is_some_and(|cells| cells.waypoint.is_some());
        let passed: BTreeSet<&NodeName> =
            matrix(&plan).0.iter().filter(by_way).map(|aim| &aim.next_node).collect();
        assert!(!passed.is_empty() && plan.nodes.iter().all(|node| !node.opens_tunnels), "{file}");
        for aim in matrix(&plan).0 {
            let Some(waypoint) = aim.cells.as_ref().and_then(|cells| cells.waypoint) else { continue };
            let next = plan.node(&aim.next_node).unwrap();
            let has = next.links.iter().flat_map(|link| &link.addresses).any(|net| net.addr() == waypoint);
            assert!(has && aim.next_node != aim.to, "{file}: {aim:?}");
        }
        let open = plan.opened();
        let opens: BTreeSet<&NodeName> =
            open.nodes.iter().filter(|node| node.opens_tunnels).map(|node| &node.name).collect();
        assert_eq!(opens, passed, "{file}");
    }
}

#[test]
fn what_flows_allow_is_opened_and_never_sent() {
    for file in SHIPPED {
        let plan = shipped(file);
        let (aims, opens, _) = matrix(&plan);
        let mut allowed = 0;
        for flow in plan.flows.iter().filter(|flow| !flow.upkeep) {
            for pair in &flow.pairs {
                let own = |aim: &&Aim| {
                    aim.from == pair.from && aim.to == pair.to && pair.addresses.contains(&aim.address)
                };
                let sent: Vec<&Traffic> = aims.iter().filter(own).flat_map(|aim| &aim.ports).collect();
                assert!(
                    !sent.iter().any(|one| flow.ports.iter().any(|port| port.meets(one))),
                    "{file}: {flow:?}"
                );
                let opened = |open: &&&Open| {
                    open.from == pair.from && open.to == pair.to && flow.ports.contains(&open.port)
                };
                allowed += opens.iter().filter(opened).count();
            }
        }
        assert!(allowed >= opens.len() && opens.len() > 10, "{file}: {allowed} of {}", opens.len());
    }
}

#[test]
fn neighbours_without_anything_between_them_are_left_out_and_isolated_ones_are_not() {
    let plan = shipped(SHIPPED[0]);
    let (aims, _, left_out) = matrix(&plan);
    let is = |from: &NodeName, to: &NodeName, pair: (&str, &str)| (from.as_str(), to.as_str()) == pair;
    let sent = |pair| aims.iter().any(|aim| is(&aim.from, &aim.to, pair));
    let why = |pair| left_out.iter().find(|one| is(&one.from, &one.to, pair)).map(|one| one.why.as_str());
    assert!(sent(("dock-1", "dock-2")) && sent(("dock-1", "rtr")) && sent(("vms", "dock-2")));
    let neighbours = "they are neighbours, and nothing stands between them: `dock-1` has no rules of its own";
    assert_eq!((sent(("app", "dock-1")), why(("app", "dock-1"))), (false, Some(neighbours)));
}

#[test]
fn everything_goes_to_one_address_of_each_family_and_the_list_to_the_others_and_from_a_forged_source() {
    let plan = plan(&written(SHIPPED[0]).exhaustive()).unwrap();
    let (aims, _, left_out) = matrix(&plan);
    let mut pairs: BTreeSet<(&NodeName, &NodeName, bool)> = BTreeSet::new();
    for aim in aims.iter().filter(|aim| aim.forged.is_none() && !aim.is_frames()) {
        // Groups of IPv6 are aimed at where nobody has an address of it, too.
        let first = aim.everybody.is_none() && pairs.insert((&aim.from, &aim.to, aim.address.is_ipv4()));
        assert_eq!(aim.is_whole(), first, "{aim:?}");
        // Further groups get what is said there.
        let is_group = aim.everybody.is_some() && aim.cells.is_none();
        assert!(is_group || aim.cells.as_ref().is_some_and(|cells| !cells.all), "{aim:?}");
    }
    // At everybody, whoever is beside the target is forged.
    let forged: Vec<&Aim> =
        aims.iter().filter(|aim| aim.forged.is_some() && aim.everybody.is_none()).collect();
    let of = |aim: &Aim| (aim.from.clone(), aim.to.clone(), aim.forged.as_ref().unwrap().node.clone());
    assert!(forged.iter().any(|aim| of(aim).2.as_str() == "app" && aim.to.as_str() == "aws"), "{forged:?}");
    for aim in forged {
        let (from, to, other) = of(aim);
        let node = |name: &NodeName| plan.node(name).unwrap();
        let segments = |node: &Node| node.links.iter().map(|link| link.segment.clone()).collect::<Vec<_>>();
        let own = &node(&from).links.iter().find(|link| link.name == aim.link).unwrap().segment;
        assert!(!segments(node(&other)).contains(own), "only a switch tells neighbours apart: {aim:?}");
        let opens = |flow: &crate::plan::Flow| {
            flow.pairs.iter().any(|pair| pair.from == other && pair.to == to && !flow.upkeep)
        };
        assert!(plan.flows.iter().any(opens), "{aim:?}");
        assert!(!aim.is_whole() && aim.cells.is_some(), "{aim:?}");
    }
    let before = shipped(SHIPPED[0]);
    assert_eq!(left_out, matrix(&before).2, "nothing more is left out");
    assert!(matrix(&before).0.iter().all(|aim| aim.forged.is_none() && !aim.is_whole()));
}
