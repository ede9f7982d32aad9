//! A negative that forbids what a flow of the same scenario allows.

use super::super::mistakes::{Mistake, Mistakes};
use super::super::model::Flow;
use super::super::tree::Spot;
use crate::names::{FlowId, NodeName, Traffic};

/// A `no_reach`, names resolved.
pub(crate) struct Negative<'a> {
    pub(crate) whose: &'a str,
    pub(crate) at: Spot,
    pub(crate) from: &'a [NodeName],
    pub(crate) to: &'a [NodeName],
    pub(crate) both_ways: bool,
    pub(crate) ports: &'a [Traffic],
}

/// Notes the flows that the negative would forbid and does not except.
///
/// Such a check fails on the site that its own flows describe, so one of the two is wrong.
pub(crate) fn contradictions(
    negative: &Negative<'_>,
    flows: &[&Flow],
    except: &[FlowId],
    out: &mut Mistakes,
) {
    let mut found: Vec<(&FlowId, String)> = Vec::new();
    for flow in flows.iter().filter(|flow| !flow.upkeep && !except.contains(&flow.id)) {
        let sent = |open: &&Traffic| negative.ports.iter().any(|port| port.meets(open));
        let there = pair(flow, negative.from, negative.to);
        let back = || negative.both_ways.then(|| pair(flow, negative.to, negative.from)).flatten();
        if let (Some(port), Some((from, to))) = (flow.ports.iter().find(sent), there.or_else(back)) {
            found.push((&flow.id, format!("{} allows {port} from `{from}` to `{to}`", flow.id)));
        }
    }
    let Some((_, first)) = found.first() else { return };
    let ids = found.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>().join(", ");
    let title = format!("{} contradicts a flow", negative.whose);
    let help = format!("if both are meant, write `except: [{ids}]`");
    out.push(Mistake::error(title, negative.at, first.as_str()).help(help));
}

/// A pair that the flow allows, opener among `from`, answerer among `to`.
fn pair<'a>(flow: &'a Flow, from: &[NodeName], to: &[NodeName]) -> Option<(&'a NodeName, &'a NodeName)> {
    let from = flow.from.iter().find(|node| from.contains(node))?;
    let to = flow.to.iter().find(|node| to.contains(node) && *node != from)?;
    Some((from, to))
}
