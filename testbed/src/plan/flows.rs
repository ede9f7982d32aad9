//! Flows: who may open a conversation towards which addresses.

use std::net::IpAddr;

use super::mistake::Mistakes;
use super::model::{Flow, FlowPair, Node, Role};
use super::services::{asks_names_or_time, at_cloud, expand, in_shared_segments};
use super::ways::{Ways, addresses};
use crate::scenario::model as scenario;

/// Every flow of the scenario, in its order.
pub(super) fn flows(scenario: &scenario::Scenario, ways: &Ways<'_>, mistakes: &mut Mistakes) -> Vec<Flow> {
    scenario.flows.iter().map(|flow| one(flow, &scenario.site, ways, mistakes)).collect()
}

fn one(flow: &scenario::Flow, site: &scenario::Site, ways: &Ways<'_>, mistakes: &mut Mistakes) -> Flow {
    let mut pairs = Vec::new();
    for (from, to) in crossed(&expand(site, &flow.from), &expand(site, &flow.to)) {
        match (ways.node(&from), ways.node(&to)) {
            (Some(opener), Some(answerer)) => {
                pairs.push(FlowPair { addresses: addresses_of(flow, opener, answerer), from, to });
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

/// Every pair of the two lists, in order, none twice, no node with itself.
pub(super) fn crossed<T: Clone + PartialEq + Ord>(from: &[T], to: &[T]) -> Vec<(T, T)> {
    let mut seen = std::collections::BTreeSet::new();
    let all = from.iter().flat_map(|one| to.iter().map(move |other| (one.clone(), other.clone())));
    all.filter(|(one, other)| one != other).filter(|pair| seen.insert(pair.clone())).collect()
}

fn addresses_of(flow: &scenario::Flow, opener: &Node, answerer: &Node) -> Vec<IpAddr> {
    if answerer.role == Role::Cloud && !flow.services.is_empty() {
        return flow.services.iter().flat_map(|service| at_cloud(answerer, *service)).collect();
    }
    let near = in_shared_segments(opener, answerer);
    if answerer.role == Role::Router && asks_names_or_time(&flow.ports) && !near.is_empty() {
        return near;
    }
    addresses(answerer).collect()
}
