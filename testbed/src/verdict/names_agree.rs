//! `names_agree`: the server name that is said in TLS is one that its opener had asked for, and was told this address for; and
//! what is asked for over the connection is of the same service.
//!
//! The first two are seen at the opener's tap. What is asked for is inside TLS: there the cloud is the witness, which refuses
//! requests for the host of another service.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use fake_facts::Fact;

use crate::names::FlowId;
use crate::observation::{Conversation, HandshakeSeen, Observations};
use crate::plan::{Flow, FlowPair, Plan};

use super::judge::Draft;
use super::matching::{self, Way, way};
use super::tls::{self, add};
use super::wording::{counted, listed};

/// So many names are shown.
const SHOWN: usize = 4;
/// How the cloud's reason begins for what is asked of the wrong server.
const MISDIRECTED: &str = "MisdirectedRequest: ";

pub(super) fn draft(plan: &Plan, flows: &[FlowId], seen: &Observations) -> Draft {
    let mut draft = Draft::default();
    let (mut names, mut connections) = (BTreeSet::new(), BTreeSet::new());
    for id in flows {
        match matching::flow(plan, id).filter(|flow| !flow.pairs.is_empty()) {
            Some(flow) => flow.pairs.iter().for_each(|pair| {
                for shaken in judge_pair((flow, pair), seen, &mut draft) {
                    connections.insert((shaken.at, shaken.opener.port));
                    names.extend(shaken.offered.name.as_deref());
                }
            }),
            None => draft.reasons.add("vacuous", format!("{id} stands for no pair of nodes")),
        }
    }
    let said = if names.is_empty() { "nobody".to_owned() } else { listed(&names, SHOWN) };
    draft.summary = format!("{} in TLS, with {said}", counted(connections.len(), "connection"));
    draft
}

/// Judges the names on one pair of a flow; the TLS connections there.
fn judge_pair<'a>(
    (flow, pair): (&Flow, &FlowPair),
    seen: &'a Observations,
    draft: &mut Draft,
) -> Vec<&'a HandshakeSeen> {
    let of_pair = |one: &&Conversation| one.kind == "tcp" && way(one, flow, pair) == Some(Way::Along);
    let ours = |one: &&Conversation| matching::is_ours(seen, one);
    let conversations = seen.conversations.iter().filter(of_pair).filter(|one| !one.earlier && !ours(one));
    let shaken: Vec<&HandshakeSeen> = conversations.filter_map(|one| tls::of(one, seen)).collect();
    if shaken.is_empty() {
        let (id, from, to) = (&flow.id, &pair.from, &pair.to);
        draft.reasons.add("vacuous", format!("nothing was said in TLS on {id} {from} -> {to}"));
    }
    for one in &shaken {
        if let Some(text) = wrong_name(one, pair, seen) {
            let refused = refusal(one, pair, seen).map(|reason| format!("; {} refuses: {reason}", pair.to));
            add(draft, (flow, pair), one.packet, text + &refused.unwrap_or_default());
        } else if let Some(reason) = refusal(one, pair, seen)
            && let Some(text) = reason.strip_prefix(MISDIRECTED)
        {
            add(draft, (flow, pair), one.packet, format!("{text}; refused with status 421"));
        }
    }
    shaken
}

/// What is wrong with the name said, in words.
fn wrong_name(shaken: &HandshakeSeen, pair: &FlowPair, seen: &Observations) -> Option<String> {
    let address = shaken.answerer.address;
    let Some(name) = &shaken.offered.name else {
        return Some(format!("no server name is said in TLS to {address}"));
    };
    let told = seen.lookups.iter().filter(|one| one.node == pair.from && one.at <= shaken.at);
    let agrees = |one: &crate::observation::LookupSeen| {
        one.name.eq_ignore_ascii_case(name) && one.addresses.contains(&address)
    };
    let mut told = told.filter(|one| agrees(one));
    told.next().is_none().then(|| format!("{name} is said in TLS to {address}, which was never told for it"))
}

/// Why the cloud has turned the opener of a connection away, or something that it asked for there.
fn refusal<'a>(shaken: &HandshakeSeen, pair: &FlowPair, seen: &'a Observations) -> Option<&'a str> {
    let opener = SocketAddr::new(shaken.opener.address, shaken.opener.port);
    let refused = |reason: &'a String| {
        let reason = reason.as_str();
        (reason.starts_with(MISDIRECTED) || reason.contains("TLS server name")).then_some(reason)
    };
    seen.facts.iter().filter(|fact| fact.node == pair.to).find_map(|fact| match &fact.line.fact {
        Fact::Refused { peer, reason, .. } if *peer == opener => refused(reason),
        _ => None,
    })
}
