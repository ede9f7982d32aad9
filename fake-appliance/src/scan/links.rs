//! The subnets that this machine, or this namespace, is plugged into.

use std::fmt;
use std::net::Ipv4Addr;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;

/// One address of a link, and the subnet that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) address: Ipv4Addr,
    pub(super) mask: u32,
}

impl Link {
    /// Whether this address is in the subnet, and somebody else's.
    pub(super) fn has_neighbour(self, other: Ipv4Addr) -> bool {
        let host = u32::from(other) & !self.mask;
        u32::from(other) & self.mask == u32::from(self.address) & self.mask
            && other != self.address
            && (self.mask.leading_ones() >= 31 || (host != 0 && host != !self.mask))
    }
}

impl fmt::Display for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.mask.leading_ones())
    }
}

/// All links that are up and carry groups, loopback aside.
pub(super) fn own() -> Vec<Link> {
    let mut links = Vec::new();
    for entry in getifaddrs().into_iter().flatten() {
        let up = InterfaceFlags::IFF_UP | InterfaceFlags::IFF_MULTICAST;
        if !entry.flags.contains(up) || entry.flags.contains(InterfaceFlags::IFF_LOOPBACK) {
            continue;
        }
        let four = |storage: Option<nix::sys::socket::SockaddrStorage>| {
            storage.as_ref().and_then(|storage| storage.as_sockaddr_in()).map(|four| four.ip())
        };
        if let (Some(address), Some(mask)) = (four(entry.address), four(entry.netmask)) {
            links.push(Link { address, mask: u32::from(mask) });
        }
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_others_of_the_same_subnet() {
        let link = Link { address: Ipv4Addr::new(10, 20, 0, 5), mask: 0xffff_ff00 };
        assert_eq!(link.to_string(), "10.20.0.5/24");
        assert!(link.has_neighbour(Ipv4Addr::new(10, 20, 0, 11)));
        for other in [[10, 20, 0, 5], [10, 20, 1, 11], [10, 20, 0, 0], [10, 20, 0, 255], [203, 0, 113, 9]] {
            assert!(!link.has_neighbour(other.into()), "{other:?}");
        }
        let pair = Link { address: Ipv4Addr::new(10, 0, 0, 0), mask: 0xffff_fffe };
        assert!(pair.has_neighbour(Ipv4Addr::new(10, 0, 0, 1)));
    }
}
