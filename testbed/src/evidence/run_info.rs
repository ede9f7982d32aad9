//! When and how a run was made, and how it ended: `run.json`.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::event::{Failure, Stage};
use crate::names::{CheckName, ScenarioName};
use crate::parts::{self, Part};
use crate::report::StageTime;
use crate::scenario::Unsupported;
use crate::scenario::model::Scenario;
use crate::scenario::twin::{Expected, Twin};

/// Version of what a run folder holds. What was written with another one is not read.
pub const FORMAT: u32 = 2;

/// `run.json`: written when a run begins, and again when it has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// Version of what the folder holds, [`FORMAT`].
    pub format: u32,
    /// When it started, nanoseconds since 1970-01-01 UTC.
    pub started: u64,
    /// The run's number, of which the keys of its packets are made.
    pub run: u32,
    /// True for a judgement of a lab that stays: its taps knew things from before, which are in no file.
    pub stays: bool,
    /// For a broken twin: what it expects.
    pub twin: Option<TwinInfo>,
    /// Checks that may stay inconclusive for want of a kernel feature.
    pub accept: Vec<Unsupported>,
    /// The part of the testbed that a test had broken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken_part: Option<Part>,
    /// Its stages; empty until it has ended.
    pub stages: Vec<StageInfo>,
    /// Why it ended before its time, if it did.
    pub failure: Option<Failure>,
}

/// A stage, and how long it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageInfo {
    /// Which.
    pub stage: Stage,
    /// Milliseconds.
    pub ms: u64,
}

/// A broken twin, without its scenario: that is the run's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TwinInfo {
    /// Its name.
    pub name: ScenarioName,
    /// What it changes, in one line.
    pub says: String,
    /// The good scenario's name.
    pub of: ScenarioName,
    /// Checks that must fail, with exactly these findings.
    pub fail: BTreeMap<CheckName, Expected>,
    /// Checks that must still pass.
    pub stays: Vec<CheckName>,
}

impl RunInfo {
    /// What is known when a run begins.
    pub fn begun(started: SystemTime, run: u32, twin: Option<&Twin>, accept: &[Unsupported]) -> Self {
        let since = started.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            format: FORMAT,
            started: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),
            run,
            stays: false,
            twin: twin.map(TwinInfo::of),
            accept: accept.to_vec(),
            broken_part: parts::broken(),
            stages: Vec::new(),
            failure: None,
        }
    }

    /// The same once it has ended.
    pub fn ended(self, stages: &[StageTime], failure: Option<&Failure>) -> Self {
        let info = |one: &StageTime| StageInfo {
            stage: one.stage,
            ms: u64::try_from(one.took.as_millis()).unwrap_or(u64::MAX),
        };
        Self { stages: stages.iter().map(info).collect(), failure: failure.cloned(), ..self }
    }

    /// When it started.
    pub fn started(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(self.started)
    }

    /// Its stages, as reports have them.
    pub fn stage_times(&self) -> Vec<StageTime> {
        let time = |one: &StageInfo| StageTime { stage: one.stage, took: Duration::from_millis(one.ms) };
        self.stages.iter().map(time).collect()
    }
}

impl TwinInfo {
    fn of(twin: &Twin) -> Self {
        let Twin { name, says, of, fail, stays, .. } = twin.clone();
        Self { name, says, of, fail, stays }
    }

    /// The twin again, with the scenario of its run.
    pub fn with(self, scenario: Scenario) -> Twin {
        let Self { name, says, of, fail, stays } = self;
        Twin { name, says, of, scenario, fail, stays }
    }
}
