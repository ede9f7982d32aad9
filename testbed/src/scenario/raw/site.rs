//! What is built: segments, switches, nodes.

use std::borrow::Cow;
use std::net::IpAddr;

use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::super::leaf::{
    Ahead, Argument, Asks, AuthWord, Below, FileName, Gateway, Lasting, Line, NamePattern, Region, Size,
    StreamPath, Variable, Whole,
};
use super::super::lint::Zone;
use super::super::mistakes::Mistakes;
use super::super::model::{
    Careless, CloudNames, CloudService, Codec, Commissioned, Encode, Neighbours, NftSet, Onvif, Scan,
    Transport, WrongCall,
};
use super::super::shape::{At, List, Named, Shape, Slot};
use super::super::table::{KeyShape, Table, describe_table, prose, table};
use super::super::tree::{Node, Spot, Value};
use super::{Many, One, Some1};
use crate::names::{LinkName, Mac, NodeName, PortRef, SegmentName, SwitchName, Traffic};

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
        /// True: one cable between two links. Default false.
        cable: may One<bool>,
        /// Longest packet of its links in bytes, 576 to 9000, with IPv6 from 1280 on. Default 1500.
        mtu: may One<Whole<576, 9000>>,
        /// What kind of network it is: `production`, `production-cameras`, `sensitive`, `isolated`, `internet`, `test`.
        zones: may Some1<Zone>,
        /// How its members know one another's Ethernet addresses: `learned` by ARP and ND, or `static` from the start. Default `static` with more than 128 links, else `learned`.
        neighbours: may One<Neighbours>,
    }
}

table! {
    /// A switch: which links are plugged into it, and how. A link is written `node`, `group`, `node.link` or `group.link`.
    Switch = "a switch" {
        /// Links on access ports.
        access: may Many<PortRef>,
        /// Trunks, of routers or other nodes.
        trunk: may Many<PortRef>,
        /// Access ports that reach no other isolated port.
        isolate: may Many<PortRef>,
        /// Other switches that it is joined to, and the segments that each of these links carries. Written at one of the two.
        uplinks: may Named<SwitchName, Some1<SegmentName>>,
        /// Its own nft rule file, with tables of `bridge` or `netdev`: what it lets through at its ports.
        ruleset: may One<Below>,
    }
}

table! {
    /// An interface of a node: in one segment, or a trunk that carries several.
    Link = "a link" {
        /// The segment it is plugged into; of a spare, left out: that of the link it stands in for.
        segment: may One<SegmentName>,
        /// Appliances: it is the spare of this link of the node. It carries nothing but link upkeep until that link loses its carrier, and then takes its addresses over.
        spare_of: may One<LinkName>,
        /// Its addresses, at most one per subnet; derived where none is written. In a group: of the first node, the others follow.
        address: may Some1<IpAddr>,
        /// It gets its IPv4 address by DHCP and asks for this one, or for `any`. In a group: of the first node, the others follow.
        dhcp: may One<Asks>,
        /// True: it takes its IPv6 address and default route from the advertisements of a router that serves `ra`. Default false.
        autoconf: may One<bool>,
        /// Its Ethernet address; derived where none is written.
        mac: may One<Mac>,
        /// Longest packet that it takes, in bytes; default that of its segment.
        mtu: may One<Whole<576, 9000>>,
        /// Segments with a VLAN, and the node's addresses there; `lan` gives `lan.20` for VLAN 20. In a group: of the first node, the others follow.
        trunk: may Named<SegmentName, Some1<IpAddr>>,
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
        /// Longest packet that it takes, in bytes; default that of its segment.
        mtu: may One<Whole<576, 9000>>,
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
        /// For packets from these addresses only, such as `10.20.0.5/32`: a policy route, asked before all others.
        from: may One<IpNet>,
    }
}

table! {
    /// A picture stream.
    Video = "a video" {
        /// Codec: `h264` (the default), `h265` or `mjpeg`, JPEG after JPEG; a recording must be of it.
        codec: may One<Codec>,
        /// A file, or a folder of files that follow one another by name, that is sent instead of drawn pictures, at its own size and rate: MP4, MPEG transport stream or Matroska with H.264, H.265 or JPEG; at most 64 MiB.
        recording: may One<Below>,
        /// When drawn pictures are encoded: `once` (the default) before they are served, or `live` while they are sent, by each session for itself.
        encode: may One<Encode>,
        /// Picture size, such as `640x360` (the default); width a multiple of 16, height of 8.
        size: may One<Size>,
        /// Frames per second, 1 to 60; default 15.
        fps: may One<Whole<1, 60>>,
    }
}

table! {
    /// A stream beside the main one.
    Stream = "a stream" {
        /// Its path, such as `/sub`; the main one has `/stream`.
        path: must One<StreamPath>,
        /// Its codec; default that of the main one.
        codec: may One<Codec>,
        /// What is sent instead of drawn pictures, as for the main one.
        recording: may One<Below>,
        /// When drawn pictures are encoded; default as for the main one.
        encode: may One<Encode>,
        /// Its picture size; default `320x176`.
        size: may One<Size>,
        /// Its frames per second, 1 to 60; default those of the main one.
        fps: may One<Whole<1, 60>>,
    }
}

table! {
    /// What a camera does wrong, in each session the same; for broken twins. Frames are counted from 0.
    Misbehaves = "`misbehaves`" {
        /// Frames that it never sends.
        leaves_out: may Some1<FrameNumber>,
        /// Frames that it sends twice.
        repeats: may Some1<FrameNumber>,
        /// Frames that it sends after the one that follows them.
        swaps: may Some1<FrameNumber>,
        /// Frames that show the picture of the next one, and say that it is theirs.
        shows_next: may Some1<FrameNumber>,
        /// Frames that show a picture of the camera with the next number, and say that it is theirs.
        shows_stranger: may Some1<FrameNumber>,
        /// Frames that it sends too late; they say when they should have been sent.
        late: may Late,
    }
}

table! {
    /// What a camera does to its clients and to others that no camera should, to see what contains it.
    Hostile = "`hostile`" {
        /// Whoever asks for its stream is sent to this node (status 302).
        redirects_to: may One<NodeName>,
        /// Whoever plays it is told to go on at this node (`REDIRECT`).
        sends_away_to: may One<NodeName>,
        /// This node is named wherever RTSP, SDP and ONVIF name a host.
        points_to: may One<NodeName>,
        /// These nodes are sent what it sends in RTSP connections, by UDP to port 5004.
        copies_to: may Some1<NodeName>,
        /// These nodes are sent its video unasked, by UDP to port 5004.
        pushes_to: may Some1<NodeName>,
        /// These nodes are called every second, by TCP port 443 and UDP port 53.
        calls: may Some1<NodeName>,
        /// Ports of all addresses of these segments are tried, once; IPv4, a /22 or narrower.
        scans: may Some1<SegmentName>,
        /// True: `TEARDOWN` is answered, and the video goes on. Default false.
        outlasts_teardown: may One<bool>,
        /// RTSP is answered so late, 1ms to 1min.
        answers_late: may One<Lasting<1, 60_000>>,
        /// RTSP is answered byte by byte, each so much later than the last, 1ms to 1min.
        answers_slowly: may One<Lasting<1, 60_000>>,
        /// Answers of RTSP have so many bytes of fields that nobody needs, up to 64 MiB.
        answers_padded: may One<Whole<1, 67_108_864>>,
        /// True: RTSP is answered with bytes that mean nothing. Default false.
        answers_garbage: may One<bool>,
        /// True: every search for devices is answered, by a printer; with `onvif`. Default false.
        answers_as_printer: may One<bool>,
        /// Whoever looks for an address in its segment (DHCP) is answered at once, and told of routes, names and time that are its own.
        hands_out: may HandsOut,
        /// Nodes are told by forged ICMP redirects that what they send to others goes over it. IPv4.
        misroutes: may Misroutes,
        /// How far its clock is ahead of the host's, at most ten years: `-24h`. Default `0s`.
        clock: may One<Ahead<315_360_000>>,
        /// It goes away once it is played, and comes back.
        dies: may Dies,
        /// It takes another address of its subnet once it is played, and goes on there.
        changes_address: may ChangesAddress,
    }
}

table! {
    /// A camera that hands out addresses, as a DHCP server would.
    HandsOut = "`hands_out`" {
        /// What the first client gets; the next get those that follow. IPv4, of the camera's own subnet, and nobody else's. Default: each
        /// gets what it asks for, and who asks for none is not answered.
        first: may One<IpAddr>,
        /// For how long, 10s to 168h; whole seconds. Default 30s.
        lease: may One<Lasting<10_000, 604_800_000>>,
    }
}

table! {
    /// A camera that leads others astray, by ICMP redirects (RFC 792): each in the name of whom the way leads over now, and once more in
    /// its own, every half second for half a minute.
    Misroutes = "`misroutes`" {
        /// Who is told: nodes in its own network.
        nodes: must Some1<NodeName>,
        /// What is for these shall go over it.
        about: must Some1<NodeName>,
    }
}

table! {
    /// A camera that takes another address.
    ChangesAddress = "`changes_address`" {
        /// The address: IPv4, of its own subnet, and nobody else's.
        to: must One<IpAddr>,
        /// So long after somebody played it first, 1ms to 10min; default 1s.
        after: may One<Lasting<1, 600_000>>,
    }
}

table! {
    /// A camera whose power fails.
    Dies = "`dies`" {
        /// So long after somebody played it first, 1ms to 10min.
        after: must One<Lasting<1, 600_000>>,
        /// For so long nobody is let in, 1ms to 10min.
        lasts: must One<Lasting<1, 600_000>>,
    }
}

table! {
    /// What holds for RTSP sessions.
    Sessions = "`sessions`" {
        /// Time without a sign of life after which a session ends, whole seconds, 1s to 1h; default 60s.
        timeout: may One<Lasting<1000, 3_600_000>>,
        /// So many at once, 1 to 1000, and whoever comes then is refused; default as many as come.
        most: may One<Whole<1, 1000>>,
    }
}

table! {
    /// Frames that are too late.
    Late = "`late`" {
        /// From this one on. Default 1.
        from_frame ("from"): may One<FrameNumber>,
        /// By so much, 1ms to 1min.
        by: must One<Lasting<1, 60_000>>,
    }
}

/// A frame that something can be wrong with: the first of a session is sent before anything else is known of it.
pub(crate) type FrameNumber = Whole<1, 1_000_000>;

table! {
    /// A camera, or a group of them.
    Camera = "a camera" {
        /// Short for one link `eth0` in this segment.
        segment: may One<SegmentName>,
        /// Addresses of that `eth0`.
        address: may Some1<IpAddr>,
        /// That `eth0` gets its IPv4 address by DHCP and asks for this one, or for `any`.
        dhcp: may One<Asks>,
        /// Its interfaces, by name.
        links: may Named<LinkName, Link>,
        /// How many there are, 1 to 1000; from 2 on they are called `name-1`, `name-2`, … Default 1.
        count: may One<Whole<1, 1000>>,
        /// What it streams.
        video: may Video,
        /// Streams beside the main one.
        streams: may List<Stream>,
        /// How it asks who may watch: `none`, or of `basic`, `digest` (MD5, the default) and `digest-sha256`.
        auth: may Some1<AuthWord>,
        /// How frames may travel, of `tcp` (in the RTSP connection, the default), `udp` and `multicast`.
        transport: may Some1<Transport>,
        /// What holds for its sessions.
        sessions: may Sessions,
        /// TCP port that it serves on from the start; default 554, as documented.
        first_port: may One<Whole<1, 65_535>>,
        /// TCP ports that it serves on as well once somebody has played it by the first one.
        further_ports: may Some1<Whole<1, 65_535>>,
        /// What it does of ONVIF: `answers` who looks for it and asks, or `announces` itself besides. Left out: nothing.
        onvif: may One<Onvif>,
        /// What it does wrong; for broken twins.
        misbehaves: may Misbehaves,
        /// What it does to its clients and to others.
        hostile: may Hostile,
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
        /// A command that takes the place of the fake camera; needs `--allow-run`.
        run: may Run,
    }
}

table! {
    /// A video-analytics appliance.
    Appliance = "an appliance" {
        /// Short for one link `eth0` in this segment.
        segment: may One<SegmentName>,
        /// Addresses of that `eth0`.
        address: may Some1<IpAddr>,
        /// That `eth0` gets its IPv4 address by DHCP and asks for this one, or for `any`.
        dhcp: may One<Asks>,
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
        /// True: it is a developer kit, which the documents keep in a test environment. Default false.
        kit: may One<bool>,
        /// True: once it has had a frame of a camera by its first port, it pulls it by the first of its further ports. Default false.
        moves_on: may One<bool>,
        /// True: it asks cameras that offer UDP to send by it, whatever else they offer. Default false.
        prefers_udp: may One<bool>,
        /// True: it pulls the further streams of its cameras, too. Default false.
        sub_streams: may One<bool>,
        /// What it is told of its cameras: `stream`, by hand, their streams' addresses (the default); `device`, by hand, their own addresses, whose ONVIF it asks; `search`, what its search finds.
        commissions_by: may One<Commissioned>,
        /// True: it forwards packets between its links, which the documents forbid; for broken twins. Default false.
        forwards: may One<bool>,
        /// True: it answers on each of its links for the addresses of all (weak host model, RFC 1122 section 3.3.4.2); for broken twins. Default false.
        weak_host: may One<bool>,
        /// How often it sends metrics and a log line, 1s to 1h; default 1s.
        monitor_every: may One<Lasting<1000, 3_600_000>>,
        /// Whether it is a device of Panorama's at its cloud, which asks it again and again how it is. Default true.
        device: may One<bool>,
        /// What an application of its calls at the cloud, as often as it sends metrics, and nothing else of it does: `sts`, which the cloud must serve. Left out: nothing.
        application: may One<CloudService>,
        /// When it looks for cameras on its subnets: `by-job` of its cloud's, or `unasked`; for broken twins. Left out: never.
        scan: may One<Scan>,
        /// What it does not take care of, of `follows`, `own-clock`, `waits`, `gives-up`, `unbounded`, `camera-clock`, `asks-panorama`, `takes-anything`, `only-says-so`, `hands-video-over`, `old-tls`, `fronts`, `hurries`, `sulks`, `trusts-anyone`, `relays`, `confides`, `pushes`, `one-login`, `any-device`, `searches-far`, `searches-late`, `tells-of-others` and `mixes-ports-up`; for broken twins.
        careless: may Some1<Careless>,
        /// The link whose segment's router is its default gateway, or `none`; default the first link with a router.
        gateway: may One<Gateway>,
        /// Further routes.
        routes: may List<Route>,
        /// Its own nft rule file.
        ruleset: may One<Below>,
        /// A command that takes the place of the fake appliance; needs `--allow-run`.
        run: may Run,
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
        /// A command of the scenario's own, run beside what the router does; needs `--allow-run`.
        run: may Run,
    }
}

table! {
    /// Services of a router.
    Serves = "`serves`" {
        /// Segments in which it answers names.
        dns: may Some1<SegmentName>,
        /// Segments in which it advertises itself as an IPv6 router, with their prefixes.
        ra: may Some1<SegmentName>,
        /// Segments in which it tells the time.
        ntp: may Some1<SegmentName>,
        /// The cloud whose name server and time server it asks; needed for `dns`. Without it, `ntp` tells the host's time.
        upstream: may One<NodeName>,
        /// Segments in which it hands out IPv4 addresses.
        dhcp: may Named<SegmentName, Dhcp>,
        /// True: a name whose address is private, of the host itself, of a link or of a group is answered as if there were none, and fills no set. Default false.
        refuses_inward: may One<bool>,
        /// Segments of `dns`, and the sets of its rule file that are filled with what is answered there.
        sets: may Named<SegmentName, List<NameSet>>,
    }
}

table! {
    /// Sets of a router's rule file that are filled with the addresses of names.
    NameSet = "an entry of `sets`" {
        /// Names, each with everything below it, such as `*.iot.eu-west-1.amazonaws.com`.
        names: must Some1<NamePattern>,
        /// The set for their IPv4 addresses, such as `inet site aws4`.
        ip4: may One<NftSet>,
        /// The set for their IPv6 addresses.
        ip6: may One<NftSet>,
    }
}

table! {
    /// Services of a host.
    HostServes = "`serves` of a host" {
        /// Segments in which it hands out IPv4 addresses.
        dhcp: must Named<SegmentName, Dhcp>,
    }
}

table! {
    /// What a DHCP server hands out in a segment.
    Dhcp = "a DHCP server's segment" {
        /// First and last address that it gives to anybody who asks, such as `[10.20.0.100, 10.20.0.199]`.
        pool: must Many<IpAddr>,
        /// For how long it gives them, 2min to 168h; default 1h.
        lease: may One<Lasting<120_000, 604_800_000>>,
        /// Addresses that it keeps for nodes of the segment, by node. Of a group: that of the first node, the others follow.
        reserve: may Named<NodeName, One<IpAddr>>,
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
        /// So many addresses more behind those of the services, at most 16: each serves all of them but names and time, and no name leads there until `move_name` moves one. Default none.
        spare_addresses: may One<Whole<0, 16>>,
        /// How far its clock is ahead of the host's, at most 1h either way, such as `90s` or `-90s`. Default 0s.
        clock_offset: may One<Ahead<3600>>,
        /// What operators use, each at an address more behind the spare ones: `sts`, `iot-control`, `panorama`. Default nothing.
        serves: may Some1<CloudService>,
        /// How often it asks each of its devices how it is, 1s to 1h; default 1s, where the documents say 30s.
        monitor_every: may One<Lasting<1000, 3_600_000>>,
        /// For how long credentials hold that appliances get for their certificates, 4s to 12h. Default 1h.
        credentials_last: may One<Lasting<4000, 43_200_000>>,
        /// For how long after it was made a signature is taken, 2s to 5min. Default as AWS has it: 5 minutes, 15 at S3.
        signatures_last: may One<Lasting<2000, 300_000>>,
        /// Services whose first requests are refused as too many, and how many of them, 1 to 1000: with 429, 503, no session of MQTT, or as each of them says it.
        throttles: may Named<CloudService, One<Whole<1, 1000>>>,
        /// For broken twins: calls that it believes although something is wrong with them: `unsigned`, `altered`, `late`, `expired`, `scope`, `kept`.
        believes: may Some1<WrongCall>,
        /// A command of the scenario's own, run beside the fake cloud; needs `--allow-run`.
        run: may Run,
    }
}

table! {
    /// Any other node, or a group of them.
    Host = "a host" {
        /// Short for one link `eth0` in this segment.
        segment: may One<SegmentName>,
        /// Addresses of that `eth0`.
        address: may Some1<IpAddr>,
        /// That `eth0` gets its IPv4 address by DHCP and asks for this one, or for `any`.
        dhcp: may One<Asks>,
        /// Its interfaces, by name.
        links: may Named<LinkName, Link>,
        /// How many there are, 1 to 1000; from 2 on they are called `name-1`, `name-2`, … Default 1.
        count: may One<Whole<1, 1000>>,
        /// Cameras that it plays, as a video management system does.
        plays: may Some1<NodeName>,
        /// The cloud whose service for operators it calls when a check says so, with the account's key.
        operates: may One<NodeName>,
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
        /// What it does for others.
        serves: may HostServes,
        /// A command of the scenario's own, run in the node beside what it does; needs `--allow-run`.
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
        /// When it is ready; whoever needs it starts then. Left out: at once.
        ready: may Ready,
        /// What its environment has besides, by name.
        environment: may Named<Variable, One<Argument>>,
        /// Files that lie in its working folder: name there, and path below the scenario's folder.
        files: may Named<FileName, One<Below>>,
    }
}

table! {
    /// How a command is known to be ready: by a line, or by a port.
    Ready = "`ready`" {
        /// A line with this text, on standard output or standard error.
        line: may One<Line>,
        /// A TCP port of the node that takes connections, such as `tcp/554`.
        port: may One<Traffic>,
        /// How long it may take, 1s to 10min; default 20s.
        within: may One<Lasting<1000, 600_000>>,
    }
}

/// A command: its arguments alone, or with conditions.
#[derive(Debug)]
pub(crate) enum Run {
    Plain(Many<Argument>),
    Full(Box<Command>),
}

impl Shape for Run {
    fn read(node: &Node, at: Spot, out: &mut Mistakes) -> Option<Self> {
        match node.value {
            Value::Map(_) => Command::read(node, at, out).map(|full| Run::Full(Box::new(full))),
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
