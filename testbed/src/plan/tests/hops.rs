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
fn a_node_on_a_trunk_sends_nothing() {
    let word = Asserted::NoHop { from: words("rtr"), segments: words("cam prod") };
    let refused = t3().check("apart", "F01 S01", word);
    assert!(crate::plan::plan(&refused).is_err());
}

#[test]
fn the_signs_of_life_use_each_segment() {
    let word = Asserted::NoHop { from: words("app"), segments: words("cam prod") };
    let refused = t3().check("apart", "F01", word);
    assert!(crate::plan::plan(&refused).is_err());
}
