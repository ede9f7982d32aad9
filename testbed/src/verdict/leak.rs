//! Packets that arrived where none may: one finding per pair and rule, with the packets to look at.

use crate::names::{Kinds, NodeName, Traffic};
use crate::observation::{AimSeen, Arrival, TraceStep};
use crate::plan::Judge;

use super::Finding;
use super::controls::address_name;
use super::wording::listed;

/// Kinds spelled out per address.
const KINDS: usize = 8;
/// Addresses of one pair whose packets are cited.
const CITED: usize = 4;

/// All leaks, grouped by source, target and what let them through.
pub(super) fn findings(tried: &[&AimSeen]) -> Vec<Finding> {
    let mut groups: Vec<(Key<'_>, Vec<&AimSeen>)> = Vec::new();
    for aim in tried.iter().filter(|aim| arrivals(aim).next().is_some()) {
        let key = Key {
            from: &aim.aim.from,
            forged: aim.aim.forged.as_ref().map(|forged| &forged.node),
            to: &aim.aim.to,
            stops_at: &aim.aim.stops_at,
            by: let_through(&aim.trace, &aim.aim.stops_at),
        };
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, aims)) => aims.push(aim),
            None => groups.push((key, vec![aim])),
        }
    }
    groups.into_iter().map(|(key, aims)| finding(key, &aims)).collect()
}

/// What makes two leaks one finding.
#[derive(PartialEq)]
struct Key<'a> {
    from: &'a NodeName,
    forged: Option<&'a NodeName>,
    to: &'a NodeName,
    stops_at: &'a NodeName,
    by: Option<String>,
}

fn arrivals<'a>(aim: &&'a AimSeen) -> impl Iterator<Item = &'a Arrival> {
    let aim: &'a AimSeen = aim;
    aim.kinds.iter().flat_map(|kind| &kind.arrived)
}

fn finding(key: Key<'_>, aims: &[&AimSeen]) -> Finding {
    let mut targets: Vec<(String, Reached)> = Vec::new();
    for aim in aims {
        let address = address_name(&aim.aim);
        match targets.iter_mut().find(|(known, _)| *known == address) {
            Some((_, known)) => known.add(aim),
            None => {
                let mut reached = Reached::default();
                reached.add(aim);
                targets.push((address, reached));
            }
        }
    }
    // A stream sends each kind many times.
    let again = aims.iter().flat_map(|aim| &aim.kinds).any(|kind| kind.planned > kind.kinds.width());
    let unit = if again { "packets" } else { "kinds" };
    let targets = targets.into_iter().map(|(address, reached)| {
        let Reached { kinds, of_cells, odd, planned } = &reached;
        let count = kinds.len() + of_cells.len() + odd.len();
        format!("{address} on {} ({count} of {planned} {unit})", reached.in_words())
    });
    let forged = key.forged.map(|node| format!(", with an address of {node},")).unwrap_or_default();
    let mut text = format!("{}{forged} reached {} {}", key.from, key.to, listed(targets, CITED));
    if key.by.is_none() {
        text.push_str(&format!("; no trace says which rule of {} accepted it", key.stops_at));
    }
    Finding {
        text,
        pair: Some((key.from.clone(), key.to.clone())),
        stops_at: Some(key.stops_at.clone()),
        packets: aims.iter().take(CITED).flat_map(|aim| cited(aim)).collect(),
        by: key.by,
    }
}

/// What arrived at one address.
#[derive(Default)]
struct Reached {
    /// Of a list.
    kinds: Vec<Traffic>,
    /// Of cells, in the order in which they were sent.
    of_cells: Vec<Traffic>,
    /// Of odd packets, likewise.
    odd: Vec<Traffic>,
    planned: u64,
}

impl Reached {
    fn add(&mut self, aim: &AimSeen) {
        let last = aim.kinds.len().saturating_sub(1);
        for (place, kind) in aim.kinds.iter().enumerate() {
            let arrived = kind.arrived.iter().map(|arrival| arrival.traffic);
            match kind.kinds {
                Kinds::Range(_) => self.kinds.extend(arrived),
                Kinds::Cells(_) if place == last && aim.aim.sends_odd() => self.odd.extend(arrived),
                Kinds::Cells(_) => self.of_cells.extend(arrived),
            }
            self.planned += kind.planned;
        }
    }

    /// Ranges of the list; of cells and odd packets one, which shows what is wrong, since the others are as many as there are
    /// edges, or ports.
    fn in_words(&self) -> String {
        let listed = Some(listed(Traffic::joined(self.kinds.clone()), KINDS)).filter(|text| !text.is_empty());
        let of = |packets: &[Traffic], what: &str| {
            let first = packets.first()?;
            Some(match packets.len() - 1 {
                0 => format!("{first} {what}"),
                more => format!("{first} and {more} more {what}"),
            })
        };
        let parts = [listed, of(&self.of_cells, "for cells of the rules"), of(&self.odd, "that are odd")];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", and ")
    }
}

/// The first packet of an aim that can be looked at on both sides, else the first at all.
fn cited(aim: &AimSeen) -> Vec<(String, u64)> {
    let stored = |packet: Option<u64>| packet.filter(|at| *at > 0);
    let whole = |arrival: &&Arrival| stored(arrival.entered_packet).and(stored(arrival.packet)).is_some();
    let Some(arrival) = arrivals(&aim).find(whole).or_else(|| arrivals(&aim).next()) else {
        return Vec::new();
    };
    let what = format!("{} to {}", arrival.traffic, aim.aim.address);
    let entered = stored(arrival.entered_packet);
    let entered = entered.map(|at| (format!("{what} entered at {}'s tap", aim.aim.from), at));
    let left = stored(arrival.packet);
    let tap = match (&aim.aim.everybody, &aim.aim.judge) {
        (Some(one), Judge::Tap { .. }) if !one.alone => format!("a tap of {}", aim.aim.target_segment),
        _ => format!("{}'s tap", aim.aim.to),
    };
    let left = left.map(|at| (format!("{what} arrived at {tap}"), at));
    entered.into_iter().chain(left).collect()
}

/// The last step at the device that should have stopped the packet in which a rule or policy accepted it; where that has no
/// rules, and a switch before it has, the last of the switch's.
pub(super) fn let_through(trace: &[TraceStep], stops_at: &NodeName) -> Option<String> {
    let accepted = || trace.iter().filter(|step| step.verdict == "accept");
    let elsewhere = trace.iter().all(|step| step.node != *stops_at);
    let step = accepted().rfind(|step| elsewhere || step.node == *stops_at)?;
    Some(format!("{} {}", step.chain.trim(), step.rule.trim()))
}
