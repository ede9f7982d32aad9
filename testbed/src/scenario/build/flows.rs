//! What is allowed: the site's own flows, and those that it takes from a policy.

use std::collections::BTreeMap;

use super::super::files::Files;
use super::super::leaf::FlowRange;
use super::super::mistakes::{Mistake, Mistakes};
use super::super::model::{Flow, Kind, Node};
use super::super::raw;
use super::super::shape::{At, OneOrMany, Slot};
use super::super::tree::Spot;
use super::directory::{Directory, Section};
use super::{Flows, KnownFlow, policy};
use crate::names::{FlowId, NodeName};

/// Every flow that the scenario allows.
pub(crate) fn build(raw: &raw::Scenario, directory: &Directory, files: &Files, out: &mut Mistakes) -> Flows {
    let mut flows = Flows { known: Vec::new(), complete: raw.flows.is_whole() };
    for entry in raw.flows.list() {
        match entry {
            raw::Flow::Policy(used) => policy::take(used, directory, files, &mut flows, out),
            raw::Flow::Own(own) => {
                if let Some((flow, spot)) = self::own(own, directory, out) {
                    add(flow, spot, &mut flows, out);
                } else {
                    flows.complete = false;
                }
            }
        }
    }
    flows
}

/// Adds a flow; its id must be free.
pub(crate) fn add(flow: Flow, spot: Spot, flows: &mut Flows, out: &mut Mistakes) {
    if let Some(first) = flows.known.iter().find(|known| known.flow.id == flow.id) {
        let mistake = Mistake::error("two flows have one id", spot, format!("`{}` again", flow.id));
        out.push(mistake.also(first.spot, "the first is here"));
        return;
    }
    flows.known.push(KnownFlow { flow, spot });
}

fn own(own: &raw::OwnFlow, directory: &Directory, out: &mut Mistakes) -> Option<(Flow, Spot)> {
    let nodes = |slot: &Slot<OneOrMany<At<NodeName>>>, out: &mut Mistakes| {
        slot.good().map(|names| directory.nodes(names, "a flow", out))
    };
    let (from, to) = (nodes(&own.from, out), nodes(&own.to, out));
    let id = own.id.good()?;
    if !id.value.as_str().starts_with('S') {
        let label = "a flow of the site's own is `S01`, `S02`, …; documented ones come by `use: panorama`";
        out.push(Mistake::error("a documented flow cannot be written here", id.spot, label));
    }
    let (from, to) = (from?, to?);
    check_ends(own.from.good()?, own.to.good()?, directory, "a flow", out);
    if let (Some(services), Some(names)) = (own.services.good(), own.to.good()) {
        for name in &names.0 {
            let entry = directory.find(name, "", &mut Mistakes::default());
            if entry.is_some_and(|entry| entry.section != Section::Cloud) {
                let spot = services.0.first().map_or(name.spot, |service| service.spot);
                let mistake = Mistake::error("only a cloud has services", spot, "services are named here");
                out.push(mistake.also(name.spot, format!("`{}` is no cloud", name.value)));
            }
        }
    }
    let flow = Flow {
        id: id.value.clone(),
        from,
        to,
        services: values(&own.services),
        ports: values(&own.ports),
        upkeep: false,
        why: own.why.good().map(|why| why.value.0.clone()).unwrap_or_default(),
    };
    Some((flow, id.spot))
}

/// A single node cannot stand at both ends; the nodes of a group can, with one another.
pub(crate) fn check_ends(
    from: &OneOrMany<At<NodeName>>,
    to: &OneOrMany<At<NodeName>>,
    directory: &Directory,
    whose: &str,
    out: &mut Mistakes,
) {
    for name in &to.0 {
        let single =
            directory.find(name, "", &mut Mistakes::default()).is_some_and(|entry| entry.members.len() == 1);
        if let Some(first) = from.0.iter().find(|first| first.value == name.value)
            && single
        {
            let label = format!("`{}` to itself", name.value);
            let mistake = Mistake::error(format!("{whose} has one node at both ends"), name.spot, label);
            out.push(mistake.also(first.spot, "it is here too"));
        }
    }
}

/// The values of one or many.
pub(crate) fn values<T: Clone>(slot: &Slot<OneOrMany<At<T>>>) -> Vec<T> {
    slot.good().map_or(&[][..], |many| &many.0).iter().map(|at| at.value.clone()).collect()
}

impl Flows {
    /// A cloud that is to be reached by a service must have it.
    pub(crate) fn check_services(&self, nodes: &BTreeMap<NodeName, Node>, out: &mut Mistakes) {
        for KnownFlow { flow, spot } in &self.known {
            for name in &flow.to {
                let Some(Kind::Cloud(cloud)) = nodes.get(name).map(|node| &node.kind) else { continue };
                for service in flow.services.iter().filter(|service| !cloud.has(**service)) {
                    let label = format!("`{name}` needs `serves: [{}]`", service.word());
                    out.push(Mistake::error("a flow leads to a service that is not there", *spot, label));
                }
            }
        }
    }

    /// Every id, for a sentence.
    fn listed(&self) -> Option<String> {
        let ids: Vec<_> = self.known.iter().map(|known| known.flow.id.as_str()).collect();
        (!ids.is_empty()).then(|| ids.join(", "))
    }

    /// The ids that ranges stand for, each of a flow that the scenario allows.
    pub(crate) fn ids(
        &self,
        ranges: &OneOrMany<At<FlowRange>>,
        whose: &str,
        out: &mut Mistakes,
    ) -> Vec<(FlowId, Spot)> {
        let mut ids: Vec<(FlowId, Spot)> = Vec::new();
        for range in &ranges.0 {
            let allowed = self.known.iter().map(|known| &known.flow.id).filter(|id| range.value.holds(id));
            let found: Vec<_> = allowed.cloned().collect();
            let ends = [&range.value.first, &range.value.last];
            let unknown = ends.into_iter().find(|end| !found.contains(end));
            if let Some(unknown) = unknown
                && self.complete
            {
                let label = format!("the scenario allows no flow `{unknown}`");
                let mistake = Mistake::error(format!("{whose} names an unknown flow"), range.spot, label);
                out.push(match self.listed() {
                    Some(all) => mistake.help(format!("its flows are {all}")),
                    None => mistake.help("it has no `flows`"),
                });
            }
            for id in found {
                if ids.iter().any(|(other, _)| *other == id) {
                    let label = format!("`{id}` is in the list already");
                    out.push(Mistake::error(format!("{whose} names a flow twice"), range.spot, label));
                } else {
                    ids.push((id, range.spot));
                }
            }
        }
        ids
    }
}
