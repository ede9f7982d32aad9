//! What is asserted.

use std::borrow::Cow;
use std::net::IpAddr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::super::fault::Share;
use super::super::leaf::{Bytes, Feature, FlowRange, Lasting, Line, Whole};
use super::super::lint::LintRule;
use super::super::mistakes::Mistakes;
use super::super::model::{
    CloudService, Cover, Endured, Event, JobKind, Proof, RtspMethod, StandIn, TlsVersion, Unused, WrongCall,
};
use super::super::shape::{List, Shape, Slot, expected};
use super::super::table::{KeyShape, Table, describe_table, prose, table};
use super::super::tree::{Node, Spot, Value};
use super::{Fault, One, Some1};
use crate::names::{CheckName, NodeName, PortRef, SegmentName, Traffic};

table! {
    /// An assertion: exactly one word of `reach`, `no_reach`, `plays`, `direction`, `peers_of`, `members`, `clock`, `address`, `spare`, `carries`, `no_bridge`, `no_hop`, `own_leg`, `listens`, `explained`, `matrix`, `name`, `taint`, `tls`, `lint`, `periodic`, `scan`, `attacks`, `no_video`, `no_stream`, `inventory`, `job`, `calls`, `talks`, `names_agree`, `rtsp`, `endures`, `after`, and what it proves.
    Check = "a check" {
        /// These can be reached.
        reach: may Reach,
        /// These cannot be reached, whatever is sent.
        no_reach: may NoReach,
        /// Video arrives.
        plays: may Plays,
        /// Who opens conversations, and which way media runs.
        direction: may Direction,
        /// With whom nodes exchange frames.
        peers_of: may PeersOf,
        /// Who is plugged into a segment and heard there.
        members: may Members,
        /// Who tells nodes the time, and how right it is.
        clock: may Clock,
        /// Which address nodes ask for by DHCP, and which they get.
        address: may Address,
        /// The second port of an appliance is a spare and nothing else.
        spare: may Spare,
        /// What runs over a link.
        carries: may CarriesOnly,
        /// Nothing gets from one link of a node to another below IP.
        no_bridge: may NoBridge,
        /// Nothing gets from one segment into another below IP, whatever tags it has.
        no_hop: may NoHop,
        /// An address of one link of a node is not answered for on another of its links.
        own_leg: may OwnLeg,
        /// Nodes listen at these ports and at no other.
        listens: may Listens,
        /// Every frame is explained: by a flow, by upkeep of a link, or as a probe.
        explained: may Explained,
        /// What flows say can be opened can be, nothing else can, and the loaded rules say the same.
        matrix: may Matrix,
        /// The names that a firewall lets out are those that are asked for.
        name: may Name,
        /// Video is where it must be, and nowhere else.
        taint: may Taint,
        /// What is said on flows is said in TLS, and in none that is too weak.
        tls: may Tls,
        /// What the drawing of the site must be like.
        lint: may Lint,
        /// Something comes at regular times.
        periodic: may Periodic,
        /// Cameras are looked for and found.
        scan: may ScanFinds,
        /// What hostile cameras are there for has taken place.
        attacks: may Attacks,
        /// A player is told to play cameras, and nothing of their video comes to it.
        no_video: may NoVideo,
        /// Cameras are asked for their streams by those that may not watch, and give none.
        no_stream: may NoStream,
        /// What the cloud is told of an appliance's ports is so.
        inventory: may Inventory,
        /// An appliance does what it is given to do.
        job: may JobDone,
        /// Operators call the cloud from outside, and nobody else is believed.
        calls: may Calls,
        /// An appliance, or an operator, talks with these services of its cloud and no others.
        talks: may Talks,
        /// Names said in TLS are those that were asked for, and what is asked for there is of the same service.
        names_agree: may NamesAgree,
        /// What is said in RTSP is what playing takes, about the camera itself, and is said nowhere else.
        rtsp: may SpokenRtsp,
        /// What goes wrong at the cloud is outlasted.
        endures: may Endures,
        /// A fault changes nothing for longer than a moment, and isolation not at all.
        after: may After,
        /// The documented controls that it proves, such as `PAN-NET-06` or `PAN-SGL-02 (part)`.
        proves: must Some1<Proof>,
        /// Kernel features without which it never passes, such as `vlan-tags`.
        requires: may Some1<Feature>,
        /// For `no_reach`, `no_bridge` and `no_hop`: flows that must work within a second of the probes, so that silence means a refusal.
        alive: may Some1<FlowRange>,
        /// For `reach` and `no_reach`: it is carried out while this fault stands, which is mended afterwards.
        during: may Fault,
    }
}

table! {
    /// These can be reached.
    Reach = "`reach`" {
        /// Who opens.
        from: must Some1<NodeName>,
        /// Who answers.
        to: must Some1<NodeName>,
        /// On which ports; each must answer. `tcp/N`, `udp/53`, `udp/123` or `icmp/8`.
        ports: must Some1<Traffic>,
    }
}

table! {
    /// These cannot be reached, whatever is sent.
    NoReach = "`no_reach`" {
        /// Who attacks.
        from: must Some1<NodeName>,
        /// Who is attacked, on all addresses.
        to: must Some1<NodeName>,
        /// Also the other way round. Default false.
        both_ways: may One<bool>,
        /// Send to this neighbour's Ethernet address instead of the proper next hop.
        via: may One<NodeName>,
        /// Send with this node's address: once from the attacker's own Ethernet address, once from that node's where it is a neighbour. No flow counts then.
        as_node ("as"): may One<NodeName>,
        /// What is sent; default a short list of what cameras, appliances and routers listen on.
        ports: may Some1<Traffic>,
        /// `all`: everything there is to the first address of each target in each family, and to its others what `ports` has by default.
        cover: may One<Cover>,
        /// Also at everybody in the target's segment: its broadcast addresses, and the groups of all nodes and all routers. Default true where everything is sent.
        broadcast: may One<bool>,
        /// Flows that are allowed between these all the same, and so are left out.
        except: may Some1<FlowRange>,
        /// Only the address that a name was moved to by a check before: open for that time, and shut since.
        forgotten: may Forgotten,
    }
}

table! {
    /// The address that a name was moved to, and has left.
    Forgotten = "`forgotten`" {
        /// A check with `after` above this one, whose fault is `move_name` with `to`.
        since: must One<CheckName>,
        /// How long after it was mended the address may be open still, 1ms to 10min: for as long as an answer is kept, and then the entry of a set.
        within: must One<Lasting<1, 600_000>>,
    }
}

table! {
    /// Who is plugged into a segment and heard there.
    Members = "`members`" {
        /// The segment.
        segment: must One<SegmentName>,
        /// Exactly these nodes, and each under its own Ethernet address.
        exactly: must Some1<NodeName>,
        /// Those of them that are on trunks: there every frame carries the segment's VLAN tag, and at no other member's port any. Needs `requires: vlan-tags`.
        tagged: may Some1<NodeName>,
    }
}

table! {
    /// Video arrives.
    Plays = "`plays`" {
        /// From these cameras.
        cameras: must Some1<NodeName>,
        /// True: the same is asked of each of their further streams, by itself; `at` must pull them. Default false.
        sub_streams: may One<bool>,
        /// At this appliance or host.
        at_node ("at"): must One<NodeName>,
        /// At least so many frames of each camera.
        frames: must One<Whole<1, 10_000_000>>,
        /// At most so many lost of each. Default 0.
        lost: may One<Whole<0, 10_000_000>>,
        /// At most so many twice of each. Default 0.
        duplicated: may One<Whole<0, 10_000_000>>,
        /// At most so many of each that came after a later one. Default 0.
        swapped: may One<Whole<0, 10_000_000>>,
        /// Half of each camera's frames were under way for at most so long.
        latency_p50: may One<Lasting<1, 600_000>>,
        /// So were 99 of 100.
        latency_p99: may One<Lasting<1, 600_000>>,
        /// So were all.
        latency_max: may One<Lasting<1, 600_000>>,
        /// No frame of a camera came for at most so long, faults of the checks aside.
        longest_gap: may One<Lasting<1, 600_000>>,
    }
}

table! {
    /// Who opens conversations, and which way media runs.
    Direction = "`direction`" {
        /// The flows looked at; each must be seen.
        flows: must Some1<FlowRange>,
        /// The only node that may open them.
        initiator: must One<NodeName>,
        /// Media may run to this node only; left out: media is not looked at.
        media_to: may One<NodeName>,
        /// Of `media_to`: media of a session that was left ends within so long after the next one has begun, 1ms to 10min.
        media_ends: may One<Lasting<1, 600_000>>,
        /// Packets lose so many hops on their way, either way, 0 to 254; left out: not looked at.
        hops: may One<Whole<0, 254>>,
        /// Routers and others with rules of their own whose connection tracking must have each conversation, opened by the same.
        tracked_by: may Some1<NodeName>,
        /// What each opener may say to each answerer at most; left out: as much as it likes.
        asks: may Amount,
        /// What each answerer may say back at most; left out: as much as it likes.
        answers: may Amount,
    }
}

table! {
    /// What one node may say to another on one port at most, all conversations together.
    Amount = "a bound of bytes" {
        /// Payload within any one second of the clock, such as `4kB`.
        each_second: may One<Bytes<1_000_000_000>>,
        /// Payload of any one datagram, such as `48B`.
        each_datagram: may One<Bytes<65_535>>,
        /// Payload of the whole run, as a share of what comes the other way, such as `2%`.
        share: may One<Share>,
    }
}

table! {
    /// With whom nodes exchange frames.
    PeersOf = "`peers_of`" {
        /// The nodes looked at, each by itself.
        nodes: must Some1<NodeName>,
        /// Exactly these peers.
        exactly: must Some1<NodeName>,
        /// Upkeep flows that do not count; default F17 where the scenario allows it.
        besides: may Some1<FlowRange>,
    }
}

table! {
    /// Cameras are looked for and found.
    ScanFinds = "`scan`" {
        /// The appliance that looks for them.
        at: must One<NodeName>,
        /// Exactly the cameras that it finds. Left out: nobody is there to be found, and nobody is.
        finds: may Some1<NodeName>,
        /// Cameras on other links, which are alive, and neither found nor asked.
        beyond: may Some1<NodeName>,
        /// Whether it may look only once a job of its cloud's says so, which is then told of just what was found. Default true.
        by_job: may One<bool>,
        /// How soon after that job the first question must be asked. Default 2s.
        within: may One<Lasting<1, 600_000>>,
    }
}

table! {
    /// Cameras are asked for video, and nothing of it comes.
    NoVideo = "`no_video`" {
        /// These cameras: `at` is told to play each.
        cameras: must Some1<NodeName>,
        /// Who plays them, and at least one other, which shows that it can.
        at_node ("at"): must One<NodeName>,
    }
}

table! {
    /// Cameras are asked for their streams by those that may not watch, and give none.
    NoStream = "`no_stream`" {
        /// These cameras; somebody may watch each, by a flow to its RTSP port.
        cameras: must Some1<NodeName>,
        /// Who asks each of them, by its own kernel.
        from: must Some1<NodeName>,
        /// Whether whoever asks knows the camera's password; else it shows a wrong one. Default true.
        knows_password: may One<bool>,
    }
}

table! {
    /// What appliances tell their cloud of their ports, by which operators know them.
    Inventory = "`inventory`" {
        /// The appliances; each has a cloud.
        of_node ("of"): must Some1<NodeName>,
    }
}

table! {
    /// What hostile cameras do was done, so that what held against it held against something.
    Attacks = "`attacks`" {
        /// The cameras: each must have done all that its `hostile` says.
        of_node ("of"): must Some1<NodeName>,
    }
}

table! {
    /// Who tells nodes the time, and how right it is.
    Clock = "`clock`" {
        /// The appliances that ask.
        of_node ("of"): must Some1<NodeName>,
        /// The only node that they may ask, which must tell it to each.
        from: must One<NodeName>,
        /// The cloud that this router must have its time from; left out: not looked at.
        upstream: may One<NodeName>,
        /// How far from the host's clock it may be, either way, 1ms to 1h; default 1s.
        offset: may One<Lasting<1, 3_600_000>>,
    }
}

table! {
    /// Which address nodes ask for by DHCP, and which they get.
    Address = "`address`" {
        /// The nodes; one link of each has `dhcp`, or `autoconf`.
        of_node ("of"): must Some1<NodeName>,
        /// What it must ask for; default what its link says.
        asked: may One<IpAddr>,
        /// What it must get; default what it asks for, or what is reserved if it asks for `any`.
        bound: may One<IpAddr>,
        /// It must get the same when it asks again, and have it still at the end. Default true.
        kept: may One<bool>,
    }
}

table! {
    /// The second port of an appliance is a spare and nothing else.
    Spare = "`spare`" {
        /// The appliances; each has a link that is the spare of another one.
        of_node ("of"): must Some1<NodeName>,
    }
}

table! {
    /// What the drawing of the site must be like; no packet is looked at.
    Lint = "`lint`" {
        /// `kit-in-test`, `kit-not-across-internet`, `kit-not-across-production-cameras`, `owners`.
        rules: must Some1<LintRule>,
        /// Rules that the site breaks for a reason.
        waive: may List<Waive>,
    }
}

table! {
    /// A rule that the site breaks for a reason.
    Waive = "a waiver" {
        /// The rule, one of `kit-not-across-internet` and `kit-not-across-production-cameras`.
        rule: must One<LintRule>,
        /// Why the site may break it, in one line.
        because: must One<Line>,
        /// Checks that prove PAN-BRG-01 to PAN-BRG-04 together; where one of them does not pass the waiver does not hold.
        shown_by: must Some1<CheckName>,
    }
}

table! {
    /// What runs over a link.
    CarriesOnly = "`carries`" {
        /// The link, as node and link, or as its node where that has one only.
        link: must One<PortRef>,
        /// Only these flows, and each of them that is no upkeep.
        only: must Some1<FlowRange>,
    }
}

table! {
    /// Nothing gets from one link of a node to another below IP.
    NoBridge = "`no_bridge`" {
        /// The nodes; each joins several segments.
        of_node ("of"): must Some1<NodeName>,
    }
}

table! {
    /// Nothing gets from one segment into another below IP, whatever tags it has.
    NoHop = "`no_hop`" {
        /// Who sends; each into its own segment.
        from: must Some1<NodeName>,
        /// The segments that are kept apart, two at least.
        segments: must Some1<SegmentName>,
    }
}

table! {
    /// An address of one link of a node is not answered for on another of its links.
    OwnLeg = "`own_leg`" {
        /// The nodes; each joins several segments.
        of_node ("of"): must Some1<NodeName>,
    }
}

table! {
    /// Who listens where.
    Listens = "`listens`" {
        /// The nodes.
        of_node ("of"): must Some1<NodeName>,
        /// Exactly these, `tcp/N` or `udp/N`, at each of them; left out: nowhere.
        at: may Some1<Traffic>,
    }
}

/// Every frame is explained: in all segments (`all`), or as a table says.
#[derive(Debug)]
pub(crate) enum Explained {
    /// `all`.
    All,
    /// What it says.
    Some(Box<ExplainedSome>),
}

impl Shape for Explained {
    fn read(node: &Node, at: Spot, out: &mut Mistakes) -> Option<Self> {
        all_or_map(node, at, out)?.map_or(Some(Explained::All), |map| {
            ExplainedSome::read(map, at, out).map(|some| Explained::Some(Box::new(some)))
        })
    }
}

/// None within for `all`, the node itself for a map; anything else is a mistake.
fn all_or_map<'a>(node: &'a Node, at: Spot, out: &mut Mistakes) -> Option<Option<&'a Node>> {
    match &node.value {
        Value::Scalar(scalar) if scalar.text == "all" => Some(None),
        Value::Map(_) => Some(Some(node)),
        _ => {
            let spot = if node.spot.start == node.spot.end { at } else { node.spot };
            out.push(expected("`all`, or a map", node, spot));
            None
        }
    }
}

impl JsonSchema for Explained {
    fn schema_name() -> Cow<'static, str> {
        "Explained".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let some = generator.subschema_for::<ExplainedSome>();
        json_schema!({ "anyOf": [{ "enum": ["all"] }, some] })
    }
}

table! {
    /// Every frame is explained: by a flow in a legal state, by upkeep of a link, or as a probe.
    ExplainedSome = "`explained`" {
        /// The segments looked at; default all.
        segments: may Some1<SegmentName>,
        /// Upkeep flows that explain frames; default all that the scenario allows.
        upkeep: may Some1<FlowRange>,
        /// What to do about allowed flows that were never seen: `report` (default) or `fail`.
        unused_allow: may One<Unused>,
    }
}

/// Between whom: all nodes (`all`), or as a table says.
#[derive(Debug)]
pub(crate) enum Matrix {
    /// `all`.
    All,
    /// What it says.
    Some(Box<MatrixSome>),
}

impl Shape for Matrix {
    fn read(node: &Node, at: Spot, out: &mut Mistakes) -> Option<Self> {
        all_or_map(node, at, out)?.map_or(Some(Matrix::All), |map| {
            MatrixSome::read(map, at, out).map(|some| Matrix::Some(Box::new(some)))
        })
    }
}

impl JsonSchema for Matrix {
    fn schema_name() -> Cow<'static, str> {
        "Matrix".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let some = generator.subschema_for::<MatrixSome>();
        json_schema!({ "anyOf": [{ "enum": ["all"] }, some] })
    }
}

table! {
    /// What flows say can be opened can be, nothing else can, and the loaded rules say the same.
    MatrixSome = "`matrix`" {
        /// Every ordered pair of these nodes is looked at; default all.
        between: may Some1<NodeName>,
        /// `all`: everything there is, less what flows allow, to the first address of each target in each family.
        cover: may One<Cover>,
        /// Also at everybody in the target's segment: its broadcast addresses, and the groups of all nodes and all routers. Default true where everything is sent.
        broadcast: may One<bool>,
    }
}

table! {
    /// The names that a firewall lets out are those that are asked for.
    Name = "`name`" {
        /// The router, which fills `sets` of its rules.
        at_node ("at"): must One<NodeName>,
        /// The segment in which its answers fill them.
        segment: must One<SegmentName>,
        /// Who asks there.
        by: must Some1<NodeName>,
    }
}

table! {
    /// Video is where it must be, and nowhere else, in whatever form.
    Taint = "`taint`" {
        /// Whose; default every camera of ours that somebody plays.
        cameras: may Some1<NodeName>,
        /// Where it may be seen besides the ways to those that flows let have it: links, or nodes with all their links.
        may_appear: may Some1<PortRef>,
    }
}

table! {
    /// What is said on flows is said in TLS, and in none that is too weak.
    Tls = "`tls`" {
        /// The flows looked at; on each something must be said.
        flows: must Some1<FlowRange>,
        /// The oldest version that may be offered or agreed on: `tls1.2` (the default) or `tls1.3`.
        min: may One<TlsVersion>,
        /// Peers that take the place of services of the fake cloud for a client each, and that nobody may take for it: `tls1.0`, `tls1.1`, `static-rsa`, `no-encryption`, `wrong-ca`, `wrong-name`, `sibling-name`, `expired`, `middlebox`.
        refuses: may Some1<StandIn>,
        /// These services: of `iot`, `monitoring`, `logs`, `s3`. Default `monitoring` and `logs`.
        instead_of: may Some1<CloudService>,
    }
}

table! {
    /// Something comes at regular times.
    Periodic = "`periodic`" {
        /// What: `monitor_job` (the answer to the cloud's monitoring), `metrics`, `logs`, `credentials` (renewed), or `application` (what its application calls).
        event: must One<Event>,
        /// From this appliance.
        of_node ("of"): must One<NodeName>,
        /// From one to the next, 100ms to 1h.
        every: must One<Lasting<100, 3_600_000>>,
        /// Give or take so much.
        tolerance: must One<Lasting<1, 3_600_000>>,
        /// At least so many gaps are looked at.
        gaps: must One<Whole<1, 10_000>>,
        /// At most so many are missing. Default 0.
        missing: may One<Whole<0, 10_000>>,
    }
}

table! {
    /// An appliance does what its cloud gives it to do, by jobs.
    JobDone = "`job`" {
        /// The appliance.
        of_node ("of"): must One<NodeName>,
        /// What, one after the other: `deployment`, `update`, `configuration`, `credentials`, `restart`.
        does: must Some1<JobKind>,
        /// True: what it fetches is not what the job says that it is, and it must refuse that. Default false.
        spoiled: may One<bool>,
        /// How long each may take, 100ms to 10min; default 10s.
        within: may One<Lasting<100, 600_000>>,
    }
}

table! {
    /// Operators call a cloud from outside: what they have an appliance do is done and known, and calls with something wrong are refused.
    Calls = "`calls`" {
        /// The host that calls; it `operates` the cloud.
        by: must One<NodeName>,
        /// The appliance, a device of that cloud.
        of_node ("of"): must One<NodeName>,
        /// What it is given to do, one after the other: `update`, `restart`.
        does: may Some1<JobKind>,
        /// Calls that must be refused, and logged: `unsigned`, `altered`, `late`, `expired`, `scope`, `kept`.
        refuses: may Some1<WrongCall>,
        /// The services that must refuse them: `panorama`, `monitoring`, `logs`, `s3`. Default `panorama`.
        at: may Some1<CloudService>,
        /// How long each job may take until it is known to be done, 100ms to 10min; default 10s.
        within: may One<Lasting<100, 600_000>>,
    }
}

table! {
    /// An appliance, or an operator, talks with these services of its cloud, and with no other service, port or name there.
    Talks = "`talks`" {
        /// The appliance, or a host that `operates` a cloud.
        of_node ("of"): must One<NodeName>,
        /// The services; each must hear of it.
        services: must Some1<CloudService>,
    }
}

table! {
    /// The server name said in TLS was asked for and had this address, and what is asked for over it is of the same service.
    NamesAgree = "`names_agree`" {
        /// The flows looked at, each to a cloud; on each something must be said in TLS.
        flows: must Some1<FlowRange>,
    }
}

table! {
    /// What is said in RTSP is what playing takes (RFC 2326), in order, about the camera itself, and is said nowhere else.
    SpokenRtsp = "`rtsp`" {
        /// The flows whose connections are read, each to cameras; on each of them a session must be set up.
        flows: must Some1<FlowRange>,
        /// What may be asked for: `OPTIONS`, `DESCRIBE`, `SETUP`, `PLAY`, `PAUSE`, `GET_PARAMETER`, `SET_PARAMETER`, `TEARDOWN`, `ANNOUNCE`, `RECORD`, `REDIRECT`. Default the first eight.
        methods: may Some1<RtspMethod>,
        /// Whether text of RTSP is searched for at every tap: it must be seen along the ways of these flows, and nowhere else. Default false.
        nowhere_else: may One<bool>,
    }
}

table! {
    /// What goes wrong at the cloud is outlasted: the appliance waits longer each time before it comes again, and gets through.
    Endures = "`endures`" {
        /// The appliance.
        of_node ("of"): must One<NodeName>,
        /// Services that refuse its first requests as too many, as `throttles` of its cloud says: of `iot`, `monitoring`, `logs`, `s3`.
        throttled: may Some1<CloudService>,
        /// Peers that take the place of `monitoring` and `logs` for a client each: `silent`, `slow`, `resets`, `half-closes`.
        meets: may Some1<Endured>,
        /// How long it must wait at least before it comes again, 10ms to 1min, and twice as long each time, up to 16 times that; default 200ms.
        waits: may One<Lasting<10, 60_000>>,
        /// How long it may take from the last of it until it has got through, 100ms to 10min; default 30s.
        within: may One<Lasting<100, 600_000>>,
    }
}

table! {
    /// A fault changes nothing for longer than a moment, and isolation not at all.
    After = "`after`" {
        /// What is done to the site.
        fault: must Fault,
        /// Checks with `plays` or `periodic`: what they look at goes on, without a pause longer than `within`.
        resume: may Some1<CheckName>,
        /// Checks with `plays` or `periodic`: what they look at stops as long as the fault stands, and goes on within `within` once it is mended.
        stops: may Some1<CheckName>,
        /// The longest pause, 1ms to 10min.
        within: may One<Lasting<1, 600_000>>,
        /// Checks with `no_reach` or `matrix`: what they send is sent again and again, before, during and after the fault.
        hold: may Some1<CheckName>,
        /// What mends it; default what undoes it: `heal` of the link, `restart` of what ended.
        then: may Fault,
        /// For how long the fault stands at least, up to 10min; default 1s.
        lasts: may One<Lasting<0, 600_000>>,
    }
}
