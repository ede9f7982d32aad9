//! `periodic`: something came at regular times, and none was missing, faults aside.

use std::time::Duration;

use fake_facts::Fact;

use crate::names::NodeName;
use crate::observation::{ChangeSeen, NodeFact, Observations};
use crate::scenario::model::Event;

use super::Finding;
use super::judge::Draft;
use super::wording::{counted, length};

/// What is asked for.
pub(super) struct Asked<'a> {
    pub(super) event: Event,
    pub(super) of: &'a NodeName,
    pub(super) every: Duration,
    pub(super) tolerance: Duration,
    pub(super) gaps: u64,
    pub(super) missing: u64,
}

/// When the cloud confirmed something to an appliance, nanoseconds since 1970.
pub(crate) fn times(facts: &[NodeFact], event: Event, of: &NodeName) -> Vec<u64> {
    let is_it = |fact: &&NodeFact| {
        fact.node == *of
            && matches!(&fact.line.fact, Fact::Delivered { service, .. } if service == event.service())
    };
    facts.iter().filter(is_it).map(|fact| fact.line.at).collect()
}

/// Those of them that gaps are counted from. What the cloud asks by jobs waits for an appliance that is not there yet: the first
/// answer comes when it does, and not at its time.
pub(crate) fn counted_times(facts: &[NodeFact], event: Event, of: &NodeName) -> Vec<u64> {
    let mut times = times(facts, event, of);
    if event == Event::MonitorJob && !times.is_empty() {
        times.remove(0);
    }
    times
}

/// From one to the next, where no check had done anything to the site meanwhile.
pub(crate) fn undisturbed(times: &[u64], changes: &[ChangeSeen]) -> Vec<Duration> {
    let disturbed =
        |from: u64, until: u64| changes.iter().any(|change| from < change.end_at && change.at < until);
    let gaps = times.windows(2).filter(|pair| !disturbed(pair[0], pair[1]));
    gaps.map(|pair| Duration::from_nanos(pair[1].saturating_sub(pair[0]))).collect()
}

/// From one of these times to the next, where no check had done anything to the site meanwhile, nor had a client of that very
/// service met somebody else in its place.
///
/// What had waited for the end of a change comes all at once, and says nothing of how often something comes: behind a disturbed gap, as
/// many that are shorter than `every` less `tolerance` are none as could have come within it.
pub(crate) fn gaps(
    times: &[u64],
    (event, every, tolerance): (Event, Duration, Duration),
    facts: &[NodeFact],
    changes: &[ChangeSeen],
) -> Vec<Duration> {
    let met = facts.iter().filter_map(|fact| match &fact.line.fact {
        Fact::StoodIn { service, .. } if service == event.service() => Some(fact.line.at),
        _ => None,
    });
    let met: Vec<u64> = met.collect();
    let (mut gaps, mut waited) = (Vec::new(), 0);
    for pair in times.windows(2) {
        let length = Duration::from_nanos(pair[1].saturating_sub(pair[0]));
        if met.iter().any(|at| (pair[0]..pair[1]).contains(at)) {
            waited = 0;
        } else if undisturbed(pair, changes).is_empty() {
            waited = waited.max(length.as_nanos().div_ceil(every.as_nanos().max(1)));
        } else if waited > 0 && length < every.saturating_sub(tolerance) {
            waited -= 1;
        } else {
            waited = 0;
            gaps.push(length);
        }
    }
    gaps
}

pub(super) fn draft(asked: &Asked<'_>, seen: &Observations) -> Draft {
    let mut draft = Draft::default();
    let Asked { event, of, every, tolerance, gaps: wanted, missing } = *asked;
    let times = counted_times(&seen.facts, event, of);
    let between = |times: &[u64]| gaps(times, (event, every, tolerance), &seen.facts, &seen.changes);
    let all = between(&times);
    let last = times.last().filter(|last| between(&[**last, seen.until]).len() == 1);
    let silence = last.map_or(Duration::ZERO, |last| Duration::from_nanos(seen.until.saturating_sub(*last)));
    let bad: Vec<_> = all.iter().filter(|gap| gap.abs_diff(every) > tolerance).collect();
    let absent: u64 = all.iter().chain([&silence]).map(|gap| absent(*gap, every, tolerance)).sum();
    let (shortest, longest) = (all.iter().min(), all.iter().max());
    let span = match (shortest, longest) {
        (Some(shortest), Some(longest)) => format!("{} to {}", length(*shortest), length(*longest)),
        _ => "none".to_owned(),
    };
    draft.summary = format!("{event} of {of}: {} of {span}, {absent} missing", counted(all.len(), "gap"));
    let bounds = format!("{} give or take {}", length(every), length(tolerance));
    if !bad.is_empty() {
        let text = format!(
            "{event} of {of}: {} of {} are not {bounds} ({span})",
            bad.len(),
            counted(all.len(), "gap")
        );
        draft.findings.push(finding(text));
    }
    if silence > every + tolerance {
        let text = format!("{event} of {of}: nothing came for {} at the end", length(silence));
        draft.findings.push(finding(text));
    }
    if absent > missing {
        draft
            .findings
            .push(finding(format!("{event} of {of}: {absent} missing (at most {missing} allowed)")));
    }
    let known = u64::try_from(all.len()).unwrap_or(u64::MAX);
    if known < wanted {
        draft.reasons.add("vacuous", format!("{known} of {wanted} gaps were seen"));
    }
    draft
}

/// How many should have come within a gap and did not.
fn absent(gap: Duration, every: Duration, tolerance: Duration) -> u64 {
    if gap <= every + tolerance {
        return 0;
    }
    let whole = (gap.as_nanos() + every.as_nanos() / 2) / every.as_nanos().max(1);
    u64::try_from(whole).unwrap_or(u64::MAX).saturating_sub(1)
}

fn finding(text: String) -> Finding {
    Finding { text, pair: None, stops_at: None, packets: Vec::new(), by: None }
}
