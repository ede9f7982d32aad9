//! WS-Discovery on a link: a question that goes to a group, and answers of those whom it may reach.
//!
//! A flow lets one node ask others at UDP port 3702. The question goes to all of them at once, and each answers from its
//! own address, so that neither looks like a conversation of two.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::frame::Packet;
use super::super::sightings::Seen;
use super::super::tell::{Kind, Told};
use super::allowed::{Allowed, Index, Plugged};
use super::why::Why;
use crate::names::Traffic;

/// The groups and the port of WS-Discovery (April 2005, section 2.4).
const GROUPS: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(239, 255, 255, 250)), IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xc))];
/// The group of a whole site with the same number, whose questions routers may pass on.
const OF_A_SITE: IpAddr = IpAddr::V6(Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 0, 0xc));
const PORT: u16 = 3702;
const ASKED: Traffic = Traffic::Udp(PORT, PORT);
/// An answer comes within this, nanoseconds: twenty times what a device may wait (`APP_MAX_DELAY`).
const ANSWERED_WITHIN: u64 = 10_000_000_000;
/// Time to live, of IPv6 the hop limit, of what stays on the link (SOAP-over-UDP as ONVIF uses it; ONVIF Core Specification, section 7).
const ON_THE_LINK: u8 = 1;
/// Questions that are remembered; the oldest are forgotten together.
const MOST: usize = 4096;

/// Who has asked.
#[derive(Debug, Default)]
pub(super) struct Searches {
    /// Segment, address and port: whose, and when.
    asked: HashMap<(Index, IpAddr, u16), (Index, u64)>,
    /// Who has answered whom, at which port, and when.
    answered: HashMap<(IpAddr, IpAddr, u16), u64>,
}

impl Searches {
    /// The flows that explain a packet; none if it belongs to no search.
    pub(super) fn take(
        &mut self,
        allowed: &Allowed,
        (packet, told): (&Packet<'_>, &Told<'_>),
        sender: &Plugged,
        seen: Seen,
    ) -> Option<Result<Vec<Index>, Why>> {
        // What is said of a packet in pieces holds for each of them: answers may be longer than a frame.
        let (from, to) = (told.source.port, told.dest.port);
        if told.kind != Kind::Udp {
            return None;
        }
        if (GROUPS.contains(&packet.dest) || packet.dest == OF_A_SITE) && to == PORT {
            return Some(self.question(allowed, packet, from, sender, seen));
        }
        let asker = self.asked.get(&(sender.segment, packet.dest, to));
        let (asker, at) = asker.copied().filter(|_| from == PORT)?;
        let flows = answer(allowed, packet, asker, sender, seen.at.saturating_sub(at));
        if flows.is_ok() {
            self.note_answer((packet.source, packet.dest, to), seen.at);
        }
        Some(flows)
    }

    fn note_answer(&mut self, answer: (IpAddr, IpAddr, u16), at: u64) {
        if self.answered.len() >= MOST {
            self.answered.clear();
        }
        self.answered.insert(answer, at);
    }

    /// Whether that answer was explained, a moment ago: who has asked may be gone when it comes.
    pub(super) fn has_sent(&self, (from, to): (IpAddr, IpAddr), told: &Told<'_>, now: u64) -> bool {
        let is_answer = told.kind == Kind::Udp && told.source.port == PORT;
        let answered = self.answered.get(&(from, to, told.dest.port)).filter(|_| is_answer);
        answered.is_some_and(|answered| now.saturating_sub(*answered) <= ANSWERED_WITHIN)
    }

    fn question(
        &mut self,
        allowed: &Allowed,
        packet: &Packet<'_>,
        port: u16,
        sender: &Plugged,
        seen: Seen,
    ) -> Result<Vec<Index>, Why> {
        let there = allowed.all_there(sender.segment);
        let mut flows: Vec<Index> = there.flat_map(|to| allowed.opens(sender.node, to, &ASKED)).collect();
        flows.sort_unstable();
        flows.dedup();
        if flows.is_empty() {
            return Err(Why::NotAllowed);
        }
        if !sender.addresses.contains(&packet.source) {
            return Err(Why::NotItsOwn);
        }
        if packet.hops != ON_THE_LINK || packet.dest == OF_A_SITE {
            return Err(Why::MayLeave);
        }
        if self.asked.len() >= MOST {
            self.asked.clear();
        }
        self.asked.insert((sender.segment, packet.source, port), (sender.node, seen.at));
        Ok(flows)
    }

    /// The end of a stretch.
    pub(super) fn turn(&mut self, now: u64) {
        self.asked.retain(|_, (_, asked)| now.saturating_sub(*asked) <= ANSWERED_WITHIN);
        self.answered.retain(|_, answered| now.saturating_sub(*answered) <= ANSWERED_WITHIN);
    }
}

fn answer(
    allowed: &Allowed,
    packet: &Packet<'_>,
    asker: Index,
    sender: &Plugged,
    since: u64,
) -> Result<Vec<Index>, Why> {
    let flows = allowed.opens(asker, packet.source, &ASKED);
    match () {
        () if !sender.addresses.contains(&packet.source) => Err(Why::NotItsOwn),
        () if flows.is_empty() => Err(Why::NotAllowed),
        () if since > ANSWERED_WITHIN => Err(Why::Unasked),
        () => Ok(flows),
    }
}

/// Whether the node is in one of the groups because it is a camera with ONVIF, or because a flow lets others look for it.
pub(super) fn is_searched(allowed: &Allowed, sender: &Plugged, group: IpAddr) -> bool {
    GROUPS.contains(&group) && (sender.discoverable || allowed.is_opened(&sender.addresses, &ASKED))
}
