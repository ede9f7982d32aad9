//! Nodes of the five kinds, groups expanded.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::files::Files;
use super::super::leaf::{Below, Gateway, Lasting, Size, Whole};
use super::super::mistakes::{Mistake, Mistakes, nearest};
use super::super::model::{Appliance, Camera, Commissioned, Host, Kind, Node, Router, RuleFile};
use super::super::raw::{self, Site};
use super::super::shape::{At, List, Named, OneOrMany, Slot};
use super::super::tree::Spot;
use super::addresses::{CLOUD, Register};
use super::applications;
use super::clouds;
use super::commissions;
use super::directory::{Directory, Section};
use super::hostile::hostile;
use super::leases::{Servers, pools};
use super::links::{Plug, Wire, Written, gateway, router_wires, routes, wires};
use super::misbehaves::misbehaves;
use super::or;
use super::rtsp;
use super::runs::command;
use super::segments::{Known, Segments};
use super::sets::Sets;
use super::spares;
use crate::names::{NodeName, SegmentName};

/// Every node of the site.
pub(crate) fn build(
    site: &Site,
    segments: &Segments,
    directory: &Directory,
    files: &Files,
    out: &mut Mistakes,
) -> BTreeMap<NodeName, Node> {
    let mut register = Register::default();
    let servers = Servers::build(site, segments, directory, out);
    let mut builder = Builder {
        routed: routed(site, segments),
        advertisers: advertisers(site, segments, out),
        segments,
        directory,
        files,
        register: &mut register,
        servers: &servers,
        nodes: BTreeMap::new(),
        out,
    };
    each(&site.cameras, |name, camera| builder.camera(name, camera));
    each(&site.appliances, |name, appliance| builder.appliance(name, appliance));
    each(&site.routers, |name, router| builder.router(name, router));
    each(&site.clouds, |name, cloud| builder.cloud(name, cloud));
    each(&site.hosts, |name, host| builder.host(name, host));
    let nodes = std::mem::take(&mut builder.nodes);
    servers.check(&nodes, &mut register, out);
    register.check_room(segments, out);
    services(site, directory, out);
    nodes
}

fn each<'a, V>(section: &'a Slot<Named<NodeName, V>>, mut build: impl FnMut(&'a At<NodeName>, &'a V)) {
    for (name, value) in section.good().map_or(&[][..], |named| &named.entries) {
        if let Some(value) = value {
            build(name, value);
        }
    }
}

/// Segments in which a router has a link.
fn routed(site: &Site, segments: &Segments) -> BTreeSet<SegmentName> {
    let mut routed = BTreeSet::new();
    each(&site.routers, |_, router| {
        // what is wrong with the links is said when the router's turn comes
        let wires = router_wires(router, segments, &mut Mistakes::default());
        routed.extend(wires.into_iter().map(|wire| wire.segment.value));
    });
    routed
}

/// Segments in which a router advertises itself; one does so in each.
fn advertisers(site: &Site, segments: &Segments, out: &mut Mistakes) -> BTreeMap<SegmentName, NodeName> {
    let mut found: BTreeMap<SegmentName, (NodeName, Spot)> = BTreeMap::new();
    each(&site.routers, |name, router| {
        let ra = router.serves.good().and_then(|serves| serves.ra.good());
        for segment in ra.map_or(&[][..], |many| &many.0) {
            let six = |known: &Known| known.segment.subnets.iter().any(|net| net.addr().is_ipv6());
            if segments.known.get(&segment.value).is_some_and(|known| known.whole && !six(known)) {
                let label = format!("`{}` has no IPv6 subnet", segment.value);
                out.push(Mistake::error("a router has nothing to advertise", segment.spot, label));
            }
            match found.get(&segment.value) {
                Some((other, first)) if *other != name.value => {
                    let label = format!("`{}` and `{other}` would both be the default route", name.value);
                    let mistake = Mistake::error(
                        "two routers advertise themselves in one segment",
                        segment.spot,
                        label,
                    );
                    out.push(mistake.also(*first, "the first is here"));
                }
                _ => _ = found.insert(segment.value.clone(), (name.value.clone(), segment.spot)),
            }
        }
    });
    found.into_iter().map(|(segment, (name, _))| (segment, name)).collect()
}

/// What every node has besides its kind, as written.
struct Common<'a> {
    gateway: &'a Slot<At<Gateway>>,
    routes: &'a Slot<List<raw::Route>>,
    ruleset: &'a Slot<At<Below>>,
    resolver: &'a Slot<At<NodeName>>,
    clock: &'a Slot<At<NodeName>>,
    run: &'a Slot<raw::Run>,
}

struct Builder<'a> {
    routed: BTreeSet<SegmentName>,
    advertisers: BTreeMap<SegmentName, NodeName>,
    segments: &'a Segments,
    directory: &'a Directory,
    files: &'a Files,
    register: &'a mut Register,
    servers: &'a Servers,
    nodes: BTreeMap<NodeName, Node>,
    out: &'a mut Mistakes,
}

impl Builder<'_> {
    fn camera(&mut self, name: &At<NodeName>, raw: &raw::Camera) {
        let written = Written {
            at: name.spot,
            segment: &raw.segment,
            address: &raw.address,
            dhcp: &raw.dhcp,
            links: &raw.links,
        };
        let wires = wires(&written, self.segments, self.out);
        let video = raw.video.good();
        let size = video.map_or(&Slot::Absent, |video| &video.size);
        let Size { width, height } = or(size, Size { width: 640, height: 360 });
        let fps = or(video.map_or(&Slot::Absent, |video| &video.fps), Whole(15)).0 as u32;
        let misbehaves = misbehaves(raw, name, self.out);
        let hostile = Box::new(hostile(raw, name, (self.directory, self.segments), self.out));
        let common = Common {
            gateway: &raw.gateway,
            routes: &raw.routes,
            ruleset: &raw.ruleset,
            resolver: &raw.resolver,
            clock: &raw.clock,
            run: &raw.run,
        };
        let cameras = self.nodes.len() as u32;
        let rtsp = rtsp::read(raw, fps, self.files, self.out);
        let onvif = raw.onvif.good().map(|onvif| onvif.value);
        self.add(name, &wires, 1, &common, |index| {
            let (rtsp, misbehaves, hostile) = (rtsp.clone(), misbehaves.clone(), hostile.clone());
            let id = cameras + index + 1;
            Kind::Camera(Camera { id, width, height, fps, onvif, rtsp, misbehaves, hostile })
        });
    }

    fn appliance(&mut self, name: &At<NodeName>, raw: &raw::Appliance) {
        let written = Written {
            at: name.spot,
            segment: &raw.segment,
            address: &raw.address,
            dhcp: &raw.dhcp,
            links: &raw.links,
        };
        let wires = wires(&written, self.segments, self.out);
        let cameras = self.cameras(&raw.cameras, &wires, "an appliance");
        let cloud = raw.cloud.good();
        let cloud = cloud.and_then(|cloud| {
            self.directory.one_of(cloud, &[Section::Cloud], "an appliance's `cloud`", self.out)
        });
        let common = Common {
            gateway: &raw.gateway,
            routes: &raw.routes,
            ruleset: &raw.ruleset,
            resolver: &raw.resolver,
            clock: &raw.clock,
            run: &raw.run,
        };
        let (kit, forwards) = (or(&raw.kit, false), or(&raw.forwards, false));
        let monitor_every = or(&raw.monitor_every, Lasting(Duration::from_secs(1))).0;
        let scan = raw.scan.good().map(|scan| scan.value);
        let careless = raw.careless.good();
        let careless = careless.map_or(Vec::new(), |words| words.0.iter().map(|word| word.value).collect());
        let application = applications::read(raw, self.out);
        let (device, moves_on) = (or(&raw.device, true), or(&raw.moves_on, false));
        commissions::check(raw, self.directory, &self.nodes, self.out);
        let kind = Kind::Appliance(Appliance {
            cameras,
            cloud,
            kit,
            moves_on,
            prefers_udp: or(&raw.prefers_udp, false),
            sub_streams: or(&raw.sub_streams, false),
            forwards,
            weak_host: or(&raw.weak_host, false),
            monitor_every,
            device,
            application,
            scan,
            commissions_by: or(&raw.commissions_by, Commissioned::Stream),
            careless,
        });
        self.add(name, &wires, 1, &common, |_| kind.clone());
    }

    fn router(&mut self, name: &At<NodeName>, raw: &raw::Router) {
        let wires = router_wires(raw, self.segments, self.out);
        let serves = raw.serves.good();
        let served = |slot: Option<&Slot<OneOrMany<At<SegmentName>>>>, out: &mut Mistakes| {
            let names = slot.and_then(Slot::good).map_or(&[][..], |many| &many.0);
            served("router", names, &wires, self.segments, out)
        };
        let dns = served(serves.map(|serves| &serves.dns), self.out);
        let ntp = served(serves.map(|serves| &serves.ntp), self.out);
        let ra = served(serves.map(|serves| &serves.ra), self.out);
        let dhcp = serves.map(|serves| {
            pools(("router", name), &serves.dhcp, &wires, self.segments, self.servers, self.out)
        });
        let dhcp = dhcp.unwrap_or_default();
        let sets = Sets { raw, dns: &dns, files: self.files }.read(self.out);
        let upstream = serves.and_then(|serves| serves.upstream.good()).and_then(|upstream| {
            self.directory.one_of(upstream, &[Section::Cloud], "a router's `upstream`", self.out)
        });
        if let Some(serves) = serves
            && let (Some(first), true) =
                (serves.dns.good().and_then(|dns| dns.0.first()), serves.upstream.is_absent())
        {
            let label = "`dns` needs `upstream`: the cloud whose name server is asked";
            self.out.push(Mistake::error("a resolver that has nobody to ask", first.spot, label));
        }
        let refuses_inward = serves.is_some_and(|serves| or(&serves.refuses_inward, false));
        let absent = (Slot::Absent, Slot::Absent, Slot::Absent);
        let common = Common {
            gateway: &absent.0,
            routes: &raw.routes,
            ruleset: &raw.ruleset,
            resolver: &absent.1,
            clock: &absent.2,
            run: &raw.run,
        };
        self.add(name, &wires, 1, &common, |_| {
            let (dns, ntp, ra, upstream) = (dns.clone(), ntp.clone(), ra.clone(), upstream.clone());
            let (dhcp, sets) = (dhcp.clone(), sets.clone());
            Kind::Router(Router { dns, ntp, ra, upstream, dhcp, sets, refuses_inward })
        });
    }

    fn cloud(&mut self, name: &At<NodeName>, raw: &raw::Cloud) {
        let written = Written {
            at: name.spot,
            segment: &raw.segment,
            address: &raw.address,
            dhcp: &Slot::Absent,
            links: &Slot::Absent,
        };
        let wires = match raw.segment {
            Slot::Good(_) => wires(&written, self.segments, self.out),
            _ => Vec::new(),
        };
        let common = Common {
            gateway: &Slot::Absent,
            routes: &Slot::Absent,
            ruleset: &Slot::Absent,
            resolver: &Slot::Absent,
            clock: &Slot::Absent,
            run: &raw.run,
        };
        let cloud = clouds::read(raw, self.out);
        let addresses = CLOUD + cloud.spare_addresses + cloud.serves.len() as u64;
        let kind = Kind::Cloud(cloud);
        self.add(name, &wires, addresses, &common, |_| kind.clone());
    }

    fn host(&mut self, name: &At<NodeName>, raw: &raw::Host) {
        let written = Written {
            at: name.spot,
            segment: &raw.segment,
            address: &raw.address,
            dhcp: &raw.dhcp,
            links: &raw.links,
        };
        let wires = wires(&written, self.segments, self.out);
        let common = Common {
            gateway: &raw.gateway,
            routes: &raw.routes,
            ruleset: &raw.ruleset,
            resolver: &raw.resolver,
            clock: &raw.clock,
            run: &raw.run,
        };
        let plays = self.cameras(&raw.plays, &wires, "a host");
        let serves = raw.serves.good();
        let dhcp = serves
            .map(|serves| pools(("host", name), &serves.dhcp, &wires, self.segments, self.servers, self.out));
        let operates = raw.operates.good().and_then(|cloud| {
            self.directory.one_of(cloud, &[Section::Cloud], "a host's `operates`", self.out)
        });
        let host = Host { plays, operates, dhcp: dhcp.unwrap_or_default() };
        self.add(name, &wires, 1, &common, |_| Kind::Host(host.clone()));
    }

    fn cameras(
        &mut self,
        written: &Slot<OneOrMany<At<NodeName>>>,
        wires: &[Wire<'_>],
        whose: &str,
    ) -> Vec<NodeName> {
        let Some(names) = written.good() else { return Vec::new() };
        for name in &names.0 {
            let members = self.directory.find(name, whose, &mut Mistakes::default());
            // The members of a group are alike.
            let first = members.and_then(|entry| self.nodes.get(entry.members.first()?));
            let Some(node) = first.filter(|node| node.run.is_none()) else { continue };
            let Kind::Camera(camera) = &node.kind else { continue };
            let is_there = |wire: &Wire<'_>| node.links.iter().any(|link| link.segment == wire.segment.value);
            if let Some(why) = rtsp::cannot_pull(&camera.rtsp, wires.iter().any(is_there)) {
                let title = format!("{whose} pulls a camera that it cannot judge");
                self.out.push(Mistake::error(title, name.spot, why));
            }
        }
        self.directory.nodes_of(names, &[Section::Camera], whose, self.out)
    }

    /// Adds a node, or each node of a group.
    fn add(
        &mut self,
        name: &At<NodeName>,
        wires: &[Wire<'_>],
        each: u64,
        common: &Common<'_>,
        kind: impl Fn(u32) -> Kind,
    ) {
        let Some(entry) = self.directory.find(name, "a node", &mut Mistakes::default()) else { return };
        let out = &mut *self.out;
        let (segments, register, servers) = (self.segments, &mut *self.register, self.servers);
        let mut plug = Plug { segments, register, servers, advertisers: &self.advertisers };
        plug.check(wires, entry.members.len() as u64, each, out);
        spares::check(wires, entry.section == Section::Appliance, out);
        wires.iter().for_each(|wire| self.servers.check_wire(&entry.members, wire, out));
        let gateway = match entry.section {
            Section::Router => None, // it would be its own
            _ => gateway(common.gateway, wires, &self.routed, out),
        };
        let (routes, policy) = routes(common.routes, wires, self.segments, out);
        let ruleset = common.ruleset.good().map(|path| rule_file(path, self.files, out));
        let run = common.run.good().map(|run| command(run, self.files, out));
        let mut who = |slot: &Slot<At<NodeName>>, what: &str| {
            let sections = [Section::Router, Section::Cloud, Section::Host];
            slot.good().and_then(|name| self.directory.one_of(name, &sections, what, out))
        };
        let resolver = who(common.resolver, "a node's `resolver`");
        let clock = who(common.clock, "a node's `clock`");
        for (index, member) in entry.members.iter().enumerate() {
            let before = out.len();
            let links = plug.links(member, wires, index as u64, each, out);
            let node = Node {
                name: member.clone(),
                kind: kind(index as u32),
                links,
                ruleset: ruleset.clone(),
                routes: routes.clone(),
                policy: policy.clone(),
                gateway: gateway.clone(),
                resolver: resolver.clone(),
                clock: clock.clone(),
                run: run.clone(),
            };
            self.nodes.insert(member.clone(), node);
            if out.len() > before {
                break; // the others of the group would only repeat it
            }
        }
    }
}

/// Segments that a router or a host serves; it needs a link in each.
pub(super) fn served<'n>(
    who: &str,
    names: impl IntoIterator<Item = &'n At<SegmentName>>,
    wires: &[Wire<'_>],
    segments: &Segments,
    out: &mut Mistakes,
) -> Vec<SegmentName> {
    let mut served: Vec<SegmentName> = Vec::new();
    for name in names {
        if segments.find(name, &format!("a {who}'s service"), out).is_none() {
            continue;
        }
        if !wires.is_empty() && !wires.iter().any(|wire| wire.segment.value == name.value) {
            let label = format!("the {who} has no link in `{}`", name.value);
            out.push(Mistake::error(format!("a {who} serves a segment that it is not in"), name.spot, label));
        } else if served.contains(&name.value) {
            out.push(Mistake::error("a segment is named twice", name.spot, "it is in the list already"));
        } else {
            served.push(name.value.clone());
        }
    }
    served
}

/// A rule file must be there: nobody wants to learn that when half of the lab stands.
pub(super) fn rule_file(path: &At<Below>, files: &Files, out: &mut Mistakes) -> RuleFile {
    let text = &path.value.0;
    if let Err(missing) = files.text(text) {
        let label = match missing.is_absent().then(|| nearest(text, files.there())).flatten() {
            Some(near) => format!("{missing}; did you mean `{near}`?"),
            None => missing.to_string(),
        };
        out.push(Mistake::error("the rule file cannot be used", path.spot, label));
    }
    RuleFile { path: text.clone() }
}

/// Whom a node asks must answer: a router that serves somebody, a cloud, a host that runs something.
fn services(site: &Site, directory: &Directory, out: &mut Mistakes) {
    let mut asked = Vec::new();
    each(&site.cameras, |_, raw| note(&mut asked, &raw.resolver, &raw.clock));
    each(&site.appliances, |_, raw| note(&mut asked, &raw.resolver, &raw.clock));
    each(&site.hosts, |_, raw| note(&mut asked, &raw.resolver, &raw.clock));
    for (name, key) in asked {
        let Some(entry) = directory.find(name, "", &mut Mistakes::default()) else { continue };
        let label = match entry.section {
            Section::Router if !router_serves(site, &name.value, key) => {
                format!("`{}` serves nobody with that: give it `serves: {{ {key}: … }}`", name.value)
            }
            Section::Host if !host_runs(site, &name.value) => {
                format!("`{}` runs nothing that answers", name.value)
            }
            _ => continue,
        };
        let what = if key == "dns" { "names" } else { "the time" };
        out.push(Mistake::error(format!("nobody answers when asked for {what}"), name.spot, label));
    }
}

/// Notes whom a node asks, and for what.
fn note<'a>(
    asked: &mut Vec<(&'a At<NodeName>, &'static str)>,
    resolver: &'a Slot<At<NodeName>>,
    clock: &'a Slot<At<NodeName>>,
) {
    asked.extend(resolver.good().map(|name| (name, "dns")));
    asked.extend(clock.good().map(|name| (name, "ntp")));
}

/// True unless it is certain that the router does not.
fn router_serves(site: &Site, name: &NodeName, key: &str) -> bool {
    let router = find(&site.routers, name);
    router.is_none_or(|router| match &router.serves {
        Slot::Absent => false,
        Slot::Bad => true,
        Slot::Good(serves) => !(if key == "dns" { &serves.dns } else { &serves.ntp }).is_absent(),
    })
}

/// True unless it is certain that the host runs nothing.
fn host_runs(site: &Site, name: &NodeName) -> bool {
    find(&site.hosts, name).is_none_or(|host| !host.run.is_absent())
}

fn find<'a, V>(section: &'a Slot<Named<NodeName, V>>, name: &NodeName) -> Option<&'a V> {
    let entries = section.good().map_or(&[][..], |named| &named.entries);
    entries.iter().find(|(have, _)| have.value == *name).and_then(|(_, value)| value.as_ref())
}
