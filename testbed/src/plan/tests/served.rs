//! Services, flows, and what a `reach` opens.

use crate::plan::testsite::{host, name, node, reach, t1, t3, t5, words};
use crate::plan::{Plan, ServiceKind, Word};
use crate::scenario::model::{self as scenario, CloudService, Run};

fn flow(plan: &Plan, id: &str) -> Vec<String> {
    let flow = plan.flows.iter().find(|flow| flow.id.as_str() == id).unwrap();
    let says = |pair: &crate::plan::FlowPair| {
        let addresses: Vec<_> = pair.addresses.iter().map(ToString::to_string).collect();
        format!("{} -> {}: {}", pair.from, pair.to, addresses.join(" "))
    };
    flow.pairs.iter().map(says).collect()
}

fn opens(plan: &Plan, check: &str) -> Vec<String> {
    let check = plan.checks.iter().find(|one| one.name.as_str() == check).unwrap();
    let Word::Reach { opens } = &check.word else { panic!("a reach") };
    opens.iter().map(|open| format!("{} -> {} {} {}", open.from, open.to, open.address, open.port)).collect()
}

#[test]
fn whom_others_need_is_started_first() {
    let site = t3().with("vms", |vms| {
        vms.run = Some(Run {
            command: words("true"),
            to_end: true,
            within: std::time::Duration::from_secs(30),
            ready: None,
            environment: Default::default(),
            files: Default::default(),
        });
    });
    let plan = site.planned();
    let order: Vec<_> = plan
        .services
        .iter()
        .map(|service| {
            let kind = match &service.kind {
                ServiceKind::Cloud { .. } => "cloud",
                ServiceKind::Resolver { .. } => "resolver",
                ServiceKind::Clock { .. } => "clock",
                ServiceKind::DhcpServer { .. } => "dhcp server",
                ServiceKind::Advertiser { .. } => "advertiser",
                ServiceKind::DhcpClient { .. } => "dhcp client",
                ServiceKind::Spare { .. } => "ports",
                ServiceKind::Camera { .. } => "camera",
                ServiceKind::Appliance { .. } => "appliance",
                ServiceKind::Operator { .. } => "operator",
                ServiceKind::Command { .. } => "command",
            };
            format!("{} {kind}", service.node)
        })
        .collect();
    assert_eq!(
        order,
        [
            "aws cloud",
            "rtr resolver",
            "rtr resolver",
            "rtr clock",
            "dock-1 camera",
            "dock-2 camera",
            "vms-cam camera",
            "app appliance",
            "vms appliance",
            "vms command"
        ]
    );
}

#[test]
fn a_router_answers_only_in_the_segments_it_serves() {
    let plan = t3().planned();
    let kinds = plan.services.iter().filter(|service| service.node.as_str() == "rtr");
    let kinds: Vec<_> = kinds.map(|service| service.kind.clone()).collect();
    assert_eq!(
        kinds,
        [
            ServiceKind::Resolver {
                listen: words("10.20.0.1"),
                upstream: name("203.0.113.6"),
                sets: vec![],
                refuses_inward: false
            },
            ServiceKind::Resolver {
                listen: words("10.30.0.1"),
                upstream: name("203.0.113.6"),
                sets: vec![],
                refuses_inward: false
            },
            ServiceKind::Clock { listen: words("10.20.0.1"), upstream: Some(name("203.0.113.7")) },
        ]
    );
}

#[test]
fn cameras_and_cloud_are_named_with_their_addresses() {
    let plan = t3().planned();
    let find = |of: &str| plan.services.iter().find(|one| one.node.as_str() == of).unwrap().kind.clone();
    let ServiceKind::Appliance { cameras, cloud, clock, .. } = find("app") else { panic!("an appliance") };
    let cameras: Vec<_> =
        cameras.iter().map(|one| format!("{} {} {}", one.camera, one.id, one.address)).collect();
    assert_eq!(cameras, ["dock-1 1 10.20.0.2", "dock-2 2 10.20.0.3"]);
    assert_eq!((cloud, clock), (Some(name("aws")), Some(name("10.20.0.1"))));
    let ServiceKind::Cloud { binds, things, .. } = find("aws") else { panic!("a cloud") };
    assert_eq!(binds[0], (CloudService::Iot, name("203.0.113.1")));
    assert_eq!(binds[11], (CloudService::Ntp, name("2001:db8:113::7")));
    assert_eq!(things, [name("app")]);
    let ServiceKind::Appliance { cloud, clock, .. } = find("vms") else { panic!("it plays") };
    assert_eq!((cloud, clock), (None, None), "a host that plays has neither");
}

#[test]
fn spare_addresses_of_a_cloud_come_last_in_each_subnet_and_are_no_services() {
    let spared = |node: &mut scenario::Node| {
        let scenario::Kind::Cloud(cloud) = &mut node.kind else { panic!("a cloud") };
        cloud.spare_addresses = 2;
    };
    let plan = t3().with("aws", spared).planned();
    let cloud = plan.services.iter().find(|one| one.node.as_str() == "aws").unwrap();
    let ServiceKind::Cloud { binds, spares, .. } = &cloud.kind else { panic!("a cloud") };
    let spare: [std::net::IpAddr; 4] =
        ["203.0.113.8", "203.0.113.9", "2001:db8:113::8", "2001:db8:113::9"].map(name);
    assert_eq!(*spares, spare);
    assert_eq!(binds.len(), 12);
}

/// A name that is asked for is tried where it leads, and nowhere else: the services answer at addresses of their own.
#[test]
fn what_a_name_opens_is_opened_where_it_leads() {
    let spared = |node: &mut scenario::Node| {
        let scenario::Kind::Cloud(cloud) = &mut node.kind else { panic!("a cloud") };
        cloud.spare_addresses = 1;
    };
    let asked_of = |to: &str, nodes: &str| {
        let mut site = t3().with("aws", spared);
        let counts =
            site.checks.iter_mut().find(|check| matches!(check.word, scenario::Word::Reach { .. })).unwrap();
        counts.name = name("counts");
        counts.word = reach("app", nodes, "tcp/443 tcp/8883");
        counts.during = Some(crate::scenario::fault::Fault::MoveName {
            name: name("other.iot.eu-west-1.amazonaws.com"),
            to: Some(name(to)),
            ttl: std::time::Duration::from_secs(1),
            asked_by: Some(name("app")),
            asked_as: Some(name("Other.IoT.eu-west-1.amazonaws.com")),
        });
        site
    };
    let asked = |to| asked_of(to, "aws");
    let plan = asked("203.0.113.8").planned();
    assert_eq!(opens(&plan, "counts"), ["app -> aws 203.0.113.8 tcp/443", "app -> aws 203.0.113.8 tcp/8883"]);
    let check = plan.checks.iter().find(|one| one.name.as_str() == "counts").unwrap();
    let words = check.during.as_ref().unwrap().fault.to_string();
    assert!(words.ends_with("--asked-by app --asked-as Other.IoT.eu-west-1.amazonaws.com"), "{words}");
    let text = "nothing is sent from `app` to 203.0.113.99 meanwhile";
    assert!(asked("203.0.113.99").refused().contains(text), "{}", asked("203.0.113.99").refused());
    // Whoever is named beside it would be passed over in silence.
    let text = "check `counts`: nothing of `vms` is opened from `app`: the name leads to 203.0.113.8";
    let told = asked_of("203.0.113.8", "aws vms").refused();
    assert!(told.contains(text) && told.lines().count() == 1, "{told}");
}

#[test]
fn what_operators_use_comes_behind_the_spare_addresses_and_is_asked_by_flows_alone() {
    let more = |node: &mut scenario::Node| {
        let scenario::Kind::Cloud(cloud) = &mut node.kind else { panic!("a cloud") };
        (cloud.spare_addresses, cloud.serves) = (1, vec![CloudService::Sts, CloudService::Panorama]);
    };
    let plan = t3().with("aws", more).planned();
    let cloud = plan.services.iter().find(|one| one.node.as_str() == "aws").unwrap();
    let ServiceKind::Cloud { binds, spares, monitors, .. } = &cloud.kind else { panic!("a cloud") };
    assert_eq!(spares[0], name::<std::net::IpAddr>("203.0.113.8"));
    let at = |service| binds.iter().find(|(one, _)| *one == service).map(|(_, address)| *address);
    assert_eq!(at(CloudService::Sts), Some(name("203.0.113.9")));
    assert_eq!(at(CloudService::Panorama), Some(name("203.0.113.10")));
    assert_eq!(at(CloudService::IotControl), None);
    let devices = monitors.as_ref().map(|one| (&*one.devices, one.every));
    assert_eq!(devices, Some((&[name("app")][..], std::time::Duration::from_secs(1))));
}

#[test]
fn names_are_asked_at_the_nearest_address_of_the_resolver() {
    let plan = t3().planned();
    assert_eq!(node(&plan, "app").nameservers, [name::<std::net::IpAddr>("10.20.0.1")]);
    assert_eq!(node(&plan, "vms").nameservers, [name::<std::net::IpAddr>("10.30.0.1")]);
    assert!(node(&plan, "dock-1").nameservers.is_empty());
    let by_cloud = t3().with("app", |app| (app.resolver, app.clock) = (Some(name("aws")), Some(name("aws"))));
    let plan = by_cloud.planned();
    assert_eq!(node(&plan, "app").nameservers, [name::<std::net::IpAddr>("203.0.113.6")]);
    let far = t5().with("app", |app| app.resolver = Some(name("rtr"))).with("rtr", |rtr| {
        let crate::scenario::model::Kind::Router(inner) = &mut rtr.kind else { panic!("a router") };
        inner.dns = words("app1");
    });
    let plan = far.planned();
    assert_eq!(
        node(&plan, "app").nameservers,
        [name::<std::net::IpAddr>("10.50.0.1")],
        "not over the other leg"
    );
    assert_eq!(flow(&plan, "F15")[0], "app -> rtr: 10.50.0.1", "and the flow allows no more");
    assert_eq!(flow(&plan, "F15")[1], "bench -> rtr: 10.50.0.1", "the only place that answers");
}

#[test]
fn flows_name_the_addresses_of_their_services() {
    let plan = t3().planned();
    assert_eq!(flow(&plan, "F01"), ["app -> dock-1: 10.20.0.2", "app -> dock-2: 10.20.0.3"]);
    assert_eq!(flow(&plan, "F07"), ["app -> aws: 203.0.113.1 2001:db8:113::2"]);
    assert_eq!(flow(&plan, "F13"), ["app -> rtr: 10.20.0.1"]);
    assert_eq!(flow(&plan, "S02"), ["vms -> rtr: 10.30.0.1"]);
    assert_eq!(flow(&plan, "F17").len(), 7 * 6, "upkeep joins everybody with everybody else");
}

#[test]
fn reach_opens_each_port_where_it_is_answered() {
    let site = t3().node("tool", host(""), "eth0:wan").check(
        "tool-reaches",
        "",
        reach("tool", "aws dock", "tcp/443 udp/123 icmp/8"),
    );
    let found = opens(&site.planned(), "tool-reaches");
    assert_eq!(found[..2], ["tool -> aws 203.0.113.1 tcp/443", "tool -> aws 203.0.113.3 tcp/443"]);
    let of =
        |port: &str| found.iter().filter(|one| one.starts_with("tool -> aws") && one.ends_with(port)).count();
    assert_eq!((of("tcp/443"), of("udp/123"), of("icmp/8")), (8, 2, 6), "{found:#?}");
    assert!(found.contains(&"tool -> dock-2 10.20.0.3 icmp/8".to_owned()), "a group is its nodes");
    let ports = t3().check("ports", "", reach("app", "dock-1", "tcp/1000-1002")).planned();
    assert_eq!(opens(&ports, "ports").len(), 3);
}

#[test]
fn reach_opens_only_in_families_that_both_have() {
    let site = t1().check("asks", "", reach("app", "aws", "udp/53"));
    assert_eq!(opens(&site.planned(), "asks"), ["app -> aws 203.0.113.6 udp/53"]);
}
