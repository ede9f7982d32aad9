//! What would be built and asked, as plain values: the plan's own types.
//!
//! A plan names every kernel object and every probe; the effect rooms carry it out and decide nothing. The same
//! scenario gives the same plan, byte for byte.

mod aims;
mod asked;
mod words;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use crate::names::{FlowId, LinkName, Mac, NodeName, ScenarioName, SegmentName, SwitchName, Traffic, VlanId};
use crate::scenario::model::{
    Careless, CloudNames, CloudService, Commissioned, Hostile, Misbehaves, NameSet, Onvif, Ready, Rtsp, Scan,
    WrongCall, documented_port, is_documented_port,
};

pub use aims::*;
pub use asked::*;
pub use words::*;

/// All of a run that is known beforehand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The scenario.
    pub scenario: ScenarioName,
    /// The documents under test, as `file#anchor`.
    pub documents: Vec<String>,
    /// Segments, each a bridge in the fabric.
    pub segments: Vec<Segment>,
    /// Switches that filter at their ports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub switches: Vec<Switch>,
    /// Nodes, each a network namespace.
    pub nodes: Vec<Node>,
    /// What runs in the nodes, in the order it is started.
    pub services: Vec<Service>,
    /// Allowed communications, addresses resolved.
    pub flows: Vec<Flow>,
    /// Assertions, probes spelled out.
    pub checks: Vec<Check>,
    /// How things were realised and what was left out, for a reader, one sentence each.
    pub remarks: Vec<String>,
}

/// A segment: one bridge in the fabric namespace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// Its name in the scenario.
    pub name: SegmentName,
    /// Name of its bridge.
    pub bridge: LinkName,
    /// VLAN number, if it is one.
    pub vlan: Option<VlanId>,
    /// Its prefixes.
    pub subnets: Vec<IpNet>,
    /// True: repeats every frame on every port; a cable is a hub with two ports.
    pub hub: bool,
    /// True: who talks here knows the other's Ethernet address from the start, instead of asking by ARP or ND, and the
    /// bridge knows what is behind its ports.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fixed: bool,
}

/// A switch that filters at its ports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switch {
    /// Its name in the scenario.
    pub name: SwitchName,
    /// Its rule file, a path below the scenario's folder.
    pub ruleset: String,
    /// Links and trunks that are plugged into it.
    pub plugged: Vec<(NodeName, LinkName)>,
}

/// What a node is, for drawing and for choosing instruments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the scenario's sections, named alike")]
pub enum Role {
    Camera,
    Appliance,
    Router,
    Cloud,
    Host,
}

/// A node: one network namespace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its name in the scenario.
    pub name: NodeName,
    /// What it is.
    pub role: Role,
    /// Its interfaces.
    pub links: Vec<Link>,
    /// Routes beside those of its own subnets, in the order they are added.
    pub routes: Vec<Route>,
    /// Routes for packets from certain sources only; whatever else is planned goes by `routes`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policy: Vec<PolicyRoute>,
    /// Whether it forwards, both families.
    pub forwards: bool,
    /// Every sysctl that is set, path below `/proc/sys` to value. Written in this order once the links exist and before
    /// they are up (some paths name a link); those below `net/netfilter` once the rules are loaded (the first rule
    /// that tracks connections may be what brings them).
    pub sysctls: BTreeMap<String, String>,
    /// Its rule file, a path below the scenario's folder.
    pub ruleset: Option<String>,
    /// Whether it opens tunnels of VXLAN from anybody to anybody, as nodes of the open copy do by which probes go in them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub opens_tunnels: bool,
    /// Whether arrival at its own addresses is judged behind its input filter (it may filter for itself).
    pub judged_behind_filter: bool,
    /// `nameserver` lines of its `resolv.conf`.
    pub nameservers: Vec<IpAddr>,
    /// Lines of its `hosts` file.
    pub hosts: Vec<(IpAddr, String)>,
}

/// An interface of a node, and the port of the fabric it is plugged into.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// Interface name in the node.
    pub name: LinkName,
    /// Segment it is plugged into.
    pub segment: SegmentName,
    /// Name of the other end, in the fabric; unique in the plan. The tap of this link listens there.
    pub port: LinkName,
    /// Ethernet address.
    pub mac: Mac,
    /// Addresses with their prefix length.
    pub addresses: Vec<IpNet>,
    /// Whether its port is isolated from other isolated ports of the segment.
    pub isolated: bool,
    /// The one of its addresses that it gets by DHCP, if all goes well; nobody else sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leased: Option<IpNet>,
    /// Those of its addresses that it makes of a router's advertisements and its Ethernet address; nobody else sets them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub advised: Vec<IpNet>,
    /// Who is known from the start, by address; empty where neighbours are learned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub neighbours: Vec<(IpAddr, Mac)>,
    /// The trunk that it is one VLAN of: the cable that carries them all where VLANs are tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trunk: Option<LinkName>,
    /// Longest packet that it takes, bytes, 576 to 9000, where that is not the usual 1500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// The link of the node that it is the spare of: when that one loses its carrier, this one takes over its Ethernet
    /// address, its addresses and its routes, and gives them back when the carrier returns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spare_of: Option<LinkName>,
}

impl Link {
    /// The addresses that it has from the start.
    pub fn own_addresses(&self) -> impl Iterator<Item = &IpNet> {
        let given = |address: &IpNet| Some(*address) == self.leased || self.advised.contains(address);
        self.addresses.iter().filter(move |address| !given(address))
    }
}

impl Node {
    /// The spare of one of its links.
    pub fn spare_of(&self, main: &LinkName) -> Option<&Link> {
        self.links.iter().find(|link| link.spare_of.as_ref() == Some(main))
    }

    /// The link that changes places with this one: its spare, or the one that it is the spare of.
    pub fn partner(&self, link: &Link) -> Option<&Link> {
        match &link.spare_of {
            Some(main) => self.links.iter().find(|other| other.name == *main),
            None => self.spare_of(&link.name),
        }
    }

    /// The routes that it has from the start: those over a leased network come with the lease, and over an advertised one
    /// with the advertisement.
    pub fn own_routes(&self) -> impl Iterator<Item = &Route> {
        let given = |via| {
            let nets = self.links.iter().flat_map(|link| link.leased.iter().chain(&link.advised));
            nets.into_iter().any(|net| net.contains(via))
        };
        self.routes.iter().filter(move |route| !given(&route.via))
    }
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Destination prefix; `0.0.0.0/0` or `::/0` for the default route.
    pub to: IpNet,
    /// Next hop, on the subnet of one of the node's links.
    pub via: IpAddr,
}

/// A route for packets from certain sources, asked before all others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRoute {
    /// The sources.
    pub from: IpNet,
    /// Destination prefix.
    pub to: IpNet,
    /// Next hop, on the subnet of one of the node's links.
    pub via: IpAddr,
}

/// Something that runs in a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// Where it runs.
    pub node: NodeName,
    /// What it is.
    pub kind: ServiceKind,
}

/// Whom a cloud asks how they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Monitors {
    /// Its devices.
    pub devices: Vec<NodeName>,
    /// From one question to the next.
    pub every: Duration,
}

/// What runs in a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceKind {
    /// `fake-cloud`, one address per service.
    Cloud {
        /// AWS region.
        region: String,
        /// Spelling of the names it answers.
        names: CloudNames,
        /// Service to address.
        binds: Vec<(CloudService, IpAddr)>,
        /// Addresses at which all services but names and time are served as well, and to which no name leads at first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        spares: Vec<IpAddr>,
        /// Appliances that get a device certificate.
        things: Vec<NodeName>,
        /// Those of them for which it has the job to look for cameras.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        scanners: Vec<NodeName>,
        /// How many seconds its clock is ahead of the host's.
        clock_offset: i64,
        /// Appliances that it asks how they are, and how often.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        monitors: Option<Monitors>,
        /// For how long credentials hold that it gives for certificates; none: an hour.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        credentials_last: Option<Duration>,
        /// For how long after it was made it takes a signature; none: as AWS has it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signatures_last: Option<Duration>,
        /// Services whose first requests it refuses as too many, and how many.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        throttles: BTreeMap<CloudService, u32>,
        /// Calls that it believes although something is wrong with them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        believes: Vec<WrongCall>,
    },
    /// dnsmasq, forwarding to one server, for one segment.
    Resolver {
        /// Addresses of the node that it answers on.
        listen: Vec<IpAddr>,
        /// Whom it asks.
        upstream: IpAddr,
        /// Sets of the node's rule file that it fills with what it answers.
        sets: Vec<NameSet>,
        /// Answers that lead inwards are none.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        refuses_inward: bool,
    },
    /// `fake-cloud` serving time only.
    Clock {
        /// Addresses of the node that it answers on.
        listen: Vec<IpAddr>,
        /// The time server that it has its time from; none: it tells the host's.
        upstream: Option<IpAddr>,
    },
    /// dnsmasq, handing out IPv4 addresses in one segment.
    DhcpServer {
        /// The link that it answers on.
        link: LinkName,
        /// The subnet that the addresses are of.
        subnet: Ipv4Net,
        /// First and last address that anybody may get.
        pool: (Ipv4Addr, Ipv4Addr),
        /// For how long.
        lease: Duration,
        /// The gateway that it names (option 3).
        router: Option<Ipv4Addr>,
        /// The name servers that it names (option 6).
        dns: Vec<Ipv4Addr>,
        /// The time servers that it names (option 42).
        ntp: Vec<Ipv4Addr>,
        /// Addresses kept for one link each, known by its Ethernet address.
        reserve: Vec<(Mac, Ipv4Addr)>,
    },
    /// dnsmasq, advertising the router on one link.
    Advertiser {
        /// The link.
        link: LinkName,
        /// Prefixes from which nodes make their addresses.
        prefixes: Vec<Ipv6Net>,
    },
    /// udhcpc, asking for the IPv4 address of one link.
    DhcpClient {
        /// The link.
        link: LinkName,
        /// The address that it asks for.
        asks: Option<Ipv4Addr>,
        /// Whether its gateway becomes the node's default route.
        default_route: bool,
        /// Routes that are added with the address.
        routes: Vec<Route>,
        /// The link by which it goes on when the first one has no carrier; [`ServiceKind::Spare`] for such a one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        spare: Option<LinkName>,
    },
    /// `fake-appliance ports`: what one link has moves to its spare when it loses its carrier, and back.
    Spare {
        /// The link that is used while it has a carrier.
        main: LinkName,
        /// The other one.
        spare: LinkName,
    },
    /// `fake-camera`.
    Camera {
        /// The camera's number, written into every frame.
        id: u32,
        /// Address it serves on.
        listen: IpAddr,
        /// Picture width, pixels.
        width: u32,
        /// Picture height, pixels.
        height: u32,
        /// Frames per second.
        fps: u32,
        /// What it does of ONVIF.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        onvif: Option<Onvif>,
        /// How it serves them.
        #[serde(default, skip_serializing_if = "Rtsp::is_default")]
        rtsp: Rtsp,
        /// What it does wrong.
        #[serde(default, skip_serializing_if = "Misbehaves::is_nothing")]
        misbehaves: Misbehaves,
        /// What it does to its clients and to others.
        #[serde(default, skip_serializing_if = "Hostile::is_nothing")]
        hostile: Box<Hostile<IpAddr, Ipv4Net>>,
    },
    /// `fake-appliance`; also plays for a host that `plays` cameras (then without cloud and clock).
    Appliance {
        /// Cameras it pulls, with their addresses.
        cameras: Vec<Source>,
        /// The cloud node it talks with.
        cloud: Option<NodeName>,
        /// Whom it asks for the time.
        clock: Option<IpAddr>,
        /// How often it sends metrics and a log line.
        monitor_every: Duration,
        /// What its application calls.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        application: Option<CloudService>,
        /// When it looks for cameras.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scan: Option<Scan>,
        /// How it comes to know its cameras' streams.
        #[serde(default, skip_serializing_if = "Commissioned::is_stream")]
        commissions_by: Commissioned,
        /// What it does not take care of.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        careless: Vec<Careless>,
    },
    /// `fake-appliance operate`: calls a cloud in operators' place, as it is told.
    Operator {
        /// The cloud.
        cloud: NodeName,
        /// Whether it signs with sessions of the cloud's STS; else with the key that lasts.
        sessions: bool,
    },
    /// A command of the scenario's own.
    Command {
        /// Program and arguments.
        command: Vec<String>,
        /// Whether the run waits for its end.
        to_end: bool,
        /// How long, at most.
        within: Duration,
        /// When it is ready; none: at once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ready: Option<Ready>,
        /// What its environment has besides.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        environment: BTreeMap<String, String>,
        /// Files that lie in its working folder: name there, path below the scenario's folder.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        files: BTreeMap<String, String>,
        /// Whether it takes the place of a fake.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        instead: bool,
    },
}

/// A camera as the appliance sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The camera node.
    pub camera: NodeName,
    /// Its number.
    pub id: u32,
    /// Where it serves.
    pub address: IpAddr,
    /// By which port it is set up.
    #[serde(default = "documented_port", skip_serializing_if = "is_documented_port")]
    pub port: u16,
    /// Whether its frames come by UDP instead of in the connection.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub udp: bool,
    /// Whether its frames go to a group, which is joined.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub group: bool,
    /// The port by which it is pulled once there was a frame of it; always `port` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub further: Option<u16>,
    /// Path of the stream if it is not the main one, such as `/sub`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Which of the camera's streams that is; 0 is the main one.
    #[serde(default, skip_serializing_if = "is_main")]
    pub stream: u8,
}

fn is_main(stream: &u8) -> bool {
    *stream == 0
}

impl Source {
    /// What its frames are called in facts: the camera, and behind it the path of a further stream.
    pub fn name(&self) -> String {
        format!("{}{}", self.camera, self.path.as_deref().unwrap_or_default())
    }
}

/// The name of the user that a camera of ours asks for: each has its own.
pub fn viewer(camera: &NodeName) -> String {
    format!("viewer-{camera}")
}

impl Plan {
    /// What the streams of a camera are called in the facts of who plays them: the main one, and if asked for the others.
    pub fn streams_at(&self, at: &NodeName, camera: &NodeName, further: bool) -> Vec<String> {
        let others =
            self.sources_at(at).filter(|source| further && source.camera == *camera && source.stream > 0);
        std::iter::once(camera.to_string()).chain(others.map(Source::name)).collect()
    }

    /// Whether a node plays more streams than are decoded at once, so that pictures are those of some of them, in turns.
    pub fn samples_pictures(&self, at: &NodeName) -> bool {
        self.sources_at(at).count() > fake_facts::MOST_DECODED
    }

    fn sources_at<'a>(&'a self, at: &'a NodeName) -> impl Iterator<Item = &'a Source> {
        let services = self.services.iter().filter(move |service| service.node == *at);
        services.flat_map(|service| match &service.kind {
            ServiceKind::Appliance { cameras, .. } => cameras.as_slice(),
            _ => &[],
        })
    }
}

/// An allowed communication, addresses resolved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    /// Its id.
    pub id: FlowId,
    /// Who may open it, and towards which addresses of whom.
    pub pairs: Vec<FlowPair>,
    /// Transport and ports of the peer; empty for upkeep.
    pub ports: Vec<Traffic>,
    /// Link upkeep or errors tied to a flow.
    pub upkeep: bool,
    /// Why it is allowed.
    pub why: String,
}

/// One opener and one answerer of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowPair {
    /// Who opens it.
    pub from: NodeName,
    /// Who answers.
    pub to: NodeName,
    /// At which of its addresses.
    pub addresses: Vec<IpAddr>,
    /// The group to which the answerer, a camera, sends what the opener asks it for, where the flow is of the group's ports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
}

/// A group to which a camera sends its frames: they are heard where both have a link, and no router passes them on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its address, of the block that sites give out themselves (RFC 2365, section 6.1).
    pub address: Ipv4Addr,
    /// First and last port of its RTP and RTCP, two for each stream.
    pub ports: (u16, u16),
    /// Where camera and listener both are.
    pub segments: Vec<SegmentName>,
}
