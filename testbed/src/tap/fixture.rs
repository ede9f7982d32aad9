//! A small site for the tests of this room: a camera and an appliance with a router between them, and frames that go
//! from one to the other past all taps.

use std::net::IpAddr;
use std::process::Command;

use etherparse::{Ethernet2Header, Icmpv4Type, IpHeaders, IpNumber, PacketBuilder, TcpHeader};

use super::capture::Port;
use super::frame::Frame;
use super::inventory::Inventory;
use super::sightings::Direction;
use crate::names::Mac;
use crate::plan::{Flow, FlowPair, Link, Node, Plan, Role, Route, Service, ServiceKind};

/// Places at the wire, in the order of the ports.
pub(super) const CAM: usize = 0;
pub(super) const RTR_A: usize = 1;
pub(super) const RTR_B: usize = 2;
pub(super) const APP: usize = 3;
/// Addresses of the camera, the router's two legs and the appliance.
pub(super) const ADDRESSES: [&str; 4] = ["10.20.0.7", "10.20.0.1", "10.30.0.1", "10.30.0.5"];

/// A frame at a tap.
pub(super) struct Hop {
    pub(super) port: usize,
    pub(super) direction: Direction,
    pub(super) bytes: Vec<u8>,
}

impl Hop {
    pub(super) fn frame(&self) -> Frame<'_> {
        Frame::of(&self.bytes).unwrap()
    }
}

pub(super) fn address(place: usize) -> IpAddr {
    ADDRESSES[place].parse().unwrap()
}

pub(super) fn mac(place: usize) -> Mac {
    Mac([2, 0, 0, 0, 0, place as u8 + 1])
}

pub(super) fn ports() -> Vec<Port> {
    let rows =
        [("cam", "eth0", "cam"), ("rtr", "lan0", "cam"), ("rtr", "lan1", "prod"), ("app", "eth0", "prod")];
    let port = |(place, (node, link, segment)): (usize, (&str, &str, &str))| Port {
        name: format!("p{place}").parse().unwrap(),
        ifindex: 100 + place as u32,
        tag: None,
        node: node.parse().unwrap(),
        link: link.parse().unwrap(),
        segment: segment.parse().unwrap(),
        mac: Some(mac(place)),
    };
    rows.into_iter().enumerate().map(port).collect()
}

pub(super) fn inventory() -> Inventory {
    Inventory::of(&plan())
}

/// The site, and what it allows: the appliance opens video, names and echoes, and asks the router for its address.
pub(super) fn plan() -> Plan {
    let mut nodes: Vec<Node> = Vec::new();
    for (place, port) in ports().into_iter().enumerate() {
        let link = Link {
            name: port.link,
            segment: port.segment,
            port: port.name,
            mac: mac(place),
            addresses: vec![format!("{}/24", ADDRESSES[place]).parse().unwrap()],
            isolated: false,
            leased: None,
            neighbours: Vec::new(),
            trunk: None,
            mtu: None,
            advised: Vec::new(),
            spare_of: None,
        };
        match nodes.iter_mut().find(|node| node.name == port.node) {
            Some(node) => node.links.push(link),
            None => nodes.push(node(port.node, link)),
        }
    }
    let lease = ServiceKind::DhcpServer {
        link: "lan1".parse().unwrap(),
        subnet: "10.30.0.0/24".parse().unwrap(),
        pool: ("10.30.0.5".parse().unwrap(), "10.30.0.9".parse().unwrap()),
        lease: std::time::Duration::from_secs(120),
        router: None,
        dns: Vec::new(),
        ntp: Vec::new(),
        reserve: Vec::new(),
    };
    for node in &mut nodes {
        node.forwards = node.name.as_str() == "rtr";
        let to = if node.name.as_str() == "cam" {
            ("10.30.0.0/24", ADDRESSES[RTR_A])
        } else {
            ("10.20.0.0/24", ADDRESSES[RTR_B])
        };
        if !node.forwards {
            node.routes.push(Route { to: to.0.parse().unwrap(), via: to.1.parse().unwrap() });
        }
        for link in node.links.iter_mut().filter(|link| link.mac == mac(APP)) {
            link.leased = link.addresses.first().copied();
        }
    }
    Plan {
        scenario: "tap".parse().unwrap(),
        documents: Vec::new(),
        segments: Vec::new(),
        switches: Vec::new(),
        nodes,
        services: vec![Service { node: "rtr".parse().unwrap(), kind: lease }],
        flows: vec![
            flow("F01", ("app", "cam"), ADDRESSES[CAM], &["tcp/554"]),
            flow("F15", ("app", "rtr"), ADDRESSES[RTR_B], &["udp/53", "icmp/8"]),
            flow("F16", ("app", "rtr"), ADDRESSES[RTR_B], &["udp/67"]),
        ],
        checks: Vec::new(),
        remarks: Vec::new(),
    }
}

pub(super) fn flow(id: &str, (from, to): (&str, &str), address: &str, ports: &[&str]) -> Flow {
    let pair = FlowPair {
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        addresses: vec![address.parse().unwrap()],
        group: None,
    };
    Flow {
        id: id.parse().unwrap(),
        pairs: vec![pair],
        ports: ports.iter().map(|ports| ports.parse().unwrap()).collect(),
        upkeep: false,
        why: "the fixture needs it".into(),
    }
}

fn node(name: crate::names::NodeName, link: Link) -> Node {
    Node {
        name,
        role: Role::Host,
        links: vec![link],
        routes: Vec::new(),
        policy: Vec::new(),
        forwards: false,
        sysctls: Default::default(),
        ruleset: None,
        opens_tunnels: false,
        judged_behind_filter: false,
        nameservers: Vec::new(),
        hosts: Vec::new(),
    }
}

/// A frame from one place to another of the same segment, at both taps.
pub(super) fn link(from: usize, to: usize, ether_type: u16, packet: &[u8]) -> Vec<Hop> {
    link_to(from, to, mac(to), ether_type, packet)
}

/// Like [`link`], with another Ethernet address in it.
pub(super) fn link_to(from: usize, to: usize, dest: Mac, ether_type: u16, packet: &[u8]) -> Vec<Hop> {
    let header = Ethernet2Header { source: mac(from).0, destination: dest.0, ether_type: ether_type.into() };
    let bytes = [&header.to_bytes()[..], packet].concat();
    let hop = |port, direction| Hop { port, direction, bytes: bytes.clone() };
    vec![hop(from, Direction::FromNode), hop(to, Direction::ToNode)]
}

/// A packet between camera and appliance, through the router, at all four taps.
pub(super) fn across(from: usize, packet: &[u8]) -> Vec<Hop> {
    let (near, far, to) = if from == CAM { (RTR_A, RTR_B, APP) } else { (RTR_B, RTR_A, CAM) };
    let kind = if packet[0] >> 4 == 4 { 0x0800 } else { 0x86dd };
    let mut hops = link(from, near, kind, packet);
    hops.extend(link(far, to, kind, packet));
    hops
}

/// A packet without its frame.
pub(super) fn packet(from: &str, to: &str) -> etherparse::PacketBuilderStep<IpHeaders> {
    let header = match (from.parse().unwrap(), to.parse().unwrap()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let mut header =
                etherparse::Ipv4Header::new(0, 64, IpNumber(0), from.octets(), to.octets()).unwrap();
            header.dont_fragment = true;
            IpHeaders::Ipv4(header, Default::default())
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let header = etherparse::Ipv6Header {
                hop_limit: 255,
                source: from.octets(),
                destination: to.octets(),
                ..Default::default()
            };
            IpHeaders::Ipv6(header, Default::default())
        }
        _ => panic!("two families"),
    };
    PacketBuilder::ip(header)
}

/// A TCP segment; flags are letters of `SAFR`.
pub(super) fn tcp(from: (&str, u16), to: (&str, u16), sequence: u32, flags: &str, payload: &[u8]) -> Vec<u8> {
    let mut header = TcpHeader::new(from.1, to.1, sequence, 1000);
    header.syn = flags.contains('S');
    header.ack = flags.contains('A');
    header.fin = flags.contains('F');
    header.rst = flags.contains('R');
    let mut bytes = Vec::new();
    packet(from.0, to.0).tcp_header(header).write(&mut bytes, payload).unwrap();
    bytes
}

pub(super) fn udp(from: (&str, u16), to: (&str, u16), payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet(from.0, to.0).udp(from.1, to.1).write(&mut bytes, payload).unwrap();
    bytes
}

pub(super) fn icmp(from: &str, to: &str, kind: u8, rest: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let packet = packet(from, to);
    match from.contains(':') {
        false => {
            let kind = Icmpv4Type::Unknown { type_u8: kind, code_u8: 0, bytes5to8: rest };
            packet.icmpv4(kind).write(&mut bytes, payload)
        }
        true => packet.icmpv6_raw(kind, 0, rest).write(&mut bytes, payload),
    }
    .unwrap();
    bytes
}

/// Output of tshark, which must be there and must not complain.
pub(super) fn tshark(file: &std::path::Path, arguments: &[&str]) -> String {
    let output = Command::new("tshark").arg("-n").arg("-r").arg(file).args(arguments).output();
    let output = output.expect("tshark (Debian package tshark) must be installed for this test");
    let complaints = String::from_utf8_lossy(&output.stderr);
    let complaints: Vec<_> = complaints.lines().filter(|line| !line.starts_with("Running as user")).collect();
    assert!(output.status.success() && complaints.is_empty(), "tshark complains: {complaints:?}");
    String::from_utf8(output.stdout).unwrap()
}
