//! What a rule may ask besides the packet: named sets, and the node's routing tables.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use super::super::routes::{NoWay, Place, Tables, is_link_local};
use super::super::ruleset::{Element, Fib, FibAsks, Lookup, Table};
use super::look::Look;
use super::traveller::Traveller;
use crate::plan::{Link, Node};

/// What a rule may ask besides the packet.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub(super) node: &'a Node,
    pub(super) table: &'a Table,
    /// Sets of the table that others fill while the site runs.
    pub(super) filled: &'a BTreeSet<String>,
}

impl<'a> Surroundings<'a> {
    /// The elements, and whether others come and go while the site runs.
    pub(super) fn elements(&self, lookup: &'a Lookup) -> (&'a [Element], bool) {
        match lookup {
            Lookup::Here(elements) => (elements, false),
            Lookup::Named(name) => {
                let elements = self.table.sets.get(name).map_or(&[][..], |set| &set.elements);
                (elements, self.filled.contains(name))
            }
        }
    }

    fn link(&self, name: &str) -> Option<&'a Link> {
        self.node.links.iter().find(|link| link.name.as_str() == name)
    }

    /// What `fib` answers (the kernel's `nft_fib_ipv4.c` and `nft_fib_ipv6.c`).
    pub(super) fn fib(&self, question: Fib, on: &Traveller) -> Look {
        let packet = &on.packet;
        let (of, other) = match question.of_source {
            true => (packet.source, packet.destination),
            false => (packet.destination, packet.source),
        };
        if of == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
            return Look::Unsure("what no address is to the routing tables".into());
        }
        let only = match (question.in_link, question.out_link) {
            (false, false) => None,
            (true, false) => Some(on.in_link.as_str()),
            (false, true) => Some(on.out_link.as_str()),
            (true, true) => return Look::Unsure("a route by two links".into()),
        };
        match question.asks {
            FibAsks::AddressType => self.address_type(of, only),
            FibAsks::Link => self.out_link(of, other, only, question.of_source, on),
        }
    }

    fn address_type(&self, address: IpAddr, only: Option<&str>) -> Look {
        const UNICAST: u128 = 1;
        const LOCAL: u128 = 2;
        const BROADCAST: u128 = 3;
        const ANYCAST: u128 = 4;
        const MULTICAST: u128 = 5;
        const UNREACHABLE: u128 = 7;
        let there = |link: Option<&Link>| match (only, link) {
            (None, _) => true,
            (Some(only), Some(link)) => link.name.as_str() == only,
            (Some(only), None) => only == "lo",
        };
        let tables = Tables::of(self.node);
        let number = match tables.place(address) {
            Place::Own(link) if there(link) => LOCAL,
            Place::Broadcast(None) => BROADCAST,
            Place::Broadcast(link) if there(link) => BROADCAST,
            Place::Anycast(_) => ANYCAST,
            Place::Multicast => MULTICAST,
            Place::Depends => return Look::Unsure("the lowest address of a network".into()),
            Place::Unicast if address.is_ipv6() => match tables.way(address, address, None) {
                Ok(_) => UNICAST,
                Err(NoWay::NoRoute) => UNREACHABLE,
                Err(NoWay::Ambiguous(text)) => return Look::Unsure(text),
            },
            _ => UNICAST,
        };
        Look::Number(number)
    }

    fn out_link(&self, to: IpAddr, from: IpAddr, only: Option<&str>, source: bool, on: &Traveller) -> Look {
        let none = Look::Name(String::new());
        if let (IpAddr::V4(to), IpAddr::V4(destination), true) = (to, on.packet.destination, source)
            && to.is_unspecified()
        {
            // Whoever has no address yet asks everybody on its own link.
            let all = destination.is_broadcast() || destination.octets()[..3] == [224, 0, 0];
            return if all { Look::Name(on.in_link.clone()) } else { none };
        }
        let tables = Tables::of(self.node);
        match tables.place(to) {
            Place::Unicast => (),
            Place::Depends => return Look::Unsure("the lowest address of a network".into()),
            _ => return none,
        }
        let link = only.and_then(|name| self.link(name));
        if only.is_some() && link.is_none() {
            return none;
        }
        // The longest prefix first, then whether it leads there; a link-local address is looked for at the link by which
        // the packet came.
        let here = is_link_local(to).then(|| self.link(&on.in_link)).flatten();
        let way = tables.way(from, to, here);
        match way {
            Ok(way) if link.is_none_or(|link| link.name == way.link.name) => {
                Look::Name(way.link.name.to_string())
            }
            Ok(_) | Err(NoWay::NoRoute) => none,
            Err(NoWay::Ambiguous(text)) => Look::Unsure(text),
        }
    }
}
