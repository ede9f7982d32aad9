//! `endures`: refusals and peers that are outlasted, and each way in which they are not.

use std::collections::BTreeMap;
use std::time::Duration;

use fake_facts::{Fact, Line};

use super::super::example::{START, conversation, of};
use super::*;
use crate::observation::{ChangeSeen, Conversation, NodeFact};
use crate::scenario::model::{CloudService, Endured};

const CHECK: &str = "dock-alone";
const MS: u64 = 1_000_000;

fn said(after_ms: u64, fact: Fact) -> NodeFact {
    NodeFact { node: of("aws"), line: Line { at: START + after_ms * MS, fact } }
}

fn refused(after_ms: u64, reason: &str) -> NodeFact {
    let (service, peer) = ("logs".into(), of("10.20.0.5:40200"));
    said(after_ms, Fact::Refused { service, peer, reason: reason.into() })
}

fn too_much(after_ms: u64) -> NodeFact {
    refused(after_ms, "ThrottlingException: Rate exceeded.")
}

fn stored(after_ms: u64) -> NodeFact {
    said(after_ms, Fact::Stored { service: "logs".into(), name: "line".into(), bytes: 9 })
}

/// Has what was said at one moment said at another.
fn move_fact(seen: &mut Observations, from_ms: u64, to_ms: u64) {
    let is_it = |fact: &&mut NodeFact| fact.node == of("aws") && fact.line.at == START + from_ms * MS;
    seen.facts.iter_mut().filter(is_it).for_each(|fact| fact.line.at = START + to_ms * MS);
}

/// Two refusals and what follows, and two peers, with tries that come later each time; something is changed.
fn judged(change: impl FnOnce(&mut Observations)) -> CheckVerdict {
    asked((CloudService::Logs, vec![Endured::Silent, Endured::Resets]), change)
}

/// The same, where another service refuses, or others are met.
fn asked(
    (throttled, meets): (CloudService, Vec<Endured>),
    change: impl FnOnce(&mut Observations),
) -> CheckVerdict {
    let word = |plan: &mut Plan| {
        check_of(plan, CHECK).word = Word::Endures {
            of: of("app"),
            cloud: of("aws"),
            throttled: BTreeMap::from([(throttled, 2)]),
            meets,
            waits: Duration::from_millis(200),
            within: Duration::from_secs(5),
        };
    };
    after_both(CHECK, word, |seen| {
        seen.conversations.retain(|one| one.answerer.node != Some(of("aws")));
        seen.facts.retain(|fact| fact.node != of("aws"));
        seen.facts.extend([too_much(0), too_much(200), stored(600)]);
        for (port, at, kind) in [(41_000, 1000, "silent"), (41_001, 6500, "resets"), (41_002, 7000, "")] {
            let ends = (("app", "10.20.0.5", port), ("aws", "203.0.113.12", 443));
            let mut one = conversation("tcp", ends.0, ends.1, u64::from(port));
            one.first_at = START + at * MS;
            seen.conversations.push(one);
            if !kind.is_empty() {
                let peer = format!("10.20.0.5:{port}").parse().unwrap();
                let met = Fact::StoodIn {
                    service: "logs".into(),
                    kind: kind.into(),
                    peer,
                    cloud: "203.0.113.12:443".parse().unwrap(),
                    met_at: START + at * MS + 1,
                };
                seen.facts.push(said(at + 10, met));
            }
        }
        seen.facts.push(stored(7100));
        let (at, end_at) = (START + 900 * MS, START + 8000 * MS);
        seen.changes.push(ChangeSeen {
            check: of(CHECK),
            at,
            then_at: end_at,
            end_at,
            error: None,
            done: Default::default(),
        });
        change(seen);
    })
}

#[test]
fn what_goes_wrong_is_outlasted() {
    let verdict = judged(|_| {});
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    assert_eq!(verdict.summary, "app: 2 refusals as too many, 2 peers met; each wait 200.0 ms at least");
}

#[test]
fn throttling_that_did_not_happen_as_often_as_it_should_is_found() {
    let verdict = judged(|seen| seen.facts.retain(|fact| fact.line.at != START + 200 * MS));
    assert_fails(&verdict, &["app was refused 1 of 2 times at logs: it did not come again"]);
    let other = |seen: &mut Observations| {
        seen.facts.retain(|fact| !matches!(fact.line.fact, Fact::Refused { .. }));
        seen.facts.extend([refused(0, "AccessDenied: no"), refused(200, "AccessDenied: no")]);
    };
    assert_fails(&judged(other), &["app was refused 0 of 2 times at logs: it did not come again"]);
}

#[test]
fn who_comes_again_too_soon_is_found() {
    let text = "app came again to logs after refusal 2, sooner than after 400.0 ms: after 300.0 ms";
    assert_fails(&judged(|seen| move_fact(seen, 600, 500)), &[text]);
    let soon = |seen: &mut Observations| {
        let third = seen.conversations.iter_mut().find(|one| one.opener.port == 41_002).unwrap();
        third.first_at = START + 6600 * MS;
    };
    let text = "app connected to logs again after failure 2, sooner than after 400.0 ms: after 100.0 ms";
    let verdict = judged(soon);
    assert_fails(&verdict, &[text]);
    assert_eq!(verdict.findings[0].packets[0].1, 41_002, "the first packet of the connection");
}

/// A judgement of a lab that stays begins in the middle of the first refusals: what is left comes, and then, as the cloud is told, as
/// many as there should be. Each lot is judged by itself.
#[test]
fn refusals_that_the_cloud_is_told_of_later_begin_anew() {
    let throttles = |at| said(at, Fact::Throttles { services: BTreeMap::from([("logs".into(), 2)]) });
    let anew = |at: u64, through: u64| {
        move |seen: &mut Observations| {
            seen.facts.extend([throttles(650), too_much(700), too_much(at), stored(through)])
        }
    };
    let verdict = judged(anew(900, 1300));
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    let text = "app came again to logs after refusal 2, sooner than after 400.0 ms: after 300.0 ms";
    assert_fails(&judged(anew(900, 1200)), &[text]);
    // What somebody else has stored meanwhile excuses nobody.
    let others = |seen: &mut Observations| {
        anew(800, 1300)(seen);
        seen.facts.push(stored(750));
    };
    let text = "app came again to logs after refusal 1, sooner than after 200.0 ms: after 100.0 ms";
    assert_fails(&judged(others), &[text]);
    // The wait behind the last refusal of the first lot counts as well.
    let early = |seen: &mut Observations| {
        move_fact(seen, 600, 500);
        anew(900, 1300)(seen);
    };
    let text = "app came again to logs after refusal 2, sooner than after 400.0 ms: after 300.0 ms";
    assert_fails(&judged(early), &[text]);
}

/// Others from the same socket, to another address at the same time and to the same one before and after, are with the cloud itself.
#[test]
fn connections_with_the_cloud_from_a_port_that_met_somebody_are_no_tries() {
    let verdict = judged(|seen| {
        let is_it = |one: &&Conversation| one.opener.port == 41_001;
        let met = seen.conversations.iter().find(is_it).expect("it met somebody").clone();
        let beside = |at: &str, began: u64| {
            let mut one = Conversation { first_at: START + began * MS, ..met.clone() };
            one.answerer.address = of(at);
            one
        };
        seen.conversations.insert(0, beside("203.0.113.10", 6_990));
        seen.conversations.insert(0, beside("203.0.113.12", 990));
        seen.conversations.push(beside("203.0.113.12", 7_990));
    });
    // Taken for a try, the one would have come too soon before the next.
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    let (elsewhere, later) = (of("203.0.113.10"), START + 6_501 * MS);
    for change in
        [&(|one: &mut Conversation| one.answerer.address = elsewhere) as &dyn Fn(&mut Conversation), &|one| {
            one.first_at = later
        }]
    {
        let verdict = judged(|seen| {
            let met = seen.conversations.iter_mut().find(|one| one.opener.port == 41_001);
            change(met.expect("it met somebody"));
        });
        assert_inconclusive(&verdict, &["peers", "nobody was seen to meet", "resets"]);
    }
}

#[test]
fn who_does_not_get_through_or_late_is_found() {
    let verdict = judged(|seen| seen.facts.retain(|fact| fact.line.at != START + 7100 * MS));
    let text = "app did not get through to logs after it met the one that resets the connection";
    assert_fails(&verdict, &[text]);
    let text = "app got through to logs later than 5.0 s after it met the one that resets the connection: after 6.0 s";
    assert_fails(&judged(|seen| move_fact(seen, 7100, 12_510)), &[text]);
}

#[test]
fn peers_that_nobody_met_and_orders_that_failed_are_inconclusive() {
    let verdict = judged(|seen| {
        let is_silent = |fact: &Fact| matches!(fact, Fact::StoodIn { kind, .. } if kind == "silent");
        seen.facts.retain(|fact| !is_silent(&fact.line.fact));
    });
    assert_inconclusive(&verdict, &["peers", "nobody was seen to meet", "silent"]);
    let failed = |seen: &mut Observations| {
        let change = seen.changes.iter_mut().find(|change| change.check == of(CHECK)).unwrap();
        change.error = Some("the cloud does not refuse more".into());
    };
    assert_inconclusive(&judged(failed), &["carried out", "does not refuse more"]);
}

/// Where MQTT is spoken, who gets through is let in; what is stored there may be of another session.
#[test]
fn a_session_that_is_too_much_is_through_once_it_is_let_in() {
    let iot_as = |let_in: Option<u64>, protocol: Option<&str>, peer: &str| {
        asked((CloudService::Iot, Vec::new()), |seen| {
            for fact in &mut seen.facts {
                if let Fact::Refused { service, .. } | Fact::Stored { service, .. } = &mut fact.line.fact {
                    *service = "iot".into();
                }
            }
            seen.facts.extend(let_in.map(|at| {
                let (service, identity, peer) = ("iot".into(), "c1".into(), of(peer));
                let alpn = protocol.map(str::to_owned);
                said(at, Fact::Accepted { service, peer, identity, sni: None, alpn, tls: None })
            }));
        })
    };
    let iot = |let_in| iot_as(let_in, Some("x-amzn-mqtt-ca"), "10.20.0.5:40300");
    assert_eq!(iot(Some(600)).verdict, Verdict::Pass, "{:#?}", iot(Some(600)));
    let soon = "app came again to iot after refusal 2, sooner than after 400.0 ms: after 300.0 ms";
    assert_fails(&iot(Some(500)), &[soon]);
    let gave_up = ["app did not get through to iot after it was refused as too much"];
    assert_fails(&iot(None), &gave_up);
    assert_fails(&iot_as(Some(600), None, "10.20.0.5:40300"), &gave_up);
    assert_fails(&iot_as(Some(600), Some("x-amzn-http-ca"), "10.20.0.5:40300"), &gave_up);
}
