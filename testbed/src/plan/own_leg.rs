//! Who is asked, at one leg of a node, for the addresses of its other legs, and by which neighbour.

use std::net::IpAddr;

use ipnet::IpNet;

use super::checks::Known;
use super::mistake::Mistakes;
use super::model::{Link, Node, Questions};
use super::ways::Ways;
use crate::names::{LinkName, NodeName};
use crate::scenario::model::Check;

/// For each of these nodes, each of its legs and each family: what a neighbour there asks.
pub(super) fn questions(
    check: &Check,
    known: &Known<'_>,
    of: &[NodeName],
    mistakes: &mut Mistakes,
) -> Vec<Questions> {
    let mut all = Vec::new();
    for node in of.iter().filter_map(|name| known.ways.node(name)) {
        let before = all.len();
        for leg in &node.links {
            for family in [IpAddr::is_ipv4, IpAddr::is_ipv6] {
                let others = others(node, leg, family);
                let Some(own) = leg.addresses.iter().find(|net| family(&net.addr())) else { continue };
                if others.is_empty() {
                    continue;
                }
                match neighbour(known.ways, node, leg, own) {
                    Some((asker, link, source)) => all.push(Questions {
                        node: node.name.clone(),
                        leg: (leg.name.clone(), leg.port.clone()),
                        leg_mac: leg.mac,
                        from: asker.name.clone(),
                        link: link.name.clone(),
                        from_port: link.port.clone(),
                        from_mac: link.mac,
                        source,
                        own: own.addr(),
                        others,
                    }),
                    None => mistakes.check(
                        check,
                        format!("`{}` has no neighbour at {} that could ask it", node.name, leg.name),
                    ),
                }
            }
        }
        if all.len() == before {
            let name = &node.name;
            mistakes.check(check, format!("`{name}` has no two legs with addresses of one family"));
        }
    }
    all
}

/// The addresses of the node's other legs, in other segments.
fn others(node: &Node, leg: &Link, family: fn(&IpAddr) -> bool) -> Vec<(LinkName, IpAddr)> {
    let links = node.links.iter().filter(|link| link.segment != leg.segment);
    let addresses = links.flat_map(|link| link.addresses.iter().map(|net| (link.name.clone(), net.addr())));
    addresses.filter(|(_, address)| family(address)).collect()
}

/// Somebody else there with an address in the same subnet.
fn neighbour<'a>(
    ways: &Ways<'a>,
    node: &Node,
    leg: &Link,
    own: &IpNet,
) -> Option<(&'a Node, &'a Link, IpAddr)> {
    let others = ways.members(&leg.segment).iter().filter(|(other, _)| other.name != node.name);
    others.copied().find_map(|(other, link)| {
        let source = link.addresses.iter().map(IpNet::addr).find(|address| own.contains(address))?;
        Some((other, link, source))
    })
}
