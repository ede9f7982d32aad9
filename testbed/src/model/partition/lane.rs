//! From which address to which, and by which link: what cells have in common.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::model::Model;
use crate::model::packet::Packet;
use crate::model::predict::{Probe, Raw, Sent};
use crate::model::routes::Tables;
use crate::names::{LinkName, Mac, NodeName};
use crate::plan::{Link, Node};

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the two there are")]
pub enum IpFamily {
    V4,
    V6,
}

/// An attacker's address and link, and a target's address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Lane {
    /// Who sends, past its own routes and rules.
    pub from: NodeName,
    /// By which link.
    pub link: LinkName,
    /// With which of its addresses there.
    pub source: IpAddr,
    /// To whom.
    pub to: NodeName,
    /// At which address.
    pub destination: IpAddr,
    /// The device whose Ethernet address the frames have, where no route of the sender's leads there.
    pub over: Option<Mac>,
}

impl Lane {
    /// A packet on this lane.
    pub fn probe(&self, packet: Packet) -> Probe {
        let raw = Raw { link: self.link.clone(), to: self.over, forged: None };
        Probe { from: self.from.clone(), sent: Sent::Raw(raw), packet }
    }
}

impl Model<'_> {
    /// Every lane from one node to another: each address of the sender's with each of the target's. Where the sender has no
    /// route by that link, over each device in the segment that forwards.
    pub fn lanes(&self, from: &NodeName, to: &NodeName, family: IpFamily) -> Vec<Lane> {
        let (Some(sender), Some(target)) = (self.node(from), self.node(to)) else { return Vec::new() };
        let fits = |address: &IpAddr| address.is_ipv4() == (family == IpFamily::V4);
        let addresses = |link: &Link| -> Vec<IpAddr> {
            link.addresses.iter().map(|net| net.addr()).filter(fits).collect()
        };
        let mut lanes = Vec::new();
        for link in &sender.links {
            for source in addresses(link) {
                for destination in target.links.iter().flat_map(addresses) {
                    let (from, to) = (from.clone(), to.clone());
                    let lane = Lane { from, link: link.name.clone(), source, to, destination, over: None };
                    lanes.extend(
                        self.ways_of(sender, link, &lane)
                            .into_iter()
                            .map(|over| Lane { over, ..lane.clone() }),
                    );
                }
            }
        }
        lanes
    }

    fn ways_of(&self, sender: &Node, link: &Link, lane: &Lane) -> Vec<Option<Mac>> {
        if Tables::of(sender).way(lane.source, lane.destination, Some(link)).is_ok() {
            return vec![None];
        }
        let others = self.plan().nodes.iter().filter(|node| node.forwards && node.name != sender.name);
        let links = others.flat_map(|node| &node.links).filter(|other| other.segment == link.segment);
        links.map(|other| Some(other.mac)).collect()
    }
}
