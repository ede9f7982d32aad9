//! The packets that the model itself would send: of each cell, its edges.

use std::collections::BTreeMap;

use super::craft::HOST;
use super::packets::{Chance, Sent, beside};
use crate::model::partition::{Cell, IpFamily, Lane};
use crate::model::{Ethernet, Model};
use crate::plan::{Node, Plan};

/// So many at most of one rule set.
const MOST: usize = 600;

/// From beside the first link to beside the second, and to the node itself: the edges of every cell, or of every few.
pub(super) fn edges(plan: &Plan, node: &Node, listing: &str, seed: u64) -> Vec<Sent> {
    let model = Model::of(plan, &BTreeMap::from([(node.name.clone(), listing)])).unwrap();
    let (first, second) = (&node.links[0], &node.links[node.links.len() - 1]);
    let mut all = Vec::new();
    for six in [false, true] {
        let own = first.addresses.iter().map(|net| net.addr()).find(|own| own.is_ipv6() == six);
        let ends = (beside(first, six, &mut Chance(seed)), beside(second, six, &mut Chance(seed)), own);
        let (Some(source), other, Some(own)) = ends else { continue };
        let family = if six { IpFamily::V6 } else { IpFamily::V4 };
        for destination in other.into_iter().chain([own]) {
            let (from, link) = (node.name.clone(), first.name.clone());
            let lane = Lane { from, link, source, to: node.name.clone(), destination, over: None };
            for (number, extent) in (seed..).zip(model.extents(family)) {
                let cell = Cell { lane: lane.clone(), extent };
                let ethernet = Ethernet { source: HOST, destination: first.mac };
                let sent = |packet| Sent { link: first.name.to_string(), packet, ethernet, in_pieces: false };
                let probes = cell.probes(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
                all.extend(probes.into_iter().map(|probe| sent(probe.packet)));
            }
        }
    }
    let step = all.len().div_ceil(MOST).max(1);
    all.into_iter().step_by(step).collect()
}
