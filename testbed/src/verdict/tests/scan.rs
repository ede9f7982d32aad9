//! `scan`: too many, too few, too soon, too far, and nothing at all.

use std::time::Duration;

use fake_facts::{Fact, Line};

use super::super::example::{START, conversation, of, ready};
use super::*;
use crate::observation::{Conversation, NodeFact};
use crate::scenario::model::Place;

const CHECK: &str = "dock-found";
const APP: (&str, &str, u16) = ("app", "10.20.0.5", 40123);

fn with_check(plan: &mut Plan, by_job: bool) {
    let by_job = by_job.then_some(Duration::from_secs(2));
    let word = Word::Scan { at: of("app"), finds: vec![of("dock-1"), of("dock-2")], beyond: vec![], by_job };
    let place = Place { file: "scenarios/small.yaml".into(), line: 45, column: 3 };
    plan.checks.push(Check { name: of(CHECK), place, proves: vec![], requires: vec![], during: None, word });
}

fn fact(at: u64, fact: Fact) -> NodeFact {
    NodeFact { node: of("app"), line: Line { at, fact } }
}

fn found(address: &str, stream: &str) -> NodeFact {
    fact(START + 2, Fact::Found { endpoint: "urn:x".into(), address: of(address), stream: stream.into() })
}

fn tasked(at: u64) -> NodeFact {
    fact(at, Fact::Tasked { job: "scan-cameras-1".into(), operation: "scan-cameras".into() })
}

/// The end of the search, as the cloud was told.
fn ended(status: &str, details: &[(&str, &str)]) -> NodeFact {
    let details = details.iter().map(|(key, said)| ((*key).to_owned(), (*said).to_owned())).collect();
    let (thing, job, status) = ("app".into(), "scan-cameras-1".into(), status.into());
    NodeFact {
        node: of("aws"),
        line: Line { at: START + 4, fact: Fact::Ended { thing, job, status, details } },
    }
}

const BOTH: &str = "rtsp://10.20.0.11:554/stream rtsp://10.20.0.12:554/stream";

fn question() -> Conversation {
    let ports = vec![of("p-app-0"), of("p-dock-1-0"), of("p-dock-2-0")];
    Conversation { ports, ..conversation("udp", APP, ("", "239.255.255.250", 3702), 70) }
}

fn seen_well(seen: &mut Observations) {
    seen.facts.extend([
        ready("app"),
        tasked(START - 1),
        found("10.20.0.11", "rtsp://10.20.0.11:554/stream"),
        found("10.20.0.12", "rtsp://10.20.0.12:554/stream"),
        fact(START + 3, Fact::Scanned { cameras: 2 }),
        ended("SUCCEEDED", &[("cameras", BOTH)]),
    ]);
    seen.conversations.push(question());
}

/// The verdict after a change to what is seen of a good search.
fn told(by_job: bool, change: impl FnOnce(&mut Observations)) -> CheckVerdict {
    let seen = |seen: &mut Observations| {
        seen_well(seen);
        change(seen);
    };
    after_both(CHECK, |plan| with_check(plan, by_job), seen)
}

fn texts(verdict: &CheckVerdict) -> Vec<&str> {
    verdict.findings.iter().map(|finding| finding.text.as_str()).collect()
}

fn forget(seen: &mut Observations, is_it: fn(&Fact) -> bool) {
    seen.facts.retain(|one| !is_it(&one.line.fact));
}

#[test]
fn exactly_the_right_cameras_pass() {
    let verdict = told(true, |_| {});
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    assert_eq!(
        verdict.summary,
        "app found 2 cameras: dock-1 10.20.0.11 at rtsp://10.20.0.11:554/stream, \
         dock-2 10.20.0.12 at rtsp://10.20.0.12:554/stream; aws was told of 2"
    );
    let unasked = told(false, |seen| forget(seen, |fact| matches!(fact, Fact::Tasked { .. })));
    assert_eq!(unasked.verdict, Verdict::Pass, "{unasked:#?}");
}

#[test]
fn who_was_not_found_is_told_with_the_reason() {
    let verdict = told(true, |seen| {
        forget(seen, |fact| matches!(fact, Fact::Found { .. } | Fact::Ended { .. }));
        seen.facts.push(ended("SUCCEEDED", &[("cameras", "none")]));
        let error = "refused: wrong user name or password".to_owned();
        seen.facts.push(fact(
            START + 2,
            Fact::Failed { what: "scan".into(), about: Some("10.20.0.11".into()), error },
        ));
    });
    assert_eq!(
        texts(&verdict),
        [
            "app did not find dock-1: refused: wrong user name or password",
            "app did not find dock-2: it was not heard"
        ]
    );
}

#[test]
fn who_should_not_be_found_is_told_and_so_is_video_that_is_elsewhere() {
    let verdict = told(true, |seen| {
        forget(seen, |fact| matches!(fact, Fact::Ended { .. }));
        let said = format!("{BOTH} rtsp://10.20.0.1:554/stream rtsp://198.51.100.9/stream");
        seen.facts.push(ended("SUCCEEDED", &[("cameras", &said)]));
        seen.facts.push(found("10.20.0.1", "rtsp://10.20.0.1:554/stream"));
        seen.facts.push(found("10.20.0.11", "rtsp://198.51.100.9/stream"));
    });
    let expected =
        ["app found rtr 10.20.0.1", "dock-1 10.20.0.11 gives its video at rtsp://198.51.100.9/stream"];
    assert_eq!(texts(&verdict), expected);
}

#[test]
fn a_search_waits_for_its_job_and_ends() {
    let soon = told(true, |seen| {
        forget(seen, |fact| matches!(fact, Fact::Tasked { .. }));
        seen.facts.push(tasked(START + 1));
    });
    assert_eq!(texts(&soon), ["app looked for cameras before a job said so"]);
    assert_eq!(soon.findings[0].packets, [("a question for cameras, at app's tap".to_owned(), 70)]);
    let unasked = told(true, |seen| forget(seen, |fact| matches!(fact, Fact::Tasked { .. })));
    assert_eq!(texts(&unasked), ["app looked for cameras, and no job said so"]);
    let endless = told(true, |seen| forget(seen, |fact| matches!(fact, Fact::Scanned { .. })));
    assert_eq!(texts(&endless), ["app did not look for cameras to the end"]);
}

#[test]
fn a_search_begins_soon_behind_its_job() {
    let late = told(true, |seen| {
        forget(seen, |fact| matches!(fact, Fact::Tasked { .. }));
        seen.facts.push(tasked(START - 3_000_000_000));
    });
    let [text] = texts(&late)[..] else { panic!("{late:#?}") };
    assert!(text.starts_with("app looked for cameras 3.0 s after a job said so, at most 2.0 s"), "{text}");
}

#[test]
fn a_cloud_is_told_of_just_what_was_found() {
    let said = |end: Option<NodeFact>| {
        let verdict = told(true, |seen| {
            forget(seen, |fact| matches!(fact, Fact::Ended { .. }));
            seen.facts.extend(end);
        });
        texts(&verdict).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(said(None), ["app told no cloud what came of scan-cameras-1"]);
    let failed = ended("FAILED", &[("reason", "no way"), ("cameras", BOTH)]);
    assert_eq!(said(Some(failed)), ["app told aws that scan-cameras-1 FAILED: no way"]);
    let (one, two) = BOTH.split_once(' ').unwrap();
    let parts = ended("SUCCEEDED", &[("cameras", one), ("cameras-2", two)]);
    assert_eq!(said(Some(parts)), [""; 0]);
    let others = ended("SUCCEEDED", &[("cameras", one), ("x", two), ("cameras-2", "rtsp://192.0.2.1/")]);
    let expected = [
        "app told aws nothing of rtsp://10.20.0.12:554/stream, which it found",
        "app told aws of rtsp://192.0.2.1/, which it did not find",
    ];
    assert_eq!(said(Some(others)), expected);
}

#[test]
fn a_question_stays_on_its_links() {
    let verdict = told(true, |seen| {
        seen.conversations.last_mut().unwrap().ports.push(of("p-vms-0"));
    });
    assert_eq!(texts(&verdict), ["a question of app for cameras was seen off its links, at p-vms-0"]);
}

#[test]
fn video_of_a_camera_of_ipv6_is_at_its_own_address_too() {
    let judged = |stream: &str| {
        told(false, |seen| {
            forget(seen, |fact| matches!(fact, Fact::Tasked { .. } | Fact::Found { .. }));
            seen.facts.push(found("10.20.0.11", "rtsp://10.20.0.11:554/stream"));
            seen.facts.push(found("2001:db8::77", stream));
        })
    };
    let at = |verdict: &CheckVerdict| texts(verdict).iter().any(|text| text.contains("gives its video at"));
    assert!(!at(&judged("rtsp://[2001:db8::77]:554/stream")));
    assert!(at(&judged("rtsp://[2001:db8::78]:554/stream")) && at(&judged("rtsp://10.20.0.11:554/stream")));
}

#[test]
fn a_question_by_ipv6_stays_on_its_links_too() {
    let verdict = told(true, |seen| {
        let app = ("app", "fe80::5", 40123);
        let ports = vec![of("p-app-0"), of("p-vms-0")];
        let asked = conversation("udp", app, ("", "ff02::c", 3702), 71);
        seen.conversations.push(Conversation { ports, ..asked });
    });
    assert_eq!(texts(&verdict), ["a question of app for cameras was seen off its links, at p-vms-0"]);
}

#[test]
fn a_router_asks_for_no_camera() {
    let verdict = told(true, |seen| {
        let rtr = ("rtr", "10.20.0.1", 40_000);
        seen.conversations.push(conversation("udp", rtr, ("", "239.255.255.250", 3702), 90));
    });
    let expected = "rtr asked for cameras from 10.20.0.1, as one that repeats questions does";
    assert_eq!(texts(&verdict), [expected]);
}

#[test]
fn who_is_on_another_link_lives_and_is_not_asked() {
    let beyond = |change: &dyn Fn(&mut Observations)| {
        let with = |plan: &mut Plan| {
            with_check(plan, true);
            let Some(Check { word: Word::Scan { beyond, .. }, .. }) = plan.checks.last_mut() else {
                panic!()
            };
            beyond.push(of("vms"));
        };
        after_both(CHECK, with, |seen| {
            seen_well(seen);
            seen.conversations.retain(|one| one.answerer.node != Some(of("vms")));
            change(seen);
        })
    };
    let answers = || Conversation {
        answered_packet: Some(92),
        ..conversation("tcp", APP, ("vms", "10.30.0.10", 554), 91)
    };
    let dead = beyond(&|_| {});
    assert_eq!(dead.verdict, Verdict::Inconclusive, "{dead:#?}");
    let well = beyond(&|seen| seen.conversations.push(answers()));
    assert_eq!(well.verdict, Verdict::Pass, "{well:#?}");
    let asked = beyond(&|seen| {
        seen.conversations.push(answers());
        seen.conversations.push(conversation("udp", APP, ("vms", "10.30.0.10", 3702), 93));
    });
    assert_eq!(texts(&asked), ["app asked vms, which is on another link"]);
}

#[test]
fn a_search_comes_about_once_in_a_lab_that_stays() {
    let passes = |change: fn(&mut Observations)| {
        let verdict = told(true, change);
        assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    };
    passes(|seen| seen.conversations.last_mut().unwrap().earlier = true);
    let unasked = told(true, |seen| {
        forget(seen, |fact| matches!(fact, Fact::Tasked { .. }));
        seen.conversations.last_mut().unwrap().earlier = true;
    });
    assert_eq!(texts(&unasked), ["app looked for cameras, and no job said so"]);
    // The last of its questions came when the next judgement had begun.
    passes(|seen| seen.conversations.insert(0, Conversation { earlier: true, ..question() }));
}

#[test]
fn what_was_not_seen_passes_nothing() {
    let unseen = told(true, |seen| drop(seen.conversations.pop()));
    assert_eq!(unseen.verdict, Verdict::Inconclusive, "{unseen:#?}");
    let silent = told(true, |seen| seen.facts.retain(|one| one.node.as_str() != "app"));
    assert_eq!(silent.verdict, Verdict::Inconclusive, "{silent:#?}");
}
