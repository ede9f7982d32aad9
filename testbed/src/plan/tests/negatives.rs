//! Aims: who sends what to whom, over which neighbour, and where its arrival is judged.

use std::net::IpAddr;

use crate::plan::testsite::{
    cloud, empty, host, name, no_reach, no_reach_with, node, router, rules, t1, t3, t5,
};
use crate::plan::{Aim, Judge, PassedOn, Plan, Word};
use crate::scenario::model::{Cover, Scenario, Word as Asserted};
use crate::scenario::{all_ports, usual_ports};

fn aims(plan: &Plan, check: &str) -> Vec<Aim> {
    let check = plan.checks.iter().find(|one| one.name.as_str() == check).unwrap();
    let Word::NoReach { aims, .. } = &check.word else { panic!("a no_reach") };
    aims.clone()
}

fn pairs(aims: &[Aim]) -> Vec<String> {
    aims.iter().map(|aim| format!("{} -> {} {}", aim.from, aim.to, aim.address)).collect()
}

fn ports(aim: &Aim) -> String {
    aim.ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn remarked(plan: &Plan, part: &str) -> bool {
    plan.remarks.iter().any(|remark| remark.contains(part))
}

#[test]
fn both_ways_adds_the_pairs_turned_round() {
    let plan = t3().planned();
    assert_eq!(
        pairs(&aims(&plan, "vms-shut")),
        [
            "dock-1 -> vms 10.30.0.2",
            "dock-2 -> vms 10.30.0.2",
            "app -> vms 10.30.0.2",
            "vms -> dock-1 10.20.0.2",
            "vms -> dock-2 10.20.0.3",
            "vms -> app 10.20.0.5",
        ]
    );
    assert_eq!(
        pairs(&aims(&plan, "docks-apart")),
        ["dock-1 -> dock-2 10.20.0.3", "dock-2 -> dock-1 10.20.0.2"]
    );
}

#[test]
fn across_a_router_the_frame_goes_to_it_and_the_tap_of_the_target_judges() {
    let plan = t3().planned();
    let aim = aims(&plan, "vms-shut")[0].clone();
    let (rtr, vms) = (node(&plan, "rtr"), node(&plan, "vms"));
    assert_eq!((aim.link, aim.source), (name("eth0"), name("10.20.0.2")));
    assert_eq!((aim.next_hop, aim.next_node, aim.stops_at), (rtr.links[0].mac, name("rtr"), name("rtr")));
    assert_eq!((aim.target_segment, aim.target_mac), (name("prod"), vms.links[0].mac));
    assert_eq!(aim.judge, Judge::Tap { port: name("vms-eth0") });
}

#[test]
fn inside_a_segment_the_frame_goes_straight_and_is_judged_behind_the_filter() {
    let plan = t3().planned();
    let aim = aims(&plan, "docks-apart")[0].clone();
    assert_eq!(aim.next_hop, node(&plan, "dock-2").links[0].mac);
    assert_eq!((aim.next_node, aim.stops_at), (name("dock-2"), name("dock-2")));
    assert_eq!(aim.judge, Judge::BehindFilter { node: name("dock-2") });
}

#[test]
fn a_routers_own_addresses_are_judged_behind_its_filter() {
    let plan = t3().planned();
    let found = aims(&plan, "router-shut");
    assert_eq!(pairs(&found), ["app -> rtr 10.20.0.1", "app -> rtr 10.30.0.1", "app -> rtr 203.0.113.2"]);
    for aim in &found {
        assert_eq!(aim.judge, Judge::BehindFilter { node: name("rtr") });
        assert_eq!((&aim.next_node, &aim.stops_at), (&name("rtr"), &name("rtr")));
        assert_eq!(aim.next_hop, node(&plan, "rtr").links[0].mac, "the leg on the attacker's side");
    }
    assert_eq!(found[2].target_mac, node(&plan, "rtr").links[2].mac, "the control is sent on the wan leg");
}

#[test]
fn a_target_with_rules_of_its_own_is_judged_behind_them() {
    let plan = t3().with("vms", |vms| vms.ruleset = rules("vms.nft")).planned();
    assert_eq!(aims(&plan, "vms-shut")[0].judge, Judge::BehindFilter { node: name("vms") });
}

#[test]
fn what_a_flow_of_except_allows_is_left_out_for_its_pair_and_address_only() {
    let found = aims(&t3().planned(), "router-shut");
    assert_eq!(ports(&found[0]), "tcp/1-52 tcp/54-1024");
    assert_eq!(
        ports(&found[1]),
        "tcp/1-1024 udp/53",
        "the resolver of the other segment is not the appliance's"
    );
    let wide = no_reach_with(no_reach("app dock-2", "dock-1", "tcp/*"), false, None, "F01");
    let found = aims(&t3().check("wide", "F01", wide).planned(), "wide");
    assert_eq!((ports(&found[0]), ports(&found[1])), ("tcp/0-553 tcp/555-65535".into(), "tcp/*".into()));
}

#[test]
fn an_exception_that_takes_nothing_out_is_remarked() {
    let idle = no_reach_with(no_reach("dock-1", "vms", "tcp/80"), false, None, "F07");
    let plan = t3().check("idle", "F01 F07 S01 S02", idle).planned();
    assert!(remarked(&plan, "check `idle`: `except` names F07, which takes nothing out"));
}

#[test]
fn a_kind_is_sent_only_in_its_family() {
    let plan = t5().planned();
    let found = aims(&plan, "no-bridge");
    assert_eq!(found.len(), 12);
    for aim in &found {
        let wanted = if aim.address.is_ipv4() { "tcp/443 icmp/8" } else { "tcp/443 icmp6/128" };
        assert_eq!(ports(aim), wanted);
        assert_eq!(aim.source.is_ipv4(), aim.address.is_ipv4());
    }
}

#[test]
fn round_by_a_neighbour_the_frame_goes_to_it() {
    let plan = t5().planned();
    let aim = aims(&plan, "no-bridge")[0].clone();
    assert_eq!(aim.next_hop, node(&plan, "app").links[0].mac);
    assert_eq!((aim.next_node, aim.stops_at), (name("app"), name("app")));
    assert_eq!(aim.judge, Judge::Tap { port: name("aws-eth0") });
}

#[test]
fn no_route_does_not_stand_in_for_policy() {
    // Neither camera nor router has a route to the other's side of the cable.
    let plan = t1().planned();
    let found = aims(&plan, "cable-shut");
    let out = found.iter().find(|aim| aim.from.as_str() == "dock").unwrap();
    assert_eq!((&out.next_node, out.next_hop), (&name("app"), node(&plan, "app").links[0].mac));
    let back = found.iter().find(|aim| aim.from.as_str() == "aws").unwrap();
    assert_eq!((&back.next_node, &back.stops_at), (&name("rtr"), &name("rtr")));
    assert!(remarked(&plan, "do not lead from `rtr` on to `dock`"), "{:#?}", plan.remarks);
}

#[test]
fn without_a_route_the_frame_goes_to_the_router_beside() {
    let site = t3().with("dock-1", |dock| dock.gateway = None);
    let plan = site.planned();
    let aim = &aims(&plan, "vms-shut")[0];
    assert_eq!((&aim.next_node, aim.next_hop), (&name("rtr"), node(&plan, "rtr").links[0].mac));
}

/// Two sites without a common device.
fn islands() -> Scenario {
    empty("islands")
        .segment("here", None, "10.1.0.0/24")
        .segment("there", None, "10.2.0.0/24")
        .node("one", host(""), "eth0:here")
        .node("two", host(""), "eth0:here")
        .node("far", host(""), "eth0:there")
        .with("one", |node| node.gateway = None)
        .with("two", |node| node.gateway = None)
        .with("far", |node| node.gateway = None)
        .flow("S01", "one", "two", "tcp/80")
}

#[test]
fn a_pair_without_any_cable_is_left_out_with_a_remark() {
    let plan = islands().check("apart", "S01", no_reach("one", "two far", "tcp/81")).planned();
    assert_eq!(pairs(&aims(&plan, "apart")), ["one -> two 10.1.0.2"]);
    assert!(remarked(&plan, "`one` has no neighbour that leads on to `far`"), "{:#?}", plan.remarks);
    assert!(remarked(&plan, "nothing is aimed from `one` at `far`"));
    let alone = islands().check("apart", "S01", no_reach("one", "far", "tcp/81")).refused();
    assert!(alone.contains("nothing would be sent"), "{alone}");
}

#[test]
fn every_address_of_a_family_that_both_have_is_aimed_at() {
    let plan = t3()
        .node("tool", host(""), "eth0:wan")
        .flow("S09", "tool", "aws", "tcp/443")
        .flow("S10", "tool", "rtr", "tcp/8443")
        .check("tool-shut", "S09 S10", no_reach("tool", "rtr", "tcp/22"))
        .planned();
    assert_eq!(
        pairs(&aims(&plan, "tool-shut")),
        [
            "tool -> rtr 10.20.0.1",
            "tool -> rtr 10.30.0.1",
            "tool -> rtr 203.0.113.2",
            "tool -> rtr 2001:db8:113::1",
        ]
    );
}

#[test]
fn the_way_over_two_routers_begins_at_the_first() {
    let plan = empty("chain")
        .segment("a", None, "10.1.0.0/24")
        .segment("b", None, "10.2.0.0/24")
        .segment("c", None, "10.3.0.0/24")
        .node("one", host(""), "eth0:a")
        .node("first", router("", "", None), "a0:a b0:b")
        .node("second", router("", "", None), "b0:b c0:c")
        .node("aws", cloud(), "eth0:c")
        .with("first", |router| router.routes = vec![crate::plan::testsite::route("10.3.0.0/24", "10.2.0.2")])
        .flow("S01", "one", "aws", "tcp/443")
        .check("shut", "S01", no_reach("one", "aws", "tcp/80"))
        .planned();
    let aim = &aims(&plan, "shut")[0];
    assert_eq!((&aim.stops_at, &aim.target_segment), (&name("first"), &name("c")));
    assert!(!remarked(&plan, "do not lead"), "{:#?}", plan.remarks);
}

#[test]
fn an_address_of_a_neighbours_other_leg_is_tried_at_the_near_leg_too() {
    let site = empty("legs")
        .segment("near", None, "10.1.0.0/24")
        .segment("far", None, "10.2.0.0/24")
        .node("one", host(""), "eth0:near")
        .node("legs", host(""), "eth0:near eth1:far")
        .node("rtr", router("", "", None), "n0:near f0:far")
        .flow("S01", "one", "legs", "tcp/80")
        .node("tool", host(""), "eth0:far")
        .flow("S02", "tool", "one", "tcp/443");
    let plan = site.check("shut", "S01 S02", no_reach("one", "legs", "tcp/81")).planned();
    let found = aims(&plan, "shut");
    let ways: Vec<_> = found.iter().map(|aim| format!("{} to {}", aim.address, aim.next_node)).collect();
    assert_eq!(ways, ["10.1.0.2 to legs", "10.2.0.2 to rtr", "10.2.0.2 to legs"]);
    let (near, leg) = (node(&plan, "legs").links[0].mac, &found[2]);
    assert_eq!((leg.next_hop, leg.target_mac, &leg.target_segment), (near, near, &name("near")));
    assert_eq!(leg.judge, Judge::BehindFilter { node: name("legs") });
    assert_eq!(leg.ports, found[1].ports);
}

/// With one negative from `app`, to which a flow lets it in, at the router, which has several addresses.
fn covering(cover: Cover, excepted: &str) -> Scenario {
    let mut site = t3().check(
        "rtr-shut",
        "F13 F15",
        no_reach_with(no_reach("app", "rtr", "tcp/1"), false, None, excepted),
    );
    let check = site.checks.iter_mut().find(|check| check.name.as_str() == "rtr-shut").unwrap();
    let Asserted::NoReach { ports, cover: how, .. } = &mut check.word else { panic!("a no_reach") };
    (*ports, *how) = (if cover.is_all() { all_ports() } else { usual_ports(true) }, cover);
    site
}

#[test]
fn everything_goes_to_the_first_address_and_the_usual_list_to_the_others() {
    let plan = covering(Cover::All, "F13 F15").planned();
    let aims = aims(&plan, "rtr-shut");
    let rest = "tcp/0-52 tcp/54-65535 udp/0-52 udp/54-122 udp/124-65535 icmp/* proto/* \
                tcp-from/0-1023 udp-from/0-1023 tcp-flags/*";
    assert_eq!(ports(&aims[0]), rest);
    assert!(aims.len() > 1 && aims[1..].iter().all(|aim| aim.ports.len() < 20), "{aims:?}");
}

#[test]
fn cells_go_beside_whatever_is_no_list_of_the_scenarios_own_and_without_what_flows_allow() {
    let cells = |cover, excepted: &str| {
        let plan = covering(cover, excepted).planned();
        let aims = aims(&plan, "rtr-shut").to_vec();
        aims.into_iter().map(|aim| aim.cells).collect::<Vec<_>>()
    };
    for (cover, all) in [(Cover::Usual, true), (Cover::All, false), (Cover::AllButFlows, false)] {
        let cells = cells(cover, "F13 F15");
        let first = cells[0].clone().unwrap_or_else(|| panic!("{cover:?} sends them"));
        assert_eq!(
            (first.all, first.allowed),
            (all, ["tcp/53", "udp/53", "udp/123"].map(|text| text.parse().unwrap()).to_vec())
        );
        assert!(cells.iter().all(Option::is_some), "to each address: {cells:?}");
    }
    assert!(cells(Cover::Listed, "F13 F15").iter().all(Option::is_none));
    // Nothing is allowed to whoever passes for another.
    let mut site = covering(Cover::Usual, "");
    let check = site.checks.iter_mut().find(|check| check.name.as_str() == "rtr-shut").unwrap();
    let Asserted::NoReach { as_node, .. } = &mut check.word else { panic!("a no_reach") };
    *as_node = Some(name("dock-1"));
    let plan = site.planned();
    assert_eq!(aims(&plan, "rtr-shut")[0].cells.clone().map(|cells| cells.allowed), Some(Vec::new()));
}

#[test]
fn what_a_flow_allows_is_left_out_by_the_option_and_a_mistake_where_it_is_written() {
    let asked = covering(Cover::Usual, "F13 F15").exhaustive();
    let plan = asked.planned();
    assert!(ports(&aims(&plan, "rtr-shut")[0]).starts_with("tcp/0-52 tcp/54-65535 udp/0-52"));
    // The option looks after flows by itself; the scenario has to say so.
    let plan = covering(Cover::AllButFlows, "").planned();
    assert!(ports(&aims(&plan, "rtr-shut")[0]).starts_with("tcp/0-52 tcp/54-65535 udp/0-52"));
    let mistakes = crate::plan::plan(&covering(Cover::All, "")).unwrap_err();
    assert!(mistakes.iter().any(|one| one.to_string().contains("add F13 to `except`")), "{mistakes:?}");
}

#[test]
fn the_option_leaves_what_is_listed_and_what_is_forged_alone() {
    let mut site = covering(Cover::Listed, "F13 F15");
    let before = site.clone();
    assert_eq!(site.exhaustive().checks.last(), before.checks.last());
    let check = site.checks.iter_mut().find(|check| check.name.as_str() == "rtr-shut").unwrap();
    let Asserted::NoReach { as_node, cover, .. } = &mut check.word else { panic!("a no_reach") };
    (*as_node, *cover) = (Some(name("dock-1")), Cover::Usual);
    assert_eq!(site.exhaustive().checks.last(), site.checks.last());
}

/// With one negative that is at everybody as well.
fn at_everybody(from: &str, to: &str, alive: &str) -> Vec<Aim> {
    at_everybody_of(t3(), (from, to, alive))
}

fn at_everybody_of(site: Scenario, (from, to, alive): (&str, &str, &str)) -> Vec<Aim> {
    let mut site = site.check("shut", alive, no_reach(from, to, "tcp/1 icmp/8 icmp6/128"));
    let check = site.checks.iter_mut().find(|check| check.name.as_str() == "shut").unwrap();
    let Asserted::NoReach { broadcast, .. } = &mut check.word else { panic!("a no_reach") };
    *broadcast = true;
    let plan = site.planned();
    aims(&plan, "shut").into_iter().filter(|aim| aim.everybody.is_some()).collect()
}

#[test]
fn at_a_neighbour_everybody_is_the_segments_broadcasts_and_those_of_its_other_links() {
    let aims = at_everybody("dock-1", "rtr", "F01 F15");
    let here = |aim: &Aim| (aim.address.to_string(), aim.next_hop.to_string());
    let all = "ff:ff:ff:ff:ff:ff".to_owned();
    assert_eq!(here(&aims[0]), ("255.255.255.255".into(), all.clone()));
    assert_eq!(here(&aims[1]), ("10.20.0.255".into(), all));
    assert!(aims[2..].iter().all(|aim| aim.next_hop == aim.target_mac), "{aims:#?}");
    assert!(aims[2..].iter().any(|aim| aim.address.to_string() == "10.30.0.255"), "{aims:#?}");
    for aim in &aims {
        assert_eq!(aim.judge, Judge::BehindFilter { node: name("rtr") });
        assert_eq!((&aim.stops_at, &aim.target_segment), (&name("rtr"), &name("cam")));
        let everybody = aim.everybody.as_ref().unwrap();
        assert!(everybody.by.is_none() && everybody.taps.is_empty(), "{aim:?}");
    }
}

#[test]
fn across_a_router_everybody_is_aimed_at_once_and_each_tap_of_the_segment_judges() {
    let aims = at_everybody("vms", "dock-1 dock-2", "F01 F15 S02");
    let addresses: Vec<_> = aims.iter().map(|aim| (aim.to.to_string(), aim.address.to_string())).collect();
    let at = |address: &str| ("dock-1".to_owned(), address.to_owned());
    let groups = [
        "224.0.0.251",
        "224.0.0.252",
        "239.255.255.250",
        "224.0.0.5",
        "224.0.0.9",
        "239.192.0.1",
        "233.252.0.1",
    ];
    let of_six = [
        "ff02::fb",
        "ff02::1:3",
        "ff02::c",
        "ff05::c",
        "ff02::5",
        "ff02::9",
        "ff02::1:2",
        "ff05::1:3",
        "ff0e::db8:0:1",
        "ff02::16",
    ];
    let all =
        ["10.20.0.255", "255.255.255.255", "ff02::1", "ff02::2"].into_iter().chain(groups).chain(of_six);
    let all: Vec<_> = all.map(at).collect();
    assert_eq!(addresses[..all.len()], all, "of IPv6, too, of which there is none");
    let search = &aims[6];
    assert_eq!(search.ports, ["udp/3702", "udp/1900"].map(|port| port.parse().unwrap()));
    assert_eq!(search.next_hop.to_string(), "01:00:5e:7f:ff:fa");
    let aims_of_all = &aims[..all.len()];
    assert!(aims_of_all[2..].iter().all(|aim| aim.cells.is_none() && aim.next_hop == aim.target_mac));
    for aim in aims_of_all.iter().filter(|aim| aim.address.is_ipv6()) {
        let IpAddr::V6(source) = aim.source else { panic!("{aim:?}") };
        assert!(source.is_unicast_link_local(), "that of its link: {aim:?}");
    }
    assert!(!aims_of_all[0].sends_odd() && aims_of_all[1..].iter().all(Aim::sends_odd));
    for (aim, routed) in aims.iter().zip([true, false]) {
        let everybody = aim.everybody.as_ref().unwrap();
        let ports: Vec<_> = everybody.taps.iter().map(ToString::to_string).collect();
        assert_eq!(ports, ["dock-1-eth0", "app-eth0", "dock-2-eth0"], "not the router's own");
        assert_eq!(matches!(everybody.by, Some(PassedOn::Forwarded { .. })), routed, "{aim:?}");
        assert_eq!(aim.judge, Judge::Tap { port: name("dock-1-eth0") });
        assert_eq!((&aim.next_node, aim.target_mac.to_string()), (&name("rtr"), "ff:ff:ff:ff:ff:ff".into()));
    }
}

#[test]
fn across_a_router_each_link_is_aimed_at_by_the_address_that_it_has_of_itself() {
    let aims = at_everybody("vms", "dock-1 dock-2", "F01 F15 S02");
    for target in ["dock-1", "dock-2"] {
        let at = |aim: &&Aim| aim.to == name(target) && aim.everybody.as_ref().unwrap().alone;
        let alone: Vec<&Aim> = aims.iter().filter(at).collect();
        for aim in &alone {
            let everybody = aim.everybody.as_ref().unwrap();
            let port = format!("{target}-eth0").parse().unwrap();
            assert_eq!(
                (&everybody.taps, &aim.judge),
                (&vec![port], &Judge::Tap { port: everybody.port.clone() })
            );
            assert_eq!(aim.address, IpAddr::from(aim.target_mac.link_local()), "{aim:?}");
            assert_ne!(aim.address, aim.source, "{aim:?}");
        }
        assert_eq!(routed(&alone), [false; 3], "past the router, as the router, and as nobody");
        let asked = aims.iter().filter(|aim| aim.to == name(target)).map(|aim| aim.address.to_string());
        assert_eq!(asked.filter(|address| address.starts_with("ff02::1:ff")).count(), 1);
    }
    let forged = |address: &str| {
        let of = |aim: &&Aim| {
            aim.address.to_string() == address && (aim.forged.is_some() || aim.source.is_unspecified())
        };
        aims.iter()
            .filter(of)
            .map(|aim| aim.forged.as_ref().map(|forged| forged.node.to_string()))
            .collect::<Vec<_>>()
    };
    let by = |node: &str| Some(node.to_owned());
    assert_eq!(forged("ff02::1"), [by("dock-1"), by("rtr"), None, by("dock-2")]);
    assert!(forged("ff02::fb").is_empty());
    let aims = at_everybody_of(t1(), ("app", "aws", "F07"));
    let alone: Vec<&Aim> = aims.iter().filter(|aim| aim.everybody.as_ref().unwrap().alone).collect();
    assert_eq!(routed(&alone), [true, false, false, false], "no trunk leads to that router");
}

/// Which of these frames go to the device's own Ethernet address.
fn routed(aims: &[&Aim]) -> Vec<bool> {
    aims.iter().map(|aim| aim.next_hop != aim.target_mac).collect()
}

#[test]
fn across_a_router_everybody_is_aimed_at_by_ipv4_where_both_speak_it_and_by_ipv6_anyhow() {
    let mut site = t3();
    // The first address of who is there is an IPv6 one, and cameras have none.
    site.site.segments.get_mut("wan").unwrap().subnets.reverse();
    let aims = at_everybody_of(site, ("dock-1", "aws", "F01 F07"));
    assert!(aims.iter().any(|aim| aim.address.to_string() == "255.255.255.255"), "{aims:#?}");
    assert!(aims.iter().any(|aim| aim.address.to_string() == "ff02::1"), "{aims:#?}");
    let ping = |aim: &Aim| aim.ports.contains(&"icmp6/128".parse().unwrap());
    let own = |aim: &Aim| aim.forged.is_none() && !aim.source.is_unspecified();
    let all = aims.iter().filter(|aim| aim.address.is_multicast() && aim.address.is_ipv6() && own(aim));
    assert!(all.filter(|aim| ping(aim)).count() == 2, "{aims:#?}");
}

#[test]
fn what_flows_let_say_to_a_neighbour_is_not_sent_at_everybody() {
    let aims = at_everybody("vms", "dock-1", "F01 F15 S02");
    let allowed: Vec<String> =
        aims[0].cells.iter().flat_map(|cells| &cells.allowed).map(ToString::to_string).collect();
    assert!(aims[0].cells.is_none() && allowed.is_empty(), "a list of its own has no cells");
    let mut site = covering(Cover::AllButFlows, "").exhaustive();
    let check = site.checks.iter_mut().find(|check| check.name.as_str() == "rtr-shut").unwrap();
    let Asserted::NoReach { broadcast, .. } = &mut check.word else { panic!("a no_reach") };
    *broadcast = true;
    let found = self::aims(&site.planned(), "rtr-shut");
    let at_all: Vec<&Aim> = found.iter().filter(|aim| aim.everybody.is_some()).collect();
    assert!(at_all.len() > 2 && at_all.iter().all(|aim| !aim.is_whole()), "{at_all:#?}");
    for aim in at_all {
        let allowed = &aim.cells.as_ref().unwrap().allowed;
        assert!(allowed.contains(&"udp/53".parse().unwrap()), "{aim:?}");
        assert!(!aim.ports.contains(&"udp/53".parse().unwrap()), "{aim:?}");
    }
}
