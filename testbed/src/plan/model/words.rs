//! Checks of a plan: what is asserted, with everything that probes and verdicts need.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::fault::Fault;
use super::{
    Advised, Aim, Asking, Crossing, Forgotten, GoingOn, Hop, Join, Kit, LeftOut, Open, Questions, RouteAsked,
    RtspWay, Spoken, Unopened, VideoWay,
};
use crate::names::{CheckName, FlowId, LinkName, NodeName, SegmentName, Traffic};
use crate::scenario::lint::{Duty, LintRule, Waiver};
use crate::scenario::model::{
    Amount, Bounds, CloudService, Endured, Event, JobKind, Place, Proof, RtspMethod, StandIn, TlsVersion,
    Unused, WrongCall,
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

impl During {
    /// Whether a node is had ask for a name.
    pub fn has_a_name_asked(&self) -> bool {
        matches!(self.fault, Fault::MoveName { asked_by: Some(_), .. })
    }
}

impl Word {
    /// What a `reach` opens.
    pub fn opens(&self) -> &[Open] {
        if let Word::Reach { opens } = self { opens } else { &[] }
    }

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
        /// Packets lose so many hops on their way, either way; none: not looked at.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hops: Option<u8>,
        /// Nodes that must track each conversation, opened by the same.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tracked_by: Vec<NodeName>,
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
    /// Cameras are asked for their streams by those that may not watch, and give none.
    NoStream {
        /// Who asks, each of each address of each camera.
        tries: Vec<Open>,
        /// Whether those know the camera's password; else they show a wrong one.
        knows_password: bool,
        /// Who may watch, one of each camera: asked the same with the right password, it gives its stream.
        may: Vec<Open>,
        /// Groups of those cameras that the ones who ask join, each on its links in other segments.
        joins: Vec<Join>,
        /// Who may hear these groups, one of each: it joins likewise, and hears the camera.
        hears: Vec<Join>,
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
        /// How soon after a job that says so it must begin; none: it needs no job.
        by_job: Option<Duration>,
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
    /// Nothing gets from one segment into another below IP.
    NoHop {
        /// What is sent.
        hops: Vec<Hop>,
        /// What must work within a second before and after.
        alive: Vec<Open>,
    },
    /// A leg of a node is not answered for on another leg.
    OwnLeg {
        /// What is asked.
        questions: Vec<Questions>,
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
        /// By which services.
        at: Vec<CloudService>,
        /// How long each job may take until it is known to be done.
        within: Duration,
        /// For how long a session of the cloud's lasts.
        session: Duration,
        /// For how long after it was made the cloud takes a signature.
        signature: Duration,
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
    /// What is said in RTSP is what playing takes, about the camera itself, and is said nowhere else.
    Rtsp {
        /// The flows whose connections are read.
        flows: Vec<FlowId>,
        /// What may be asked for.
        methods: Vec<RtspMethod>,
        /// Where what is said passes.
        ways: Vec<RtspWay>,
        /// Whether text of RTSP is looked for besides, wherever it is.
        nowhere_else: bool,
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
