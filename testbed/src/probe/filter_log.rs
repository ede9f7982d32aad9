//! What the instrument behind one node's input filter has logged, as a plain value.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

/// A second in nanoseconds.
const SECOND: u64 = 1_000_000_000;

/// A packet that was logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logged {
    /// When, by the kernel's clock, nanoseconds since 1970-01-01 UTC.
    pub at: u64,
    /// Its number if it is a probe; any other packet is a sign of life.
    pub probe: Option<u32>,
}

/// All that was logged behind one node's input filter, in the order in which it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterLog {
    packets: Vec<Logged>,
    /// The same, to look in.
    probes: HashSet<u32>,
    life: Vec<u64>,
    /// How many times the kernel had no room for what was to be logged.
    pub lost: u64,
    /// True if the listener could not listen to the end.
    pub broken: bool,
}

impl FilterLog {
    /// Adds what was logged next.
    pub fn add(&mut self, packet: Logged) {
        match packet.probe {
            Some(number) => drop(self.probes.insert(number)),
            None => self.life.push(packet.at),
        }
        self.packets.push(packet);
    }

    /// The log of what comes next: nothing lost yet, and a listener that is broken stays so.
    pub fn next(&self) -> FilterLog {
        FilterLog { broken: self.broken, ..FilterLog::default() }
    }

    /// All packets.
    pub fn packets(&self) -> &[Logged] {
        &self.packets
    }

    /// Whether the packet with this number is among them: it has arrived behind the filter.
    pub fn arrived(&self, number: u32) -> bool {
        self.probes.contains(&number)
    }

    /// The numbers of all packets that are among them, in no order.
    pub fn all_arrived(&self) -> impl Iterator<Item = u32> {
        self.probes.iter().copied()
    }

    /// The sign of life that was read last.
    pub fn latest_life(&self) -> Option<u64> {
        self.life.last().copied()
    }

    /// Whether there was a sign of life in the second before and in the second after packets were sent (from the first
    /// to the last, nanoseconds since 1970), and nothing at all was lost.
    pub fn alive(&self, first: u64, last: u64) -> bool {
        let within = |from: u64, to: u64| self.life.iter().any(|at| (from..=to).contains(at));
        let whole = self.lost == 0 && !self.broken;
        whole && within(first.saturating_sub(SECOND), last) && within(first, last.saturating_add(SECOND))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(packets: &[(u64, Option<u32>)]) -> FilterLog {
        let mut log = FilterLog::default();
        packets.iter().for_each(|(at, probe)| log.add(Logged { at: *at, probe: *probe }));
        log
    }

    #[test]
    fn numbers_arrive_and_other_packets_are_signs_of_life() {
        let log = log(&[(5, None), (6, Some(9)), (7, None)]);
        assert!(log.arrived(9) && !log.arrived(8));
        assert_eq!((log.latest_life(), log.packets().len()), (Some(7), 3));
    }

    #[test]
    fn alive_is_who_spoke_before_and_after_and_lost_nothing() {
        let both = log(&[(SECOND, None), (3 * SECOND, None)]);
        assert!(both.alive(2 * SECOND, 2 * SECOND));
        assert!(!both.alive(2 * SECOND + 1, 2 * SECOND + 1), "the one before is too old");
        assert!(!log(&[(SECOND, None)]).alive(2 * SECOND, 2 * SECOND), "nothing after");
        assert!(!log(&[(2 * SECOND, Some(1))]).alive(2 * SECOND, 2 * SECOND), "a probe is no sign of life");
        assert!(!FilterLog { lost: 1, ..both.clone() }.alive(2 * SECOND, 2 * SECOND));
        assert!(!FilterLog { broken: true, ..both }.alive(2 * SECOND, 2 * SECOND));
    }
}
