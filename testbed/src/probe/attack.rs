//! Everything of one aim, sent from the attacker's own link: in slices between signs of life, and, once others have been
//! sent as well, what did not enter the net once more.
//!
//! Almost all of the time goes into the kernel, which takes a packet all its way within the call that sends it. So what
//! is large is sent by two threads, each half of each kind.

use std::time::Instant;

use super::announced::announced;
use super::ports::source_mac;
use super::sockets::Sockets;
use super::sweep::{ARRIVE_WITHIN, keep_pace, probe_of, signs_of_life};
use super::{Role, Sending, Site, Swept};
use crate::kernel::packet::PacketSocket;
use crate::names::{Kinds, LinkName, Mac, Traffic};
use crate::observation::OpenSeen;
#[cfg(feature = "broken-parts")]
use crate::parts;
use crate::plan::{Aim, Check, Open};
use crate::tap::{Direction, first_half, nonce};

/// Signs of life are asked for again after so long, so that each packet has one within a second.
const ALIVE_EVERY: std::time::Duration = std::time::Duration::from_millis(300);

/// How often packets are sent that did not enter the net, the first time included.
const TRIES: usize = 3;

/// Allowed flows that are asked for a sign of life again and again while a check attacks.
pub(super) struct Life<'a> {
    site: &'a Site,
    check: &'a Check,
    aims: Vec<&'a Aim>,
    alive: &'a [Open],
    patience: u32,
    asked: Instant,
    pub(super) opens: Vec<OpenSeen>,
}

impl<'a> Life<'a> {
    /// Asks for the first time.
    pub(super) async fn begin(
        site: &'a Site,
        check: &'a Check,
        aims: &'a [Sending],
        alive: &'a [Open],
        patience: u32,
    ) -> Self {
        let aims = aims.iter().map(|one| &one.aim).collect();
        let mut life = Self { site, check, aims, alive, patience, asked: Instant::now(), opens: Vec::new() };
        life.ask().await;
        life
    }

    pub(super) async fn ask(&mut self) {
        self.opens.extend(signs_of_life(self.site, self.check, &self.aims, self.alive, self.patience).await);
        self.asked = Instant::now();
    }

    pub(super) fn is_due(&self) -> bool {
        Instant::now() > self.due()
    }

    /// When the next sign is due.
    fn due(&self) -> Instant {
        self.asked + ALIVE_EVERY
    }
}

/// So many packets are sent in one call.
const AT_ONCE: usize = 64;

/// A packet of the attack.
#[derive(Clone, Copy)]
struct Sent {
    n: u32,
    traffic: Traffic,
}

/// Packets that one thread sends, in their order.
#[derive(Default)]
struct Lane {
    packets: Vec<Sent>,
    /// How many of them were sent.
    sent: usize,
}

/// An aim all of which was sent, perhaps not seen yet.
pub(super) struct Attacked {
    swept: Swept,
    lanes: Vec<Lane>,
}

/// Sends all of one aim.
pub(super) async fn attack(
    site: &Site,
    sockets: &mut Sockets,
    life: &mut Life<'_>,
    number: usize,
    sending: &Sending,
) -> Attacked {
    let mut swept = Swept::begin(site, life.check, number, sending, false);
    let mut lanes = Vec::new();
    match Sender::of(site, sockets, number, &sending.aim) {
        Ok(sender) => {
            lanes = lanes_of(site, number, sending);
            let mut begun = swept.started_at;
            while !sender.send_slice(&mut lanes, life.due()) {
                swept.slices.push((begun, fake_facts::now()));
                life.ask().await;
                begun = fake_facts::now();
            }
            swept.ended_at = fake_facts::now();
            swept.slices.push((begun, swept.ended_at));
        }
        Err(error) => {
            swept.errors.push(error);
            swept.ended_at = fake_facts::now();
            swept.slices.push((swept.started_at, swept.ended_at));
        }
    }
    Attacked { swept, lanes }
}

/// Enters all of an aim in the ledger; one lane, or two where there is enough for both.
fn lanes_of(site: &Site, number: usize, sending: &Sending) -> Vec<Lane> {
    let all: u64 = sending.kinds.iter().map(Kinds::width).sum();
    let mut lanes = vec![Lane::default()];
    if all > u64::from(site.batch) {
        lanes.push(Lane::default());
    }
    for (kind, kinds) in sending.kinds.iter().enumerate() {
        let first = enter(site, number, kind, kinds, &sending.aim);
        let half = usize::try_from(first_half(kinds.width())).unwrap_or(usize::MAX);
        for (place, (n, traffic)) in (first..).zip(kinds.each()).enumerate() {
            let lane = usize::from(lanes.len() > 1 && place >= half);
            lanes[lane].packets.push(Sent { n, traffic });
        }
    }
    lanes
}

impl Attacked {
    /// How many packets were sent.
    pub(super) fn packets(&self) -> usize {
        self.lanes.iter().map(|lane| lane.sent).sum()
    }

    /// Sends once more whatever the attacker's own tap has not seen; whether there was any. It waits for the last packet, and
    /// so for a block of the ring that may not be full: of several aims the first one waits for all.
    pub(super) fn finish(self, site: &Site, sockets: &mut Sockets) -> (Swept, bool) {
        let Attacked { mut swept, lanes } = self;
        if lanes.iter().all(|lane| lane.packets.is_empty()) {
            return (swept, false);
        }
        let begun = fake_facts::now();
        let again = Sender::of(site, sockets, swept.number, &swept.sending.aim)
            .map(|sender| sender.send_missing(&lanes, &mut swept.errors));
        let again = again.unwrap_or_else(|error| {
            swept.errors.push(error);
            false
        });
        if again {
            swept.ended_at = fake_facts::now();
            swept.slices.push((begun, swept.ended_at));
        }
        (swept, again)
    }
}

/// Enters one kind of an aim in the ledger, and says so to the taps; the number of its first packet.
fn enter(site: &Site, number: usize, kind: usize, kinds: &Kinds, aim: &Aim) -> u32 {
    let first = site.ledger.enter_all(number, kind, kinds, Role::Attack);
    if let Some(announced) = announced(&site.plan, aim, number, (first, kinds.clone()), site.key) {
        site.watch.announce(announced);
    }
    first
}

/// Sends packets of one aim out of one link.
struct Sender<'a> {
    site: &'a Site,
    socket: &'a PacketSocket,
    aim: &'a Aim,
    /// Of the aim.
    number: usize,
    source: Mac,
    /// Port of that link in the fabric.
    port: LinkName,
}

impl<'a> Sender<'a> {
    /// Who sends an aim.
    ///
    /// Errors: in words, why it cannot be sent.
    fn of(site: &'a Site, sockets: &'a mut Sockets, number: usize, aim: &'a Aim) -> Result<Self, String> {
        let way = site.way_out(&aim.from, &aim.link);
        let (link, port) = way.ok_or_else(|| format!("{} has no carrier", aim.from))?;
        let socket = sockets.of_link(site, &aim.from, link)?;
        Ok(Sender { site, socket, aim, number, source: source_mac(site, aim), port: port.clone() })
    }

    /// Sends on until a moment, each lane by a thread of its own; whether that was all.
    fn send_slice(&self, lanes: &mut [Lane], until: Instant) -> bool {
        let share = self.site.batch as usize / lanes.len();
        if let [only] = lanes {
            self.send_lane(only, share, until);
        } else {
            std::thread::scope(|threads| {
                for lane in lanes.iter_mut() {
                    threads.spawn(move || self.send_lane(lane, share, until));
                }
            });
        }
        lanes.iter().all(|lane| lane.sent == lane.packets.len())
    }

    /// Sends on until a moment, but at least its share of what the ring holds.
    fn send_lane(&self, lane: &mut Lane, share: usize, until: Instant) {
        let begun = lane.sent;
        while lane.sent < lane.packets.len() && (lane.sent - begun < share || Instant::now() <= until) {
            let end = lane.packets.len().min(lane.sent + AT_ONCE);
            self.send_together(&lane.packets[lane.sent..end]);
            self.keep_behind(&lane.packets[..end], end - lane.sent, share / 2);
            lane.sent = end;
        }
    }

    /// Sends some for the first time. What the kernel does not take is as good as missing, and is sent again.
    fn send_together(&self, some: &[Sent]) {
        let frames: Vec<Vec<u8>> = some.iter().filter_map(|one| self.frames(one).ok()).flatten().collect();
        if let Err(error) = self.put(&frames) {
            tracing::debug!(%error, "packets were not sent at once");
        }
    }

    /// Sends one again. What cannot be sent is told only at the last try.
    fn send_again(&self, one: &Sent, errors: &mut Vec<String>, last: bool) {
        let sent = self.frames(one).and_then(|frames| self.put(&frames));
        match sent {
            Ok(()) => keep_pace(self.site, one.n, &(self.port.clone(), Direction::FromNode)),
            Err(error) if last => errors.push(format!("{}: {error}", one.traffic)),
            Err(_) => {}
        }
    }

    /// Errors: the kernel takes none of them.
    fn put(&self, frames: &[Vec<u8>]) -> Result<(), String> {
        #[cfg(feature = "broken-parts")]
        if parts::is_broken(parts::Part::SendsNothing) {
            return Ok(());
        }
        self.socket.send_together(frames).map(drop).map_err(|error| error.to_string())
    }

    fn frames(&self, one: &Sent) -> Result<Vec<Vec<u8>>, String> {
        let ways = (self.source, self.aim.next_hop);
        let probe =
            probe_of(self.aim, ways, (Role::Attack, self.number), (one.n, one.traffic), self.site.key);
        nonce::frames(&probe).map_err(|error| error.to_string())
    }

    /// After each half of its share, waits until the half before it has passed the taps. That one's frames have pushed it out
    /// of the ring, so that nobody waits for a block that is not full.
    fn keep_behind(&self, sent: &[Sent], latest: usize, half: usize) {
        let half = half.max(1);
        let (halves, before) = (sent.len() / half, (sent.len() - latest) / half);
        if halves > before && halves > 1 {
            self.wait_for(sent[(halves - 1) * half - 1].n);
        }
    }

    /// Waits until a packet is seen; one that never comes is told by the counts, so it is not waited for long.
    fn wait_for(&self, n: u32) {
        let deadline = Instant::now() + ARRIVE_WITHIN;
        let _ = self.site.watch.wait_for(n, &self.port, Direction::FromNode, deadline);
    }

    /// Sends once more whatever the attacker's own tap has not seen; whether there was any.
    fn send_missing(&self, lanes: &[Lane], errors: &mut Vec<String>) -> bool {
        let sent: Vec<Sent> = lanes.iter().flat_map(|lane| &lane.packets).copied().collect();
        let numbers: Vec<u32> = sent.iter().map(|one| one.n).collect();
        for again in 1..TRIES {
            // Frames of a thread pass the taps in one order: once its last was seen, none before it is still on its way.
            lanes.iter().filter_map(|lane| lane.packets.last()).for_each(|last| self.wait_for(last.n));
            let missing = self.site.watch.missing(&numbers, &self.port, Direction::FromNode);
            if missing.is_empty() {
                return again > 1;
            }
            tracing::debug!(missing = missing.len(), again, "packets did not enter and are sent again");
            for place in missing {
                self.send_again(&sent[place], errors, again + 1 == TRIES);
            }
        }
        true
    }
}
