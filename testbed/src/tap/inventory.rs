//! Who is who on the wire: addresses and Ethernet addresses of the plan's nodes.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::claims::Allowed;
use super::frame::{Content, Frame};
use crate::names::{LinkName, Mac, NodeName};
use crate::plan::Plan;

/// Addresses to nodes, Ethernet addresses to nodes and links.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    addresses: HashMap<IpAddr, NodeName>,
    macs: HashMap<Mac, Owner>,
    ports: HashMap<LinkName, Mac>,
    /// The Ethernet address that a port's link has while it changes places with another one of its node.
    swapped: HashMap<LinkName, Mac>,
    /// Who may say what to whom.
    pub(super) allowed: Arc<Allowed>,
}

/// Whose Ethernet address it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The node.
    pub node: NodeName,
    /// Its link.
    pub link: LinkName,
    /// The port that the link is plugged into.
    pub port: LinkName,
}

impl Inventory {
    /// The inventory of a plan: its addresses, and the link-local IPv6 address that the kernel makes of each Ethernet
    /// address (RFC 4291, appendix A). Where two links share an address the first in the plan has it.
    pub fn of(plan: &Plan) -> Inventory {
        let mut inventory = Inventory { allowed: Arc::new(Allowed::of(plan)), ..Inventory::default() };
        for node in &plan.nodes {
            for link in &node.links {
                for address in &link.addresses {
                    inventory.addresses.entry(address.addr()).or_insert_with(|| node.name.clone());
                }
                let local = IpAddr::V6(link.mac.link_local());
                inventory.addresses.entry(local).or_insert_with(|| node.name.clone());
                let owner =
                    Owner { node: node.name.clone(), link: link.name.clone(), port: link.port.clone() };
                inventory.macs.entry(link.mac).or_insert(owner);
                inventory.ports.insert(link.port.clone(), link.mac);
                if let Some(partner) = node.partner(link) {
                    inventory.swapped.insert(link.port.clone(), partner.mac);
                }
            }
        }
        inventory
    }

    /// The node that has this address.
    pub fn node(&self, address: IpAddr) -> Option<&NodeName> {
        self.addresses.get(&address)
    }

    /// The Ethernet addresses of the link that is plugged into this port: its own, and the one that it has while it
    /// changes places with another one of its node (a spare).
    pub fn macs(&self, port: &LinkName) -> [Option<Mac>; 2] {
        [self.ports.get(port).copied(), self.swapped.get(port).copied()]
    }

    /// Whether a frame is from a link of the very node that its packet says it is from: neither forged nor passed on.
    pub(super) fn is_own(&self, frame: &Frame<'_>) -> bool {
        let Content::Ip(packet) = &frame.content else { return false };
        let says = self.node(packet.source);
        says.is_some_and(|node| self.owner(frame.source).is_some_and(|owner| owner.node == *node))
    }

    /// The link that has this Ethernet address.
    pub fn owner(&self, mac: Mac) -> Option<&Owner> {
        self.macs.get(&mac)
    }
}
