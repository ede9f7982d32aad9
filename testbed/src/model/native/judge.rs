//! What the model says beside what was seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::craft::{Told, expected, frame, told};
use super::packets::{Chance, Choices, Sent};
use super::rig::{Rig, Seen};
use crate::model::evaluate::{Device, Rules, Traveller, arrive};
use crate::model::ruleset::Ruleset;
use crate::model::{Leaving, Outcome};
use crate::plan::{Node, Plan};

/// How the model did.
#[derive(Debug, Default)]
pub(super) struct Score {
    pub(super) passed: usize,
    pub(super) dropped: usize,
    pub(super) unknown: usize,
    /// Why it said that they are probe-only; a packet may have several reasons.
    pub(super) reasons: BTreeMap<String, usize>,
    /// Where it was wrong.
    pub(super) wrong: Vec<String>,
}

/// What was seen of one packet.
#[derive(Debug, PartialEq, Eq)]
enum Became {
    Nothing,
    Arrived,
    Left(String, Told),
}

/// Packets to be chosen: how many, and by which seed.
pub(super) type Draw = (usize, u64);

/// Sends packets through the rules, and compares.
pub(super) fn compare(rig: &mut Rig, plan: &Plan, node: &Node, rules: &str, draw: Draw) -> Score {
    let listing = rig.load(rules);
    compare_with(rig, plan, node, &listing, draw)
}

/// As [`compare`], with the listing that the model is made of, whatever is loaded.
pub(super) fn compare_with(
    rig: &mut Rig,
    plan: &Plan,
    node: &Node,
    listing: &str,
    (count, seed): Draw,
) -> Score {
    let ruleset = Ruleset::read(listing).unwrap();
    let choices = Choices::of(node, &ruleset);
    let rules = Rules::of(plan, node, ruleset.clone());
    let device = Device { node, rules: &rules };
    let mut chance = Chance(seed);
    let all: Vec<Sent> = (0..count).map(|_| choices.packet(&mut chance)).collect();
    let mut score = Score::default();
    let mut n = 0;
    for round in rounds(all) {
        let first = n + 1;
        let frames: Vec<_> = (first..)
            .zip(&round)
            .map(|(n, sent)| (sent.link.as_str(), frame(&sent.packet, sent.ethernet, n)))
            .collect();
        let seen = rig.send(&frames);
        for (number, sent) in (first..).zip(&round) {
            n = number;
            score.take(&device, sent, number, became(&seen, number));
        }
    }
    score
}

/// Packets in rounds, so that none meets the connection that another one of its round began.
fn rounds(all: Vec<Sent>) -> Vec<Vec<Sent>> {
    let mut rounds: Vec<(BTreeSet<_>, Vec<Sent>)> = Vec::new();
    for sent in all {
        let packet = &sent.packet;
        let ends = BTreeSet::from([packet.source, packet.destination]);
        let ports = packet.ports().map(|(one, other)| BTreeSet::from([one, other]));
        let fragment = packet.fragment != crate::model::Fragment::Whole;
        let tuple = (ends, packet.protocol(), ports.filter(|_| !fragment));
        match rounds.iter_mut().find(|(tuples, round)| !tuples.contains(&tuple) && round.len() < 400) {
            Some((tuples, round)) => {
                tuples.insert(tuple);
                round.push(sent);
            }
            None => rounds.push((BTreeSet::from([tuple]), vec![sent])),
        }
    }
    rounds.into_iter().map(|(_, round)| round).collect()
}

fn became(seen: &Seen, n: u32) -> Became {
    let left = seen.left.iter().filter_map(|(link, frame)| Some((link, told(frame)?)));
    let left = left.filter(|(_, told)| told.n == n);
    let mut left = left.map(|(link, told)| Became::Left(link.clone(), told));
    left.next().unwrap_or(if seen.arrived.contains(&n) { Became::Arrived } else { Became::Nothing })
}

impl Score {
    fn take(&mut self, device: &Device<'_>, sent: &Sent, n: u32, became: Became) {
        let traveller = Traveller::new(sent.packet.clone(), None, "");
        let outcome = Outcome::from(arrive(device, traveller, sent.ethernet, &sent.link));
        let right = match &outcome {
            Outcome::Accepted { to: Leaving::Local, .. } => became == Became::Arrived,
            Outcome::Accepted { to: Leaving::Link { link, .. }, packet, .. } => {
                became == Became::Left(link.to_string(), expected(packet, n))
            }
            Outcome::Dropped { .. } => became == Became::Nothing,
            Outcome::Unknown { why } => {
                self.unknown += 1;
                for reason in why {
                    *self.reasons.entry(reason.to_string()).or_default() += 1;
                }
                return;
            }
        };
        match outcome {
            Outcome::Accepted { .. } => self.passed += 1,
            _ => self.dropped += 1,
        }
        if !right {
            self.wrong.push(format!("{sent:?}\n  predicted {outcome:?}\n  measured {became:?}"));
        }
    }

    /// A line, and one for each reason and mistake.
    pub(super) fn shown(&self, name: &str) -> String {
        let mut text = format!(
            "{name}: {} passed, {} dropped, {} probe-only, {} wrong\n",
            self.passed,
            self.dropped,
            self.unknown,
            self.wrong.len()
        );
        for (reason, count) in &self.reasons {
            let _ = writeln!(text, "  {count} x {reason}");
        }
        for wrong in self.wrong.iter().take(12) {
            let _ = writeln!(text, "  WRONG {wrong}");
        }
        text
    }
}
