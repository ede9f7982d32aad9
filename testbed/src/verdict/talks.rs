//! `talks`: an appliance, or an operator, talks with the services of its cloud that are named, on their ports, by their names; it opens all of
//! that itself, and nothing else is said between the two.

use std::collections::BTreeSet;

use fake_facts::Fact;

use crate::names::NodeName;
use crate::observation::{Conversation, LookupSeen, Observations};
use crate::plan::{Node, Plan, Role, Spoken, Word};
use crate::scenario::model::CloudService;

use super::Finding;
use super::judge::Draft;
use super::matching::{is_link_upkeep, is_ours, kind_and_port};
use super::moved::is_asked_on_purpose;
use super::wording::{counted, listed};

pub(super) fn draft(plan: &Plan, word: &Word, seen: &Observations) -> Draft {
    let mut draft = Draft::default();
    let Word::Talks { of, cloud, services } = word else { return draft };
    if services.is_empty() {
        draft.reasons.add("vacuous", "no service is named");
    }
    let between = seen.conversations.iter().filter(|one| joins(one, of, cloud) && !is_ours(seen, one));
    let between: Vec<&Conversation> = between.collect();
    for one in between.iter().filter(|one| !one.earlier) {
        if let Some(text) = wrong(one, of, cloud, services) {
            let packets = vec![(format!("{} opens it", opener(one)), one.first_packet)];
            draft.findings.push(finding(text, packets));
        }
    }
    let asked = judge_names(of, services, seen, &mut draft);
    let heard = heard_by(plan, of, cloud, seen);
    for (service, name) in
        heard.iter().filter(|(service, _)| !services.iter().any(|one| covers(one.service, service)))
    {
        let by = name.as_ref().map(|name| format!(" as {name}")).unwrap_or_default();
        draft.findings.push(finding(format!("{of} was heard by {cloud}'s {service}{by}"), Vec::new()));
    }
    let silent = |one: &&Spoken| {
        one.service.over_tls() && !heard.iter().any(|(service, _)| covers(one.service, service))
    };
    for one in services.iter().filter(silent) {
        let text = format!("{of} was never heard by {cloud}'s {}", one.service.word());
        draft.findings.push(finding(text, Vec::new()));
    }
    for one in services.iter().filter(|one| !one.service.over_tls() && !is_answered(one, of, &between)) {
        let text = format!("{of} was never answered by {cloud}'s {}", one.service.word());
        draft.findings.push(finding(text, Vec::new()));
    }
    let words: BTreeSet<&str> = heard.iter().map(|(service, _)| service.as_str()).collect();
    draft.summary = format!(
        "{} between {of} and {cloud}, {} asked for; heard by {}",
        counted(between.len(), "conversation"),
        counted(asked, "name"),
        listed(words, 8)
    );
    draft
}

fn joins(one: &Conversation, of: &NodeName, cloud: &NodeName) -> bool {
    let ends = (one.opener.node.as_ref(), one.answerer.node.as_ref());
    let both = ends == (Some(of), Some(cloud)) || ends == (Some(cloud), Some(of));
    both && !is_link_upkeep(&one.kind)
}

/// What is wrong with a conversation between the two.
fn wrong(one: &Conversation, of: &NodeName, cloud: &NodeName, services: &[Spoken]) -> Option<String> {
    let what = kind_and_port(one);
    if one.opener.node.as_ref() != Some(of) {
        return Some(format!("{cloud} opens {what} towards {of}"));
    }
    let there =
        |spoken: &&Spoken| spoken.addresses.contains(&one.answerer.address) && is_port(spoken.service, one);
    if services.iter().any(|spoken| there(&spoken)) {
        return None;
    }
    Some(format!("{of} opens {what} at {cloud}'s {}", one.answerer.address))
}

/// Whether a service that lets nobody in, as it is asked without TLS, has answered the appliance.
fn is_answered(spoken: &Spoken, of: &NodeName, between: &[&Conversation]) -> bool {
    between.iter().any(|one| {
        one.opener.node.as_ref() == Some(of)
            && one.packets_back > 0
            && spoken.addresses.contains(&one.answerer.address)
            && is_port(spoken.service, one)
    })
}

fn is_port(service: CloudService, one: &Conversation) -> bool {
    let (kind, port) = (one.kind.as_str(), one.answerer.port);
    match service {
        CloudService::Dns => ["udp", "tcp"].contains(&kind) && port == 53,
        CloudService::Ntp => (kind, port) == ("udp", 123),
        _ => (kind, port) == ("tcp", 443),
    }
}

fn opener(one: &Conversation) -> String {
    one.opener.node.as_ref().map_or_else(|| one.opener.address.to_string(), NodeName::to_string)
}

/// Names that the appliance asked for and that are none of the services'; gives how many it asked for.
fn judge_names(of: &NodeName, services: &[Spoken], seen: &Observations, draft: &mut Draft) -> usize {
    let mut asked = BTreeSet::new();
    // Who looks whether a name server lives asks for the root.
    let own = |one: &&LookupSeen| one.node == *of && !one.name.is_empty() && !is_asked_on_purpose(one, seen);
    for one in seen.lookups.iter().filter(own) {
        let known = services.iter().flat_map(|spoken| &spoken.names).any(|name| takes_in(name, &one.name));
        if asked.insert(one.name.as_str()) && !known && !one.earlier {
            let text = format!("{of} asks for {}, which is no name of these services", one.name);
            let packets = vec![(format!("{of} is told of {}", one.name), one.packet)];
            draft.findings.push(finding(text, packets));
        }
    }
    if asked.is_empty() {
        draft.reasons.add("names", format!("{of} was told of no name"));
    }
    asked.len()
}

/// A name, or with `*.` whatever is below it.
fn takes_in(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(end) => name.len() > end.len() && name.ends_with(end),
        None => pattern == name,
    }
}

/// Services of the cloud that let the appliance in, each with the name that it asked for there. Behind a router that puts its own
/// address in the place of others, whoever comes from there may be the appliance; whoever comes from an address of a node that
/// forwards nothing is that node.
fn heard_by(
    plan: &Plan,
    of: &NodeName,
    cloud: &NodeName,
    seen: &Observations,
) -> BTreeSet<(String, Option<String>)> {
    let has = |node: &NodeName, address| {
        let nodes = plan.nodes.iter().filter(|one| one.name == *node);
        nodes.flat_map(|one| &one.links).flat_map(|link| &link.addresses).any(|net| net.addr() == address)
    };
    let is_other = |node: &&Node| node.name != *of && (!node.forwards || node.role == Role::Appliance);
    let others: Vec<&NodeName> = plan.nodes.iter().filter(is_other).map(|node| &node.name).collect();
    let facts = seen.facts.iter().filter(|fact| fact.node == *cloud);
    let accepted = facts.filter_map(|fact| match &fact.line.fact {
        Fact::Accepted { service, peer, sni, .. } if !others.iter().any(|other| has(other, peer.ip())) => {
            Some((service.clone(), sni.clone()))
        }
        _ => None,
    });
    accepted.collect()
}

/// Whether what a fact calls a service belongs to it: credentials come from IoT Core.
fn covers(service: CloudService, word: &str) -> bool {
    service.word() == word || (service == CloudService::Iot && word == "credentials")
}

fn finding(text: String, packets: Vec<(String, u64)>) -> Finding {
    Finding { text, pair: None, stops_at: None, packets, by: None }
}
