//! Frames that a node sends into its own segment, with and without tags, and the other segments where none of them may be seen.

use std::collections::BTreeSet;

use super::checks::Known;
use super::kept::tagged;
use super::mistake::Mistakes;
use super::model::{Carries, Hop, Link, Node, Open, StrayFrame};
use crate::names::{LinkName, Mac, NodeName, SegmentName};
use crate::scenario::model::Check;

/// Nobody has this; a switch that does not know an address passes its frames on to all.
const NOBODY: Mac = Mac([0x02, 0x74, 0x65, 0x73, 0x74, 0xfd]);
const BROADCAST: Mac = Mac([0xff; 6]);
/// The Ethernet address of the group of multicast DNS (RFC 6762; RFC 1112, section 6.4).
const GROUP: Mac = Mac([0x01, 0x00, 0x5e, 0x00, 0x00, 0xfb]);

/// From each link of these nodes that is in one of the segments, and on no trunk, towards every other one of them.
pub(super) fn hops(
    check: &Check,
    known: &Known<'_>,
    from: &[NodeName],
    segments: &[SegmentName],
    mistakes: &mut Mistakes,
) -> Vec<Hop> {
    let mut hops = Vec::new();
    for node in from.iter().filter_map(|name| known.ways.node(name)) {
        let before = hops.len();
        let own = node.links.iter().filter(|link| segments.contains(&link.segment) && link.trunk.is_none());
        for link in own {
            for to in segments.iter().filter(|to| node.links.iter().all(|link| link.segment != **to)) {
                match hop(known, (node, link), to) {
                    Some(hop) => hops.push(hop),
                    None => mistakes.check(check, format!("`{to}` has no member that is on no trunk")),
                }
            }
        }
        if hops.len() == before {
            let name = &node.name;
            mistakes.check(check, format!("`{name}` has no link of its own in one of the segments alone"));
        }
    }
    hops
}

fn hop(known: &Known<'_>, (node, link): (&Node, &Link), to: &SegmentName) -> Option<Hop> {
    let members = known.ways.members(to);
    let judges: Vec<_> = members.iter().filter(|(_, link)| link.trunk.is_none()).copied().collect();
    let (_, first) = judges.first()?;
    let neighbours = known.ways.members(&link.segment).iter().filter(|(other, _)| other.name != node.name);
    let ports = |members: &[(&Node, &Link)]| -> Vec<LinkName> {
        members.iter().map(|(_, link)| link.port.clone()).collect()
    };
    Some(Hop {
        from: node.name.clone(),
        link: link.name.clone(),
        from_port: link.port.clone(),
        from_mac: link.mac,
        segment: link.segment.clone(),
        neighbours: neighbours.map(|(_, link)| link.port.clone()).collect(),
        to: to.clone(),
        taps: ports(members),
        judges: ports(&judges),
        frames: frames(known, first.mac),
    })
}

/// Without a tag to everybody, a group, nobody and somebody there; with each kind of tag to everybody and to somebody there.
fn frames(known: &Known<'_>, there: Mac) -> Vec<StrayFrame> {
    let frame = |what: String, dest, carries| StrayFrame { what, dest, carries, at_port: false };
    let plain =
        [("broadcast", BROADCAST), ("multicast", GROUP), ("to nobody", NOBODY), ("to one there", there)];
    let plain = plain.into_iter().map(|(what, dest)| frame(what.into(), dest, Carries::Unknown));
    let tags = tagged(&known.site.segments);
    let tagged = tags.into_iter().flat_map(|(what, carries)| {
        [
            frame(format!("{what}, broadcast"), BROADCAST, carries),
            frame(format!("{what}, to one there"), there, carries),
        ]
    });
    plain.chain(tagged).collect()
}

/// Refuses an `alive` that would be green with a dead segment: a conversation must use each of them.
pub(super) fn cover(check: &Check, known: &Known<'_>, hops: &[Hop], opens: &[Open], mistakes: &mut Mistakes) {
    let ways = known.ways;
    let legs = opens.iter().filter_map(|open| ways.legs(ways.node(&open.from)?, open.address)).flatten();
    let shown: BTreeSet<&SegmentName> = legs.map(|(_, segment)| segment).collect();
    let used: BTreeSet<_> = hops.iter().flat_map(|hop| [&hop.segment, &hop.to]).collect();
    for segment in used.into_iter().filter(|segment| !shown.contains(segment)) {
        mistakes.check(check, format!("no flow of `alive` uses `{segment}`"));
    }
}
