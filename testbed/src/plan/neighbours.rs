//! Neighbours that are fixed: in a large segment nobody has to ask by ARP or ND whose an address is.
//!
//! The kernel has one limit for what all namespaces of the machine have learned (`gc_thresh3`, 1024 entries,
//! Documentation/networking/ip-sysctl.rst); above it questions fail, and a packet that nobody could send looks like one
//! that was stopped. Fixed entries are not counted. Those are fixed for each other who talk: ends of flows, of a check's
//! conversations and attacks, and the routers on the way; all pairs of a thousand nodes would be a million entries.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::model::{Check, Flow, Link, Node, Segment, Word};
use super::ways::Ways;
use crate::names::{LinkName, Mac, NodeName};
use crate::scenario::model::{Neighbours, Site};

/// Links of a segment that learn their neighbours unless the scenario says otherwise: with more, a site and its open copy
/// come near the kernel's limit.
pub(super) const MOST_LEARNED: usize = 128;

/// Decides which segments have fixed neighbours: as the scenario says, else those with more links than
/// [`MOST_LEARNED`].
pub(super) fn choose(site: &Site, segments: &mut [Segment], nodes: &[Node]) {
    let mut plugged: BTreeMap<_, usize> = BTreeMap::new();
    for link in nodes.iter().flat_map(|node| &node.links) {
        *plugged.entry(&link.segment).or_default() += 1;
    }
    for segment in segments {
        let written = site.segments.get(&segment.name).and_then(|one| one.neighbours);
        let many = plugged.get(&segment.name).is_some_and(|links| *links > MOST_LEARNED);
        segment.fixed = written.map_or(many, |written| written == Neighbours::Static);
    }
}

/// Gives every link in a segment with fixed neighbours those that it talks with.
pub(super) fn fix(nodes: &mut [Node], segments: &[Segment], flows: &[Flow], checks: &[Check]) {
    if !segments.iter().any(|segment| segment.fixed) {
        return;
    }
    let mut known = Known { ways: &Ways::new(nodes), segments, links: BTreeMap::new() };
    nodes.iter().for_each(|node| node.routes.iter().for_each(|route| known.talk(node, route.via)));
    nodes.iter().for_each(|node| node.nameservers.iter().for_each(|server| known.talk(node, *server)));
    for pair in flows.iter().flat_map(|flow| &flow.pairs) {
        known.talk_by_name(&pair.from, &pair.addresses);
    }
    for check in checks {
        known.talk_for(check);
    }
    let mut links = known.links;
    for node in nodes {
        for link in &mut node.links {
            let found = links.remove(&(node.name.clone(), link.name.clone()));
            link.neighbours = found.unwrap_or_default().into_iter().collect();
        }
    }
}

struct Known<'a, 'w> {
    ways: &'w Ways<'a>,
    segments: &'w [Segment],
    /// The neighbours of each link, by address.
    links: BTreeMap<(NodeName, LinkName), BTreeMap<IpAddr, Mac>>,
}

impl<'a> Known<'a, '_> {
    fn talk_for(&mut self, check: &Check) {
        match &check.word {
            Word::Reach { opens } => {
                opens.iter().for_each(|open| self.talk_by_name(&open.from, &[open.address]));
            }
            Word::NoReach { aims, alive, .. } => {
                alive.iter().for_each(|open| self.talk_by_name(&open.from, &[open.address]));
                for aim in aims {
                    self.talk_by_name(&aim.from, &[aim.address]);
                    self.talk_by_name(&aim.next_node, &[aim.address]);
                }
            }
            Word::Matrix { aims, opens, .. } => {
                opens.iter().for_each(|(open, _)| self.talk_by_name(&open.from, &[open.address]));
                for aim in aims {
                    self.talk_by_name(&aim.from, &[aim.address]);
                    self.talk_by_name(&aim.next_node, &[aim.address]);
                }
            }
            _ => {}
        }
    }

    fn talk_by_name(&mut self, from: &NodeName, to: &[IpAddr]) {
        if let Some(node) = self.ways.node(from) {
            to.iter().for_each(|address| self.talk(node, *address));
        }
    }

    /// Whoever lies on the way from a node to an address, and on the way back, knows who comes next.
    fn talk(&mut self, from: &'a Node, to: IpAddr) {
        let Some(legs) = self.ways.legs(from, to) else { return };
        for pair in legs.chunks_exact(2) {
            let (one, segment) = pair[0];
            let (other, _) = pair[1];
            if self.segments.iter().any(|known| known.fixed && known.name == *segment) {
                let links = |node| self.ways.node(node).into_iter().flat_map(|node: &Node| &node.links);
                let here = |link: &&Link| link.segment == *segment;
                let (ones, others): (Vec<_>, Vec<_>) =
                    (links(one).filter(here).collect(), links(other).filter(here).collect());
                self.know(one, &ones, &others);
                self.know(other, &others, &ones);
            }
        }
    }

    fn know(&mut self, node: &NodeName, own: &[&Link], others: &[&Link]) {
        for link in own {
            let known = self.links.entry((node.clone(), link.name.clone())).or_default();
            for other in others {
                known.extend(other.addresses.iter().map(|net| (net.addr(), other.mac)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::star;
    use super::*;

    fn neighbours(hosts: usize) -> Vec<(String, usize)> {
        let plan = star(hosts);
        let of = |node: &Node| node.links.iter().map(|link| link.neighbours.len()).sum();
        plan.nodes.iter().map(|node| (node.name.to_string(), of(node))).collect()
    }

    #[test]
    fn in_a_segment_of_ordinary_size_all_is_learned() {
        assert!(neighbours(MOST_LEARNED - 1).iter().all(|(_, known)| *known == 0));
    }

    #[test]
    fn in_a_large_one_who_talks_knows_the_other_and_nobody_else() {
        for (name, known) in neighbours(MOST_LEARNED) {
            let expected = match name.as_str() {
                "rtr" => MOST_LEARNED,
                // Its own segment is small.
                "srv" => 0,
                _ => 1,
            };
            assert_eq!(known, expected, "{name}");
        }
    }

    #[test]
    fn the_open_copy_knows_them_too() {
        let plan = star(MOST_LEARNED).opened();
        let host = plan.nodes.iter().find(|node| node.name.as_str() == "h-7").unwrap();
        let router = plan.nodes.iter().find(|node| node.name.as_str() == "rtr").unwrap();
        let hosts = router.links.iter().find(|link| link.segment.as_str() == "hosts").unwrap();
        assert_eq!(host.links[0].neighbours, [(hosts.addresses[0].addr(), hosts.mac)]);
        assert!(hosts.neighbours.contains(&(host.links[0].addresses[0].addr(), host.links[0].mac)));
    }
}
