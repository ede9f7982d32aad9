//! Names, addresses, routes and sysctls.

use ipnet::IpNet;

use crate::names::Mac;
use crate::plan::testsite::{appliance, cloud, empty, host, name, node, route, router, rules, t1, t3, t5};
use crate::plan::{Node, Plan, Role, star};

fn addresses(node: &Node) -> Vec<String> {
    node.links.iter().flat_map(|link| &link.addresses).map(ToString::to_string).collect()
}

fn routes(plan: &Plan, of: &str) -> Vec<String> {
    node(plan, of).routes.iter().map(|route| format!("{} via {}", route.to, route.via)).collect()
}

fn sysctl<'a>(node: &'a Node, path: &str) -> Option<&'a str> {
    node.sysctls.get(path).map(String::as_str)
}

#[test]
fn nodes_are_in_the_order_of_their_numbers() {
    let star = star(12);
    let names: Vec<_> = star.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names[..2], ["h-1", "h-2"]);
    assert_eq!(names[9..], ["h-10", "h-11", "h-12", "rtr", "srv"]);
    assert_eq!(addresses(node(&star, "h-12")), ["10.77.0.13/16"], "the router has the first");
    assert_eq!(addresses(node(&star, "rtr")), ["10.77.0.1/16", "10.78.0.1/24"]);
}

#[test]
fn written_addresses_are_kept_and_the_lowest_free_ones_given() {
    let plan = t3().planned();
    assert_eq!(addresses(node(&plan, "app")), ["10.20.0.5/24"]);
    assert_eq!(addresses(node(&plan, "dock-1")), ["10.20.0.2/24"]);
    assert_eq!(addresses(node(&plan, "dock-2")), ["10.20.0.3/24"]);
    let wan = &node(&plan, "rtr").links[2];
    let (four, six): (IpNet, IpNet) = (name("203.0.113.2/24"), name("2001:db8:113::1/64"));
    assert_eq!(wan.addresses, [four, six], "IPv6 is derived where only IPv4 is written");
}

#[test]
fn a_cloud_has_an_address_for_each_service_in_each_family() {
    let mut derived = addresses(node(&t3().planned(), "aws"));
    assert_eq!(derived.len(), 12);
    assert_eq!(derived[..2], ["203.0.113.1/24", "203.0.113.3/24"], "around the router's 203.0.113.2");
    assert_eq!(derived.pop().unwrap(), "2001:db8:113::7/64");
    let written = t3().with("aws", |aws| aws.links[0].addresses = vec![name("203.0.113.40")]);
    assert_eq!(
        addresses(node(&written.planned(), "aws"))[..6],
        [
            "203.0.113.40/24",
            "203.0.113.41/24",
            "203.0.113.42/24",
            "203.0.113.43/24",
            "203.0.113.44/24",
            "203.0.113.45/24"
        ]
    );
}

#[test]
fn ports_and_bridges_have_short_names_of_their_own() {
    let plan = empty("names")
        .segment("warehouse-cameras", None, "10.1.0.0/24")
        .segment("warehouse-cameras-two", None, "10.2.0.0/24")
        .node("a", host(""), "b-c:warehouse-cameras")
        .node("a-b", host(""), "c:warehouse-cameras")
        .node("warehouse-camera-left", host(""), "eth0:warehouse-cameras-two")
        .node("warehouse-camera-right", host(""), "eth0:warehouse-cameras-two")
        .with("a", |node| node.gateway = None)
        .with("a-b", |node| node.gateway = None)
        .with("warehouse-camera-left", |node| node.gateway = None)
        .with("warehouse-camera-right", |node| node.gateway = None)
        .planned();
    let bridges = plan.segments.iter().map(|segment| segment.bridge.as_str());
    let ports = plan.nodes.iter().flat_map(|node| &node.links).map(|link| link.port.as_str());
    let mut names: Vec<_> = bridges.chain(ports).collect();
    assert!(names.iter().all(|name| name.len() <= 15), "{names:?}");
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 6);
}

#[test]
fn a_node_keeps_its_ethernet_address_when_another_is_added() {
    let (before, after) = (t3(), t3().node("zoe", host(""), "eth0:cam").node("adam", host(""), "eth0:cam"));
    let mac = |plan: &Plan| node(plan, "app").links[0].mac;
    assert_eq!(mac(&before.planned()), mac(&after.planned()));
}

#[test]
fn written_ethernet_addresses_are_kept_and_shared_by_the_links_of_a_trunk() {
    let written: Mac = name("02:aa:bb:cc:dd:ee");
    let site = t3().with("rtr", |rtr| rtr.links[..2].iter_mut().for_each(|link| link.mac = Some(written)));
    let plan = site.planned();
    let macs: Vec<_> = node(&plan, "rtr").links.iter().map(|link| link.mac).collect();
    assert_eq!(macs[..2], [written, written]);
    assert_ne!(macs[2], written);
}

#[test]
fn the_default_route_leads_to_the_router_of_the_gateway_link() {
    let plan = t5().planned();
    assert_eq!(routes(&plan, "app"), ["10.20.0.0/24 via 10.40.0.1", "0.0.0.0/0 via 10.50.0.1"]);
    assert_eq!(routes(&plan, "bench"), ["0.0.0.0/0 via 10.40.0.1", "::/0 via 2001:db8:40::1"]);
    assert!(routes(&plan, "rtr").is_empty(), "a router may have no default route");
    assert!(routes(&t1().planned(), "dock").is_empty(), "a camera on a cable has no router beside it");
}

#[test]
fn a_written_default_route_wins_and_settles_which_of_two_routers_it_is() {
    let mut site = t5().node("other", router("", "", None), "eth0:app0").with("bench", |bench| {
        bench.routes = vec![route("0.0.0.0/0", "10.40.0.2"), route("::/0", "2001:db8:40::1")];
    });
    // What shows that the ways live is another matter.
    site.checks.clear();
    let plan = site.planned();
    assert_eq!(addresses(node(&plan, "other"))[0], "10.40.0.1/24", "the first by name has the first address");
    assert_eq!(routes(&plan, "bench"), ["0.0.0.0/0 via 10.40.0.2", "::/0 via 2001:db8:40::1"]);
}

#[test]
fn a_cloud_knows_the_way_to_what_is_behind_a_second_router() {
    let plan = t3()
        .segment("branch", None, "10.90.0.0/24")
        .node("west", router("", "", None), "wan0:wan lan0:branch")
        .planned();
    let found = routes(&plan, "aws");
    assert_eq!(
        found,
        ["10.90.0.0/24 via 203.0.113.1", "0.0.0.0/0 via 203.0.113.2", "::/0 via 2001:db8:113::1"]
    );
}

#[test]
fn routers_forward_and_an_appliance_only_if_it_is_broken() {
    let plan = t5().planned();
    assert!(node(&plan, "rtr").forwards && !node(&plan, "app").forwards && !node(&plan, "aws").forwards);
    let broken = t5().with("app", |app| {
        let crate::scenario::model::Kind::Appliance(inner) = &mut app.kind else { panic!("an appliance") };
        inner.forwards = true;
    });
    let broken = broken.planned();
    assert!(node(&broken, "app").forwards);
    assert_eq!(sysctl(node(&broken, "app"), "net/ipv4/ip_forward"), Some("1"));
    assert_eq!(sysctl(node(&broken, "app"), "net/ipv6/conf/all/forwarding"), Some("1"));
}

#[test]
fn every_sysctl_of_a_router_with_a_trunk_is_spelled_out() {
    let plan = t3().planned();
    let rtr = node(&plan, "rtr");
    let text: String = rtr.sysctls.iter().map(|(path, value)| format!("{path} = {value}\n")).collect();
    insta::assert_snapshot!("router_sysctls", text);
}

#[test]
fn an_appliance_answers_only_where_the_address_is() {
    let plan = t5().planned();
    let app = node(&plan, "app");
    assert_eq!(app.role, Role::Appliance);
    for at in ["all", "default", "eth0", "eth1"] {
        assert_eq!(sysctl(app, &format!("net/ipv4/conf/{at}/arp_ignore")), Some("1"));
        assert_eq!(sysctl(app, &format!("net/ipv4/conf/{at}/arp_announce")), Some("2"));
        assert_eq!(
            sysctl(node(&plan, "bench"), &format!("net/ipv4/conf/{at}/arp_ignore")).unwrap_or("0"),
            "0"
        );
    }
}

#[test]
fn ipv6_is_off_where_there_is_no_subnet_for_it() {
    let plan = t5().planned();
    let dock = node(&plan, "dock");
    assert_eq!(sysctl(dock, "net/ipv6/conf/all/disable_ipv6"), Some("1"));
    assert_eq!(sysctl(dock, "net/ipv6/conf/all/forwarding"), None);
    assert_eq!(sysctl(node(&plan, "bench"), "net/ipv6/conf/default/disable_ipv6"), Some("0"));
    assert_eq!(sysctl(node(&plan, "bench"), "net/ipv6/conf/eth0/accept_ra"), Some("0"));
}

#[test]
fn connection_tracking_is_strict_where_rules_are() {
    let plan = t5().with("app", |app| app.ruleset = rules("app.nft")).planned();
    let loose = "net/netfilter/nf_conntrack_tcp_loose";
    assert_eq!(sysctl(node(&plan, "rtr"), loose), Some("0"));
    assert_eq!(sysctl(node(&plan, "app"), loose), Some("0"));
    assert_eq!(sysctl(node(&plan, "bench"), loose), None);
}

#[test]
fn arrival_is_judged_behind_the_filter_of_routers_and_of_nodes_with_rules() {
    let plan = t5().with("app", |app| app.ruleset = rules("app.nft")).planned();
    let behind = |of: &str| node(&plan, of).judged_behind_filter;
    assert!(behind("rtr") && behind("app") && !behind("bench") && !behind("aws"));
}

#[test]
fn isolated_ports_are_those_of_the_switch() {
    let plan = t3().planned();
    let isolated: Vec<_> = plan
        .nodes
        .iter()
        .flat_map(|node| node.links.iter().filter(|link| link.isolated).map(|link| link.port.as_str()))
        .collect();
    assert_eq!(isolated, ["dock-1-eth0", "dock-2-eth0"]);
}

#[test]
fn the_hosts_file_has_the_node_itself() {
    let plan = t5().planned();
    let lines: Vec<_> = node(&plan, "app").hosts.iter().map(|(at, name)| format!("{at} {name}")).collect();
    assert_eq!(lines, ["127.0.0.1 localhost", "10.40.0.2 app", "2001:db8:40::2 app", "10.50.0.2 app"]);
}

#[test]
fn a_star_is_for_benchmarks_up_to_a_thousand_hosts() {
    let plan = star(1000);
    assert_eq!(plan.nodes.len(), 1002);
    assert_eq!(routes(&plan, "h-1000"), ["0.0.0.0/0 via 10.77.0.1"]);
    assert_eq!(node(&plan, "rtr").ruleset.as_deref(), Some("star.nft"));
    assert!(plan.services.is_empty() && plan.checks.is_empty());
    assert!(crate::plan::STAR_RULES.contains("iifname \"hosts\" oifname \"srv\""), "its links' names");
}

#[test]
fn an_appliance_without_a_cloud_is_planned_too() {
    let site =
        empty("small").segment("cam", None, "10.1.0.0/24").node("app", appliance("", None), "eth0:cam");
    let site = site.with("app", |app| app.gateway = None).node("aws", cloud(), "eth0:cam");
    let site = site.with("aws", |aws| aws.gateway = None);
    assert_eq!(addresses(node(&site.planned(), "app")), ["10.1.0.1/24"]);
}
