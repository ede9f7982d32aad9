//! Takes frames one by one: stores them, reads them, and tells the watchers; knows nothing of rings.

use std::path::PathBuf;
use std::sync::Arc;

use super::super::answers::Part;
use super::super::devices::Devices;
use super::super::expected::Known;
use super::super::file::{self, CaptureFile, Stored};
use super::super::frame::Frame;
use super::super::reading::{Fresh, Reading};
use super::super::runs::{Head, Place};
use super::super::sightings::{Direction, Seen};
use super::{Captured, Error, Live, Port, Settings, Watch};
use crate::kernel::ring::{self, Statistics};
use crate::observation::TapHealth;
#[cfg(feature = "broken-parts")]
use crate::parts;

/// Takes frames one by one; knows nothing of rings.
pub(super) struct Recorder {
    devices: Devices,
    file: Option<CaptureFile>,
    /// Bytes of packets that a file may take.
    max_bytes: u64,
    reading: Reading,
    /// What the latest announced probe was announced with.
    known: Option<Arc<Known>>,
    /// What the watchers do not know of yet.
    fresh: Vec<Fresh>,
    /// So many answers about names they know of.
    told: usize,
    /// So many messages of DHCP.
    told_dhcp: usize,
    frames: u64,
    unstored: u64,
    /// Time of the latest frame, nanoseconds since 1970.
    pub(super) newest: u64,
    /// Frames dropped so far, and before this stretch.
    dropped: (u64, u64),
    pub(super) watch: Watch,
}

impl Recorder {
    pub(super) fn new(settings: Settings, watch: Watch) -> Result<Recorder, Error> {
        let Settings { ports, inventory, file, max_bytes, key } = settings;
        Ok(Recorder {
            devices: Devices::of(&ports),
            file: open_file(file, &ports)?,
            max_bytes,
            reading: Reading::new(ports, inventory, key),
            known: None,
            fresh: Vec::new(),
            told: 0,
            told_dhcp: 0,
            frames: 0,
            unstored: 0,
            newest: 0,
            dropped: (0, 0),
            watch,
        })
    }

    pub(super) fn take(&mut self, captured: &ring::Frame<'_>) {
        self.newest = captured.at;
        let frame = Frame::of(&captured.bytes);
        // Bridges and `lo` are no ports.
        let Some(port) = self.devices.port(captured.ifindex, frame.as_ref()) else { return };
        #[cfg(feature = "broken-parts")]
        if captured.outgoing && parts::is_broken(parts::Part::BlindTap) {
            return;
        }
        self.frames += 1;
        let direction = if captured.outgoing { Direction::ToNode } else { Direction::FromNode };
        let part = frame.as_ref().map_or(Part::None, |frame| self.reading.part(frame));
        let place = (port, direction);
        let announced = self.announced(part);
        let admitted = match (&frame, &announced) {
            (Some(frame), Some((n, known))) => {
                let addressed = self.reading.is_addressed(frame, port);
                known.admits(*n, place, addressed, frame, &captured.bytes)
            }
            _ => false,
        };
        if let (true, Some(frame), Some((n, known))) = (admitted, &frame, &announced)
            && let Some(begun) = self.reading.runs.follow((place, known.lot(*n)), *n, frame.vlan, captured.at)
        {
            let seen = Seen { packet: 0, at: begun, port, direction };
            self.fresh.extend(self.reading.take(frame, part, seen).map(Fresh::following));
            return;
        }
        let packet = self.store(captured, place, part);
        if let Some((n, known)) = announced {
            let row = (place, known.lot(n));
            let vlan = frame.as_ref().and_then(|frame| frame.vlan);
            let head = Head { packet, at: captured.at, vlan, known, next: n.saturating_add(1) };
            self.reading.runs.stored(row, n, Some(head).filter(|_| admitted && packet > 0));
        }
        let seen = Seen { packet, at: captured.at, port, direction };
        let fresh = frame.and_then(|frame| self.reading.take(&frame, part, seen));
        self.fresh.extend(fresh);
    }

    /// The number of a probe that was announced, and what it was announced with.
    fn announced(&mut self, part: Part) -> Option<(u32, Arc<Known>)> {
        let Part::Probe(n) = part else { return None };
        if self.known.as_ref().is_none_or(|known| !known.has(n)) {
            self.known = Some(self.watch.0.expected().of(n)?);
        }
        Some((n, self.known.clone()?))
    }

    /// Stores a frame, if there is room; its packet number, or 0.
    fn store(&mut self, captured: &ring::Frame<'_>, (port, direction): Place, part: Part) -> u64 {
        let Some(file) = &mut self.file else { return 0 };
        // Whatever it is to probes, it is so because of those that passed before it.
        if part != Part::None {
            self.reading.runs.note(file.next());
        }
        let most = if part == Part::None { self.max_bytes } else { self.max_bytes / 2 };
        let stored = Stored {
            port: port.into(),
            direction,
            at: captured.at,
            original_len: captured.original_len,
            bytes: &captured.bytes,
        };
        let packet = file.store(&stored, most);
        self.unstored += u64::from(packet == 0);
        packet
    }

    /// Notes what was counted since the last packet that has to do with probes.
    fn note_all(&mut self) {
        if let Some(file) = &self.file {
            self.reading.runs.note(file.next());
        }
    }

    /// Tells the watchers; once per block, so that they are not woken for every frame.
    pub(super) fn publish(&mut self, statistics: Statistics) {
        let mut live = self.watch.0.lock();
        self.fresh.drain(..).for_each(|fresh| fresh.add_to(&mut live.sightings));
        for one in self.reading.lookups.since(self.told) {
            live.told(one);
            self.told += 1;
        }
        self.dropped.0 = statistics.dropped;
        let dropped = self.dropped.0 - self.dropped.1;
        live.health = TapHealth { frames: self.frames, dropped, unstored: self.unstored };
        drop(live);
        let dhcp = self.reading.dhcp.since(self.told_dhcp);
        self.told_dhcp += dhcp.len();
        self.watch.0.offer(dhcp);
        self.watch.0.changed.notify_all();
    }

    /// Ends a stretch; the next begins even if this one's file failed.
    pub(super) fn turn(&mut self, file: Option<PathBuf>) -> Result<Captured, Error> {
        self.note_all();
        let opened = open_file(file, &self.reading.ports);
        let (next, opened) = match opened {
            Ok(next) => (next, Ok(())),
            Err(error) => (None, Err(error)),
        };
        let closed = std::mem::replace(&mut self.file, next).map_or(Ok(()), CaptureFile::close);
        let last = std::mem::replace(&mut *self.watch.0.lock(), Live::at_ports(&self.reading.ports));
        (self.frames, self.unstored) = (0, 0);
        self.dropped.1 = self.dropped.0;
        let captured = self.reading.turn(fake_facts::now(), last.health, last.sightings);
        // The watchers have forgotten, and are told anew what is kept.
        (self.told, self.told_dhcp) = (0, 0);
        self.watch.0.offers.send_replace(Vec::new());
        closed?;
        opened?;
        Ok(captured)
    }

    /// Closes the file; what was read.
    pub(super) fn finish(mut self) -> Result<Reading, Error> {
        self.note_all();
        self.file.map_or(Ok(()), CaptureFile::close)?;
        Ok(self.reading)
    }
}

fn open_file(file: Option<PathBuf>, ports: &[Port]) -> Result<Option<CaptureFile>, file::Error> {
    file.map(|file| CaptureFile::create(&file, ports)).transpose()
}
