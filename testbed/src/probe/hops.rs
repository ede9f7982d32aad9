//! Frames sent into one segment, looked for in others: neither a tag nor anything else takes them there.
//!
//! *Instrument*: the same frames, put on the cable of each tap that judges, are seen there. *Path*: neighbours of the sender's own get
//! what has no tag; and in the open copy, while the sender's port is joined to one of the other segment, everything comes out there.
//! *Alive*: allowed flows in each of the segments, before and after.

use std::time::{Duration, Instant};

use super::Site;
use super::open::open_again;
use super::sockets::Sockets;
use crate::kernel::nft;
use crate::names::{CheckName, LinkName, Mac};
use crate::observation::{Control, HopSeen, HoppedSeen, OpenSeen};
#[cfg(feature = "broken-parts")]
use crate::parts;
use crate::plan::{Cable, Check, Hop, Open, StrayFrame, Vlans, wiring};
use crate::tap::nonce::{self, Stray};
use crate::tap::{Captured, Direction};

/// How long frames may be under way before a control counts as missed.
const ARRIVE_WITHIN: Duration = Duration::from_secs(1);

/// A hop that was tried, before the captures are closed.
#[derive(Debug)]
pub struct Hopped {
    pub(super) check: CheckName,
    pub(super) hop: Hop,
    /// Per frame: its number in the site, that of its path control in the copy, those of its instrument control at each tap.
    pub(super) numbers: Vec<Vec<Option<u32>>>,
    pub(super) started_at: u64,
    pub(super) ended_at: u64,
    pub(super) errors: Vec<String>,
}

/// Places of the numbers of a frame; behind them those of the instruments.
const ATTACK: usize = 0;
const PATH: usize = 1;
pub(super) const INSTRUMENTS: usize = 2;

/// Tries every hop of a check, with its controls.
pub async fn hop(
    site: &Site,
    open_copy: &Site,
    check: &Check,
    hops: &[Hop],
    alive: &[Open],
    patience: u32,
) -> (Vec<Hopped>, Vec<OpenSeen>) {
    tracing::info!(check = %check.name, hops = hops.len(), "sends frames towards other segments");
    let mut opens = Vec::new();
    let mut tried = Vec::new();
    for hop in hops {
        opens.extend(ask_all(site, check, alive, patience).await);
        tried.push(attack(site, check, hop));
        opens.extend(ask_all(site, check, alive, patience).await);
    }
    for one in tried.iter_mut().filter(|one| !one.lacks_its_trunk(site)) {
        one.instruments(site, patience);
        one.path(open_copy, patience).await;
    }
    (tried, opens)
}

async fn ask_all(site: &Site, check: &Check, alive: &[Open], patience: u32) -> Vec<OpenSeen> {
    futures_util::future::join_all(alive.iter().map(|one| open_again(site, &check.name, one, patience))).await
}

fn attack(site: &Site, check: &Check, hop: &Hop) -> Hopped {
    let mut one = Hopped {
        check: check.name.clone(),
        hop: hop.clone(),
        numbers: vec![vec![None; INSTRUMENTS + hop.judges.len()]; hop.frames.len()],
        started_at: fake_facts::now(),
        ended_at: 0,
        errors: Vec::new(),
    };
    if one.lacks_its_trunk(site) {
        one.errors.push("VLANs are kept apart without tags here, so that there is no trunk".to_owned());
        one.ended_at = fake_facts::now();
        return one;
    }
    one.send(site, ATTACK, None);
    one.wait_until_sent(site);
    one.ended_at = fake_facts::now();
    one
}

impl Hopped {
    /// Sends all frames from the node, or puts them on the cable of a port.
    fn send(&mut self, site: &Site, place: usize, at: Option<&LinkName>) {
        let mut sockets = Sockets::default();
        let socket = match at {
            Some(port) => sockets.of_port(site, port),
            None => sockets.of_link(site, &self.hop.from, &self.hop.link),
        };
        let socket = match socket {
            Ok(socket) => socket,
            Err(error) => return self.errors.push(error),
        };
        for (frame, numbers) in self.hop.frames.iter().zip(&mut self.numbers) {
            let n = site.ledger.enter_frame();
            #[cfg(feature = "broken-parts")]
            if parts::is_broken(parts::Part::SendsNothing) && place == ATTACK {
                numbers[place] = Some(n);
                continue;
            }
            let sent = crafted(site, frame, self.hop.from_mac, n);
            match sent.and_then(|bytes| socket.send(&bytes).map_err(|error| error.to_string())) {
                Ok(()) => numbers[place] = Some(n),
                Err(error) => self.errors.push(format!("{}: {error}", frame.what)),
            }
        }
    }

    /// Until the frames were seen at this port, at most for a while.
    fn wait(&self, site: &Site, place: usize, (port, direction): (&LinkName, Direction), patience: u32) {
        let deadline = Instant::now() + ARRIVE_WITHIN * patience;
        for n in self.numbers.iter().filter_map(|numbers| numbers[place]) {
            site.watch.wait_for(n, port, direction, deadline);
        }
    }

    /// Until the frames were seen to leave, at most for a while.
    fn wait_until_sent(&self, site: &Site) {
        let deadline = Instant::now() + ARRIVE_WITHIN;
        for (frame, numbers) in self.hop.frames.iter().zip(&self.numbers) {
            if let Some(n) = numbers[ATTACK] {
                site.watch.wait_for(n, self.hop.port_of(frame), Direction::FromNode, deadline);
            }
        }
    }

    /// Whether frames are to be sent on a trunk where there are no tags.
    fn lacks_its_trunk(&self, site: &Site) -> bool {
        !self.hop.trunk.is_empty() && site.vlans == Vlans::Bridges
    }

    /// The end in the fabric of the cable that the frames are sent on.
    fn enters(&self, site: &Site) -> LinkName {
        let wired = wiring(&site.plan, site.vlans);
        let on_trunk = |cable: &&Cable| {
            !self.hop.trunk.is_empty() && *cable.node == self.hop.from && cable.end == self.hop.link
        };
        let trunk = wired.cables.iter().find(on_trunk);
        trunk.map_or_else(|| self.hop.from_port.clone(), |cable| cable.port.clone())
    }

    fn instruments(&mut self, site: &Site, patience: u32) {
        for (place, port) in (INSTRUMENTS..).zip(self.hop.judges.clone()) {
            self.send(site, place, Some(&port));
            self.wait(site, place, (&port, Direction::ToNode), patience);
        }
    }

    /// While the frames are sent, and no longer, the port that they come in by is joined to one of the other segment.
    async fn path(&mut self, copy: &Site, patience: u32) {
        let Some(out) = self.hop.judges.first().cloned() else { return };
        let into = self.enters(copy);
        if let Err(error) = nft::join_links(&copy.lab.fabric, &into, &out).await {
            self.errors.push(format!("path control: {error}"));
            return;
        }
        self.send(copy, PATH, None);
        self.wait(copy, PATH, (&out, Direction::ToNode), patience);
        if let Err(error) = nft::part_links(&copy.lab.fabric).await {
            self.errors.push(format!("path control: {error}"));
        }
    }

    /// Joins what was sent with what the taps have seen, once the captures are closed.
    pub fn complete(self, site: &Captured, open_copy: &Captured) -> HopSeen {
        let hop = &self.hop;
        let packet = |captured: &Captured, n: Option<u32>, port: &LinkName, direction| {
            captured.sightings.first(n?, port, direction).map(|one| one.packet)
        };
        let seen = hop.frames.iter().zip(&self.numbers).map(|(frame, numbers)| {
            let attack = numbers[ATTACK];
            let neighbours = hop.neighbours.iter();
            let carried = neighbours.filter_map(|port| packet(site, attack, port, Direction::ToNode)).next();
            let came_out = hop.taps.iter().filter_map(|port| {
                let [to, from] =
                    [Direction::ToNode, Direction::FromNode].map(|one| packet(site, attack, port, one));
                Some((port.clone(), from.or(to)?))
            });
            let instruments = hop.judges.iter().zip(&numbers[INSTRUMENTS..]);
            let told = instruments.filter(|(port, n)| packet(site, **n, port, Direction::ToNode).is_some());
            let out = hop.judges.first();
            let path = out.and_then(|port| packet(open_copy, numbers[PATH], port, Direction::ToNode));
            HoppedSeen {
                what: frame.what.clone(),
                sent_packet: packet(site, attack, hop.port_of(frame), Direction::FromNode),
                carried_packet: carried,
                came_out: came_out.collect(),
                instrument: Control { sent: hop.judges.len() as u64, seen: told.count() as u64 },
                path: Control { sent: u64::from(numbers[PATH].is_some()), seen: u64::from(path.is_some()) },
            }
        });
        let frames = seen.collect();
        let Hopped { check, hop, started_at, ended_at, errors, .. } = self;
        HopSeen { check, frames, hop, started_at, ended_at, errors }
    }
}

fn crafted(site: &Site, frame: &StrayFrame, source: Mac, n: u32) -> Result<Vec<u8>, String> {
    let stray = Stray { source, dest: frame.dest, key: site.key, n };
    nonce::craft_stray(&stray, &frame.carries).map_err(|error| error.to_string())
}
