//! One packet through all base chains of a hook.

use std::collections::{BTreeMap, BTreeSet};

use super::super::outcome::{Blame, Kernel, Why};
use super::super::packet::{FRAGMENT, Fragment, Tracked};
use super::super::ruleset::Hook;
use super::chain::{Ended, How, Reasons, Walk, keep};
use super::hook::{Base, Station, TRACK, stations, tracks};
use super::track;
use super::traveller::{Connection, Others, Traveller};
use super::{Device, Surroundings};

/// A packet that is still on its way, and what let it pass so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Passing {
    pub(super) traveller: Traveller,
    pub(super) by: BTreeSet<Blame>,
    pub(super) reasons: Reasons,
}

/// What came of the packets: those that go on, those that are gone, and why it is not known of others.
#[derive(Debug, Default)]
pub(super) struct Results {
    pub(super) passing: Vec<Passing>,
    pub(super) dropped: Vec<(BTreeSet<Blame>, Reasons)>,
    pub(super) unknown: Vec<Reasons>,
}

impl Results {
    fn of(passing: Vec<Passing>) -> Self {
        Results { passing, ..Results::default() }
    }

    pub(super) fn drop_all(&mut self, reason: Kernel) {
        let by = || BTreeSet::from([Blame::Kernel(reason)]);
        self.dropped.extend(self.passing.drain(..).map(|one| (by(), one.reasons)));
    }

    /// It is dropped, or goes on.
    fn perhaps_drop(&mut self, mut one: Passing, reason: Kernel, why: &str) {
        one.reasons.insert(Why::of(why));
        self.dropped.push((BTreeSet::from([Blame::Kernel(reason)]), one.reasons.clone()));
        self.passing.push(one);
    }

    /// A piece waits for the others: the first one goes on as the whole, if they come, and no other ever does.
    pub(super) fn put_together(&mut self, mut one: Passing, reason: Kernel) {
        let traveller = &mut one.traveller;
        let is_first = matches!(traveller.packet.fragment, Fragment::First | Fragment::Tiny);
        if is_first && traveller.others == Others::Come {
            (traveller.packet.fragment, traveller.others) = (Fragment::Whole, Others::Met(reason));
            self.passing.push(one);
        } else {
            self.dropped.push((BTreeSet::from([Blame::Kernel(reason)]), one.reasons));
        }
    }

    fn give_up_all(&mut self, why: &str) {
        for one in std::mem::take(&mut self.passing) {
            self.give_up(one, why);
        }
    }

    pub(super) fn give_up(&mut self, one: Passing, why: impl Into<String>) {
        let mut reasons = one.reasons;
        reasons.insert(Why::of(why));
        self.unknown.push(reasons);
    }
}

/// All packets through all base chains of the hook.
pub(super) fn filter(device: &Device<'_>, hook: Hook, results: &mut Results) {
    let Some(is_6) = results.passing.first().map(|one| one.traveller.packet.is_6()) else { return };
    let stations = match stations(&device.rules.ruleset, hook, is_6) {
        Ok(stations) => stations,
        Err(no_order) => {
            return results.give_up_all(&no_order.0);
        }
    };
    for station in stations {
        match station {
            Station::Defragment => defragment(device, is_6, results),
            Station::Track => note_connections(device, results),
            Station::Chain(base, priority) => {
                let at_tracking = priority == TRACK && matches!(hook, Hook::Prerouting | Hook::Output);
                let mut past = past_it(base, hook, results);
                through_chain(device, base, at_tracking, results);
                results.passing.append(&mut past);
                merge(&mut results.passing);
            }
            Station::Nat(bases) => through_nat(device, &bases, results),
        }
    }
}

/// What passes by a chain that hangs on other devices, or may do so where the listing does not say on which it hangs.
fn past_it(base: Base<'_>, hook: Hook, results: &mut Results) -> Vec<Passing> {
    let device = |one: &Passing| match hook {
        Hook::Ingress => Some(one.traveller.in_link.clone()),
        Hook::Egress => Some(one.traveller.out_link.clone()),
        _ => None,
    };
    let devices = base.chain.base.as_ref().map_or(&[][..], |about| &about.devices);
    let mut past = Vec::new();
    results.passing.retain(|one| match device(one) {
        None => true,
        Some(device) if devices.is_empty() => {
            let mut perhaps = one.clone();
            let text = format!("whether chain `{}` hangs on {device}", base.chain.name);
            perhaps.reasons.insert(Why::of(text));
            past.push(perhaps);
            true
        }
        Some(device) if devices.contains(&device) => true,
        Some(_) => {
            past.push(one.clone());
            false
        }
    });
    past
}

/// A piece of a packet waits for the others; not one of what a rule has exempted from tracking already (`ipv4_conntrack_defrag`,
/// `ipv6_defrag`).
fn defragment(device: &Device<'_>, is_6: bool, results: &mut Results) {
    let tracks = tracks(&device.rules.ruleset, is_6);
    for one in std::mem::take(&mut results.passing) {
        let packet = &one.traveller.packet;
        let piece = packet.fragment != Fragment::Whole;
        // What says that it is a piece and is whole by itself, and is looked at more closely.
        let atomic = packet.extensions.contains(&FRAGMENT);
        let exempt = one.traveller.connection == Connection::Untracked;
        match tracks {
            _ if exempt || !(piece || atomic) => results.passing.push(one),
            Some(true) if piece => results.put_together(one, Kernel::Incomplete),
            Some(true) => results.perhaps_drop(one, Kernel::Incomplete, "a fragment that is the whole"),
            None => results.perhaps_drop(one, Kernel::Incomplete, "whether fragments are put together"),
            Some(false) => results.passing.push(one),
        }
    }
}

/// What connection tracking makes of each; where it may make either of two things of it, both are followed.
fn note_connections(device: &Device<'_>, results: &mut Results) {
    for mut one in std::mem::take(&mut results.passing) {
        if one.traveller.connection != Connection::NotYet {
            results.passing.push(one);
            continue;
        }
        let (known, other) = track::connection(&one.traveller.packet, device.loose());
        if let Some(other) = other {
            let protocol = one.traveller.packet.protocol();
            let text = format!("connection tracking may take protocol {protocol} for new or invalid");
            one.reasons.insert(Why::of(text));
            let traveller = Traveller { connection: other, ..one.traveller.clone() };
            results.passing.push(Passing { traveller, ..one.clone() });
        }
        one.traveller.connection = known;
        results.passing.push(one);
    }
}

fn through_chain(device: &Device<'_>, base: Base<'_>, at_tracking: bool, results: &mut Results) {
    if at_tracking {
        // Whether connection tracking has been there already is not known: both are followed.
        for one in &mut results.passing {
            one.reasons.insert(Why::of(format!("whether `{}` or tracking comes first", base.chain.name)));
        }
        let mut after = Results::of(results.passing.clone());
        note_connections(device, &mut after);
        results.passing.append(&mut after.passing);
    }
    for one in std::mem::take(&mut results.passing) {
        for ended in walk(device, base, one.traveller, one.reasons) {
            take(ended, base, one.by.clone(), results);
        }
    }
}

fn walk(device: &Device<'_>, base: Base<'_>, traveller: Traveller, reasons: Reasons) -> Vec<Ended> {
    let nothing = BTreeSet::new();
    let filled = device.rules.filled.get(&(base.table.family, base.table.name.clone())).unwrap_or(&nothing);
    let around = Surroundings { node: device.node, table: base.table, filled };
    Walk::new(around).through(base.chain, traveller, reasons)
}

/// The policy, where no rule decided.
fn take(ended: Ended, base: Base<'_>, mut by: BTreeSet<Blame>, results: &mut Results) {
    let drops = base.chain.base.as_ref().is_some_and(|about| about.drops);
    let policy = || Blame::Policy {
        family: base.table.family.as_str().to_owned(),
        table: base.table.name.clone(),
        chain: base.chain.name.clone(),
    };
    let accepts = match ended.how {
        How::Unknown => return results.unknown.push(ended.reasons),
        How::Accepted => true,
        How::Dropped => false,
        How::Through => !drops,
    };
    let blame = ended.by.unwrap_or_else(policy);
    if accepts {
        by.insert(blame);
        results.passing.push(Passing { traveller: ended.traveller, by, reasons: ended.reasons });
    } else {
        results.dropped.push((BTreeSet::from([blame]), ended.reasons));
    }
}

/// Chains of type `nat`: the first that changes the packet is the last.
fn through_nat(device: &Device<'_>, bases: &[Base<'_>], results: &mut Results) {
    for one in std::mem::take(&mut results.passing) {
        if !one.traveller.is_new() {
            match one.traveller.packet.tracked {
                Tracked::Fresh => results.passing.push(one),
                _ => results.give_up(one, "what was done to the addresses of its connection before"),
            }
            continue;
        }
        let mut waiting = vec![one];
        for base in bases {
            for one in std::mem::take(&mut waiting) {
                let before = (one.traveller.dnat, one.traveller.snat);
                for ended in walk(device, *base, one.traveller.clone(), one.reasons.clone()) {
                    let changed = (ended.traveller.dnat, ended.traveller.snat) != before;
                    let mut taken = Results::default();
                    take(ended, *base, one.by.clone(), &mut taken);
                    results.dropped.extend(taken.dropped);
                    results.unknown.extend(taken.unknown);
                    if changed { &mut results.passing } else { &mut waiting }.extend(taken.passing);
                }
            }
        }
        results.passing.extend(waiting);
    }
    merge(&mut results.passing);
}

/// Packets that are alike are one.
fn merge(passing: &mut Vec<Passing>) {
    if passing.len() < 2 {
        return;
    }
    let mut alike: BTreeMap<Traveller, Reasons> = BTreeMap::new();
    let mut blames: BTreeMap<Traveller, BTreeSet<Blame>> = BTreeMap::new();
    for one in passing.drain(..) {
        blames.entry(one.traveller.clone()).or_default().extend(one.by);
        keep(&mut alike, one.traveller, one.reasons);
    }
    passing.extend(alike.into_iter().map(|(traveller, reasons)| {
        let by = blames.remove(&traveller).unwrap_or_default();
        Passing { traveller, by, reasons }
    }));
}

/// One packet, with nothing behind it.
pub(super) fn begin(traveller: Traveller) -> Results {
    Results::of(vec![Passing { traveller, by: BTreeSet::new(), reasons: Reasons::new() }])
}
