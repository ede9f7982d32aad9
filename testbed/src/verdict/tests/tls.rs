//! `tls`: each weakness of a connection by itself, and what was never said.

use std::net::SocketAddr;

use fake_facts::{Fact, Line};

use super::super::example::{conversation, of};
use super::*;
use crate::observation::{Agreed, Conversation, HandshakeSeen, NodeFact, Offered};
use crate::plan::ServiceKind;
use crate::scenario::model::{CloudService, StandIn, TlsVersion};

const CHECK: &str = "dock-plays";
/// When stand-ins are met, and the cloud tells of them: all connections have begun by then.
const MET: u64 = crate::verdict::example::END;
const TOLD: u64 = MET + 5;
const GOOD: Agreed = Agreed { version: 0x0304, suite: 0x1301 };

/// Where the cloud is met.
fn cloud() -> SocketAddr {
    "203.0.113.10:443".parse().unwrap()
}

fn said(one: Conversation) -> Conversation {
    Conversation { payload_out: 700, payload_back: 900, ..one }
}

fn connection(port: u16, packet: u64) -> Conversation {
    said(conversation("tcp", ("app", "10.20.0.5", port), ("aws", "203.0.113.10", 443), packet))
}

fn shaken(one: &Conversation) -> HandshakeSeen {
    HandshakeSeen {
        opener: one.opener.clone(),
        answerer: one.answerer.clone(),
        packet: one.first_packet,
        at: one.first_at,
        offered: Offered {
            versions: vec![0x0303, 0x0304],
            suites: vec![0x1301, 0xc02b, 0x00ff],
            name: Some("iot.example.org".into()),
            protocols: vec![],
        },
        agreed: Some(GOOD),
        alerts: [None, None],
        keyed: true,
        said: [100, 100],
        earlier: false,
    }
}

/// The verdict on two TLS connections from the appliance to the cloud, the second of which is changed.
fn judged(min: TlsVersion, change: impl FnOnce(&mut HandshakeSeen)) -> CheckVerdict {
    on_seen(min, |seen| change(seen.handshakes.last_mut().unwrap()))
}

fn on_seen(min: TlsVersion, change: impl FnOnce(&mut Observations)) -> CheckVerdict {
    refusing(min, Vec::new(), change)
}

fn refusing(min: TlsVersion, refuses: Vec<StandIn>, change: impl FnOnce(&mut Observations)) -> CheckVerdict {
    let ask = |plan: &mut Plan| {
        check_of(plan, CHECK).word = Word::Tls {
            flows: vec![of("F07")],
            min,
            refuses,
            instead_of: CloudService::OFTEN_ASKED.into(),
            cloud: Some(of("aws")),
        }
    };
    after_both(CHECK, ask, |seen| {
        seen.conversations.retain(|one| one.answerer.port != 443);
        seen.conversations.extend([connection(40_100, 30), connection(40_101, 33)]);
        seen.handshakes =
            seen.conversations.iter().filter(|one| one.answerer.port == 443).map(shaken).collect();
        change(seen);
    })
}

#[test]
fn what_is_new_enough_and_secret_for_ever_passes() {
    let verdict = judged(TlsVersion::Tls12, |_| ());
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    assert_eq!(verdict.summary, "2 connections with TLS; agreed on TLS 1.3 with TLS_AES_128_GCM_SHA256");
    for (version, suite) in [(0x0303, 0xc02b), (0x0303, 0x009e)] {
        let verdict = judged(TlsVersion::Tls12, |one| one.agreed = Some(Agreed { version, suite }));
        assert_eq!(verdict.verdict, Verdict::Pass, "ECDHE and DHE: {verdict:#?}");
    }
}

#[test]
fn each_weakness_is_found_with_its_connection() {
    type Change = fn(&mut HandshakeSeen);
    let weak: &[(&str, Change)] = &[
        ("TLS 1.0, TLS 1.1 offered, older than TLS 1.2", |one| {
            one.offered.versions = vec![0x0301, 0x0302, 0x0303]
        }),
        ("SSL 3.0 offered, older than TLS 1.2", |one| one.offered.versions = vec![0x0300]),
        (
            "TLS_RSA_WITH_AES_128_CBC_SHA, TLS_DH_anon_WITH_AES_128_CBC_SHA offered, without forward secrecy",
            |one| one.offered.suites.extend([0x002f, 0x0034]),
        ),
        (
            "TLS_ECDHE_ECDSA_WITH_NULL_SHA, TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA offered, with keys of less than 112 bits",
            |one| one.offered.suites.extend([0xc006, 0x0014]),
        ),
        ("TLS_ECDHE_ECDSA_WITH_NULL_SHA agreed on, with keys of less than 112 bits", |one| {
            one.agreed = Some(Agreed { version: 0x0303, suite: 0xc006 });
        }),
        ("TLS 1.1 agreed on, older than TLS 1.2", |one| {
            one.agreed = Some(Agreed { version: 0x0302, suite: 0xc013 });
        }),
        ("TLS_RSA_WITH_AES_128_GCM_SHA256 agreed on, without forward secrecy", |one| {
            one.agreed = Some(Agreed { version: 0x0303, suite: 0x009c });
        }),
    ];
    for (text, change) in weak {
        let verdict = judged(TlsVersion::Tls12, change);
        assert_fails(&verdict, &[&format!("F07 app -> aws: {text}")]);
        assert_eq!(verdict.findings[0].packets[0].1, 33, "the first packet of the connection");
    }
    let verdict = judged(TlsVersion::Tls13, |one| one.offered.versions = vec![0x0304]);
    assert_fails(&verdict, &["F07 app -> aws: TLS 1.2 offered, older than TLS 1.3"]);
}

#[test]
fn what_is_said_without_tls_is_found() {
    let verdict = on_seen(TlsVersion::Tls12, |seen| {
        seen.handshakes.pop();
    });
    assert_fails(&verdict, &["F07 app -> aws: something was said without TLS"]);
    let silent = on_seen(TlsVersion::Tls12, |seen| {
        seen.handshakes.pop();
        let last = seen.conversations.last_mut().unwrap();
        (last.payload_out, last.payload_back) = (0, 0);
    });
    assert_eq!(silent.verdict, Verdict::Pass, "nothing was said on it: {silent:#?}");
}

#[test]
fn the_handshake_of_another_connection_from_the_port_vouches_for_none() {
    let verdict = on_seen(TlsVersion::Tls12, |seen| {
        let last = seen.conversations.last_mut().unwrap();
        let again = Conversation { first_at: last.first_at + 5, ..last.clone() };
        last.last_at = last.first_at + 4;
        seen.conversations.push(again);
    });
    assert_fails(&verdict, &["F07 app -> aws: something was said without TLS"]);
}

#[test]
fn a_flow_on_which_nothing_was_said_in_tls_is_inconclusive() {
    let refused = |seen: &mut Observations| {
        for one in &mut seen.handshakes {
            (one.agreed, one.said) = (None, [0, 0]);
        }
    };
    let verdict = on_seen(TlsVersion::Tls12, refused);
    assert_inconclusive(&verdict, &["vacuous", "nothing was said in TLS on F07 app -> aws"]);
    let verdict = on_seen(TlsVersion::Tls12, |seen| {
        seen.handshakes.clear();
        seen.conversations.retain(|one| one.answerer.port != 443);
    });
    assert_inconclusive(&verdict, &["vacuous"]);
    let unknown = Agreed { version: 0x0303, suite: 0xfffe };
    let verdict = judged(TlsVersion::Tls12, |one| one.agreed = Some(unknown));
    assert_inconclusive(&verdict, &["suite", "0xfffe is not known"]);
}

#[test]
fn a_session_that_began_before_the_judgement_shows_that_something_was_said() {
    let verdict = on_seen(TlsVersion::Tls12, |seen| {
        seen.conversations.retain(|one| one.opener.port != 40_101);
        let (kept, one) = (&mut seen.conversations, &mut seen.handshakes);
        one.truncate(1);
        (one[0].earlier, one[0].packet) = (true, 0);
        let last = kept.last_mut().unwrap();
        (last.earlier, last.opener.port) = (true, 0);
    });
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
}

fn all() -> Vec<StandIn> {
    StandIn::ALL.map(|(_, one, _)| one).into()
}

/// Connections with stand-ins: the good ones are taken, the bad ones refused in each way in which that may be.
fn meet_all(seen: &mut Observations) {
    let kinds = ["tls1.2", "tls1.3"].into_iter().chain(StandIn::ALL.map(|(word, ..)| word));
    for (port, kind) in (41_000..).zip(kinds) {
        let one = connection(port, u64::from(port));
        let good = kind.starts_with("tls1.") && kind >= "tls1.2";
        let mut shaken = HandshakeSeen { keyed: good, said: [0, 0], ..shaken(&one) };
        match kind {
            _ if good => shaken.said = [400, 300],
            // Who cannot agree says so.
            "tls1.0" | "tls1.1" | "static-rsa" | "no-encryption" => {
                (shaken.agreed, shaken.alerts) = (None, [None, Some(70)])
            }
            _ => {
                (shaken.agreed, shaken.alerts) =
                    (Some(Agreed { version: 0x0303, suite: 0xc02b }), [Some(48), None])
            }
        }
        let peer = SocketAddr::new(one.opener.address, port);
        let stood_in =
            Fact::StoodIn { service: "logs".into(), kind: kind.into(), peer, cloud: cloud(), met_at: MET };
        seen.facts.push(NodeFact { node: of("aws"), line: Line { at: TOLD, fact: stood_in } });
        seen.conversations.push(one);
        seen.handshakes.push(shaken);
    }
}

fn of_kind<'a>(seen: &'a mut Observations, kind: &str) -> &'a mut HandshakeSeen {
    let place = StandIn::ALL.iter().position(|(word, ..)| *word == kind).unwrap();
    let port = 41_002 + place as u16;
    seen.handshakes.iter_mut().find(|one| one.opener.port == port).unwrap()
}

#[test]
fn stand_ins_that_are_refused_pass() {
    let verdict = refusing(TlsVersion::Tls12, all(), meet_all);
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    assert!(verdict.summary.ends_with("; 9 of 9 stand-ins refused"), "{}", verdict.summary);
    assert!(verdict.summary.starts_with("2 connections with TLS"), "those with stand-ins are not among them");
}

#[test]
fn each_stand_in_that_is_taken_is_found() {
    for (word, _, wrong) in StandIn::ALL {
        let verdict = refusing(TlsVersion::Tls12, all(), |seen| {
            meet_all(seen);
            let one = of_kind(seen, word);
            (one.keyed, one.agreed) = (true, Some(Agreed { version: 0x0301, suite: 0xc013 }));
        });
        let text =
            format!("app took for the cloud a peer {wrong}: TLS 1.0 with TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA");
        assert_fails(&verdict, &[&text]);
    }
    let verdict = refusing(TlsVersion::Tls12, all(), |seen| {
        meet_all(seen);
        of_kind(seen, "expired").said[0] = 20;
    });
    assert_eq!(verdict.verdict, Verdict::Fail, "what is said is said, whatever came before it");
}

/// Meets one of this kind again, at a service, and is let do something else then.
fn meet_again(
    seen: &mut Observations,
    (kind, service): (&str, &str),
    port: u16,
    change: impl FnOnce(&mut HandshakeSeen),
) {
    let one = connection(port, u64::from(port));
    let mut again = HandshakeSeen { opener: one.opener.clone(), ..of_kind(seen, kind).clone() };
    change(&mut again);
    let peer = SocketAddr::new(one.opener.address, port);
    let stood_in =
        Fact::StoodIn { service: service.into(), kind: kind.into(), peer, cloud: cloud(), met_at: MET };
    seen.facts.push(NodeFact { node: of("aws"), line: Line { at: TOLD, fact: stood_in } });
    seen.conversations.push(one);
    seen.handshakes.push(again);
}

#[test]
fn each_time_that_a_stand_in_was_met_is_judged() {
    let verdict = refusing(TlsVersion::Tls12, all(), |seen| {
        meet_all(seen);
        meet_again(seen, ("expired", "s3"), 42_000, |one| one.keyed = true);
        meet_again(seen, ("expired", "s3"), 42_001, |one| one.keyed = true);
    });
    let suite = "TLS 1.2 with TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
    let text = format!("app took for the cloud's s3 a peer whose certificate has expired: {suite}");
    assert_fails(&verdict, &[&text]);
    let verdict = refusing(TlsVersion::Tls12, all(), |seen| {
        meet_all(seen);
        meet_again(seen, ("expired", "logs"), 42_000, |one| one.alerts = [None, None]);
    });
    assert_eq!(verdict.verdict, Verdict::Pass, "refused again: {verdict:#?}");
}

/// A client may have one socket for connections with several of the cloud's at a time, and for others with the same one later.
#[test]
fn connections_with_the_cloud_itself_from_the_socket_that_met_a_stand_in_are_not_taken_for_its() {
    let with_others = |weak: Option<usize>| {
        refusing(TlsVersion::Tls12, all(), |seen| {
            meet_all(seen);
            let refused = of_kind(seen, "wrong-name").clone();
            let places = [
                ("203.0.113.12", refused.at),
                ("203.0.113.10", refused.at - 1),
                // Before its meeting is told of.
                ("203.0.113.10", MET + 1),
            ];
            let others: Vec<HandshakeSeen> = (0..)
                .zip(places)
                .map(|(nth, (at, began))| {
                    let mut one = HandshakeSeen {
                        keyed: true,
                        said: [400, 300],
                        agreed: Some(GOOD),
                        ..refused.clone()
                    };
                    (one.alerts, one.at, one.packet) = ([None, None], began, began);
                    one.answerer.address = of(at);
                    if weak == Some(nth) {
                        one.offered.versions = vec![0x0301];
                    }
                    one
                })
                .collect();
            let (first, second) = seen.handshakes.split_at(2);
            seen.handshakes = [first, &others, second].concat();
            for one in others {
                seen.conversations.push(Conversation {
                    opener: one.opener.clone(),
                    answerer: one.answerer.clone(),
                    first_at: one.at,
                    last_at: one.at,
                    ..connection(one.opener.port, one.packet)
                });
            }
        })
    };
    let verdict = with_others(None);
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    assert!(verdict.summary.ends_with("; 9 of 9 stand-ins refused"), "{}", verdict.summary);
    // The flow does not lead to the first.
    for nth in 1..3 {
        let text = "F07 app -> aws: TLS 1.0 offered, older than TLS 1.2";
        assert_fails(&with_others(Some(nth)), &[text]);
    }
}

#[test]
fn stand_ins_that_nobody_met_or_that_did_not_answer_are_inconclusive() {
    let verdict = refusing(TlsVersion::Tls12, all(), |seen| {
        meet_all(seen);
        seen.facts
            .retain(|fact| !matches!(&fact.line.fact, Fact::StoodIn { kind, .. } if kind == "wrong-ca"));
    });
    assert_inconclusive(&verdict, &["stand-ins", "nobody was seen to meet", "wrong-ca"]);
    let verdict = refusing(TlsVersion::Tls12, all(), |seen| {
        meet_all(seen);
        of_kind(seen, "tls1.0").alerts = [None, None];
    });
    assert_inconclusive(&verdict, &["stand-ins", "did not answer", "tls1.0"]);
    let verdict = refusing(TlsVersion::Tls12, all(), |seen| {
        meet_all(seen);
        let good = seen.handshakes.iter_mut().find(|one| one.opener.port == 41_001).unwrap();
        good.said = [24, 0];
    });
    assert_inconclusive(&verdict, &["control", "nothing is wrong", "tls1.3"]);
    let failed = Fact::Failed { what: "place".into(), about: None, error: "openssl cannot be run".into() };
    let verdict = refusing(TlsVersion::Tls12, all(), |seen| {
        seen.facts.push(NodeFact { node: of("aws"), line: Line { at: TOLD, fact: failed } });
    });
    assert_inconclusive(&verdict, &["stand-ins", "openssl cannot be run"]);
}

/// Asks for one stand-in at another service, by MQTT, and changes what its client did.
fn at_iot(change: impl FnOnce(&mut Observations)) -> CheckVerdict {
    let ask = |plan: &mut Plan| {
        let (flows, refuses) = (vec![of("F07")], vec![StandIn::Expired]);
        let (min, instead_of, cloud) = (TlsVersion::Tls12, vec![CloudService::Iot], Some(of("aws")));
        check_of(plan, CHECK).word = Word::Tls { flows, min, refuses, instead_of, cloud };
        // Whoever it is: no program of ours.
        plan.services.retain(|service| !matches!(service.kind, ServiceKind::Appliance { .. }));
    };
    after_both(CHECK, ask, |seen| {
        seen.conversations.retain(|one| one.answerer.port != 443);
        seen.conversations.push(connection(40_100, 30));
        seen.handshakes = vec![shaken(&seen.conversations[seen.conversations.len() - 1])];
        meet_all(seen);
        seen.facts.iter_mut().for_each(|fact| {
            if let Fact::StoodIn { service, .. } = &mut fact.line.fact {
                *service = "iot".into();
            }
        });
        // A client of MQTT says less than one of HTTP, and hears nothing.
        let good = seen.handshakes.iter_mut().find(|one| one.opener.port == 41_000).unwrap();
        (good.agreed, good.said) = (Some(Agreed { version: 0x0303, suite: 0xc02b }), [41, 0]);
        mislead(seen, 41_000, "tls1.2");
        change(seen);
    })
}

/// A client takes a job.
fn mislead(seen: &mut Observations, port: u16, kind: &str) {
    let peer = seen.handshakes.iter().find(|one| one.opener.port == port).unwrap().opener.address;
    let fact = Fact::Misled {
        kind: kind.into(),
        peer: SocketAddr::new(peer, port),
        cloud: cloud(),
        met_at: MET,
        job: format!("{kind}-{port}"),
        operation: "configuration".into(),
        status: "SUCCEEDED".into(),
    };
    seen.facts.push(NodeFact { node: of("aws"), line: Line { at: TOLD, fact } });
}

#[test]
fn a_job_of_somebody_else_is_found_by_itself_and_one_of_whom_nothing_is_wrong_with_is_the_control() {
    let verdict = at_iot(|seen| {
        let port = of_kind(seen, "expired").opener.port;
        of_kind(seen, "expired").keyed = true;
        mislead(seen, port, "expired");
    });
    let suite = "TLS 1.2 with TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
    let took = format!("app took for the cloud's iot a peer whose certificate has expired: {suite}");
    let job =
        "app took a job from a peer whose certificate has expired: configuration, SUCCEEDED (expired-41009)";
    assert_fails(&verdict, &[&took, job]);
    let untaken = |seen: &mut Observations| {
        seen.facts.retain(|fact| !matches!(fact.line.fact, Fact::Misled { .. }));
    };
    assert_inconclusive(&at_iot(untaken), &["control", "nobody took a job of", "tls1.2"]);
    let of_another = |seen: &mut Observations| {
        untaken(seen);
        mislead(seen, 41_002, "tls1.2");
    };
    assert_inconclusive(&at_iot(of_another), &["control", "nobody took a job of", "tls1.2"]);
    for (at, met) in [("203.0.113.12:443", MET), ("203.0.113.10:443", 0)] {
        let elsewhere = |seen: &mut Observations| {
            for fact in &mut seen.facts {
                if let Fact::Misled { cloud, met_at, .. } = &mut fact.line.fact {
                    (*cloud, *met_at) = (at.parse().unwrap(), met);
                }
            }
        };
        assert_inconclusive(&at_iot(elsewhere), &["control", "nobody took a job of", "tls1.2"]);
    }
}

#[test]
fn a_job_that_was_taken_is_found_though_its_client_was_not_seen_to_meet_anybody() {
    let verdict = at_iot(|seen| {
        let peer = "203.0.113.77:5".parse().unwrap();
        mislead(seen, 41_000, "expired");
        if let Fact::Misled { peer: by, .. } = &mut seen.facts.last_mut().unwrap().line.fact {
            *by = peer;
        }
    });
    let job = "203.0.113.77 took a job from a peer whose certificate has expired: configuration, SUCCEEDED (expired-41000)";
    assert_fails(&verdict, &[job]);
}

#[test]
fn whether_answers_are_asked_is_told_by_the_service_that_was_met() {
    let at_logs = |seen: &mut Observations| {
        for fact in &mut seen.facts {
            if let Fact::StoodIn { service, .. } = &mut fact.line.fact {
                *service = "logs".into();
            }
        }
    };
    assert_inconclusive(&at_iot(at_logs), &["control", "nobody took a stand-in", "tls1.2"]);
}

#[test]
fn a_client_of_mqtt_is_judged_by_what_it_says_alone() {
    let verdict = at_iot(|_| ());
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    let verdict = at_iot(|seen| of_kind(seen, "expired").keyed = true);
    let text = "app took for the cloud's iot a peer whose certificate has expired: TLS 1.2 with TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
    assert_fails(&verdict, &[text]);
    let silent = |seen: &mut Observations| {
        seen.handshakes.iter_mut().find(|one| one.opener.port == 41_000).unwrap().said = [0, 0];
    };
    assert_inconclusive(&at_iot(silent), &["control", "nothing is wrong", "tls1.2"]);
}

#[test]
fn what_counts_is_who_was_met_for_this_check() {
    use crate::observation::ChangeSeen;
    let verdict = at_iot(|seen| {
        let (check, error) = (of(CHECK), None);
        seen.changes.push(ChangeSeen {
            check,
            at: TOLD + 1,
            then_at: TOLD + 9,
            end_at: TOLD + 9,
            error,
            done: Default::default(),
        });
    });
    assert_inconclusive(&verdict, &["nobody was seen to meet", "expired"]);
}
