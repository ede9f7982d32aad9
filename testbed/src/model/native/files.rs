//! The rule files that the model is compared on: the shipped ones, and odd ones of `native/rules`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::judge::{compare, compare_with};
use super::rig::Rig;
use crate::load;
use crate::names::{Mac, NodeName};
use crate::plan::{Link, Node, Plan, PolicyRoute, Role, Route, plan};
use crate::tap::inside::inside;

const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios");
const ODD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/model/native/rules");

/// A router between three networks, one of them without IPv6, with default routes, and a route by source.
fn odd_router() -> Node {
    let link = |name: &str, last: u8, addresses: &[&str]| Link {
        name: name.parse().unwrap(),
        segment: name.parse().unwrap(),
        port: format!("port-{name}").parse().unwrap(),
        mac: Mac([2, 0, 0, 0, 1, last]),
        addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
        isolated: false,
        leased: None,
        advised: Vec::new(),
        neighbours: Vec::new(),
        trunk: None,
        mtu: None,
        spare_of: None,
    };
    let route = |to: &str, via: &str| Route { to: to.parse().unwrap(), via: via.parse().unwrap() };
    Node {
        name: "odd".parse().unwrap(),
        role: Role::Router,
        links: vec![
            link("eth0", 1, &["10.1.0.1/24", "2001:db8:1::1/64"]),
            link("eth1", 2, &["10.2.0.1/24", "2001:db8:2::1/64"]),
            link("wan0", 3, &["203.0.113.2/24"]),
        ],
        routes: vec![
            route("0.0.0.0/0", "203.0.113.1"),
            route("2001:db8:3::/48", "2001:db8:2::9"),
            route("::/0", "2001:db8:1::9"),
        ],
        policy: vec![PolicyRoute {
            from: "10.1.0.77/32".parse().unwrap(),
            to: "198.51.100.0/24".parse().unwrap(),
            via: "10.2.0.9".parse().unwrap(),
        }],
        forwards: true,
        sysctls: settings(&["eth0", "eth1", "wan0"]),
        ruleset: None,
        opens_tunnels: false,
        judged_behind_filter: true,
        nameservers: Vec::new(),
        hosts: Vec::new(),
    }
}

fn settings(links: &[&str]) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut put = |path: String, value: &str| all.insert(path, value.to_owned());
    for at in ["all", "default"].iter().chain(links) {
        for key in
            ["rp_filter", "accept_source_route", "route_localnet", "send_redirects", "accept_redirects"]
        {
            put(format!("net/ipv4/conf/{at}/{key}"), "0");
        }
        for key in ["disable_ipv6", "accept_ra", "accept_dad"] {
            put(format!("net/ipv6/conf/{at}/{key}"), "0");
        }
    }
    put("net/ipv4/ip_forward".into(), "1");
    put("net/ipv6/conf/all/forwarding".into(), "1");
    put("net/netfilter/nf_conntrack_tcp_loose".into(), "0");
    all
}

/// A plan with this node only.
pub(super) fn alone(node: &Node) -> Plan {
    Plan {
        scenario: "alone".parse().unwrap(),
        documents: Vec::new(),
        segments: Vec::new(),
        switches: Vec::new(),
        nodes: vec![node.clone()],
        services: Vec::new(),
        flows: Vec::new(),
        checks: Vec::new(),
        remarks: Vec::new(),
    }
}

fn rule_files(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "nft"));
    files.sort();
    files
}

fn name_of(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

/// So many packets of a hundred may be probe-only, by file: most of those that show what no packet does.
fn most_unknown(name: &str) -> usize {
    match name {
        "unsure" => 60,
        // It copies packets to elsewhere.
        "t1-app-bridges" | "t1-app-relays-groups" => 50,
        "devices" => 30,
        _ => 20,
    }
}

/// Compares all of the files on one node: the model may not be wrong once, and must know most.
fn all_on(plan: &Plan, node: &Node, files: &[PathBuf], count: usize) -> String {
    let mut rig = Rig::of(node);
    let mut told = String::new();
    let mut bad = false;
    for (seed, path) in (1..).zip(files) {
        let (name, rules) = (name_of(path), std::fs::read_to_string(path).unwrap());
        let score =
            compare(&mut rig, plan, node, &rules, (count, 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed)));
        bad |= !score.wrong.is_empty()
            || score.unknown * 100 > most_unknown(&name) * score.all()
            || score.dropped == 0;
        told.push_str(&score.shown(&name));
    }
    assert!(!bad, "{told}");
    told
}

#[test]
fn what_odd_rules_do_is_as_predicted() {
    inside(concat!(module_path!(), "::what_odd_rules_do_is_as_predicted"), || {
        let node = odd_router();
        // What is probe-only, counted and listed.
        insta::assert_snapshot!("odd", all_on(&alone(&node), &node, &rule_files(ODD), 500));
    });
}

#[test]
fn what_settings_do_is_as_predicted() {
    inside(concat!(module_path!(), "::what_settings_do_is_as_predicted"), || {
        let mut node = odd_router();
        let mut set = |path: &str, value: &str| node.sysctls.insert(path.into(), value.into());
        set("net/ipv4/conf/eth0/rp_filter", "1");
        set("net/ipv4/conf/eth1/rp_filter", "2");
        set("net/ipv4/conf/eth0/forwarding", "1");
        set("net/ipv4/conf/eth1/forwarding", "1");
        set("net/ipv4/conf/wan0/forwarding", "0");
        set("net/ipv6/conf/all/forwarding", "0");
        set("net/netfilter/nf_conntrack_tcp_loose", "1");
        node.sysctls.remove("net/ipv4/ip_forward");
        let mut files = rule_files(ODD);
        files.retain(|path| ["plain", "empty", "reverse"].contains(&name_of(path).as_str()));
        all_on(&alone(&node), &node, &files, 600);
    });
}

#[test]
fn a_model_of_other_rules_is_found_out() {
    inside(concat!(module_path!(), "::a_model_of_other_rules_is_found_out"), || {
        let node = odd_router();
        let mut rig = Rig::of(&node);
        let file = |name: &str| std::fs::read_to_string(format!("{ODD}/{name}.nft")).unwrap();
        let closed = file("plain").replace("tcp dport 554 accept", "tcp dport 554 drop");
        for (loaded, modelled) in [(file("flags"), file("empty")), (file("plain"), closed)] {
            let other = rig.load(&modelled);
            rig.load(&loaded);
            let score = compare_with(&mut rig, &alone(&node), &node, &other, (1500, 5));
            assert!(!score.wrong.is_empty(), "{}", score.shown("another rule set"));
        }
    });
}

/// The plan of a shipped scenario, by the beginning of its file's name.
/// The scenarios of the documented layouts themselves.
const LAYOUTS: [&str; 5] =
    ["t1-direct-cable", "t2-hub", "t3-separate-vlan", "t4-leases-and-names", "t5-dual-network"];

fn shipped(start: &str) -> Plan {
    let name = LAYOUTS.into_iter().find(|name| name.starts_with(start)).expect("a layout");
    let loaded = load::scenario(Path::new(&format!("{SCENARIOS}/{name}.yaml"))).unwrap();
    plan(&loaded.scenario).unwrap()
}

/// Those of the shipped files, twins' included, that are of this site and, by name, of the appliance or the router.
fn files_of(site: &str, appliance: bool) -> Vec<PathBuf> {
    let mut files = rule_files(SCENARIOS);
    files.extend(rule_files(&format!("{SCENARIOS}/broken")));
    files.retain(|path| {
        let name = name_of(path);
        let of_appliance = name == "app" || name.contains("-app-");
        (name.starts_with(site) || (appliance && name == "app"))
            && of_appliance == appliance
            && !name.ends_with("-switch")
            && !name.contains("arp-bound")
    });
    files
}

fn shipped_files_do_as_predicted(site: &str, node: &str, appliance: bool) {
    let plan = shipped(site);
    let name: NodeName = node.parse().unwrap();
    let node = plan.node(&name).unwrap();
    let files = files_of(site, appliance);
    assert!(!files.is_empty(), "{site} has rule files");
    all_on(&plan, node, &files, 300);
}

macro_rules! shipped {
    ($($test:ident: $site:literal $node:literal $appliance:literal,)*) => {$(
        #[test]
        fn $test() {
            inside(concat!(module_path!(), "::", stringify!($test)), || {
                shipped_files_do_as_predicted($site, $node, $appliance);
            });
        }
    )*};
}

shipped! {
    what_t1s_router_does_is_as_predicted: "t1" "rtr" false,
    what_t2s_router_does_is_as_predicted: "t2" "rtr" false,
    what_t3s_router_does_is_as_predicted: "t3" "rtr" false,
    what_t4s_router_does_is_as_predicted: "t4" "rtr" false,
    what_t5s_router_does_is_as_predicted: "t5" "rtr" false,
    what_t1s_appliance_does_is_as_predicted: "t1" "app" true,
    what_t4s_appliance_does_is_as_predicted: "t4" "app" true,
    what_t5s_appliance_does_is_as_predicted: "t5" "app" true,
}
