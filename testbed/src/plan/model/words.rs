//! Checks of a plan: what is asserted, with everything that probes and verdicts need.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::fault::Fault;
use crate::names::{CheckName, FlowId, LinkName, Mac, NodeName, SegmentName, Traffic};
use crate::scenario::lint::{Duty, LintRule, Waiver, Zone};
use crate::scenario::model::{
    Amount, Bounds, CloudService, Endured, Event, JobKind, Place, Proof, StandIn, TlsVersion, Unused,
    WrongCall,
};

/// An assertion, probes spelled out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Its name.
    pub name: CheckName,
    /// Where the scenario has it.
    pub place: Place,
    /// The controls it proves.
    pub proves: Vec<Proof>,
    /// Kernel features without which it never passes.
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
            Word::NoReach { aims, .. } | Word::After { aims, .. } | Word::Matrix { aims, .. } => aims,
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
        /// Whether the same is asked of their further streams.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        sub_streams: bool,
        /// What is asked of each camera's.
        bounds: Bounds,
    },
    /// Who opens conversations, and which way media runs.
    Direction {
        /// The flows looked at; each must have been seen.
        flows: Vec<FlowId>,
        /// The only node that may open them.
        initiator: NodeName,
        /// Media may run to this node only.
        media_to: Option<NodeName>,
        /// So long after the next session has begun, media of the one before has ended; 1 ms to 10 min; none: not looked at.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        media_ends: Option<Duration>,
        /// What each opener may say at most.
        #[serde(default, skip_serializing_if = "Amount::is_none")]
        asks: Amount,
        /// What each answerer may say at most.
        #[serde(default, skip_serializing_if = "Amount::is_none")]
        answers: Amount,
    },
    /// What is said on flows is said in TLS, and in none that is too weak.
    Tls {
        /// The flows looked at; on each something must be said.
        flows: Vec<FlowId>,
        /// The oldest version that may be offered or agreed on.
        min: TlsVersion,
        /// Peers in a service's place that nobody may take for it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        refuses: Vec<StandIn>,
        /// The services whose place these take.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        instead_of: Vec<CloudService>,
        /// The cloud whose services' places they take.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cloud: Option<NodeName>,
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
    /// Video is asked for, and none comes.
    NoVideo {
        /// From these cameras.
        cameras: Vec<NodeName>,
        /// At this node.
        at: NodeName,
    },
    /// Hostile cameras have done what they are there for.
    Attacks {
        /// The cameras.
        of: Vec<NodeName>,
    },
    /// Cameras are looked for and found.
    Scan {
        /// The appliance that looks for them.
        at: NodeName,
        /// Exactly these are found.
        finds: Vec<NodeName>,
        /// Whether a job must have said so before.
        by_job: bool,
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
    /// Who listens where.
    Listens {
        /// At each of these nodes,
        of: Vec<NodeName>,
        /// exactly at these, single ports of TCP and UDP.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        at: Vec<Traffic>,
    },
    /// Every frame is explained: by a flow in a legal state, by upkeep of a link, or as a probe.
    Explained {
        /// The segments looked at.
        segments: Vec<SegmentName>,
        /// Upkeep flows that explain frames.
        upkeep: Vec<FlowId>,
        /// What becomes of allowed flows that were never seen.
        unused: Unused,
    },
    /// What flows say can be opened can be, nothing else can, and the loaded rules say the same.
    Matrix {
        /// Between these nodes, both ways.
        between: Vec<NodeName>,
        /// What no flow allows, and what is sent to see that it does not arrive.
        aims: Vec<Aim>,
        /// What flows allow, each with the address that the opener has then. They show that the site lives, too, so that
        /// those of other nodes are among them.
        opens: Vec<(Open, IpAddr)>,
        /// What flows allow between these and nobody can open and see answered, with the reason.
        unopened: Vec<Unopened>,
        /// What is not looked at, with the reason.
        left_out: Vec<LeftOut>,
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
    /// Video is where it must be, and nowhere else.
    Taint {
        /// Whose.
        cameras: Vec<NodeName>,
        /// Who may have it, and on what ways.
        streams: Vec<VideoWay>,
        /// Ports of the fabric where it may be seen besides.
        besides: Vec<LinkName>,
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
    /// A cloud has an appliance do things by jobs.
    Job {
        /// The appliance.
        of: NodeName,
        /// Its cloud.
        cloud: NodeName,
        /// What, one after the other.
        does: Vec<JobKind>,
        /// What it fetches for them is not what they say.
        spoiled: bool,
        /// How long each may take.
        within: Duration,
        /// What a configuration sets: how often it sends metrics and a log line, as it does already.
        every: Duration,
    },
    /// Operators call a cloud from outside, and nobody else is believed.
    Calls {
        /// The host that calls.
        by: NodeName,
        /// The appliance that it is about.
        of: NodeName,
        /// The cloud.
        cloud: NodeName,
        /// What the appliance is given to do, one after the other.
        does: Vec<JobKind>,
        /// Calls that must be refused.
        refuses: Vec<WrongCall>,
        /// How long each job may take until it is known to be done.
        within: Duration,
        /// For how long a session of the cloud's lasts.
        session: Duration,
    },
    /// An appliance, or an operator, talks with these services of its cloud and no others.
    Talks {
        /// Who.
        of: NodeName,
        /// Its cloud.
        cloud: NodeName,
        /// The services, each with its addresses, those to which a name may move among them, and the names it may be asked
        /// for by.
        services: Vec<Spoken>,
    },
    /// Names said in TLS were asked for, and what is asked for there is of the same service.
    NamesAgree {
        /// The flows looked at.
        flows: Vec<FlowId>,
    },
    /// What goes wrong at the cloud is outlasted: the appliance gives up in time, waits longer each time, and gets through.
    Endures {
        /// The appliance.
        of: NodeName,
        /// Its cloud.
        cloud: NodeName,
        /// Services that refuse its first requests as too many, and how many.
        throttled: BTreeMap<CloudService, u32>,
        /// Peers that take the place of metrics and logs for a client each.
        meets: Vec<Endured>,
        /// How long it waits at least before it comes again, and twice as long each time, up to 16 times; 10 ms to 1 min.
        waits: Duration,
        /// How long it may take from the last of it until it has got through; 100 ms to 10 min.
        within: Duration,
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
        /// What stops as long as the fault stands.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stops: Vec<GoingOn>,
        /// What is sent again and again through the whole change, and may not arrive.
        aims: Vec<Aim>,
        /// What must work within a second before and after.
        alive: Vec<Open>,
    },
}

/// The way of a camera's video to somebody whom a flow lets have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoWay {
    /// The camera.
    pub camera: NodeName,
    /// Who asks it.
    pub to: NodeName,
    /// Whether it does: then the video must be seen.
    pub plays: bool,
    /// Ports of the fabric, from the camera's on: each with that of the link's spare, if it has one.
    pub ports: Vec<Vec<LinkName>>,
    /// Ports that hear it as well: of the hubs on the way.
    pub hear: Vec<LinkName>,
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

/// What a flow allows and no probe opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unopened {
    /// The flow.
    pub flow: FlowId,
    /// Who may open.
    pub from: NodeName,
    /// To whom.
    pub to: NodeName,
    /// What.
    #[schemars(with = "String")]
    pub traffic: Traffic,
    /// Why it is not opened.
    pub why: String,
}

/// A pair of nodes, or an address of one, between which a matrix says nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    /// Who would open.
    pub from: NodeName,
    /// To whom.
    pub to: NodeName,
    /// At which address; none: at all of them.
    pub address: Option<IpAddr>,
    /// Why nothing is said.
    pub why: String,
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

/// A service of a cloud that an appliance may talk with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spoken {
    /// Which.
    pub service: CloudService,
    /// Where it answers, those included to which its names may be moved.
    pub addresses: Vec<IpAddr>,
    /// What it may be asked for by: names in lower case; with `*.` before them whatever is below, however deep.
    pub names: Vec<String>,
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
    /// Set where that address is everybody's in the target's segment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub everybody: Option<Everybody>,
    /// To whose Ethernet address the frames go: the target's, the gateway's, the `via` node's, or everybody's.
    pub next_hop: Mac,
    /// The node that this Ethernet address belongs to.
    pub next_node: NodeName,
    /// The first device on the way that should stop it: a router, or the target itself.
    pub stops_at: NodeName,
    /// What is sent, single kinds or ranges.
    pub ports: Vec<Traffic>,
    /// Whether packets are sent besides that stand for whatever the loaded rules tell apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cells: Option<Cells>,
    /// Where arrival is judged.
    pub judge: Judge,
    /// Segment of the target's address, where the instrument control is sent.
    pub target_segment: SegmentName,
    /// The target's Ethernet address there, or everybody's.
    pub target_mac: Mac,
    /// Why the site's own routes do not lead there, if they do not: a missing route may not stand in for policy, so a
    /// packet that does not arrive then shows nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unrouted: Option<String>,
}

/// Everybody in a segment, as whom an aim is at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Everybody {
    /// The fabric's port of the target's link in that segment.
    pub port: LinkName,
    /// Where a tap judges: all ports of the segment but the attacker's and those of the device before it, the target's first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taps: Vec<LinkName>,
    /// What the device between would do to let it in; none where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<PassedOn>,
}

/// How a device lets in what is for everybody.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PassedOn {
    /// As a router that forwards directed broadcasts (RFC 2644).
    Forwarded {
        /// Those that come by this link.
        link: LinkName,
    },
    /// As a bridge or a relay: as it is.
    Carried {
        /// From this link.
        from: LinkName,
        /// To that one.
        to: LinkName,
    },
}

impl Aim {
    /// Whether everything is sent, less what flows allow: more than all ports of one transport.
    pub fn is_whole(&self) -> bool {
        self.ports.iter().map(Traffic::width).sum::<u64>() > 1 << 16
    }

    /// Whether frames without IP are sent, to a neighbour whom a switch keeps apart.
    pub fn is_frames(&self) -> bool {
        self.ports.iter().any(|kind| matches!(kind, Traffic::Ether(..)))
    }
}

/// Cells of what the loaded rules tell apart, as an aim sends them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cells {
    /// What flows allow there, which is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<Traffic>,
    /// Silence shows nothing if there are too many for all of them to be sent.
    pub all: bool,
    /// Whether they are cut by what rules of switches tell apart as well: the packets cross a port of one that has some.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub switched: bool,
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
    /// At the tap of this port of the fabric, in the direction towards the target: across a forwarding device. Where the aim
    /// is at everybody, at any tap of the segment.
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
