//! What runs in the nodes, in the order it is started: whom others need comes first.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net};

use super::addressing::{advertiser, dhcp_client, dhcp_server};
use super::answers::{at_cloud, cloud_binds, cloud_spares, in_segments, nearest};
use super::flows::expand;
use super::groups;
use super::mistake::Mistakes;
use super::model::{Monitors, Node, Service, ServiceKind, Source};
use super::nodes::pools;
use super::ways::{Ways, addresses, beside, share, speaks};
use crate::names::{NodeName, SegmentName};
use crate::scenario::model::{self as scenario, CloudService, Commissioned, Kind, Misroute, Transport};

/// How often a host that only plays would report; it has no cloud, so nothing is sent.
const UNUSED_PERIOD: Duration = Duration::from_secs(30);

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
        found.addresses(node, written);
        let stage = match &written.kind {
            Kind::Camera(_) => Stage::Camera,
            Kind::Appliance(_) => Stage::Appliance,
            _ => Stage::Command,
        };
        match &written.kind {
            // Its own program takes the place of the fake.
            Kind::Camera(_) | Kind::Appliance(_) if written.run.is_some() => {}
            Kind::Cloud(cloud) => found.cloud(node, cloud),
            Kind::Router(router) => found.router(node, router),
            Kind::Camera(camera) => found.camera(node, camera),
            Kind::Appliance(appliance) => found.appliance(node, written, appliance),
            Kind::Host(host) => found.host(node, host),
        }
        if let Some(run) = &written.run {
            found.command(node, run, stage);
        }
    }
    found.stages.into_iter().flatten().collect()
}

/// A subnet whose every address a camera may try: a /22 has a thousand.
fn scannable(subnet: IpNet) -> Option<Ipv4Net> {
    match subnet {
        IpNet::V4(subnet) if subnet.prefix_len() >= 22 => Some(subnet),
        _ => None,
    }
}

/// When a service is started.
#[derive(Clone, Copy)]
enum Stage {
    DhcpServer,
    DhcpClient,
    Cloud,
    Router,
    Camera,
    Appliance,
    Player,
    Operator,
    Command,
}

struct Finder<'a, 'n> {
    site: &'a scenario::Site,
    ways: &'a Ways<'n>,
    mistakes: &'a mut Mistakes,
    /// One list per [`Stage`].
    stages: [Vec<Service>; 9],
}

impl Finder<'_, '_> {
    fn add(&mut self, stage: Stage, node: &Node, kind: ServiceKind) {
        self.stages[stage as usize].push(Service { node: node.name.clone(), kind });
    }

    /// What hands out addresses here, and what asks for them.
    fn addresses(&mut self, node: &Node, written: &scenario::Node) {
        for (segment, pool) in pools(&written.kind).into_iter().flatten() {
            match dhcp_server(node, &written.kind, segment, pool, self.ways) {
                Some(kind) => self.add(Stage::DhcpServer, node, kind),
                None => self.mistakes.site(format!(
                    "`{}` hands out addresses in segment `{segment}`, and has none of its own beside them",
                    node.name
                )),
            }
        }
        if let Kind::Router(router) = &written.kind {
            for link in node.links.iter().filter(|link| router.ra.contains(&link.segment)) {
                self.add(Stage::DhcpServer, node, advertiser(link));
            }
        }
        for (link, asked) in node.links.iter().zip(&written.links) {
            if let Some(dhcp) = &asked.dhcp {
                self.add(Stage::DhcpClient, node, dhcp_client(node, link, dhcp));
            } else if let Some(spare) = node.spare_of(&link.name) {
                let (main, spare) = (link.name.clone(), spare.name.clone());
                self.add(Stage::DhcpClient, node, ServiceKind::Spare { main, spare });
            }
        }
    }

    fn cloud(&mut self, node: &Node, cloud: &scenario::Cloud) {
        let talks = |other: &&scenario::Node| matches!(&other.kind, Kind::Appliance(app) if app.cloud.as_ref() == Some(&node.name));
        let by_job = |other: &&scenario::Node| matches!(&other.kind, Kind::Appliance(app) if app.scan == Some(scenario::Scan::ByJob));
        let is_device = |other: &&scenario::Node| matches!(&other.kind, Kind::Appliance(app) if app.device);
        let of = |others: Vec<&scenario::Node>| others.into_iter().map(|other| other.name.clone()).collect();
        let things: Vec<_> = self.site.nodes.values().filter(talks).collect();
        let scanners = of(things.iter().copied().filter(by_job).collect());
        let devices: Vec<NodeName> = of(things.iter().copied().filter(is_device).collect());
        let things = of(things);
        let monitors = (!devices.is_empty()).then_some(Monitors { devices, every: cloud.monitor_every });
        let kind = ServiceKind::Cloud {
            region: cloud.region.clone(),
            names: cloud.names,
            binds: cloud_binds(node, cloud),
            spares: cloud_spares(node, cloud),
            things,
            scanners,
            clock_offset: cloud.clock_offset,
            monitors,
            credentials_last: cloud.credentials_last,
            signatures_last: cloud.signatures_last,
            throttles: cloud.throttles.clone(),
            believes: cloud.believes.clone(),
        };
        self.add(Stage::Cloud, node, kind);
    }

    fn router(&mut self, node: &Node, router: &scenario::Router) {
        // One for each segment: a set is filled by whoever asks one and the same.
        for segment in &router.dns {
            let listen = self.listen(node, std::slice::from_ref(segment));
            match self.upstream(node, router, CloudService::Dns) {
                Ok(upstream) => {
                    let sets = router.sets.get(segment).cloned().unwrap_or_default();
                    let refuses_inward = router.refuses_inward;
                    let kind = ServiceKind::Resolver { listen, upstream, sets, refuses_inward };
                    self.add(Stage::Router, node, kind);
                }
                Err(text) => return self.mistakes.site(format!("`{}` serves dns: {text}", node.name)),
            }
        }
        if !router.ntp.is_empty() {
            let listen = self.listen(node, &router.ntp);
            let upstream = router.upstream.is_some().then(|| self.upstream(node, router, CloudService::Ntp));
            match upstream.transpose() {
                Ok(upstream) => self.add(Stage::Router, node, ServiceKind::Clock { listen, upstream }),
                Err(text) => self.mistakes.site(format!("`{}` serves ntp: {text}", node.name)),
            }
        }
    }

    /// The router's addresses in the segments that it serves.
    fn listen(&mut self, node: &Node, segments: &[SegmentName]) -> Vec<IpAddr> {
        for segment in segments.iter().filter(|segment| !share(node, segment)) {
            self.mistakes.site(format!("`{}` serves segment `{segment}`, where it has no link", node.name));
        }
        in_segments(node, segments)
    }

    fn upstream(
        &self,
        node: &Node,
        router: &scenario::Router,
        service: CloudService,
    ) -> Result<IpAddr, String> {
        let name = router.upstream.as_ref().ok_or("it needs an `upstream` to ask")?;
        let cloud = self.cloud_node(name).ok_or_else(|| format!("its upstream `{name}` is no cloud"))?;
        let asked = at_cloud(self.site, cloud, service).find(|address| speaks(node, *address));
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
        let hostile = Box::new(self.hostile(node, &camera.hostile));
        let scenario::Camera { id, width, height, fps, onvif, rtsp, misbehaves, .. } = camera.clone();
        let kind = ServiceKind::Camera { id, listen, width, height, fps, onvif, rtsp, misbehaves, hostile };
        self.add(Stage::Camera, node, kind);
    }

    /// Whom and what a hostile camera means, by addresses.
    fn hostile(
        &mut self,
        node: &Node,
        written: &scenario::Hostile<NodeName, SegmentName>,
    ) -> scenario::Hostile<IpAddr, Ipv4Net> {
        let (site, ways, mut wrong) = (self.site, self.ways, Vec::new());
        let mut meant = written.map(
            |name| {
                let other = ways.node(name)?;
                let all: Vec<_> = addresses(other).collect();
                let found = nearest(node, other, &all).first().copied();
                if found.is_none() {
                    wrong.push(format!("`{}` has no address family in common with `{name}`", node.name));
                }
                found
            },
            |segment| {
                let subnets = site.segments.get(segment).map_or(&[][..], |segment| &segment.subnets);
                subnets.iter().filter_map(|subnet| scannable(*subnet)).collect()
            },
        );
        if meant.scans.len() < written.scans.len() {
            wrong.push(format!("`{}` scans a segment that is no IPv4 subnet of /22 or narrower", node.name));
        }
        let cannot =
            |does: &str, to| self.cannot_use(node, to).map(|why| format!("`{}` {does} {why}", node.name));
        wrong.extend(written.changes_address.and_then(|(_, to)| cannot("takes the address", to)));
        wrong.extend(written.hands_out.and_then(|one| cannot("hands out the address", one.first?)));
        wrong.extend(written.hands_out.and_then(|_| self.cannot_serve(node)));
        wrong.extend(meant.misroutes.iter_mut().filter_map(|one| self.lead_over(node, one)));
        wrong.into_iter().for_each(|text| self.mistakes.site(text));
        meant
    }

    /// Notes over whom the way leads now; why nobody can be told of another, if that is so.
    fn lead_over(&self, node: &Node, one: &mut Misroute<IpAddr>) -> Option<String> {
        let (told, _) = self.ways.owner(one.node)?;
        let way = self.ways.way(told, one.about);
        one.over = way.as_ref().map(|way| way.via.unwrap_or(one.about));
        let why = if serving_address(node).is_none_or(|own| !own.is_ipv4())
            || !one.node.is_ipv4()
            || !one.about.is_ipv4()
        {
            "redirects are of IPv4, and one of these three is not"
        } else if beside(node, one.node).is_none() {
            "it is in none of its networks"
        } else if way.is_none() {
            "no route leads there"
        } else {
            return None;
        };
        Some(format!("`{}` cannot tell `{}` of another way to {}: {why}", node.name, told.name, one.about))
    }

    /// Why a camera cannot take this address in the place of the one that it serves on, or hand it out: the end of a sentence.
    fn cannot_use(&self, node: &Node, to: Ipv4Addr) -> Option<String> {
        let own = serving_address(node)?;
        let link = node.links.iter().find(|link| link.addresses.iter().any(|net| net.addr() == own))?;
        let nets = link.addresses.iter().filter_map(|net| match net {
            IpNet::V4(net) if IpAddr::V4(net.addr()) == own => Some(net),
            _ => None,
        });
        let mut hosts = nets.map(|net| net.contains(&to) && to != net.network() && to != net.broadcast());
        if link.leased.is_some() {
            return Some(format!("{to}, and has its own by DHCP"));
        }
        if !hosts.any(|is_host| is_host) {
            return Some(format!("{to}, which is none of its own subnet"));
        }
        let taken = |other: &&scenario::Node| {
            let also = |camera: &scenario::Camera| {
                camera.hostile.changes_address.is_some_and(|(_, other)| other == to)
            };
            let planned =
                self.ways.node(&other.name).is_some_and(|node| addresses(node).any(|one| one == to));
            planned
                || (other.name != node.name && matches!(&other.kind, Kind::Camera(camera) if also(camera)))
        };
        let taken = self.site.nodes.values().find(taken)?;
        Some(format!("{to}, which is that of `{}`", taken.name))
    }

    /// Why a camera cannot hand out addresses at all.
    fn cannot_serve(&self, node: &Node) -> Option<String> {
        let leased = node.links.iter().any(|link| link.leased.is_some());
        let four = serving_address(node).is_some_and(|own| own.is_ipv4());
        (leased || !four).then(|| {
            format!("`{}` hands out addresses, and has none of IPv4 before anybody asks for one", node.name)
        })
    }

    fn appliance(&mut self, node: &Node, written: &scenario::Node, appliance: &scenario::Appliance) {
        if let Some(cloud) = appliance.cloud.as_ref().filter(|name| self.cloud_node(name).is_none()) {
            self.mistakes.site(format!("`{}`: its cloud `{cloud}` is no cloud", node.name));
        }
        if let (Some(service), Some(cloud)) = (appliance.application, &appliance.cloud)
            && let Some(Kind::Cloud(served)) = self.site.nodes.get(cloud).map(|node| &node.kind)
            && !served.has(service)
        {
            let word = service.word();
            self.mistakes.site(format!(
                "`{}`: its application calls `{word}`, and its cloud `{cloud}` needs `serves: [{word}]`",
                node.name
            ));
        }
        let clock = written.clock.as_ref().and_then(|name| match self.clock(node, name) {
            Ok(address) => Some(address),
            Err(text) => {
                self.mistakes.site(format!("`{}`: its clock {text}", node.name));
                None
            }
        });
        if appliance.commissions_by == Commissioned::Search {
            self.within_reach_of_a_search(node, &appliance.cameras);
        }
        let kind = ServiceKind::Appliance {
            cameras: self.sources(node, &appliance.cameras, &Asking::of(appliance)),
            cloud: appliance.cloud.clone(),
            clock,
            monitor_every: appliance.monitor_every,
            application: appliance.application,
            scan: appliance.scan,
            commissions_by: appliance.commissions_by,
            careless: appliance.careless.clone(),
        };
        self.add(Stage::Appliance, node, kind);
    }

    /// A search asks the appliance's own subnets only.
    fn within_reach_of_a_search(&mut self, node: &Node, cameras: &[NodeName]) {
        for name in expand(self.site, cameras) {
            let near = |camera: &&Node| {
                serving_address(camera).is_some_and(|address| beside(node, address).is_some())
            };
            if self.ways.node(&name).filter(near).is_none() {
                let text = "it is on none of its own subnets, and no search gets beyond";
                self.mistakes.site(format!("`{}` is to find `{name}`: {text}", node.name));
            }
        }
    }

    fn clock(&self, node: &Node, name: &NodeName) -> Result<IpAddr, String> {
        let other = self.ways.node(name).ok_or_else(|| format!("`{name}` is no node"))?;
        let serves = match self.site.nodes.get(name).map(|node| &node.kind) {
            Some(Kind::Cloud(_)) => at_cloud(self.site, other, CloudService::Ntp).collect(),
            Some(Kind::Router(router)) => in_segments(other, &router.ntp),
            _ => addresses(other).collect(),
        };
        if serves.is_empty() {
            return Err(format!("`{name}` tells nobody the time"));
        }
        nearest(node, other, &serves)
            .first()
            .copied()
            .ok_or_else(|| format!("`{name}` has no address family in common with it"))
    }

    fn host(&mut self, node: &Node, host: &scenario::Host) {
        if !host.plays.is_empty() {
            let cameras = self.sources(node, &host.plays, &Asking::default());
            let monitor_every = UNUSED_PERIOD;
            let kind = ServiceKind::Appliance {
                cameras,
                cloud: None,
                clock: None,
                monitor_every,
                application: None,
                scan: None,
                commissions_by: Commissioned::Stream,
                careless: Vec::new(),
            };
            self.add(Stage::Player, node, kind);
        }
        if let Some(cloud) = &host.operates {
            let written = self.site.nodes.get(cloud).map(|node| &node.kind);
            let sessions = matches!(written, Some(Kind::Cloud(cloud)) if cloud.has(CloudService::Sts));
            let kind = ServiceKind::Operator { cloud: cloud.clone(), sessions };
            self.add(Stage::Operator, node, kind);
        }
    }

    /// A command of the scenario's own.
    fn command(&mut self, node: &Node, run: &scenario::Run, stage: Stage) {
        let scenario::Run { command, to_end, within, ready, environment, files } = run.clone();
        let instead = matches!(stage, Stage::Camera | Stage::Appliance);
        let kind = ServiceKind::Command { command, to_end, within, ready, environment, files, instead };
        self.add(stage, node, kind);
    }

    fn sources(&mut self, node: &Node, cameras: &[NodeName], asking: &Asking) -> Vec<Source> {
        let mut sources = Vec::new();
        for name in expand(self.site, cameras) {
            match self.source(node, &name, asking) {
                Ok(source) => {
                    let others =
                        if asking.sub_streams { self.further_streams(node, &source) } else { Vec::new() };
                    sources.push(source);
                    sources.extend(others);
                }
                Err(text) => self.mistakes.site(format!("`{}` plays `{name}`, which {text}", node.name)),
            }
        }
        sources
    }

    /// The streams of a camera beside its main one.
    fn further_streams(&mut self, node: &Node, main: &Source) -> Vec<Source> {
        let kind = self.site.nodes.get(&main.camera).map(|node| &node.kind);
        let Some(Kind::Camera(camera)) = kind else { return Vec::new() };
        let mut sources = Vec::new();
        for (stream, written) in (1..).zip(&camera.rtsp.streams) {
            if main.group && written.codec == scenario::Codec::Mjpeg {
                self.mistakes.site(format!(
                    "`{}` plays all streams of `{}`, whose `{}` is JPEG in a group, of which ours take H.264 and H.265 alone",
                    node.name, main.camera, written.path
                ));
            }
            if !scenario::judges(written.codec, written.recording.as_deref()) {
                self.mistakes.site(format!(
                    "`{}` plays all streams of `{}`, whose `{}` is a recording of JPEG: neither its frames nor its pictures say whose \
                     they are",
                    node.name, main.camera, written.path
                ));
            }
            sources.push(Source { path: Some(written.path.clone()), stream, ..main.clone() });
        }
        sources
    }

    fn source(&self, node: &Node, name: &NodeName, asking: &Asking) -> Result<Source, &'static str> {
        let kind = self.site.nodes.get(name).map(|node| &node.kind);
        let (Some(Kind::Camera(camera)), Some(planned)) = (kind, self.ways.node(name)) else {
            return Err("is no camera");
        };
        let address = serving_address(planned).filter(|address| speaks(node, *address));
        let address = address.ok_or("has no address family in common with it")?;
        let pulled_by = |way| camera.rtsp.pulled_by(asking.prefers_udp) == Some(way);
        let (udp, group) = (pulled_by(Transport::Udp), pulled_by(Transport::Multicast));
        if group && groups::shared(node, planned).is_empty() {
            return Err("sends its frames to a group, which is heard in its own segment by IPv4 alone");
        }
        let (id, port) = (camera.id, camera.rtsp.first_port);
        let further = camera.rtsp.further_ports.first().copied().filter(|_| asking.moves_on);
        let camera = name.clone();
        Ok(Source { camera, id, address, port, udp, group, further, path: None, stream: 0 })
    }
}

/// How a player asks its cameras; [`scenario::Appliance`] says what each means.
#[derive(Default)]
struct Asking {
    moves_on: bool,
    prefers_udp: bool,
    sub_streams: bool,
}

impl Asking {
    fn of(appliance: &scenario::Appliance) -> Self {
        let scenario::Appliance { moves_on, prefers_udp, sub_streams, .. } = *appliance;
        Self { moves_on, prefers_udp, sub_streams }
    }
}

/// Where a camera serves: its first IPv4 address, or its first one if it has none.
fn serving_address(camera: &Node) -> Option<IpAddr> {
    addresses(camera).find(IpAddr::is_ipv4).or_else(|| addresses(camera).next())
}
