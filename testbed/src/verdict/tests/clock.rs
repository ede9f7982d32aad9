//! `clock`: too far off, unsynchronised, silent, told or asked by somebody else; and where the teller has it from.

use std::time::Duration;

use fake_facts::{Fact, Line};

use super::super::example::{conversation, of, open_seen, ready};
use super::*;
use crate::observation::NodeFact;
use crate::plan::Open;
use crate::scenario::model::Place;

const CHECK: &str = "app-clock";
const APP: (&str, &str, u16) = ("app", "10.20.0.5", 40123);
const MS: i64 = 1_000_000;

fn with_check(plan: &mut Plan) {
    let word = Word::Clock {
        of: vec![of("app")],
        from: of("rtr"),
        upstream: Some(of("aws")),
        offset: Duration::from_millis(100),
    };
    let place = Place { file: "scenarios/small.yaml".into(), line: 45, column: 3 };
    plan.checks.push(Check { name: of(CHECK), place, proves: vec![], requires: vec![], during: None, word });
}

fn fact(node: &str, fact: Fact) -> NodeFact {
    NodeFact { node: of(node), line: Line { at: 5, fact } }
}

fn synced(node: &str, server: &str, offset_ns: i64, stratum: u8) -> NodeFact {
    fact(node, Fact::Synced { server: of(server), offset_ns, stratum })
}

fn told_well(seen: &mut Observations) {
    seen.facts.extend([
        ready("rtr"),
        synced("rtr", "203.0.113.10", -2 * MS, 2),
        fact("app", Fact::Unsynced { server: of("10.20.0.1") }),
        synced("app", "10.20.0.1", MS / 2, 3),
    ]);
    let asked = conversation("udp", APP, ("rtr", "10.20.0.1", 123), 70);
    let passed_on = conversation("udp", ("rtr", "203.0.113.2", 40321), ("aws", "203.0.113.10", 123), 71);
    seen.conversations.extend([asked, passed_on]);
}

/// The verdict after a change to what is seen of a site that tells the time well.
fn told(change: impl FnOnce(&mut Observations)) -> CheckVerdict {
    after_both(CHECK, with_check, |seen| {
        told_well(seen);
        change(seen);
    })
}

fn without(seen: &mut Observations, node: &str) {
    seen.facts.retain(|one| one.node.as_str() != node || !matches!(one.line.fact, Fact::Synced { .. }));
}

#[test]
fn time_that_comes_the_right_way_passes() {
    let verdict = told(|_| {});
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    assert_eq!(
        verdict.summary,
        "1 node told by rtr: app is 0.5 ms ahead, stratum 3; rtr is 2.0 ms behind by aws"
    );
}

#[test]
fn a_time_that_is_too_far_off_is_found_either_way() {
    for (offset, words) in [(90_000 * MS, "90.0 s ahead"), (-101 * MS, "101.0 ms behind")] {
        let verdict = told(|seen| seen.facts.push(synced("app", "10.20.0.1", offset, 3)));
        let text = format!("app was told a time that is {words} by rtr 10.20.0.1 (at most 100.0 ms allowed)");
        assert_fails(&verdict, &[&text]);
        assert_eq!(
            verdict.findings[0].packets,
            [
                ("udp/123 to 10.20.0.1, at app's tap".to_owned(), 70),
                ("the answer, at app's tap".to_owned(), 72)
            ]
        );
    }
    let corrected = told(|seen| seen.facts.insert(0, synced("app", "10.20.0.1", 90_000 * MS, 3)));
    assert_eq!(corrected.verdict, Verdict::Pass, "what was told last counts");
}

#[test]
fn no_time_is_found_with_the_reason() {
    let unsynced = told(|seen| {
        without(seen, "app");
        without(seen, "rtr");
        let error = "203.0.113.10: timed out".to_owned();
        seen.facts.push(fact("rtr", Fact::Failed { what: "sync".into(), about: None, error }));
    });
    assert_fails(
        &unsynced,
        &[
            "app was told no time: rtr 10.20.0.1 answers that it is not synchronised",
            "rtr has no time of aws: 203.0.113.10: timed out",
        ],
    );
    let silent = told(|seen| {
        without(seen, "app");
        seen.facts.retain(|one| !matches!(one.line.fact, Fact::Unsynced { .. }));
    });
    assert_fails(&silent, &["app was told no time: nobody was asked"]);
}

#[test]
fn somebody_elses_time_is_found() {
    let by_another = told(|seen| seen.facts.push(synced("app", "203.0.113.10", 0, 3)));
    assert_fails(&by_another, &["app was told the time by aws 203.0.113.10 and not by rtr"]);
    let asked = told(|seen| {
        let public = conversation("udp", APP, ("", "198.51.100.9", 123), 80);
        seen.conversations.push(public);
    });
    assert_fails(
        &asked,
        &["app asked 198.51.100.9, which is no node of the site for the time, and may ask rtr only"],
    );
    assert_eq!(asked.findings[0].packets[0].1, 80);
    let upstream = told(|seen| seen.facts.push(synced("rtr", "192.0.2.7", 0, 2)));
    assert_fails(&upstream, &["rtr has its time from 192.0.2.7 and not from aws"]);
}

#[test]
fn what_a_check_asked_itself_is_not_held_against_the_node() {
    let verdict = told(|seen| {
        let address = of("203.0.113.10");
        let open = Open { flow: None, from: of("app"), to: of("aws"), address, port: of("udp/123") };
        seen.opens.push(open_seen("other", open, 1));
        seen.conversations.push(conversation(
            "udp",
            ("app", "10.20.0.5", 40000),
            ("aws", "203.0.113.10", 123),
            80,
        ));
    });
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
}

#[test]
fn a_teller_that_makes_itself_better_than_it_is_is_found() {
    let verdict = told(|seen| seen.facts.push(synced("app", "10.20.0.1", 0, 2)));
    assert_fails(&verdict, &["rtr tells app stratum 2, and has its time from stratum 2"]);
}

#[test]
fn nobody_ready_is_no_verdict() {
    let verdict = after_both(CHECK, with_check, |seen| {
        told_well(seen);
        seen.facts.clear();
    });
    assert_inconclusive(&verdict, &["ready", "app", "time server of rtr"]);
    let nobody = |plan: &mut Plan| {
        with_check(plan);
        let Word::Clock { of, .. } = &mut check_of(plan, CHECK).word else { panic!("not it") };
        of.clear();
    };
    assert_inconclusive(&after_both(CHECK, nobody, told_well), &["vacuous", "no node"]);
}

#[test]
fn a_question_to_somebody_else_that_was_earlier_is_no_finding() {
    let verdict = after_both(CHECK, with_check, |seen| {
        told_well(seen);
        let mut asked = conversation("udp", APP, ("aws", "203.0.113.10", 123), 0);
        asked.earlier = true;
        seen.conversations.push(asked);
    });
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
}
