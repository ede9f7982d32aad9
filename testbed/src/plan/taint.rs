//! `taint`: whose video goes by which ports, and where it may be heard besides.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::checks::Known;
use super::mistake::Mistakes;
use super::model::{Flow, FlowPair, Link, Node, ServiceKind, VideoWay, Word};
use super::ways::speaks;
use crate::names::{LinkName, NodeName, Traffic};
use crate::scenario::model::Check;

/// The word with its ways; a camera whose video nobody asks for could be nowhere, and shows nothing.
pub(super) fn taint(
    check: &Check,
    known: &Known<'_>,
    cameras: Vec<NodeName>,
    may_appear: &[(NodeName, LinkName)],
    mistakes: &mut Mistakes,
) -> Word {
    let mut streams: Vec<VideoWay> = Vec::new();
    for pair in
        known.flows.iter().flat_map(|flow| watching(known, flow)).filter(|pair| cameras.contains(&pair.to))
    {
        let (camera, to) = (&pair.to, &pair.from);
        if streams.iter().any(|one| one.camera == *camera && one.to == *to) {
            continue;
        }
        let plays = plays(known, camera, to);
        match way(known, camera, to, &pair.addresses) {
            Some(links) => streams.push(stream(known, camera, to, plays, &links)),
            None if plays => {
                mistakes.check(check, format!("no route leads `{camera}`'s video to `{to}`"));
            }
            None => {}
        }
    }
    for camera in
        cameras.iter().filter(|camera| !streams.iter().any(|one| one.plays && one.camera == **camera))
    {
        mistakes.check(
            check,
            format!("nobody whom a flow lets watch `{camera}` plays it: there is nothing to find"),
        );
    }
    let besides = may_appear.iter().filter_map(|(node, link)| {
        let links = &known.ways.node(node)?.links;
        links.iter().find(|one| one.name == *link).map(|link| link.port.clone())
    });
    Word::Taint { cameras, streams, besides: besides.collect() }
}

/// The pairs of a flow that lets the port pass by which a camera is set up.
fn watching<'a>(known: &'a Known<'_>, flow: &'a Flow) -> impl Iterator<Item = &'a FlowPair> {
    let lets = |port: u16| {
        let is_let =
            |ports: &Traffic| matches!(ports, Traffic::Tcp(first, last) if (*first..=*last).contains(&port));
        flow.ports.iter().any(is_let)
    };
    flow.pairs.iter().filter(move |pair| first_port(known, &pair.to).is_some_and(lets))
}

pub(super) fn first_port(known: &Known<'_>, camera: &NodeName) -> Option<u16> {
    known.services.iter().filter(|service| service.node == *camera).find_map(|service| match &service.kind {
        ServiceKind::Camera { rtsp, .. } => Some(rtsp.first_port),
        _ => None,
    })
}

fn plays(known: &Known<'_>, camera: &NodeName, to: &NodeName) -> bool {
    known.services.iter().any(|service| match &service.kind {
        ServiceKind::Appliance { cameras, .. } => {
            service.node == *to && cameras.iter().any(|source| source.camera == *camera)
        }
        _ => false,
    })
}

/// The links that video passes, from the camera's on: those that answers go by.
pub(super) fn way<'a>(
    known: &Known<'a>,
    camera: &NodeName,
    to: &NodeName,
    addresses: &[IpAddr],
) -> Option<Vec<(&'a Node, &'a Link)>> {
    let (camera, to) = (known.ways.node(camera)?, known.ways.node(to)?);
    addresses.iter().filter(|address| speaks(to, **address)).find_map(|address| {
        let own = &known.ways.way(to, *address)?.link.addresses;
        let answered = own.iter().map(|net| net.addr()).find(|own| own.is_ipv4() == address.is_ipv4())?;
        known.ways.hops(camera, answered)
    })
}

pub(super) fn stream(
    known: &Known<'_>,
    camera: &NodeName,
    to: &NodeName,
    plays: bool,
    links: &[(&Node, &Link)],
) -> VideoWay {
    let ports = links.iter().map(|(node, link)| {
        let spare = node.spare_of(&link.name).map(|spare| spare.port.clone());
        [link.port.clone()].into_iter().chain(spare).collect()
    });
    let hubs = known.site.segments.iter().filter(|segment| segment.hub);
    let passed = hubs.filter(|hub| links.iter().any(|(_, link)| link.segment == hub.name));
    let hear: BTreeSet<LinkName> =
        passed.flat_map(|hub| known.ways.members(&hub.name)).map(|(_, link)| link.port.clone()).collect();
    let (camera, to) = (camera.clone(), to.clone());
    VideoWay { camera, to, plays, ports: ports.collect(), hear: hear.into_iter().collect() }
}
