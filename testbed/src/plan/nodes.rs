//! Segments and nodes: bridges, ports, Ethernet and IP addresses, sysctls. Routes and services come later.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use super::addresses::{Addresses, in_a_row, usable};
use super::answers::cloud_addresses;
use super::labels::{Labels, Macs};
use super::mistake::Mistakes;
use super::model::{Link, Node, PolicyRoute, Role, Segment, Switch};
use super::sysctls::{heed_redirects, sysctls, weaken};
use crate::names::{LinkName, Mac, NodeName, SegmentName, SwitchName};
use crate::scenario::model as scenario;

/// The order of nodes everywhere in a plan: by name, with `dock-2` before `dock-10`.
pub(super) fn order(name: &NodeName) -> (String, u64, String) {
    let text = name.as_str();
    let numbered = text.rsplit_once('-').and_then(|(stem, digits)| Some((stem, digits.parse().ok()?)));
    let (stem, number) = numbered.unwrap_or((text, 0));
    (stem.to_owned(), number, text.to_owned())
}

/// Segments with their bridges, in the order of their names.
pub(super) fn segments(site: &scenario::Site, labels: &mut Labels) -> Vec<Segment> {
    let segment = |(name, segment): (&_, &scenario::Segment)| Segment {
        name: Clone::clone(name),
        bridge: labels.give(&format!("br-{name}")),
        vlan: segment.vlan,
        subnets: segment.subnets.clone(),
        hub: segment.hub || segment.cable,
        fixed: false,
    };
    site.segments.iter().map(segment).collect()
}

/// Switches with a rule file, in the order of their names.
pub(super) fn switches(site: &scenario::Site) -> Vec<Switch> {
    let switch = |(name, switch): (&SwitchName, &scenario::Switch)| {
        let ruleset = switch.ruleset.as_ref()?.path.clone();
        let plugged = switch.access.iter().chain(&switch.trunk).cloned().collect();
        Some(Switch { name: name.clone(), ruleset, plugged })
    };
    site.switches.iter().filter_map(switch).collect()
}

/// Nodes with their links; no routes and no name servers yet.
pub(super) fn nodes(site: &scenario::Site, labels: &mut Labels, mistakes: &mut Mistakes) -> Vec<Node> {
    let mut given = Given { labels, macs: Macs::default(), addresses: Addresses::default() };
    for node in site.nodes.values() {
        given.keep_written(site, node, mistakes);
        for pool in pools(&node.kind).into_iter().flat_map(BTreeMap::values) {
            given.addresses.leave(pool.first.into(), pool.last.into());
        }
    }
    // Routers first: they get the lowest addresses of a subnet, as a reader expects of a gateway.
    let mut first: Vec<_> = site.nodes.values().collect();
    first.sort_by_key(|node| (Reverse(matches!(node.kind, scenario::Kind::Router(_))), order(&node.name)));
    let mut nodes: Vec<_> = first.into_iter().map(|node| given.node(site, node, mistakes)).collect();
    nodes.sort_by_key(|node| order(&node.name));
    nodes
}

/// What has been given out so far.
struct Given<'a> {
    labels: &'a mut Labels,
    macs: Macs,
    addresses: Addresses,
}

impl Given<'_> {
    fn keep_written(&mut self, site: &scenario::Site, node: &scenario::Node, mistakes: &mut Mistakes) {
        for link in &node.links {
            let place = format!("`{}.{}`", node.name, link.name);
            let Some(segment) = site.segments.get(&link.segment) else {
                mistakes.site(format!("{place}: there is no segment `{}`", link.segment));
                continue;
            };
            for address in link.addresses.iter().flat_map(|first| in_a_row(*first, per_subnet(node))) {
                if let Some(text) = wrong_address(address, &segment.subnets) {
                    mistakes.site(format!("{place}: {address} {text} of segment `{}`", link.segment));
                } else if !self.addresses.keep(address) {
                    mistakes.site(format!("{place}: another link has {address}, too"));
                }
            }
            // The links of a trunk are one interface of the device, with one address.
            let same = |other: &&scenario::Link| other.trunk.is_some() && other.trunk == link.trunk;
            let first = node.links.iter().find(same).is_none_or(|first| first.name == link.name);
            if let Some(mac) = link.mac.filter(|_| first) {
                if mac.0[0] & 1 == 1 {
                    mistakes.site(format!("{place}: {mac} is a group address, not one link's"));
                } else if !self.macs.keep(mac) {
                    mistakes.site(format!("{place}: another link has {mac}, too"));
                }
            }
        }
    }

    fn node(&mut self, site: &scenario::Site, node: &scenario::Node, mistakes: &mut Mistakes) -> Node {
        let links: Vec<_> = node.links.iter().map(|link| self.link(site, node, link, mistakes)).collect();
        let ruleset = node.ruleset.as_ref().map(|file| file.path.clone());
        let (role, forwards) = role(&node.kind);
        let mut planned = Node {
            name: node.name.clone(),
            role,
            hosts: hosts(&node.name, &links),
            links,
            routes: Vec::new(),
            policy: policy(node),
            forwards,
            sysctls: BTreeMap::new(),
            opens_tunnels: false,
            judged_behind_filter: role == Role::Router || ruleset.is_some(),
            ruleset,
            nameservers: Vec::new(),
        };
        planned.sysctls = sysctls(&planned);
        if matches!(&node.kind, scenario::Kind::Appliance(appliance) if appliance.weak_host) {
            weaken(&mut planned.sysctls);
        }
        let heeds = scenario::Careless::TakesRedirects;
        if matches!(&node.kind, scenario::Kind::Appliance(appliance) if appliance.careless.contains(&heeds)) {
            heed_redirects(&mut planned.sysctls);
        }
        planned
    }

    fn link(
        &mut self,
        site: &scenario::Site,
        node: &scenario::Node,
        link: &scenario::Link,
        mistakes: &mut Mistakes,
    ) -> Link {
        let subnets = site.segments.get(&link.segment).map_or(&[][..], |segment| &segment.subnets);
        let mac = link.mac.unwrap_or_else(|| self.macs.give(&node.name, &link.name));
        let (mut addresses, mut advised) = (Vec::new(), Vec::new());
        let given = |subnet: &&IpNet| !is_left_to_dhcp(subnet, link) && !is_spare_of_it(subnet, link);
        for subnet in subnets.iter().filter(given) {
            if let Some(own) = made_of(subnet, mac).filter(|_| link.advised_by.is_some()) {
                if !self.addresses.keep(own.addr()) {
                    mistakes.site(format!("`{}.{}`: another link has {own}, too", node.name, link.name));
                }
                addresses.push(own);
                advised.push(own);
                continue;
            }
            match self.of_subnet(subnet, node, link) {
                Some(found) => addresses.extend(found),
                None => mistakes.site(format!(
                    "`{}.{}`: {subnet} of segment `{}` has too few addresses",
                    node.name, link.name, link.segment
                )),
            }
        }
        Link {
            name: link.name.clone(),
            segment: link.segment.clone(),
            port: self.labels.give(&format!("{}-{}", node.name, link.name)),
            mac,
            leased: link.dhcp.as_ref().and_then(|dhcp| of_address(&addresses, dhcp.gets.into())),
            addresses,
            advised,
            isolated: isolated(site, &node.name, link),
            neighbours: Vec::new(),
            trunk: link.trunk.clone(),
            mtu: link.mtu.or_else(|| site.segments.get(&link.segment)?.mtu).filter(|mtu| *mtu != 1500),
            spare_of: link.spare_of.clone(),
        }
    }

    /// The written address or the lowest free one; a cloud has one for each of its services, in a row from the one
    /// that is written.
    fn of_subnet(
        &mut self,
        subnet: &IpNet,
        node: &scenario::Node,
        link: &scenario::Link,
    ) -> Option<Vec<IpNet>> {
        let wanted = per_subnet(node);
        let written = link.addresses.iter().find(|one| subnet.contains(*one));
        let found: Vec<IpAddr> = match written {
            Some(first) => in_a_row(*first, wanted).collect(),
            None => (0..wanted).map(|_| self.addresses.give(subnet)).collect::<Option<_>>()?,
        };
        let prefixed =
            |one| IpNet::new(one, subnet.prefix_len()).expect("the length is that of its own subnet");
        Some(found.into_iter().map(prefixed).collect())
    }
}

/// Routes for certain sources; whether their next hops are there was looked at with the others.
fn policy(node: &scenario::Node) -> Vec<PolicyRoute> {
    let planned = |one: &scenario::PolicyRoute| {
        let scenario::Route { to, via } = one.route;
        PolicyRoute { from: one.from.trunc(), to: to.trunc(), via }
    };
    node.policy.iter().map(planned).collect()
}

/// The address that a link makes of an advertised prefix and its Ethernet address (RFC 4291, appendix A).
fn made_of(subnet: &IpNet, mac: Mac) -> Option<IpNet> {
    let IpNet::V6(net) = subnet else { return None };
    let [a, b, c, d, e, f] = mac.0;
    let own = u64::from_be_bytes([a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
    let address = Ipv6Addr::from_bits(net.network().to_bits() | u128::from(own));
    IpNet::new(address.into(), 64).ok().filter(|_| net.prefix_len() == 64)
}

/// A link that asks for an IPv4 address has no other one.
fn is_left_to_dhcp(subnet: &IpNet, link: &scenario::Link) -> bool {
    let elsewhere = |dhcp: &scenario::Leased| !subnet.contains(&IpAddr::V4(dhcp.gets));
    matches!(subnet, IpNet::V4(_)) && link.dhcp.as_ref().is_some_and(elsewhere)
}

/// A spare has only what is written.
fn is_spare_of_it(subnet: &IpNet, link: &scenario::Link) -> bool {
    link.spare_of.is_some() && !link.addresses.iter().any(|address| subnet.contains(address))
}

fn of_address(nets: &[IpNet], address: IpAddr) -> Option<IpNet> {
    nets.iter().find(|net| net.addr() == address).copied()
}

/// What a node hands out by DHCP.
pub(super) fn pools(kind: &scenario::Kind) -> Option<&BTreeMap<SegmentName, scenario::Pool>> {
    match kind {
        scenario::Kind::Router(router) => Some(&router.dhcp),
        scenario::Kind::Host(host) => Some(&host.dhcp),
        _ => None,
    }
}

/// How many addresses a link has in each subnet.
fn per_subnet(node: &scenario::Node) -> usize {
    match &node.kind {
        scenario::Kind::Cloud(cloud) => cloud_addresses(cloud),
        _ => 1,
    }
}

/// What is wrong with a written address; reads well between the address and "of segment".
fn wrong_address(address: IpAddr, subnets: &[IpNet]) -> Option<&'static str> {
    let Some(subnet) = subnets.iter().find(|subnet| subnet.contains(&address)) else {
        return Some("is in no subnet");
    };
    let (first, last) = usable(subnet);
    (address < first || last < address).then_some("is no host's address in its subnet")
}

fn role(kind: &scenario::Kind) -> (Role, bool) {
    match kind {
        scenario::Kind::Camera(_) => (Role::Camera, false),
        scenario::Kind::Appliance(appliance) => (Role::Appliance, appliance.forwards),
        scenario::Kind::Router(_) => (Role::Router, true),
        scenario::Kind::Cloud(_) => (Role::Cloud, false),
        scenario::Kind::Host(_) => (Role::Host, false),
    }
}

/// The node's own name at each of its addresses, and `localhost`.
fn hosts(name: &NodeName, links: &[Link]) -> Vec<(IpAddr, String)> {
    let own = links.iter().flat_map(|link| &link.addresses).map(|net| (net.addr(), name.to_string()));
    let here = [IpAddr::from([127, 0, 0, 1])].map(|loopback| (loopback, "localhost".to_owned()));
    here.into_iter().chain(own).collect()
}

fn isolated(site: &scenario::Site, node: &NodeName, link: &scenario::Link) -> bool {
    let is_it = |(plugged, name): &(NodeName, LinkName)| {
        plugged == node && (*name == link.name || link.trunk.as_ref() == Some(name))
    };
    site.switches.values().any(|switch| switch.isolate.iter().any(is_it))
}
