//! Where each probe was seen: an index from probe number to packet, port, direction and time.
//!
//! Made for millions of probes: 32 bytes a sighting and 16 a probe, no vector for each.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::names::LinkName;

/// Which way a frame went at a port of the fabric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The node sent it: it came into the fabric at this port.
    FromNode,
    /// The fabric handed it to the node.
    ToNode,
}

/// A probe at a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Number of the packet in the capture file, from 1; 0 if it was counted but not stored.
    pub packet: u64,
    /// Port of the fabric.
    pub port: LinkName,
    /// Which way it went there.
    pub direction: Direction,
    /// When, nanoseconds since 1970-01-01 UTC.
    pub at: u64,
}

/// A sighting as it is kept; the port is an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) packet: u64,
    pub(super) at: u64,
    pub(super) port: u16,
    pub(super) direction: Direction,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    seen: Seen,
    /// Index of the next sighting of the same probe, plus one; 0 for the last.
    next: u32,
}

/// Sightings of all probes, each probe's in order of time.
#[derive(Clone, Debug, Default)]
pub struct Sightings {
    ports: Vec<LinkName>,
    /// Probe number to the indices of its first and last sighting.
    chains: HashMap<u32, (u32, u32)>,
    entries: Vec<Entry>,
}

impl Sightings {
    pub(super) fn at_ports(ports: Vec<LinkName>) -> Sightings {
        Sightings { ports, ..Sightings::default() }
    }

    pub(super) fn insert(&mut self, n: u32, seen: Seen) {
        let index = self.entries.len() as u32;
        self.entries.push(Entry { seen, next: 0 });
        if let Some((_, last)) = self.chains.get_mut(&n) {
            self.entries[*last as usize].next = index + 1;
            *last = index;
        } else {
            self.chains.insert(n, (index, index));
        }
    }

    /// Where probe `n` was seen, in order of time.
    pub fn of(&self, n: u32) -> impl Iterator<Item = Sighting> {
        self.seen(n).map(|seen| self.public(seen))
    }

    /// The first sighting of probe `n` at a port in a direction.
    pub fn first(&self, n: u32, port: &LinkName, direction: Direction) -> Option<Sighting> {
        let is_it = |seen: &Seen| seen.direction == direction && self.ports[usize::from(seen.port)] == *port;
        self.seen(n).find(is_it).map(|seen| self.public(seen))
    }

    /// How many different probes were seen anywhere.
    pub fn probes(&self) -> usize {
        self.chains.len()
    }

    fn seen(&self, n: u32) -> impl Iterator<Item = Seen> {
        let first = self.chains.get(&n).map(|(first, _)| &self.entries[*first as usize]);
        std::iter::successors(first, |entry| {
            entry.next.checked_sub(1).map(|next| &self.entries[next as usize])
        })
        .map(|entry| entry.seen)
    }

    fn public(&self, seen: Seen) -> Sighting {
        let port = self.ports[usize::from(seen.port)].clone();
        Sighting { packet: seen.packet, port, direction: seen.direction, at: seen.at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_probe_keeps_its_sightings_in_order() {
        let ports: Vec<LinkName> = vec!["p1".parse().unwrap(), "p2".parse().unwrap()];
        let mut sightings = Sightings::at_ports(ports.clone());
        let seen = |packet, port, direction| Seen { packet, at: packet * 10, port, direction };
        sightings.insert(7, seen(1, 0, Direction::FromNode));
        sightings.insert(8, seen(2, 0, Direction::FromNode));
        sightings.insert(7, seen(3, 1, Direction::ToNode));
        let packets: Vec<u64> = sightings.of(7).map(|sighting| sighting.packet).collect();
        assert_eq!(packets, [1, 3]);
        assert_eq!(sightings.first(7, &ports[1], Direction::ToNode).unwrap().at, 30);
        assert_eq!(sightings.first(7, &ports[1], Direction::FromNode), None);
        assert_eq!((sightings.of(9).count(), sightings.probes()), (0, 2));
    }
}
