//! Frames that a node sends into its own segment, with and without tags, and the other segments where none of them may be seen.

use std::collections::BTreeSet;

use super::checks::Known;
use super::kept::tagged;
use super::mistake::Mistakes;
use super::model::{Carries, Hop, Link, Node, Open, StrayFrame, Tag};
use crate::names::{LinkName, Mac, NodeName, SegmentName};
use crate::scenario::model::Check;

/// Nobody has this; a switch that does not know an address passes its frames on to all.
const NOBODY: Mac = Mac([0x02, 0x74, 0x65, 0x73, 0x74, 0xfd]);
/// The Ethernet address of the group of multicast DNS (RFC 6762; RFC 1112, section 6.4).
const GROUP: Mac = Mac([0x01, 0x00, 0x5e, 0x00, 0x00, 0xfb]);

/// From each link of these nodes that is in one of the segments towards every other one of them; from a trunk towards each that it
/// carries, by every tag but that one's own.
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
        for to in segments {
            hops.extend(trunks_to(node, to).filter_map(|trunk| by_trunk(known, (node, trunk), segments, to)));
        }
        if hops.len() == before {
            let name = &node.name;
            let text =
                format!("`{name}` has no link in one of the segments alone, and no trunk for two of them");
            mistakes.check(check, text);
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
        trunk: Vec::new(),
        from_mac: link.mac,
        segment: link.segment.clone(),
        neighbours: neighbours.map(|(_, link)| link.port.clone()).collect(),
        to: to.clone(),
        taps: ports(members),
        judges: ports(&judges),
        frames: frames(known, first.mac),
    })
}

/// The trunks of a node that carry a segment.
fn trunks_to<'n>(node: &'n Node, to: &SegmentName) -> impl Iterator<Item = &'n LinkName> {
    node.links.iter().filter(move |link| link.segment == *to).filter_map(|link| link.trunk.as_ref())
}

/// None where the trunk carries no other of the segments, or nobody is there to look at, but on trunks.
fn by_trunk(
    known: &Known<'_>,
    (node, trunk): (&Node, &LinkName),
    segments: &[SegmentName],
    to: &SegmentName,
) -> Option<Hop> {
    let links: Vec<_> = node.links.iter().filter(|link| link.trunk.as_ref() == Some(trunk)).collect();
    let vlan = |name: &SegmentName| known.site.segments.iter().find(|one| one.name == *name)?.vlan;
    let ports: Vec<_> =
        links.iter().filter_map(|link| Some((vlan(&link.segment)?, link.port.clone()))).collect();
    let other = links.iter().find(|link| link.segment != *to && segments.contains(&link.segment))?;
    let own = vlan(to)?;
    let plugged = |name: &SegmentName| {
        let members = known.ways.members(name).iter().filter(|(member, _)| member.name != node.name);
        members.copied().collect::<Vec<_>>()
    };
    let access = |members: &[(&Node, &Link)]| -> Vec<LinkName> {
        members.iter().filter(|(_, link)| link.trunk.is_none()).map(|(_, link)| link.port.clone()).collect()
    };
    let members = plugged(to);
    let (_, first) = members.iter().find(|(_, link)| link.trunk.is_none())?;
    let is_own = |frame: &StrayFrame| {
        let Carries::Tagged { outer, .. } = &frame.carries else { return false };
        outer.ether_type == Tag::CUSTOMER && outer.number == u16::from(own)
    };
    Some(Hop {
        from: node.name.clone(),
        link: trunk.clone(),
        from_port: links.first()?.port.clone(),
        trunk: ports,
        from_mac: links.first()?.mac,
        segment: other.segment.clone(),
        neighbours: access(&plugged(&other.segment)),
        to: to.clone(),
        taps: members.iter().map(|(_, link)| link.port.clone()).collect(),
        judges: access(&members),
        frames: frames(known, first.mac).into_iter().filter(|frame| !is_own(frame)).collect(),
    })
}

/// Without a tag to everybody, a group, nobody and somebody there; with each kind of tag to everybody and to somebody there.
fn frames(known: &Known<'_>, there: Mac) -> Vec<StrayFrame> {
    let frame = |what: String, dest, carries| StrayFrame { what, dest, carries, at_port: false };
    let plain =
        [("broadcast", Mac::BROADCAST), ("multicast", GROUP), ("to nobody", NOBODY), ("to one there", there)];
    let plain = plain.into_iter().map(|(what, dest)| frame(what.into(), dest, Carries::Unknown));
    let tags = tagged(&known.site.segments);
    let tagged = tags.into_iter().flat_map(|(what, carries)| {
        [
            frame(format!("{what}, broadcast"), Mac::BROADCAST, carries),
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
