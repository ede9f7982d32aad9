//! Which conversation belongs to which flow.

use std::net::IpAddr;

use crate::names::{CheckName, FlowId, Traffic};
use crate::observation::{Conversation, End, Observations, OpenSeen};
use crate::plan::{Flow, FlowPair, Group, Plan, Word};

/// How a conversation lies on a pair of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Opened by the pair's opener, as the flow allows.
    Along,
    /// Opened by the pair's answerer.
    Against,
    /// Sent by the pair's answerer, a camera, to the group that the flow is about.
    Group,
}

/// The flow of this name.
pub(super) fn flow<'a>(plan: &'a Plan, id: &FlowId) -> Option<&'a Flow> {
    plan.flows.iter().find(|flow| flow.id == *id)
}

/// How this conversation lies on the pair, if it uses the flow's ports at all.
///
/// Against the flow, both ends' ports are looked at: the flow's answerer may open from the port that it serves on,
/// or towards that port of the flow's opener.
pub(super) fn way(conversation: &Conversation, flow: &Flow, pair: &FlowPair) -> Option<Way> {
    let Conversation { kind, opener, answerer, .. } = conversation;
    let uses = |end: &End| flow.ports.iter().any(|ports| is_on(ports, kind, end.port));
    if is_from(opener, pair) && is_at(answerer, pair) && uses(answerer) {
        return Some(Way::Along);
    }
    if is_to_group(opener, (kind, answerer), pair) && uses(answerer) {
        return Some(Way::Group);
    }
    let against = is_at(opener, pair) && is_from(answerer, pair) && (uses(opener) || uses(answerer));
    against.then_some(Way::Against)
}

/// Whether the pair of the flow allows it. What goes to a group is nobody's who has not asked the camera for it before.
pub(super) fn is_allowed(one: &Conversation, flow: &Flow, pair: &FlowPair, seen: &Observations) -> bool {
    match way(one, flow, pair) {
        Some(Way::Along) => true,
        Some(Way::Group) => has_asked(pair, one, seen),
        Some(Way::Against) | None => false,
    }
}

/// Whether the pair's opener is in a connection with the camera that was there before this went to the group.
fn has_asked(pair: &FlowPair, cast: &Conversation, seen: &Observations) -> bool {
    seen.conversations.iter().any(|one| {
        let before = one.earlier || cast.earlier || one.first_at <= cast.first_at;
        let answered = one.kind == "tcp" && one.packets_back > 0;
        before && answered && is_from(&one.opener, pair) && is_at(&one.answerer, pair)
    })
}

/// Whether the camera of the pair sends something to its group, at the group's ports.
pub(super) fn is_to_group(opener: &End, (kind, answerer): (&str, &End), pair: &FlowPair) -> bool {
    let is_it = |group: &Group| {
        kind == "udp"
            && answerer.address == IpAddr::V4(group.address)
            && (group.ports.0..=group.ports.1).contains(&answerer.port)
    };
    opener.node.as_ref() == Some(&pair.to) && pair.group.as_ref().is_some_and(is_it)
}

fn is_from(end: &End, pair: &FlowPair) -> bool {
    end.node.as_ref() == Some(&pair.from)
}

/// Whether an end is where the pair's answerer is opened.
pub(super) fn is_at(end: &End, pair: &FlowPair) -> bool {
    end.node.as_ref() == Some(&pair.to)
        && (pair.addresses.is_empty() || pair.addresses.contains(&end.address))
}

/// True if a conversation of this kind with this port is among `ports`; types of ICMP are not told apart.
pub(super) fn is_on(ports: &Traffic, kind: &str, port: u16) -> bool {
    match *ports {
        Traffic::Tcp(first, last) => kind == "tcp" && (first..=last).contains(&port),
        Traffic::Udp(first, last) => kind == "udp" && (first..=last).contains(&port),
        Traffic::Icmp(..) => kind == "icmp",
        Traffic::Icmp6(..) => kind == "icmp6",
        // Never what a flow is for: they are sent to be refused.
        Traffic::TcpFrom(..)
        | Traffic::UdpFrom(..)
        | Traffic::TcpFlags(..)
        | Traffic::Shaped(_)
        | Traffic::Ether(..) => false,
        Traffic::Ntp(_) => kind == "udp" && port == 123,
        Traffic::Protocol(first, last) => {
            let number = kind.strip_prefix("proto-").and_then(|number| number.parse::<u8>().ok());
            number.is_some_and(|number| (first..=last).contains(&number))
        }
    }
}

/// True for the kinds that keep a link up (flow F17): ARP, neighbour discovery, multicast membership.
pub(super) fn is_link_upkeep(kind: &str) -> bool {
    matches!(kind, "arp" | "nd" | "igmp" | "mld")
}

/// `tcp/554`, or the kind alone where there are no ports.
pub(super) fn kind_and_port(conversation: &Conversation) -> String {
    match conversation.answerer.port {
        0 => conversation.kind.clone(),
        port => format!("{}/{port}", conversation.kind),
    }
}

/// Whether it was opened for a `no_stream`, by somebody whom no flow lets: what came of it is for that check.
pub(super) fn is_asked_by_us(plan: &Plan, seen: &Observations, one: &Conversation) -> bool {
    let asks = |name: &CheckName| {
        plan.checks.iter().any(|check| check.name == *name && matches!(check.word, Word::NoStream { .. }))
    };
    seen.opens.iter().any(|open| open.open.flow.is_none() && is_of(open, one) && asks(&open.check))
}

/// Whether it was opened for a check: as `reach`, or as a sign of life.
pub(super) fn is_ours(seen: &Observations, one: &Conversation) -> bool {
    seen.opens.iter().any(|open| is_of(open, one))
}

/// Whether it is what was opened on purpose.
pub(super) fn is_of(open: &OpenSeen, one: &Conversation) -> bool {
    open.local_port != 0
        && one.opener.node.as_ref() == Some(&open.open.from)
        && one.opener.port == open.local_port
        && one.answerer.address == open.open.address
        && is_on(&open.open.port, &one.kind, one.answerer.port)
}
