//! `no_hop`: a frame that came out in another segment, and each control that can be missed.

use super::super::example::{END, START, alive, of};
use super::*;
use crate::observation::{Control, HopSeen, HoppedSeen};
use crate::plan::{Carries, Hop, StrayFrame, Tag};

const CHECK: &str = "vms-shut";

fn hop() -> Hop {
    let frame = |what: &str, carries| StrayFrame {
        what: what.into(),
        dest: of("ff:ff:ff:ff:ff:ff"),
        carries,
        at_port: false,
    };
    let outer = Tag { ether_type: 0x8100, number: 30, priority: 0 };
    Hop {
        from: of("app"),
        link: of("eth0"),
        from_port: of("p-app-0"),
        trunk: vec![],
        from_mac: of("02:00:00:00:00:01"),
        segment: of("cam"),
        neighbours: vec![of("p-rtr-0")],
        to: of("prod"),
        taps: vec![of("p-vms-0"), of("p-rtr-1")],
        judges: vec![of("p-vms-0")],
        frames: vec![
            frame("broadcast", Carries::Unknown),
            frame("VLAN 30, broadcast", Carries::Tagged { outer, inner: None }),
        ],
    }
}

fn tried() -> HopSeen {
    let whole = Control { sent: 1, seen: 1 };
    let frame = |what: &str, at, carried_packet| HoppedSeen {
        what: what.into(),
        sent_packet: Some(at),
        carried_packet,
        came_out: vec![],
        instrument: whole,
        path: whole,
    };
    HopSeen {
        check: of(CHECK),
        hop: hop(),
        // A switch that knows VLANs carries no foreign tag.
        frames: vec![frame("broadcast", 10, Some(11)), frame("VLAN 30, broadcast", 20, None)],
        started_at: START,
        ended_at: END,
        errors: vec![],
    }
}

fn judged(change: impl FnOnce(&mut HopSeen)) -> CheckVerdict {
    let word = Word::NoHop { hops: vec![hop()], alive: alive() };
    after_both(
        CHECK,
        |plan| check_of(plan, CHECK).word = word,
        |seen| {
            let mut one = tried();
            change(&mut one);
            seen.hops = vec![one];
        },
    )
}

#[test]
fn silence_with_every_control_passes() {
    let verdict = judged(|_| {});
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    assert!(verdict.controls.iter().all(|control| control.held), "{verdict:#?}");
}

#[test]
fn who_is_alone_in_a_segment_has_no_neighbour_to_get_frames() {
    let mut alone = hop();
    alone.neighbours.clear();
    let word = Word::NoHop { hops: vec![alone.clone()], alive: alive() };
    let mut one = HopSeen { hop: alone, ..tried() };
    one.frames[0].carried_packet = None;
    let verdict = after_both(CHECK, |plan| check_of(plan, CHECK).word = word, |seen| seen.hops = vec![one]);
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
}

#[test]
fn a_frame_that_came_out_is_a_finding_whatever_control_was_missed() {
    let verdict = judged(|one| {
        one.frames[1].came_out = vec![(of("p-nobody"), 22)];
        one.frames[0].path.seen = 0;
    });
    assert_fails(&verdict, &["what app sends in cam comes out in prod, at p-nobody: VLAN 30, broadcast"]);
    let cited: Vec<_> = verdict.findings[0].packets.iter().map(|(_, at)| *at).collect();
    assert_eq!(cited, [20, 22]);
}

#[test]
fn each_control_that_is_missed_makes_it_inconclusive() {
    assert_inconclusive(&judged(|one| one.frames[1].instrument.seen = 0), &["instrument", "VLAN 30"]);
    assert_inconclusive(&judged(|one| one.frames[1].path.seen = 0), &["path", "VLAN 30"]);
    assert_inconclusive(&judged(|one| one.frames[0].path = Control::default()), &["path", "broadcast"]);
    assert_inconclusive(
        &judged(|one| one.frames[0].carried_packet = None),
        &["path", "no neighbour got broadcast"],
    );
    assert_inconclusive(&judged(|one| one.frames[0].sent_packet = None), &["sent", "1 of 2"]);
    assert_inconclusive(&judged(|one| one.frames.truncate(1)), &["sent", "1 of 2"]);
    assert_inconclusive(&judged(|one| one.errors.push("full".into())), &["sent", "full"]);
    let untried = judged(|one| {
        one.errors.push("there is no trunk".into());
        one.frames.iter_mut().for_each(|frame| frame.sent_packet = None);
    });
    assert_inconclusive(&untried, &["sent", "there is no trunk"]);
    assert_eq!(untried.reasons.len(), 1, "{untried:#?}");
    assert_inconclusive(&judged(|one| one.started_at += 5_000_000_000), &["alive", "before"]);
    assert_inconclusive(&judged(|one| one.hop.from = of("vms")), &["sent", "nothing was sent"]);
}
