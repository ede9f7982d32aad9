//! Routes: those that are written, and a default route to the router of the gateway link.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::mistake::Mistakes;
use super::model::{Link, Node, Role, Route};
use super::ways::{Ways, beside, has, is_router};
use crate::scenario::model as scenario;

/// A node's routes, in the order they are added: written ones first, then a default route of each family.
pub(super) fn routes(
    node: &Node,
    written: &scenario::Node,
    ways: &Ways<'_>,
    mistakes: &mut Mistakes,
) -> Vec<Route> {
    let mut routes: Vec<Route> = Vec::new();
    for scenario::Route { to, via } in &written.routes {
        match wrong_route(node, *to, *via, ways) {
            Some(text) => mistakes.site(format!("`{}`: the route to {to}: {text}", node.name)),
            None => routes.push(Route { to: to.trunc(), via: *via }),
        }
    }
    for scenario::PolicyRoute { from, route } in &written.policy {
        if let Some(text) = wrong_route(node, route.to, route.via, ways) {
            mistakes.site(format!("`{}`: the route from {from} to {}: {text}", node.name, route.to));
        }
    }
    let Some(name) = &written.gateway else { return routes };
    let Some(link) = node.links.iter().find(|link| link.name == *name) else {
        mistakes.site(format!("`{}`: its gateway link `{name}` is none of its links", node.name));
        return routes;
    };
    let written_default = |default: &Route| written.routes.iter().any(|route| route.to == default.to);
    match gateway(node, link, ways) {
        Ok(router) => {
            if node.role == Role::Cloud {
                routes.extend(ways_back(node, router, ways));
            }
            let missing = default_routes(link, router).into_iter().filter(|route| !written_default(route));
            routes.extend(missing.collect::<Vec<_>>());
        }
        Err(_) if written.routes.iter().any(|route| route.to.prefix_len() == 0) => (),
        Err(text) => mistakes.site(format!("`{}`: {text}; write its routes", node.name)),
    }
    routes
}

/// A cloud stands for the internet, which knows the way to every subnet: to those behind another router than its
/// default gateway, the route that a scenario cannot write.
fn ways_back(node: &Node, gateway: &Link, ways: &Ways<'_>) -> Vec<Route> {
    let mut routes = Vec::new();
    for (segment, subnets) in ways.subnets() {
        let Some((own, _, next)) = ways.neighbour_towards(node, segment, is_router) else { continue };
        if next.mac != gateway.mac {
            routes.extend(subnets.iter().filter_map(|to| Some(Route { to: *to, via: via(to, own, next)? })));
        }
    }
    routes
}

/// The address of the next link that is of the subnet's family and beside the own link.
pub(super) fn via(to: &IpNet, own: &Link, next: &Link) -> Option<IpAddr> {
    let mut addresses = next.addresses.iter().map(IpNet::addr);
    addresses
        .find(|one| one.is_ipv4() == to.addr().is_ipv4() && own.addresses.iter().any(|net| net.contains(one)))
}

fn wrong_route(node: &Node, to: IpNet, via: IpAddr, ways: &Ways<'_>) -> Option<String> {
    if to.addr().is_ipv4() != via.is_ipv4() {
        return Some(format!("{via} is of the other family"));
    }
    if has(node, via) {
        return Some(format!("{via} is its own address"));
    }
    if beside(node, via).is_none() {
        return Some(format!("{via} is in no subnet of its links"));
    }
    ways.owner(via).is_none().then(|| format!("no node has {via}"))
}

/// The router's link in the segment of the gateway link; a cloud takes the first of several.
fn gateway<'a>(node: &Node, link: &Link, ways: &Ways<'a>) -> Result<&'a Link, String> {
    let members = ways.members(&link.segment);
    let mut routers = members.iter().filter(|(other, _)| is_router(other) && other.name != node.name);
    let Some((first, found)) = routers.next() else {
        return Err(format!(
            "its gateway link `{}` is in segment `{}`, which has no router",
            link.name, link.segment
        ));
    };
    match routers.find(|(other, _)| other.name != first.name && node.role != Role::Cloud) {
        None => Ok(found),
        Some((second, _)) => Err(format!(
            "its default gateway in segment `{}` may be `{}` or `{}`",
            link.segment, first.name, second.name
        )),
    }
}

/// A default route of each family, by the first subnet that the link shares with the router's.
pub(super) fn default_routes(link: &Link, router: &Link) -> Vec<Route> {
    let shared = |to: IpNet| Some(Route { to, via: via(&to, link, router)? });
    [IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())].into_iter().filter_map(shared).collect()
}
