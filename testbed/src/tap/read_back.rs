//! A capture file, read again frame by frame by the [`Reading`] that a live tap has, so that it tells the same.
//!
//! The file may come from anywhere, so nothing in it is believed: a block must fit a buffer of fixed size, interfaces
//! must be the plan's ports in their order, and a packet must say at which of them it was seen, which way, and when.

use std::io::Read;

use pcap_file::DataLink;
use pcap_file::pcapng::blocks::block_common::{
    ENHANCED_PACKET_BLOCK, INTERFACE_DESCRIPTION_BLOCK, PACKET_BLOCK, RawBlock, SECTION_HEADER_BLOCK,
    SIMPLE_PACKET_BLOCK,
};
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
};
use pcap_file::pcapng::{Block, PcapNgReadError, PcapNgReader, PcapNgState};

use super::answers::Part;
use super::capture::{Captured, Port};
use super::expected::Expected;
use super::file;
use super::frame::Frame;
use super::inventory::Inventory;
use super::reading::Reading;
use super::runs::{Head, Passed, Place};
use super::sightings::{Direction, Seen, Sightings};
use crate::observation::TapHealth;

/// Bytes of the file that are held at a time; a block must fit. The largest frame of the kernel's takes a quarter of it.
const HELD: usize = 256 * 1024;

/// What a capture file tells.
#[derive(Debug, Default)]
pub struct ReadBack {
    /// What was captured. How the tap did is not in the file: `health` counts the frames that are.
    pub captured: Captured,
    /// True if the file ends in the middle of a block; what stands before that was read.
    pub cut: bool,
}

/// What else is known of what a capture file holds: nothing, where nothing was sent in bulk.
#[derive(Debug, Default)]
pub struct Counted {
    /// What was sent in bulk.
    pub expected: Expected,
    /// What was counted of it instead of stored, as it was noted.
    pub passed: Vec<Passed>,
}

/// Why a capture cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// The file: what is wrong, and behind which packet.
    File(String),
    /// What was counted does not fit what the file holds: which of it, from 0, and why.
    Counted(usize, String),
}

impl From<String> for Unreadable {
    fn from(text: String) -> Self {
        Unreadable::File(text)
    }
}

/// Reads a capture file of a site with these ports, in this order, whose probes have this key. What was counted counts as
/// frames of it, in its place.
///
/// Errors: what is wrong.
pub fn read_back(
    from: impl Read,
    ports: Vec<Port>,
    inventory: Inventory,
    key: u32,
    counted: Counted,
) -> Result<ReadBack, Unreadable> {
    let mut taken = Taken::new(ports, inventory, key, counted);
    let cut = take_all(from, &mut taken)?;
    // What was counted behind the last packet; a file that was cut has lost what the rest belongs to.
    if !cut {
        taken.pass_before(taken.packets + 1)?;
        taken.all_passed()?;
    }
    let health = TapHealth { frames: taken.packets + taken.followed, ..TapHealth::default() };
    Ok(ReadBack { captured: taken.reading.finish(health, taken.sightings), cut })
}

/// Takes block by block; whether the file ends in the middle of one.
fn take_all(from: impl Read, taken: &mut Taken) -> Result<bool, Unreadable> {
    let mut reader = match PcapNgReader::with_capacity(from, HELD) {
        Ok(reader) => reader,
        Err(error) => return Err(format!("it does not begin as pcapng does: {error}").into()),
    };
    while let Some(next) = reader.next_raw_block() {
        let (block, state) = match next {
            Ok(next) => next,
            Err(error) if is_end(&error) => return Ok(taken.all_interfaces().map(|()| true)?),
            Err(error) => return Err(taken.after(&error.to_string()).into()),
        };
        if block.type_ == ENHANCED_PACKET_BLOCK {
            taken.pass_before(taken.packets + 1)?;
        }
        taken.take(block, state).map_err(|text| taken.after(&text))?;
    }
    Ok(taken.all_interfaces().map(|()| false)?)
}

/// The end of the file, or of the room for a block.
fn is_end(error: &PcapNgReadError) -> bool {
    matches!(error, PcapNgReadError::Io(cause) if cause.kind() == std::io::ErrorKind::UnexpectedEof)
}

/// What was taken so far.
struct Taken {
    reading: Reading,
    sightings: Sightings,
    interfaces: usize,
    packets: u64,
    counted: Counted,
    /// How many of the notes of what was counted are taken.
    passed: usize,
    /// How many frames those stand for.
    followed: u64,
}

impl Taken {
    fn new(ports: Vec<Port>, inventory: Inventory, key: u32, counted: Counted) -> Taken {
        let sightings = Sightings::at_ports(ports.iter().map(|port| port.name.clone()).collect());
        let reading = Reading::new(ports, inventory, key);
        Taken { reading, sightings, interfaces: 0, packets: 0, counted, passed: 0, followed: 0 }
    }

    /// Takes what was counted before the packet with this number.
    fn pass_before(&mut self, packet: u64) -> Result<(), Unreadable> {
        while let Some(passed) = self.counted.passed.get(self.passed).filter(|one| one.before == packet) {
            let passed = *passed;
            self.pass(&passed).map_err(|text| Unreadable::Counted(self.passed, text))?;
            self.reading.runs.note(packet);
            self.passed += 1;
        }
        Ok(())
    }

    /// Takes frames that were not stored, made again as they were sent.
    fn pass(&mut self, passed: &Passed) -> Result<(), String> {
        let Passed { run, first, count, until, .. } = *passed;
        let Some(((port, direction), head)) = self.reading.runs.of(run) else {
            return Err(format!("packet {run} of the capture begins no run that goes on here"));
        };
        if head.next != first || until < head.at {
            return Err(format!("it does not go on where packet {run} of the capture ends"));
        }
        for n in (first..).take(count as usize) {
            let goes_on = self.reading.runs.follow((port, direction), n, head.vlan, until);
            let (Some(at), Some(bytes)) = (goes_on, head.known.frame(n)) else {
                return Err(format!("probe {n} would be in the capture, if it had been seen there"));
            };
            let Some(mut frame) = Frame::of(&bytes) else { return Err(format!("probe {n} is no frame")) };
            frame.vlan = head.vlan;
            let part = self.reading.part(&frame);
            if part != Part::Probe(n) {
                return Err(format!("probe {n} would be an answer to itself"));
            }
            let fresh = self.reading.take(&frame, part, Seen { packet: 0, at, port, direction });
            fresh.into_iter().for_each(|fresh| fresh.following().add_to(&mut self.sightings));
            self.followed += 1;
        }
        Ok(())
    }

    /// Whatever was counted was counted somewhere.
    fn all_passed(&self) -> Result<(), Unreadable> {
        let left = self.counted.passed.get(self.passed);
        left.map_or(Ok(()), |passed| {
            let text = format!("nothing can be before packet {} of the capture", passed.before);
            Err(Unreadable::Counted(self.passed, text))
        })
    }

    fn after(&self, text: &str) -> String {
        format!("after packet {}: {text}", self.packets)
    }

    fn take(&mut self, block: RawBlock<'_>, state: &PcapNgState) -> Result<(), String> {
        match block.type_ {
            ENHANCED_PACKET_BLOCK => match block.try_into_block(state).map_err(|error| error.to_string())? {
                Block::EnhancedPacket(packet) => self.packet(&packet),
                _ => Err("a packet that reads as something else".into()),
            },
            INTERFACE_DESCRIPTION_BLOCK => {
                match block.try_into_block(state).map_err(|error| error.to_string())? {
                    Block::InterfaceDescription(interface) => self.interface(&interface),
                    _ => Err("an interface that reads as something else".into()),
                }
            }
            SECTION_HEADER_BLOCK => Err("a second section begins".into()),
            PACKET_BLOCK | SIMPLE_PACKET_BLOCK => Err("a packet without direction or time".into()),
            // Names, statistics, and what other programs add.
            _ => Ok(()),
        }
    }

    fn interface(&mut self, interface: &InterfaceDescriptionBlock<'_>) -> Result<(), String> {
        let Some(port) = self.reading.ports.get(self.interfaces) else {
            return Err(format!("an interface more than the {} of the plan", self.interfaces));
        };
        let name = interface.options.iter().find_map(|option| match option {
            InterfaceDescriptionOption::IfName(name) => Some(name.as_ref()),
            _ => None,
        });
        let wanted = file::interface_name(port);
        if name != Some(wanted.as_str()) {
            let name = name.unwrap_or_default();
            return Err(format!("interface {} is `{name}` instead of `{wanted}`", self.interfaces));
        }
        if interface.linktype != DataLink::ETHERNET
            || interface.ts_resolution() != InterfaceTsResolution::NANO
            || interface.ts_offset() != 0
        {
            return Err(format!("interface `{wanted}` is not of Ethernet frames with times in nanoseconds"));
        }
        self.interfaces += 1;
        Ok(())
    }

    fn all_interfaces(&self) -> Result<(), String> {
        match self.reading.ports.get(self.interfaces) {
            Some(missing) => Err(format!("it lacks interface `{}`", file::interface_name(missing))),
            None => Ok(()),
        }
    }

    /// The head of a run, if the probe in the latest packet is as expected.
    fn head(&self, (n, at): (u32, u64), place: Place, frame: &Frame<'_>, bytes: &[u8]) -> Option<Head> {
        let known = self.counted.expected.of(n)?;
        let addressed = self.reading.is_addressed(frame, place.0);
        let head = Head { packet: self.packets, at, vlan: frame.vlan, known, next: n.saturating_add(1) };
        head.known.admits(n, place, addressed, frame, bytes).then_some(head)
    }

    fn packet(&mut self, packet: &EnhancedPacketBlock<'_>) -> Result<(), String> {
        self.all_interfaces()?;
        let flags = packet.options.iter().find_map(|option| match option {
            EnhancedPacketOption::Flags(flags) => Some(flags & 0b11),
            _ => None,
        });
        let direction = match flags {
            Some(file::INBOUND) => Direction::FromNode,
            Some(file::OUTBOUND) => Direction::ToNode,
            _ => return Err("a packet without direction".into()),
        };
        let at = u64::try_from(packet.timestamp.as_nanos()).map_err(|_| "a packet out of time".to_owned())?;
        // There are as many interfaces as ports, and no packet names another one.
        let port = u16::try_from(packet.interface_id).map_err(|_| "a packet of no port".to_owned())?;
        self.packets += 1;
        let Some(frame) = Frame::of(&packet.data) else { return Ok(()) };
        let part = self.reading.part(&frame);
        if let Part::Probe(n) = part {
            let head = self.head((n, at), (port, direction), &frame, &packet.data);
            self.reading.runs.stored((port, direction), n, head);
        }
        let seen = Seen { packet: self.packets, at, port, direction };
        if let Some(fresh) = self.reading.take(&frame, part, seen) {
            fresh.add_to(&mut self.sightings);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
