//! Which frames something explains: an allowed flow in a legal state, upkeep of a link by those who are there, a probe.
//!
//! Every frame at every port is looked at, and each is claimed by exactly one of these, or by nothing. What nothing
//! claims is judged where it comes out of a link; its copies at other ports are counted with it. Probes themselves are
//! known by their numbers, and held against the ledger later ([`crate::record::observe`]).

mod allowed;
mod canary;
mod casts;
mod leases;
mod searches;
mod talk;
mod tally;
#[cfg(test)]
mod tests;
mod upkeep;
mod why;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::answers::Part;
use super::capture::Port;
use super::frame::{Content, Frame, Packet, Transport};
use super::inventory::Inventory;
use super::question::Exchange;
use super::sightings::{Direction, Seen};
use super::tell::{Key, Kind, Teller, Told};
use crate::names::Mac;
use crate::observation::{Explained, Upkeep};
#[cfg(feature = "broken-parts")]
use crate::parts;
pub(super) use allowed::Allowed;
use allowed::{Index, Plugged};
use leases::Leases;
use searches::Searches;
use talk::{Set, Talks};
use tally::{Sort, Tally};
use upkeep::Asked;
use why::Why;

/// A bridge hands a frame on within this, nanoseconds; a slow or bounded link may keep it longer.
const HANDED_ON: u64 = 5_000_000_000;
/// Frames whose copies are known again, and conversations that nothing explains; the oldest are forgotten together.
const MOST_KNOWN: usize = 4096;

/// What explains a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Claim {
    Flows(Set),
    Upkeep(Upkeep),
    Error,
    ProbeAnswer,
}

/// Tells which frames something explains, one by one.
#[derive(Debug)]
pub(super) struct Claims {
    allowed: Arc<Allowed>,
    /// The links at the ports.
    ports: Vec<Plugged>,
    teller: Teller,
    talks: Talks,
    asked: Asked,
    leases: Leases,
    searches: Searches,
    tally: Tally,
    /// What came out of a link and nothing explains: when, and as what it was counted.
    copies: HashMap<Copied, (u64, Option<usize>)>,
    /// What was counted first of a conversation in a segment: its other frames are no news.
    begun: HashMap<(Index, Key), Option<usize>>,
}

/// What a frame and its copies at the ports of a segment have in common.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Copied {
    segment: Index,
    macs: (Mac, Mac),
    kind: Kind,
    ends: (IpAddr, u16, IpAddr, u16),
    length: usize,
}

impl Copied {
    fn of(segment: Index, frame: &Frame<'_>, told: &Told<'_>) -> Copied {
        Copied {
            segment,
            macs: (frame.source, frame.dest),
            kind: told.kind,
            ends: (told.source.address, told.source.port, told.dest.address, told.dest.port),
            length: frame.length,
        }
    }
}

impl Claims {
    /// Nothing seen yet at these ports.
    pub(super) fn new(ports: &[Port], inventory: &Inventory) -> Claims {
        let allowed = Arc::clone(&inventory.allowed);
        let plugged = |port: &Port| allowed.plugged(&port.name).expect("a port is one of the plan's").clone();
        Claims {
            ports: ports.iter().map(plugged).collect(),
            allowed,
            teller: Teller::default(),
            talks: Talks::default(),
            asked: Asked::default(),
            leases: Leases::default(),
            searches: Searches::default(),
            tally: Tally::default(),
            copies: HashMap::new(),
            begun: HashMap::new(),
        }
    }

    /// Takes a frame, and what it is to the probes.
    pub(super) fn take(&mut self, frame: &Frame<'_>, part: Part, seen: Seen) {
        let segment = self.ports[usize::from(seen.port)].segment;
        let told = match part {
            Part::Probe(_) => return self.note_question(frame, seen),
            // Neighbours must answer a probe's question as they do any other: for themselves.
            Part::Answer(_) if Exchange::answered(frame).is_some() => self.teller.tell(frame),
            Part::Answer(_) | Part::Refusal => return self.tally.claim(segment, Claim::ProbeAnswer, seen),
            Part::Altered(_) | Part::None => self.teller.tell(frame),
        };
        let copied = Copied::of(segment, frame, &told);
        if let Some(group) = self.original(&copied, seen) {
            return self.tally.again(group);
        }
        let claim = match part {
            Part::Altered(_) => Err(Why::Altered),
            _ => self.explain(frame, &told, seen),
        };
        #[cfg(feature = "broken-parts")]
        let claim = match claim {
            Err(_) if parts::is_broken(parts::Part::ExplainsAll) => Ok(Claim::Upkeep(Upkeep::Arp)),
            claim => claim,
        };
        match claim {
            Ok(claim) => self.tally.claim(segment, claim, seen),
            Err(why) => {
                let group = self.unexplained(frame, &told, why, seen);
                if self.copies.len() >= MOST_KNOWN {
                    self.copies.clear();
                }
                self.copies.insert(copied, (seen.at, group));
            }
        }
    }

    /// A probe's question for a neighbour may be answered, as any other.
    fn note_question(&mut self, frame: &Frame<'_>, seen: Seen) {
        if let Some(asked) = Exchange::asked(frame) {
            self.asked.note(&self.allowed, &asked, &self.ports[usize::from(seen.port)], seen);
        }
    }

    /// As what a frame was counted that comes out of a link, if nothing explains it and this is a copy of it.
    fn original(&self, copied: &Copied, seen: Seen) -> Option<Option<usize>> {
        let (at, group) = self.copies.get(copied).filter(|_| seen.direction == Direction::ToNode)?;
        (seen.at.saturating_sub(*at) <= HANDED_ON).then_some(*group)
    }

    fn explain(&mut self, frame: &Frame<'_>, told: &Told<'_>, seen: Seen) -> Result<Claim, Why> {
        let port = &self.ports[usize::from(seen.port)];
        let allowed = Arc::clone(&self.allowed);
        let sender = allowed.station(port.segment, frame.source).ok_or(Why::Stranger)?;
        if seen.direction == Direction::FromNode && sender.node != port.node {
            return Err(Why::Disguised);
        }
        // Where tags are bridges of their own, none is on the wire.
        if frame.vlan.is_some() && frame.vlan != allowed.tags[usize::from(port.segment)] {
            return Err(Why::Tag(frame.vlan.filter(|_| allowed.tags[usize::from(port.segment)].is_some())));
        }
        if told.kind.is_upkeep() {
            return self.asked.take(&allowed, (frame, told), sender, seen).map(Claim::Upkeep);
        }
        let Content::Ip(packet) = &frame.content else { return Err(Why::NotAllowed) };
        if let Some(flows) = self.leases.take(&allowed, frame, sender, seen) {
            return flows.map(|flows| Claim::Flows(self.talks.set_of(flows, None)));
        }
        if let Some(flows) = self.searches.take(&allowed, (packet, told), sender, seen) {
            return flows.map(|flows| Claim::Flows(self.talks.set_of(flows, None)));
        }
        let asked = |listener| self.talks.have_spoken((listener, sender.node), seen.at);
        if let Some(flows) = casts::take(&allowed, (packet, told), sender, asked) {
            return flows.map(|flows| Claim::Flows(self.talks.set_of(flows, None)));
        }
        if let Some(quoted) = packet.quoted() {
            return self.error(frame, packet, &quoted, sender, seen);
        }
        self.talks.take(&allowed, (frame, told), sender, seen).map(Claim::Flows)
    }

    /// An ICMP error is explained only if the packet quoted in it is, and goes back to who sent that, from whoever it was
    /// for or passed.
    fn error(
        &mut self,
        frame: &Frame<'_>,
        packet: &Packet<'_>,
        quoted: &Packet<'_>,
        sender: &Plugged,
        seen: Seen,
    ) -> Result<Claim, Why> {
        let Transport::Icmp(icmp) = packet.transport else { return Err(Why::QuotesNothing) };
        let needed = match packet.source {
            // Unreachable, path MTU among it, and time exceeded.
            IpAddr::V4(_) => matches!(icmp.kind, 3 | 11),
            IpAddr::V6(_) => matches!(icmp.kind, 1..=4),
        };
        let told = self.teller.packet(frame, quoted);
        let forwards = |node: Index| self.allowed.forwards[usize::from(node)];
        let from = self.allowed.owner(packet.source).ok_or(Why::Nobodys)?;
        if from != sender.node && !forwards(sender.node) {
            return Err(Why::Forged(self.allowed.nodes[usize::from(from)].clone()));
        }
        let to_sender = packet.dest == quoted.source;
        let was_there = forwards(from) || self.allowed.owner(quoted.dest) == Some(from);
        if needed && to_sender && was_there && self.has_sent(quoted, &told, seen) {
            Ok(Claim::Error)
        } else {
            Err(Why::QuotesNothing)
        }
    }

    fn has_sent(&self, quoted: &Packet<'_>, told: &Told<'_>, seen: Seen) -> bool {
        let ends = (quoted.source, quoted.dest);
        self.talks.has_sent(told, seen.at)
            || self.leases.has_sent(ends, told, seen.at)
            || self.searches.has_sent(ends, told, seen.at)
    }

    /// Counts it, with the conversation that it belongs to.
    fn unexplained(&mut self, frame: &Frame<'_>, told: &Told<'_>, why: Why, seen: Seen) -> Option<usize> {
        let port = &self.ports[usize::from(seen.port)];
        let conversation = (port.segment, told.key());
        if let Some(group) = self.begun.get(&conversation) {
            self.tally.again(*group);
            return *group;
        }
        let from = (seen.direction == Direction::FromNode).then_some(port.node);
        let sort = Sort::of(frame, told, why, (port.segment, from));
        let group = self.tally.unexplained(sort, told, seen);
        if self.begun.len() >= MOST_KNOWN {
            self.begun.clear();
        }
        self.begun.insert(conversation, group);
        group
    }

    /// A stretch ends at a moment (nanoseconds since 1970): what is over is forgotten.
    pub(super) fn forget(&mut self, now: u64) {
        self.talks.turn(now);
        self.asked.turn(now);
        self.leases.turn(now);
        self.searches.turn(now);
    }

    /// The end of a stretch: what it had, and whether what nothing may explain would have been told.
    pub(super) fn turn(&mut self) -> Explained {
        let explained = self.count();
        Explained { canaries: self.show_canaries(), ..explained }
    }

    /// What was taken since it was counted last.
    fn count(&mut self) -> Explained {
        self.copies.clear();
        self.begun.clear();
        self.tally.turn(&self.allowed, &self.talks)
    }
}
