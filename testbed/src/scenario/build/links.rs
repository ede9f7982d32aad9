//! The interfaces of a node: plugged into segments, named, with written addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::super::leaf::{Asks, Gateway, Whole};
use super::super::mistakes::{Mistake, Mistakes};
use super::super::model::{Link, PolicyRoute, Route};
use super::super::raw;
use super::super::shape::{At, List, Named, OneOrMany, Slot};
use super::super::tree::Spot;
use super::addresses::{Register, ahead};
use super::leases::Servers;
use super::segments::{Known, Segments, check_mtu};
use crate::names::{LinkName, Mac, NodeName, SegmentName};

/// Longest packet, bytes.
type Mtu = Whole<576, 9000>;

/// One interface of a node or of every node of a group, as written.
pub(crate) struct Wire<'a> {
    pub(crate) name: At<LinkName>,
    pub(crate) segment: At<SegmentName>,
    addresses: &'a [At<IpAddr>],
    mac: Option<&'a At<Mac>>,
    trunk: Option<LinkName>,
    mtu: Option<&'a At<Mtu>>,
    /// Place of `autoconf: true`.
    autoconf: Option<Spot>,
    pub(crate) dhcp: Option<&'a At<Asks>>,
    pub(crate) spare_of: Option<&'a At<LinkName>>,
}

impl Wire<'_> {
    /// Its written addresses.
    pub(crate) fn addresses(&self) -> &[At<IpAddr>] {
        self.addresses
    }
}

/// What a node without router links writes about its interfaces.
pub(crate) struct Written<'a> {
    pub(crate) at: Spot,
    pub(crate) segment: &'a Slot<At<SegmentName>>,
    pub(crate) address: &'a Slot<OneOrMany<At<IpAddr>>>,
    pub(crate) dhcp: &'a Slot<At<Asks>>,
    pub(crate) links: &'a Slot<Named<LinkName, raw::Link>>,
}

fn list<T>(slot: &Slot<OneOrMany<T>>) -> &[T] {
    slot.good().map_or(&[], |many| &many.0)
}

/// The interfaces of a node: `links`, or `segment` for a single `eth0`.
pub(crate) fn wires<'a>(written: &Written<'a>, segments: &Segments, out: &mut Mistakes) -> Vec<Wire<'a>> {
    match (written.segment, written.links) {
        (Slot::Good(segment), Slot::Absent) => {
            let name = At { value: eth0(), spot: segment.spot };
            vec![Wire {
                name,
                segment: segment.clone(),
                addresses: list(written.address),
                mac: None,
                trunk: None,
                mtu: None,
                autoconf: None,
                dhcp: written.dhcp.good(),
                spare_of: None,
            }]
        }
        (Slot::Absent, Slot::Absent) => {
            let label = "write `segment` for a single link `eth0`, or `links`";
            out.push(Mistake::error("a node without a link", written.at, label));
            Vec::new()
        }
        (Slot::Good(segment), Slot::Good(links)) => {
            let first = links.entries.first().map_or(written.at, |(name, _)| name.spot);
            let mistake = Mistake::error("`segment` and `links` together", segment.spot, "one of the two");
            out.push(mistake.also(first, "already said here"));
            Vec::new()
        }
        (Slot::Absent, Slot::Good(links)) => {
            if let Some(address) = list(written.address).first() {
                let label = "goes with `segment`; with `links` each link has its own";
                out.push(Mistake::error("an address without its link", address.spot, label));
            }
            if let Some(asks) = written.dhcp.good() {
                let label = "goes with `segment`; with `links` each link has its own";
                out.push(Mistake::error("an address without its link", asks.spot, label));
            }
            let mut wires = Vec::new();
            for (name, link) in &links.entries {
                let Some(link) = link else { continue };
                match (&link.segment, &link.trunk, link.spare_of.good()) {
                    (Slot::Absent, Slot::Absent, Some(main)) => {
                        wires.extend(spare(name, link, main, links, out));
                    }
                    _ => plugged(name, &End::from(link), segments, &mut wires, out),
                }
            }
            wires
        }
        _ => Vec::new(),
    }
}

/// A spare that names no segment is where the link is that it stands in for.
fn spare<'a>(
    name: &At<LinkName>,
    link: &'a raw::Link,
    main: &'a At<LinkName>,
    links: &Named<LinkName, raw::Link>,
    out: &mut Mistakes,
) -> Option<Wire<'a>> {
    let (_, main_link) = links.entries.iter().find(|(other, _)| other.value == main.value)?;
    let main_link = main_link.as_ref()?;
    if !main_link.trunk.is_absent() {
        out.push(Mistake::error("a spare of a trunk", main.spot, format!("`{}` is a trunk", main.value)));
    }
    let segment = main_link.segment.good()?;
    Some(Wire {
        name: name.clone(),
        segment: At { value: segment.value.clone(), spot: main.spot },
        addresses: list(&link.address),
        mac: link.mac.good(),
        trunk: None,
        mtu: link.mtu.good(),
        autoconf: None,
        dhcp: link.dhcp.good(),
        spare_of: Some(main),
    })
}

fn eth0() -> LinkName {
    "eth0".parse().expect("eth0 is an interface name")
}

/// The interfaces of a router.
pub(crate) fn router_wires<'a>(
    router: &'a raw::Router,
    segments: &Segments,
    out: &mut Mistakes,
) -> Vec<Wire<'a>> {
    let mut wires = Vec::new();
    for (name, link) in router.links.good().map_or(&[][..], |links| &links.entries) {
        let Some(link) = link else { continue };
        plugged(name, &End::from(link), segments, &mut wires, out);
    }
    wires
}

/// One entry of `links`, of whatever node.
struct End<'a> {
    segment: &'a Slot<At<SegmentName>>,
    address: &'a Slot<OneOrMany<At<IpAddr>>>,
    mac: Option<&'a At<Mac>>,
    mtu: Option<&'a At<Mtu>>,
    autoconf: Option<Spot>,
    trunk: &'a Slot<Named<SegmentName, OneOrMany<At<IpAddr>>>>,
    dhcp: Option<&'a At<Asks>>,
    spare_of: Option<&'a At<LinkName>>,
}

impl<'a> From<&'a raw::Link> for End<'a> {
    fn from(link: &'a raw::Link) -> Self {
        let raw::Link { segment, spare_of, address, dhcp, autoconf, mac, mtu, trunk } = link;
        let autoconf = autoconf.good().filter(|at| at.value).map(|at| at.spot);
        let (mac, mtu, dhcp, spare_of) = (mac.good(), mtu.good(), dhcp.good(), spare_of.good());
        End { segment, address, mac, mtu, autoconf, trunk, dhcp, spare_of }
    }
}

impl<'a> From<&'a raw::RouterLink> for End<'a> {
    fn from(link: &'a raw::RouterLink) -> Self {
        let raw::RouterLink { segment, address, mac, mtu, trunk } = link;
        let (mac, mtu) = (mac.good(), mtu.good());
        End { segment, address, mac, mtu, autoconf: None, trunk, dhcp: None, spare_of: None }
    }
}

/// A link in one segment, or a trunk over several.
fn plugged<'a>(
    name: &At<LinkName>,
    link: &End<'a>,
    segments: &Segments,
    wires: &mut Vec<Wire<'a>>,
    out: &mut Mistakes,
) {
    match (link.segment, link.trunk) {
        (Slot::Good(segment), Slot::Absent) => wires.push(Wire {
            name: name.clone(),
            segment: segment.clone(),
            addresses: list(link.address),
            mac: link.mac,
            trunk: None,
            mtu: link.mtu,
            autoconf: link.autoconf,
            dhcp: link.dhcp,
            spare_of: link.spare_of,
        }),
        (Slot::Absent, Slot::Good(trunk)) => {
            if let Some(address) = list(link.address).first() {
                let label = "a trunk has an address per segment: `trunk: { cam: 10.20.0.1 }`";
                out.push(Mistake::error("an address on a trunk", address.spot, label));
            }
            if let Some(asks) = link.dhcp {
                let label = "a trunk has an address per segment: `trunk: { cam: 10.20.0.5 }`";
                out.push(Mistake::error("a trunk asks for no address", asks.spot, label));
            }
            if let Some(main) = link.spare_of {
                let label = "a trunk stands in for nothing";
                out.push(Mistake::error("a trunk as a spare", main.spot, label));
            }
            trunk_wires(name, link, trunk, segments, wires, out);
        }
        (Slot::Absent, Slot::Absent) => {
            let label = "write `segment`, or `trunk` for several";
            out.push(Mistake::error("a link that is plugged into nothing", name.spot, label));
        }
        (Slot::Good(segment), Slot::Good(_)) => {
            let label = "a link is in one segment or a trunk, not both";
            out.push(Mistake::error("`segment` and `trunk` together", segment.spot, label));
        }
        _ => {}
    }
}

fn trunk_wires<'a>(
    name: &At<LinkName>,
    link: &End<'a>,
    trunk: &'a Named<SegmentName, OneOrMany<At<IpAddr>>>,
    segments: &Segments,
    wires: &mut Vec<Wire<'a>>,
    out: &mut Mistakes,
) {
    for (segment, addresses) in &trunk.entries {
        let Some(known) = segments.find(segment, "a trunk", out) else { continue };
        let Some(vlan) = known.segment.vlan else {
            if known.whole {
                let label = "give the segment a `vlan`, or the node a link of its own there";
                let mistake = Mistake::error("a trunk to a segment without VLAN", segment.spot, label);
                out.push(mistake.also(known.spot, "has no `vlan`"));
            }
            continue;
        };
        match format!("{}.{vlan}", name.value).parse() {
            Ok(sub) => wires.push(Wire {
                name: At { value: sub, spot: segment.spot },
                segment: segment.clone(),
                addresses: addresses.as_ref().map_or(&[], |many| &many.0),
                mac: link.mac,
                trunk: Some(name.value.clone()),
                mtu: link.mtu,
                autoconf: link.autoconf,
                dhcp: None,
                spare_of: None,
            }),
            Err(wrong) => {
                let label = format!("`{}.{vlan}` {wrong}", name.value);
                out.push(Mistake::error("a trunk's name is too long", name.spot, label));
            }
        }
    }
}

/// What nodes are plugged into, for one node of a group after the other.
pub(crate) struct Plug<'a> {
    pub(crate) segments: &'a Segments,
    pub(crate) register: &'a mut Register,
    pub(crate) servers: &'a Servers,
    pub(crate) advertisers: &'a BTreeMap<SegmentName, NodeName>,
}

impl Plug<'_> {
    /// What can be said about the interfaces of a whole group: names, segments, room.
    pub(crate) fn check(&mut self, wires: &[Wire<'_>], count: u64, each: u64, out: &mut Mistakes) {
        let mut names: Vec<&At<LinkName>> = Vec::new();
        let mut segments: Vec<&At<SegmentName>> = Vec::new();
        for wire in wires {
            if let Some(first) = names.iter().find(|name| name.value == wire.name.value) {
                let label = format!("`{}` a second time", wire.name.value);
                let mistake = Mistake::error("two links of a node have one name", wire.name.spot, label);
                out.push(mistake.also(first.spot, "the first is here"));
            }
            names.push(&wire.name);
            let Some(known) = self.segments.find(&wire.segment, "a link", out) else { continue };
            let other = segments.iter().find(|segment| segment.value == wire.segment.value);
            if let Some(first) = other.filter(|_| wire.spare_of.is_none()) {
                let label = "the same segment again: the kernel could not tell the two apart";
                let mistake = Mistake::error("two links of a node in one segment", wire.segment.spot, label);
                out.push(mistake.also(first.spot, "the first is here"));
            }
            if wire.spare_of.is_none() {
                segments.push(&wire.segment);
                if let Some(mtu) = wire.mtu {
                    check_mtu(mtu, &known.segment, out);
                }
                if let Some(spot) = wire.autoconf {
                    self.check_autoconf(wire, spot, known, out);
                }
                self.register.need(&wire.segment.value, count * each, wire.segment.spot);
            }
            for (index, address) in wire.addresses.iter().enumerate() {
                let net =
                    |address: &IpAddr| known.segment.subnets.iter().position(|net| net.contains(address));
                let earlier = wire.addresses[..index]
                    .iter()
                    .find(|other| net(&other.value).is_some() && net(&other.value) == net(&address.value));
                if let Some(earlier) = earlier {
                    let label = "a link has at most one address per subnet";
                    let mistake = Mistake::error("two addresses in one subnet", address.spot, label);
                    out.push(mistake.also(earlier.spot, "the first is here"));
                }
            }
            if let (Some(mac), 2..) = (wire.mac, count) {
                let label = "one Ethernet address cannot be that of a whole group";
                out.push(Mistake::error("two links have one Ethernet address", mac.spot, label));
            }
        }
    }

    /// A link that is to be advised needs somebody who does it, for prefixes that leave room for its Ethernet address.
    fn check_autoconf(&self, wire: &Wire<'_>, spot: Spot, known: &Known, out: &mut Mistakes) {
        let title = "a link that nobody advises";
        let mut six = known.segment.subnets.iter().filter(|net| matches!(net, IpNet::V6(_))).peekable();
        if six.peek().is_none() {
            let label = format!("`{}` has no IPv6 subnet", wire.segment.value);
            out.push(Mistake::error(title, spot, label).also(known.spot, "this segment"));
        } else if let Some(net) = six.find(|net| net.prefix_len() != 64) {
            let label =
                format!("`{net}` is no /64, which it takes to make an address (RFC 4862, section 5.5.3)");
            out.push(Mistake::error(title, spot, label));
        } else if !self.advertisers.contains_key(&wire.segment.value) {
            let label = format!("no router has `serves: {{ ra: {} }}`", wire.segment.value);
            out.push(Mistake::error(title, spot, label));
        }
        if let Some(written) = wire.addresses.iter().find(|address| address.value.is_ipv6()) {
            let label = "it makes one of the advertised prefix and its Ethernet address";
            let mistake = Mistake::error("an IPv6 address beside `autoconf`", written.spot, label);
            out.push(mistake.also(spot, "asked for here"));
        }
    }

    /// The interfaces of the node that stands at `index` in its group, with `each` addresses per link.
    pub(crate) fn links(
        &mut self,
        node: &NodeName,
        wires: &[Wire<'_>],
        index: u64,
        each: u64,
        out: &mut Mistakes,
    ) -> Vec<Link> {
        let mut macs_taken: BTreeSet<LinkName> = BTreeSet::new();
        let mut links = Vec::new();
        for wire in wires {
            let Some(known) = self.segments.known.get(&wire.segment.value) else { continue };
            let mut addresses = Vec::new();
            for first in wire.addresses {
                let own = At { value: ahead(first.value, index).unwrap_or(first.value), spot: first.spot };
                if self.register.take(node, &own, each, known, out) {
                    addresses.push(own.value);
                }
            }
            // one that stands beside a written address has been told of
            let dhcp =
                self.servers.leased(node, wire, index).filter(|_| addresses.iter().all(IpAddr::is_ipv6));
            if let Some((gets, _)) = &dhcp
                && self.register.take(node, gets, each, known, out)
            {
                addresses.push(gets.value);
            }
            if let Some(mac) = wire.mac
                && index == 0
                && wire.trunk.as_ref().is_none_or(|trunk| macs_taken.insert(trunk.clone()))
            {
                self.register.take_mac(node, mac, out);
            }
            links.push(Link {
                name: wire.name.value.clone(),
                segment: wire.segment.value.clone(),
                addresses,
                mac: wire.mac.map(|mac| mac.value),
                trunk: wire.trunk.clone(),
                mtu: wire.mtu.map(|mtu| mtu.value.0 as u32),
                advised_by: wire.autoconf.and_then(|_| self.advertisers.get(&wire.segment.value).cloned()),
                dhcp: dhcp.map(|(_, leased)| leased),
                spare_of: wire.spare_of.map(|main| main.value.clone()),
            });
        }
        links
    }
}

/// The link by which a node goes anywhere else: the one it names, or the first with a router.
pub(crate) fn gateway(
    written: &Slot<At<Gateway>>,
    wires: &[Wire<'_>],
    routed: &BTreeSet<SegmentName>,
    out: &mut Mistakes,
) -> Option<LinkName> {
    let with_router = |wire: &&Wire<'_>| wire.spare_of.is_none() && routed.contains(&wire.segment.value);
    match written {
        Slot::Absent => wires.iter().find(with_router).map(|wire| wire.name.value.clone()),
        Slot::Bad => None,
        Slot::Good(At { value: Gateway::None, .. }) => None,
        Slot::Good(At { value: Gateway::Link(name), spot }) => {
            let wire = wires.iter().find(|wire| wire.name.value == *name);
            if wire.is_none() && !wires.is_empty() {
                let all =
                    wires.iter().map(|wire| format!("`{}`", wire.name.value)).collect::<Vec<_>>().join(", ");
                out.push(Mistake::error(
                    "a gateway over an unknown link",
                    *spot,
                    format!("the node has {all}"),
                ));
            }
            if let Some(wire) = wire
                && !with_router(&wire)
            {
                let label = format!("no router has a link in `{}`", wire.segment.value);
                out.push(Mistake::error("a gateway without a router", *spot, label));
            }
            Some(name.clone())
        }
    }
}

/// Static routes, each with a next hop on one of the node's links; those for certain sources apart.
pub(crate) fn routes(
    written: &Slot<List<raw::Route>>,
    wires: &[Wire<'_>],
    segments: &Segments,
    out: &mut Mistakes,
) -> (Vec<Route>, Vec<PolicyRoute>) {
    let known = || wires.iter().filter_map(|wire| segments.known.get(&wire.segment.value));
    let (mut routes, mut policy): (Vec<Route>, Vec<PolicyRoute>) = (Vec::new(), Vec::new());
    for route in written.list() {
        let (Some(to), Some(via)) = (route.to.good(), route.via.good()) else { continue };
        if to.value.addr().is_ipv4() != via.value.is_ipv4() {
            let label = "not of the destination's address family";
            out.push(Mistake::error("a route over the wrong family", via.spot, label));
        } else if known().all(|known| known.whole)
            && !known().any(|known| known.segment.subnets.iter().any(|net| net.contains(&via.value)))
        {
            let label = "in none of the subnets that the node has a link in";
            out.push(Mistake::error("a route over an address that is not near", via.spot, label));
        } else if twice(&routes, &policy, route, to) {
            out.push(Mistake::error("two routes to one destination", to.spot, "this is the second"));
        }
        let planned = Route { to: to.value, via: via.value };
        match &route.from {
            Slot::Absent => routes.push(planned),
            Slot::Bad => {}
            Slot::Good(from) if from.value.addr().is_ipv4() != to.value.addr().is_ipv4() => {
                let label = "not of the destination's address family";
                out.push(Mistake::error("a route from the wrong family", from.spot, label));
            }
            Slot::Good(from) => policy.push(PolicyRoute { from: from.value, route: planned }),
        }
    }
    (routes, policy)
}

/// Whether there is a route to that destination already, for the same sources.
fn twice(routes: &[Route], policy: &[PolicyRoute], route: &raw::Route, to: &At<IpNet>) -> bool {
    match route.from.good() {
        None => routes.iter().any(|other| other.to == to.value),
        Some(from) => policy.iter().any(|other| other.from == from.value && other.route.to == to.value),
    }
}
