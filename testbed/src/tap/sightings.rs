//! Where each probe was seen: an index from probe number to packet, port, direction and time; and what strayed of it.
//!
//! Made for millions of probes: 32 bytes a sighting and 16 a probe, no vector for each; and of those that were as expected,
//! which are not stored one by one, 40 bytes for all that followed one another.

use std::collections::{BTreeSet, HashMap, VecDeque};

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
    /// True if the frame is for the link at this port, or for a group: not a copy that a bridge flooded here.
    pub addressed: bool,
    /// When, nanoseconds since 1970-01-01 UTC.
    pub at: u64,
}

/// What became of a probe besides being passed on whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StrayKind {
    /// A packet with the probe's own addresses and ports, in its direction, that no longer reads as the probe.
    Altered,
    /// An answer to it that is no refusal.
    Answered,
}

/// A packet that shows that a probe was altered or answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    /// Which of them.
    pub kind: StrayKind,
    /// Number of the packet in the capture file, from 1; 0 if it was counted but not stored.
    pub packet: u64,
    /// Port of the fabric: where it was altered already, or whose node sent the answer.
    pub port: LinkName,
    /// Which way it went there; an answer is told where it was sent, `FromNode`.
    pub direction: Direction,
    /// True if the frame is for the link at this port, or for a group; see [`Sighting::addressed`].
    pub addressed: bool,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    seen: Seen,
    addressed: bool,
    /// Index of the next sighting of the same probe, plus one; 0 for the last.
    next: u32,
}

/// Runs that may go on at one place at once: two senders, and what one of them sent before.
const AT_ONCE: usize = 4;

/// Numbers that are looked up together, as a power of two.
const BLOCK: u32 = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    first: u32,
    count: u32,
    /// As the others of the run: when the stored one before it was seen.
    seen: Seen,
    addressed: bool,
}

impl Run {
    fn has(&self, n: u32) -> bool {
        n.checked_sub(self.first).is_some_and(|place| place < self.count)
    }

    fn entry(&self) -> Entry {
        Entry { seen: self.seen, addressed: self.addressed, next: 0 }
    }
}

/// Sightings of all probes, each probe's in order of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sightings {
    ports: Vec<LinkName>,
    /// Probe number to the indices of its first and last sighting.
    chains: HashMap<u32, (u32, u32)>,
    entries: Vec<Entry>,
    /// Probes with numbers in a row that were as expected, at one port in one direction.
    runs: Vec<Run>,
    /// Where in `runs` those are that have numbers of a block; see [`BLOCK`].
    blocks: HashMap<u32, Vec<u32>>,
    /// The latest of the runs at each port in each direction, as many as may go on at once.
    latest: HashMap<(u16, Direction), VecDeque<u32>>,
    /// Few probes have any.
    strays: HashMap<u32, Vec<(StrayKind, Seen, bool)>>,
}

impl Sightings {
    pub(super) fn at_ports(ports: Vec<LinkName>) -> Sightings {
        Sightings { ports, ..Sightings::default() }
    }

    pub(super) fn insert(&mut self, n: u32, seen: Seen, addressed: bool) {
        let index = self.entries.len() as u32;
        self.entries.push(Entry { seen, addressed, next: 0 });
        if let Some((_, last)) = self.chains.get_mut(&n) {
            self.entries[*last as usize].next = index + 1;
            *last = index;
        } else {
            self.chains.insert(n, (index, index));
        }
    }

    /// Adds a probe that was as expected and is not stored: `seen` has no packet, and the time of the stored one before it.
    pub(super) fn follow(&mut self, n: u32, seen: Seen, addressed: bool) {
        let latest = self.latest.entry((seen.port, seen.direction)).or_default();
        let goes_on = |index: &&u32| {
            let run = &self.runs[**index as usize];
            run.first.checked_add(run.count) == Some(n) && (run.seen, run.addressed) == (seen, addressed)
        };
        if let Some(index) = latest.iter().find(goes_on) {
            self.runs[*index as usize].count += 1;
            if n & ((1 << BLOCK) - 1) == 0 {
                self.blocks.entry(n >> BLOCK).or_default().push(*index);
            }
            return;
        }
        let index = self.runs.len() as u32;
        self.runs.push(Run { first: n, count: 1, seen, addressed });
        self.blocks.entry(n >> BLOCK).or_default().push(index);
        latest.push_front(index);
        latest.truncate(AT_ONCE);
    }

    /// Keeps a stray of probe `n`: altered, the first at each port in each direction; answered, the first that a node
    /// sent. The rest says nothing new.
    pub(super) fn insert_stray(&mut self, n: u32, kind: StrayKind, seen: Seen, addressed: bool) {
        let known = self.strays.get(&n).map_or(&[][..], Vec::as_slice);
        let new = match kind {
            StrayKind::Altered => !known
                .iter()
                .any(|(known, at, _)| (*known, at.port, at.direction) == (kind, seen.port, seen.direction)),
            StrayKind::Answered => {
                seen.direction == Direction::FromNode && !known.iter().any(|(known, ..)| *known == kind)
            }
        };
        if new {
            self.strays.entry(n).or_default().push((kind, seen, addressed));
        }
    }

    /// Where probe `n` was seen, stored packets first, each in order of time.
    pub fn of(&self, n: u32) -> impl Iterator<Item = Sighting> {
        self.entries_of(n).map(|entry| self.public(&entry))
    }

    /// Where probe `n` was handed to the node that its frame was for, or to all of a group, in the order of [`Self::of`].
    pub fn delivered(&self, n: u32) -> impl Iterator<Item = Sighting> {
        self.entries_of(n)
            .filter(|entry| entry.addressed && entry.seen.direction == Direction::ToNode)
            .map(|entry| self.public(&entry))
    }

    /// What shows that probe `n` was altered or answered, in order of time. Altered: the first packet at each port in
    /// each direction, what the attacker's own link sends included. Answered: the first that a node sent.
    pub fn stray(&self, n: u32) -> Vec<Stray> {
        let strays = self.strays.get(&n).map_or(&[][..], Vec::as_slice);
        let public = |(kind, seen, addressed): &(StrayKind, Seen, bool)| Stray {
            kind: *kind,
            packet: seen.packet,
            port: self.ports[usize::from(seen.port)].clone(),
            direction: seen.direction,
            addressed: *addressed,
            at: seen.at,
        };
        strays.iter().map(public).collect()
    }

    /// The first sighting of probe `n` at a port in a direction.
    pub fn first(&self, n: u32, port: &LinkName, direction: Direction) -> Option<Sighting> {
        let is_it = |entry: &Entry| {
            entry.seen.direction == direction && self.ports[usize::from(entry.seen.port)] == *port
        };
        self.entries_of(n).find(is_it).map(|entry| self.public(&entry))
    }

    /// Whether probe `n` was seen at a port in a direction.
    pub fn is_seen(&self, n: u32, port: &LinkName, direction: Direction) -> bool {
        let is_it = |entry: &Entry| {
            entry.seen.direction == direction && self.ports[usize::from(entry.seen.port)] == *port
        };
        self.entries_of(n).any(|entry| is_it(&entry))
    }

    /// The numbers of the probes that were seen anywhere, ascending, each once.
    pub fn numbers(&self) -> Vec<u32> {
        let followed = self.runs.iter().flat_map(|run| (run.first..).take(run.count as usize));
        let mut numbers: Vec<u32> = self.chains.keys().copied().chain(followed).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// The numbers of the probes that were handed to a node at any of these ports, ascending. Quick where few were: what was
    /// only sent is not gone through one by one.
    pub fn handed_over(&self, ports: &[LinkName]) -> BTreeSet<u32> {
        let there = |seen: &Seen| {
            seen.direction == Direction::ToNode && ports.contains(&self.ports[usize::from(seen.port)])
        };
        let followed = self.runs.iter().filter(|run| there(&run.seen));
        let followed = followed.flat_map(|run| (run.first..).take(run.count as usize));
        let stored =
            self.chains.keys().copied().filter(|n| self.stored_of(*n).any(|entry| there(&entry.seen)));
        followed.chain(stored).collect()
    }

    /// The numbers of the probes that were altered or answered, ascending.
    pub fn strayed(&self) -> BTreeSet<u32> {
        self.strays.keys().copied().collect()
    }

    fn stored_of(&self, n: u32) -> impl Iterator<Item = Entry> {
        let first = self.chains.get(&n).map(|(first, _)| self.entries[*first as usize]);
        std::iter::successors(first, |entry| {
            entry.next.checked_sub(1).map(|next| self.entries[next as usize])
        })
    }

    fn entries_of(&self, n: u32) -> impl Iterator<Item = Entry> {
        let runs = self.blocks.get(&(n >> BLOCK)).into_iter().flatten();
        let runs = runs.map(|index| &self.runs[*index as usize]);
        self.stored_of(n).chain(runs.filter(move |run| run.has(n)).map(Run::entry))
    }

    fn public(&self, entry: &Entry) -> Sighting {
        let Entry { seen, addressed, .. } = *entry;
        let port = self.ports[usize::from(seen.port)].clone();
        Sighting { packet: seen.packet, port, direction: seen.direction, addressed, at: seen.at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_ports() -> Vec<LinkName> {
        vec!["p1".parse().unwrap(), "p2".parse().unwrap()]
    }

    fn seen(packet: u64, port: u16, direction: Direction) -> Seen {
        Seen { packet, at: packet * 10, port, direction }
    }

    #[test]
    fn each_probe_keeps_its_sightings_in_order() {
        let ports = two_ports();
        let mut sightings = Sightings::at_ports(ports.clone());
        sightings.insert(7, seen(1, 0, Direction::FromNode), false);
        sightings.insert(8, seen(2, 0, Direction::FromNode), false);
        sightings.insert(7, seen(3, 1, Direction::ToNode), true);
        let packets: Vec<u64> = sightings.of(7).map(|sighting| sighting.packet).collect();
        assert_eq!(packets, [1, 3]);
        assert_eq!(sightings.first(7, &ports[1], Direction::ToNode).unwrap().at, 30);
        assert_eq!(sightings.first(7, &ports[1], Direction::FromNode), None);
        assert_eq!(sightings.numbers(), [7, 8]);
        assert_eq!(sightings.of(9).count(), 0);
    }

    #[test]
    fn what_was_as_expected_is_found_by_number_port_and_direction() {
        let ports = two_ports();
        let mut sightings = Sightings::at_ports(ports.clone());
        let (from, to) = (Direction::FromNode, Direction::ToNode);
        let unstored = |port, at| Seen { packet: 0, at, port, direction: if port == 0 { from } else { to } };
        sightings.insert(99, seen(1, 0, from), false);
        for n in (100..700).filter(|n| *n != 400) {
            sightings.follow(n, unstored(0, 10), false);
            if n % 2 == 0 {
                sightings.follow(n, unstored(1, 20), true);
            }
        }
        let seen_at = |n, port: usize| sightings.first(n, &ports[port], [from, to][port]).map(|one| one.at);
        for n in 0..900 {
            let sent = (100..700).contains(&n) && n != 400;
            let at = [(sent || n == 99).then_some(10), (sent && n % 2 == 0).then_some(20)];
            assert_eq!([seen_at(n, 0), seen_at(n, 1)], at, "{n}");
            assert!(!sightings.is_seen(n, &ports[0], to));
        }
        assert_eq!(
            sightings.delivered(512).map(|one| (one.packet, one.addressed)).collect::<Vec<_>>(),
            [(0, true)]
        );
        assert_eq!(sightings.runs.iter().filter(|run| run.seen.port == 0).count(), 2, "one gap");
    }

    #[test]
    fn delivered_is_what_was_handed_over_and_meant_for_that_link() {
        let mut sightings = Sightings::at_ports(two_ports());
        sightings.insert(7, seen(1, 0, Direction::FromNode), true);
        sightings.insert(7, seen(2, 0, Direction::ToNode), false);
        sightings.insert(7, seen(3, 1, Direction::ToNode), true);
        let packets: Vec<u64> = sightings.delivered(7).map(|sighting| sighting.packet).collect();
        assert_eq!(packets, [3]);
        assert_eq!(sightings.delivered(8).count(), 0);
    }

    #[test]
    fn what_was_handed_over_there_is_told_stored_or_not_and_so_is_what_strayed() {
        let ports = two_ports();
        let mut sightings = Sightings::at_ports(ports.clone());
        let (from, to) = (Direction::FromNode, Direction::ToNode);
        for (n, port, direction) in [(1, 0, from), (1, 1, to), (2, 0, from), (3, 0, to)] {
            sightings.insert(n, seen(u64::from(n), port, direction), true);
        }
        for n in [300, 301] {
            sightings.follow(n, seen(0, 0, from), true);
            sightings.follow(n, seen(0, 1, to), true);
        }
        sightings.insert_stray(2, StrayKind::Altered, seen(9, 0, from), false);
        assert_eq!(sightings.handed_over(&ports[1..]), BTreeSet::from([1, 300, 301]));
        assert_eq!(sightings.handed_over(&ports[..1]), BTreeSet::from([3]));
        assert_eq!(sightings.handed_over(&[]), BTreeSet::new());
        assert_eq!(sightings.strayed(), BTreeSet::from([2]));
    }

    #[test]
    fn strays_are_kept_once_per_port_and_direction_and_an_answer_where_it_was_sent() {
        use StrayKind::{Altered, Answered};
        let mut sightings = Sightings::at_ports(two_ports());
        let (from, to) = (Direction::FromNode, Direction::ToNode);
        let met =
            [(Altered, 0, from), (Altered, 1, to), (Altered, 1, to), (Answered, 0, to), (Answered, 1, from)];
        for (packet, (kind, port, direction)) in (1..).zip(met) {
            sightings.insert_stray(7, kind, seen(packet, port, direction), direction == to);
        }
        sightings.insert_stray(7, Answered, seen(6, 0, from), false);
        let kept: Vec<_> =
            sightings.stray(7).iter().map(|one| (one.kind, one.packet, one.addressed)).collect();
        assert_eq!(kept, [(Altered, 1, false), (Altered, 2, true), (Answered, 5, false)]);
        assert_eq!((sightings.stray(8), sightings.of(7).count()), (vec![], 0));
    }
}
