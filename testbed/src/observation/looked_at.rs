//! What nodes had when they were looked at: rules, routes, addresses, who listens.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::names::{CheckName, LinkName, NodeName, Traffic};

/// The rules of a node, as they were listed for a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesSeen {
    /// The check.
    pub check: CheckName,
    /// The node; where the rules are those of switches, one that is plugged into one of them.
    pub node: NodeName,
    /// Whether they are those of all switches, which are in one place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_switches: bool,
    /// What `nft -j list ruleset` printed there, without the testbed's own tables.
    pub listing: String,
}

/// A route, as a node's own routing has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteSeen {
    /// The node.
    pub node: NodeName,
    /// Where to.
    pub to: IpAddr,
    /// By which link; none: no route leads there.
    pub link: Option<LinkName>,
    /// Over whom; none: straight there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<IpAddr>,
    /// Whether an ICMP redirect has named that one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redirected: bool,
}

/// Who listens at a node at one moment, as its own kernel tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListeningSeen {
    /// For which check.
    pub check: CheckName,
    /// The node.
    pub node: NodeName,
    /// When, nanoseconds since 1970.
    pub at: u64,
    /// Who listens there, in order: sockets that take what anybody sends. Those at 127.0.0.0/8 and `::1` are left out.
    pub sockets: Vec<Listening>,
    /// Sockets of UDP without a peer at ports that the kernel gives to whoever asks something (`ip_local_port_range`), in order: one
    /// that is there for good listens.
    #[serde(default)]
    pub askers: Vec<Listening>,
    /// Connections of TCP that stand there: something runs on the node.
    pub connections: u64,
    /// Whether sockets that were opened there for this moment were told, of TCP and of UDP.
    pub canaries: [bool; 2],
    /// Why it could not be looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl ListeningSeen {
    /// How long somebody may ask something, nanoseconds: a search for cameras takes seconds. Whoever is there for longer listens.
    pub const ASKS_FOR: u64 = 15_000_000_000;
}

/// A socket that takes what anybody sends to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Listening {
    /// A single port of TCP or UDP.
    pub port: Traffic,
    /// At which of the node's addresses; unspecified: at all of them.
    pub address: IpAddr,
}

/// The addresses that a node's links had at a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressesSeen {
    /// The node.
    pub node: NodeName,
    /// When.
    pub moment: Moment,
    /// Each with its link.
    pub addresses: Vec<(LinkName, IpNet)>,
}

/// When something was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// Before anything runs.
    Built,
    /// Once all services run.
    Begun,
    /// When all else is done, before services are stopped.
    End,
}
