//! `clock`: nodes are told the time by one node and no other, near enough to the host's, and that node has it from
//! where it should.

use std::net::IpAddr;
use std::time::Duration;

use fake_facts::Fact;
use ipnet::IpNet;

use crate::names::NodeName;
use crate::observation::{Conversation, Observations};
use crate::plan::{Check, Plan, Word};

use super::Finding;
use super::judge::Draft;
use super::matching::is_ours;
use super::wording::{counted, length};

/// Port of a time server (RFC 5905, section 7.2).
const NTP: u16 = 123;

pub(super) fn draft(plan: &Plan, check: &Check, seen: &Observations) -> Draft {
    let mut draft = Draft::default();
    let Word::Clock { of, from, upstream, offset } = &check.word else { return draft };
    if of.is_empty() {
        draft.reasons.add("vacuous", "no node is named");
    }
    let mut words = Vec::new();
    for node in of {
        let told = last_told(seen, node);
        words.push(match &told {
            Some(told) => format!("{node} is {}, stratum {}", told.off(), told.stratum),
            None => format!("{node} was told no time"),
        });
        judge_node(plan, seen, (node, from), *offset, told, &mut draft);
        draft.findings.extend(asked_elsewhere(seen, node, from));
    }
    if let Some(upstream) = upstream {
        let told = last_told(seen, from);
        words.push(match &told {
            Some(told) => format!("{from} is {} by {upstream}", told.off()),
            None => format!("{from} was told no time"),
        });
        judge_upstream(plan, seen, (from, upstream), told, of, &mut draft);
    }
    draft.summary = format!("{} told by {from}: {}", counted(of.len(), "node"), words.join("; "));
    draft
}

/// What a node was told last.
struct Told {
    server: IpAddr,
    offset_ns: i64,
    stratum: u8,
}

impl Told {
    /// `0.2 ms behind`, `90.0 s ahead`: the teller's clock beside the host's.
    fn off(&self) -> String {
        let way = if self.offset_ns < 0 { "behind" } else { "ahead" };
        format!("{} {way}", length(Duration::from_nanos(self.offset_ns.unsigned_abs())))
    }
}

fn facts_at<'a>(seen: &'a Observations, node: &'a NodeName) -> impl DoubleEndedIterator<Item = &'a Fact> {
    seen.facts.iter().filter(move |fact| fact.node == *node).map(|fact| &fact.line.fact)
}

fn last_told(seen: &Observations, node: &NodeName) -> Option<Told> {
    facts_at(seen, node).rev().find_map(|fact| match *fact {
        Fact::Synced { server, offset_ns, stratum } => Some(Told { server, offset_ns, stratum }),
        _ => None,
    })
}

/// Why a node knows no time, in its own words.
fn why_not(plan: &Plan, seen: &Observations, node: &NodeName) -> String {
    let last = facts_at(seen, node).rev().find_map(|fact| match fact {
        Fact::Unsynced { server } => {
            Some(format!("{} answers that it is not synchronised", name(plan, *server)))
        }
        Fact::Failed { what, error, .. } if what == "sync" => Some(error.clone()),
        _ => None,
    });
    last.unwrap_or_else(|| "nobody was asked".into())
}

/// The node that has an address, and the address.
fn name(plan: &Plan, address: IpAddr) -> String {
    let owner = plan.nodes.iter().find(|node| has(plan, &node.name, address));
    owner.map_or_else(|| address.to_string(), |node| format!("{} {address}", node.name))
}

fn has(plan: &Plan, node: &NodeName, address: IpAddr) -> bool {
    let mut links = plan.nodes.iter().filter(|one| one.name == *node).flat_map(|node| &node.links);
    links.any(|link| link.addresses.iter().map(IpNet::addr).any(|own| own == address))
}

fn judge_node(
    plan: &Plan,
    seen: &Observations,
    (node, from): (&NodeName, &NodeName),
    most: Duration,
    told: Option<Told>,
    draft: &mut Draft,
) {
    let asked = question(seen, node, |end| end == Some(from));
    let packets = || packets(node, asked);
    let Some(told) = told else {
        if facts_at(seen, node).next().is_none() {
            draft.reasons.add("ready", format!("{node} never said that it was ready"));
            return;
        }
        let text = format!("{node} was told no time: {}", why_not(plan, seen, node));
        draft.findings.push(finding(text, packets()));
        return;
    };
    if !has(plan, from, told.server) {
        let text = format!("{node} was told the time by {} and not by {from}", name(plan, told.server));
        draft.findings.push(finding(text, Vec::new()));
    }
    if Duration::from_nanos(told.offset_ns.unsigned_abs()) > most {
        let (teller, off) = (name(plan, told.server), told.off());
        let text =
            format!("{node} was told a time that is {off} by {teller} (at most {} allowed)", length(most));
        draft.findings.push(finding(text, packets()));
    }
}

/// The teller must have its time from its upstream, and pass on that it is one further away (RFC 5905, section 3).
fn judge_upstream(
    plan: &Plan,
    seen: &Observations,
    (from, upstream): (&NodeName, &NodeName),
    told: Option<Told>,
    of: &[NodeName],
    draft: &mut Draft,
) {
    let asked = packets(from, question(seen, from, |end| end == Some(upstream)));
    let Some(told) = told else {
        if facts_at(seen, from).next().is_none() {
            draft.reasons.add("ready", format!("the time server of {from} never said that it was ready"));
            return;
        }
        let text = format!("{from} has no time of {upstream}: {}", why_not(plan, seen, from));
        draft.findings.push(finding(text, asked));
        return;
    };
    if !has(plan, upstream, told.server) {
        let text = format!("{from} has its time from {} and not from {upstream}", name(plan, told.server));
        draft.findings.push(finding(text, Vec::new()));
    }
    for node in of {
        let wanted = told.stratum.saturating_add(1);
        if let Some(passed) = last_told(seen, node).filter(|passed| passed.stratum != wanted) {
            let text = format!(
                "{from} tells {node} stratum {}, and has its time from stratum {}",
                passed.stratum, told.stratum
            );
            draft.findings.push(finding(text, Vec::new()));
        }
    }
}

/// Questions for the time that went to anybody else.
fn asked_elsewhere(seen: &Observations, node: &NodeName, from: &NodeName) -> Option<Finding> {
    let other = question(seen, node, |end| end != Some(from))?;
    let whom = match &other.answerer.node {
        Some(node) => format!("{node} {}", other.answerer.address),
        None => format!("{}, which is no node of the site", other.answerer.address),
    };
    let text = format!("{node} asked {whom} for the time, and may ask {from} only");
    Some(finding(text, packets(node, Some(other))))
}

/// The first question for the time that a node sent to somebody like this; what was opened for a check is none.
fn question<'a>(
    seen: &'a Observations,
    node: &NodeName,
    whom: impl Fn(Option<&NodeName>) -> bool,
) -> Option<&'a Conversation> {
    seen.conversations.iter().find(|one| {
        !one.earlier
            && one.kind == "udp"
            && one.answerer.port == NTP
            && one.opener.node.as_ref() == Some(node)
            && whom(one.answerer.node.as_ref())
            && !is_ours(seen, one)
    })
}

fn packets(node: &NodeName, asked: Option<&Conversation>) -> Vec<(String, u64)> {
    let Some(asked) = asked else { return Vec::new() };
    let answer = asked.answered_packet.map(|at| (format!("the answer, at {node}'s tap"), at));
    let question = (format!("udp/123 to {}, at {node}'s tap", asked.answerer.address), asked.first_packet);
    std::iter::once(question).chain(answer).collect()
}

fn finding(text: String, packets: Vec<(String, u64)>) -> Finding {
    Finding { text, pair: None, stops_at: None, packets, by: None }
}
