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

use std::net::IpAddr;

use etherparse::{
    EtherType, Ethernet2Header, IpDscp, IpHeaders, IpNumber, Ipv4Extensions, Ipv4Header, Ipv6Extensions,
    Ipv6FlowLabel, Ipv6Header, PacketBuilder, TcpHeader,
};

use super::frame::{Content, Frame, Packet, Transport};
use super::{forms, tiny, tunnels};
use crate::names::{
    FAR_PORTS, Form, Header, Mac, Ntp, Plain, SECOND_PIECE, Shape, TINY_PIECE, Traffic, Tunnel,
};
use crate::plan::{Carries, Tag};

/// Hop limit of a probe where the caller has no other wish.
pub const TTL: u8 = 64;
/// Bytes of a datagram on the time server's port (RFC 5905, section 7.3), and of one with a rider.
const TIME: usize = 48;
const LARGE: usize = 1000;
/// Port of the discard service (RFC 863): nobody answers there.
const DISCARD: u16 = 9;
/// UDP port of time servers.
const TIME_PORT: u16 = 123;
/// EtherType that nobody speaks (IEEE 802, local experimental 1).
const EXPERIMENTAL: u16 = 0x88b5;
/// The least that an Ethernet frame carries, bytes (IEEE 802.3, clause 3.2.7).
const LEAST: usize = 46;
/// Where the last piece of a probe has what marks it, bytes of the whole from the transport header on.
const TAIL_AT: usize = 32;
/// Where the protocol is in a frame of IPv4, the number of UDP, and where its checksum is in a packet without options.
const UDP_AT: usize = 23;
const UDP: u8 = 17;
const CHECKSUM_AT: usize = 40;
/// Where source ports of tunnels begin: those of an attack (see `probe`).
const TUNNELS_FROM: u16 = 20_000;
/// Options of IPv4 that have a route (RFC 791, section 3.1).
const LOOSE: u8 = 131;
const STRICT: u8 = 137;
/// Next header value for "nothing follows" (RFC 8200, section 4.7).
const NO_NEXT_HEADER: u8 = 59;

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

/// One probe packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Ethernet address it is sent from.
    pub source_mac: Mac,
    /// Ethernet address it is sent to.
    pub next_hop_mac: Mac,
    /// Source address, of the same family as `dest`.
    pub source: IpAddr,
    /// Destination address.
    pub dest: IpAddr,
    /// Kind, with a single port. `Icmp` needs IPv4, `Icmp6` needs IPv6.
    pub traffic: Traffic,
    /// Source port; the identifier of an echo.
    pub source_port: u16,
    /// The lab's key.
    pub key: u32,
    /// The probe's number.
    pub n: u32,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// Whom it is for first, if it has a route of its own and this is set.
    pub waypoint: Option<IpAddr>,
}

/// Why a probe cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Source and destination are of different families, or the kind belongs to the other family.
    #[error("build a probe {traffic} from {from} to {to}: the families do not fit")]
    Family {
        /// The kind.
        traffic: Traffic,
        /// Source address.
        from: IpAddr,
        /// Destination address.
        to: IpAddr,
    },
    /// The kind is a range.
    #[error("build a probe {0}: one packet has one port")]
    Range(Traffic),
}

/// The complete Ethernet frame of a probe, with correct checksums; of one that comes in pieces the whole that they come to.
///
/// Errors: `Family`, `Range`.
pub fn craft(probe: &Probe) -> Result<Vec<u8>, Error> {
    match form(probe) {
        Form::In(tunnel) => tunnelled(probe, tunnel),
        _ => alone(probe),
    }
}

/// A probe that rides in a tunnel. What goes to the waypoint is a datagram that only says so; the packet inside is for the target.
fn tunnelled(probe: &Probe, tunnel: Tunnel) -> Result<Vec<u8>, Error> {
    let same = tunnel.carries_ipv4().is_none_or(|ipv4| ipv4 == probe.dest.is_ipv4());
    let inside = |address| if same { address } else { tunnels::other_family(address) };
    let inner = alone(&Probe { source: inside(probe.source), dest: inside(probe.dest), ..*probe })?;
    let payload = tunnels::payload(tunnel, &inner, probe.source_mac);
    let by_way = probe.waypoint.filter(|_| tunnel == Tunnel::VxlanByWay);
    let outer = Probe { dest: by_way.unwrap_or(probe.dest), ..*probe };
    match (tunnel.protocol(), tunnel.port()) {
        (Some(number), _) => behind_header(&outer, number, &payload),
        (None, port) => {
            // Another port for each, so that none meets the state of another's conversation.
            let ports = (TUNNELS_FROM + (probe.n % 4_000) as u16, port.unwrap_or(DISCARD));
            behind_header(&outer, UDP, &tunnels::datagram((outer.source, outer.dest), ports, &payload))
        }
    }
}

/// The frame of a probe, whatever it rides in.
fn alone(probe: &Probe) -> Result<Vec<u8>, Error> {
    if let Traffic::Ether(first, last) = probe.traffic {
        return if first == last { Ok(bare_frame(probe, first)) } else { Err(Error::Range(probe.traffic)) };
    }
    let ethernet = PacketBuilder::ethernet2(probe.source_mac.0, probe.next_hop_mac.0).ip(ip_header(probe)?);
    let mut frame = Vec::with_capacity(96);
    let pieces = form(probe).second_piece().is_some();
    let segment = match form(probe) {
        // Whoever searches a packet that it rides in looks for bytes, not for headers.
        Form::In(_) => payload(probe).to_vec(),
        _ if pieces => tail(probe, 12),
        _ => Vec::new(),
    };
    let payload = |probe: &Probe| match pieces {
        true => [&payload(probe)[..16], &tail(probe, 8)].concat(),
        false => payload(probe).to_vec(),
    };
    let written = match kind(probe) {
        several if several.width() > 1 => return Err(Error::Range(several)),
        Traffic::Tcp(port, _) => {
            ethernet.tcp_header(tcp(probe, (probe.source_port, port), SYN)).write(&mut frame, &[])
        }
        Traffic::TcpFrom(port, _) => {
            ethernet.tcp_header(tcp(probe, (port, far(probe.key)), SYN)).write(&mut frame, &[])
        }
        Traffic::TcpFlags(flags, _) => {
            let ports = (probe.source_port, far(probe.key));
            ethernet.tcp_header(tcp(probe, ports, flags)).write(&mut frame, &[])
        }
        Traffic::UdpFrom(port, _) => ethernet.udp(port, far(probe.key)).write(&mut frame, &payload(probe)),
        Traffic::Udp(port, _) => ethernet.udp(probe.source_port, port).write(&mut frame, &payload(probe)),
        Traffic::Icmp(message, _) => {
            let [kind, code] = message.to_be_bytes();
            ethernet.icmpv4_raw(kind, code, echo(probe)).write(&mut frame, &payload(probe))
        }
        Traffic::Icmp6(message, _) => {
            let [kind, code] = message.to_be_bytes();
            ethernet.icmpv6_raw(kind, code, echo(probe)).write(&mut frame, &payload(probe))
        }
        Traffic::Ntp(Ntp::Answer) => {
            ethernet.udp(TIME_PORT, probe.source_port).write(&mut frame, &time(probe, Ntp::Answer))
        }
        Traffic::Ntp(kind) => {
            ethernet.udp(probe.source_port, TIME_PORT).write(&mut frame, &time(probe, kind))
        }
        Traffic::Protocol(number, _) => {
            frame = craft_raw(probe, number, pieces)?;
            Ok(())
        }
        Traffic::Shaped(Shape { header: Header::Tcp { to, from, flags }, .. }) => {
            ethernet.tcp_header(tcp(probe, (from, to), flags)).write(&mut frame, &segment)
        }
        Traffic::Shaped(Shape { header: Header::Udp { to, from }, .. }) => {
            ethernet.udp(from, to).write(&mut frame, &payload(probe))
        }
        Traffic::Shaped(Shape { header: Header::Plain(_), .. }) => unreachable!("`kind` has named it"),
        Traffic::Ether(..) => unreachable!("it has no IP header and is made already"),
    };
    written.expect("a vector takes whatever is written, and 60 bytes fit into any packet");
    Ok(match form(probe) {
        Form::Options => forms::with_options(&frame, probe.dest),
        form @ (Form::Loose | Form::Strict) => {
            if probe.waypoint.is_some() && probe.dest.is_ipv4() && frame.get(UDP_AT) == Some(&UDP) {
                // Its checksum would be wrong at the waypoint, as it counts where the datagram goes in the end; none is always right (RFC 768).
                frame[CHECKSUM_AT..CHECKSUM_AT + 2].fill(0);
            }
            let option = if form == Form::Loose { LOOSE } else { STRICT };
            forms::with_route(&frame, option, probe.dest, probe.waypoint.filter(IpAddr::is_ipv4))
        }
        Form::Tiny => {
            if matches!(probe.traffic, Traffic::Shaped(Shape { header: Header::Udp { .. }, .. })) {
                tiny::balance(&mut frame[forms::start(probe.dest)..], (probe.n, probe.key), probe.dest);
            }
            frame
        }
        Form::Whole | Form::Pieces | Form::Overlap(_) | Form::In(_) => frame,
    })
}

/// What the packet is above IP: one with nothing chosen there but its kind is of that kind.
fn kind(probe: &Probe) -> Traffic {
    match probe.traffic {
        Traffic::Shaped(Shape { header: Header::Plain(plain), .. }) => plain.into(),
        other => other,
    }
}

/// The flag of a TCP segment that opens a conversation (RFC 9293, section 3.1).
const SYN: u8 = 2;

/// A TCP header that is known again by window, sequence and acknowledgement number, whatever its flags.
fn tcp(probe: &Probe, (from, to): (u16, u16), flags: u8) -> TcpHeader {
    let mut tcp = TcpHeader::new(from, to, probe.n, window(probe.key));
    tcp.acknowledgment_number = probe.key;
    let has = |bit: u8| flags & (1 << bit) != 0;
    (tcp.fin, tcp.syn, tcp.rst, tcp.psh) = (has(0), has(1), has(2), has(3));
    (tcp.ack, tcp.urg, tcp.ece, tcp.cwr) = (has(4), has(5), has(6), has(7));
    tcp
}

/// A port that nobody listens on, another one in each run.
fn far(key: u32) -> u16 {
    let (first, last) = (*FAR_PORTS.start(), *FAR_PORTS.end());
    first + (mixed(key) >> 40) as u16 % (last - first + 1)
}

/// A probe of a protocol without a header of its own. The builder would want the headers for numbers that IPv6 has for
/// extension headers, so that this one is put together by hand.
fn craft_raw(probe: &Probe, number: u8, pieces: bool) -> Result<Vec<u8>, Error> {
    let mut bytes = raw_header(number).to_vec();
    bytes.extend_from_slice(&payload(probe)[..16]);
    if pieces {
        bytes.extend(tail(probe, 8));
    }
    if form(probe) == Form::Tiny {
        bytes[4..8].copy_from_slice(&tiny::rest(probe.n, probe.key));
    }
    behind_header(probe, number, &bytes)
}

/// A frame of these bytes behind the IP header, which says this number of them.
fn behind_header(probe: &Probe, number: u8, bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let (ether_type, header) = match ip_header(probe)? {
        IpHeaders::Ipv4(mut header, _) => {
            header.protocol = IpNumber(number);
            header.total_len = (Ipv4Header::MIN_LEN + bytes.len()) as u16;
            header.header_checksum = header.calc_header_checksum();
            (EtherType::IPV4, header.to_bytes().to_vec())
        }
        IpHeaders::Ipv6(mut header, _) => {
            header.next_header = IpNumber(number);
            header.payload_length = bytes.len() as u16;
            (EtherType::IPV6, header.to_bytes().to_vec())
        }
    };
    let ethernet =
        Ethernet2Header { source: probe.source_mac.0, destination: probe.next_hop_mac.0, ether_type };
    Ok([&ethernet.to_bytes()[..], &header, bytes].concat())
}

/// All frames of a probe: as [`craft`] has it, or two where it comes in pieces, three where these overlap.
///
/// Errors: as there.
pub fn frames(probe: &Probe) -> Result<Vec<Vec<u8>>, Error> {
    let whole = craft(probe)?;
    let id = tiny::identification(probe.n, probe.key);
    Ok(match form(probe) {
        Form::Whole | Form::Options | Form::Loose | Form::Strict | Form::In(_) => vec![whole],
        Form::Pieces => forms::in_pieces(&whole, probe.dest, SECOND_PIECE, id).to_vec(),
        Form::Tiny => forms::in_pieces(&whole, probe.dest, TINY_PIECE, id).to_vec(),
        Form::Overlap(other) => {
            let between = craft(&Probe { traffic: instead(probe.traffic, other), ..*probe })?;
            let [first, last] = forms::in_pieces(&whole, probe.dest, SECOND_PIECE, id);
            let [between, _] = forms::in_pieces(&between, probe.dest, SECOND_PIECE, id);
            vec![first, between, last]
        }
    })
}

/// The packet whose beginning overlaps that of another: to another port, or of another type and code; of what has neither, the same.
fn instead(traffic: Traffic, other: u16) -> Traffic {
    let Traffic::Shaped(mut shape) = traffic else { return traffic };
    match &mut shape.header {
        Header::Tcp { to, .. } | Header::Udp { to, .. } => *to = other,
        Header::Plain(Plain::Icmp(message) | Plain::Icmp6(message)) => *message = other,
        Header::Plain(Plain::Protocol(_)) => {}
    }
    Traffic::Shaped(shape)
}

/// How it is packed.
fn form(probe: &Probe) -> Form {
    match probe.traffic {
        Traffic::Shaped(shape) => shape.form,
        _ => Form::Whole,
    }
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

fn ip_header(probe: &Probe) -> Result<IpHeaders, Error> {
    let wrong = Error::Family { traffic: probe.traffic, from: probe.source, to: probe.dest };
    let (ttl, dscp) = match probe.traffic {
        Traffic::Shaped(shape) => (shape.ttl, shape.dscp),
        _ => (probe.ttl, 0),
    };
    match (probe.source, probe.dest) {
        (IpAddr::V4(_), IpAddr::V4(_)) if matches!(kind(probe), Traffic::Icmp6(..)) => Err(wrong),
        (IpAddr::V6(_), IpAddr::V6(_)) if matches!(kind(probe), Traffic::Icmp(..)) => Err(wrong),
        (IpAddr::V4(source), IpAddr::V4(dest)) => {
            let header = Ipv4Header::new(0, ttl, IpNumber(0), source.octets(), dest.octets());
            let mut header = header.expect("no payload is not too long");
            header.dscp = IpDscp::try_new(dscp).unwrap_or_default();
            header.identification = tiny::identification(probe.n, probe.key) as u16;
            Ok(IpHeaders::Ipv4(header, Ipv4Extensions::default()))
        }
        (IpAddr::V6(source), IpAddr::V6(dest)) => {
            let header = Ipv6Header {
                // The code point is above two bits for congestion (RFC 2474, section 3).
                traffic_class: dscp << 2,
                flow_label: Ipv6FlowLabel::ZERO,
                payload_length: 0,
                next_header: IpNumber(0),
                hop_limit: ttl,
                source: source.octets(),
                destination: dest.octets(),
            };
            Ok(IpHeaders::Ipv6(header, Ipv6Extensions::default()))
        }
        _ => Err(wrong),
    }
}

/// Key, number and mark at bytes 8 to 24 of the transport; eight more make the 24 bytes of the other kinds.
fn payload(probe: &Probe) -> [u8; 24] {
    let mut bytes = [0; 24];
    bytes[0..4].copy_from_slice(&probe.key.to_be_bytes());
    bytes[4..8].copy_from_slice(&probe.n.to_be_bytes());
    bytes[8..16].copy_from_slice(&mark(probe.key));
    bytes
}

/// What ends a probe that comes in pieces, behind so many bytes of nothing: the last piece is of it alone, from its last eight bytes
/// of nothing on, so that it is known again by itself.
fn tail(probe: &Probe, nothing: usize) -> Vec<u8> {
    [&vec![0; nothing][..], &payload(probe)].concat()
}

/// A datagram of NTP's form: version 2 or 4 and mode first, and in the place of the last two timestamps (RFC 5905,
/// figure 8) what marks a probe.
fn time(probe: &Probe, kind: Ntp) -> Vec<u8> {
    let mut bytes = vec![0; if kind == Ntp::Large { LARGE } else { TIME }];
    let head: &[u8] = match kind {
        // Version 2, mode 6, read variables (RFC 9327, section 2): sequence 1, 36 bytes of data.
        Ntp::Control => &[0x16, 0x02, 0, 1, 0, 0, 0, 0, 0, 0, 0, 36],
        // Version 2, mode 7, implementation 3 (ntpd), request 42: the list of last clients.
        Ntp::Private => &[0x17, 0, 3, 42],
        Ntp::Question | Ntp::Large => &[0x23],
        // Version 4, mode 4, stratum 2.
        Ntp::Answer => &[0x24, 2],
    };
    bytes[..head.len()].copy_from_slice(head);
    bytes[32..TIME].copy_from_slice(&payload(probe)[..16]);
    bytes
}

/// A frame that a bridge would pass on, as it leaves a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stray {
    /// Ethernet address it is sent from.
    pub source: Mac,
    /// Ethernet address it is sent to.
    pub dest: Mac,
    /// The lab's key.
    pub key: u32,
    /// The probe's number.
    pub n: u32,
}

/// The complete frame.
///
/// Errors: `Family` where the addresses that it carries are not of one family.
pub fn craft_stray(stray: &Stray, carries: &Carries) -> Result<Vec<u8>, Error> {
    let Stray { source, dest, key, n } = *stray;
    let probe = |source_ip, dest_ip, traffic| Probe {
        source_mac: source,
        next_hop_mac: dest,
        source: source_ip,
        dest: dest_ip,
        traffic,
        source_port: DISCARD,
        key,
        n,
        ttl: TTL,
        waypoint: None,
    };
    if let Carries::Udp { source: from, dest: to } = carries {
        return craft(&probe(*from, *to, Traffic::Udp(DISCARD, DISCARD)));
    }
    let nobody = IpAddr::from([0, 0, 0, 0]);
    let (ether_type, tags) = match carries {
        Carries::Llc => (LEAST as u16, [None, None]),
        Carries::Ether(ether_type) => (*ether_type, [None, None]),
        Carries::Tagged { outer, inner } => (EXPERIMENTAL, [Some(*outer), *inner]),
        Carries::Unknown | Carries::Udp { .. } => (EXPERIMENTAL, [None, None]),
    };
    let frame = bare_frame(&probe(nobody, nobody, Traffic::Ether(ether_type, ether_type)), ether_type);
    // Behind the two Ethernet addresses.
    Ok([&frame[..12], &tags.into_iter().flatten().flat_map(tag).collect::<Vec<u8>>(), &frame[12..]].concat())
}

/// The four bytes of a tag: EtherType, then three bits of priority, one that nobody uses, twelve of the number.
fn tag(tag: Tag) -> [u8; 4] {
    let control = u16::from(tag.priority) << 13 | tag.number;
    let ([a, b], [c, d]) = (tag.ether_type.to_be_bytes(), control.to_be_bytes());
    [a, b, c, d]
}

/// A frame of an EtherType without IP in it; of a length, unnumbered information between two null access points (IEEE 802.2).
fn bare_frame(probe: &Probe, ether_type: u16) -> Vec<u8> {
    let mut body = [0; LEAST];
    body[8..24].copy_from_slice(&payload(probe)[..16]);
    if ether_type < 0x600 {
        body[2] = 0x03;
    }
    let (source, destination) = (probe.source_mac.0, probe.next_hop_mac.0);
    let header = Ethernet2Header { source, destination, ether_type: EtherType(ether_type) };
    [&header.to_bytes()[..], &body].concat()
}

/// Identifier and sequence number of an echo; the same bytes in other ICMP messages.
fn echo(probe: &Probe) -> [u8; 4] {
    // With the identifier of another probe it would be taken for a part of that one's conversation.
    if matches!(form(probe), Form::Tiny | Form::Overlap(_) | Form::Loose | Form::Strict | Form::In(_)) {
        return tiny::rest(probe.n, probe.key);
    }
    let [a, b] = probe.source_port.to_be_bytes();
    let [c, d] = (probe.n as u16).to_be_bytes();
    [a, b, c, d]
}

/// First eight of the 24 bytes behind the IP header, by protocol.
fn raw_header(protocol: u8) -> [u8; 8] {
    match protocol {
        // Hop-by-hop and destination options, routing: next header, length in units of 8 beyond the first, then one
        // experimental option that may be skipped (0x1e, RFC 4727 section 3.3) of 20 bytes; for routing, the
        // experimental type 254 with no segments left, which is skipped as well (RFC 8200, section 4.4).
        0 | 60 => [NO_NEXT_HEADER, 2, 0x1e, 20, 0, 0, 0, 0],
        43 => [NO_NEXT_HEADER, 2, 254, 0, 0, 0, 0, 0],
        // Authentication header: length in units of 4 less 2 (RFC 4302, section 2.2).
        51 => [NO_NEXT_HEADER, 4, 0, 0, 0, 0, 1, 0],
        // Fragment: offset 0 and nothing more, an atomic fragment (RFC 6946).
        _ => [NO_NEXT_HEADER, 0, 0, 0, 0, 0, 0, 1],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: u32 = 0xfeed_c0de;

    fn probe(traffic: Traffic, six: bool) -> Probe {
        let [source, dest] = match six {
            false => ["10.20.0.7", "10.30.0.9"],
            true => ["2001:db8:20::7", "2001:db8:30::9"],
        };
        Probe {
            source_mac: Mac([2, 0, 0, 0, 0, 1]),
            next_hop_mac: Mac([2, 0, 0, 0, 0, 2]),
            source: source.parse().unwrap(),
            dest: dest.parse().unwrap(),
            traffic,
            source_port: 40_001,
            key: KEY,
            n: 0x0102_7e57,
            ttl: TTL,
            waypoint: None,
        }
    }

    fn every_kind() -> impl Iterator<Item = (Traffic, bool)> {
        let times = [Ntp::Question, Ntp::Control, Ntp::Private, Ntp::Large, Ntp::Answer];
        let ports = [0, 1, 53, 554, 65_535];
        let both = move |traffic: Traffic| [(traffic, false), (traffic, true)];
        let tcp = ports.into_iter().flat_map(move |port| both(Traffic::Tcp(port, port)));
        let udp = ports.into_iter().flat_map(move |port| both(Traffic::Udp(port, port)));
        let other = (0..=255).flat_map(move |number| both(Traffic::protocol(number)));
        let icmp = (0..=255).flat_map(|kind| [(Traffic::icmp(kind), false), (Traffic::icmp6(kind), true)]);
        let time = times.into_iter().flat_map(move |kind| both(Traffic::Ntp(kind)));
        let from = ports.into_iter().flat_map(move |port| {
            both(Traffic::TcpFrom(port, port)).into_iter().chain(both(Traffic::UdpFrom(port, port)))
        });
        let flags = (0..=255).flat_map(move |flags| both(Traffic::TcpFlags(flags, flags)));
        tcp.chain(udp).chain(other).chain(icmp).chain(time).chain(from).chain(flags).chain(shaped())
    }

    fn shaped() -> impl Iterator<Item = (Traffic, bool)> {
        let four = ["icmp/8 ttl 3", "icmp/3/4 dscp 46"].map(|text| (text, false));
        let six = [("icmp6/135 ttl 255", true)];
        let both = [
            "tcp/0 from 65535 flags none",
            "tcp/80 from 53 flags fin|cwr ttl 9 dscp 63",
            "udp/123 from 9",
            "udp/9 from 123 ttl 255",
            "udp/47808 from 1024 dscp 1",
            "proto/47 ttl 7",
            "proto/0 dscp 3",
        ];
        let both = both.into_iter().flat_map(|text| [(text, false), (text, true)]);
        let all = four.into_iter().chain(six).chain(both);
        all.map(|(text, six)| (Traffic::try_from(text.to_owned()).unwrap(), six))
    }

    #[test]
    fn a_shaped_packet_has_what_was_chosen() {
        use crate::tap::frame::Transport;
        for (traffic, six) in shaped() {
            let Traffic::Shaped(shape) = traffic else { panic!("{traffic} is shaped") };
            let bytes = craft(&probe(traffic, six)).unwrap();
            // RFC 791 section 3.1, RFC 8200 section 3.
            let (ttl, dscp) = match six {
                false => (bytes[22], bytes[15] >> 2),
                true => (bytes[21], (bytes[14] << 4 | bytes[15] >> 4) >> 2),
            };
            assert_eq!((ttl, dscp), (shape.ttl, shape.dscp), "{traffic}, IPv6: {six}");
            let packet = Packet::of(&bytes[14..]).unwrap();
            match (shape.header, packet.transport) {
                (Header::Tcp { to, from, flags }, Transport::Tcp(_)) => {
                    let at = if six { 54 } else { 34 };
                    assert_eq!(
                        bytes[at..at + 4],
                        [from.to_be_bytes(), to.to_be_bytes()].concat(),
                        "{traffic}"
                    );
                    assert_eq!(bytes[at + 13], flags, "{traffic}");
                }
                (Header::Udp { to, from }, Transport::Udp(udp)) => {
                    assert_eq!((udp.source_port, udp.dest_port), (from, to), "{traffic}");
                }
                (Header::Plain(_), _) => {}
                other => panic!("{traffic} is read as {other:?}"),
            }
        }
    }

    #[test]
    fn every_kind_of_probe_is_known_again() {
        for (traffic, six) in every_kind() {
            let probe = probe(traffic, six);
            let bytes = craft(&probe).unwrap();
            let frame = Frame::of(&bytes).unwrap();
            assert_eq!(of(&frame, KEY), Some(probe.n), "{traffic} over {}", probe.source);
            assert_eq!(of(&frame, KEY ^ 1), None, "{traffic} is no probe of another lab");
            let Content::Ip(packet) = &frame.content else { panic!("{traffic} reads as an IP packet") };
            assert_eq!((packet.source, packet.dest), (probe.source, probe.dest));
            let alone = Packet::of(&bytes[14..]).unwrap();
            assert_eq!(of_packet(&alone, KEY), Some(probe.n), "{traffic} behind a filter");
        }
    }

    #[test]
    fn a_packet_in_pieces_or_with_options_is_known_again() {
        let packed = ["tcp/22 from 5", "udp/53 from 5"].map(|text| [(text, false), (text, true)]);
        let packed = packed.into_iter().flatten().chain([("icmp/8", false), ("icmp6/128", true)]);
        for (text, six) in packed.chain([("proto/47", false), ("proto/47", true)]) {
            let probe_of = |form: &str| probe(Traffic::try_from(format!("{text} {form}")).unwrap(), six);
            let other = if text.starts_with("icmp") { 0 } else { 443 };
            let overlapping = format!("overlapping {other}");
            for (form, count) in
                [("with options", 1), ("in pieces", 2), ("in tiny-pieces", 2), (overlapping.as_str(), 3)]
            {
                let probe = probe_of(form);
                let frames = frames(&probe).unwrap();
                assert_eq!(frames.len(), count, "{text} {form}");
                for bytes in &frames {
                    let frame = Frame::of(bytes).unwrap();
                    assert_eq!(of(&frame, KEY), Some(probe.n), "{text} {form}, IPv6: {six}");
                    assert_eq!(of(&frame, KEY ^ 1), None);
                    if !six {
                        let header = 14 + usize::from(bytes[14] & 15) * 4;
                        assert_eq!(ones(&[&bytes[14..header]]), 0xffff, "header of {text} {form}");
                        assert_eq!(usize::from(bytes[16]) << 8 | usize::from(bytes[17]), bytes.len() - 14);
                    }
                }
            }
            for (form, second) in [("in pieces", 24), ("in tiny-pieces", 8)] {
                let (whole, parts) = (craft(&probe_of(form)).unwrap(), frames(&probe_of(form)).unwrap());
                let pieces: Vec<_> = parts.iter().map(|bytes| Frame::of(bytes).unwrap()).collect();
                let [Content::Ip(first), Content::Ip(last)] = [&pieces[0].content, &pieces[1].content] else {
                    panic!()
                };
                let places = [first, last].map(|piece| piece.fragment.map(|at| (at.offset, at.more)));
                assert_eq!(places, [Some((0, true)), Some((second, false))], "{text}, IPv6: {six}");
                let ids = [first, last].map(|piece| piece.fragment.map(|at| at.id));
                assert_eq!(ids[0], ids[1]);
                let start = if six { 54 } else { 34 };
                assert_eq!([first.bytes, last.bytes].concat(), whole[start..], "{text}, IPv6: {six}");
                if !text.starts_with("proto") {
                    assert_eq!(transport_sum(&whole, six), 0xffff, "{text} {form}, IPv6: {six}");
                }
                assert_eq!(of(&Frame::of(&whole).unwrap(), KEY), Some(probe_of(form).n), "put together");
            }
        }
    }

    #[test]
    fn a_packet_with_a_route_of_its_own_is_for_the_waypoint_first() {
        let route = |form: &str, waypoint: Option<&str>, six| {
            let one = probe(Traffic::try_from(format!("tcp/22 from 5 {form}")).unwrap(), six);
            let one = Probe { waypoint: waypoint.map(|text| text.parse().unwrap()), ..one };
            let bytes = craft(&one).unwrap();
            assert_eq!(of(&Frame::of(&bytes).unwrap(), KEY), Some(one.n), "{form}");
            bytes
        };
        let by_way = route("with loose-route", Some("10.20.0.1"), false);
        assert_eq!(
            (&by_way[30..34], &by_way[34..42]),
            (&[10, 20, 0, 1][..], &[131, 7, 4, 10, 30, 0, 9, 0][..])
        );
        assert_eq!(ones(&[&by_way[14..42]]), 0xffff);
        let datagram = Probe {
            waypoint: Some("10.20.0.1".parse().unwrap()),
            ..probe(Traffic::try_from("udp/9 from 5 with loose-route".to_owned()).unwrap(), false)
        };
        assert_eq!(craft(&datagram).unwrap()[48..50], [0, 0], "a checksum that is right at both");
        // At its end it has been there.
        let gone = route("with strict-route", None, false);
        assert_eq!((&gone[30..34], &gone[34..42]), (&[10, 30, 0, 9][..], &[137, 7, 8, 10, 30, 0, 9, 0][..]));
        let six = route("with loose-route", None, true);
        assert_eq!((six[20], &six[54..58]), (43, &[6, 2, 0, 0][..]), "type 0, no segments left");
    }

    #[test]
    fn pieces_that_overlap_say_another_port_in_the_same_place() {
        for six in [false, true] {
            let one = probe(Traffic::try_from("tcp/22 from 5 overlapping 443".to_owned()).unwrap(), six);
            let parts = frames(&one).unwrap();
            let pieces: Vec<_> = parts.iter().map(|bytes| Frame::of(bytes).unwrap()).collect();
            let told = pieces.iter().map(|frame| match frame.content {
                Content::Ip(packet) => packet.fragment.map(|at| (at.offset, at.more, packet.ports())),
                _ => None,
            });
            let (first, last) = (|to| Some((0, true, Some((5, to)))), Some((24, false, None)));
            assert_eq!(told.collect::<Vec<_>>(), [first(22), first(443), last], "IPv6: {six}");
        }
    }

    /// Sum over the transport of a frame and its pseudo-header.
    fn transport_sum(frame: &[u8], six: bool) -> u16 {
        let (addresses, start, number) = match six {
            false => (&frame[26..34], 34, frame[23]),
            true => (&frame[22..54], 54, frame[20]),
        };
        let length = ((frame.len() - start) as u32).to_be_bytes();
        match number {
            1 => ones(&[&frame[start..]]),
            _ => ones(&[addresses, &length, &[0, number], &frame[start..]]),
        }
    }

    #[test]
    fn a_frame_of_each_ethertype_that_is_sent_is_known_again() {
        for ether_type in (0..=u16::MAX).filter(|one| crate::names::is_bare(*one)) {
            let probe = probe(Traffic::Ether(ether_type, ether_type), false);
            let bytes = craft(&probe).unwrap();
            assert_eq!(bytes.len(), 60);
            assert_eq!(bytes[12..14], ether_type.to_be_bytes());
            assert_eq!(of(&Frame::of(&bytes).unwrap(), KEY), Some(probe.n), "{ether_type:#06x}");
            assert_eq!(of(&Frame::of(&bytes).unwrap(), KEY ^ 1), None);
        }
        assert!(craft(&probe(Traffic::Ether(1, 2), false)).is_err());
    }

    #[test]
    fn a_stray_frame_is_known_again_whatever_it_carries() {
        let tag = |ether_type, number, priority| Tag { ether_type, number, priority };
        let dest = Mac([0x01, 0x80, 0xc2, 0, 0, 1]);
        let tagged = |outer, inner| Carries::Tagged { outer, inner };
        let strays = [
            (Carries::Unknown, None),
            (Carries::Llc, None),
            (Carries::Ether(0x8808), None),
            (tagged(tag(0x8100, 20, 0), None), Some(20)),
            (tagged(tag(0x8100, 0, 5), None), Some(0)),
            (tagged(tag(0x88a8, 4094, 0), None), Some(4094)),
            (tagged(tag(0x8100, 20, 0), Some(tag(0x8100, 30, 0))), Some(20)),
            (tagged(tag(0x88a8, 4094, 0), Some(tag(0x8100, 30, 0))), Some(4094)),
        ];
        for (carries, vlan) in strays {
            let stray = Stray { source: Mac([2, 0, 0, 0, 0, 1]), dest, key: KEY, n: 0x0102_7e57 };
            let bytes = craft_stray(&stray, &carries).unwrap();
            let frame = Frame::of(&bytes).unwrap();
            assert_eq!((of(&frame, KEY), frame.vlan), (Some(stray.n), vlan), "{carries:?}");
            assert_eq!(of(&frame, KEY ^ 1), None);
        }
        let stray = Stray { source: Mac([2, 0, 0, 0, 0, 1]), dest, key: KEY, n: 1 };
        let two = tagged(tag(0x88a8, 4094, 0), Some(tag(0x8100, 30, 5)));
        let bytes = craft_stray(&stray, &two).unwrap();
        assert_eq!(bytes[12..22], [0x88, 0xa8, 0x0f, 0xfe, 0x81, 0, 0xa0, 30, 0x88, 0xb5]);
    }

    #[test]
    fn nothing_that_marks_a_probe_is_the_same_under_two_keys() {
        let keys = [0, 1, KEY, KEY ^ 1, KEY ^ (1 << 31), u32::MAX];
        for key in keys {
            assert_ne!(window(key), 0);
            for other in keys.into_iter().filter(|other| *other != key) {
                assert_ne!(window(key), window(other), "{key:x} {other:x}");
                let same = mark(key).iter().zip(mark(other)).filter(|(one, two)| *one == two).count();
                assert!(same < 4, "{key:x} {other:x}: {same} of 8 bytes");
            }
        }
        for (traffic, six) in every_kind() {
            let marked = |key| craft(&Probe { key, ..probe(traffic, six) }).unwrap();
            let frame = marked(KEY ^ 1);
            assert_eq!(of(&Frame::of(&frame).unwrap(), KEY), None, "{traffic}");
            let start = if six { 54 } else { 34 };
            assert_ne!(frame[start + 8..], marked(KEY)[start + 8..], "{traffic}");
        }
    }

    #[test]
    fn a_probe_with_another_mark_or_window_is_none() {
        let mut datagram = craft(&probe(Traffic::Udp(9, 9), false)).unwrap();
        datagram[34 + 16] ^= 1;
        assert_eq!(of(&Frame::of(&datagram).unwrap(), KEY), None);
        let mut syn = craft(&probe(Traffic::Tcp(9, 9), false)).unwrap();
        syn[34 + 14] ^= 1;
        assert_eq!(of(&Frame::of(&syn).unwrap(), KEY), None);
    }

    #[test]
    fn a_probe_of_another_protocol_has_24_bytes_and_that_number() {
        for (traffic, six) in every_kind() {
            let Traffic::Protocol(number, _) = kind(&probe(traffic, six)) else { continue };
            let bytes = craft(&probe(traffic, six)).unwrap();
            let header = if six { 40 } else { 20 };
            assert_eq!(bytes.len(), 14 + header + 24);
            assert_eq!(bytes[if six { 20 } else { 23 }], number);
        }
    }

    #[test]
    fn checksums_are_those_of_the_packet() {
        for (traffic, six) in every_kind() {
            let bytes = craft(&probe(traffic, six)).unwrap();
            let (addresses, transport) = match six {
                false => (&bytes[26..34], &bytes[34..]),
                true => (&bytes[22..54], &bytes[54..]),
            };
            let number = match kind(&probe(traffic, six)) {
                Traffic::Shaped(Shape { header: Header::Tcp { .. }, .. }) => 6,
                Traffic::Shaped(_) => 17,
                Traffic::Tcp(..) | Traffic::TcpFrom(..) | Traffic::TcpFlags(..) => 6,
                Traffic::Udp(..) | Traffic::UdpFrom(..) | Traffic::Ntp(_) => 17,
                Traffic::Icmp(..) => 1,
                Traffic::Icmp6(..) => 58,
                Traffic::Protocol(..) | Traffic::Ether(..) => continue,
            };
            if !six {
                assert_eq!(ones(&[&bytes[14..34]]), 0xffff, "header of {traffic}");
            }
            // The pseudo header of RFC 9293 section 3.1 and RFC 8200 section 8.1; ICMP for IPv4 has none.
            let length = (transport.len() as u32).to_be_bytes();
            let whole = match kind(&probe(traffic, six)) {
                Traffic::Icmp(..) => ones(&[transport]),
                _ => ones(&[addresses, &length, &[0, number], transport]),
            };
            assert_eq!(whole, 0xffff, "{traffic}, IPv6: {six}");
        }
    }

    /// Sum in ones' complement; all ones over bytes with a right checksum in them (RFC 1071).
    fn ones(parts: &[&[u8]]) -> u16 {
        let words = parts.iter().flat_map(|part| part.chunks(2));
        let sum = words.map(|word| u32::from(word[0]) << 8 | word.get(1).map_or(0, |low| u32::from(*low)));
        let sum: u32 = sum.sum();
        ((sum & 0xffff) + (sum >> 16)) as u16
    }

    #[test]
    fn families_must_fit_and_a_range_is_no_packet() {
        let mixed = Probe { dest: "::1".parse().unwrap(), ..probe(Traffic::Udp(1, 1), false) };
        assert!(matches!(craft(&mixed), Err(Error::Family { .. })));
        assert!(matches!(craft(&probe(Traffic::icmp(8), true)), Err(Error::Family { .. })));
        assert!(matches!(craft(&probe(Traffic::icmp6(128), false)), Err(Error::Family { .. })));
        assert!(matches!(craft(&probe(Traffic::Tcp(1, 2), false)), Err(Error::Range(_))));
    }

    #[test]
    fn a_timestamp_reply_that_copies_a_part_of_a_probe_is_none() {
        let mut bytes = craft(&probe(Traffic::icmp(13), false)).unwrap();
        bytes[14 + 20] = 14;
        // Receive and transmit timestamps, as RFC 792 has them.
        bytes[14 + 20 + 12..14 + 20 + 20].copy_from_slice(&[1, 2, 3, 4, 1, 2, 3, 4]);
        assert_eq!(of(&Frame::of(&bytes).unwrap(), KEY), None);
    }
}
