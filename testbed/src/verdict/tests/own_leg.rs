//! `own_leg`: an answer that a leg gave for another, and each control that can be missed.

use super::super::example::{END, START, of};
use super::*;
use crate::observation::{Answered, AskedSeen, QuestionSeen};
use crate::plan::{Asked, Questions};

const CHECK: &str = "vms-shut";
const LEG: &str = "p-rtr-0";

fn questions() -> Questions {
    Questions {
        node: of("rtr"),
        leg: (of("eth0"), of(LEG)),
        leg_mac: of("02:00:00:00:00:01"),
        from: of("app"),
        link: of("eth0"),
        from_port: of("p-app-0"),
        from_mac: of("02:00:00:00:00:02"),
        source: of("10.20.0.5"),
        own: of("10.20.0.1"),
        others: vec![(of("eth1"), of("10.30.0.1"))],
    }
}

fn answered(port: &str, packet: u64, at: u64) -> Option<Answered> {
    Some(Answered { port: of(port), packet, at })
}

fn asked() -> AskedSeen {
    let questions = questions();
    let seen = (10..).step_by(10).zip(questions.all()).map(|(packet, one)| QuestionSeen {
        sent_packet: Some(packet),
        entered_packet: Some(packet + 1),
        answered: match one.what_for {
            Asked::Before => answered(LEG, packet + 2, START),
            Asked::Attack => None,
            Asked::After | Asked::Path => answered(LEG, packet + 2, END),
        },
    });
    let seen = seen.collect();
    AskedSeen { check: of(CHECK), seen, questions, started_at: START, ended_at: END, errors: vec![] }
}

fn judged(change: impl FnOnce(&mut AskedSeen)) -> CheckVerdict {
    let word = Word::OwnLeg { questions: vec![questions()] };
    after_both(
        CHECK,
        |plan| check_of(plan, CHECK).word = word,
        |seen| {
            let mut one = asked();
            change(&mut one);
            seen.asked = vec![one];
        },
    )
}

#[test]
fn silence_with_every_control_passes() {
    let verdict = judged(|_| {});
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    assert!(verdict.controls.iter().all(|control| control.held), "{verdict:#?}");
    assert_eq!(
        verdict.summary,
        "1 leg asked 2 times for addresses of others, 0 answered; instrument 4/4, path 2/2, alive 4/4"
    );
}

#[test]
fn an_answer_is_a_finding_whatever_control_was_missed() {
    let verdict = judged(|one| {
        one.seen[3].answered = answered(LEG, 42, END);
        one.seen[4].answered = None;
    });
    assert_fails(&verdict, &["rtr answers on eth0 for 10.30.0.1 of its eth1, when app asks it"]);
    let cited: Vec<_> = verdict.findings[0].packets.iter().map(|(_, at)| *at).collect();
    assert_eq!(cited, [41, 42]);
}

#[test]
fn each_control_that_is_missed_makes_it_inconclusive() {
    let own = "10.20.0.1 (everybody)";
    assert_inconclusive(&judged(|one| one.seen[0].answered = None), &["instrument", own]);
    assert_inconclusive(&judged(|one| one.seen[4].answered = None), &["instrument", own]);
    assert_inconclusive(&judged(|one| one.seen[6].answered = None), &["path", "10.30.0.1 (everybody)"]);
    assert_inconclusive(
        &judged(|one| one.seen[0].answered = answered(LEG, 9, START - 1_500_000_000)),
        &["alive", own],
    );
    assert_inconclusive(
        &judged(|one| one.seen[4].answered = answered(LEG, 9, END + 1_500_000_000)),
        &["alive", own],
    );
    assert_inconclusive(&judged(|one| one.seen[2].entered_packet = None), &["sent", "10.30.0.1 (everybody)"]);
    assert_inconclusive(&judged(|one| one.seen.truncate(7)), &["sent", "not all"]);
    assert_inconclusive(&judged(|one| one.errors.push("full".into())), &["sent", "full"]);
    assert_inconclusive(&judged(|one| one.questions.node = of("vms")), &["sent", "nothing was asked"]);
}

#[test]
fn an_answer_that_was_seen_and_not_stored_counts() {
    let verdict = judged(|one| one.seen[0].answered = answered(LEG, 0, START));
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
}

#[test]
fn somebody_else_who_answers_hides_the_node() {
    let other = |one: &mut AskedSeen| one.seen[2].answered = answered("p-vms-0", 30, END);
    assert_inconclusive(&judged(other), &["path", "somebody else at p-vms-0"]);
}
