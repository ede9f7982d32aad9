//! Flows: who may open a conversation towards which addresses.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::answers::{answering, asks_names_or_time, at_cloud};
use super::groups;
use super::mistake::Mistakes;
use super::model::{Flow, FlowPair, Node, Role, Service};
use super::ways::{Ways, addresses};
use crate::names::NodeName;
use crate::scenario::model as scenario;

/// Every flow of the scenario, in its order.
pub(super) fn flows(
    scenario: &scenario::Scenario,
    ways: &Ways<'_>,
    services: &[Service],
    mistakes: &mut Mistakes,
) -> Vec<Flow> {
    let site = &scenario.site;
    let ends = |flow: &scenario::Flow| crossed(&expand(site, &flow.from), &expand(site, &flow.to));
    scenario.flows.iter().map(|flow| one(flow, ends(flow), ways, (site, services), mistakes)).collect()
}

fn one(
    flow: &scenario::Flow,
    ends: Vec<(NodeName, NodeName)>,
    ways: &Ways<'_>,
    (site, services): (&scenario::Site, &[Service]),
    mistakes: &mut Mistakes,
) -> Flow {
    let mut pairs = Vec::new();
    for (from, to) in ends {
        match (ways.node(&from), ways.node(&to)) {
            (Some(opener), Some(answerer)) => {
                pairs.push(FlowPair {
                    addresses: addresses_of(flow, (site, services), opener, answerer),
                    group: groups::of_flow(site, &flow.ports, opener, answerer),
                    from,
                    to,
                });
            }
            (None, _) => mistakes.site(format!("flow {}: there is no node `{from}`", flow.id)),
            (_, None) => mistakes.site(format!("flow {}: there is no node `{to}`", flow.id)),
        }
    }
    if pairs.is_empty() && !flow.upkeep {
        mistakes.site(format!("flow {} joins no two nodes", flow.id));
    }
    Flow { id: flow.id.clone(), pairs, ports: flow.ports.clone(), upkeep: flow.upkeep, why: flow.why.clone() }
}

/// Names of nodes, with the names of groups replaced by those of their nodes.
pub(super) fn expand(site: &scenario::Site, names: &[NodeName]) -> Vec<NodeName> {
    let members = |name: &NodeName| match site.groups.get(name) {
        Some(group) if !site.nodes.contains_key(name) => group.clone(),
        _ => vec![name.clone()],
    };
    names.iter().flat_map(members).collect()
}

/// Every pair of the two lists, in order, none twice, no node with itself.
pub(super) fn crossed<T: Clone + PartialEq + Ord>(from: &[T], to: &[T]) -> Vec<(T, T)> {
    let mut seen = BTreeSet::new();
    let all = from.iter().flat_map(|one| to.iter().map(move |other| (one.clone(), other.clone())));
    all.filter(|(one, other)| one != other).filter(|pair| seen.insert(pair.clone())).collect()
}

/// A cloud's addresses of the services that the flow names; a router's where it tells names or the time; else all.
fn addresses_of(
    flow: &scenario::Flow,
    (site, services): (&scenario::Site, &[Service]),
    opener: &Node,
    answerer: &Node,
) -> Vec<IpAddr> {
    if answerer.role == Role::Cloud && !flow.services.is_empty() {
        return flow.services.iter().flat_map(|service| at_cloud(site, answerer, *service)).collect();
    }
    let asks = !flow.ports.is_empty() && flow.ports.iter().all(asks_names_or_time);
    if answerer.role != Role::Router || !asks {
        return addresses(answerer).collect();
    }
    let asked: BTreeSet<_> =
        flow.ports.iter().flat_map(|port| answering(services, opener, answerer, port)).collect();
    addresses(answerer).filter(|address| asked.contains(address)).collect()
}
