//! `calls`: done and known as it should be; each thing that can be missing of that; and what is believed, refused otherwise, or
//! not logged.

use std::time::Duration;

use fake_facts::{Fact, Line};

use super::super::example::{START, of};
use super::*;
use crate::observation::NodeFact;
use crate::scenario::model::{CloudService, JobKind, WrongCall};

const CHECK: &str = "dock-alone";
const MS: u64 = 1_000_000;

fn said(node: &str, at: u64, fact: Fact) -> NodeFact {
    NodeFact { node: of(node), line: Line { at: START + at * MS, fact } }
}

fn called(what: &str, operation: &str, port: u16, status: (u16, &str), told: &[(&str, &str)]) -> Fact {
    let (status, code) = status;
    Fact::Called {
        order: format!("{CHECK}-{what}"),
        service: "panorama".into(),
        form: "rest-json".into(),
        wrong: String::new(),
        operation: operation.into(),
        socket: format!("203.0.113.50:{port}").parse().unwrap(),
        status,
        code: (!code.is_empty()).then(|| code.to_owned()),
        said: told.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect(),
    }
}

fn at_aws(service: &str, port: u16, refused: Option<&str>) -> Fact {
    let (service, peer) = (service.to_owned(), format!("203.0.113.50:{port}").parse().unwrap());
    match refused {
        Some(reason) => Fact::Refused { service, peer, reason: reason.into() },
        None => {
            let identity = "ASIAEXAMPLE".into();
            Fact::Accepted { service, peer, identity, sni: None, alpn: None, tls: None }
        }
    }
}

/// A job that is called for, done, and known.
fn good_work(kind: JobKind) -> Vec<NodeFact> {
    const GOOD: (u16, &str) = (200, "");
    let what = kind.word();
    let job = [("JobId", "app-0"), ("ImageVersion", "8.1.0")];
    let known = [("DeviceConnectionStatus", "ONLINE"), ("CurrentSoftware", "8.1.0")];
    vec![
        said("ops", 0, called(what, "AssumeRole", 4000, GOOD, &[])),
        said("aws", 10, at_aws("panorama", 4001, None)),
        said("ops", 20, called(what, "CreateJobForDevices", 4001, GOOD, &job)),
        said("app", 30, Fact::Tasked { job: "app-0".into(), operation: "ota".into() }),
        said(
            "app",
            100,
            Fact::Connected { service: "iot".into(), peer: of("203.0.113.10:443"), camera: None },
        ),
        said("ops", 300, called(what, "DescribeDeviceJob", 4001, GOOD, &[("Status", "COMPLETED")])),
        said("ops", 520, called(what, "DescribeDevice", 4001, GOOD, &known)),
    ]
}

/// Services with their forms, and the status with which JSON refuses there.
const PLACES: [(&str, &str, u16); 6] = [
    ("panorama", "rest-json", 403),
    ("monitoring", "json", 400),
    ("monitoring", "cbor", 400),
    ("monitoring", "query", 403),
    ("logs", "json", 400),
    ("s3", "xml", 403),
];

/// With which status, code and words a call that is wrong in this way is refused.
fn answer(manner: &str, (_, form, json): (&str, &str, u16)) -> (u16, &'static str, &'static str) {
    let (words, code, query, s3) = match manner {
        "unsigned" => (
            "the request is not signed",
            "MissingAuthenticationTokenException",
            "MissingAuthenticationToken",
            (403, "AccessDenied"),
        ),
        "expired" => (
            "the security token included in the request expired at then",
            "ExpiredTokenException",
            "ExpiredToken",
            (400, "ExpiredToken"),
        ),
        "altered" => (
            "the request signature does not match the one",
            "InvalidSignatureException",
            "SignatureDoesNotMatch",
            (403, "SignatureDoesNotMatch"),
        ),
        "region" | "service" => (
            "credential should be scoped to this, not that",
            "InvalidSignatureException",
            "SignatureDoesNotMatch",
            (400, "AuthorizationHeaderMalformed"),
        ),
        _ => (
            "signature expired: signed at then",
            "InvalidSignatureException",
            "SignatureDoesNotMatch",
            (403, "RequestTimeTooSkewed"),
        ),
    };
    match form {
        "xml" => (s3.0, s3.1, words),
        "query" => (403, query, words),
        _ => (json, code, words),
    }
}

/// Calls that are refused as they should be, each beside one that is right.
fn good_refusal(wrong: WrongCall) -> Vec<NodeFact> {
    let mut told = Vec::new();
    let what = wrong.word();
    for (nth, place) in PLACES.into_iter().enumerate() {
        let (service, form, _) = place;
        let port = 5000 + 100 * wrong as u16 + 10 * nth as u16;
        let place_called = |manner: &str, port, status| {
            let operation = if manner.is_empty() { "Ask" } else { "Change" };
            let mut fact = called(what, operation, port, status, &[]);
            if let Fact::Called { service: at, form: by, wrong, .. } = &mut fact {
                (*at, *by, *wrong) = (service.into(), form.into(), manner.into());
            }
            said("ops", 620, fact)
        };
        told.push(said("aws", 600, at_aws(service, port, None)));
        told.push(place_called("", port, (200, "")));
        for (nth, manner) in (1..).zip(wrong.manners()) {
            let (status, code, reason) = answer(manner, place);
            told.push(said("aws", 610, at_aws(service, port + nth, Some(&format!("{code}: {reason}")))));
            told.push(place_called(manner, port + nth, (status, code)));
        }
    }
    told
}

fn judged(does: &[JobKind], refuses: &[WrongCall], change: impl FnOnce(&mut Vec<NodeFact>)) -> CheckVerdict {
    let with_calls = |plan: &mut Plan| {
        check_of(plan, CHECK).word = Word::Calls {
            by: of("ops"),
            of: of("app"),
            cloud: of("aws"),
            does: does.to_vec(),
            refuses: refuses.to_vec(),
            at: CloudService::CALLED.to_vec(),
            within: Duration::from_secs(1),
            session: Duration::from_secs(4),
            signature: Duration::from_secs(5),
        };
    };
    after_both(CHECK, with_calls, |seen| {
        let mut told: Vec<_> = does.iter().flat_map(|kind| good_work(*kind)).collect();
        told.extend(refuses.iter().flat_map(|wrong| good_refusal(*wrong)));
        change(&mut told);
        seen.facts.extend(told);
    })
}

fn without(is_it: impl Fn(&Fact) -> bool) -> impl FnOnce(&mut Vec<NodeFact>) {
    move |told| told.retain(|fact| !is_it(&fact.line.fact))
}

/// Something that is different in what was told.
type Change = Box<dyn FnOnce(&mut Vec<NodeFact>)>;

/// Answers an operation otherwise.
fn answers(operation: &'static str, with: (u16, &'static str)) -> impl FnOnce(&mut Vec<NodeFact>) {
    move |told| {
        for fact in told {
            if let Fact::Called { operation: this, status, code, .. } = &mut fact.line.fact
                && this == operation
            {
                (*status, *code) = (with.0, Some(with.1.to_owned()).filter(|code| !code.is_empty()));
            }
        }
    }
}

/// Says something else in an answer.
fn says(field: &'static str, text: &'static str) -> impl FnOnce(&mut Vec<NodeFact>) {
    move |told| {
        for fact in told {
            if let Fact::Called { said, .. } = &mut fact.line.fact {
                said.entry(field.into()).and_modify(|said| *said = text.into());
            }
        }
    }
}

#[test]
fn what_is_done_and_known_and_what_is_refused_and_logged_passes() {
    let verdict = judged(&[JobKind::Update, JobKind::Restart], &WrongCall::ALL, |_| {});
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    let summary = "ops at aws: app had update 500.0 ms, restart 500.0 ms to do; refused at panorama, monitoring, logs, s3 is what is unsigned, \
                   altered, late, expired, scope, kept";
    assert_eq!(verdict.summary, summary);
}

#[test]
fn what_is_refused_not_told_not_done_or_not_known_is_found() {
    fn one(change: impl FnOnce(&mut Vec<NodeFact>), text: &str) {
        assert_fails(&judged(&[JobKind::Update], &[], change), &[&format!("update: {text}")]);
    }
    one(
        answers("CreateJobForDevices", (403, "InvalidSignatureException")),
        "aws answers ops's CreateJobForDevices with status 403 (InvalidSignatureException)",
    );
    one(without(|fact| matches!(fact, Fact::Accepted { .. })), "aws never said who ops is");
    one(without(|fact| matches!(fact, Fact::Tasked { .. })), "app was never told of app-0");
    one(says("Status", "FAILED"), "app-0 is FAILED, by DescribeDeviceJob");
    let connected = |fact: &Fact| matches!(fact, Fact::Connected { .. });
    one(without(connected), "app says that app-0 is done, and did not begin anew with IoT Core");
    one(says("DeviceConnectionStatus", "OFFLINE"), "app is OFFLINE, by DescribeDevice");
    one(says("CurrentSoftware", "7.0.0"), "app runs 7.0.0, by DescribeDevice, and not 8.1.0");
    let unknown =
        |fact: &Fact| matches!(fact, Fact::Called { operation, .. } if operation == "DescribeDevice");
    one(without(unknown), "ops has no answer to DescribeDevice: it was not called");
    let late = |told: &mut Vec<NodeFact>| told.last_mut().unwrap().line.at += 1000 * MS;
    one(late, "it took 1.5 s, and not at most 1.0 s");
    let restarted = judged(&[JobKind::Restart], &[], says("CurrentSoftware", "7.0.0"));
    assert_eq!(restarted.verdict, Verdict::Pass, "a restart changes no software");
}

#[test]
fn what_cannot_be_called_is_found_with_the_reason() {
    let verdict = judged(&[JobKind::Update], &[], |told| {
        let error = "sts.eu-west-1.amazonaws.com cannot be resolved".to_owned();
        let about = Some(format!("{CHECK}-update"));
        *told = vec![said("ops", 1, Fact::Failed { what: "call".into(), about, error })];
    });
    let text =
        "update: ops has no answer to CreateJobForDevices: sts.eu-west-1.amazonaws.com cannot be resolved";
    assert_fails(&verdict, &[text]);
}

/// A wrong call as findings name it.
fn named(wrong: WrongCall, manner: &str, (service, form, _): (&str, &str, u16)) -> String {
    let way = if manner == wrong.word() { String::new() } else { format!(" ({manner})") };
    let form = if service == "monitoring" { format!(" ({form})") } else { String::new() };
    format!("{wrong}{way} at {service}{form}")
}

/// Changes how wrong calls of this manner are answered.
fn spoils(manner: &'static str, with: (u16, &'static str)) -> Change {
    Box::new(move |told| {
        for fact in told {
            if let Fact::Called { wrong, status, code, .. } = &mut fact.line.fact
                && wrong == manner
            {
                (*status, *code) = (with.0, Some(with.1.to_owned()).filter(|code| !code.is_empty()));
            }
        }
    })
}

#[test]
fn what_is_believed_refused_for_something_else_or_not_logged_is_found() {
    for wrong in WrongCall::ALL {
        for manner in wrong.manners() {
            let fails = |change: Change, text: &dyn Fn((u16, &str, &str)) -> String| {
                let texts = PLACES
                    .map(|place| format!("{}: {}", named(wrong, manner, place), text(answer(manner, place))));
                assert_fails(&judged(&[], &[wrong], change), &texts.each_ref().map(String::as_str));
            };
            let expected = |with: &str, (status, code, _): (u16, &str, &str)| {
                format!("aws answers with status {with}, and not with status {status} ({code})")
            };
            fails(spoils(manner, (200, "")), &|answer| expected("200", answer));
            fails(spoils(manner, (418, "Teapot")), &|answer| expected("418 (Teapot)", answer));
        }
        let unlogged = judged(&[], &[wrong], without(|fact| matches!(fact, Fact::Refused { .. })));
        assert_eq!(unlogged.findings.len(), PLACES.len() * wrong.manners().len());
        assert!(unlogged.findings[0].text.contains("aws did not log that it refused it: \""));
        let of_another = judged(&[], &[wrong], |told| {
            for fact in told {
                if let Fact::Refused { peer, .. } = &mut fact.line.fact {
                    peer.set_port(1);
                }
            }
        });
        assert_eq!(of_another.findings, unlogged.findings);
    }
}

#[test]
fn each_call_that_is_wrong_in_one_way_is_judged() {
    let twice = |told: &mut Vec<NodeFact>| {
        let is_late = |one: &&NodeFact| matches!(&one.line.fact, Fact::Called { service, wrong, .. } if service == "panorama" && wrong == "late");
        let mut again = told.iter().find(is_late).unwrap().clone();
        let Fact::Called { socket, status, code, .. } = &mut again.line.fact else { panic!("a call") };
        (*status, *code) = (200, None);
        socket.set_port(1);
        told.push(again);
    };
    let verdict = judged(&[], &[WrongCall::Late], twice);
    let (status, code, _) = answer("late", PLACES[0]);
    let text =
        format!("late at panorama: aws answers with status 200, and not with status {status} ({code})");
    assert_fails(&verdict, &[&text]);
}

#[test]
fn a_cloud_that_refuses_what_is_right_shows_nothing() {
    let verdict = judged(&[], &[WrongCall::Late], answers("Ask", (403, "InvalidSignature")));
    let texts = ["right", "late at panorama: Ask, as it should be, has status 403 (InvalidSignature)"];
    assert_inconclusive(&verdict, &texts);
    let by_nobody = judged(&[], &[WrongCall::Kept], without(|fact| matches!(fact, Fact::Accepted { .. })));
    assert_inconclusive(&by_nobody, &["right", "kept at panorama: aws never said who called Ask"]);
    let right = |fact: &Fact| matches!(fact, Fact::Called { wrong, .. } if wrong.is_empty());
    let unasked = judged(&[], &[WrongCall::Scope], without(right));
    assert_inconclusive(&unasked, &["right", "scope at panorama: ops called nothing as it should be"]);
}

#[test]
fn each_service_must_be_called_in_each_way_in_each_of_its_forms() {
    let nothing = judged(&[JobKind::Update], &[WrongCall::Late], |told| told.clear());
    assert_inconclusive(&nothing, &["called", "late at panorama: ops told of no call"]);
    let by_query =
        |fact: &Fact| matches!(fact, Fact::Called { form, wrong, .. } if form == "query" && wrong == "late");
    let verdict = judged(&[], &[WrongCall::Late], without(by_query));
    assert_inconclusive(&verdict, &["called", "late at monitoring (query): ops told of no call"]);
    let elsewhere = |fact: &Fact| matches!(fact, Fact::Called { wrong, .. } if wrong == "service");
    let verdict = judged(&[], &[WrongCall::Scope], without(elsewhere));
    assert_inconclusive(&verdict, &["called", "scope (service) at panorama: ops told of no call"]);
}
