//! A small site and what is seen of a good run of it: the ground that the tests of `verdict` and `report` stand on.
//!
//! Two cameras and an appliance in one segment, a video management host behind a router, a cloud.

use std::net::IpAddr;
use std::time::Duration;

use fake_facts::{Fact, Line, Video};

use crate::names::{LinkName, NodeName, Traffic};
use crate::observation::{
    AimSeen, Arrival, Control, Conversation, End, Explained, KindSeen, LostHops, NodeFact, Observations,
    OpenSeen, TapHealth, TraceStep,
};
use crate::plan::{
    Aim, Check, Flow, FlowPair, Judge, Link, Node, Open, Plan, Role, Segment, Service, ServiceKind, Source,
    Word,
};
use crate::scenario::model::{Amount, Bounds, Misbehaves, Place, Proof};

/// Start of the packets of every aim, nanoseconds; they end one millisecond later.
pub(crate) const START: u64 = 50_000_000_000;
pub(crate) const END: u64 = START + 1_000_000;

/// Parses whatever can be parsed; the texts of the example are right.
pub(crate) fn of<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(crate) fn plan() -> Plan {
    Plan {
        scenario: of("small"),
        documents: vec!["doc.txt#one".into()],
        segments: vec![
            segment("cam", "10.20.0.0/24"),
            segment("prod", "10.30.0.0/24"),
            segment("wan", "203.0.113.0/24"),
        ],
        switches: Vec::new(),
        nodes: vec![
            node("dock-1", Role::Camera, &[("cam", "10.20.0.11/24")]),
            node("dock-2", Role::Camera, &[("cam", "10.20.0.12/24")]),
            node("app", Role::Appliance, &[("cam", "10.20.0.5/24")]),
            node(
                "rtr",
                Role::Router,
                &[("cam", "10.20.0.1/24"), ("prod", "10.30.0.1/24"), ("wan", "203.0.113.2/24")],
            ),
            node("vms", Role::Host, &[("prod", "10.30.0.10/24")]),
            node("aws", Role::Cloud, &[("wan", "203.0.113.10/24")]),
        ],
        services: services(),
        flows: vec![
            flow("F01", &[("app", "dock-1", "10.20.0.11"), ("app", "dock-2", "10.20.0.12")], &["tcp/554"]),
            flow("F07", &[("app", "aws", "203.0.113.10")], &["tcp/443"]),
            flow("S01", &[("vms", "rtr", "10.30.0.1")], &["udp/53"]),
            Flow { upkeep: true, ..flow("F17", &[], &[]) },
        ],
        checks: vec![
            check("dock-plays", 40, plays()),
            check("cloud-reached", 41, Word::Reach { opens: vec![cloud_open()] }),
            check("vms-shut", 42, Word::NoReach { aims: aims(), alive: alive(), forgotten: None }),
            check("app-opens", 43, direction()),
            check("dock-alone", 44, peers_of()),
        ],
        remarks: vec![],
    }
}

fn segment(name: &str, subnet: &str) -> Segment {
    let bridge = of(&format!("b-{name}"));
    Segment { name: of(name), bridge, vlan: None, subnets: vec![of(subnet)], hub: false, fixed: false }
}

fn node(name: &str, role: Role, legs: &[(&str, &str)]) -> Node {
    let links = legs.iter().enumerate().map(|(index, (segment, address))| Link {
        name: of(&format!("eth{index}")),
        segment: of(segment),
        port: port(name, index),
        mac: of("02:00:00:00:00:01"),
        addresses: vec![of(address)],
        isolated: false,
        leased: None,
        neighbours: Vec::new(),
        trunk: None,
        mtu: None,
        advised: Vec::new(),
        spare_of: None,
    });
    Node {
        name: of(name),
        role,
        links: links.collect(),
        routes: vec![],
        policy: Vec::new(),
        forwards: role == Role::Router,
        sysctls: [].into(),
        ruleset: (role == Role::Router).then(|| "small.nft".to_owned()),
        opens_tunnels: false,
        judged_behind_filter: role == Role::Router,
        nameservers: vec![],
        hosts: vec![],
    }
}

fn port(node: &str, index: usize) -> LinkName {
    of(&format!("p-{node}-{index}"))
}

fn services() -> Vec<Service> {
    let camera = |name: &str, id, address: &str| Service {
        node: of(name),
        kind: ServiceKind::Camera {
            id,
            listen: of(address),
            width: 640,
            height: 360,
            fps: 15,
            onvif: None,
            rtsp: Default::default(),
            misbehaves: Misbehaves::default(),
            hostile: Default::default(),
        },
    };
    let sources = [("dock-1", 1, "10.20.0.11"), ("dock-2", 2, "10.20.0.12")];
    let cameras = sources.map(|(name, id, at)| Source {
        camera: of(name),
        id,
        address: of(at),
        udp: false,
        group: false,
        port: crate::scenario::model::RTSP_PORT,
        further: None,
        path: None,
        stream: 0,
    });
    let cameras = cameras.to_vec();
    let monitor_every = Duration::from_secs(1);
    let (cloud, careless) = (Some(of("aws")), Vec::new());
    let kind = ServiceKind::Appliance {
        cameras,
        cloud,
        clock: None,
        monitor_every,
        application: None,
        scan: None,
        commissions_by: Default::default(),
        careless,
    };
    let cameras = sources.map(|(name, id, address)| camera(name, id, address));
    cameras.into_iter().chain([Service { node: of("app"), kind }]).collect()
}

pub(crate) fn flow(id: &str, pairs: &[(&str, &str, &str)], ports: &[&str]) -> Flow {
    let pair = |(from, to, address): &(&str, &str, &str)| FlowPair {
        from: of(from),
        to: of(to),
        addresses: vec![of(address)],
        group: None,
    };
    Flow {
        id: of(id),
        pairs: pairs.iter().map(pair).collect(),
        ports: ports.iter().map(|ports| of(ports)).collect(),
        upkeep: false,
        why: "the example needs it".into(),
    }
}

fn check(name: &str, line: u32, word: Word) -> Check {
    Check {
        name: of(name),
        place: Place { file: "scenarios/small.yaml".into(), line, column: 3 },
        proves: vec![Proof { control: of("PAN-NET-06"), part: false }],
        requires: vec!["vlan-tags".into()],
        during: None,
        word,
    }
}

fn plays() -> Word {
    let cameras = vec![of("dock-1"), of("dock-2")];
    Word::Plays {
        cameras,
        at: of("app"),
        sub_streams: false,
        bounds: Bounds { frames: 45, ..Bounds::default() },
    }
}

fn direction() -> Word {
    Word::Direction {
        flows: vec![of("F01")],
        initiator: of("app"),
        media_to: Some(of("app")),
        media_ends: None,
        hops: None,
        tracked_by: Vec::new(),
        asks: Amount::default(),
        answers: Amount::default(),
    }
}

fn peers_of() -> Word {
    let nodes = vec![of("dock-1"), of("dock-2")];
    Word::PeersOf { nodes, exactly: vec![of("app")], besides: vec![of("F17")] }
}

pub(crate) fn cloud_open() -> Open {
    Open {
        flow: Some(of("F07")),
        from: of("app"),
        to: of("aws"),
        address: of("203.0.113.10"),
        port: of("tcp/443"),
    }
}

pub(crate) fn alive() -> Vec<Open> {
    let s01 = Open {
        flow: Some(of("S01")),
        from: of("vms"),
        to: of("rtr"),
        address: of("10.30.0.1"),
        port: of("udp/53"),
    };
    vec![cloud_open(), s01]
}

/// A camera at the VMS across the router, the appliance at an address of the router itself.
pub(crate) fn aims() -> Vec<Aim> {
    let across = Aim {
        from: of("dock-1"),
        link: of("eth0"),
        source: of("10.20.0.11"),
        forged: None,
        to: of("vms"),
        address: of("10.30.0.10"),
        everybody: None,
        next_hop: of("02:00:00:00:00:01"),
        next_node: of("rtr"),
        stops_at: of("rtr"),
        ports: vec![of("tcp/22"), of("udp/1-3")],
        cells: None,
        judge: Judge::Tap { port: port("vms", 0) },
        target_segment: of("prod"),
        target_mac: of("02:00:00:00:00:01"),
        unrouted: None,
    };
    let at_router = Aim {
        from: of("app"),
        source: of("10.20.0.5"),
        to: of("rtr"),
        address: of("10.20.0.1"),
        judge: Judge::BehindFilter { node: of("rtr") },
        target_segment: of("cam"),
        ..across.clone()
    };
    vec![across, at_router]
}

/// What is seen of a run in which all is well.
pub(crate) fn good() -> Observations {
    Observations {
        asked: vec![],
        hops: vec![],
        joins: vec![],
        listening: vec![],
        tracked: vec![],
        loads: Vec::new(),
        taint: None,
        patience: 1,
        facts: [("dock-1", 1), ("dock-2", 2)].into_iter().fold(
            vec![ready("app")],
            |mut facts, (name, id)| {
                facts.extend([video("app", name, id, 12), video("app", name, id, 50)]);
                facts
            },
        ),
        conversations: conversations(),
        stations: vec![],
        tags: vec![],
        explained: Explained::default(),
        states: vec![],
        rules: vec![],
        advertisements: vec![],
        aims: aims().into_iter().map(aim_seen).collect(),
        opens: opens(),
        taps: TapHealth { frames: 9000, dropped: 0, unstored: 0 },
        open_taps: TapHealth { frames: 700, dropped: 0, unstored: 0 },
        missing: vec![("netem".into(), "kernel without it".into())],
        dhcp: vec![],
        offers: Vec::new(),
        redirects: Vec::new(),
        led: Vec::new(),
        flagged: vec![],
        uses: vec![],
        in_force: vec![],
        lookups: vec![],
        handshakes: vec![],
        rtsp: vec![],
        faults: vec![],
        changes: vec![],
        until: 0,
        addresses: vec![],
        crossings: vec![],
        routes: vec![],
        commands: vec![],
        gaps: vec![],
    }
}

pub(crate) fn ready(node: &str) -> NodeFact {
    NodeFact { node: of(node), line: Line { at: 1, fact: Fact::Ready { listens: vec![] } } }
}

pub(crate) fn video(at: &str, camera: &str, id: u32, received: u64) -> NodeFact {
    let video = Video {
        camera: camera.into(),
        id,
        run: 7,
        received,
        first: 1,
        last: received,
        decoded: received,
        matched: received,
        ..Video::default()
    };
    NodeFact { node: of(at), line: Line { at: 2, fact: Fact::Video(video) } }
}

fn conversations() -> Vec<Conversation> {
    let rtsp = |camera: &str, at: &str, packet| Conversation {
        packets_back: 400,
        media_back: 300_000,
        ..conversation("tcp", ("app", "10.20.0.5", 40000), (camera, at, 554), packet)
    };
    vec![
        conversation("arp", ("dock-1", "10.20.0.11", 0), ("rtr", "10.20.0.1", 0), 3),
        conversation("arp", ("dock-2", "10.20.0.12", 0), ("rtr", "10.20.0.1", 0), 4),
        rtsp("dock-1", "10.20.0.11", 10),
        rtsp("dock-2", "10.20.0.12", 20),
        conversation("tcp", ("app", "10.20.0.5", 40100), ("aws", "203.0.113.10", 443), 30),
    ]
}

pub(crate) fn end((node, address, port): (&str, &str, u16)) -> End {
    let node = (!node.is_empty()).then(|| of::<NodeName>(node));
    End { node, address: of::<IpAddr>(address), port }
}

/// A conversation that was answered.
pub(crate) fn conversation(
    kind: &str,
    opener: (&str, &str, u16),
    answerer: (&str, &str, u16),
    first_packet: u64,
) -> Conversation {
    Conversation {
        kind: kind.into(),
        opener: end(opener),
        answerer: end(answerer),
        first_packet,
        first_at: START,
        last_at: END,
        packets_out: 5,
        packets_back: 5,
        payload_out: 50,
        payload_back: 50,
        media_out: 0,
        media_back: 0,
        lost_hops: [Some(LostHops::all(1)); 2],
        syn_back: false,
        reached_packet: Some(first_packet + 1),
        answered_packet: Some(first_packet + 2),
        ports: vec![],
        earlier: false,
    }
}

fn aim_seen(aim: Aim) -> AimSeen {
    let behind = matches!(aim.judge, Judge::BehindFilter { .. });
    let kind = |(traffic, planned, packet): (&str, u64, u64)| KindSeen {
        kinds: of::<Traffic>(traffic).into(),
        planned,
        entered: planned,
        entered_packet: Some(packet),
        arrived: vec![],
        strays: vec![],
        instrument: Control { sent: planned, seen: planned },
        path: Control { sent: planned, seen: planned },
    };
    AimSeen {
        check: of("vms-shut"),
        aim,
        kinds: [("tcp/22", 1, 100), ("udp/1-3", 3, 101)].map(kind).to_vec(),
        cells: None,
        slices: Vec::new(),
        started_at: START,
        ended_at: END,
        errors: vec![],
        filter_instrument_alive: behind.then_some(true),
        trace: vec![],
    }
}

fn opens() -> Vec<OpenSeen> {
    let mut opens = vec![open_seen("cloud-reached", cloud_open(), START)];
    for open in alive() {
        opens.push(open_seen("vms-shut", open.clone(), START - 20_000_000));
        opens.push(open_seen("vms-shut", open, END + 5_000_000));
    }
    opens
}

/// A conversation that was answered after two milliseconds.
pub(crate) fn open_seen(check: &str, open: Open, at: u64) -> OpenSeen {
    OpenSeen {
        check: of(check),
        open,
        at,
        answered_after_us: Some(2000),
        local_port: 40000,
        packets: (Some(60), Some(61)),
        error: None,
        connected: false,
        statuses: Vec::new(),
    }
}

/// Lets packets of one kind arrive: at the target's tap, or behind the filter only.
pub(crate) fn leak(aim: &mut AimSeen, traffic: &str, packet: Option<u64>) {
    let kind = of::<Traffic>(traffic);
    let place = aim.kinds.iter_mut().find(|seen| seen.kinds.each().any(|one| one == kind)).unwrap();
    place.arrived.push(Arrival { traffic: kind, entered_packet: Some(110), packet, at: 0 });
}

/// One step of a trace that accepts.
pub(crate) fn accepts(node: &str, chain: &str, rule: &str) -> TraceStep {
    TraceStep { node: of(node), chain: chain.into(), rule: rule.into(), verdict: "accept".into() }
}
