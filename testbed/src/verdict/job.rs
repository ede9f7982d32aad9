//! `job`: an appliance did what its cloud gave it to do, and what must come of it came; or it refused what was spoiled.
//!
//! How it went is the cloud's word, as is what came of it: which software the monitoring hears of, which certificate is shown.
//! What began anew after a restart is the appliance's. All of it comes within the time of the job: what comes later may be of
//! another.

use std::time::Duration;

use fake_facts::Fact;

use crate::names::{CheckName, NodeName};
use crate::observation::{NodeFact, Observations};
use crate::plan::{Plan, ServiceKind, Word};
use crate::scenario::model::JobKind;

use super::Finding;
use super::judge::Draft;
use super::wording::length;

/// What is asked of one job.
pub(crate) struct Asked<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) check: &'a CheckName,
    pub(crate) of: &'a NodeName,
    pub(crate) cloud: &'a NodeName,
    pub(crate) kind: JobKind,
    pub(crate) spoiled: bool,
}

/// A job as it was given.
struct Order<'a> {
    at: u64,
    job: &'a str,
    expects: &'a str,
}

/// How a job ended.
struct End<'a> {
    at: u64,
    status: &'a str,
    said: String,
    /// What was fetched and was not what the job says that it is.
    spoiled: Option<&'a str>,
}

/// How the names of a check's jobs begin; a number follows.
pub(crate) fn prefix(check: &CheckName, kind: JobKind) -> String {
    format!("{check}-{kind}")
}

impl<'a> Asked<'a> {
    /// Whether nothing more is to be waited for, of the job that was given since.
    pub(crate) fn is_over(&self, facts: &[NodeFact], since: u64) -> bool {
        let Some(order) = self.order(facts).filter(|order| order.at >= since) else { return false };
        let Some(end) = self.end(facts, &order) else { return false };
        self.spoiled || end.status != DONE || self.missing(facts, &order, u64::MAX).is_empty()
    }

    /// Whether the job that was given since is over by the appliance's own words.
    pub(crate) fn has_ended(&self, facts: &[NodeFact], since: u64) -> bool {
        self.order(facts)
            .filter(|order| order.at >= since)
            .is_some_and(|order| self.end(facts, &order).is_some())
    }

    /// The latest job of this kind that was given for the check.
    fn order<'f>(&self, facts: &'f [NodeFact]) -> Option<Order<'f>> {
        self.orders(facts).last()
    }

    /// All jobs of this kind that were given for the check, in their order.
    fn orders<'f>(&self, facts: &'f [NodeFact]) -> impl Iterator<Item = Order<'f>> {
        let prefix = prefix(self.check, self.kind);
        let is_its = move |job: &str| {
            let number = job.strip_prefix(&prefix).and_then(|rest| rest.strip_prefix('-'));
            number
                .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
        };
        facts.iter().filter_map(move |fact| match &fact.line.fact {
            Fact::Ordered { job, expects, .. } if fact.node == *self.cloud && is_its(job) => {
                Some(Order { at: fact.line.at, job, expects })
            }
            _ => None,
        })
    }

    fn end<'f>(&self, facts: &'f [NodeFact], order: &Order<'_>) -> Option<End<'f>> {
        facts.iter().find_map(|fact| match &fact.line.fact {
            Fact::Ended { job, status, details, .. } if fact.node == *self.cloud && job == order.job => {
                let said = details.get("reason").map(|reason| format!(": {reason}")).unwrap_or_default();
                let spoiled = details.get(SPOILED).map(String::as_str);
                Some(End { at: fact.line.at, status, said, spoiled })
            }
            _ => None,
        })
    }

    /// What must come of a job that is done, and did not until then.
    fn missing(&self, facts: &[NodeFact], order: &Order<'_>, until: u64) -> Vec<String> {
        let since = || facts.iter().filter(|fact| (order.at..=until).contains(&fact.line.at));
        let says = |node: &NodeName, is_it: &dyn Fn(&Fact) -> bool| {
            since().any(|fact| fact.node == *node && is_it(&fact.line.fact))
        };
        let mut missing = Vec::new();
        let mut ask = |seen: bool, text: String| missing.extend((!seen).then_some(text));
        let (of, expects) = (self.of, order.expects);
        if self.kind.fetches() {
            let came = |fact: &Fact| matches!(fact, Fact::Delivered { service, name } if service == "s3" && name.starts_with(order.job));
            ask(says(of, &came), "nothing of it was fetched from S3".into());
        }
        match self.kind {
            JobKind::Deployment | JobKind::Restart => {}
            JobKind::Update => ask(
                says(self.cloud, &|fact| is_fresh(fact, of, expects)),
                format!("its monitoring never heard of software {expects}"),
            ),
            JobKind::Configuration => ask(
                says(self.cloud, &|fact| is_set(fact, order.job, expects)),
                format!("it did not say that {expects} ms are set"),
            ),
            JobKind::Credentials => {
                for (service, whom) in [("iot", "IoT Core"), ("credentials", "the credentials provider")] {
                    let shown = |fact: &Fact| matches!(fact, Fact::Accepted { service: at, identity, .. } if at == service && identity == expects);
                    ask(says(self.cloud, &shown), format!("{whom} was never shown the new certificate"));
                }
            }
        }
        if self.kind.restarts() {
            for (service, camera) in self.anew() {
                let begun = |fact: &Fact| matches!(fact, Fact::Connected { service: to, camera: at, .. } if to == service && at.as_deref() == camera);
                let what = camera.map_or(service.to_owned(), |camera| format!("video of {camera}"));
                ask(says(of, &begun), format!("{what} did not begin anew"));
            }
        }
        missing
    }

    /// What begins anew after a restart: services of the cloud, and RTSP with each camera.
    fn anew(&self) -> Vec<(&'static str, Option<&'a str>)> {
        let mut anew = vec![("iot", None), ("monitoring", None), ("logs", None)];
        for service in self.plan.services.iter().filter(|service| service.node == *self.of) {
            if let ServiceKind::Appliance { cameras, .. } = &service.kind {
                anew.extend(cameras.iter().map(|source| ("rtsp", Some(source.camera.as_str()))));
            }
        }
        anew
    }
}

/// What a job that is done is called.
const DONE: &str = "SUCCEEDED";
/// What a job that was refused for what it fetched is called.
const REFUSED: &str = "FAILED";

/// The detail of a refusal that names what was fetched and has another hash.
const SPOILED: &str = "spoiled";

/// Whether monitoring hears of software, of a device that is online.
fn is_fresh(fact: &Fact, of: &NodeName, version: &str) -> bool {
    matches!(fact, Fact::Monitored { device, online: true, software: Some(software), .. } if device == of.as_str() && software == version)
}

/// Whether an end says that a configuration is in force.
fn is_set(fact: &Fact, of: &str, every: &str) -> bool {
    matches!(fact, Fact::Ended { job, details, .. } if job == of && details.get("monitorEveryMs").is_some_and(|said| said == every))
}

pub(super) fn draft(plan: &Plan, check: &CheckName, word: &Word, seen: &Observations) -> Draft {
    let mut draft = Draft::default();
    let Word::Job { of, cloud, does, spoiled, within, .. } = word else { return draft };
    let mut told = Vec::new();
    if does.is_empty() {
        draft.reasons.add("vacuous", "no job is named");
    }
    for (place, kind) in does.iter().enumerate() {
        let asked = Asked { plan, check, of, cloud, kind: *kind, spoiled: *spoiled };
        // The same may be given several times.
        let before = does[..place].iter().filter(|one| *one == kind).count();
        let Some(order) = asked.orders(&seen.facts).nth(before) else {
            let change = seen.changes.iter().find(|change| change.check == *check);
            let why = change.and_then(|change| change.error.clone());
            let why = why.unwrap_or_else(|| "what came before was not done".into());
            draft.reasons.add("given", format!("no {kind} was given to {of}: {why}"));
            continue;
        };
        let longest = *within * seen.patience.max(1);
        match judge(&asked, &order, longest, &seen.facts) {
            Ok(took) => told.push(format!("{kind} {}", length(took))),
            Err(text) => draft.findings.push(finding(text)),
        }
    }
    let what = if *spoiled { "refused, spoiled" } else { "done" };
    let told = if told.is_empty() { "nothing".to_owned() } else { told.join(", ") };
    draft.summary = format!("{of}, by jobs of {cloud}: {told}; {what}");
    draft
}

/// How long a job took that went as it should; or what did not.
fn judge(
    asked: &Asked<'_>,
    order: &Order<'_>,
    longest: Duration,
    facts: &[NodeFact],
) -> Result<Duration, String> {
    let (of, kind) = (asked.of, asked.kind);
    let tasked = facts.iter().any(|fact| {
        fact.node == *of && matches!(&fact.line.fact, Fact::Tasked { job, .. } if job == order.job)
    });
    if !tasked {
        return Err(format!("{kind}: {of} was never told of it"));
    }
    let end = asked.end(facts, order).ok_or_else(|| format!("{kind}: {of} did not say how it ended"))?;
    let wanted = if asked.spoiled { REFUSED } else { DONE };
    if end.status != wanted {
        let what = if asked.spoiled { "what it fetched was not what the job says, and it" } else { "it" };
        return Err(format!("{kind}: {what} ended {}{}", end.status, end.said));
    }
    let is_its = |name: &str| name.strip_prefix(order.job).is_some_and(|rest| rest.starts_with('/'));
    if asked.spoiled {
        // It may as well have reached nobody.
        if !end.spoiled.is_some_and(is_its) {
            return Err(format!("{kind}: it ended {}, and not for what it fetched{}", end.status, end.said));
        }
    } else {
        ask_what_came(asked, order, longest, facts)?;
    }
    let took = Duration::from_nanos(end.at.saturating_sub(order.at));
    if took > longest {
        return Err(format!("{kind}: it took {}, and not at most {}", length(took), length(longest)));
    }
    Ok(took)
}

/// What must come of a job came, and in time.
fn ask_what_came(
    asked: &Asked<'_>,
    order: &Order<'_>,
    longest: Duration,
    facts: &[NodeFact],
) -> Result<(), String> {
    let (of, kind) = (asked.of, asked.kind);
    let said = |missing: &[String]| format!("{kind}: {of} says that it is done; {}", missing.join("; "));
    let never = asked.missing(facts, order, u64::MAX);
    if !never.is_empty() {
        return Err(said(&never));
    }
    let until = order.at.saturating_add(u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX));
    match asked.missing(facts, order, until) {
        late if late.is_empty() => Ok(()),
        late => Err(format!("{}, within {}", said(&late), length(longest))),
    }
}

fn finding(text: String) -> Finding {
    Finding { text, pair: None, stops_at: None, packets: Vec::new(), by: None }
}
