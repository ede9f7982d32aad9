//! Takes frames one by one and keeps what is told of them; knows nothing of rings.

use std::path::PathBuf;

use super::super::advertised::Advertisements;
use super::super::answers::{Answers, Part};
use super::super::conversation::Table;
use super::super::devices::Devices;
use super::super::dhcp::Dhcp;
use super::super::file::{self, CaptureFile, Stored};
use super::super::frame::Frame;
use super::super::lookups::Lookups;
use super::super::sightings::{Direction, Seen, StrayKind};
use super::super::stations::Stations;
use super::super::tags::Tags;
use super::super::uses::Uses;
use super::{Captured, Error, Live, Recorded, Settings, Watch};
use crate::kernel::ring::{self, Statistics};
use crate::names::Mac;
use crate::observation::TapHealth;

/// A sighting of probe `n`, or a stray of it.
struct Fresh {
    n: u32,
    stray: Option<StrayKind>,
    seen: Seen,
    addressed: bool,
}

/// Takes frames one by one; knows nothing of rings.
pub(super) struct Recorder {
    settings: Settings,
    devices: Devices,
    /// Ethernet addresses of the links at the ports.
    macs: Vec<[Option<Mac>; 2]>,
    file: Option<CaptureFile>,
    table: Table,
    stations: Stations,
    tags: Tags,
    advertisements: Advertisements,
    answers: Answers,
    dhcp: Dhcp,
    lookups: Lookups,
    uses: Uses,
    /// What the watchers do not know of yet.
    fresh: Vec<Fresh>,
    frames: u64,
    unstored: u64,
    pub(super) probe_answers: u64,
    /// Time of the latest frame, nanoseconds since 1970.
    pub(super) newest: u64,
    /// Frames dropped so far, and before this stretch.
    dropped: (u64, u64),
    pub(super) watch: Watch,
}

impl Recorder {
    pub(super) fn new(settings: Settings, watch: Watch) -> Result<Recorder, Error> {
        Ok(Recorder {
            devices: Devices::of(&settings.ports),
            macs: settings.ports.iter().map(|port| settings.inventory.macs(&port.name)).collect(),
            file: open_file(&settings)?,
            table: Table::new(settings.inventory.clone(), &settings.ports),
            stations: Stations::default(),
            tags: Tags::default(),
            advertisements: Advertisements::default(),
            answers: Answers::new(settings.key),
            dhcp: Dhcp::default(),
            lookups: Lookups::default(),
            uses: Uses::new(&settings.ports, &settings.inventory),
            fresh: Vec::new(),
            frames: 0,
            unstored: 0,
            probe_answers: 0,
            newest: 0,
            dropped: (0, 0),
            settings,
            watch,
        })
    }

    pub(super) fn take(&mut self, captured: &ring::Frame<'_>) {
        self.newest = captured.at;
        let frame = Frame::of(&captured.bytes);
        // Bridges and `lo` are no ports.
        let Some(port) = self.devices.port(captured.ifindex, frame.as_ref()) else { return };
        self.frames += 1;
        let direction = if captured.outgoing { Direction::ToNode } else { Direction::FromNode };
        let part = frame.as_ref().map_or(Part::None, |frame| self.answers.part(frame));
        let most = if part == Part::None { self.settings.max_bytes } else { self.settings.max_bytes / 2 };
        let stored = Stored {
            port: port.into(),
            direction,
            at: captured.at,
            original_len: captured.original_len,
            bytes: &captured.bytes,
        };
        let packet = self.file.as_mut().map_or(0, |file| file.store(&stored, most));
        self.unstored += u64::from(packet == 0 && self.file.is_some());
        let seen = Seen { packet, at: captured.at, port, direction };
        let Some(frame) = frame else { return };
        self.stations.take(frame.source, seen);
        self.tags.take(frame.vlan, seen);
        // The lowest bit of the first byte marks a group (IEEE 802, clause 8.2).
        let group = frame.dest.0[0] & 1 == 1;
        let addressed = group || self.macs[usize::from(port)].contains(&Some(frame.dest));
        let mut note = |n, stray| self.fresh.push(Fresh { n, stray, seen, addressed });
        match part {
            Part::Probe(n) => return note(n, None),
            Part::Altered(n) => note(n, Some(StrayKind::Altered)),
            Part::Answer(n) => note(n, Some(StrayKind::Answered)),
            Part::Refusal => {}
            Part::None => {
                let at = (&self.settings.ports[usize::from(port)], self.macs[usize::from(port)]);
                self.advertisements.take(&frame, seen, at.0, &self.settings.inventory);
                self.dhcp.take(&frame, seen, at, &self.settings.inventory);
                if addressed {
                    self.lookups.take(&frame, seen, at.0, &self.settings.inventory);
                }
                let kind = self.table.take(&frame, seen);
                return self.uses.take(kind, seen);
            }
        }
        self.probe_answers += 1;
    }

    /// Tells the watchers; once per block, so that they are not woken for every frame.
    pub(super) fn publish(&mut self, statistics: Statistics) {
        let mut live = self.watch.0.lock();
        for Fresh { n, stray, seen, addressed } in self.fresh.drain(..) {
            match stray {
                None => live.sightings.insert(n, seen, addressed),
                Some(kind) => live.sightings.insert_stray(n, kind, seen, addressed),
            }
        }
        self.dropped.0 = statistics.dropped;
        let dropped = self.dropped.0 - self.dropped.1;
        live.health = TapHealth { frames: self.frames, dropped, unstored: self.unstored };
        live.probe_answers = self.probe_answers;
        drop(live);
        self.watch.0.changed.notify_all();
    }

    /// Ends a stretch; the next begins even if this one's file failed.
    pub(super) fn turn(&mut self, file: Option<PathBuf>) -> Result<Captured, Error> {
        self.settings.file = file;
        let opened = open_file(&self.settings);
        let (next, opened) = match opened {
            Ok(next) => (next, Ok(())),
            Err(error) => (None, Err(error)),
        };
        let closed = std::mem::replace(&mut self.file, next).map_or(Ok(()), CaptureFile::close);
        let conversations = self.table.turn(&self.settings.ports, fake_facts::now());
        let stations = self.stations.turn(&self.settings.ports);
        let tags = self.tags.turn(&self.settings.ports);
        let advertisements = self.advertisements.turn();
        let dhcp = self.dhcp.turn();
        let lookups = self.lookups.turn();
        let uses = self.uses.turn(&self.settings.ports);
        let mut live = self.watch.0.lock();
        let last = std::mem::replace(&mut *live, Live::at_ports(&self.settings.ports));
        (self.frames, self.unstored, self.probe_answers) = (0, 0, 0);
        self.dropped.1 = self.dropped.0;
        drop(live);
        closed?;
        opened?;
        Ok(Captured {
            conversations,
            stations,
            tags,
            advertisements,
            dhcp,
            lookups,
            uses,
            health: last.health,
            sightings: last.sightings,
            probe_answers: last.probe_answers,
        })
    }

    pub(super) fn finish(mut self) -> Result<Recorded, Error> {
        self.file.map_or(Ok(()), CaptureFile::close)?;
        let stations = self.stations.turn(&self.settings.ports);
        let tags = self.tags.turn(&self.settings.ports);
        let uses = self.uses.turn(&self.settings.ports);
        let (advertisements, dhcp, lookups) =
            (self.advertisements.turn(), self.dhcp.turn(), self.lookups.turn());
        let conversations = self.table.finish(&self.settings.ports);
        Ok(Recorded { conversations, stations, tags, advertisements, dhcp, lookups, uses })
    }
}

fn open_file(settings: &Settings) -> Result<Option<CaptureFile>, file::Error> {
    settings.file.as_ref().map(|file| CaptureFile::create(file, &settings.ports)).transpose()
}
