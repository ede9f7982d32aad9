//! Checks of a scenario: what is asserted.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::all_ports;
use super::super::fault::Fault;
use super::super::lint::{LintRule, Waiver};
use super::{
    Amount, Bounds, CloudService, Cover, Endured, Event, JobKind, RtspMethod, Scenario, StandIn, TlsVersion,
    Unused, WrongCall,
};
use crate::names::{CheckName, ControlId, FlowId, LinkName, NodeName, SegmentName, Traffic};

/// An assertion, named.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Its name.
    pub name: CheckName,
    /// Where it is written.
    pub place: Place,
    /// The documented controls it proves.
    pub proves: Vec<Proof>,
    /// Kernel features without which it never passes: written, or needed by its faults or the checks it looks at.
    pub requires: Vec<String>,
    /// Flows that must work within a second of each probe of a negative.
    pub alive: Vec<FlowId>,
    /// The fault that stands while a `reach` or `no_reach` is carried out.
    pub during: Option<Fault>,
    /// What is asserted.
    pub word: Word,
}

impl Word {
    /// As it is written in a scenario: `no_reach`.
    pub fn name(&self) -> String {
        let written = serde_json::to_value(self).expect("a word is written as plain values");
        let (name, _) = written.as_object().and_then(|map| map.iter().next()).expect("by its name");
        name.clone()
    }
}

/// A control that a check proves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The control.
    pub control: ControlId,
    /// True for `PAN-SGL-02 (part)`.
    pub part: bool,
}

/// Where something is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// File, as the user named it.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Scenario {
    /// The same with everything sent wherever a negative or a matrix does not say what it sends, less what flows allow.
    pub fn exhaustive(&self) -> Scenario {
        let mut scenario = self.clone();
        for check in &mut scenario.checks {
            match &mut check.word {
                Word::NoReach {
                    ports,
                    cover: cover @ Cover::Usual,
                    broadcast,
                    via,
                    as_node: None,
                    forgotten: None,
                    ..
                } => (*ports, *cover, *broadcast) = (all_ports(), Cover::AllButFlows, via.is_none()),
                Word::Matrix { cover: cover @ Cover::Usual, broadcast, .. } => {
                    (*cover, *broadcast) = (Cover::AllButFlows, true);
                }
                _ => {}
            }
        }
        scenario
    }
}

/// What a check asserts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// These can be reached.
    Reach {
        /// Who opens.
        from: Vec<NodeName>,
        /// Who answers.
        to: Vec<NodeName>,
        /// On which ports; each must answer.
        ports: Vec<Traffic>,
    },
    /// These cannot be reached, whatever is sent.
    NoReach {
        /// Who attacks.
        from: Vec<NodeName>,
        /// Who is attacked, on all addresses.
        to: Vec<NodeName>,
        /// Also the other way round.
        both_ways: bool,
        /// Send to this neighbour's Ethernet address instead of the proper next hop.
        via: Option<NodeName>,
        /// Send with this node's address instead of the attacker's own.
        as_node: Option<NodeName>,
        /// What is sent; never empty.
        ports: Vec<Traffic>,
        /// How much of what there is that is.
        cover: Cover,
        /// Also at everybody in the target's segment.
        #[serde(default)]
        broadcast: bool,
        /// Flows of the list that are allowed between these all the same, and so are left out.
        except: Vec<FlowId>,
        /// Only the address that a name was moved to and has left.
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
        /// The flows looked at.
        flows: Vec<FlowId>,
        /// The only node that may open them.
        initiator: NodeName,
        /// Media may run to this node only; `None`: media is not looked at.
        media_to: Option<NodeName>,
        /// So long after the next session has begun, media of the one before has ended; 1 ms to 10 min; none: not looked at.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        media_ends: Option<Duration>,
        /// Packets lose so many hops on their way, either way; none: not looked at.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hops: Option<u8>,
        /// Nodes that must track each conversation, opened by the same.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tracked_by: Vec<NodeName>,
        /// What each opener may say at most.
        asks: Amount,
        /// What each answerer may say at most.
        answers: Amount,
    },
    /// What is said on flows is said in TLS, and in none that is too weak.
    Tls {
        /// The flows looked at; on each something must be said.
        flows: Vec<FlowId>,
        /// The oldest version that may be offered or agreed on.
        min: TlsVersion,
        /// Peers in a service's place that nobody may take for it.
        refuses: Vec<StandIn>,
        /// The services whose place these take.
        instead_of: Vec<CloudService>,
    },
    /// With whom a node exchanges frames.
    PeersOf {
        /// The nodes looked at, each by itself.
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
        /// The cloud that `from` must have its time from; none: not looked at.
        upstream: Option<NodeName>,
        /// How far from the host's clock it may be, either way; 1 ms to 1 h, default 1 s.
        offset: Duration,
    },
    /// Video is asked for, and none comes.
    NoVideo {
        /// From these cameras.
        cameras: Vec<NodeName>,
        /// At this node.
        at: NodeName,
    },
    /// Cameras are asked for their streams by those that may not watch, and give none.
    NoStream {
        /// These cameras.
        cameras: Vec<NodeName>,
        /// Who asks each of them.
        from: Vec<NodeName>,
        /// Whether it knows the camera's password. Default true.
        knows_password: bool,
    },
    /// What appliances tell their cloud of their ports.
    Inventory {
        /// The appliances.
        of: Vec<NodeName>,
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
        /// These are on other links, alive, and neither found nor asked.
        beyond: Vec<NodeName>,
        /// How soon after a job that says so it must begin. Default 2 s; none: it needs no job.
        by_job: Option<Duration>,
    },
    /// Which address nodes ask for by DHCP, and which they have.
    Address {
        /// The nodes, each with one link that asks.
        of: Vec<NodeName>,
        /// What they must ask for; none: what their links say that they ask for.
        asked: Option<Ipv4Addr>,
        /// What they must get; none: what they ask for, or what is reserved for those that ask for nothing.
        bound: Option<Ipv4Addr>,
        /// Whether they must still have it at the end, having asked once more; default true.
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
        /// Only these flows, each of which must be seen there.
        only: Vec<FlowId>,
    },
    /// Nothing gets from one link of a node to another below IP.
    NoBridge {
        /// The nodes.
        of: Vec<NodeName>,
    },
    /// Nothing gets from one segment into another below IP, whatever tags it has.
    NoHop {
        /// Who sends.
        from: Vec<NodeName>,
        /// The segments that are kept apart, two at least.
        segments: Vec<SegmentName>,
    },
    /// An address of one link of a node is not answered for on another of its links.
    OwnLeg {
        /// The nodes.
        of: Vec<NodeName>,
    },
    /// Who listens where, as these nodes' own kernels tell it.
    Listens {
        /// The nodes.
        of: Vec<NodeName>,
        /// Exactly these at each of them, single ports of TCP and UDP.
        at: Vec<Traffic>,
    },
    /// Every frame is explained: by a flow, by upkeep of a link, or as a probe.
    Explained {
        /// The segments looked at.
        segments: Vec<SegmentName>,
        /// Upkeep flows that explain frames.
        upkeep: Vec<FlowId>,
        /// What becomes of allowed flows that were never seen.
        unused: Unused,
    },
    /// Between these nodes what flows say can be opened can be, nothing else can, and the loaded rules say the same.
    Matrix {
        /// The nodes; every ordered pair of them is looked at.
        between: Vec<NodeName>,
        /// How much is sent of what no flow allows: the usual list, or everything.
        #[serde(default)]
        cover: Cover,
        /// Also at everybody in the target's segment.
        #[serde(default)]
        broadcast: bool,
    },
    /// The names that a firewall lets out are those that are asked for.
    Name {
        /// The router that fills sets of its rules.
        at: NodeName,
        /// By what is answered in this segment.
        segment: SegmentName,
        /// Who asks there.
        by: Vec<NodeName>,
    },
    /// Video is where it must be, and nowhere else.
    Taint {
        /// Whose.
        cameras: Vec<NodeName>,
        /// Links where it may be seen besides the ways to those that flows let have it.
        may_appear: Vec<(NodeName, LinkName)>,
    },
    /// What the drawing itself must be like; no packet is looked at.
    Lint {
        /// The rules.
        rules: Vec<LintRule>,
        /// Those that the site breaks for a reason.
        waive: Vec<Waiver>,
    },
    /// Something comes at regular times.
    Periodic {
        /// What.
        event: Event,
        /// From whom.
        of: NodeName,
        /// From one to the next; 100 ms to 1 h.
        every: Duration,
        /// Give or take so much; less than `every`.
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
        /// What, one after the other.
        does: Vec<JobKind>,
        /// What it fetches for them is not what they say: it must refuse that.
        spoiled: bool,
        /// How long each may take; 100 ms to 10 min.
        within: Duration,
    },
    /// Operators call a cloud from outside, and nobody else is believed.
    Calls {
        /// The host that calls.
        by: NodeName,
        /// The appliance that it is about.
        of: NodeName,
        /// What the appliance is given to do, one after the other.
        does: Vec<JobKind>,
        /// Calls that must be refused.
        refuses: Vec<WrongCall>,
        /// By which services; each once.
        at: Vec<CloudService>,
        /// How long each job may take until it is known to be done; 100 ms to 10 min.
        within: Duration,
    },
    /// An appliance, or an operator, talks with these services of its cloud and no others.
    Talks {
        /// Who.
        of: NodeName,
        /// The services.
        services: Vec<CloudService>,
    },
    /// Names said in TLS were asked for, and what is asked for there is of the same service.
    NamesAgree {
        /// The flows looked at.
        flows: Vec<FlowId>,
    },
    /// What is said in RTSP is what playing takes, about the camera itself, and is said nowhere else.
    Rtsp {
        /// The flows whose connections are read.
        flows: Vec<FlowId>,
        /// What may be asked for.
        methods: Vec<RtspMethod>,
        /// Whether text of RTSP is looked for besides, wherever it is.
        nowhere_else: bool,
    },
    /// What goes wrong at the cloud is outlasted: the appliance gives up in time, waits longer each time, and gets through.
    Endures {
        /// The appliance.
        of: NodeName,
        /// Services that refuse its first requests as too many.
        throttled: Vec<CloudService>,
        /// Peers that take the place of metrics and logs for a client each.
        meets: Vec<Endured>,
        /// How long it waits at least before it comes again, and twice as long each time, up to 16 times; 10 ms to 1 min.
        waits: Duration,
        /// How long it may take from the last of it until it has got through; 100 ms to 10 min.
        within: Duration,
    },
    /// A fault changes nothing for longer than a moment, and isolation not at all.
    After {
        /// What is done to the site.
        fault: Fault,
        /// What mends it.
        then: Fault,
        /// For how long the fault stands at least; up to 10 min, default 1 s.
        lasts: Duration,
        /// The longest pause; zero if nothing is to go on.
        within: Duration,
        /// The checks, each a `plays` or a `periodic`, whose subject goes on.
        resume: Vec<Check>,
        /// The checks, each a `periodic`, whose subject stops as long as the fault stands.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stops: Vec<Check>,
        /// The checks, each a `no_reach`, whose packets are sent through the whole change.
        hold: Vec<Check>,
    },
}

/// An address that a name was moved to and has left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forgotten {
    /// The check that moves the name there and back.
    pub since: CheckName,
    /// The address.
    pub address: IpAddr,
    /// How long after that the address may be open still; at most 10 minutes.
    pub within: Duration,
}
