//! Packets as frames, and frames as packets again.

use std::net::IpAddr;

use etherparse::{IpNumber, Ipv4Header, TcpHeader, UdpHeader};

use crate::model::{Body, Ethernet, Fragment, Packet};
use crate::names::Mac;

/// Who sends everything.
pub(super) const HOST: Mac = Mac([2, 0, 0, 0, 0, 0xaa]);

/// Before the number, at the end of each frame.
const MAGIC: [u8; 8] = *b"modelled";

/// The frame of a packet; its number is in the IPv4 identification or the IPv6 flow label, and at the end.
pub(super) fn frame(packet: &Packet, ethernet: Ethernet, n: u32) -> Vec<u8> {
    let body = transport(packet, n, &payload(n));
    // Pieces are of eight bytes each.
    let kept = match packet.fragment {
        Fragment::First => body.len() / 8 * 8,
        Fragment::Tiny => 8,
        Fragment::Whole | Fragment::Later { .. } => body.len(),
    };
    framed(packet, ethernet, n, &body[..kept])
}

/// The two fragments of a packet, each with the number at its end; the second from [`place`] on.
pub(super) fn pieces(packet: &Packet, ethernet: Ethernet, n: u32) -> [Vec<u8>; 2] {
    let place = usize::from(place(packet)) * 8;
    let mark = payload(n);
    let header = transport(packet, 0, &[]).len();
    let padding = vec![0; place - header - mark.len()];
    let body = transport(packet, n, &[&padding[..], &mark, &mark].concat());
    [Fragment::First, Fragment::Later { offset: place_of(place) }].map(|fragment| {
        let piece = Packet { fragment, ..packet.clone() };
        let part = if fragment == Fragment::First { &body[..place] } else { &body[place..] };
        framed(&piece, ethernet, n, part)
    })
}

/// Where the second of two fragments belongs, units of 8 bytes: behind the header and the number.
pub(super) fn place(packet: &Packet) -> u16 {
    place_of((transport(packet, 0, &[]).len() + payload(0).len()).next_multiple_of(8))
}

fn place_of(bytes: usize) -> u16 {
    u16::try_from(bytes / 8).unwrap()
}

fn framed(packet: &Packet, ethernet: Ethernet, n: u32, body: &[u8]) -> Vec<u8> {
    let (kind, ip) = match (packet.source, packet.destination) {
        (IpAddr::V4(_), IpAddr::V4(_)) => ([0x08, 0x00], v4(packet, n, body)),
        _ => ([0x86, 0xdd], v6(packet, n, body)),
    };
    [&ethernet.destination.0[..], &ethernet.source.0, &kind, &ip].concat()
}

fn payload(n: u32) -> Vec<u8> {
    [&MAGIC[..], &n.to_be_bytes()].concat()
}

/// What is behind the IP header, with its checksum.
fn transport(packet: &Packet, n: u32, payload: &[u8]) -> Vec<u8> {
    let header = match packet.body {
        Body::Tcp { source, destination, flags } => {
            let mut tcp = TcpHeader::new(source, destination, n, 1024);
            let bit = |bit| flags & bit != 0;
            (tcp.fin, tcp.syn, tcp.rst, tcp.psh) = (bit(1), bit(2), bit(4), bit(8));
            (tcp.ack, tcp.urg, tcp.ece, tcp.cwr) = (bit(16), bit(32), bit(64), bit(128));
            let mut bytes = tcp.to_bytes().to_vec();
            let sum = checksum(packet, 6, &[&bytes[..], payload].concat());
            bytes[16..18].copy_from_slice(&sum);
            bytes
        }
        Body::Udp { source, destination } => {
            let length = u16::try_from(UdpHeader::LEN + payload.len()).unwrap();
            let header =
                UdpHeader { source_port: source, destination_port: destination, length, checksum: 0 };
            let mut bytes = header.to_bytes().to_vec();
            let sum = checksum(packet, 17, &[&bytes[..], payload].concat());
            bytes[6..8].copy_from_slice(&sum);
            bytes
        }
        Body::Icmp { kind, code } => {
            let mut bytes = vec![kind, code, 0, 0, (n >> 8) as u8, n as u8, 0, 1];
            let sum = fold(&[&bytes[..], payload].concat(), 0);
            bytes[2..4].copy_from_slice(&sum);
            bytes
        }
        Body::Icmp6 { kind, code } => {
            let mut bytes = vec![kind, code, 0, 0, (n >> 8) as u8, n as u8, 0, 1];
            let sum = checksum(packet, 58, &[&bytes[..], payload].concat());
            bytes[2..4].copy_from_slice(&sum);
            bytes
        }
        Body::Other(_) => vec![0; 24],
    };
    [&header[..], payload].concat()
}

/// Over the pseudo-header and what follows.
fn checksum(packet: &Packet, protocol: u8, bytes: &[u8]) -> [u8; 2] {
    let addresses = match (packet.source, packet.destination) {
        (IpAddr::V4(a), IpAddr::V4(b)) => [a.octets(), b.octets()].concat(),
        (IpAddr::V6(a), IpAddr::V6(b)) => [a.octets(), b.octets()].concat(),
        _ => panic!("a packet has one family"),
    };
    let length = u32::try_from(bytes.len()).unwrap();
    fold(&[&addresses[..], bytes].concat(), u32::from(protocol) + length)
}

fn fold(bytes: &[u8], start: u32) -> [u8; 2] {
    let words = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let mut sum: u32 = start + words.sum::<u32>();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}

fn v4(packet: &Packet, n: u32, body: &[u8]) -> Vec<u8> {
    let (IpAddr::V4(source), IpAddr::V4(destination)) = (packet.source, packet.destination) else {
        panic!("IPv4")
    };
    let options: Vec<u8> = packet.options.iter().flat_map(|number| option(*number)).collect();
    let protocol = IpNumber(packet.protocol());
    let length = u16::try_from(body.len()).unwrap();
    let mut header =
        Ipv4Header::new(length, packet.ttl, protocol, source.octets(), destination.octets()).unwrap();
    header.identification = n as u16;
    header.dscp = packet.dscp.try_into().unwrap();
    header.dont_fragment = packet.fragment == Fragment::Whole;
    header.options = options[..].try_into().unwrap();
    header.set_payload_len(body.len()).unwrap();
    match packet.fragment {
        Fragment::Whole => (),
        Fragment::First | Fragment::Tiny => header.more_fragments = true,
        Fragment::Later { offset } => header.fragment_offset = offset.try_into().unwrap(),
    }
    header.header_checksum = header.calc_header_checksum();
    [&header.to_bytes()[..], body].concat()
}

/// Options that ask for nothing any more, in whole words.
fn option(number: u8) -> Vec<u8> {
    match number {
        148 => vec![148, 4, 0, 0],
        131 | 137 => vec![number, 7, 8, 10, 9, 9, 9, 0],
        _ => vec![number, 7, 4, 0, 0, 0, 0, 0],
    }
}

fn v6(packet: &Packet, n: u32, body: &[u8]) -> Vec<u8> {
    const FRAGMENT: u8 = 44;
    let (IpAddr::V6(source), IpAddr::V6(destination)) = (packet.source, packet.destination) else {
        panic!("IPv6")
    };
    let mut numbers = packet.extensions.clone();
    if packet.fragment != Fragment::Whole {
        numbers.push(FRAGMENT);
    }
    let mut headers = Vec::new();
    for (at, number) in numbers.iter().enumerate() {
        let next = numbers.get(at + 1).copied().unwrap_or(packet.protocol());
        headers.extend(extension(*number, next, packet.fragment, n));
    }
    let first = numbers.first().copied().unwrap_or(packet.protocol());
    let length = u16::try_from(headers.len() + body.len()).unwrap().to_be_bytes();
    let label = (0x6000_0000 | u32::from(packet.dscp) << 22 | n & 0xf_ffff).to_be_bytes();
    let fixed = [&label[..], &length, &[first, packet.ttl], &source.octets(), &destination.octets()].concat();
    [&fixed[..], &headers, body].concat()
}

fn extension(number: u8, next: u8, fragment: Fragment, n: u32) -> Vec<u8> {
    match number {
        // A fragment's place, in units of eight bytes above three bits, of which the lowest says that more follow.
        44 => {
            let place = match fragment {
                Fragment::Whole => 0,
                Fragment::First | Fragment::Tiny => 1,
                Fragment::Later { offset } => offset << 3,
            };
            [&[next, 0], &place.to_be_bytes()[..], &n.to_be_bytes()].concat()
        }
        // Authentication: six words, of which two do not count.
        51 => [&[next, 4][..], &[0; 22]].concat(),
        // Routing of a kind for experiments, with nothing left to visit.
        43 => vec![next, 0, 253, 0, 0, 0, 0, 0],
        _ => vec![next, 0, 1, 4, 0, 0, 0, 0],
    }
}

/// What can be told of a packet that left: its number, and what a rule may have changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Told {
    pub(super) n: u32,
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) ttl: u8,
    pub(super) protocol: u8,
    /// Ports, or type and code.
    pub(super) head: [u8; 4],
}

/// Reads a frame; none if it is none of ours.
pub(super) fn told(frame: &[u8]) -> Option<Told> {
    let ip = frame.get(14..)?;
    match frame.get(12..14)? {
        [0x08, 0x00] => {
            let header: [u8; 20] = ip.get(..20)?.try_into().ok()?;
            let at = usize::from(header[0] & 0xf) * 4;
            let address = |from: usize| IpAddr::from(<[u8; 4]>::try_from(&header[from..from + 4]).unwrap());
            let n = u32::from(u16::from_be_bytes([header[4], header[5]]));
            let later = u16::from_be_bytes([header[6], header[7]]) & 0x1fff != 0;
            told_of(ip, (at, header[9]), n, (address(12), address(16)), header[8], later)
        }
        [0x86, 0xdd] => {
            let address =
                |from: usize| Some(IpAddr::from(<[u8; 16]>::try_from(ip.get(from..from + 16)?).ok()?));
            let n = u32::from_be_bytes(ip.get(..4)?.try_into().ok()?) & 0xf_ffff;
            let (mut at, mut next, mut later) = (40, *ip.get(6)?, false);
            while [0, 43, 44, 51, 60].contains(&next) {
                let length = match next {
                    44 => {
                        later = u16::from_be_bytes([*ip.get(at + 2)?, *ip.get(at + 3)?]) >> 3 != 0;
                        8
                    }
                    51 => usize::from(*ip.get(at + 1)?) * 4 + 8,
                    _ => usize::from(*ip.get(at + 1)?) * 8 + 8,
                };
                (next, at) = (*ip.get(at)?, at + length);
            }
            told_of(ip, (at, next), n, (address(8)?, address(24)?), *ip.get(7)?, later)
        }
        _ => None,
    }
}

fn told_of(
    ip: &[u8],
    (at, protocol): (usize, u8),
    n: u32,
    (source, destination): (IpAddr, IpAddr),
    ttl: u8,
    later: bool,
) -> Option<Told> {
    let place = ip.windows(MAGIC.len()).rposition(|window| window == MAGIC)?;
    let inside =
        ip.get(place + 8..place + 12).map_or(n, |bytes| u32::from_be_bytes(bytes.try_into().unwrap()));
    let mut head = [0; 4];
    if !later && [1, 6, 17, 58].contains(&protocol) {
        head.copy_from_slice(ip.get(at..at + 4)?);
        if [1, 58].contains(&protocol) {
            // The checksum is of no use.
            head[2..].fill(0);
        }
    }
    (inside == n).then_some(Told { n, source, destination, ttl, protocol, head })
}

/// As it should look when it leaves.
pub(super) fn expected(packet: &Packet, n: u32) -> Told {
    let head = match (packet.fragment, packet.body) {
        (Fragment::Later { .. }, _) | (_, Body::Other(_)) => [0; 4],
        (_, Body::Tcp { source, destination, .. } | Body::Udp { source, destination }) => {
            let (source, destination) = (source.to_be_bytes(), destination.to_be_bytes());
            [source[0], source[1], destination[0], destination[1]]
        }
        (_, Body::Icmp { kind, code } | Body::Icmp6 { kind, code }) => [kind, code, 0, 0],
    };
    Told {
        n,
        source: packet.source,
        destination: packet.destination,
        ttl: packet.ttl,
        protocol: packet.protocol(),
        head,
    }
}
