//! Where a packet goes: who has an address, by which link a node routes, which devices lie on the way.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

use ipnet::IpNet;

use super::model::{Link, Node, Role};
use crate::names::{NodeName, SegmentName};

/// Nodes, found by name, by address and by segment.
pub(super) struct Ways<'a> {
    names: BTreeMap<&'a NodeName, &'a Node>,
    owners: BTreeMap<IpAddr, (&'a Node, &'a Link)>,
    members: BTreeMap<&'a SegmentName, Vec<(&'a Node, &'a Link)>>,
}

/// How a node's own routing table sends to an address.
pub(super) struct Way<'a> {
    /// Out of this link.
    pub(super) link: &'a Link,
    /// To this router; none: straight to the address.
    pub(super) via: Option<IpAddr>,
}

/// A node at one of its segments, on the way of a packet.
pub(super) type Leg<'a> = (&'a NodeName, &'a SegmentName);

impl<'a> Ways<'a> {
    /// Looks the nodes up.
    pub(super) fn new(nodes: &'a [Node]) -> Self {
        let mut ways = Ways { names: BTreeMap::new(), owners: BTreeMap::new(), members: BTreeMap::new() };
        for node in nodes {
            ways.names.insert(&node.name, node);
            for link in &node.links {
                ways.members.entry(&link.segment).or_default().push((node, link));
                ways.owners.extend(link.addresses.iter().map(|net| (net.addr(), (node, link))));
            }
        }
        ways
    }

    /// The node of that name.
    pub(super) fn node(&self, name: &NodeName) -> Option<&'a Node> {
        self.names.get(name).copied()
    }

    /// Who has the address, and at which link.
    pub(super) fn owner(&self, address: IpAddr) -> Option<(&'a Node, &'a Link)> {
        self.owners.get(&address).copied()
    }

    /// Who is plugged into a segment, in the order of the nodes.
    pub(super) fn members(&self, segment: &SegmentName) -> &[(&'a Node, &'a Link)] {
        self.members.get(segment).map_or(&[], Vec::as_slice)
    }

    /// Every segment with the subnets that its members' addresses are in.
    pub(super) fn subnets(&self) -> BTreeMap<&'a SegmentName, BTreeSet<IpNet>> {
        let of = |links: &[(&Node, &Link)]| {
            links.iter().flat_map(|(_, link)| &link.addresses).map(IpNet::trunc).collect()
        };
        self.members.iter().map(|(name, links)| (*name, of(links))).collect()
    }

    /// The route of the node: its own subnets and its routes, longest prefix first.
    pub(super) fn way(&self, node: &'a Node, to: IpAddr) -> Option<Way<'a>> {
        let own = node.links.iter().flat_map(|link| link.addresses.iter().map(move |net| (link, net)));
        let own = own.filter(|(_, net)| net.contains(&to)).map(|(link, net)| (*net, link, None));
        let routed = node.routes.iter().filter(|route| route.to.contains(&to)).filter_map(|route| {
            let (link, _) = beside(node, route.via)?;
            Some((route.to, link, Some(route.via)))
        });
        let longest = own.chain(routed).enumerate();
        // The first of several that are equally long, as the kernel takes it.
        let longest = longest.max_by_key(|(at, (to, ..))| (to.prefix_len(), std::cmp::Reverse(*at)));
        longest.map(|(_, (_, link, via))| Way { link, via })
    }

    /// The legs that a packet passes from `from` to the address, first and last node included; none if it does not
    /// get there by the nodes' routes and forwarding.
    pub(super) fn legs(&self, from: &'a Node, to: IpAddr) -> Option<Vec<Leg<'a>>> {
        let hops = self.hops(from, to)?;
        Some(hops.into_iter().map(|(node, link)| (&node.name, &link.segment)).collect())
    }

    /// The links that it passes, each with its node; as [`Ways::legs`].
    pub(super) fn hops(&self, from: &'a Node, to: IpAddr) -> Option<Vec<(&'a Node, &'a Link)>> {
        let mut here = from;
        let mut hops = Vec::new();
        let mut passed = BTreeSet::new();
        while !has(here, to) {
            let turned_back = !passed.insert(&here.name);
            if turned_back || (here.name != from.name && !here.forwards) {
                return None;
            }
            let way = self.way(here, to)?;
            let (next, link) = self.owner(way.via.unwrap_or(to))?;
            hops.extend([(here, way.link), (next, link)]);
            here = next;
        }
        Some(hops)
    }

    /// How many devices that `may_forward` lie between each segment and `target`, for the segments that have a way.
    pub(super) fn distances(
        &self,
        target: &'a SegmentName,
        may_forward: impl Fn(&Node) -> bool,
    ) -> BTreeMap<&'a SegmentName, usize> {
        let mut distances = BTreeMap::from([(target, 0)]);
        let mut waiting = VecDeque::from([(target, 0)]);
        while let Some((segment, far)) = waiting.pop_front() {
            let forwarders = self.members(segment).iter().filter(|(node, _)| may_forward(node));
            for link in forwarders.flat_map(|(node, _)| &node.links) {
                distances.entry(&link.segment).or_insert_with(|| {
                    waiting.push_back((&link.segment, far + 1));
                    far + 1
                });
            }
        }
        distances
    }

    /// The neighbour that is the next one of a shortest way from `node` to the segment: the node's link, and the
    /// neighbour with its link in the same segment. None if there is no way or the node is in that segment.
    pub(super) fn neighbour_towards(
        &self,
        node: &'a Node,
        target: &'a SegmentName,
        may_forward: impl Fn(&Node) -> bool,
    ) -> Option<(&'a Link, &'a Node, &'a Link)> {
        let distances = self.distances(target, &may_forward);
        let known = node.links.iter().filter_map(|link| Some((distances.get(&link.segment)?, link)));
        let (far, own) = known.min_by_key(|(far, _)| **far)?;
        let closer = |other: &Node| {
            other.name != node.name
                && may_forward(other)
                && other.links.iter().any(|link| distances.get(&link.segment).is_some_and(|one| one < far))
        };
        let (next, link) = self.members(&own.segment).iter().find(|(other, _)| closer(other))?;
        Some((own, next, link))
    }
}

/// The node's own link and network that an address is directly beside.
pub(super) fn beside(node: &Node, address: IpAddr) -> Option<(&Link, &IpNet)> {
    let own = node.links.iter().flat_map(|link| link.addresses.iter().map(move |net| (link, net)));
    own.filter(|(_, net)| net.contains(&address)).max_by_key(|(_, net)| net.prefix_len())
}

/// Whether the address is the node's own.
pub(super) fn has(node: &Node, address: IpAddr) -> bool {
    addresses(node).any(|own| own == address)
}

/// All of a node's addresses, in the order of its links.
pub(super) fn addresses(node: &Node) -> impl Iterator<Item = IpAddr> {
    node.links.iter().flat_map(|link| &link.addresses).map(IpNet::addr)
}

/// Whether the node has an address of the same family.
pub(super) fn speaks(node: &Node, address: IpAddr) -> bool {
    addresses(node).any(|own| own.is_ipv4() == address.is_ipv4())
}

/// Whether the two have links in one segment.
pub(super) fn share(one: &Node, segment: &SegmentName) -> bool {
    one.links.iter().any(|link| link.segment == *segment)
}

/// Whether the node is a router of the site.
pub(super) fn is_router(node: &Node) -> bool {
    node.role == Role::Router
}
