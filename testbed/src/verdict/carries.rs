//! `carries`: what runs over a link is what these flows explain, and the node's routes send it there.

use std::net::{IpAddr, Ipv4Addr};

use crate::names::{FlowId, LinkName, NodeName};
use crate::observation::{Conversation, Observations, RouteSeen};
use crate::plan::{Check, Plan, RouteAsked, Word};

use super::Finding;
use super::judge::Draft;
use super::matching::{self, Way, is_link_upkeep, is_on, kind_and_port, way};
use super::wording::{counted, listed};

/// The documented flows that stand for link upkeep, and for ICMP errors.
const LINK_UPKEEP: &str = "F17";
const ERRORS: &str = "F18";

pub(super) fn draft(plan: &Plan, check: &Check, seen: &Observations) -> Draft {
    let mut draft = Draft::default();
    let Word::Carries { node, link, port, only, routes } = &check.word else { return draft };
    let place = format!("{node}'s {link}");
    let here: Vec<_> = seen.conversations.iter().filter(|one| one.ports.contains(port)).collect();
    let now = here.iter().filter(|one| !one.earlier);
    let strange = now.filter(|one| explained_by(plan, one, only).is_none());
    let strange: Vec<_> = strange.filter(|one| !matching::is_asked_by_us(plan, seen, one)).copied().collect();
    draft.findings = findings(&place, &strange);
    for id in only {
        let flow = matching::flow(plan, id);
        if flow.is_some_and(|flow| !flow.upkeep) && !here.iter().any(|one| is_of(plan, one, id)) {
            draft.reasons.add("unseen", format!("nothing of {id} ran over {place}"));
        }
    }
    for asked in routes {
        let found = seen.routes.iter().find(|one| one.node == *node && one.to == asked.to);
        judge_route(&place, link, asked, found, &mut draft);
    }
    let packets: u64 = here.iter().map(|one| one.packets_out + one.packets_back).sum();
    draft.summary = format!(
        "{} ({packets} packets) over {place}, {} of them of no flow that belongs there; {} asked for",
        counted(here.len(), "conversation"),
        strange.len(),
        counted(routes.len(), "route")
    );
    draft
}

/// The listed flow that a conversation belongs to.
fn explained_by<'a>(plan: &Plan, one: &Conversation, only: &'a [FlowId]) -> Option<&'a FlowId> {
    only.iter().find(|id| match id.as_str() {
        LINK_UPKEEP => is_link_upkeep(&one.kind) || is_of(plan, one, id),
        // Types are not told apart; what quotes nothing of an allowed flow has ends of no flow.
        ERRORS => matches!(one.kind.as_str(), "icmp" | "icmp6") && joins_ends(plan, one, only),
        _ => is_of(plan, one, id),
    })
}

/// Opened as the flow allows it, or sent to the group that it is about; or a search on a link, where the flow lets its opener ask
/// somebody who is plugged in there.
fn is_of(plan: &Plan, one: &Conversation, id: &FlowId) -> bool {
    let Some(flow) = matching::flow(plan, id) else { return false };
    flow.pairs.iter().any(|pair| {
        matches!(way(one, flow, pair), Some(Way::Along | Way::Group))
            || (is_search(one)
                && one.opener.node.as_ref() == Some(&pair.from)
                && flow.ports.iter().any(|ports| is_on(ports, &one.kind, one.answerer.port))
                && is_plugged_in(plan, one, &pair.to))
    })
}

/// Whether a conversation is a question of WS-Discovery, which goes to a group (April 2005, section 2.4).
fn is_search(one: &Conversation) -> bool {
    one.answerer.address == IpAddr::V4(Ipv4Addr::new(239, 255, 255, 250)) && one.answerer.port == 3702
}

/// Whether a node is in a segment in which a conversation was seen.
fn is_plugged_in(plan: &Plan, one: &Conversation, node: &NodeName) -> bool {
    let links = || plan.nodes.iter().flat_map(|node| node.links.iter().map(move |link| (&node.name, link)));
    let seen: Vec<_> = links().filter(|(_, link)| one.ports.contains(&link.port)).collect();
    links().any(|(owner, link)| owner == node && seen.iter().any(|(_, at)| at.segment == link.segment))
}

/// Whether one end of it is an end of a listed flow.
fn joins_ends(plan: &Plan, one: &Conversation, only: &[FlowId]) -> bool {
    let pairs = only.iter().filter_map(|id| matching::flow(plan, id)).flat_map(|flow| &flow.pairs);
    let ends = [one.opener.node.as_ref(), one.answerer.node.as_ref()];
    pairs.into_iter().any(|pair| ends.contains(&Some(&pair.from)) || ends.contains(&Some(&pair.to)))
}

/// One per pair of ends and kind, in the order in which they came.
fn findings(place: &str, strange: &[&Conversation]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for one in strange {
        let whose = |end: &crate::observation::End| match &end.node {
            Some(node) => node.to_string(),
            None => end.address.to_string(),
        };
        let ends = format!("{} -> {}", whose(&one.opener), whose(&one.answerer));
        let text = format!("{place} carried {} of {ends}, which belongs elsewhere", kind_and_port(one));
        if !findings.iter().any(|known| known.text == text) {
            let packets = vec![("first packet".to_owned(), one.first_packet)];
            findings.push(Finding { text, pair: None, stops_at: None, packets, by: None });
        }
    }
    findings
}

/// The node's own routing must send there what it opens.
fn judge_route(
    place: &str,
    link: &LinkName,
    asked: &RouteAsked,
    found: Option<&RouteSeen>,
    draft: &mut Draft,
) {
    let flows = listed(&asked.flows, 6);
    match found.map(|found| &found.link) {
        Some(Some(by)) if by == link => {}
        None => draft.reasons.add("route", format!("nobody looked up the route to {} ({flows})", asked.to)),
        Some(other) => {
            let by = other.as_ref().map_or("nowhere".to_owned(), |other| format!("by {other}"));
            let text = format!("the route to {} ({flows}) leads {by}, and not by {place}", asked.to);
            draft.findings.push(Finding { text, pair: None, stops_at: None, packets: vec![], by: None });
        }
    }
}
