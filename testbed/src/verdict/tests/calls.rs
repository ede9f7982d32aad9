//! `calls`: done and known as it should be; each thing that can be missing of that; and what is believed, refused otherwise, or
//! not logged.

use std::time::Duration;

use fake_facts::{Fact, Line};

use super::super::example::{START, of};
use super::*;
use crate::observation::NodeFact;
use crate::scenario::model::{JobKind, WrongCall};

const CHECK: &str = "dock-alone";
const MS: u64 = 1_000_000;

fn said(node: &str, at: u64, fact: Fact) -> NodeFact {
    NodeFact { node: of(node), line: Line { at: START + at * MS, fact } }
}

fn called(what: &str, operation: &str, port: u16, status: (u16, &str), told: &[(&str, &str)]) -> Fact {
    let (status, code) = status;
    Fact::Called {
        order: format!("{CHECK}-{what}"),
        operation: operation.into(),
        socket: format!("203.0.113.50:{port}").parse().unwrap(),
        status,
        code: (!code.is_empty()).then(|| code.to_owned()),
        said: told.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect(),
    }
}

fn at_aws(port: u16, refused: Option<&str>) -> Fact {
    let (service, peer) = ("panorama".to_owned(), format!("203.0.113.50:{port}").parse().unwrap());
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
        said("aws", 10, at_aws(4001, None)),
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

/// A call that is refused as it should be, beside one that is right.
fn good_refusal(wrong: WrongCall) -> Vec<NodeFact> {
    let (code, reason) = match wrong {
        WrongCall::Unsigned => ("MissingAuthenticationTokenException", "the request is not signed"),
        WrongCall::Altered => ("InvalidSignatureException", "the request signature does not match the one"),
        WrongCall::Late => ("InvalidSignatureException", "signature expired: signed at then"),
        WrongCall::Expired => ("ExpiredTokenException", "the security token expired at then"),
    };
    let (what, port) = (wrong.word(), 5000 + 2 * wrong as u16);
    vec![
        said("ops", 600, called(what, "DescribeDevice", port, (200, ""), &[])),
        said("aws", 610, at_aws(port + 1, Some(&format!("{code}: {reason}")))),
        said("ops", 620, called(what, "UpdateDeviceMetadata", port + 1, (403, code), &[])),
    ]
}

fn judged(does: &[JobKind], refuses: &[WrongCall], change: impl FnOnce(&mut Vec<NodeFact>)) -> CheckVerdict {
    let with_calls = |plan: &mut Plan| {
        check_of(plan, CHECK).word = Word::Calls {
            by: of("ops"),
            of: of("app"),
            cloud: of("aws"),
            does: does.to_vec(),
            refuses: refuses.to_vec(),
            within: Duration::from_secs(1),
            session: Duration::from_secs(4),
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
    let summary = "ops at aws: app had update 500.0 ms, restart 500.0 ms to do; refused is what is unsigned, \
                   altered, late, expired";
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

#[test]
fn what_is_believed_refused_for_something_else_or_not_logged_is_found() {
    for wrong in WrongCall::ALL {
        let fails = |change: Change, text: &str| {
            assert_fails(&judged(&[], &[wrong], change), &[&format!("{wrong}: {text}")]);
        };
        let (code, words) = match wrong {
            WrongCall::Unsigned => ("MissingAuthenticationTokenException", "not signed"),
            WrongCall::Altered => ("InvalidSignatureException", "does not match"),
            WrongCall::Late => ("InvalidSignatureException", "signature expired"),
            WrongCall::Expired => ("ExpiredTokenException", "expired at"),
        };
        let believed = answers("UpdateDeviceMetadata", (200, ""));
        fails(Box::new(believed), "aws answers with status 200, and not with status 403");
        let otherwise = answers("UpdateDeviceMetadata", (403, "AccessDenied"));
        let text = format!("aws refuses it with status 403 (AccessDenied), and not with {code}");
        fails(Box::new(otherwise), &text);
        let text = format!("aws did not log that it refused it: \"{words}\"");
        let unlogged = without(|fact| matches!(fact, Fact::Refused { .. }));
        fails(Box::new(unlogged), &text);
        let of_another = |told: &mut Vec<NodeFact>| {
            for fact in told {
                if let Fact::Refused { peer, .. } = &mut fact.line.fact {
                    peer.set_port(1);
                }
            }
        };
        fails(Box::new(of_another), &text);
    }
}

#[test]
fn a_cloud_that_refuses_what_is_right_shows_nothing() {
    let verdict = judged(&[], &[WrongCall::Late], answers("DescribeDevice", (403, "InvalidSignature")));
    let texts = ["right", "late: DescribeDevice, as it should be, has status 403 (InvalidSignature)"];
    assert_inconclusive(&verdict, &texts);
    let nothing = judged(&[JobKind::Update], &[WrongCall::Late], |told| told.clear());
    assert_inconclusive(&nothing, &["called", "late: ops told of no call"]);
}
