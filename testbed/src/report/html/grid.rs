//! The table of a `matrix` as a picture: a row for each node that opens, a column for each that is opened to, a colour
//! and a sign for each pair. What is not simply as meant is told below it in words.
//!
//! A cell looks good only where the check can be relied on and the pair was measured; a pair of which the table says
//! nothing was not measured.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::super::Report;
use super::trust::Trust;
use crate::names::NodeName;
use crate::plan::Word;
use crate::verdict::wording::listed;
use crate::verdict::{CheckVerdict, MatrixSeen, PairSeen};

/// More nodes than this are no picture: ten thousand cells are not looked at, and only the words are given.
const MOST_NODES: usize = 40;
/// More pairs than this are not told in words.
const MOST_PAIRS: usize = 200;
/// Addresses spelled out per reason.
const ADDRESSES: usize = 3;

/// What a pair came to, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Leak,
    Blocked,
    Differs,
    Unmeasured,
    /// As meant by what was counted, in a check that cannot be relied on.
    Unsure,
    /// Nothing was asked of it, on purpose.
    LeftOut,
    /// As meant, and part of it left out or not opened.
    Partly,
    ProbeOnly,
    AsMeant,
}

impl State {
    const ALL: [State; 9] = [
        State::Leak,
        State::Blocked,
        State::Differs,
        State::Unmeasured,
        State::Unsure,
        State::LeftOut,
        State::Partly,
        State::ProbeOnly,
        State::AsMeant,
    ];

    /// Class of its cells.
    fn class(self) -> &'static str {
        match self {
            State::Leak => "leak",
            State::Blocked => "blocked",
            State::Differs => "differs",
            State::Unmeasured => "unmeasured",
            State::Unsure => "unsure",
            State::LeftOut => "left-out",
            State::Partly => "partly",
            State::ProbeOnly => "probe-only",
            State::AsMeant => "as-meant",
        }
    }

    /// For eyes that do not tell the colours apart, and for print without colours.
    fn sign(self) -> &'static str {
        match self {
            State::Leak => "✗",
            State::Blocked => "⊘",
            State::Differs => "≠",
            State::Unmeasured => "?",
            State::Unsure => "(✓)",
            State::LeftOut => "–",
            State::Partly => "◐",
            State::ProbeOnly => "◇",
            State::AsMeant => "✓",
        }
    }

    fn words(self) -> &'static str {
        match self {
            State::Leak => "leak",
            State::Blocked => "blocked",
            State::Differs => "the listed rules say otherwise",
            State::Unmeasured => "not measured",
            State::Unsure => "as meant, in a check that cannot be relied on",
            State::LeftOut => "left out",
            State::Partly => "as meant, part of it left out or not opened",
            State::ProbeOnly => "as meant, and only probes can tell",
            State::AsMeant => "as meant",
        }
    }
}

/// A matrix, for the template.
#[derive(Debug, Serialize)]
pub(super) struct Grid {
    /// The nodes, which are rows and columns; none where there are too many for a picture.
    nodes: Vec<String>,
    /// How many there are.
    count: usize,
    rows: Vec<Vec<Cell>>,
    legend: Vec<Sign>,
    /// Pairs that are not simply as meant, the worst first.
    told: Vec<Told>,
    /// How many more of them there are.
    untold: usize,
    /// What only probes can tell, by reason.
    probe_only: Vec<(String, u64)>,
}

/// One pair.
#[derive(Debug, Serialize)]
struct Cell {
    sign: &'static str,
    class: &'static str,
    words: &'static str,
    /// Whether flows allow something.
    allowed: bool,
    title: String,
    /// Number of the check's first finding on it.
    finding: Option<usize>,
}

#[derive(Debug, Serialize)]
struct Sign {
    sign: &'static str,
    class: &'static str,
    words: &'static str,
    pairs: usize,
}

#[derive(Debug, Serialize)]
struct Told {
    from: String,
    to: String,
    sign: &'static str,
    class: &'static str,
    words: &'static str,
    what: Vec<String>,
    finding: Option<usize>,
}

type Pair<'a> = (&'a NodeName, &'a NodeName);

/// All that the table says of one pair.
#[derive(Default)]
struct Said<'a> {
    families: Vec<&'a PairSeen>,
    unopened: Vec<String>,
    /// By reason: the addresses that are left out; none: the whole pair.
    left_out: BTreeMap<&'a str, Vec<String>>,
    allowed: bool,
    finding: Option<usize>,
}

/// The picture of a check, if it has a table.
pub(super) fn grid(report: &Report, check: &CheckVerdict) -> Option<Grid> {
    let matrix = check.matrix.as_ref()?;
    let nodes = nodes(report, check, matrix);
    let said = said(report, check, matrix);
    let trust = Trust::of(check);
    let pairs: Vec<Pair<'_>> =
        nodes.iter().flat_map(|from| nodes.iter().map(move |to| (*from, *to))).collect();
    let states: BTreeMap<Pair<'_>, State> = pairs
        .into_iter()
        .filter(|(from, to)| from != to)
        .map(|pair| (pair, said.get(&pair).map_or(State::Unmeasured, |said| said.state(trust))))
        .collect();
    let mut told: Vec<Told> = told(&states, &said);
    let untold = told.len().saturating_sub(MOST_PAIRS);
    told.truncate(MOST_PAIRS);
    let drawn = nodes.len() <= MOST_NODES;
    Some(Grid {
        rows: if drawn { rows(&nodes, &states, &said) } else { Vec::new() },
        count: nodes.len(),
        nodes: if drawn { nodes.iter().map(ToString::to_string).collect() } else { Vec::new() },
        legend: legend(&states),
        told,
        untold,
        probe_only: matrix.probe_only.iter().map(|one| (one.why.clone(), one.count)).collect(),
    })
}

/// Those that the check is about, in the plan's order, and whoever else the table names.
fn nodes<'a>(report: &'a Report, check: &CheckVerdict, matrix: &'a MatrixSeen) -> Vec<&'a NodeName> {
    let of = report.plan.checks.iter().find(|one| one.name == check.check);
    let mut nodes: Vec<&NodeName> = match of.map(|one| &one.word) {
        Some(Word::Matrix { between, .. }) => between.iter().collect(),
        _ => Vec::new(),
    };
    let seen = matrix.pairs.iter().flat_map(|pair| [&pair.from, &pair.to]);
    let unopened = matrix.unopened.iter().flat_map(|one| [&one.from, &one.to]);
    let left_out = matrix.left_out.iter().flat_map(|one| [&one.from, &one.to]);
    let others: BTreeSet<&NodeName> = seen.chain(unopened).chain(left_out).collect();
    let others: Vec<_> = others.into_iter().filter(|name| !nodes.contains(name)).collect();
    nodes.extend(others);
    nodes
}

fn said<'a>(
    report: &'a Report,
    check: &'a CheckVerdict,
    matrix: &'a MatrixSeen,
) -> BTreeMap<Pair<'a>, Said<'a>> {
    let mut said: BTreeMap<Pair<'a>, Said<'a>> = BTreeMap::new();
    for seen in &matrix.pairs {
        said.entry((&seen.from, &seen.to)).or_default().families.push(seen);
    }
    for one in &matrix.unopened {
        let text = format!("{} allows {}, which is not opened: {}", one.flow, one.traffic, one.why);
        said.entry((&one.from, &one.to)).or_default().unopened.push(text);
    }
    for one in &matrix.left_out {
        let reasons = &mut said.entry((&one.from, &one.to)).or_default().left_out;
        reasons.entry(&one.why).or_default().extend(one.address.map(|at| at.to_string()));
    }
    for flow in report.plan.flows.iter().filter(|flow| !flow.upkeep) {
        for pair in &flow.pairs {
            // A flow is no word on what was measured: it makes no entry.
            if let Some(said) = said.get_mut(&(&pair.from, &pair.to)) {
                said.allowed = true;
            }
        }
    }
    for (number, finding) in check.findings.iter().enumerate() {
        let Some((from, to)) = &finding.pair else { continue };
        said.entry((from, to)).or_default().finding.get_or_insert(number + 1);
    }
    said
}

impl Said<'_> {
    /// The worst that is said of it.
    fn state(&self, trust: Trust) -> State {
        let any = |of: fn(&PairSeen) -> u64| self.families.iter().any(|seen| of(seen) > 0);
        let measured = any(|seen| seen.as_meant);
        let partly = !self.unopened.is_empty() || !self.left_out.is_empty();
        let good = match (measured, partly) {
            (true, _) if trust != Trust::Whole => State::Unsure,
            (true, true) => State::Partly,
            (true, false) if any(|seen| seen.probe_only) => State::ProbeOnly,
            (true, false) => State::AsMeant,
            (false, true) => State::LeftOut,
            (false, false) => State::Unmeasured,
        };
        let bad = [
            (State::Leak, any(|seen| seen.leak)),
            (State::Blocked, any(|seen| seen.blocked)),
            (State::Differs, any(|seen| seen.model_differs)),
            // A finding that no count has: it is told, and does not look good.
            (State::Leak, self.finding.is_some()),
            (
                State::Unmeasured,
                any(|seen| seen.unmeasured) || self.families.iter().any(|seen| counted(seen) == 0),
            ),
        ];
        bad.into_iter().find(|(_, is)| *is).map_or(good, |(state, _)| state)
    }

    fn words(&self) -> Vec<String> {
        let counted = self.families.iter().map(|seen| counts(seen));
        let left_out = self.left_out.iter().map(|(why, addresses)| match addresses.as_slice() {
            [] => format!("left out: {why}"),
            some => format!("left out at {}: {why}", listed(some, ADDRESSES)),
        });
        let words: Vec<String> = counted.chain(self.unopened.iter().cloned()).chain(left_out).collect();
        if words.is_empty() { vec![NOTHING.to_owned()] } else { words }
    }
}

/// How often something was tried.
fn counted(seen: &PairSeen) -> u64 {
    seen.as_meant + seen.leak + seen.blocked + seen.unmeasured
}

const NOTHING: &str = "nothing is known of it";

/// `IPv4: 102 as meant, 1 leaked`.
fn counts(seen: &PairSeen) -> String {
    let counts = [
        (seen.as_meant, "as meant"),
        (seen.leak, "leaked"),
        (seen.blocked, "blocked"),
        (seen.unmeasured, "not measured"),
        (seen.model_differs, "on which the listed rules say otherwise"),
        (seen.probe_only, "that only probes can tell"),
    ];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, words)| format!("{count} {words}")).collect();
    let counts = if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") };
    format!("IPv{}: {counts}", seen.family)
}

fn rows(
    nodes: &[&NodeName],
    states: &BTreeMap<Pair<'_>, State>,
    said: &BTreeMap<Pair<'_>, Said<'_>>,
) -> Vec<Vec<Cell>> {
    let cell = |from, to| {
        let pair = (from, to);
        let Some(state) = states.get(&pair) else {
            return Cell {
                sign: "",
                class: "itself",
                words: "itself",
                allowed: false,
                title: String::new(),
                finding: None,
            };
        };
        let said = said.get(&pair);
        let words = said.map_or_else(|| vec![NOTHING.to_owned()], Said::words);
        Cell {
            sign: state.sign(),
            class: state.class(),
            words: state.words(),
            allowed: said.is_some_and(|said| said.allowed),
            title: format!("{from} → {to}: {}; {}", state.words(), words.join("; ")),
            finding: said.and_then(|said| said.finding),
        }
    };
    nodes.iter().map(|from| nodes.iter().map(|to| cell(*from, *to)).collect()).collect()
}

/// The signs that occur, with how many pairs each.
fn legend(states: &BTreeMap<Pair<'_>, State>) -> Vec<Sign> {
    let count = |state: State| states.values().filter(|one| **one == state).count();
    let signs = State::ALL.into_iter().map(|state| Sign {
        sign: state.sign(),
        class: state.class(),
        words: state.words(),
        pairs: count(state),
    });
    signs.filter(|sign| sign.pairs > 0).collect()
}

fn told(states: &BTreeMap<Pair<'_>, State>, said: &BTreeMap<Pair<'_>, Said<'_>>) -> Vec<Told> {
    let mut pairs: Vec<(State, Pair<'_>)> = states
        .iter()
        .filter(|(_, state)| **state != State::AsMeant)
        .map(|(pair, state)| (*state, *pair))
        .collect();
    pairs.sort();
    let told = pairs.into_iter().map(|(state, pair)| {
        let said = said.get(&pair);
        Told {
            from: pair.0.to_string(),
            to: pair.1.to_string(),
            sign: state.sign(),
            class: state.class(),
            words: state.words(),
            what: said.map_or_else(|| vec![NOTHING.to_owned()], Said::words),
            finding: said.and_then(|said| said.finding),
        }
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::example::{good_report, matrix_report};
    use super::*;
    use crate::verdict::Verdict;

    fn drawn(report: &Report) -> Grid {
        grid(report, report.judgement.checks.last().unwrap()).unwrap()
    }

    fn cell<'a>(grid: &'a Grid, from: &str, to: &str) -> &'a Cell {
        let place = |name: &str| grid.nodes.iter().position(|node| node == name).unwrap();
        &grid.rows[place(from)][place(to)]
    }

    fn classes(grid: &Grid) -> Vec<&'static str> {
        grid.rows.iter().flatten().map(|cell| cell.class).collect()
    }

    #[test]
    fn each_pair_has_the_worst_that_is_said_of_it() {
        let grid = drawn(&matrix_report());
        let expected = [
            ("dock-1", "vms", "leak"),
            ("app", "aws", "blocked"),
            ("vms", "aws", "differs"),
            ("app", "vms", "unmeasured"),
            ("rtr", "aws", "partly"),
            ("vms", "rtr", "partly"),
            ("dock-1", "dock-2", "left-out"),
            ("dock-2", "vms", "probe-only"),
            ("app", "dock-1", "as-meant"),
            ("app", "app", "itself"),
        ];
        for (from, to, class) in expected {
            assert_eq!(cell(&grid, from, to).class, class, "{from} -> {to}");
        }
        let leak = cell(&grid, "dock-1", "vms");
        assert_eq!((leak.finding, leak.allowed, leak.sign), (Some(1), false, "✗"));
        assert!(cell(&grid, "app", "dock-1").allowed);
    }

    #[test]
    fn a_pair_of_which_nothing_is_said_does_not_look_good() {
        let grid = drawn(&matrix_report());
        for (from, to) in [("vms", "dock-1"), ("aws", "app"), ("app", "dock-2")] {
            assert_eq!(cell(&grid, from, to).class, "unmeasured", "{from} -> {to}");
        }
        assert_eq!(classes(&grid).iter().filter(|class| **class == "as-meant").count(), 1);
        let told =
            grid.told.iter().find(|one| (one.from.as_str(), one.to.as_str()) == ("aws", "app")).unwrap();
        assert_eq!(told.what, [NOTHING]);
    }

    #[test]
    fn nothing_looks_good_in_a_check_that_cannot_be_relied_on() {
        for change in [
            |check: &mut CheckVerdict| check.verdict = Verdict::Inconclusive,
            |check: &mut CheckVerdict| check.reasons.push("path: 1 of 2 arrived".into()),
            |check: &mut CheckVerdict| check.findings[0].pair = None,
        ] {
            let mut report = matrix_report();
            change(report.judgement.checks.last_mut().unwrap());
            let grid = drawn(&report);
            let good = ["as-meant", "probe-only", "partly"];
            assert!(classes(&grid).iter().all(|class| !good.contains(class)), "{:?}", classes(&grid));
            assert_eq!(cell(&grid, "app", "dock-1").class, "unsure");
            assert_eq!(cell(&grid, "dock-1", "vms").class, "leak", "what was seen counts");
        }
    }

    #[test]
    fn a_finding_that_no_count_has_does_not_look_good() {
        let mut report = matrix_report();
        let check = report.judgement.checks.last_mut().unwrap();
        check.findings[0].pair = Some(("app".parse().unwrap(), "dock-1".parse().unwrap()));
        assert_eq!(cell(&drawn(&report), "app", "dock-1").class, "leak");
    }

    #[test]
    fn what_is_not_simply_as_meant_is_told_the_worst_first() {
        let grid = drawn(&matrix_report());
        let words = |number: usize| &grid.told[number];
        assert_eq!((words(0).from.as_str(), words(0).class), ("dock-1", "leak"));
        assert_eq!(words(0).what, ["IPv4: 99 as meant, 3 leaked, 2 on which the listed rules say otherwise"]);
        let of = |from: &str, to: &str| {
            &grid.told.iter().find(|one| one.from == from && one.to == to).unwrap().what
        };
        assert_eq!(
            *of("rtr", "aws"),
            [
                "IPv4: 2 as meant",
                "left out at 203.0.113.10, 203.0.113.11: they are neighbours, and nothing stands between them: `aws` \
                 has no rules of its own"
            ]
        );
        assert_eq!(
            of("vms", "rtr")[1],
            "S02 allows udp/67, which is not opened: no probe opens it and gets an answer"
        );
        assert_eq!(grid.told.len(), 29, "all pairs but the one that is as meant");
        assert_eq!(grid.legend.iter().map(|sign| sign.pairs).sum::<usize>(), 30);
        assert_eq!(grid.probe_only, [("a quota".to_owned(), 4)]);
    }

    #[test]
    fn too_many_nodes_are_told_in_words_alone() {
        let mut report = matrix_report();
        let Word::Matrix { between, .. } = &mut report.plan.checks.last_mut().unwrap().word else { panic!() };
        between.extend((0..60).map(|number| format!("more-{number}").parse().unwrap()));
        let grid = drawn(&report);
        assert!(grid.rows.is_empty() && grid.nodes.is_empty() && grid.count == 66);
        assert_eq!((grid.told.len(), grid.untold), (MOST_PAIRS, 66 * 65 - 1 - MOST_PAIRS));
        assert_eq!(grid.told[0].class, "leak", "the worst are not those that are left away");
    }

    #[test]
    fn a_check_without_a_table_has_no_picture() {
        let report = good_report();
        assert!(report.judgement.checks.iter().all(|check| grid(&report, check).is_none()));
    }
}
