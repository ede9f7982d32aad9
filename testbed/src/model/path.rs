//! A packet on its way through the site: from its sender, over every device, to where it ends.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::evaluate::{Arrived, Device, Ends, Others, Pair, Traveller, arrive, arrive_in_pieces, send};
use super::outcome::{Blame, Leaving, Obstacle, Outcome, Why};
use super::packet::{Ethernet, Packet};
use super::predict::{Fate, Hop, Prediction, Probe, Sent};
use super::routes::{Tables, link_local_of};
use super::{Model, neighbour};
use crate::names::Mac;
use crate::plan::{Link, Node, Segment};

/// More devices than a time to live allows.
const MOST_HOPS: usize = 256;

/// Where a packet leaves a node: by which link, to which neighbour.
pub(super) struct Leg<'a> {
    pub(super) node: &'a Node,
    pub(super) link: &'a Link,
    pub(super) to: To,
}

/// Whom a frame is for.
#[derive(Clone, Copy)]
pub(super) enum To {
    Address(IpAddr),
    Station(Mac),
}

/// Where a walk ended.
enum End<'a> {
    Fate(Fate),
    Goes(Box<Traveller>, Leg<'a>),
}

impl Leg<'_> {
    fn is_as(&self, other: &Leg<'_>) -> bool {
        let address = |leg: &Leg<'_>| match leg.to {
            To::Address(address) => Some(address),
            To::Station(_) => None,
        };
        let (one, also) = ((&self.node.name, &self.link.name), (&other.node.name, &other.link.name));
        one == also && address(self).is_some() && address(self) == address(other)
    }
}

impl End<'_> {
    /// The same without the other pieces, which go another way, or nowhere.
    fn alone(mut self) -> Self {
        if let End::Goes(traveller, _) = &mut self {
            traveller.others = Others::Never;
        }
        self
    }
}

impl Model<'_> {
    /// What becomes of the packet.
    pub fn predict(&self, probe: &Probe) -> Prediction {
        let mut hops = Vec::new();
        let fate = self.walk(probe, &mut hops);
        Prediction { fate, hops }
    }

    /// What becomes of the packet where it is sent in two fragments, the second from this place on, units of 8 bytes. It arrives where
    /// one of the two does, also as a part of the whole.
    pub fn predict_in_pieces(&self, probe: &Probe, offset: u16) -> Prediction {
        let mut hops = Vec::new();
        let [first, last] = self.walk_in_pieces(probe, offset, &mut hops);
        let rank = |fate: &Fate| match fate {
            Fate::Arrives { .. } => 0,
            Fate::Unknown { .. } => 1,
            Fate::Stopped { .. } => 2,
        };
        let fate = if rank(&last) < rank(&first) { last } else { first };
        Prediction { fate, hops }
    }

    fn walk(&self, probe: &Probe, hops: &mut Vec<Hop>) -> Fate {
        let Some(node) = self.node(&probe.from) else {
            return unknown(&probe.from, format!("the plan has no node `{}`", probe.from));
        };
        let end = self.begin(probe, node, hops);
        self.go_on(end, Some(probe), hops)
    }

    /// From device to device until it ends. `probe`: as of [`Self::cross`].
    fn go_on<'a>(&'a self, mut end: End<'a>, mut probe: Option<&Probe>, hops: &mut Vec<Hop>) -> Fate {
        for _ in 0..MOST_HOPS {
            match end {
                End::Fate(fate) => return fate,
                End::Goes(traveller, leg) => end = self.cross(*traveller, &leg, probe.take(), hops),
            }
        }
        let last = hops.last().expect("a packet that goes on has passed a device");
        unknown(&last.node, "it passes more devices than any packet does".into())
    }

    /// Both pieces side by side as long as they go the same way, and each alone from where they part.
    fn walk_in_pieces(&self, probe: &Probe, offset: u16, hops: &mut Vec<Hop>) -> Pair<Fate> {
        let Some(node) = self.node(&probe.from) else {
            let fate = unknown(&probe.from, format!("the plan has no node `{}`", probe.from));
            return [fate.clone(), fate];
        };
        let (mut pieces, mut leg) = match self.begin(probe, node, hops) {
            End::Fate(fate) => return [fate.clone(), fate],
            End::Goes(traveller, leg) => (traveller.in_pieces(offset), leg),
        };
        let mut first = Some(probe);
        for _ in 0..MOST_HOPS {
            let (node, link, ethernet) = match self.over(&pieces[0].packet, &leg, first.take()) {
                Ok(over) => over,
                Err(fate) => return [fate.clone(), fate],
            };
            let ends = arrive_in_pieces(&self.device(node), &pieces, ethernet, link.name.as_str());
            match ends.map(|ends| self.after(node, ends, hops)) {
                [End::Goes(one, by), End::Goes(other, also_by)] if by.is_as(&also_by) => {
                    (pieces, leg) = ([*one, *other], by);
                }
                parted => return parted.map(|end| self.go_on(end.alone(), None, hops)),
            }
        }
        [(); 2].map(|()| unknown(&probe.from, "it passes more devices than any packet does".into()))
    }

    /// Out of its sender.
    fn begin<'a>(&'a self, probe: &Probe, node: &'a Node, hops: &mut Vec<Hop>) -> End<'a> {
        let packet = probe.packet.clone();
        let raw = match &probe.sent {
            Sent::Own => return self.after(node, send(&self.device(node), packet, None), hops),
            Sent::Raw(raw) => raw,
        };
        let Some(link) = node.links.iter().find(|link| link.name == raw.link) else {
            return End::Fate(unknown(&node.name, format!("it has no link `{}`", raw.link)));
        };
        let to = match raw.to {
            Some(mac) => Ok(To::Station(mac)),
            None => next_hop(node, link, &packet),
        };
        match to {
            Ok(to) => End::Goes(Box::new(Traveller::new(packet, None, "")), Leg { node, link, to }),
            Err(why) => End::Fate(unknown(&node.name, why)),
        }
    }

    /// Over a segment, and through the device at its other side. `probe`: it is the attacker's own frame.
    fn cross<'a>(
        &'a self,
        traveller: Traveller,
        leg: &Leg<'a>,
        probe: Option<&Probe>,
        hops: &mut Vec<Hop>,
    ) -> End<'a> {
        match self.over(&traveller.packet, leg, probe) {
            Ok((node, link, ethernet)) => {
                let ends = arrive(&self.device(node), traveller, ethernet, link.name.as_str());
                self.after(node, ends, hops)
            }
            Err(fate) => End::Fate(fate),
        }
    }

    /// Over a segment: to which node, by which of its links, in which frame.
    ///
    /// Errors: what becomes of it on the way.
    fn over<'a>(
        &'a self,
        packet: &Packet,
        leg: &Leg<'a>,
        probe: Option<&Probe>,
    ) -> Result<(&'a Node, &'a Link, Ethernet), Fate> {
        let at = &leg.node.name;
        let (node, link) = self.other_side(leg).map_err(|does| {
            let segment = leg.link.segment.clone();
            Fate::Stopped { at: at.clone(), by: BTreeSet::from([Blame::Segment { segment, does }]) }
        })?;
        if let Some(why) = self.filtered_between(leg.node, leg.link, node, link) {
            return Err(unknown(at, why));
        }
        let raw = probe.is_some_and(|probe| matches!(probe.sent, Sent::Raw(_)));
        if let (To::Address(address), false) = (leg.to, raw) {
            match neighbour::found(self, leg, (node, link), address, packet) {
                Ends::Passes(_) => (),
                Ends::Dropped(by) => return Err(Fate::Stopped { at: at.clone(), by }),
                Ends::Unknown(why) => return Err(Fate::Unknown { at: at.clone(), why }),
            }
        }
        let source = probe.and_then(|probe| probe.forged()).unwrap_or(leg.link.mac);
        Ok((node, link, Ethernet { source, destination: link.mac }))
    }

    /// What a device did, written down; where the packet goes from there.
    fn after<'a>(&'a self, node: &'a Node, ends: Ends, hops: &mut Vec<Hop>) -> End<'a> {
        let at = node.name.clone();
        hops.push(Hop { node: at.clone(), outcome: Outcome::from(ends.clone()) });
        match ends {
            Ends::Dropped(by) => End::Fate(Fate::Stopped { at, by }),
            Ends::Unknown(why) => End::Fate(Fate::Unknown { at, why }),
            Ends::Passes(arrived) => {
                let Arrived { to, traveller, .. } = *arrived;
                match to {
                    Leaving::Local => End::Fate(Fate::Arrives { at, packet: traveller.packet }),
                    Leaving::Link { link, next } => {
                        let link = node.links.iter().find(|one| one.name == link);
                        let link = link.expect("a packet leaves by one of the node's links");
                        let leg = Leg { node, link, to: To::Address(next) };
                        End::Goes(Box::new(traveller.onwards()), leg)
                    }
                }
            }
        }
    }

    /// Who has the address, or the Ethernet address, in the segment.
    fn other_side(&self, leg: &Leg<'_>) -> Result<(&Node, &Link), Obstacle> {
        let members =
            self.plan().nodes.iter().flat_map(|node| node.links.iter().map(move |link| (node, link)));
        let mut others =
            members.filter(|(node, link)| link.segment == leg.link.segment && node.name != leg.node.name);
        let found = match leg.to {
            To::Address(address) => {
                others.find(|(_, link)| has(link, address)).ok_or(Obstacle::Nobody(address))
            }
            To::Station(mac) => others.find(|(_, link)| link.mac == mac).ok_or(Obstacle::NoStation(mac)),
        };
        let found = found?;
        let isolated = leg.link.isolated && found.1.isolated;
        if isolated { Err(Obstacle::Isolated) } else { Ok(found) }
    }

    /// Why a frame between the two may be stopped by a switch.
    fn filtered_between(&self, from: &Node, out: &Link, to: &Node, into: &Link) -> Option<String> {
        let plugged = |node: &Node, link: &Link| {
            let names = [Some(&link.name), link.trunk.as_ref()];
            self.plan().switches.iter().find(|switch| {
                let mut ports = switch.plugged.iter();
                ports.any(|(who, at)| *who == node.name && names.contains(&Some(at)))
            })
        };
        let switch = plugged(from, out).or_else(|| plugged(to, into))?;
        Some(format!("switch `{}` filters by `{}`", switch.name, switch.ruleset))
    }

    pub(super) fn segment(&self, link: &Link) -> Option<&Segment> {
        self.plan().segments.iter().find(|segment| segment.name == link.segment)
    }
}

/// Whom an attacker's own routes would send it to; beyond them, whoever has the address in the segment.
fn next_hop(node: &Node, link: &Link, packet: &Packet) -> Result<To, String> {
    match Tables::of(node).way(packet.source, packet.destination, Some(link)) {
        Ok(way) => Ok(To::Address(way.next)),
        Err(_) => Err(format!("no route of its own leads to {} by {}", packet.destination, link.name)),
    }
}

pub(super) fn has(link: &Link, address: IpAddr) -> bool {
    link.addresses.iter().any(|net| net.addr() == address) || link_local_of(link) == address
}

fn unknown(at: &crate::names::NodeName, why: String) -> Fate {
    Fate::Unknown { at: at.clone(), why: BTreeSet::from([Why::of(why)]) }
}

impl<'a> Model<'a> {
    /// The node with its rules.
    pub(super) fn device<'b>(&'b self, node: &'b Node) -> Device<'b> {
        Device { node, rules: self.rules(&node.name) }
    }
}
