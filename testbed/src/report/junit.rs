//! JUnit XML: a suite per scenario, a case per check. What is inconclusive is an error, so that no CI job takes it
//! for green.

use quick_junit::{NonSuccessKind, Property, Report as Junit, TestCase, TestCaseStatus, TestSuite};

use super::Report;
use super::words::{broken_part, fault, harmless, place, proof};
use crate::verdict::{CheckVerdict, Verdict};

/// One document over all runs.
///
/// A check's controls are properties `proves`; a fail's text has the findings with their packets. A run that ended
/// before its time, a broken twin, and a broken part of the testbed, are a case of their own.
pub fn junit(reports: &[Report]) -> String {
    let mut junit = Junit::new("testbed");
    for report in reports {
        junit.add_test_suite(suite(report));
    }
    junit.to_string().expect("a document in memory can be written, and its strings are valid XML")
}

fn suite(report: &Report) -> TestSuite {
    let name = match &report.twin {
        Some(twin) => twin.twin.to_string(),
        None => report.plan.scenario.to_string(),
    };
    let mut suite = TestSuite::new(name.clone());
    suite.set_time(report.took());
    for document in &report.plan.documents {
        suite.add_property(Property::new("document", harmless(document)));
    }
    if let Some(folder) = &report.folder {
        suite.add_property(Property::new("evidence", folder.display().to_string()));
    }
    match &report.twin {
        Some(_) => suite.add_test_case(twin_case(report)),
        None => suite.add_test_cases(report.judgement.checks.iter().map(check_case)),
    };
    if let Some(text) = broken_part(report) {
        suite.add_property(Property::new("broken-part", text.as_str()));
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_type("broken part").set_message(text);
        suite.add_test_case(TestCase::new("testbed", status));
    }
    if let Some(failure) = &report.failure {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_type("ended early");
        status.set_message(format!("ended before its time, by {}", fault(failure.fault)));
        status.set_description(format!("{}\n{}", failure.text, failure.last_lines.join("\n")));
        suite.add_test_case(TestCase::new("run", status));
    }
    for case in &mut suite.test_cases {
        case.set_classname(name.clone());
    }
    suite
}

fn check_case(check: &CheckVerdict) -> TestCase {
    let mut status = match check.verdict {
        Verdict::Pass => TestCaseStatus::success(),
        Verdict::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Inconclusive => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    let first = check.findings.first().map(|finding| &finding.text).or(check.reasons.first());
    status.set_type(check.word.as_str());
    status.set_message(first.unwrap_or(&check.summary).as_str());
    status.set_description(description(check));
    let mut case = TestCase::new(check.check.as_str(), status);
    case.add_properties(check.proves.iter().map(|one| Property::new("proves", proof(one))));
    case.add_property(Property::new("place", place(&check.place)));
    case.set_system_out(check.summary.as_str());
    case
}

fn description(check: &CheckVerdict) -> String {
    let mut lines = vec![check.summary.clone()];
    for finding in &check.findings {
        lines.push(finding.text.clone());
        lines.extend(finding.packets.iter().map(|(shows, number)| format!("  #{number} {shows}")));
        lines.extend(finding.by.iter().map(|by| format!("  let through by {by}")));
    }
    lines.extend(check.reasons.iter().cloned());
    lines.join("\n")
}

fn twin_case(report: &Report) -> TestCase {
    let twin = report.twin.as_ref();
    let status = match twin {
        Some(twin) if !twin.agrees && twin.differences.is_empty() => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            let checks: Vec<_> = twin.undecided.iter().map(ToString::to_string).collect();
            status.set_message("undecided: this kernel lacks what its checks require");
            status.set_description(checks.join("\n"));
            status
        }
        Some(twin) if !twin.agrees => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message("not reported as it expects").set_description(twin.differences.join("\n"));
            status
        }
        _ => TestCaseStatus::success(),
    };
    TestCase::new("reported-as-expected", status)
}

#[cfg(test)]
mod tests {
    use super::super::example::{bad_report, blinded_report, failed_report, good_report, twin_report};
    use super::*;

    fn read_back(reports: &[Report]) -> Junit {
        Junit::deserialize_from_str(&junit(reports)).unwrap()
    }

    #[test]
    fn each_check_is_a_case_and_only_a_pass_is_a_success() {
        let report = bad_report();
        let junit = read_back(&[report.clone(), good_report()]);
        assert_eq!((junit.tests, junit.failures, junit.errors), (10, 1, 2));
        let suite = &junit.test_suites[0];
        assert_eq!(suite.name.as_str(), "small");
        for (case, check) in suite.test_cases.iter().zip(&report.judgement.checks) {
            assert_eq!(case.name.as_str(), check.check.as_str());
            let kind = match &case.status {
                TestCaseStatus::Success { .. } => None,
                TestCaseStatus::NonSuccess { kind, .. } => Some(*kind),
                TestCaseStatus::Skipped { .. } => panic!("nothing is skipped"),
            };
            let expected = match check.verdict {
                Verdict::Pass => None,
                Verdict::Fail => Some(NonSuccessKind::Failure),
                Verdict::Inconclusive => Some(NonSuccessKind::Error),
            };
            assert_eq!(kind, expected, "{}", check.check);
        }
    }

    #[test]
    fn a_failure_has_its_packets_rule_and_controls() {
        let junit = read_back(&[bad_report()]);
        let case = &junit.test_suites[0].test_cases[2];
        let TestCaseStatus::NonSuccess { description: Some(text), .. } = &case.status else {
            panic!("{case:?}")
        };
        for part in
            ["#114 tcp/22 to 10.30.0.10 arrived at vms's tap", "let through by inet site through policy"]
        {
            assert!(text.as_str().contains(part), "{part:?} in {text:?}");
        }
        let proves: Vec<_> = case
            .properties
            .iter()
            .filter(|property| property.name.as_str() == "proves")
            .map(|property| property.value.as_str())
            .collect();
        assert_eq!(proves, ["PAN-NET-06", "PAN-SGL-02 (part)"]);
    }

    #[test]
    fn a_run_that_ended_early_is_an_error_and_a_twin_is_one_case() {
        let early = read_back(&[failed_report()]);
        assert_eq!((early.tests, early.errors), (1, 1));
        let twins = read_back(&[twin_report(true), twin_report(false)]);
        assert_eq!((twins.tests, twins.failures, twins.errors), (2, 1, 0));
    }

    #[test]
    fn a_broken_part_is_an_error_of_its_own() {
        let [good, blinded] = [good_report(), blinded_report()].map(|report| read_back(&[report]));
        assert_eq!((blinded.tests, blinded.errors), (good.tests + 1, 1));
        let case = blinded.test_suites[0].test_cases.last().unwrap();
        let TestCaseStatus::NonSuccess { message: Some(text), .. } = &case.status else { panic!("{case:?}") };
        assert!(text.as_str().contains("a tap that is blind to what arrives (blind-tap)"), "{text:?}");
    }

    #[test]
    fn characters_that_xml_does_not_allow_do_no_harm() {
        let mut report = bad_report();
        report.judgement.checks[2].summary = "<b>&\u{1b}\u{0}]]>".into();
        report.judgement.checks[2].findings[0].text = "\u{1b}[31m<script>".into();
        assert_eq!(read_back(&[report]).tests, 5);
    }
}
