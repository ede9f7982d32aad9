//! Everything that a report speaks of, as one value.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::event::{Failure, Stage};
use crate::exit::Exit;
use crate::observation::TapHealth;
use crate::plan::Plan;
use crate::twin::TwinReport;
use crate::verdict::{Judgement, Verdict};

/// One run, ready to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// When it started.
    pub started: SystemTime,
    /// What was built.
    pub plan: Plan,
    /// What it came to; without checks if the run ended before its time.
    pub judgement: Judgement,
    /// The stages it went through, in order, and how long each took.
    pub stages: Vec<StageTime>,
    /// How the taps did.
    pub taps: TapHealth,
    /// How the taps of the open copy did.
    pub open_taps: TapHealth,
    /// Where the evidence is, as the user named it; none if none was kept.
    pub folder: Option<PathBuf>,
    /// For a broken twin: whether it was reported as it expects.
    pub twin: Option<TwinReport>,
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
    /// single check says nothing, so it is inconclusive.
    pub fn exit(&self) -> Exit {
        let judged = match &self.twin {
            Some(twin) if twin.agrees => Exit::Expected,
            Some(_) => Exit::Failed,
            None if self.judgement.checks.is_empty() => Exit::Inconclusive,
            None => {
                self.judgement.checks.iter().fold(Exit::Expected, |exit, one| exit.worse(one.verdict.into()))
            }
        };
        match &self.failure {
            Some(failure) if self.judgement.checks.is_empty() => failure.fault.into(),
            Some(failure) => judged.worse(failure.fault.into()),
            None => judged,
        }
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
    use super::super::example::{bad_report, failed_report, good_report, twin_report};
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
    fn a_run_that_ended_early_ends_by_whose_fault_it_was() {
        assert_eq!(failed_report().exit(), Exit::Ours);
        let mut twin = failed_report();
        twin.twin = twin_report(false).twin;
        assert_eq!(twin.exit(), Exit::Ours);
    }
}
