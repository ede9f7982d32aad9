//! What a scenario means: names resolved, defaults filled in, every value valid.
//!
//! The counterpart of `raw.rs`, which mirrors the file as written. Nothing here is optional for want of a default;
//! an `Option` means that the site may really lack the thing. What the site leaves to us (addresses, Ethernet
//! addresses, gateways) is derived by the plan.

mod amount;
mod hostile;
mod methods;
mod rtsp;
mod terms;
mod words;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::lint::{Duty, Zone};
use crate::names::{FlowId, LinkName, Mac, NodeName, ScenarioName, SegmentName, SwitchName, Traffic, VlanId};

pub use amount::Amount;
pub(crate) use hostile::AT_THE_END;
pub use hostile::{Careless, HandsOut, Hostile, Misroute};
pub(crate) use hostile::{HANDS_OUT, MISROUTES};
pub use methods::RtspMethod;
pub use rtsp::{
    Auth, Codec, Encode, RTSP_PORT, Rtsp, Stream, Transport, documented_port, is_documented_port, judges,
};
pub use terms::*;
pub use words::*;

/// A valid scenario: what is built, what is allowed, what is asserted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// Its name; names the run folder and the tests.
    pub name: ScenarioName,
    /// The documents under test, as `file#anchor`.
    pub documents: Vec<String>,
    /// Who answers for what, in the scenario's words.
    pub owners: BTreeMap<Duty, String>,
    /// What is built.
    pub site: Site,
    /// What is allowed; everything else between any two nodes is expected to be blocked.
    pub flows: Vec<Flow>,
    /// What is asserted, in the order written.
    pub checks: Vec<Check>,
}

/// Segments, switches and nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Site {
    /// Layer-2 broadcast domains.
    pub segments: BTreeMap<SegmentName, Segment>,
    /// Switches, for a site that says which port is where.
    pub switches: BTreeMap<SwitchName, Switch>,
    /// Every node, groups expanded (`dock` with `count: 2` is `dock-1` and `dock-2`).
    pub nodes: BTreeMap<NodeName, Node>,
    /// Group name to its nodes, in order; a group is named wherever a list of nodes is.
    pub groups: BTreeMap<NodeName, Vec<NodeName>>,
}

/// One layer-2 broadcast domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// Its VLAN number, if it is one.
    pub vlan: Option<VlanId>,
    /// Its prefixes, at least one; none overlaps another segment's.
    pub subnets: Vec<IpNet>,
    /// A hub repeats every frame on every port; a switch learns. Default switch.
    pub hub: bool,
    /// One cable between two links: a hub with two ports. Default false.
    pub cable: bool,
    /// Longest packet of its links, bytes, 576 to 9000, 1280 and more with IPv6; none: the usual 1500.
    pub mtu: Option<u32>,
    /// What kind of network it is.
    pub zones: Vec<Zone>,
    /// How its members know one another's Ethernet addresses; none: by the segment's size.
    pub neighbours: Option<Neighbours>,
}
/// How the members of a segment know one another's Ethernet addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Neighbours {
    /// By ARP and ND.
    Learned,
    /// From the start, for good.
    Static,
}

/// What a camera does of ONVIF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Onvif {
    /// It answers: who looks for it finds it, and its services are on TCP port 80.
    Answers,
    /// It also tells everybody on its link when it comes and goes, unasked.
    Announces,
}

/// When an appliance looks for cameras.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scan {
    /// When a job of its cloud's says so, as documented.
    ByJob,
    /// When it starts; for broken twins.
    Unasked,
}

/// How an appliance comes to know where its cameras' streams are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Commissioned {
    /// By hand: whoever commissions them writes the addresses of their streams.
    #[default]
    Stream,
    /// By hand: whoever commissions them writes their own addresses, and their ONVIF is asked for the streams.
    Device,
    /// By what its search for cameras finds.
    Search,
}

impl Commissioned {
    /// Whether it is by hand, with the addresses of streams.
    pub fn is_stream(&self) -> bool {
        *self == Self::Stream
    }
}

/// A switch: which links are plugged into it, and how.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Switch {
    /// Links on access ports, as node and link.
    pub access: Vec<(NodeName, LinkName)>,
    /// Trunks plugged in, as node and trunk name.
    pub trunk: Vec<(NodeName, LinkName)>,
    /// Links on isolated ports: they reach ports that are not isolated, and not one another.
    pub isolate: Vec<(NodeName, LinkName)>,
    /// Switches that it is joined to, as written at this one, and the segments that each of these links carries.
    pub uplinks: BTreeMap<SwitchName, Vec<SegmentName>>,
    /// Its own rule file, loaded as it is: what it lets through at its ports.
    pub ruleset: Option<RuleFile>,
}

/// One network namespace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its name.
    pub name: NodeName,
    /// What it is.
    pub kind: Kind,
    /// Its interfaces, in the order written; at least one.
    pub links: Vec<Link>,
    /// Its own rule file, loaded as it is: the artefact under test.
    pub ruleset: Option<RuleFile>,
    /// Static routes beside those that follow from links and gateways.
    pub routes: Vec<Route>,
    /// Routes for packets from certain sources only.
    pub policy: Vec<PolicyRoute>,
    /// The link whose segment's router is the default gateway; never on a router. None: no default route.
    pub gateway: Option<LinkName>,
    /// Who resolves names for it.
    pub resolver: Option<NodeName>,
    /// Who tells it the time.
    pub clock: Option<NodeName>,
    /// A command of the scenario's own; needs `--allow-run`. A camera's or an appliance's takes the place of the fake,
    /// any other runs beside what the node does.
    pub run: Option<Run>,
}

/// A route that the scenario writes out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Destination prefix.
    pub to: IpNet,
    /// Next hop, an address in a subnet of one of the node's links.
    pub via: IpAddr,
}

/// A route for packets from certain sources, asked before all others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRoute {
    /// The sources.
    pub from: IpNet,
    /// Where it leads.
    pub route: Route,
}

/// An interface of a node in a segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// Interface name in the node; `lan.20` for VLAN 20 of the trunk `lan`.
    pub name: LinkName,
    /// The segment it is plugged into.
    pub segment: SegmentName,
    /// Written addresses, at most one per subnet of the segment; where none is written the plan derives one.
    pub addresses: Vec<IpAddr>,
    /// Written Ethernet address; the plan derives one where none is written.
    pub mac: Option<Mac>,
    /// The trunk it belongs to, if any.
    pub trunk: Option<LinkName>,
    /// The router whose advertisements it takes its IPv6 addresses from.
    pub advised_by: Option<NodeName>,
    /// Longest packet that it takes, bytes, as for a segment; none: that of its segment.
    pub mtu: Option<u32>,
    /// Set where its IPv4 address, then the last of `addresses`, comes by DHCP.
    pub dhcp: Option<Leased>,
    /// The link of the same node that it stands in for. A spare has no address of its own, unless one is written.
    pub spare_of: Option<LinkName>,
}

/// How a link comes to its IPv4 address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leased {
    /// The address that it asks for; none: whatever it is given.
    pub asks: Option<Ipv4Addr>,
    /// The address that it should get: the one that is reserved for it, else the one that it asks for.
    pub gets: Ipv4Addr,
    /// Who hands out addresses in its segment.
    pub server: NodeName,
}

/// What a DHCP server hands out in a segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// First address that anybody may get.
    pub first: Ipv4Addr,
    /// Last address that anybody may get.
    pub last: Ipv4Addr,
    /// For how long an address is given; 2 min to 7 days, default 1 h.
    pub lease: Duration,
    /// Addresses kept for one node each.
    pub reserve: BTreeMap<NodeName, Ipv4Addr>,
}

/// A rule file of the site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleFile {
    /// Path below the scenario's folder, `/` between the parts, never with `..`.
    pub path: String,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Serves video.
    Camera(Camera),
    /// Pulls video and talks with the cloud.
    Appliance(Appliance),
    /// Forwards between its links.
    Router(Router),
    /// Plays the cloud endpoints.
    Cloud(Cloud),
    /// Anything else.
    Host(Host),
}

/// A camera.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Camera {
    /// Its number, written into every frame; unique in the site, 1 and up in the order written.
    pub id: u32,
    /// Width of the picture in pixels, a multiple of 16, 320 to 1920.
    pub width: u32,
    /// Height of the picture in pixels, a multiple of 8, 176 to 1088.
    pub height: u32,
    /// Frames per second, 1 to 60.
    pub fps: u32,
    /// What it does of ONVIF; none: nothing.
    pub onvif: Option<Onvif>,
    /// How it serves its video.
    #[serde(default, skip_serializing_if = "Rtsp::is_default")]
    pub rtsp: Rtsp,
    /// What it does wrong; nothing but in a broken twin.
    #[serde(default, skip_serializing_if = "Misbehaves::is_nothing")]
    pub misbehaves: Misbehaves,
    /// What it does to its clients and to others.
    #[serde(default, skip_serializing_if = "Hostile::is_nothing")]
    pub hostile: Box<Hostile<NodeName, SegmentName>>,
}

/// What a camera does wrong, in each RTSP session the same. Frames are counted from 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Misbehaves {
    /// Frames that it never sends.
    pub leaves_out: Vec<u64>,
    /// Frames that it sends twice.
    pub repeats: Vec<u64>,
    /// Frames that it sends after the one that follows them.
    pub swaps: Vec<u64>,
    /// Frames that show the picture of the next one, and say that it is theirs.
    pub shows_next: Vec<u64>,
    /// Frames that show a picture of the camera with the next number, and say that it is theirs.
    pub shows_stranger: Vec<u64>,
    /// From which frame on they are sent too late, and by how much.
    pub late: Option<(u64, Duration)>,
}

impl Misbehaves {
    /// True if nothing is wrong.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// A video-analytics appliance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Appliance {
    /// The cameras it pulls.
    pub cameras: Vec<NodeName>,
    /// The cloud it talks with.
    pub cloud: Option<NodeName>,
    /// Whether it is a developer kit, which the documents keep in a test environment. Default false.
    pub kit: bool,
    /// Whether it pulls a camera by the first of its further ports, once it has had a frame of it by the first one. Default false.
    pub moves_on: bool,
    /// Whether it asks cameras that offer UDP to send by it, whatever else they offer. Default false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prefers_udp: bool,
    /// Whether it pulls the further streams of its cameras beside the main ones. Default false.
    pub sub_streams: bool,
    /// Whether it forwards packets between its legs; false, as documented. True only in a broken twin.
    pub forwards: bool,
    /// Whether it answers on each of its links for the addresses of all (weak host model, RFC 1122 section 3.3.4.2); false, but for a
    /// broken twin.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub weak_host: bool,
    /// How often it sends metrics and a log line; 1 s to 1 h.
    pub monitor_every: Duration,
    /// Whether its cloud asks it again and again how it is.
    pub device: bool,
    /// What an application of its calls at the cloud; none: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<CloudService>,
    /// When it looks for cameras; none: never.
    pub scan: Option<Scan>,
    /// How it comes to know its cameras' streams.
    #[serde(default, skip_serializing_if = "Commissioned::is_stream")]
    pub commissions_by: Commissioned,
    /// What it does not take care of; nothing but in a broken twin.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub careless: Vec<Careless>,
}

/// A router.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Router {
    /// Segments in which it answers names, as a forwarder to `upstream`.
    pub dns: Vec<SegmentName>,
    /// Segments in which it tells the time.
    pub ntp: Vec<SegmentName>,
    /// Segments in which it advertises itself as an IPv6 router.
    pub ra: Vec<SegmentName>,
    /// The cloud whose name server its forwarder asks, and whose time server its own has the time from.
    pub upstream: Option<NodeName>,
    /// Segments in which it hands out addresses.
    pub dhcp: BTreeMap<SegmentName, Pool>,
    /// Sets of its rule file that are filled with what is answered in a segment of `dns`.
    pub sets: BTreeMap<SegmentName, Vec<NameSet>>,
    /// Answers that lead inwards are none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refuses_inward: bool,
}

/// Names, and the sets that their addresses are put in when somebody asks for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameSet {
    /// Each with everything below it; lower case, no `*.` before them.
    pub names: Vec<String>,
    /// Where IPv4 addresses are put.
    pub ip4: Option<NftSet>,
    /// Where IPv6 addresses are put.
    pub ip6: Option<NftSet>,
}

/// A set of a rule file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NftSet {
    /// Its table's family.
    pub family: SetFamily,
    /// Its table: letters, digits and `_`.
    pub table: String,
    /// Its name: letters, digits and `_`.
    pub set: String,
}

/// Families of tables that have sets of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "nft's own words")]
pub enum SetFamily {
    Inet,
    Ip,
    Ip6,
}

impl std::fmt::Display for NftSet {
    /// As nft writes it: `inet site aws4`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let family = match self.family {
            SetFamily::Inet => "inet",
            SetFamily::Ip => "ip",
            SetFamily::Ip6 => "ip6",
        };
        write!(f, "{family} {} {}", self.table, self.set)
    }
}

/// The fake cloud: one address per service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cloud {
    /// AWS region, for example `eu-west-1`.
    pub region: String,
    /// Which spelling of the host names it answers.
    pub names: CloudNames,
    /// How many addresses each subnet has beside those of the services, to which no name leads at first; at most 16.
    #[serde(default)]
    pub spare_addresses: u64,
    /// How many seconds its clock is ahead of the host's; negative: behind. At most an hour.
    pub clock_offset: i64,
    /// What operators use of it, in the order of [`CloudService`]: each has an address behind the spare ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub serves: Vec<CloudService>,
    /// How often it asks each of its devices how it is; 1 s to 1 h.
    pub monitor_every: Duration,
    /// For how long credentials hold that it gives for certificates; none: an hour. 4 s to 12 h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_last: Option<Duration>,
    /// For how long after it was made it takes a signature; none: as AWS has it. 2 s to 5 min.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signatures_last: Option<Duration>,
    /// Services whose first requests it refuses, and how many.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub throttles: BTreeMap<CloudService, u32>,
    /// Calls that it believes although something is wrong with them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub believes: Vec<WrongCall>,
}

impl Cloud {
    /// Whether it has such a service.
    pub fn has(&self, service: CloudService) -> bool {
        !CloudService::OPERATORS.contains(&service) || self.serves.contains(&service)
    }
}

/// Spelling of the cloud's host names (the seeds print `.aws.amazon.com` where real clients ask `.amazonaws.com`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CloudNames {
    /// As printed in the documents.
    AsPrinted,
    /// As real clients ask.
    Corrected,
    /// Both.
    Both,
}

/// Services of the fake cloud, each on an address of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CloudService {
    /// AWS IoT Core.
    Iot,
    /// CloudWatch metrics.
    Monitoring,
    /// CloudWatch Logs.
    Logs,
    /// S3 and its access points.
    S3,
    /// Authoritative names.
    Dns,
    /// Time.
    Ntp,
    /// Security tokens, for operators, and for applications that call them.
    Sts,
    /// IoT Core's control plane, for operators.
    IotControl,
    /// Panorama's own service, for operators.
    Panorama,
}

impl CloudService {
    /// Those that operators use and no appliance of its own, which a cloud has only when it says so.
    pub const OPERATORS: [Self; 3] = [Self::Sts, Self::IotControl, Self::Panorama];
    /// Those that an application of an appliance's may call.
    pub const OF_APPLICATIONS: [Self; 1] = [Self::Sts];
    /// Those that an appliance talks to by TLS.
    pub const ASKED: [Self; 4] = [Self::Iot, Self::Monitoring, Self::Logs, Self::S3];
    /// Those of them that it asks anew again and again.
    pub const OFTEN_ASKED: [Self; 2] = [Self::Monitoring, Self::Logs];
    /// Those whose calls operators try with something wrong: what is said there is signed, and changes something.
    pub const CALLED: [Self; 4] = [Self::Panorama, Self::Monitoring, Self::Logs, Self::S3];

    /// As it is written, here and by the fake cloud.
    pub fn word(self) -> &'static str {
        match self {
            Self::Iot => "iot",
            Self::Monitoring => "monitoring",
            Self::Logs => "logs",
            Self::S3 => "s3",
            Self::Dns => "dns",
            Self::Ntp => "ntp",
            Self::Sts => "sts",
            Self::IotControl => "iot-control",
            Self::Panorama => "panorama",
        }
    }

    /// Whether it is asked by HTTPS or MQTT, on TCP port 443.
    pub fn over_tls(self) -> bool {
        !matches!(self, Self::Dns | Self::Ntp)
    }
}

/// A host that is none of the above.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// Cameras that it plays, as a video management system does.
    pub plays: Vec<NodeName>,
    /// The cloud whose service for operators it calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operates: Option<NodeName>,
    /// Segments in which it hands out addresses.
    pub dhcp: BTreeMap<SegmentName, Pool>,
}

/// A command that a scenario runs in a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Program and arguments; no shell reads them.
    pub command: Vec<String>,
    /// True: the run waits until the command has ended, at most `within`. False: it runs beside the rest.
    pub to_end: bool,
    /// How long the run waits for the end; 1 s to 10 min, default 30 s.
    pub within: Duration,
    /// When it is ready, so that whoever needs it may start; none: at once.
    pub ready: Option<Ready>,
    /// What its environment has besides.
    pub environment: BTreeMap<String, String>,
    /// Files that lie in its working folder: name there, path below the scenario's folder.
    pub files: BTreeMap<String, String>,
}

/// How a command is known to be ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// By what.
    pub sign: Sign,
    /// How long it may take; 1 s to 10 min, default 20 s.
    pub within: Duration,
}

/// A sign of being ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// A line with this text, on standard output or standard error.
    Line(String),
    /// A TCP port of the node that takes a connection from the node itself.
    Port(u16),
}

/// A communication that is allowed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    /// `F01` …: documented; `S01` …: the site's own.
    pub id: FlowId,
    /// Who opens it; empty for link upkeep, which anybody may do.
    pub from: Vec<NodeName>,
    /// Who answers; empty for link upkeep.
    pub to: Vec<NodeName>,
    /// At the cloud: which service's address; empty for all of the peer's addresses.
    pub services: Vec<CloudService>,
    /// Transport and ports of the peer; empty for link upkeep.
    pub ports: Vec<Traffic>,
    /// Link upkeep or errors tied to a flow (F17, F18): explains frames, opens nothing.
    pub upkeep: bool,
    /// Why it is allowed, in the scenario's or the policy's words.
    pub why: String,
}
