//! Frames sent into one link of a node, looked for behind another: nothing below IP may get through.
//!
//! *Instrument*: the same frames, sent out of that other link by the node's own hand, are seen there. *Path*: in the open
//! copy, while the node's links are joined as a bridge would join them, the same frames come out. *Alive*: allowed flows
//! over each of the links, before and after.

use std::time::{Duration, Instant};

use super::Site;
use super::open::open_again;
use super::sockets::Sockets;
use crate::kernel::nft;
use crate::names::{CheckName, LinkName};
use crate::observation::{Control, CrossingSeen, FrameSeen, OpenSeen};
#[cfg(feature = "broken-parts")]
use crate::parts;
use crate::plan::{Check, Crossing, Open, StrayFrame};
use crate::tap::nonce::{self, Stray};
use crate::tap::{Captured, Direction};

/// How long frames may be under way before a control counts as missed.
const ARRIVE_WITHIN: Duration = Duration::from_secs(1);

/// A crossing that was tried, before the captures are closed.
#[derive(Debug)]
pub struct Crossed {
    pub(super) check: CheckName,
    pub(super) crossing: Crossing,
    /// Per frame: its number in the site, that of its instrument control there, that of its path control in the copy.
    pub(super) numbers: Vec<[Option<u32>; 3]>,
    pub(super) started_at: u64,
    pub(super) ended_at: u64,
    pub(super) errors: Vec<String>,
}

/// Tries every crossing of a check, with its controls.
pub async fn cross(
    site: &Site,
    open_copy: &Site,
    check: &Check,
    crossings: &[Crossing],
    alive: &[Open],
    patience: u32,
) -> (Vec<Crossed>, Vec<OpenSeen>) {
    tracing::info!(check = %check.name, crossings = crossings.len(), "sends frames into links");
    let mut opens = Vec::new();
    let mut crossed = Vec::new();
    for crossing in crossings {
        opens.extend(ask_all(site, check, alive, patience).await);
        crossed.push(attack(site, check, crossing));
        opens.extend(ask_all(site, check, alive, patience).await);
    }
    for one in &mut crossed {
        instrument(site, one, patience);
        path(open_copy, one, patience).await;
    }
    (crossed, opens)
}

async fn ask_all(site: &Site, check: &Check, alive: &[Open], patience: u32) -> Vec<OpenSeen> {
    futures_util::future::join_all(alive.iter().map(|one| open_again(site, &check.name, one, patience))).await
}

fn attack(site: &Site, check: &Check, crossing: &Crossing) -> Crossed {
    let mut one = Crossed {
        check: check.name.clone(),
        crossing: crossing.clone(),
        numbers: vec![[None; 3]; crossing.frames.len()],
        started_at: fake_facts::now(),
        ended_at: 0,
        errors: Vec::new(),
    };
    one.send(site, Use::Attack);
    one.wait_for_entry(site);
    one.ended_at = fake_facts::now();
    one
}

fn instrument(site: &Site, one: &mut Crossed, patience: u32) {
    one.send(site, Use::Instrument);
    let port = one.crossing.leaves.1.clone();
    one.wait(site, Use::Instrument, &port, patience);
}

/// While the frames are sent, and no longer, the node's links are joined in the open copy: other checks need it to route.
async fn path(copy: &Site, one: &mut Crossed, patience: u32) {
    let namespace = copy.lab.node(&one.crossing.node);
    let (enters, leaves) = (one.crossing.enters.0.clone(), one.crossing.leaves.0.clone());
    if let Err(error) = nft::join_links(namespace, &enters, &leaves).await {
        one.errors.push(format!("path control: {error}"));
        return;
    }
    one.send(copy, Use::Path);
    let port = one.crossing.leaves.1.clone();
    one.wait(copy, Use::Path, &port, patience);
    if let Err(error) = nft::part_links(namespace).await {
        one.errors.push(format!("path control: {error}"));
    }
}

/// What a frame is sent for; the place of its number.
#[derive(Clone, Copy)]
enum Use {
    Attack,
    Instrument,
    Path,
}

impl Crossed {
    fn send(&mut self, site: &Site, what_for: Use) {
        let Crossing { node, enters, leaves, leaves_mac, from, link, from_mac, frames, .. } = &self.crossing;
        let (node, link, source) = match what_for {
            Use::Instrument => (node, &leaves.0, *leaves_mac),
            Use::Attack | Use::Path => (from, link, *from_mac),
        };
        let mut sockets = Sockets::default();
        for (at, frame) in frames.iter().enumerate() {
            let past_the_switch = frame.at_port && !matches!(what_for, Use::Instrument);
            let socket = match past_the_switch {
                true => sockets.of_port(site, &enters.1),
                false => sockets.of_link(site, node, link),
            };
            let socket = match socket {
                Ok(socket) => socket,
                Err(error) => return self.errors.push(error),
            };
            let n = site.ledger.enter_frame();
            #[cfg(feature = "broken-parts")]
            if parts::is_broken(parts::Part::SendsNothing) && matches!(what_for, Use::Attack) {
                self.numbers[at][what_for as usize] = Some(n);
                continue;
            }
            let stray = Stray { source, dest: frame.dest, key: site.key, n };
            let sent = nonce::craft_stray(&stray, &frame.carries).map_err(|error| error.to_string());
            match sent.and_then(|bytes| socket.send(&bytes).map_err(|error| error.to_string())) {
                Ok(()) => self.numbers[at][what_for as usize] = Some(n),
                Err(error) => self.errors.push(format!("{}: {error}", frame.what)),
            }
        }
    }

    /// Until the frames have come out of this port's link, at most for a while.
    fn wait(&self, site: &Site, what_for: Use, port: &LinkName, patience: u32) {
        let deadline = Instant::now() + ARRIVE_WITHIN * patience;
        for number in self.numbers.iter().filter_map(|numbers| numbers[what_for as usize]) {
            site.watch.wait_for(number, port, Direction::FromNode, deadline);
        }
    }

    /// Until the frames of the attack have passed the tap of where they were sent.
    fn wait_for_entry(&self, site: &Site) {
        let deadline = Instant::now() + ARRIVE_WITHIN;
        for (frame, [attack, ..]) in self.crossing.frames.iter().zip(&self.numbers) {
            let (port, direction) = self.sent_at(frame);
            attack.and_then(|n| site.watch.wait_for(n, port, direction, deadline));
        }
    }

    /// Where a frame of the attack is first seen.
    fn sent_at(&self, frame: &StrayFrame) -> (&LinkName, Direction) {
        match frame.at_port {
            true => (&self.crossing.enters.1, Direction::ToNode),
            false => (&self.crossing.from_port, Direction::FromNode),
        }
    }

    /// Joins what was sent with what the taps have seen, once the captures are closed.
    pub fn complete(self, site: &Captured, open_copy: &Captured) -> CrossingSeen {
        let at = |captured: &Captured, n: Option<u32>, port: &LinkName, direction| {
            captured.sightings.first(n?, port, direction).map(|sighting| sighting.packet)
        };
        let Crossing { enters, leaves, frames, .. } = &self.crossing;
        let control = |n: Option<u32>, captured| Control {
            sent: u64::from(n.is_some()),
            seen: u64::from(at(captured, n, &leaves.1, Direction::FromNode).is_some()),
        };
        let sent = |frame, attack| {
            let (port, direction) = self.sent_at(frame);
            at(site, attack, port, direction)
        };
        let seen = frames.iter().zip(&self.numbers).map(|(frame, [attack, instrument, path])| FrameSeen {
            what: frame.what.clone(),
            sent_packet: sent(frame, *attack),
            entered_packet: at(site, *attack, &enters.1, Direction::ToNode),
            left_packet: at(site, *attack, &leaves.1, Direction::FromNode),
            instrument: control(*instrument, site),
            path: control(*path, open_copy),
        });
        let frames = seen.collect();
        CrossingSeen {
            check: self.check,
            frames,
            crossing: self.crossing,
            started_at: self.started_at,
            ended_at: self.ended_at,
            errors: self.errors,
        }
    }
}
