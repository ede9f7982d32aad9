//! `scan`: an appliance looked for cameras when it should, on its own links only, and found exactly the right ones.

mod told;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use fake_facts::Fact;
use ipnet::IpNet;

use crate::names::NodeName;
use crate::observation::{Conversation, Observations};
use crate::plan::Plan;

use told::Tasked;
pub(crate) use told::{asks_for_search, ends_search};

use super::Finding;
use super::judge::Draft;
use super::matching::is_ours;
use super::wording::counted;

/// Port of WS-Discovery.
const PORT: u16 = 3702;

pub(super) fn draft(
    plan: &Plan,
    (at, finds, beyond, by_job): (&NodeName, &[NodeName], &[NodeName], Option<Duration>),
    seen: &Observations,
) -> Draft {
    let mut draft = Draft::default();
    let facts: Vec<_> = seen.facts.iter().filter(|fact| fact.node == *at).map(|fact| &fact.line).collect();
    if facts.is_empty() {
        draft.summary = format!("{at} said nothing");
        draft.reasons.add("ready", format!("{at} never said that it was ready"));
        return draft;
    }
    let found: Vec<(IpAddr, &str)> = facts
        .iter()
        .filter_map(|line| match &line.fact {
            Fact::Found { address, stream, .. } => Some((*address, stream.as_str())),
            _ => None,
        })
        .collect();
    draft.summary = format!("{at} found {}: {}", counted(found.len(), "camera"), listed(plan, &found));
    if !facts.iter().any(|line| matches!(line.fact, Fact::Scanned { .. })) {
        draft.findings.push(finding(format!("{at} did not look for cameras to the end"), Vec::new()));
    }
    for node in finds.iter().filter(|node| !found.iter().any(|(address, _)| has(plan, node, *address))) {
        let text = format!("{at} did not find {node}: {}", why_not(plan, &facts, node));
        draft.findings.push(finding(text, Vec::new()));
    }
    for (address, stream) in &found {
        let expected = finds.iter().any(|node| has(plan, node, *address));
        if !expected {
            draft.findings.push(finding(format!("{at} found {}", named(plan, *address)), Vec::new()));
        }
        let host = if address.is_ipv4() { address.to_string() } else { format!("[{address}]") };
        if !stream.starts_with(&format!("rtsp://{host}:")) {
            let text = format!("{} gives its video at {stream}", named(plan, *address));
            draft.findings.push(finding(text, Vec::new()));
        }
    }
    let tasked = Tasked::among(&facts).filter(|_| by_job.is_some());
    if let Some(tasked) = &tasked {
        let streams: BTreeSet<_> = found.iter().map(|(_, stream)| *stream).collect();
        tasked.judge_told(at, &streams, seen, &mut draft);
    }
    judge_questions(plan, seen, (at, tasked.as_ref(), by_job), &mut draft);
    judge_repeated(plan, seen, &mut draft);
    judge_beyond(seen, (at, beyond), &mut draft);
    draft
}

/// Questions that a router asks: nobody who forwards looks for cameras, but one that repeats what it hears on another link does so
/// under its own address.
fn judge_repeated(plan: &Plan, seen: &Observations, draft: &mut Draft) {
    let forwards = |name: &NodeName| plan.nodes.iter().any(|node| node.name == *name && node.forwards);
    for one in seen.conversations.iter().filter(|one| is_question(one) && !one.earlier && !is_ours(seen, one))
    {
        if let Some(router) = one.opener.node.as_ref().filter(|node| forwards(node)) {
            let text = format!(
                "{router} asked for cameras from {}, as one that repeats questions does",
                one.opener.address
            );
            draft.findings.push(finding(text, packets(router, one)));
        }
    }
}

/// Cameras on other links must live, or that nobody asks them shows nothing.
fn judge_beyond(seen: &Observations, (at, beyond): (&NodeName, &[NodeName]), draft: &mut Draft) {
    for camera in beyond {
        let is_its = |one: &&Conversation| one.answerer.node.as_ref() == Some(camera);
        if !seen.conversations.iter().filter(is_its).any(|one| one.answered_packet.is_some()) {
            draft
                .reasons
                .add("alive", format!("nobody was answered by {camera}, which {at} should not find"));
        }
        let ports = |one: &&Conversation| one.opener.node.as_ref() == Some(at) && !is_ours(seen, one);
        let searched = |one: &&Conversation| one.kind == "udp" && one.answerer.port == PORT && !one.earlier;
        for one in seen.conversations.iter().filter(is_its).filter(ports).filter(searched) {
            let text = format!("{at} asked {camera}, which is on another link");
            draft.findings.push(finding(text, packets(at, one)));
        }
    }
    if !beyond.is_empty() {
        let names: Vec<_> = beyond.iter().map(NodeName::as_str).collect();
        draft.summary += &format!("; alive on other links and not asked: {}", names.join(", "));
    }
}

fn is_question(one: &Conversation) -> bool {
    one.kind == "udp" && one.answerer.port == PORT && one.answerer.address.is_multicast()
}

/// When the questions went out, and where they were.
fn judge_questions(
    plan: &Plan,
    seen: &Observations,
    (at, tasked, by_job): (&NodeName, Option<&Tasked>, Option<Duration>),
    draft: &mut Draft,
) {
    let questions = seen
        .conversations
        .iter()
        .filter(|one| is_question(one) && one.opener.node.as_ref() == Some(at) && !is_ours(seen, one));
    let (earlier, questions): (Vec<_>, Vec<_>) = questions.partition(|one| one.earlier);
    let Some(first) = questions.iter().min_by_key(|one| one.first_at) else {
        // What came about earlier in a lab that stays need not come about again.
        match earlier.first() {
            None => draft.reasons.add("vacuous", format!("no question of {at} was seen")),
            Some(_) if by_job.is_none() || tasked.is_some() => {}
            Some(_) => draft.findings.push(finding(unasked(at), Vec::new())),
        }
        return;
    };
    match (by_job, tasked) {
        (None, _) => {}
        (Some(_), None) => draft.findings.push(finding(unasked(at), packets(at, first))),
        (Some(_), Some(tasked)) if first.first_at < tasked.at => {
            let text = format!("{at} looked for cameras before a job said so");
            draft.findings.push(finding(text, packets(at, first)));
        }
        (Some(within), Some(tasked)) => {
            let within = within * seen.patience.max(1);
            tasked.judge_begun((at, first.first_at, within), packets(at, first), draft);
        }
    }
    for one in &questions {
        for port in one.ports.iter().filter(|port| !is_on_link(plan, at, port.as_str())) {
            let text = format!("a question of {at} for cameras was seen off its links, at {port}");
            draft.findings.push(finding(text, packets(at, one)));
        }
    }
}

fn unasked(at: &NodeName) -> String {
    format!("{at} looked for cameras, and no job said so")
}

/// Whether a port of the fabric is in a segment that the node is plugged into.
fn is_on_link(plan: &Plan, node: &NodeName, port: &str) -> bool {
    let links = || plan.nodes.iter().flat_map(|one| one.links.iter().map(move |link| (&one.name, link)));
    let segment = links().find(|(_, link)| link.port.as_str() == port).map(|(_, link)| &link.segment);
    links().any(|(owner, link)| owner == node && Some(&link.segment) == segment)
}

/// Why a camera was not found, in the words of who looked for it.
fn why_not(plan: &Plan, facts: &[&fake_facts::Line], node: &NodeName) -> String {
    let about_it = |about: &str| about.parse().is_ok_and(|address| has(plan, node, address));
    let last = facts.iter().rev().find_map(|line| match &line.fact {
        Fact::Failed { what, about: Some(about), error } if what == "scan" && about_it(about) => {
            Some(error.clone())
        }
        _ => None,
    });
    last.unwrap_or_else(|| "it was not heard".into())
}

fn has(plan: &Plan, node: &NodeName, address: IpAddr) -> bool {
    let mut links = plan.nodes.iter().filter(|one| one.name == *node).flat_map(|node| &node.links);
    links.any(|link| link.addresses.iter().map(IpNet::addr).any(|own| own == address))
}

/// The node that has an address, and the address.
fn named(plan: &Plan, address: IpAddr) -> String {
    let owner = plan.nodes.iter().find(|node| has(plan, &node.name, address));
    owner.map_or_else(|| address.to_string(), |node| format!("{} {address}", node.name))
}

fn listed(plan: &Plan, found: &[(IpAddr, &str)]) -> String {
    let all: Vec<_> =
        found.iter().map(|(address, stream)| format!("{} at {stream}", named(plan, *address))).collect();
    if all.is_empty() { "none".into() } else { all.join(", ") }
}

fn packets(at: &NodeName, question: &Conversation) -> Vec<(String, u64)> {
    vec![(format!("a question for cameras, at {at}'s tap"), question.first_packet)]
}

fn finding(text: String, packets: Vec<(String, u64)>) -> Finding {
    Finding { text, pair: None, stops_at: None, packets, by: None }
}
