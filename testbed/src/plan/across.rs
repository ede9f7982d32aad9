//! Frames that must not get through a node below IP: from a neighbour of each of its links towards every other link.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use super::checks::Known;
use super::kept;
use super::mistake::Mistakes;
use super::model::{Carries, Crossing, Link, Node, Open, StrayFrame};
use super::ways::Ways;
use crate::names::{Mac, NodeName};
use crate::scenario::model::Check;

/// Nobody has these; a bridge that does not know an address passes its frames on to all.
const NOBODY: Mac = Mac([0x02, 0x74, 0x65, 0x73, 0x74, 0xfd]);
const BROADCAST: Mac = Mac([0xff; 6]);
/// The group of multicast DNS (RFC 6762), and its Ethernet address (RFC 1112, section 6.4).
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const GROUP_MAC: Mac = Mac([0x01, 0x00, 0x5e, 0x00, 0x00, 0xfb]);

/// Every way from one link of these nodes to another that is in another segment.
pub(super) fn crossings(
    check: &Check,
    known: &Known<'_>,
    of: &[NodeName],
    mistakes: &mut Mistakes,
) -> Vec<Crossing> {
    let mut crossings = Vec::new();
    for node in of.iter().filter_map(|name| known.ways.node(name)) {
        for enters in &node.links {
            let Some((from, link)) = neighbour(known.ways, node, enters) else {
                let (name, link) = (&node.name, &enters.name);
                mistakes.check(check, format!("`{name}` has no neighbour at {link} that could send to it"));
                continue;
            };
            let others = node.links.iter().filter(|leaves| leaves.segment != enters.segment);
            crossings.extend(others.map(|leaves| {
                Crossing {
                    node: node.name.clone(),
                    enters: (enters.name.clone(), enters.port.clone()),
                    leaves: (leaves.name.clone(), leaves.port.clone()),
                    leaves_mac: leaves.mac,
                    from: from.name.clone(),
                    link: link.name.clone(),
                    from_port: link.port.clone(),
                    from_mac: link.mac,
                    frames: [
                        frames(link, enters, leaves, neighbour(known.ways, node, leaves)),
                        kept::frames(&known.site.segments, enters, leaves),
                    ]
                    .concat(),
                }
            }));
        }
    }
    crossings
}

fn neighbour<'a>(ways: &Ways<'a>, node: &Node, link: &Link) -> Option<(&'a Node, &'a Link)> {
    ways.members(&link.segment).iter().find(|(other, _)| other.name != node.name).copied()
}

/// What a bridge would pass on, and what a careless one might.
fn frames(from: &Link, enters: &Link, leaves: &Link, far: Option<(&Node, &Link)>) -> Vec<StrayFrame> {
    let frame = |what: String, dest, carries| StrayFrame { what, dest, carries, at_port: false };
    let unknown = Carries::Unknown;
    let mut frames = vec![
        frame(format!("to {}'s own address", enters.name), enters.mac, unknown),
        frame(format!("to {}'s address", leaves.name), leaves.mac, unknown),
        frame("to nobody".into(), NOBODY, unknown),
        frame("to nobody (IEEE 802.2)".into(), NOBODY, Carries::Llc),
        frame("broadcast".into(), BROADCAST, unknown),
        frame("multicast".into(), GROUP_MAC, unknown),
    ];
    if let Some((node, link)) = far {
        frames.push(frame(format!("to {}", node.name), link.mac, unknown));
    }
    let Some(source) = first_ip4(from) else { return frames };
    let udp = |dest: IpAddr| Carries::Udp { source, dest };
    frames.push(frame("broadcast (IPv4)".into(), BROADCAST, udp(Ipv4Addr::BROADCAST.into())));
    frames.push(frame("multicast (IPv4)".into(), GROUP_MAC, udp(GROUP.into())));
    if let Some((node, link, dest)) = far.and_then(|(node, link)| Some((node, link, first_ip4(link)?))) {
        frames.push(frame(format!("to {} (IPv4)", node.name), link.mac, udp(dest)));
    }
    frames
}

fn first_ip4(link: &Link) -> Option<IpAddr> {
    link.addresses.iter().map(ipnet::IpNet::addr).find(IpAddr::is_ipv4)
}

/// Refuses an `alive` that would be green with a dead link: a conversation must use each of them.
pub(super) fn cover(
    check: &Check,
    known: &Known<'_>,
    crossings: &[Crossing],
    opens: &[Open],
    mistakes: &mut Mistakes,
) {
    let ways = known.ways;
    let legs = opens.iter().filter_map(|open| ways.legs(ways.node(&open.from)?, open.address)).flatten();
    let shown: BTreeSet<_> = legs.collect();
    let mut told = BTreeSet::new();
    for crossing in crossings {
        let Some(node) = ways.node(&crossing.node) else { continue };
        let link = node.links.iter().find(|link| link.name == crossing.enters.0);
        if let Some(link) = link.filter(|link| !shown.contains(&(&node.name, &link.segment)))
            && told.insert((&node.name, &link.name))
        {
            let (name, link) = (&node.name, &link.name);
            mistakes.check(check, format!("no flow of `alive` uses {link} of `{name}`"));
        }
    }
}
