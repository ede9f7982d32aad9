//! Several runs of one command on a terminal: a table, and what became of all that was planned.

use super::Report;
use super::text::{Colour, push_broken_part, push_line};
use super::words::seconds;
use crate::verdict::Verdict;

/// A table over several runs, with a header, and a line of what was planned and what came of it; empty for none.
pub fn summary_text(reports: &[Report], colour: Colour) -> String {
    let mut out = String::new();
    let width = reports.iter().map(|report| name(report).len()).max().unwrap_or(0).max(8);
    if !reports.is_empty() {
        let head =
            format!("{:<width$}  {:<12}  planned  pass  fail  inconclusive       time", "scenario", "result");
        push_line(&mut out, &colour.bold(&head));
    }
    for report in reports {
        let (name, result, planned) = (name(report), result(report, colour), report.planned);
        let [pass, fail, unsure] = ALL.map(|one| report.count(one));
        let took = seconds(report.took());
        push_line(
            &mut out,
            &format!("{name:<width$}  {result}  {planned:>7}  {pass:>4}  {fail:>4}  {unsure:>12}  {took:>9}"),
        );
        push_broken_part(&mut out, report, colour);
    }
    for line in [of_checks(reports), of_twins(reports)].into_iter().flatten() {
        push_line(&mut out, &colour.bold(&line));
    }
    out
}

const ALL: [Verdict; 3] = [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive];

fn name(report: &Report) -> String {
    match &report.twin {
        Some(twin) => format!("twin {}", twin.twin),
        None => report.plan.scenario.to_string(),
    }
}

fn result(report: &Report, colour: Colour) -> String {
    let word = |text: &str| format!("{text:<12}");
    match (&report.failure, &report.twin) {
        (Some(_), _) => colour.bad(&word("ended early")),
        (None, Some(twin)) if twin.agrees => colour.good(&word("as expected")),
        (None, Some(twin)) if twin.differences.is_empty() => colour.unsure(&word("undecided")),
        (None, Some(_)) => colour.bad(&word("differs")),
        (None, None) => {
            let worst = [Verdict::Fail, Verdict::Inconclusive].into_iter().find(|one| report.count(*one) > 0);
            colour.verdict(worst.unwrap_or(Verdict::Pass), 12)
        }
    }
}

/// Every check that was planned came to something, or is missed here.
fn of_checks(reports: &[Report]) -> Option<String> {
    let good = || reports.iter().filter(|report| report.twin.is_none());
    good().next()?;
    let sum = |count: &dyn Fn(&Report) -> usize| good().map(count).sum::<usize>();
    let planned = sum(&|report| report.planned);
    let [pass, fail, unsure] = ALL.map(|verdict| sum(&|report| report.count(verdict)));
    let accepted = sum(&|report| report.accepted().count());
    let mut line =
        format!("in all {planned} checks planned: {pass} passed, {fail} failed, {unsure} inconclusive");
    if unsure > 0 {
        line.push_str(&format!(" ({accepted} accepted)"));
    }
    match planned.saturating_sub(pass + fail + unsure) {
        0 => {}
        left => line.push_str(&format!(", {left} not judged")),
    }
    Some(line)
}

/// Checks of twins are meant to fail: each twin counts as one.
fn of_twins(reports: &[Report]) -> Option<String> {
    let twins = || reports.iter().filter_map(|report| Some((report, report.twin.as_ref()?)));
    twins().next()?;
    let planned = twins().count();
    let judged = || twins().filter(|(report, _)| report.failure.is_none()).map(|(_, twin)| twin);
    let agree = judged().filter(|twin| twin.agrees).count();
    let differ = judged().filter(|twin| !twin.differences.is_empty()).count();
    let undecided = judged().count() - agree - differ;
    let mut line = format!(
        "in all {planned} twins planned: {agree} reported as expected, {differ} otherwise, {undecided} undecided"
    );
    match planned - judged().count() {
        0 => {}
        left => line.push_str(&format!(", {left} not judged")),
    }
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::super::example::{
        accepting_report, bad_report, blinded_report, failed_report, good_report, twin_report,
    };
    use super::*;

    #[test]
    fn several_runs_end_in_a_table_and_what_became_of_all() {
        let mut undecided = twin_report(false);
        let twin = undecided.twin.as_mut().unwrap();
        twin.differences.clear();
        twin.undecided = vec!["dock-alone".parse().unwrap()];
        let runs = [good_report(), accepting_report(), bad_report(), failed_report()];
        let twins = [twin_report(true), twin_report(false), undecided];
        insta::assert_snapshot!(summary_text(&[&runs[..], &twins].concat(), Colour::Plain));
        assert_eq!(summary_text(&[], Colour::Plain), "");
        let good = summary_text(&[good_report(), good_report()], Colour::Plain);
        assert!(
            good.ends_with("\nin all 10 checks planned: 10 passed, 0 failed, 0 inconclusive\n"),
            "{good}"
        );
    }

    #[test]
    fn a_broken_part_is_said_in_the_table() {
        let text = summary_text(&[blinded_report(), good_report()], Colour::Plain);
        let lines: Vec<_> = text.lines().collect();
        assert!(
            lines[1].starts_with("small ") && lines[2].starts_with("BROKEN PART: this run had a tap"),
            "{text}"
        );
    }
}
