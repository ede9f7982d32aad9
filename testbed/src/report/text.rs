//! The report on a terminal; reads as well without colour.

use std::fmt::Write;

use super::words::{broken_part, by_hand, fault, harmless, place, proof, seconds, stage, verdict};
use super::{Report, StageTime};
use crate::event::Failure;
use crate::record::rule_use::{RuleText, RuleUse};
use crate::twin::TwinReport;
use crate::verdict::{CheckVerdict, Finding, Verdict};

/// Findings of one check that are printed; the rest is in the run folder.
const FINDINGS: usize = 8;
/// Rules never used that are printed.
const RULES: usize = 8;

/// Whether to colour; whoever knows the terminal and `NO_COLOR` decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Letters only.
    Plain,
    /// With ANSI escape sequences (ECMA-48) for colour and weight.
    Ansi,
}

impl Colour {
    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Colour::Plain => text.to_owned(),
            Colour::Ansi => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(super) fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    pub(super) fn bad(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    pub(super) fn unsure(self, text: &str) -> String {
        self.paint("1;33", text)
    }

    /// A verdict's word, padded first so that colour does not shift the column.
    pub(super) fn verdict(self, of: Verdict, width: usize) -> String {
        let word = format!("{:<width$}", verdict(of));
        match of {
            Verdict::Pass => self.good(&word),
            Verdict::Fail => self.bad(&word),
            Verdict::Inconclusive => self.unsure(&word),
        }
    }
}

/// The report on one run: a line per check, then what failed or could not be said, then where the evidence is.
///
/// For a broken twin: one line if it was reported as it expects, else the differences.
pub fn text(report: &Report, colour: Colour) -> String {
    let mut out = String::new();
    push_broken_part(&mut out, report, colour);
    match &report.twin {
        Some(twin) if report.failure.is_none() => push_twin(&mut out, twin, colour),
        twin => {
            push_header(&mut out, report, twin.as_ref(), colour);
            for fault in by_hand(report) {
                push_line(&mut out, &format!("  {}     {}", colour.unsure("by hand"), harmless(&fault)));
            }
            push_checks(&mut out, &report.judgement.checks, colour);
            for check in &report.judgement.checks {
                push_details(&mut out, check, colour);
            }
            if let Some(failure) = &report.failure {
                push_failure(&mut out, failure, colour);
            }
            push_rule_use(&mut out, report);
            push_line(&mut out, &format!("\n{}", last_line(report)));
            push_accepted(&mut out, report);
        }
    }
    if let (Some(TwinReport { agrees: false, .. }), Some(folder)) = (&report.twin, &report.folder) {
        push_line(&mut out, &format!("  evidence    {}", folder.display()));
    }
    out
}

/// How long each stage took, a line each, and the whole.
pub fn timings_text(report: &Report) -> String {
    let mut out = String::new();
    for StageTime { stage: one, took } in &report.stages {
        push_line(&mut out, &format!("  {:<10} {:>9}", stage(*one), seconds(*took)));
    }
    push_line(&mut out, &format!("  {:<10} {:>9}", "all", seconds(report.took())));
    out
}

pub(super) fn push_line(out: &mut String, line: &str) {
    out.push_str(line.trim_end());
    out.push('\n');
}

/// Before all else: nobody shall read on and take it for the site's.
pub(super) fn push_broken_part(out: &mut String, report: &Report, colour: Colour) {
    if let Some(text) = broken_part(report) {
        push_line(out, &colour.bad(&format!("BROKEN PART: {text}")));
    }
}

fn push_header(out: &mut String, report: &Report, twin: Option<&TwinReport>, colour: Colour) {
    let name = match twin {
        Some(twin) => format!("twin {}", twin.twin),
        None => report.plan.scenario.to_string(),
    };
    push_line(out, &colour.bold(&name));
    for document in &report.plan.documents {
        push_line(out, &format!("  document {}", harmless(document)));
    }
    out.push('\n');
}

fn push_checks(out: &mut String, checks: &[CheckVerdict], colour: Colour) {
    let proofs = |check: &CheckVerdict| check.proves.iter().map(proof).collect::<Vec<_>>().join(" ");
    let name = checks.iter().map(|check| check.check.as_str().len()).max().unwrap_or(0);
    let controls = checks.iter().map(|check| proofs(check).len()).max().unwrap_or(0);
    for check in checks {
        let (word, proofs) = (colour.verdict(check.verdict, 12), proofs(check));
        let summary = harmless(&check.summary);
        push_line(out, &format!("  {word}  {:<name$}  {proofs:<controls$}  {summary}", check.check));
    }
}

/// Everything a reader needs to look for himself.
fn push_details(out: &mut String, check: &CheckVerdict, colour: Colour) {
    if check.verdict == Verdict::Pass {
        return;
    }
    let word = colour.verdict(check.verdict, 0);
    push_line(out, &format!("\n{word} {} ({})", colour.bold(check.check.as_str()), check.word));
    let proofs: Vec<_> = check.proves.iter().map(proof).collect();
    if !proofs.is_empty() {
        push_field(out, "proves", &proofs.join(", "));
    }
    push_field(out, "written in", &place(&check.place));
    for finding in check.findings.iter().take(FINDINGS) {
        push_finding(out, finding, colour);
    }
    if let Some(more) = check.findings.len().checked_sub(FINDINGS).filter(|more| *more > 0) {
        push_line(out, &format!("  and {more} more findings, all in verdicts.json"));
    }
    let label = if check.verdict == Verdict::Fail { "besides" } else { "because" };
    for reason in &check.reasons {
        push_field(out, label, reason);
    }
}

fn push_finding(out: &mut String, finding: &Finding, colour: Colour) {
    push_line(out, &format!("  {}", colour.bad(&harmless(&finding.text))));
    if let Some((from, to)) = &finding.pair {
        push_field(out, "  source", from.as_str());
        push_field(out, "  target", to.as_str());
    }
    if let Some(stops_at) = &finding.stops_at {
        push_field(out, "  device", &format!("{stops_at}, which should have stopped it"));
    }
    for (shows, number) in &finding.packets {
        push_field(out, "  packet", &format!("#{number} {shows}"));
    }
    if let Some(by) = &finding.by {
        push_field(out, "  rule", by);
    } else if finding.stops_at.is_some() {
        push_field(out, "  rule", "not known, no trace says it");
    }
}

fn push_field(out: &mut String, name: &str, value: &str) {
    push_line(out, &format!("  {name:<12}{}", harmless(value)));
}

fn push_failure(out: &mut String, failure: &Failure, colour: Colour) {
    let whose = fault(failure.fault);
    let at = failure.node.as_ref().map(|node| format!(" at {node}")).unwrap_or_default();
    if !out.ends_with("\n\n") {
        out.push('\n');
    }
    push_line(out, &colour.bad(&format!("ended before its time, by {whose}{at}")));
    for line in failure.text.lines() {
        push_line(out, &format!("  {}", harmless(line)));
    }
    for line in &failure.last_lines {
        push_line(out, &format!("  | {}", harmless(line)));
    }
}

/// What the list of unsupported checks does here: it changes how the process ends, and no verdict.
fn push_accepted(out: &mut String, report: &Report) {
    for check in report.accepted() {
        let lacks = check.lacks.join(", ");
        push_line(out, &format!("accepted: {} is inconclusive, for want of {lacks}", check.check));
    }
    for check in report.judgement.checks.iter().filter(|check| check.verdict == Verdict::Pass) {
        if report.accept.iter().any(|one| one.check == check.check) {
            push_line(out, &format!("accepted in vain: {} passes here", check.check));
        }
    }
}

/// Which rules nothing has used; nothing where no rule counts.
fn push_rule_use(out: &mut String, report: &Report) {
    let sum = |what: fn(&RuleUse) -> usize| report.rule_use.iter().map(what).sum::<usize>();
    let (used, never) = (sum(|one| one.used), sum(|one| one.never_used.len()));
    if used + never == 0 {
        return;
    }
    let uncounted = match sum(|one| one.uncounted) {
        0 => String::new(),
        more => format!(", {more} do not count"),
    };
    push_line(out, &format!("\n{never} of {} rules that count were never used{uncounted}", used + never));
    let rules =
        report.rule_use.iter().flat_map(|one| one.never_used.iter().map(move |rule| (&one.node, rule)));
    for (node, RuleText { chain, rule }) in rules.take(RULES) {
        push_field(out, node.as_str(), &format!("{chain} {rule}"));
    }
    if let Some(more) = never.checked_sub(RULES).filter(|more| *more > 0) {
        push_line(out, &format!("  and {more} more, all in verdicts.json"));
    }
}

fn push_twin(out: &mut String, twin: &TwinReport, colour: Colour) {
    let result = match (twin.agrees, twin.differences.is_empty()) {
        (true, _) => colour.good("reported as expected"),
        (false, true) => colour.unsure("not shown here"),
        (false, false) => colour.bad("not as expected"),
    };
    push_line(out, &format!("twin {}  {result}", colour.bold(twin.twin.as_str())));
    if !twin.agrees {
        push_field(out, "says", &twin.says);
    }
    for difference in &twin.differences {
        push_field(out, "differs", difference);
    }
    for check in &twin.undecided {
        push_field(out, "undecided", &format!("{check}, which requires what this kernel lacks"));
    }
}

fn last_line(report: &Report) -> String {
    let [pass, fail, unsure] =
        [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive].map(|one| report.count(one));
    let mut line = format!(
        "{pass} passed, {fail} failed, {unsure} inconclusive in {}; {} frames captured, {} dropped",
        seconds(report.took()),
        report.taps.frames,
        report.taps.dropped + report.open_taps.dropped,
    );
    let unstored = report.taps.unstored + report.open_taps.unstored;
    if unstored > 0 {
        let _ = write!(line, ", {unstored} counted but not stored");
    }
    if let Some(folder) = &report.folder {
        let _ = write!(line, "\nevidence: {}", folder.display());
    }
    line
}

#[cfg(test)]
mod tests {
    use super::super::example::{
        accepting_report, bad_report, blinded_report, counted_report, failed_report, good_report, twin_report,
    };
    use super::*;

    #[test]
    fn a_good_run_is_a_line_per_check() {
        insta::assert_snapshot!(text(&good_report(), Colour::Plain));
    }

    #[test]
    fn what_failed_or_could_not_be_said_is_spelled_out() {
        insta::assert_snapshot!(text(&bad_report(), Colour::Plain));
    }

    #[test]
    fn a_run_that_ended_early_says_by_whom_and_with_which_last_lines() {
        insta::assert_snapshot!(text(&failed_report(), Colour::Plain));
    }

    #[test]
    fn a_twin_is_one_line_or_its_differences() {
        insta::assert_snapshot!(
            text(&twin_report(true), Colour::Plain) + &text(&twin_report(false), Colour::Plain)
        );
    }

    #[test]
    fn what_is_accepted_is_said_to_be_and_stays_inconclusive() {
        let said = text(&accepting_report(), Colour::Plain);
        let (before, after) = said.split_once("\naccepted: ").expect("it is said");
        assert_eq!(before, text(&bad_report(), Colour::Plain).trim_end());
        insta::assert_snapshot!(after);
        let mut twin = twin_report(false);
        let report = twin.twin.as_mut().unwrap();
        report.differences.clear();
        report.undecided = vec!["dock-alone".parse().unwrap()];
        insta::assert_snapshot!(text(&twin, Colour::Plain));
    }

    #[test]
    fn a_broken_part_is_said_before_all_else() {
        let line = "BROKEN PART: this run had a tap that is blind to what arrives (blind-tap): what it says of the \
                    site is worth nothing\n";
        let blinded = blinded_report();
        let text_of = |report: &Report| text(report, Colour::Plain);
        assert_eq!(text_of(&blinded), line.to_owned() + &text_of(&good_report()));
        let twin = Report { broken_part: blinded.broken_part, ..twin_report(true) };
        assert_eq!(text_of(&twin), line.to_owned() + &text_of(&twin_report(true)));
    }

    #[test]
    fn rules_that_nothing_used_are_listed() {
        let (said, without) = (text(&counted_report(), Colour::Plain), text(&good_report(), Colour::Plain));
        let more: String = said.lines().filter(|line| !without.contains(line)).collect::<Vec<_>>().join("\n");
        let expected = "2 of 8 rules that count were never used, 3 do not count
  rtr         inet site through iifname \"lan\" udp dport 9 accept
  rtr         inet site through ct state invalid drop";
        assert_eq!(more, expected);
        let mut many = counted_report();
        let never = &mut many.rule_use[1].never_used;
        *never = vec![never[0].clone(); 11];
        assert!(text(&many, Colour::Plain).contains("\n  and 3 more, all in verdicts.json\n"));
    }

    #[test]
    fn timings_name_each_stage() {
        insta::assert_snapshot!(timings_text(&good_report()));
    }

    #[test]
    fn colour_adds_nothing_but_colour() {
        for report in [good_report(), bad_report(), failed_report(), twin_report(false)] {
            let coloured = text(&report, Colour::Ansi);
            assert!(coloured.contains("\x1b["));
            assert_eq!(without_colour(&coloured), text(&report, Colour::Plain));
        }
    }

    fn without_colour(text: &str) -> String {
        let mut parts = text.split("\x1b[");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |all, part| all + part.split_once('m').unwrap().1)
    }

    #[test]
    fn many_findings_are_cut_and_say_where_the_rest_is() {
        let mut report = bad_report();
        let check = report.judgement.checks.iter_mut().find(|check| !check.findings.is_empty()).unwrap();
        check.findings = vec![check.findings[0].clone(); 20];
        assert!(text(&report, Colour::Plain).contains("and 12 more findings, all in verdicts.json"));
    }

    #[test]
    fn nothing_of_the_scenario_commands_the_terminal() {
        let mut report = bad_report();
        report.plan.documents = vec!["\x1b]0;title\x07".into()];
        report.judgement.checks[2].findings[0].by = Some("inet x y comment \"\x1b[2J\"".into());
        assert!(!text(&report, Colour::Plain).contains('\x1b'));
    }
}
