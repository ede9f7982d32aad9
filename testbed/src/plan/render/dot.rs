//! A plan as a drawing for Graphviz.

use super::{arrows, few_addresses, ids, role};
use crate::plan::Plan;

/// Segments, nodes, links between them, and flows as dashed arrows, in the DOT language.
pub fn dot(plan: &Plan) -> String {
    let mut text = format!("digraph \"{}\" {{\n", plan.scenario);
    text.push_str("  layout=neato; overlap=false; splines=true;\n  node [fontname=\"sans-serif\"];\n");
    for segment in &plan.segments {
        let vlan = segment.vlan.map(|vlan| format!(" (VLAN {vlan})")).unwrap_or_default();
        let subnets: String = segment.subnets.iter().map(|subnet| format!("\\n{subnet}")).collect();
        let shape = "shape=box, style=filled, fillcolor=\"#eeeeee\"";
        text.push_str(&format!("  \"segment {0}\" [{shape}, label=\"{0}{vlan}{subnets}\"];\n", segment.name));
    }
    for node in &plan.nodes {
        let label = format!("{}\\n{}", node.name, role(node.role));
        text.push_str(&format!("  \"{}\" [shape=ellipse, label=\"{label}\"];\n", node.name));
        for link in &node.links {
            let addresses = few_addresses(link, "\\n");
            let label = format!("{}{addresses}", link.name);
            let style = format!("dir=none, label=\"{label}\"");
            text.push_str(&format!("  \"{}\" -> \"segment {}\" [{style}];\n", node.name, link.segment));
        }
    }
    for ((from, to), flows) in arrows(plan) {
        let (from, to) = (&plan.nodes[from].name, &plan.nodes[to].name);
        let style = format!("style=dashed, color=\"#227722\", label=\"{}\"", ids(&flows));
        text.push_str(&format!("  \"{from}\" -> \"{to}\" [{style}];\n"));
    }
    text + "}\n"
}
