//! Runs of probes that were as expected: kept as counts between packets of the capture, by which they are made again.
//!
//! A run begins with a packet that is stored. What follows it, number by number at the same port in the same direction, is
//! counted, and what was counted is noted before the next packet is stored that has to do with probes. So a reader knows
//! of each frame what it was and between which packets it passed.
//!
//! Two may send at once, each the numbers of a [`Lot`] one behind the other: so there is a run for each lot at each place.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::expected::{Known, Lot};
use super::sightings::Direction;

/// A port, as an index, and a direction.
pub(super) type Place = (u16, Direction);

/// Probes that passed one port in one direction, as expected, between two stored packets that have to do with probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// Before the packet with this number, from 1; at the end, one more than there are.
    pub before: u64,
    /// The packet that their run begins with: it has port, direction and tag of them all.
    pub run: u64,
    /// Number of the first probe.
    pub first: u32,
    /// How many, numbers ascending.
    pub count: u32,
    /// When the last of them was seen, nanoseconds since 1970-01-01 UTC.
    pub until: u64,
}

/// The packet that a run begins with.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) packet: u64,
    /// When it was seen; what follows it was seen no earlier.
    pub(super) at: u64,
    pub(super) vlan: Option<u16>,
    pub(super) known: Arc<Known>,
    /// Number of the probe that would follow.
    pub(super) next: u32,
}

/// A place, and the numbers that pass it in their order.
pub(super) type Row = (Place, Lot);

/// What was seen of a row.
#[derive(Debug, Default)]
struct Lane {
    /// Highest number so far: runs only go up, so that no probe is counted twice.
    highest: Option<u32>,
    head: Option<Head>,
    /// What followed and is not noted yet: the first number, and when the last was seen.
    open: Option<(u32, u64)>,
}

/// The runs at all places.
#[derive(Debug, Default)]
pub(super) struct Runs {
    lanes: HashMap<Row, Lane>,
    /// Where the runs are that may still go on, by the packet that they begin with.
    heads: HashMap<u64, Row>,
    /// Lanes that have something to note, in the order in which they got it.
    open: Vec<Row>,
    /// What is noted.
    passed: Vec<Passed>,
}

impl Runs {
    /// Counts probe `n` of a row, announced and as expected, if it goes on with the run there; when that run began.
    pub(super) fn follow(&mut self, row: Row, n: u32, vlan: Option<u16>, at: u64) -> Option<u64> {
        let lane = self.lanes.get_mut(&row)?;
        let head = lane.head.as_mut()?;
        let goes_on = head.next == n && head.vlan == vlan && head.known.has(n) && !head.known.is_sample(n);
        if !goes_on || lane.highest.is_some_and(|highest| highest >= n) {
            return None;
        }
        head.next = n.checked_add(1)?;
        lane.highest = Some(n);
        match &mut lane.open {
            Some((_, until)) => *until = at,
            None => {
                lane.open = Some((n, at));
                self.open.push(row);
            }
        }
        Some(head.at)
    }

    /// Notes what was counted, before the packet with this number.
    pub(super) fn note(&mut self, before: u64) {
        for row in self.open.drain(..) {
            let Some(lane) = self.lanes.get_mut(&row) else { continue };
            if let (Some((first, until)), Some(head)) = (lane.open.take(), &lane.head) {
                let count = head.next - first;
                self.passed.push(Passed { before, run: head.packet, first, count, until });
            }
        }
    }

    /// A probe of a row was stored: it may be the `head` of a run, and ends the one before in any case. What was counted
    /// is noted already.
    pub(super) fn stored(&mut self, row: Row, n: u32, head: Option<Head>) {
        let lane = self.lanes.entry(row).or_default();
        lane.highest = lane.highest.max(Some(n));
        if let Some(ended) = &lane.head {
            self.heads.remove(&ended.packet);
        }
        if let Some(begun) = &head {
            self.heads.insert(begun.packet, row);
        }
        lane.head = head;
    }

    /// The row and the head of the run that begins with this packet and may still go on.
    pub(super) fn of(&self, packet: u64) -> Option<(Row, Head)> {
        let row = *self.heads.get(&packet)?;
        Some((row, self.lanes.get(&row)?.head.clone()?))
    }

    /// The end of a stretch: all that was noted. The next begins with nothing.
    pub(super) fn turn(&mut self) -> Vec<Passed> {
        std::mem::take(self).passed
    }
}
