//! Who advertises itself as an IPv6 router, as it is heard at each link.

use super::capture::Port;
use super::frame::{Content, Frame, Transport};
use super::inventory::Inventory;
use super::sightings::{Direction, Seen};
use crate::names::Mac;
use crate::observation::Advertised;

/// Type of a router advertisement (RFC 4861, section 4.2).
const ADVERTISEMENT: u8 = 134;
/// More than these are not kept: who invents senders is found by the first of them.
const MOST: usize = 1_000;

/// The first advertisement of each sender at each port.
#[derive(Debug, Default)]
pub(super) struct Advertisements(Vec<(u16, Mac, Advertised)>);

impl Advertisements {
    /// Takes a frame that is handed to a node.
    pub(super) fn take(&mut self, frame: &Frame<'_>, seen: Seen, port: &Port, inventory: &Inventory) {
        let Content::Ip(packet) = &frame.content else { return };
        let Transport::Icmp(icmp) = packet.transport else { return };
        let heard = seen.direction == Direction::ToNode && packet.source.is_ipv6();
        let known = |(at, from, _): &(u16, Mac, Advertised)| *at == seen.port && *from == frame.source;
        if !heard || icmp.kind != ADVERTISEMENT || self.0.len() >= MOST || self.0.iter().any(known) {
            return;
        }
        let from = inventory.owner(frame.source).map(|owner| owner.node.clone());
        let (node, link) = (port.node.clone(), port.link.clone());
        let first = Advertised { node, link, from, mac: frame.source, packet: seen.packet };
        self.0.push((seen.port, frame.source, first));
    }

    /// The end of a stretch: all that it had.
    pub(super) fn turn(&mut self) -> Vec<Advertised> {
        std::mem::take(&mut self.0).into_iter().map(|(_, _, one)| one).collect()
    }
}
