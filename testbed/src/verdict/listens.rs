//! `listens`: a node listens at no other ports than those that are declared, whenever it was looked at, and at each of these at
//! one time at least; the controls show that another would have been told.

use std::collections::BTreeMap;

use crate::names::{NodeName, Traffic};
use crate::observation::{Listening, ListeningSeen, Observations};
use crate::plan::Check;

use super::judge::Draft;
use super::wording::{Reasons, counted, listed};
use super::{ControlSeen, Finding};

/// Addresses spelled out per port.
const ADDRESSES: usize = 4;

pub(super) fn draft(check: &Check, of: &[NodeName], at: &[Traffic], seen: &Observations) -> Draft {
    let looks: Vec<&ListeningSeen> = seen.listening.iter().filter(|one| one.check == check.name).collect();
    let mut draft = Draft::default();
    if of.is_empty() {
        draft.reasons.add("vacuous", "it is asked of no node");
    }
    for node in of {
        let looks: Vec<_> = looks.iter().copied().filter(|one| one.node == *node).collect();
        draft.findings.extend(undeclared(node, at, &looks));
        draft.findings.extend(absent(node, at, &looks));
        ask_controls(node, &looks, &mut draft.reasons);
        if let Some(socket) = undecided(&looks).filter(|socket| !at.contains(&socket.port)) {
            let text = format!(
                "{node} has a socket at {}, which was not seen for long enough to tell whether it listens",
                socket.port
            );
            draft.reasons.add("instrument", text);
        }
    }
    let sockets: usize = looks.iter().map(|one| one.sockets.len()).sum();
    draft.summary = format!(
        "{}, looked at {}; {} told, {} declared",
        counted(of.len(), "node"),
        counted(looks.len(), "time"),
        counted(sockets, "listening socket"),
        counted(at.len(), "port"),
    );
    draft.controls = controls(&looks, &draft.reasons);
    draft
}

/// What listens and is not declared, by port.
fn undeclared(node: &NodeName, at: &[Traffic], looks: &[&ListeningSeen]) -> Vec<Finding> {
    let mut ports: BTreeMap<Traffic, Vec<String>> = BTreeMap::new();
    let sockets = looks.iter().flat_map(|one| &one.sockets).chain(stays(looks));
    let sockets = sockets.filter(|socket| !at.contains(&socket.port));
    for socket in sockets {
        let address = match socket.address.is_unspecified() {
            true => "all of its addresses".to_owned(),
            false => socket.address.to_string(),
        };
        let addresses = ports.entry(socket.port).or_default();
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    let text = |(port, addresses): (Traffic, Vec<String>)| {
        format!("{node} listens at {port} of {}, which is not declared", listed(addresses, ADDRESSES))
    };
    ports.into_iter().map(text).map(|text| finding(text, Some(node))).collect()
}

/// Sockets at ports that the kernel gives to whoever asks something, which were there for longer than anybody asks.
fn stays<'a>(looks: &[&'a ListeningSeen]) -> impl Iterator<Item = &'a Listening> {
    asking(looks)
        .filter(|(_, since, until)| until.saturating_sub(*since) > ListeningSeen::ASKS_FOR)
        .map(|(socket, ..)| socket)
}

/// Who was still there at the last look and may have asked something, or listen: nothing tells.
fn undecided<'a>(looks: &[&'a ListeningSeen]) -> Option<&'a Listening> {
    let last = looks.last().map_or(0, |look| look.at);
    let young =
        |since: u64, until: u64| until == last && until.saturating_sub(since) <= ListeningSeen::ASKS_FOR;
    asking(looks).find(|(_, since, until)| young(*since, *until)).map(|(socket, ..)| socket)
}

/// Sockets at the ports of those that ask, with the first and the last of the looks, one after the other, that told each.
fn asking<'a>(looks: &[&'a ListeningSeen]) -> impl Iterator<Item = (&'a Listening, u64, u64)> {
    let mut stretches: Vec<(&Listening, u64, u64)> = Vec::new();
    let mut before = None;
    for look in looks.iter().copied().filter(|one| one.error.is_none()) {
        for socket in &look.askers {
            match stretches.iter_mut().find(|(one, _, until)| *one == socket && Some(*until) == before) {
                Some((.., until)) => *until = look.at,
                None => stretches.push((socket, look.at, look.at)),
            }
        }
        before = Some(look.at);
    }
    stretches.into_iter()
}

/// What is declared and was there at no time.
fn absent<'a>(
    node: &'a NodeName,
    at: &'a [Traffic],
    looks: &'a [&ListeningSeen],
) -> impl Iterator<Item = Finding> + 'a {
    let there = |port: &Traffic| {
        let mut sockets = looks.iter().flat_map(|one| one.sockets.iter().chain(&one.askers));
        sockets.any(|socket| socket.port == *port)
    };
    let looked = looks.iter().any(|one| one.error.is_none());
    let missing = at.iter().filter(move |port| looked && !there(port));
    missing.map(move |port| finding(format!("{node} does not listen at {port}"), None))
}

fn finding(text: String, stops_at: Option<&NodeName>) -> Finding {
    Finding { text, pair: None, stops_at: stops_at.cloned(), packets: Vec::new(), by: None }
}

fn ask_controls(node: &NodeName, looks: &[&ListeningSeen], reasons: &mut Reasons) {
    if looks.is_empty() {
        reasons.add("instrument", format!("it was not looked who listens at {node}"));
    }
    for look in looks {
        if let Some(error) = &look.error {
            reasons.add("instrument", format!("who listens at {node} is not known: {error}"));
            continue;
        }
        for (told, what) in look.canaries.iter().zip(["TCP", "UDP"]) {
            if !told {
                let text = format!("{node}: a socket of {what} that listens there for this was not told");
                reasons.add("instrument", text);
            }
        }
    }
    // A session may be between its end and the next one's beginning at one time.
    if looks.iter().all(|look| look.connections == 0) {
        let text = format!("{node} had no connection of TCP, so that nothing shows that its services ran");
        reasons.add("alive", text);
    }
}

fn controls(looks: &[&ListeningSeen], reasons: &Reasons) -> Vec<ControlSeen> {
    let told = looks.iter().flat_map(|one| one.canaries).filter(|told| *told).count();
    let speaking = looks.iter().filter(|one| one.connections > 0).count();
    let control = |control: &str, seen: String| ControlSeen {
        control: control.into(),
        seen,
        held: !looks.is_empty() && !reasons.has(control),
    };
    vec![
        control("instrument", format!("{told} of {} sockets that listened for this told", 2 * looks.len())),
        control("alive", format!("connections stood {speaking} of {}", counted(looks.len(), "time"))),
    ]
}
