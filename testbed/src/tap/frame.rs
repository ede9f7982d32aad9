//! Bytes → what a frame says: addresses, protocol, ports, flags, payload. Borrows, allocates nothing, never panics.
//!
//! Lengths are judged laxly, so that cut packets can be read too: those that an ICMP error quotes (RFC 792,
//! RFC 4443 section 3), and the first bytes that NFLOG hands over.

use std::net::{IpAddr, Ipv4Addr};

use etherparse::{ArpHardwareId, EtherType, IpNumber, LaxNetSlice, LaxSlicedPacket, LinkSlice, TcpSlice};

use crate::names::Mac;

/// Bytes of a message of ARP for IPv4 over Ethernet (RFC 826).
const ARP: usize = 28;

/// An Ethernet frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Sender's Ethernet address.
    pub source: Mac,
    /// Receiver's Ethernet address.
    pub dest: Mac,
    /// Number of the outermost VLAN tag, if any.
    pub vlan: Option<u16>,
    /// EtherType behind all tags; 0 for a frame of IEEE 802.2, which has a length there.
    pub ether_type: u16,
    /// Bytes, Ethernet header included.
    pub length: usize,
    /// What it carries.
    pub content: Content<'a>,
    /// Bytes behind a message of ARP; empty behind anything else.
    pub padding: &'a [u8],
}

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// An IP packet of either family.
    Ip(Packet<'a>),
    /// A question or an answer of ARP, for IPv4 over Ethernet.
    Arp(Arp),
    /// Anything else, also what reads as none of the above: bytes behind the Ethernet header.
    Other(&'a [u8]),
}

/// ARP (RFC 826).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// True for a request, false for a reply.
    pub asks: bool,
    /// Sender's Ethernet address, as the message itself has it.
    pub mac: Mac,
    /// Sender's protocol address.
    pub sender: Ipv4Addr,
    /// Target's protocol address.
    pub target: Ipv4Addr,
}

/// An IP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub dest: IpAddr,
    /// Time to live, or hop limit.
    pub hops: u8,
    /// Protocol that the transport bytes are of, behind extension headers.
    pub protocol: u8,
    /// Protocol or next header as the IP header itself has it.
    pub first_header: u8,
    /// Set for a piece of a larger packet.
    pub fragment: Option<Fragment>,
    /// Bytes right behind the IP header (with its options), extension headers included.
    pub body: &'a [u8],
    /// Bytes from the transport header on; in a later fragment, from the payload's middle.
    pub bytes: &'a [u8],
    /// What the transport header says.
    pub transport: Transport<'a>,
}

/// A piece of a larger packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fragment {
    /// Identification, which pieces of one packet share.
    pub id: u32,
    /// Offset of this piece in bytes.
    pub offset: u32,
    /// Whether others follow it.
    pub more: bool,
}

/// What a transport header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport<'a> {
    /// TCP.
    Tcp(Tcp<'a>),
    /// UDP.
    Udp(Udp<'a>),
    /// ICMP of the packet's family.
    Icmp(Icmp<'a>),
    /// TCP or UDP of which only the ports are there.
    Ports(u16, u16),
    /// No ports: another protocol, a later fragment, or too few bytes.
    None,
}

/// A TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of RFC 9293, section 3.1")]
#[expect(clippy::struct_excessive_bools, reason = "these are bits in the header")]
pub struct Tcp<'a> {
    pub source_port: u16,
    pub dest_port: u16,
    pub sequence: u32,
    pub acknowledgement: u32,
    pub window: u16,
    pub syn: bool,
    pub ack: bool,
    pub fin: bool,
    pub rst: bool,
    pub payload: &'a [u8],
}

/// A UDP datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of RFC 768")]
pub struct Udp<'a> {
    pub source_port: u16,
    pub dest_port: u16,
    pub payload: &'a [u8],
}

/// An ICMP or ICMPv6 message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icmp<'a> {
    /// Type.
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// Bytes 4 to 8: identifier and sequence number of an echo, MTU and the like of an error.
    pub rest: [u8; 4],
    /// Bytes from the ninth on.
    pub payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads a frame; none if it is shorter than an Ethernet header.
    pub fn of(bytes: &'a [u8]) -> Option<Frame<'a>> {
        let sliced = LaxSlicedPacket::from_ethernet(bytes).ok()?;
        let Some(LinkSlice::Ethernet2(ethernet)) = &sliced.link else { return None };
        let (ether_type, behind) = match sliced.ether_payload() {
            Some(payload) => (payload.ether_type.0, payload.payload),
            None => (ethernet.ether_type().0, ethernet.payload_slice()),
        };
        let content = match &sliced.net {
            Some(LaxNetSlice::Arp(arp)) => arp_of(arp).map_or(Content::Other(behind), Content::Arp),
            Some(net) => packet_of(net, behind).map_or(Content::Other(behind), Content::Ip),
            None => Content::Other(behind),
        };
        let padding = match content {
            Content::Arp(_) => behind.get(ARP..).unwrap_or_default(),
            Content::Ip(_) | Content::Other(_) => &[],
        };
        Some(Frame {
            padding,
            source: Mac(ethernet.source()),
            dest: Mac(ethernet.destination()),
            vlan: sliced.vlan_ids().first().map(|id| id.value()),
            // Below 0x600 it is a length (IEEE 802.3, clause 3.2.6).
            ether_type: if ether_type < 0x600 { 0 } else { ether_type },
            length: bytes.len(),
            content,
        })
    }
}

impl<'a> Packet<'a> {
    /// Reads a packet that begins with its IP header, possibly cut short.
    pub fn of(bytes: &'a [u8]) -> Option<Packet<'a>> {
        let sliced = LaxSlicedPacket::from_ip(bytes).ok()?;
        packet_of(sliced.net.as_ref()?, bytes)
    }

    /// Source and destination port; none where there are none.
    pub fn ports(&self) -> Option<(u16, u16)> {
        match self.transport {
            Transport::Tcp(tcp) => Some((tcp.source_port, tcp.dest_port)),
            Transport::Udp(udp) => Some((udp.source_port, udp.dest_port)),
            Transport::Ports(source, dest) => Some((source, dest)),
            Transport::Icmp(_) | Transport::None => None,
        }
    }

    /// The packet that an ICMP error or redirect of either family quotes (RFC 792; RFC 4443 section 3; RFC 4861
    /// section 4.5), as far as it is quoted.
    pub fn quoted(&self) -> Option<Packet<'a>> {
        let Transport::Icmp(icmp) = self.transport else { return None };
        match (self.source, icmp.kind) {
            (IpAddr::V4(_), 3 | 4 | 5 | 11 | 12) | (IpAddr::V6(_), 1..=4) => Packet::of(icmp.payload),
            (IpAddr::V6(_), 137) => Packet::of(redirected(icmp.payload)?),
            _ => None,
        }
    }
}

/// What a redirect of IPv6 is about: an option behind the two addresses has it (RFC 4861, section 4.6.3).
fn redirected(payload: &[u8]) -> Option<&[u8]> {
    const REDIRECTED: u8 = 4;
    let mut options = payload.get(32..)?;
    loop {
        let [kind, units, ..] = *options else { return None };
        let whole = options.len().min(usize::from(units) * 8);
        match kind {
            REDIRECTED => return options.get(8..whole),
            _ if units == 0 => return None,
            _ => options = &options[whole..],
        }
    }
}

fn arp_of(arp: &etherparse::ArpPacketSlice<'_>) -> Option<Arp> {
    let usual = arp.hw_addr_type() == ArpHardwareId::ETHERNET && arp.proto_addr_type() == EtherType::IPV4;
    let sender: [u8; 4] = arp.sender_protocol_addr().try_into().ok()?;
    let target: [u8; 4] = arp.target_protocol_addr().try_into().ok()?;
    let mac = Mac(arp.sender_hw_addr().try_into().ok()?);
    usual.then(|| Arp { asks: arp.operation().0 == 1, mac, sender: sender.into(), target: target.into() })
}

/// `around` holds the whole packet, and may go on behind it.
fn packet_of<'a>(net: &LaxNetSlice<'a>, around: &'a [u8]) -> Option<Packet<'a>> {
    let payload = net.ip_payload_ref()?;
    let (source, dest, hops, first_header, header) = match net {
        LaxNetSlice::Ipv4(ip) => {
            let header = ip.header();
            (
                header.source_addr().into(),
                header.destination_addr().into(),
                header.ttl(),
                header.protocol().0,
                header.slice().len(),
            )
        }
        LaxNetSlice::Ipv6(ip) => {
            let header = ip.header();
            (
                header.source_addr().into(),
                header.destination_addr().into(),
                header.hop_limit(),
                header.next_header().0,
                header.slice().len(),
            )
        }
        LaxNetSlice::Arp(_) => return None,
    };
    let end = offset_in(around, payload.payload)? + payload.payload.len();
    let fragment = fragment_of(net);
    let protocol = payload.ip_number;
    let transport = match fragment {
        Some(fragment) if fragment.offset > 0 => Transport::None,
        _ => transport_of(protocol, payload.payload),
    };
    let body = around.get(header..end)?;
    Some(Packet {
        source,
        dest,
        hops,
        protocol: protocol.0,
        first_header,
        fragment,
        body,
        bytes: payload.payload,
        transport,
    })
}

/// Where `part`, a slice of `whole`, begins in it.
fn offset_in(whole: &[u8], part: &[u8]) -> Option<usize> {
    let offset = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    (offset + part.len() <= whole.len()).then_some(offset)
}

fn fragment_of(net: &LaxNetSlice<'_>) -> Option<Fragment> {
    match net {
        LaxNetSlice::Ipv4(ip) if ip.header().is_fragmenting_payload() => Some(Fragment {
            id: ip.header().identification().into(),
            offset: u32::from(ip.header().fragments_offset().value()) * 8,
            more: ip.header().more_fragments(),
        }),
        LaxNetSlice::Ipv6(ip) if ip.is_payload_fragmented() => {
            ip.extensions().clone().into_iter().find_map(|extension| match extension {
                etherparse::Ipv6ExtensionSlice::Fragment(header) => Some(Fragment {
                    id: header.identification(),
                    offset: u32::from(header.fragment_offset().value()) * 8,
                    more: header.more_fragments(),
                }),
                _ => None,
            })
        }
        _ => None,
    }
}

fn transport_of(protocol: IpNumber, bytes: &[u8]) -> Transport<'_> {
    match protocol {
        IpNumber::TCP => tcp_of(bytes),
        IpNumber::UDP => udp_of(bytes),
        IpNumber::ICMP | IpNumber::IPV6_ICMP => icmp_of(bytes),
        _ => Transport::None,
    }
}

/// By hand: etherparse refuses a timestamp message that is longer than RFC 792 has it.
fn icmp_of(bytes: &[u8]) -> Transport<'_> {
    match *bytes {
        [kind, code, _, _, a, b, c, d, ref payload @ ..] => {
            Transport::Icmp(Icmp { kind, code, rest: [a, b, c, d], payload })
        }
        _ => Transport::None,
    }
}

fn tcp_of(bytes: &[u8]) -> Transport<'_> {
    let Ok(tcp) = TcpSlice::from_slice(bytes) else { return ports_of(bytes) };
    Transport::Tcp(Tcp {
        source_port: tcp.source_port(),
        dest_port: tcp.destination_port(),
        sequence: tcp.sequence_number(),
        acknowledgement: tcp.acknowledgment_number(),
        window: tcp.window_size(),
        syn: tcp.syn(),
        ack: tcp.ack(),
        fin: tcp.fin(),
        rst: tcp.rst(),
        payload: bytes.get(tcp.header_slice().len()..).unwrap_or_default(),
    })
}

/// The length in the UDP header is left alone: the first fragment of a datagram has the length of the whole.
fn udp_of(bytes: &[u8]) -> Transport<'_> {
    match (ports_of(bytes), bytes.get(8..)) {
        (Transport::Ports(source_port, dest_port), Some(payload)) => {
            Transport::Udp(Udp { source_port, dest_port, payload })
        }
        (ports, _) => ports,
    }
}

fn ports_of(bytes: &[u8]) -> Transport<'_> {
    match *bytes {
        [a, b, c, d, ..] => Transport::Ports(u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])),
        _ => Transport::None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{icmp, link, tcp, udp};
    use super::*;

    const SYN: ((&str, u16), (&str, u16)) = (("10.0.0.1", 1234), ("10.0.0.2", 80));

    #[test]
    fn a_tag_is_read_and_what_lies_behind_it() {
        let plain = link(0, 1, 0x0800, &tcp(SYN.0, SYN.1, 7, "S", b"")).remove(0).bytes;
        let tagged = [&plain[..12], &[0x81, 0, 0x20, 30], &plain[12..]].concat();
        let frame = Frame::of(&tagged).unwrap();
        assert_eq!((frame.vlan, frame.ether_type), (Some(30), 0x0800));
        let untagged = Frame::of(&plain).unwrap();
        assert_eq!((untagged.vlan, untagged.content), (None, frame.content));
    }

    #[test]
    fn padding_behind_a_packet_is_no_payload() {
        let mut bytes = link(0, 1, 0x0800, &udp(SYN.0, SYN.1, b"x")).remove(0).bytes;
        bytes.resize(60, 0);
        let Some(Frame { content: Content::Ip(packet), .. }) = Frame::of(&bytes) else { panic!("a packet") };
        let Transport::Udp(udp) = packet.transport else { panic!("a datagram") };
        assert_eq!(udp.payload, b"x");
    }

    #[test]
    fn an_error_quotes_what_it_is_about_even_when_cut_to_eight_bytes() {
        let quoted = tcp(SYN.0, SYN.1, 7, "S", b"");
        let error = icmp("10.0.0.2", "10.0.0.1", 3, [0; 4], &quoted[..28]);
        let quoted = Packet::of(&error).unwrap().quoted().unwrap();
        assert_eq!((quoted.ports(), quoted.protocol), (Some((1234, 80)), 6));
        let echo = icmp("10.0.0.2", "10.0.0.1", 8, [0; 4], &error);
        assert_eq!(Packet::of(&echo).unwrap().quoted(), None);
    }

    #[test]
    fn a_redirect_of_ipv6_quotes_what_it_is_about_in_an_option() {
        let about = udp(("fe80::1", 5), ("fe80::2", 6), &[0; 8]);
        let told = |options: &[u8]| {
            let said = [&[0; 32], options].concat();
            let redirect = icmp("fe80::9", "fe80::1", 137, [0; 4], &said);
            Packet::of(&redirect).unwrap().quoted().and_then(|packet| packet.ports())
        };
        let of_link = [2, 1, 2, 0, 0, 0, 0, 1];
        let units = 1 + u8::try_from(about.len() / 8).unwrap();
        let option = [&[4, units, 0, 0, 0, 0, 0, 0], &about[..]].concat();
        assert_eq!(told(&[&of_link[..], &option].concat()), Some((5, 6)));
        assert_eq!(told(&option[..8 + 48]), Some((5, 6)), "as far as it is there");
        assert_eq!(told(&of_link), None);
        for bad in [&[][..], &[4], &[2, 0, 4, 1], &[4, 0], &[1, 200, 0, 0], &[4, 1, 0, 0, 0, 0, 0, 0]] {
            assert_eq!(told(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn ports_lie_behind_extension_headers() {
        let plain = udp(("2001:db8::1", 5), ("2001:db8::2", 6), b"x");
        let mut bytes = [&plain[..40], &[17, 0, 1, 4, 0, 0, 0, 0], &plain[40..]].concat();
        (bytes[5], bytes[6]) = (bytes[5] + 8, 60);
        let packet = Packet::of(&bytes).unwrap();
        assert_eq!((packet.ports(), packet.protocol, packet.first_header), (Some((5, 6)), 17, 60));
        assert_eq!(packet.body.len(), packet.bytes.len() + 8);
    }

    #[test]
    fn a_frame_of_802_2_has_no_ether_type() {
        let frame = link(0, 1, 38, &[0x42; 46]).remove(0).bytes;
        assert_eq!(Frame::of(&frame).unwrap().ether_type, 0);
        assert_eq!(Frame::of(&frame[..13]), None);
    }
}
