//! Whole plans.

use super::render;
use super::testsite::{no_reach, node, t3, t5};

#[test]
fn the_same_scenario_gives_the_same_bytes() {
    for site in [t3, t5] {
        let (one, two) = (site().planned(), site().planned());
        assert_eq!(render::json(&one), render::json(&two));
        assert_eq!(render::json(&one.opened()), render::json(&two.opened()));
    }
}

#[test]
fn a_negative_without_alive_is_refused_at_its_place() {
    let site = t3().check("vms-quiet", "", no_reach("dock-1", "vms", "tcp/80"));
    assert_eq!(
        site.refused(),
        "site.yaml:47:3: check `vms-quiet`: needs `alive`: a dead device isolates perfectly\n"
    );
}

#[test]
fn nodes_are_in_the_order_of_their_numbers() {
    let star = super::star(12);
    let names: Vec<_> = star.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names[..2], ["h-1", "h-2"]);
    assert_eq!(names[9..], ["h-10", "h-11", "h-12", "rtr", "srv"]);
    assert_eq!(node(&star, "h-12").links[0].addresses[0].to_string(), "10.77.0.13/16");
}
