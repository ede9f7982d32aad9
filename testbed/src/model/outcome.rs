//! What the model says of a packet.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::packet::Packet;
use super::ruleset::Family;
use crate::names::{LinkName, Mac, SegmentName};

/// What becomes of a packet at one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It passes.
    Accepted {
        /// Where to.
        to: Leaving,
        /// As which packet: the time to live is less, addresses and ports may be others.
        packet: Packet,
        /// What let it pass, in the order of the hooks.
        by: BTreeSet<Blame>,
    },
    /// It is gone.
    Dropped {
        /// What dropped it; several if it is known that one of them does.
        by: BTreeSet<Blame>,
    },
    /// Not predicted: to be found out with a probe.
    Unknown {
        /// Why, each reason with the rule and the expression.
        why: BTreeSet<Why>,
    },
}

/// Where a packet goes that passes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leaving {
    /// To the node itself.
    Local,
    /// Out of this link.
    Link {
        /// The link.
        link: LinkName,
        /// To the neighbour with this address.
        next: IpAddr,
    },
}

/// What decided on a packet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// A rule.
    Rule(RuleRef),
    /// The policy of a base chain.
    Policy {
        /// Family of its table, nft's word.
        family: String,
        /// The table.
        table: String,
        /// The chain.
        chain: String,
    },
    /// The kernel itself: no route, no forwarding and the like.
    Kernel(Kernel),
    /// What the segment does that it was sent into.
    Segment {
        /// The segment.
        segment: SegmentName,
        /// What it does.
        does: Obstacle,
    },
}

/// Why a packet does not get to the other side of a segment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// Nobody there has the address of the next hop.
    Nobody(IpAddr),
    /// Both ports are isolated.
    Isolated,
    /// Nobody there has the Ethernet address.
    NoStation(Mac),
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RuleRef {
    /// Family of its table, nft's word.
    pub family: String,
    /// The table.
    pub table: String,
    /// The chain.
    pub chain: String,
    /// Its handle.
    pub handle: u64,
}

/// What the kernel does without a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "`fmt::Display` says each in words")]
pub enum Kernel {
    NoRoute,
    NotForwarding,
    TimeToLive,
    ForMany,
    MartianSource,
    MartianDestination,
    ReversePath,
    SourceRoute,
    LinkLocalSource,
    NoIpv6,
    Incomplete,
    IncompleteHere,
}

/// A reason why something is not predicted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Why {
    /// The rule that depends on it, if it is one.
    pub rule: Option<RuleRef>,
    /// What it depends on.
    pub on: String,
}

impl RuleRef {
    pub(super) fn new(family: Family, table: &str, chain: &str, handle: u64) -> Self {
        let (family, table, chain) = (family.as_str().to_owned(), table.to_owned(), chain.to_owned());
        RuleRef { family, table, chain, handle }
    }
}

impl Why {
    /// A reason that is no rule's.
    pub(super) fn of(on: impl Into<String>) -> Self {
        Why { rule: None, on: on.into() }
    }
}

impl fmt::Display for RuleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} handle {}", self.family, self.table, self.chain, self.handle)
    }
}

impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Blame::Rule(rule) => rule.fmt(f),
            Blame::Policy { family, table, chain } => write!(f, "{family} {table} {chain} policy"),
            Blame::Kernel(reason) => reason.fmt(f),
            Blame::Segment { segment, does } => match does {
                Obstacle::Nobody(address) => write!(f, "nobody in {segment} has {address}"),
                Obstacle::Isolated => write!(f, "both ports in {segment} are isolated"),
                Obstacle::NoStation(mac) => write!(f, "nobody in {segment} has {mac}"),
            },
        }
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kernel::NoRoute => "no route leads there",
            Kernel::NotForwarding => "it does not forward",
            Kernel::TimeToLive => "its time to live is over",
            Kernel::ForMany => "what comes as a broadcast or multicast frame is not forwarded",
            Kernel::MartianSource => "no packet may come from that address",
            Kernel::MartianDestination => "no packet may go to that address",
            Kernel::ReversePath => "the way back leads elsewhere (rp_filter)",
            Kernel::SourceRoute => "source routes are refused",
            Kernel::LinkLocalSource => "a link-local source does not leave its link",
            Kernel::NoIpv6 => "IPv6 is off",
            Kernel::Incomplete => "the other fragments are waited for",
            Kernel::IncompleteHere => "the other fragments are waited for by the node that it is for",
        })
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            Some(rule) => write!(f, "{rule}: {}", self.on),
            None => f.write_str(&self.on),
        }
    }
}
