//! The open copy: nothing in it stops a packet but a missing cable.

use crate::plan::testsite::{no_reach, node, t1, t3, t5};
use crate::plan::ways::Ways;
use crate::plan::{Aim, Plan, Word};

fn aims(plan: &Plan) -> Vec<&Aim> {
    let aims = plan.checks.iter().map(|check| match &check.word {
        Word::NoReach { aims, alive, .. } => {
            assert!(alive.is_empty());
            aims
        }
        _ => panic!("only negatives are sent again"),
    });
    aims.flatten().collect()
}

#[test]
fn every_aim_arrives_by_the_routes_of_the_open_copy() {
    for site in [t1(), t3(), t5()] {
        let open = site.planned().opened();
        let ways = Ways::new(&open.nodes);
        let aims = aims(&open);
        assert!(!aims.is_empty());
        for aim in aims {
            let next = ways.node(&aim.next_node).unwrap();
            assert!(next.forwards || aim.next_node == aim.to, "{aim:?}");
            assert!(ways.legs(next, aim.address).is_some(), "{aim:?}");
        }
        assert!(!open.remarks.iter().any(|remark| remark.starts_with("Even here")));
    }
}

#[test]
fn addresses_and_names_stay_and_policy_goes() {
    let plan = t3().planned();
    let open = plan.opened();
    assert_eq!(open.segments, plan.segments);
    for (before, after) in plan.nodes.iter().zip(&open.nodes) {
        assert_eq!((&before.name, before.links.len()), (&after.name, after.links.len()));
        for (one, other) in before.links.iter().zip(&after.links) {
            assert_eq!((one.mac, &one.port, &one.addresses), (other.mac, &other.port, &other.addresses));
            assert!(!other.isolated);
        }
        assert!(after.ruleset.is_none());
        assert_eq!(before.judged_behind_filter, after.judged_behind_filter, "the same instruments");
    }
    assert!(open.services.is_empty());
    let names: Vec<_> = open.checks.iter().map(|check| check.name.as_str()).collect();
    assert_eq!(names, ["vms-shut", "docks-apart", "router-shut"]);
}

#[test]
fn appliances_and_neighbours_on_the_way_forward() {
    let open = t5().planned().opened();
    let app = node(&open, "app");
    assert!(app.forwards && node(&open, "rtr").forwards && !node(&open, "bench").forwards);
    assert_eq!(app.sysctls["net/ipv4/ip_forward"], "1");
    assert_eq!(app.sysctls["net/ipv6/conf/all/forwarding"], "1");
    let rtr = node(&open, "rtr");
    assert!(!rtr.sysctls.contains_key("net/netfilter/nf_conntrack_tcp_loose"), "nothing tracks connections");
}

#[test]
fn missing_routes_are_added_and_told() {
    let open = t1().planned().opened();
    let routes: Vec<_> =
        node(&open, "rtr").routes.iter().map(|route| format!("{} via {}", route.to, route.via)).collect();
    assert_eq!(routes, ["10.20.0.0/24 via 10.30.0.2"], "the cable lies behind the appliance");
    assert!(open.remarks.iter().any(|one| one == "`rtr` also routes 10.20.0.0/24 via 10.30.0.2."));
    assert!(open.remarks.iter().any(|one| one == "`app` forwards."));
    assert!(open.remarks.iter().any(|one| one == "`rtr` runs without `t1.nft`."));
}

#[test]
fn a_node_without_a_default_route_gets_one() {
    let site = t3().with("dock-1", |dock| dock.gateway = None);
    let plan = site.planned();
    assert!(node(&plan, "dock-1").routes.is_empty());
    let open = plan.opened();
    assert_eq!(node(&open, "dock-1").routes, node(&open, "dock-2").routes);
    assert_eq!(node(&open, "vms").routes, node(&plan, "vms").routes, "what is there stays");
}

#[test]
fn opening_twice_changes_only_the_remarks() {
    let once = t3().check("more", "F01 F15 S02", no_reach("dock", "vms", "tcp/80")).planned().opened();
    let mut twice = once.opened();
    assert_eq!(
        twice.remarks,
        ["Open copy: nothing here is policy; what is sent must arrive.", "Source routes are obeyed."]
    );
    twice.remarks.clone_from(&once.remarks);
    assert_eq!(twice, once);
}
