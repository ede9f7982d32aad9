//! Who answers where: the addresses at which names, the time and everything else is asked.

use std::net::IpAddr;

use ipnet::IpNet;

use super::mistake::Mistakes;
use super::model::{Link, Node, Service, ServiceKind};
use super::ways::{Ways, addresses, is_router, share, speaks};
use crate::names::{SegmentName, Traffic};
use crate::scenario::model::{self as scenario, CloudService, Kind};

/// Every service of a cloud, in the order of its addresses.
pub(super) const CLOUD_SERVICES: [CloudService; 6] = [
    CloudService::Iot,
    CloudService::Monitoring,
    CloudService::Logs,
    CloudService::S3,
    CloudService::Dns,
    CloudService::Ntp,
];

/// glibc asks at most three name servers (resolv.conf(5), `MAXNS`).
const MOST_NAMESERVERS: usize = 3;

/// A cloud's services with their addresses: each subnet of each link has one per service, then the spare ones, then those
/// of what operators use.
pub(super) fn cloud_binds(cloud: &Node, written: &scenario::Cloud) -> Vec<(CloudService, IpAddr)> {
    let behind = CLOUD_SERVICES.len() + spares(written);
    let service = |place: usize| {
        let of_operators = || written.serves.get(place.checked_sub(behind)?);
        CLOUD_SERVICES.get(place).or_else(of_operators).copied()
    };
    places(cloud).filter_map(|(place, ip)| Some((service(place)?, ip))).collect()
}

/// A cloud's addresses behind those of its services, where no name leads.
pub(super) fn cloud_spares(cloud: &Node, written: &scenario::Cloud) -> Vec<IpAddr> {
    let spare = CLOUD_SERVICES.len()..CLOUD_SERVICES.len() + spares(written);
    places(cloud).filter(|(place, _)| spare.contains(place)).map(|(_, ip)| ip).collect()
}

fn spares(cloud: &scenario::Cloud) -> usize {
    usize::try_from(cloud.spare_addresses).unwrap_or(0)
}

/// How many addresses a cloud has in each subnet.
pub(super) fn cloud_addresses(cloud: &scenario::Cloud) -> usize {
    CLOUD_SERVICES.len() + spares(cloud) + cloud.serves.len()
}

/// A node's addresses, each with its place among those of its subnet.
fn places(node: &Node) -> impl Iterator<Item = (usize, IpAddr)> {
    node.links.iter().flat_map(|link| {
        let all = link.addresses.iter().enumerate();
        all.map(|(at, net)| {
            let before = link.addresses[..at].iter().filter(|other| other.trunc() == net.trunc());
            (before.count(), net.addr())
        })
    })
}

/// A cloud's addresses of one service; none where it is no cloud, or has it not.
pub(super) fn at_cloud(
    site: &scenario::Site,
    cloud: &Node,
    service: CloudService,
) -> impl Iterator<Item = IpAddr> + use<> {
    let binds = match site.nodes.get(&cloud.name).map(|node| &node.kind) {
        Some(Kind::Cloud(written)) => cloud_binds(cloud, written),
        _ => Vec::new(),
    };
    binds.into_iter().filter(move |(one, _)| *one == service).map(|(_, address)| address)
}

/// Name servers of a node: where its resolver answers, nearest first.
pub(super) fn nameservers(
    site: &scenario::Site,
    node: &Node,
    ways: &Ways<'_>,
    mistakes: &mut Mistakes,
) -> Vec<IpAddr> {
    let Some(name) = site.nodes.get(&node.name).and_then(|written| written.resolver.as_ref()) else {
        return Vec::new();
    };
    let Some(other) = ways.node(name) else {
        mistakes.site(format!("`{}`: its resolver `{name}` is no node", node.name));
        return Vec::new();
    };
    let serves = match site.nodes.get(name).map(|node| &node.kind) {
        Some(Kind::Cloud(_)) => at_cloud(site, other, CloudService::Dns).collect(),
        Some(Kind::Router(router)) => in_segments(other, &router.dns),
        _ => addresses(other).collect(),
    };
    let mut asked = nearest(node, other, &serves);
    if asked.is_empty() {
        mistakes.site(format!("`{}`: its resolver `{name}` answers at no address it could ask", node.name));
    }
    asked.truncate(MOST_NAMESERVERS);
    asked
}

/// Those of `offered`, addresses of `other`, that `node` would ask: in a segment they share, beside its default gateway
/// if that is one of several; if they share none, all of a family that it has.
pub(super) fn nearest(node: &Node, other: &Node, offered: &[IpAddr]) -> Vec<IpAddr> {
    let usable: Vec<_> = offered.iter().copied().filter(|address| speaks(node, *address)).collect();
    let near = |link: &&Link| share(node, &link.segment);
    let near: Vec<_> =
        other.links.iter().filter(near).flat_map(|link| &link.addresses).map(IpNet::addr).collect();
    let close: Vec<_> = usable.iter().copied().filter(|address| near.contains(address)).collect();
    if close.is_empty() {
        return usable;
    }
    // An appliance with a leg for video and one that leads out asks on the latter.
    let gateways = node.routes.iter().filter(|route| route.to.prefix_len() == 0).map(|route| route.via);
    let subnets: Vec<_> = gateways
        .flat_map(|via| {
            node.links.iter().flat_map(|link| &link.addresses).filter(move |one| one.contains(&via))
        })
        .collect();
    let beside = |address: &IpAddr| subnets.iter().any(|subnet| subnet.contains(address));
    let outward: Vec<_> = close.iter().copied().filter(beside).collect();
    if outward.is_empty() { close } else { outward }
}

/// The node's addresses in these segments.
pub(super) fn in_segments(node: &Node, segments: &[SegmentName]) -> Vec<IpAddr> {
    let served = node.links.iter().filter(|link| segments.contains(&link.segment));
    served.flat_map(|link| &link.addresses).map(IpNet::addr).collect()
}

/// Addresses of `to` at which `from` gets an answer on this port, as far as the plan knows; all of its addresses where
/// nothing of ours answers. A router tells names and time in each segment at its own address there.
pub(super) fn answering(services: &[Service], from: &Node, to: &Node, port: &Traffic) -> Vec<IpAddr> {
    let own = services.iter().filter(|service| service.node == to.name);
    let mut known: Vec<_> = own.flat_map(|service| answers(&service.kind, port)).collect();
    if known.is_empty() {
        known.extend(addresses(to));
    }
    if is_router(to) && asks_names_or_time(port) { nearest(from, to, &known) } else { known }
}

/// Whether a service of ours answers there on this port.
pub(super) fn is_served(services: &[Service], to: &Node, port: &Traffic) -> bool {
    services.iter().filter(|service| service.node == to.name).any(|one| !answers(&one.kind, port).is_empty())
}

fn answers(kind: &ServiceKind, port: &Traffic) -> Vec<IpAddr> {
    let (dns, ntp) = (is_port(port, 53), matches!(port, Traffic::Udp(123, 123)));
    match kind {
        ServiceKind::Cloud { binds, .. } => {
            let right = |service: &CloudService| match service {
                CloudService::Dns => dns,
                CloudService::Ntp => ntp,
                // Whoever means these says so by a flow.
                CloudService::Sts | CloudService::IotControl | CloudService::Panorama => false,
                _ => matches!(port, Traffic::Tcp(..)) && !dns,
            };
            binds.iter().filter(|(service, _)| right(service)).map(|(_, address)| *address).collect()
        }
        ServiceKind::Resolver { listen, .. } if dns => listen.clone(),
        ServiceKind::Clock { listen, .. } if ntp => listen.clone(),
        ServiceKind::Camera { listen, .. } if matches!(port, Traffic::Tcp(..)) => vec![*listen],
        _ => Vec::new(),
    }
}

/// TCP or UDP to this port only.
fn is_port(traffic: &Traffic, number: u16) -> bool {
    matches!(traffic, Traffic::Tcp(a, b) | Traffic::Udp(a, b) if *a == number && *b == number)
}

/// Whether it is asking for names (RFC 1035 section 4.2) or for the time (RFC 5905 section 7.2).
pub(super) fn asks_names_or_time(port: &Traffic) -> bool {
    is_port(port, 53) || matches!(port, Traffic::Udp(123, 123))
}
