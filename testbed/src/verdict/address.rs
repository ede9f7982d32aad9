//! `address`: nodes ask for an address by DHCP, are given it by the right server, have it, and keep it.

use std::net::{IpAddr, Ipv4Addr};

use crate::observation::{DhcpKind, DhcpSeen, Moment, Observations};
use crate::plan::{Advised, Asking, Plan};

use super::Finding;
use super::autoconf;
use super::judge::Draft;
use super::offered::{self, Talk};
use super::told;
use super::wording::{counted, listed};

/// Different offers that are told each by itself; the others are counted.
const MOST_OFFERS: usize = 16;

pub(super) fn draft(
    plan: &Plan,
    (of, advised): (&[Asking], &[Advised]),
    kept: bool,
    seen: &Observations,
) -> Draft {
    let mut draft = Draft::default();
    if of.is_empty() && advised.is_empty() {
        draft.reasons.add("vacuous", "no node is named");
    }
    let mut words: Vec<_> = of.iter().map(|one| judged(plan, one, kept, seen, &mut draft)).collect();
    words.extend(autoconf::draft(advised, kept, seen, &mut draft));
    draft.summary = format!("{}: {}", counted(words.len(), "node"), listed(words, 6));
    draft
}

/// One node: its findings and reasons go to the draft; gives what the summary says of it.
fn judged(plan: &Plan, one: &Asking, kept: bool, seen: &Observations, draft: &mut Draft) -> String {
    let node = &one.node;
    let messages: Vec<_> =
        seen.dhcp.iter().filter(|message| message.node == *node && message.link == one.link).collect();
    let questions: Vec<_> = messages.iter().copied().filter(|message| asks(message)).collect();
    let given: Vec<_> = messages.iter().copied().filter(|message| message.kind == DhcpKind::Ack).collect();
    let Some(first) = questions.first() else {
        draft.reasons.add("dhcp", format!("no DHCP message of {node} was seen"));
        return format!("{node} was not seen to ask");
    };
    let talk = Talk::of(plan, one, &messages, seen);
    draft.findings.extend(not_asked(one, first));
    let passed_over = offered::passed_over(one, &messages);
    let told = passed_over.iter().take(MOST_OFFERS);
    draft.findings.extend(told.map(|offer| not_chosen(plan, one, offer, &talk)));
    if let Some(more) = passed_over.len().checked_sub(MOST_OFFERS).filter(|more| *more > 0) {
        let text = format!("{node} was offered {more} other addresses besides, and not {}", one.bound);
        draft.findings.push(finding(text, Vec::new()));
    }
    draft.findings.extend(offered::too_early(one, given.first().copied(), &talk));
    let Some((ack, address)) = given.first().and_then(|ack| Some((ack, ack.gives?))) else {
        draft.findings.push(not_given(plan, one, first, &messages));
        return format!("{node} was given no address");
    };
    draft.findings.extend(wrongly_given(plan, one, (first, ack), address, &|| {
        offered::of_given(ack, &messages).map(|offer| (offer, talk.beside(offer)))
    }));
    draft.findings.extend(told::otherwise(one, &given, &|ack| giver(plan, ack)));
    draft.findings.extend(told::led(plan, one, ack, seen));
    if told::unknown(one, seen) {
        draft.reasons.add("routes", format!("it is not known where {node} was led all the time"));
    }
    has_it(one, address, Moment::Begun, seen, draft);
    if kept {
        keeps_it(one, address, &questions, &given, seen, draft);
    }
    let asked = first.asks.map_or_else(|| "any".to_owned(), |asked| asked.to_string());
    let times = counted(given.len(), "time");
    let before = talk.first().filter(|(_, first)| ack.at <= first.first_at);
    let before =
        before.map(|(cloud, _)| format!(", before anything was said to {cloud}")).unwrap_or_default();
    format!("{node} asked for {asked} and was given {address}, {times}{before}")
}

fn asks(message: &DhcpSeen) -> bool {
    matches!(message.kind, DhcpKind::Discover | DhcpKind::Request)
}

/// The first question must name the address: a later one only repeats what was offered (RFC 2131, section 4.3.2).
fn not_asked(one: &Asking, first: &DhcpSeen) -> Option<Finding> {
    let wanted = one.asked.filter(|wanted| first.asks != Some(*wanted))?;
    let asked =
        first.asks.map_or_else(|| "no address of its own choice".to_owned(), |asked| asked.to_string());
    Some(finding(format!("{} asked for {asked}, and not for {wanted}", one.node), vec![question(one, first)]))
}

fn not_given(plan: &Plan, one: &Asking, first: &DhcpSeen, messages: &[&DhcpSeen]) -> Finding {
    let last = messages.iter().rev().find(|message| !asks(message));
    let why = match last.map(|message| (message.kind, message)) {
        Some((DhcpKind::Nak, refusal)) => format!("{} refused it", giver(plan, refusal)),
        Some((DhcpKind::Offer, offer)) => {
            let offered = offer.gives.unwrap_or(Ipv4Addr::UNSPECIFIED);
            format!("{} offered {offered}, and gave it nothing", giver(plan, offer))
        }
        _ => format!(
            "nobody answered its {}",
            counted(messages.iter().filter(|one| asks(one)).count(), "question")
        ),
    };
    let answer = last.map(|message| (format!("the answer, at {}'s tap", one.node), message.packet));
    let packets = std::iter::once(question(one, first)).chain(answer).collect();
    finding(format!("{} was given no address: {why}", one.node), packets)
}

/// Another address is offered than the chosen one, or that one by somebody else, and left alone.
fn not_chosen(plan: &Plan, one: &Asking, offer: &DhcpSeen, talk: &Talk<'_>) -> Finding {
    let (beside, begun) = talk.beside(offer);
    let offered = offer.gives.unwrap_or(Ipv4Addr::UNSPECIFIED);
    // of the chosen one it is who offers it that is wrong
    let not = if offered == one.bound { format!("by {}", one.server) } else { one.bound.to_string() };
    let text = format!("{} was offered {offered} by {}, and not {not}{beside}", one.node, giver(plan, offer));
    finding(text, std::iter::once(offer_of(one, offer)).chain(begun).collect())
}

/// What an offer is, and what was begun with a cloud beside it: in words, and its first packet.
type Beside<'a> = (&'a DhcpSeen, (String, Option<(String, u64)>));

fn wrongly_given<'a>(
    plan: &Plan,
    one: &Asking,
    (first, ack): (&DhcpSeen, &DhcpSeen),
    address: Ipv4Addr,
    beside: &dyn Fn() -> Option<Beside<'a>>,
) -> Vec<Finding> {
    let packets =
        || vec![question(one, first), (format!("what it is given, at {}'s tap", one.node), ack.packet)];
    let mut findings = Vec::new();
    if address != one.bound {
        let mut text =
            format!("{} was given {address} by {}, and not {}", one.node, giver(plan, ack), one.bound);
        let mut packets = packets();
        if let Some((offer, (words, begun))) = beside() {
            text += &words;
            packets.insert(1, offer_of(one, offer));
            packets.extend(begun);
        }
        findings.push(finding(text, packets));
    }
    if ack.from.as_ref() != Some(&one.server) {
        let text =
            format!("{} was given its address by {}, and not by {}", one.node, giver(plan, ack), one.server);
        findings.push(finding(text, packets()));
    }
    findings
}

/// The link must have what was given, and no other IPv4 address.
fn has_it(one: &Asking, address: Ipv4Addr, moment: Moment, seen: &Observations, draft: &mut Draft) {
    let when = match moment {
        Moment::Built => "before the start",
        Moment::Begun => "after the start",
        Moment::End => "at the end",
    };
    let known = seen.addresses.iter().find(|known| known.node == one.node && known.moment == moment);
    let Some(known) = known else {
        draft.reasons.add("addresses", format!("it is not known which address {} has {when}", one.node));
        return;
    };
    let has: Vec<IpAddr> = known
        .addresses
        .iter()
        .filter(|(link, net)| *link == one.link && net.addr().is_ipv4())
        .map(|(_, net)| net.addr())
        .collect();
    if has != [IpAddr::V4(address)] {
        let has = if has.is_empty() { "no IPv4 address".to_owned() } else { listed(has, 4) };
        let text = format!("{}.{} has {has} {when}, and was given {address}", one.node, one.link);
        draft.findings.push(finding(text, Vec::new()));
    }
}

fn keeps_it(
    one: &Asking,
    address: Ipv4Addr,
    questions: &[&DhcpSeen],
    given: &[&DhcpSeen],
    seen: &Observations,
    draft: &mut Draft,
) {
    let node = &one.node;
    // In a lab that stays, what was asked and answered earlier says nothing of now.
    let mut again = given.iter().skip(1).filter(|later| !later.earlier);
    for later in again.clone().filter(|later| later.gives.is_some_and(|gives| gives != address)) {
        let gives = later.gives.unwrap_or(address);
        let packets = [(given[0], "first"), (*later, "later")]
            .map(|(ack, which)| (format!("what it is given {which}, at {node}'s tap"), ack.packet));
        draft
            .findings
            .push(finding(format!("{node} was given {address} first and {gives} later"), packets.into()));
    }
    match questions.iter().find(|question| question.at > given[0].at && !question.earlier) {
        None => draft.reasons.add("kept", format!("{node} was not seen to ask again")),
        // udhcpc misses an answer that comes before it listens, and then asks once more: one answer will do
        Some(question) if again.next().is_none() => {
            let packets = vec![(format!("it asks again, at {node}'s tap"), question.packet)];
            let text = format!("{node} asked for {address} again and was not given it");
            draft.findings.push(finding(text, packets));
        }
        Some(_) => {}
    }
    has_it(one, address, Moment::End, seen, draft);
}

/// Who answered: the node that the frame came from, and the server that it names.
fn giver(plan: &Plan, answer: &DhcpSeen) -> String {
    let owner = |address: Ipv4Addr| {
        let has = |net: &ipnet::IpNet| net.addr() == IpAddr::V4(address);
        plan.nodes.iter().find(|node| node.links.iter().flat_map(|link| &link.addresses).any(has))
    };
    match (&answer.from, answer.server) {
        (Some(node), Some(server)) if owner(server).is_some_and(|owner| owner.name == *node) => {
            node.to_string()
        }
        (Some(node), Some(server)) => format!("{node} (as {server})"),
        (Some(node), None) => node.to_string(),
        (None, server) => {
            let server = server.map(|server| format!(" (as {server})")).unwrap_or_default();
            format!("a stranger{server}")
        }
    }
}

fn offer_of(one: &Asking, offer: &DhcpSeen) -> (String, u64) {
    (format!("what it is offered, at {}'s tap", one.node), offer.packet)
}

fn question(one: &Asking, message: &DhcpSeen) -> (String, u64) {
    (format!("what it asks for, at {}'s tap", one.node), message.packet)
}

fn finding(text: String, packets: Vec<(String, u64)>) -> Finding {
    Finding { text, pair: None, stops_at: None, packets, by: None }
}
