//! Tells a probe, what became of one, an answer to one, and other traffic apart.
//!
//! Directions are kept apart. What has a probe's addresses and ports and goes its way, but no longer reads as the probe,
//! was altered. What goes back is an answer (a SYN-ACK, a UDP answer, an echo reply), or a refusal (a reset, an ICMP
//! error that quotes the probe). What the sender's own kernel says to an answer (it knows nothing of raw probes, and
//! resets) is counted with the refusals.
//!
//! A probe may have the addresses and ports of what somebody else says: where its source was forged, and the node that it
//! was forged of sends on the same way, from its own link, that is the node's word and no probe's, and so is the answer.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

use super::frame::{Content, Frame, Packet, Transport};
use super::nonce;
use super::question::{self, Exchange};

/// What a frame is to the probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Probe number so-and-so.
    Probe(u32),
    /// Goes the way of this probe, but does not read as it.
    Altered(u32),
    /// Answers this probe.
    Answer(u32),
    /// Refuses a probe, or an answer to one.
    Refusal,
    /// Has nothing to do with them.
    None,
}

/// Remembers the ways of all probes, as hashes: 20 bytes each, and twice as much of TCP.
pub(super) struct Answers {
    key: u32,
    hasher: RandomState,
    /// Numbers with addresses, those of TCP with their whole way as well.
    sent: HashSet<u64>,
    /// How many bytes each probe of TCP is, as its answer counts them.
    lengths: HashMap<u32, u8>,
    /// Which probe comes in pieces of this mark, between these addresses.
    pieces: HashMap<u64, u32>,
    /// The last probe that went this way, and whether the one whose addresses it has sent it when it was first seen there.
    ways: HashMap<u64, (u32, bool)>,
    /// Ways of probes that were answered.
    answered: HashSet<u64>,
    /// Who asked for which neighbour, and with which probe last.
    asked: HashMap<Exchange, u32>,
    /// The last probe with which each neighbour was asked for, by whomever.
    asked_for: HashMap<IpAddr, u32>,
}

impl Answers {
    /// For the probes with this key.
    pub(super) fn new(key: u32) -> Answers {
        Answers {
            key,
            hasher: RandomState::new(),
            sent: HashSet::new(),
            lengths: HashMap::new(),
            pieces: HashMap::new(),
            ways: HashMap::new(),
            answered: HashSet::new(),
            asked: HashMap::new(),
            asked_for: HashMap::new(),
        }
    }

    /// What this frame is; a probe's way is remembered. `own`: whether its Ethernet and its IP source are of the same node.
    pub(super) fn part(&mut self, frame: &Frame<'_>, own: impl Fn() -> bool) -> Part {
        if let Some(part) = self.of_neighbours(frame) {
            return part;
        }
        let Content::Ip(packet) = &frame.content else {
            return nonce::of(frame, self.key).map_or(Part::None, Part::Probe);
        };
        let part = match nonce::of_packet(packet, self.key) {
            Some(n) => self.whole(packet, n, own),
            None => match self.piece_of(packet) {
                Some(n) => Part::Probe(n),
                None if self.ways.is_empty() || self.is_word_of_a_forged(packet, own) => Part::None,
                None => self.without_nonce(packet),
            },
        };
        if matches!(part, Part::Answer(_))
            && let Some(way) = Way::of(packet).and_then(Way::answered)
        {
            self.answered.insert(self.hasher.hash_one(way));
        }
        part
    }

    /// What is a probe's question for a neighbour, or an answer to one. Whatever nodes ask by themselves is neither.
    fn of_neighbours(&mut self, frame: &Frame<'_>) -> Option<Part> {
        if let Some(n) = question::of(frame, self.key) {
            let exchange = Exchange::asked(frame);
            self.asked_for.extend(exchange.map(|exchange| (exchange.address, n)));
            self.asked.extend(exchange.map(|exchange| (exchange, n)));
            return Some(Part::Probe(n));
        }
        if self.asked.is_empty() {
            return None;
        }
        let answered = Exchange::answered(frame)?;
        let to_all = || self.asked_for.get(&answered.address).filter(|_| answered.is_to_all());
        let n = self.asked.get(&answered).or_else(to_all)?;
        Some(Part::Answer(*n))
    }

    /// Which probe this is a piece of, too short to say so: a router that has put one together may cut it elsewhere.
    fn piece_of(&self, packet: &Packet<'_>) -> Option<u32> {
        self.pieces.get(&self.mark_of(packet)?).copied()
    }

    /// What all pieces of one packet have in common (RFC 791, section 3.2; RFC 8200, section 4.5).
    fn mark_of(&self, packet: &Packet<'_>) -> Option<u64> {
        let id = packet.fragment?.id;
        Some(self.hasher.hash_one((packet.source, packet.dest, id)))
    }

    /// A packet with a nonce: the probe, or an answer that carries all of it back, as an echo reply does. Each number
    /// is sent once, one way.
    fn whole(&mut self, packet: &Packet<'_>, n: u32, own: impl Fn() -> bool) -> Part {
        let addresses = |from: IpAddr, to: IpAddr| self.hasher.hash_one((n, from, to));
        if self.sent.contains(&addresses(packet.dest, packet.source)) {
            return Part::Answer(n);
        }
        let is_first = self.sent.insert(addresses(packet.source, packet.dest));
        if let Some(mark) = self.mark_of(packet) {
            self.pieces.insert(mark, n);
        }
        // Again after each translation of addresses, so that an answer is known on either side of it.
        // Of pieces that overlap the first says the way: another one's may be that of somebody's own words.
        let says_way = |_: &Way| is_first || packet.fragment.is_none();
        if let Some(way) = Way::of(packet).filter(says_way) {
            let hash = self.hasher.hash_one(way);
            // Seen again behind a router, it has that one's Ethernet address, which shows nothing of who sent it.
            if self.ways.get(&hash).is_none_or(|(last, _)| *last != n) {
                self.ways.insert(hash, (n, !is_first || own()));
            }
            if let Transport::Tcp(tcp) = packet.transport {
                self.sent.insert(self.hasher.hash_one((n, way)));
                self.lengths.insert(n, u8::from(tcp.syn) + u8::from(tcp.fin));
            }
        }
        Part::Probe(n)
    }

    /// Whether the node that a probe was forged of sends on that probe's way itself. From then on the way is that node's: what goes
    /// back on it answers the node. A reset is none of it: with it, the node refuses what it was answered on the probe's behalf.
    fn is_word_of_a_forged(&mut self, packet: &Packet<'_>, own: impl Fn() -> bool) -> bool {
        if Says::of(packet) == Says::Reset {
            return false;
        }
        let Some(way) = Way::of(packet) else { return false };
        if self.back(way).is_some() {
            return false; // it may answer that one
        }
        let way = self.hasher.hash_one(way);
        let forged = self.ways.get(&way).is_some_and(|(_, sent_by_owner)| !sent_by_owner);
        let is_word = forged && own();
        if is_word {
            self.ways.remove(&way);
        }
        is_word
    }

    fn without_nonce(&self, packet: &Packet<'_>) -> Part {
        if let Some(quoted) = packet.quoted() {
            let known = nonce::of_packet(&quoted, self.key).is_some()
                || Way::of(&quoted).is_some_and(|way| self.along(way).or(self.back(way)).is_some());
            return if known { Part::Refusal } else { Part::None };
        }
        let Some(way) = Way::of(packet) else { return Part::None };
        let says = Says::of(packet);
        match (self.along(way), self.back(way)) {
            (None, None) => Part::None,
            // Two probes that meet, each from the port that the other is for: a reset of one is no other in disguise.
            (Some(_), Some(_)) if says == Says::Reset => Part::Refusal,
            (Some(_), _) if says == Says::Reset && self.answered.contains(&self.hasher.hash_one(way)) => {
                Part::Refusal
            }
            (Some(n), _) => Part::Altered(n),
            (None, Some(n)) => match says {
                Says::Reset => Part::Refusal,
                Says::Opens => Part::None,
                Says::Else => Part::Answer(self.acknowledged(packet, way, n)),
            },
        }
    }

    /// The probe that a segment answers which goes back on this way, where `last` was the last to go: many may go one way,
    /// and an early one be answered late. Only what acknowledges another probe is another one's answer, if possible one
    /// that went this way; a device may have changed the addresses where no tap is. Whatever acknowledges none is `last`'s,
    /// so that no answer is lost.
    fn acknowledged(&self, packet: &Packet<'_>, back: Way, last: u32) -> u32 {
        let Transport::Tcp(tcp) = packet.transport else { return last };
        // A SYN and a FIN count as a byte each, and what is named is the number behind them (RFC 9293, section 3.4).
        let known = [1, 0, 2].map(|length: u8| (tcp.acknowledgement.wrapping_sub(length.into()), length));
        let answered =
            || known.iter().filter(|(n, length)| self.lengths.get(n) == Some(length)).map(|(n, _)| *n);
        let way = back.answered();
        let went_this_way =
            |n: &u32| way.is_some_and(|way| self.sent.contains(&self.hasher.hash_one((*n, way))));
        let mut all = answered();
        if all.any(|n| n == last) {
            return last;
        }
        answered().find(went_this_way).or_else(|| answered().next()).unwrap_or(last)
    }

    /// The probe that went this way.
    fn along(&self, way: Way) -> Option<u32> {
        self.ways.get(&self.hasher.hash_one(way)).map(|(n, _)| *n)
    }

    /// The probe that an answer on this way would be for.
    fn back(&self, way: Way) -> Option<u32> {
        self.along(way.answered()?)
    }
}

/// What a segment does to a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Says {
    Reset,
    /// Has no ACK, as every answer does (RFC 9293, section 3.10.7.2); a SYN opens a connection of its own.
    Opens,
    /// Any other segment, and all that is not TCP.
    Else,
}

impl Says {
    fn of(packet: &Packet<'_>) -> Says {
        match packet.transport {
            Transport::Tcp(tcp) if tcp.rst => Says::Reset,
            Transport::Tcp(tcp) if !tcp.ack => Says::Opens,
            _ => Says::Else,
        }
    }
}

/// The way of a packet, with its direction: protocol, addresses, and what else tells two exchanges apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Way {
    protocol: u8,
    source: IpAddr,
    dest: IpAddr,
    within: Within,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Within {
    Ports(u16, u16),
    /// Type and identifier of an ICMP question or its answer.
    Query(u8, u16),
    /// Protocols without ports, which answer nothing by themselves.
    Alone,
}

impl Way {
    /// None for later pieces of packets, which have no ports, and for ICMP errors and upkeep of a link, which nothing but
    /// a nonce tells from the nodes' own.
    fn of(packet: &Packet<'_>) -> Option<Way> {
        if packet.fragment.is_some_and(|piece| piece.offset > 0) {
            return None;
        }
        let within = match packet.transport {
            Transport::Icmp(icmp) if is_query(packet.protocol, icmp.kind) => {
                Within::Query(icmp.kind, u16::from_be_bytes([icmp.rest[0], icmp.rest[1]]))
            }
            Transport::Icmp(_) => return None,
            _ => packet.ports().map_or(Within::Alone, |(source, dest)| Within::Ports(source, dest)),
        };
        Some(Way { protocol: packet.protocol, source: packet.source, dest: packet.dest, within })
    }

    /// The way of the probe that this would be an answer to.
    fn answered(self) -> Option<Way> {
        let within = match self.within {
            Within::Ports(source, dest) => Within::Ports(dest, source),
            Within::Query(kind, id) => Within::Query(question(self.protocol, kind)?, id),
            Within::Alone => return None,
        };
        Some(Way { source: self.dest, dest: self.source, within, ..self })
    }
}

/// True for questions and answers of ICMP that have an identifier: echo, timestamp, information, address mask
/// (RFC 792; RFC 950, appendix I), and the echo of ICMPv6 (RFC 4443, section 4).
fn is_query(protocol: u8, kind: u8) -> bool {
    match protocol {
        1 => matches!(kind, 0 | 8 | 13..=18),
        _ => matches!(kind, 128 | 129),
    }
}

/// The type that this type answers.
fn question(protocol: u8, kind: u8) -> Option<u8> {
    match (protocol, kind) {
        (1, 0) => Some(8),
        (1, 14 | 16 | 18) | (58, 129) => Some(kind - 1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::question::{Question, craft};
    use super::*;
    use crate::names::Mac;

    const KEY: u32 = 0xfeed_c0de;

    #[test]
    fn a_piece_that_overlaps_says_no_way() {
        let probe = nonce::Probe {
            source_mac: Mac([2, 0, 0, 0, 0, 1]),
            next_hop_mac: Mac([2, 0, 0, 0, 0, 2]),
            source: "10.40.0.20".parse().unwrap(),
            dest: "10.40.0.1".parse().unwrap(),
            traffic: "udp/9 from 68 overlapping 67".to_owned().try_into().unwrap(),
            source_port: 9,
            key: KEY,
            n: 5,
            ttl: 64,
            waypoint: None,
        };
        let mut answers = Answers::new(KEY);
        for bytes in nonce::frames(&probe).unwrap() {
            assert_eq!(answers.part(&Frame::of(&bytes).unwrap(), || true), Part::Probe(5));
        }
        let other =
            nonce::Probe { traffic: "udp/67 from 68".to_owned().try_into().unwrap(), key: 1, ..probe };
        let own = nonce::craft(&other).unwrap();
        assert_eq!(answers.part(&Frame::of(&own).unwrap(), || true), Part::None, "a client asks for a lease");
    }

    #[test]
    fn what_a_router_cuts_off_a_probe_that_it_has_put_together_is_of_the_probe() {
        let probe = nonce::Probe {
            source_mac: Mac([2, 0, 0, 0, 0, 1]),
            next_hop_mac: Mac([2, 0, 0, 0, 0, 2]),
            source: "10.40.0.20".parse().unwrap(),
            dest: "10.40.0.1".parse().unwrap(),
            traffic: "tcp/22 from 68 overlapping 443".to_owned().try_into().unwrap(),
            source_port: 9,
            key: KEY,
            n: 5,
            ttl: 64,
            waypoint: None,
        };
        let mut answers = Answers::new(KEY);
        let frames = nonce::frames(&probe).unwrap();
        // Of IPv4 without options, cut to its header and the last 8 bytes.
        let mut rest = frames[0][..14 + 20 + 8].to_vec();
        rest[16..18].copy_from_slice(&28_u16.to_be_bytes());
        rest[20..22].copy_from_slice(&6_u16.to_be_bytes());
        rest[34..].fill(0x55);
        let rest = Frame::of(&rest).unwrap();
        assert_eq!(answers.part(&rest, || true), Part::None, "of nobody known");
        for bytes in &frames {
            answers.part(&Frame::of(bytes).unwrap(), || true);
        }
        assert_eq!(answers.part(&rest, || true), Part::Probe(5));
    }

    #[test]
    fn an_answer_of_arp_is_that_of_the_last_probe_with_this_question_and_of_none_before_it() {
        let asked = |n| {
            let (asker, address) = ("10.0.0.9".parse().unwrap(), "10.0.0.5".parse().unwrap());
            let source = Mac([2, 0, 0, 0, 0, 9]);
            craft(&Question { source, dest: None, asker, address, key: KEY, n }).unwrap()
        };
        let mut reply = asked(0);
        reply[21] = 2;
        reply[28..32].copy_from_slice(&[10, 0, 0, 5]);
        reply[38..42].copy_from_slice(&[10, 0, 0, 9]);
        let mut answers = Answers::new(KEY);
        let mut part = |bytes: &[u8]| answers.part(&Frame::of(bytes).unwrap(), || true);
        assert_eq!(part(&reply), Part::None);
        assert_eq!([part(&asked(7)), part(&reply)], [Part::Probe(7), Part::Answer(7)]);
        assert_eq!(
            [part(&asked(8)), part(&reply), part(&reply)].map(|one| one == Part::Answer(8)),
            [false, true, true]
        );
        // Another one's question, which carries no number, is none of ours, and so is the answer to it.
        let mut own = asked(9);
        own[42..].fill(0);
        own[31] = 8;
        reply[41] = 8;
        assert_eq!([part(&own), part(&reply)], [Part::None, Part::None]);
    }

    #[test]
    fn an_advertisement_to_all_nodes_answers_whoever_asked_for_its_address() {
        let question = |address: &str, n| {
            let source = Mac([2, 0, 0, 0, 0, 9]);
            let (asker, address) = ("2001:db8::9".parse().unwrap(), address.parse().unwrap());
            craft(&Question { source, dest: None, asker, address, key: KEY, n }).unwrap()
        };
        // Behind 14 bytes of Ethernet: the destination at 24 of IPv6, the type at 40.
        let advertised = |address: &str, to: &str| {
            let mut bytes = question(address, 0);
            bytes[38..54].copy_from_slice(&to.parse::<std::net::Ipv6Addr>().unwrap().octets());
            bytes[54] = 136;
            bytes
        };
        let mut answers = Answers::new(KEY);
        let mut part = |bytes: &[u8]| answers.part(&Frame::of(bytes).unwrap(), || true);
        let to_all = advertised("2001:db8:1::5", "ff02::1");
        assert_eq!(part(&to_all), Part::None, "nobody has asked yet");
        assert_eq!(part(&question("2001:db8:1::5", 7)), Part::Probe(7));
        assert_eq!(part(&to_all), Part::Answer(7));
        assert_eq!(part(&advertised("2001:db8:1::5", "2001:db8::9")), Part::Answer(7));
        assert_eq!(part(&advertised("2001:db8:1::6", "ff02::1")), Part::None, "nobody asked for this");
        assert_eq!(part(&advertised("2001:db8:1::5", "2001:db8::8")), Part::None, "another one's answer");
    }
}
