//! One check after the other: what every word has in common (features, taps), and which word judges.

use crate::names::CheckName;
use crate::observation::{Gap, Observations};
use crate::plan::{Check, Plan, Word};

use super::stand_in;
use super::wording::Reasons;
use super::{CheckVerdict, ControlSeen, CoveredSeen, Finding, Judgement, MatrixSeen, PauseSeen, Verdict};
use super::{
    address, after, attacks, calls, carries, clock, direction, endures, explained, inventory, job, lint,
    listens, matrix, members, moved, name, names_agree, no_bridge, no_hop, no_reach, no_stream, no_video,
    own_leg, peers_of, periodic, plays, reach, rtsp, scan, spare, taint, talks, tls,
};

/// Judges a run: one verdict per check of the plan, in the plan's order.
///
/// A check fails if something was seen that should not be, whatever else was missed. It passes only if nothing was
/// found and every control held; otherwise it is inconclusive, and every control that was missed is named.
pub fn judge(plan: &Plan, seen: &Observations) -> Judgement {
    let checks = plan.checks.iter().map(|check| judge_check(plan, check, seen)).collect();
    Judgement { scenario: plan.scenario.clone(), checks }
}

/// What a word says of its check, before it is put into a verdict.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// What was seen, in one line.
    pub(super) summary: String,
    /// What should not be.
    pub(super) findings: Vec<Finding>,
    /// What was missed.
    pub(super) reasons: Reasons,
    /// Controls, counted.
    pub(super) controls: Vec<ControlSeen>,
    /// How what goes on paused.
    pub(super) pauses: Vec<PauseSeen>,
    /// Where everything was sent.
    pub(super) covered: Vec<CoveredSeen>,
    /// The three-way table of a matrix.
    pub(super) matrix: Option<MatrixSeen>,
}

/// The verdict on another check, for one that stands on it; none if the plan does not have it.
pub(super) fn verdict_on(plan: &Plan, name: &CheckName, seen: &Observations) -> Option<Verdict> {
    let check = plan.checks.iter().find(|check| check.name == *name)?;
    Some(judge_check(plan, check, seen).verdict)
}

fn judge_check(plan: &Plan, check: &Check, seen: &Observations) -> CheckVerdict {
    let (word, mut draft) = draft(plan, check, seen);
    ask_for_whole_captures(seen, &check.word, &mut draft.reasons);
    let lacks = ask_for_features(check, seen, &mut draft);
    ask_for_a_whole_folder(&check.word, seen, &mut draft);
    after::during(check, seen, &mut draft);
    let reasons = draft.reasons.lines();
    let verdict = match (draft.findings.is_empty(), reasons.is_empty()) {
        (false, _) => Verdict::Fail,
        (_, false) => Verdict::Inconclusive,
        _ => Verdict::Pass,
    };
    CheckVerdict {
        check: check.name.clone(),
        place: check.place.clone(),
        proves: check.proves.clone(),
        word: word.to_owned(),
        verdict,
        summary: draft.summary,
        findings: draft.findings,
        reasons,
        lacks,
        controls: draft.controls,
        pauses: draft.pauses,
        covered: draft.covered,
        matrix: draft.matrix,
    }
}

/// The name of a check's word, and what that says of it.
fn draft(plan: &Plan, check: &Check, seen: &Observations) -> (&'static str, Draft) {
    match &check.word {
        Word::Reach { opens } => ("reach", reach::draft(check, opens, seen)),
        Word::NoReach { aims, alive, forgotten } => {
            let mut draft = no_reach::draft(check, aims, alive, seen);
            forgotten.iter().for_each(|one| moved::ask_left(one, aims, seen, &mut draft));
            ("no_reach", draft)
        }
        Word::Plays { .. } => ("plays", plays::draft(plan, check, seen)),
        Word::Direction { .. } => ("direction", direction::draft(plan, check, seen)),
        Word::PeersOf { .. } => ("peers_of", peers_of::draft(plan, check, seen)),
        Word::Members { .. } => ("members", members::draft(plan, check, seen)),
        Word::Inventory { of } => ("inventory", inventory::draft(plan, of, seen)),
        Word::NoStream { tries, may, joins, hears, .. } => {
            ("no_stream", no_stream::draft(check, (tries, may), (joins, hears), seen))
        }
        Word::NoVideo { cameras, at } => ("no_video", no_video::draft(plan, (cameras, at), seen)),
        Word::Attacks { of } => ("attacks", attacks::draft(plan, of, seen)),
        Word::Scan { at, finds, beyond, by_job } => {
            ("scan", scan::draft(plan, (at, finds, beyond, *by_job), seen))
        }
        Word::Clock { .. } => ("clock", clock::draft(plan, check, seen)),
        Word::Periodic { event, of, every, tolerance, gaps, missing } => {
            let (event, every, tolerance, gaps, missing) = (*event, *every, *tolerance, *gaps, *missing);
            let asked = periodic::Asked { event, of, every, tolerance, gaps, missing };
            ("periodic", periodic::draft(&asked, seen))
        }
        Word::Job { .. } => ("job", job::draft(plan, &check.name, &check.word, seen)),
        Word::Calls { .. } => ("calls", calls::draft(&check.name, &check.word, seen)),
        Word::Talks { .. } => ("talks", talks::draft(plan, &check.word, seen)),
        Word::Endures { .. } => ("endures", endures::draft(plan, check, seen)),
        Word::NamesAgree { flows } => ("names_agree", names_agree::draft(plan, flows, seen)),
        Word::Rtsp { flows, methods, ways, nowhere_else } => {
            let asked = rtsp::Asked { flows, methods, ways, nowhere_else: *nowhere_else };
            ("rtsp", rtsp::draft(plan, &asked, seen))
        }
        Word::After { says, fault, within, resume, stops, aims, alive, .. } => {
            let within = *within;
            let asked = after::Asked { says, fault, within, resume, stops, aims, alive };
            ("after", after::draft(plan, check, &asked, seen))
        }
        Word::Spare { of } => ("spare", spare::draft(plan, of, seen)),
        Word::Address { of, advised, kept } => ("address", address::draft(plan, (of, advised), *kept, seen)),
        Word::Carries { .. } => ("carries", carries::draft(plan, check, seen)),
        Word::NoBridge { crossings, alive } => ("no_bridge", no_bridge::draft(check, crossings, alive, seen)),
        Word::NoHop { hops, alive } => ("no_hop", no_hop::draft(plan, check, (hops, alive), seen)),
        Word::OwnLeg { questions } => ("own_leg", own_leg::draft(check, questions, seen)),
        Word::Listens { of, at } => ("listens", listens::draft(check, of, at, seen)),
        Word::Explained { segments, upkeep, unused } => {
            let asked = explained::Asked { segments, upkeep, unused: *unused };
            ("explained", explained::draft(plan, &asked, seen))
        }
        Word::Matrix { .. } => ("matrix", matrix::draft(plan, check, seen)),
        Word::Name { .. } => ("name", name::draft(plan, &check.word, seen)),
        Word::Taint { .. } => ("taint", taint::draft(plan, &check.word, seen)),
        Word::Tls { flows, min, refuses, instead_of, cloud } => {
            let places = stand_in::Places { check: &check.name, cloud: cloud.as_ref(), instead_of };
            let asked = tls::Asked { flows, min: *min, refuses, places };
            ("tls", tls::draft(plan, &asked, seen))
        }
        Word::Lint { .. } => ("lint", lint::draft(plan, &check.word, seen)),
    }
}

/// Frames that a tap did not get may be the very ones that matter.
fn ask_for_whole_captures(seen: &Observations, word: &Word, reasons: &mut Reasons) {
    if matches!(word, Word::Lint { .. } | Word::Listens { .. }) {
        return; // no frame is looked at
    }
    if seen.taps.dropped > 0 {
        reasons.add("taps", format!("the kernel dropped {} frames for want of room", seen.taps.dropped));
    }
    let negative = !word.aims().is_empty()
        || matches!(word, Word::NoBridge { .. } | Word::NoHop { .. } | Word::OwnLeg { .. });
    if negative && seen.open_taps.dropped > 0 {
        let dropped = seen.open_taps.dropped;
        reasons.add("taps", format!("the kernel dropped {dropped} frames in the open copy for want of room"));
    }
    if seen.taps.frames == 0 && !matches!(word, Word::Plays { .. } | Word::Reach { .. }) {
        reasons.add("taps", "no frame was captured at all");
    }
}

/// Names each feature that the check needs and the kernel lacks, and gives their names. The site was then not built as it
/// is meant, so what was not seen here is no finding; what was seen and should not be stays one.
fn ask_for_features(check: &Check, seen: &Observations, draft: &mut Draft) -> Vec<String> {
    let lacking: Vec<_> =
        seen.missing.iter().filter(|(feature, _)| check.requires.contains(feature)).collect();
    for (feature, why) in &lacking {
        draft.reasons.add("feature", format!("needs `{feature}`, which is missing here ({why})"));
    }
    if !lacking.is_empty() {
        give_up(&mut draft.findings, &mut draft.reasons, "on a site that is not built as meant", |finding| {
            is_sighting(&check.word, finding)
        });
    }
    lacking.into_iter().map(|(feature, _)| feature.clone()).collect()
}

/// Names what a run folder does not hold of its run. What was missed may lie there, so that it is no finding; what was seen
/// stays one, unless packets that are missing may have made it look so.
fn ask_for_a_whole_folder(word: &Word, seen: &Observations, draft: &mut Draft) {
    if seen.gaps.is_empty() || matches!(word, Word::Lint { .. }) {
        return;
    }
    for Gap::End(text) | Gap::Hole(text) in &seen.gaps {
        draft.reasons.add("folder", text.clone());
    }
    let hole = seen.gaps.iter().any(|gap| matches!(gap, Gap::Hole(_)));
    give_up(&mut draft.findings, &mut draft.reasons, "in a folder that is not whole", |finding| {
        is_sighting(word, finding) && (!hole || is_numbered(word))
    });
}

/// Findings that do not stay are reasons from now on.
fn give_up(
    findings: &mut Vec<Finding>,
    reasons: &mut Reasons,
    whereabouts: &str,
    stays: impl Fn(&Finding) -> bool,
) {
    let (stay, yielding) = std::mem::take(findings).into_iter().partition(stays);
    *findings = stay;
    for finding in yielding {
        reasons.add(&format!("seen all the same, {whereabouts}"), finding.text);
    }
}

/// Whether a word judges by the numbers of packets that were sent on purpose: a number that was seen was seen.
fn is_numbered(word: &Word) -> bool {
    // bytes of a clip are as good as a number
    matches!(
        word,
        Word::NoReach { .. }
            | Word::NoBridge { .. }
            | Word::NoHop { .. }
            | Word::OwnLeg { .. }
            | Word::After { .. }
            | Word::Taint { .. }
            | Word::Matrix { .. }
    )
}

/// Whether a finding tells of something that was there, whatever the kernel lacks, and not of something that was missed.
///
/// Where a word has both kinds, only what was seen cites packets.
fn is_sighting(word: &Word, finding: &Finding) -> bool {
    match word {
        Word::NoReach { .. }
        | Word::NoBridge { .. }
        | Word::NoHop { .. }
        | Word::OwnLeg { .. }
        | Word::Direction { .. }
        | Word::Taint { .. }
        | Word::Tls { .. }
        | Word::NamesAgree { .. }
        | Word::Rtsp { .. }
        | Word::NoVideo { .. }
        | Word::NoStream { .. }
        | Word::Inventory { .. }
        | Word::Lint { .. } => true,
        Word::PeersOf { .. }
        | Word::Carries { .. }
        | Word::Members { .. }
        | Word::Talks { .. }
        | Word::After { .. } => !finding.packets.is_empty(),
        // An opening that nobody used may have been missed; a node whose state has changed was looked at.
        Word::Explained { .. } => !finding.packets.is_empty() || finding.stops_at.is_some(),
        // Who listens was looked at; who does not may have been slow.
        Word::Listens { .. } => finding.stops_at.is_some(),
        // A packet that arrived names its device; what did not arrive may have been missed.
        Word::Matrix { .. } => finding.stops_at.is_some(),
        Word::Reach { .. }
        | Word::Plays { .. }
        | Word::Clock { .. }
        | Word::Scan { .. }
        | Word::Attacks { .. }
        | Word::Job { .. }
        | Word::Endures { .. }
        | Word::Calls { .. }
        | Word::Periodic { .. }
        | Word::Spare { .. }
        | Word::Address { .. }
        | Word::Name { .. } => false,
    }
}
