//! Frames from one segment towards others.

use crate::plan::testsite::{node, t3, words};
use crate::plan::{Hop, Word};
use crate::scenario::model::Word as Asserted;

fn hops(from: &str, segments: &str) -> Vec<Hop> {
    let word = Asserted::NoHop { from: words(from), segments: words(segments) };
    let plan = t3().check("apart", "F01 S01 F07", word).planned();
    let check = plan.checks.iter().find(|one| one.name.as_str() == "apart").unwrap();
    let Word::NoHop { hops, .. } = &check.word else { panic!("a no_hop") };
    hops.clone()
}

#[test]
fn each_node_sends_into_its_own_segment_and_all_taps_of_the_others_are_looked_at() {
    let plan = t3().planned();
    let hops = hops("app vms", "cam prod wan");
    let ways: Vec<_> = hops.iter().map(|hop| format!("{} {} {}", hop.from, hop.segment, hop.to)).collect();
    assert_eq!(ways, ["app cam prod", "app cam wan", "vms prod cam", "vms prod wan"]);
    let to_prod = &hops[0];
    let trunk = &node(&plan, "rtr").links[1].port;
    assert!(to_prod.taps.contains(trunk) && !to_prod.judges.contains(trunk));
    assert_eq!(to_prod.judges.len(), 2);
    assert!(!to_prod.neighbours.contains(&to_prod.from_port));
    assert!(to_prod.frames.iter().all(|frame| !frame.at_port));
}

#[test]
fn from_a_trunk_every_tag_is_sent_but_the_segments_own() {
    let plan = t3().planned();
    let ports: Vec<_> = node(&plan, "rtr").links.iter().map(|link| link.port.clone()).collect();
    let hops = hops("rtr", "cam prod");
    let ways: Vec<_> =
        hops.iter().map(|hop| format!("{}.{} {} {}", hop.from, hop.link, hop.segment, hop.to)).collect();
    assert_eq!(ways, ["rtr.lan prod cam", "rtr.lan cam prod"]);
    let to_cam = &hops[0];
    assert!(to_cam.taps.iter().all(|tap| !ports.contains(tap)), "what it sends is seen at its own taps");
    let whats: Vec<_> = to_cam.frames.iter().map(|frame| frame.what.as_str()).collect();
    assert!(whats.contains(&"broadcast") && whats.contains(&"VLAN 30 around 20, broadcast"), "{whats:?}");
    assert!(!whats.iter().any(|what| what.starts_with("VLAN 20")), "{whats:?}");
    let carried: Vec<_> = to_cam.frames.iter().filter(|frame| to_cam.is_carried(frame)).collect();
    assert_eq!(carried.iter().map(|frame| &frame.what).collect::<Vec<_>>(), ["VLAN 30, broadcast"]);
    let seen_at = |what: &str| to_cam.port_of(to_cam.frames.iter().find(|one| one.what == what).unwrap());
    let of_prod = node(&plan, "rtr").links.iter().find(|link| link.segment.as_str() == "prod").unwrap();
    assert_eq!(*seen_at("VLAN 30, broadcast"), of_prod.port);
    assert_eq!(*seen_at("tag of priority alone, broadcast"), ports[0]);
}

#[test]
fn a_trunk_is_of_no_use_towards_what_it_does_not_carry() {
    let word = Asserted::NoHop { from: words("rtr"), segments: words("cam wan") };
    let refused = t3().check("apart", "F01 S01", word);
    assert!(crate::plan::plan(&refused).is_err());
}

#[test]
fn the_signs_of_life_use_each_segment() {
    let word = Asserted::NoHop { from: words("app"), segments: words("cam prod") };
    let refused = t3().check("apart", "F01", word);
    assert!(crate::plan::plan(&refused).is_err());
}
