//! Probes as frames.

use std::net::IpAddr;

use etherparse::{
    EtherType, Ethernet2Header, IpDscp, IpHeaders, IpNumber, Ipv4Extensions, Ipv4Header, Ipv6Extensions,
    Ipv6FlowLabel, Ipv6Header, PacketBuilder, TcpHeader,
};

use super::super::{forms, tiny, tunnels};
use super::{TIME_PORT, mark, mixed, window};
use crate::names::{
    FAR_PORTS, Form, Header, Mac, Ntp, Plain, SECOND_PIECE, Shape, TINY_PIECE, Traffic, Tunnel,
};

/// Hop limit of a probe where the caller has no other wish.
pub const TTL: u8 = 64;
/// Bytes of a datagram on the time server's port (RFC 5905, section 7.3), and of one with a rider.
const TIME: usize = 48;
const LARGE: usize = 1000;
/// Port of the discard service (RFC 863): nobody answers there.
const DISCARD: u16 = 9;
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

/// The least that an Ethernet frame carries, bytes (IEEE 802.3, clause 3.2.7).
pub(super) const LEAST: usize = 46;

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
pub(super) fn kind(probe: &Probe) -> Traffic {
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

/// A frame of an EtherType without IP in it; of a length, unnumbered information between two null access points (IEEE 802.2).
pub(super) fn bare_frame(probe: &Probe, ether_type: u16) -> Vec<u8> {
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
