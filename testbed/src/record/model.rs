//! The record of a run, as plain values.

use std::collections::BTreeMap;

use super::Which;
use crate::names::NodeName;
use crate::observation::{
    AddressesSeen, ChangeSeen, CommandEnd, FaultSeen, ListeningSeen, NodeFact, OfferFlagged, OpenSeen,
    RouteSeen, RulesSeen, StateSeen, TapHealth, TrackedSeen,
};
use crate::probe::{AimSent, AskedSent, CrossingSent, Entry, FilterLog, HopSent, JoinSent};
use crate::tap::Passed;

/// All that a run did and saw and that no capture holds. Times are nanoseconds since 1970-01-01 UTC.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// What the fakes said, in order of arrival.
    pub facts: Vec<NodeFact>,
    /// Aims of negatives, in the order in which they were sent.
    pub aims: Vec<AimSent>,
    /// Crossings, in the order in which they were tried.
    pub crossings: Vec<CrossingSent>,
    /// Hops, in the order in which they were tried.
    pub hops: Vec<HopSent>,
    /// Groups of cameras that were joined, in the order in which they were.
    pub joins: Vec<JoinSent>,
    /// Questions put to legs, in the order in which they were.
    pub asked: Vec<AskedSent>,
    /// Conversations opened on purpose, before they are looked for in the capture.
    pub opens: Vec<OpenSeen>,
    /// What each `after` did, and each check with `during`.
    pub changes: Vec<ChangeSeen>,
    /// Faults that were carried out, in order of time.
    pub faults: Vec<FaultSeen>,
    /// Faults that were in force when it began, in the words of the command line.
    pub in_force: Vec<String>,
    /// Addresses of the nodes that ask for theirs.
    pub addresses: Vec<AddressesSeen>,
    /// Offers of something else than what was chosen, as they were told.
    pub flagged: Vec<OfferFlagged>,
    /// The state of each node, where a check asks for it.
    pub states: Vec<StateSeen>,
    /// The rules of each node right before a `matrix` was tried, or a negative that sends cells.
    pub rules: Vec<RulesSeen>,
    /// Routes that checks asked for.
    pub routes: Vec<RouteSeen>,
    /// Who listened at the nodes that checks ask it of.
    pub listening: Vec<ListeningSeen>,
    /// What nodes with rules tracked.
    pub tracked: Vec<TrackedSeen>,
    /// Commands of the scenario that ended.
    pub commands: Vec<CommandEnd>,
    /// Features asked for that the kernel lacks, with the reason.
    pub missing: Vec<(String, String)>,
    /// When the checks had been carried out.
    pub until: u64,
    /// What the run's deadlines were multiplied with.
    pub patience: u32,
    /// What was sent in the site, and what saw it there.
    pub site: Instruments,
    /// The same of the open copy.
    pub open_copy: Instruments,
}

impl Record {
    /// What was sent in one of the two sites, and what saw it there.
    pub fn of(&self, which: Which) -> &Instruments {
        match which {
            Which::Site => &self.site,
            Which::OpenCopy => &self.open_copy,
        }
    }
}

/// What was sent in one of the two sites, and what saw it beside the taps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instruments {
    /// The ledger: number, and what it stood for.
    pub sent: Vec<(u32, Entry)>,
    /// What was logged behind input filters.
    pub logs: BTreeMap<NodeName, FilterLog>,
    /// Probes that the taps counted instead of storing them, since they were as expected.
    pub passed: Vec<Passed>,
    /// How the taps did.
    pub taps: TapHealth,
}

/// Marks the packets of the run with this number; differs between runs, and between the site and its open copy.
pub fn key(run: u32, which: Which) -> u32 {
    let of_copy = u32::from(which == Which::OpenCopy) << 31;
    run.wrapping_mul(0x9e37_79b1).rotate_left(7) ^ 0x7e57_be0d ^ of_copy
}
