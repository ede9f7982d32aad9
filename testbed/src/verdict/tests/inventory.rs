//! `inventory`: what is told and is not so, what is not told, and each control that can be missed.

use fake_facts::{Fact, Line, PortSaid};

use super::super::example::of;
use super::*;
use crate::observation::{NodeFact, Station};

const CHECK: &str = "vms-shut";

fn port(address: Option<&str>, mac: &str) -> PortSaid {
    PortSaid { connected: true, address: address.map(str::to_owned), mac: Some(mac.into()) }
}

/// Of the appliance of the example: what its one port has.
fn right() -> PortSaid {
    let plan = plan();
    let link = &plan.node(&of("app")).unwrap().links[0];
    port(Some(&link.addresses[0].to_string()), &link.mac.to_string())
}

fn judged(told: &[Vec<PortSaid>], heard: bool) -> CheckVerdict {
    let word = Word::Inventory { of: vec![of("app")] };
    after_both(
        CHECK,
        |plan| check_of(plan, CHECK).word = word,
        |seen| {
            let plan = plan();
            let link = &plan.node(&of("app")).unwrap().links[0];
            let said = |ports: &Vec<PortSaid>| NodeFact {
                node: of("aws"),
                line: Line {
                    at: 1,
                    fact: Fact::Monitored {
                        device: "app".into(),
                        online: true,
                        software: None,
                        ports: ports.clone(),
                    },
                },
            };
            seen.facts.extend(told.iter().map(said));
            seen.stations = Vec::new();
            if heard {
                seen.stations.push(Station {
                    port: link.port.clone(),
                    mac: link.mac,
                    first_packet: 7,
                    frames: 9,
                });
            }
        },
    )
}

fn nothing() -> PortSaid {
    PortSaid { connected: false, address: None, mac: None }
}

#[test]
fn what_is_so_passes() {
    let early = PortSaid { address: None, ..right() };
    let verdict = judged(&[vec![early, nothing()], vec![right(), nothing()]], true);
    assert_eq!(
        (verdict.verdict, verdict.summary.as_str()),
        (Verdict::Pass, "1 port of 1 node told 2 times, 0 wrong")
    );
}

#[test]
fn what_is_not_so_is_found_whenever_it_was_told() {
    let wrong = port(Some("10.9.9.9/24"), "02:00:00:00:99:99");
    let verdict = judged(&[vec![wrong, nothing()], vec![right(), nothing()]], false);
    let texts: Vec<_> = verdict.findings.iter().map(|one| one.text.as_str()).collect();
    assert_eq!(verdict.verdict, Verdict::Fail);
    assert!(texts[0].contains("has the Ethernet address 02:00:00:00:99:99, which is"), "{texts:?}");
    assert!(texts[1].contains("has the address 10.9.9.9, which has"), "{texts:?}");
    let two = judged(&[vec![right(), right()]], true);
    assert_fails(&two, &["aws was told of a port that app does not have"]);
}

#[test]
fn what_is_not_told_at_last_is_found() {
    let without = |port: PortSaid| judged(&[vec![right(), nothing()], vec![port, nothing()]], true);
    assert_fails(
        &without(PortSaid { address: None, ..right() }),
        &["aws was not told the address of app's eth0"],
    );
    assert_fails(&without(nothing()), &["aws was not told the Ethernet address of app's eth0"]);
}

#[test]
fn each_control_that_is_missed_makes_it_inconclusive() {
    assert_inconclusive(&judged(&[], true), &["told", "no cloud was told of the ports of app"]);
    assert_inconclusive(&judged(&[vec![right(), nothing()]], false), &["heard", "app's eth0 was not heard"]);
}
