//! The open copy: the same site with nothing that stops a packet, the path control of every negative.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::model::{Aim, Check, Node, Plan, Role, Route, Word};
use super::neighbours;
use super::routes::{default_routes, via};
use super::sysctls::sysctls;
use super::ways::{Ways, addresses, is_router};
use crate::names::{NodeName, SegmentName};

impl Plan {
    /// The open copy of this plan: the same names, links and addresses; no rule files, no isolated ports, no services.
    ///
    /// Routers, appliances and whoever an aim goes round by forward, with routes to every segment; a node without a
    /// default route gets one if there is a router beside it. Of the checks only the aims stay, so that each can be
    /// sent again and must arrive. The remarks say what was opened.
    pub fn opened(&self) -> Plan {
        let mut remarks = vec![
            "Open copy: nothing here is policy; what is sent must arrive.".to_owned(),
            "Source routes are obeyed.".to_owned(),
        ];
        let mut nodes = self.nodes.clone();
        let forwarders = forwarders(self);
        let passed: BTreeSet<_> = aims(self).filter(|aim| is_by_way(aim)).map(|aim| &aim.next_node).collect();
        for node in &mut nodes {
            if passed.contains(&node.name) {
                node.opens_tunnels = true;
                remarks.push(format!("`{}` opens what comes in VXLAN.", node.name));
            }
            open(node, forwarders.contains(&node.name), &mut remarks);
        }
        let forged = forged_in(self);
        let mut segments = self.segments.clone();
        for segment in segments.iter_mut().filter(|one| !one.hub && forged.contains(&one.name)) {
            segment.hub = true;
            remarks
                .push(format!("Segment `{}` is a hub: Ethernet addresses are forged there.", segment.name));
        }
        for switch in &self.switches {
            remarks.push(format!("Switch `{}` runs without `{}`.", switch.name, switch.ruleset));
        }
        let added = added_routes(&nodes);
        for (node, routes) in nodes.iter_mut().zip(added) {
            let says = |Route { to, via }: &Route| format!("`{}` also routes {to} via {via}.", node.name);
            remarks.extend(routes.iter().map(says));
            node.routes.extend(routes);
        }
        remarks.extend(lost(self, &nodes));
        neighbours::fix(&mut nodes, &self.segments, &self.flows, &self.checks);
        Plan {
            scenario: self.scenario.clone(),
            documents: self.documents.clone(),
            segments,
            switches: Vec::new(),
            nodes,
            services: Vec::new(),
            flows: self.flows.clone(),
            checks: self.checks.iter().filter_map(aims_only).collect(),
            remarks,
        }
    }
}

fn aims(plan: &Plan) -> impl Iterator<Item = &Aim> {
    plan.checks.iter().flat_map(|check| check.word.aims())
}

/// Segments in which an aim's frames come from another node's Ethernet address: a switch would learn that it is there,
/// and whoever has it says nothing in the copy that would put that right.
fn forged_in(plan: &Plan) -> BTreeSet<&SegmentName> {
    let attacker = |aim: &Aim| {
        let forged = aim.forged.as_ref()?;
        let node = plan.nodes.iter().find(|node| node.name == aim.from)?;
        let link = node.links.iter().find(|link| link.name == aim.link)?;
        (link.mac != forged.mac).then_some(&link.segment)
    };
    aims(plan).filter_map(attacker).collect()
}

fn aims_only(check: &Check) -> Option<Check> {
    let aims = check.word.aims().to_vec();
    let word = Word::NoReach { aims, alive: Vec::new(), forgotten: None };
    (!check.word.aims().is_empty()).then(|| Check { word, during: None, ..check.clone() })
}

/// Whether probes go to the first device on the way.
fn is_by_way(aim: &Aim) -> bool {
    aim.cells.as_ref().is_some_and(|cells| cells.waypoint.is_some())
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
    // Nobody hands out addresses in the copy: it has them from the start.
    node.links.iter_mut().for_each(|link| (link.leased, link.advised) = (None, Vec::new()));
    node.forwards = forwards;
    node.sysctls = sysctls(node);
    obey_source_routes(node);
    if !node.policy.is_empty() {
        remarks.push(format!("`{}` has no policy routes.", node.name));
        node.policy.clear();
    }
    node.nameservers.clear();
}

/// What has a route of its own must arrive. Of IPv6 Linux obeys none (RFC 5095), and skips what is left of one that has been gone.
fn obey_source_routes(node: &mut Node) {
    let links = node.links.iter().map(|link| link.name.as_str());
    // Only where `all` and the link agree (include/linux/inetdevice.h).
    let places: Vec<String> = ["all", "default"].into_iter().chain(links).map(str::to_owned).collect();
    let keys = places.iter().map(|at| (format!("net/ipv4/conf/{at}/accept_source_route"), "1".to_owned()));
    node.sysctls.extend(keys);
}

/// Routes that are missing, per node.
fn added_routes(nodes: &[Node]) -> Vec<Vec<Route>> {
    let ways = Ways::new(nodes);
    let to_segments = |node: &Node| if node.forwards { segment_routes(node, &ways) } else { Vec::new() };
    nodes.iter().map(|node| [to_segments(node), gateway_routes(node, &ways)].concat()).collect()
}

/// To each subnet that the node's routes do not lead to: the next device of a shortest way, by routers if they can.
fn segment_routes(node: &Node, ways: &Ways<'_>) -> Vec<Route> {
    let mut routes = Vec::new();
    for (segment, subnets) in ways.subnets() {
        let by_routers = || ways.neighbour_towards(node, segment, is_router);
        let by_any = || ways.neighbour_towards(node, segment, |other| other.forwards);
        for subnet in subnets.iter().filter(|subnet| !led_to(node, segment, subnet, ways)) {
            if let Some((own, _, next)) = by_routers().or_else(by_any) {
                routes.extend(via(subnet, own, next).map(|via| Route { to: *subnet, via }));
            }
        }
    }
    routes
}

/// Whether a packet from the node gets to every member of the segment's subnet, or the node is in it itself.
fn led_to(node: &Node, segment: &SegmentName, subnet: &IpNet, ways: &Ways<'_>) -> bool {
    let members = ways.members(segment).iter();
    let mut there = members.flat_map(|(_, link)| &link.addresses).map(IpNet::addr);
    addresses(node).any(|own| subnet.contains(&own))
        || there.all(|address| !subnet.contains(&address) || ways.legs(node, address).is_some())
}

/// Aims that no route leads to their target even now; the path control will miss them.
fn lost(plan: &Plan, nodes: &[Node]) -> BTreeSet<String> {
    let ways = Ways::new(nodes);
    let arrives = |aim: &Aim| {
        let next = ways.node(&aim.next_node);
        next.is_some_and(|next| ways.legs(next, aim.address).is_some())
    };
    let says = |aim: &Aim| {
        format!("Even here no route leads from `{}` to `{}` ({}).", aim.next_node, aim.to, aim.address)
    };
    // A device passes on what is at everybody only while that is tried.
    aims(plan).filter(|aim| aim.everybody.is_none() && !arrives(aim)).map(says).collect()
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
