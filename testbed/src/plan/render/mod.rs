//! A plan for readers and for other programs: what `testbed plan` prints. Pure, and stable byte for byte.

mod dot;
mod mermaid;
mod tables;
mod text;
mod words;

pub use dot::dot;
pub use mermaid::mermaid;
pub use text::text;

use std::collections::BTreeMap;

use super::model::{Link, Plan, Role};
use crate::names::{FlowId, NodeName};

/// The whole plan as JSON, indented by two spaces, with a final newline.
pub fn json(plan: &Plan) -> String {
    let text = serde_json::to_string_pretty(plan).expect("a plan is plain data with text for keys");
    text + "\n"
}

/// A role as a reader says it.
fn role(role: Role) -> &'static str {
    match role {
        Role::Camera => "camera",
        Role::Appliance => "appliance",
        Role::Router => "router",
        Role::Cloud => "cloud",
        Role::Host => "host",
    }
}

/// The flows between each two nodes, in the order of the plan's nodes; upkeep has no arrow.
fn arrows(plan: &Plan) -> BTreeMap<(usize, usize), Vec<&FlowId>> {
    let at: BTreeMap<&NodeName, usize> =
        plan.nodes.iter().enumerate().map(|(at, node)| (&node.name, at)).collect();
    let mut arrows: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for flow in plan.flows.iter().filter(|flow| !flow.upkeep) {
        for pair in &flow.pairs {
            if let (Some(from), Some(to)) = (at.get(&pair.from), at.get(&pair.to)) {
                arrows.entry((*from, *to)).or_default().push(&flow.id);
            }
        }
    }
    arrows
}

/// A link's addresses for a drawing, each after a line break; of a cloud's many, how many.
fn few_addresses(link: &Link, line_break: &str) -> String {
    const MOST: usize = 3;
    let shown = link.addresses.iter().take(MOST).map(|net| format!("{line_break}{}", net.addr()));
    let more = link.addresses.len().saturating_sub(MOST);
    let rest = (more > 0).then(|| format!("{line_break}and {more} more"));
    shown.chain(rest).collect()
}

/// `F01, F07`.
fn ids(flows: &[&FlowId]) -> String {
    flows.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
