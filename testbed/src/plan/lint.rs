//! What the rules on the drawing look at: to which networks each developer kit is joined, and where its flows lead.

use std::net::IpAddr;

use super::checks::Known;
use super::model::{Flow, FlowPair, Joined, Kit, KitFlow};
use super::ways::is_router;
use crate::names::{NodeName, SegmentName};
use crate::scenario::lint::Zone;
use crate::scenario::model::Kind;

/// Every kit of the site.
pub(super) fn kits(known: &Known<'_>) -> Vec<Kit> {
    let nodes = known.scenario.site.nodes.values();
    let kits = nodes.filter(|node| matches!(&node.kind, Kind::Appliance(appliance) if appliance.kit));
    kits.map(|node| Kit {
        node: node.name.clone(),
        joins: node
            .links
            .iter()
            .map(|link| Joined {
                link: link.name.clone(),
                segment: link.segment.clone(),
                zones: zones(known, &link.segment),
            })
            .collect(),
        flows: known.flows.iter().flat_map(|flow| flows_of(known, flow, &node.name)).collect(),
    })
    .collect()
}

fn zones(known: &Known<'_>, segment: &SegmentName) -> Vec<Zone> {
    known.scenario.site.segments.get(segment).map(|segment| segment.zones.clone()).unwrap_or_default()
}

/// Where a flow leads the kit to, or whom it lets in.
fn flows_of(known: &Known<'_>, flow: &Flow, kit: &NodeName) -> Vec<KitFlow> {
    let mut found: Vec<KitFlow> = Vec::new();
    for pair in flow.pairs.iter().filter(|pair| pair.from == *kit || pair.to == *kit) {
        let outwards = pair.from == *kit;
        let peer = if outwards { &pair.to } else { &pair.from };
        for segment in segments_of(known, pair, outwards) {
            let zones = zones(known, &segment);
            let (id, peer) = (flow.id.clone(), peer.clone());
            let one = KitFlow { flow: id, peer, outwards, segment, zones };
            if !found.contains(&one) {
                found.push(one);
            }
        }
    }
    found
}

/// The segments of the other end: those of the addresses that answer; of who opens, all that it has a link in, but of
/// a router, which stands between networks, none.
fn segments_of(known: &Known<'_>, pair: &FlowPair, outwards: bool) -> Vec<SegmentName> {
    if outwards {
        let of = |address: &IpAddr| known.ways.owner(*address).map(|(_, link)| link.segment.clone());
        return pair.addresses.iter().filter_map(of).collect();
    }
    let opener = known.ways.node(&pair.from).filter(|node| !is_router(node));
    opener.map(|node| node.links.iter().map(|link| link.segment.clone()).collect()).unwrap_or_default()
}
