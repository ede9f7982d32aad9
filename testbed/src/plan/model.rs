//! What would be built and asked, as plain values: the plan's own types.
//!
//! A plan names every kernel object and every probe; the effect rooms carry it out and decide nothing. The same
//! scenario gives the same plan, byte for byte.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use super::fault::Fault;
use crate::names::{
    CheckName, FlowId, LinkName, Mac, NodeName, ScenarioName, SegmentName, SwitchName, Traffic, VlanId,
};
use crate::scenario::lint::{Duty, LintRule, Waiver, Zone};
use crate::scenario::model::{CloudNames, CloudService, Event, NameSet, Place, Proof, Ready};

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
        /// How many seconds its clock is ahead of the host's.
        clock_offset: i64,
    },
    /// dnsmasq, forwarding to one server, for one segment.
    Resolver {
        /// Addresses of the node that it answers on.
        listen: Vec<IpAddr>,
        /// Whom it asks.
        upstream: IpAddr,
        /// Sets of the node's rule file that it fills with what it answers.
        sets: Vec<NameSet>,
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
    },
    /// `fake-appliance`; also plays for a host that `plays` cameras (then without cloud and clock).
    Appliance {
        /// Cameras it pulls, with their addresses.
        cameras: Vec<Source>,
        /// The cloud node it talks with.
        cloud: Option<NodeName>,
        /// Whom it asks for the time.
        clock: Option<IpAddr>,
        /// How often it reports to the cloud.
        monitor_every: Duration,
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
}

/// An assertion, probes spelled out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Its name.
    pub name: CheckName,
    /// Where the scenario has it.
    pub place: Place,
    /// The controls it proves.
    pub proves: Vec<Proof>,
    /// Kernel features without which it is inconclusive.
    pub requires: Vec<String>,
    /// What is done to the site while it is carried out, and mended then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub during: Option<During>,
    /// What is asserted.
    pub word: Word,
}

/// A fault that stands while a check is carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct During {
    /// What is done.
    pub fault: Fault,
    /// What mends it.
    pub then: Fault,
}

impl Word {
    /// The packets of a negative.
    pub fn aims(&self) -> &[Aim] {
        match self {
            Word::NoReach { aims, .. } | Word::After { aims, .. } => aims,
            _ => &[],
        }
    }
}

/// What a check asserts, with everything the probes need.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "a plan has few checks, and each is made once")]
pub enum Word {
    /// Each of these conversations must come about.
    Reach {
        /// What is opened, by the node's own kernel.
        opens: Vec<Open>,
    },
    /// None of these packets may arrive.
    NoReach {
        /// What is sent.
        aims: Vec<Aim>,
        /// What must work within a second before and after.
        alive: Vec<Open>,
        /// Set where what is attacked was open for a time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        forgotten: Option<Forgotten>,
    },
    /// Video arrives.
    Plays {
        /// From these cameras.
        cameras: Vec<NodeName>,
        /// At this node.
        at: NodeName,
        /// At least so many frames of each.
        frames: u64,
        /// At most so many lost of each.
        lost: u64,
        /// At most so many twice of each.
        duplicated: u64,
    },
    /// Who opens conversations, and which way media runs.
    Direction {
        /// The flows looked at; each must have been seen.
        flows: Vec<FlowId>,
        /// The only node that may open them.
        initiator: NodeName,
        /// Media may run to this node only.
        media_to: Option<NodeName>,
    },
    /// With whom a node exchanges frames.
    PeersOf {
        /// The nodes looked at.
        nodes: Vec<NodeName>,
        /// Exactly these peers.
        exactly: Vec<NodeName>,
        /// Upkeep flows that do not count.
        besides: Vec<FlowId>,
    },
    /// Who is plugged into a segment and heard there.
    Members {
        /// The segment.
        segment: SegmentName,
        /// Exactly these nodes.
        exactly: Vec<NodeName>,
        /// Those of them at whose ports every frame carries the segment's tag, and none at any other; none: tags are
        /// not looked at.
        tagged: Option<Vec<NodeName>>,
    },
    /// Who tells nodes the time, and how right it is.
    Clock {
        /// The nodes that ask.
        of: Vec<NodeName>,
        /// The only node that they may ask.
        from: NodeName,
        /// The node that `from` must have its time from; none: not looked at.
        upstream: Option<NodeName>,
        /// How far from the host's clock it may be, either way.
        offset: Duration,
    },
    /// Which address nodes ask for by DHCP, and which they get.
    Address {
        /// The links that ask by DHCP.
        of: Vec<Asking>,
        /// The links that are advised by a router.
        advised: Vec<Advised>,
        /// Whether they must get the same when they ask again, and have it still at the end.
        kept: bool,
    },
    /// The second port is a spare and nothing else.
    Spare {
        /// The nodes, each with a link that is the spare of another one.
        of: Vec<NodeName>,
    },
    /// What runs over a link.
    Carries {
        /// The node.
        node: NodeName,
        /// Its link.
        link: LinkName,
        /// The fabric's port of that link.
        port: LinkName,
        /// Only these flows.
        only: Vec<FlowId>,
        /// Where the node itself opens something of them, each of which its routing must send by this link.
        routes: Vec<RouteAsked>,
    },
    /// Nothing gets from one link of a node to another below IP.
    NoBridge {
        /// What is sent.
        crossings: Vec<Crossing>,
        /// What must work within a second before and after.
        alive: Vec<Open>,
    },
    /// The names that a firewall lets out are those that are asked for.
    Name {
        /// The router that fills sets of its rules.
        at: NodeName,
        /// By what is answered in this segment.
        segment: SegmentName,
        /// Who asks there.
        by: Vec<NodeName>,
        /// The names that fill a set, each with everything below it.
        patterns: Vec<String>,
    },
    /// What the drawing itself must be like.
    Lint {
        /// The rules.
        rules: Vec<LintRule>,
        /// Those that the site breaks for a reason.
        waive: Vec<Waiver>,
        /// The developer kits.
        kits: Vec<Kit>,
        /// Who answers for what.
        owners: BTreeMap<Duty, String>,
    },
    /// Something comes at regular times.
    Periodic {
        /// What.
        event: Event,
        /// From whom.
        of: NodeName,
        /// From one to the next.
        every: Duration,
        /// Give or take so much.
        tolerance: Duration,
        /// At least so many gaps are looked at.
        gaps: u64,
        /// At most so many are missing.
        missing: u64,
    },
    /// A fault changes nothing for longer than a moment, and isolation not at all.
    After {
        /// The fault as it is written: `cut app.eth0`.
        says: String,
        /// What is done to the site.
        fault: Fault,
        /// What mends it.
        then: Fault,
        /// For how long the fault stands at least.
        lasts: Duration,
        /// The longest pause of what goes on.
        within: Duration,
        /// What goes on.
        resume: Vec<GoingOn>,
        /// What is sent again and again through the whole change, and may not arrive.
        aims: Vec<Aim>,
        /// What must work within a second before and after.
        alive: Vec<Open>,
    },
}

/// An address that a name has left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forgotten {
    /// The check that moves the name there and back.
    pub since: CheckName,
    /// The address.
    pub address: IpAddr,
    /// How long after that the address may be open still.
    pub within: Duration,
}

/// A route that a node must have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteAsked {
    /// Where to.
    pub to: IpAddr,
    /// For which flows.
    pub flows: Vec<FlowId>,
}

/// Frames sent into one link of a node, and the link at which they must not come out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crossing {
    /// The node.
    pub node: NodeName,
    /// The link that they are handed to, and its port of the fabric.
    pub enters: (LinkName, LinkName),
    /// The link that they must not leave by, and its port of the fabric.
    pub leaves: (LinkName, LinkName),
    /// That link's Ethernet address.
    pub leaves_mac: Mac,
    /// The neighbour that sends them.
    pub from: NodeName,
    /// By which of its links.
    pub link: LinkName,
    /// That link's port of the fabric.
    pub from_port: LinkName,
    /// That link's Ethernet address.
    pub from_mac: Mac,
    /// What is sent.
    pub frames: Vec<StrayFrame>,
}

/// A frame that a bridge would pass on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrayFrame {
    /// What it is, in a few words.
    pub what: String,
    /// The Ethernet address that it is for.
    pub dest: Mac,
    /// What is in it.
    pub carries: Carries,
}

/// What is in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carries {
    /// An EtherType that nobody speaks.
    Unknown,
    /// A length instead of an EtherType (IEEE 802.2).
    Llc,
    /// A UDP datagram.
    Udp {
        /// From this address.
        source: IpAddr,
        /// To this address.
        dest: IpAddr,
    },
}

/// A developer kit, and what the drawing joins it to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kit {
    /// The appliance.
    pub node: NodeName,
    /// Where it is plugged in.
    pub joins: Vec<Joined>,
    /// Where its flows lead, and whom they let in.
    pub flows: Vec<KitFlow>,
}

/// A link of a kit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// The link.
    pub link: LinkName,
    /// The segment.
    pub segment: SegmentName,
    /// What kind of network that is.
    pub zones: Vec<Zone>,
}

/// A flow of a kit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KitFlow {
    /// Its id.
    pub flow: FlowId,
    /// The other end.
    pub peer: NodeName,
    /// True: the kit opens it. False: it is let in.
    pub outwards: bool,
    /// A segment of the other end.
    pub segment: SegmentName,
    /// What kind of network that is.
    pub zones: Vec<Zone>,
}

/// Something that goes on as long as a site lives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GoingOn {
    /// Frames of a camera arrive at a node.
    Video {
        /// Whose.
        camera: NodeName,
        /// Where.
        at: NodeName,
    },
    /// The cloud confirms something.
    Reports {
        /// What.
        event: Event,
        /// From whom.
        of: NodeName,
    },
}

/// A link that asks for its address, and what is to come of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asking {
    /// The node.
    pub node: NodeName,
    /// Its link.
    pub link: LinkName,
    /// What it must ask for; none: anything will do.
    pub asked: Option<Ipv4Addr>,
    /// What it must get.
    pub bound: Ipv4Addr,
    /// Who must give it.
    pub server: NodeName,
}

/// A link that takes its IPv6 addresses from router advertisements, and what is to come of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advised {
    /// The node.
    pub node: NodeName,
    /// Its link.
    pub link: LinkName,
    /// What it must have.
    pub bound: Vec<Ipv6Addr>,
    /// Who must advertise itself, and nobody else.
    pub router: NodeName,
}

/// A conversation that is opened through the node's own kernel.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Open {
    /// The flow it stands for; none for a `reach` by ports.
    pub flow: Option<FlowId>,
    /// Who opens.
    pub from: NodeName,
    /// Who answers.
    pub to: NodeName,
    /// At which address.
    pub address: IpAddr,
    /// One port; `tcp/N`, `udp/53` (a DNS query), `udp/123` (an NTP query) or `icmp/8`.
    pub port: Traffic,
}

/// Packets for one address of one target, sent raw from one attacker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aim {
    /// Who attacks.
    pub from: NodeName,
    /// Through which of its links.
    pub link: LinkName,
    /// With which source address.
    pub source: IpAddr,
    /// Set where that is another node's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forged: Option<Forged>,
    /// Whom.
    pub to: NodeName,
    /// At which address.
    pub address: IpAddr,
    /// To whose Ethernet address the frames go: the target's, the gateway's, or the `via` node's.
    pub next_hop: Mac,
    /// The node that this Ethernet address belongs to.
    pub next_node: NodeName,
    /// The first device on the way that should stop it: a router, or the target itself.
    pub stops_at: NodeName,
    /// What is sent, single kinds or ranges.
    pub ports: Vec<Traffic>,
    /// Where arrival is judged.
    pub judge: Judge,
    /// Segment of the target's address, where the instrument control is sent.
    pub target_segment: SegmentName,
    /// The target's Ethernet address there.
    pub target_mac: Mac,
    /// Why the site's own routes do not lead there, if they do not: a missing route may not stand in for policy, so a
    /// packet that does not arrive then shows nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unrouted: Option<String>,
}

/// Whose address an attacker uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forged {
    /// That node.
    pub node: NodeName,
    /// The Ethernet address that the frames come from: the attacker's own, or that node's.
    pub mac: Mac,
}

/// Where arrival is judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judge {
    /// At the tap of this port of the fabric, in the direction towards the target: across a forwarding device.
    Tap {
        /// The target's port.
        port: LinkName,
    },
    /// Behind the target's own input filter: its own addresses, or two nodes of one segment.
    BehindFilter {
        /// The target.
        node: NodeName,
    },
}
