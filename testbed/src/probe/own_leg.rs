//! Questions for addresses of a node's other legs, put to one leg by a neighbour there: nobody may answer them.
//!
//! *Instrument* and *alive*: the same questions for the leg's own address are answered right before and right after, and the
//! answers seen. *Path*: in the open copy, while the node answers on each link for all of its addresses, the questions are
//! answered.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Site;
use super::sockets::Sockets;
use crate::kernel::{addresses, sysctl};
use crate::names::CheckName;
use crate::observation::{Answered, AskedSeen, QuestionSeen};
#[cfg(feature = "broken-parts")]
use crate::parts;
use crate::plan::{Asked as WhatFor, Check, Question, Questions};
use crate::tap::question::{self, Question as Sent};
use crate::tap::{Captured, Direction, StrayKind};

/// How long an answer, or a question, may be under way before it counts as missed.
const WITHIN: Duration = Duration::from_secs(1);

/// Questions that were asked, before the captures are closed.
#[derive(Debug)]
pub struct Asked {
    pub(super) check: CheckName,
    pub(super) questions: Questions,
    /// The number of each question, in the plan's order; those of the path are of the copy.
    pub(super) numbers: Vec<Option<u32>>,
    pub(super) started_at: u64,
    pub(super) ended_at: u64,
    pub(super) errors: Vec<String>,
}

/// Asks everything of a check, with its controls.
pub async fn ask_legs(
    site: &Site,
    copy: &Site,
    check: &Check,
    questions: &[Questions],
    patience: u32,
) -> Vec<Asked> {
    tracing::info!(check = %check.name, legs = questions.len(), "asks legs for addresses of others");
    let mut all: Vec<Asked> = questions.iter().map(|one| ask(site, check, one, patience)).collect();
    for one in &mut all {
        one.path(copy, patience).await;
    }
    all
}

fn ask(site: &Site, check: &Check, questions: &Questions, patience: u32) -> Asked {
    let mut one = Asked {
        check: check.name.clone(),
        questions: questions.clone(),
        numbers: vec![None; questions.all().len()],
        started_at: 0,
        ended_at: 0,
        errors: Vec::new(),
    };
    one.ask_answered(site, WhatFor::Before, patience);
    one.started_at = fake_facts::now();
    one.send(site, WhatFor::Attack);
    one.wait_for_entry(site);
    one.ended_at = fake_facts::now();
    one.ask_answered(site, WhatFor::After, patience);
    one
}

impl Asked {
    /// Sends what is asked for this; the places of the questions.
    fn send(&mut self, site: &Site, what_for: WhatFor) -> Vec<usize> {
        let all: Vec<(usize, Question)> = self
            .questions
            .all()
            .into_iter()
            .enumerate()
            .filter(|(_, one)| one.what_for == what_for)
            .collect();
        let mut sockets = Sockets::default();
        let Questions { from, link, from_mac, source, leg_mac, .. } = &self.questions;
        let socket = match sockets.of_link(site, from, link) {
            Ok(socket) => socket,
            Err(error) => {
                self.errors.push(error);
                return Vec::new();
            }
        };
        for (place, one) in &all {
            let n = site.ledger.enter_frame();
            #[cfg(feature = "broken-parts")]
            if parts::is_broken(parts::Part::SendsNothing) && what_for == WhatFor::Attack {
                self.numbers[*place] = Some(n);
                continue;
            }
            let dest = one.directly.then_some(*leg_mac);
            let asked =
                Sent { source: *from_mac, dest, asker: *source, address: one.address, key: site.key, n };
            let frame = question::craft(&asked).map_err(|error| error.to_string());
            match frame.and_then(|bytes| socket.send(&bytes).map_err(|error| error.to_string())) {
                Ok(()) => self.numbers[*place] = Some(n),
                Err(error) => self.errors.push(format!("{}: {error}", one.address)),
            }
        }
        all.into_iter().map(|(place, _)| place).collect()
    }

    /// Sends, and waits until each is answered, at most for a while.
    fn ask_answered(&mut self, site: &Site, what_for: WhatFor, patience: u32) {
        let places = self.send(site, what_for);
        let deadline = Instant::now() + WITHIN * patience;
        for n in places.into_iter().filter_map(|place| self.numbers[place]) {
            site.watch.wait_until(deadline, |sightings| {
                sightings.stray(n).into_iter().find(|stray| stray.kind == StrayKind::Answered)
            });
        }
    }

    /// Until the questions were handed to the leg. An answer is seen whenever it comes: nothing else is waited for.
    fn wait_for_entry(&self, site: &Site) {
        let deadline = Instant::now() + WITHIN;
        let all = self.questions.all();
        let sent = all.iter().zip(&self.numbers).filter(|(one, _)| one.what_for == WhatFor::Attack);
        for n in sent.filter_map(|(_, n)| *n) {
            site.watch.wait_for(n, &self.questions.leg.1, Direction::ToNode, deadline);
        }
    }

    /// While the questions are asked, and no longer, the node answers on this leg for all of its addresses.
    async fn path(&mut self, copy: &Site, patience: u32) {
        if let Err(error) = self.weaken(copy, true).await {
            self.errors.push(format!("path control: {error}"));
        } else {
            self.ask_answered(copy, WhatFor::Path, patience);
        }
        if let Err(error) = self.weaken(copy, false).await {
            self.errors.push(format!("path control: {error}"));
        }
    }

    /// Has the node answer on the leg for its other addresses, or no longer. ARP does so by itself, unless it is told not to;
    /// neighbour discovery never does, so that the leg gets these addresses as well.
    ///
    /// Errors: in words, why it cannot.
    async fn weaken(&self, copy: &Site, weak: bool) -> Result<(), String> {
        let Questions { node, leg, others, .. } = &self.questions;
        let namespace = copy.lab.node(node);
        if self.questions.own.is_ipv4() {
            let planned = copy.plan.node(node).map(|node| &node.sysctls);
            let own = planned.into_iter().flatten().filter(|(key, _)| key.ends_with("/arp_ignore"));
            let keys: BTreeMap<String, String> = own
                .map(|(key, value)| (key.clone(), if weak { "0".to_owned() } else { value.clone() }))
                .collect();
            return sysctl::set(namespace, &keys).map(drop).map_err(|error| error.to_string());
        }
        for (_, address) in others {
            let changed = match weak {
                true => addresses::add_address(namespace, &leg.0, *address).await,
                false => addresses::remove_address(namespace, &leg.0, *address).await,
            };
            changed.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Joins what was asked with what the taps have seen, once the captures are closed.
    pub fn complete(self, site: &Captured, open_copy: &Captured) -> AskedSeen {
        let Questions { leg, from_port, .. } = &self.questions;
        let all = self.questions.all();
        let seen = all.iter().zip(&self.numbers).map(|(one, n)| {
            let there = if one.what_for == WhatFor::Path { open_copy } else { site };
            let at = |port, direction| there.sightings.first((*n)?, port, direction).map(|one| one.packet);
            let strays = n.map_or_else(Vec::new, |n| there.sightings.stray(n));
            let answer = strays.into_iter().find(|stray| stray.kind == StrayKind::Answered);
            QuestionSeen {
                sent_packet: at(from_port, Direction::FromNode),
                entered_packet: at(&leg.1, Direction::ToNode),
                answered: answer.map(|stray| Answered {
                    port: stray.port,
                    packet: stray.packet,
                    at: stray.at,
                }),
            }
        });
        AskedSeen {
            check: self.check,
            seen: seen.collect(),
            questions: self.questions,
            started_at: self.started_at,
            ended_at: self.ended_at,
            errors: self.errors,
        }
    }
}
