//! Sites built by hand for the tests of the plan: short words for long structs, the documented layouts T3 and T5.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::names::{LinkName, NodeName};
use crate::plan::{Plan, plan};
use crate::scenario::model::{
    Amount, Appliance, Bounds, Camera, Check, Cloud, CloudNames, Cover, Flow, Host, Kind, Link, Node, Place,
    Proof, Route, Router, RuleFile, Scenario, Segment, Site, Switch, Word,
};

/// A scenario with nothing in it.
pub(super) fn empty(name: &str) -> Scenario {
    let site = Site {
        segments: BTreeMap::new(),
        switches: BTreeMap::new(),
        nodes: BTreeMap::new(),
        groups: BTreeMap::new(),
    };
    Scenario {
        name: name.parse().unwrap(),
        documents: vec!["002_d38ef9f33914e9af.txt#security-devkit-proddata".into()],
        owners: BTreeMap::new(),
        site,
        flows: Vec::new(),
        checks: Vec::new(),
    }
}

/// Reads a list of names or kinds of traffic, with spaces between.
pub(super) fn words<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> Vec<T> {
    text.split_whitespace().map(|word| word.parse().unwrap()).collect()
}

pub(super) fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

impl Scenario {
    /// Adds a segment with these prefixes.
    pub(super) fn segment(mut self, segment: &str, vlan: Option<u16>, subnets: &str) -> Self {
        let vlan = vlan.map(|number| number.try_into().unwrap());
        self.site.segments.insert(
            name(segment),
            Segment {
                vlan,
                subnets: words(subnets),
                hub: false,
                cable: false,
                zones: Vec::new(),
                mtu: None,
                neighbours: None,
            },
        );
        self
    }

    /// Adds a node; its first link is the gateway of what is no router.
    pub(super) fn node(mut self, node: &str, kind: Kind, links: &str) -> Self {
        let links: Vec<_> = links.split_whitespace().map(link).collect();
        let gateway = (!matches!(kind, Kind::Router(_))).then(|| links[0].name.clone());
        let node = Node {
            name: name(node),
            kind,
            links,
            ruleset: None,
            routes: Vec::new(),
            policy: Vec::new(),
            gateway,
            resolver: None,
            clock: None,
            run: None,
        };
        self.site.nodes.insert(node.name.clone(), node);
        self
    }

    /// Changes the node that was named.
    pub(super) fn with(mut self, node: &str, change: impl FnOnce(&mut Node)) -> Self {
        change(self.site.nodes.get_mut(node).unwrap());
        self
    }

    /// Adds a flow; upkeep if it has no ports.
    pub(super) fn flow(mut self, id: &str, from: &str, to: &str, ports: &str) -> Self {
        let ports = words(ports);
        self.flows.push(Flow {
            id: name(id),
            from: words(from),
            to: words(to),
            services: Vec::new(),
            upkeep: ports.is_empty(),
            ports,
            why: format!("test of {id}"),
        });
        self
    }

    /// Adds a check, written in line 40 plus its number.
    pub(super) fn check(mut self, check: &str, alive: &str, word: Word) -> Self {
        let line = 40 + u32::try_from(self.checks.len()).unwrap();
        self.checks.push(Check {
            name: name(check),
            place: Place { file: "site.yaml".into(), line, column: 3 },
            proves: vec![Proof { control: name("PAN-NET-06"), part: false }],
            requires: Vec::new(),
            alive: words(alive),
            during: None,
            word,
        });
        self
    }

    pub(super) fn planned(&self) -> Plan {
        plan(self).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
    }

    /// The mistakes, one a line.
    pub(super) fn refused(&self) -> String {
        let mistakes = plan(self).map(|_| panic!("nothing was refused")).unwrap_err();
        mistakes.iter().map(|mistake| format!("{mistake}\n")).collect()
    }
}

/// `eth0:cam`, `eth0:cam:10.20.0.5` or `lan.20:cam:10.20.0.1@lan` for a trunk.
fn link(text: &str) -> Link {
    let (text, trunk) = text.split_once('@').map_or((text, None), |(text, trunk)| (text, Some(name(trunk))));
    let mut parts = text.splitn(3, ':');
    Link {
        name: name(parts.next().unwrap()),
        segment: name(parts.next().unwrap()),
        addresses: parts.next().map(|list| list.split(',').map(name).collect()).unwrap_or_default(),
        mac: None,
        mtu: None,
        trunk,
        dhcp: None,
        spare_of: None,
        advised_by: None,
    }
}

pub(super) fn camera(id: u32) -> Kind {
    let (rtsp, misbehaves, hostile) = Default::default();
    Kind::Camera(Camera { id, width: 640, height: 360, fps: 15, onvif: None, rtsp, misbehaves, hostile })
}

pub(super) fn host(plays: &str) -> Kind {
    Kind::Host(Host { plays: words(plays), operates: None, dhcp: BTreeMap::new() })
}

pub(super) fn appliance(cameras: &str, cloud: Option<&str>) -> Kind {
    Kind::Appliance(Appliance {
        cameras: words(cameras),
        cloud: cloud.map(name),
        kit: false,
        moves_on: false,
        prefers_udp: false,
        sub_streams: false,
        forwards: false,
        weak_host: false,
        monitor_every: Duration::from_secs(1),
        device: true,
        application: None,
        scan: None,
        commissions_by: Default::default(),
        careless: Vec::new(),
    })
}

pub(super) fn router(dns: &str, ntp: &str, upstream: Option<&str>) -> Kind {
    Kind::Router(Router {
        dns: words(dns),
        ntp: words(ntp),
        ra: Vec::new(),
        upstream: upstream.map(name),
        sets: BTreeMap::new(),
        refuses_inward: false,
        dhcp: BTreeMap::new(),
    })
}

pub(super) fn cloud() -> Kind {
    Kind::Cloud(Cloud {
        region: "eu-west-1".into(),
        names: CloudNames::Both,
        spare_addresses: 0,
        clock_offset: 0,
        serves: Vec::new(),
        monitor_every: Duration::from_secs(1),
        credentials_last: None,
        signatures_last: None,
        throttles: BTreeMap::new(),
        believes: Vec::new(),
    })
}

pub(super) fn rules(path: &str) -> Option<RuleFile> {
    Some(RuleFile { path: path.into() })
}

pub(super) fn route(to: &str, via: &str) -> Route {
    Route { to: name(to), via: name(via) }
}

pub(super) fn no_reach(from: &str, to: &str, ports: &str) -> Word {
    Word::NoReach {
        from: words(from),
        to: words(to),
        both_ways: false,
        via: None,
        as_node: None,
        ports: words(ports),
        cover: Cover::Listed,
        broadcast: false,
        except: Vec::new(),
        forgotten: None,
    }
}

/// A negative with its details changed.
pub(super) fn no_reach_with(base: Word, both: bool, round_by: Option<&str>, excepted: &str) -> Word {
    let Word::NoReach { from, to, ports, .. } = base else { panic!("a no_reach") };
    let (via, except) = (round_by.map(name), words(excepted));
    Word::NoReach {
        from,
        to,
        both_ways: both,
        via,
        as_node: None,
        ports,
        cover: Cover::Listed,
        broadcast: false,
        except,
        forgotten: None,
    }
}

pub(super) fn reach(from: &str, to: &str, ports: &str) -> Word {
    Word::Reach { from: words(from), to: words(to), ports: words(ports) }
}

/// Cameras and appliance in a VLAN of their own behind a firewall on a trunk; a production VLAN with its own video.
pub(super) fn t3() -> Scenario {
    let mut site = empty("t3-separate-vlan")
        .segment("cam", Some(20), "10.20.0.0/24")
        .segment("prod", Some(30), "10.30.0.0/24")
        .segment("wan", None, "203.0.113.0/24 2001:db8:113::/64")
        .node("dock-1", camera(1), "eth0:cam")
        .node("dock-2", camera(2), "eth0:cam")
        .node("vms-cam", camera(3), "eth0:prod")
        .node("vms", host("vms-cam"), "eth0:prod")
        .node("app", appliance("dock", Some("aws")), "eth0:cam:10.20.0.5")
        .node("aws", cloud(), "eth0:wan")
        .node(
            "rtr",
            router("cam prod", "cam", Some("aws")),
            "lan.20:cam:10.20.0.1@lan lan.30:prod:10.30.0.1@lan wan0:wan:203.0.113.2",
        )
        .with("rtr", |rtr| rtr.ruleset = rules("t3.nft"))
        .with("app", |app| (app.resolver, app.clock) = (Some(name("rtr")), Some(name("rtr"))))
        .with("vms", |vms| vms.resolver = Some(name("rtr")))
        .flow("F01", "app", "dock", "tcp/554")
        .flow("F07", "app", "aws", "tcp/443")
        .flow("F13", "app", "rtr", "udp/123")
        .flow("F15", "app", "rtr", "udp/53 tcp/53")
        .flow("F17", "dock app rtr vms vms-cam aws", "dock app rtr vms vms-cam aws", "")
        .flow("S01", "vms", "vms-cam", "tcp/554")
        .flow("S02", "vms", "rtr", "udp/53 tcp/53")
        .flow("S03", "rtr", "aws", "udp/53 tcp/53");
    site.site.groups.insert(name("dock"), words("dock-1 dock-2"));
    let port = |node: &str, link: &str| (name::<NodeName>(node), name::<LinkName>(link));
    site.site.switches.insert(
        name("sw1"),
        Switch {
            access: vec![port("app", "eth0"), port("vms", "eth0"), port("vms-cam", "eth0")],
            trunk: vec![port("rtr", "lan")],
            isolate: vec![port("dock-1", "eth0"), port("dock-2", "eth0")],
            ..Switch::default()
        },
    );
    site.flows[1].services = vec![crate::scenario::model::CloudService::Iot];
    let shut = no_reach_with(no_reach("dock app", "vms", "tcp/* udp/* icmp/8 proto/47"), true, None, "");
    let router = no_reach_with(no_reach("app", "rtr", "tcp/1-1024 udp/53"), false, None, "F15");
    site.check("app-asks", "", reach("app", "rtr aws", "udp/53"))
        .check("vms-shut", "F01 F07 S01 S02", shut)
        .check("docks-apart", "F01", no_reach("dock", "dock", "tcp/554"))
        .check("router-shut", "F15", router)
        .check(
            "dock-plays",
            "",
            Word::Plays {
                cameras: words("dock"),
                at: name("app"),
                sub_streams: false,
                bounds: Bounds { frames: 45, ..Bounds::default() },
            },
        )
        .check(
            "app-opens",
            "",
            Word::Direction {
                flows: words("F01"),
                initiator: name("app"),
                media_to: Some(name("app")),
                media_ends: None,
                hops: None,
                tracked_by: Vec::new(),
                asks: Amount::default(),
                answers: Amount::default(),
            },
        )
        .check(
            "dock-peers",
            "",
            Word::PeersOf { nodes: words("dock"), exactly: words("app"), besides: words("F17") },
        )
}

/// An appliance with a leg towards the cameras and a leg towards the cloud, and a bench beside its first leg.
pub(super) fn t5() -> Scenario {
    let round = no_reach_with(no_reach("bench", "aws", "tcp/443 icmp/8 icmp6/128"), false, Some("app"), "");
    empty("t5-dual-network")
        .segment("app0", None, "10.40.0.0/24 2001:db8:40::/64")
        .segment("app1", None, "10.50.0.0/24")
        .segment("cam0", None, "10.20.0.0/24")
        .segment("wan0", None, "203.0.113.0/24 2001:db8:113::/64")
        .node("dock", camera(1), "eth0:cam0")
        .node("app", appliance("dock", Some("aws")), "eth0:app0 eth1:app1")
        .with("app", |app| {
            app.gateway = Some(name("eth1"));
            app.routes = vec![route("10.20.0.0/24", "10.40.0.1")];
            (app.resolver, app.clock) = (Some(name("rtr")), Some(name("aws")));
        })
        .node("bench", host(""), "eth0:app0")
        .node("aws", cloud(), "eth0:wan0")
        .node("rtr", router("app0 app1", "", Some("aws")), "cam0:cam0 app0:app0 app1:app1 wan0:wan0")
        .with("rtr", |rtr| rtr.ruleset = rules("t5.nft"))
        .flow("F01", "app", "dock", "tcp/554")
        .flow("F07", "app", "aws", "tcp/443")
        .flow("F15", "app bench", "rtr", "udp/53 tcp/53")
        .check("no-bridge", "F01 F07 F15", round)
}

/// A camera cabled straight to an appliance whose other port is in a subnet behind a firewall.
pub(super) fn t1() -> Scenario {
    let shut = no_reach_with(no_reach("dock", "aws rtr", "tcp/443 udp/53"), true, None, "");
    let mut site = empty("t1-direct-cable")
        .segment("cable", None, "10.20.0.0/24")
        .segment("site", None, "10.30.0.0/24")
        .segment("wan", None, "203.0.113.0/24")
        .node("dock", camera(1), "eth0:cable")
        .with("dock", |dock| dock.gateway = None)
        .node("app", appliance("dock", Some("aws")), "eth0:cable eth1:site")
        .with("app", |app| {
            app.gateway = Some(name("eth1"));
            (app.resolver, app.clock) = (Some(name("rtr")), Some(name("rtr")));
        })
        .node("aws", cloud(), "eth0:wan")
        .node("rtr", router("site", "site", Some("aws")), "lan0:site wan0:wan")
        .with("rtr", |rtr| rtr.ruleset = rules("t1.nft"))
        .flow("F01", "app", "dock", "tcp/554")
        .flow("F07", "app", "aws", "tcp/443")
        .flow("F15", "app", "rtr", "udp/53 tcp/53")
        .check("cable-shut", "F01 F07 F15", shut);
    site.site.segments.get_mut("cable").unwrap().hub = true;
    site
}

/// The node of a plan.
pub(super) fn node<'a>(plan: &'a Plan, name: &str) -> &'a crate::plan::Node {
    plan.nodes.iter().find(|node| node.name.as_str() == name).unwrap()
}
