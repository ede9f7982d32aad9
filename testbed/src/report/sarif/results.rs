//! The results of one run.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::format::{
    Artifact, Location, Message, Outcome, Physical, Properties, Region, Snippet, Suppression,
};
use crate::report::Report;
use crate::report::rule_place::rule_place;
use crate::report::words::{broken_part, by_hand, fault, harmless, proof};
use crate::scenario::model::Place;
use crate::twin::TwinReport;
use crate::verdict::{CheckVerdict, Finding, Verdict};

/// Packets of a finding that its message names; all are in its properties.
const NAMED: usize = 4;
/// Where code hosts look for what makes two results one; without it, all findings of a check would be one, as they have
/// its line.
const FINGERPRINT: &str = "primaryLocationLineHash";

/// Everything of a run that is not as it should be.
pub(super) fn of(report: &Report) -> Vec<Outcome> {
    let mut results = match &report.twin {
        Some(twin) => twin_results(report, twin),
        None => report.judgement.checks.iter().flat_map(|check| check_results(report, check)).collect(),
    };
    results.extend(with_broken_part(report));
    results.extend(ended_early(report));
    let mut known: Vec<String> = Vec::new();
    for result in &mut results {
        let print = result.partial_fingerprints.entry(FINGERPRINT).or_default();
        let again = known.iter().filter(|one| *one == print).count() + 1;
        known.push(print.clone());
        print.push_str(&format!(":{again}"));
    }
    results
}

fn check_results(report: &Report, check: &CheckVerdict) -> Vec<Outcome> {
    match check.verdict {
        Verdict::Pass => Vec::new(),
        Verdict::Fail if !check.findings.is_empty() => {
            check.findings.iter().map(|finding| finding_result(report, check, finding)).collect()
        }
        Verdict::Fail => vec![summed_up(report, check, "error")],
        Verdict::Inconclusive => vec![inconclusive(report, check)],
    }
}

fn finding_result(report: &Report, check: &CheckVerdict, finding: &Finding) -> Outcome {
    let before = format!("{}: {}", check.check, harmless(&finding.text));
    let packets = finding.packets.iter().take(NAMED);
    let packets: String = packets.map(|(shows, number)| format!("\n#{number} {}", harmless(shows))).collect();
    let after = packets + &footer(report, check);
    let rule = rule_location(report, check, finding);
    let message = match (&finding.by, &rule) {
        (Some(by), Some(_)) => {
            Message::linked(&format!("{before}\nlet through by "), &harmless(by), 1, &after)
        }
        (Some(by), None) => Message::plain(&format!("{before}\nlet through by {}{after}", harmless(by))),
        (None, _) => Message::plain(&(before + &after)),
    };
    let (from, to) = finding.pair.clone().unzip();
    let is = [from.as_ref(), to.as_ref(), finding.stops_at.as_ref()]
        .map(|node| node.map_or("", |node| node.as_str()));
    let by = finding.by.as_deref().unwrap_or_default();
    Outcome {
        related_locations: rule.into_iter().collect(),
        partial_fingerprints: fingerprint(report, &[check.check.as_str(), is[0], is[1], is[2], by]),
        properties: Properties {
            from: from.map(String::from),
            to: to.map(String::from),
            by: finding.by.as_deref().map(harmless),
            packets: finding.packets.iter().map(|(_, number)| *number).collect(),
            ..properties(report, check)
        },
        ..result(report, check, "error", message)
    }
}

fn inconclusive(report: &Report, check: &CheckVerdict) -> Outcome {
    let suppressions = report.accepts(check).then(|| Suppression {
        kind: "external",
        justification: format!("accepted: this kernel lacks {}", check.lacks.join(", ")),
    });
    Outcome { suppressions: suppressions.into_iter().collect(), ..summed_up(report, check, "warning") }
}

fn summed_up(report: &Report, check: &CheckVerdict, level: &'static str) -> Outcome {
    let word = if check.verdict == Verdict::Fail { "failed" } else { "inconclusive" };
    let mut text = format!("{}: {word}: {}", check.check, harmless(&check.summary));
    text.extend(check.reasons.iter().map(|reason| format!("\n{}", harmless(reason))));
    text.push_str(&footer(report, check));
    result(report, check, level, Message::plain(&text))
}

fn footer(report: &Report, check: &CheckVerdict) -> String {
    let mut lines = String::new();
    if !check.proves.is_empty() {
        let proves: Vec<String> = check.proves.iter().map(proof).collect();
        lines.push_str(&format!("\nproves {}", proves.join(", ")));
    }
    lines.extend(broken_part(report).map(|text| format!("\n{text}")));
    lines.extend(by_hand(report).iter().map(|fault| format!("\nbroken by hand: {}", harmless(fault))));
    if let Some(folder) = &report.folder {
        lines.push_str(&format!("\nevidence in {}", harmless(&folder.display().to_string())));
    }
    lines
}

fn result(report: &Report, check: &CheckVerdict, level: &'static str, message: Message) -> Outcome {
    Outcome {
        rule_id: check.word.clone(),
        rule_index: None,
        level,
        message,
        locations: vec![at_place(&check.place)],
        related_locations: Vec::new(),
        partial_fingerprints: fingerprint(report, &[check.check.as_str()]),
        suppressions: Vec::new(),
        properties: properties(report, check),
    }
}

fn properties(report: &Report, check: &CheckVerdict) -> Properties {
    Properties {
        tags: check.proves.iter().map(|proof| proof.control.to_string()).collect(),
        check: Some(check.check.to_string()),
        ..of_run(report)
    }
}

fn of_run(report: &Report) -> Properties {
    let folder = report.folder.as_ref().map(|folder| harmless(&folder.display().to_string()));
    Properties { scenario: name(report), folder, ..Properties::default() }
}

/// Of the scenario, or of the twin.
fn name(report: &Report) -> String {
    report.twin.as_ref().map_or(&report.plan.scenario, |twin| &twin.twin).to_string()
}

/// What makes two results of different days the same: no line, no count, no packet.
fn fingerprint(report: &Report, parts: &[&str]) -> std::collections::BTreeMap<&'static str, String> {
    let mut hash = Sha256::new();
    for part in [name(report).as_str()].iter().chain(parts) {
        hash.update(part);
        hash.update([0]);
    }
    let print: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    [(FINGERPRINT, print)].into()
}

fn at_place(place: &Place) -> Location {
    let region = Region { start_line: place.line, start_column: Some(place.column), snippet: None };
    at(Path::new(&place.file), Some(region))
}

fn at(file: &Path, region: Option<Region>) -> Location {
    let physical_location = Physical { artifact_location: Artifact::at(file), region };
    Location { id: None, physical_location, message: None }
}

/// Where the rule stands that let it through: its line if its text is found, else the file of the device that should have
/// stopped it.
fn rule_location(report: &Report, check: &CheckVerdict, finding: &Finding) -> Option<Location> {
    let place = rule_place(report, check, finding)?;
    let region = place.line.map(|(start_line, text)| Region {
        start_line,
        start_column: None,
        snippet: Some(Snippet { text: harmless(text) }),
    });
    let message = Message::plain(&format!("{}: {}", place.device, harmless(place.by)));
    Some(Location { id: Some(1), message: Some(message), ..at(&place.file, region) })
}

fn twin_results(report: &Report, twin: &TwinReport) -> Vec<Outcome> {
    let of_twin = |level, text: &str| {
        let message = format!("{} ({}): {}", twin.twin, harmless(&twin.says), harmless(text));
        of_whole(report, "twin", level, &message, text)
    };
    if !twin.differences.is_empty() {
        return twin.differences.iter().map(|text| of_twin("error", text)).collect();
    }
    let among = |check: &&CheckVerdict| twin.undecided.contains(&check.check);
    let undecided = report.judgement.checks.iter().filter(among).map(|check| {
        let lacks = check.lacks.join(", ");
        let mut result =
            of_twin("warning", &format!("{} is undecided: this kernel lacks {lacks}", check.check));
        result.suppressions = inconclusive(report, check).suppressions;
        result
    });
    undecided.collect()
}

fn with_broken_part(report: &Report) -> Option<Outcome> {
    let text = format!("{}: {}", name(report), broken_part(report)?);
    Some(of_whole(report, "run", "error", &text, "broken part"))
}

fn ended_early(report: &Report) -> Option<Outcome> {
    let failure = report.failure.as_ref()?;
    let by = fault(failure.fault);
    let lines = failure.text.lines().chain(failure.last_lines.iter().map(String::as_str));
    let lines: Vec<String> = lines.map(harmless).collect();
    let text = format!("{} ended before its time, by {by}: {}", name(report), lines.join("\n"));
    Some(of_whole(report, "run", "error", &text, by))
}

/// A result that is no check's: at the first line of the file that was run.
fn of_whole(report: &Report, rule_id: &str, level: &'static str, text: &str, is: &str) -> Outcome {
    let of_a_check = report.plan.checks.first().map(|check| check.place.file.as_str());
    let file = report.file.as_deref().or(of_a_check);
    let first = || Region { start_line: 1, start_column: None, snippet: None };
    Outcome {
        rule_id: rule_id.to_owned(),
        rule_index: None,
        level,
        message: Message::plain(text),
        locations: file.map(|file| at(Path::new(file), Some(first()))).into_iter().collect(),
        related_locations: Vec::new(),
        partial_fingerprints: fingerprint(report, &[rule_id, is]),
        suppressions: Vec::new(),
        properties: of_run(report),
    }
}
