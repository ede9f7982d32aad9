//! Frames that bridges keep to themselves, and frames with VLAN tags: they are put on a node's own cable, past the switch that would
//! stop them, and must not come out of the node's other links.

use std::collections::BTreeSet;

use super::model::{Carries, Link, Segment, StrayFrame, Tag};
use crate::names::{Mac, VlanId};

/// The first of the sixteen addresses whose frames no bridge passes on (IEEE 802.1Q, table 8-1).
const RESERVED: [u8; 6] = [0x01, 0x80, 0xc2, 0, 0, 0];
/// Of a tag that is there for it alone: video (IEEE 802.1Q, annex I).
const PRIORITY: u8 = 5;

/// What is sent into one link of a node, and must not leave by the other. On a trunk there is nothing of it: what is on its
/// cable are the frames of all its VLANs.
pub(super) fn frames(segments: &[Segment], enters: &Link, leaves: &Link) -> Vec<StrayFrame> {
    if enters.trunk.is_some() || leaves.trunk.is_some() {
        return Vec::new();
    }
    let tagged = tagged(segments).into_iter().map(|(what, carries)| frame(what, Mac::BROADCAST, carries));
    reserved().chain(tagged).collect()
}

fn frame(what: String, dest: Mac, carries: Carries) -> StrayFrame {
    StrayFrame { what, dest, carries, at_port: true }
}

/// To each of the sixteen, as the protocol that is spoken there; where there are several, one of them.
fn reserved() -> impl Iterator<Item = StrayFrame> {
    (0..16).map(|last| {
        let [a, b, c, d, e, _] = RESERVED;
        let dest = Mac([a, b, c, d, e, last]);
        let (name, carries) = match last {
            0x00 => (" (spanning tree)", Carries::Llc),
            0x01 => (" (pause)", Carries::Ether(0x8808)),
            0x02 => (" (LACP)", Carries::Ether(0x8809)),
            0x03 => (" (EAPOL)", Carries::Ether(0x888e)),
            0x0e => (" (LLDP)", Carries::Ether(0x88cc)),
            _ => ("", Carries::Unknown),
        };
        frame(format!("to {dest}{name}"), dest, carries)
    })
}

/// One or two tags: numbers of the site's, one that it does not have, none.
pub(super) fn tagged(segments: &[Segment]) -> Vec<(String, Carries)> {
    let known: BTreeSet<u16> = segments.iter().filter_map(|one| one.vlan).map(VlanId::into).collect();
    // 4095 is reserved (IEEE 802.1Q, table 9-2).
    let foreign = (2..4095).rev().find(|number| !known.contains(number)).unwrap_or(4094);
    let tag = |number| Tag { ether_type: Tag::CUSTOMER, number, priority: 0 };
    let one = |tag| Carries::Tagged { outer: tag, inner: None };
    let two = |outer, inner| Carries::Tagged { outer, inner: Some(inner) };
    let provider = Tag { ether_type: Tag::PROVIDER, ..tag(foreign) };
    let mut all: Vec<_> = known.iter().map(|number| (format!("VLAN {number}"), one(tag(*number)))).collect();
    all.push((format!("VLAN {foreign}, of nobody's"), one(tag(foreign))));
    all.push(("tag of priority alone".into(), one(Tag { priority: PRIORITY, ..tag(0) })));
    for number in known.iter().copied().chain([foreign]) {
        all.push((format!("VLAN {foreign} around {number}"), two(tag(foreign), tag(number))));
        all.push((format!("provider's VLAN {foreign} around {number}"), two(provider, tag(number))));
    }
    for outer in &known {
        for inner in known.iter().filter(|inner| *inner != outer) {
            all.push((format!("VLAN {outer} around {inner}"), two(tag(*outer), tag(*inner))));
        }
    }
    all.push((format!("provider's VLAN {foreign}"), one(provider)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testsite::{node, t1, t3};

    #[test]
    fn each_reserved_address_and_each_kind_of_tag_is_sent_once() {
        let plan = t1().planned();
        let app = node(&plan, "app");
        let all = frames(&plan.segments, &app.links[0], &app.links[1]);
        let reserved: BTreeSet<_> =
            all.iter().map(|one| one.dest).filter(|dest| *dest != Mac::BROADCAST).collect();
        assert_eq!(reserved.len(), 16);
        let whats: BTreeSet<_> = all.iter().map(|one| &one.what).collect();
        assert_eq!(whats.len(), all.len());
        assert!(all.iter().all(|one| one.at_port));
    }

    #[test]
    fn tags_are_those_of_the_site_one_of_nobody_and_none() {
        let numbers: Vec<_> = tagged(&t3().planned().segments).into_iter().map(|(what, _)| what).collect();
        let wanted = [
            "VLAN 20",
            "VLAN 30",
            "VLAN 4094, of nobody's",
            "tag of priority alone",
            "VLAN 20 around 30",
            "VLAN 4094 around 20",
            "provider's VLAN 4094",
            "provider's VLAN 4094 around 30",
        ];
        wanted.iter().for_each(|one| assert!(numbers.iter().any(|what| what == one), "{one}: {numbers:?}"));
    }

    #[test]
    fn on_a_trunk_there_is_none_of_it() {
        let plan = t3().planned();
        let rtr = node(&plan, "rtr");
        assert!(frames(&plan.segments, &rtr.links[0], &rtr.links[2]).is_empty());
    }
}
