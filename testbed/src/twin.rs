//! A twin's judgement beside what it must report. Pure.
//!
//! The reported set must equal the expected one: a twin that is reported for another pair, by another rule or by
//! another check than the broken one shows that the checks do not look where they should.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::{CheckName, NodeName, ScenarioName};
use crate::scenario::twin::{Expected, Twin};
use crate::verdict::{CheckVerdict, Finding, Judgement, Verdict};

/// Whether a twin was reported as it expects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TwinReport {
    /// The twin.
    pub twin: ScenarioName,
    /// What it changes, in one line.
    pub says: String,
    /// True if what was reported equals what was expected.
    pub agrees: bool,
    /// Everything that differs, one sentence each.
    pub differences: Vec<String>,
    /// Checks of which nothing can be said, since the kernel lacks what they require: they neither agree nor differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undecided: Vec<CheckName>,
}

/// Compares what was reported of a twin with what it expects.
///
/// The checks of `fail` must fail with exactly their pairs, each by the expected rule; the checks of `stays` must
/// pass; no other check may do anything but pass. A twin that expects nothing to fail never agrees, nor does one of
/// which a check is inconclusive for want of a feature of the kernel.
pub fn compare(twin: &Twin, judgement: &Judgement) -> TwinReport {
    let (mut differences, mut undecided) = (Vec::new(), Vec::new());
    if twin.fail.is_empty() {
        differences.push("it expects no check to fail".to_owned());
    }
    let judged = |name: &str| judgement.checks.iter().any(|check| check.check.as_str() == name);
    for name in twin.fail.keys().chain(&twin.stays).filter(|name| !judged(name.as_str())) {
        differences.push(format!("{name} was not judged"));
    }
    for check in &judgement.checks {
        match twin.fail.get(&check.check) {
            _ if is_undecided(check) => undecided.push(check.check.clone()),
            Some(expected) => compare_failing(check, expected, &mut differences),
            None if check.verdict != Verdict::Pass => {
                let (name, word) = (&check.check, word(check.verdict));
                differences.push(format!("{name} must still pass, and {word}: {}", first_line(check)));
            }
            None => {}
        }
    }
    let (twin, says) = (twin.name.clone(), twin.says.clone());
    let agrees = differences.is_empty() && undecided.is_empty();
    TwinReport { twin, says, agrees, differences, undecided }
}

/// A check that fails although the kernel lacks something has shown what it shows anywhere.
fn is_undecided(check: &CheckVerdict) -> bool {
    check.verdict == Verdict::Inconclusive && !check.lacks.is_empty()
}

fn compare_failing(check: &CheckVerdict, expected: &Expected, differences: &mut Vec<String>) {
    let name = &check.check;
    if check.verdict != Verdict::Fail {
        let word = word(check.verdict);
        differences.push(format!("{name} must fail, and {word}: {}", first_line(check)));
        return;
    }
    if expected.finds.is_empty() {
        compare_pairs(check, &expected.pairs, differences);
    } else {
        compare_texts(check, &expected.finds, differences);
    }
    if let Some(by) = &expected.by {
        let others = check.findings.iter().filter(|finding| !is_by(finding, by));
        differences.extend(others.map(|finding| blamed(check, finding, by)));
    }
}

/// What is reported must be of exactly these pairs.
fn compare_pairs(check: &CheckVerdict, expected: &[(NodeName, NodeName)], differences: &mut Vec<String>) {
    let name = &check.check;
    let wanted: BTreeSet<&(NodeName, NodeName)> = expected.iter().collect();
    let found: BTreeSet<_> = check.findings.iter().filter_map(|finding| finding.pair.as_ref()).collect();
    for (from, to) in wanted.difference(&found) {
        differences.push(format!("{name} does not report {from} -> {to}"));
    }
    for (from, to) in found.difference(&wanted) {
        differences.push(format!("{name} reports {from} -> {to} too"));
    }
    if !wanted.is_empty() {
        for finding in check.findings.iter().filter(|finding| finding.pair.is_none()) {
            differences.push(format!("{name} reports more than pairs: {}", finding.text));
        }
    }
}

/// Each finding must be expected, and each expected one must be there, by the beginnings of their texts.
fn compare_texts(check: &CheckVerdict, expected: &[String], differences: &mut Vec<String>) {
    let begins = |finding: &&Finding, text: &String| finding.text.starts_with(text.as_str());
    for text in expected.iter().filter(|text| !check.findings.iter().any(|one| begins(&one, text))) {
        differences.push(format!("{} does not report: {text}", check.check));
    }
    for finding in check.findings.iter().filter(|one| !expected.iter().any(|text| begins(one, text))) {
        differences.push(format!("{} reports more: {}", check.check, finding.text));
    }
}

/// True if the finding names what was expected, or starts with its words.
fn is_by(finding: &Finding, expected: &str) -> bool {
    let found: Vec<&str> = finding.by.as_deref().unwrap_or_default().split_whitespace().collect();
    let expected: Vec<&str> = expected.split_whitespace().collect();
    found.starts_with(&expected)
}

fn blamed(check: &CheckVerdict, finding: &Finding, expected: &str) -> String {
    let what = match &finding.pair {
        Some((from, to)) => format!("{from} -> {to}"),
        None => finding.text.clone(),
    };
    let found = finding.by.as_ref().map_or("nothing, as no trace says it".into(), |by| format!("`{by}`"));
    format!("{} blames {found} for {what}, and not `{expected}`", check.check)
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "passes",
        Verdict::Fail => "fails",
        Verdict::Inconclusive => "is inconclusive",
    }
}

/// What a reader wants to know first.
fn first_line(check: &CheckVerdict) -> &str {
    let first = check.findings.first().map(|finding| finding.text.as_str());
    first.or(check.reasons.first().map(String::as_str)).unwrap_or(&check.summary)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::model::{Scenario, Site};
    use crate::verdict::example::{accepts, good, leak, of, plan};
    use crate::verdict::judge;

    fn twin() -> Twin {
        let expected = Expected {
            pairs: vec![(of("dock-1"), of("vms"))],
            finds: vec![],
            by: Some("inet site  through policy".into()),
        };
        let site = Site { segments: [].into(), switches: [].into(), nodes: [].into(), groups: [].into() };
        let scenario = Scenario {
            name: of("small"),
            documents: vec![],
            owners: [].into(),
            site,
            flows: vec![],
            checks: vec![],
        };
        Twin {
            name: of("small-accept"),
            says: "the router forwards all".into(),
            of: of("small"),
            scenario,
            fail: [(of("vms-shut"), expected)].into(),
            stays: vec![of("dock-plays")],
        }
    }

    /// What is reported of the example once the router leaks from dock-1 to vms.
    fn broken(rule: &str) -> Judgement {
        let mut seen = good();
        leak(&mut seen.aims[0], "tcp/22", Some(112));
        seen.aims[0].trace = vec![accepts("rtr", "inet site through", rule)];
        judge(&plan(), &seen)
    }

    fn differences(change: impl FnOnce(&mut Twin, &mut Judgement)) -> Vec<String> {
        let (mut twin, mut judgement) = (twin(), broken("policy"));
        change(&mut twin, &mut judgement);
        let report = compare(&twin, &judgement);
        assert_eq!(report.agrees, report.differences.is_empty());
        report.differences
    }

    #[test]
    fn exactly_what_was_expected_agrees() {
        assert!(differences(|_, _| {}).is_empty());
        assert!(
            differences(|_, j| *j = broken("policy (accept)")).is_empty(),
            "the start of a rule is enough"
        );
        assert!(
            differences(|t, j| {
                t.fail.values_mut().for_each(|expected| expected.by = None);
                *j = broken("tcp dport 22 accept");
            })
            .is_empty()
        );
    }

    #[test]
    fn each_thing_reported_otherwise_is_a_difference() {
        type Change = fn(&mut Twin, &mut Judgement);
        let cases: &[(&str, Change)] = &[
            ("vms-shut must fail, and passes: 2 pairs", |_, j| *j = judge(&plan(), &good())),
            ("vms-shut must fail, and is inconclusive: taps", |_, j| {
                let mut seen = good();
                seen.open_taps.dropped = 1;
                *j = judge(&plan(), &seen);
            }),
            ("vms-shut does not report dock-2 -> vms", |t, _| {
                t.fail.values_mut().for_each(|expected| expected.pairs.push((of("dock-2"), of("vms"))));
            }),
            ("vms-shut reports dock-1 -> vms too", |t, _| {
                t.fail.values_mut().for_each(|expected| expected.pairs = vec![]);
            }),
            ("vms-shut does not report: a stranger", |t, _| {
                t.fail.values_mut().for_each(|expected| expected.finds = vec!["a stranger".into()]);
            }),
            ("vms-shut reports more: ", |t, _| {
                t.fail.values_mut().for_each(|expected| expected.finds = vec!["a stranger".into()]);
            }),
            ("vms-shut blames `inet site through tcp dport 22 accept` for dock-1 -> vms", |_, j| {
                *j = broken("tcp dport 22 accept");
            }),
            ("vms-shut blames nothing, as no trace says it for dock-1 -> vms", |_, j| {
                let mut seen = good();
                leak(&mut seen.aims[0], "tcp/22", Some(112));
                *j = judge(&plan(), &seen);
            }),
            ("dock-plays must still pass, and fails: dock-1", |_, j| {
                let mut seen = good();
                seen.facts.truncate(1);
                let plays = judge(&plan(), &seen).checks.remove(0);
                j.checks[0] = plays;
            }),
            ("dock-plays must still pass, and fails: dock-1", |_, j| {
                // What the kernel lacks excuses no finding.
                let mut seen = good();
                seen.facts.truncate(1);
                j.checks[0] = judge(&plan(), &seen).checks.remove(0);
                j.checks[0].lacks = vec!["netem".into()];
            }),
            ("dock-alone must still pass, and is inconclusive", |_, j| {
                j.checks[4].verdict = Verdict::Inconclusive;
            }),
            ("dock-plays was not judged", |_, j| drop(j.checks.remove(0))),
            ("vms-shut was not judged", |_, j| drop(j.checks.remove(2))),
            ("it expects no check to fail", |t, _| t.fail.clear()),
        ];
        for (text, change) in cases {
            let found = differences(change);
            assert!(found.iter().any(|line| line.starts_with(text)), "{text:?} in {found:?}");
        }
    }

    #[test]
    fn a_finding_without_a_pair_is_one_too_many_where_pairs_are_expected() {
        let without_pair = |judgement: &mut Judgement| {
            let findings = &mut judgement.checks[2].findings;
            findings.push(Finding { pair: None, text: "a stranger".into(), ..findings[0].clone() });
        };
        let found = differences(|_, j| without_pair(j));
        assert_eq!(found, ["vms-shut reports more than pairs: a stranger"]);
        let found = differences(|t, j| {
            without_pair(j);
            j.checks[2].findings.remove(0);
            t.fail.values_mut().for_each(|expected| expected.pairs.clear());
        });
        assert!(found.is_empty(), "a check that speaks of no pairs: {found:?}");
    }

    #[test]
    fn what_the_kernel_lacks_leaves_a_twin_undecided() {
        let (twin, mut judgement) = (twin(), judge(&plan(), &good()));
        judgement.checks[2].verdict = Verdict::Inconclusive;
        judgement.checks[2].lacks = vec!["vlan-tags".into()];
        let report = compare(&twin, &judgement);
        assert_eq!((report.agrees, report.differences.len()), (false, 0));
        assert_eq!(report.undecided, [of("vms-shut")]);
    }

    #[test]
    fn a_prefix_ends_at_a_word() {
        let found = differences(|_, j| *j = broken("policyless"));
        assert_eq!(found.len(), 1, "{found:?}");
    }
}
