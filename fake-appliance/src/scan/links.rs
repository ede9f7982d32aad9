//! The subnets that this machine, or this namespace, is plugged into.

use std::fmt;
use std::net::IpAddr;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::{InterfaceFlags, if_nametoindex};
use nix::sys::socket::SockaddrStorage;

/// One address of a link, and the subnet that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) address: IpAddr,
    /// Length of the subnet's prefix, bits.
    pub(super) prefix: u32,
    /// The kernel's number of the link.
    pub(super) index: u32,
}

impl Link {
    /// Whether this address is in the subnet, and somebody else's: neither everybody's nor that of all its routers.
    pub(super) fn has_neighbour(self, other: IpAddr) -> bool {
        let (own, other, bits) = match (self.address, other) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (u32::from(own).into(), u32::from(other).into(), 32),
            (IpAddr::V6(own), IpAddr::V6(other)) => (u128::from(own), u128::from(other), 128),
            _ => return false,
        };
        // In a subnet of one or two addresses each is somebody's (RFC 3021, RFC 6164).
        let small = self.prefix + 1 >= bits;
        let hosts =
            if self.prefix == 0 && bits == 128 { u128::MAX } else { (1_u128 << (bits - self.prefix)) - 1 };
        let host = other & hosts;
        let is_everybodys = host == 0 || (bits == 32 && host == hosts);
        own & !hosts == other & !hosts && other != own && (small || !is_everybodys)
    }
}

impl fmt::Display for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.prefix)
    }
}

/// All links that are up and carry groups, loopback aside, with each of their addresses but those that IPv6 gives every link by itself:
/// nobody can name a host by one of these without naming a link as well.
pub(super) fn own() -> Vec<Link> {
    let mut links = Vec::new();
    for entry in getifaddrs().into_iter().flatten() {
        let up = InterfaceFlags::IFF_UP | InterfaceFlags::IFF_MULTICAST;
        if !entry.flags.contains(up) || entry.flags.contains(InterfaceFlags::IFF_LOOPBACK) {
            continue;
        }
        let (address, mask) = (entry.address.as_ref().and_then(ip), entry.netmask.as_ref().and_then(ip));
        let (Some(address), Some(mask)) = (address, mask) else { continue };
        let of_every_link = matches!(address, IpAddr::V6(six) if six.is_unicast_link_local());
        let index = if_nametoindex(entry.interface_name.as_str());
        if let (false, Ok(index)) = (of_every_link, index) {
            links.push(Link { address, prefix: length(mask), index });
        }
    }
    links
}

fn ip(storage: &SockaddrStorage) -> Option<IpAddr> {
    let four = storage.as_sockaddr_in().map(|four| IpAddr::V4(four.ip()));
    four.or_else(|| storage.as_sockaddr_in6().map(|six| IpAddr::V6(six.ip())))
}

fn length(mask: IpAddr) -> u32 {
    match mask {
        IpAddr::V4(mask) => u32::from(mask).leading_ones(),
        IpAddr::V6(mask) => u128::from(mask).leading_ones(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(address: &str, prefix: u32) -> Link {
        Link { address: address.parse().unwrap(), prefix, index: 2 }
    }

    fn has(link: Link, other: &str) -> bool {
        link.has_neighbour(other.parse().unwrap())
    }

    #[test]
    fn neighbours_are_others_of_the_same_subnet() {
        let four = link("10.20.0.5", 24);
        assert_eq!(four.to_string(), "10.20.0.5/24");
        assert!(has(four, "10.20.0.11"));
        for other in ["10.20.0.5", "10.20.1.11", "10.20.0.0", "10.20.0.255", "203.0.113.9", "2001:db8::11"] {
            assert!(!has(four, other), "{other}");
        }
        assert!(has(link("10.0.0.0", 31), "10.0.0.1"));
        assert!(!has(link("10.0.0.1", 32), "10.0.0.2") && has(link("10.0.0.1", 0), "192.0.2.1"));
    }

    #[test]
    fn neighbours_by_ipv6_are_so_too_and_no_router_of_any() {
        let six = link("2001:db8:20::5", 64);
        assert_eq!(six.to_string(), "2001:db8:20::5/64");
        assert!(has(six, "2001:db8:20::11") && has(six, "2001:db8:20::ffff:ffff:ffff:ffff"));
        for other in ["2001:db8:20::5", "2001:db8:20:1::11", "2001:db8:20::", "fe80::11", "10.20.0.11"] {
            assert!(!has(six, other), "{other}");
        }
        assert!(has(link("2001:db8::", 127), "2001:db8::1"));
        assert!(!has(link("2001:db8::1", 128), "2001:db8::2") && has(link("2001:db8::1", 0), "2001::1"));
    }
}
