//! Which frames something explains, and which nothing does.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::End;
use crate::names::{FlowId, LinkName, NodeName, SegmentName};

/// Kinds of frames that nothing explains and that are told apart: who floods is found by the first of them.
pub const MOST_UNEXPLAINED: usize = 500;

/// The frames of a run, those of probes aside: see [`ProbesSeen`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Explained {
    /// What something explains, by segment and by what.
    pub claimed: Vec<Claimed>,
    /// What nothing explains, in order of the first frame; at most [`MOST_UNEXPLAINED`] kinds.
    pub unexplained: Vec<Unexplained>,
    /// Frames of further kinds that nothing explains.
    pub more: u64,
    /// Probes and what became of them.
    pub probes: ProbesSeen,
    /// What was told of frames that nothing may explain, at each tap.
    pub canaries: Vec<CanariesShown>,
}

/// Frames that nothing may explain, held against the plan as if a tap had seen them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanariesShown {
    /// The tap, by its port of the fabric.
    pub port: LinkName,
    /// How many there were.
    pub shown: usize,
    /// Those that something explained, in a few words.
    pub explained: Vec<String>,
}

/// Frames of one segment that one thing explains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimed {
    /// The segment.
    pub segment: SegmentName,
    /// What explains them.
    pub by: Claim,
    /// The first of them.
    pub first_packet: u64,
    /// How many, at all ports.
    pub frames: u64,
}

/// What explains a frame.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// A conversation that these flows, each by itself, allow.
    Flows(Vec<FlowId>),
    /// The same towards an address to which a name leads only once it was moved there.
    Moved(Vec<FlowId>, IpAddr),
    /// Neighbours that keep their link up.
    Upkeep(Upkeep),
    /// An ICMP error about a packet that a flow explains.
    Error,
    /// An answer to a probe, or a refusal.
    ProbeAnswer,
}

/// How neighbours keep their link up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Upkeep {
    /// Address resolution (RFC 826).
    Arp,
    /// Neighbours found and missed, addresses held against others' (RFC 4861, RFC 4862).
    Neighbours,
    /// Routers asked for, and advertised (RFC 4861).
    Routers,
    /// Membership of groups (RFC 3376, RFC 3810).
    Groups,
}

/// Frames of one kind, in one segment, that nothing explains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unexplained {
    /// The segment.
    pub segment: SegmentName,
    /// The node that they came from, by the tap of its link.
    pub from: Option<NodeName>,
    /// What they are, in a few words.
    pub what: String,
    /// Why nothing explains them.
    pub why: String,
    /// Transport as conversations name it.
    pub kind: String,
    /// Source and destination of the first of them.
    pub ends: (End, End),
    /// The first of them.
    pub first_packet: u64,
    /// How many, at all ports.
    pub frames: u64,
}

/// Where probes were, and whether they may be there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbesSeen {
    /// Frames of probes where these may be, by segment.
    pub frames: Vec<(SegmentName, u64)>,
    /// Probes where they may not be.
    pub astray: Vec<Astray>,
}

/// Probes where they may not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Astray {
    /// The segment.
    pub segment: SegmentName,
    /// What they were sent for; none: this run has sent no such number.
    pub sent: Option<(NodeName, NodeName)>,
    /// The first of them.
    pub first_packet: u64,
    /// How many, at all ports.
    pub frames: u64,
}

/// The state of a node at a moment: what decides where packets go, a line each, without what counts or comes and goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateSeen {
    /// The node.
    pub node: NodeName,
    /// When.
    pub moment: super::Moment,
    /// Rules, routes, policy routes, sysctls.
    pub lines: Vec<String>,
}
