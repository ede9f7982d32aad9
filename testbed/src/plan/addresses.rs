//! IP addresses: the written ones are kept, the others are the lowest free ones of their subnet.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

/// First and last address of a subnet that a host may have.
///
/// Not the network's own and the broadcast address (RFC 1122 section 3.2.1.3; both may be used in a /31, RFC 3021),
/// not the subnet-router anycast address (RFC 4291 section 2.6.1; may be used in a /127, RFC 6164).
pub(super) fn usable(subnet: &IpNet) -> (IpAddr, IpAddr) {
    let (first, last) = (number(subnet.network()), number(subnet.broadcast()));
    let spare = subnet.max_prefix_len() - subnet.prefix_len();
    let (first, last) = match subnet {
        IpNet::V4(_) if spare >= 2 => (first + 1, last - 1),
        IpNet::V6(_) if spare >= 2 => (first + 1, last),
        _ => (first, last),
    };
    (address(subnet, first), address(subnet, last))
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(four) => u128::from(four.to_bits()),
        IpAddr::V6(six) => six.to_bits(),
    }
}

fn address(subnet: &IpNet, number: u128) -> IpAddr {
    match subnet {
        IpNet::V4(_) => IpAddr::V4(u32::try_from(number).expect("below the subnet's last address").into()),
        IpNet::V6(_) => IpAddr::V6(number.into()),
    }
}

/// So many addresses, one after the other; fewer at the end of all addresses.
pub(super) fn in_a_row(first: IpAddr, count: usize) -> impl Iterator<Item = IpAddr> {
    let all = IpNet::new_assert(first, 0);
    (number(first)..=number(all.broadcast())).take(count).map(move |one| address(&all, one))
}

/// Hands out addresses; those that are written are reserved before the first one is given.
#[derive(Default)]
pub(super) struct Addresses {
    taken: BTreeSet<IpAddr>,
    /// Where to look on: everything below is taken.
    next: BTreeMap<IpNet, u128>,
    /// First and last of those that a DHCP server gives.
    pools: Vec<(IpAddr, IpAddr)>,
}

impl Addresses {
    /// Keeps a written one; false if it is taken already.
    pub(super) fn keep(&mut self, address: IpAddr) -> bool {
        self.taken.insert(address)
    }

    /// Leaves a DHCP server's pool alone.
    pub(super) fn leave(&mut self, first: IpAddr, last: IpAddr) {
        self.pools.push((first, last));
    }

    /// The lowest free one; none if the subnet is full.
    pub(super) fn give(&mut self, subnet: &IpNet) -> Option<IpAddr> {
        let (first, last) = usable(subnet);
        let next = self.next.entry(*subnet).or_insert(number(first));
        while *next <= number(last) {
            let found = address(subnet, *next);
            let pool = self.pools.iter().find(|(first, last)| (*first..=*last).contains(&found));
            *next = pool.map_or(*next, |(_, last)| number(*last)) + 1;
            if pool.is_none() && self.taken.insert(found) {
                return Some(found);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(subnet: &str, written: &[&str], count: usize) -> Vec<String> {
        let mut addresses = Addresses::default();
        for one in written {
            assert!(addresses.keep(one.parse().unwrap()));
        }
        let subnet = subnet.parse().unwrap();
        (0..count).map_while(|_| addresses.give(&subnet)).map(|one| one.to_string()).collect()
    }

    #[test]
    fn the_lowest_free_address_is_given() {
        assert_eq!(given("10.0.0.0/24", &["10.0.0.1", "10.0.0.3"], 3), ["10.0.0.2", "10.0.0.4", "10.0.0.5"]);
        assert_eq!(given("2001:db8::/64", &[], 2), ["2001:db8::1", "2001:db8::2"]);
    }

    #[test]
    fn nothing_is_given_out_of_a_pool() {
        let mut addresses = Addresses::default();
        addresses.leave(IpAddr::from([10, 0, 0, 2]), IpAddr::from([10, 0, 0, 200]));
        let subnet = "10.0.0.0/24".parse().unwrap();
        let given: Vec<_> =
            (0..2).map_while(|_| addresses.give(&subnet)).map(|one| one.to_string()).collect();
        assert_eq!(given, ["10.0.0.1", "10.0.0.201"]);
    }

    #[test]
    fn a_full_subnet_gives_nothing() {
        assert_eq!(given("10.0.0.0/30", &[], 9), ["10.0.0.1", "10.0.0.2"]);
        assert_eq!(given("10.0.0.0/31", &[], 9), ["10.0.0.0", "10.0.0.1"]);
        assert_eq!(given("10.0.0.7/32", &[], 9), ["10.0.0.7"]);
        assert_eq!(given("2001:db8::/127", &[], 9), ["2001:db8::", "2001:db8::1"]);
        assert_eq!(
            given("2001:db8::/126", &[], 9),
            ["2001:db8::1", "2001:db8::2", "2001:db8::3"],
            "all but the routers' anycast address"
        );
    }
}
