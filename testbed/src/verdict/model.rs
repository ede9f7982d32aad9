//! Verdicts and findings, as plain types.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::{CheckName, NodeName, ScenarioName, SegmentName};
use crate::plan::{LeftOut, Unopened};
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
    /// `carries`, `no_bridge`, `no_hop`, `own_leg`, `listens`, `explained`, `matrix`, `name`, `taint`, `lint`, `periodic`, `scan`, `attacks`, `no_video`, `no_stream`, `inventory`, `after`.
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
    /// Where everything was sent, or something at everybody: at which addresses what; empty elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covered: Vec<CoveredSeen>,
    /// For `matrix`: what was meant, measured and predicted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matrix: Option<MatrixSeen>,
}

/// How much was sent at one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CoveredSeen {
    /// Who sent.
    pub from: NodeName,
    /// At whom.
    pub to: NodeName,
    /// At which address.
    pub address: IpAddr,
    /// With an address of this node; left out: with its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passing_for: Option<NodeName>,
    /// Where the address is everybody's in a segment: which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub everybody_in: Option<SegmentName>,
    /// Frames without IP, of a set of EtherTypes and of those that the rules of switches name; else packets.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub frames: bool,
    /// All that can be sent, less what flows allow; else the usual list and what stands for cells of the rules.
    pub everything: bool,
    /// So many packets.
    pub packets: u64,
}

/// What nodes may open to each other, by intent, by measurement and by the model of the loaded rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MatrixSeen {
    /// Each ordered pair of nodes and family of addresses of which something was sent or opened.
    pub pairs: Vec<PairSeen>,
    /// What only the probe could tell, by reason.
    pub probe_only: Vec<ProbeOnly>,
    /// What flows allow and nobody could open and see answered.
    pub unopened: Vec<Unopened>,
    /// Pairs of which nothing is said.
    pub left_out: Vec<LeftOut>,
}

/// One ordered pair in one family. Each packet sent and each opening tried counts once under `as_meant`, `leak`,
/// `blocked` or `unmeasured`; those among them of which the model says something else, or nothing, once more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PairSeen {
    /// Who opens.
    pub from: NodeName,
    /// To whom.
    pub to: NodeName,
    /// 4 or 6.
    pub family: u8,
    /// Shut as no flow allows it, or open as one does.
    pub as_meant: u64,
    /// Not allowed, and arrived or went astray.
    pub leak: u64,
    /// Allowed, and never answered.
    pub blocked: u64,
    /// Nothing was seen that could be relied on.
    pub unmeasured: u64,
    /// Measured, and the model says otherwise.
    pub model_differs: u64,
    /// Measured, and the model does not say.
    pub probe_only: u64,
}

/// What the model leaves to the probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProbeOnly {
    /// Why.
    pub why: String,
    /// How many packets and openings.
    pub count: u64,
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
