//! Who may open what to whom, by prediction: intervals of ports, types and protocols for each ordered pair of nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Model;
use super::partition::{Extent, Interval, IpFamily, Lane, join};
use super::predict::Fate;
use crate::names::NodeName;

/// What one node may open to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// Who opens.
    pub from: NodeName,
    /// Who is opened to.
    pub to: NodeName,
    /// What arrives there.
    pub allowed: Vec<Opening>,
    /// What is handed to another node instead.
    pub elsewhere: Vec<(NodeName, Opening)>,
    /// What is not predicted: to be found out with a probe.
    pub unknown: Vec<(String, Opening)>,
}

/// First packets of one kind, between two addresses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Opening {
    /// From this address.
    pub source: IpAddr,
    /// To this one.
    pub destination: IpAddr,
    /// What they are.
    pub service: Service,
    /// Destination ports, types or protocols.
    pub numbers: Interval,
    /// With these source ports, or codes; the whole where it does not matter.
    pub with: Vec<Interval>,
}

/// Kinds of first packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// TCP with SYN alone.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP.
    Icmp,
    /// ICMPv6.
    Icmp6,
    /// Any other protocol.
    Protocol,
}

/// What becomes of a cell, as a matrix tells them apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Becomes {
    Allowed,
    Elsewhere(NodeName),
    Unknown(String),
}

impl Model<'_> {
    /// All ordered pairs of nodes between which anything may be opened, or may be as far as is known: packets that the
    /// sender puts on its link past its own rules.
    pub fn matrix(&self) -> Vec<Pair> {
        let nodes = &self.plan().nodes;
        let pairs = nodes.iter().flat_map(|from| nodes.iter().map(move |to| (&from.name, &to.name)));
        let pairs = pairs.filter(|(from, to)| from != to).map(|(from, to)| self.pair(from, to));
        let open =
            |pair: &Pair| !(pair.allowed.is_empty() && pair.elsewhere.is_empty() && pair.unknown.is_empty());
        pairs.filter(open).collect()
    }

    /// What one node may open to another.
    pub fn pair(&self, from: &NodeName, to: &NodeName) -> Pair {
        let (from, to) = (from.clone(), to.clone());
        let mut pair = Pair { from, to, allowed: Vec::new(), elsewhere: Vec::new(), unknown: Vec::new() };
        for family in [IpFamily::V4, IpFamily::V6] {
            let extents: Vec<Extent> = self.extents(family).into_iter().filter(opens).collect();
            for lane in self.lanes(&pair.from, &pair.to, family) {
                for (becomes, opening) in self.openings(&lane, &extents) {
                    match becomes {
                        Becomes::Allowed => pair.allowed.push(opening),
                        Becomes::Elsewhere(node) => pair.elsewhere.push((node, opening)),
                        Becomes::Unknown(why) => pair.unknown.push((why, opening)),
                    }
                }
            }
        }
        pair
    }

    fn openings(&self, lane: &Lane, extents: &[Extent]) -> Vec<(Becomes, Opening)> {
        let mut found: BTreeMap<(Becomes, Service), BTreeMap<Interval, Vec<Interval>>> = BTreeMap::new();
        for extent in extents {
            if let Some(becomes) = self.becomes(lane, *extent) {
                let (numbers, with) = extent.sides();
                let rows = found.entry((becomes, service(extent))).or_default();
                rows.entry(numbers).or_default().push(with);
            }
        }
        let mut openings = Vec::new();
        for ((becomes, service), rows) in found {
            for (numbers, with) in alike(rows) {
                let (source, destination) = (lane.source, lane.destination);
                openings.push((becomes.clone(), Opening { source, destination, service, numbers, with }));
            }
        }
        openings
    }

    fn becomes(&self, lane: &Lane, extent: Extent) -> Option<Becomes> {
        let cell = super::partition::Cell { lane: lane.clone(), extent };
        match self.predict(&cell.representative()).fate {
            Fate::Arrives { at, .. } if at == lane.to => Some(Becomes::Allowed),
            Fate::Arrives { at, .. } => Some(Becomes::Elsewhere(at)),
            Fate::Stopped { .. } => None,
            unknown @ Fate::Unknown { .. } => Some(Becomes::Unknown(unknown.to_string())),
        }
    }
}

/// Whether such packets open something.
fn opens(extent: &Extent) -> bool {
    const SYN: u8 = 2;
    !matches!(extent, Extent::Tcp { flags, .. } if *flags != SYN)
}

fn service(extent: &Extent) -> Service {
    match extent {
        Extent::Tcp { .. } => Service::Tcp,
        Extent::Udp { .. } => Service::Udp,
        Extent::Icmp { .. } => Service::Icmp,
        Extent::Icmp6 { .. } => Service::Icmp6,
        Extent::Protocol(_) => Service::Protocol,
    }
}

/// Neighbouring numbers put together that go with the same others.
fn alike(rows: BTreeMap<Interval, Vec<Interval>>) -> Vec<(Interval, Vec<Interval>)> {
    let mut by_others: BTreeMap<Vec<Interval>, BTreeSet<Interval>> = BTreeMap::new();
    for (numbers, with) in rows {
        by_others.entry(join(with)).or_default().insert(numbers);
    }
    let together = by_others.into_iter().flat_map(|(with, numbers)| {
        join(numbers.into_iter().collect()).into_iter().map(move |one| (one, with.clone()))
    });
    let mut together: Vec<_> = together.collect();
    together.sort();
    together
}

impl fmt::Display for Opening {
    /// `tcp/443 10.20.0.5 -> 203.0.113.10`; source ports or codes only where they matter.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, second, most) = match self.service {
            Service::Tcp => ("tcp", "from", 65_535),
            Service::Udp => ("udp", "from", 65_535),
            Service::Icmp => ("icmp", "code", 255),
            Service::Icmp6 => ("icmp6", "code", 255),
            Service::Protocol => ("proto", "", 0),
        };
        write!(f, "{word}/{}", self.numbers)?;
        if self.with != [Interval { first: 0, last: most }] {
            let with: Vec<String> = self.with.iter().map(Interval::to_string).collect();
            write!(f, " {second} {}", with.join(","))?;
        }
        write!(f, " {} -> {}", self.source, self.destination)
    }
}
