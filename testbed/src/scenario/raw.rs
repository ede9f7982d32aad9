//! The files as written: what keys there are and what each may hold.
//!
//! The counterpart of `model.rs`, which has names resolved and defaults filled in. Every doc comment here is also
//! the description that an editor shows (`testbed schema`).

use std::borrow::Cow;
use std::net::IpAddr;

use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::leaf::*;
use super::mistakes::Mistakes;
use super::model::{CloudNames, CloudService, Proof};
use super::shape::{At, KeyShape, List, Named, OneOrMany, Shape, Slot, Table, describe_table, prose, table};
use super::tree::{Node, Spot, Value};
use crate::names::{
    CheckName, FlowId, LinkName, Mac, NodeName, ScenarioName, SegmentName, SwitchName, Traffic,
};

/// A single value.
type One<T> = At<T>;
/// One value, or a list of them.
type Some1<T> = OneOrMany<At<T>>;
/// A list.
type Many<T> = List<At<T>>;

table! {
    /// A site, what is allowed in it, and what is asserted about it.
    Scenario = "a scenario" {
        /// Version of the language: 1.
        #[expect(dead_code, reason = "there is one version, and reading it checks it")]
        version: must One<Whole<1, 1>>,
        /// Name of the scenario: lower-case letters, digits and hyphens.
        name: must One<ScenarioName>,
        /// The documents under test, each as `file.txt#anchor`.
        documents: may Many<Anchor>,
        /// What is built.
        site: must Site,
        /// What is allowed; everything else between any two nodes is expected to be blocked.
        flows: may List<Flow>,
        /// What is asserted, by name.
        checks: may Named<CheckName, Check>,
    }
}

table! {
    /// What is built: segments, and nodes of five kinds.
    Site = "a site" {
        /// Layer-2 broadcast domains, by name.
        segments: must Named<SegmentName, Segment>,
        /// Switches, by name, for a site that says which link is on which kind of port.
        switches: may Named<SwitchName, Switch>,
        /// Cameras, by name.
        cameras: may Named<NodeName, Camera>,
        /// Appliances, by name.
        appliances: may Named<NodeName, Appliance>,
        /// Routers, by name.
        routers: may Named<NodeName, Router>,
        /// Fake clouds, by name.
        clouds: may Named<NodeName, Cloud>,
        /// Any other nodes, by name.
        hosts: may Named<NodeName, Host>,
    }
}

table! {
    /// One layer-2 broadcast domain: a VLAN, a cable, a hub.
    Segment = "a segment" {
        /// Its VLAN number, 1 to 4094.
        vlan: may One<Whole<1, 4094>>,
        /// Its prefixes, such as `10.20.0.0/24`; they overlap with no other.
        subnets: must Many<IpNet>,
        /// True: every frame reaches every port, as on a hub. Default false.
        hub: may One<bool>,
    }
}

table! {
    /// A switch: which links are plugged into it, and how. A link is written `node`, `group`, `node.link` or `group.link`.
    Switch = "a switch" {
        /// Links on access ports.
        access: may Many<PortRef>,
        /// Trunks of routers.
        trunk: may Many<PortRef>,
        /// Access ports that reach no other isolated port.
        isolate: may Many<PortRef>,
    }
}

table! {
    /// An interface of a node.
    Link = "a link" {
        /// The segment it is plugged into.
        segment: must One<SegmentName>,
        /// Its addresses, at most one per subnet; derived where none is written. In a group: of the first node, the others follow.
        address: may Some1<IpAddr>,
        /// Its Ethernet address; derived where none is written.
        mac: may One<Mac>,
    }
}

table! {
    /// An interface of a router: in one segment, or a trunk that carries several.
    RouterLink = "a router's link" {
        /// The segment it is plugged into.
        segment: may One<SegmentName>,
        /// Its addresses, at most one per subnet; derived where none is written.
        address: may Some1<IpAddr>,
        /// Its Ethernet address; derived where none is written.
        mac: may One<Mac>,
        /// Segments with a VLAN, and the router's addresses there; `lan` gives `lan.20` for VLAN 20.
        trunk: may Named<SegmentName, Some1<IpAddr>>,
    }
}

table! {
    /// A static route.
    Route = "a route" {
        /// Destination, such as `10.20.0.0/24`.
        to: must One<IpNet>,
        /// Next hop, an address in a subnet of one of the node's links.
        via: must One<IpAddr>,
    }
}

table! {
    /// A picture stream.
    Video = "a video" {
        /// Codec: `h264`, the only one so far.
        #[expect(dead_code, reason = "there is one codec, and reading it checks it")]
        codec: may One<Codec>,
        /// Picture size, such as `640x360` (the default); width a multiple of 16, height of 8.
        size: may One<Size>,
        /// Frames per second, 1 to 60; default 15.
        fps: may One<Whole<1, 60>>,
    }
}

table! {
    /// A camera, or a group of them.
    Camera = "a camera" {
        /// Short for one link `eth0` in this segment.
        segment: may One<SegmentName>,
        /// Addresses of that `eth0`.
        address: may Some1<IpAddr>,
        /// Its interfaces, by name.
        links: may Named<LinkName, Link>,
        /// How many there are, 1 to 1000; from 2 on they are called `name-1`, `name-2`, … Default 1.
        count: may One<Whole<1, 1000>>,
        /// What it streams.
        video: may Video,
        /// The link whose segment's router is its default gateway, or `none`; default the first link with a router.
        gateway: may One<Gateway>,
        /// Further routes.
        routes: may List<Route>,
        /// Its own nft rule file.
        ruleset: may One<Below>,
        /// Who resolves names for it.
        resolver: may One<NodeName>,
        /// Who tells it the time.
        clock: may One<NodeName>,
    }
}

table! {
    /// A video-analytics appliance.
    Appliance = "an appliance" {
        /// Short for one link `eth0` in this segment.
        segment: may One<SegmentName>,
        /// Addresses of that `eth0`.
        address: may Some1<IpAddr>,
        /// Its interfaces, by name.
        links: may Named<LinkName, Link>,
        /// The cameras it pulls.
        cameras: must Some1<NodeName>,
        /// The cloud it talks with.
        cloud: may One<NodeName>,
        /// Who resolves names for it.
        resolver: may One<NodeName>,
        /// Who tells it the time.
        clock: may One<NodeName>,
        /// True: it forwards packets between its links, which the documents forbid; for broken twins. Default false.
        forwards: may One<bool>,
        /// How often it reports to the cloud, 1s to 1h; default 1s.
        monitor_every: may One<Lasting<1000, 3_600_000>>,
        /// The link whose segment's router is its default gateway, or `none`; default the first link with a router.
        gateway: may One<Gateway>,
        /// Further routes.
        routes: may List<Route>,
        /// Its own nft rule file.
        ruleset: may One<Below>,
    }
}

table! {
    /// A router: forwards between its links as its rule file allows.
    Router = "a router" {
        /// Its interfaces, by name.
        links: must Named<LinkName, RouterLink>,
        /// What it does besides.
        serves: may Serves,
        /// Its nft rule file, loaded as it is: the artefact under test.
        ruleset: may One<Below>,
        /// Further routes.
        routes: may List<Route>,
    }
}

table! {
    /// Services of a router.
    Serves = "`serves`" {
        /// Segments in which it answers names.
        dns: may Some1<SegmentName>,
        /// Segments in which it tells the time.
        ntp: may Some1<SegmentName>,
        /// The cloud whose name server it asks; needed for `dns`.
        upstream: may One<NodeName>,
    }
}

table! {
    /// A fake cloud: one address per service.
    Cloud = "a cloud" {
        /// The segment it is plugged into.
        segment: must One<SegmentName>,
        /// AWS region, such as `eu-west-1`.
        region: must One<Region>,
        /// Which spelling of the host names it answers: `corrected`, `as-printed` or `both` (the default).
        names: may One<CloudNames>,
        /// The first of its consecutive addresses.
        address: may Some1<IpAddr>,
    }
}

table! {
    /// Any other node, or a group of them.
    Host = "a host" {
        /// Short for one link `eth0` in this segment.
        segment: may One<SegmentName>,
        /// Addresses of that `eth0`.
        address: may Some1<IpAddr>,
        /// Its interfaces, by name.
        links: may Named<LinkName, Link>,
        /// How many there are, 1 to 1000; from 2 on they are called `name-1`, `name-2`, … Default 1.
        count: may One<Whole<1, 1000>>,
        /// Cameras that it plays, as a video management system does.
        plays: may Some1<NodeName>,
        /// Who resolves names for it.
        resolver: may One<NodeName>,
        /// Who tells it the time.
        clock: may One<NodeName>,
        /// The link whose segment's router is its default gateway, or `none`; default the first link with a router.
        gateway: may One<Gateway>,
        /// Further routes.
        routes: may List<Route>,
        /// Its own nft rule file.
        ruleset: may One<Below>,
        /// A command of the scenario's own, run in the node; needs `--allow-run`.
        run: may Run,
    }
}

table! {
    /// A command with its conditions.
    Command = "`run`" {
        /// Program and arguments; no shell reads them.
        command: must Many<Argument>,
        /// True: the run waits until the command has ended. Default false.
        to_end: may One<bool>,
        /// How long the run waits for the end, 1s to 10min; default 30s.
        within: may One<Lasting<1000, 600_000>>,
    }
}

/// A command: its arguments alone, or with conditions.
#[derive(Debug)]
pub(crate) enum Run {
    Plain(Many<Argument>),
    Full(Command),
}

impl Shape for Run {
    fn read(node: &Node, at: Spot, out: &mut Mistakes) -> Option<Self> {
        match node.value {
            Value::Map(_) => Command::read(node, at, out).map(Run::Full),
            _ => List::read(node, at, out).map(Run::Plain),
        }
    }
}

impl JsonSchema for Run {
    fn schema_name() -> Cow<'static, str> {
        "Run".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let full = generator.subschema_for::<Command>();
        let plain = generator.subschema_for::<At<Argument>>();
        json_schema!({ "anyOf": [{ "type": "array", "items": plain, "minItems": 1 }, full] })
    }
}

table! {
    /// Flows of a shared policy.
    PolicyUse = "a policy in use" {
        /// `panorama` for the documented flows, or a policy file below the scenario's folder.
        policy ("use"): must One<PolicyName>,
        /// Which node or group plays which role of the policy.
        roles ("as"): must Named<NodeName, Some1<NodeName>>,
        /// Which of its flows the site allows; `F07-F11` is all from the one to the other.
        allow: must Many<FlowRange>,
    }
}

table! {
    /// A flow of the site's own.
    OwnFlow = "a flow of the site's own" {
        /// `S01`, `S02`, …
        id: must One<FlowId>,
        /// Who opens it.
        from: must Some1<NodeName>,
        /// Who answers.
        to: must Some1<NodeName>,
        /// Transport and ports of the answerer, such as `tcp/554`.
        ports: must Some1<Traffic>,
        /// If the answerer is a cloud: which of its services; default all.
        services: may Some1<CloudService>,
        /// Why it is allowed.
        why: must One<Line>,
    }
}

/// An entry of `flows`.
#[derive(Debug)]
pub(crate) enum Flow {
    Policy(PolicyUse),
    Own(OwnFlow),
}

impl Shape for Flow {
    fn read(node: &Node, at: Spot, out: &mut Mistakes) -> Option<Self> {
        if node.get("use").is_some() || node.get("as").is_some() || node.get("allow").is_some() {
            return PolicyUse::read(node, at, out).map(Flow::Policy);
        }
        OwnFlow::read(node, at, out).map(Flow::Own)
    }
}

impl JsonSchema for Flow {
    fn schema_name() -> Cow<'static, str> {
        "Flow".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let policy = generator.subschema_for::<PolicyUse>();
        let own = generator.subschema_for::<OwnFlow>();
        json_schema!({ "anyOf": [policy, own] })
    }
}

table! {
    /// An assertion: exactly one word of `reach`, `no_reach`, `plays`, `direction`, `peers_of`, and what it proves.
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
        /// The documented controls that it proves, such as `PAN-NET-06` or `PAN-SGL-02 (part)`.
        proves: must Some1<Proof>,
        /// Kernel features without which it is inconclusive, such as `vlan-tags`.
        requires: may Some1<Feature>,
        /// For `no_reach`: flows that must work within a second of the probes, so that silence means a refusal.
        alive: may Some1<FlowRange>,
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
        /// What is sent; default a short list of what cameras, appliances and routers listen on.
        ports: may Some1<Traffic>,
        /// Flows that are allowed between these all the same, and so are left out.
        except: may Some1<FlowRange>,
    }
}

table! {
    /// Video arrives.
    Plays = "`plays`" {
        /// From these cameras.
        cameras: must Some1<NodeName>,
        /// At this appliance or host.
        at_node ("at"): must One<NodeName>,
        /// At least so many frames of each camera.
        frames: must One<Whole<1, 10_000_000>>,
        /// At most so many lost of each. Default 0.
        lost: may One<Whole<0, 10_000_000>>,
        /// At most so many twice of each. Default 0.
        duplicated: may One<Whole<0, 10_000_000>>,
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
    /// A shared policy: flows between roles.
    Policy = "a policy" {
        /// Version of the language: 1.
        #[expect(dead_code, reason = "there is one version, and reading it checks it")]
        version: must One<Whole<1, 1>>,
        /// The roles, and what each is.
        roles: must Named<NodeName, One<Line>>,
        /// The flows.
        flows: must List<PolicyFlow>,
    }
}

table! {
    /// A flow between roles.
    PolicyFlow = "a policy's flow" {
        /// `F01`, `F02`, …
        id: must One<FlowId>,
        /// The role that opens it.
        from: may Some1<NodeName>,
        /// The role that answers.
        to: may Some1<NodeName>,
        /// Transport and ports of the answerer.
        ports: may Some1<Traffic>,
        /// If the answerer is a cloud: which of its services; default all.
        services: may Some1<CloudService>,
        /// True: link upkeep or errors tied to another flow; it has no `from`, `to` and `ports`. Default false.
        upkeep: may One<bool>,
        /// Why it is allowed.
        why: must One<Line>,
        /// Where the documents say so, each as `file.txt#anchor`.
        basis: may Many<Anchor>,
    }
}

table! {
    /// A broken twin: a good scenario with one deliberate mistake, and what must be reported.
    Twin = "a twin" {
        /// The good scenario's file, in the folder above.
        twin_of: must One<Below>,
        /// What is changed, in one line.
        says: must One<Line>,
        /// Key of the good scenario, with dots between the levels, to its new value; nothing (`null`) removes the key.
        change: must Changes,
        /// What must be reported.
        expect: must Expect,
    }
}

/// The keys that a twin changes, each with the new value, in the order written.
#[derive(Debug)]
pub(crate) struct Changes(pub(crate) Vec<(At<String>, Node)>);

impl Shape for Changes {
    fn read(node: &Node, at: Spot, out: &mut Mistakes) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            out.push(super::shape::expected("a map", node, at));
            return None;
        };
        if entries.is_empty() {
            out.push(super::mistakes::Mistake::error(
                "the twin changes nothing",
                node.spot,
                "the map is empty",
            ));
            return None;
        }
        let change = |(key, node): &(super::tree::Key, Node)| {
            (At { value: key.scalar.text.clone(), spot: key.spot }, node.clone())
        };
        Some(Changes(entries.iter().map(change).collect()))
    }
}

impl JsonSchema for Changes {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Changes".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "minProperties": 1 })
    }
}

table! {
    /// What must be reported of a broken twin.
    Expect = "`expect`" {
        /// Checks that must fail, and with which findings.
        fail: must Named<CheckName, Failing>,
        /// Checks that must still pass.
        stays: must Some1<CheckName>,
    }
}

table! {
    /// What one check must report.
    Failing = "a failing check" {
        /// Exactly these pairs, each as `dock -> vms`; left out for a check that speaks of no pairs.
        pairs: may Some1<Pair>,
        /// What let it through: `inet site through policy`, or the beginning of a rule's text.
        by: may One<Line>,
    }
}
