//! DHCP: who hands out addresses in which segment, and which one each link that asks should get.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net};

use super::super::leaf::{Asks, Lasting};
use super::super::mistakes::{Mistake, Mistakes};
use super::super::model::{Leased, Node, Pool};
use super::super::raw;
use super::super::shape::{At, Named, Slot};
use super::super::tree::Spot;
use super::addresses::{Register, ahead, unusable};
use super::directory::Directory;
use super::links::Wire;
use super::nodes::served;
use super::or;
use super::segments::{Known, Segments};
use crate::names::{NodeName, SegmentName};

/// For how long an address is given, if the scenario does not say: dnsmasq's own default.
const LEASE: Duration = Duration::from_secs(3600);

/// Every DHCP server of the site, by the segment that it serves.
pub(crate) struct Servers {
    known: BTreeMap<SegmentName, Server>,
    /// False if one could not be read: a segment that seems to have none may have it.
    complete: bool,
}

/// One server in one segment, as far as it could be read.
struct Server {
    node: NodeName,
    spot: Spot,
    pool: Option<Range>,
    lease: Duration,
    reserve: BTreeMap<NodeName, Reservation>,
    /// False if a reservation could not be read: a node that seems to have none may have it.
    whole: bool,
}

#[derive(Clone, Copy)]
struct Range {
    first: Ipv4Addr,
    last: Ipv4Addr,
    subnet: Ipv4Net,
    spot: Spot,
}

impl Range {
    fn holds(&self, address: &Ipv4Addr) -> bool {
        (self.first..=self.last).contains(address)
    }

    fn size(&self) -> u64 {
        u64::from(u32::from(self.last) - u32::from(self.first)) + 1
    }
}

/// An address that is kept for one node.
struct Reservation {
    address: At<Ipv4Addr>,
    /// Where the node, or its group, is named.
    named: Spot,
}

impl Servers {
    /// Every server; two in one segment are a mistake.
    pub(crate) fn build(
        site: &raw::Site,
        segments: &Segments,
        directory: &Directory,
        out: &mut Mistakes,
    ) -> Servers {
        let mut servers = Servers { known: BTreeMap::new(), complete: true };
        for (name, dhcp) in written(site, &mut servers.complete) {
            let members =
                directory.find(name, "", &mut Mistakes::default()).map_or(&[][..], |entry| &entry.members);
            for (member, (segment, raw)) in
                members.iter().flat_map(|member| dhcp.entries.iter().map(move |entry| (member, entry)))
            {
                let (Some(raw), Some(known)) = (raw, segments.known.get(&segment.value)) else {
                    servers.complete = false;
                    continue;
                };
                servers.add(member, segment, raw, known, directory, out);
            }
        }
        servers
    }

    fn add(
        &mut self,
        node: &NodeName,
        segment: &At<SegmentName>,
        raw: &raw::Dhcp,
        known: &Known,
        directory: &Directory,
        out: &mut Mistakes,
    ) {
        if let Some(first) = self.known.get(&segment.value) {
            let label = format!("`{node}` in `{}`, too", segment.value);
            let mistake = Mistake::error("two DHCP servers in one segment", segment.spot, label);
            out.push(mistake.also(first.spot, format!("`{}` serves it already", first.node)));
            return;
        }
        let pool = range(raw, known, out);
        let mut server = Server {
            node: node.clone(),
            spot: segment.spot,
            pool,
            lease: or(&raw.lease, Lasting(LEASE)).0,
            reserve: BTreeMap::new(),
            whole: !raw.reserve.is_bad() && raw.reserve.good().is_none_or(|named| !named.incomplete),
        };
        for (name, address) in raw.reserve.good().map_or(&[][..], |named| &named.entries) {
            let Some(entry) = directory.find(name, "a reservation", out) else {
                server.whole = false;
                continue;
            };
            let Some(first) = address.as_ref().and_then(|address| in_subnet(address, pool, out)) else {
                server.whole = false;
                continue;
            };
            for (member, step) in entry.members.iter().zip(0..) {
                let address = At {
                    value: further(first, step),
                    spot: address.as_ref().map_or(name.spot, |at| at.spot),
                };
                server.reserve.insert(member.clone(), Reservation { address, named: name.spot });
            }
        }
        self.known.insert(segment.value.clone(), server);
    }

    /// What a link that asks should get, and where that is written; nothing for another link, or after a mistake.
    pub(crate) fn leased(
        &self,
        node: &NodeName,
        wire: &Wire<'_>,
        index: u64,
    ) -> Option<(At<IpAddr>, Leased)> {
        let asks = wire.dhcp.filter(|_| wire.spare_of.is_none())?;
        let server = self.known.get(&wire.segment.value)?;
        let asked = match asks.value {
            Asks::For(first) => Some(further(first, index)),
            Asks::Any => None,
        };
        let (gets, spot) = match server.reserve.get(node) {
            Some(kept) => (kept.address.value, kept.address.spot),
            None => (asked?, asks.spot),
        };
        let leased = Leased { asks: asked, gets, server: server.node.clone() };
        Some((At { value: gets.into(), spot }, leased))
    }

    /// What can be said about a link that asks, for a whole group at once.
    pub(crate) fn check_wire(&self, members: &[NodeName], wire: &Wire<'_>, out: &mut Mistakes) {
        let Some(asks) = wire.dhcp.filter(|_| wire.spare_of.is_none()) else { return };
        if let Some(address) = wire.addresses().iter().find(|address| address.value.is_ipv4()) {
            let label = "its IPv4 address comes by DHCP: leave one of the two out";
            let mistake = Mistake::error("an address beside `dhcp`", address.spot, label);
            out.push(mistake.also(asks.spot, "it asks here"));
        }
        let Some(server) = self.known.get(&wire.segment.value) else {
            if self.complete {
                let label = format!("no router and no host serves `dhcp` in `{}`", wire.segment.value);
                out.push(Mistake::error("nobody hands out addresses here", asks.spot, label));
            }
            return;
        };
        if members.contains(&server.node) {
            let label =
                format!("`{}` hands out the addresses of `{}` itself", server.node, wire.segment.value);
            out.push(Mistake::error("a DHCP server that would ask itself", asks.spot, label));
        }
        let without = members.iter().zip(0..).find(|(member, _)| !server.reserve.contains_key(*member));
        let Some((member, index)) = without.filter(|_| server.whole) else { return };
        match asks.value {
            Asks::Any => {
                let label = format!("reserve one for `{member}`, or write which it asks for");
                out.push(Mistake::error("nobody knows beforehand which address this gets", asks.spot, label));
            }
            Asks::For(first) => {
                let asked = further(first, index);
                if server.pool.is_some_and(|pool| pool.subnet.contains(&asked) && !pool.holds(&asked)) {
                    let label = format!(
                        "neither reserved for `{member}` nor in the pool of `{}`: it will be given another",
                        server.node
                    );
                    out.push(Mistake::warning(format!("`{asked}` is not to be had"), asks.spot, label));
                }
            }
        }
    }

    /// What can be said once all nodes are known: reservations for those that ask, pools that nobody else lives in.
    pub(crate) fn check(
        &self,
        nodes: &BTreeMap<NodeName, Node>,
        register: &mut Register,
        out: &mut Mistakes,
    ) {
        for (segment, server) in &self.known {
            let mut told: Option<Spot> = None;
            for (name, kept) in &server.reserve {
                let Some(node) = nodes.get(name).filter(|_| told != Some(kept.named)) else { continue };
                if let Some(mistake) = useless(node, segment, kept, out.has_errors()) {
                    out.push(mistake);
                    told = Some(kept.named);
                }
            }
            let Some(pool) = server.pool else { continue };
            let asks = |name: &NodeName| {
                let links = nodes.get(name).map_or(&[][..], |node| &node.links);
                links.iter().any(|link| link.segment == *segment && link.dhcp.is_some())
            };
            let inside = register.within(pool.first.into(), pool.last.into());
            let (clients, others): (Vec<_>, Vec<_>) = inside.partition(|(_, name, _)| asks(name));
            for (address, name, spot) in others {
                let label = format!("`{address}` lies in it");
                let mistake = Mistake::error("a pool that holds a node's own address", pool.spot, label);
                out.push(mistake.also(spot, format!("`{address}` for `{name}`")));
            }
            let rest = pool.size().saturating_sub(clients.len() as u64);
            register.need(segment, rest, pool.spot);
        }
    }

    fn pool_of(&self, node: &NodeName, segment: &SegmentName) -> Option<Pool> {
        let server = self.known.get(segment).filter(|server| server.node == *node)?;
        let Range { first, last, .. } = server.pool?;
        let reserve = server.reserve.iter().map(|(name, kept)| (name.clone(), kept.address.value)).collect();
        Some(Pool { first, last, lease: server.lease, reserve })
    }
}

/// What a router or a host hands out in each segment that it serves; it needs a link in each.
pub(crate) fn pools(
    (who, name): (&str, &At<NodeName>),
    dhcp: &Slot<Named<SegmentName, raw::Dhcp>>,
    wires: &[Wire<'_>],
    segments: &Segments,
    servers: &Servers,
    out: &mut Mistakes,
) -> BTreeMap<SegmentName, Pool> {
    let entries = dhcp.good().map_or(&[][..], |named| &named.entries);
    let served = served(who, entries.iter().map(|(segment, _)| segment), wires, segments, out);
    let pool = |segment: SegmentName| Some((segment.clone(), servers.pool_of(&name.value, &segment)?));
    served.into_iter().filter_map(pool).collect()
}

/// A router or host by name, with what it writes about DHCP.
type Written<'a> = (&'a At<NodeName>, &'a Named<SegmentName, raw::Dhcp>);

/// Everybody who writes that it serves DHCP; `complete` becomes false where something cannot be read.
fn written<'a>(site: &'a raw::Site, complete: &mut bool) -> Vec<Written<'a>> {
    let mut written = Vec::new();
    let mut note = |name, slot: Option<&'a Slot<Named<SegmentName, raw::Dhcp>>>| match slot {
        Some(Slot::Good(dhcp)) => {
            *complete &= !dhcp.incomplete;
            written.push((name, dhcp));
        }
        Some(Slot::Absent) => {}
        Some(Slot::Bad) | None => *complete = false,
    };
    let absent = &Slot::Absent;
    for (name, router) in site.routers.good().map_or(&[][..], |named| &named.entries) {
        note(
            name,
            router.as_ref().and_then(|router| match &router.serves {
                Slot::Good(serves) => Some(&serves.dhcp),
                Slot::Absent => Some(absent),
                Slot::Bad => None,
            }),
        );
    }
    for (name, host) in site.hosts.good().map_or(&[][..], |named| &named.entries) {
        note(
            name,
            host.as_ref().and_then(|host| match &host.serves {
                Slot::Good(serves) => Some(&serves.dhcp),
                Slot::Absent => Some(absent),
                Slot::Bad => None,
            }),
        );
    }
    *complete &= !site.routers.is_bad() && !site.hosts.is_bad();
    written
}

/// The address so many further on; the last there is, if there are not so many.
fn further(first: Ipv4Addr, step: u64) -> Ipv4Addr {
    match ahead(first.into(), step) {
        Some(IpAddr::V4(address)) => address,
        _ => Ipv4Addr::BROADCAST,
    }
}

fn four(address: &At<IpAddr>, out: &mut Mistakes) -> Option<Ipv4Addr> {
    match address.value {
        IpAddr::V4(four) => Some(four),
        IpAddr::V6(_) => {
            let label = "DHCP hands out IPv4 addresses here";
            out.push(Mistake::error("an IPv6 address where IPv4 is meant", address.spot, label));
            None
        }
    }
}

/// The pool of a server, inside one subnet of its segment.
fn range(raw: &raw::Dhcp, known: &Known, out: &mut Mistakes) -> Option<Range> {
    let list = raw.pool.good()?;
    let [first, last] = list.items.as_slice() else {
        if !list.incomplete {
            let label = "write both: `pool: [10.20.0.100, 10.20.0.199]`";
            out.push(Mistake::error(
                "a pool has a first and a last address",
                list.items.first()?.spot,
                label,
            ));
        }
        return None;
    };
    let (from, to) = (four(first, out), four(last, out));
    let (from, to) = (from?, to?);
    let nets = || known.segment.subnets.iter();
    let subnet = nets().find_map(|net| match net {
        IpNet::V4(net) if net.contains(&from) => Some(*net),
        _ => None,
    });
    let Some(subnet) = subnet else {
        if known.whole {
            let all = nets().map(|net| format!("`{net}`")).collect::<Vec<_>>().join(" and ");
            let label = format!("the segment has {all}");
            out.push(Mistake::error("a pool outside its segment", first.spot, label));
        }
        return None;
    };
    let problem = if !subnet.contains(&to) {
        Some((last.spot, format!("lies outside `{subnet}`, where the pool begins")))
    } else if to < from {
        Some((last.spot, format!("comes before `{from}`")))
    } else {
        let ends = [(first, from), (last, to)];
        let unusable = |address: Ipv4Addr| unusable(&address.into(), &IpNet::V4(subnet));
        ends.into_iter().find_map(|(at, end)| Some((at.spot, format!("{} of `{subnet}`", unusable(end)?))))
    };
    if let Some((spot, label)) = problem {
        out.push(Mistake::error("a pool that does not fit its subnet", spot, label));
        return None;
    }
    Some(Range { first: from, last: to, subnet, spot: first.spot })
}

/// A reserved address, in the subnet of the pool.
fn in_subnet(address: &At<IpAddr>, pool: Option<Range>, out: &mut Mistakes) -> Option<Ipv4Addr> {
    let four = four(address, out)?;
    if let Some(pool) = pool.filter(|pool| !pool.subnet.contains(&four)) {
        let label = format!("lies outside `{}`", pool.subnet);
        let mistake = Mistake::error("a reservation in another subnet than the pool", address.spot, label);
        out.push(mistake.also(pool.spot, "the pool begins here"));
        return None;
    }
    Some(four)
}

/// Why nobody would ever be given a reserved address, if so.
fn useless(node: &Node, segment: &SegmentName, kept: &Reservation, has_errors: bool) -> Option<Mistake> {
    let link = node.links.iter().find(|link| link.segment == *segment);
    let (title, label) = match link {
        // its links may be what could not be read
        _ if node.links.is_empty() => return None,
        None => (
            "a reservation for a node that is not in the segment",
            format!("`{}` has no link in `{segment}`", node.name),
        ),
        // what it asks for may be what could not be read
        Some(link) if link.dhcp.is_none() && !has_errors => (
            "a reservation for a node that does not ask",
            format!("give its link `dhcp: {}`", kept.address.value),
        ),
        Some(_) => return None,
    };
    Some(Mistake::error(title, kept.named, label))
}
