//! Tells a probe, an answer to one, and other traffic apart.
//!
//! An answer is what goes back the way of a probe (a reset, a SYN-ACK, a UDP answer, an echo reply), what the sender's
//! own kernel says to that (it knows nothing of raw probes, and resets), and an ICMP error that quotes a probe.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

use super::frame::{Content, Frame, Packet, Transport};
use super::nonce;

/// What a frame is to the probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Probe number so-and-so.
    Probe(u32),
    /// Answers a probe.
    Answer,
    /// Has nothing to do with them.
    None,
}

/// Remembers the ways of all probes, as hashes: 8 bytes each.
pub(super) struct Answers {
    key: u32,
    hasher: RandomState,
    ways: HashSet<u64>,
}

impl Answers {
    /// For the probes with this key.
    pub(super) fn new(key: u32) -> Answers {
        Answers { key, hasher: RandomState::new(), ways: HashSet::new() }
    }

    /// What this frame is; a probe's way is remembered.
    pub(super) fn part(&mut self, frame: &Frame<'_>) -> Part {
        let Content::Ip(packet) = &frame.content else { return Part::None };
        if let Some(n) = nonce::of_packet(packet, self.key) {
            // An echo reply carries the whole probe back. Each number is sent once, one way.
            let way = |from: IpAddr, to: IpAddr| self.hasher.hash_one((n, from, to));
            if self.ways.contains(&way(packet.dest, packet.source)) {
                return Part::Answer;
            }
            self.ways.insert(way(packet.source, packet.dest));
            if let Some(way) = self.way(packet) {
                self.ways.insert(way);
            }
            return Part::Probe(n);
        }
        if self.ways.is_empty() || !self.answers(packet) { Part::None } else { Part::Answer }
    }

    fn answers(&self, packet: &Packet<'_>) -> bool {
        let known = |packet: &Packet<'_>| self.way(packet).is_some_and(|way| self.ways.contains(&way));
        match packet.quoted() {
            Some(quoted) => nonce::of_packet(&quoted, self.key).is_some() || known(&quoted),
            None => known(packet),
        }
    }

    /// The same for a probe and for what answers it; none where the addresses alone would have to do.
    fn way(&self, packet: &Packet<'_>) -> Option<u64> {
        let (source, dest) = match packet.transport {
            // The identifier of an echo stands for both ports.
            Transport::Icmp(icmp) if matches!(icmp.kind, 0 | 8 | 128 | 129) => {
                let id = u16::from_be_bytes([icmp.rest[0], icmp.rest[1]]);
                (id, id)
            }
            _ => packet.ports()?,
        };
        let (one, other) = ((packet.source, source), (packet.dest, dest));
        Some(self.hasher.hash_one((packet.protocol, one.min(other), one.max(other))))
    }
}
