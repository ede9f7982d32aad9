//! `peers_of`: with whom a node exchanges frames, and with nobody else (sense C).

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use crate::names::{FlowId, NodeName};
use crate::observation::{Conversation, End, Observations};
use crate::plan::{Check, Plan, Word};

use super::Finding;
use super::judge::Draft;
use super::matching::{self, Way, is_allowed, is_link_upkeep, kind_and_port, way};
use super::wording::counted;

/// The documented flow that stands for link upkeep.
const LINK_UPKEEP: &str = "F17";
/// Where a DHCP server is asked.
const DHCP_SERVER: u16 = 67;

pub(super) fn draft(plan: &Plan, check: &Check, seen: &Observations) -> Draft {
    let mut draft = Draft::default();
    let Word::PeersOf { nodes, exactly, besides } = &check.word else { return draft };
    if nodes.is_empty() {
        draft.reasons.add("vacuous", "no node is named");
    }
    let (mut frames, mut all_peers) = (0, BTreeSet::new());
    for node in nodes {
        let peers = peers(plan, node, besides, seen);
        frames += peers.values().map(|exchanged| exchanged.packets).sum::<u64>();
        let now = peers.iter().filter(|(_, exchanged)| exchanged.first.is_some());
        all_peers.extend(now.map(|(peer, _)| peer.clone()));
        compare(node, exactly, &peers, seen, &mut draft);
    }
    let names: Vec<_> = all_peers.iter().map(Peer::to_string).collect();
    let names = if names.is_empty() { "nobody".to_owned() } else { super::wording::listed(names, 6) };
    let looked_at = counted(nodes.len(), "node");
    draft.summary = format!("{looked_at}, {frames} packets exchanged with {names}, link upkeep aside");
    draft
}

/// Someone at the other end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Peer {
    Node(NodeName),
    /// An address that no node has: a stranger, or a group that anyone may listen to.
    Stranger(String),
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Peer::Node(node) => node.fmt(f),
            Peer::Stranger(address) => write!(f, "{address}, which is no node of the site"),
        }
    }
}

/// What was exchanged with a peer; nothing at all if that was earlier.
#[derive(Default)]
struct Exchanged<'a> {
    first: Option<&'a Conversation>,
    packets: u64,
}

/// Each peer, those aside that `besides` explains.
fn peers<'a>(
    plan: &Plan,
    node: &NodeName,
    besides: &[FlowId],
    seen: &'a Observations,
) -> BTreeMap<Peer, Exchanged<'a>> {
    let mut peers: BTreeMap<Peer, Exchanged<'_>> = BTreeMap::new();
    let counts = |one: &&Conversation| {
        !is_explained(plan, one, besides, seen) && !matching::is_asked_by_us(plan, seen, one)
    };
    for one in seen.conversations.iter().filter(counts) {
        let Some(end) = other_end(one, node) else { continue };
        let meant: Vec<_> = listeners(plan, one, seen).into_iter().chain(servers(plan, one)).collect();
        let with = if meant.is_empty() { vec![peer(one, end)] } else { meant };
        for peer in with {
            let peer = peers.entry(peer).or_default();
            if !one.earlier {
                peer.first.get_or_insert(one);
                peer.packets += one.packets_out + one.packets_back;
            }
        }
    }
    peers
}

/// Who has asked for what a camera sends to its group, and may by a flow; nobody if it is anything else.
fn listeners(plan: &Plan, one: &Conversation, seen: &Observations) -> Vec<Peer> {
    let pairs = plan.flows.iter().flat_map(|flow| flow.pairs.iter().map(move |pair| (flow, pair)));
    let is_heard = |flow, pair| way(one, flow, pair) == Some(Way::Group) && is_allowed(one, flow, pair, seen);
    let heard = pairs.filter(|(flow, pair)| is_heard(flow, pair));
    let listeners: BTreeSet<Peer> = heard.map(|(_, pair)| Peer::Node(pair.from.clone())).collect();
    listeners.into_iter().collect()
}

/// Who is meant by a question for an address, which goes to everybody on the link (RFC 2131, section 4.1): the servers that a flow lets the
/// node ask; nobody if it is anything else.
fn servers(plan: &Plan, one: &Conversation) -> Vec<Peer> {
    if one.kind != "udp" || one.answerer.address != IpAddr::V4(Ipv4Addr::BROADCAST) {
        return Vec::new();
    }
    let flows = plan.flows.iter().filter(|flow| {
        let port = one.answerer.port;
        port == DHCP_SERVER && flow.ports.iter().any(|ports| matching::is_on(ports, "udp", port))
    });
    let pairs =
        flows.flat_map(|flow| &flow.pairs).filter(|pair| one.opener.node.as_ref() == Some(&pair.from));
    let servers: BTreeSet<Peer> = pairs.map(|pair| Peer::Node(pair.to.clone())).collect();
    servers.into_iter().collect()
}

/// The end opposite of `node`, if frames of the conversation were on its link at all: what a router kept from it
/// was not exchanged with it.
fn other_end<'a>(one: &'a Conversation, node: &NodeName) -> Option<&'a End> {
    let is_node = |end: &End| end.node.as_ref() == Some(node);
    match (is_node(&one.opener), is_node(&one.answerer)) {
        (true, false) => Some(&one.answerer),
        (false, true) if one.reached_packet.is_some() || one.packets_back > 0 => Some(&one.opener),
        _ => None,
    }
}

fn peer(one: &Conversation, end: &End) -> Peer {
    match &end.node {
        Some(node) => Peer::Node(node.clone()),
        None if end.address.is_unspecified() => {
            Peer::Stranger(format!("someone without address ({})", one.kind))
        }
        None => Peer::Stranger(end.address.to_string()),
    }
}

fn is_explained(plan: &Plan, one: &Conversation, besides: &[FlowId], seen: &Observations) -> bool {
    besides.iter().any(|id| {
        let by_flow = || {
            let flow = matching::flow(plan, id);
            flow.is_some_and(|flow| flow.pairs.iter().any(|pair| is_allowed(one, flow, pair, seen)))
        };
        (id.as_str() == LINK_UPKEEP && is_link_upkeep(&one.kind)) || by_flow()
    })
}

/// Any peer too many and any missing is a finding. Who should talk with nobody must have been seen to live.
fn compare(
    node: &NodeName,
    exactly: &[NodeName],
    peers: &BTreeMap<Peer, Exchanged<'_>>,
    seen: &Observations,
    draft: &mut Draft,
) {
    // With whom it talked earlier says nothing of now.
    let asked_of_silence = exactly.is_empty() || seen.conversations.iter().any(|one| one.earlier);
    if asked_of_silence && !seen.conversations.iter().any(|one| !one.earlier && is_end(node, one)) {
        draft.reasons.add("vacuous", format!("no frame of {node} was seen, not even link upkeep"));
    }
    for (peer, Exchanged { first, .. }) in peers {
        if let Some(first) = first
            && !matches!(peer, Peer::Node(name) if exactly.contains(name))
        {
            draft.findings.push(too_many(node, peer, first));
        }
    }
    let whole = seen.taps.dropped == 0 && seen.taps.frames > 0;
    for missing in exactly.iter().filter(|name| !peers.contains_key(&Peer::Node((*name).clone()))) {
        let text = format!("{node} never talked with {missing}");
        if whole {
            let pair = Some((node.clone(), missing.clone()));
            draft.findings.push(Finding { text, pair, stops_at: None, packets: Vec::new(), by: None });
        } else {
            draft.reasons.add("taps", format!("as far as was seen, {text}"));
        }
    }
}

fn is_end(node: &NodeName, one: &Conversation) -> bool {
    [&one.opener, &one.answerer].iter().any(|end| end.node.as_ref() == Some(node))
}

fn too_many(node: &NodeName, peer: &Peer, first: &Conversation) -> Finding {
    let opened =
        if first.opener.node.as_ref() == Some(node) { "opened by it" } else { "opened by the other" };
    let what = kind_and_port(first);
    let pair = match peer {
        Peer::Node(name) => Some((node.clone(), name.clone())),
        Peer::Stranger(_) => None,
    };
    let at = first.opener.node.as_ref().map_or("the opener".to_owned(), ToString::to_string);
    let reached =
        first.reached_packet.map(|number| ("first packet, at the other end's tap".to_owned(), number));
    Finding {
        text: format!("{node} exchanged {what} with {peer} ({opened})"),
        pair,
        stops_at: None,
        packets: [(format!("first packet, at {at}'s tap"), first.first_packet)]
            .into_iter()
            .chain(reached)
            .collect(),
        by: None,
    }
}
