//! `after`: through a fault, what goes on paused for no longer than allowed, and nothing that is shut was open for a
//! packet.

use std::time::Duration;

use fake_facts::Fact;

use crate::names::NodeName;
use crate::observation::{AimSeen, ChangeSeen, Observations};
use crate::plan::fault::Fault;
use crate::plan::{Aim, Check, GoingOn, Open, Plan};
use crate::scenario::model::Event;

use super::judge::Draft;
use super::wording::length;
use super::{Finding, PauseSeen, leak, moved, no_reach, periodic, spare, stray};

/// How long before the fault something may have come last, beside the longest pause that is allowed.
const MOMENT: Duration = Duration::from_secs(1);

/// How long a site may take to be as it was once the fault is mended, nanoseconds: until then the fault goes on.
const BACK: u64 = 1_000_000_000;

/// What comes so soon after a fault may have been under way already, nanoseconds.
const UNDER_WAY: u64 = 300_000_000;

/// What is asked for.
pub(super) struct Asked<'a> {
    pub(super) says: &'a str,
    pub(super) fault: &'a Fault,
    pub(super) within: Duration,
    pub(super) resume: &'a [GoingOn],
    pub(super) stops: &'a [GoingOn],
    pub(super) aims: &'a [Aim],
    pub(super) alive: &'a [Open],
}

pub(super) fn draft(plan: &Plan, check: &Check, asked: &Asked<'_>, seen: &Observations) -> Draft {
    let mut draft = Draft::default();
    let Some(change) = seen.changes.iter().find(|change| change.check == check.name) else {
        draft.reasons.add("fault", format!("`{}` was not carried out", asked.says));
        draft.summary = format!("`{}` was not carried out", asked.says);
        return draft;
    };
    if !asked.aims.is_empty() {
        draft = no_reach::draft(check, asked.aims, asked.alive, seen);
        draft.findings = leaks(check, asked, change, seen);
    }
    if asked.aims.is_empty() && asked.resume.is_empty() && asked.stops.is_empty() {
        draft.reasons.add("vacuous", "nothing is asked to go on, to stop, or to stay shut");
    }
    draft.findings.splice(0..0, wrong_plugs(plan, asked.fault).map(finding));
    draft.findings.splice(0..0, change.done.taken.clone().map(finding));
    let times = match change.done.again {
        0 => String::new(),
        again => format!(" {} times", u64::from(again) + 1),
    };
    let mut words =
        vec![format!("`{}`{times} for {}", asked.says, length(between(change.at, change.then_at)))];
    words.extend(met_no_room(asked, change, &mut draft));
    for one in asked.resume {
        let (word, pause) = judge(one, asked, change, seen, &mut draft);
        words.push(word);
        draft.pauses.extend(pause);
    }
    words.extend(asked.stops.iter().map(|one| stopped(one, asked, change, seen, &mut draft)));
    if !asked.aims.is_empty() {
        words.push(std::mem::take(&mut draft.summary));
    }
    draft.summary = words.join("; ");
    if let Some(error) = &change.error {
        draft.reasons.add("fault", error.clone());
    }
    moved::ask_there(asked, change, seen, &mut draft);
    draft
}

/// What a full table had no room for, in words. Where that is nothing, nothing has met it.
fn met_no_room(asked: &Asked<'_>, change: &ChangeSeen, draft: &mut Draft) -> Option<String> {
    let Fault::FillState { node } = asked.fault else { return None };
    match change.done.no_room {
        Some(packets @ 1..) => return Some(format!("{node} had no room for {packets} packets")),
        Some(0) => draft.reasons.add("fault", format!("no packet has met the full table of {node}")),
        None => {
            draft.reasons.add("fault", format!("whether packets met the full table of {node} is not known"))
        }
    }
    None
}

/// Spares of the links that the fault is about, if they are plugged in elsewhere.
fn wrong_plugs<'a>(plan: &'a Plan, fault: &'a Fault) -> impl Iterator<Item = String> {
    let ports: Vec<_> = fault.plugs().into_iter().flat_map(|plug| plug.ports.iter().cloned()).collect();
    plan.nodes.iter().flat_map(move |node| {
        let cut: Vec<_> = node.links.iter().filter(|link| ports.contains(&link.port)).collect();
        let wrong =
            cut.into_iter().filter_map(|main| spare::wrong_plug(node, node.spare_of(&main.name)?, main));
        wrong.collect::<Vec<_>>()
    })
}

fn finding(text: String) -> Finding {
    Finding { text, pair: None, stops_at: None, packets: Vec::new(), by: None }
}

fn between(from: u64, until: u64) -> Duration {
    Duration::from_nanos(until.saturating_sub(from))
}

/// Leaks and strays of the stream, those of each phase by themselves.
fn leaks(check: &Check, asked: &Asked<'_>, change: &ChangeSeen, seen: &Observations) -> Vec<Finding> {
    let over = change.then_at.saturating_add(BACK);
    let phases = [
        (0..change.at, format!("before `{}`", asked.says)),
        (change.at..over, format!("during `{}`", asked.says)),
        (over..u64::MAX, format!("after `{}` was mended", asked.says)),
    ];
    let of_phase = |times: &std::ops::Range<u64>| -> Vec<AimSeen> {
        let all = seen.aims.iter().filter(|aim| aim.check == check.name).cloned();
        let within = |mut aim: AimSeen| {
            for kind in &mut aim.kinds {
                kind.arrived.retain(|one| times.contains(&one.at));
                kind.strays.retain(|one| times.contains(&one.at));
            }
            aim
        };
        all.map(within).collect()
    };
    let mut findings = Vec::new();
    for (times, phase) in phases {
        let aims = of_phase(&times);
        let aims: Vec<&AimSeen> = aims.iter().collect();
        let told = leak::findings(&aims).into_iter().chain(stray::findings(&aims));
        findings.extend(told.map(|one| Finding { text: format!("{phase}: {}", one.text), ..one }));
    }
    findings
}

/// Whether something went on, in words and as numbers.
fn judge(
    what: &GoingOn,
    asked: &Asked<'_>,
    change: &ChangeSeen,
    seen: &Observations,
    draft: &mut Draft,
) -> (String, Option<PauseSeen>) {
    let name = name(what);
    let times = times(what, seen);
    let before = times.iter().rfind(|at| **at < change.at);
    if before.is_none_or(|before| between(*before, change.at) > MOMENT + asked.within) {
        draft.reasons.add("alive", format!("{name} was not going on before `{}`", asked.says));
    }
    let Some(last) = times.last() else { return (format!("{name} was never seen"), None) };
    // What has not come by the end is a pause, too.
    let open = (*last < change.end_at).then_some((*last, change.end_at));
    let pauses: Vec<_> = times.windows(2).map(|pair| (pair[0], pair[1])).chain(open).collect();
    let longest = |from: u64, until: u64| {
        let meanwhile = pauses.iter().filter(|pause| from < pause.1 && pause.0 < until);
        // What goes on beyond the end is another check's matter.
        meanwhile.map(|pause| between(pause.0, pause.1.min(until))).max().unwrap_or_default()
    };
    let (at_fault, all) = (longest(change.at, change.then_at), longest(change.at, change.end_at));
    let came = times.iter().any(|at| (change.at.saturating_add(UNDER_WAY)..change.then_at).contains(at));
    if !came && between(change.at, change.then_at) > asked.within {
        draft.findings.push(finding(format!("{name} did not go on after `{}`", asked.says)));
    } else if all > asked.within {
        let text = format!("{name} paused for {}, longer than {}", length(all), length(asked.within));
        draft.findings.push(finding(text));
    }
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let word = match at_fault == all {
        true => format!("{name} paused for {} at most", length(all)),
        false => {
            format!("{name} paused for {} at most, and {} once it was mended", length(at_fault), length(all))
        }
    };
    (word, Some(PauseSeen { what: name, at_fault_us: micros(at_fault), longest_us: micros(all) }))
}

/// Whether something stopped as long as the fault stood, and went on in time once it was mended; in words.
fn stopped(
    what: &GoingOn,
    asked: &Asked<'_>,
    change: &ChangeSeen,
    seen: &Observations,
    draft: &mut Draft,
) -> String {
    let (name, times) = (name(what), times(what, seen));
    let before = times.iter().rfind(|at| **at < change.at);
    if before.is_none_or(|before| between(*before, change.at) > MOMENT + asked.within) {
        draft.reasons.add("alive", format!("{name} was not going on before `{}`", asked.says));
    }
    let came = times.iter().filter(|at| (change.at.saturating_add(UNDER_WAY)..change.then_at).contains(at));
    let came = came.count();
    if came > 0 {
        let text = format!("{name} did not stop after `{}`: {came} more", asked.says);
        draft.findings.push(finding(text));
    }
    if let GoingOn::Reports { event: Event::MonitorJob, of } = what
        && !told_offline(of, change, seen)
    {
        let text = format!("nobody was told that {of} is offline as long as `{}` stood", asked.says);
        draft.findings.push(finding(text));
    }
    match times.iter().find(|at| **at >= change.then_at) {
        None => {
            // What never came cannot go on.
            let text = format!("{name} did not go on once `{}` was mended", asked.says);
            draft.findings.extend(before.map(|_| finding(text)));
            format!("{name} stopped")
        }
        Some(at) => {
            let after = between(change.then_at, *at);
            if after > asked.within {
                let bound = length(asked.within);
                let text =
                    format!("{name} went on {} after it was mended, later than {bound}", length(after));
                draft.findings.push(finding(text));
            }
            format!("{name} stopped, and went on {} after it was mended", length(after))
        }
    }
}

/// Whether its cloud has said meanwhile that a device does not answer any more.
fn told_offline(of: &NodeName, change: &ChangeSeen, seen: &Observations) -> bool {
    let offline =
        |fact: &Fact| matches!(fact, Fact::Monitored { device, online: false, .. } if device == of.as_str());
    let meanwhile = change.at..change.then_at;
    seen.facts.iter().any(|fact| meanwhile.contains(&fact.line.at) && offline(&fact.line.fact))
}

fn name(what: &GoingOn) -> String {
    match what {
        GoingOn::Video { camera, at } => format!("video of {camera} at {at}"),
        GoingOn::Reports { event, of } => format!("{event} of {of}"),
    }
}

/// When something came, nanoseconds since 1970.
fn times(what: &GoingOn, seen: &Observations) -> Vec<u64> {
    match what {
        GoingOn::Reports { event, of } => periodic::times(&seen.facts, *event, of),
        GoingOn::Video { camera, at } => {
            let arrived = seen.facts.iter().filter_map(|fact| match &fact.line.fact {
                Fact::Video(video) if fact.node == *at && video.camera == camera.as_str() => {
                    Some(&video.arrived)
                }
                _ => None,
            });
            arrived.flatten().copied().collect()
        }
    }
}

/// What stood while a check was carried out, and whether it did.
pub(super) fn during(check: &Check, seen: &Observations, draft: &mut Draft) {
    let Some(stands) = &check.during else { return };
    match seen.changes.iter().find(|change| change.check == check.name) {
        None => draft.reasons.add("fault", "what should stand meanwhile was not carried out"),
        Some(change) => {
            if let Some(error) = &change.error {
                draft.reasons.add("fault", error.clone());
            }
            moved::ask_asker(&stands.fault, change, seen, draft);
        }
    }
}
