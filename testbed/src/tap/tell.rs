//! What conversation a frame belongs to: its kind and its two ends.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::frame::{Content, Fragment, Frame, Icmp, Packet, Tcp, Transport, Udp};
use crate::names::Mac;

/// Packets in pieces whose ports are remembered for the later pieces.
const MOST_FRAGMENTED: usize = 4096;

/// Kind of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Tcp,
    Udp,
    Icmp,
    Icmp6,
    Arp,
    Nd,
    Igmp,
    Mld,
    Protocol(u8),
    Ether(u16),
}

impl Kind {
    /// What neighbours on a link say to find one another.
    pub(super) fn is_upkeep(self) -> bool {
        matches!(self, Kind::Arp | Kind::Nd | Kind::Igmp | Kind::Mld)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Tcp => f.write_str("tcp"),
            Kind::Udp => f.write_str("udp"),
            Kind::Icmp => f.write_str("icmp"),
            Kind::Icmp6 => f.write_str("icmp6"),
            Kind::Arp => f.write_str("arp"),
            Kind::Nd => f.write_str("nd"),
            Kind::Igmp => f.write_str("igmp"),
            Kind::Mld => f.write_str("mld"),
            Kind::Protocol(number) => write!(f, "proto-{number}"),
            Kind::Ether(number) => write!(f, "ether-{number:04x}"),
        }
    }
}

/// One end, as a frame names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place {
    /// Its address; unspecified where the frame has none.
    pub(super) address: IpAddr,
    /// Tells ends without an address apart.
    pub(super) mac: Option<Mac>,
    /// Its port, or 0.
    pub(super) port: u16,
}

/// The same for both directions of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    kind: Kind,
    ends: (Place, Place),
    /// Identifier of an echo, so that two nodes that ping one another have two conversations.
    echo: u16,
}

/// What a frame says about its conversation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Told<'a> {
    pub(super) kind: Kind,
    pub(super) source: Place,
    pub(super) dest: Place,
    pub(super) echo: u16,
    /// Payload bytes; of TCP see `tcp`.
    pub(super) payload: u64,
    pub(super) tcp: Option<Tcp<'a>>,
    pub(super) udp: Option<Udp<'a>>,
    /// Time to live, or hop limit.
    pub(super) hops: Option<u8>,
}

impl Told<'_> {
    pub(super) fn key(&self) -> Key {
        let ends = (self.source.min(self.dest), self.source.max(self.dest));
        Key { kind: self.kind, ends, echo: self.echo }
    }
}

/// Reads frames; remembers the ports of packets that come in pieces.
#[derive(Debug, Default)]
pub(super) struct Teller {
    pieces: HashMap<(IpAddr, IpAddr, u8, u32), (u16, u16)>,
}

impl Teller {
    pub(super) fn tell<'a>(&mut self, frame: &Frame<'a>) -> Told<'a> {
        match &frame.content {
            Content::Ip(packet) => self.packet(frame, packet),
            Content::Arp(arp) => {
                let ends = (IpAddr::V4(arp.sender), IpAddr::V4(arp.target));
                between(Kind::Arp, frame, ends, (0, 0))
            }
            Content::Other(bytes) => {
                let nobody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
                let place = |mac| Place { address: nobody, mac: Some(mac), port: 0 };
                Told {
                    kind: Kind::Ether(frame.ether_type),
                    source: place(frame.source),
                    dest: place(frame.dest),
                    echo: 0,
                    payload: bytes.len() as u64,
                    tcp: None,
                    udp: None,
                    hops: None,
                }
            }
        }
    }

    /// The same of a packet: the frame's own, or one that it quotes.
    pub(super) fn packet<'a>(&mut self, frame: &Frame<'a>, packet: &Packet<'a>) -> Told<'a> {
        let ports = packet.ports().or_else(|| self.ports_of_piece(packet)).unwrap_or_default();
        self.remember(packet);
        let ends = (packet.source, packet.dest);
        let told = match (packet.transport, packet.protocol) {
            (Transport::Tcp(tcp), _) => Told { tcp: Some(tcp), ..between(Kind::Tcp, frame, ends, ports) },
            (Transport::Udp(udp), _) => {
                let payload = udp.payload.len() as u64;
                Told { payload, udp: Some(udp), ..between(Kind::Udp, frame, ends, ports) }
            }
            (Transport::Icmp(icmp), _) => self::icmp(frame, packet, icmp),
            (Transport::Ports(..) | Transport::None, number) => {
                let kind = match number {
                    2 => Kind::Igmp,
                    6 => Kind::Tcp,
                    17 => Kind::Udp,
                    1 if packet.source.is_ipv4() => Kind::Icmp,
                    58 if packet.source.is_ipv6() => Kind::Icmp6,
                    other => Kind::Protocol(other),
                };
                Told { payload: packet.bytes.len() as u64, ..between(kind, frame, ends, ports) }
            }
        };
        Told { hops: Some(packet.hops), ..told }
    }

    fn remember(&mut self, packet: &Packet<'_>) {
        if let (Some(Fragment { id, offset: 0, .. }), Some(ports)) = (packet.fragment, packet.ports()) {
            if self.pieces.len() >= MOST_FRAGMENTED {
                self.pieces.clear();
            }
            self.pieces.insert((packet.source, packet.dest, packet.protocol, id), ports);
        }
    }

    fn ports_of_piece(&self, packet: &Packet<'_>) -> Option<(u16, u16)> {
        let id = packet.fragment?.id;
        self.pieces.get(&(packet.source, packet.dest, packet.protocol, id)).copied()
    }
}

fn icmp<'a>(frame: &Frame<'a>, packet: &Packet<'a>, icmp: Icmp<'a>) -> Told<'a> {
    let mut ends = (packet.source, packet.dest);
    let six = packet.source.is_ipv6();
    let kind = match (packet.protocol, six, icmp.kind) {
        (58, true, 133..=137) => Kind::Nd,
        (58, true, 130..=132 | 143) => Kind::Mld,
        (58, true, _) => Kind::Icmp6,
        (1, false, _) => Kind::Icmp,
        (number, ..) => Kind::Protocol(number),
    };
    // A solicitation goes to a group made of the address that is looked for (RFC 4861, section 4.3): that address is
    // whom it is for.
    if let (Kind::Nd, 135, true, Some(target)) =
        (kind, icmp.kind, packet.dest.is_multicast(), icmp.payload.first_chunk::<16>())
    {
        ends.1 = IpAddr::V6(Ipv6Addr::from(*target));
    }
    let echoes = match kind {
        Kind::Icmp => matches!(icmp.kind, 0 | 8),
        Kind::Icmp6 => matches!(icmp.kind, 128 | 129),
        _ => false,
    };
    let echo = if echoes { u16::from_be_bytes([icmp.rest[0], icmp.rest[1]]) } else { 0 };
    Told { echo, payload: icmp.payload.len() as u64, ..between(kind, frame, ends, (0, 0)) }
}

fn between<'a>(kind: Kind, frame: &Frame<'a>, ends: (IpAddr, IpAddr), ports: (u16, u16)) -> Told<'a> {
    // Who has no address yet is known by its Ethernet address.
    let place =
        |address: IpAddr, mac, port| Place { address, mac: address.is_unspecified().then_some(mac), port };
    let source = place(ends.0, frame.source, ports.0);
    let dest = place(ends.1, frame.dest, ports.1);
    Told { kind, source, dest, echo: 0, payload: 0, tcp: None, udp: None, hops: None }
}
