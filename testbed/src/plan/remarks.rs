//! How the site was realised, in sentences for a reader.

use std::collections::BTreeMap;

use super::model::{Link, Node, Segment};
use super::neighbours::MOST_LEARNED;
use super::ways::Ways;
use crate::names::{LinkName, NodeName};
use crate::scenario::model::Site;

/// Names listed in full; of more, only how many.
const MOST_LISTED: usize = 12;

/// What a reader could not tell from the tables.
pub(super) fn remarks(site: &Site, segments: &[Segment], ways: &Ways<'_>) -> Vec<String> {
    let mut remarks = Vec::new();
    remarks.extend(vlans(segments));
    remarks.extend(trunks(site));
    remarks.extend(uplinks(site));
    for segment in segments {
        remarks.extend(unfiltered(segment, ways));
        remarks.extend(isolated(segment, ways));
        remarks.extend(fixed(segment, ways));
    }
    remarks
}

fn vlans(segments: &[Segment]) -> Option<String> {
    let one = |segment: &Segment| Some(format!("{} ({})", segment.vlan?, segment.name));
    let vlans: Vec<_> = segments.iter().filter_map(one).collect();
    (!vlans.is_empty()).then(|| {
        let vlans = vlans.join(", ");
        format!(
            "VLANs {vlans} are tags on one bridge where the kernel has 802.1Q and VLAN filtering; elsewhere bridges of their own, without tags on the wire."
        )
    })
}

fn trunks(site: &Site) -> Vec<String> {
    let mut trunks: BTreeMap<(&NodeName, &LinkName), Vec<String>> = BTreeMap::new();
    for node in site.nodes.values() {
        for link in &node.links {
            if let Some(trunk) = &link.trunk {
                trunks.entry((&node.name, trunk)).or_default().push(format!("`{}`", link.name));
            }
        }
    }
    let says = |((node, trunk), links): (_, Vec<String>)| {
        format!(
            "Trunk `{trunk}` of `{node}` is one cable with tags, or one cable per VLAN without: {}.",
            links.join(", ")
        )
    };
    trunks.into_iter().map(says).collect()
}

/// All switches are one in the fabric.
fn uplinks(site: &Site) -> Vec<String> {
    let joined = site.switches.iter().flat_map(|(name, switch)| {
        switch.uplinks.iter().map(move |(other, carries)| {
            let carries: Vec<_> = carries.iter().map(ToString::to_string).collect();
            format!(
                "Switches `{name}` and `{other}` are joined for {}: here both are the same bridges, and no cable lies \
                 between them.",
                carries.join(", ")
            )
        })
    });
    joined.collect()
}

/// The members that take whatever their neighbours send.
fn unfiltered(segment: &Segment, ways: &Ways<'_>) -> Option<String> {
    let members = ways.members(&segment.name);
    let open: Vec<_> = members.iter().filter(|(node, _)| node.ruleset.is_none()).collect();
    (members.len() > 1 && !open.is_empty()).then(|| {
        let names = listed(&open);
        format!("In segment `{}` nothing filters what neighbours send to {names}.", segment.name)
    })
}

fn isolated(segment: &Segment, ways: &Ways<'_>) -> Option<String> {
    let members = ways.members(&segment.name);
    let isolated: Vec<_> = members.iter().filter(|(_, link)| link.isolated).collect();
    (isolated.len() > 1).then(|| {
        let names = listed(&isolated);
        format!("In segment `{}` these ports do not reach one another: {names}.", segment.name)
    })
}

fn fixed(segment: &Segment, ways: &Ways<'_>) -> Option<String> {
    let (name, links) = (&segment.name, ways.members(&segment.name).len());
    let why = if links > MOST_LEARNED {
        format!("its {links} links could learn more than the kernel keeps")
    } else {
        "the scenario says so".to_owned()
    };
    segment.fixed.then(|| {
        format!("In segment `{name}` neighbours are fixed, not learned by ARP or ND: {why}. Nobody is deceived there by false answers.")
    })
}

fn listed(members: &[&(&Node, &Link)]) -> String {
    let names: Vec<_> =
        members.iter().take(MOST_LISTED).map(|(node, link)| format!("{}.{}", node.name, link.name)).collect();
    let more = members.len() - names.len();
    if more == 0 { names.join(", ") } else { format!("{} and {more} more", names.join(", ")) }
}
