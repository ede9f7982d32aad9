//! The control `alive` of a negative: allowed flows that must work around each probe, and whether they show enough.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::answers::answering;
use super::checks::Known;
use super::mistake::Mistakes;
use super::model::{Aim, Flow, FlowPair, Node, Open};
use super::ports::{fits, openable};
use super::ways::{Leg, speaks};
use crate::names::{NodeName, Traffic};
use crate::scenario::model::Check;

/// One conversation for each pair of each flow that the check names.
pub(super) fn opens(check: &Check, known: &Known<'_>, mistakes: &mut Mistakes) -> Vec<Open> {
    let mut opens = Vec::new();
    for id in &check.alive {
        let Some(flow) = known.flows.iter().find(|flow| flow.id == *id) else {
            mistakes.check(check, format!("`alive` names flow {id}, which the scenario does not have"));
            continue;
        };
        let Some(port) = flow.ports.iter().find_map(openable).filter(|_| !flow.upkeep) else {
            mistakes.check(check, format!("`alive` names flow {id}, which nobody can open and see answered"));
            continue;
        };
        opens.extend(flow.pairs.iter().filter_map(|pair| open(known, flow, pair, port)));
    }
    opens
}

/// At the first address that answers and that the opener's routes lead to.
pub(super) fn open(known: &Known<'_>, flow: &Flow, pair: &FlowPair, port: Traffic) -> Option<Open> {
    let (opener, answerer) = (known.ways.node(&pair.from)?, known.ways.node(&pair.to)?);
    let answers = answering(known.services, opener, answerer, &port);
    let fitting = |address: &IpAddr| speaks(opener, *address) && fits(&port, *address);
    let possible: Vec<_> = pair.addresses.iter().copied().filter(fitting).collect();
    let rank = |address: &IpAddr| (!answers.contains(address), known.ways.legs(opener, *address).is_none());
    // `min_by_key` takes the first of equals.
    let address = possible.into_iter().min_by_key(rank)?;
    let (from, to) = (pair.from.clone(), pair.to.clone());
    Some(Open { flow: Some(flow.id.clone()), from, to, address, port })
}

/// Refuses an `alive` that would be green with a dead device on the way or at an end.
///
/// Both ends of every aim must be an end of some conversation; camera and cloud only answer, and that counts. Where a
/// device lies between them, conversations must use its leg in the attacker's segment and a device's leg in the
/// target's: one that stays between two other nodes of a segment shows that they live, not that the device does.
pub(super) fn cover(check: &Check, known: &Known<'_>, aims: &[Aim], opens: &[Open], mistakes: &mut Mistakes) {
    if check.alive.is_empty() {
        mistakes.check(check, "needs `alive`: a dead device isolates perfectly");
        return;
    }
    let shown = Shown::new(known, opens);
    let mut ends = BTreeSet::new();
    let mut legs = BTreeSet::new();
    for aim in aims {
        ends.extend([&aim.from, &aim.to].into_iter().filter(|node| !shown.ends.contains(node)));
        if aim.next_node != aim.to {
            legs.extend(shown.missing_legs(known, aim));
        }
    }
    if !ends.is_empty() {
        let names: Vec<_> = ends.iter().map(|name| format!("`{name}`")).collect();
        mistakes.check(check, format!("no flow of `alive` begins or ends at {}", names.join(", ")));
    }
    legs.into_iter().for_each(|text| mistakes.check(check, text));
}

/// Why the aim's silence would say nothing beside these conversations; none if they show that its way lives.
pub(super) fn unshown(known: &Known<'_>, aim: &Aim, opens: &[Open]) -> Option<String> {
    let shown = Shown::new(known, opens);
    let ends = [&aim.from, &aim.to].into_iter().find(|node| !shown.ends.contains(node));
    let ends = ends.map(|node| {
        format!("no flow that can be opened begins or ends at `{node}`, so that nothing shows that it lives")
    });
    let legs = || {
        let missing = if aim.next_node == aim.to { Vec::new() } else { shown.missing_legs(known, aim) };
        missing.into_iter().next().map(|text| text.replacen("of `alive` ", "that can be opened ", 1))
    };
    ends.or_else(legs)
}

/// What conversations show when they work.
struct Shown<'a> {
    ends: BTreeSet<&'a NodeName>,
    legs: BTreeSet<Leg<'a>>,
}

impl<'a> Shown<'a> {
    fn new(known: &Known<'a>, opens: &'a [Open]) -> Self {
        let mut shown = Shown { ends: BTreeSet::new(), legs: BTreeSet::new() };
        for open in opens {
            let opener = known.ways.node(&open.from);
            // One that has no way shows nothing.
            if let Some(legs) = opener.and_then(|opener| known.ways.legs(opener, open.address)) {
                shown.ends.extend([&open.from, &open.to]);
                shown.legs.extend(legs);
            }
        }
        shown
    }

    /// In words, the legs of devices that the aim would use and nothing shows alive.
    fn missing_legs(&self, known: &Known<'a>, aim: &Aim) -> Vec<String> {
        let device = &aim.next_node;
        let attacker = known.ways.node(&aim.from);
        let own = attacker.and_then(|node| node.links.iter().find(|link| link.name == aim.link));
        let own = own.map(|link| &link.segment).filter(|segment| !self.legs.contains(&(device, *segment)));
        let near = own.map(|own| format!("no flow of `alive` uses the leg of `{device}` in segment `{own}`"));
        let target = &aim.target_segment;
        let leading = leading_to(known, aim);
        let reached = leading.iter().any(|name| self.legs.contains(&(*name, target)));
        let far = (!reached && !leading.is_empty())
            .then(|| format!("no flow of `alive` uses a leg of {} in segment `{target}`", one_of(&leading)));
        near.into_iter().chain(far).collect()
    }
}

/// The devices by which the aim's packets would enter the target's segment: those there that forward, or the one they
/// are sent to; else those that have another link, and so would forward in the open copy.
fn leading_to<'a>(known: &Known<'a>, aim: &Aim) -> Vec<&'a NodeName> {
    let others = |able: fn(&Node, &Aim) -> bool| {
        let members = known.ways.members(&aim.target_segment).iter().map(|(node, _)| *node);
        let able = members.filter(|node| node.name != aim.to && able(node, aim));
        able.map(|node| &node.name).collect::<Vec<_>>()
    };
    let forwarding = others(|node, aim| node.forwards || node.name == aim.next_node);
    if forwarding.is_empty() { others(|node, _| node.links.len() > 1) } else { forwarding }
}

/// `` `a` or `b` ``.
fn one_of(names: &[&NodeName]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
}
