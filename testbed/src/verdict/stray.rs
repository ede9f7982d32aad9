//! Packets that did not stop although none arrived where the aim judges: handed to another node, altered, answered.
//! One finding per pair, what became of them, and rule.

use crate::names::{NodeName, Traffic};
use crate::observation::{AimSeen, Stray, StrayKind};

use super::Finding;
use super::leak::let_through;
use super::wording::listed;

/// Kinds spelled out per address.
const KINDS: usize = 8;
/// Addresses of one pair that are spelled out, and whose packets are cited.
const CITED: usize = 4;

/// All strays, grouped by source, target, what became of them and what let them through.
pub(super) fn findings(tried: &[&AimSeen]) -> Vec<Finding> {
    let mut groups: Vec<(Key<'_>, Vec<Group<'_>>)> = Vec::new();
    for aim in tried {
        for stray in strays(aim) {
            let key = Key {
                from: &aim.aim.from,
                to: &aim.aim.to,
                stops_at: &aim.aim.stops_at,
                kind: &stray.kind,
                by: let_through(&aim.trace, &aim.aim.stops_at),
            };
            let known = groups.iter().position(|(known, _)| *known == key);
            let place = known.unwrap_or_else(|| {
                groups.push((key, Vec::new()));
                groups.len() - 1
            });
            let aims = &mut groups[place].1;
            match aims.last_mut() {
                Some((last, strays)) if std::ptr::eq(*last, *aim) => strays.push(stray),
                _ => aims.push((aim, vec![stray])),
            }
        }
    }
    groups.into_iter().map(|(key, aims)| finding(key, &aims)).collect()
}

/// The strays of one aim. What arrived and was answered is a leak, and told as that.
pub(super) fn strays(aim: &AimSeen) -> impl Iterator<Item = &Stray> {
    aim.kinds.iter().flat_map(|kind| {
        let leaks = |stray: &Stray| kind.arrived.iter().any(|arrival| arrival.traffic == stray.traffic);
        kind.strays.iter().filter(move |stray| stray.kind != StrayKind::Answered || !leaks(stray))
    })
}

/// The strays of one aim that became the same.
type Group<'a> = (&'a AimSeen, Vec<&'a Stray>);

/// What makes two strays one finding.
#[derive(PartialEq)]
struct Key<'a> {
    from: &'a NodeName,
    to: &'a NodeName,
    stops_at: &'a NodeName,
    kind: &'a StrayKind,
    by: Option<String>,
}

fn finding(key: Key<'_>, aims: &[Group<'_>]) -> Finding {
    let targets = aims.iter().map(|(aim, strays)| {
        let mut kinds: Vec<Traffic> = strays.iter().map(|stray| stray.traffic).collect();
        // One packet may be seen at several taps.
        kinds.dedup();
        format!("{} for {} {}", listed(kinds, KINDS), key.to, aim.aim.address)
    });
    let became = match key.kind {
        StrayKind::DeliveredElsewhere { node } => format!("was handed to {node}"),
        StrayKind::Altered => "arrived altered".to_owned(),
        StrayKind::Answered => "was answered".to_owned(),
    };
    Finding {
        text: format!("{}'s {} {became}", key.from, listed(targets, CITED)),
        pair: Some((key.from.clone(), key.to.clone())),
        stops_at: Some(key.stops_at.clone()),
        packets: aims.iter().take(CITED).flat_map(|(aim, strays)| cited(aim, strays)).collect(),
        by: key.by,
    }
}

/// The first stray of an aim that can be looked at on both sides, else the first at all.
fn cited(aim: &AimSeen, strays: &[&Stray]) -> Vec<(String, u64)> {
    let stored = |packet: Option<u64>| packet.filter(|at| *at > 0);
    let whole = |stray: &&&Stray| stored(stray.entered_packet).and(stored(stray.packet)).is_some();
    let Some(stray) = strays.iter().find(whole).or(strays.first()) else { return Vec::new() };
    let what = format!("{} to {}", stray.traffic, aim.aim.address);
    let shows = match &stray.kind {
        StrayKind::DeliveredElsewhere { node } => format!("{what} arrived at {node}'s tap"),
        StrayKind::Altered => format!("{what} seen altered"),
        StrayKind::Answered => format!("{what} answered"),
    };
    let entered = stored(stray.entered_packet);
    let entered = entered.map(|at| (format!("{what} entered at {}'s tap", aim.aim.from), at));
    entered.into_iter().chain(stored(stray.packet).map(|at| (shows, at))).collect()
}
