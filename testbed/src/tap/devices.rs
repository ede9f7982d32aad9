//! Which device of the fabric is which port.

use std::collections::HashMap;

use super::capture::Port;
use super::frame::Frame;

/// Which device, and which of its tags, is which port; without a tag, whatever the device has that no tag claims.
pub(super) struct Devices(HashMap<(u32, Option<u16>), u16>);

impl Devices {
    pub(super) fn of(ports: &[Port]) -> Devices {
        Devices(ports.iter().zip(0..).map(|(port, index)| ((port.ifindex, port.tag), index)).collect())
    }

    /// The port of a device's frame: by its tag, else that of the device itself.
    pub(super) fn port(&self, ifindex: u32, frame: Option<&Frame<'_>>) -> Option<u16> {
        let own = || self.0.get(&(ifindex, None));
        let tag = frame.and_then(|frame| frame.vlan);
        tag.and_then(|tag| self.0.get(&(ifindex, Some(tag)))).or_else(own).copied()
    }
}
