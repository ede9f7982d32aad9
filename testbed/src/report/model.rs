//! Everything that a report speaks of, as one value.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::Course;
use crate::event::{Failure, Stage};
use crate::exit::Exit;
use crate::observation::{FaultSeen, TapHealth};
use crate::parts::Part;
use crate::plan::Plan;
use crate::record::rule_use::RuleUse;
use crate::scenario::Unsupported;
use crate::twin::TwinReport;
use crate::verdict::{CheckVerdict, Judgement, Verdict};

/// One run, ready to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The scenario's or the twin's file, as the user named it; none in a lab that stays.
    pub file: Option<String>,
    /// When it started.
    pub started: SystemTime,
    /// What was built.
    pub plan: Plan,
    /// The text of each rule file that the plan names, by its path there, where it can be read.
    pub rules: BTreeMap<String, String>,
    /// Which rules were never used, of each node some of whose rules count.
    pub rule_use: Vec<RuleUse>,
    /// How many checks it was to judge.
    pub planned: usize,
    /// What it came to; without checks if the run ended before its time.
    pub judgement: Judgement,
    /// The stages it went through, in order, and how long each took.
    pub stages: Vec<StageTime>,
    /// How the taps did.
    pub taps: TapHealth,
    /// How the taps of the open copy did.
    pub open_taps: TapHealth,
    /// Faults that were in force when it began, in the words of the command line.
    pub in_force: Vec<String>,
    /// Faults that were carried out meanwhile, for checks or by hand.
    pub faults: Vec<FaultSeen>,
    /// What went on when.
    pub course: Course,
    /// Packets that findings cite, in words, by their number in `capture.pcapng`.
    pub packets: BTreeMap<u64, String>,
    /// Where the evidence is, as the user named it; none if none was kept.
    pub folder: Option<PathBuf>,
    /// For a broken twin: whether it was reported as it expects.
    pub twin: Option<TwinReport>,
    /// Checks of this scenario that may stay inconclusive for want of a kernel feature.
    pub accept: Vec<Unsupported>,
    /// The part of the testbed that a test had broken: what this run says of the site is worth nothing.
    pub broken_part: Option<Part>,
    /// Why the run ended before its time, if it did.
    pub failure: Option<Failure>,
}

/// One stage of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageTime {
    /// Which.
    pub stage: Stage,
    /// How long it took.
    pub took: Duration,
}

impl Report {
    /// How a process ends that did nothing but this run.
    ///
    /// A broken twin is as expected if it was reported as it expects, whatever its checks came to. A run without a
    /// single check says nothing, so it is inconclusive. What is [accepted](Self::accepts) changes no verdict, but counts
    /// as expected here. With a broken part of the testbed nothing is as expected, whatever was noticed of that.
    pub fn exit(&self) -> Exit {
        let of = |check: &CheckVerdict| match self.accepts(check) {
            true => Exit::Expected,
            false => check.verdict.into(),
        };
        let undecided = |twin: &TwinReport| {
            let among = |check: &&CheckVerdict| twin.undecided.contains(&check.check);
            self.judgement.checks.iter().filter(among).map(of).fold(Exit::Expected, Exit::worse)
        };
        let judged = match &self.twin {
            Some(twin) if twin.differences.is_empty() => undecided(twin),
            Some(_) => Exit::Failed,
            None if self.judgement.checks.is_empty() => Exit::Inconclusive,
            None => self.judgement.checks.iter().map(of).fold(Exit::Expected, Exit::worse),
        };
        let judged = self.broken_part.map_or(judged, |_| judged.worse(Exit::Inconclusive));
        match &self.failure {
            Some(failure) if self.judgement.checks.is_empty() => failure.fault.into(),
            Some(failure) => judged.worse(failure.fault.into()),
            None => judged,
        }
    }

    /// Whether a check is inconclusive for want of features all of which are listed for it.
    pub fn accepts(&self, check: &CheckVerdict) -> bool {
        let listed = |feature: &String| {
            self.accept.iter().any(|one| one.check == check.check && one.feature == *feature)
        };
        check.verdict == Verdict::Inconclusive && !check.lacks.is_empty() && check.lacks.iter().all(listed)
    }

    /// The checks that are [accepted](Self::accepts).
    pub fn accepted(&self) -> impl Iterator<Item = &CheckVerdict> {
        self.judgement.checks.iter().filter(|check| self.accepts(check))
    }

    /// How many checks came to this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.judgement.checks.iter().filter(|check| check.verdict == verdict).count()
    }

    /// How long all stages took.
    pub fn took(&self) -> Duration {
        self.stages.iter().map(|stage| stage.took).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::{bad_report, blinded_report, failed_report, good_report, twin_report};
    use super::*;

    #[test]
    fn the_worst_check_decides_unless_it_is_a_twin() {
        assert_eq!(good_report().exit(), Exit::Expected);
        assert_eq!(bad_report().exit(), Exit::Failed);
        let mut unsure = bad_report();
        unsure.judgement.checks.retain(|check| check.verdict != Verdict::Fail);
        assert_eq!(unsure.exit(), Exit::Inconclusive);
        assert_eq!(twin_report(true).exit(), Exit::Expected);
        assert_eq!(twin_report(false).exit(), Exit::Failed);
    }

    #[test]
    fn with_a_broken_part_nothing_is_as_expected() {
        let report = blinded_report();
        assert_eq!((report.count(Verdict::Fail), report.count(Verdict::Inconclusive)), (0, 0));
        assert_eq!(report.exit(), Exit::Inconclusive);
        let twin = Report { broken_part: report.broken_part, ..twin_report(true) };
        assert_eq!(twin.exit(), Exit::Inconclusive);
        let bad = Report { broken_part: report.broken_part, ..bad_report() };
        assert_eq!(bad.exit(), Exit::Failed);
    }

    #[test]
    fn what_is_listed_for_a_feature_that_is_missing_is_expected_and_nothing_else() {
        let mut report = bad_report();
        report.judgement.checks.retain(|check| !check.lacks.is_empty());
        report.judgement.checks.truncate(1);
        let [check] = report.judgement.checks.as_slice() else { panic!("one lacks something: {report:#?}") };
        let listed = |check: &str, feature: &str| Unsupported {
            scenario: "small".parse().unwrap(),
            check: check.parse().unwrap(),
            feature: feature.into(),
        };
        let (name, lacks) = (check.check.to_string(), check.lacks.clone());
        assert_eq!(lacks, ["vlan-tags"]);
        assert_eq!(report.exit(), Exit::Inconclusive, "no list");
        report.accept = vec![listed(&name, "netem"), listed("other", "vlan-tags")];
        assert_eq!(report.exit(), Exit::Inconclusive, "another feature, another check");
        report.accept.push(listed(&name, "vlan-tags"));
        assert_eq!(report.exit(), Exit::Expected);
        assert_eq!(report.count(Verdict::Inconclusive), 1, "its verdict stays");
        report.judgement.checks[0].lacks.push("bonding".into());
        assert_eq!(report.exit(), Exit::Inconclusive, "one of two features");
        report.judgement.checks[0].lacks.clear();
        assert_eq!(report.exit(), Exit::Inconclusive, "a control was missed, and nothing else");
    }

    #[test]
    fn an_undecided_twin_is_inconclusive_unless_its_checks_are_listed() {
        let mut report = twin_report(true);
        report.judgement.checks.retain(|check| !check.lacks.is_empty());
        let name = report.judgement.checks[0].check.clone();
        let twin = report.twin.as_mut().unwrap();
        (twin.agrees, twin.undecided) = (false, vec![name.clone()]);
        assert_eq!(report.exit(), Exit::Inconclusive);
        let scenario = "small".parse().unwrap();
        report.accept = vec![Unsupported { scenario, check: name, feature: "vlan-tags".into() }];
        assert_eq!(report.exit(), Exit::Expected);
        report.twin.as_mut().unwrap().differences.push("something else".into());
        assert_eq!(report.exit(), Exit::Failed);
    }

    #[test]
    fn a_run_that_ended_early_ends_by_whose_fault_it_was() {
        assert_eq!(failed_report().exit(), Exit::Ours);
        let mut twin = failed_report();
        twin.twin = twin_report(false).twin;
        assert_eq!(twin.exit(), Exit::Ours);
    }
}
