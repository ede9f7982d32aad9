//! `direction`: who opens conversations (sense A), which way media runs (sense B), and how much is said either way.

mod tracking;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::names::NodeName;
use crate::observation::{Conversation, End, LostHops, Observations};
use crate::plan::{Check, Flow, FlowPair, Plan, Role, Word};
use crate::scenario::model::Amount;

use super::judge::Draft;
use super::matching::{self, Way, is_allowed, kind_and_port, way};
use super::wording::{counted, length};
use super::{Finding, amount};

pub(super) fn draft(plan: &Plan, check: &Check, seen: &Observations) -> Draft {
    let mut draft = Draft::default();
    let Word::Direction { flows, initiator, media_to, media_ends, hops, tracked_by, asks, answers } =
        &check.word
    else {
        return draft;
    };
    if flows.is_empty() {
        draft.reasons.add("vacuous", "no flow is named");
    }
    let mut wanted: Vec<&Flow> = Vec::new();
    for id in flows {
        match matching::flow(plan, id) {
            Some(flow) if !flow.pairs.is_empty() => wanted.push(flow),
            _ => draft.reasons.add("vacuous", format!("{id} stands for no pair of nodes")),
        }
    }
    let looked_at = exercise(&wanted, seen, &mut draft);
    let others: BTreeSet<&NodeName> = pairs(&wanted)
        .flat_map(|(_, pair)| [&pair.from, &pair.to])
        .filter(|node| *node != initiator)
        .collect();
    for (index, one) in now(seen) {
        if answers_a_search(one, seen) || is_to_group(&wanted, one, seen) {
            continue;
        }
        if let Some(text) = wrong_opener(one, looked_at.contains(&index), &others, initiator) {
            draft.findings.push(finding(one, text));
        }
    }
    draft.summary = format!(
        "{}, {} opened by another than {initiator}",
        counted(looked_at.len(), "conversation"),
        draft.findings.len()
    );
    if let Some(hops) = hops {
        judge_hops(*hops, looked_at.iter().map(|index| &seen.conversations[*index]), &mut draft);
    }
    tracking::judge(tracked_by, looked_at.iter().map(|index| &seen.conversations[*index]), seen, &mut draft);
    if let Some(media_to) = media_to {
        let stray = |index: &usize| is_stray(plan, &seen.conversations[*index], &others, seen);
        let unasked = now(seen).map(|(index, _)| index).filter(stray);
        let carriers: BTreeSet<_> = looked_at.into_iter().chain(unasked).collect();
        let carriers: Vec<_> = carriers.into_iter().map(|index| &seen.conversations[index]).collect();
        judge_media(plan, media_to, &carriers, &mut draft);
        if let Some(within) = media_ends {
            let senders = others.iter().copied().filter(|node| *node != media_to);
            senders.for_each(|from| judge_endings((from, media_to), *within, &carriers, &mut draft));
        }
    }
    if !(asks.is_none() && answers.is_none()) {
        judge_amounts(&wanted, (asks, answers), seen, &mut draft);
    }
    draft
}

/// Packets lose as many hops as devices that forward lie between their ends, and no more.
fn judge_hops<'a>(hops: u8, looked_at: impl Iterator<Item = &'a Conversation>, draft: &mut Draft) {
    let mut lost = BTreeSet::new();
    // Who said something to whom, and whether hops of any of it could be counted.
    let mut counted = BTreeMap::new();
    for one in looked_at {
        let ways =
            [(&one.opener, &one.answerer, one.packets_out), (&one.answerer, &one.opener, one.packets_back)];
        for ((from, to, packets), on_the_way) in ways.into_iter().zip(one.lost_hops) {
            let way = (end_name(from), end_name(to));
            if packets > 0 {
                *counted.entry(way).or_insert(false) |= on_the_way.is_some();
            }
            let Some(LostHops { fewest, most }) = on_the_way else { continue };
            lost.extend([fewest, most]);
            if let Some(wrong) = [most, fewest].into_iter().find(|lost| *lost != i16::from(hops)) {
                let (from_name, to_name, what) = (end_name(from), end_name(to), kind_and_port(one));
                let text =
                    format!("{what}, from {from_name} to {to_name}: packets lose {wrong} hops, not {hops}");
                if !draft.findings.iter().any(|known| known.text == text) {
                    draft.findings.push(finding_from(one, from, to, text));
                }
            }
        }
    }
    if lost.is_empty() {
        draft.reasons.add("hops", "no packet arrived whose hops could be counted".to_owned());
    }
    for ((from, to), _) in counted.into_iter().filter(|(_, is_counted)| !is_counted) {
        draft.reasons.add("hops", format!("of what {from} said to {to} no hops could be counted"));
    }
    let lost: Vec<_> = lost.iter().map(i16::to_string).collect();
    draft.summary.push_str(&format!("; hops lost: {}", lost.join(", ")));
}

/// What was said on the flows is within its bounds.
fn judge_amounts(flows: &[&Flow], most: (&Amount, &Amount), seen: &Observations, draft: &mut Draft) {
    for finding in pairs(flows).flat_map(|pair| amount::too_much(pair, most, seen)) {
        // Two flows may be of the same ports.
        if !draft.findings.contains(&finding) {
            draft.findings.push(finding);
        }
    }
    let (asked, answered) = amount::said(pairs(flows), seen);
    draft.summary.push_str(&format!("; {asked} bytes asked, {answered} answered"));
}

/// Whether media in this conversation is nobody's: one of the flows' other ends takes part, and no flow allows it.
fn is_stray(plan: &Plan, one: &Conversation, others: &BTreeSet<&NodeName>, seen: &Observations) -> bool {
    let takes_part = |end: &End| end.node.as_ref().is_some_and(|node| others.contains(node));
    let allowed = || {
        let pairs = plan.flows.iter().flat_map(|flow| flow.pairs.iter().map(move |pair| (flow, pair)));
        pairs.into_iter().any(|(flow, pair)| is_allowed(one, flow, pair, seen))
    };
    one.media_out + one.media_back > 0 && (takes_part(&one.opener) || takes_part(&one.answerer)) && !allowed()
}

fn pairs<'a>(flows: &[&'a Flow]) -> impl Iterator<Item = (&'a Flow, &'a FlowPair)> {
    flows.iter().flat_map(|flow| flow.pairs.iter().map(move |pair| (*flow, pair)))
}

/// The conversations of this judgement, each with its place.
fn now(seen: &Observations) -> impl Iterator<Item = (usize, &Conversation)> {
    seen.conversations.iter().enumerate().filter(|(_, one)| !one.earlier)
}

/// The conversations (by place) that lie on the flows' pairs and ports. Each pair must have been used: a direction
/// is only shown by a conversation that came about.
fn exercise(flows: &[&Flow], seen: &Observations, draft: &mut Draft) -> BTreeSet<usize> {
    let mut looked_at = BTreeSet::new();
    for (flow, pair) in pairs(flows) {
        let came_about = |one: &Conversation| {
            is_allowed(one, flow, pair, seen) && (one.kind != "tcp" || one.packets_back > 0)
        };
        // What came about earlier in a lab that stays need not come about again.
        let used = seen.conversations.iter().any(came_about);
        let its = now(seen).filter(|(_, one)| way(one, flow, pair).is_some());
        looked_at.extend(its.map(|(index, _)| index));
        if !used {
            draft.reasons.add(
                "vacuous",
                format!("no conversation of {} {} -> {} came about", flow.id, pair.from, pair.to),
            );
        }
    }
    if looked_at.is_empty() && !flows.is_empty() {
        draft.reasons.add("vacuous", "no frame of these flows was seen");
    }
    looked_at
}

/// Whether a camera sends this to the group that one of the flows is about, and was asked for it: nobody's conversation is opened by
/// that.
fn is_to_group(flows: &[&Flow], one: &Conversation, seen: &Observations) -> bool {
    let is_it = |flow, pair| way(one, flow, pair) == Some(Way::Group) && is_allowed(one, flow, pair, seen);
    pairs(flows).any(|(flow, pair)| is_it(flow, pair))
}

/// Port of WS-Discovery.
const SEARCH: u16 = 3702;

/// How long behind a question the last of an answer may come, nanoseconds; on a slow machine, its patience times that. Whoever
/// is asked takes a random time of at most half a second, and may answer twice (WS-Discovery 1.1, section 3.1.3; SOAP-over-UDP
/// 1.1, appendix I).
const ANSWERED_WITHIN: u64 = 2_000_000_000;

/// Whether this is the answer to a search for cameras: it comes from another address than that of the group which was asked,
/// and so looks like something of its own. Whoever answers unasked opens it. The port from which an earlier judgement's
/// question came is not known any more.
fn answers_a_search(one: &Conversation, seen: &Observations) -> bool {
    let asked = |question: &Conversation| {
        let within = ANSWERED_WITHIN * u64::from(seen.patience.max(1));
        let in_time = one.last_at <= question.last_at.saturating_add(within);
        let it = question.earlier
            || (question.opener.port == one.answerer.port && question.first_at <= one.first_at);
        question.kind == "udp"
            && question.answerer.port == SEARCH
            && question.answerer.address.is_multicast()
            && question.opener.node == one.answerer.node
            && in_time
            && it
    };
    one.kind == "udp" && one.opener.port == SEARCH && seen.conversations.iter().any(asked)
}

/// What is wrong with who opened this conversation, if anything.
///
/// On the flows' own ports nobody but the initiator may open; besides, the other ends may open nothing at all
/// towards the initiator, link upkeep aside.
fn wrong_opener(
    one: &Conversation,
    of_flow: bool,
    others: &BTreeSet<&NodeName>,
    initiator: &NodeName,
) -> Option<String> {
    let what = kind_and_port(one);
    let opened_by_other = one.opener.node.as_ref() != Some(initiator);
    let towards_initiator = one.answerer.node.as_ref() == Some(initiator)
        && one.opener.node.as_ref().is_some_and(|node| others.contains(node))
        && !matching::is_link_upkeep(&one.kind);
    if (of_flow && opened_by_other) || towards_initiator {
        return Some(format!("{} opened {what} to {}", end_name(&one.opener), end_name(&one.answerer)));
    }
    let involved = of_flow || one.answerer.node.as_ref().is_some_and(|node| others.contains(node));
    let from_initiator = one.opener.node.as_ref() == Some(initiator);
    (one.syn_back && involved && from_initiator).then(|| {
        let (answerer, opener) = (end_name(&one.answerer), end_name(&one.opener));
        format!("{answerer} sent a first SYN of its own to {opener} within {what}")
    })
}

/// Media ran to `media_to` from every camera looked at, and not one byte ran to anyone else.
fn judge_media(plan: &Plan, media_to: &NodeName, looked_at: &[&Conversation], draft: &mut Draft) {
    let (mut right, mut wrong) = (0, 0);
    let mut senders = BTreeSet::new();
    for one in looked_at {
        let ways =
            [(&one.opener, &one.answerer, one.media_out), (&one.answerer, &one.opener, one.media_back)];
        for (from, to, bytes) in ways {
            if bytes > 0 && to.node.as_ref() == Some(media_to) {
                right += bytes;
                senders.extend(&from.node);
            } else if bytes > 0 {
                wrong += bytes;
                let text = format!("{} sent {bytes} bytes of media to {}", end_name(from), end_name(to));
                draft.findings.push(finding_from(one, from, to, text));
            }
        }
    }
    let is_camera =
        |node: &&NodeName| plan.nodes.iter().any(|known| known.name == **node && known.role == Role::Camera);
    let cameras: BTreeSet<_> = looked_at
        .iter()
        .flat_map(|one| [one.opener.node.as_ref(), one.answerer.node.as_ref()])
        .flatten()
        .filter(is_camera)
        .filter(|node| *node != media_to)
        .collect();
    for silent in cameras.iter().filter(|camera| !senders.contains(**camera)) {
        draft.reasons.add("vacuous", format!("no media ran from {silent} to {media_to}"));
    }
    if right == 0 && cameras.is_empty() {
        draft.reasons.add("vacuous", format!("no media ran to {media_to}"));
    }
    draft.summary.push_str(&format!("; {right} bytes of media to {media_to}, {wrong} elsewhere"));
}

/// Media of a session that was left ended soon after the next session between the two had begun. Each camera must have been
/// left once.
fn judge_endings(
    (from, to): (&NodeName, &NodeName),
    within: Duration,
    looked_at: &[&Conversation],
    draft: &mut Draft,
) {
    let nodes = |one: &Conversation| [one.opener.node.clone(), one.answerer.node.clone()];
    let between = |one: &&&Conversation| {
        let nodes = nodes(one);
        nodes.contains(&Some(from.clone())) && nodes.contains(&Some(to.clone()))
    };
    let between: Vec<_> = looked_at.iter().filter(between).collect();
    let mut was_left = false;
    for one in between.iter().filter(|one| one.media_out + one.media_back > 0) {
        let newer = between.iter().filter(|next| next.kind == "tcp" && next.first_at > one.first_at);
        let Some(next) = newer.map(|next| next.first_at).min() else { continue };
        was_left = true;
        let went_on = Duration::from_nanos(one.last_at.saturating_sub(next));
        if went_on > within {
            let (what, long) = (kind_and_port(one), length(went_on));
            let text =
                format!("{from} went on sending media to {to} for {long} after the next session, by {what}");
            draft.findings.push(finding(one, text));
        }
    }
    if !was_left {
        draft.reasons.add("vacuous", format!("{to} left no session of {from}'s for another"));
    }
}

fn finding(one: &Conversation, text: String) -> Finding {
    finding_from(one, &one.opener, &one.answerer, text)
}

fn finding_from(one: &Conversation, from: &End, to: &End, text: String) -> Finding {
    let sent = (format!("first packet, at {}'s tap", end_name(&one.opener)), one.first_packet);
    let answered =
        one.answered_packet.map(|at| (format!("first answer, at {}'s tap", end_name(&one.opener)), at));
    Finding {
        text,
        pair: from.node.clone().zip(to.node.clone()),
        stops_at: None,
        packets: [sent].into_iter().chain(answered).collect(),
        by: None,
    }
}

/// The node, or the address of something that is no node.
fn end_name(end: &End) -> String {
    end.node.as_ref().map_or_else(|| end.address.to_string(), ToString::to_string)
}
