//! `members`: who is plugged into a segment, and who is heard there under which Ethernet address.

use std::collections::BTreeMap;

use crate::names::{LinkName, Mac, NodeName, SegmentName};
use crate::observation::{Observations, Station};
use crate::plan::{Aim, Check, Link, Plan, Word};

use super::Finding;
use super::judge::Draft;
use super::wording::{counted, listed};

/// A node's link in the segment, by the port of the fabric that it is plugged into.
type Plugged<'a> = BTreeMap<&'a LinkName, (&'a NodeName, &'a Link)>;

pub(super) fn draft(plan: &Plan, check: &Check, seen: &Observations) -> Draft {
    let mut draft = Draft::default();
    let Word::Members { segment, exactly, tagged } = &check.word else { return draft };
    let plugged = plugged(plan, segment);
    let heard = seen.stations.iter().filter(|one| plugged.contains_key(&one.port));
    let heard: Vec<&Station> = heard.filter(|one| !is_forged_by_us(plan, one)).collect();
    for (node, link) in plugged.values().filter(|(node, _)| !exactly.contains(node)) {
        let first = heard.iter().find(|one| one.port == link.port && one.frames > 0);
        let text = format!("{node} is plugged into {segment} (by {})", link.name);
        draft.findings.push(finding(text, first.copied()));
    }
    for name in exactly {
        // One link is enough: a spare says nothing as long as it is not needed.
        let links: Vec<_> =
            plugged.values().filter(|(node, _)| *node == name).map(|(_, link)| link).collect();
        let is_heard = |link: &&&Link| {
            heard.iter().any(|one| one.port == link.port && is_its_own(plan, name, link, one.mac))
        };
        if links.is_empty() {
            draft.findings.push(finding(format!("{name} is not plugged into {segment}"), None));
        } else if !links.iter().any(is_heard) {
            draft.reasons.add("silent", format!("{name} was not heard in {segment}"));
        }
    }
    // Who was heard earlier in a lab that stays is there; what was wrong earlier is no finding of now.
    for station in heard.iter().filter(|one| one.frames > 0) {
        let (node, link) = plugged[&station.port];
        if !is_its_own(plan, node, link, station.mac) {
            draft.findings.push(finding(foreign(plan, node, link, station.mac), Some(station)));
        }
    }
    let mut tags = String::new();
    let tagless = seen.missing.iter().any(|(feature, _)| feature == "vlan-tags");
    if tagged.is_some() && tagless {
        draft.reasons.add("tags", "VLANs are kept apart without tags here, so none can be seen");
    } else if let Some(tagged) = tagged {
        let vlan = plan.segments.iter().find(|one| one.name == *segment).and_then(|one| one.vlan);
        let carried = for_tags(vlan.map(u16::from), tagged, &plugged, seen, &mut draft);
        let here = seen.tags.iter().filter(|one| plugged.contains_key(&one.port));
        let all: u64 = here.map(|one| one.frames).sum();
        tags = format!("; {carried} of {all} frames carry its tag, on trunks");
    }
    let frames: u64 = heard.iter().map(|one| one.frames).sum();
    let nodes: Vec<_> = plugged.values().map(|(node, _)| node.to_string()).collect();
    let addresses = counted(heard.len(), "Ethernet address");
    draft.summary =
        format!("{addresses} in {segment} ({frames} frames); plugged in: {}{tags}", listed(nodes, 6));
    draft
}

/// Whether an attacker of this scenario sends from that Ethernet address at that port.
fn is_forged_by_us(plan: &Plan, station: &Station) -> bool {
    let port = |aim: &Aim| {
        let node = plan.nodes.iter().find(|node| node.name == aim.from)?;
        node.links.iter().find(|link| link.name == aim.link).map(|link| (&link.port, link.mac))
    };
    plan.aims().any(|(_, aim)| {
        let forged = aim.forged.as_ref().map(|forged| forged.mac);
        port(aim).is_some_and(|(port, own)| {
            *port == station.port && own != station.mac && forged == Some(station.mac)
        })
    })
}

/// On a trunk every frame has the segment's tag; at any other member's port none has a tag. Gives how many frames have it.
fn for_tags(
    vlan: Option<u16>,
    tagged: &[NodeName],
    plugged: &Plugged<'_>,
    seen: &Observations,
    draft: &mut Draft,
) -> u64 {
    let mut carried = 0;
    let carry = |tag: Option<u16>| tag.map_or("no tag".to_owned(), |tag| format!("tag {tag}"));
    for (port, (node, link)) in plugged {
        let wanted = vlan.filter(|_| tagged.contains(node));
        let here = || seen.tags.iter().filter(|one| one.port == **port);
        for wrong in here().filter(|one| one.tag != wanted) {
            let found = carry(wrong.tag);
            let wanted = wanted.map_or("none".to_owned(), |tag| format!("tag {tag}"));
            let text = format!("frames at {node}'s {} carry {found}, not {wanted}", link.name);
            let packets = vec![("first frame".to_owned(), wrong.first_packet)];
            draft.findings.push(Finding { text, pair: None, stops_at: None, packets, by: None });
        }
        let with_tag: u64 = here().filter(|one| one.tag == wanted).map(|one| one.frames).sum();
        if tagged.contains(node) {
            carried += with_tag;
            if with_tag == 0 {
                draft
                    .reasons
                    .add("silent", format!("no frame with a tag was seen at {node}'s {}", link.name));
            }
        }
    }
    carried
}

fn plugged<'a>(plan: &'a Plan, segment: &SegmentName) -> Plugged<'a> {
    let links = plan.nodes.iter().flat_map(|node| node.links.iter().map(move |link| (&node.name, link)));
    let inside = links.filter(|(_, link)| link.segment == *segment);
    inside.map(|(node, link)| (&link.port, (node, link))).collect()
}

/// A link's Ethernet address, or that of the link of its node that it changes places with.
fn is_its_own(plan: &Plan, node: &NodeName, link: &Link, mac: Mac) -> bool {
    let partner = plan.node(node).and_then(|node| node.partner(link));
    link.mac == mac || partner.is_some_and(|partner| partner.mac == mac)
}

/// Somebody speaks at a node's port under an address that is not its own.
fn foreign(plan: &Plan, node: &NodeName, link: &Link, mac: Mac) -> String {
    let owner = plan.nodes.iter().find(|other| other.links.iter().any(|link| link.mac == mac));
    let whose = owner.map_or("nobody's".to_owned(), |owner| format!("an address of {}", owner.name));
    format!("frames come out of {node}'s {} from {mac}, which is {whose}", link.name)
}

fn finding(text: String, first: Option<&Station>) -> Finding {
    let packets = first.map(|one| ("first frame".to_owned(), one.first_packet));
    Finding { text, pair: None, stops_at: None, packets: packets.into_iter().collect(), by: None }
}
