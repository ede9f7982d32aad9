//! What every word does with the example's good run, and with each thing that can be wrong in a run.

mod address;
mod after;
mod attacks;
mod autoconf;
mod calls;
mod carries;
mod clock;
mod direction;
mod endures;
mod explained;
mod folder;
mod group;
mod inventory;
mod job;
mod lint;
mod listens;
mod matrix;
mod members;
mod misled;
mod moved;
mod name;
mod names_agree;
mod no_bridge;
mod no_hop;
mod no_reach;
mod no_stream;
mod no_video;
mod own_leg;
mod peers_of;
mod periodic;
mod plays;
mod reach;
mod rtsp;
mod scan;
mod spare;
mod taint;
mod talks;
mod tls;

use super::example::{good, plan};
use super::{CheckVerdict, Verdict, judge};
use crate::observation::{FaultSeen, Observations};
use crate::plan::fault::{Asker, Fault};
use crate::plan::{Check, Plan, Word};

/// The verdict on one check of the example after a change to what is seen.
fn after(check: &str, change: impl FnOnce(&mut Observations)) -> CheckVerdict {
    after_both(check, |_| {}, change)
}

/// The verdict after a change to the plan's check.
fn after_word(check: &str, change: impl FnOnce(&mut Word)) -> CheckVerdict {
    after_both(check, |plan| change(&mut check_of(plan, check).word), |_| {})
}

fn after_both(
    check: &str,
    change_plan: impl FnOnce(&mut Plan),
    change: impl FnOnce(&mut Observations),
) -> CheckVerdict {
    let (mut plan, mut seen) = (plan(), good());
    change_plan(&mut plan);
    change(&mut seen);
    let judgement = judge(&plan, &seen);
    assert_eq!(judgement.checks.len(), plan.checks.len(), "every check has its verdict");
    let verdict = judgement.checks.into_iter().find(|one| one.check.as_str() == check).unwrap();
    assert!(!verdict.summary.is_empty());
    assert_eq!(
        verdict.verdict == Verdict::Fail,
        !verdict.findings.is_empty(),
        "a fail has findings: {verdict:?}"
    );
    assert!(verdict.verdict != Verdict::Pass || verdict.reasons.is_empty());
    assert!(verdict.verdict != Verdict::Inconclusive || !verdict.reasons.is_empty());
    verdict
}

fn check_of<'a>(plan: &'a mut Plan, check: &str) -> &'a mut Check {
    plan.checks.iter_mut().find(|one| one.name.as_str() == check).unwrap()
}

/// A node was had ask for a name at a moment; somebody has it lead elsewhere.
fn asked_on_purpose(name: &str, asker: &str, at: u64) -> FaultSeen {
    let fault = Fault::MoveName {
        name: name.parse().unwrap(),
        to: Some([203, 0, 113, 16].into()),
        ttl: std::time::Duration::from_secs(1),
        clouds: vec!["aws".parse().unwrap()],
        asked_by: Some(Asker { node: asker.parse().unwrap(), server: [10, 20, 0, 1].into(), spelled: None }),
    };
    FaultSeen { fault, at, done_at: at + 1, done: "moved".into(), by_hand: false, mended: Vec::new() }
}

/// The verdict must be inconclusive, with a reason that has all of these words.
#[track_caller]
fn assert_inconclusive(verdict: &CheckVerdict, words: &[&str]) {
    assert_eq!(verdict.verdict, Verdict::Inconclusive, "{verdict:#?}");
    assert!(
        verdict.reasons.iter().any(|reason| words.iter().all(|word| reason.contains(word))),
        "{words:?} in {:#?}",
        verdict.reasons
    );
}

/// The verdict must be a fail with exactly these findings.
#[track_caller]
fn assert_fails(verdict: &CheckVerdict, texts: &[&str]) {
    let found: Vec<_> = verdict.findings.iter().map(|finding| finding.text.as_str()).collect();
    assert_eq!((verdict.verdict, found.as_slice()), (Verdict::Fail, texts), "{verdict:#?}");
}

#[test]
fn a_good_run_passes_every_word() {
    let judgement = judge(&plan(), &good());
    let seen: Vec<_> = judgement
        .checks
        .iter()
        .map(|one| format!("{:?} {} {}: {}", one.verdict, one.word, one.check, one.summary))
        .collect();
    assert_eq!(
        seen,
        [
            "Pass plays dock-plays: 2 cameras at app: 100 frames received, 0 lost, 100 decoded",
            "Pass reach cloud-reached: 1 conversation opened, 0 without answer; slowest answer 2.0 ms",
            "Pass no_reach vms-shut: 2 pairs, 8 kinds, 8 packets sent, 0 arrived; instrument 8/8, path 8/8, alive 2/2",
            "Pass direction app-opens: 2 conversations, 0 opened by another than app; 600000 bytes of media to app, \
             0 elsewhere",
            "Pass peers_of dock-alone: 2 nodes, 810 packets exchanged with app, link upkeep aside",
        ]
    );
    assert_eq!(judgement.checks[2].proves[0].control.as_str(), "PAN-NET-06");
    assert_eq!(judgement.checks[2].place.line, 42);
}

#[test]
fn nothing_seen_at_all_passes_no_word() {
    for check in judge(&plan(), &Observations::default()).checks {
        assert_eq!(check.verdict, Verdict::Inconclusive, "{check:#?}");
    }
}

#[test]
fn frames_dropped_by_the_kernel_leave_no_pass() {
    let mut seen = good();
    seen.taps.dropped = 3;
    for check in judge(&plan(), &seen).checks {
        assert_inconclusive(&check, &["taps", "3 frames"]);
    }
}

#[test]
fn what_was_seen_stays_a_finding_whatever_the_kernel_lacks() {
    let lacks = |seen: &mut Observations| {
        seen.missing.push(("vlan-tags".into(), "no 802.1Q".into()));
        seen.conversations[2].syn_back = true;
    };
    let verdict = after("app-opens", lacks);
    assert_eq!(verdict.verdict, Verdict::Fail, "{verdict:#?}");
    assert!(verdict.findings.iter().any(|one| one.text.contains("first SYN")), "{verdict:#?}");
    assert_eq!(verdict.lacks, ["vlan-tags"]);
    assert!(verdict.reasons.iter().any(|reason| reason.contains("no 802.1Q")), "{verdict:#?}");
    let ask_nothing = |plan: &mut Plan| check_of(plan, "vms-shut").requires.clear();
    assert_eq!(after_both("vms-shut", ask_nothing, lacks).verdict, Verdict::Pass);
}

#[test]
fn what_was_missed_is_no_finding_where_the_kernel_lacks_a_feature() {
    let needs = |plan: &mut Plan| check_of(plan, "cloud-reached").requires.push("netem".into());
    let unanswered = |seen: &mut Observations| {
        seen.missing.push(("netem".into(), "no sch_netem".into()));
        seen.opens[0].answered_after_us = None;
    };
    let verdict = after_both("cloud-reached", needs, unanswered);
    assert_inconclusive(&verdict, &["netem", "no sch_netem"]);
    assert_inconclusive(&verdict, &["seen all the same", "could not open tcp/443"]);
}
