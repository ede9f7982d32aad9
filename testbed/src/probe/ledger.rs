//! Which number stands for which packet.

use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::names::{Kinds, Traffic};

/// What a packet was sent for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The negative itself, or in the open copy its path control.
    Attack,
    /// Sent on the target's segment, to see whether the instrument sees it.
    Instrument,
    /// Sent again, to be traced.
    Trace,
    /// A frame below IP, of no aim.
    Frame,
    /// A tap's canary; its aim is the place of its link among all links of the plan.
    Canary,
}

/// One packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which aim, counted over all checks of the plan, and on from one judgement of a lab that stays to the next.
    pub aim: usize,
    /// Which of the aim's kinds of traffic.
    pub kind: usize,
    /// The kind with a single port.
    pub traffic: Traffic,
    /// What it was sent for.
    pub role: Role,
}

/// All packets of one site, in the order of their numbers.
#[derive(Debug, Default)]
pub struct Ledger {
    entries: Mutex<Vec<Entry>>,
}

impl Ledger {
    /// Enters a packet; returns its number.
    pub fn enter(&self, entry: Entry) -> u32 {
        let mut entries = self.lock();
        entries.push(entry);
        // 2^32 packets do not fit in memory.
        u32::try_from(entries.len() - 1).unwrap_or(u32::MAX)
    }

    /// Enters a packet for each of some kinds, which are the so-many-th `kind` of an aim; returns the number of the first.
    pub fn enter_all(&self, aim: usize, kind: usize, kinds: &Kinds, role: Role) -> u32 {
        let mut entries = self.lock();
        let first = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        entries.extend(kinds.each().map(|traffic| Entry { aim, kind, traffic, role }));
        first
    }

    /// Enters a frame that belongs to no aim; returns its number.
    pub fn enter_frame(&self) -> u32 {
        self.enter(Entry { aim: 0, kind: 0, traffic: Traffic::protocol(0), role: Role::Frame })
    }

    /// Enters the canary of the link with this place among all links of the plan; returns its number.
    pub fn enter_canary(&self, link: usize) -> u32 {
        self.enter(Entry { aim: link, kind: 0, traffic: Traffic::protocol(0), role: Role::Canary })
    }

    /// A number for the next aim that no packet so far was sent for.
    pub fn next_aim(&self) -> usize {
        let entries = self.lock();
        let aims = entries.iter().filter(|entry| !matches!(entry.role, Role::Frame | Role::Canary));
        aims.map(|entry| entry.aim + 1).max().unwrap_or(0)
    }

    /// The number of the next packet.
    pub fn next_number(&self) -> u32 {
        u32::try_from(self.lock().len()).unwrap_or(u32::MAX)
    }

    /// The packet with this number, if there is one.
    pub fn entry(&self, n: u32) -> Option<Entry> {
        self.lock().get(n as usize).copied()
    }

    /// Every packet so far, with its number.
    pub fn all(&self) -> Vec<(u32, Entry)> {
        (0..).zip(self.lock().iter().copied()).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
