//! A plan as tables of text.

use super::role;
use super::tables::{head, list, table};
use super::words::word;
use crate::names::{LinkName, NodeName};
use crate::plan::{Check, Node, Plan, Service, ServiceKind};
use crate::scenario::model::{Commissioned, Encode, Onvif, Rtsp, Scan, Sign, Stream};

/// What would be built and asked, for a reader.
pub fn text(plan: &Plan) -> String {
    let mut text = format!("{}\ndocuments: {}\n", plan.scenario, list(&plan.documents));
    for (title, part) in [
        ("segments", segments(plan)),
        (SWITCHES, switches(plan)),
        ("nodes", plan.nodes.iter().map(node).collect()),
        ("services, in the order they start", services(plan)),
        ("flows", flows(plan)),
        ("checks", plan.checks.iter().map(check).collect()),
        ("remarks", plan.remarks.iter().map(|remark| format!("  {remark}\n")).collect()),
    ] {
        if title == SWITCHES && part.is_empty() {
            continue;
        }
        let part = if part.is_empty() { "  none\n" } else { part.as_str() };
        text.push_str(&format!("\n{title}\n{part}"));
    }
    text
}

fn segments(plan: &Plan) -> String {
    let rows = plan.segments.iter().map(|segment| {
        [
            segment.name.to_string(),
            segment.bridge.to_string(),
            list(segment.vlan),
            if segment.hub { "hub" } else { "switch" }.to_owned(),
            list(&segment.subnets),
        ]
    });
    table(1, &head(["segment", "bridge", "vlan", "kind", "subnets"], rows))
}

/// Heading of a part that most sites do not have.
const SWITCHES: &str = "switches that filter";

/// Ports by the names that a rule file calls them by; those of a trunk are told by the site as it is built.
fn switches(plan: &Plan) -> String {
    let port = |(node, name): &(NodeName, LinkName)| {
        let link = plan.node(node).and_then(|node| node.links.iter().find(|link| link.name == *name));
        link.map_or_else(|| format!("trunk {node}.{name}"), |link| link.port.to_string())
    };
    let rows = plan.switches.iter().map(|switch| {
        [switch.name.to_string(), switch.ruleset.clone(), list(switch.plugged.iter().map(port))]
    });
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        String::new()
    } else {
        table(1, &head(["switch", "rules", "ports"], rows.into_iter()))
    }
}

fn node(node: &Node) -> String {
    let mut text = format!("  {} ({})\n", node.name, role(node.role));
    let rows = node.links.iter().map(|link| {
        let leased = link.leased.map(|net| format!("{net} by DHCP"));
        let leased = leased.into_iter().chain(link.advised.iter().map(|net| format!("{net} as advised")));
        let isolated = link.isolated.then(|| "isolated".to_owned());
        let mtu = link.mtu.map(|mtu| format!("packets of {mtu} bytes"));
        let spare = link.spare_of.as_ref().map(|main| format!("spare of {main}"));
        [
            "link".to_owned(),
            link.name.to_string(),
            link.segment.to_string(),
            link.port.to_string(),
            link.mac.to_string(),
            list(&link.addresses),
            isolated.into_iter().chain(leased).chain(spare).chain(mtu).collect::<Vec<_>>().join(", "),
        ]
    });
    text.push_str(&table(2, &rows.collect::<Vec<_>>()));
    for route in &node.routes {
        text.push_str(&format!("    route  {} via {}\n", route.to, route.via));
    }
    for route in &node.policy {
        text.push_str(&format!(
            "    route  {} via {} for packets from {}\n",
            route.to, route.via, route.from
        ));
    }
    let judged = if node.judged_behind_filter { "behind its own filter" } else { "at its tap" };
    let forwards = if node.forwards { "yes" } else { "no" };
    text.push_str(&format!(
        "    rules  {}; forwards: {forwards}; arrival judged {judged}\n",
        list(&node.ruleset)
    ));
    if !node.nameservers.is_empty() {
        text.push_str(&format!("    names  from {}\n", list(&node.nameservers)));
    }
    text.push_str(&format!("    sysctls  {} set\n", node.sysctls.len()));
    text
}

fn services(plan: &Plan) -> String {
    let row = |service: &Service| {
        let (what, how) = service_words(&service.kind);
        [service.node.to_string(), what.to_owned(), how]
    };
    table(1, &plan.services.iter().map(row).collect::<Vec<_>>())
}

fn service_words(kind: &ServiceKind) -> (&'static str, String) {
    match kind {
        ServiceKind::Cloud { .. } => cloud_words(kind),
        ServiceKind::Resolver { listen, upstream, sets, refuses_inward } => {
            let filled = sets.iter().map(|one| {
                let sets = one.ip4.iter().chain(&one.ip6);
                format!("; fills {} with {}", list(sets), list(&one.names))
            });
            let filled: String = filled.collect();
            let inward = if *refuses_inward { "; refuses what leads inwards" } else { "" };
            ("resolver", format!("at {}; asks {upstream}{filled}{inward}", list(listen)))
        }
        ServiceKind::DhcpServer { .. } | ServiceKind::DhcpClient { .. } => dhcp_words(kind),
        ServiceKind::Advertiser { link, prefixes } => {
            ("advertiser", format!("at {link}: {}", list(prefixes)))
        }
        ServiceKind::Spare { main, spare } => ("ports", format!("{spare} stands in for {main}")),
        ServiceKind::Clock { listen, upstream } => {
            let asks = upstream
                .map_or_else(|| "tells the host's time".to_owned(), |address| format!("asks {address}"));
            ("clock", format!("at {}; {asks}", list(listen)))
        }
        ServiceKind::Camera { .. } => camera_words(kind),
        ServiceKind::Appliance { .. } => appliance_words(kind),
        ServiceKind::Operator { cloud, sessions } => {
            let by = if *sessions { "sessions of its STS" } else { "the account's key" };
            ("operator", format!("calls {cloud}, signed by {by}, when it is told to"))
        }
        ServiceKind::Command { command, to_end, within, ready, instead, .. } => {
            let until =
                if *to_end { format!("to its end, within {within:?}") } else { "beside the rest".to_owned() };
            let ready = ready.as_ref().map(|ready| match &ready.sign {
                Sign::Line(line) => format!("; ready when it says \"{line}\""),
                Sign::Port(port) => format!("; ready when tcp/{port} answers"),
            });
            let instead = if *instead { "; in the place of the fake" } else { "" };
            ("command", format!("{}; {until}{}{instead}", command.join(" "), ready.unwrap_or_default()))
        }
    }
}

fn cloud_words(kind: &ServiceKind) -> (&'static str, String) {
    let ServiceKind::Cloud { region, binds, spares, things, clock_offset, monitors, throttles, .. } = kind
    else {
        unreachable!("only called for a cloud")
    };
    let binds = binds.iter().map(|(service, address)| format!("{} at {address}", service.word()));
    let spares = match spares.as_slice() {
        [] => String::new(),
        spares => format!("; names may move to {}", list(spares)),
    };
    let ahead = match clock_offset {
        0 => String::new(),
        seconds => format!("; its clock is {seconds} s ahead"),
    };
    let asks = monitors.as_ref().map(|one| format!("; asks {} every {:?}", list(&one.devices), one.every));
    let busy = throttles.iter().map(|(service, many)| format!("; refuses {} {many} times", service.word()));
    let more = asks.into_iter().chain(busy).collect::<String>();
    ("cloud", format!("{region}: {}{spares}; things: {}{ahead}{more}", list(binds), list(things)))
}

fn camera_words(kind: &ServiceKind) -> (&'static str, String) {
    let ServiceKind::Camera { id, listen, width, height, fps, onvif, rtsp, misbehaves, hostile } = kind
    else {
        unreachable!("only called for a camera")
    };
    let onvif = match onvif {
        None => "",
        Some(Onvif::Answers) => "; answers ONVIF",
        Some(Onvif::Announces) => "; answers ONVIF and announces itself",
    };
    let picture = match &rtsp.recording {
        Some(recording) => format!("plays {recording}"),
        None => format!("{width}x{height}, {fps} frames a second"),
    };
    let wrong = if misbehaves.is_nothing() { "" } else { "; misbehaves" };
    let hostile = if hostile.is_nothing() { "" } else { "; is hostile" };
    ("camera", format!("{id} at {listen}; {picture}{}{onvif}{wrong}{hostile}", rtsp_words(rtsp)))
}

fn appliance_words(kind: &ServiceKind) -> (&'static str, String) {
    let ServiceKind::Appliance {
        cameras,
        cloud,
        clock,
        monitor_every,
        application,
        scan,
        commissions_by,
        careless,
    } = kind
    else {
        unreachable!("only called for an appliance")
    };
    let cameras = cameras.iter().map(|source| format!("{} at {}", source.camera, source.address));
    let cameras = list(cameras);
    let known = match commissions_by {
        Commissioned::Stream => "",
        Commissioned::Device => ", by their ONVIF",
        Commissioned::Search => ", once it has found them",
    };
    let scan = match scan {
        None => "",
        Some(Scan::ByJob) => "; looks for cameras when a job says so",
        Some(Scan::Unasked) => "; looks for cameras when it starts",
    };
    let calls = application.map(|service| format!("; its application calls {}", service.word()));
    let calls = calls.unwrap_or_default();
    let careless = if careless.is_empty() { "" } else { "; is careless" };
    match cloud {
        None => ("player", format!("plays {cameras}{known}{scan}")),
        Some(cloud) => (
            "appliance",
            format!(
                "plays {cameras}{known}; cloud {cloud} every {monitor_every:?}; time from {}{calls}{scan}{careless}",
                list(clock)
            ),
        ),
    }
}

/// What a camera serves otherwise than usual.
fn rtsp_words(rtsp: &Rtsp) -> String {
    let usual = Rtsp::default();
    let mut words = String::new();
    if rtsp.codec != usual.codec {
        words += &format!("; {}", rtsp.codec.name());
    }
    if rtsp.encode == Encode::Live {
        words += "; encoded live";
    }
    for Stream { path, codec, recording, encode, width, height, fps } in &rtsp.streams {
        let codec = codec.name();
        words += &match recording {
            Some(recording) => format!("; {path}: {codec}, plays {recording}"),
            None => {
                let live = if *encode == Encode::Live { ", encoded live" } else { "" };
                format!("; {path}: {codec}, {width}x{height}, {fps} a second{live}")
            }
        };
    }
    if rtsp.auth != usual.auth {
        let asked = list(rtsp.auth.iter().map(|auth| auth.name()));
        words += &if rtsp.auth.is_empty() { "; asks nobody".into() } else { format!("; asks by {asked}") };
    }
    if rtsp.transport != usual.transport {
        words += &format!("; sends by {}", list(rtsp.transport.iter().map(|way| way.name())));
    }
    if rtsp.first_port != usual.first_port {
        words += &format!("; at {} at first", rtsp.first_port);
    }
    if !rtsp.further_ports.is_empty() {
        words += &format!("; later at {} too", list(&rtsp.further_ports));
    }
    if (rtsp.session_timeout, rtsp.most_sessions) != (usual.session_timeout, usual.most_sessions) {
        let most =
            rtsp.most_sessions.map_or_else(|| "any number of".into(), |most| format!("at most {most}"));
        words += &format!("; {most} sessions, each {} s without a sign of life", rtsp.session_timeout);
    }
    words
}

fn dhcp_words(kind: &ServiceKind) -> (&'static str, String) {
    match kind {
        ServiceKind::DhcpServer { link, pool: (first, last), lease, router, dns, ntp, reserve, .. } => {
            let kept = reserve.iter().map(|(mac, address)| format!("{address} for {mac}"));
            let named = format!("gateway {}; names {}; time {}", list(router), list(dns), list(ntp));
            let what = format!("at {link}: {first} to {last} for {lease:?}, keeps {}; {named}", list(kept));
            ("dhcp server", what)
        }
        ServiceKind::DhcpClient { link, asks, default_route, routes, spare } => {
            let routes = routes.iter().map(|route| format!("{} via {}", route.to, route.via));
            let routes = routes.chain(default_route.then(|| "the default route".to_owned()));
            let asks = asks.map_or_else(|| "any address".to_owned(), |address| address.to_string());
            let spare = spare.as_ref().map(|spare| format!("; {spare} stands in")).unwrap_or_default();
            ("dhcp client", format!("at {link}: asks for {asks}; brings {}{spare}", list(routes)))
        }
        _ => unreachable!("asked for DHCP only"),
    }
}

fn flows(plan: &Plan) -> String {
    let mut text = String::new();
    for flow in &plan.flows {
        let what = if flow.upkeep { "upkeep".to_owned() } else { list(&flow.ports) };
        text.push_str(&format!("  {}  {what}: {}\n", flow.id, flow.why));
        let pairs = flow.pairs.iter().filter(|_| !flow.upkeep);
        let rows = pairs.map(|pair| [format!("{} -> {}", pair.from, pair.to), list(&pair.addresses)]);
        text.push_str(&table(2, &rows.collect::<Vec<_>>()));
    }
    text
}

fn check(check: &Check) -> String {
    let proofs = check.proves.iter().map(|proof| {
        if proof.part { format!("{} (part)", proof.control) } else { proof.control.to_string() }
    });
    let requires = if check.requires.is_empty() {
        String::new()
    } else {
        format!("; requires {}", list(&check.requires))
    };
    let (word, body) = word(&check.word);
    format!("  {}: {word}; proves {}{requires}\n{body}", check.name, list(proofs))
}
