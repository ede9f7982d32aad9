//! Verdicts and findings, as plain types.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::{CheckName, NodeName, ScenarioName};
use crate::scenario::model::{Place, Proof};

/// What a check, or a whole run, came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds, and everything that makes this believable was there.
    Pass,
    /// It does not hold; the findings say why.
    Fail,
    /// It cannot be said; the reasons say why.
    Inconclusive,
}

/// The verdicts of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The scenario.
    pub scenario: ScenarioName,
    /// One per check, in the scenario's order.
    pub checks: Vec<CheckVerdict>,
}

/// The verdict on one check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckVerdict {
    /// Its name.
    pub check: CheckName,
    /// Where the scenario has it.
    pub place: Place,
    /// The controls it proves.
    pub proves: Vec<Proof>,
    /// The word: `reach`, `no_reach`, `plays`, `direction`, `peers_of`, `members`, `clock`, `address`, `spare`,
    /// `carries`, `no_bridge`, `explained`, `name`, `taint`, `lint`, `periodic`, `after`.
    pub word: String,
    /// The verdict.
    pub verdict: Verdict,
    /// In one line, what was seen: counts, never empty.
    pub summary: String,
    /// For a fail: each thing that should not be.
    pub findings: Vec<Finding>,
    /// Each control that was missed, with what was missed of it; for a fail: what could not be relied on besides.
    pub reasons: Vec<String>,
    /// Kernel features that it requires and that are missing; each is among the reasons. Then it is inconclusive, or a fail
    /// for what was seen all the same.
    pub lacks: Vec<String>,
    /// Per kind of instrument and control, what was counted; for the report's reader.
    pub controls: Vec<ControlSeen>,
    /// For `after`: how what goes on paused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pauses: Vec<PauseSeen>,
}

/// One thing that should not be, with its evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What is wrong, in one line.
    pub text: String,
    /// Source and target, where there is a pair.
    pub pair: Option<(NodeName, NodeName)>,
    /// The device that should have stopped it.
    pub stops_at: Option<NodeName>,
    /// Packets to look at, in order: what it shows, and its number in `capture.pcapng`.
    pub packets: Vec<(String, u64)>,
    /// What let it through: `inet site through policy`, or `inet site through` and the rule's text; none where no
    /// trace says so.
    pub by: Option<String>,
}

/// How something that goes on paused through a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PauseSeen {
    /// What: `video of dock at app`, `monitor_job of app`.
    pub what: String,
    /// The longest time from one to the next while the fault stood, microseconds: what it took to go on elsewhere.
    pub at_fault_us: u64,
    /// The same from the fault until it was mended and all went on.
    pub longest_us: u64,
}

/// A control of a negative, counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ControlSeen {
    /// `instrument`, `path` or `alive`; for `taint` `density` and `canary`.
    pub control: String,
    /// What was counted, in one line.
    pub seen: String,
    /// Whether it held.
    pub held: bool,
}
