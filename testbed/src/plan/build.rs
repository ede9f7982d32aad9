//! Joins the steps of planning, in their order.

use super::answers::nameservers;
use super::checks::{Known, checks};
use super::flows::flows;
use super::labels::Labels;
use super::mistake::{Mistakes, PlanMistake};
use super::model::Plan;
use super::neighbours;
use super::nodes::{nodes, segments, switches};
use super::remarks::remarks;
use super::routes::routes;
use super::services::services;
use super::ways::Ways;
use crate::scenario::model::Scenario;

/// Plans a scenario: the same one gives the same plan, byte for byte.
///
/// Errors: everything that the scenario asks for and no plan can give, all at once, in three stages, since a mistake in
/// one would be echoed by the next: addresses; then routes, services and flows; then checks.
pub fn plan(scenario: &Scenario) -> Result<Plan, Vec<PlanMistake>> {
    let site = &scenario.site;
    let (mut labels, mut mistakes) = (Labels::default(), Mistakes::default());
    let mut segments = segments(site, &mut labels);
    let mut nodes = nodes(site, &mut labels, &mut mistakes);
    if mistakes.any() {
        return Err(mistakes.all());
    }
    neighbours::choose(site, &mut segments, &nodes);
    let links_only = Ways::new(&nodes);
    let written = |name| site.nodes.get(name).expect("every planned node is one of the scenario's");
    let routed: Vec<_> =
        nodes.iter().map(|node| routes(node, written(&node.name), &links_only, &mut mistakes)).collect();
    for (node, routes) in nodes.iter_mut().zip(routed) {
        node.routes = routes;
    }
    let routed = Ways::new(&nodes);
    let asked: Vec<_> = nodes.iter().map(|node| nameservers(site, node, &routed, &mut mistakes)).collect();
    for (node, nameservers) in nodes.iter_mut().zip(asked) {
        node.nameservers = nameservers;
    }

    let ways = Ways::new(&nodes);
    let services = services(site, &nodes, &ways, &mut mistakes);
    let flows = flows(scenario, &ways, &services, &mut mistakes);
    let mut remarks = remarks(site, &segments, &ways);
    if mistakes.any() {
        return Err(mistakes.all());
    }
    let mut whole = Plan {
        scenario: scenario.name.clone(),
        documents: scenario.documents.clone(),
        segments,
        switches: switches(site),
        nodes: nodes.clone(),
        services: services.clone(),
        flows: flows.clone(),
        checks: Vec::new(),
        remarks: Vec::new(),
    };
    let known = Known { scenario, ways: &ways, services: &services, flows: &flows, site: &whole };
    let checks = checks(&known, &mut mistakes, &mut remarks);
    neighbours::fix(&mut nodes, &whole.segments, &flows, &checks);
    (whole.nodes, whole.checks, whole.remarks) = (nodes, checks, remarks);
    mistakes.none_or(whole)
}
