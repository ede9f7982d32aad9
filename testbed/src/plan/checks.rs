//! Checks with their probes spelled out.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use super::across;
use super::after::{after, ask_tried};
use super::aims::{Attack, aims};
use super::alive;
use super::answers::answering;
use super::fault::Fault;
use super::flows::{crossed, expand};
use super::hops;
use super::lint::kits;
use super::matrix::matrix;
use super::mistake::Mistakes;
use super::model::{
    Advised, Asking, Check, During, Flow, Forgotten, Open, Plan, RouteAsked, Service, ServiceKind, Told, Word,
};
use super::own_leg;
use super::ports::{fits, openable};
use super::spoken;
use super::spoken_rtsp;
use super::streams;
use super::taint;
use super::ways::{Ways, addresses, speaks};
use crate::names::{FlowId, LinkName, NodeName, SegmentName, Traffic};
use crate::scenario::fault::Fault as Written;
use crate::scenario::model::{self as scenario, Cover, Scenario};

/// A `reach` names its ports one by one; more than this in one range is a `no_reach` in disguise.
const MOST_REACHED: u64 = 1024;

/// What the plan knows by the time it spells the checks out.
pub(super) struct Known<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) ways: &'a Ways<'a>,
    pub(super) services: &'a [Service],
    pub(super) flows: &'a [Flow],
    /// The plan without its checks, to find in it what faults are done to.
    pub(super) site: &'a Plan,
}

/// Every check of the scenario, in its order.
pub(super) fn checks(known: &Known<'_>, mistakes: &mut Mistakes, remarks: &mut Vec<String>) -> Vec<Check> {
    let mut planned = Vec::new();
    for check in &known.scenario.checks {
        let during = check.during.as_ref().and_then(|written| {
            let then = fault(check, &written.mended_by(), known, mistakes)?;
            Some(During { fault: fault(check, written, known, mistakes)?, then })
        });
        let word = word(check, known, mistakes, remarks);
        if let Some(During { fault, .. }) = &during {
            let opened = word.opens().iter().map(|open| (&open.from, open.address));
            let aimed = word.aims().iter().map(|aim| (&aim.from, aim.address));
            ask_tried(check, fault, aimed.chain(opened), mistakes);
        }
        planned.push(Check {
            name: check.name.clone(),
            place: check.place.clone(),
            proves: check.proves.clone(),
            requires: check.requires.clone(),
            during,
            word,
        });
    }
    planned
}

/// The first cloud that flows lead to.
fn cloud_of(flows: &[FlowId], known: &Known<'_>) -> Option<NodeName> {
    let pairs = known.flows.iter().filter(|flow| flows.contains(&flow.id)).flat_map(|flow| &flow.pairs);
    let is_cloud = |name: &&NodeName| {
        known.services.iter().any(|one| one.node == **name && matches!(one.kind, ServiceKind::Cloud { .. }))
    };
    pairs.map(|pair| &pair.to).find(is_cloud).cloned()
}

/// What a fault comes to in this plan.
pub(super) fn fault(
    check: &scenario::Check,
    written: &Written,
    known: &Known<'_>,
    mistakes: &mut Mistakes,
) -> Option<Fault> {
    known.site.fault(written).map_err(|text| mistakes.check(check, text)).ok()
}

pub(super) fn word(
    check: &scenario::Check,
    known: &Known<'_>,
    mistakes: &mut Mistakes,
    remarks: &mut Vec<String>,
) -> Word {
    let all = |names: &[NodeName]| expand(&known.scenario.site, names);
    match check.word.clone() {
        scenario::Word::Reach { from, to, ports } => {
            Word::Reach { opens: reach(check, known, (all(&from), all(&to)), &ports, mistakes) }
        }
        scenario::Word::NoReach { .. } => no_reach(check, known, mistakes, remarks),
        scenario::Word::After { .. } => after(check, known, mistakes),
        scenario::Word::Periodic { event, of, every, tolerance, gaps, missing } => {
            Word::Periodic { event, of, every, tolerance, gaps, missing }
        }
        scenario::Word::Job { of, does, spoiled, within } => spoken::job(known, of, does, spoiled, within),
        scenario::Word::Calls { by, of, does, refuses, at, within } => {
            spoken::calls(known, (by, of), does, (refuses, at), within)
        }
        scenario::Word::Talks { of, services } => spoken::talks(known, of, &services),
        scenario::Word::NamesAgree { flows } => Word::NamesAgree { flows },
        scenario::Word::Rtsp { flows, methods, nowhere_else } => {
            spoken_rtsp::rtsp(known, flows, methods, nowhere_else)
        }
        scenario::Word::Endures { of, throttled, meets, waits, within } => {
            spoken::endures(known, of, (&throttled, meets), waits, within)
        }
        scenario::Word::Plays { cameras, at, sub_streams, bounds } => {
            Word::Plays { cameras: all(&cameras), at, sub_streams, bounds }
        }
        scenario::Word::Tls { flows, min, refuses, instead_of } => {
            let cloud = if refuses.is_empty() { None } else { cloud_of(&flows, known) };
            Word::Tls { flows, min, refuses, instead_of, cloud }
        }
        scenario::Word::Direction {
            flows,
            initiator,
            media_to,
            media_ends,
            hops,
            tracked_by,
            asks,
            answers,
        } => Word::Direction { flows, initiator, media_to, media_ends, hops, tracked_by, asks, answers },
        scenario::Word::PeersOf { nodes, exactly, besides } => {
            Word::PeersOf { nodes: all(&nodes), exactly: all(&exactly), besides }
        }
        scenario::Word::Members { segment, exactly, tagged } => {
            Word::Members { segment, exactly: all(&exactly), tagged: tagged.as_deref().map(all) }
        }
        scenario::Word::Clock { of, from, upstream, offset } => {
            Word::Clock { of: all(&of), from, upstream, offset }
        }
        scenario::Word::NoVideo { cameras, at } => Word::NoVideo { cameras: all(&cameras), at },
        scenario::Word::NoStream { cameras, from, knows_password } => {
            no_stream(check, known, (&all(&cameras), &all(&from)), knows_password, mistakes)
        }
        scenario::Word::Inventory { of } => Word::Inventory { of: all(&of) },
        scenario::Word::Attacks { of } => Word::Attacks { of: all(&of) },
        scenario::Word::Scan { at, finds, beyond, by_job } => {
            Word::Scan { at, finds: all(&finds), beyond: all(&beyond), by_job }
        }
        scenario::Word::Spare { of } => Word::Spare { of: all(&of) },
        scenario::Word::Address { of, asked, bound, kept } => address(known, &all(&of), (asked, bound), kept),
        scenario::Word::Carries { node, link, only } => carries(known, node, link, only),
        scenario::Word::NoBridge { of } => no_bridge(check, known, &all(&of), mistakes),
        scenario::Word::NoHop { from, segments } => no_hop(check, known, (&all(&from), &segments), mistakes),
        scenario::Word::OwnLeg { of } => {
            Word::OwnLeg { questions: own_leg::questions(check, known, &all(&of), mistakes) }
        }
        scenario::Word::Listens { of, at } => Word::Listens { of: all(&of), at },
        scenario::Word::Explained { segments, upkeep, unused } => {
            Word::Explained { segments, upkeep, unused }
        }
        scenario::Word::Matrix { between, cover, broadcast } => {
            matrix(check, known, all(&between), (cover, broadcast), mistakes)
        }
        scenario::Word::Name { at, segment, by } => {
            let patterns = patterns(known.scenario, &at, &segment);
            Word::Name { at, segment, by: all(&by), patterns }
        }
        scenario::Word::Taint { cameras, may_appear } => {
            taint::taint(check, known, cameras, &may_appear, mistakes)
        }
        scenario::Word::Lint { rules, waive } => {
            Word::Lint { rules, waive, kits: kits(known), owners: known.scenario.owners.clone() }
        }
    }
}

fn no_reach(
    check: &scenario::Check,
    known: &Known<'_>,
    mistakes: &mut Mistakes,
    remarks: &mut Vec<String>,
) -> Word {
    let scenario::Word::NoReach {
        from,
        to,
        both_ways,
        via,
        as_node,
        ports,
        cover,
        broadcast,
        except,
        forgotten,
    } = check.word.clone()
    else {
        unreachable!("asked for `no_reach` only")
    };
    let only = forgotten.as_ref().map(|one| one.address);
    let attack = Attack {
        check,
        from: expand(&known.scenario.site, &from),
        to: expand(&known.scenario.site, &to),
        both_ways,
        via,
        as_node,
        ports,
        cover,
        // Whoever writes a list, or sends everything, has said what counts.
        cells: (cover != Cover::Listed && only.is_none()).then_some(cover == Cover::Usual),
        odd: false,
        frames: cover.is_all(),
        forges: false,
        broadcast,
        except,
        only,
    };
    let aims = aims(&attack, known, mistakes, remarks);
    let alive = alive::opens(check, known, mistakes);
    alive::cover(check, known, &aims, &alive, mistakes);
    Word::NoReach { aims, alive, forgotten: forgotten.map(planned) }
}

fn no_bridge(check: &scenario::Check, known: &Known<'_>, of: &[NodeName], mistakes: &mut Mistakes) -> Word {
    let crossings = across::crossings(check, known, of, mistakes);
    let alive = alive::opens(check, known, mistakes);
    across::cover(check, known, &crossings, &alive, mistakes);
    Word::NoBridge { crossings, alive }
}

fn no_hop(
    check: &scenario::Check,
    known: &Known<'_>,
    (from, segments): (&[NodeName], &[SegmentName]),
    mistakes: &mut Mistakes,
) -> Word {
    let hops = hops::hops(check, known, from, segments, mistakes);
    let alive = alive::opens(check, known, mistakes);
    hops::cover(check, known, &hops, &alive, mistakes);
    Word::NoHop { hops, alive }
}

fn no_stream(
    check: &scenario::Check,
    known: &Known<'_>,
    (cameras, from): (&[NodeName], &[NodeName]),
    knows_password: bool,
    mistakes: &mut Mistakes,
) -> Word {
    let (tries, may) = streams::tried(check, known, (cameras, from), mistakes);
    let (joins, hears) = streams::joined(known, cameras, from);
    Word::NoStream { tries, knows_password, may, joins, hears }
}

fn address(
    known: &Known<'_>,
    of: &[NodeName],
    (asked, bound): (Option<Ipv4Addr>, Option<Ipv4Addr>),
    kept: bool,
) -> Word {
    let advised = of.iter().flat_map(|name| advised(known, name)).collect();
    let asking = of.iter().filter_map(|name| asking(known, name, asked, bound));
    Word::Address { of: asking.collect(), advised, kept }
}

fn planned(written: scenario::Forgotten) -> Forgotten {
    let scenario::Forgotten { since, address, within } = written;
    Forgotten { since, address, within }
}

/// The names that fill a set of the router when they are answered in the segment.
fn patterns(scenario: &Scenario, at: &NodeName, segment: &SegmentName) -> Vec<String> {
    let Some(scenario::Kind::Router(router)) = scenario.site.nodes.get(at).map(|node| &node.kind) else {
        return Vec::new();
    };
    router.sets.get(segment).into_iter().flatten().flat_map(|set| set.names.iter().cloned()).collect()
}

/// With the routes that the node's own part of these flows takes.
fn carries(known: &Known<'_>, node: NodeName, link: LinkName, only: Vec<FlowId>) -> Word {
    let mut routes: Vec<RouteAsked> = Vec::new();
    for flow in known.flows.iter().filter(|flow| only.contains(&flow.id)) {
        for pair in flow.pairs.iter().filter(|pair| pair.from == node) {
            for to in &pair.addresses {
                match routes.iter_mut().find(|route| route.to == *to) {
                    Some(route) => route.flows.push(flow.id.clone()),
                    None => routes.push(RouteAsked { to: *to, flows: vec![flow.id.clone()] }),
                }
            }
        }
    }
    let found = known.ways.node(&node).and_then(|node| node.links.iter().find(|one| one.name == link));
    let port = found.map_or_else(|| link.clone(), |found| found.port.clone());
    Word::Carries { node, link, port, only, routes }
}

/// The link of a node that asks for its address; what the check leaves open is what the site says.
fn asking(
    known: &Known<'_>,
    name: &NodeName,
    asked: Option<Ipv4Addr>,
    bound: Option<Ipv4Addr>,
) -> Option<Asking> {
    let node = known.scenario.site.nodes.get(name)?;
    let (link, dhcp) = node.links.iter().find_map(|link| Some((link, link.dhcp.as_ref()?)))?;
    let asked = asked.or(dhcp.asks);
    Some(Asking {
        node: name.clone(),
        link: link.name.clone(),
        asked,
        bound: bound.or(asked).unwrap_or(dhcp.gets),
        server: dhcp.server.clone(),
        told: told(known.services, &dhcp.server, dhcp.gets),
    })
}

/// What a server tells whoever it gives this address.
fn told(services: &[Service], server: &NodeName, gives: Ipv4Addr) -> Told {
    let of = services.iter().filter(|service| service.node == *server);
    let mut told = of.filter_map(|service| match &service.kind {
        ServiceKind::DhcpServer { subnet, lease, router, dns, ntp, .. } if subnet.contains(&gives) => {
            let lease = u32::try_from(lease.as_secs()).ok();
            let routers = router.iter().copied().collect();
            Some(Told { routers, names: dns.clone(), times: ntp.clone(), lease })
        }
        _ => None,
    });
    told.next().unwrap_or_default()
}

/// The links of a node that are advised by a router.
fn advised(known: &Known<'_>, name: &NodeName) -> Vec<Advised> {
    let (Some(written), Some(node)) = (known.scenario.site.nodes.get(name), known.ways.node(name)) else {
        return Vec::new();
    };
    let six = |net: &IpNet| match net.addr() {
        IpAddr::V6(address) => Some(address),
        IpAddr::V4(_) => None,
    };
    let advised = node.links.iter().zip(&written.links).filter_map(|(link, written)| {
        let router = written.advised_by.clone()?;
        let bound = link.advised.iter().filter_map(six).collect();
        Some(Advised { node: name.clone(), link: link.name.clone(), bound, router })
    });
    advised.collect()
}

/// One conversation per pair, address and port.
fn reach(
    check: &scenario::Check,
    known: &Known<'_>,
    (from, to): (Vec<NodeName>, Vec<NodeName>),
    ports: &[Traffic],
    mistakes: &mut Mistakes,
) -> Vec<Open> {
    if let Some(wide) = ports.iter().find(|port| port.width() > MOST_REACHED) {
        mistakes.check(check, format!("`{wide}` is more than the {MOST_REACHED} ports that reach opens"));
        return Vec::new();
    }
    let single: Vec<Traffic> = ports.iter().flat_map(|port| port.each()).collect();
    if let Some(port) = single.iter().find(|port| openable(port).is_none()) {
        let known = "`tcp/N`, `udp/53`, `udp/123` and `icmp/8`";
        mistakes.check(check, format!("`{port}` gets no answer that could be waited for; {known} do"));
        return Vec::new();
    }
    let led = led(check);
    let mut opens = Vec::new();
    for pair in crossed(&from, &to) {
        let some = reach_pair(known, &pair, &single, led);
        if let (Some(led), true) = (led, some.is_empty()) {
            let (from, to) = &pair;
            mistakes
                .check(check, format!("nothing of `{to}` is opened from `{from}`: the name leads to {led}"));
        }
        opens.extend(some);
    }
    // Where a name leads, each pair has been told of.
    if opens.is_empty() && led.is_none() {
        mistakes.check(check, "nothing would be opened: no two nodes with an address family in common");
    }
    opens
}

/// Where a name leads that somebody is had ask for meanwhile: that address alone is opened then, whoever answers there else.
fn led(check: &scenario::Check) -> Option<IpAddr> {
    match &check.during {
        Some(Written::MoveName { to, asked_by: Some(_), .. }) => *to,
        _ => None,
    }
}

fn reach_pair(
    known: &Known<'_>,
    (from, to): &(NodeName, NodeName),
    ports: &[Traffic],
    led: Option<IpAddr>,
) -> Vec<Open> {
    let (Some(opener), Some(answerer)) = (known.ways.node(from), known.ways.node(to)) else {
        return Vec::new();
    };
    let mut opens = Vec::new();
    for port in ports {
        let mut addresses = match led {
            Some(led) => addresses(answerer).filter(|one| *one == led).collect(),
            None => answering(known.services, opener, answerer, port),
        };
        addresses.retain(|one| speaks(opener, *one) && fits(port, *one));
        opens.extend(addresses.into_iter().map(|address| Open {
            flow: None,
            from: from.clone(),
            to: to.clone(),
            address,
            port: *port,
        }));
    }
    opens
}
