//! A step's summary in CI, as Markdown with GitHub's tables: what failed first, what passed folded away.

mod escape;
mod page;

use std::collections::BTreeMap;

use escape::{code, escape};
use page::Page;

use super::Report;
use super::words::{broken_part, by_hand, fault, place, proof, seconds};
use crate::names::ControlId;
use crate::verdict::{CheckVerdict, Finding, Verdict};

/// Findings and reasons of a check, and packets of a finding, that are spelled out.
const SHOWN: usize = 8;

/// All runs of a command. At most half a mebibyte, since a step has one (GitHub's limit) and may run two commands.
///
/// Whatever comes from a scenario stands there as text: it makes no Markdown and no HTML.
pub fn summary_markdown(reports: &[Report]) -> String {
    let mut page = Page::default();
    page.add(&headline(reports));
    scenarios(reports, &mut page);
    section("Runs with a broken part of the testbed", reports.iter().filter_map(with_broken_part), &mut page);
    section("Ended before their time", reports.iter().filter_map(ended_early), &mut page);
    section("Broken by hand", reports.iter().filter_map(broken), &mut page);
    section("Not reported as expected", reports.iter().filter_map(twin), &mut page);
    section("Failed", checks(reports, Verdict::Fail).map(|(report, check)| failed(report, check)), &mut page);
    let undecided = checks(reports, Verdict::Inconclusive).map(|(report, check)| inconclusive(report, check));
    section("Inconclusive", undecided, &mut page);
    passed(reports, &mut page);
    controls(reports, &mut page);
    page.finish()
}

/// The checks that came to a verdict. Those of broken twins are meant to fail, and count as one twin.
fn checks(reports: &[Report], verdict: Verdict) -> impl Iterator<Item = (&Report, &CheckVerdict)> {
    let good = reports.iter().filter(|report| report.twin.is_none());
    let all = good.flat_map(|report| report.judgement.checks.iter().map(move |check| (report, check)));
    all.filter(move |(_, check)| check.verdict == verdict)
}

fn headline(reports: &[Report]) -> String {
    let count = |verdict| checks(reports, verdict).count();
    let (failed, undecided, passed) =
        (count(Verdict::Fail), count(Verdict::Inconclusive), count(Verdict::Pass));
    let mut parts = Vec::new();
    if reports.iter().any(|report| report.twin.is_none()) {
        parts.push(format!("{failed} failed, {undecided} inconclusive, {passed} passed"));
    }
    let twins: Vec<_> = reports.iter().filter_map(|report| report.twin.as_ref()).collect();
    if !twins.is_empty() {
        let agree = twins.iter().filter(|twin| twin.agrees).count();
        parts.push(format!("{agree} of {} broken twins reported as expected", twins.len()));
    }
    let early = reports.iter().filter(|report| report.failure.is_some()).count();
    if early > 0 {
        parts.push(format!("{early} ended before their time"));
    }
    format!("## testbed: {}\n", parts.join("; "))
}

fn scenarios(reports: &[Report], page: &mut Page) {
    page.add("\n| Scenario | Result | Failed | Inconclusive | Passed | Took |\n|---|---|--:|--:|--:|--:|\n");
    for report in reports {
        let name = report.twin.as_ref().map_or(&report.plan.scenario, |twin| &twin.twin);
        let counts = [Verdict::Fail, Verdict::Inconclusive, Verdict::Pass].map(|verdict| match report.twin {
            Some(_) => String::new(),
            None => report.count(verdict).to_string(),
        });
        let (name, result) = (code(name.as_str()), result(report));
        page.add(&format!("| {name} | {result} | {} | {} |\n", counts.join(" | "), seconds(report.took())));
    }
}

fn result(report: &Report) -> &'static str {
    let worst = |verdict| report.count(verdict) > 0;
    match &report.twin {
        _ if report.failure.is_some() => "❌ ended early",
        _ if report.broken_part.is_some() => "❌ a part of the testbed was broken",
        Some(twin) if twin.agrees => "✅ reported as expected",
        Some(twin) if twin.differences.is_empty() => "⚠️ undecided",
        Some(_) => "❌ not reported as expected",
        None if worst(Verdict::Fail) => "❌ failed",
        None if report.judgement.checks.is_empty() => "⚠️ no checks",
        None if report.judgement.checks.iter().any(|check| undecided(report, check)) => "⚠️ inconclusive",
        None if worst(Verdict::Inconclusive) => "✅ passed, apart from what is accepted",
        None => "✅ passed",
    }
}

fn undecided(report: &Report, check: &CheckVerdict) -> bool {
    check.verdict == Verdict::Inconclusive && !report.accepts(check)
}

fn section(title: &str, items: impl Iterator<Item = String>, page: &mut Page) {
    let mut items = items.peekable();
    if items.peek().is_some() {
        page.add(&format!("\n### {title}\n\n"));
        items.for_each(|item| page.add(&item));
    }
}

/// A list item with the items below it.
fn item(text: &str, below: impl IntoIterator<Item = String>) -> String {
    let below: String = below
        .into_iter()
        .flat_map(|text| text.lines().map(|line| format!("  {line}\n")).collect::<Vec<_>>())
        .collect();
    format!("- {text}\n{below}")
}

/// The first few, and how many more there are.
fn first_few(mut items: Vec<String>) -> Vec<String> {
    let more = items.len().saturating_sub(SHOWN);
    items.truncate(SHOWN);
    items.extend((more > 0).then(|| item(&format!("and {more} more"), [])));
    items
}

fn with_broken_part(report: &Report) -> Option<String> {
    let name = report.twin.as_ref().map_or(&report.plan.scenario, |twin| &twin.twin);
    Some(item(&format!("{}: {}", code(name.as_str()), escape(&broken_part(report)?)), []))
}

fn ended_early(report: &Report) -> Option<String> {
    let failure = report.failure.as_ref()?;
    let name = report.twin.as_ref().map_or(&report.plan.scenario, |twin| &twin.twin);
    let lines = failure.text.lines().chain(failure.last_lines.iter().map(String::as_str));
    let lines = lines.map(|line| item(&code(line), []));
    Some(item(&format!("{}, by {}", code(name.as_str()), fault(failure.fault)), lines))
}

/// What was broken by hand while a lab that stays was judged.
fn broken(report: &Report) -> Option<String> {
    let faults: Vec<_> = by_hand(report).iter().map(|fault| item(&escape(fault), [])).collect();
    (!faults.is_empty()).then(|| item(&code(report.plan.scenario.as_str()), first_few(faults)))
}

fn twin(report: &Report) -> Option<String> {
    let twin = report.twin.as_ref().filter(|twin| !twin.agrees)?;
    let mut below: Vec<_> = twin.differences.iter().map(|text| item(&escape(text), [])).collect();
    let lacks = |check: &&CheckVerdict| twin.undecided.contains(&check.check);
    below.extend(report.judgement.checks.iter().filter(lacks).map(|check| {
        item(
            &format!("{} is undecided: this kernel lacks {}", code(check.check.as_str()), lacking(check)),
            [],
        )
    }));
    Some(item(&format!("{}: {}", code(twin.twin.as_str()), escape(&twin.says)), first_few(below)))
}

fn lacking(check: &CheckVerdict) -> String {
    escape(&check.lacks.join(", "))
}

/// Check, scenario, place and controls.
fn about(report: &Report, check: &CheckVerdict) -> String {
    let proves: String = match proofs(check) {
        proves if proves.is_empty() => proves,
        proves => format!(", proves {proves}"),
    };
    let (name, scenario) = (code(check.check.as_str()), code(report.plan.scenario.as_str()));
    format!("**{name}** in {scenario} at {}{proves}", code(&place(&check.place)))
}

fn proofs(check: &CheckVerdict) -> String {
    escape(&check.proves.iter().map(proof).collect::<Vec<_>>().join(", "))
}

fn failed(report: &Report, check: &CheckVerdict) -> String {
    let findings = check.findings.iter().map(finding).collect();
    let besides = |reason: &String| item(&format!("besides: {}", escape(reason)), []);
    let reasons = check.reasons.iter().map(besides).collect();
    let below = first_few(findings).into_iter().chain(first_few(reasons));
    item(&about(report, check), below)
}

fn finding(finding: &Finding) -> String {
    let by = finding.by.iter().map(|by| item(&format!("let through by {}", code(by)), []));
    let packet = |(shows, number): &(String, u64)| item(&format!("packet {number}: {}", escape(shows)), []);
    let packets = first_few(finding.packets.iter().map(packet).collect());
    item(&escape(&finding.text), by.chain(packets))
}

fn inconclusive(report: &Report, check: &CheckVerdict) -> String {
    let reasons = check.reasons.iter().map(|reason| item(&escape(reason), [])).collect();
    let accepted =
        report.accepts(check).then(|| format!(" (accepted: this kernel lacks {})", lacking(check)));
    item(&(about(report, check) + &accepted.unwrap_or_default()), first_few(reasons))
}

fn passed(reports: &[Report], page: &mut Page) {
    let count = checks(reports, Verdict::Pass).count();
    if count == 0 {
        return;
    }
    page.fold(
        &format!("Passed: {count}"),
        "| Check | Scenario | What was seen | Controls |\n|---|---|---|---|\n",
        |page| {
            for (report, check) in checks(reports, Verdict::Pass) {
                let (name, scenario) = (code(check.check.as_str()), code(report.plan.scenario.as_str()));
                page.add(&format!(
                    "| {name} | {scenario} | {} | {} |\n",
                    escape(&check.summary),
                    proofs(check)
                ));
            }
        },
    );
}

/// Each control with the checks that prove it, whatever they came to.
fn controls(reports: &[Report], page: &mut Page) {
    let mut proven: BTreeMap<&ControlId, Vec<(&Report, &CheckVerdict, bool)>> = BTreeMap::new();
    for verdict in [Verdict::Fail, Verdict::Inconclusive, Verdict::Pass] {
        for (report, check) in checks(reports, verdict) {
            for proof in &check.proves {
                proven.entry(&proof.control).or_default().push((report, check, proof.part));
            }
        }
    }
    if proven.is_empty() {
        return;
    }
    page.fold(&format!("Controls: {}", proven.len()), "| Control | Checks |\n|---|---|\n", |page| {
        for (control, by) in &proven {
            let by = by.iter().map(|(report, check, part)| {
                let sign = match check.verdict {
                    Verdict::Pass => "✅",
                    Verdict::Fail => "❌",
                    Verdict::Inconclusive => "⚠️",
                };
                let name = format!("{}/{}", report.plan.scenario, check.check);
                format!("{sign} {}{}", code(&name), if *part { " (part)" } else { "" })
            });
            page.add(&format!("| {} | {} |\n", escape(control.as_str()), by.collect::<Vec<_>>().join(", ")));
        }
    });
}

#[cfg(test)]
mod tests;
