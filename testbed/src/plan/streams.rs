//! `no_stream`: who asks which camera for its stream, or joins its group, and who shows that it would give one.

use std::net::{IpAddr, Ipv4Addr};

use super::alive;
use super::checks::Known;
use super::mistake::Mistakes;
use super::model::{Group, Join, Link, Node, Open};
use super::ports::fits;
use super::taint::first_port;
use super::ways::speaks;
use crate::names::{NodeName, Traffic};
use crate::scenario::model::Check;

/// Each of `from` with each address of each camera that it can speak to, but for a camera with itself; and for each camera the first
/// pair of a flow that may watch it.
pub(super) fn tried(
    check: &Check,
    known: &Known<'_>,
    (cameras, from): (&[NodeName], &[NodeName]),
    mistakes: &mut Mistakes,
) -> (Vec<Open>, Vec<Open>) {
    let (mut tries, mut may) = (Vec::new(), Vec::new());
    for camera in cameras {
        let Some((port, node)) = first_port(known, camera).zip(known.ways.node(camera)) else {
            mistakes.check(check, format!("asks `{camera}`, which does not serve RTSP by itself"));
            continue;
        };
        let port = Traffic::Tcp(port, port);
        match watches(known, camera, port) {
            Some(open) => may.push(open),
            None => mistakes.check(
                check,
                format!(
                    "no flow lets anybody watch `{camera}`, and nothing would show that it gives its stream"
                ),
            ),
        }
        let askers = from.iter().filter(|name| *name != camera).filter_map(|name| known.ways.node(name));
        for asker in askers {
            let asked = asked(asker, node, port);
            if asked.is_empty() {
                let text = format!("`{}` has no address of a family that `{camera}` has", asker.name);
                mistakes.check(check, text);
            }
            tries.extend(asked);
        }
    }
    if tries.is_empty() {
        mistakes.check(check, "has nobody who could ask a camera".to_owned());
    }
    (tries, may)
}

fn asked(asker: &Node, camera: &Node, port: Traffic) -> Vec<Open> {
    let addresses = camera.links.iter().flat_map(|link| &link.addresses).map(|net| net.addr());
    let fitting = addresses.filter(|address: &IpAddr| speaks(asker, *address) && fits(&port, *address));
    let open =
        |address| Open { flow: None, from: asker.name.clone(), to: camera.name.clone(), address, port };
    fitting.map(open).collect()
}

/// Somebody whom a flow lets watch the camera.
fn watches(known: &Known<'_>, camera: &NodeName, port: Traffic) -> Option<Open> {
    let lets = |ports: &Traffic| matches!((ports, port), (Traffic::Tcp(first, last), Traffic::Tcp(port, _)) if (*first..=*last).contains(&port));
    let flows = known.flows.iter().filter(|flow| flow.ports.iter().any(lets));
    let mut pairs = flows.flat_map(|flow| flow.pairs.iter().map(move |pair| (flow, pair)));
    pairs
        .find_map(|(flow, pair)| if pair.to == *camera { alive::open(known, flow, pair, port) } else { None })
}

/// The groups of those cameras that some flow lets somebody hear, joined by each of `from` on each of its links that is beside none of
/// the camera's, and on no trunk; and for each group somebody who may hear it.
///
/// Whoever is beside the camera hears its group where a bridge repeats it, whoever joined: who is there is for `members`.
pub(super) fn joined(known: &Known<'_>, cameras: &[NodeName], from: &[NodeName]) -> (Vec<Join>, Vec<Join>) {
    let (mut joins, mut hears) = (Vec::new(), Vec::new());
    for camera in cameras.iter().filter_map(|name| known.ways.node(name)) {
        let Some((listener, group)) = heard(known, &camera.name) else { continue };
        let beside = |link: &&Link| group.segments.contains(&link.segment);
        let Some(sender) = camera.links.iter().find(beside) else { continue };
        let at = |node: &Node, link: &Link| join((camera, sender), group, (node, link));
        let askers =
            from.iter().filter(|name| **name != camera.name).filter_map(|name| known.ways.node(name));
        let before = joins.len();
        for asker in askers {
            let apart = |link: &&Link| camera.links.iter().all(|own| own.segment != link.segment);
            let links = asker.links.iter().filter(|link| link.trunk.is_none()).filter(apart);
            joins.extend(links.filter_map(|link| at(asker, link)));
        }
        if joins.len() > before {
            hears.extend(
                listener
                    .links
                    .iter()
                    .find(|link| link.segment == sender.segment)
                    .and_then(|link| at(listener, link)),
            );
        }
    }
    (joins, hears)
}

/// Somebody whom a flow lets hear what the camera sends to its group.
fn heard<'a>(known: &Known<'a>, camera: &NodeName) -> Option<(&'a Node, &'a Group)> {
    let mut pairs = known.flows.iter().flat_map(|flow| &flow.pairs).filter(|pair| pair.to == *camera);
    pairs.find_map(|pair| known.ways.node(&pair.from).zip(pair.group.as_ref()))
}

fn join((camera, sender): (&Node, &Link), group: &Group, (node, link): (&Node, &Link)) -> Option<Join> {
    Some(Join {
        camera: camera.name.clone(),
        camera_port: sender.port.clone(),
        sends_from: (sender.mac, four(sender)?),
        group: group.address,
        ports: group.ports,
        from: node.name.clone(),
        link: link.name.clone(),
        from_port: link.port.clone(),
        address: four(link)?,
    })
}

/// The first IPv4 address of a link: groups of cameras are of that family.
fn four(link: &Link) -> Option<Ipv4Addr> {
    link.addresses.iter().find_map(|net| match net.addr() {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    })
}
