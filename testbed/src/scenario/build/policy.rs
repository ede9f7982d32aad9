//! Shared policies: flows between roles, read from a file or built in.

use super::super::files::Files;
use super::super::leaf::{FlowRange, PolicyName};
use super::super::mistakes::{Mistake, Mistakes, Source, nearest};
use super::super::model::Flow;
use super::super::raw;
use super::super::shape::{At, OneOrMany, Shape};
use super::super::yaml;
use super::directory::Directory;
use super::{Flows, or};
use crate::names::NodeName;

/// The documented flows, as they are shipped.
const PANORAMA: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/policies/panorama.yaml"));

/// Adds the flows that a scenario takes from a policy.
pub(crate) fn take(
    used: &raw::PolicyUse,
    directory: &Directory,
    files: &Files,
    flows: &mut Flows,
    out: &mut Mistakes,
) {
    let policy = used.policy.good().and_then(|name| read(name, files, out));
    let (Some(policy), Some(roles), Some(allow)) = (policy, used.roles.good(), used.allow.good()) else {
        // the names can still be looked at
        for (_, names) in used.roles.good().map_or(&[][..], |roles| &roles.entries) {
            names.iter().for_each(|names| _ = directory.nodes(names, "a role", out));
        }
        flows.complete = false;
        return;
    };
    let roles = bind(&policy, roles, directory, out);
    flows.complete &= used.allow.is_whole();
    let mut missing: Vec<NodeName> = Vec::new();
    for range in &allow.items {
        let found: Vec<_> = policy.flows.list().iter().filter(|flow| holds(&range.value, flow)).collect();
        check_range(range, &policy, out);
        for flow in found {
            if let Some(flow) = concrete(flow, &roles, &mut missing, used, out) {
                super::flows::add(flow, range.spot, flows, out);
            } else {
                flows.complete = false;
            }
        }
    }
}

fn holds(range: &FlowRange, flow: &raw::PolicyFlow) -> bool {
    flow.id.good().is_some_and(|id| range.holds(&id.value))
}

/// Both ends of a range must be flows of the policy.
fn check_range(range: &At<FlowRange>, policy: &raw::Policy, out: &mut Mistakes) {
    let ids = || policy.flows.list().iter().filter_map(|flow| flow.id.good()).map(|id| id.value.as_str());
    for end in [&range.value.first, &range.value.last] {
        if !ids().any(|id| id == end.as_str()) {
            let all = ids().collect::<Vec<_>>().join(", ");
            let label = format!("the policy has no `{end}`");
            let mistake = Mistake::error("an unknown flow is allowed", range.spot, label);
            out.push(mistake.help(format!("its flows are {all}")));
            return;
        }
    }
}

/// Reads the policy; what is wrong in it is said at its own place.
fn read(name: &At<PolicyName>, files: &Files, out: &mut Mistakes) -> Option<raw::Policy> {
    let source = match &name.value {
        PolicyName::Panorama => Source { path: "panorama (built in)".into(), text: PANORAMA.into() },
        PolicyName::File(path) => match files.text(path) {
            Ok(text) => Source { path: path.clone(), text: text.to_owned() },
            Err(missing) => {
                let label = match missing.is_absent().then(|| nearest(path, files.there())).flatten() {
                    Some(near) => format!("{missing}; did you mean `{near}`?"),
                    None => missing.to_string(),
                };
                out.push(Mistake::error("the policy cannot be used", name.spot, label));
                return None;
            }
        },
    };
    let text = source.text.clone();
    let number = out.add_source(source);
    let root = yaml::parse(&text, number, out)?;
    let policy = raw::Policy::read(&root, root.spot, out)?;
    check(&policy, out);
    Some(policy)
}

/// A policy by itself: ids once, roles known, ports where they belong.
fn check(policy: &raw::Policy, out: &mut Mistakes) {
    let flows = policy.flows.list();
    for (index, flow) in flows.iter().enumerate() {
        let Some(id) = flow.id.good() else { continue };
        let first =
            flows[..index].iter().filter_map(|flow| flow.id.good()).find(|first| first.value == id.value);
        if let Some(first) = first {
            let mistake = Mistake::error("two flows have one id", id.spot, format!("`{}` again", id.value));
            out.push(mistake.also(first.spot, "the first is here"));
        }
        if or(&flow.upkeep, false) {
            if !(flow.from.is_absent() && flow.to.is_absent() && flow.ports.is_absent()) {
                let label = "`upkeep` opens nothing, so it has no `from`, `to` or `ports`";
                out.push(Mistake::error("a flow that contradicts itself", id.spot, label));
            }
        } else if flow.from.is_absent() || flow.to.is_absent() || flow.ports.is_absent() {
            let label = "needs `from`, `to` and `ports`, or `upkeep: true`";
            out.push(Mistake::error("a flow without an end", id.spot, label));
        }
        for role in ends(flow) {
            check_role(role, policy, out);
        }
    }
}

fn ends(flow: &raw::PolicyFlow) -> impl Iterator<Item = &At<NodeName>> {
    [&flow.from, &flow.to].into_iter().filter_map(|slot| slot.good()).flat_map(|many| &many.0)
}

/// The role of the policy that is named or, after a mistake, probably meant.
fn check_role(role: &At<NodeName>, policy: &raw::Policy, out: &mut Mistakes) -> Option<NodeName> {
    let roles = policy.roles.good().filter(|roles| !roles.incomplete)?;
    if roles.entries.iter().any(|(name, _)| name.value == role.value) {
        return Some(role.value.clone());
    }
    let names = || roles.entries.iter().map(|(name, _)| name.value.as_str());
    let near = nearest(role.value.as_str(), names());
    let label = match near {
        Some(near) => format!("the policy has no such role; did you mean `{near}`?"),
        None => format!("the policy has no such role (it has {})", names().collect::<Vec<_>>().join(", ")),
    };
    out.push(Mistake::error("an unknown role", role.spot, label));
    near.and_then(|near| near.parse().ok())
}

/// A role, and the nodes that play it.
type Roles = Vec<(NodeName, Vec<NodeName>)>;

fn bind(
    policy: &raw::Policy,
    written: &super::super::shape::Named<NodeName, OneOrMany<At<NodeName>>>,
    directory: &Directory,
    out: &mut Mistakes,
) -> Roles {
    let mut roles = Roles::new();
    for (role, names) in &written.entries {
        let role = check_role(role, policy, out).unwrap_or_else(|| role.value.clone());
        let nodes = names.as_ref().map(|names| directory.nodes(names, "a role", out));
        roles.push((role, nodes.unwrap_or_default()));
    }
    roles
}

/// A flow of the policy, between the nodes of this site. `None` after a mistake.
fn concrete(
    flow: &raw::PolicyFlow,
    roles: &Roles,
    missing: &mut Vec<NodeName>,
    used: &raw::PolicyUse,
    out: &mut Mistakes,
) -> Option<Flow> {
    let id = &flow.id.good()?.value;
    let mut nodes = |slot: &super::super::shape::Slot<OneOrMany<At<NodeName>>>| {
        let mut nodes = Vec::new();
        for role in slot.good().map_or(&[][..], |many| &many.0) {
            match roles.iter().find(|(name, _)| *name == role.value) {
                Some((_, players)) if players.is_empty() => return None,
                Some((_, players)) => nodes.extend(players.iter().cloned()),
                None => {
                    if !missing.contains(&role.value) {
                        missing.push(role.value.clone());
                        let label = format!("flow {id} needs the role `{}`", role.value);
                        out.push(Mistake::error("a role that nobody plays", used.policy.good()?.spot, label));
                    }
                    return None;
                }
            }
        }
        Some(nodes)
    };
    let (from, to) = (nodes(&flow.from)?, nodes(&flow.to)?);
    let basis: Vec<_> = flow.basis.list().iter().map(|basis| basis.value.0.as_str()).collect();
    let why = flow.why.good()?.value.0.clone();
    Some(Flow {
        id: id.clone(),
        from,
        to,
        services: super::flows::values(&flow.services),
        ports: super::flows::values(&flow.ports),
        upkeep: or(&flow.upkeep, false),
        why: if basis.is_empty() { why } else { format!("{why} ({})", basis.join(", ")) },
    })
}
