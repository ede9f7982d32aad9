//! What is drawn between nodes: what flows allow, where packets were stopped, and what a check found; each with how
//! it stands by the verdicts. No shapes.
//!
//! A line is green only where a check that can be relied on has seen it so. What flows allow and no check looks at has
//! no colour; what a check would show that missed a control is uncertain.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::super::Report;
use super::trust::Trust;
use crate::names::{FlowId, NodeName};
use crate::plan::{Check, Flow, Plan, Word};
use crate::verdict::CheckVerdict;
use crate::verdict::wording::listed;

/// Names spelled out per line.
const NAMES: usize = 6;

/// What a line stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// A check found it, and it should not be.
    Found,
    /// Flows let the one open to the other.
    Allowed,
    /// Packets from the one were stopped at the other.
    Stopped,
}

/// How it stands, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Standing {
    Bad,
    Unsure,
    Good,
    /// No check looks at it.
    Plain,
}

/// A line from node to node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) from: NodeName,
    pub(super) to: NodeName,
    pub(super) kind: Kind,
    pub(super) standing: Standing,
    /// What it is: flows, targets, findings.
    pub(super) what: String,
    /// The checks that say so.
    pub(super) checks: Vec<String>,
}

type Pair<'a> = (&'a NodeName, &'a NodeName);

/// All lines, the worst first, and then what was found before what is allowed before what was stopped.
pub(super) fn lines(report: &Report) -> Vec<Line> {
    let judged = judged(report);
    let mut lines: Vec<Line> =
        found(report).chain(allowed(&report.plan, &judged)).chain(stopped(&judged)).collect();
    lines.sort_by(|a, b| (a.standing, a.kind, &a.from, &a.to).cmp(&(b.standing, b.kind, &b.from, &b.to)));
    lines
}

/// A check with its verdict; one without was not judged.
type Judged<'a> = (&'a Check, Option<&'a CheckVerdict>);

fn judged(report: &Report) -> Vec<Judged<'_>> {
    let verdict = |check: &Check| report.judgement.checks.iter().find(|one| one.check == check.name);
    report.plan.checks.iter().map(|check| (check, verdict(check))).collect()
}

fn found(report: &Report) -> impl Iterator<Item = Line> {
    let mut pairs: BTreeMap<Pair<'_>, BTreeSet<String>> = BTreeMap::new();
    for check in &report.judgement.checks {
        for (from, to) in check.findings.iter().filter_map(|finding| finding.pair.as_ref()) {
            pairs.entry((from, to)).or_default().insert(check.check.to_string());
        }
    }
    let line = |((from, to), checks): (Pair<'_>, BTreeSet<String>)| Line {
        from: from.clone(),
        to: to.clone(),
        kind: Kind::Found,
        standing: Standing::Bad,
        what: "should not be".to_owned(),
        checks: checks.into_iter().collect(),
    };
    pairs.into_iter().map(line)
}

/// How something stands by several checks, and their names.
#[derive(Default)]
struct Stand {
    worst: Option<Standing>,
    checks: BTreeSet<String>,
}

impl Stand {
    fn add(&mut self, (check, verdict): Judged<'_>, is_bad: bool) {
        let standing = match verdict.map(Trust::of) {
            _ if is_bad => Standing::Bad,
            Some(Trust::Whole) => Standing::Good,
            Some(Trust::None) | None => Standing::Unsure,
        };
        self.worst = Some(self.worst.map_or(standing, |worst| worst.min(standing)));
        // One that was not judged is not on the page, and says nothing.
        self.checks.extend(verdict.map(|_| check.name.to_string()));
    }
}

/// Whether a check found something on this pair, whichever way.
fn is_found(verdict: Option<&CheckVerdict>, (one, other): Pair<'_>) -> bool {
    let pairs = verdict.into_iter().flat_map(|verdict| &verdict.findings).filter_map(|one| one.pair.as_ref());
    let mut pairs = pairs.map(|(from, to)| (from, to));
    pairs.any(|pair| pair == (one, other) || pair == (other, one))
}

fn allowed<'a>(plan: &'a Plan, judged: &[Judged<'a>]) -> impl Iterator<Item = Line> {
    let mut stands: BTreeMap<Pair<'a>, Stand> = BTreeMap::new();
    for one in judged {
        for pair in shown(plan, one.0) {
            stands.entry(pair).or_default().add(*one, is_found(one.1, pair));
        }
    }
    let mut flows: BTreeMap<Pair<'a>, BTreeSet<&'a FlowId>> = BTreeMap::new();
    for flow in plan.flows.iter().filter(|flow| !flow.upkeep) {
        for pair in &flow.pairs {
            flows.entry((&pair.from, &pair.to)).or_default().insert(&flow.id);
        }
    }
    flows.into_iter().map(move |(pair, flows)| {
        let stand = stands.remove(&pair).unwrap_or_default();
        Line {
            from: pair.0.clone(),
            to: pair.1.clone(),
            kind: Kind::Allowed,
            standing: stand.worst.unwrap_or(Standing::Plain),
            what: listed(flows, NAMES),
            checks: stand.checks.into_iter().collect(),
        }
    })
}

/// Pairs of which a check that holds has seen that the one opens to the other.
fn shown<'a>(plan: &'a Plan, check: &'a Check) -> BTreeSet<Pair<'a>> {
    match &check.word {
        Word::Reach { opens: alive }
        | Word::NoReach { alive, .. }
        | Word::NoBridge { alive, .. }
        | Word::NoHop { alive, .. }
        | Word::After { alive, .. } => alive.iter().map(|open| (&open.from, &open.to)).collect(),
        Word::Matrix { opens, .. } => opens.iter().map(|(open, _)| (&open.from, &open.to)).collect(),
        Word::Plays { cameras, at, .. } => cameras.iter().map(|camera| (at, camera)).collect(),
        Word::Direction { flows, .. } => {
            // Of a flow of several pairs only some need have been seen.
            let named = plan.flows.iter().filter(|flow| flows.contains(&flow.id));
            let single = |flow: &'a Flow| match flow.pairs.as_slice() {
                [only] => Some((&only.from, &only.to)),
                _ => None,
            };
            named.filter_map(single).collect()
        }
        _ => BTreeSet::new(),
    }
}

/// From whom packets were stopped at which device.
fn stopped<'a>(judged: &[Judged<'a>]) -> impl Iterator<Item = Line> {
    let mut stands: BTreeMap<Pair<'a>, (Stand, BTreeSet<&'a NodeName>)> = BTreeMap::new();
    for one in judged {
        for aim in one.0.word.aims() {
            let (stand, targets) = stands.entry((&aim.from, &aim.stops_at)).or_default();
            stand.add(*one, is_found(one.1, (&aim.from, &aim.to)));
            targets.insert(&aim.to);
        }
    }
    stands.into_iter().map(|((from, at), (stand, targets))| Line {
        from: from.clone(),
        to: at.clone(),
        kind: Kind::Stopped,
        standing: stand.worst.unwrap_or(Standing::Unsure),
        what: format!("packets for {}", listed(targets, NAMES)),
        checks: stand.checks.into_iter().collect(),
    })
}

impl Kind {
    /// Between source and target.
    pub(super) fn words(self) -> &'static str {
        match self {
            Kind::Found => "found",
            Kind::Allowed => "may open",
            Kind::Stopped => "is stopped",
        }
    }
}

impl Line {
    /// How it stands, for a reader.
    pub(super) fn standing_words(&self) -> &'static str {
        match (self.standing, self.kind) {
            (Standing::Bad, Kind::Stopped) => "not all of it was stopped",
            (Standing::Bad, _) => "not as meant",
            (Standing::Unsure, _) => "cannot be said",
            (Standing::Good, Kind::Stopped) => "stopped, as meant",
            (Standing::Good, _) => "seen, as meant",
            (Standing::Plain, _) => "no check looks at it",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::example::{bad_report, failed_report, good_report};
    use super::*;
    use crate::verdict::Verdict;

    fn told(report: &Report) -> Vec<String> {
        let word = |line: &Line| {
            format!("{:?} {:?} {} -> {} {}", line.standing, line.kind, line.from, line.to, line.what)
        };
        lines(report).iter().map(word).collect()
    }

    #[test]
    fn what_passed_is_as_meant() {
        assert_eq!(
            told(&good_report()),
            [
                "Good Allowed app -> aws F07",
                "Good Allowed app -> dock-1 F01",
                "Good Allowed app -> dock-2 F01",
                "Good Allowed vms -> rtr S01",
                "Good Stopped app -> rtr packets for rtr",
                "Good Stopped dock-1 -> rtr packets for vms",
            ]
        );
    }

    #[test]
    fn what_was_found_is_bad_and_what_missed_a_control_is_uncertain() {
        assert_eq!(
            told(&bad_report()),
            [
                "Bad Found app -> rtr should not be",
                "Bad Found dock-1 -> vms should not be",
                "Bad Stopped app -> rtr packets for rtr",
                "Bad Stopped dock-1 -> rtr packets for vms",
                "Unsure Allowed app -> aws F07",
                "Unsure Allowed vms -> rtr S01",
                "Good Allowed app -> dock-1 F01",
                "Good Allowed app -> dock-2 F01",
            ]
        );
    }

    #[test]
    fn without_a_verdict_nothing_is_green() {
        for mut report in [failed_report(), good_report()] {
            report.judgement.checks.iter_mut().for_each(|check| check.verdict = Verdict::Inconclusive);
            assert!(
                !lines(&report).iter().any(|line| line.standing == Standing::Good),
                "{:?}",
                told(&report)
            );
        }
    }

    #[test]
    fn what_no_check_looks_at_has_no_colour() {
        let mut report = good_report();
        report.plan.checks.retain(|check| check.name.as_str() == "dock-plays");
        assert_eq!(
            told(&report),
            [
                "Good Allowed app -> dock-1 F01",
                "Good Allowed app -> dock-2 F01",
                "Plain Allowed app -> aws F07",
                "Plain Allowed vms -> rtr S01",
            ]
        );
    }

    #[test]
    fn a_flow_that_a_check_finds_fault_with_is_bad_whichever_way_the_finding_looks() {
        let mut report = good_report();
        let check =
            report.judgement.checks.iter_mut().find(|one| one.check.as_str() == "dock-plays").unwrap();
        check.verdict = Verdict::Fail;
        check.findings =
            bad_report().judgement.checks.into_iter().flat_map(|one| one.findings).take(1).collect();
        check.findings[0].pair = Some(("dock-1".parse().unwrap(), "app".parse().unwrap()));
        let told = told(&report);
        assert!(told.contains(&"Bad Allowed app -> dock-1 F01".to_owned()), "{told:?}");
        assert!(told.contains(&"Good Allowed app -> dock-2 F01".to_owned()), "{told:?}");
    }
}
