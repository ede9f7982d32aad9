//! `taint`: each camera's video was seen all along its ways and nowhere else, by a searcher that finds what is hidden at
//! every tap.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use crate::names::{LinkName, NodeName};
use crate::observation::{
    Conversation, Encoding, Layer, Observations, PasswordFound, TaintFound, TaintSeen, TapSearched, Way,
};
use crate::plan::{Node, Plan, ServiceKind, VideoWay, Word};

use super::judge::Draft;
use super::wording::{Reasons, counted, listed};
use super::{ControlSeen, Finding};

/// Of the bytes of media that ran, so many hundredths at least must be found as the clip's: the rest is what names each
/// frame, and what was under way when the run ended.
const DENSITY: u64 = 60;
/// Packets cited per tap.
const CITED: usize = 4;

pub(super) fn draft(plan: &Plan, word: &Word, seen: &Observations) -> Draft {
    let mut draft = Draft::default();
    let Word::Taint { cameras, streams, besides } = word else { return draft };
    let Some(taint) = &seen.taint else {
        draft.summary = "nothing was searched".to_owned();
        draft.reasons.add("search", "the capture was not searched");
        return draft;
    };
    ask_whole(plan, taint, seen, &mut draft.reasons);
    for (camera, why) in taint.unknown.iter().filter(|(camera, _)| cameras.contains(camera)) {
        draft.reasons.add("clip", format!("the video of {camera} is not known: {why}"));
    }
    let named = Named(plan);
    let shares = ask_where_it_must_be(&named, streams, taint, seen, &mut draft.reasons);
    let canary = ask_taps(&named, taint, &mut draft.reasons);
    draft.findings.extend(passwords(&named, taint));
    for camera in cameras {
        draft.findings.extend(elsewhere(&named, camera, streams, besides, taint));
    }
    let frames: u64 = taint.taps.iter().map(|tap| tap.frames).sum();
    draft.summary = format!(
        "{frames} frames at {} searched for the video of {}; seen {shares}, at {} elsewhere",
        counted(taint.taps.len(), "tap"),
        listed(cameras, 4),
        counted(draft.findings.iter().filter(|one| one.pair.is_some()).count(), "tap"),
    );
    draft.summary.push_str(&flooded(&named, cameras, taint));
    draft.controls = vec![
        ControlSeen { control: "density".into(), seen: shares, held: !draft.reasons.has("density") },
        ControlSeen { control: "canary".into(), seen: canary, held: !draft.reasons.has("canary") },
    ];
    draft
}

/// Whatever there was has been searched: all of the capture, put together, and read where it was encrypted by a cloud of ours.
pub(super) fn ask_whole(plan: &Plan, taint: &TaintSeen, seen: &Observations, reasons: &mut Reasons) {
    if seen.taps.unstored > 0 {
        let text = format!("the capture was full: {} frames are not in it", seen.taps.unstored);
        reasons.add("search", text);
    }
    if taint.let_go > 0 {
        let text = format!("more was under way at a time than is put together, {} times", taint.let_go);
        reasons.add("search", text);
    }
    for (cloud, closed) in clouds_closed(plan, taint) {
        let text = format!(
            "{} with {cloud} stayed closed: its key log does not have them",
            counted_sessions(closed)
        );
        reasons.add("search", text);
    }
}

/// Clouds of ours with which something was said that nobody could read, and in how many sessions.
fn clouds_closed<'p>(plan: &'p Plan, taint: &TaintSeen) -> Vec<(&'p NodeName, u64)> {
    let is_ours = |node: &&Node| {
        let mut services = plan.services.iter().filter(|service| service.node == node.name);
        services.any(|service| matches!(service.kind, ServiceKind::Cloud { .. }))
    };
    let closed = |node: &'p Node| {
        let addresses = node.links.iter().flat_map(|link| &link.addresses).map(IpNet::addr);
        (&node.name, addresses.filter_map(|address| taint.closed.get(&address)).sum())
    };
    let clouds = plan.nodes.iter().filter(is_ours).map(closed);
    clouds.filter(|(_, closed)| *closed > 0).collect()
}

/// Names for readers.
pub(super) struct Named<'a>(pub(super) &'a Plan);

impl Named<'_> {
    /// The node at a port.
    pub(super) fn node(&self, port: &LinkName) -> Option<&NodeName> {
        let at = |node: &&Node| node.links.iter().any(|link| link.port == *port);
        self.0.nodes.iter().find(at).map(|node| &node.name)
    }

    /// `rtr.wan0`.
    pub(super) fn tap(&self, port: &LinkName) -> String {
        let links = self.0.nodes.iter().flat_map(|node| node.links.iter().map(move |link| (node, link)));
        let mut found = links.filter(|(_, link)| link.port == *port);
        found.next().map_or_else(|| port.to_string(), |(node, link)| format!("{}.{}", node.name, link.name))
    }
}

/// Video that runs is found at every tap that it passes, at least 60 bytes in 100 of it. Its share at the tap with the least, in words.
fn ask_where_it_must_be(
    named: &Named<'_>,
    streams: &[VideoWay],
    taint: &TaintSeen,
    seen: &Observations,
    reasons: &mut Reasons,
) -> String {
    // What runs past a place, over all that its camera is asked by whoever the flows let have it.
    let mut wanted: BTreeMap<(&NodeName, &Vec<LinkName>), u64> = BTreeMap::new();
    for stream in streams {
        let ran = media(stream, seen);
        if ran == 0 && stream.plays {
            reasons.add("vacuous", format!("no video ran from {} to {}", stream.camera, stream.to));
        }
        for place in &stream.ports {
            *wanted.entry((&stream.camera, place)).or_default() += ran;
        }
    }
    let mut least: Option<u64> = None;
    for ((camera, place), ran) in wanted.into_iter().filter(|(_, ran)| *ran > 0) {
        let found: u64 = place.iter().map(|port| as_it_is(taint, camera, port)).sum();
        let share = found.saturating_mul(100) / ran;
        least = Some(least.map_or(share, |least| least.min(share)));
        if share < DENSITY && taint.cameras.contains(camera) {
            let taps = place.iter().map(|port| named.tap(port)).collect::<Vec<_>>().join(" and ");
            let text =
                format!("{found} bytes of {camera}'s clip at {taps}, where {ran} bytes of its media passed");
            reasons.add("density", text);
        }
    }
    least.map_or_else(
        || "nowhere".to_owned(),
        |least| format!("all along its ways, at least {least} bytes in 100 of what ran"),
    )
}

/// Bytes of media from the camera to whoever asks it.
fn media(stream: &VideoWay, seen: &Observations) -> u64 {
    let is = |end: &crate::observation::End, node: &NodeName| end.node.as_ref() == Some(node);
    let ran = |one: &Conversation| match () {
        () if is(&one.answerer, &stream.camera) && is(&one.opener, &stream.to) => one.media_back,
        () if is(&one.opener, &stream.camera) && is(&one.answerer, &stream.to) => one.media_out,
        () => 0,
    };
    seen.conversations.iter().filter(|one| !one.earlier).map(ran).sum()
}

/// Bytes of a clip at a port, in the direction that has more: in its TCP streams, or where it comes by UDP in its frames.
fn as_it_is(taint: &TaintSeen, camera: &NodeName, port: &LinkName) -> u64 {
    let is_plain =
        |way: Way| way.encoding == Encoding::Raw && matches!(way.layer, Layer::Stream | Layer::Frame);
    let there =
        taint.found.iter().filter(|one| one.camera == *camera && one.port == *port && is_plain(one.way));
    there.map(|one| one.bytes).max().unwrap_or(0)
}

/// Every tap found its canary in every way that is searched, and no frame was cut short.
pub(super) fn ask_taps(named: &Named<'_>, taint: &TaintSeen, reasons: &mut Reasons) -> String {
    for port in named.0.nodes.iter().flat_map(|node| &node.links).map(|link| &link.port) {
        if !taint.taps.iter().any(|tap| tap.port == *port) {
            reasons.add("canary", format!("{} was not searched", named.tap(port)));
        }
    }
    for tap in &taint.taps {
        let name = named.tap(&tap.port);
        if !tap.missed.is_empty() {
            reasons.add("canary", format!("{name} did not find its canary {}", listed(&tap.missed, 3)));
        }
        if !tap.missed_words.is_empty() {
            let ways = listed(&tap.missed_words, 3);
            reasons.add("canary", format!("{name} did not find its canary of a password {ways}"));
        }
        if tap.cut > 0 {
            reasons
                .add("search", format!("{} at {name} are cut short in the capture", counted_frames(tap.cut)));
        }
    }
    let found = |tap: &&TapSearched| tap.missed.is_empty() && tap.missed_words.is_empty();
    let whole = taint.taps.iter().filter(found).count();
    format!("{whole} of {} found theirs in every way that is searched", counted(taint.taps.len(), "tap"))
}

/// What switches flooded of it, for its reader to weigh; nothing if they did not.
fn flooded(named: &Named<'_>, cameras: &[NodeName], taint: &TaintSeen) -> String {
    let mut at: BTreeMap<&LinkName, u64> = BTreeMap::new();
    for one in taint.found.iter().filter(|one| one.flooded && cameras.contains(&one.camera)) {
        let most = at.entry(&one.port).or_default();
        *most = one.bytes.max(*most);
    }
    if at.is_empty() {
        return String::new();
    }
    let taps: Vec<_> =
        at.iter().map(|(port, bytes)| format!("{} ({bytes} bytes)", named.tap(port))).collect();
    format!("; besides, flooded by a switch that had lost a carrier, to {}", listed(&taps, 4))
}

fn counted_sessions(number: u64) -> String {
    counted(usize::try_from(number).unwrap_or(usize::MAX), "TLS session")
}

fn counted_frames(number: u64) -> String {
    counted(usize::try_from(number).unwrap_or(usize::MAX), "frame")
}

/// A finding for each tap where a camera's password was seen, and each camera: digest authentication sends it nowhere.
fn passwords(named: &Named<'_>, taint: &TaintSeen) -> Vec<Finding> {
    let mut at: BTreeMap<(&LinkName, &NodeName), Vec<&PasswordFound>> = BTreeMap::new();
    for one in &taint.passwords {
        at.entry((&one.port, &one.camera)).or_default().push(one);
    }
    let finding = |((port, camera), mut found): ((&LinkName, &NodeName), Vec<&PasswordFound>)| {
        found.sort_by_key(|one| (one.packet, one.way, one.from_node));
        let (first, tap) = (found.first()?, named.tap(port));
        let (way, packet, offset) = (first.way, first.packet, first.offset);
        Some(Finding {
            text: format!(
                "password of {camera} at {tap}, {way}; first in packet {packet}, from byte {offset}"
            ),
            pair: None,
            stops_at: None,
            packets: vec![(format!("password of {camera} {way}, at {tap}"), packet)],
            by: None,
        })
    };
    at.into_iter().filter_map(finding).collect()
}

/// A finding for each tap where a camera's video was seen and no flow lets it be.
fn elsewhere(
    named: &Named<'_>,
    camera: &NodeName,
    streams: &[VideoWay],
    besides: &[LinkName],
    taint: &TaintSeen,
) -> Vec<Finding> {
    let own = streams.iter().filter(|one| one.camera == *camera);
    let allowed: BTreeSet<&LinkName> =
        own.flat_map(|one| one.ports.iter().flatten().chain(&one.hear)).chain(besides).collect();
    let mut at: BTreeMap<&LinkName, Vec<&TaintFound>> = BTreeMap::new();
    for one in
        taint.found.iter().filter(|one| one.camera == *camera && !one.flooded && !allowed.contains(&one.port))
    {
        at.entry(&one.port).or_default().push(one);
    }
    at.into_iter().filter_map(|(port, found)| finding(named, camera, port, found)).collect()
}

fn finding(
    named: &Named<'_>,
    camera: &NodeName,
    port: &LinkName,
    mut found: Vec<&TaintFound>,
) -> Option<Finding> {
    found.sort_by_key(|one| (one.first.packet, one.way, one.from_node));
    let first = found.first()?;
    let tap = named.tap(port);
    let ways: BTreeSet<String> = found.iter().map(|one| one.way.to_string()).collect();
    let bytes = found.iter().map(|one| one.bytes).max().unwrap_or(0);
    let place = first.first;
    let text = format!(
        "video of {camera} at {tap}: {}, {bytes} bytes; first in packet {}, {} from byte {}: {} bytes of picture {} of its \
         clip, from byte {}",
        ways.into_iter().collect::<Vec<_>>().join(" and "),
        place.packet,
        first.way,
        place.offset,
        place.length,
        place.picture,
        place.at,
    );
    let cite = |one: &&TaintFound| {
        let way = if one.from_node { "from" } else { "to" };
        (format!("video of {camera} {}, {way} {tap}", one.way), one.first.packet)
    };
    Some(Finding {
        text,
        pair: named.node(port).map(|node| (camera.clone(), node.clone())),
        stops_at: None,
        packets: found.iter().take(CITED).map(cite).collect(),
        by: None,
    })
}
