//! `explained`: every frame belongs to an allowed flow, to upkeep of a link, or to a probe; and nobody changes the rules,
//! routes and settings by which that is so.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::names::{FlowId, NodeName, SegmentName, Traffic};
use crate::observation::{
    Claim, Claimed, Conversation, End, Explained, FaultSeen, Moment, Observations, OpenSeen, StateSeen,
    Unexplained, Upkeep,
};
use crate::plan::fault::Fault;
use crate::plan::{Check, During, Flow, FlowPair, Open, Plan};
use crate::scenario::model::Unused;

use super::Finding;
use super::judge::Draft;
use super::matching::{is_allowed, is_on, is_ours};
use super::misled;
use super::shown::ask_canaries;
use super::wording::{counted, listed};

/// Findings of one check; who floods is found by the first of them.
const MOST: usize = 50;
/// Openings that nobody used, and lines that were changed, that are spelled out.
const LISTED: usize = 6;
/// The documented flows that stand for link upkeep, and for ICMP errors.
const LINK_UPKEEP: &str = "F17";
const ERRORS: &str = "F18";

/// What is asked.
pub(super) struct Asked<'a> {
    pub(super) segments: &'a [SegmentName],
    pub(super) upkeep: &'a [FlowId],
    pub(super) unused: Unused,
}

impl Asked<'_> {
    fn declares(&self, flow: &str) -> bool {
        self.upkeep.iter().any(|id| id.as_str() == flow)
    }
}

pub(super) fn draft(plan: &Plan, asked: &Asked<'_>, seen: &Observations) -> Draft {
    let mut draft = Draft::default();
    ask_for_all_frames(seen, &mut draft);
    let mut findings = unexplained(asked, seen);
    findings.extend(undeclared(plan, asked, seen));
    findings.extend(astray(asked, seen));
    bound(&mut findings, seen.explained.more);
    findings.extend(changed(plan, seen));
    findings.extend(misled::findings(plan, seen));
    misled::ask_for_ways(plan, seen, &mut draft.reasons);
    let unused = never_seen(plan, seen);
    if asked.unused == Unused::Fail {
        findings.extend(unused.iter().map(|text| finding(format!("nobody used {text}"), None, 0)));
    }
    let claims = summed(asked, seen);
    if claims.all() == 0 {
        draft.reasons.add("vacuous", "no frame was seen there at all");
    } else if claims.flows == 0 {
        draft.reasons.add("vacuous", "no frame of an allowed flow was seen there");
    }
    draft.controls = vec![ask_canaries(plan, seen, &mut draft.reasons)];
    draft.summary = claims.told(asked, findings.len(), &unused);
    draft.findings = findings;
    draft
}

/// The first findings; of the others, and of frames whose kinds nobody told apart, how many there are.
fn bound(findings: &mut Vec<Finding>, more: u64) {
    let kinds = findings.len().saturating_sub(MOST);
    findings.truncate(MOST);
    let untold =
        (more > 0).then(|| format!("{} of kinds that were not told apart", counted(more as usize, "frame")));
    let left = (kinds > 0).then(|| format!("{} more", counted(kinds, "kind")));
    let rest: Vec<String> = [untold, left].into_iter().flatten().collect();
    if !rest.is_empty() {
        findings.push(finding(format!("and {}, are not explained either", rest.join(", and ")), None, 0));
    }
}

/// A frame that is only counted may be the very one, and so may one that was held against nothing: whoever tells what
/// frames are must have told it of each.
fn ask_for_all_frames(seen: &Observations, draft: &mut Draft) {
    let Explained { claimed, unexplained, more, probes, .. } = &seen.explained;
    let told = claimed.iter().map(|one| one.frames).sum::<u64>()
        + unexplained.iter().map(|one| one.frames).sum::<u64>()
        + more
        + probes.frames.iter().map(|(_, frames)| frames).sum::<u64>()
        + probes.astray.iter().map(|one| one.frames).sum::<u64>();
    let frames = seen.taps.frames;
    if told != frames {
        draft
            .reasons
            .add("count", format!("{told} frames were held against the plan, and {frames} captured"));
    }
    if seen.taps.unstored > 0 {
        let unstored = seen.taps.unstored;
        draft.reasons.add("taps", format!("the capture was full: {unstored} frames have no packet number"));
    }
}

/// Frames by what explains them.
#[derive(Default)]
struct Sums {
    flows: u64,
    upkeep: u64,
    errors: u64,
    probes: u64,
}

impl Sums {
    fn all(&self) -> u64 {
        self.flows + self.upkeep + self.errors + self.probes
    }

    fn told(&self, asked: &Asked<'_>, findings: usize, unused: &[String]) -> String {
        let Sums { flows, upkeep, errors, probes } = self;
        let segments = counted(asked.segments.len(), "segment");
        let unused = if unused.is_empty() {
            "no opening unused".to_owned()
        } else {
            format!("never used: {}", listed(unused, LISTED))
        };
        let found =
            if findings == 0 { "nothing unexplained".to_owned() } else { counted(findings, "finding") };
        format!(
            "{segments}: {} frames of flows, {} of upkeep, {} of probes; {found}; {unused}",
            flows + errors,
            upkeep,
            probes
        )
    }
}

fn summed(asked: &Asked<'_>, seen: &Observations) -> Sums {
    let mut sums = Sums::default();
    for one in claimed(asked, seen) {
        match one.by {
            Claim::Flows(_) | Claim::Moved(..) => sums.flows += one.frames,
            Claim::Upkeep(_) => sums.upkeep += one.frames,
            Claim::Error => sums.errors += one.frames,
            Claim::ProbeAnswer => sums.probes += one.frames,
        }
    }
    let probes = seen.explained.probes.frames.iter().filter(|(segment, _)| asked.segments.contains(segment));
    sums.probes += probes.map(|(_, frames)| frames).sum::<u64>();
    sums
}

fn claimed<'a>(asked: &Asked<'_>, seen: &'a Observations) -> impl Iterator<Item = &'a Claimed> {
    seen.explained.claimed.iter().filter(|one| asked.segments.contains(&one.segment))
}

fn unexplained(asked: &Asked<'_>, seen: &Observations) -> Vec<Finding> {
    let there = seen.explained.unexplained.iter().filter(|one| asked.segments.contains(&one.segment));
    let ours = |one: &&Unexplained| {
        !seen.opens.iter().any(|open| is_opened(one, open) && !is_opened_besides(open, seen))
    };
    there
        .filter(ours)
        .map(|one| {
            let Unexplained { segment, what, why, frames, .. } = one;
            let who = one.from.as_ref().map_or("somebody".to_owned(), ToString::to_string);
            let text =
                format!("in {segment}, {who} sent {what}: {why} ({})", counted(*frames as usize, "frame"));
            let pair = one.from.clone().zip(one.ends.1.node.clone()).filter(|(from, to)| from != to);
            finding(text, pair, one.first_packet)
        })
        .collect()
}

/// Whether it belongs to a conversation that a check opened by itself, whatever flows allow.
fn is_opened(one: &Unexplained, open: &OpenSeen) -> bool {
    let kind = match open.open.port {
        Traffic::Tcp(port, _) => ("tcp", port),
        Traffic::Udp(port, _) => ("udp", port),
        Traffic::Icmp(..) => ("icmp", 0),
        Traffic::Icmp6(..) => ("icmp6", 0),
        _ => return false,
    };
    let (source, dest) = (&one.ends.0, &one.ends.1);
    let out = source.node.as_ref() == Some(&open.open.from) && dest.address == open.open.address;
    let back = dest.node.as_ref() == Some(&open.open.from) && source.address == open.open.address;
    let port = |port: u16| (one.kind.as_str(), port) == kind;
    // By a flow it is explained, so that only what is opened without one is looked for here.
    open.open.flow.is_none() && ((out && port(dest.port)) || (back && port(source.port)))
}

/// Whether the same two have to do with one another by the same port without a check that opens it: nothing tells whose frames are whose.
fn is_opened_besides(open: &OpenSeen, seen: &Observations) -> bool {
    let Open { from, address, port, .. } = &open.open;
    let along = |a: &End, b: &End, kind: &str| {
        a.node.as_ref() == Some(from) && b.address == *address && is_on(port, kind, b.port)
    };
    let between = |one: &Conversation| {
        along(&one.opener, &one.answerer, &one.kind) || along(&one.answerer, &one.opener, &one.kind)
    };
    let mut others = seen.conversations.iter().filter(|one| !one.earlier && between(one));
    others.any(|one| !is_ours(seen, one))
}

/// Upkeep that the check does not count, though the tap knew it for what it is.
fn undeclared(plan: &Plan, asked: &Asked<'_>, seen: &Observations) -> Vec<Finding> {
    let not_declared = |one: &&Claimed| match &one.by {
        Claim::Upkeep(_) => !asked.declares(LINK_UPKEEP),
        Claim::Error => !asked.declares(ERRORS),
        // Answered where no probe may be.
        Claim::ProbeAnswer => seen.explained.probes.frames.iter().all(|(segment, _)| *segment != one.segment),
        Claim::Moved(_, to) => !is_moved(*to, plan, seen),
        Claim::Flows(_) => false,
    };
    claimed(asked, seen)
        .filter(not_declared)
        .map(|one| {
            let (what, why) = match &one.by {
                Claim::Upkeep(upkeep) => (named(*upkeep).to_owned(), "which no flow declares"),
                Claim::Error => ("ICMP errors".to_owned(), "which no flow declares"),
                Claim::Moved(flows, to) => {
                    (format!("{} towards {to}", listed(flows, LISTED)), "to which no name has been moved")
                }
                Claim::Flows(_) | Claim::ProbeAnswer => {
                    ("answers to probes".to_owned(), "where no probe may be")
                }
            };
            let frames = counted(one.frames as usize, "frame");
            finding(format!("in {}: {what}, {why} ({frames})", one.segment), None, one.first_packet)
        })
        .collect()
}

/// Whether a name was moved to the address, before the run or in it. One that a node was had ask for opens only what the site says, by
/// a `reach`, that it opens: what only looks like an endpoint's opens nothing.
fn is_moved(address: IpAddr, plan: &Plan, seen: &Observations) -> bool {
    let moves = |fault: &Fault| matches!(fault, Fault::MoveName { to: Some(to), asked_by: None, .. } if *to == address);
    let before = |words: &String| words.split_whitespace().any(|word| word == address.to_string());
    let opens = |check: &Check| {
        check.during.as_ref().is_some_and(During::has_a_name_asked)
            && check.word.opens().iter().any(|open| open.address == address)
    };
    let leads = |fault: &Fault| matches!(fault, Fault::MoveName { to: Some(to), asked_by: Some(_), .. } if *to == address);
    (plan.checks.iter().any(opens) && seen.faults.iter().any(|one| leads(&one.fault)))
        || seen.faults.iter().any(|one| moves(&one.fault))
        || seen.in_force.iter().any(before)
}

fn named(upkeep: Upkeep) -> &'static str {
    match upkeep {
        Upkeep::Arp => "ARP",
        Upkeep::Neighbours => "neighbour discovery",
        Upkeep::Routers => "router discovery",
        Upkeep::Groups => "membership of groups",
    }
}

fn astray(asked: &Asked<'_>, seen: &Observations) -> Vec<Finding> {
    let there = seen.explained.probes.astray.iter().filter(|one| asked.segments.contains(&one.segment));
    there
        .map(|one| {
            let frames = counted(one.frames as usize, "frame");
            let what = match &one.sent {
                Some((from, to)) => format!("probes from {from} for {to}, which may not be there"),
                None => "probes that this run has not sent".to_owned(),
            };
            finding(format!("in {}: {what} ({frames})", one.segment), one.sent.clone(), one.first_packet)
        })
        .collect()
}

/// What somebody changed of rules, routes and settings, without a fault that would. Services that ask for their addresses
/// add routes when they begin; rules and settings are as they were built.
fn changed(plan: &Plan, seen: &Observations) -> Vec<Finding> {
    let at = |moment: Moment| -> BTreeMap<&NodeName, &StateSeen> {
        let then = seen.states.iter().filter(|one| one.moment == moment);
        then.map(|one| (&one.node, one)).collect()
    };
    let (built, begun, ends) = (at(Moment::Built), at(Moment::Begun), at(Moment::End));
    let changes =
        |one: &FaultSeen, node: &NodeName| plan.changes(&one.fault, node) || one.mended.contains(node);
    let excused = |node: &NodeName| seen.faults.iter().any(|one| changes(one, node));
    let near = |node: &NodeName| plan.neighbours(node).any(|other| excused(&other.name));
    let unexcused = begun.iter().filter(|(node, _)| !excused(node));
    let differences = unexcused.filter_map(|(node, begun)| {
        let (first, end) = (built.get(node).unwrap_or(begun), ends.get(node)?);
        // Whoever is told its routes may be told others, or none, as those who tell them come and go.
        let with_routes = !(plan.is_told_routes(node) && near(node));
        let routes = |of| routes(of).filter(|_| with_routes);
        let before: Vec<&String> = settings(first).chain(routes(begun)).collect();
        let after: Vec<&String> = settings(end).chain(routes(end)).collect();
        let text = difference(&before, &after)?;
        let text = format!("{node} was changed while the run went on, and no fault did that: {text}");
        Some(Finding { stops_at: Some((*node).clone()), ..finding(text, None, 0) })
    });
    differences.collect()
}

fn routes(state: &StateSeen) -> impl Iterator<Item = &String> {
    state.lines.iter().filter(|line| is_route(line))
}

fn settings(state: &StateSeen) -> impl Iterator<Item = &String> {
    state.lines.iter().filter(|line| !is_route(line))
}

fn is_route(line: &str) -> bool {
    ["route ", "IPv6 route ", "policy "].iter().any(|word| line.starts_with(word))
}

/// What one has and the other has not, in words; none if they are the same.
fn difference(before: &[&String], after: &[&String]) -> Option<String> {
    if before == after {
        return None;
    }
    let lacks = |from: &[&String], others: &[&String]| {
        let mut left = others.to_vec();
        let mut gone = Vec::new();
        for line in from {
            match left.iter().position(|other| other == line) {
                Some(place) => drop(left.swap_remove(place)),
                None => gone.push(format!("`{line}`")),
            }
        }
        gone
    };
    let (gone, new) = (lacks(before, after), lacks(after, before));
    let part = |word: &str, lines: &[String]| {
        (!lines.is_empty()).then(|| format!("{word} {}", listed(lines, LISTED)))
    };
    let parts: Vec<String> = [part("new is", &new), part("gone is", &gone)].into_iter().flatten().collect();
    Some(if parts.is_empty() { "the order of its rules".to_owned() } else { parts.join("; ") })
}

/// Each pair of each flow that was never used.
fn never_seen(plan: &Plan, seen: &Observations) -> Vec<String> {
    let used = |flow: &Flow, pair: &FlowPair| {
        let along = |one: &Conversation| is_allowed(one, flow, pair, seen);
        // Whoever asks for an address has none yet, and whoever looks for others asks a group, so that no conversation is
        // between these two.
        let of_all = [Traffic::Udp(67, 67), Traffic::Udp(3702, 3702)];
        let asks_all = matches!(flow.ports.as_slice(), [only] if of_all.contains(only));
        (asks_all && is_claimed(seen, &flow.id)) || seen.conversations.iter().any(along)
    };
    let flows = plan.flows.iter().filter(|flow| !flow.upkeep);
    let pairs = flows.flat_map(|flow| flow.pairs.iter().map(move |pair| (flow, pair)));
    pairs
        .filter(|(flow, pair)| !used(flow, pair))
        .map(|(flow, pair)| format!("{} ({} -> {})", flow.id, pair.from, pair.to))
        .collect()
}

fn is_claimed(seen: &Observations, flow: &FlowId) -> bool {
    let by = |one: &Claimed| matches!(&one.by, Claim::Flows(flows) if flows.contains(flow));
    seen.explained.claimed.iter().any(by)
}

fn finding(text: String, pair: Option<(NodeName, NodeName)>, packet: u64) -> Finding {
    let packets = (packet > 0).then(|| ("first frame".to_owned(), packet));
    Finding { text, pair, stops_at: None, packets: packets.into_iter().collect(), by: None }
}
