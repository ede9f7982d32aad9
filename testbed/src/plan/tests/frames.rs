//! Frames without IP: between whom they are sent, and that they are judged where they can be seen.

use std::path::Path;

use crate::load;
use crate::names::{ETHER_TYPES, Traffic};
use crate::plan::{Aim, Judge, Plan, plan};
use crate::scenario::model::Scenario;

fn written(file: &str) -> Scenario {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    load::scenario(&folder.join(file)).unwrap().scenario
}

fn frames(plan: &Plan) -> Vec<&Aim> {
    plan.checks.iter().flat_map(|check| check.word.aims()).filter(|aim| aim.is_frames()).collect()
}

#[test]
fn neighbours_whom_a_switchs_rules_keep_apart_get_frames_with_cells_of_these_rules() {
    let plan = plan(&written("rules/one-switch.yaml")).unwrap();
    let all = frames(&plan);
    let pairs: Vec<_> = all.iter().map(|aim| (aim.from.as_str(), aim.to.as_str())).collect();
    assert_eq!(pairs, [("press", "robot"), ("robot", "press")], "once, whatever addresses there are");
    for aim in all {
        let port = &plan.node(&aim.to).unwrap().links[0].port;
        assert_eq!(aim.judge, Judge::Tap { port: port.clone() });
        assert!(aim.ports.iter().all(|one| matches!(one, Traffic::Ether(..))), "{aim:?}");
        assert_eq!(aim.ports.len(), ETHER_TYPES.len());
        assert!(aim.cells.as_ref().is_some_and(|cells| cells.switched), "{aim:?}");
    }
    let packets = plan.checks.iter().flat_map(|check| check.word.aims()).filter(|aim| !aim.is_frames());
    assert_eq!(packets.clone().count(), 4, "in both families");
    for aim in packets {
        assert!(aim.cells.as_ref().is_some_and(|cells| cells.switched), "they cross the switch: {aim:?}");
    }
}

#[test]
fn isolated_neighbours_get_frames_where_everything_is_sent_and_nobody_else_does() {
    let usual = written("t3-separate-vlan.yaml");
    assert_eq!(frames(&plan(&usual).unwrap()), Vec::<&Aim>::new());
    let whole = plan(&usual.exhaustive()).unwrap();
    let all = frames(&whole);
    assert!(!all.is_empty());
    for aim in all {
        let isolated = |name| whole.node(name).unwrap().links.iter().any(|link| link.isolated);
        assert!(isolated(&aim.from) && isolated(&aim.to) && aim.cells.is_none(), "{aim:?}");
        assert_eq!(aim.next_node, aim.to);
    }
}

#[test]
fn a_filter_of_ip_at_the_target_is_no_reason_for_frames() {
    // The switch of this site only binds addresses; what its neighbours filter is IP.
    let whole = plan(&written("t5-dual-network.yaml").exhaustive()).unwrap();
    assert_eq!(frames(&whole), Vec::<&Aim>::new());
}
