//! A packet as the model sees it: what a rule may look at, and nothing else.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::names::Mac;

/// A packet. Its checksums are right, and it fits every link on its way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Packet {
    /// Who is said to have sent it.
    pub source: IpAddr,
    /// Whom it is for, of the same family.
    pub destination: IpAddr,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// Code point of differentiated services (RFC 2474), 0 to 63.
    pub dscp: u8,
    /// IPv4 options by number, such as 131 for a loose source route; empty for IPv6.
    pub options: Vec<u8>,
    /// IPv6 extension headers by number, in their order, without that of a fragment; empty for IPv4.
    pub extensions: Vec<u8>,
    /// Whether it is a piece of a longer one.
    pub fragment: Fragment,
    /// What it carries.
    pub body: Body,
    /// What the devices on its way know of the conversation that it belongs to.
    pub tracked: Tracked,
}

/// Whether a packet is a piece of a longer one; the other pieces never come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fragment {
    /// It is whole.
    Whole,
    /// The first piece, with ports.
    First,
    /// The first piece, of eight bytes: with ports, without TCP's flags.
    Tiny,
    /// The last piece, without ports.
    Later {
        /// Where in the whole it belongs, from 1, units of 8 bytes.
        offset: u16,
    },
}

/// What a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// A TCP header without options.
    Tcp {
        /// Source port.
        source: u16,
        /// Destination port.
        destination: u16,
        /// FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128 (RFC 9293, section 3.1; RFC 3168).
        flags: u8,
    },
    /// A UDP header.
    Udp {
        /// Source port.
        source: u16,
        /// Destination port.
        destination: u16,
    },
    /// ICMP, in an IPv4 packet.
    Icmp {
        /// Its type.
        kind: u8,
        /// Its code.
        code: u8,
    },
    /// ICMPv6, in an IPv6 packet.
    Icmp6 {
        /// Its type.
        kind: u8,
        /// Its code.
        code: u8,
    },
    /// Any other IP protocol, with contents that are not known. Numbers of IPv6 extension headers stand for such a
    /// header with nothing behind it.
    Other(u8),
}

/// What the devices on a packet's way know of its conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tracked {
    /// Nothing: it is the first that they see of it. Whether that is `new` or `invalid` is for them to say.
    Fresh,
    /// It belongs to a conversation that has gone both ways.
    Established,
    /// It belongs to a conversation that an established one announced, or is an error that quotes one.
    Related,
}

impl Packet {
    /// A whole packet of a fresh conversation, time to live 64, code point 0.
    pub fn new(source: IpAddr, destination: IpAddr, body: Body) -> Packet {
        let (options, extensions) = (Vec::new(), Vec::new());
        let (fragment, tracked) = (Fragment::Whole, Tracked::Fresh);
        Packet { source, destination, ttl: 64, dscp: 0, options, extensions, fragment, body, tracked }.tidy()
    }

    /// With extension headers where they belong: an IPv6 packet never carries one as its body.
    pub(super) fn tidy(mut self) -> Packet {
        if let (Body::Other(number), true) = (self.body, self.is_6())
            && EXTENSIONS.contains(&number)
        {
            self.extensions.push(number);
            self.body = Body::Other(NOTHING);
        }
        self
    }

    pub(super) fn is_6(&self) -> bool {
        self.destination.is_ipv6()
    }

    /// The number of the IP protocol that it carries.
    pub fn protocol(&self) -> u8 {
        match self.body {
            Body::Tcp { .. } => TCP,
            Body::Udp { .. } => UDP,
            Body::Icmp { .. } => ICMP,
            Body::Icmp6 { .. } => ICMP6,
            Body::Other(number) => number,
        }
    }

    /// The number of the protocol that rules take it for: nft does not look behind an authentication header of IPv6
    /// (`nft_set_pktinfo_ipv6`), connection tracking does.
    pub(super) fn filtered_as(&self) -> u8 {
        if self.is_6() && self.extensions.contains(&AUTHENTICATION) {
            AUTHENTICATION
        } else {
            self.protocol()
        }
    }

    /// Source and destination port, if it has ports.
    pub fn ports(&self) -> Option<(u16, u16)> {
        match self.body {
            Body::Tcp { source, destination, .. } | Body::Udp { source, destination } => {
                Some((source, destination))
            }
            _ => None,
        }
    }
}

/// ICMP, TCP, UDP and ICMPv6 (IANA's protocol numbers).
pub(super) const ICMP: u8 = 1;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const ICMP6: u8 = 58;
/// "No next header" (RFC 8200, section 4.7).
pub(super) const NOTHING: u8 = 59;
/// The authentication header.
const AUTHENTICATION: u8 = 51;
/// The extension header of a fragment.
pub(super) const FRAGMENT: u8 = 44;
/// What Linux takes for an extension header (`ipv6_ext_hdr`), less the one that says that nothing follows.
const EXTENSIONS: [u8; 5] = [0, 43, 44, 51, 60];

/// The Ethernet addresses that a packet comes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ethernet {
    /// Who is said to have sent the frame.
    pub source: Mac,
    /// Whom it is for.
    pub destination: Mac,
}

impl Ethernet {
    /// Whether the frame is for a group, or for everybody.
    pub(super) fn is_for_many(&self) -> bool {
        self.destination.0[0] & 1 == 1
    }
}
