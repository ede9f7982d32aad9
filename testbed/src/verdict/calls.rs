//! `calls`: operators called a cloud from outside; what they had an appliance do was done and is known there, and calls with
//! something wrong were refused and logged.
//!
//! What was answered is the operator's word, what was logged the cloud's, and what was done the appliance's.

mod refused;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use fake_facts::Fact;

use crate::names::{CheckName, NodeName};
use crate::observation::{NodeFact, Observations};
use crate::plan::Word;
use crate::scenario::model::{CloudService, JobKind};

use super::Finding;
use super::judge::Draft;
use super::wording::length;

/// How facts call the service.
const SERVICE: &str = "panorama";
/// What is asked of a device.
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
    service: &'a str,
    form: &'a str,
    operation: &'a str,
    wrong: &'a str,
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
        answered(self.status, self.code)
    }
}

pub(super) fn draft(check: &CheckName, word: &Word, seen: &Observations) -> Draft {
    let mut draft = Draft::default();
    let Word::Calls { by, of, cloud, does, refuses, at, within, .. } = word else { return draft };
    let asked = Asked { check, by, of, cloud, facts: &seen.facts };
    let error = seen.changes.iter().find(|change| change.check == *check).and_then(|one| one.error.clone());
    let nothing = error.unwrap_or_else(|| format!("{by} told of no call"));
    let longest = *within * seen.patience.max(1);
    let mut done = Vec::new();
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
    let mut refused = Vec::new();
    for wrong in refuses {
        let places = at.iter().flat_map(|service| refused::places(*service));
        let count = |place| asked.refuses(*wrong, place, &nothing, &mut draft);
        // All of them, not only up to the first that is not refused.
        if places.map(count).filter(|is_refused| !is_refused).count() == 0 {
            refused.push(wrong.word());
        }
    }
    draft.summary = summary(&asked, &done, (&refused, at));
    draft
}

fn summary(asked: &Asked<'_>, done: &[String], (refused, at): (&[&str], &[CloudService])) -> String {
    let done = if done.is_empty() { "nothing".to_owned() } else { done.join(", ") };
    let at = at.iter().map(|service| service.word()).collect::<Vec<_>>().join(", ");
    let refused = if refused.is_empty() { "nothing".to_owned() } else { refused.join(", ") };
    let Asked { by, of, cloud, .. } = asked;
    format!("{by} at {cloud}: {of} had {done} to do; refused at {at} is what is {refused}")
}

impl<'a> Asked<'a> {
    /// The calls of one order, as they were answered.
    fn calls(&self, what: &str) -> Vec<Called<'a>> {
        let name = order(self.check, what);
        let its = self.facts.iter().filter(|fact| fact.node == *self.by);
        let calls = its.filter_map(|fact| match &fact.line.fact {
            Fact::Called { order, service, form, operation, wrong, socket, status, code, said }
                if *order == name =>
            {
                let (at, code) = (fact.line.at, code.as_deref().unwrap_or_default());
                Some(Called {
                    at,
                    service,
                    form,
                    operation,
                    wrong,
                    socket: *socket,
                    status: *status,
                    code,
                    said,
                })
            }
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
        if !self.let_in(SERVICE, made.socket) {
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

    /// Whether a service of the cloud let a caller in, and knew who it was.
    fn let_in(&self, called: &str, socket: SocketAddr) -> bool {
        self.facts.iter().any(|fact| match &fact.line.fact {
            Fact::Accepted { service, peer, identity, .. } => {
                fact.node == *self.cloud && service == called && *peer == socket && !identity.is_empty()
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

/// A status, with the code of an error.
fn answered(status: u16, code: &str) -> String {
    let code = if code.is_empty() { String::new() } else { format!(" ({code})") };
    format!("status {status}{code}")
}

fn finding(text: String) -> Finding {
    Finding { text, pair: None, stops_at: None, packets: Vec::new(), by: None }
}
