//! Who asks which camera for its stream.

use crate::plan::testsite::{t1, t3, words};
use crate::plan::{Join, Open, Word};
use crate::scenario::model::{Kind, Scenario, Transport, Word as Asserted};

fn no_stream(cameras: &str, from: &str) -> Asserted {
    Asserted::NoStream { cameras: words(cameras), from: words(from), knows_password: true }
}

fn tried(scenario: Scenario, cameras: &str, from: &str) -> (Vec<String>, Vec<String>) {
    let plan = scenario.check("asked", "", no_stream(cameras, from)).planned();
    let check = plan.checks.iter().find(|one| one.name.as_str() == "asked").unwrap();
    let Word::NoStream { tries, may, .. } = &check.word else { panic!("a no_stream") };
    let text = |open: &Open| {
        let flow = open.flow.as_ref().map(|flow| format!("{flow} ")).unwrap_or_default();
        format!("{flow}{} -> {} {}", open.from, open.to, open.port)
    };
    (tries.iter().map(text).collect(), may.iter().map(text).collect())
}

#[test]
fn each_asks_each_other_camera_and_somebody_may_watch_each() {
    let (tries, may) = tried(t1(), "dock", "rtr aws dock");
    assert_eq!(tries, ["rtr -> dock tcp/554", "aws -> dock tcp/554"]);
    assert_eq!(may, ["F01 app -> dock tcp/554"]);
}

#[test]
fn a_camera_that_nobody_may_watch_shows_nothing_and_is_refused() {
    let mut scenario = t1().check("asked", "", no_stream("dock", "rtr"));
    scenario.flows.retain(|flow| flow.id.as_str() != "F01");
    let text = scenario.refused();
    assert!(text.contains("no flow lets anybody watch `dock`"), "{text}");
}

/// The first camera of T3 sends to a group; whether the appliance may hear it.
fn joined(may_hear: bool, from: &str) -> (Vec<String>, Vec<String>) {
    let mut scenario = t3().with("dock-1", |node| {
        let Kind::Camera(camera) = &mut node.kind else { panic!("a camera") };
        camera.rtsp.transport = vec![Transport::Multicast];
    });
    // Some say that these may not talk.
    scenario.checks.clear();
    if may_hear {
        scenario = scenario.flow("S04", "app", "dock-1", "udp/5004-5005");
    }
    let plan = scenario.check("asked", "", no_stream("dock", from)).planned();
    let check = plan.checks.iter().find(|one| one.name.as_str() == "asked").unwrap();
    let Word::NoStream { joins, hears, .. } = &check.word else { panic!("a no_stream") };
    let text = |join: &Join| format!("{} {} at {}.{}", join.group, join.camera, join.from, join.link);
    (joins.iter().map(text).collect(), hears.iter().map(text).collect())
}

#[test]
fn the_group_of_a_camera_is_joined_in_other_segments_and_heard_by_who_may() {
    let (joins, hears) = joined(true, "vms dock-2 aws rtr");
    // The other camera is beside it, and so is the router's trunk.
    let wanted = ["vms.eth0", "aws.eth0", "rtr.wan0"].map(|at| format!("239.255.0.1 dock-1 at {at}"));
    assert_eq!(joins, wanted);
    assert_eq!(hears, ["239.255.0.1 dock-1 at app.eth0"]);
}

#[test]
fn no_group_is_joined_that_nobody_may_hear_or_where_all_are_beside_the_camera() {
    assert_eq!(joined(false, "vms"), (vec![], vec![]));
    assert_eq!(joined(true, "dock-2"), (vec![], vec![]));
}
