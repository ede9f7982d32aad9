//! Words that send something which must not get through.

use std::net::IpAddr;
use std::time::Duration;

use super::super::tables::{head, list, table};
use crate::names::NodeName;
use crate::plan::{
    Aim, Crossing, Forgotten, GoingOn, Hop, Join, Judge, LeftOut, Open, Questions, Unopened, Word,
};

pub(super) fn matrix(
    between: &[NodeName],
    (aims, opens): (&[Aim], &[(Open, IpAddr)]),
    unopened: &[Unopened],
    left_out: &[LeftOut],
) -> (String, String) {
    let opens: Vec<Open> = opens.iter().map(|(open, _)| open.clone()).collect();
    let (word, sent) = no_reach(aims, &opens, None);
    let row = |one: &Unopened| {
        let ends = format!("{} -> {}", one.from, one.to);
        [one.flow.to_string(), ends, one.traffic.to_string(), one.why.clone()]
    };
    let allowed = table(2, &unopened.iter().map(row).collect::<Vec<_>>());
    let row = |one: &LeftOut| {
        let at = one.address.map(|at| at.to_string()).unwrap_or_default();
        [format!("{} -> {}", one.from, one.to), at, one.why.clone()]
    };
    let left = table(2, &left_out.iter().map(row).collect::<Vec<_>>());
    let between = list(between);
    let text = format!("    between {between}\n{sent}    allowed, not opened\n{allowed}    left out\n{left}");
    (word.replacen("no_reach", "matrix", 1), text)
}

pub(super) fn no_reach(aims: &[Aim], alive: &[Open], forgotten: Option<&Forgotten>) -> (String, String) {
    let probes: u64 = aims.iter().flat_map(|aim| &aim.ports).map(crate::names::Traffic::width).sum();
    let alive_rows = if alive.is_empty() {
        String::new()
    } else {
        format!("    alive before and after\n{}", opens_table(alive))
    };
    let later = forgotten.map_or_else(String::new, |one| {
        format!("; {} alone, {:?} after check {}", one.address, one.within, one.since)
    });
    let cells = if aims.iter().any(|aim| aim.cells.is_some()) { ", and cells of the rules" } else { "" };
    (format!("no_reach, {probes} probes{cells}{later}"), aims_table(aims) + &alive_rows)
}

pub(super) fn after(
    says: &str,
    (resume, stops): (&[GoingOn], &[GoingOn]),
    (within, lasts): (Duration, Duration),
    aims: &[Aim],
) -> (String, String) {
    let named = |one: &GoingOn| match one {
        GoingOn::Video { camera, at } => format!("video of {camera} at {at}"),
        GoingOn::Reports { event, of } => format!("{event} of {of}"),
    };
    let goes_on = list(resume.iter().map(named));
    let stops = match stops.is_empty() {
        true => String::new(),
        false => format!("; stops meanwhile: {}", list(stops.iter().map(named))),
    };
    let text = format!("    {says}, for {lasts:?} at least; goes on within {within:?}: {goes_on}{stops}\n");
    let probes: u64 = aims.iter().flat_map(|aim| &aim.ports).map(crate::names::Traffic::width).sum();
    (format!("after, {probes} probes again and again"), text + &aims_table(aims))
}

pub(super) fn no_bridge(crossings: &[Crossing], alive: &[Open]) -> (String, String) {
    let row = |one: &Crossing| {
        let whats = one.frames.iter().map(|frame| &frame.what);
        [
            format!("{}.{}", one.from, one.link),
            format!("into {}.{}", one.node, one.enters.0),
            format!("not out of {}", one.leaves.0),
            list(whats),
        ]
    };
    let rows = table(2, &crossings.iter().map(row).collect::<Vec<_>>());
    let alive = format!("    alive before and after\n{}", opens_table(alive));
    ("no_bridge".to_owned(), rows + &alive)
}

pub(super) fn no_hop(hops: &[Hop], alive: &[Open]) -> (String, String) {
    let row = |one: &Hop| {
        [
            format!("{}.{}", one.from, one.link),
            if one.trunk.is_empty() { format!("in {}", one.segment) } else { "by other tags".to_owned() },
            format!("not out in {}", one.to),
            list(one.frames.iter().map(|frame| &frame.what)),
        ]
    };
    let rows = table(2, &hops.iter().map(row).collect::<Vec<_>>());
    let alive = format!("    alive before and after\n{}", opens_table(alive));
    ("no_hop".to_owned(), rows + &alive)
}

pub(super) fn own_leg(questions: &[Questions]) -> (String, String) {
    let row = |one: &Questions| {
        let others = one.others.iter().map(|(link, address)| format!("{address} of {link}"));
        [
            format!("{}.{}", one.from, one.link),
            format!("asks {}.{}", one.node, one.leg.0),
            format!("for {}", list(others)),
            format!("before and after for its own {}", one.own),
        ]
    };
    ("own_leg".to_owned(), table(2, &questions.iter().map(row).collect::<Vec<_>>()))
}

/// Nothing where no camera sends to a group.
fn joined(joins: &[Join], hears: &[Join]) -> String {
    let row = |one: &Join| {
        let (first, last) = one.ports;
        [
            format!("{}.{}", one.from, one.link),
            format!("{} udp/{first}-{last}", one.group),
            format!("of {}", one.camera),
        ]
    };
    let rows = |all: &[Join]| table(2, &all.iter().map(row).collect::<Vec<_>>());
    match joins {
        [] => String::new(),
        joins => {
            format!("    groups joined, and not heard\n{}    heard by who may\n{}", rows(joins), rows(hears))
        }
    }
}

pub(super) fn opens_table(opens: &[Open]) -> String {
    let row = |open: &Open| {
        [
            list(&open.flow),
            format!("{} -> {}", open.from, open.to),
            open.address.to_string(),
            open.port.to_string(),
        ]
    };
    table(2, &opens.iter().map(row).collect::<Vec<_>>())
}

fn aims_table(aims: &[Aim]) -> String {
    let row = |aim: &Aim| {
        let judge = match &aim.judge {
            Judge::Tap { .. } if aim.everybody.as_ref().is_some_and(|one| !one.alone) => {
                format!("every tap of {}", aim.target_segment)
            }
            Judge::Tap { port } => format!("tap {port}"),
            Judge::BehindFilter { node } => format!("behind the filter of {node}"),
        };
        [
            format!("{} -> {}", aim.from, aim.to),
            match &aim.forged {
                None => format!("{} {}", aim.link, aim.source),
                Some(forged) => format!("{} {} of {}, {}", aim.link, aim.source, forged.node, forged.mac),
            },
            aim.address.to_string(),
            format!("to {}", aim.next_node),
            judge,
            list(&aim.ports) + if aim.cells.is_some() { ", and cells of the rules" } else { "" },
        ]
    };
    let titles = ["pair", "sent from", "at", "frames", "judged", "what"];
    table(2, &head(titles, aims.iter().map(row)))
}

/// Of a `no_stream`.
pub(super) fn no_stream(word: &Word) -> (String, String) {
    let Word::NoStream { tries, knows_password, may, joins, hears } = word else {
        unreachable!("asked for `no_stream` only")
    };
    let shown = if *knows_password { "the right" } else { "a wrong" };
    let asked = format!(
        "    with {shown} password\n{}    given to who may watch\n{}",
        opens_table(tries),
        opens_table(may)
    );
    ("no_stream".to_owned(), asked + &joined(joins, hears))
}
