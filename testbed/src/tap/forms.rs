//! Probes that are packed unusually: with options of IP, or in fragments.
//!
//! Both are made of the frame of a whole packet, whose transport header and checksum stay as they are.

use std::net::IpAddr;

/// Bytes of an Ethernet header, of an IPv4 header without options, of an IPv6 header.
const ETHERNET: usize = 14;
const IPV4: usize = 20;
const IPV6: usize = 40;
/// Protocol numbers of a fragment's header and of destination options (RFC 8200, sections 4.5 and 4.6).
const FRAGMENT: u8 = 44;
const DESTINATION: u8 = 60;
const ROUTING: u8 = 43;
/// Record route with room for one address, and the end of options (RFC 791, section 3.1).
const RECORD_ROUTE: [u8; 8] = [7, 7, 4, 0, 0, 0, 0, 0];

/// The same packet with options of its family.
pub(super) fn with_options(frame: &[u8], family: IpAddr) -> Vec<u8> {
    match family {
        IpAddr::V4(_) => {
            let (header, body) = frame.split_at(ETHERNET + IPV4);
            let mut header = [header, &RECORD_ROUTE].concat();
            header[ETHERNET] += 2;
            finished(&mut header, body)
        }
        IpAddr::V6(_) => {
            let next = frame[ETHERNET + 6];
            // Padding of six bytes (RFC 8200, section 4.2).
            inserted(frame, DESTINATION, [next, 0, 1, 4, 0, 0, 0, 0])
        }
    }
}

/// The same packet with a route of its own of this kind: to the target by the waypoint, or as it is at the target, with the route gone.
pub(super) fn with_route(frame: &[u8], option: u8, target: IpAddr, waypoint: Option<IpAddr>) -> Vec<u8> {
    match (target, waypoint) {
        (IpAddr::V4(target), waypoint) => {
            let (header, body) = frame.split_at(ETHERNET + IPV4);
            let [a, b, c, d] = target.octets();
            // Where the next hop is, from the option's first byte on; behind it there is none.
            let next = if waypoint.is_some() { 4 } else { 8 };
            let mut header = [header, &[option, 7, next, a, b, c, d, 0]].concat();
            header[ETHERNET] += 2;
            if let Some(IpAddr::V4(waypoint)) = waypoint {
                header[ETHERNET + 16..ETHERNET + 20].copy_from_slice(&waypoint.octets());
            }
            finished(&mut header, body)
        }
        (IpAddr::V6(target), _) => {
            let next = frame[ETHERNET + 6];
            // Type 0, no segment left, and the address of one that was gone (RFC 2460, section 4.4).
            let mut extension = [0; 24];
            extension[..4].copy_from_slice(&[next, 2, 0, 0]);
            extension[8..].copy_from_slice(&target.octets());
            inserted(frame, ROUTING, extension)
        }
    }
}

/// Where the transport header begins in the frame of a packet without options.
pub(super) fn start(family: IpAddr) -> usize {
    ETHERNET + if family.is_ipv4() { IPV4 } else { IPV6 }
}

/// Two fragments that come to the same packet, the second from this place on (units of 8 bytes), known to belong together by this
/// identification; of IPv4 by the packet's own.
pub(super) fn in_pieces(frame: &[u8], family: IpAddr, second: u16, id: u32) -> [Vec<u8>; 2] {
    let start = start(family);
    let cut = start + usize::from(second) * 8;
    let (first, last) = (&frame[..cut], [&frame[..start], &frame[cut..]].concat());
    match family {
        IpAddr::V4(_) => {
            let piece = |frame: &[u8], place: u16| {
                let (header, body) = frame.split_at(start);
                let mut header = header.to_vec();
                header[ETHERNET + 6..ETHERNET + 8].copy_from_slice(&place.to_be_bytes());
                finished(&mut header, body)
            };
            [piece(first, 1 << 13), piece(&last, second)]
        }
        IpAddr::V6(_) => {
            let next = frame[ETHERNET + 6];
            let piece = |frame: &[u8], place: u16| {
                let ([a, b], [c, d, e, f]) = (place.to_be_bytes(), id.to_be_bytes());
                inserted(frame, FRAGMENT, [next, 0, a, b, c, d, e, f])
            };
            [piece(first, 1), piece(&last, second << 3)]
        }
    }
}

/// An IPv4 packet with the length and the checksum that it comes to.
fn finished(header: &mut [u8], body: &[u8]) -> Vec<u8> {
    let length = (header.len() - ETHERNET + body.len()) as u16;
    header[ETHERNET + 2..ETHERNET + 4].copy_from_slice(&length.to_be_bytes());
    header[ETHERNET + 10..ETHERNET + 12].fill(0);
    let words = header[ETHERNET..].chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(word[1]));
    let sum: u32 = words.sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    let checksum = !((sum & 0xffff) + (sum >> 16)) as u16;
    header[ETHERNET + 10..ETHERNET + 12].copy_from_slice(&checksum.to_be_bytes());
    [header, body].concat()
}

/// An IPv6 packet with one more extension header in front.
fn inserted<const N: usize>(frame: &[u8], number: u8, extension: [u8; N]) -> Vec<u8> {
    let (header, body) = frame.split_at(ETHERNET + IPV6);
    let mut header = header.to_vec();
    header[ETHERNET + 6] = number;
    let length = (body.len() + extension.len()) as u16;
    header[ETHERNET + 4..ETHERNET + 6].copy_from_slice(&length.to_be_bytes());
    [&header[..], &extension, body].concat()
}
