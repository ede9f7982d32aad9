//! Links between switches: which segments each carries, no loop, and nothing that leads nowhere.

use std::collections::{BTreeMap, BTreeSet};

use super::super::mistakes::{Mistake, Mistakes, nearest};
use super::super::model::{Node, Switch};
use super::super::raw::Site;
use super::super::shape::{At, OneOrMany, Slot};
use super::super::tree::Spot;
use super::segments::Segments;
use crate::names::{NodeName, SegmentName, SwitchName};

/// A link between two switches, as written at one of them.
struct Uplink<'a> {
    ends: [&'a SwitchName; 2],
    /// Where the other switch is named.
    spot: Spot,
    carries: Vec<&'a At<SegmentName>>,
}

/// Switches, the segments that have a port there, and where.
type Ports = BTreeMap<SegmentName, BTreeMap<SwitchName, Spot>>;

/// Reads the uplinks of every switch into `switches`. `ports` says where each switch is named.
pub(super) fn build(
    site: &Site,
    nodes: &BTreeMap<NodeName, Node>,
    segments: &Segments,
    switches: &mut BTreeMap<SwitchName, Switch>,
    out: &mut Mistakes,
) {
    let Slot::Good(named) = &site.switches else { return };
    let uplinks = written(site, segments, switches, out);
    for uplink in &uplinks {
        let carries = uplink.carries.iter().map(|segment| segment.value.clone()).collect();
        if let Some(switch) = switches.get_mut(uplink.ends[0]) {
            switch.uplinks.insert(uplink.ends[1].clone(), carries);
        }
    }
    if out.has_errors() || named.incomplete {
        return; // what hangs together is known only when all of it is
    }
    let mut ports = Ports::new();
    for (name, _) in &named.entries {
        for segment in segments_of(&switches[&name.value], nodes) {
            ports.entry(segment).or_default().insert(name.value.clone(), name.spot);
        }
    }
    for segment in segments.known.keys() {
        let carrying: Vec<&Uplink<'_>> =
            uplinks.iter().filter(|one| one.carries.iter().any(|name| name.value == *segment)).collect();
        let here = ports.remove(segment).unwrap_or_default();
        check(segment, &carrying, &here, out);
    }
}

fn written<'a>(
    site: &'a Site,
    segments: &Segments,
    switches: &BTreeMap<SwitchName, Switch>,
    out: &mut Mistakes,
) -> Vec<Uplink<'a>> {
    let mut uplinks: Vec<Uplink<'_>> = Vec::new();
    for (name, raw) in site.switches.good().map_or(&[][..], |named| &named.entries) {
        let to = raw.as_ref().and_then(|raw| raw.uplinks.good());
        for (other, carries) in to.map_or(&[][..], |named| &named.entries) {
            let (ends, carries) = ([&name.value, &other.value], carried(carries.as_ref(), segments, out));
            if other.value == name.value {
                out.push(Mistake::error("a loop between switches", other.spot, "a switch joined to itself"));
                continue;
            }
            if !switches.contains_key(&other.value) {
                let near = nearest(other.value.as_str(), switches.keys().map(SwitchName::as_str));
                let label = match near {
                    Some(near) => format!("no switch has this name; did you mean `{near}`?"),
                    None => "no switch has this name".to_owned(),
                };
                out.push(Mistake::error("an uplink to an unknown switch", other.spot, label));
                continue;
            }
            if let Some(first) = uplinks.iter().find(|one| one.ends == [ends[1], ends[0]]) {
                let label = "write it at one of the two: two links side by side would be a loop";
                let mistake = Mistake::error("an uplink is written twice", other.spot, label);
                out.push(mistake.also(first.spot, "here already"));
                continue;
            }
            uplinks.push(Uplink { ends, spot: other.spot, carries });
        }
    }
    uplinks
}

/// The segments of an uplink, each once.
fn carried<'a>(
    carries: Option<&'a OneOrMany<At<SegmentName>>>,
    segments: &Segments,
    out: &mut Mistakes,
) -> Vec<&'a At<SegmentName>> {
    let mut kept: Vec<&At<SegmentName>> = Vec::new();
    for segment in carries.map_or(&[][..], |many| &many.0) {
        if segments.find(segment, "an uplink", out).is_none() {
            continue;
        }
        if kept.iter().any(|one| one.value == segment.value) {
            out.push(Mistake::error("a segment is named twice", segment.spot, "it is in the list already"));
        } else {
            kept.push(segment);
        }
    }
    kept
}

/// Segments of the links that are plugged into a switch.
fn segments_of(switch: &Switch, nodes: &BTreeMap<NodeName, Node>) -> BTreeSet<SegmentName> {
    let ports = switch.access.iter().chain(&switch.trunk);
    let links = ports.flat_map(|(node, name)| {
        let links = nodes.get(node).map_or(&[][..], |node| &node.links);
        links.iter().filter(move |link| link.name == *name || link.trunk.as_ref() == Some(name))
    });
    links.map(|link| link.segment.clone()).collect()
}

/// One segment over all switches: the uplinks that carry it make a tree that ends at its ports.
fn check(
    segment: &SegmentName,
    carrying: &[&Uplink<'_>],
    here: &BTreeMap<SwitchName, Spot>,
    out: &mut Mistakes,
) {
    for (index, uplink) in carrying.iter().enumerate() {
        if reached(uplink.ends[0], &carrying[..index]).contains(uplink.ends[1]) {
            let label = format!("`{segment}` gets from `{}` to `{}` already", uplink.ends[0], uplink.ends[1]);
            let mistake = Mistake::error("a loop between switches", uplink.spot, label);
            out.push(mistake.help("no switch here has a spanning tree: carry the segment by one way only"));
            return;
        }
    }
    for uplink in carrying {
        let others: Vec<&Uplink<'_>> =
            carrying.iter().copied().filter(|one| one.ends != uplink.ends).collect();
        for end in uplink.ends {
            let beyond = reached(end, &others);
            if !here.keys().any(|switch| beyond.contains(switch)) {
                let spot = uplink.carries.iter().find(|one| one.value == *segment).map(|one| one.spot);
                let label = format!("no port of `{segment}` at `{end}` or beyond it");
                out.push(Mistake::error("a VLAN that no port carries", spot.unwrap_or(uplink.spot), label));
            }
        }
    }
    let Some((first, first_spot)) = here.iter().next() else { return };
    let joined = reached(first, carrying);
    if let Some((torn, spot)) = here.iter().find(|(switch, _)| !joined.contains(switch)) {
        let label = format!("`{torn}` has ports of `{segment}`, and no uplink brings it there");
        let mistake = Mistake::error("a segment is torn", *spot, label);
        let also = mistake.also(*first_spot, format!("`{first}` has ports of `{segment}`, too"));
        out.push(also.help(format!("join them: `uplinks: {{ {first}: [{segment}] }}`")));
    }
}

/// The switches that these uplinks lead to from one, itself included.
fn reached<'a>(from: &'a SwitchName, uplinks: &[&Uplink<'a>]) -> BTreeSet<&'a SwitchName> {
    let mut reached = BTreeSet::from([from]);
    loop {
        let before = reached.len();
        for [one, other] in uplinks.iter().map(|uplink| uplink.ends) {
            if reached.contains(one) || reached.contains(other) {
                reached.extend([one, other]);
            }
        }
        if reached.len() == before {
            return reached;
        }
    }
}
