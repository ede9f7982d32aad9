//! The control `alive`: what is opened, and which lists would be green with a dead device.

use crate::plan::Word;
use crate::plan::testsite::{no_reach, no_reach_with, t1, t3, t5};

fn refused(alive: &str) -> String {
    let shut = no_reach("dock", "vms", "tcp/80");
    t3().check("shut", alive, shut).refused()
}

#[test]
fn each_pair_of_a_flow_is_opened_once_at_its_first_answering_address() {
    let plan = t3().planned();
    let Word::NoReach { alive, .. } = &plan.checks[1].word else { panic!("a no_reach") };
    let says = |open: &crate::plan::Open| {
        let flow = open.flow.as_ref().unwrap();
        format!("{flow} {} -> {} {} {}", open.from, open.to, open.address, open.port)
    };
    let opened: Vec<_> = alive.iter().map(says).collect();
    assert_eq!(
        opened,
        [
            "F01 app -> dock-1 10.20.0.2 tcp/554",
            "F01 app -> dock-2 10.20.0.3 tcp/554",
            "F07 app -> aws 203.0.113.1 tcp/443",
            "S01 vms -> vms-cam 10.30.0.3 tcp/554",
            "S02 vms -> rtr 10.30.0.1 udp/53",
        ]
    );
}

#[test]
fn names_are_asked_at_the_clouds_name_service() {
    let shut = no_reach("rtr", "aws", "tcp/80");
    let plan = t3().check("shut", "S03", shut).planned();
    let Word::NoReach { alive, .. } = &plan.checks.last().unwrap().word else { panic!("a no_reach") };
    assert_eq!(alive[0].address.to_string(), "203.0.113.6");
}

#[test]
fn a_negative_without_alive_is_refused_at_its_place() {
    let wanted = "site.yaml:47:3: check `shut`: needs `alive`: a dead device isolates perfectly\n";
    assert_eq!(refused(""), wanted);
}

#[test]
fn both_ends_must_be_shown_alive() {
    let text = refused("F07 S02");
    assert_eq!(
        text,
        "site.yaml:47:3: check `shut`: no flow of `alive` begins or ends at `dock-1`, `dock-2`\n"
    );
    assert!(refused("F01 F07 S03").contains("begins or ends at `vms`"));
}

#[test]
fn a_flow_inside_a_segment_does_not_show_the_device_between() {
    // Both ends live, and nothing of it needs the router.
    assert_eq!(
        refused("F01 S01"),
        "site.yaml:47:3: check `shut`: no flow of `alive` uses a leg of `rtr` in segment `prod`\n\
         site.yaml:47:3: check `shut`: no flow of `alive` uses the leg of `rtr` in segment `cam`\n"
    );
    assert_eq!(
        refused("F01 F15 S01"),
        "site.yaml:47:3: check `shut`: no flow of `alive` uses a leg of `rtr` in segment `prod`\n"
    );
    assert!(t3().check("shut", "F01 F15 S02", no_reach("dock", "vms", "tcp/80")).planned().checks.len() > 1);
}

#[test]
fn upkeep_and_unknown_flows_show_nothing() {
    assert!(refused("F17").contains("names flow F17, which nobody can open and see answered"));
    assert!(refused("F99").contains("names flow F99, which the scenario does not have"));
    let silent =
        t3().flow("S20", "vms", "rtr", "udp/500").check("x", "S20", no_reach("dock", "vms", "tcp/80"));
    assert!(silent.refused().contains("names flow S20, which nobody can open"));
}

#[test]
fn a_flow_without_a_way_shows_nothing() {
    let cut = t3().with("app", |app| app.gateway = None);
    let text = cut.refused();
    assert!(
        text.contains("check `vms-shut`: no flow of `alive` uses the leg of `rtr` in segment `cam`"),
        "{text}"
    );
}

#[test]
fn round_by_a_neighbour_both_outer_legs_must_be_shown() {
    let shut = |alive: &str| {
        let round = no_reach_with(no_reach("bench", "aws", "tcp/80"), false, Some("app"), "");
        t5().check("round", alive, round)
    };
    assert!(shut("F01 F07 F15").planned().checks.len() > 1);
    let text = shut("F15").refused();
    assert!(
        text.contains("begins or ends at `aws`") && text.contains("a leg of `rtr` in segment `wan0`"),
        "{text}"
    );
}

#[test]
fn on_a_direct_cable_the_appliance_is_the_device_between() {
    assert!(!t1().planned().checks.is_empty());
    let text = t1().check("weak", "F07", no_reach("aws", "dock", "tcp/554")).refused();
    assert!(text.contains("begins or ends at `dock`"), "{text}");
    assert!(text.contains("a leg of `app` in segment `cable`"), "{text}");
}
