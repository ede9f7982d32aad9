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

/// Notes each flow that the negative would forbid and does not except.
///
/// Such a check fails on the site that its own flows describe, so one of the two is wrong.
pub(crate) fn contradictions(
    negative: &Negative<'_>,
    flows: &[&Flow],
    except: &[FlowId],
    out: &mut Mistakes,
) {
    for flow in flows {
        if flow.upkeep || except.contains(&flow.id) {
            continue;
        }
        let port = negative.ports.iter().find(|port| flow.ports.iter().any(|open| overlap(port, open)));
        let Some(port) = port else { continue };
        let there = pair(flow, negative.from, negative.to);
        let back = negative.both_ways.then(|| pair(flow, negative.to, negative.from)).flatten();
        if let Some((from, to)) = there.or(back) {
            let label = format!("{} allows {port} from `{from}` to `{to}`", flow.id);
            let title = format!("{} contradicts a flow", negative.whose);
            let help = format!("if both are meant, write `except: [{}]`", flow.id);
            out.push(Mistake::error(title, negative.at, label).help(help));
        }
    }
}

/// A pair that the flow allows, opener among `from`, answerer among `to`.
fn pair<'a>(flow: &'a Flow, from: &[NodeName], to: &[NodeName]) -> Option<(&'a NodeName, &'a NodeName)> {
    let from = flow.from.iter().find(|node| from.contains(node))?;
    let to = flow.to.iter().find(|node| to.contains(node) && *node != from)?;
    Some((from, to))
}

fn overlap(a: &Traffic, b: &Traffic) -> bool {
    match (a, b) {
        (Traffic::Tcp(a, b), Traffic::Tcp(c, d)) | (Traffic::Udp(a, b), Traffic::Udp(c, d)) => {
            a <= d && c <= b
        }
        _ => a == b,
    }
}
