//! Probes where they may be, and those that are elsewhere: sightings held against the ledger.
//!
//! A probe may be on the segment that it is sent into, and on those that lie before the device that should stop it; the
//! one that shows an instrument to be alive, and a canary, only where it is sent. What no sighting tells is no frame.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Record;
use crate::names::{LinkName, NodeName, SegmentName};
use crate::observation::{Astray, ProbesSeen};
use crate::plan::{Aim, Asked, Crossing, Join, Link, Node, Plan, Word};
use crate::probe::Role;
use crate::tap::Sightings;

/// From whom to whom a probe was sent, if it was.
type Ends = Option<(NodeName, NodeName)>;

/// What a probe was sent for, and where it may be.
struct Purpose {
    from: NodeName,
    to: NodeName,
    segments: BTreeSet<SegmentName>,
}

/// What was seen of the probes of the site itself.
pub(super) fn probes_seen(plan: &Plan, record: &Record, sightings: &Sightings) -> ProbesSeen {
    let aims = of_aims(plan, record);
    let frames = of_frames(plan, record);
    let canaries = of_canaries(plan);
    let segments: HashMap<&LinkName, &SegmentName> =
        plan.nodes.iter().flat_map(|node| &node.links).map(|link| (&link.port, &link.segment)).collect();
    let mut fine: BTreeMap<SegmentName, u64> = BTreeMap::new();
    let mut astray: BTreeMap<(SegmentName, Ends), (u64, u64)> = BTreeMap::new();
    let sent: HashMap<u32, (usize, Role)> =
        record.site.sent.iter().map(|(n, entry)| (*n, (entry.aim, entry.role))).collect();
    for n in sightings.numbers() {
        let purpose = match sent.get(&n) {
            Some((_, Role::Frame)) => frames.get(&n),
            Some((link, Role::Canary)) => canaries.get(*link),
            Some((aim, role)) => aims.get(&(*aim, *role == Role::Instrument)),
            None => None,
        };
        for sighting in sightings.of(n) {
            let Some(segment) = segments.get(&sighting.port) else { continue };
            if purpose.is_some_and(|purpose| purpose.segments.contains(*segment)) {
                *fine.entry((*segment).clone()).or_default() += 1;
            } else {
                let sent = purpose.map(|purpose| (purpose.from.clone(), purpose.to.clone()));
                astray.entry(((*segment).clone(), sent)).or_insert((sighting.packet, 0)).1 += 1;
            }
        }
    }
    let astray = astray.into_iter().map(|((segment, sent), (first_packet, frames))| Astray {
        segment,
        sent,
        first_packet,
        frames,
    });
    ProbesSeen { frames: fine.into_iter().collect(), astray: astray.collect() }
}

/// By the number of the aim, and whether it is its instrument control.
fn of_aims(plan: &Plan, record: &Record) -> HashMap<(usize, bool), Purpose> {
    let mut purposes = HashMap::new();
    for sent in &record.aims {
        let check = plan.checks.iter().find(|check| check.name == sent.check);
        let Some(aim) = check.and_then(|check| check.word.aims().get(sent.aim)) else { continue };
        let purpose = |segments| Purpose { from: aim.from.clone(), to: aim.to.clone(), segments };
        purposes.insert((sent.number, false), purpose(before(plan, aim)));
        purposes.insert((sent.number, true), purpose([aim.target_segment.clone()].into()));
    }
    purposes
}

/// The segments of the attacker's link, and all that lies behind them before the device that should stop it.
fn before(plan: &Plan, aim: &Aim) -> BTreeSet<SegmentName> {
    let attacker = plan.node(&aim.from);
    let links = attacker.into_iter().flat_map(|node| {
        let own = node.links.iter().filter(|link| link.name == aim.link);
        own.flat_map(|link| [Some(link), node.partner(link)]).flatten()
    });
    let mut reached: BTreeSet<SegmentName> = links.map(|link| link.segment.clone()).collect();
    let passes = |node: &&Node| node.forwards && node.name != aim.stops_at && node.name != aim.from;
    loop {
        let behind = plan.nodes.iter().filter(passes).filter(|node| {
            let legs = node.links.iter().filter(|link| reached.contains(&link.segment)).count();
            (1..node.links.len()).contains(&legs)
        });
        let behind: Vec<_> = behind.flat_map(|node| &node.links).map(|link| link.segment.clone()).collect();
        let known = reached.len();
        reached.extend(behind);
        if reached.len() == known {
            return reached;
        }
    }
}

/// By the place of the link: its canary goes no further than to the next port.
fn of_canaries(plan: &Plan) -> Vec<Purpose> {
    let links = plan.nodes.iter().flat_map(|node| node.links.iter().map(move |link| (node, link)));
    let purpose = |(node, link): (&Node, &Link)| Purpose {
        from: node.name.clone(),
        to: node.name.clone(),
        segments: [link.segment.clone()].into(),
    };
    links.map(purpose).collect()
}

/// By the number of the frame.
fn of_frames(plan: &Plan, record: &Record) -> HashMap<u32, Purpose> {
    let segment = |port: &LinkName| {
        let links = plan.nodes.iter().flat_map(|node| &node.links);
        links.into_iter().find(|link| link.port == *port).map(|link| link.segment.clone())
    };
    let mut purposes = HashMap::new();
    for sent in &record.crossings {
        let check = plan.checks.iter().find(|check| check.name == sent.check);
        let Some(Word::NoBridge { crossings, .. }) = check.map(|check| &check.word) else { continue };
        let Some(crossing) = crossings.get(sent.crossing) else { continue };
        let Crossing { node, from, from_port, leaves, .. } = crossing;
        let purpose = |port: &LinkName| Purpose {
            from: from.clone(),
            to: node.clone(),
            segments: segment(port).into_iter().collect(),
        };
        for [attack, instrument, _] in &sent.numbers {
            purposes.extend(attack.map(|n| (n, purpose(from_port))));
            purposes.extend(instrument.map(|n| (n, purpose(&leaves.1))));
        }
    }
    for sent in &record.hops {
        let check = plan.checks.iter().find(|check| check.name == sent.check);
        let Some(Word::NoHop { hops, .. }) = check.map(|check| &check.word) else { continue };
        let Some(hop) = hops.get(sent.hop) else { continue };
        let purpose = |segments| Purpose { from: hop.from.clone(), to: hop.from.clone(), segments };
        for (frame, numbers) in hop.frames.iter().zip(&sent.numbers) {
            // The one behind it is the copy's.
            let (attack, instruments) = (numbers.first(), numbers.iter().skip(2));
            // On a trunk it is seen to leave at the link whose tag it has, or at the first one, whatever that is in.
            let leaves = segment(hop.port_of(frame)).into_iter().chain([hop.segment.clone()]);
            purposes.extend(attack.copied().flatten().map(|n| (n, purpose(leaves.clone().collect()))));
            let there: BTreeSet<_> = [hop.to.clone()].into();
            purposes.extend(instruments.filter_map(|n| n.map(|n| (n, purpose(there.clone())))));
        }
    }
    for sent in &record.joins {
        let check = plan.checks.iter().find(|check| check.name == sent.check);
        let Some(Word::NoStream { joins, .. }) = check.map(|check| &check.word) else { continue };
        // Those of who may hear have no controls of their own.
        let Some(Join { camera, from, from_port, .. }) = joins.get(sent.join) else { continue };
        let segments = segment(from_port).into_iter().collect();
        let purpose = Purpose { from: camera.clone(), to: from.clone(), segments };
        purposes.extend(sent.numbers[0].map(|n| (n, purpose)));
    }
    for sent in &record.asked {
        let check = plan.checks.iter().find(|check| check.name == sent.check);
        let Some(Word::OwnLeg { questions }) = check.map(|check| &check.word) else { continue };
        let Some(one) = questions.get(sent.questions) else { continue };
        let here = one.all().into_iter().zip(&sent.numbers);
        for n in here.filter(|(asked, _)| asked.what_for != Asked::Path).filter_map(|(_, n)| *n) {
            let segments = segment(&one.from_port).into_iter().collect();
            purposes.insert(n, Purpose { from: one.from.clone(), to: one.node.clone(), segments });
        }
    }
    purposes
}
