//! `periodic`: too early, too late, missing, too few to say, and faults that do not count.

use std::time::Duration;

use fake_facts::{Fact, Line};

use super::*;
use crate::observation::{ChangeSeen, NodeFact};
use crate::scenario::model::Event;

const CHECK: &str = "dock-alone";
const MS: u64 = 1_000_000;

/// The verdict where metrics of `app` were confirmed at these times, in milliseconds: 4 gaps of a second are asked for,
/// give or take 200 ms.
fn judged(times: &[u64], change: Option<(u64, u64)>) -> CheckVerdict {
    judged_until(0, times, change)
}

/// The same where the checks had been carried out at a moment.
fn judged_until(until: u64, times: &[u64], change: Option<(u64, u64)>) -> CheckVerdict {
    let periodic = |plan: &mut Plan| {
        check_of(plan, CHECK).word = Word::Periodic {
            event: Event::Metrics,
            of: "app".parse().unwrap(),
            every: Duration::from_secs(1),
            tolerance: Duration::from_millis(200),
            gaps: 4,
            missing: 0,
        };
    };
    let told = |node: &str, service: &str, at: u64| {
        let fact = Fact::Delivered { service: service.into(), name: "x".into() };
        NodeFact { node: node.parse().unwrap(), line: Line { at: at * MS, fact } }
    };
    after_both(CHECK, periodic, |all| {
        all.until = until * MS;
        all.facts.extend(times.iter().map(|at| told("app", "monitoring", *at)));
        // Others, and other things, do not count.
        all.facts.extend([told("app", "iot", 1), told("dock-1", "monitoring", 2)]);
        all.changes.extend(change.map(|(at, end_at)| ChangeSeen {
            check: "cut".parse().unwrap(),
            at: at * MS,
            then_at: at * MS,
            end_at: end_at * MS,
            error: None,
            done: Default::default(),
        }));
    })
}

#[test]
fn what_comes_in_time_passes() {
    let verdict = judged(&[0, 1000, 2200, 3000, 4000], None);
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    assert_eq!(verdict.summary, "metrics of app: 4 gaps of 800.0 ms to 1.2 s, 0 missing");
}

#[test]
fn what_had_waited_for_the_end_of_a_change_comes_at_once_and_is_no_gap() {
    let waited = [0, 1000, 5001, 5002, 5003, 5400, 6400, 7400, 8400, 9400];
    let verdict = judged(&waited, Some((1500, 5000)));
    assert_eq!(verdict.summary, "metrics of app: 5 gaps of 1.0 s to 1.0 s, 0 missing");
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    let silent = [0, 1000, 5001, 5002, 9000, 10_000, 11_000, 12_000, 13_000];
    assert_fails(
        &judged(&silent, Some((1500, 5000))),
        &[
            "metrics of app: 1 of 6 gaps are not 1.0 s give or take 200.0 ms (1.0 s to 4.0 s)",
            "metrics of app: 3 missing (at most 0 allowed)",
        ],
    );
    let late = [0, 1000, 5301, 5302, 5303, 5304, 5700, 6700, 7700, 8700, 9700];
    assert_eq!(judged(&late, Some((1500, 5000))).verdict, Verdict::Pass, "it had to find its way first");
    let early = [0, 1000, 5001, 6000, 6200, 7000, 8000, 9000];
    let verdict = judged(&early, Some((1500, 5000)));
    assert_eq!(verdict.verdict, Verdict::Fail, "what comes too soon later on had not waited: {verdict:#?}");
    let many = [0, 1000, 5001, 5002, 5003, 5004, 5005, 5006, 5007, 6000, 7000, 8000, 9000];
    let verdict = judged(&many, Some((1500, 5000)));
    assert_eq!(verdict.verdict, Verdict::Fail, "more than can have waited: {verdict:#?}");
}

#[test]
fn the_first_answer_to_the_monitoring_comes_when_the_appliance_does() {
    let monitored = |plan: &mut Plan| {
        let (of, every) = ("app".parse().unwrap(), Duration::from_secs(1));
        let tolerance = Duration::from_millis(200);
        let event = Event::MonitorJob;
        check_of(plan, CHECK).word = Word::Periodic { event, of, every, tolerance, gaps: 2, missing: 0 };
    };
    let told = |at: u64| {
        let fact = Fact::Delivered { service: "iot".into(), name: "monitoring".into() };
        NodeFact { node: "app".parse().unwrap(), line: Line { at: at * MS, fact } }
    };
    let judged = |times: &[u64]| {
        after_both(CHECK, monitored, |all| {
            (all.until, all.facts) = (0, times.iter().map(|at| told(*at)).collect());
        })
    };
    assert_eq!(judged(&[0, 100, 1100, 2100]).verdict, Verdict::Pass);
    assert_eq!(judged(&[0, 100, 200, 1200]).verdict, Verdict::Fail, "the second is regular");
}

#[test]
fn what_comes_early_late_or_not_is_found() {
    let early = judged(&[0, 700, 1700, 2700, 3700], None);
    assert_fails(
        &early,
        &["metrics of app: 1 of 4 gaps are not 1.0 s give or take 200.0 ms (700.0 ms to 1.0 s)"],
    );
    let absent = judged(&[0, 1000, 2000, 5000, 6000], None);
    assert_fails(
        &absent,
        &[
            "metrics of app: 1 of 4 gaps are not 1.0 s give or take 200.0 ms (1.0 s to 3.0 s)",
            "metrics of app: 2 missing (at most 0 allowed)",
        ],
    );
}

#[test]
fn too_few_say_nothing() {
    assert_inconclusive(&judged(&[0, 1000, 2000], None), &["vacuous", "2 of 4 gaps"]);
    assert_inconclusive(&judged(&[], None), &["vacuous", "0 of 4 gaps"]);
}

#[test]
fn what_stops_before_the_end_is_found() {
    let times = [0, 1000, 2000, 3000, 4000];
    assert_eq!(judged_until(5100, &times, None).verdict, Verdict::Pass);
    assert_fails(
        &judged_until(7000, &times, None),
        &[
            "metrics of app: nothing came for 3.0 s at the end",
            "metrics of app: 2 missing (at most 0 allowed)",
        ],
    );
    assert_eq!(judged_until(7000, &times, Some((4100, 6900))).verdict, Verdict::Pass, "a fault held it up");
}

#[test]
fn what_a_fault_disturbed_does_not_count() {
    let times = [0, 1000, 2000, 3000, 6000, 7000];
    assert_eq!(judged(&times, Some((3100, 5900))).verdict, Verdict::Pass);
    assert_eq!(
        judged(&times, Some((6100, 6200))).verdict,
        Verdict::Fail,
        "it was another one that was disturbed"
    );
}

#[test]
fn a_gap_in_which_somebody_else_was_met_at_that_service_does_not_count() {
    let judged = |service: &str| {
        let periodic = |plan: &mut Plan| {
            check_of(plan, CHECK).word = Word::Periodic {
                event: Event::Metrics,
                of: "app".parse().unwrap(),
                every: Duration::from_secs(1),
                tolerance: Duration::from_millis(200),
                gaps: 2,
                missing: 0,
            };
        };
        let line = |at: u64, fact| Line { at: at * MS, fact };
        after_both(CHECK, periodic, |all| {
            for at in [0, 1000, 4000, 5000] {
                let fact = Fact::Delivered { service: "monitoring".into(), name: "x".into() };
                all.facts.push(NodeFact { node: "app".parse().unwrap(), line: line(at, fact) });
            }
            let (service, kind, peer) = (service.into(), "tls1.0".into(), "10.20.0.5:40000".parse().unwrap());
            let cloud = "203.0.113.12:443".parse().unwrap();
            let fact = Fact::StoodIn { service, kind, peer, cloud, met_at: 0 };
            all.facts.push(NodeFact { node: "aws".parse().unwrap(), line: line(2500, fact) });
        })
    };
    let met = judged("monitoring");
    assert_eq!(met.summary, "metrics of app: 2 gaps of 1.0 s to 1.0 s, 0 missing");
    assert_eq!(met.verdict, Verdict::Pass, "{met:#?}");
    assert_eq!(judged("logs").verdict, Verdict::Fail, "metrics do not wait for whom logs meet");
}
