//! Packets of negatives, sent again and again at a steady rate while something is done to the site.
//!
//! Each has a number of its own, so that a gap of one packet in the isolation shows: whatever arrives, whenever it does,
//! is known by its number, and by that the moment when it was sent.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};

use super::ports::{own_port, source_mac};
use super::sockets::Sockets;
use super::sweep::send;
use super::{Entry, Role, Sending, Site, Swept};
use crate::names::{Kinds, LinkName, Traffic};
#[cfg(feature = "broken-parts")]
use crate::parts;
use crate::plan::Check;
use crate::tap::{Direction, Watch};

/// From one packet of an aim to its next, if there are few aims.
const EVERY: Duration = Duration::from_millis(5);
/// So many aims at most have a packet each at a time, so that no ring fills up; where there are more, they take turns. So there
/// is no moment longer than [`EVERY`] in which nothing is sent.
const AT_A_TIME: usize = 10;
/// So many packets of cells at most at a time, besides, and for so long: the rest of [`EVERY`] is for others.
const CELLS_AT_A_TIME: usize = 256;
const CELLS_FOR: Duration = Duration::from_millis(3);
/// How long a packet may be on its way to the attacker's own tap.
const ENTERS_WITHIN: Duration = Duration::from_secs(1);

/// A running stream.
pub struct Stream<'a> {
    site: &'a Site,
    sockets: Sockets,
    lanes: Vec<Lane>,
    /// Whose turn is next, where they take turns.
    turn: usize,
    /// Whether packets of cells are sent, too.
    with_cells: SendCells,
    /// Ports by which nothing is sent for a moment.
    held: BTreeSet<LinkName>,
}

/// When packets of cells are sent besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendCells {
    /// Not.
    Never,
    /// With each tick.
    Always,
    /// While a node that starts has its links, and not yet all that it runs.
    AsItRises,
}

/// The packets of one aim.
struct Lane {
    swept: Swept,
    /// Every single kind of the list, with the place of the range that it is of.
    kinds: Vec<(usize, Traffic)>,
    next: usize,
    /// What stands for cells, each sent once.
    cells: std::vec::IntoIter<(usize, Traffic)>,
    /// How often each kind was sent.
    rounds: u64,
    /// Port of the attacker's own link.
    port: LinkName,
    last: Option<u32>,
}

impl<'a> Stream<'a> {
    /// A stream of all these aims; `first` is the number of the first of them, counted over all checks.
    pub fn begin(site: &'a Site, check: &Check, aims: &[Sending], first: usize) -> Self {
        let lanes: Vec<_> =
            (first..).zip(aims).map(|(number, aim)| Lane::new(site, check, number, aim)).collect();
        let (sockets, held) = (Sockets::default(), BTreeSet::new());
        Self { site, sockets, lanes, turn: 0, with_cells: SendCells::Never, held }
    }

    /// From here on packets of cells are sent so. Each is sent once.
    pub fn send_cells(&mut self, when: SendCells) {
        self.with_cells = when;
    }

    /// Sends some packets of cells now, between two ticks.
    pub fn send_cells_now(&mut self) {
        if self.with_cells != SendCells::Never {
            self.send_some_cells();
        }
    }

    /// Whether there are cells of which nothing was sent, though somebody can.
    pub fn has_cells_left(&self) -> bool {
        self.lanes.iter().any(|lane| self.can_send_cells(lane))
    }

    fn can_send_cells(&self, lane: &Lane) -> bool {
        lane.cells.len() > 0 && lane.way(self.site, &self.held).is_some()
    }

    /// What is left of cells is not sent any more, but by these ports.
    pub fn give_cells_up(&mut self, but: &[LinkName]) {
        for lane in self.lanes.iter_mut().filter(|lane| !but.contains(&lane.port)) {
            lane.cells = Vec::new().into_iter();
        }
    }

    /// Goes on until some work is done.
    pub async fn beside<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                _ = ticks.tick() => self.send_some(),
            }
        }
    }

    /// Goes on until every kind of every aim that can be sent was sent once more, and where cells are sent, all of these.
    pub async fn round(&mut self) {
        let sending = |lane: &Lane| lane.way(self.site, &self.held).is_some() && !lane.kinds.is_empty();
        let goals: Vec<_> = self.lanes.iter().map(|lane| sending(lane).then_some(lane.rounds + 2)).collect();
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        // The round that has begun may have begun before whatever is to be seen.
        let is_short = |lanes: &[Lane]| {
            lanes.iter().zip(&goals).any(|(lane, goal)| goal.is_some_and(|goal| lane.rounds < goal))
        };
        while is_short(&self.lanes) || self.with_cells == SendCells::Always && self.has_cells_left() {
            ticks.tick().await;
            self.send_some();
        }
    }

    /// Before these ports lose their carrier: sends nothing more by them, and gives what must be waited for, so that no
    /// packet is lost between the attacker and its own tap.
    pub fn hold(&mut self, ports: &[LinkName]) -> impl Future<Output = ()> + use<> {
        self.pause(ports);
        let leaving: Vec<_> = self.lanes.iter().filter_map(|lane| lane.leaving_by(ports)).collect();
        let watch = self.site.watch.clone();
        async move {
            // The watch blocks.
            let _ = tokio::task::spawn_blocking(move || wait_for_all(&watch, &leaving)).await;
        }
    }

    /// Sends nothing by these ports; whoever has a spare that stands in goes on by that.
    pub fn pause(&mut self, ports: &[LinkName]) {
        self.held.extend(ports.iter().cloned());
    }

    /// Sends by the ports that were held again, or by whichever stands in for them.
    pub fn release(&mut self) {
        self.held.clear();
    }

    /// Whether there are aims and none of them can be sent now: silence would say nothing.
    pub fn is_silent(&self) -> bool {
        !self.lanes.is_empty() && self.lanes.iter().all(|lane| lane.way(self.site, &self.held).is_none())
    }

    /// Sends once more what has arrived so far, to see what let it through; meanwhile nothing else is sent.
    pub async fn trace(&mut self, patience: u32) {
        for lane in &mut self.lanes {
            if lane.swept.trace.is_empty() && !lane.swept.arrived(self.site).is_empty() {
                lane.swept.trace =
                    super::trace::trace(self.site, &lane.swept, patience).await.unwrap_or_default();
            }
        }
    }

    /// The end.
    pub fn end(self) -> Vec<Swept> {
        let ended_at = fake_facts::now();
        let mut swept: Vec<_> = self.lanes.into_iter().map(|lane| lane.swept).collect();
        swept.iter_mut().for_each(|one| one.ended_at = ended_at);
        swept
    }

    /// One packet of each aim, or of those whose turn it is.
    fn send_some(&mut self) {
        let all = self.lanes.len();
        for _ in 0..all.min(AT_A_TIME) {
            self.lanes[self.turn].send(self.site, &mut self.sockets, &self.held);
            self.turn = (self.turn + 1) % all;
        }
        let now = match self.with_cells {
            SendCells::Never => false,
            SendCells::Always => true,
            SendCells::AsItRises => self.site.is_rising(),
        };
        if now {
            self.send_some_cells();
        }
    }

    /// As many packets of cells as there is time for: of each aim one at a time.
    fn send_some_cells(&mut self) {
        let until = Instant::now() + CELLS_FOR;
        let (site, held) = (self.site, &self.held);
        let with_way =
            |lane: &'_ Lane| (lane.cells.len() > 0).then(|| lane.way(site, held).cloned()).flatten();
        let mut lanes: Vec<_> =
            self.lanes.iter_mut().filter_map(|lane| with_way(lane).map(|link| (lane, link))).collect();
        let mut sent = 0;
        while !lanes.is_empty() {
            for (lane, link) in &mut lanes {
                if sent == CELLS_AT_A_TIME || Instant::now() > until {
                    return;
                }
                lane.send_cell(site, &mut self.sockets, link);
                sent += 1;
            }
            lanes.retain(|(lane, _)| lane.cells.len() > 0);
        }
    }
}

fn wait_for_all(watch: &Watch, leaving: &[(u32, LinkName)]) {
    let deadline = Instant::now() + ENTERS_WITHIN;
    for (n, port) in leaving {
        let _ = watch.wait_for(*n, port, Direction::FromNode, deadline);
    }
}

impl Lane {
    fn new(site: &Site, check: &Check, number: usize, sending: &Sending) -> Self {
        let is_cell = |(kind, _): &(usize, Traffic)| matches!(sending.kinds[*kind], Kinds::Cells(_));
        let (cells, kinds): (Vec<_>, Vec<_>) = sending.singles().partition(is_cell);
        Lane {
            kinds,
            cells: cells.into_iter(),
            swept: Swept::begin(site, check, number, sending, true),
            next: 0,
            rounds: 0,
            port: own_port(site, &sending.aim),
            last: None,
        }
    }

    /// By which link it sends now.
    fn way<'s>(&self, site: &'s Site, held: &BTreeSet<LinkName>) -> Option<&'s LinkName> {
        let aim = &self.swept.sending.aim;
        let way = site.way_out(&aim.from, &aim.link);
        way.filter(|(_, port)| !held.contains(*port)).map(|(link, _)| link)
    }

    fn send(&mut self, site: &Site, sockets: &mut Sockets, held: &BTreeSet<LinkName>) {
        let Some(link) = self.way(site, held).cloned() else { return };
        let Some(single) = self.kinds.get(self.next).copied() else { return };
        self.send_single(site, sockets, &link, single);
        self.next = (self.next + 1) % self.kinds.len();
        self.rounds += u64::from(self.next == 0);
    }

    fn send_cell(&mut self, site: &Site, sockets: &mut Sockets, link: &LinkName) {
        if let Some(single) = self.cells.next() {
            self.send_single(site, sockets, link, single);
        }
    }

    fn send_single(&mut self, site: &Site, sockets: &mut Sockets, link: &LinkName, single: (usize, Traffic)) {
        let ((kind, traffic), aim) = (single, &self.swept.sending.aim);
        let entry = Entry { aim: self.swept.number, kind, traffic, role: Role::Attack };
        let source = source_mac(site, aim);
        let sent = sockets.of_link(site, &aim.from, link).and_then(|socket| {
            #[cfg(feature = "broken-parts")]
            if parts::is_broken(parts::Part::SendsNothing) {
                return Ok(site.ledger.enter(entry));
            }
            send(site, socket, aim, source, aim.next_hop, entry)
        });
        match sent {
            Ok(n) => self.last = Some(n),
            // One of a kind says enough.
            Err(error) if self.swept.errors.len() < 4 => {
                self.swept.errors.push(format!("{traffic}: {error}"))
            }
            Err(_) => {}
        }
    }

    /// The latest packet, and where it enters, if it left by one of these ports.
    fn leaving_by(&self, ports: &[LinkName]) -> Option<(u32, LinkName)> {
        self.last.filter(|_| ports.contains(&self.port)).map(|n| (n, self.port.clone()))
    }
}
