//! A packet that comes to a node, or that it sends: from hook to hook.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::super::outcome::{Blame, Kernel, Leaving, Outcome, Why};
use super::super::packet::{Ethernet, Fragment, Packet};
use super::super::routes::{NoWay, Place, Tables, Way};
use super::super::ruleset::Hook;
use super::Device;
use super::chain::Reasons;
use super::filter::{Passing, Results, begin, filter};
use super::route4::{self, Decision};
use super::route6;
use super::traveller::Traveller;
use crate::plan::Link;

/// A packet as it leaves a node, or arrives in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::model) struct Arrived {
    pub(in crate::model) to: Leaving,
    pub(in crate::model) traveller: Traveller,
    pub(in crate::model) by: BTreeSet<Blame>,
}

/// What is known to become of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::model) enum Ends {
    Passes(Box<Arrived>),
    Dropped(BTreeSet<Blame>),
    Unknown(BTreeSet<Why>),
}

impl From<Ends> for Outcome {
    fn from(ends: Ends) -> Outcome {
        match ends {
            Ends::Passes(arrived) => {
                let Arrived { to, traveller, by } = *arrived;
                Outcome::Accepted { to, packet: traveller.packet, by }
            }
            Ends::Dropped(by) => Outcome::Dropped { by },
            Ends::Unknown(why) => Outcome::Unknown { why },
        }
    }
}

/// Everything that may become of it.
#[derive(Default)]
struct Possible {
    passed: Vec<(Leaving, Passing)>,
    results: Results,
}

/// What becomes of a packet that comes in by the link, with this Ethernet header.
pub(in crate::model) fn arrive(
    device: &Device<'_>,
    mut traveller: Traveller,
    ethernet: Ethernet,
    link: &str,
) -> Ends {
    traveller = Traveller { ethernet: Some(ethernet), in_link: link.to_owned(), ..traveller };
    let mut possible = Possible { results: begin(traveller), ..Possible::default() };
    filter(device, Hook::Ingress, &mut possible.results);
    refuse_6(device, link, &mut possible.results);
    filter(device, Hook::Prerouting, &mut possible.results);
    for one in std::mem::take(&mut possible.results.passing) {
        route(device, one, link, &mut possible);
    }
    possible.end()
}

/// What becomes of a packet that the node itself sends; by the link, where it says which.
pub(in crate::model) fn send(device: &Device<'_>, packet: Packet, by: Option<&Link>) -> Ends {
    let mut possible = Possible { results: begin(Traveller::new(packet, None, "")), ..Possible::default() };
    set_way(device, by, &mut possible.results);
    filter(device, Hook::Output, &mut possible.results);
    // A rule may have changed where it goes.
    set_way(device, by, &mut possible.results);
    filter(device, Hook::Postrouting, &mut possible.results);
    leave(device, &mut possible);
    possible.end()
}

fn refuse_6(device: &Device<'_>, link: &str, results: &mut Results) {
    let Some(one) = results.passing.first() else { return };
    if let (IpAddr::V6(source), IpAddr::V6(destination)) =
        (one.traveller.packet.source, one.traveller.packet.destination)
        && let Some(reason) = route6::refused(device, source, destination, link)
    {
        results.drop_all(reason);
    }
}

fn route(device: &Device<'_>, one: Passing, link: &str, possible: &mut Possible) {
    let packet = &one.traveller.packet;
    let decision = match (packet.source, packet.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            route4::decide(device, packet, source, destination, link)
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => route6::decide(device, source, destination, link),
        _ => Decision::Unknown("addresses of two families".into()),
    };
    match decision {
        Decision::Drop(reason) => {
            possible.results.dropped.push((BTreeSet::from([Blame::Kernel(reason)]), one.reasons));
        }
        Decision::Unknown(text) => possible.results.give_up(one, text),
        Decision::Local => local(device, one, possible),
        Decision::Group => group(device, one, possible),
        Decision::Forward(way) => forward(device, one, &way, possible),
    }
}

fn local(device: &Device<'_>, one: Passing, possible: &mut Possible) {
    for one in input(device, one, possible) {
        possible.passed.push((Leaving::Local, one));
    }
}

/// Whether somebody in the node has joined the group is not planned; the filter may drop it all the same.
fn group(device: &Device<'_>, one: Passing, possible: &mut Possible) {
    let tables = Tables::of(device.node);
    for one in input(device, one, possible) {
        if tables.joins(one.traveller.packet.destination, device.link(&one.traveller.in_link)) {
            possible.passed.push((Leaving::Local, one));
        } else {
            possible.results.give_up(one, "whether somebody has joined the group");
        }
    }
}

/// What passes the filter of what is for the node itself.
fn input(device: &Device<'_>, one: Passing, possible: &mut Possible) -> Vec<Passing> {
    let mut results = Results::default();
    // IPv4 puts pieces together before it asks the filter, IPv6 afterwards.
    if one.traveller.packet.fragment != Fragment::Whole && !one.traveller.packet.is_6() {
        results.put_together(one, Kernel::IncompleteHere);
    } else {
        results.passing.push(one);
    }
    filter(device, Hook::Input, &mut results);
    let passing = std::mem::take(&mut results.passing);
    possible.take(results);
    passing
}

fn forward(device: &Device<'_>, mut one: Passing, way: &Way<'_>, possible: &mut Possible) {
    let refused = match (one.traveller.packet.ttl, one.traveller.ethernet) {
        (_, Some(ethernet)) if ethernet.is_for_many() => Some(Kernel::ForMany),
        _ if !one.traveller.knows_its_ttl() => {
            return possible.results.give_up(one, "a rule wrote into its time to live");
        }
        (0 | 1, _) => Some(Kernel::TimeToLive),
        _ => None,
    };
    if let Some(reason) = refused {
        let by = BTreeSet::from([Blame::Kernel(reason)]);
        return possible.results.dropped.push((by, one.reasons));
    }
    one.traveller.packet.ttl -= 1;
    one.traveller.go_by(way.link, way.next);
    let mut results = Results { passing: vec![one], ..Results::default() };
    filter(device, Hook::Forward, &mut results);
    filter(device, Hook::Postrouting, &mut results);
    let mut inner = Possible { results, ..Possible::default() };
    leave(device, &mut inner);
    possible.passed.append(&mut inner.passed);
    possible.take(inner.results);
}

/// What has a link to leave by is on its way.
fn leave(device: &Device<'_>, possible: &mut Possible) {
    filter(device, Hook::Egress, &mut possible.results);
    for one in std::mem::take(&mut possible.results.passing) {
        let link = device.link(&one.traveller.out_link).map(|link| link.name.clone());
        match (link, one.traveller.next) {
            (Some(link), Some(next)) => possible.passed.push((Leaving::Link { link, next }, one)),
            _ => possible.results.give_up(one, "it leaves by no link of the plan"),
        }
    }
}

/// Chooses the link by which the node's own packets leave.
fn set_way(device: &Device<'_>, by: Option<&Link>, results: &mut Results) {
    for mut one in std::mem::take(&mut results.passing) {
        let packet = one.traveller.packet.clone();
        let tables = Tables::of(device.node);
        let way = tables.way(packet.source, packet.destination, None);
        match (by, tables.place(packet.destination), way) {
            (Some(link), ..) => {
                one.traveller.go_by(link, packet.destination);
                results.passing.push(one);
            }
            (None, Place::Unicast | Place::Depends, Ok(way)) => {
                one.traveller.go_by(way.link, way.next);
                results.passing.push(one);
            }
            (None, Place::Unicast, Err(NoWay::NoRoute)) => {
                results.dropped.push((BTreeSet::from([Blame::Kernel(Kernel::NoRoute)]), one.reasons));
            }
            (None, Place::Unicast, Err(NoWay::Ambiguous(text))) => results.give_up(one, text),
            _ => results.give_up(one, "what a node sends to itself, to groups or to everybody"),
        }
    }
}

impl Possible {
    fn take(&mut self, results: Results) {
        self.results.dropped.extend(results.dropped);
        self.results.unknown.extend(results.unknown);
    }

    /// What is known, if all that may become of it is the same.
    fn end(self) -> Ends {
        let Possible { passed, results } = self;
        let mut known = passed.iter().map(|(to, one)| (to, &one.traveller.packet, &one.traveller.rewritten));
        let first = known.next();
        let alike = known.all(|other| Some(other) == first);
        let dropped: BTreeSet<Blame> = results.dropped.iter().flat_map(|(by, _)| by.clone()).collect();
        let reasons = passed.iter().map(|(_, one)| &one.reasons);
        let reasons = reasons.chain(results.dropped.iter().map(|(_, why)| why)).chain(&results.unknown);
        let why: Reasons = reasons.flatten().cloned().collect();
        match (results.unknown.is_empty(), first.is_some(), dropped.is_empty()) {
            (true, false, _) => Ends::Dropped(dropped),
            (true, true, true) if alike => {
                let by = passed.iter().flat_map(|(_, one)| one.by.clone()).collect();
                let (to, one) = passed.into_iter().next().expect("there is a first one");
                Ends::Passes(Box::new(Arrived { to, traveller: one.traveller, by }))
            }
            _ => Ends::Unknown(why),
        }
    }
}
