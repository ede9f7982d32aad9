//! A node's addresses and routes, asked as Linux asks its routing tables.
//!
//! What a lease or an advertisement gives counts as given. Sources: ip-rule(8), ip-route(8), the kernel's
//! `inet_addr_type` and `ip6_pol_route`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::plan::{Link, Node};

/// The tables of one node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tables<'a> {
    node: &'a Node,
}

/// Where a packet goes from a node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Way<'a> {
    /// By this link.
    pub(super) link: &'a Link,
    /// To this neighbour.
    pub(super) next: IpAddr,
}

/// Why the way is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoWay {
    /// There is none.
    NoRoute,
    /// There are several.
    Ambiguous(String),
}

/// What an address is to a node (rtnetlink's route types).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Place<'a> {
    /// The node's own, at this link; none: its loopback.
    Own(Option<&'a Link>),
    /// A broadcast of the network at this link, or of every network.
    Broadcast(Option<&'a Link>),
    /// The anycast address of the network's routers, at this link.
    Anycast(&'a Link),
    Multicast,
    /// Somebody else's.
    Unicast,
    /// What it is depends on the kernel.
    Depends,
}

impl<'a> Tables<'a> {
    pub(super) fn of(node: &'a Node) -> Self {
        Tables { node }
    }

    /// What the address is to this node.
    pub(super) fn place(self, address: IpAddr) -> Place<'a> {
        if address.is_multicast() {
            return Place::Multicast;
        }
        if address.is_loopback() {
            return Place::Own(None);
        }
        if let Some(link) = self.node.links.iter().find(|link| has(link, address)) {
            return Place::Own(Some(link));
        }
        match address {
            IpAddr::V4(address) => self.place4(address),
            IpAddr::V6(address) => self.place6(address),
        }
    }

    fn place4(self, address: Ipv4Addr) -> Place<'a> {
        if address.is_broadcast() || address.is_unspecified() {
            return Place::Broadcast(None);
        }
        let nets = self.nets().filter(|(_, net)| net.prefix_len() <= 30);
        for (link, net) in nets {
            if net.broadcast() == IpAddr::V4(address) {
                return Place::Broadcast(Some(link));
            }
            // The lowest address of a network was a broadcast until Linux 5.14.
            if net.network() == IpAddr::V4(address) {
                return Place::Depends;
            }
        }
        Place::Unicast
    }

    fn place6(self, address: Ipv6Addr) -> Place<'a> {
        let mut nets = self.nets().filter(|(_, net)| net.prefix_len() < 127 && self.node.forwards);
        let anycast = nets.find(|(_, net)| net.network() == IpAddr::V6(address));
        anycast.map_or(Place::Unicast, |(link, _)| Place::Anycast(link))
    }

    /// Whether every such node is in the group: all nodes of a link, all its routers, whoever has such an address (RFC
    /// 1112, section 4; RFC 4291, section 2.8).
    pub(super) fn joins(self, group: IpAddr, link: Option<&Link>) -> bool {
        match group {
            IpAddr::V4(group) => group == Ipv4Addr::new(224, 0, 0, 1),
            IpAddr::V6(group) => {
                let routers = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
                let own = link
                    .into_iter()
                    .flat_map(|link| link.addresses.iter().map(IpNet::addr).chain([link_local_of(link)]));
                group == Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1)
                    || (group == routers && self.node.forwards)
                    || own.into_iter().any(|address| solicited(address) == Some(group))
            }
        }
    }

    fn nets(self) -> impl Iterator<Item = (&'a Link, &'a IpNet)> {
        self.node.links.iter().flat_map(|link| link.addresses.iter().map(move |net| (link, net)))
    }

    /// By which link, and to which neighbour, a packet from one address goes to another that is not the node's own.
    ///
    /// `only`: as if there were no routes by other links.
    pub(super) fn way(self, from: IpAddr, to: IpAddr, only: Option<&Link>) -> Result<Way<'a>, NoWay> {
        if is_link_local(to) {
            return self.link_local(to, only);
        }
        let by = |way: &Way<'_>| only.is_none_or(|link| link.name == way.link.name);
        let policy = self.node.policy.iter().filter(|route| route.from.contains(&from));
        let policy = policy.filter(|route| route.to.contains(&to));
        let policy = policy.filter_map(|route| Some((route.to.prefix_len(), self.via(route.via)?)));
        let policy: Vec<_> = policy.filter(|(_, way)| by(way)).collect();
        if !policy.is_empty() {
            self.one_table(from)?;
            return longest(policy);
        }
        let own = self.nets().filter(|(_, net)| net.contains(&to));
        let own = own.map(|(link, net)| (net.prefix_len(), Way { link, next: to }));
        let routes = self.node.routes.iter().filter(|route| route.to.contains(&to));
        let routes = routes.filter_map(|route| Some((route.to.prefix_len(), self.via(route.via)?)));
        longest(own.chain(routes).filter(|(_, way)| by(way)).collect())
    }

    /// Which of several tables is asked first is not planned.
    fn one_table(self, from: IpAddr) -> Result<(), NoWay> {
        let mut tables = self.node.policy.iter().map(|route| route.from).filter(|net| net.contains(&from));
        let first = tables.next();
        match tables.find(|other| Some(*other) != first) {
            None => Ok(()),
            Some(_) => Err(NoWay::Ambiguous(format!("several tables have routes from {from}"))),
        }
    }

    fn via(self, via: IpAddr) -> Option<Way<'a>> {
        let beside = self.nets().filter(|(_, net)| net.contains(&via));
        beside.max_by_key(|(_, net)| net.prefix_len()).map(|(link, _)| Way { link, next: via })
    }

    /// `fe80::/10` is at every link; which one is meant no address says.
    fn link_local(self, to: IpAddr, only: Option<&Link>) -> Result<Way<'a>, NoWay> {
        let mut links = self.node.links.iter().filter(|link| only.is_none_or(|one| one.name == link.name));
        match (links.next(), links.next()) {
            (Some(link), None) => Ok(Way { link, next: to }),
            (None, _) => Err(NoWay::NoRoute),
            _ => Err(NoWay::Ambiguous(format!("{to} may be at any link"))),
        }
    }
}

/// The way of the longest prefix, unless several of that length lead to different places.
fn longest(ways: Vec<(u8, Way<'_>)>) -> Result<Way<'_>, NoWay> {
    let Some(most) = ways.iter().map(|(length, _)| *length).max() else { return Err(NoWay::NoRoute) };
    let mut best = ways.into_iter().filter(|(length, _)| *length == most).map(|(_, way)| way);
    let first = best.next().expect("the longest is one of them");
    match best.find(|other| *other != first) {
        None => Ok(first),
        Some(other) => Err(NoWay::Ambiguous(format!(
            "routes of one length lead to {} by {} and to {} by {}",
            first.next, first.link.name, other.next, other.link.name
        ))),
    }
}

fn has(link: &Link, address: IpAddr) -> bool {
    link.addresses.iter().any(|net| net.addr() == address) || link_local_of(link) == address
}

/// The address that a link with IPv6 makes of its Ethernet address (RFC 4291, appendix A).
pub(super) fn link_local_of(link: &Link) -> IpAddr {
    IpAddr::V6(link.mac.link_local())
}

pub(super) fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.segments()[0] & 0xffc0 == 0xfe80)
}

/// The group that whoever has this address is asked in (RFC 4291, section 2.7.1).
pub(super) fn solicited(address: IpAddr) -> Option<Ipv6Addr> {
    let IpAddr::V6(address) = address else { return None };
    let [.., e, f] = address.segments();
    Some(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | e & 0xff, f))
}
