//! What neighbours say to keep their link up, held against who is there: ARP, neighbour discovery, groups.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::frame::{Arp, Content, Frame, Icmp, Packet, Transport};
use super::super::question::Exchange;
use super::super::sightings::{Direction, Seen};
use super::super::tell::{Kind, Told};
use super::allowed::{Allowed, Index, Plugged, solicited_node};
use super::searches::is_searched;
use super::why::Why;
use crate::names::Mac;
use crate::observation::Upkeep;

/// An answer comes within this, nanoseconds.
const ANSWERED_WITHIN: u64 = 10_000_000_000;
/// So often one address asks for another in a second: many times what a kernel does (arp(7): three in three seconds), so
/// that links may flap.
const MOST_IN_A_SECOND: u32 = 100;
const SECOND: u64 = 1_000_000_000;
/// The least that an Ethernet frame has (IEEE 802.3, clause 3.2.7, its check sequence aside); ARP fits.
const SMALLEST: usize = 60;
/// Bytes of options behind a solicitation or advertisement of a neighbour: its Ethernet address, and a nonce (RFC 4861
/// section 4.6.1, RFC 3971 section 5.3.2).
const NEIGHBOUR_OPTIONS: usize = 16;
/// Bytes of a router advertisement: prefixes, MTU, names, its Ethernet address.
const ADVERTISEMENT: usize = 512;
/// Bytes of a report of groups.
const REPORT: usize = 512;
/// Hop limit of what comes from no further away than the link (RFC 4861, section 3.1).
const FROM_THE_LINK: u8 = 255;

/// What was asked, and how often.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Segment, who asks, who is asked for: when.
    questions: HashMap<(Index, IpAddr, IpAddr), u64>,
    /// Segment, kind, from, to: the second that counts, and how many came in it.
    counts: HashMap<(Index, Kind, IpAddr, IpAddr), (u64, u32)>,
}

impl Asked {
    /// Which upkeep it is, if it is any, and speaks of those that are there.
    pub(super) fn take(
        &mut self,
        allowed: &Allowed,
        (frame, told): (&Frame<'_>, &Told<'_>),
        sender: &Plugged,
        seen: Seen,
    ) -> Result<Upkeep, Why> {
        let upkeep = match &frame.content {
            Content::Arp(arp) => self.arp(allowed, frame, arp, sender, seen)?,
            Content::Ip(packet) => match (told.kind, packet.transport) {
                (Kind::Nd, Transport::Icmp(icmp)) => {
                    self.discovery(allowed, frame, packet, &icmp, sender, seen)?
                }
                (Kind::Mld, Transport::Icmp(icmp)) => groups_of_six(allowed, packet, &icmp, sender)?,
                (Kind::Igmp, _) => groups_of_four(allowed, packet, sender)?,
                _ => return Err(Why::NotAllowed),
            },
            Content::Other(_) => return Err(Why::NotAllowed),
        };
        self.count(told, sender, seen)?;
        Ok(upkeep)
    }

    /// Remembers a question, if it is for somebody who is there.
    pub(super) fn note(&mut self, allowed: &Allowed, asked: &Exchange, sender: &Plugged, seen: Seen) {
        let _ = self.ask(allowed, (asked.asker, asked.address), sender, seen);
    }

    /// The end of a stretch.
    pub(super) fn turn(&mut self, now: u64) {
        self.questions.retain(|_, asked| now.saturating_sub(*asked) <= ANSWERED_WITHIN);
        self.counts.clear();
    }

    fn arp(
        &mut self,
        allowed: &Allowed,
        frame: &Frame<'_>,
        arp: &Arp,
        sender: &Plugged,
        seen: Seen,
    ) -> Result<Upkeep, Why> {
        let (from, to) = (IpAddr::V4(arp.sender), IpAddr::V4(arp.target));
        // Whoever is about to take an address asks first whether anybody has it (RFC 5227, section 2.1.1).
        let looks_first = arp.asks && sender.leased && arp.sender.is_unspecified();
        if arp.mac != frame.source || !(looks_first || sender.addresses.contains(&from)) {
            return Err(Why::NotItsOwn);
        }
        if frame.length > SMALLEST {
            return Err(Why::Misshapen);
        }
        if arp.asks {
            return self.ask(allowed, (from, to), sender, seen).map(|()| Upkeep::Arp);
        }
        // Whoever takes a link's place over says so unasked (RFC 5227, section 2.3).
        let announces = from == to;
        if announces || self.was_asked((to, from), sender, seen) {
            Ok(Upkeep::Arp)
        } else {
            Err(Why::Unasked)
        }
    }

    fn discovery(
        &mut self,
        allowed: &Allowed,
        frame: &Frame<'_>,
        packet: &Packet<'_>,
        icmp: &Icmp<'_>,
        sender: &Plugged,
        seen: Seen,
    ) -> Result<Upkeep, Why> {
        let own = sender.addresses.contains(&packet.source);
        if packet.hops != FROM_THE_LINK {
            return Err(Why::Misshapen);
        }
        let target = icmp.payload.first_chunk::<16>().map(|bytes| IpAddr::V6(Ipv6Addr::from(*bytes)));
        match (icmp.kind, target) {
            (133, _) if !allowed.is_advised(sender.segment) || !sender.advised => Err(Why::NoRouter),
            (133, _) if !own && !packet.source.is_unspecified() => Err(Why::NotItsOwn),
            (133, _) if icmp.payload.len() > NEIGHBOUR_OPTIONS => Err(Why::Misshapen),
            (134, _) if !sender.advertises => Err(Why::NoRouter),
            (134, _) if !own => Err(Why::NotItsOwn),
            (134, _) if icmp.payload.len() > ADVERTISEMENT => Err(Why::Misshapen),
            (133 | 134, _) => Ok(Upkeep::Routers),
            (135, Some(target)) => {
                // Whoever has no address yet asks whether anybody has the one it is about to take (RFC 4862, section 5.4).
                let looks_first = packet.source.is_unspecified() && sender.addresses.contains(&target);
                if !(own || looks_first) || !names(frame.source, icmp.payload) {
                    return Err(Why::NotItsOwn);
                }
                self.neighbour(icmp)?;
                self.ask(allowed, (packet.source, target), sender, seen).map(|()| Upkeep::Neighbours)
            }
            (136, Some(target)) => {
                if !sender.addresses.contains(&target) || !own || !names(frame.source, icmp.payload) {
                    return Err(Why::NotItsOwn);
                }
                self.neighbour(icmp)?;
                const SOLICITED: u8 = 0x40;
                let unasked =
                    icmp.rest[0] & SOLICITED != 0 && !self.was_asked((packet.dest, target), sender, seen);
                if unasked { Err(Why::Unasked) } else { Ok(Upkeep::Neighbours) }
            }
            // A redirect (137) is never wanted, and the others are too short.
            _ => Err(Why::NotAllowed),
        }
    }

    fn neighbour(&self, icmp: &Icmp<'_>) -> Result<(), Why> {
        if icmp.payload.len() > 16 + NEIGHBOUR_OPTIONS { Err(Why::Misshapen) } else { Ok(()) }
    }

    fn ask(
        &mut self,
        allowed: &Allowed,
        (from, to): (IpAddr, IpAddr),
        sender: &Plugged,
        seen: Seen,
    ) -> Result<(), Why> {
        if !allowed.is_there(sender.segment, to) {
            return Err(Why::Undeclared);
        }
        self.questions.insert((sender.segment, from, to), seen.at);
        Ok(())
    }

    fn was_asked(&self, (by, of): (IpAddr, IpAddr), sender: &Plugged, seen: Seen) -> bool {
        let asked = self.questions.get(&(sender.segment, by, of));
        asked.is_some_and(|asked| seen.at.saturating_sub(*asked) <= ANSWERED_WITHIN)
    }

    /// Counts what comes out of links.
    fn count(&mut self, told: &Told<'_>, sender: &Plugged, seen: Seen) -> Result<(), Why> {
        let key = (sender.segment, told.kind, told.source.address, told.dest.address);
        let (second, count) = self.counts.entry(key).or_default();
        if *second != seen.at / SECOND {
            (*second, *count) = (seen.at / SECOND, 0);
        }
        *count += u32::from(seen.direction == Direction::FromNode);
        if *count > MOST_IN_A_SECOND { Err(Why::TooMuch) } else { Ok(()) }
    }
}

/// Whether the Ethernet address in the option of a solicitation or advertisement, if there is one, is this one (RFC 4861,
/// section 4.6.1).
fn names(mac: Mac, payload: &[u8]) -> bool {
    match payload.get(16..) {
        Some([1 | 2, 1, address @ ..]) => address.get(..6) == Some(&mac.0[..]),
        _ => true,
    }
}

/// Reports of IPv6 groups (RFC 2710, RFC 3810): those of one's own addresses, of all nodes, of routers by routers, of
/// searches by those whom one may find.
fn groups_of_six(
    allowed: &Allowed,
    packet: &Packet<'_>,
    icmp: &Icmp<'_>,
    sender: &Plugged,
) -> Result<Upkeep, Why> {
    if !(sender.addresses.contains(&packet.source) || packet.source.is_unspecified()) {
        return Err(Why::NotItsOwn);
    }
    if packet.hops != 1 || packet.bytes.len() > REPORT {
        return Err(Why::Misshapen);
    }
    let groups: Vec<&[u8]> = match icmp.kind {
        131 | 132 => icmp.payload.first_chunk::<16>().map(|group| &group[..]).into_iter().collect(),
        143 => records(icmp.payload, 16, u16::from_be_bytes([icmp.rest[2], icmp.rest[3]])),
        // A query: nobody looks after groups here.
        _ => return Err(Why::NotAllowed),
    };
    let is_own = |group: &[u8]| {
        let Ok(group) = <[u8; 16]>::try_from(group).map(Ipv6Addr::from) else { return false };
        let of_an_address = sender.addresses.iter().any(|address| match address {
            IpAddr::V6(address) => solicited_node(*address) == group,
            IpAddr::V4(_) => false,
        });
        of_an_address
            || is_everybodys(allowed, sender, group.into())
            || is_searched(allowed, sender, group.into())
    };
    if groups.iter().all(|group| is_own(group)) { Ok(Upkeep::Groups) } else { Err(Why::Undeclared) }
}

/// Reports of IPv4 groups (RFC 2236, RFC 3376).
fn groups_of_four(allowed: &Allowed, packet: &Packet<'_>, sender: &Plugged) -> Result<Upkeep, Why> {
    if !sender.addresses.contains(&packet.source) {
        return Err(Why::NotItsOwn);
    }
    if packet.hops != 1 || packet.bytes.len() > REPORT {
        return Err(Why::Misshapen);
    }
    let groups: Vec<&[u8]> = match packet.bytes {
        [0x16 | 0x17, _, _, _, group @ ..] => group.get(..4).into_iter().collect(),
        [0x22, _, _, _, _, _, high, low, behind @ ..] => {
            records(behind, 4, u16::from_be_bytes([*high, *low]))
        }
        _ => return Err(Why::NotAllowed),
    };
    let is_own = |group: &[u8]| {
        let group = <[u8; 4]>::try_from(group).map(Ipv4Addr::from);
        let own = |group| {
            is_everybodys(allowed, sender, IpAddr::V4(group))
                || is_searched(allowed, sender, IpAddr::V4(group))
                || allowed.is_in_cast(sender.node, sender.segment, group)
        };
        group.is_ok_and(own)
    };
    if groups.iter().all(|group| is_own(group)) { Ok(Upkeep::Groups) } else { Err(Why::Undeclared) }
}

/// The groups of so many records, each behind four bytes, and with sources and words behind it (RFC 3376 section 4.2.4,
/// RFC 3810 section 5.2.4); one that is cut short is empty.
fn records(mut bytes: &[u8], length: usize, count: u16) -> Vec<&[u8]> {
    let mut groups = Vec::new();
    for _ in 0..count {
        let group = bytes.get(4..4 + length).unwrap_or_default();
        groups.push(group);
        let [_, words, high, low, ..] = *bytes else { return groups };
        let sources = usize::from(u16::from_be_bytes([high, low]));
        let whole = 4 + length + sources * length + usize::from(words) * 4;
        bytes = bytes.get(whole..).unwrap_or_default();
        if group.is_empty() {
            return groups;
        }
    }
    groups
}

/// The groups of all nodes of a link and, for routers, of all routers (RFC 4291, section 2.7.1; RFC 1112).
fn is_everybodys(allowed: &Allowed, sender: &Plugged, group: IpAddr) -> bool {
    let routers = allowed.forwards[usize::from(sender.node)] || sender.advertises;
    match group {
        IpAddr::V4(group) => {
            let [a, b, c, last] = group.octets();
            [a, b, c] == [224, 0, 0] && (last == 1 || (last == 2 && routers))
        }
        IpAddr::V6(group) => {
            let all = |scope: u16| Ipv6Addr::new(0xff00 + scope, 0, 0, 0, 0, 0, 0, 1);
            let of_routers = |scope: u16| Ipv6Addr::new(0xff00 + scope, 0, 0, 0, 0, 0, 0, 2);
            [all(1), all(2)].contains(&group)
                || (routers && [of_routers(1), of_routers(2), of_routers(5)].contains(&group))
        }
    }
}
