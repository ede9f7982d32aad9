//! What a packet may ride in: protocols that carry whole packets, and datagrams that do.

use std::fmt;

use super::{Mac, Traffic};

/// A tunnel, as who sends a packet through it writes it: in the clear, whatever the protocol would hide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tunnel {
    /// An IPv4 packet right behind the header, protocol 4 (RFC 2003; in IPv6, RFC 2473).
    Ipv4,
    /// An IPv6 packet likewise, protocol 41 (RFC 4213; in IPv6, RFC 2473).
    Ipv6,
    /// GRE without options, protocol 47 (RFC 2784).
    Gre,
    /// ESP whose cipher is none, protocol 50 (RFC 4303; RFC 2410).
    Esp,
    /// AH in tunnel mode, protocol 51 (RFC 4302).
    Ah,
    /// `EtherIP`, protocol 97 (RFC 3378).
    EtherIp,
    /// L2TP of version 3 right behind the header, protocol 115 (RFC 3931).
    L2tp,
    /// VXLAN, `udp/4789` (RFC 7348).
    Vxlan,
    /// VXLAN to the first device on the way, whoever the packet inside is for.
    VxlanByWay,
    /// Teredo, `udp/3544` (RFC 4380): always an IPv6 packet.
    Teredo,
    /// Transport data of WireGuard's form, `udp/51820`.
    WireGuard,
}

/// Ethernet address of whoever opens a tunnel of frames: the frame inside is for it, so that it looks at the packet in that.
pub const OPENS: Mac = Mac([0x02, 0, 0, 0, 0x47, 0x89]);
/// Port of VXLAN (RFC 7348, section 5).
pub const VXLAN: u16 = 4789;

/// All of them, in the order in which they are sent.
pub const TUNNELS: [Tunnel; 11] = [
    Tunnel::Ipv4,
    Tunnel::Ipv6,
    Tunnel::Gre,
    Tunnel::Esp,
    Tunnel::Ah,
    Tunnel::EtherIp,
    Tunnel::L2tp,
    Tunnel::Vxlan,
    Tunnel::VxlanByWay,
    Tunnel::Teredo,
    Tunnel::WireGuard,
];

impl Tunnel {
    /// Its protocol, if it is right behind the IP header.
    pub fn protocol(self) -> Option<u8> {
        match self {
            Tunnel::Ipv4 => Some(4),
            Tunnel::Ipv6 => Some(41),
            Tunnel::Gre => Some(47),
            Tunnel::Esp => Some(50),
            Tunnel::Ah => Some(51),
            Tunnel::EtherIp => Some(97),
            Tunnel::L2tp => Some(115),
            Tunnel::Vxlan | Tunnel::VxlanByWay | Tunnel::Teredo | Tunnel::WireGuard => None,
        }
    }

    /// Its port of UDP, if it has one.
    pub fn port(self) -> Option<u16> {
        match self {
            Tunnel::Vxlan | Tunnel::VxlanByWay => Some(VXLAN),
            Tunnel::Teredo => Some(3544),
            Tunnel::WireGuard => Some(51_820),
            _ => None,
        }
    }

    /// Bytes between the outer IP header and the packet inside.
    pub fn before(self) -> u16 {
        const UDP: u16 = 8;
        const ETHERNET: u16 = 14;
        match self {
            Tunnel::Ipv4 | Tunnel::Ipv6 => 0,
            Tunnel::Gre => 4,
            Tunnel::Esp => 8,
            Tunnel::Ah => 24,
            Tunnel::EtherIp => 2 + ETHERNET,
            Tunnel::L2tp => 4 + ETHERNET,
            Tunnel::Vxlan | Tunnel::VxlanByWay => UDP + 8 + ETHERNET,
            Tunnel::Teredo => UDP,
            Tunnel::WireGuard => UDP + 16,
        }
    }

    /// What flows and rules see that do not look inside.
    pub fn kind(self) -> Traffic {
        match (self.protocol(), self.port()) {
            (Some(number), _) => Traffic::protocol(number),
            (None, port) => port.map_or(Traffic::protocol(0), |port| Traffic::Udp(port, port)),
        }
    }

    /// Whether it carries a packet of IPv4; none: of whatever family its own header has.
    pub fn carries_ipv4(self) -> Option<bool> {
        match self {
            Tunnel::Ipv4 => Some(true),
            Tunnel::Ipv6 | Tunnel::Teredo => Some(false),
            _ => None,
        }
    }

    /// By its word.
    pub(super) fn read(word: &str) -> Option<Tunnel> {
        TUNNELS.into_iter().find(|one| one.to_string() == word)
    }
}

impl fmt::Display for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Tunnel::Ipv4 => "ip4",
            Tunnel::Ipv6 => "ip6",
            Tunnel::Gre => "gre",
            Tunnel::Esp => "esp",
            Tunnel::Ah => "ah",
            Tunnel::EtherIp => "etherip",
            Tunnel::L2tp => "l2tp",
            Tunnel::Vxlan => "vxlan",
            Tunnel::VxlanByWay => "vxlan-to-router",
            Tunnel::Teredo => "teredo",
            Tunnel::WireGuard => "wireguard",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_known_by_its_word_and_is_either_a_protocol_or_a_port() {
        for one in TUNNELS {
            assert_eq!(Tunnel::read(&one.to_string()), Some(one));
            assert_ne!(one.protocol().is_some(), one.port().is_some(), "{one}");
        }
        assert_eq!(Tunnel::read("pieces"), None);
        assert_eq!(
            (Tunnel::Gre.kind(), Tunnel::Teredo.kind()),
            (Traffic::protocol(47), Traffic::Udp(3544, 3544))
        );
    }
}
