//! What a cloud is told of a search for cameras that a job of its own asked for: just what was found.

use std::collections::BTreeSet;
use std::time::Duration;

use fake_facts::{Fact, Line};

use crate::names::NodeName;
use crate::observation::Observations;

use super::super::judge::Draft;
use super::super::wording::length;
use super::finding;

/// What the job is called that asks for a search.
const JOB: &str = "scan-cameras";
/// What details of a job's status are called that tell of cameras: this, and the same with a number behind it.
const DETAILS: &str = "cameras";
/// How a job ends that has come about.
const SUCCEEDED: &str = "SUCCEEDED";
/// What is told of nobody.
const NOBODY: &str = "none";

/// A search that a job asks for.
pub(super) struct Tasked<'a> {
    job: &'a str,
    pub(super) at: u64,
}

impl<'a> Tasked<'a> {
    /// The job that an appliance has said it was given.
    pub(super) fn among(facts: &[&'a Line]) -> Option<Self> {
        facts.iter().find_map(|line| match &line.fact {
            Fact::Tasked { job, operation } if operation == JOB => Some(Self { job, at: line.at }),
            _ => None,
        })
    }

    /// Whether the first question came as soon behind the job as it should.
    pub(super) fn judge_begun(
        &self,
        (at, first_at, within): (&NodeName, u64, Duration),
        packets: Vec<(String, u64)>,
        draft: &mut Draft,
    ) {
        let took = Duration::from_nanos(first_at.saturating_sub(self.at));
        if took > within {
            let text = format!(
                "{at} looked for cameras {} after a job said so, at most {} were allowed",
                length(took),
                length(within)
            );
            draft.findings.push(finding(text, packets));
        }
    }

    /// Whether the cloud was told that it is done, and of just these streams.
    pub(super) fn judge_told(
        &self,
        at: &NodeName,
        found: &BTreeSet<&str>,
        seen: &Observations,
        draft: &mut Draft,
    ) {
        let job = self.job;
        let end = seen.facts.iter().rev().find_map(|fact| match &fact.line.fact {
            Fact::Ended { thing, job: ended, status, details } if thing == at.as_str() && ended == job => {
                Some((&fact.node, status, details))
            }
            _ => None,
        });
        let mut find = |text: String| draft.findings.push(finding(text, Vec::new()));
        let Some((cloud, status, details)) = end else {
            return find(format!("{at} told no cloud what came of {job}"));
        };
        if status != SUCCEEDED {
            let why = details.get("reason").map(|why| format!(": {why}")).unwrap_or_default();
            return find(format!("{at} told {cloud} that {job} {status}{why}"));
        }
        let of_cameras = details.iter().filter(|(key, _)| is_of_cameras(key));
        let told: BTreeSet<_> =
            of_cameras.flat_map(|(_, said)| said.split_whitespace()).filter(|said| *said != NOBODY).collect();
        for stream in found.difference(&told) {
            find(format!("{at} told {cloud} nothing of {stream}, which it found"));
        }
        for stream in told.difference(found) {
            find(format!("{at} told {cloud} of {stream}, which it did not find"));
        }
        draft.summary += &format!("; {cloud} was told of {}", told.len());
    }
}

/// Whether this asks an appliance for a search for cameras.
pub(crate) fn asks_for_search(fact: &Fact) -> bool {
    matches!(fact, Fact::Tasked { operation, .. } if operation == JOB)
}

/// Whose search for cameras this is the end of, as a cloud is told of it.
pub(crate) fn ends_search(fact: &Fact) -> Option<&str> {
    match fact {
        Fact::Ended { thing, job, .. } if job.starts_with(JOB) => Some(thing),
        _ => None,
    }
}

fn is_of_cameras(key: &str) -> bool {
    key.strip_prefix(DETAILS).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}
