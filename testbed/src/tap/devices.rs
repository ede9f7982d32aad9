//! Which device of the fabric is which port.

use std::collections::HashMap;

use super::capture::Port;
use super::frame::Frame;

/// Which device, and which of its tags, is which port. What no tag claims is the first port's of the device, so that it
/// is seen somewhere.
pub(super) struct Devices(HashMap<(u32, Option<u16>), u16>);

impl Devices {
    pub(super) fn of(ports: &[Port]) -> Devices {
        let mut devices = HashMap::new();
        for (port, index) in ports.iter().zip(0..) {
            devices.insert((port.ifindex, port.tag), index);
        }
        for (port, index) in ports.iter().zip(0..) {
            devices.entry((port.ifindex, None)).or_insert(index);
        }
        Devices(devices)
    }

    /// The port of a device's frame: by its tag, else that of the device itself.
    pub(super) fn port(&self, ifindex: u32, frame: Option<&Frame<'_>>) -> Option<u16> {
        let own = || self.0.get(&(ifindex, None));
        let tag = frame.and_then(|frame| frame.vlan);
        tag.and_then(|tag| self.0.get(&(ifindex, Some(tag)))).or_else(own).copied()
    }
}
