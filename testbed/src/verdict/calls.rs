//! `calls`: operators called a cloud from outside; what they had an appliance do was done and is known there, and calls with
//! something wrong were refused and logged.
//!
//! What was answered is the operator's word, what was logged the cloud's, and what was done the appliance's.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use fake_facts::Fact;

use crate::names::{CheckName, NodeName};
use crate::observation::{NodeFact, Observations};
use crate::plan::Word;
use crate::scenario::model::{JobKind, WrongCall};

use super::Finding;
use super::judge::Draft;
use super::wording::length;

/// How facts call the service.
const SERVICE: &str = "panorama";
/// What a call with something wrong would do.
const WRONG: &str = "UpdateDeviceMetadata";
/// What is asked before and after, rightly.
const RIGHT: &str = "DescribeDevice";

/// What an order of a check is called.
pub(crate) fn order(check: &CheckName, what: &str) -> String {
    format!("{check}-{what}")
}

/// Who calls whom about whom.
struct Asked<'a> {
    check: &'a CheckName,
    by: &'a NodeName,
    of: &'a NodeName,
    cloud: &'a NodeName,
    facts: &'a [NodeFact],
}

/// A call as it was answered.
struct Called<'a> {
    at: u64,
    operation: &'a str,
    socket: SocketAddr,
    status: u16,
    code: &'a str,
    said: &'a BTreeMap<String, String>,
}

impl Called<'_> {
    fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    fn said(&self, field: &str) -> &str {
        self.said.get(field).map_or("nothing", String::as_str)
    }

    /// How it was answered.
    fn answer(&self) -> String {
        let code = if self.code.is_empty() { String::new() } else { format!(" ({})", self.code) };
        format!("status {}{code}", self.status)
    }
}

pub(super) fn draft(check: &CheckName, word: &Word, seen: &Observations) -> Draft {
    let mut draft = Draft::default();
    let Word::Calls { by, of, cloud, does, refuses, within, .. } = word else { return draft };
    let asked = Asked { check, by, of, cloud, facts: &seen.facts };
    let error = seen.changes.iter().find(|change| change.check == *check).and_then(|one| one.error.clone());
    let nothing = error.unwrap_or_else(|| format!("{by} told of no call"));
    let longest = *within * seen.patience.max(1);
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    for kind in does {
        let calls = asked.calls(kind.word());
        if calls.is_empty() && asked.failed(kind.word()).is_none() {
            draft.reasons.add("called", format!("{kind}: {nothing}"));
            continue;
        }
        match asked.work(*kind, &calls, longest) {
            Ok(took) => done.push(format!("{kind} {}", length(took))),
            Err(text) => draft.findings.push(finding(format!("{kind}: {text}"))),
        }
    }
    for wrong in refuses {
        let calls = asked.calls(wrong.word());
        let Some(call) = calls.iter().find(|call| call.operation == WRONG) else {
            let why = asked.failed(wrong.word()).unwrap_or(&nothing);
            draft.reasons.add("called", format!("{wrong}: {why}"));
            continue;
        };
        if let Some(bad) = calls.iter().find(|call| call.operation != WRONG && !call.is_good()) {
            let answer = bad.answer();
            draft.reasons.add("right", format!("{wrong}: {}, as it should be, has {answer}", bad.operation));
        }
        match asked.refused(*wrong, call) {
            Ok(()) => refused.push(wrong.word()),
            Err(text) => draft.findings.push(finding(format!("{wrong}: {text}"))),
        }
    }
    draft.summary = summary(&asked, &done, &refused);
    draft
}

fn summary(asked: &Asked<'_>, done: &[String], refused: &[&str]) -> String {
    let done = if done.is_empty() { "nothing".to_owned() } else { done.join(", ") };
    let refused = if refused.is_empty() { "nothing".to_owned() } else { refused.join(", ") };
    let Asked { by, of, cloud, .. } = asked;
    format!("{by} at {cloud}: {of} had {done} to do; refused is what is {refused}")
}

impl<'a> Asked<'a> {
    /// The calls of one order, as they were answered.
    fn calls(&self, what: &str) -> Vec<Called<'a>> {
        let name = order(self.check, what);
        let its = self.facts.iter().filter(|fact| fact.node == *self.by);
        let calls = its.filter_map(|fact| match &fact.line.fact {
            Fact::Called { order, operation, socket, status, code, said } if *order == name => Some(Called {
                at: fact.line.at,
                operation,
                socket: *socket,
                status: *status,
                code: code.as_deref().unwrap_or_default(),
                said,
            }),
            _ => None,
        });
        calls.collect()
    }

    /// Why a call of an order could not be made.
    fn failed(&self, what: &str) -> Option<&'a String> {
        let name = order(self.check, what);
        let mut its = self.facts.iter().filter(|fact| fact.node == *self.by);
        its.find_map(|fact| match &fact.line.fact {
            Fact::Failed { what, about: Some(about), error } if what == "call" && *about == name => {
                Some(error)
            }
            _ => None,
        })
    }

    /// How long it took until a job was known to be done; or what of it was not.
    fn work(&self, kind: JobKind, calls: &[Called<'_>], longest: Duration) -> Result<Duration, String> {
        let Self { by, of, cloud, .. } = self;
        if let Some(bad) = calls.iter().find(|call| !call.is_good()) {
            return Err(format!("{cloud} answers {by}'s {} with {}", bad.operation, bad.answer()));
        }
        let find = |operation: &str| {
            let found = calls.iter().find(|call| call.operation == operation);
            let why = self.failed(kind.word()).map_or("it was not called", String::as_str);
            found.ok_or_else(|| format!("{by} has no answer to {operation}: {why}"))
        };
        let made = find("CreateJobForDevices")?;
        if !self.let_in(made.socket) {
            return Err(format!("{cloud} never said who {by} is"));
        }
        let (job, version) = (made.said("JobId"), made.said("ImageVersion"));
        if !self.was_told(job) {
            return Err(format!("{of} was never told of {job}"));
        }
        let status = find("DescribeDeviceJob")?.said("Status");
        if status != "COMPLETED" {
            return Err(format!("{job} is {status}, by DescribeDeviceJob"));
        }
        if !self.begun_anew(made.at) {
            return Err(format!("{of} says that {job} is done, and did not begin anew with IoT Core"));
        }
        let known = find(RIGHT)?;
        let (state, software) = (known.said("DeviceConnectionStatus"), known.said("CurrentSoftware"));
        if state != "ONLINE" {
            return Err(format!("{of} is {state}, by {RIGHT}"));
        }
        if kind == JobKind::Update && software != version {
            return Err(format!("{of} runs {software}, by {RIGHT}, and not {version}"));
        }
        let took = Duration::from_nanos(known.at.saturating_sub(made.at));
        match took > longest {
            true => Err(format!("it took {}, and not at most {}", length(took), length(longest))),
            false => Ok(took),
        }
    }

    /// Whether a call was refused for what is wrong with it, and that was logged; else what was not.
    fn refused(&self, wrong: WrongCall, call: &Called<'_>) -> Result<(), String> {
        let (cloud, (code, words)) = (self.cloud, refusal(wrong));
        if call.status != FORBIDDEN {
            return Err(format!("{cloud} answers with {}, and not with status {FORBIDDEN}", call.answer()));
        }
        if call.code != code {
            return Err(format!("{cloud} refuses it with {}, and not with {code}", call.answer()));
        }
        let logged = |fact: &&NodeFact| match &fact.line.fact {
            Fact::Refused { service, peer, reason } => {
                service == SERVICE && *peer == call.socket && reason.contains(words)
            }
            _ => false,
        };
        let its = self.facts.iter().filter(|fact| fact.node == *cloud);
        match { its }.any(|fact| logged(&fact)) {
            true => Ok(()),
            false => Err(format!("{cloud} did not log that it refused it: \"{words}\"")),
        }
    }

    /// Whether the cloud let a caller in, and knew who it was.
    fn let_in(&self, socket: SocketAddr) -> bool {
        self.facts.iter().any(|fact| match &fact.line.fact {
            Fact::Accepted { service, peer, identity, .. } => {
                fact.node == *self.cloud && service == SERVICE && *peer == socket && !identity.is_empty()
            }
            _ => false,
        })
    }

    /// Whether the appliance has opened a session since, as it does after a restart.
    fn begun_anew(&self, since: u64) -> bool {
        self.facts.iter().any(|fact| {
            fact.node == *self.of
                && fact.line.at >= since
                && matches!(&fact.line.fact, Fact::Connected { service, .. } if service == "iot")
        })
    }

    /// Whether the appliance was told of a job.
    fn was_told(&self, name: &str) -> bool {
        self.facts.iter().any(|fact| {
            fact.node == *self.of && matches!(&fact.line.fact, Fact::Tasked { job, .. } if job == name)
        })
    }
}

/// The status of what is refused.
const FORBIDDEN: u16 = 403;

/// With which code a call is refused (IAM user guide, "Common errors"), and what its log must say.
fn refusal(wrong: WrongCall) -> (&'static str, &'static str) {
    match wrong {
        WrongCall::Unsigned => ("MissingAuthenticationTokenException", "not signed"),
        WrongCall::Altered => ("InvalidSignatureException", "does not match"),
        WrongCall::Late => ("InvalidSignatureException", "signature expired"),
        WrongCall::Expired => ("ExpiredTokenException", "expired at"),
    }
}

fn finding(text: String) -> Finding {
    Finding { text, pair: None, stops_at: None, packets: Vec::new(), by: None }
}
