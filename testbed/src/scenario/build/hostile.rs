//! What a hostile camera does, as written → as meant.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::super::leaf::{Ahead, Lasting};
use super::super::mistakes::{Mistake, Mistakes};
use super::super::model::{HandsOut, Hostile, Misroute};
use super::super::raw;
use super::super::shape::{At, OneOrMany, Slot};
use super::directory::Directory;
use super::or;
use super::segments::Segments;
use crate::names::{NodeName, SegmentName};

/// Nothing, unless it is written. A camera with a command of its own is not told anything.
pub(super) fn hostile(
    raw: &raw::Camera,
    at: &At<NodeName>,
    (directory, segments): (&Directory, &Segments),
    out: &mut Mistakes,
) -> Hostile<NodeName, SegmentName> {
    let Some(written) = raw.hostile.good() else { return Hostile::default() };
    if !raw.run.is_absent() {
        let title = "a camera with a command of its own cannot be told to be hostile";
        out.push(Mistake::error(title, at.spot, "it has `run` and `hostile`"));
    }
    if let Some(printer) =
        written.answers_as_printer.good().filter(|printer| printer.value && raw.onvif.is_absent())
    {
        let title = "a printer that hears no search cannot answer it";
        out.push(Mistake::error(title, printer.spot, "give it `onvif: answers`"));
    }
    let changes_address = changes_address(raw, written, out);
    let hands_out = hands_out(written, out);
    let mut one = |name: &At<NodeName>| directory.one_of(name, &[], "a hostile camera", out);
    let (redirects_to, sends_away_to, points_to) = (
        written.redirects_to.good().and_then(&mut one),
        written.sends_away_to.good().and_then(&mut one),
        written.points_to.good().and_then(&mut one),
    );
    let mut all = |slot: &Slot<OneOrMany<At<NodeName>>>| {
        slot.good().map_or(Vec::new(), |names| names.0.iter().filter_map(&mut one).collect())
    };
    let (copies_to, pushes_to, calls) =
        (all(&written.copies_to), all(&written.pushes_to), all(&written.calls));
    let misroutes =
        written.misroutes.good().map_or(Vec::new(), |one| pairs(&all(&one.nodes), &all(&one.about)));
    let scans = written.scans.good().map_or(&[][..], |names| &names.0);
    let scans = scans.iter().filter(|name| segments.find(name, "a hostile camera", out).is_some());
    Hostile {
        redirects_to,
        sends_away_to,
        points_to,
        copies_to,
        pushes_to,
        calls,
        scans: scans.map(|name| name.value.clone()).collect(),
        outlasts_teardown: or(&written.outlasts_teardown, false),
        answers_late: written.answers_late.good().map(|late| late.value.0),
        answers_slowly: written.answers_slowly.good().map(|every| every.value.0),
        answers_padded: written.answers_padded.good().map(|bytes| bytes.value.0),
        answers_garbage: or(&written.answers_garbage, false),
        answers_as_printer: or(&written.answers_as_printer, false),
        hands_out,
        misroutes,
        clock: or(&written.clock, Ahead(0)).0,
        dies: written
            .dies
            .good()
            .and_then(|dies| Some((dies.after.good()?.value.0, dies.lasts.good()?.value.0))),
        changes_address,
    }
}

/// Each of the nodes with each of the others; whoever is in both lists knows the way to himself.
fn pairs(nodes: &[NodeName], about: &[NodeName]) -> Vec<Misroute<NodeName>> {
    let with =
        |node: &NodeName, about: &NodeName| Misroute { node: node.clone(), about: about.clone(), over: None };
    let of = |node| about.iter().filter(move |other| *other != node).map(move |other| with(node, other));
    nodes.iter().flat_map(of).collect()
}

/// What is handed out. Whether it is of the camera's subnet, and nobody else's, is for the plan to see.
fn hands_out(written: &raw::Hostile, out: &mut Mistakes) -> Option<HandsOut> {
    let hands_out = written.hands_out.good()?;
    let first = match hands_out.first.good() {
        None => None,
        Some(first) => match first.value {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => {
                out.push(Mistake::error("a camera hands out IPv4 addresses", first.spot, "an IPv6 address"));
                return None;
            }
        },
    };
    Some(HandsOut { first, lease: or(&hands_out.lease, Lasting(Duration::from_secs(30))).0 })
}

/// When, and which one. Whether it is one of the camera's subnet, and nobody else's, is for the plan to see.
fn changes_address(
    raw: &raw::Camera,
    written: &raw::Hostile,
    out: &mut Mistakes,
) -> Option<(Duration, Ipv4Addr)> {
    let change = written.changes_address.good()?;
    let to = change.to.good()?;
    let mut wrong = |title: &str, label: &str| out.push(Mistake::error(title, to.spot, label));
    if raw.count.good().is_some_and(|count| count.value.0 > 1) {
        wrong("several cameras cannot take one address", "write each of them by itself, without `count`");
    }
    if !written.dies.is_absent() {
        let label = "it has `dies` as well: give that to another camera";
        wrong("a camera that goes away cannot take another address meanwhile", label);
    }
    if !written.misroutes.is_absent() {
        let label = "it has `misroutes` as well: give that to another camera";
        wrong("a camera that others are told to go over cannot take another address meanwhile", label);
    }
    let IpAddr::V4(address) = to.value else {
        wrong("a camera takes an IPv4 address or none", "an IPv6 address");
        return None;
    };
    Some((or(&change.after, Lasting(Duration::from_secs(1))).0, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_of_each_but_of_itself() {
        let names =
            |words: &[&str]| words.iter().map(|word| word.parse().unwrap()).collect::<Vec<NodeName>>();
        let told = pairs(&names(&["app", "rtr"]), &names(&["aws", "rtr"]));
        let told: Vec<_> =
            told.iter().map(|one| (one.node.as_str(), one.about.as_str(), &one.over)).collect();
        assert_eq!(told, [("app", "aws", &None), ("app", "rtr", &None), ("rtr", "aws", &None)]);
    }
}
