//! A negative: everything it plans is sent, with its three controls in the same run.
//!
//! *Alive*: its allowed flows, before and after, within a second. *Instrument*: the same packets, sent on the target's
//! segment, are seen by the instrument that judges; behind a filter that is shown in the open copy, and in the site
//! itself by the packets of allowed flows that the very instrument logs. *Path*: in the open copy the same packets
//! arrive.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::attack::{Attacked, Life, attack};
use super::open::open_again;
use super::pass_on::passed_on;
use super::ports::{own_port, port_of, ports_of, source_mac};
use super::sockets::Sockets;
use super::unread::Unread;
use super::{Entry, Role, Sending, Site};
use crate::kernel::packet::PacketSocket;
use crate::names::{CheckName, Kinds, LinkName, Mac, NodeName, Traffic};
use crate::observation::{OpenSeen, TraceStep};
use crate::plan::{Aim, Check, Judge, Open, PassedOn};
use crate::tap::Direction;
use crate::tap::nonce::{self, Probe};

/// How long packets may be under way before a control counts as missed.
pub(super) const ARRIVE_WITHIN: Duration = Duration::from_secs(1);

/// How long an instrument behind a filter may take for its sign of life: less than the second within which it counts.
const LIFE_WITHIN: Duration = Duration::from_millis(700);

/// The controls send every kind of a range that is not wider than this; of others its edges and so many in between.
const SAMPLE: usize = 64;

/// The same of cells that have one packet each: what a stream holds takes the controls of each of them by itself.
const SAMPLE_OF_CELLS: usize = 16;

/// Ethernet address of the helper on the target's segment; nobody answers to it.
const HELPER: Mac = Mac([0x02, 0x74, 0x65, 0x73, 0x74, 0xfe]);

/// An aim that was sent, before the captures are closed.
#[derive(Debug)]
pub struct Swept {
    /// Which check.
    pub check: CheckName,
    /// Number of the aim, counted over all checks of the plan.
    pub number: usize,
    /// What was sent to whom.
    pub sending: Sending,
    /// The fabric's ports of the attacker's link and of the target's; each with that of the link that it may change
    /// places with.
    pub(super) ports: (Vec<LinkName>, Vec<LinkName>),
    /// Packets were sent again and again: as many were planned as were sent.
    pub(super) again: bool,
    pub(super) started_at: u64,
    pub(super) ended_at: u64,
    /// When it was sent, from one sign of life to the next.
    pub(super) slices: Vec<(u64, u64)>,
    pub(super) errors: Vec<String>,
    /// Filled in by [`super::trace`].
    pub(super) trace: Vec<TraceStep>,
}

/// Carries out one negative: all its aims in the site, its controls there and in the open copy.
///
/// `first` is the number of its first aim, counted over all checks. The first packet that arrives is traced.
pub async fn sweep(
    site: &Site,
    open_copy: &Site,
    check: &Check,
    aims: &[Sending],
    alive: &[Open],
    first: usize,
    patience: u32,
) -> (Vec<Swept>, Vec<OpenSeen>) {
    tracing::info!(check = %check.name, aims = aims.len(), "attacks");
    let mut sockets = Sockets::default();
    let mut life = Life::begin(site, check, aims, alive, patience).await;
    let (mut swept, mut under_way) = (Vec::new(), Vec::new());
    for (number, aim) in (first..).zip(aims) {
        let packets: usize = under_way.iter().map(Attacked::packets).sum();
        if packets >= site.batch as usize || life.is_due() {
            finish(site, &mut sockets, &mut life, &mut under_way, &mut swept).await;
        }
        under_way.push(attack(site, &mut sockets, &mut life, number, aim).await);
    }
    finish(site, &mut sockets, &mut life, &mut under_way, &mut swept).await;
    controls(site, open_copy, &mut swept, patience).await;
    super::trace::trace_all(site, &mut swept, patience).await;
    (swept, life.opens)
}

/// Ends attacks that are under way. Signs of life come right behind them, and right behind each that is not whole at once.
async fn finish(
    site: &Site,
    sockets: &mut Sockets,
    life: &mut Life<'_>,
    under_way: &mut Vec<Attacked>,
    swept: &mut Vec<Swept>,
) {
    life.ask().await;
    for one in under_way.drain(..) {
        let (one, again) = one.finish(site, sockets);
        swept.push(one);
        if again {
            life.ask().await;
        }
    }
}

/// Asks every allowed flow for a sign of life, then waits until the instruments behind filters have given theirs.
pub async fn signs_of_life(
    site: &Site,
    check: &Check,
    aims: &[&Aim],
    alive: &[Open],
    patience: u32,
) -> Vec<OpenSeen> {
    let begun = fake_facts::now();
    let asked = alive.iter().map(|one| open_again(site, &check.name, one, patience));
    let opens = futures_util::future::join_all(asked).await;
    let judges: BTreeSet<&NodeName> = aims
        .iter()
        .filter_map(|aim| match &aim.judge {
            Judge::BehindFilter { node } => Some(node),
            Judge::Tap { .. } => None,
        })
        .collect();
    let deadline = Instant::now() + LIFE_WITHIN * patience;
    for node in judges {
        site.filters.wait_for_life(node, begun, deadline);
    }
    opens
}

/// The controls of a stream that has ended, and what lets through what still arrived at its end.
pub async fn finish_stream(site: &Site, open_copy: &Site, swept: &mut [Swept], patience: u32) {
    controls(site, open_copy, swept, patience).await;
    super::trace::trace_all(site, swept, patience).await;
}

/// After each batch, of however many aims, waits until its last packet has passed the taps.
pub(super) fn keep_pace(site: &Site, n: u32, (port, direction): &(LinkName, Direction)) {
    if (n + 1).is_multiple_of(site.batch) {
        // A packet that never comes is told by the counts, so it is not waited for long.
        let deadline = Instant::now() + ARRIVE_WITHIN;
        let _ = site.watch.wait_for(n, port, *direction, deadline);
    }
}

/// The controls of each aim: instrument and path.
async fn controls(site: &Site, open_copy: &Site, swept: &mut [Swept], patience: u32) {
    let (mut here, mut there) = (Sockets::default(), Sockets::default());
    let mut unread = Unread::new(patience);
    let mut waits: Vec<(&Site, Judge, Vec<u32>)> = Vec::new();
    for one in swept.iter_mut() {
        let (sending, number) = (one.sending.clone(), one.number);
        let aim = &sending.aim;
        // Behind a filter only the open copy lets the helper's packets through to the instrument.
        let (instrument, sockets) = match aim.judge {
            Judge::Tap { .. } => (site, &mut here),
            Judge::BehindFilter { .. } => (open_copy, &mut there),
        };
        let helper = sockets.of_bridge(instrument, &aim.target_segment);
        let (role, macs) = ((number, Role::Instrument), (HELPER, aim.target_mac));
        let sent = send_all(instrument, helper, &sending, role, macs, &mut unread);
        waits.push((
            instrument,
            aim.judge.clone(),
            sent.unwrap_or_else(|error| one.fail("instrument", error)),
        ));
        // A device that must pass it on is told to for a moment, when the others are through.
        if one.passed_on().is_none() {
            waits.push((open_copy, aim.judge.clone(), send_path(open_copy, &mut there, one, &mut unread)));
        }
    }
    wait_for_all(waits, patience);
    passed_on(open_copy, &mut there, swept, &mut unread, patience).await;
}

/// Sends the path control of one aim; the numbers of its packets.
pub(super) fn send_path(
    open_copy: &Site,
    sockets: &mut Sockets,
    one: &mut Swept,
    unread: &mut Unread,
) -> Vec<u32> {
    let (sending, number) = (one.sending.clone(), one.number);
    let aim = &sending.aim;
    let source = source_mac(open_copy, aim);
    let attacker = sockets.of_link(open_copy, &aim.from, &aim.link);
    let (role, macs) = ((number, Role::Attack), (source, aim.next_hop));
    let sent = send_all(open_copy, attacker, &sending, role, macs, unread);
    sent.unwrap_or_else(|error| one.fail("path", error))
}

/// Waits until packets are seen where they are judged, at most for a while.
pub(super) fn wait_for_all(waits: Vec<(&Site, Judge, Vec<u32>)>, patience: u32) {
    let deadline = Instant::now() + ARRIVE_WITHIN * patience;
    for (site, judge, numbers) in waits {
        match judge {
            Judge::BehindFilter { node } => drop(site.filters.wait_for(&node, &numbers, deadline)),
            Judge::Tap { port } => {
                for number in numbers {
                    site.watch.wait_for(number, &port, Direction::ToNode, deadline);
                }
            }
        }
    }
}

impl Swept {
    /// Nothing sent yet. `again`: each kind will be sent many times.
    pub(super) fn begin(site: &Site, check: &Check, number: usize, sending: &Sending, again: bool) -> Self {
        let at = fake_facts::now();
        Swept {
            check: check.name.clone(),
            number,
            sending: sending.clone(),
            ports: ports_of(&site.plan, &sending.aim).expect("an aim is of the plan that it is sent for"),
            again,
            started_at: at,
            ended_at: at,
            slices: Vec::new(),
            errors: Vec::new(),
            trace: Vec::new(),
        }
    }

    /// Its packets that have arrived so far where it is judged, with their numbers, ascending.
    pub(super) fn arrived(&self, site: &Site) -> Vec<(u32, Entry)> {
        let numbers = match &self.sending.aim.judge {
            Judge::Tap { .. } => site.watch.handed_over(&self.ports.1),
            Judge::BehindFilter { node } => site.filters.all_arrived(node),
        };
        numbers.into_iter().filter_map(|n| self.attack(site, n)).collect()
    }

    /// The packet with this number, if it is one of the attack's own.
    pub(super) fn attack(&self, site: &Site, n: u32) -> Option<(u32, Entry)> {
        let mine = |entry: &Entry| entry.aim == self.number && entry.role == Role::Attack;
        site.ledger.entry(n).filter(mine).map(|entry| (n, entry))
    }

    /// What a device between does to let in what is for everybody, if that is what is sent.
    pub(super) fn passed_on(&self) -> Option<(&NodeName, &PassedOn)> {
        let aim = &self.sending.aim;
        aim.everybody.as_ref().and_then(|one| one.by.as_ref()).map(|by| (&aim.next_node, by))
    }

    pub(super) fn fail(&mut self, control: &str, error: String) -> Vec<u32> {
        self.errors.push(format!("{control} control: {error}"));
        Vec::new()
    }
}

fn send_all(
    site: &Site,
    socket: Result<&PacketSocket, String>,
    sending: &Sending,
    (number, role): (usize, Role),
    (source, to): (Mac, Mac),
    unread: &mut Unread,
) -> Result<Vec<u32>, String> {
    let (socket, aim) = (socket?, &sending.aim);
    let fence = match role {
        Role::Instrument => (port_of(site, aim), Direction::ToNode),
        _ => (own_port(site, aim), Direction::FromNode),
    };
    let mut sent = Vec::new();
    for (kind, traffic) in sampled(sending, site.key) {
        let n = send(site, socket, aim, source, to, Entry { aim: number, kind, traffic, role })?;
        sent.push(n);
        keep_pace(site, n, &fence);
        if let Judge::BehindFilter { node } = &aim.judge {
            unread.sent(node, |within| site.filters.wait_for(node, &[n], Instant::now() + within));
        }
    }
    Ok(sent)
}

/// What stands for an aim in its controls: all of it where that is little, else the edges of each range and some in
/// between, which differ from run to run.
fn sampled(sending: &Sending, seed: u32) -> impl Iterator<Item = (usize, Traffic)> {
    let one_each = sending.aim.cells.as_ref().is_some_and(|cells| cells.one_each);
    sending.kinds.iter().enumerate().flat_map(move |(kind, kinds)| {
        let all = kinds.width();
        let is_few = one_each && matches!(kinds, Kinds::Cells(_));
        let step = (all / if is_few { SAMPLE_OF_CELLS } else { SAMPLE } as u64).max(1);
        let offset = u64::from(seed) % step;
        let chosen = move |place: u64| place == 0 || place + 1 == all || place % step == offset;
        let each = (0..all).zip(kinds.each()).filter(move |(place, _)| chosen(*place));
        each.map(move |(_, single)| (kind, single))
    })
}

/// Sends one packet and returns its number.
pub(super) fn send(
    site: &Site,
    socket: &PacketSocket,
    aim: &Aim,
    source: Mac,
    to: Mac,
    entry: Entry,
) -> Result<u32, String> {
    let n = site.ledger.enter(entry);
    let own = match entry.role {
        Role::Attack | Role::Instrument => entry.aim,
        // Another one each time: a packet that was answered before would be let in as an established one.
        Role::Trace | Role::Frame | Role::Canary => n as usize,
    };
    craft_and_send(site, socket, aim, (source, to), (entry.role, own), (n, entry.traffic))?;
    Ok(n)
}

/// Puts a packet together and sends it; `own` chooses its source port.
pub(super) fn craft_and_send(
    site: &Site,
    socket: &PacketSocket,
    aim: &Aim,
    (source, to): (Mac, Mac),
    (role, own): (Role, usize),
    (n, traffic): (u32, Traffic),
) -> Result<(), String> {
    let probe = probe_of(aim, (source, to), (role, own), (n, traffic), site.key);
    let frames = nonce::frames(&probe).map_err(|error| error.to_string())?;
    frames.iter().try_for_each(|frame| socket.send(frame)).map_err(|error| error.to_string())
}

/// The packet of an aim with this number; `own` chooses its source port.
pub(super) fn probe_of(
    aim: &Aim,
    (source, to): (Mac, Mac),
    (role, own): (Role, usize),
    (n, traffic): (u32, Traffic),
    key: u32,
) -> Probe {
    // A port of its own for each use, so that no packet meets the connection state of another.
    // Outside 32768 to 60999, from which the kernel takes the ports of real traffic, and another stretch in each run.
    let base = match role {
        Role::Attack => 20_000,
        Role::Instrument => 10_000,
        Role::Trace | Role::Frame | Role::Canary => 61_000,
    };
    // At a device on the target's segment it is at the target itself.
    let waypoint = aim.cells.as_ref().and_then(|cells| cells.waypoint).filter(|_| role != Role::Instrument);
    let source_port = base + u16::try_from(own % 3_500).unwrap_or(0) + u16::try_from(key % 499).unwrap_or(0);
    Probe {
        source_mac: source,
        next_hop_mac: to,
        source: aim.source,
        dest: aim.address,
        traffic,
        source_port,
        key,
        n,
        ttl: 64,
        waypoint,
    }
}
