//! A plan as a drawing for Mermaid.

use super::{arrows, few_addresses, ids, role};
use crate::plan::Plan;

/// Segments, nodes, links between them, and flows as dotted arrows, as a Mermaid flow chart.
pub fn mermaid(plan: &Plan) -> String {
    let mut text = "flowchart LR\n".to_owned();
    for segment in &plan.segments {
        let vlan = segment.vlan.map(|vlan| format!(" (VLAN {vlan})")).unwrap_or_default();
        let subnets: String = segment.subnets.iter().map(|subnet| format!("<br/>{subnet}")).collect();
        let id = id('s', segment.name.as_str());
        text.push_str(&format!("  {id}[[\"{}{vlan}{subnets}\"]]\n", segment.name));
    }
    for node in &plan.nodes {
        let own = id('n', node.name.as_str());
        text.push_str(&format!("  {own}([\"{}<br/>{}\"])\n", node.name, role(node.role)));
        for link in &node.links {
            let addresses = few_addresses(link, "<br/>");
            let segment = id('s', link.segment.as_str());
            text.push_str(&format!("  {own} ---|\"{}{addresses}\"| {segment}\n", link.name));
        }
    }
    for ((from, to), flows) in arrows(plan) {
        let (from, to) = (plan.nodes[from].name.as_str(), plan.nodes[to].name.as_str());
        text.push_str(&format!("  {} -.->|\"{}\"| {}\n", id('n', from), ids(&flows), id('n', to)));
    }
    text
}

/// An id that is no word of Mermaid's own and keeps names apart: they have hyphens, never underscores.
fn id(kind: char, name: &str) -> String {
    format!("{kind}_{}", name.replace('-', "_"))
}
