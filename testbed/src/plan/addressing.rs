//! DHCP in the plan: what a server hands out and names besides, and what comes to a client with its address.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

use super::model::{Link, Node, Route, ServiceKind};
use super::ways::{Ways, is_router};
use crate::names::SegmentName;
use crate::scenario::model::{self as scenario, Kind, Pool};

/// The server of a segment; none if it has no address of its own beside the pool.
pub(super) fn dhcp_server(
    node: &Node,
    kind: &Kind,
    segment: &SegmentName,
    pool: &Pool,
    ways: &Ways<'_>,
) -> Option<ServiceKind> {
    let link = node.links.iter().find(|link| link.segment == *segment)?;
    let own = beside(link, pool.first)?;
    let here = |serves: &[SegmentName]| if serves.contains(segment) { vec![own.addr()] } else { Vec::new() };
    let (dns, ntp) = match kind {
        Kind::Router(router) => (here(&router.dns), here(&router.ntp)),
        _ => (Vec::new(), Vec::new()),
    };
    Some(ServiceKind::DhcpServer {
        link: link.name.clone(),
        subnet: own.trunc(),
        pool: (pool.first, pool.last),
        lease: pool.lease,
        router: if is_router(node) { Some(own.addr()) } else { gateway(segment, pool, ways) },
        dns,
        ntp,
        reserve: reservations(segment, pool, ways),
    })
}

/// Who advertises the IPv6 prefixes of a router's link.
pub(super) fn advertiser(link: &Link) -> ServiceKind {
    let prefixes = link.addresses.iter().filter_map(|net| match net {
        IpNet::V6(net) => Some(net.trunc()),
        IpNet::V4(_) => None,
    });
    ServiceKind::Advertiser { link: link.name.clone(), prefixes: prefixes.collect() }
}

/// The network of a link's own address that another address is beside.
fn beside(link: &Link, address: Ipv4Addr) -> Option<Ipv4Net> {
    link.addresses.iter().find_map(|net| match net {
        IpNet::V4(net) if net.contains(&address) => Some(*net),
        _ => None,
    })
}

/// The first router of the segment.
fn gateway(segment: &SegmentName, pool: &Pool, ways: &Ways<'_>) -> Option<Ipv4Addr> {
    let mut routers = ways.members(segment).iter().filter(|(node, _)| is_router(node));
    routers.find_map(|(_, link)| beside(link, pool.first)).map(|net| net.addr())
}

/// The scenario names nodes, the protocol knows Ethernet addresses.
fn reservations(segment: &SegmentName, pool: &Pool, ways: &Ways<'_>) -> Vec<(crate::names::Mac, Ipv4Addr)> {
    let members = ways.members(segment).iter();
    let asking = members.filter(|(_, link)| link.spare_of.is_none());
    asking.filter_map(|(node, link)| Some((link.mac, *pool.reserve.get(&node.name)?))).collect()
}

/// The client of a link: the routes that lead over its network come with the address.
pub(super) fn dhcp_client(node: &Node, link: &Link, dhcp: &scenario::Leased) -> ServiceKind {
    let over = |via: IpAddr| link.leased.is_some_and(|net| net.contains(&via));
    let (default, routes): (Vec<Route>, Vec<Route>) = node
        .routes
        .iter()
        .filter(|route| over(route.via))
        .cloned()
        .partition(|route| route.to.prefix_len() == 0);
    let default_route = !default.is_empty();
    let spare = node.spare_of(&link.name).map(|spare| spare.name.clone());
    ServiceKind::DhcpClient { link: link.name.clone(), asks: dhcp.asks, default_route, routes, spare }
}
