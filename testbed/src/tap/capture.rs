//! A running capture: a thread named `tap` that takes frames off a ring, stores them, and says where probes were seen.
//!
//! Whoever sends probes asks a [`Watch`] and waits for events instead of time. Frames of probes count as sightings,
//! everything else as conversations.

mod recorder;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::expected::{Announced, Expected};
use super::file;
use super::inventory::Inventory;
use super::reading::Reading;
use super::runs::Passed;
use super::sightings::{Direction, Sighting, Sightings, Stray};
use crate::kernel::ring::{self, Ring, Stopper, Woken};
use crate::names::{LinkName, Mac, NodeName, SegmentName};
use crate::observation::{
    Advertised, Conversation, DhcpKind, DhcpSeen, Explained, HandshakeSeen, LedSeen, LoadSeen, LookupSeen,
    OfferSent, PortUse, RedirectSeen, RtspSeen, Station, TagSeen, TapHealth,
};
use crate::plan::{Link, Node, Plan};
use recorder::Recorder;

/// Bytes of packets that a capture file may take where the caller has no other wish: 256 MiB.
pub const MAX_BYTES: u64 = 256 * 1024 * 1024;
/// How long the thread waits for frames before it looks again; it is woken earlier by frames and by the end.
const IDLE: Duration = Duration::from_secs(1);
/// After the end was asked for, this long without a block means that all have come: four times the ring's own timer.
const SETTLED: Duration = Duration::from_millis(40);
/// After the end was asked for, frames are taken for at most this long.
const DRAIN: Duration = Duration::from_secs(1);

/// Different offers of DHCP that are told while a stretch goes on; whoever wants more reads them at its end.
const MOST_OFFERS: usize = 200;

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
    /// It has ended already, for a reason that [`Capture::finish`] tells.
    #[error("the capture has ended")]
    Over,
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
    /// The Ethernet address of the node's interface, as it is planned; none where nothing is asked of it.
    pub mac: Option<Mac>,
}

impl Port {
    /// The ports of a site that does not stand: in the plan's order, as those of one that does, but of no device.
    pub fn all_of(plan: &Plan) -> Vec<Port> {
        let links = plan.nodes.iter().flat_map(|node| node.links.iter().map(move |link| (node, link)));
        let port = |(node, link): (&Node, &Link)| Port {
            name: link.port.clone(),
            ifindex: 0,
            tag: None,
            node: node.name.clone(),
            link: link.name.clone(),
            segment: link.segment.clone(),
            mac: Some(link.mac),
        };
        links.map(port).collect()
    }
}

/// What a capture is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The ports that are listened at; frames of other devices are let go.
    pub ports: Vec<Port>,
    /// Who is who.
    pub inventory: Inventory,
    /// The capture file; overwritten. None: frames are looked at and not stored.
    pub file: Option<PathBuf>,
    /// Bytes of packets that the file may take; see [`MAX_BYTES`]. Probes and their answers get half of it, so that a
    /// sweep leaves room for the rest. What does not fit is counted as `unstored` and has packet number 0.
    pub max_bytes: u64,
    /// The key of this lab's probes.
    pub key: u32,
}

/// All that a capture saw, since its start or since its last turn.
#[derive(Debug, Default, PartialEq)]
pub struct Captured {
    /// Conversations, in order of their first packet.
    pub conversations: Vec<Conversation>,
    /// How much nodes said to one another at the worst of times.
    pub loads: Vec<LoadSeen>,
    /// Who was heard where, probes included.
    pub stations: Vec<Station>,
    /// Which tags were where, those of probes that are IP included.
    pub tags: Vec<TagSeen>,
    /// Routers that advertise themselves, as heard at each link.
    pub advertisements: Vec<Advertised>,
    /// DHCP messages at their clients' links, in order of time.
    pub dhcp: Vec<DhcpSeen>,
    /// Addresses that were offered, at the links of those that offered them.
    pub offers: Vec<OfferSent>,
    /// ICMP redirects, at the links that they left and came to.
    pub redirects: Vec<RedirectSeen>,
    /// Packets for others at whoever had sent such.
    pub led: Vec<LedSeen>,
    /// Answers about names, each once for whoever asked, in order of time.
    pub lookups: Vec<LookupSeen>,
    /// TLS connections, in order of time.
    pub handshakes: Vec<HandshakeSeen>,
    /// RTSP connections, in order of time.
    pub rtsp: Vec<RtspSeen>,
    /// Which of two ports that change places was used when, in order of time.
    pub uses: Vec<PortUse>,
    /// Which frames something explains; of probes nothing yet.
    pub explained: Explained,
    /// How it went.
    pub health: TapHealth,
    /// Where each probe was seen.
    pub sightings: Sightings,
    /// Probes that were as expected and are not stored; they are among the sightings and counts, too.
    pub passed: Vec<Passed>,
    /// Frames that answered or refused probes, or were probes that something altered; they belong to no conversation.
    pub probe_answers: u64,
}

/// A running capture. Dropping it ends it without its results.
#[must_use]
pub struct Capture {
    watch: Watch,
    stopper: Stopper,
    asks: mpsc::Sender<Asked>,
    thread: Option<JoinHandle<Result<Reading, Error>>>,
}

/// What the thread is asked for; it looks when its ring is told to stop.
enum Asked {
    /// One stretch ends and the next begins.
    Turn {
        /// Where the next stretch is stored.
        file: Option<PathBuf>,
        done: mpsc::Sender<Result<Captured, Error>>,
    },
    /// The end.
    End,
    /// The end, and nobody wants to know.
    Leave,
}

impl Capture {
    /// Makes the file and starts the thread.
    ///
    /// Errors: `File` if it cannot be made, `Thread`.
    pub fn start(ring: Ring, settings: Settings) -> Result<Capture, Error> {
        let watch = Watch(Arc::new(Shared::at_ports(&settings.ports)));
        let stopper = ring.stopper();
        let recorder = Recorder::new(settings, watch.clone())?;
        let (asks, asked) = mpsc::channel();
        let thread = std::thread::Builder::new().name("tap".into());
        let thread = thread.spawn(move || record(ring, recorder, &asked)).map_err(Error::Thread)?;
        Ok(Capture { watch, stopper, asks, thread: Some(thread) })
    }

    /// A handle for those who send probes.
    pub fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// Ends one stretch and begins the next, which goes to another file, or to none: what was seen in the one that
    /// ended, once all frames that came before this call are among it. Frames and sightings are counted from nothing
    /// again; conversations that go on are known again, and those that are over come back as *earlier* ones.
    ///
    /// Blocks, a tenth of a second at most on a machine that keeps up. Errors: those of either file, `Over`.
    pub fn turn(&self, file: Option<PathBuf>) -> Result<Captured, Error> {
        let (done, captured) = mpsc::channel();
        self.asks.send(Asked::Turn { file, done }).map_err(|_| Error::Over)?;
        self.stopper.stop();
        captured.recv().unwrap_or(Err(Error::Over))
    }

    /// Takes what is still in the ring, ends the thread and closes the file.
    ///
    /// Errors: the first one that the ring or the file met since the start; a full disk, for example.
    pub fn finish(mut self) -> Result<Captured, Error> {
        let reading = self.stop(Asked::End).expect("only `finish` and `drop` stop it, and both take it")?;
        let mut live = self.watch.0.lock();
        let sightings = std::mem::take(&mut live.sightings);
        Ok(reading.finish(live.health, sightings))
    }

    fn stop(&mut self, asked: Asked) -> Option<Result<Reading, Error>> {
        // A thread that has ended does not hear it.
        let _ = self.asks.send(asked);
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
            let _ = self.stop(Asked::Leave);
        }
    }
}

/// Looks at a running capture; also after its end. Its methods block: call them from a thread of your own.
#[derive(Clone)]
pub struct Watch(Arc<Shared>);

struct Shared {
    live: Mutex<Live>,
    expected: Mutex<Expected>,
    changed: Condvar,
    /// What DHCP servers have offered and given in this stretch.
    offers: watch::Sender<Vec<DhcpSeen>>,
}

struct Live {
    sightings: Sightings,
    health: TapHealth,
    over: bool,
    /// By which names each node was told of an address.
    names: BTreeMap<(NodeName, IpAddr), BTreeSet<String>>,
}

fn names(ports: &[Port]) -> Vec<LinkName> {
    ports.iter().map(|port| port.name.clone()).collect()
}

impl Live {
    fn at_ports(ports: &[Port]) -> Live {
        let (sightings, health) = (Sightings::at_ports(names(ports)), TapHealth::default());
        Live { sightings, health, over: false, names: BTreeMap::new() }
    }

    fn told(&mut self, one: &LookupSeen) {
        for address in &one.addresses {
            let names = self.names.entry((one.node.clone(), *address)).or_default();
            names.insert(one.name.clone());
        }
    }
}

impl Shared {
    fn at_ports(ports: &[Port]) -> Shared {
        Shared {
            live: Mutex::new(Live::at_ports(ports)),
            expected: Mutex::new(Expected::at_ports(names(ports))),
            changed: Condvar::new(),
            offers: watch::Sender::default(),
        }
    }

    /// Tells whoever waits for them of what these messages offer; wakes nobody where they do not.
    fn offer(&self, messages: &[DhcpSeen]) {
        let offers =
            |message: &&DhcpSeen| matches!(message.kind, DhcpKind::Offer | DhcpKind::Ack) && !message.earlier;
        let what = |one: &DhcpSeen| (one.node.clone(), one.link.clone(), one.gives, one.from.clone());
        self.offers.send_if_modified(|told| {
            let before = told.len();
            for message in messages.iter().filter(offers) {
                if told.len() < MOST_OFFERS && !told.iter().any(|known| what(known) == what(message)) {
                    told.push(message.clone());
                }
            }
            told.len() > before
        });
    }

    fn expected(&self) -> MutexGuard<'_, Expected> {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread that panicked under the lock left the values whole: each is written in one go.
    fn lock(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch {
    /// Says what is about to be sent in bulk, so that it is known where it may be seen; before the first of it is sent.
    pub fn announce(&self, announced: Announced) {
        self.0.expected().add(announced);
    }

    /// Where probe `n` was seen so far, in order of time.
    pub fn sightings_of(&self, n: u32) -> Vec<Sighting> {
        self.0.lock().sightings.of(n).collect()
    }

    /// Which probes were handed to a node at any of these ports so far; see [`Sightings::handed_over`].
    pub fn handed_over(&self, ports: &[LinkName]) -> BTreeSet<u32> {
        self.0.lock().sightings.handed_over(ports)
    }

    /// What shows so far that probe `n` was altered or answered; see [`Sightings::stray`].
    pub fn stray(&self, n: u32) -> Vec<Stray> {
        self.0.lock().sightings.stray(n)
    }

    /// Which probes were altered or answered so far.
    pub fn strayed(&self) -> BTreeSet<u32> {
        self.0.lock().sightings.strayed()
    }

    /// The names that a node has asked for so far and whose answers had this address, in order.
    pub fn names_of(&self, node: &NodeName, address: IpAddr) -> Vec<String> {
        let live = self.0.lock();
        live.names.get(&(node.clone(), address)).into_iter().flatten().cloned().collect()
    }

    /// What DHCP servers have offered and given in this stretch, each address of each of them once and 200 at most, as
    /// they come.
    pub fn offers(&self) -> watch::Receiver<Vec<DhcpSeen>> {
        self.0.offers.subscribe()
    }

    /// How it goes so far.
    pub fn health(&self) -> TapHealth {
        self.0.lock().health
    }

    /// The places in `numbers` of probes that were not seen so far at a port in a direction.
    pub fn missing(&self, numbers: &[u32], port: &LinkName, direction: Direction) -> Vec<usize> {
        let live = self.0.lock();
        let seen = |n: &u32| live.sightings.is_seen(*n, port, direction);
        numbers.iter().enumerate().filter(|(_, n)| !seen(n)).map(|(place, _)| place).collect()
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
fn record(mut ring: Ring, mut recorder: Recorder, asks: &mpsc::Receiver<Asked>) -> Result<Reading, Error> {
    let _over = Over(recorder.watch.clone());
    let mut ending: Option<Ending> = None;
    loop {
        let wait = if ending.is_some() { SETTLED } else { IDLE };
        let mut settled = false;
        match ring.next_block(wait)? {
            Woken::Block(block) => block.frames().for_each(|frame| recorder.take(&frame)),
            Woken::Stopped => {}
            Woken::Idle => settled = true,
        }
        recorder.publish(ring.statistics()?);
        match ending.take() {
            Some(it) if it.is_due(settled, recorder.newest) => match it.asked {
                Asked::End | Asked::Leave => return recorder.finish(),
                // Whoever asked may have given up.
                Asked::Turn { file, done } => drop(done.send(recorder.turn(file))),
            },
            other => ending = other,
        }
        // Woken once, there may be several; woken again, they may be done already.
        if ending.is_none() {
            ending = asks.try_recv().ok().map(Ending::of);
        }
        if let Some(Ending { asked: Asked::Leave, .. }) = ending {
            return recorder.finish();
        }
    }
}

/// The end of a stretch, or of all, once what came before is taken.
struct Ending {
    asked: Asked,
    /// When it was asked for, nanoseconds since 1970: later frames belong to the next stretch.
    at: u64,
    until: Instant,
}

impl Ending {
    fn of(asked: Asked) -> Ending {
        Ending { asked, at: fake_facts::now(), until: Instant::now() + DRAIN }
    }

    /// Whether nothing that came before is missing: nothing comes any more, or at a turn something later has come.
    fn is_due(&self, settled: bool, newest: u64) -> bool {
        let later = matches!(self.asked, Asked::Turn { .. }) && newest > self.at;
        settled || later || Instant::now() > self.until
    }
}

/// However the thread ends, nobody waits for it any longer.
struct Over(Watch);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.0.lock().over = true;
        self.0.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests;
