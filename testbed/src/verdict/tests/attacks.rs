//! `attacks`: all were made, one was not, and who has nothing to do with it.

use fake_facts::{Fact, Line};

use super::super::example::{START, of};
use super::*;
use crate::observation::{DhcpKind, DhcpSays, DhcpSeen, NodeFact, OfferSent};
use crate::plan::{Asking, ServiceKind};
use crate::scenario::model::{HandsOut, Place};

const CHECK: &str = "attacks-made";
/// The Ethernet address of the appliance in the example.
const APP: &str = "02:00:00:00:00:01";

fn hostile(plan: &mut Plan) {
    for service in plan.services.iter_mut().filter(|service| service.node == of("dock-1")) {
        if let ServiceKind::Camera { hostile, .. } = &mut service.kind {
            (hostile.answers_garbage, hostile.clock) = (true, -5);
        }
    }
    let word = Word::Attacks { of: vec![of("dock-1")] };
    let place = Place { file: "scenarios/small.yaml".into(), line: 45, column: 3 };
    plan.checks.push(Check { name: of(CHECK), place, proves: vec![], requires: vec![], during: None, word });
}

fn did(node: &str, what: &str) -> NodeFact {
    NodeFact { node: of(node), line: Line { at: START, fact: Fact::Attacked { what: what.into() } } }
}

#[test]
fn what_was_done_by_the_camera_itself_counts() {
    let verdict = after_both(CHECK, hostile, |seen| {
        seen.facts.extend([did("dock-1", "answers_garbage"), did("dock-1", "clock")]);
    });
    assert_eq!(
        (verdict.verdict, verdict.summary.as_str()),
        (Verdict::Pass, "2 attacks by 1 camera took place")
    );
}

#[test]
fn what_was_never_done_shows_nothing() {
    let verdict = after_both(CHECK, hostile, |seen| {
        seen.facts.extend([did("dock-1", "answers_garbage"), did("dock-2", "clock")]);
    });
    assert_inconclusive(&verdict, &["attack"]);
    assert!(format!("{:?}", verdict.reasons).contains("dock-1 never did what its `clock` says"));
}

/// The camera hands out addresses, and a check has `app` ask for one.
fn hands_out(plan: &mut Plan) {
    hands_out_unasked(plan);
    let (asked, bound) = (Some(of("10.20.0.5")), of("10.20.0.5"));
    let told = Default::default();
    let app = Asking { node: of("app"), link: of("eth0"), asked, bound, server: of("rtr"), told };
    let word = Word::Address { of: vec![app], advised: Vec::new(), kept: true };
    let place = Place { file: "scenarios/small.yaml".into(), line: 46, column: 3 };
    let name = of("app-address");
    plan.checks.push(Check { name, place, proves: vec![], requires: vec![], during: None, word });
}

/// The camera hands out addresses, and `app` has its by DHCP.
fn hands_out_unasked(plan: &mut Plan) {
    nobody_asks(plan);
    let app = plan.nodes.iter_mut().find(|node| node.name == of("app")).unwrap();
    app.links.iter_mut().for_each(|link| link.leased = link.addresses.first().copied());
}

/// The camera hands out addresses, and all have theirs already.
fn nobody_asks(plan: &mut Plan) {
    hostile(plan);
    for service in plan.services.iter_mut().filter(|service| service.node == of("dock-1")) {
        if let ServiceKind::Camera { hostile, .. } = &mut service.kind {
            (hostile.answers_garbage, hostile.clock) = (false, 0);
            hostile.hands_out = Some(HandsOut { first: None, lease: std::time::Duration::from_secs(30) });
        }
    }
}

fn given(at: u64) -> DhcpSeen {
    DhcpSeen {
        node: of("app"),
        link: of("eth0"),
        packet: at,
        at,
        kind: DhcpKind::Ack,
        asks: None,
        gives: Some(of("10.20.0.5")),
        server: None,
        from: Some(of("rtr")),
        says: DhcpSays::default(),
        earlier: false,
    }
}

/// The camera has offered whoever has this Ethernet address something, then, and the appliance was given its address at 5.
fn offered_to(mac: &str, at: u64) -> CheckVerdict {
    offered_where(hands_out, mac, at)
}

fn offered_where(plan: impl Fn(&mut Plan), mac: &str, at: u64) -> CheckVerdict {
    after_both(CHECK, plan, |seen| {
        seen.facts.push(did("dock-1", "hands_out"));
        seen.dhcp.push(given(5));
        let (node, link, gives) = (of("dock-1"), of("eth0"), of("10.20.0.66"));
        seen.offers.push(OfferSent { node, link, packet: at, at, to: of(mac), gives });
    })
}

#[test]
fn whoever_is_there_must_be_offered_one_where_nobody_asks_for_a_chosen_address() {
    assert_eq!(offered_where(hands_out_unasked, APP, 4).verdict, Verdict::Pass);
    for (verdict, why) in [
        (
            offered_where(hands_out_unasked, APP, 6),
            "dock-1 offered app an address only after it had chosen one",
        ),
        (
            offered_where(hands_out_unasked, "02:00:00:00:00:09", 4),
            "dock-1 was not seen to offer app an address",
        ),
        (offered_where(nobody_asks, APP, 4), "nobody in the networks of dock-1 asks for an address"),
    ] {
        assert_inconclusive(&verdict, &["attack"]);
        assert!(format!("{:?}", verdict.reasons).contains(why), "{verdict:#?}");
    }
}

#[test]
fn an_offer_counts_that_left_the_camera_before_another_was_taken() {
    let first = offered_to(APP, 4);
    assert_eq!(first.verdict, Verdict::Pass, "{first:#?}");
    for (verdict, why) in [
        (offered_to(APP, 6), "dock-1 offered app an address only after it had chosen one"),
        (offered_to("02:00:00:00:00:09", 4), "dock-1 was not seen to offer app an address"),
    ] {
        assert_inconclusive(&verdict, &["attack"]);
        assert!(format!("{:?}", verdict.reasons).contains(why), "{verdict:#?}");
    }
}
