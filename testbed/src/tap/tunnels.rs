//! Probes that ride in tunnels: what is between the outer IP header and the packet inside, and how its number is found there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::PacketBuilder;

use super::frame::{Packet, Transport};
use super::nonce::{mark, marked};
use crate::names::{Mac, OPENS, TUNNELS, Tunnel};

/// Bytes of an Ethernet header.
const ETHERNET: usize = 14;
/// Numbers of IPv4 and IPv6 as what another header announces.
const IPIP: u8 = 4;
const SIT: u8 = 41;

/// The payload of a tunnel: what it has before the packet, the packet of this frame, and what it has behind it.
pub(super) fn payload(tunnel: Tunnel, inner: &[u8], source: Mac) -> Vec<u8> {
    let packet = &inner[ETHERNET..];
    let (number, ether_type) = if packet[0] >> 4 == 4 { (IPIP, [0x08, 0x00]) } else { (SIT, [0x86, 0xdd]) };
    let frame = [&OPENS.0[..], &source.0, &inner[12..]].concat();
    match tunnel {
        Tunnel::Ipv4 | Tunnel::Ipv6 | Tunnel::Teredo => packet.to_vec(),
        Tunnel::Gre => [&[0, 0], &ether_type[..], packet].concat(),
        Tunnel::Esp => esp(packet, number),
        // Next header, length in units of 4 less 2, index, sequence number, a check value of 96 bits.
        Tunnel::Ah => [&[number, 4, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1][..], &[0; 12], packet].concat(),
        // Version 3.
        Tunnel::EtherIp => [&[0x30, 0][..], &frame].concat(),
        // A session of number 1; 0 would be a message of control.
        Tunnel::L2tp => [&[0, 0, 0, 1][..], &frame].concat(),
        // The flag that says that there is a number of the network: 1.
        Tunnel::Vxlan | Tunnel::VxlanByWay => [&[8, 0, 0, 0, 0, 0, 1, 0][..], &frame].concat(),
        // Type 4, receiver, counter.
        Tunnel::WireGuard => [&[4, 0, 0, 0, 0, 0, 0, 1][..], &[0; 8], packet].concat(),
    }
}

/// Index and sequence number; padding to units of 4, its length, and what was inside (RFC 4303, section 2).
fn esp(packet: &[u8], number: u8) -> Vec<u8> {
    let padding: Vec<u8> = (1..=((4 - (packet.len() + 2) % 4) % 4) as u8).collect();
    [&[0, 0, 1, 0, 0, 0, 0, 1], packet, &padding, &[padding.len() as u8, number]].concat()
}

/// A datagram of these ports, header and checksum included, as it stands behind the IP header.
pub(super) fn datagram((source, dest): (IpAddr, IpAddr), (from, to): (u16, u16), payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(payload.len() + 48);
    let start = match (source, dest) {
        (IpAddr::V4(source), IpAddr::V4(dest)) => {
            let builder = PacketBuilder::ipv4(source.octets(), dest.octets(), 64).udp(from, to);
            builder.write(&mut bytes, payload).map(|()| 20)
        }
        _ => {
            let builder = PacketBuilder::ipv6(six(source).octets(), six(dest).octets(), 64).udp(from, to);
            builder.write(&mut bytes, payload).map(|()| 40)
        }
    };
    bytes.split_off(start.expect("a vector takes whatever is written, and a probe fits into a datagram"))
}

/// The address of the other family that stands for this one inside a tunnel: of IPv4 that of its host behind 6to4 (RFC 3056), of IPv6
/// its last 32 bits. Nobody has it.
pub(super) fn other_family(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(four) => six(four.into()).into(),
        IpAddr::V6(six) => {
            let [.., a, b, c, d] = six.octets();
            Ipv4Addr::from([a, b, c, d]).into()
        }
    }
}

fn six(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V6(six) => six,
        IpAddr::V4(four) => {
            let [a, b, c, d] = four.octets();
            Ipv6Addr::from([0x20, 0x02, a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
        }
    }
}

/// The number of the probe that rides in this packet, wherever in it; none if it is of no protocol or port that carries packets.
pub(super) fn of(packet: &Packet<'_>, key: u32) -> Option<u32> {
    if !carries(packet) {
        return None;
    }
    let mark = mark(key);
    let mut places = packet.body.windows(mark.len()).enumerate().filter(|(_, bytes)| *bytes == mark);
    places.find_map(|(at, _)| marked(packet.body, at.checked_sub(8)?, key))
}

fn carries(packet: &Packet<'_>) -> bool {
    let is_protocol = |number: u8| TUNNELS.iter().any(|one| one.protocol() == Some(number));
    let is_port = |port: u16| TUNNELS.iter().any(|one| one.port() == Some(port));
    let Transport::Udp(udp) = packet.transport else {
        return is_protocol(packet.protocol) || is_protocol(packet.first_header);
    };
    is_port(udp.dest_port)
}

#[cfg(test)]
mod tests {
    use super::super::frame::{Content, Frame};
    use super::super::nonce::{self, Probe, craft};
    use super::*;
    use crate::names::Traffic;

    const KEY: u32 = 0xfeed_c0de;

    fn probe(text: &str, six: bool, waypoint: Option<&str>) -> Probe {
        let [source, dest] =
            if six { ["2001:db8:20::7", "2001:db8:30::9"] } else { ["10.20.0.7", "10.30.0.9"] };
        Probe {
            source_mac: Mac([2, 0, 0, 0, 0, 1]),
            next_hop_mac: Mac([2, 0, 0, 0, 0, 2]),
            source: source.parse().unwrap(),
            dest: dest.parse().unwrap(),
            traffic: Traffic::try_from(text.to_owned()).unwrap(),
            source_port: 9,
            key: KEY,
            n: 0x0102_7e57,
            ttl: nonce::TTL,
            waypoint: waypoint.map(|text| text.parse().unwrap()),
        }
    }

    #[test]
    fn a_number_is_found_whatever_it_rides_in() {
        for six in [false, true] {
            for tunnel in TUNNELS {
                for kind in ["tcp/22 from 5 flags ack", "udp/161 from 5", "proto/89"] {
                    let probe = probe(&format!("{kind} in {tunnel}"), six, None);
                    let bytes = craft(&probe).unwrap();
                    let frame = Frame::of(&bytes).unwrap();
                    assert_eq!(nonce::of(&frame, KEY), Some(probe.n), "{kind} in {tunnel}, {six}");
                    assert_eq!(nonce::of(&frame, KEY + 1), None, "of another lab");
                    let Content::Ip(packet) = frame.content else { panic!("a packet") };
                    assert_eq!((packet.source, packet.dest), (probe.source, probe.dest));
                    if let Transport::Udp(udp) = packet.transport {
                        assert_eq!(Some(udp.dest_port), tunnel.port());
                    } else {
                        assert_eq!(Some(packet.first_header), tunnel.protocol());
                    }
                }
            }
        }
    }

    #[test]
    fn the_key_is_where_the_instrument_behind_a_filter_looks_for_it() {
        for six in [false, true] {
            for tunnel in TUNNELS {
                for kind in ["tcp/22 from 5 flags ack", "udp/161 from 5", "proto/89"] {
                    let bytes = craft(&probe(&format!("{kind} in {tunnel}"), six, None)).unwrap();
                    let headers = |six: bool| if six { 40 } else { 20 };
                    let inside = tunnel.carries_ipv4().map_or(six, |ipv4| !ipv4);
                    let at = ETHERNET + headers(six) + usize::from(tunnel.before()) + headers(inside) + 8;
                    assert_eq!(bytes[at..at + 4], KEY.to_be_bytes(), "{kind} in {tunnel}, {six}");
                }
            }
        }
    }

    #[test]
    fn what_is_opened_is_the_probe_to_the_target() {
        let probe = probe("tcp/22 from 5 in vxlan-to-router", false, Some("10.20.0.1"));
        let bytes = craft(&probe).unwrap();
        assert_eq!(bytes[30..34], [10, 20, 0, 1], "the outer packet is for the router");
        // IPv4, UDP, VXLAN.
        let inside = Frame::of(&bytes[14 + 20 + 8 + 8..]).unwrap();
        assert_eq!((inside.dest, inside.source), (OPENS, probe.source_mac));
        let Content::Ip(packet) = inside.content else { panic!("a packet") };
        assert_eq!((packet.source, packet.dest, packet.ports()), (probe.source, probe.dest, Some((5, 22))));
        assert_eq!(nonce::of_packet(&packet, KEY), Some(probe.n));
    }

    #[test]
    fn a_tunnel_of_the_other_family_has_addresses_of_its_own() {
        let bytes = craft(&probe("udp/9 from 5 in ip6", false, None)).unwrap();
        let packet = Packet::of(&bytes[34..]).unwrap();
        assert_eq!(packet.dest, "2002:a1e:9::1".parse::<IpAddr>().unwrap());
        let bytes = craft(&probe("udp/9 from 5 in ip4", true, None)).unwrap();
        let packet = Packet::of(&bytes[54..]).unwrap();
        assert_eq!(packet.dest, "0.0.0.9".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn other_packets_are_not_searched() {
        let whole = craft(&probe("udp/161 from 5 in vxlan", false, None)).unwrap();
        let mut other = whole;
        other[36..38].copy_from_slice(&4790_u16.to_be_bytes());
        assert_eq!(nonce::of(&Frame::of(&other).unwrap(), KEY), None);
    }

    #[test]
    fn the_end_of_esp_is_at_a_word_of_four_bytes() {
        for length in 20..28 {
            let bytes = esp(&vec![0; length], IPIP);
            assert_eq!(bytes.len() % 4, 0);
            assert_eq!(bytes[bytes.len() - 2], u8::try_from(bytes.len() - 10 - length).unwrap());
        }
    }
}
