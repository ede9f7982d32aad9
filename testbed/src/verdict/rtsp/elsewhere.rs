//! Text of RTSP is found along the ways of these flows and nowhere else, by a searcher that finds what is hidden at every tap.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use crate::names::{LinkName, NodeName};
use crate::observation::{Conversation, Encoding, End, Observations, RtspEnds, RtspFound, RtspSeen};
use crate::plan::{Plan, RtspWay};

use super::super::judge::Draft;
use super::super::matching::{self, Way, way};
use super::super::taint::{Named, ask_taps, ask_whole};
use super::super::wording::{counted, listed};
use super::super::{ControlSeen, Finding};
use super::Asked;

/// Packets cited per finding.
const CITED: usize = 4;

/// Source and target, where both are nodes.
type Pair = Option<(NodeName, NodeName)>;
/// What was found where it should not be, by what is said of it.
type Elsewhere<'a> = BTreeMap<String, (Pair, Vec<&'a RtspFound>)>;
/// Ends of a connection, and the pair of a flow that it belongs to: who opened it, and the camera.
type Known<'a> = BTreeMap<(SocketAddr, SocketAddr), (&'a NodeName, &'a NodeName)>;

pub(super) fn judge(plan: &Plan, asked: &Asked<'_>, seen: &Observations, draft: &mut Draft) {
    let Some(searched) = &seen.taint else {
        draft.reasons.add("search", "the capture was not searched");
        return;
    };
    ask_whole(plan, searched, seen, &mut draft.reasons);
    let named = Named(plan);
    let canary = ask_taps(&named, searched, &mut draft.reasons);
    let known = known(plan, asked, seen);
    let own = asked_by_us(plan, seen);
    let is_own =
        |ends: RtspEnds| own.contains(&(ends.source, ends.dest)) || own.contains(&(ends.dest, ends.source));
    let found = searched.rtsp.iter().filter(|one| !one.flooded && !one.ends.is_some_and(is_own));
    let found: Vec<&RtspFound> = found.collect();
    let places = ask_ways(&named, asked.ways, (&known, &found), seen, draft);
    let mut elsewhere = Elsewhere::new();
    for one in found {
        if let Some((text, pair)) = wrong(&named, asked, &known, one, seen) {
            elsewhere.entry(text).or_insert_with(|| (pair, Vec::new())).1.push(one);
        }
    }
    let taps: BTreeSet<&LinkName> =
        elsewhere.values().flat_map(|(_, found)| found.iter().map(|one| &one.port)).collect();
    let text = format!("; text of it at {}", counted(taps.len(), "tap"));
    draft.summary.push_str(&format!("{text} elsewhere"));
    draft
        .findings
        .extend(elsewhere.into_iter().map(|(text, (pair, found))| finding(&named, text, pair, found)));
    draft.controls = vec![
        ControlSeen { control: "way".into(), seen: places, held: !draft.reasons.has("way") },
        ControlSeen { control: "canary".into(), seen: canary, held: !draft.reasons.has("canary") },
    ];
}

/// Connections of these flows, however long they have been there.
fn known<'a>(plan: &'a Plan, asked: &Asked<'_>, seen: &Observations) -> Known<'a> {
    let mut known = Known::new();
    let flows = asked.flows.iter().filter_map(|id| matching::flow(plan, id));
    for (flow, pair) in flows.flat_map(|flow| flow.pairs.iter().map(move |pair| (flow, pair))) {
        let along = |one: &&Conversation| one.kind == "tcp" && way(one, flow, pair) == Some(Way::Along);
        for one in seen.conversations.iter().filter(along) {
            known.insert((at(&one.opener), at(&one.answerer)), (&pair.from, &pair.to));
        }
    }
    known
}

/// Ends of what a `no_stream` opened, of which that check tells.
fn asked_by_us(plan: &Plan, seen: &Observations) -> BTreeSet<(SocketAddr, SocketAddr)> {
    let own = seen.conversations.iter().filter(|one| matching::is_asked_by_us(plan, seen, one));
    own.map(|one| (at(&one.opener), at(&one.answerer))).collect()
}

fn at(end: &End) -> SocketAddr {
    SocketAddr::new(end.address, end.port)
}

/// The pair of a flow that something belongs to.
fn pair_of<'a>(known: &Known<'a>, ends: Option<RtspEnds>) -> Option<(&'a NodeName, &'a NodeName)> {
    let RtspEnds { source, dest, .. } = ends.filter(|ends| ends.tcp)?;
    known.get(&(source, dest)).or_else(|| known.get(&(dest, source))).copied()
}

/// What a camera and who asks it say is found, as it is, at every tap that it passes.
fn ask_ways(
    named: &Named<'_>,
    ways: &[RtspWay],
    (known, found): (&Known<'_>, &[&RtspFound]),
    seen: &Observations,
    draft: &mut Draft,
) -> String {
    let (mut wanted, mut missed) = (0_usize, 0_usize);
    for one in ways {
        // Who plays says little for half a minute at a time. In a lab that stays, what was said before on a connection that is open
        // shows that there is somebody who would be heard; that he would be found is for the canaries to show then.
        if !has_spoken(one, seen) {
            if !spoke_earlier(one, seen) {
                let text = format!("{} and {} said nothing that could be found", one.opener, one.camera);
                draft.reasons.add("way", text);
            }
            continue;
        }
        for place in &one.ports {
            let here = |found: &&&RtspFound| {
                found.way.encoding == Encoding::Raw
                    && place.contains(&found.port)
                    && pair_of(known, found.ends) == Some((&one.opener, &one.camera))
            };
            wanted += 1;
            if found.iter().any(|found| here(&found)) {
                continue;
            }
            missed += 1;
            let taps = place.iter().map(|port| named.tap(port)).collect::<Vec<_>>().join(" and ");
            let text = format!("nothing of what {} and {} said was found at {taps}", one.opener, one.camera);
            draft.reasons.add("way", text);
        }
    }
    if ways.is_empty() {
        draft.reasons.add("way", "nobody may say what could be found");
    }
    format!("found at {} of {} on its ways", wanted - missed, counted(wanted, "tap"))
}

/// Whether the two have said something in RTSP since this began.
fn has_spoken(way: &RtspWay, seen: &Observations) -> bool {
    between(way, seen).any(|one| one.messages.iter().any(|message| !message.earlier))
}

/// Whether they have said something before a judgement began, in a connection that was still open then.
fn spoke_earlier(way: &RtspWay, seen: &Observations) -> bool {
    between(way, seen).filter(|one| !one.over).any(|one| one.messages.iter().any(|message| message.earlier))
}

fn between<'a>(way: &'a RtspWay, seen: &'a Observations) -> impl Iterator<Item = &'a RtspSeen> {
    seen.rtsp.iter().filter(|one| {
        one.opener.node.as_ref() == Some(&way.opener) && one.answerer.node.as_ref() == Some(&way.camera)
    })
}

/// What is wrong with where something was found, in words without numbers that change, and with whom.
fn wrong(
    named: &Named<'_>,
    asked: &Asked<'_>,
    known: &Known<'_>,
    one: &RtspFound,
    seen: &Observations,
) -> Option<(String, Pair)> {
    let tap = || named.tap(&one.port);
    if let Some((opener, camera)) = pair_of(known, one.ends) {
        let own = asked.ways.iter().find(|way| way.opener == *opener && way.camera == *camera);
        let mut lets = own.into_iter().flat_map(|way| way.ports.iter().flatten().chain(&way.besides));
        if lets.any(|port| *port == one.port) {
            return None;
        }
        let pair = Some((camera.clone(), named.node(&one.port)?.clone()));
        return Some((format!("text of RTSP of {opener} and {camera} at {}", tap()), pair));
    }
    let Some(ends) = one.ends else {
        return Some((format!("text of RTSP at {}, {}", tap(), one.way), None));
    };
    let flows = listed(asked.flows, 6);
    let (text, pair) = said(ends, seen);
    Some((format!("text of RTSP {text}, which is none of {flows}"), pair))
}

/// Who says it to whom, by the conversation that it is of.
fn said(ends: RtspEnds, seen: &Observations) -> (String, Pair) {
    let kind = if ends.tcp { "tcp" } else { "udp" };
    let both = (ends.source, ends.dest);
    let is_it = |one: &&Conversation| {
        let own = (at(&one.opener), at(&one.answerer));
        one.kind == kind && (own == both || (own.1, own.0) == both)
    };
    let Some(one) = seen.conversations.iter().find(is_it) else {
        return (format!("from {} to {} by {kind}", ends.source.ip(), ends.dest.ip()), None);
    };
    let name = |end: &End| end.node.as_ref().map_or_else(|| end.address.to_string(), NodeName::to_string);
    let (from, to) = (name(&one.opener), name(&one.answerer));
    let pair = one.opener.node.clone().zip(one.answerer.node.clone());
    (format!("between {from} and {to} on {kind}/{}", one.answerer.port), pair)
}

fn finding(named: &Named<'_>, text: String, pair: Pair, mut found: Vec<&RtspFound>) -> Finding {
    found.sort_by_key(|one| (one.packet, one.way, one.from_node));
    let cite = |one: &&RtspFound| {
        let way = if one.from_node { "from" } else { "to" };
        (format!("{}, {way} {}", one.way, named.tap(&one.port)), one.packet)
    };
    let mut packets: Vec<(String, u64)> = Vec::new();
    for one in found.iter().map(cite) {
        if packets.len() < CITED && packets.iter().all(|(_, packet)| *packet != one.1) {
            packets.push(one);
        }
    }
    Finding { text, pair, stops_at: None, packets, by: None }
}
