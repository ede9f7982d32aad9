//! What the model says beside what was seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;

use super::craft::{HOST, Told, expected, frame, pieces, place, told};
use super::edges::edges;
use super::packets::{Chance, Choices, Sent};
use super::rig::{Rig, Seen};
use crate::model::evaluate::{Device, Rules, Traveller, arrive, arrive_in_pieces};
use crate::model::ruleset::Ruleset;
use crate::model::{Body, Ethernet, Fragment, Leaving, Outcome, Packet, Tracked};
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

/// Something that was seen of one packet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Became {
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
    let mut all: Vec<Sent> = (0..count).map(|_| choices.packet(&mut chance)).collect();
    all.extend(edges(&super::files::alone(node), node, listing, seed));
    let mut score = Score::default();
    let mut n = 0;
    for round in rounds(all) {
        let seen = rig.send(&frames(&round, n + 1));
        for (number, sent) in (n + 1..).zip(&round) {
            n = number;
            score.take(&device, sent, number, &became(&seen, sent, number));
        }
        answer(rig, &device, &round, n + 1, &mut score);
        n += u32::try_from(round.len()).unwrap();
    }
    score
}

fn frames(round: &[Sent], first: u32) -> Vec<(&str, Vec<u8>)> {
    let numbered = (first..).zip(round);
    let of = |n, sent: &Sent| match sent.in_pieces {
        true => pieces(&sent.packet, sent.ethernet, n).to_vec(),
        false => vec![frame(&sent.packet, sent.ethernet, n)],
    };
    let by = |(n, sent)| of(n, sent).into_iter().map(|frame| (sent.link.as_str(), frame));
    numbered.flat_map(by).collect()
}

/// What passed is answered, if it can be: the answer belongs to a connection.
fn answer(rig: &mut Rig, device: &Device<'_>, round: &[Sent], first: u32, score: &mut Score) {
    let answers: Vec<Sent> = round.iter().filter_map(|sent| answer_to(device, sent)).collect();
    if answers.is_empty() {
        return;
    }
    let seen = rig.send_more(&frames(&answers, first));
    for (n, sent) in (first..).zip(&answers) {
        score.take(device, sent, n, &became(&seen, sent, n));
    }
}

/// The answer to a packet that passed on to another link as it was.
fn answer_to(device: &Device<'_>, sent: &Sent) -> Option<Sent> {
    if sent.in_pieces {
        return None;
    }
    let [Outcome::Accepted { to: Leaving::Link { link, .. }, packet, .. }] = &outcomes(device, sent)[..]
    else {
        return None;
    };
    let unchanged = (packet.source, packet.destination) == (sent.packet.source, sent.packet.destination);
    let body = match (packet.body, packet.fragment) {
        (Body::Tcp { source, destination, flags: 2 }, Fragment::Whole) => {
            Body::Tcp { source: destination, destination: source, flags: 18 }
        }
        (Body::Udp { source, destination }, Fragment::Whole) => {
            Body::Udp { source: destination, destination: source }
        }
        _ => return None,
    };
    let back =
        Packet { tracked: Tracked::Established, ..Packet::new(packet.destination, packet.source, body) };
    let link = device.node.links.iter().find(|one| one.name == *link)?;
    let ethernet = Ethernet { source: HOST, destination: link.mac };
    unchanged.then(|| Sent { link: link.name.to_string(), packet: back, ethernet, in_pieces: false })
}

/// More rounds take too long; what has no place in these is not sent.
const MOST_ROUNDS: usize = 5;

/// Packets in rounds, so that none meets the connection that another one of its round began.
fn rounds(all: Vec<Sent>) -> Vec<Vec<Sent>> {
    let mut rounds: Vec<(BTreeSet<_>, Vec<Sent>)> = Vec::new();
    for sent in all {
        let tuples = tuples(&sent.packet);
        let free = |taken: &BTreeSet<_>| tuples.iter().all(|tuple| !taken.contains(tuple));
        let place = rounds.iter().position(|(taken, round)| free(taken) && round.len() < 1000);
        let place = place.unwrap_or(rounds.len());
        if place == rounds.len() && place < MOST_ROUNDS {
            rounds.push((BTreeSet::new(), Vec::new()));
        }
        if let Some((taken, round)) = rounds.get_mut(place) {
            taken.extend(tuples);
            round.push(sent);
        }
    }
    rounds.into_iter().map(|(_, round)| round).collect()
}

/// What connections are told apart by.
type Tuple = (BTreeSet<IpAddr>, u8, BTreeSet<u16>);

/// Those of a packet: none if its message has an identifier of its own, each of its ends if it has no ports, since one of
/// them may be changed to be the same as another's.
fn tuples(packet: &Packet) -> Vec<Tuple> {
    let whole = packet.fragment == Fragment::Whole;
    let (source, destination, protocol) = (packet.source, packet.destination, packet.protocol());
    match packet.ports().filter(|_| whole) {
        _ if whole && matches!(packet.body, Body::Icmp { .. } | Body::Icmp6 { .. }) => Vec::new(),
        Some((one, other)) => {
            vec![(BTreeSet::from([source, destination]), protocol, BTreeSet::from([one, other]))]
        }
        None => [source, destination].map(|end| (BTreeSet::from([end]), protocol, BTreeSet::new())).to_vec(),
    }
}

/// What was seen of a packet, or of its pieces: nothing at all, or one thing at least.
fn became(seen: &Seen, sent: &Sent, n: u32) -> BTreeSet<Became> {
    let left = seen.left.iter().filter_map(|(link, frame)| Some((link, told(frame)?)));
    let left = left.filter(|(_, told)| told.n == n);
    let mut all: BTreeSet<Became> = left.map(|(link, told)| Became::Left(link.clone(), told)).collect();
    all.extend(seen.arrived.contains(&(n, sent.packet.source)).then_some(Became::Arrived));
    all
}

/// What the model says of a packet, or of each of its pieces.
fn outcomes(device: &Device<'_>, sent: &Sent) -> Vec<Outcome> {
    let traveller = Traveller::new(sent.packet.clone(), None, "");
    if sent.in_pieces {
        let pieces = traveller.in_pieces(place(&sent.packet));
        return arrive_in_pieces(device, &pieces, sent.ethernet, &sent.link).map(Outcome::from).to_vec();
    }
    vec![Outcome::from(arrive(device, traveller, sent.ethernet, &sent.link))]
}

/// What would be seen of it; of one that is dropped nothing.
fn becomes(outcome: &Outcome, n: u32) -> Option<Became> {
    match outcome {
        Outcome::Accepted { to: Leaving::Local, .. } => Some(Became::Arrived),
        Outcome::Accepted { to: Leaving::Link { link, .. }, packet, .. } => {
            Some(Became::Left(link.to_string(), expected(packet, n)))
        }
        Outcome::Dropped { .. } | Outcome::Unknown { .. } => None,
    }
}

impl Score {
    fn take(&mut self, device: &Device<'_>, sent: &Sent, n: u32, became: &BTreeSet<Became>) {
        let outcomes = outcomes(device, sent);
        let reasons = outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Unknown { why } => Some(why),
            _ => None,
        });
        let why: BTreeSet<String> = reasons.flatten().map(ToString::to_string).collect();
        if outcomes.iter().any(|outcome| matches!(outcome, Outcome::Unknown { .. })) {
            self.unknown += 1;
            why.into_iter().for_each(|reason| *self.reasons.entry(reason).or_default() += 1);
            return;
        }
        let right: BTreeSet<Became> = outcomes.iter().filter_map(|outcome| becomes(outcome, n)).collect();
        match right.is_empty() {
            false => self.passed += 1,
            true => self.dropped += 1,
        }
        if right != *became {
            self.wrong.push(format!("{sent:?}\n  predicted {outcomes:?}\n  measured {became:?}"));
        }
    }

    /// How many packets were compared, or would have been.
    pub(super) fn all(&self) -> usize {
        self.passed + self.dropped + self.unknown
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
