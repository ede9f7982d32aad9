//! The record as lines of four files, and back: what was done, what was sent, what was logged, what was counted.

use serde::{Deserialize, Serialize};

use super::{Instruments, Record};
use crate::names::{Kinds, NodeName, Traffic};
use crate::observation::{
    AddressesSeen, ChangeSeen, CommandEnd, FaultSeen, ListeningSeen, NodeFact, OfferFlagged, OpenSeen,
    RouteSeen, RulesSeen, StateSeen, TapHealth, TrackedSeen,
};
use crate::probe::{AimSent, AskedSent, CrossingSent, Entry, HopSent, JoinSent, Logged, Role};
use crate::tap::Passed;

/// Packets that are taken from lines: more were never sent, and a line of a few bytes may stand for 65,536.
const MOST_SENT: usize = 1 << 25;

/// Frames that are taken from lines at most: each probe passes few ports before something stops it.
const MOST_PASSED: u64 = 1 << 26;

/// Which of the two sites of a lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// The site itself.
    Site,
    /// Its open copy.
    OpenCopy,
}

/// One line of `record.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// A feature that the kernel lacks, with the reason.
    Missing(String, String),
    /// A fault that was in force when it began.
    InForce(String),
    /// An aim that was sent.
    Aim(AimSent),
    /// A crossing that was tried.
    Crossing(CrossingSent),
    /// A hop that was tried.
    Hop(HopSent),
    /// A camera's group that was joined.
    Join(JoinSent),
    /// Questions that were put to a leg.
    Asked(AskedSent),
    /// A conversation opened on purpose.
    Open(OpenSeen),
    /// What an `after` did, or a check with `during`.
    Change(ChangeSeen),
    /// A fault that was carried out.
    Fault(FaultSeen),
    /// Addresses of a node.
    Addresses(AddressesSeen),
    /// An offer of something else than what was chosen, as it was told.
    Flagged(OfferFlagged),
    /// The state of a node.
    State(StateSeen),
    /// The rules of a node, as they were listed for a check.
    Rules(RulesSeen),
    /// A route, as a node has it.
    Route(RouteSeen),
    /// Who listened at a node.
    Listening(ListeningSeen),
    /// A connection that a node tracked.
    Tracked(TrackedSeen),
    /// A command of the scenario that ended.
    Command(CommandEnd),
    /// How the taps did.
    Taps {
        /// In which site.
        of: Which,
        /// How.
        health: TapHealth,
    },
    /// How the instrument behind a node's input filter did.
    Filter {
        /// In which site.
        of: Which,
        /// Whose filter.
        node: NodeName,
        /// How many times the kernel had no room for what was to be logged.
        lost: u64,
        /// True if nothing was logged from some moment on.
        broken: bool,
    },
    /// The last line.
    Done {
        /// When the checks had been carried out.
        until: u64,
        /// What deadlines were multiplied with.
        patience: u32,
    },
}

/// One line of `sent.jsonl`: packets with numbers in a row, of one purpose and aim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentLine {
    /// In which site.
    pub of: Which,
    /// Number of the first packet.
    pub first: u32,
    /// What they were sent for.
    pub role: Role,
    /// The number of the aim.
    pub aim: usize,
    /// Which of the aim's kinds of traffic, from 0.
    pub kind: usize,
    /// What was sent: a single kind, or one of a range for each number.
    pub traffic: Traffic,
    /// What was sent behind that, a single kind for each number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<Traffic>,
}

/// One line of `filters.jsonl`: a packet logged behind a node's input filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterLine {
    /// In which site.
    pub of: Which,
    /// Whose filter.
    pub node: NodeName,
    /// The packet.
    #[serde(flatten)]
    pub packet: Logged,
}

/// One line of `sightings.jsonl`: probes that passed a tap as expected, and were counted instead of stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedLine {
    /// In which site.
    pub of: Which,
    /// Where, by the packets of the capture between which they passed.
    #[serde(flatten)]
    pub passed: Passed,
}

/// The lines of `record.jsonl`, the last of which is `done`.
pub fn record_lines(record: &Record) -> impl Iterator<Item = Line> {
    let Record {
        missing,
        in_force,
        aims,
        crossings,
        hops,
        joins,
        asked,
        opens,
        changes,
        faults,
        addresses,
        flagged,
        states,
        rules,
        routes,
        listening,
        tracked,
        ..
    } = record;
    let missing = missing.iter().cloned().map(|(feature, why)| Line::Missing(feature, why));
    let done = Line::Done { until: record.until, patience: record.patience };
    missing
        .chain(in_force.iter().cloned().map(Line::InForce))
        .chain(aims.iter().cloned().map(Line::Aim))
        .chain(crossings.iter().cloned().map(Line::Crossing))
        .chain(hops.iter().cloned().map(Line::Hop))
        .chain(joins.iter().cloned().map(Line::Join))
        .chain(asked.iter().cloned().map(Line::Asked))
        .chain(opens.iter().cloned().map(Line::Open))
        .chain(changes.iter().cloned().map(Line::Change))
        .chain(faults.iter().cloned().map(Line::Fault))
        .chain(addresses.iter().cloned().map(Line::Addresses))
        .chain(flagged.iter().cloned().map(Line::Flagged))
        .chain(states.iter().cloned().map(Line::State))
        .chain(rules.iter().cloned().map(Line::Rules))
        .chain(routes.iter().cloned().map(Line::Route))
        .chain(listening.iter().cloned().map(Line::Listening))
        .chain(tracked.iter().cloned().map(Line::Tracked))
        .chain(record.commands.iter().cloned().map(Line::Command))
        .chain(instrument_lines(Which::Site, &record.site))
        .chain(instrument_lines(Which::OpenCopy, &record.open_copy))
        .chain(std::iter::once(done))
}

fn instrument_lines(of: Which, seen: &Instruments) -> impl Iterator<Item = Line> {
    let filters = seen.logs.iter().map(move |(node, log)| Line::Filter {
        of,
        node: node.clone(),
        lost: log.lost,
        broken: log.broken,
    });
    std::iter::once(Line::Taps { of, health: seen.taps }).chain(filters)
}

/// The lines of `sent.jsonl`.
pub fn sent_lines(record: &Record) -> Vec<SentLine> {
    let mut lines: Vec<SentLine> = Vec::new();
    for (of, seen) in [(Which::Site, &record.site), (Which::OpenCopy, &record.open_copy)] {
        for (n, entry) in &seen.sent {
            let joined = lines.last_mut().is_some_and(|line| line.of == of && line.take(*n, entry));
            if !joined {
                let Entry { aim, kind, traffic, role } = *entry;
                lines.push(SentLine { of, first: *n, role, aim, kind, traffic, more: Vec::new() });
            }
        }
    }
    lines
}

impl SentLine {
    /// Takes one packet more, if it is the next in the row.
    fn take(&mut self, n: u32, entry: &Entry) -> bool {
        let same = (self.aim, self.kind, self.role) == (entry.aim, entry.kind, entry.role);
        let next = u64::from(self.first) + self.width() == u64::from(n);
        match self.traffic.extended(&entry.traffic) {
            _ if !same || !next => return false,
            Some(grown) if self.more.is_empty() => self.traffic = grown,
            _ => self.more.push(entry.traffic),
        }
        true
    }

    /// How many packets it stands for.
    fn width(&self) -> u64 {
        self.traffic.width() + self.more.len() as u64
    }

    /// What they are.
    pub fn kinds(&self) -> Kinds {
        match self.more.as_slice() {
            [] => Kinds::Range(self.traffic),
            more => Kinds::Cells(self.traffic.each().chain(more.iter().copied()).collect()),
        }
    }
}

/// The lines of `filters.jsonl`.
pub fn filter_lines(record: &Record) -> impl Iterator<Item = FilterLine> {
    let sites = [(Which::Site, &record.site), (Which::OpenCopy, &record.open_copy)].into_iter();
    let logs = sites.flat_map(|(of, seen)| seen.logs.iter().map(move |(node, log)| (of, node, log)));
    logs.flat_map(|(of, node, log)| {
        log.packets().iter().map(move |packet| FilterLine { of, node: node.clone(), packet: *packet })
    })
}

/// The lines of `sightings.jsonl`.
pub fn passed_lines(record: &Record) -> impl Iterator<Item = PassedLine> {
    let sites = [(Which::Site, &record.site), (Which::OpenCopy, &record.open_copy)].into_iter();
    sites.flat_map(|(of, seen)| seen.passed.iter().map(move |passed| PassedLine { of, passed: *passed }))
}

/// A record that is put together from lines again.
#[derive(Debug)]
pub struct Collected {
    record: Record,
    /// Frames that were counted.
    passed: u64,
    done: bool,
    /// Packets that are taken.
    most: usize,
}

impl Default for Collected {
    fn default() -> Self {
        Self::of_at_most(MOST_SENT)
    }
}

impl Collected {
    fn of_at_most(most: usize) -> Self {
        Self { record: Record::default(), passed: 0, done: false, most }
    }

    /// Takes a line of `record.jsonl`.
    pub fn line(&mut self, line: Line) {
        let record = &mut self.record;
        match line {
            Line::Missing(feature, why) => record.missing.push((feature, why)),
            Line::InForce(fault) => record.in_force.push(fault),
            Line::Aim(aim) => record.aims.push(aim),
            Line::Crossing(crossing) => record.crossings.push(crossing),
            Line::Hop(hop) => record.hops.push(hop),
            Line::Join(join) => record.joins.push(join),
            Line::Asked(asked) => record.asked.push(asked),
            Line::Open(open) => record.opens.push(open),
            Line::Change(change) => record.changes.push(change),
            Line::Fault(fault) => record.faults.push(fault),
            Line::Addresses(addresses) => record.addresses.push(addresses),
            Line::Flagged(offer) => record.flagged.push(offer),
            Line::State(state) => record.states.push(state),
            Line::Rules(rules) => record.rules.push(rules),
            Line::Route(route) => record.routes.push(route),
            Line::Listening(listening) => record.listening.push(listening),
            Line::Tracked(tracked) => record.tracked.push(tracked),
            Line::Command(command) => record.commands.push(command),
            Line::Taps { of, health } => self.site(of).taps = health,
            Line::Filter { of, node, lost, broken } => {
                let log = self.site(of).logs.entry(node).or_default();
                (log.lost, log.broken) = (lost, broken);
            }
            Line::Done { until, patience } => {
                (record.until, record.patience) = (until, patience);
                self.done = true;
            }
        }
    }

    /// Takes a line of `sent.jsonl`.
    ///
    /// Errors, in words: numbers that go back or on without end.
    pub fn sent(&mut self, line: &SentLine) -> Result<(), String> {
        let SentLine { of, first, role, aim, kind, .. } = *line;
        let (known, most) = (self.record.site.sent.len() + self.record.open_copy.sent.len(), self.most);
        let sent = &mut self.site(of).sent;
        if sent.last().is_some_and(|(last, _)| *last >= first) {
            return Err(format!("number {first} stands behind a higher one"));
        }
        let count = line.width();
        if known as u64 + count > most as u64 || u64::from(first) + count > u64::from(u32::MAX) {
            return Err(format!("more than {most} packets, or numbers without end"));
        }
        sent.extend((first..).zip(line.kinds().each().map(|traffic| Entry { aim, kind, traffic, role })));
        Ok(())
    }

    /// Takes a line of `filters.jsonl`.
    pub fn logged(&mut self, line: FilterLine) {
        self.site(line.of).logs.entry(line.node).or_default().add(line.packet);
    }

    /// Takes a line of `sightings.jsonl`.
    ///
    /// Errors, in words: more than was ever sent.
    pub fn passed(&mut self, line: &PassedLine) -> Result<(), String> {
        self.passed += u64::from(line.passed.count);
        if self.passed > MOST_PASSED {
            return Err(format!("more than {MOST_PASSED} frames"));
        }
        self.site(line.of).passed.push(line.passed);
        Ok(())
    }

    /// Takes what a fake said.
    pub fn fact(&mut self, fact: NodeFact) {
        self.record.facts.push(fact);
    }

    /// The record; none if its last line is missing.
    pub fn whole(self) -> Option<Record> {
        self.done.then_some(self.record)
    }

    fn site(&mut self, which: Which) -> &mut Instruments {
        match which {
            Which::Site => &mut self.record.site,
            Which::OpenCopy => &mut self.record.open_copy,
        }
    }
}

#[cfg(test)]
mod tests;
