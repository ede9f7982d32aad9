//! What a probe looks like on the wire, and how a tap knows one again: the contract between sender and taps.
//!
//! Every probe carries the lab's `key` (random per lab) and its own number `n` (its line in the probe ledger):
//!
//! | kind | bytes 4..8 of transport | 8..12 | 12..16 | 16..24 |
//! |---|---|---|---|---|
//! | TCP | sequence number = `n` | acknowledgement = `key`, mostly without its flag | window [`window`], flags | |
//! | UDP, ICMP, ICMPv6 | as the protocol has them | `key` | `n` | [`mark`] |
//! | any other protocol | see below | `key` | `n` | [`mark`] |
//! | what pretends to be time | as NTP has them, and `key`, `n` and [`mark`] at 40..56 | | | |
//! | a frame without IP | behind its Ethernet header, as above | `key` | `n` | [`mark`] |
//!
//! Questions for neighbours carry them [elsewhere](super::question).
//!
//! Key, window and mark differ between runs, so that no rule can be written that knows probes by a fixed value and
//! treats them unlike real traffic.
//!
//! For other protocols "transport" begins right behind the IP header. IPv6 gives some of these numbers to extension
//! headers; there the first eight bytes make the 24 bytes a well-formed header of that kind, with "no next header"
//! behind it (RFC 8200 section 4), so that it is the rule under test that stops it and no parser on the way.

mod craft;
mod stray;

use super::frame::{Content, Frame, Packet, Transport};
use super::{tiny, tunnels};

pub use craft::{Error, Probe, TTL, craft, frames};
pub use stray::{Stray, craft_stray};

/// Where the last piece of a probe has what marks it, bytes of the whole from the transport header on.
const TAIL_AT: usize = 32;
/// UDP port of time servers.
const TIME_PORT: u16 = 123;

/// Window of a TCP probe, from 1, since nobody opens with a window of 0.
pub fn window(key: u32) -> u16 {
    ((mixed(key) >> 7) as u16).max(1)
}

/// Bytes behind key and number, so that an answer that copies a part of a probe is not taken for it (a timestamp
/// reply copies eight bytes, RFC 792).
pub fn mark(key: u32) -> [u8; 8] {
    mixed(!key).to_be_bytes()
}

/// Spreads the key over 64 bits, so that what is made of it says nothing of it at a glance: multiplications by odd
/// numbers and shifts, each of which can be undone, so that different keys stay different.
pub(super) fn mixed(key: u32) -> u64 {
    let mut bits = u64::from(key).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for factor in [0xd6e8_feb8_6659_fd93, 0xa076_1d64_78bd_642f] {
        bits = (bits ^ (bits >> 31)).wrapping_mul(factor);
    }
    bits ^ (bits >> 29)
}

/// The number of the probe that this frame is; none if it is no probe of this lab.
pub fn of(frame: &Frame<'_>, key: u32) -> Option<u32> {
    match &frame.content {
        Content::Ip(packet) => of_packet(packet, key),
        Content::Other(bytes) => marked(bytes, 8, key),
        Content::Arp(_) => super::question::of(frame, key),
    }
}

/// Like [`of`], for a packet without its Ethernet frame: what NFLOG hands over, or an ICMP error quotes.
pub fn of_packet(packet: &Packet<'_>, key: u32) -> Option<u32> {
    // The last piece has the number at one place of the whole; the middle of another's payload is none.
    if let Some(offset) = packet.fragment.map(|fragment| fragment.offset).filter(|offset| *offset > 0) {
        return marked(packet.bytes, TAIL_AT.checked_sub(offset as usize)?, key);
    }
    if let Some(n) = tiny::of(packet, key).or_else(|| tunnels::of(packet, key)) {
        return Some(n);
    }
    if let Some(n) = marked(packet.body, 8, key) {
        return Some(n);
    }
    match packet.transport {
        Transport::Tcp(tcp) => {
            let probe = tcp.window == window(key) && tcp.acknowledgement == key;
            probe.then_some(tcp.sequence)
        }
        Transport::Udp(udp) if udp.source_port == TIME_PORT || udp.dest_port == TIME_PORT => {
            marked(packet.bytes, 8, key).or_else(|| marked(packet.bytes, 40, key))
        }
        _ => marked(packet.bytes, 8, key),
    }
}

/// The number that stands behind the key, if the mark follows.
pub(super) fn marked(bytes: &[u8], at: usize, key: u32) -> Option<u32> {
    (word(bytes, at)? == key && bytes.get(at + 8..at + 16)? == mark(key))
        .then(|| word(bytes, at + 4))
        .flatten()
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

#[cfg(test)]
mod tests;
