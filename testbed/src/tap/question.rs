//! Questions for the Ethernet address of a neighbour that carry a probe's number, and the answers to them: ARP (RFC 826) and
//! neighbour discovery (RFC 4861, section 7.2).
//!
//! Key, number and mark stand where nobody looks: of ARP in the padding of the frame, of neighbour discovery in a nonce
//! option (RFC 3971, section 5.3.2), which counts only where an address is tried before it is used. An answer has no room
//! for a number, and is told by who asks whom.

use std::net::{IpAddr, Ipv6Addr};

use etherparse::{EtherType, Ethernet2Header, Icmpv6Header, Icmpv6Type, IpNumber, Ipv6FlowLabel, Ipv6Header};

use super::frame::{Content, Frame, Packet, Transport};
use super::nonce::{self, Error};
use crate::names::{Mac, Traffic};

/// Hop limit of neighbour discovery: what a router has passed on is none (RFC 4861, section 7.1.1).
const ON_LINK: u8 = 255;
/// Types of a neighbour solicitation and a neighbour advertisement (RFC 4861, sections 4.3 and 4.4).
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
/// Where key, number and mark stand in a solicitation: behind its 24 bytes, the 8 of the sender's Ethernet address, and
/// type, length and 6 more bytes of the nonce, of which there are 22.
const IN_SOLICITATION: usize = 40;
/// The least that an Ethernet frame carries, bytes (IEEE 802.3, clause 3.2.7).
const LEAST: usize = 46;

/// A question for one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Ethernet address of who asks.
    pub source: Mac,
    /// The Ethernet address that is asked; none: everybody, or the solicited-node group (RFC 4291, section 2.7.1).
    pub dest: Option<Mac>,
    /// Address of who asks, of the same family as `address`.
    pub asker: IpAddr,
    /// The address that is asked for.
    pub address: IpAddr,
    /// The lab's key.
    pub key: u32,
    /// The probe's number.
    pub n: u32,
}

/// The complete frame.
///
/// Errors: `Family` where the two addresses are not of one family.
pub fn craft(question: &Question) -> Result<Vec<u8>, Error> {
    match (question.asker, question.address) {
        (IpAddr::V4(asker), IpAddr::V4(address)) => {
            Ok(arp(question, [&asker.octets(), &address.octets()].map(|bytes| *bytes)))
        }
        (IpAddr::V6(asker), IpAddr::V6(address)) => Ok(solicitation(question, asker, address)),
        (from, to) => Err(Error::Family { traffic: Traffic::icmp6(SOLICITATION), from, to }),
    }
}

fn arp(question: &Question, [asker, address]: [[u8; 4]; 2]) -> Vec<u8> {
    // Ethernet, IPv4, lengths of their addresses, request (RFC 826, and the numbers of RFC 5494).
    let mut body = vec![0, 1, 8, 0, 6, 4, 0, 1];
    body.extend(question.source.0);
    body.extend(asker);
    body.extend([0; 6]);
    body.extend(address);
    body.extend(carried(question));
    body.resize(LEAST, 0);
    let dest = question.dest.map_or([0xff; 6], |mac| mac.0);
    framed(question, dest, EtherType::ARP, &body)
}

fn solicitation(question: &Question, asker: Ipv6Addr, address: Ipv6Addr) -> Vec<u8> {
    let group = solicited_node(address);
    let (dest, mac) = match question.dest {
        Some(mac) => (address, mac.0),
        // RFC 2464, section 7.
        None => (group, [0x33, 0x33, 0xff, group.octets()[13], group.octets()[14], group.octets()[15]]),
    };
    let mut said = address.octets().to_vec();
    // The sender's Ethernet address (type 1) in 8 bytes, and a nonce (type 14) in 24.
    said.extend([1, 1]);
    said.extend(question.source.0);
    said.extend([14, 3, 0, 0, 0, 0, 0, 0]);
    said.extend(carried(question));
    let kind = Icmpv6Type::Unknown { type_u8: SOLICITATION, code_u8: 0, bytes5to8: [0; 4] };
    let icmp = Icmpv6Header::with_checksum(kind, asker.octets(), dest.octets(), &said);
    let icmp = icmp.expect("so few bytes are not too long").to_bytes();
    let header = Ipv6Header {
        traffic_class: 0,
        flow_label: Ipv6FlowLabel::ZERO,
        payload_length: u16::try_from(icmp.len() + said.len()).unwrap_or(u16::MAX),
        next_header: IpNumber::IPV6_ICMP,
        hop_limit: ON_LINK,
        source: asker.octets(),
        destination: dest.octets(),
    };
    framed(question, mac, EtherType::IPV6, &[&header.to_bytes()[..], &icmp, &said].concat())
}

fn framed(question: &Question, destination: [u8; 6], ether_type: EtherType, body: &[u8]) -> Vec<u8> {
    let header = Ethernet2Header { source: question.source.0, destination, ether_type };
    [&header.to_bytes()[..], body].concat()
}

/// Key, number and mark.
fn carried(question: &Question) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[0..4].copy_from_slice(&question.key.to_be_bytes());
    bytes[4..8].copy_from_slice(&question.n.to_be_bytes());
    bytes[8..16].copy_from_slice(&nonce::mark(question.key));
    bytes
}

/// The group that whoever has this address listens to (RFC 4291, section 2.7.1).
fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c])
}

/// The number of the question that this frame is; none if it is none of this lab's.
pub(super) fn of(frame: &Frame<'_>, key: u32) -> Option<u32> {
    match &frame.content {
        Content::Arp(arp) if arp.asks => nonce::marked(frame.padding, 0, key),
        Content::Ip(packet) if is(packet, SOLICITATION) => nonce::marked(packet.bytes, IN_SOLICITATION, key),
        _ => None,
    }
}

/// Who asks for which address, whether the frame asks or answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Exchange {
    pub(super) asker: IpAddr,
    pub(super) address: IpAddr,
}

impl Exchange {
    /// Of a question.
    pub(super) fn asked(frame: &Frame<'_>) -> Option<Exchange> {
        match &frame.content {
            Content::Arp(arp) if arp.asks => {
                Some(Exchange { asker: arp.sender.into(), address: arp.target.into() })
            }
            Content::Ip(packet) if is(packet, SOLICITATION) => {
                Some(Exchange { asker: packet.source, address: target(packet)? })
            }
            _ => None,
        }
    }

    /// Whether this answers anybody who asked for the address.
    pub(super) fn is_to_all(&self) -> bool {
        self.asker == ALL_NODES
    }

    /// Of an answer to who asked. One to all nodes (RFC 4861, section 7.2.6) names no asker but these.
    pub(super) fn answered(frame: &Frame<'_>) -> Option<Exchange> {
        match &frame.content {
            Content::Arp(arp) if !arp.asks => {
                Some(Exchange { asker: arp.target.into(), address: arp.sender.into() })
            }
            Content::Ip(packet) if is(packet, ADVERTISEMENT) => {
                Some(Exchange { asker: packet.dest, address: target(packet)? })
            }
            _ => None,
        }
    }
}

/// All nodes on a link (RFC 4291, section 2.7.1).
const ALL_NODES: IpAddr = IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1));

fn is(packet: &Packet<'_>, kind: u8) -> bool {
    let right = |icmp: &super::frame::Icmp<'_>| icmp.kind == kind;
    packet.dest.is_ipv6() && matches!(&packet.transport, Transport::Icmp(icmp) if right(icmp))
}

/// The address that neighbour discovery is about, right behind its first eight bytes.
fn target(packet: &Packet<'_>) -> Option<IpAddr> {
    let Transport::Icmp(icmp) = packet.transport else { return None };
    let bytes: [u8; 16] = icmp.payload.get(..16)?.try_into().ok()?;
    Some(Ipv6Addr::from(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: u32 = 0xfeed_c0de;

    fn question(asker: &str, address: &str, dest: Option<Mac>) -> Question {
        let (asker, address) = (asker.parse().unwrap(), address.parse().unwrap());
        Question { source: Mac([2, 0, 0, 0, 0, 1]), dest, asker, address, key: KEY, n: 0x0102_7e57 }
    }

    const LEG: Mac = Mac([2, 0, 0, 0, 0, 2]);

    #[test]
    fn each_question_is_known_again_and_says_who_asks_for_what() {
        for (asker, address) in [("10.0.0.9", "10.0.1.5"), ("2001:db8::9", "2001:db8:1::5")] {
            for dest in [None, Some(LEG)] {
                let asked = question(asker, address, dest);
                let bytes = craft(&asked).unwrap();
                let frame = Frame::of(&bytes).unwrap();
                assert_eq!((of(&frame, KEY), of(&frame, KEY ^ 1)), (Some(asked.n), None), "{address}");
                assert_eq!(frame.source, asked.source);
                let exchange = Exchange { asker: asked.asker, address: asked.address };
                assert_eq!((Exchange::asked(&frame), Exchange::answered(&frame)), (Some(exchange), None));
                assert!(bytes.len() >= 60);
            }
        }
    }

    #[test]
    fn it_goes_to_everybody_or_to_the_group_unless_one_is_asked_directly() {
        let to = |address: &str, dest| {
            let asker = if address.contains(':') { "fe80::1" } else { "10.0.0.9" };
            Frame::of(&craft(&question(asker, address, dest)).unwrap()).unwrap().dest
        };
        assert_eq!(to("10.0.1.5", None), Mac([0xff; 6]));
        assert_eq!(to("2001:db8::1:203", None), Mac([0x33, 0x33, 0xff, 1, 2, 3]));
        assert_eq!([to("10.0.1.5", Some(LEG)), to("2001:db8::5", Some(LEG))], [LEG, LEG]);
        assert!(craft(&question("10.0.0.9", "2001:db8::5", None)).is_err());
    }

    #[test]
    fn a_solicitation_is_whole() {
        let bytes = craft(&question("2001:db8::9", "2001:db8::1:203", None)).unwrap();
        let Content::Ip(packet) = Frame::of(&bytes).unwrap().content else { panic!("a packet") };
        assert_eq!((packet.hops, packet.dest), (255, "ff02::1:ff01:203".parse().unwrap()));
        assert_eq!(packet.bytes.len(), 56);
        // With a right checksum in them the bytes sum up to ones alone (RFC 1071; pseudo header of RFC 8200, section 8.1).
        let words = bytes[22..].chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(word[1]));
        let sum: u32 = words.sum::<u32>() + 56 + 58;
        assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff);
    }

    #[test]
    fn an_answer_is_told_by_who_asked_for_what() {
        let mut reply = craft(&question("10.0.1.5", "10.0.0.9", Some(LEG))).unwrap();
        reply[21] = 2; // an answer
        let exchange = Exchange { asker: "10.0.0.9".parse().unwrap(), address: "10.0.1.5".parse().unwrap() };
        assert_eq!(Exchange::answered(&Frame::of(&reply).unwrap()), Some(exchange));
        assert_eq!(of(&Frame::of(&reply).unwrap(), KEY), None);
        let mut advertised = craft(&question("2001:db8::5", "2001:db8::9", Some(LEG))).unwrap();
        advertised[54] = ADVERTISEMENT;
        let exchange = Exchange::answered(&Frame::of(&advertised).unwrap()).unwrap();
        // Here the address that it is about is that of its receiver.
        assert_eq!(exchange.asker, exchange.address);
    }
}
