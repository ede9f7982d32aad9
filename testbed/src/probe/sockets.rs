//! Where packets are put on links.

use std::collections::BTreeMap;

use super::Site;
use crate::kernel::packet::PacketSocket;
use crate::names::{LinkName, NodeName, SegmentName};

/// Packet sockets, one per place, opened when first used.
#[derive(Default)]
pub(super) struct Sockets {
    open: BTreeMap<(String, String), PacketSocket>,
}

impl Sockets {
    pub(super) fn of_link(
        &mut self,
        site: &Site,
        node: &NodeName,
        link: &LinkName,
    ) -> Result<&PacketSocket, String> {
        let place = (node.to_string(), link.to_string());
        self.at(place, || PacketSocket::open(site.lab.node(node), site.lab.number(node, link)))
    }

    pub(super) fn of_bridge(&mut self, site: &Site, segment: &SegmentName) -> Result<&PacketSocket, String> {
        let planned = site.plan.segments.iter().find(|one| one.name == *segment);
        let bridge = planned.expect("an aim's segment is planned").bridge.clone();
        self.of_port(site, &bridge)
    }

    /// Of a port of the fabric, or of a bridge: what is sent there goes to whatever is plugged in.
    pub(super) fn of_port(&mut self, site: &Site, port: &LinkName) -> Result<&PacketSocket, String> {
        self.at((String::new(), port.to_string()), || {
            PacketSocket::open(&site.lab.fabric, site.lab.port(port))
        })
    }

    fn at(
        &mut self,
        place: (String, String),
        open: impl FnOnce() -> Result<PacketSocket, crate::kernel::KernelError>,
    ) -> Result<&PacketSocket, String> {
        if !self.open.contains_key(&place) {
            self.open.insert(place.clone(), open().map_err(|error| error.to_string())?);
        }
        Ok(&self.open[&place])
    }
}
