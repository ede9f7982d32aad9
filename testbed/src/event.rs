//! What a run says while it goes on: one enum; evidence, progress and reports listen and never call back.
//!
//! The lab runs in a process of its own; these values cross the pipe between it and the commander as JSON lines.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::{LinkName, NodeName, SegmentName};
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
    /// The run, or a judgement of a lab that stays, is over and this is what was seen.
    Observed(Box<Observations>),
    /// The run is over before its time.
    Failed(Failure),
    /// A lab that stays is ready: its services run. Its [doors](crate::kernel::join::Doors) come on the life-line.
    Standing(Entrances),
    /// A service of a lab that stays has ended, or could not do what it should; the lab goes on.
    Fallen(Failure),
    /// A lab that stays could not be judged; it goes on.
    NotJudged(Failure),
    /// In a lab that stays, a fault was carried out or was not.
    Faulted {
        /// Which: as it was asked for.
        number: u64,
        /// What was done, in a line; or why not.
        done: Result<String, Failure>,
        /// What is in force now, in the words of the command line.
        in_force: Vec<String>,
    },
}

/// Where a lab that stays is entered; paths are those of its own file system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entrances {
    /// File of the network namespace in which all segments live, and all taps.
    pub fabric: PathBuf,
    /// The nodes.
    pub nodes: BTreeMap<NodeName, Entrance>,
    /// The taps of the site.
    pub taps: Vec<Tap>,
}

/// A tap: the end of a node's link in the fabric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tap {
    /// The fabric's port.
    pub port: LinkName,
    /// Number of its device there.
    pub ifindex: u32,
    /// The VLAN whose frames are its, where the device carries several.
    pub tag: Option<u16>,
    /// The node that is plugged in.
    pub node: NodeName,
    /// By this link of its.
    pub link: LinkName,
    /// In this segment.
    pub segment: SegmentName,
}

/// Where a node is entered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entrance {
    /// File of its network namespace.
    pub network: PathBuf,
    /// Folder with its own `resolv.conf` and `hosts`.
    pub names: PathBuf,
}

/// Stages of a run, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
