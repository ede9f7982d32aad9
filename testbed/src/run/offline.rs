//! A run that is judged again from its folder alone: on any machine, without rights, with nothing of the lab.
//!
//! Captures are read frame by frame as the live taps read them; what no capture holds comes from the raw record; from
//! there on all is as in a live run. Stored verdicts are read last, and only to say where they differ.

use std::collections::BTreeMap;
use std::path::Path;

use super::counting;
use super::scenario::settle;
use super::taint;
use crate::event::Failure;
use crate::evidence::{Damage, FORMAT, RunFile, RunInfo, RunReader, annotations};
use crate::observation::{Conversation, Gap, Observations, TapHealth};
use crate::parts;
use crate::plan::Plan;
use crate::record::{self, Record, Which, key, observe};
use crate::report::{self, Course, Report, RunJson};
use crate::scenario::twin::Twin;
use crate::tap::{self, Captured, Counted, Expected, Inventory, Port, ReadBack, Unreadable};
use crate::verdict::{CheckVerdict, Judgement, Verdict};

/// Files without which nothing can be said.
const NEEDED: [RunFile; 10] = [
    RunFile::Run,
    RunFile::Scenario,
    RunFile::Plan,
    RunFile::Facts,
    RunFile::Record,
    RunFile::Sent,
    RunFile::Filters,
    RunFile::Sightings,
    RunFile::Capture,
    RunFile::OpenCopy,
];

/// What a run folder came to.
#[derive(Debug)]
pub struct Rejudged {
    /// The report, as the run itself had it.
    pub report: Report,
    /// The conversations that the taps saw.
    pub conversations: Vec<Conversation>,
    /// What its reader should know of the folder, in a line each.
    pub notes: Vec<String>,
}

/// Why a run folder is not judged.
#[derive(Debug, thiserror::Error)]
#[error("the run folder is damaged:\n  {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  "))]
pub struct Damaged(pub Vec<Damage>);

impl From<Damage> for Damaged {
    fn from(damage: Damage) -> Self {
        Self(vec![damage])
    }
}

/// Judges a run again from its folder. Nothing is written.
///
/// Errors: everything that is not as the run left it. A folder of a run that ended before its time is judged as far as
/// it goes, and nothing in it passes.
pub fn rejudge(path: &Path) -> Result<Rejudged, Damaged> {
    let reader = RunReader::of(path);
    let (sealed, mut notes) = check(&reader)?;
    let info: RunInfo = reader.json(&RunFile::Run)?;
    if info.format != FORMAT {
        let text = format!("format {} is not known to this testbed, which reads {FORMAT}", info.format);
        return Err(Damage::Wrong { file: RunFile::Run.path(), line: None, text }.into());
    }
    let plan: Plan = reader.json(&RunFile::Plan)?;
    let twin = twin_of(&reader, &info)?;
    let seen = seen(&reader, &info, &plan, sealed)?;
    notes.extend(seen.notes.iter().cloned());
    let mut report = Report {
        file: None,
        started: info.started(),
        judgement: Judgement { scenario: plan.scenario.clone(), checks: Vec::new() },
        rules: rules(&reader, &plan),
        rule_use: counting::rule_use(&reader, &plan),
        planned: plan.checks.len(),
        plan,
        stages: info.stage_times(),
        taps: TapHealth::default(),
        open_taps: TapHealth::default(),
        in_force: Vec::new(),
        faults: Vec::new(),
        course: Course::default(),
        packets: BTreeMap::new(),
        folder: Some(path.to_owned()),
        twin: None,
        accept: info.accept,
        // Whoever judges again may have a broken part of its own.
        broken_part: info.broken_part.or(parts::broken()),
        failure: None,
    };
    settle(&mut report, twin.as_ref(), &seen.observations);
    report.packets = cited(&reader, &report.judgement);
    notes.extend(stored_otherwise(&reader, &report));
    Ok(Rejudged { report, conversations: seen.observations.conversations, notes })
}

/// The packets that the judgement cites, in words; none of a capture that cannot be read, which the judgement says.
fn cited(reader: &RunReader, judgement: &Judgement) -> BTreeMap<u64, String> {
    let wanted = annotations(judgement).into_keys().collect();
    let capture = reader.capture(&RunFile::Capture).ok();
    capture.and_then(|capture| tap::decoded(capture, &wanted).ok()).unwrap_or_default()
}

/// The rule files as the run kept them; one that is not there, or is no text, is left out.
fn rules(reader: &RunReader, plan: &Plan) -> BTreeMap<String, String> {
    let paths = plan.nodes.iter().filter_map(|node| node.ruleset.as_ref());
    let text = |path: &String| {
        let bytes = reader.bytes(&RunFile::Given(path.clone())).ok()?;
        Some((path.clone(), String::from_utf8(bytes).ok()?))
    };
    paths.filter_map(text).collect()
}

/// Whether the run was sealed; then every file is as it left them.
fn check(reader: &RunReader) -> Result<(bool, Vec<String>), Damaged> {
    let Some((manifest, mut checked)) = reader.check()? else {
        return Ok((false, vec![INCOMPLETE.to_owned()]));
    };
    let unlisted = NEEDED.iter().filter(|file| !manifest.lists(file));
    checked.damage.extend(unlisted.map(|file| Damage::Unlisted { file: file.path() }));
    if checked.damage.is_empty() { Ok((true, checked.notes)) } else { Err(Damaged(checked.damage)) }
}

/// What is said of a folder without a manifest.
const INCOMPLETE: &str = "the run is incomplete: it has no manifest.json, which is written at its end. It was judged as \
                          far as it goes; nothing in it passes";

pub(super) fn twin_of(reader: &RunReader, info: &RunInfo) -> Result<Option<Twin>, Damage> {
    let Some(twin) = &info.twin else { return Ok(None) };
    let scenario = reader.json(&RunFile::Scenario)?;
    Ok(Some(twin.clone().with(scenario)))
}

/// What was seen, and what is to be said of it.
struct Seen {
    observations: Observations,
    notes: Vec<String>,
}

/// What was seen of the run: of one that was sealed, all; of any other, whatever is there and can be read.
fn seen(reader: &RunReader, info: &RunInfo, plan: &Plan, sealed: bool) -> Result<Seen, Damage> {
    let mut gaps: Vec<Gap> = (!sealed).then(|| ended(info.failure.as_ref())).into_iter().collect();
    gaps.extend(stays(info));
    let record = or_nothing(reader.record().map(Some), sealed, &mut gaps)?;
    let mut notes = Vec::new();
    let mut read = |which: Which| {
        let counted =
            record.as_ref().map_or_else(Counted::default, |record| counted(record, info, plan, which));
        let ReadBack { mut captured, cut } =
            or_nothing(capture(reader, info, plan, which, counted), sealed, &mut gaps)?;
        if cut {
            let text = "it ends in the midst of a packet".to_owned();
            let damage = Damage::Wrong { file: file_of(which).path(), line: None, text };
            or_nothing::<()>(Err(damage), sealed, &mut gaps)?;
        }
        if let Some(record) = &record {
            let (left_open, note) = count(which, &mut captured.health, record.of(which).taps);
            gaps.extend(left_open);
            notes.extend(note);
        }
        Ok::<Captured, Damage>(captured)
    };
    let (here, there) = (read(Which::Site)?, read(Which::OpenCopy)?);
    let observations = observe(plan, record.unwrap_or_default(), key(info.run, Which::Site), &here, &there)
        .map_err(unfit)?;
    let taint = or_nothing(taint::search(reader, plan, info.run, &observations), sealed, &mut gaps)?;
    Ok(Seen { observations: Observations { gaps, taint, ..observations }, notes })
}

/// Completes what is known of a tap by what the run said of it: frames in the file, and those that never came into it.
/// What that leaves open, and what is worth a note.
fn count(which: Which, read: &mut TapHealth, stored: TapHealth) -> (Vec<Gap>, Option<String>) {
    let (file, mut gaps) = (file_of(which).path(), Vec::new());
    let kept = stored.frames.saturating_sub(stored.unstored);
    if stored.unstored > 0 {
        let unstored = stored.unstored;
        gaps.push(Gap::Hole(format!(
            "{unstored} frames were counted and not stored: {file} was full, so that they are not judged again"
        )));
    }
    if read.frames < kept {
        gaps.push(Gap::Hole(format!("{file} has {} frames of the {kept} that the run stored", read.frames)));
    }
    let note = (read.frames > kept)
        .then(|| format!("{file} has {} frames, though the run stored {kept}", read.frames));
    *read = TapHealth { frames: read.frames.saturating_add(stored.unstored), ..stored };
    (gaps, note)
}

/// What the taps of a lab that stays knew from before is in no file.
fn stays(info: &RunInfo) -> Option<Gap> {
    let text = "it is one judgement of a lab that stays, and what its taps knew from before is in no file";
    info.stays.then(|| Gap::Hole(text.into()))
}

/// Why the run has no seal.
fn ended(failure: Option<&Failure>) -> Gap {
    Gap::End(match failure {
        Some(failure) => format!("the run ended before its time: {}", failure.text),
        None => "the run ended before its evidence was whole, and does not say why".into(),
    })
}

/// What is there; of a run that was not sealed the default for what is not, since such a run leaves files out, or ends
/// in the midst of a line.
fn or_nothing<T: Default>(read: Result<T, Damage>, sealed: bool, gaps: &mut Vec<Gap>) -> Result<T, Damage> {
    match read {
        Err(damage @ (Damage::Missing { .. } | Damage::Wrong { .. })) if !sealed => {
            gaps.push(Gap::End(damage.to_string()));
            Ok(T::default())
        }
        other => other,
    }
}

fn file_of(which: Which) -> RunFile {
    match which {
        Which::Site => RunFile::Capture,
        Which::OpenCopy => RunFile::OpenCopy,
    }
}

/// Reads the capture of one of the two sites.
fn capture(
    reader: &RunReader,
    info: &RunInfo,
    plan: &Plan,
    which: Which,
    counted: Counted,
) -> Result<ReadBack, Damage> {
    let file = file_of(which);
    let copy = (which == Which::OpenCopy).then(|| plan.opened());
    let plan = copy.as_ref().unwrap_or(plan);
    let key = key(info.run, which);
    let read = tap::read_back(reader.capture(&file)?, Port::all_of(plan), Inventory::of(plan), key, counted);
    read.map_err(|error| match error {
        Unreadable::File(text) => Damage::Wrong { file: file.path(), line: None, text },
        Unreadable::Counted(line, text) => {
            // Lines of the open copy stand behind those of the site.
            let line = (which == Which::Site).then_some(line as u64 + 1);
            Damage::Wrong { file: RunFile::Sightings.path(), line, text }
        }
    })
}

/// What was counted instead of stored in one of the two sites.
fn counted(record: &Record, info: &RunInfo, plan: &Plan, which: Which) -> Counted {
    let names = Port::all_of(plan).into_iter().map(|port| port.name).collect();
    let mut expected = Expected::at_ports(names);
    if which == Which::Site {
        record::announced(record, plan, key(info.run, which)).for_each(|one| expected.add(one));
    }
    Counted { expected, passed: record.of(which).passed.clone() }
}

fn unfit(error: record::Unfit) -> Damage {
    Damage::Wrong { file: RunFile::Record.path(), line: None, text: error.to_string() }
}

/// How the verdicts that the run left differ from these, if they are there and do.
fn stored_otherwise(reader: &RunReader, report: &Report) -> Option<String> {
    let file = RunFile::Verdicts.path();
    let stored = match reader.bytes(&RunFile::Verdicts) {
        Ok(stored) => stored,
        Err(Damage::Missing { .. }) => return None,
        Err(other) => return Some(other.to_string()),
    };
    if stored == report::run_json(report).as_bytes() {
        return None;
    }
    let Ok(stored) = serde_json::from_slice::<RunJson>(&stored) else {
        return Some(format!("{file} does not read as verdicts"));
    };
    let was = |check: &CheckVerdict| {
        let known = stored.checks.iter().find(|one| one.name == check.check);
        known.map(|known| known.verdict).filter(|verdict| *verdict != check.verdict)
    };
    let judged = report.judgement.checks.iter();
    let differ: Vec<String> = judged
        .filter_map(|check| {
            Some(format!("{} was {} and is {}", check.check, word(was(check)?), word(check.verdict)))
        })
        .collect();
    Some(match differ.as_slice() {
        [] => format!("{file} reads otherwise than what the evidence comes to, though no verdict differs"),
        differ => format!("{file} has other verdicts than the evidence comes to: {}", differ.join(", ")),
    })
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Inconclusive => "inconclusive",
    }
}
