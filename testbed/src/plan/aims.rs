//! What a negative sends: every address of every target, from every attacker, past the attacker's own routing.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::checks::Known;
use super::everybody::{aims_at_everybody, once_for_each_segment};
use super::flows::crossed;
use super::frames::{self, is_filtered};
use super::mistake::Mistakes;
use super::model::{Aim, Cells, Flow, FlowPair, Forged, Judge, Link, Node};
use super::ports::{fits, without};
use super::ways::{Ways, addresses, is_router, share, speaks};
use crate::names::{FlowId, NodeName, SegmentName, Traffic};
use crate::scenario::model::{Check, Cover};
use crate::scenario::{all_ports, usual_ports};

/// A negative as the scenario has it, groups expanded.
pub(super) struct Attack<'a> {
    pub(super) check: &'a Check,
    pub(super) from: Vec<NodeName>,
    pub(super) to: Vec<NodeName>,
    pub(super) both_ways: bool,
    pub(super) via: Option<NodeName>,
    pub(super) as_node: Option<NodeName>,
    pub(super) ports: Vec<Traffic>,
    pub(super) cover: Cover,
    /// Whether cells are sent besides, and if so whether all of them must be.
    pub(super) cells: Option<bool>,
    /// Whether odd packets are sent besides.
    pub(super) odd: bool,
    /// Whether neighbours whom a switch keeps apart get frames without IP, too, wherever that is so; else only where it has rules.
    pub(super) frames: bool,
    /// Whether the same is sent besides with an address that flows let open something there.
    pub(super) forges: bool,
    /// Whether everybody in the target's segment is aimed at as well.
    pub(super) broadcast: bool,
    pub(super) except: Vec<FlowId>,
    /// No other address; none: all of them.
    pub(super) only: Option<IpAddr>,
}

impl Attack<'_> {
    fn pairs(&self) -> Vec<(NodeName, NodeName)> {
        let mut pairs = crossed(&self.from, &self.to);
        if self.both_ways {
            let there: BTreeSet<_> = pairs.iter().cloned().collect();
            pairs.extend(crossed(&self.to, &self.from).into_iter().filter(|pair| !there.contains(pair)));
        }
        pairs
    }
}

/// Every aim of a negative, in the order of its pairs and of the target's addresses.
pub(super) fn aims(
    attack: &Attack<'_>,
    known: &Known<'_>,
    mistakes: &mut Mistakes,
    remarks: &mut Vec<String>,
) -> Vec<Aim> {
    let check = attack.check;
    let mut notes = Notes::default();
    let mut aims = Vec::new();
    for (from, to) in attack.pairs() {
        match (known.ways.node(&from), known.ways.node(&to)) {
            (Some(attacker), Some(target)) => {
                let found = aims_of_pair(attack, known, attacker, target, &mut notes);
                if found.is_empty() {
                    notes.remarks.insert(format!("nothing is aimed from `{from}` at `{to}`"));
                }
                aims.extend(found);
                if attack.broadcast {
                    aims.extend(aims_at_everybody(attack, known, (attacker, target), &mut notes));
                }
            }
            (None, _) => mistakes.check(check, format!("there is no node `{from}`")),
            (_, None) => mistakes.check(check, format!("there is no node `{to}`")),
        }
    }
    once_for_each_segment(&mut aims);
    if aims.is_empty() {
        notes.mistakes.insert("nothing would be sent".into());
    }
    excepted_for_nothing(attack, known, &mut notes);
    notes.mistakes.into_iter().for_each(|text| mistakes.check(check, text));
    remarks.extend(notes.remarks.into_iter().map(|text| format!("check `{}`: {text}", check.name)));
    aims
}

/// What a matrix sends between two nodes: the usual list or everything, less what flows allow. Else, or besides, why some of
/// it is not.
pub(super) fn of_matrix(
    check: &Check,
    known: &Known<'_>,
    (attacker, target): (&Node, &Node),
    (cover, broadcast): (Cover, bool),
) -> (Vec<Aim>, Vec<String>) {
    let whole = cover.is_all();
    let attack = Attack {
        check,
        from: vec![attacker.name.clone()],
        to: vec![target.name.clone()],
        both_ways: false,
        via: None,
        as_node: None,
        ports: if whole { all_ports() } else { usual_ports(true) },
        cover: Cover::AllButFlows,
        // Where everything is sent, combinations that are too many are no gap.
        cells: Some(!whole),
        odd: true,
        frames: whole,
        forges: whole,
        broadcast,
        except: Vec::new(),
        only: None,
    };
    let mut notes = Notes::default();
    let mut aims = aims_of_pair(&attack, known, attacker, target, &mut notes);
    if broadcast && !aims.is_empty() {
        aims.extend(aims_at_everybody(&attack, known, (attacker, target), &mut notes));
    }
    (aims, notes.mistakes.into_iter().chain(notes.remarks).collect())
}

/// The address that a node has by its routes when it opens something to this one.
pub(super) fn own_address(known: &Known<'_>, node: &Node, to: IpAddr) -> Option<IpAddr> {
    let way = known.ways.way(node, to)?;
    let next = way.via.unwrap_or(to);
    let own = || way.link.addresses.iter().filter(|net| net.addr().is_ipv4() == to.is_ipv4());
    own().find(|net| net.contains(&next)).or(own().next()).map(IpNet::addr)
}

/// What came up, each once, however many pairs it concerns.
#[derive(Default)]
pub(super) struct Notes {
    mistakes: BTreeSet<String>,
    remarks: BTreeSet<String>,
    /// Flows of `except` that took something out.
    used: BTreeSet<FlowId>,
    /// Flows already named as not excepted.
    sent_all_the_same: BTreeSet<FlowId>,
}

impl Notes {
    /// No device that would pass on what is for everybody there.
    pub(super) fn far_from_everybody(&mut self, from: &NodeName, segment: &SegmentName) {
        self.remarks.insert(format!(
            "nothing is aimed from `{from}` at everybody in `{segment}`: no device is beside both"
        ));
    }
}

fn aims_of_pair<'a>(
    attack: &Attack<'_>,
    known: &Known<'a>,
    attacker: &'a Node,
    target: &'a Node,
    notes: &mut Notes,
) -> Vec<Aim> {
    let mut aims = Vec::new();
    let asked = |address: &IpAddr| attack.only.is_none_or(|only| only == *address);
    let (mut covered, mut links) = (BTreeSet::new(), BTreeSet::new());
    for address in addresses(target).filter(|address| speaks(attacker, *address) && asked(address)) {
        let first = covered.insert(address.is_ipv4());
        let sent = if attack.cover.is_all() && !first {
            // Everything went to another address of the target.
            usual_ports(true)
        } else {
            attack.ports.clone()
        };
        let ports = ports(attack, known, (attacker, target, address), &sent, notes);
        if ports.is_empty() {
            continue;
        }
        match approach(attack, known.ways, attacker, target, address) {
            Ok(approach) => {
                // Frames without IP go to a link, whatever its addresses are.
                let first_here = links.insert(approach.target.1.port.clone());
                let unrouted = unrouted(&approach, known.ways, target, address);
                notes.remarks.extend(unrouted.clone());
                let cells = cells(attack, known, &approach, (attacker, target, address));
                let aim = Aim { unrouted, cells, ..aim(&approach, attacker, address, ports) };
                let frames = first_here.then(|| frames::beside(attack, known, &aim)).flatten();
                let passes_for = opener(known, &aim, &approach).filter(|_| attack.forges && first);
                let as_opener =
                    passes_for.map(|other| forged(&by_another_name(&aim), &approach, other, notes));
                match attack.as_node.as_ref().and_then(|name| known.ways.node(name)) {
                    None => {
                        let leg = by_another_leg(attack, attacker, &approach);
                        let leg = leg
                            .map(|leg| aim_at_leg(attack, known, &leg, &sent, (attacker, target, address)));
                        aims.push(aim);
                        aims.extend(leg);
                        aims.extend(frames);
                        aims.extend(as_opener.into_iter().flatten());
                    }
                    Some(other) => aims.extend(forged(&aim, &approach, other, notes)),
                }
            }
            Err(Obstacle::Mistake(text)) => _ = notes.mistakes.insert(text),
            Err(Obstacle::Remark(text)) => _ = notes.remarks.insert(text),
        }
    }
    aims
}

/// What is sent: all of the list that exists in this family, less what a flow of `except` allows here.
fn ports(
    attack: &Attack<'_>,
    known: &Known<'_>,
    (from, to, address): (&Node, &Node, IpAddr),
    sent: &[Traffic],
    notes: &mut Notes,
) -> Vec<Traffic> {
    let mut ports: Vec<_> = sent.iter().copied().filter(|port| fits(port, address)).collect();
    let allows = |flow: &&Flow| {
        let mut pairs = flow.pairs.iter();
        pairs.any(|pair| pair.from == from.name && pair.to == to.name && pair.addresses.contains(&address))
    };
    let allowed: Vec<_> = known.flows.iter().filter(|flow| !flow.upkeep).filter(allows).collect();
    let all = attack.cover == Cover::AllButFlows;
    let open = |flow: &Flow| flow.ports.iter().map(Traffic::as_allowed).collect::<Vec<_>>();
    for flow in allowed.iter().filter(|flow| all || attack.except.contains(&flow.id)) {
        let left = without(&ports, &open(flow));
        if left != ports {
            notes.used.insert(flow.id.clone());
        }
        ports = left;
    }
    // On the way round by a neighbour nothing is allowed, nor is it to a forged source.
    let own_way = attack.via.is_none() && attack.as_node.is_none() && !all;
    let allowed = allowed.into_iter().filter(|_| own_way);
    for flow in allowed {
        let sent = ports.iter().find(|port| open(flow).iter().any(|open| open.meets(port)));
        if let Some(sent) = sent.filter(|_| notes.sent_all_the_same.insert(flow.id.clone())) {
            let (id, from, to) = (&flow.id, &from.name, &to.name);
            notes.mistakes.insert(format!(
                "`{sent}` from `{from}` to `{to}` ({address}) is what flow {id} allows; add {id} to `except`"
            ));
        }
    }
    ports
}

/// What is sent besides the list, less what flows allow here; on the way round by a neighbour, and to a forged source, only
/// what `except` names is allowed.
fn cells(
    attack: &Attack<'_>,
    known: &Known<'_>,
    approach: &Approach<'_>,
    (from, to, address): (&Node, &Node, IpAddr),
) -> Option<Cells> {
    let own_way = attack.via.is_none() && attack.as_node.is_none();
    let allows = |flow: &&Flow| {
        let mut pairs = flow.pairs.iter();
        let here = pairs
            .any(|pair| pair.from == from.name && pair.to == to.name && pair.addresses.contains(&address));
        here && !flow.upkeep && (own_way || attack.except.contains(&flow.id))
    };
    let allowed = known.flows.iter().filter(allows).flat_map(|flow| &flow.ports);
    let allowed = || Traffic::joined(allowed.map(Traffic::as_allowed).collect());
    let (next, next_link) = approach.next;
    let switched = is_filtered(known, from, approach.link)
        || is_filtered(known, next, next_link)
        || is_filtered(known, to, approach.target.1);
    let family = |net: &&IpNet| net.addr().is_ipv4() == address.is_ipv4();
    let waypoint = next_link.addresses.iter().find(family).map(IpNet::addr);
    let waypoint = waypoint.filter(|_| attack.odd && next.name != to.name);
    let strict = attack.odd
        && address.is_ipv4()
        && (next.name == to.name || (waypoint.is_some() && share(next, &approach.target.1.segment)));
    attack.cells.map(|all| Cells {
        allowed: allowed(),
        all,
        switched,
        odd: attack.odd,
        waypoint,
        strict,
        one_each: false,
    })
}

fn excepted_for_nothing(attack: &Attack<'_>, known: &Known<'_>, notes: &mut Notes) {
    for id in &attack.except {
        if !known.flows.iter().any(|flow| flow.id == *id) {
            notes.mistakes.insert(format!("`except` names flow {id}, which the scenario does not have"));
        } else if !notes.used.contains(id) {
            notes.remarks.insert(format!("`except` names {id}, which takes nothing out"));
        }
    }
}

/// Out of which link, with which source address, to which neighbour's link.
pub(super) struct Approach<'a> {
    pub(super) link: &'a Link,
    source: IpAddr,
    pub(super) next: (&'a Node, &'a Link),
    /// The target, and its link that has the address.
    target: (&'a Node, &'a Link),
}

/// Why an address is not aimed at.
pub(super) enum Obstacle {
    /// The scenario asks for something impossible.
    Mistake(String),
    /// There is no cable that leads there.
    Remark(String),
}

pub(super) fn approach<'a>(
    attack: &Attack<'_>,
    ways: &Ways<'a>,
    attacker: &'a Node,
    target: &'a Node,
    address: IpAddr,
) -> Result<Approach<'a>, Obstacle> {
    let at = ways.owner(address).map(|(_, link)| link).expect("it is one of the target's addresses");
    let (link, next) = match &attack.via {
        Some(via) => round_by(via, ways, attacker, target)?,
        None => match ways.way(attacker, address) {
            Some(way) => {
                (way.link, ways.owner(way.via.unwrap_or(address)).expect("every next hop is a node's"))
            }
            None => without_route(ways, attacker, (target, at))?,
        },
    };
    // The address beside the next hop's, where the link has several.
    let own = || link.addresses.iter().filter(|net| net.addr().is_ipv4() == address.is_ipv4());
    let beside = own().find(|net| next.1.addresses.iter().any(|other| net.contains(&other.addr())));
    let source = beside.or(own().next()).map(IpNet::addr).ok_or_else(|| {
        let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
        Obstacle::Remark(format!("`{}` has no {family} address at `{}`", attacker.name, link.name))
    })?;
    Ok(Approach { link, source, next, target: (target, at) })
}

type Hop<'a> = (&'a Link, (&'a Node, &'a Link));

/// By the neighbour that the scenario names, if possible not in the target's own segment.
fn round_by<'a>(
    via: &NodeName,
    ways: &Ways<'a>,
    attacker: &'a Node,
    target: &'a Node,
) -> Result<Hop<'a>, Obstacle> {
    if *via == target.name || *via == attacker.name {
        return Err(Obstacle::Mistake(format!("`via` names `{via}`, which is an end of the pair itself")));
    }
    let neighbour = ways.node(via).ok_or_else(|| Obstacle::Mistake(format!("there is no node `{via}`")))?;
    let shared = attacker.links.iter().filter_map(|own| {
        let link = neighbour.links.iter().find(|link| link.segment == own.segment)?;
        Some((own, (neighbour, link)))
    });
    let close = |(own, _): &Hop<'_>| target.links.iter().any(|link| link.segment == own.segment);
    shared.min_by_key(close).ok_or_else(|| {
        Obstacle::Mistake(format!("`via` names `{via}`, which shares no segment with `{}`", attacker.name))
    })
}

/// No route may not stand in for policy: the frame goes to the device that a route would name.
fn without_route<'a>(
    ways: &Ways<'a>,
    attacker: &'a Node,
    (target, at): (&'a Node, &'a Link),
) -> Result<Hop<'a>, Obstacle> {
    if let Some(own) = attacker.links.iter().find(|link| link.segment == at.segment) {
        return Ok((own, (target, at)));
    }
    let several_links = |node: &Node| node.links.len() > 1;
    let any_router = || {
        attacker.links.iter().find_map(|own| {
            let mut members = ways.members(&own.segment).iter();
            let (node, link) = members.find(|(other, _)| is_router(other) && other.name != attacker.name)?;
            Some((own, *node, *link))
        })
    };
    let found = ways
        .neighbour_towards(attacker, &at.segment, is_router)
        .or_else(|| ways.neighbour_towards(attacker, &at.segment, several_links))
        .or_else(any_router);
    found.map(|(own, node, link)| (own, (node, link))).ok_or_else(|| {
        let (from, to) = (&attacker.name, &target.name);
        Obstacle::Remark(format!("`{from}` has no neighbour that leads on to `{to}`"))
    })
}

/// The way to the same address by another leg of the target's, one beside the attacker: who follows the weak host model serves
/// each of its addresses on each of its legs (RFC 1122, section 3.3.4.2). A matrix asks for the ways that routes name.
fn by_another_leg<'a>(
    attack: &Attack<'_>,
    attacker: &'a Node,
    approach: &Approach<'a>,
) -> Option<Approach<'a>> {
    let (target, at) = approach.target;
    let beside = |own: &'a Link| Some((own, target.links.iter().find(|leg| leg.segment == own.segment)?));
    let (link, leg) = attacker.links.iter().find_map(beside)?;
    let family = |net: &&IpNet| net.addr().is_ipv4() == approach.source.is_ipv4();
    let source = link.addresses.iter().find(family)?.addr();
    let asked = attack.via.is_none() && attack.cover != Cover::AllButFlows;
    let other = leg.segment != at.segment && approach.next.0.name != target.name;
    (asked && other).then_some(Approach { link, source, next: (target, leg), target: (target, leg) })
}

/// All of what is sent: no flow allows anything on this way.
fn aim_at_leg(
    attack: &Attack<'_>,
    known: &Known<'_>,
    leg: &Approach<'_>,
    sent: &[Traffic],
    (attacker, target, address): (&Node, &Node, IpAddr),
) -> Aim {
    let cells = cells(attack, known, leg, (attacker, target, address));
    let cells = cells.map(|cells| Cells { allowed: Vec::new(), ..cells });
    let ports = sent.iter().copied().filter(|port| fits(port, address)).collect();
    Aim { cells, ..aim(leg, attacker, address, ports) }
}

/// Why the site's own routes do not lead from the first device on to the target, if they do not.
fn unrouted<'a>(approach: &Approach<'a>, ways: &Ways<'a>, target: &Node, address: IpAddr) -> Option<String> {
    let (next, _) = approach.next;
    (next.name != target.name && ways.legs(next, address).is_none()).then(|| {
        format!(
            "the site's routes do not lead from `{}` on to `{}`, so that here a missing route stops what the open \
             copy lets through",
            next.name, target.name
        )
    })
}

/// The same packets with another node's address: from the attacker's own Ethernet address, and from that node's where
/// it is a neighbour.
fn forged(aim: &Aim, approach: &Approach<'_>, other: &Node, notes: &mut Notes) -> Vec<Aim> {
    let near = other.links.iter().find(|link| link.segment == approach.link.segment);
    let same_family = |net: &&IpNet| net.addr().is_ipv4() == aim.address.is_ipv4();
    let link =
        near.or_else(|| other.links.iter().find(|link| link.addresses.iter().any(|net| same_family(&net))));
    let source = link.and_then(|link| link.addresses.iter().find(same_family)).map(IpNet::addr);
    let Some(source) = source else {
        let family = if aim.address.is_ipv4() { "IPv4" } else { "IPv6" };
        notes.remarks.insert(format!("`{}` has no {family} address that could be forged", other.name));
        return Vec::new();
    };
    let macs = std::iter::once(approach.link.mac).chain(near.map(|link| link.mac));
    let as_other =
        |mac| Aim { source, forged: Some(Forged { node: other.name.clone(), mac }), ..aim.clone() };
    macs.map(as_other).collect()
}

/// Who stands for all whose address might be worth forging: the first that a flow lets open something at the address, out of
/// those that are not beside the attacker, where only a switch could tell the two apart.
fn opener<'a>(known: &Known<'a>, aim: &Aim, approach: &Approach<'_>) -> Option<&'a Node> {
    let leads_there = |pair: &&FlowPair| {
        pair.to == aim.to && pair.from != aim.from && pair.addresses.contains(&aim.address)
    };
    let pairs =
        known.flows.iter().filter(|flow| !flow.upkeep).flat_map(|flow| &flow.pairs).filter(leads_there);
    let speaking = |node: &&Node| speaks(node, aim.address) && !share(node, &approach.link.segment);
    pairs.filter_map(|pair| known.ways.node(&pair.from)).find(speaking)
}

/// The aim with the usual list and cells, less what the attacker may say by its own name: whoever it passes for then.
fn by_another_name(aim: &Aim) -> Aim {
    let allowed = aim.cells.as_ref().map_or(&[][..], |cells| &cells.allowed);
    let usual: Vec<_> = usual_ports(true).into_iter().filter(|port| fits(port, aim.address)).collect();
    Aim { ports: without(&usual, allowed), ..aim.clone() }
}

fn aim(approach: &Approach<'_>, attacker: &Node, address: IpAddr, ports: Vec<Traffic>) -> Aim {
    let Approach { link, source, next: (next, next_link), target: (target, at) } = *approach;
    let behind = target.judged_behind_filter || link.segment == at.segment;
    let judge = if behind {
        Judge::BehindFilter { node: target.name.clone() }
    } else {
        Judge::Tap { port: at.port.clone() }
    };
    Aim {
        from: attacker.name.clone(),
        link: link.name.clone(),
        source,
        forged: None,
        to: target.name.clone(),
        address,
        everybody: None,
        next_hop: next_link.mac,
        next_node: next.name.clone(),
        // The target itself, if the frame goes straight there.
        stops_at: next.name.clone(),
        ports,
        cells: None,
        judge,
        target_segment: at.segment.clone(),
        target_mac: at.mac,
        unrouted: None,
    }
}
