//! The open copy: the same site with nothing that stops a packet, the path control of every negative.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::model::{Aim, Check, Node, Plan, Role, Route, Word};
use super::routes::default_routes;
use super::sysctls::sysctls;
use super::ways::{Ways, is_router};
use crate::names::{NodeName, SegmentName};

impl Plan {
    /// The open copy of this plan: the same names, links and addresses; no rule files, no isolated ports, no services.
    ///
    /// Routers, appliances and whoever an aim goes round by forward, with routes to every segment; a node without a
    /// default route gets one if there is a router beside it. Of the checks only the aims stay, so that each can be
    /// sent again and must arrive. The remarks say what was opened.
    pub fn opened(&self) -> Plan {
        let mut remarks = vec!["Open copy: nothing here is policy; what is sent must arrive.".to_owned()];
        let mut nodes = self.nodes.clone();
        let forwarders = forwarders(self);
        for node in &mut nodes {
            open(node, forwarders.contains(&node.name), &mut remarks);
        }
        let added = added_routes(self, &nodes);
        for (node, routes) in nodes.iter_mut().zip(added) {
            let says = |Route { to, via }: &Route| format!("`{}` also routes {to} via {via}.", node.name);
            remarks.extend(routes.iter().map(says));
            node.routes.extend(routes);
        }
        Plan {
            scenario: self.scenario.clone(),
            documents: self.documents.clone(),
            segments: self.segments.clone(),
            nodes,
            services: Vec::new(),
            flows: self.flows.clone(),
            checks: self.checks.iter().filter_map(aims_only).collect(),
            remarks,
        }
    }
}

fn aims(plan: &Plan) -> impl Iterator<Item = &Aim> {
    plan.checks.iter().flat_map(|check| match &check.word {
        Word::NoReach { aims, .. } => aims.as_slice(),
        _ => &[],
    })
}

fn aims_only(check: &Check) -> Option<Check> {
    let Word::NoReach { aims, .. } = &check.word else { return None };
    Some(Check { word: Word::NoReach { aims: aims.clone(), alive: Vec::new() }, ..check.clone() })
}

/// Who forwards in the open copy: who may, and who is asked to by an aim.
fn forwarders(plan: &Plan) -> BTreeSet<NodeName> {
    let usual =
        plan.nodes.iter().filter(|node| is_router(node) || node.role == Role::Appliance || node.forwards);
    let asked = aims(plan).filter(|aim| aim.next_node != aim.to).map(|aim| &aim.next_node);
    usual.map(|node| &node.name).chain(asked).cloned().collect()
}

fn open(node: &mut Node, forwards: bool, remarks: &mut Vec<String>) {
    if let Some(file) = node.ruleset.take() {
        remarks.push(format!("`{}` runs without `{file}`.", node.name));
    }
    if forwards && !node.forwards {
        remarks.push(format!("`{}` forwards.", node.name));
    }
    for link in node.links.iter_mut().filter(|link| link.isolated) {
        link.isolated = false;
        remarks.push(format!("The port of `{}.{}` is not isolated.", node.name, link.name));
    }
    node.forwards = forwards;
    node.sysctls = sysctls(node);
    node.nameservers.clear();
}

/// Routes that are missing, per node.
fn added_routes(plan: &Plan, nodes: &[Node]) -> Vec<Vec<Route>> {
    let ways = Ways::new(nodes);
    let to_segments = |node| if node_forwards(node) { segment_routes(plan, node, &ways) } else { Vec::new() };
    nodes.iter().map(|node| [to_segments(node), gateway_routes(node, &ways)].concat()).collect()
}

fn node_forwards(node: &Node) -> bool {
    node.forwards
}

/// To each subnet that the node's routes do not lead to: the next device of a shortest way, by routers if they can.
fn segment_routes(plan: &Plan, node: &Node, ways: &Ways<'_>) -> Vec<Route> {
    let mut routes = Vec::new();
    for segment in &plan.segments {
        let next = || {
            let by_routers = ways.neighbour_towards(node, &segment.name, is_router);
            by_routers.or_else(|| ways.neighbour_towards(node, &segment.name, node_forwards))
        };
        for subnet in segment.subnets.iter().filter(|subnet| !led_to(node, &segment.name, subnet, ways)) {
            let Some((own, _, link)) = next() else { continue };
            let beside = |via: &IpNet| own.addresses.iter().any(|net| net.contains(&via.addr()));
            let same_family = |via: &&IpNet| via.addr().is_ipv4() == subnet.addr().is_ipv4();
            if let Some(via) = link.addresses.iter().filter(same_family).find(|via| beside(via)) {
                routes.push(Route { to: subnet.trunc(), via: via.addr() });
            }
        }
    }
    routes
}

/// Whether a packet from the node gets to every member of the segment's subnet, or the node is in it itself.
fn led_to(node: &Node, segment: &SegmentName, subnet: &IpNet, ways: &Ways<'_>) -> bool {
    let members = ways.members(segment).iter();
    let own = node.links.iter().flat_map(|link| &link.addresses).any(|net| subnet.contains(&net.addr()));
    let mut there = members.flat_map(|(_, link)| &link.addresses).map(IpNet::addr);
    own || there.all(|address| !subnet.contains(&address) || ways.legs(node, address).is_some())
}

/// A default route of each family that has none, by the first router beside the node.
fn gateway_routes(node: &Node, ways: &Ways<'_>) -> Vec<Route> {
    if is_router(node) {
        return Vec::new();
    }
    let beside = node.links.iter().find_map(|link| {
        let (_, router) = ways.members(&link.segment).iter().find(|(other, _)| is_router(other))?;
        Some((link, *router))
    });
    let missing = |route: &Route| !node.routes.iter().any(|one| one.to == route.to);
    beside.map_or(Vec::new(), |(link, router)| {
        default_routes(link, router).into_iter().filter(missing).collect()
    })
}
