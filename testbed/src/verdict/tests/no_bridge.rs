//! `no_bridge`: a frame that came out, and each control that can be missed.

use super::super::example::{END, START, alive, of};
use super::*;
use crate::observation::{Control, CrossingSeen, FrameSeen};
use crate::plan::{Carries, Crossing, StrayFrame};

const CHECK: &str = "vms-shut";

fn crossing() -> Crossing {
    let frame = |what: &str| StrayFrame {
        what: what.into(),
        dest: of("02:00:00:00:00:09"),
        carries: Carries::Unknown,
        at_port: false,
    };
    Crossing {
        node: of("rtr"),
        enters: (of("eth0"), of("p-rtr-0")),
        leaves: (of("eth1"), of("p-rtr-1")),
        leaves_mac: of("02:00:00:00:00:01"),
        from: of("app"),
        link: of("eth0"),
        from_port: of("p-app-0"),
        from_mac: of("02:00:00:00:00:01"),
        frames: vec![frame("broadcast"), frame("to nobody")],
    }
}

fn tried() -> CrossingSeen {
    let whole = Control { sent: 1, seen: 1 };
    let frame = |what: &str, at| FrameSeen {
        what: what.into(),
        sent_packet: Some(at),
        entered_packet: Some(at + 1),
        left_packet: None,
        instrument: whole,
        path: whole,
    };
    CrossingSeen {
        check: of(CHECK),
        crossing: crossing(),
        frames: vec![frame("broadcast", 10), frame("to nobody", 20)],
        started_at: START,
        ended_at: END,
        errors: vec![],
    }
}

fn judged(change: impl FnOnce(&mut CrossingSeen)) -> CheckVerdict {
    let word = Word::NoBridge { crossings: vec![crossing()], alive: alive() };
    after_both(
        CHECK,
        |plan| check_of(plan, CHECK).word = word,
        |seen| {
            let mut one = tried();
            change(&mut one);
            seen.crossings = vec![one];
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
fn a_frame_that_came_out_is_a_finding_whatever_control_was_missed() {
    let verdict = judged(|one| {
        one.frames[0].left_packet = Some(12);
        one.frames[1].path.seen = 0;
    });
    assert_fails(&verdict, &["rtr passes on from eth0 to eth1 what app sends: broadcast"]);
    let cited: Vec<_> = verdict.findings[0].packets.iter().map(|(_, at)| *at).collect();
    assert_eq!(cited, [11, 12]);
}

#[test]
fn each_control_that_is_missed_makes_it_inconclusive() {
    assert_inconclusive(&judged(|one| one.frames[1].instrument.seen = 0), &["instrument", "to nobody"]);
    assert_inconclusive(&judged(|one| one.frames[1].path.seen = 0), &["path", "to nobody"]);
    assert_inconclusive(&judged(|one| one.frames[0].path = Control::default()), &["path", "broadcast"]);
    assert_inconclusive(&judged(|one| one.frames[0].entered_packet = None), &["sent", "1 of 2"]);
    assert_inconclusive(&judged(|one| one.frames.truncate(1)), &["sent", "1 of 2"]);
    assert_inconclusive(&judged(|one| one.errors.push("full".into())), &["sent", "full"]);
    assert_inconclusive(&judged(|one| one.started_at += 5_000_000_000), &["alive", "before"]);
    assert_inconclusive(&judged(|one| one.crossing.node = of("vms")), &["sent", "nothing was sent"]);
}
