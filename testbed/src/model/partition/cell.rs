//! One cell, and the packets that stand for it.

use serde::{Deserialize, Serialize};

use super::Interval;
use super::lane::Lane;
use crate::model::packet::{Body, Packet};
use crate::model::predict::Probe;

/// Packets from one address to another that no rule, set, map or flow of the site tells apart: all meet the same fate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// From where to where.
    pub lane: Lane,
    /// What they carry.
    pub extent: Extent,
}

/// What the packets of a cell carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// TCP.
    Tcp {
        /// Destination ports.
        destination: Interval,
        /// Source ports.
        source: Interval,
        /// Flags, one combination that stands for all that are not told apart from it.
        flags: u8,
    },
    /// UDP.
    Udp {
        /// Destination ports.
        destination: Interval,
        /// Source ports.
        source: Interval,
    },
    /// ICMP.
    Icmp {
        /// Types.
        kind: Interval,
        /// Codes.
        code: Interval,
    },
    /// ICMPv6.
    Icmp6 {
        /// Types.
        kind: Interval,
        /// Codes.
        code: Interval,
    },
    /// Any other IP protocol.
    Protocol(Interval),
}

impl Extent {
    /// The body at these places of the two intervals; a protocol has one.
    fn body(&self, first: u128, second: u128) -> Body {
        let short = |number| u16::try_from(number).unwrap_or(u16::MAX);
        let byte = |number| u8::try_from(number).unwrap_or(u8::MAX);
        match *self {
            Extent::Tcp { flags, .. } => {
                Body::Tcp { source: short(second), destination: short(first), flags }
            }
            Extent::Udp { .. } => Body::Udp { source: short(second), destination: short(first) },
            Extent::Icmp { .. } => Body::Icmp { kind: byte(first), code: byte(second) },
            Extent::Icmp6 { .. } => Body::Icmp6 { kind: byte(first), code: byte(second) },
            Extent::Protocol(_) => Body::Other(byte(first)),
        }
    }

    /// The two intervals; of a protocol the second is a single 0.
    pub fn sides(&self) -> (Interval, Interval) {
        match *self {
            Extent::Tcp { destination, source, .. } | Extent::Udp { destination, source } => {
                (destination, source)
            }
            Extent::Icmp { kind, code } | Extent::Icmp6 { kind, code } => (kind, code),
            Extent::Protocol(number) => (number, Interval::one(0)),
        }
    }

    /// Whether the body is one of these.
    pub fn contains(&self, body: &Body) -> bool {
        let (first, second) = self.sides();
        let ports = |source: u16, destination: u16| {
            first.contains(destination.into()) && second.contains(source.into())
        };
        match (*self, *body) {
            (Extent::Tcp { flags, .. }, Body::Tcp { source, destination, flags: others }) => {
                flags == others && ports(source, destination)
            }
            (Extent::Udp { .. }, Body::Udp { source, destination }) => ports(source, destination),
            (Extent::Icmp { .. }, Body::Icmp { kind, code })
            | (Extent::Icmp6 { .. }, Body::Icmp6 { kind, code }) => {
                first.contains(kind.into()) && second.contains(code.into())
            }
            (Extent::Protocol(_), Body::Other(number)) => first.contains(number.into()),
            _ => false,
        }
    }
}

impl Cell {
    /// A packet that stands for all: the first of each interval.
    pub fn representative(&self) -> Probe {
        let (first, second) = self.extent.sides();
        self.probe(self.extent.body(first.first, second.first))
    }

    /// The packets at the edges of the cell, and one from within by a seed; the neighbours just outside are edges of other
    /// cells. No more than five.
    pub fn probes(&self, seed: u64) -> Vec<Probe> {
        let (first, second) = self.extent.sides();
        // Two numbers that have nothing to do with one another.
        let (one, other) = (u128::from(seed), u128::from(seed.rotate_left(32) ^ 0x9e37_79b9));
        let mut places: Vec<_> = first.edges(one).into_iter().map(|at| (at, second.at(other))).collect();
        places.extend([(first.first, second.first), (first.last, second.last)]);
        places.sort_unstable();
        places.dedup();
        places.into_iter().map(|(at, beside)| self.probe(self.extent.body(at, beside))).collect()
    }

    fn probe(&self, body: Body) -> Probe {
        self.lane.probe(Packet::new(self.lane.source, self.lane.destination, body))
    }
}
