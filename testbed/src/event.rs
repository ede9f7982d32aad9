//! What a run says while it goes on: one enum; evidence, progress and reports listen and never call back.
//!
//! The lab runs in a process of its own; these values cross the pipe between it and the commander as JSON lines.

use serde::{Deserialize, Serialize};

use crate::names::NodeName;
use crate::observation::{NodeFact, Observations};

/// One line on the pipe from the lab.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A stage of the run began.
    Stage {
        /// Which one.
        stage: Stage,
        /// Milliseconds since the lab's process started.
        at_ms: u64,
    },
    /// A fake said something.
    Fact(NodeFact),
    /// Something worth a look, in one line.
    Warning {
        /// The line.
        text: String,
    },
    /// The run is over and this is what was seen.
    Observed(Box<Observations>),
    /// The run is over before its time.
    Failed(Failure),
}

/// Stages of a run, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Own namespaces, own root.
    Enter,
    /// Segments, nodes, links, rules.
    Build,
    /// The fakes start and say that they are ready.
    Start,
    /// Video plays, the appliance talks with the cloud.
    Exercise,
    /// Negatives and `reach`.
    Probe,
    /// Services end, captures are closed, snapshots taken.
    End,
}

/// Why a run ended before its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Whose fault it is; decides the exit code.
    pub fault: Fault,
    /// What happened and what to do, first line first.
    pub text: String,
    /// The node concerned, if any.
    pub node: Option<NodeName>,
    /// Last lines of the process concerned, if any.
    pub last_lines: Vec<String>,
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The scenario's own process died: exit code 1.
    Scenario,
    /// A wrong scenario, or a rule file that nft refuses: exit code 2.
    Input,
    /// The host lacks a feature, tool, plugin or right: exit code 3.
    Host,
    /// Ours: a fake died, a full disk: exit code 4.
    Ours,
    /// Interrupted: exit code 130.
    Interrupted,
}
