//! What runs in the nodes, in the order it is started: whom others need comes first.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use super::mistake::Mistakes;
use super::model::{Node, Service, ServiceKind, Source};
use super::ways::{Ways, addresses, share, speaks};
use crate::names::{NodeName, SegmentName, Traffic};
use crate::scenario::model::{self as scenario, CloudService, Kind};

/// Every service of a cloud, in the order of its addresses.
pub(super) const CLOUD_SERVICES: [CloudService; 6] = [
    CloudService::Iot,
    CloudService::Monitoring,
    CloudService::Logs,
    CloudService::S3,
    CloudService::Dns,
    CloudService::Ntp,
];

/// How often a host that only plays would report; it has no cloud, so nothing is sent.
const UNUSED_PERIOD: Duration = Duration::from_secs(30);
/// glibc asks at most three name servers (resolv.conf(5), `MAXNS`).
const MOST_NAMESERVERS: usize = 3;

/// A cloud's services with their addresses: each subnet of each link has one per service.
pub(super) fn cloud_binds(cloud: &Node) -> Vec<(CloudService, IpAddr)> {
    CLOUD_SERVICES.into_iter().cycle().zip(addresses(cloud)).collect()
}

/// A cloud's addresses of one service.
pub(super) fn at_cloud(cloud: &Node, service: CloudService) -> impl Iterator<Item = IpAddr> {
    cloud_binds(cloud).into_iter().filter(move |(one, _)| *one == service).map(|(_, address)| address)
}

/// Everything that runs in the site.
pub(super) fn services(
    site: &scenario::Site,
    nodes: &[Node],
    ways: &Ways<'_>,
    mistakes: &mut Mistakes,
) -> Vec<Service> {
    let mut found = Finder { site, ways, mistakes, stages: Default::default() };
    for node in nodes {
        let Some(written) = site.nodes.get(&node.name) else { continue };
        match &written.kind {
            Kind::Cloud(cloud) => found.cloud(node, cloud),
            Kind::Router(router) => found.router(node, router),
            Kind::Camera(camera) => found.camera(node, camera),
            Kind::Appliance(appliance) => found.appliance(node, written, appliance),
            Kind::Host(host) => found.host(node, host),
        }
    }
    found.stages.into_iter().flatten().collect()
}

/// When a service is started.
#[derive(Clone, Copy)]
enum Stage {
    Cloud,
    Router,
    Camera,
    Appliance,
    Player,
    Command,
}

struct Finder<'a, 'n> {
    site: &'a scenario::Site,
    ways: &'a Ways<'n>,
    mistakes: &'a mut Mistakes,
    /// One list per [`Stage`].
    stages: [Vec<Service>; 6],
}

impl Finder<'_, '_> {
    fn add(&mut self, stage: Stage, node: &Node, kind: ServiceKind) {
        self.stages[stage as usize].push(Service { node: node.name.clone(), kind });
    }

    fn cloud(&mut self, node: &Node, cloud: &scenario::Cloud) {
        let talks = |other: &&scenario::Node| matches!(&other.kind, Kind::Appliance(app) if app.cloud.as_ref() == Some(&node.name));
        let things = self.site.nodes.values().filter(talks).map(|other| other.name.clone()).collect();
        let kind = ServiceKind::Cloud {
            region: cloud.region.clone(),
            names: cloud.names,
            binds: cloud_binds(node),
            things,
        };
        self.add(Stage::Cloud, node, kind);
    }

    fn router(&mut self, node: &Node, router: &scenario::Router) {
        if !router.dns.is_empty() {
            let listen = self.listen(node, &router.dns);
            match self.upstream(node, router) {
                Ok(upstream) => self.add(Stage::Router, node, ServiceKind::Resolver { listen, upstream }),
                Err(text) => self.mistakes.site(format!("`{}` serves dns: {text}", node.name)),
            }
        }
        if !router.ntp.is_empty() {
            let listen = self.listen(node, &router.ntp);
            self.add(Stage::Router, node, ServiceKind::Clock { listen });
        }
    }

    /// The router's addresses in the segments that it serves.
    fn listen(&mut self, node: &Node, segments: &[SegmentName]) -> Vec<IpAddr> {
        for segment in segments.iter().filter(|segment| !share(node, segment)) {
            self.mistakes.site(format!("`{}` serves segment `{segment}`, where it has no link", node.name));
        }
        let served = node.links.iter().filter(|link| segments.contains(&link.segment));
        served.flat_map(|link| &link.addresses).map(IpNet::addr).collect()
    }

    fn upstream(&self, node: &Node, router: &scenario::Router) -> Result<IpAddr, String> {
        let name = router.upstream.as_ref().ok_or("it needs an `upstream` to ask")?;
        let cloud = self.cloud_node(name).ok_or_else(|| format!("its upstream `{name}` is no cloud"))?;
        let asked = at_cloud(cloud, CloudService::Dns).find(|address| speaks(node, *address));
        asked.ok_or_else(|| format!("it has no address family in common with `{name}`"))
    }

    fn cloud_node(&self, name: &NodeName) -> Option<&Node> {
        let is_cloud = self.site.nodes.get(name).is_some_and(|node| matches!(node.kind, Kind::Cloud(_)));
        self.ways.node(name).filter(|_| is_cloud)
    }

    fn camera(&mut self, node: &Node, camera: &scenario::Camera) {
        let Some(listen) = serving_address(node) else {
            return self.mistakes.site(format!("`{}` has no address to serve on", node.name));
        };
        let scenario::Camera { id, width, height, fps } = *camera;
        self.add(Stage::Camera, node, ServiceKind::Camera { id, listen, width, height, fps });
    }

    fn appliance(&mut self, node: &Node, written: &scenario::Node, appliance: &scenario::Appliance) {
        if let Some(cloud) = appliance.cloud.as_ref().filter(|name| self.cloud_node(name).is_none()) {
            self.mistakes.site(format!("`{}`: its cloud `{cloud}` is no cloud", node.name));
        }
        let clock = written.clock.as_ref().and_then(|name| match self.clock(node, name) {
            Ok(address) => Some(address),
            Err(text) => {
                self.mistakes.site(format!("`{}`: its clock {text}", node.name));
                None
            }
        });
        let kind = ServiceKind::Appliance {
            cameras: self.sources(node, &appliance.cameras),
            cloud: appliance.cloud.clone(),
            clock,
            monitor_every: appliance.monitor_every,
        };
        self.add(Stage::Appliance, node, kind);
    }

    fn clock(&self, node: &Node, name: &NodeName) -> Result<IpAddr, String> {
        let other = self.ways.node(name).ok_or_else(|| format!("`{name}` is no node"))?;
        let serves = match self.site.nodes.get(name).map(|node| &node.kind) {
            Some(Kind::Cloud(_)) => at_cloud(other, CloudService::Ntp).collect(),
            Some(Kind::Router(router)) => in_segments(other, &router.ntp),
            _ => addresses(other).collect(),
        };
        if serves.is_empty() {
            return Err(format!("`{name}` tells nobody the time"));
        }
        let nearest = nearest(node, other, &serves);
        nearest.first().copied().ok_or_else(|| format!("`{name}` has no address family in common with it"))
    }

    fn host(&mut self, node: &Node, host: &scenario::Host) {
        if !host.plays.is_empty() {
            let cameras = self.sources(node, &host.plays);
            let kind =
                ServiceKind::Appliance { cameras, cloud: None, clock: None, monitor_every: UNUSED_PERIOD };
            self.add(Stage::Player, node, kind);
        }
        if let Some(scenario::Run { command, to_end, within }) = host.run.clone() {
            self.add(Stage::Command, node, ServiceKind::Command { command, to_end, within });
        }
    }

    fn sources(&mut self, node: &Node, cameras: &[NodeName]) -> Vec<Source> {
        let mut sources = Vec::new();
        for name in expand(self.site, cameras) {
            match self.source(node, &name) {
                Ok(source) => sources.push(source),
                Err(text) => self.mistakes.site(format!("`{}` plays `{name}`, which {text}", node.name)),
            }
        }
        sources
    }

    fn source(&self, node: &Node, name: &NodeName) -> Result<Source, &'static str> {
        let kind = self.site.nodes.get(name).map(|node| &node.kind);
        let (Some(Kind::Camera(camera)), Some(planned)) = (kind, self.ways.node(name)) else {
            return Err("is no camera");
        };
        let address = serving_address(planned).filter(|address| speaks(node, *address));
        let address = address.ok_or("has no address family in common with it")?;
        Ok(Source { camera: name.clone(), id: camera.id, address })
    }
}

/// Where a camera serves: its first IPv4 address, or its first one if it has none.
fn serving_address(camera: &Node) -> Option<IpAddr> {
    addresses(camera).find(IpAddr::is_ipv4).or_else(|| addresses(camera).next())
}

/// Names of nodes, with the names of groups replaced by those of their nodes.
pub(super) fn expand(site: &scenario::Site, names: &[NodeName]) -> Vec<NodeName> {
    let members = |name: &NodeName| match site.groups.get(name) {
        Some(group) if !site.nodes.contains_key(name) => group.clone(),
        _ => vec![name.clone()],
    };
    names.iter().flat_map(members).collect()
}

/// Name servers of a node: where its resolver answers, nearest first.
pub(super) fn nameservers(
    site: &scenario::Site,
    node: &Node,
    ways: &Ways<'_>,
    mistakes: &mut Mistakes,
) -> Vec<IpAddr> {
    let Some(name) = site.nodes.get(&node.name).and_then(|written| written.resolver.as_ref()) else {
        return Vec::new();
    };
    let Some(other) = ways.node(name) else {
        mistakes.site(format!("`{}`: its resolver `{name}` is no node", node.name));
        return Vec::new();
    };
    let serves = match site.nodes.get(name).map(|node| &node.kind) {
        Some(Kind::Cloud(_)) => at_cloud(other, CloudService::Dns).collect(),
        Some(Kind::Router(router)) => in_segments(other, &router.dns),
        _ => addresses(other).collect(),
    };
    let mut nearest = nearest(node, other, &serves);
    if nearest.is_empty() {
        mistakes.site(format!("`{}`: its resolver `{name}` answers at no address it could ask", node.name));
    }
    nearest.truncate(MOST_NAMESERVERS);
    nearest
}

/// Those of `offered`, addresses of `other`, that `node` would ask: in a segment they share; if there is none, all of
/// a family that it has.
fn nearest(node: &Node, other: &Node, offered: &[IpAddr]) -> Vec<IpAddr> {
    let usable = |address: &IpAddr| speaks(node, *address);
    let close: Vec<_> = in_shared_segments(node, other)
        .into_iter()
        .filter(|one| offered.contains(one))
        .filter(usable)
        .collect();
    if close.is_empty() { offered.iter().copied().filter(usable).collect() } else { close }
}

/// Addresses that `other` has in the segments it shares with `node`.
pub(super) fn in_shared_segments(node: &Node, other: &Node) -> Vec<IpAddr> {
    let near = other.links.iter().filter(|link| share(node, &link.segment));
    near.flat_map(|link| &link.addresses).map(IpNet::addr).collect()
}

fn in_segments(node: &Node, segments: &[SegmentName]) -> Vec<IpAddr> {
    let served = node.links.iter().filter(|link| segments.contains(&link.segment));
    served.flat_map(|link| &link.addresses).map(IpNet::addr).collect()
}

/// Addresses of a node at which something of ours answers on this port, as far as the plan knows; all of its
/// addresses where it does not.
pub(super) fn answering(services: &[Service], node: &Node, port: &Traffic) -> Vec<IpAddr> {
    let own = services.iter().filter(|service| service.node == node.name);
    let known: Vec<_> = own.flat_map(|service| answers(&service.kind, port)).collect();
    if known.is_empty() { addresses(node).collect() } else { known }
}

fn answers(kind: &ServiceKind, port: &Traffic) -> Vec<IpAddr> {
    let (dns, ntp) = (is_port(port, 53), matches!(port, Traffic::Udp(123, 123)));
    match kind {
        ServiceKind::Cloud { binds, .. } => {
            let right = |service: &CloudService| match service {
                CloudService::Dns => dns,
                CloudService::Ntp => ntp,
                _ => matches!(port, Traffic::Tcp(..)) && !dns,
            };
            binds.iter().filter(|(service, _)| right(service)).map(|(_, address)| *address).collect()
        }
        ServiceKind::Resolver { listen, .. } if dns => listen.clone(),
        ServiceKind::Clock { listen } if ntp => listen.clone(),
        ServiceKind::Camera { listen, .. } if matches!(port, Traffic::Tcp(..)) => vec![*listen],
        _ => Vec::new(),
    }
}

/// TCP or UDP to this port only.
fn is_port(traffic: &Traffic, number: u16) -> bool {
    matches!(traffic, Traffic::Tcp(a, b) | Traffic::Udp(a, b) if *a == number && *b == number)
}

/// Whether all of it is asking for names or for the time.
pub(super) fn asks_names_or_time(ports: &[Traffic]) -> bool {
    let asked = |port: &Traffic| is_port(port, 53) || matches!(port, Traffic::Udp(123, 123));
    !ports.is_empty() && ports.iter().all(asked)
}
