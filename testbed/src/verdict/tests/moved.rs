//! Names that move: reports must go on at the new address, and an address that is shut again must have been open.

use std::time::Duration;

use fake_facts::{Fact, Line};

use super::super::example::{conversation, of};
use super::*;
use crate::observation::{ChangeSeen, LookupSeen, NodeFact};
use crate::plan::fault::{Asker, Fault};
use crate::plan::{Forgotten, GoingOn};
use crate::scenario::model::Event;

const CHECK: &str = "vms-shut";
const MS: u64 = 1_000_000;
/// When the name moved, when it moved back, when all was over.
const AT: u64 = 100_000 * MS;
const THEN: u64 = AT + 2_000 * MS;
const END: u64 = THEN + 2_000 * MS;
const NEW: &str = "203.0.113.16";

fn change(check: &str) -> ChangeSeen {
    ChangeSeen { check: of(check), at: AT, then_at: THEN, end_at: END, error: None, done: Default::default() }
}

fn told(at: u64, fact: Fact) -> NodeFact {
    NodeFact { node: of("app"), line: Line { at, fact } }
}

/// Metrics go on without a pause; the appliance connects to `peer` at a moment.
fn moved(peer: &str, connected: u64) -> CheckVerdict {
    moved_and_asked(peer, connected, None, |_| {})
}

/// Likewise, and somebody is to ask for the name.
fn moved_and_asked(
    peer: &str,
    connected: u64,
    asked_by: Option<Asker>,
    more: impl FnOnce(&mut Observations),
) -> CheckVerdict {
    let word = Word::After {
        says: "move-name".into(),
        fault: Fault::MoveName {
            name: of("monitoring.example.org"),
            to: Some(of(NEW)),
            ttl: Duration::from_secs(1),
            clouds: vec![of("aws")],
            asked_by,
        },
        then: Fault::HealAll,
        lasts: Duration::from_secs(1),
        within: Duration::from_secs(1),
        resume: vec![GoingOn::Reports { event: Event::Metrics, of: of("app") }],
        stops: Vec::new(),
        aims: vec![],
        alive: vec![],
    };
    let through = |all: &mut Observations| {
        all.changes = vec![change(CHECK)];
        let peer = std::net::SocketAddr::new(of(peer), 443);
        let there = Fact::Connected { service: "monitoring".into(), peer, camera: None };
        all.facts.push(told(connected, there));
        for at in (AT - 2_000 * MS..END).step_by(700_000_000) {
            all.facts.push(told(at, Fact::Delivered { service: "monitoring".into(), name: "m".into() }));
        }
        more(all);
    };
    after_both(CHECK, |plan| check_of(plan, CHECK).word = word, through)
}

#[test]
fn reports_go_on_at_the_new_address_or_show_nothing_of_it() {
    let verdict = moved(NEW, AT + 300 * MS);
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    assert!(verdict.summary.ends_with("; app was at 203.0.113.16 after 300.0 ms"), "{}", verdict.summary);
    let never = ["moved", "app never went to 203.0.113.16 with metrics"];
    assert_inconclusive(&moved("203.0.113.11", AT + 300 * MS), &never);
    assert_inconclusive(&moved(NEW, AT - 1), &never);
    assert_inconclusive(&moved(NEW, THEN), &never);
}

#[test]
fn who_is_to_ask_must_have_been_told_in_time() {
    let asker = Asker { node: of("app"), server: of("10.20.0.1"), spelled: None };
    let lookup = |node: &str, at, address: &str| LookupSeen {
        node: of(node),
        packet: 80,
        at,
        name: "monitoring.example.org".into(),
        addresses: vec![of(address)],
        from: None,
        asked_as: None,
        earlier: false,
    };
    let judged = |one: LookupSeen| {
        moved_and_asked(NEW, AT + 300 * MS, Some(asker.clone()), |all| all.lookups.push(one))
    };
    assert_eq!(judged(lookup("app", AT + 1, NEW)).verdict, Verdict::Pass);
    let never = ["moved", "app was never told that monitoring.example.org is 203.0.113.16"];
    assert_inconclusive(&judged(lookup("app", THEN, NEW)), &never);
    assert_inconclusive(&judged(lookup("app", AT + 1, "203.0.113.11")), &never);
    assert_inconclusive(&judged(lookup("vms", AT + 1, NEW)), &never);
    assert_inconclusive(&judged(LookupSeen { earlier: true, ..lookup("app", AT + 1, NEW) }), &never);
}

#[test]
fn who_is_to_ask_in_other_letters_must_have_been_seen_to() {
    let spelled = "Monitoring.EXAMPLE.org";
    let asker = Asker { node: of("app"), server: of("10.20.0.1"), spelled: Some(of(spelled)) };
    let lookup = |asked_as: Option<&str>| LookupSeen {
        node: of("app"),
        packet: 80,
        at: AT + 1,
        name: "monitoring.example.org".into(),
        asked_as: asked_as.map(str::to_owned),
        addresses: vec![of(NEW)],
        from: None,
        earlier: false,
    };
    let judged = |all: Vec<LookupSeen>| {
        moved_and_asked(NEW, AT + 300 * MS, Some(asker.clone()), |seen| seen.lookups.extend(all))
    };
    let plain = || lookup(Some("monitoring.example.org"));
    assert_eq!(judged(vec![plain(), lookup(Some(spelled))]).verdict, Verdict::Pass);
    let never = ["moved", "app was never seen to ask for monitoring.example.org as Monitoring.EXAMPLE.org"];
    assert_inconclusive(&judged(vec![plain()]), &never);
    assert_inconclusive(&judged(vec![lookup(None)]), &never);
}

/// The example's negative, once a name has left what it attacks; its attackers were there at a moment.
fn left(used: Option<u64>, changes: Vec<ChangeSeen>) -> CheckVerdict {
    let forget = |plan: &mut Plan| {
        let Word::NoReach { aims, forgotten, .. } = &mut check_of(plan, CHECK).word else { unreachable!() };
        let address = aims[0].address;
        aims.retain(|aim| aim.address == address);
        *forgotten = Some(Forgotten { since: of("moves"), address, within: Duration::from_secs(5) });
    };
    let through = |all: &mut Observations| {
        all.changes = changes;
        all.conversations.clear();
        for aim in &all.aims {
            let (from, source) = (aim.aim.from.as_str(), aim.aim.source.to_string());
            let (to, address) = (aim.aim.to.as_str(), aim.aim.address.to_string());
            let mut one = conversation("tcp", (from, &source, 4000), (to, &address, 443), 50);
            one.first_at = used.unwrap_or(AT);
            one.answered_packet = used.map(|_| 52);
            all.conversations.push(one);
        }
    };
    after_both(CHECK, forget, through)
}

#[test]
fn what_is_shut_again_was_open() {
    let verdict = left(Some(AT + 1), vec![change("moves")]);
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    for used in [None, Some(AT - 1), Some(END)] {
        assert_inconclusive(&left(used, vec![change("moves")]), &["moved", "in check moves"]);
    }
    let others = vec![change("another")];
    assert_inconclusive(&left(Some(AT + 1), others), &["moved", "check moves was not carried out"]);
}
