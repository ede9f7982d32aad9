//! A hostile camera tells of other ways: it counts if it came, and whoever goes such a way is found.

use fake_facts::{Fact, Line};

use super::super::example::{START, of};
use super::explained::{ask_all, canaries, claimed, flows};
use super::*;
use crate::observation::{Claim, LedSeen, NodeFact, RedirectSeen, RouteSeen};
use crate::plan::ServiceKind;
use crate::scenario::model::{Misroute, Place, Unused};

const OWN: &str = "10.20.0.11";
const CLOUD: &str = "203.0.113.10";
const ROUTER: &str = "10.20.0.1";

/// The first camera tells the appliance that the way to the cloud leads over it.
fn misroutes(plan: &mut Plan) {
    for service in plan.services.iter_mut().filter(|service| service.node == of("dock-1")) {
        if let ServiceKind::Camera { hostile, .. } = &mut service.kind {
            let (node, about, over) = (of("10.20.0.5"), of(CLOUD), Some(of(ROUTER)));
            hostile.misroutes = vec![Misroute { node, about, over }];
        }
    }
    ask_all(plan, &["F17"], Unused::Report);
    let word = Word::Attacks { of: vec![of("dock-1")] };
    let place = Place { file: "scenarios/small.yaml".into(), line: 45, column: 3 };
    let name = of("attacks-made");
    plan.checks.push(Check { name, place, proves: vec![], requires: vec![], during: None, word });
}

fn redirect(node: &str, says: &str, packet: u64) -> RedirectSeen {
    RedirectSeen {
        node: of(node),
        link: of("eth0"),
        leaves: node == "dock-1",
        packet,
        at: START,
        says: of(says),
        to: of("10.20.0.5"),
        about: of(CLOUD),
    }
}

/// What was seen where all was told and nobody believed it.
fn told(seen: &mut Observations) {
    let fact = Fact::Attacked { what: "misroutes".into() };
    seen.facts.push(NodeFact { node: of("dock-1"), line: Line { at: START, fact } });
    seen.redirects = [("dock-1", ROUTER), ("app", ROUTER), ("dock-1", OWN), ("app", OWN)]
        .iter()
        .zip(5..)
        .map(|((node, says), packet)| redirect(node, says, packet))
        .collect();
    seen.routes = vec![way(ROUTER, false)];
    seen.explained.claimed = vec![claimed("cam", flows(&["F01"])), claimed("wan", flows(&["F07"]))];
    seen.explained.claimed.push(claimed("cam", Claim::Upkeep(crate::observation::Upkeep::Arp)));
    seen.explained.canaries = canaries();
    seen.taps.frames = 30;
}

fn way(via: &str, redirected: bool) -> RouteSeen {
    RouteSeen { node: of("app"), to: of(CLOUD), link: Some(of("eth0")), via: Some(of(via)), redirected }
}

fn judged(check: &str, change: impl FnOnce(&mut Observations)) -> CheckVerdict {
    after_both(check, misroutes, |seen| {
        told(seen);
        change(seen);
    })
}

#[test]
fn what_nobody_believes_passes_once_it_came() {
    for check in ["attacks-made", "dock-alone"] {
        let verdict = judged(check, |_| {});
        assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    }
}

#[test]
fn a_redirect_that_did_not_leave_or_come_shows_nothing() {
    for (place, why) in [
        (0, "in the name of 10.20.0.1 about aws (203.0.113.10) was not seen to leave dock-1"),
        (1, "in the name of 10.20.0.1 about aws (203.0.113.10) left dock-1, and was not seen to come"),
        (2, "in the name of 10.20.0.11 about aws (203.0.113.10) was not seen to leave dock-1"),
    ] {
        let verdict = judged("attacks-made", |seen| drop(seen.redirects.remove(place)));
        assert_inconclusive(&verdict, &["attack"]);
        assert!(format!("{:?}", verdict.reasons).contains(why), "{verdict:#?}");
    }
}

#[test]
fn whoever_took_a_redirect_is_found_with_it() {
    let verdict = judged("dock-alone", |seen| seen.routes = vec![way(OWN, true)]);
    let says = "app took a redirect (ICMP): it sends what is for aws (203.0.113.10) to dock-1 (10.20.0.11), and not to rtr (10.20.0.1)";
    assert_fails(&verdict, &[says]);
    assert_eq!(verdict.findings[0].packets, [("the redirect, at app's tap".to_owned(), 6)]);
    let verdict = judged("dock-alone", |seen| seen.routes = vec![way(OWN, false)]);
    assert_fails(
        &verdict,
        &["app sends what is for aws (203.0.113.10) to dock-1 (10.20.0.11), and not to rtr (10.20.0.1)"],
    );
}

#[test]
fn what_came_to_the_camera_for_others_is_found_though_the_way_is_as_it_was() {
    let verdict = judged("dock-alone", |seen| {
        let (node, from, to) = (of("dock-1"), Some(of("app")), of(CLOUD));
        seen.led.push(LedSeen { node, packet: 9, from, to });
    });
    assert_fails(
        &verdict,
        &["app sent what is for aws (203.0.113.10) to dock-1, who had told others of such ways"],
    );
}

#[test]
fn a_way_that_nobody_looked_up_is_not_known() {
    let verdict = judged("dock-alone", |seen| seen.routes.clear());
    assert_inconclusive(&verdict, &["route"]);
}
