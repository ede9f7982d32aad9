//! What is asked of the model, and what it answers.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::outcome::{Blame, Outcome, Why};
use super::packet::Packet;
use crate::names::{LinkName, Mac, NodeName};

/// A packet, and how it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Who sends it.
    pub from: NodeName,
    /// How.
    pub sent: Sent,
    /// The packet.
    pub packet: Packet,
}

/// How a packet is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sent {
    /// By the node's own stack: its routes, and its own rules for what it sends.
    Own,
    /// As a frame of its own making, past its routes and its rules.
    Raw(Raw),
}

/// A frame of the sender's own making.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raw {
    /// By this link.
    pub link: LinkName,
    /// To this Ethernet address; none: that of the next hop by the sender's routes.
    pub to: Option<Mac>,
    /// From this Ethernet address; none: its own.
    pub forged: Option<Mac>,
}

/// What becomes of a packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prediction {
    /// Where it ends.
    pub fate: Fate,
    /// What each device does that it comes to, in order; a sender that sends by its own stack is the first.
    pub hops: Vec<Hop>,
}

/// What one device does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// The device.
    pub node: NodeName,
    /// What it does.
    pub outcome: Outcome,
}

/// Where a packet ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Behind the filter of the node that it is then for.
    Arrives {
        /// That node.
        at: NodeName,
        /// As which packet.
        packet: Packet,
    },
    /// On its way.
    Stopped {
        /// At which device, or behind which it found nobody.
        at: NodeName,
        /// By what.
        by: BTreeSet<Blame>,
    },
    /// Not predicted: to be found out with a probe.
    Unknown {
        /// At which device it is not known.
        at: NodeName,
        /// Why.
        why: BTreeSet<Why>,
    },
}

impl Probe {
    /// The Ethernet address that it pretends to come from.
    pub(super) fn forged(&self) -> Option<Mac> {
        match &self.sent {
            Sent::Raw(raw) => raw.forged,
            Sent::Own => None,
        }
    }
}

impl Prediction {
    /// Whether it gets to the node; none if that is not predicted.
    pub fn arrives_at(&self, node: &NodeName) -> Option<bool> {
        match &self.fate {
            Fate::Arrives { at, .. } => Some(at == node),
            Fate::Stopped { .. } => Some(false),
            Fate::Unknown { .. } => None,
        }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |all: Vec<String>| all.join(", ");
        match self {
            Fate::Arrives { at, .. } => write!(f, "arrives at {at}"),
            Fate::Stopped { at, by } => {
                write!(f, "stopped at {at} by {}", list(by.iter().map(Blame::to_string).collect()))
            }
            Fate::Unknown { at, why } => {
                write!(f, "probe-only at {at} because of {}", list(why.iter().map(Why::to_string).collect()))
            }
        }
    }
}
