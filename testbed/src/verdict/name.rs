//! `name`: the names that a firewall lets out are those that are asked for, no more and no fewer; nobody else has it let anything
//! out, and nothing is let out that leads inwards.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::names::{NodeName, SegmentName};
use crate::observation::{LookupSeen, MOST_LOOKUPS, Observations};
use crate::plan::{Plan, Word};

use super::Finding;
use super::judge::Draft;
use super::matching::is_ours;
use super::moved::is_asked_on_purpose;
use super::wording::{counted, listed};

pub(super) fn draft(plan: &Plan, word: &Word, seen: &Observations) -> Draft {
    let mut draft = Draft::default();
    let Word::Name { at, segment, by, patterns } = word else { return draft };
    let own: Vec<&LookupSeen> = seen.lookups.iter().filter(|one| !is_asked_on_purpose(one, seen)).collect();
    let asked: Vec<&LookupSeen> = own.iter().filter(|one| by.contains(&one.node)).copied().collect();
    // What has no address cannot be let out.
    let resolved: Vec<&LookupSeen> = asked.iter().filter(|one| !one.addresses.is_empty()).copied().collect();
    for node in by.iter().filter(|node| !resolved.iter().any(|one| one.node == **node)) {
        draft.reasons.add("vacuous", format!("{node} was told no address of any name"));
    }
    for node in by.iter().filter(|node| asks_unread(node, seen)) {
        let text = format!("{node} also asks a name server over TCP, and only answers over UDP are read");
        draft.reasons.add("unread", text);
    }
    if seen.lookups.len() >= MOST_LOOKUPS {
        draft.reasons.add("unread", format!("only the first {MOST_LOOKUPS} answers were kept"));
    }
    let mut outside = BTreeSet::new();
    for one in resolved.iter().filter(|one| !one.earlier) {
        if !patterns.iter().any(|pattern| takes_in(pattern, &one.name)) && outside.insert(&one.name) {
            let (node, name) = (&one.node, &one.name);
            let text = format!("outage: {node} asks for {name}, which {at} lets nobody in {segment} reach");
            draft.findings.push(finding(text, Some(one)));
        }
    }
    let unused: Vec<_> =
        patterns.iter().filter(|pattern| !asked.iter().any(|one| takes_in(pattern, &one.name))).collect();
    if !resolved.is_empty() {
        draft.findings.extend(unused.iter().map(|pattern| {
            let text =
                format!("unused opening: {at} lets {segment} reach {pattern}, which nobody there asks for");
            finding(text, None)
        }));
    }
    let opening: Vec<&LookupSeen> = own
        .iter()
        .copied()
        .filter(|one| !one.earlier && !one.addresses.is_empty() && one.from.as_ref() == Some(at))
        .filter(|one| patterns.iter().any(|pattern| takes_in(pattern, &one.name)))
        .collect();
    draft.findings.extend(strangers(plan, (at, segment, by), &opening));
    draft.findings.extend(inward(at, by, &opening));
    let names: BTreeSet<&str> = resolved.iter().map(|one| one.name.as_str()).collect();
    draft.summary = format!(
        "{} asked for by {}, {} of them let out by no pattern; {} of {} unused",
        counted(names.len(), "name"),
        listed(by, 4),
        outside.len(),
        unused.len(),
        counted(patterns.len(), "pattern"),
    );
    draft
}

/// Who else in the segment asks for such a name, and so has the router let something out.
fn strangers(
    plan: &Plan,
    (at, segment, by): (&NodeName, &SegmentName, &[NodeName]),
    opening: &[&LookupSeen],
) -> Vec<Finding> {
    let is_there = |node: &NodeName| {
        let links = plan.nodes.iter().filter(|one| one.name == *node).flat_map(|one| &one.links);
        { links }.any(|link| link.segment == *segment)
    };
    let mut known = BTreeSet::new();
    let strange = opening.iter().filter(|one| !by.contains(&one.node) && is_there(&one.node));
    strange
        .filter(|one| known.insert((&one.node, &one.name)))
        .map(|one| {
            let (node, name) = (&one.node, &one.name);
            let text = format!("stranger: {node} asks for {name}, and has {at} let {segment} reach it");
            finding(text, Some(one))
        })
        .collect()
}

/// Addresses of such names that lead inwards, and that the router has told all the same.
fn inward(at: &NodeName, by: &[NodeName], opening: &[&LookupSeen]) -> Vec<Finding> {
    let mut known = BTreeSet::new();
    let mut findings = Vec::new();
    for one in opening.iter().filter(|one| by.contains(&one.node)) {
        for address in one.addresses.iter().filter(|address| leads_inwards(**address)) {
            if known.insert((&one.name, address)) {
                let (node, name) = (&one.node, &one.name);
                let text = format!("inward: {at} tells {node} that {name} is {address}");
                findings.push(finding(text, Some(one)));
            }
        }
    }
    findings
}

/// Whether an address is of no host in the internet: private, of this host, of this link, of a group, of nobody (RFC 6890).
fn leads_inwards(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => {
            four.is_private()
                || four.is_loopback()
                || four.is_link_local()
                || four.is_multicast()
                || four.is_broadcast()
                || four.octets()[0] == 0
        }
        IpAddr::V6(six) => match six.to_ipv4_mapped() {
            Some(four) => leads_inwards(four.into()),
            None => {
                six.is_unique_local()
                    || six.is_unicast_link_local()
                    || six.is_loopback()
                    || six.is_multicast()
                    || six.is_unspecified()
            }
        },
    }
}

/// TCP ports of name servers: RFC 7766, and RFC 7858 for those that encrypt.
const TCP_PORTS: [u16; 2] = [53, 853];

/// Whether a node has conversations with a name server in which no name can be read; those from before a judgement, of which
/// nobody knows any more whether they were ours, are none of it.
fn asks_unread(node: &NodeName, seen: &Observations) -> bool {
    seen.conversations.iter().any(|one| {
        one.kind == "tcp"
            && !one.earlier
            && TCP_PORTS.contains(&one.answerer.port)
            && one.opener.node.as_ref() == Some(node)
            && one.answered_packet.is_some()
            && !is_ours(seen, one)
    })
}

/// dnsmasq(8): a name stands for itself and everything below it.
fn takes_in(pattern: &str, name: &str) -> bool {
    name.strip_suffix(pattern).is_some_and(|front| front.is_empty() || front.ends_with('.'))
}

fn finding(text: String, lookup: Option<&LookupSeen>) -> Finding {
    let packets = lookup.map(|one| (format!("{} is told {}", one.node, one.name), one.packet));
    Finding { text, pair: None, stops_at: None, packets: packets.into_iter().collect(), by: None }
}
