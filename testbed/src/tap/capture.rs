//! A running capture: a thread named `tap` that takes frames off a ring, stores them, and says where probes were seen.
//!
//! Whoever sends probes asks a [`Watch`] and waits for events instead of time. Frames of probes count as sightings,
//! everything else as conversations.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::answers::{Answers, Part};
use super::conversation::Table;
use super::dhcp::Dhcp;
use super::file::{self, CaptureFile, Stored};
use super::frame::Frame;
use super::inventory::Inventory;
use super::sightings::{Direction, Seen, Sighting, Sightings, Stray, StrayKind};
use super::stations::Stations;
use crate::kernel::ring::{self, Ring, Statistics, Stopper, Woken};
use crate::names::{LinkName, Mac, NodeName, SegmentName};
use crate::observation::{Conversation, DhcpSeen, Station, TapHealth};

/// Bytes of packets that a capture file may take where the caller has no other wish: 256 MiB.
pub const MAX_BYTES: u64 = 256 * 1024 * 1024;
/// How long the thread waits for frames before it looks again; it is woken earlier by frames and by the end.
const IDLE: Duration = Duration::from_secs(1);
/// After the end was asked for, this long without a block means that all have come: four times the ring's own timer.
const SETTLED: Duration = Duration::from_millis(40);
/// After the end was asked for, frames are taken for at most this long.
const DRAIN: Duration = Duration::from_secs(1);

/// What can go wrong with a capture.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file.
    #[error(transparent)]
    File(#[from] file::Error),
    /// The ring.
    #[error(transparent)]
    Ring(#[from] ring::Error),
    /// The thread could not be started.
    #[error("start the thread of a capture: {0}")]
    Thread(std::io::Error),
}

/// A port of the fabric, and the link that is plugged into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name in the fabric.
    pub name: LinkName,
    /// Its index there.
    pub ifindex: u32,
    /// The VLAN whose frames are its, where the device carries several.
    pub tag: Option<u16>,
    /// The node at its other end.
    pub node: NodeName,
    /// The node's interface.
    pub link: LinkName,
    /// The segment it belongs to.
    pub segment: SegmentName,
}

/// What a capture is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The ports that are listened at; frames of other devices are let go.
    pub ports: Vec<Port>,
    /// Who is who.
    pub inventory: Inventory,
    /// The capture file; overwritten.
    pub file: PathBuf,
    /// Bytes of packets that the file may take; see [`MAX_BYTES`]. Probes and their answers get half of it, so that a
    /// sweep leaves room for the rest. What does not fit is counted as `unstored` and has packet number 0.
    pub max_bytes: u64,
    /// The key of this lab's probes.
    pub key: u32,
}

/// All that a capture saw.
#[derive(Debug)]
pub struct Captured {
    /// Conversations, in order of their first packet.
    pub conversations: Vec<Conversation>,
    /// Who was heard where, probes included.
    pub stations: Vec<Station>,
    /// DHCP messages at their clients' links, in order of time.
    pub dhcp: Vec<DhcpSeen>,
    /// How it went.
    pub health: TapHealth,
    /// Where each probe was seen.
    pub sightings: Sightings,
    /// Frames that answered or refused probes, or were probes that something altered; they belong to no conversation.
    pub probe_answers: u64,
}

/// What the thread has to say in the end.
type Recorded = (Vec<Conversation>, Vec<Station>, Vec<DhcpSeen>);

/// A running capture. Dropping it ends it without its results.
#[must_use]
pub struct Capture {
    watch: Watch,
    stopper: Stopper,
    thread: Option<JoinHandle<Result<Recorded, Error>>>,
}

impl Capture {
    /// Makes the file and starts the thread.
    ///
    /// Errors: `File` if it cannot be made, `Thread`.
    pub fn start(ring: Ring, settings: Settings) -> Result<Capture, Error> {
        let watch = Watch(Arc::new(Shared {
            live: Mutex::new(Live::at_ports(&settings.ports)),
            changed: Condvar::new(),
        }));
        let stopper = ring.stopper();
        let recorder = Recorder::new(settings, watch.clone())?;
        let thread = std::thread::Builder::new().name("tap".into()).spawn(move || record(ring, recorder));
        Ok(Capture { watch, stopper, thread: Some(thread.map_err(Error::Thread)?) })
    }

    /// A handle for those who send probes.
    pub fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// Takes what is still in the ring, ends the thread and closes the file.
    ///
    /// Errors: the first one that the ring or the file met since the start; a full disk, for example.
    pub fn finish(mut self) -> Result<Captured, Error> {
        let (conversations, stations, dhcp) =
            self.stop().expect("only `finish` and `drop` stop it, and both take it")?;
        let mut live = self.watch.0.lock();
        Ok(Captured {
            conversations,
            stations,
            dhcp,
            health: live.health,
            sightings: std::mem::take(&mut live.sightings),
            probe_answers: live.probe_answers,
        })
    }

    fn stop(&mut self) -> Option<Result<Recorded, Error>> {
        self.stopper.stop();
        match self.thread.take()?.join() {
            Ok(result) => Some(result),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = self.stop();
        }
    }
}

/// Looks at a running capture; also after its end. Its methods block: call them from a thread of your own.
#[derive(Clone)]
pub struct Watch(Arc<Shared>);

struct Shared {
    live: Mutex<Live>,
    changed: Condvar,
}

struct Live {
    sightings: Sightings,
    health: TapHealth,
    probe_answers: u64,
    over: bool,
}

impl Live {
    fn at_ports(ports: &[Port]) -> Live {
        Live {
            sightings: Sightings::at_ports(ports.iter().map(|port| port.name.clone()).collect()),
            health: TapHealth::default(),
            probe_answers: 0,
            over: false,
        }
    }
}

impl Shared {
    /// A thread that panicked under the lock left the values whole: each is written in one go.
    fn lock(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch {
    /// Where probe `n` was seen so far, in order of time.
    pub fn sightings_of(&self, n: u32) -> Vec<Sighting> {
        self.0.lock().sightings.of(n).collect()
    }

    /// What shows so far that probe `n` was altered or answered; see [`Sightings::stray`].
    pub fn stray(&self, n: u32) -> Vec<Stray> {
        self.0.lock().sightings.stray(n)
    }

    /// How it goes so far.
    pub fn health(&self) -> TapHealth {
        self.0.lock().health
    }

    /// The first sighting of probe `n` at a port in a direction; waits for it until the deadline, or until the capture
    /// ends. Frames pass the taps in one order: once a probe was seen, all that was sent before it was seen, too.
    pub fn wait_for(
        &self,
        n: u32,
        port: &LinkName,
        direction: Direction,
        deadline: Instant,
    ) -> Option<Sighting> {
        self.wait_until(deadline, |sightings| sightings.first(n, port, direction))
    }

    /// Asks `found` after each batch of frames until it answers; none at the deadline or the end of the capture.
    pub fn wait_until<T>(&self, deadline: Instant, found: impl Fn(&Sightings) -> Option<T>) -> Option<T> {
        let mut live = self.0.lock();
        loop {
            if let Some(answer) = found(&live.sightings) {
                return Some(answer);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if live.over || left.is_zero() {
                return None;
            }
            live = self.0.changed.wait_timeout(live, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// What the thread does.
fn record(mut ring: Ring, mut recorder: Recorder) -> Result<Recorded, Error> {
    let _over = Over(recorder.watch.clone());
    let mut until: Option<Instant> = None;
    loop {
        let wait = if until.is_some() { SETTLED } else { IDLE };
        match ring.next_block(wait)? {
            Woken::Block(block) => block.frames().for_each(|frame| recorder.take(&frame)),
            Woken::Stopped => until = Some(Instant::now() + DRAIN),
            Woken::Idle if until.is_some() => break,
            Woken::Idle => {}
        }
        recorder.publish(ring.statistics()?);
        if until.is_some_and(|until| Instant::now() > until) {
            break;
        }
    }
    recorder.finish()
}

/// However the thread ends, nobody waits for it any longer.
struct Over(Watch);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.0.lock().over = true;
        self.0.0.changed.notify_all();
    }
}

/// A sighting of probe `n`, or a stray of it.
struct Fresh {
    n: u32,
    stray: Option<StrayKind>,
    seen: Seen,
    addressed: bool,
}

/// Takes frames one by one; knows nothing of rings.
struct Recorder {
    settings: Settings,
    /// By index and tag; without a tag, whatever the device has that no tag claims.
    by_index: HashMap<(u32, Option<u16>), u16>,
    /// Ethernet addresses of the links at the ports.
    macs: Vec<Option<Mac>>,
    file: CaptureFile,
    table: Table,
    stations: Stations,
    answers: Answers,
    dhcp: Dhcp,
    /// What the watchers do not know of yet.
    fresh: Vec<Fresh>,
    frames: u64,
    unstored: u64,
    probe_answers: u64,
    watch: Watch,
}

impl Recorder {
    fn new(settings: Settings, watch: Watch) -> Result<Recorder, Error> {
        let indices = settings.ports.iter().zip(0..).map(|(port, index)| ((port.ifindex, port.tag), index));
        Ok(Recorder {
            by_index: indices.collect(),
            macs: settings.ports.iter().map(|port| settings.inventory.mac(&port.name)).collect(),
            file: CaptureFile::create(&settings.file, &settings.ports)?,
            table: Table::new(settings.inventory.clone(), &settings.ports),
            stations: Stations::default(),
            answers: Answers::new(settings.key),
            dhcp: Dhcp::default(),
            fresh: Vec::new(),
            frames: 0,
            unstored: 0,
            probe_answers: 0,
            settings,
            watch,
        })
    }

    fn take(&mut self, captured: &ring::Frame<'_>) {
        let frame = Frame::of(&captured.bytes);
        // Bridges and `lo` are no ports.
        let Some(port) = self.port(captured.ifindex, frame.as_ref().and_then(|frame| frame.vlan)) else {
            return;
        };
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
        let packet = self.file.store(&stored, most);
        self.unstored += u64::from(packet == 0);
        let seen = Seen { packet, at: captured.at, port, direction };
        let Some(frame) = frame else { return };
        self.stations.take(frame.source, seen);
        // The lowest bit of the first byte marks a group (IEEE 802, clause 8.2).
        let group = frame.dest.0[0] & 1 == 1;
        let addressed = group || self.macs[usize::from(port)] == Some(frame.dest);
        let mut note = |n, stray| self.fresh.push(Fresh { n, stray, seen, addressed });
        match part {
            Part::Probe(n) => return note(n, None),
            Part::Altered(n) => note(n, Some(StrayKind::Altered)),
            Part::Answer(n) => note(n, Some(StrayKind::Answered)),
            Part::Refusal => {}
            Part::None => {
                let at = (&self.settings.ports[usize::from(port)], self.macs[usize::from(port)]);
                self.dhcp.take(&frame, seen, at, &self.settings.inventory);
                return self.table.take(&frame, seen);
            }
        }
        self.probe_answers += 1;
    }

    /// The port of a device's frame: by its tag, else that of the device itself.
    fn port(&self, ifindex: u32, tag: Option<u16>) -> Option<u16> {
        let own = || self.by_index.get(&(ifindex, None));
        tag.and_then(|tag| self.by_index.get(&(ifindex, Some(tag)))).or_else(own).copied()
    }

    /// Tells the watchers; once per block, so that they are not woken for every frame.
    fn publish(&mut self, statistics: Statistics) {
        let mut live = self.watch.0.lock();
        for Fresh { n, stray, seen, addressed } in self.fresh.drain(..) {
            match stray {
                None => live.sightings.insert(n, seen, addressed),
                Some(kind) => live.sightings.insert_stray(n, kind, seen, addressed),
            }
        }
        live.health = TapHealth { frames: self.frames, dropped: statistics.dropped, unstored: self.unstored };
        live.probe_answers = self.probe_answers;
        drop(live);
        self.watch.0.changed.notify_all();
    }

    fn finish(self) -> Result<Recorded, Error> {
        self.file.close()?;
        let stations = self.stations.finish(&self.settings.ports);
        Ok((self.table.finish(&self.settings.ports), stations, self.dhcp.finish()))
    }
}

#[cfg(test)]
mod tests;
