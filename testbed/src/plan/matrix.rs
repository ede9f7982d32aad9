//! `matrix`: for every ordered pair what no flow allows, to be sent, and what flows allow, to be opened.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::aims::{of_matrix, own_address};
use super::alive::unshown;
use super::answers::{answering, is_served};
use super::checks::Known;
use super::everybody::once_for_each_segment;
use super::flows::crossed;
use super::frames::{ends, is_filtered};
use super::mistake::Mistakes;
use super::model::{Aim, Flow, FlowPair, LeftOut, Open, Unopened, Word};
use super::ports::{fits, openable};
use super::ways::speaks;
use crate::names::{NodeName, Traffic};
use crate::scenario::model::{Check, Cover};

/// What is sent (how much of it, and whether at everybody as well), with a mistake if that is nothing.
pub(super) fn matrix(
    check: &Check,
    known: &Known<'_>,
    between: Vec<NodeName>,
    how: (Cover, bool),
    mistakes: &mut Mistakes,
) -> Word {
    let (opens, mut unopened) = opens(known);
    unopened.retain(|one| between.contains(&one.from) && between.contains(&one.to));
    let alive: Vec<Open> = opens.iter().map(|(open, _)| open.clone()).collect();
    let (mut aims, mut left_out) = (Vec::new(), Vec::new());
    for (from, to) in crossed(&between, &between) {
        let (Some(attacker), Some(target)) = (known.ways.node(&from), known.ways.node(&to)) else { continue };
        let (found, why) = of_matrix(check, known, (attacker, target), how);
        let left = |address, why| LeftOut { from: from.clone(), to: to.clone(), address, why };
        if found.is_empty() {
            let why = if why.is_empty() {
                "they have no kind of address in common".to_owned()
            } else {
                why.join("; ")
            };
            left_out.push(left(None, why));
        }
        for aim in found {
            match not_judged(known, &aim, &alive) {
                Some(why) => {
                    let left = left(Some(aim.address), why);
                    // A forged source changes nothing of that, nor does it help to send at everybody.
                    let known = |one: &LeftOut| {
                        let same = (&one.from, &one.to, &one.why) == (&left.from, &left.to, &left.why);
                        same && (one.address == left.address || aim.everybody.is_some())
                    };
                    if !left_out.iter().any(known) {
                        left_out.push(left);
                    }
                }
                None => aims.push(aim),
            }
        }
    }
    once_for_each_segment(&mut aims);
    if aims.is_empty() {
        mistakes.check(check, "nothing would be sent");
    }
    Word::Matrix { between, aims, opens, unopened, left_out }
}

/// Why silence would be no sign of policy.
fn not_judged(known: &Known<'_>, aim: &Aim, alive: &[Open]) -> Option<String> {
    let open = stands_open(known, aim).then(|| {
        format!("they are neighbours, and nothing stands between them: `{}` has no rules of its own", aim.to)
    });
    open.or_else(|| aim.unrouted.clone()).or_else(|| unshown(known, aim, alive))
}

/// Whether neither rules of the target's nor the switch between the two could stop the aim's packets.
fn stands_open(known: &Known<'_>, aim: &Aim) -> bool {
    let Some(((from, out), (to, into))) = ends(known, aim) else { return false };
    let apart = out.isolated && into.isolated;
    let filtered = is_filtered(known, from, out) || is_filtered(known, to, into);
    aim.next_node == aim.to && to.ruleset.is_none() && !apart && !filtered
}

/// What flows allow: what can be opened and seen answered, with the opener's address, and what cannot.
fn opens(known: &Known<'_>) -> (Vec<(Open, IpAddr)>, Vec<Unopened>) {
    let (mut opens, mut unopened) = (Vec::new(), Vec::new());
    let mut known_ends = BTreeSet::new();
    for flow in known.flows.iter().filter(|flow| !flow.upkeep) {
        for pair in &flow.pairs {
            for traffic in &flow.ports {
                match of_pair(known, flow, pair, traffic) {
                    Ok(found) => opens.extend(found.into_iter().filter(|(open, _)| {
                        known_ends.insert((open.from.clone(), open.to.clone(), open.address, open.port))
                    })),
                    Err(why) => unopened.push(Unopened {
                        flow: flow.id.clone(),
                        from: pair.from.clone(),
                        to: pair.to.clone(),
                        traffic: *traffic,
                        why: why.to_owned(),
                    }),
                }
            }
        }
    }
    (opens, unopened)
}

/// One of its kinds, at each address that answers and to which the opener's routes lead.
fn of_pair(
    known: &Known<'_>,
    flow: &Flow,
    pair: &FlowPair,
    traffic: &Traffic,
) -> Result<Vec<(Open, IpAddr)>, &'static str> {
    let port = openable(traffic).ok_or("no probe opens it and gets an answer")?;
    let (Some(opener), Some(answerer)) = (known.ways.node(&pair.from), known.ways.node(&pair.to)) else {
        return Err("one of its ends is no node");
    };
    if !is_served(known.services, answerer, &port) && !matches!(port, Traffic::Icmp(..)) {
        return Err("no service of the testbed answers there");
    }
    let answers = answering(known.services, opener, answerer, &port);
    let addresses = pair.addresses.iter().copied();
    let found = addresses.filter(|at| answers.contains(at) && speaks(opener, *at) && fits(&port, *at));
    let open = |address| Open {
        flow: Some(flow.id.clone()),
        from: pair.from.clone(),
        to: pair.to.clone(),
        address,
        port,
    };
    let routed = found.filter(|at| known.ways.legs(opener, *at).is_some());
    let opens: Vec<_> = routed.filter_map(|at| Some((open(at), own_address(known, opener, at)?))).collect();
    if opens.is_empty() { Err("no route leads to an address that answers") } else { Ok(opens) }
}
