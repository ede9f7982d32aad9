//! A capture file, read again frame by frame by the [`Reading`] that a live tap has, so that it tells the same.
//!
//! What was counted instead of stored ([`Counted`]) is taken in its place, as frames made again.

use std::io::Read;
use std::sync::Arc;

use super::answers::Part;
use super::capture::{Captured, Port};
use super::expected::{Expected, Known};
use super::frame::Frame;
use super::inventory::Inventory;
use super::packets::{Packet, each_packet};
use super::reading::Reading;
use super::runs::{Head, Passed, Place};
use super::sightings::{Seen, Sightings};
use crate::observation::TapHealth;

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
    let mut taken = Taken::new(ports.clone(), inventory, key, counted);
    let cut = each_packet(from, &ports, |packet: Packet<'_>| taken.packet(&packet))?;
    // What was counted behind the last packet; a file that was cut has lost what the rest belongs to.
    if !cut {
        taken.pass_before(taken.packets + 1)?;
        taken.all_passed()?;
    }
    let health = TapHealth { frames: taken.packets + taken.followed, ..TapHealth::default() };
    Ok(ReadBack { captured: taken.reading.finish(health, taken.sightings), cut })
}

/// What was taken so far.
struct Taken {
    reading: Reading,
    sightings: Sightings,
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
        Taken { reading, sightings, packets: 0, counted, passed: 0, followed: 0 }
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
        let Some((row, head)) = self.reading.runs.of(run) else {
            return Err(format!("packet {run} of the capture begins no run that goes on here"));
        };
        if head.next != first || until < head.at {
            return Err(format!("it does not go on where packet {run} of the capture ends"));
        }
        let ((port, direction), _) = row;
        for n in (first..).take(count as usize) {
            let goes_on = self.reading.runs.follow(row, n, head.vlan, until);
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

    /// The head of a run, if the probe in the latest packet is as expected.
    fn head(
        &self,
        (n, at): (u32, u64),
        (place, known): (Place, Arc<Known>),
        frame: &Frame<'_>,
        bytes: &[u8],
    ) -> Option<Head> {
        let addressed = self.reading.is_addressed(frame, place.0);
        let head = Head { packet: self.packets, at, vlan: frame.vlan, known, next: n.saturating_add(1) };
        head.known.admits(n, place, addressed, frame, bytes).then_some(head)
    }

    fn packet(&mut self, packet: &Packet<'_>) -> Result<(), Unreadable> {
        let Packet { seen, bytes, .. } = *packet;
        self.pass_before(seen.packet)?;
        self.packets = seen.packet;
        let Some(frame) = Frame::of(bytes) else { return Ok(()) };
        let part = self.reading.part(&frame);
        if let Part::Probe(n) = part {
            let place = (seen.port, seen.direction);
            if let Some(known) = self.counted.expected.of(n) {
                let row = (place, known.lot(n));
                let head = self.head((n, seen.at), (place, known), &frame, bytes);
                self.reading.runs.stored(row, n, head);
            }
        }
        if let Some(fresh) = self.reading.take(&frame, part, seen) {
            fresh.add_to(&mut self.sightings);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
