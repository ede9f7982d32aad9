//! Sites that nobody thought of.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::plan::render::{dot, json, mermaid, text};
use crate::plan::testsite::{appliance, camera, cloud, empty, host, router};
use crate::plan::ways::Ways;
use crate::plan::{Plan, Word, plan};
use crate::scenario::model::{Cover, Scenario, Word as Asserted};

/// Per segment: length of its name, hosts, cameras, appliances, whether it has IPv6 and a trunk.
type Sketch = Vec<(usize, usize, usize, bool, bool)>;

/// A star of segments around one router, each segment with nodes; all of it attacks all of it.
fn site(sketch: &Sketch, chained: bool) -> Scenario {
    let mut site = empty("random").segment("wan", None, "203.0.113.0/24 2001:db8:ff::/64");
    let (mut links, mut names) = (String::from("wan0:wan"), Vec::new());
    for (at, (long, hosts, cameras, six, legs)) in sketch.iter().enumerate() {
        let segment = format!("s{}{at}", "egment-of-the-site-".repeat(*long));
        let more = if *six { format!(" 2001:db8:{at}::/64") } else { String::new() };
        site = site.segment(&segment, None, &format!("10.{at}.0.0/24{more}"));
        links.push_str(&format!(" lan.{at}:{segment}"));
        for number in 0..*hosts {
            let name = format!("{}{at}-{number}", "host-with-a-long-name-".repeat(*long));
            let name = if *long == 0 { format!("h{name}") } else { name };
            site = site.node(&name, host(""), &format!("eth0:{segment}"));
            names.push(name);
        }
        for number in 0..*cameras {
            let name = format!("cam{at}-{number}");
            site = site.node(&name, camera(u32::try_from(number).unwrap() + 1), &format!("eth0:{segment}"));
            names.push(name);
        }
        if *legs {
            let name = format!("app-{at}");
            site = site.node(&name, appliance("", Some("aws")), &format!("eth0:{segment} eth1:wan"));
            names.push(name);
        }
    }
    site = site.node("aws", cloud(), "eth0:wan").node("rtr", router("", "", Some("aws")), &links);
    names.push("aws".into());
    if chained {
        site = site.segment("far", None, "172.16.0.0/24").node(
            "far-rtr",
            router("", "", None),
            "up0:wan far0:far",
        );
        site = site.node("far-host", host(""), "eth0:far");
        // Two routers in `wan`: those with a leg there must not have to choose.
        for node in site.site.nodes.values_mut().filter(|node| node.name.as_str().starts_with("app-")) {
            node.gateway = Some("eth0".parse().unwrap());
        }
        names.push("far-host".into());
    }
    let all = names.join(" ");
    let word = Asserted::NoReach {
        from: crate::plan::testsite::words(&all),
        to: crate::plan::testsite::words(&all),
        both_ways: true,
        via: None,
        as_node: None,
        ports: crate::plan::testsite::words("tcp/80 icmp/8 icmp6/128"),
        cover: Cover::Listed,
        broadcast: false,
        except: Vec::new(),
        forgotten: None,
    };
    let routers = if chained { "rtr far-rtr" } else { "rtr" };
    site = site.flow("S01", &all, routers, "tcp/22").flow("S02", "rtr", &all, "tcp/23");
    if names.len() < 2 {
        return site;
    }
    site.flow("S03", &all, "aws", "tcp/443").check("all-shut", "S01 S02 S03", word)
}

fn sketches() -> impl Strategy<Value = (Sketch, bool)> {
    let segment = (0_usize..2, 0_usize..4, 0_usize..3, any::<bool>(), any::<bool>());
    (proptest::collection::vec(segment, 0..5), any::<bool>())
}

fn unique<T: Ord + std::fmt::Debug>(of: impl Iterator<Item = T>) -> Result<(), TestCaseError> {
    let mut seen = BTreeSet::new();
    for one in of {
        prop_assert!(!seen.contains(&one), "{one:?} twice");
        seen.insert(one);
    }
    Ok(())
}

fn sound(plan: &Plan) -> Result<(), TestCaseError> {
    let links = || plan.nodes.iter().flat_map(|node| &node.links);
    unique(links().map(|link| link.port.clone()).chain(plan.segments.iter().map(|one| one.bridge.clone())))?;
    unique(links().map(|link| link.mac))?;
    unique(links().flat_map(|link| &link.addresses).map(ipnet::IpNet::addr))?;
    for link in links() {
        let segment = plan.segments.iter().find(|segment| segment.name == link.segment).unwrap();
        let own = |address: &ipnet::IpNet| segment.subnets.contains(&address.trunc());
        prop_assert!(link.addresses.iter().all(own));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_given_twice_and_every_aim_arrives_in_the_open_copy((sketch, chained) in sketches()) {
        let site = site(&sketch, chained);
        let planned = plan(&site).map_err(|mistakes| TestCaseError::fail(format!("{mistakes:#?}")))?;
        sound(&planned)?;
        prop_assert_eq!(json(&planned), json(&plan(&site).unwrap()));
        for render in [text, dot, mermaid] {
            prop_assert_eq!(render(&planned), render(&plan(&site).unwrap()));
        }
        let open = planned.opened();
        let ways = Ways::new(&open.nodes);
        for check in &open.checks {
            let Word::NoReach { aims, .. } = &check.word else { panic!("only negatives") };
            for aim in aims {
                let next = ways.node(&aim.next_node).unwrap();
                prop_assert!(ways.legs(next, aim.address).is_some(), "{:?}", aim);
            }
        }
    }
}
