//! A site for benchmarks: a star of hosts behind one filtering router.

use std::collections::BTreeMap;

use super::build::plan;
use super::model::Plan;
use crate::names::{LinkName, NodeName, SegmentName};
use crate::scenario::model::{Host, Kind, Link, Node, Router, RuleFile, Scenario, Segment, Site};

/// The router's rule file of [`star`], to be loaded under the name `star.nft`: nothing is forwarded but two ports to
/// the server's segment, echo requests and answers.
pub const STAR_RULES: &str = "\
table inet star {
  chain through {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname \"hosts\" oifname \"srv\" tcp dport 80 accept
    iifname \"hosts\" oifname \"srv\" tcp dport 443 accept
    iifname \"hosts\" oifname \"srv\" icmp type echo-request accept
  }
}
";

/// A star: hosts `h-1` … in 10.77.0.0/16 with a default route, the router `rtr` with a leg there and a leg in the
/// segment `srv`, and the node `srv` behind it. No services, flows or checks.
///
/// `hosts` is 0 to 1000: a bridge has at most 1023 ports (`BR_MAX_PORTS`, net/bridge/br_private.h).
pub fn star(hosts: usize) -> Plan {
    let host = |name: String, segment| {
        node(name, Kind::Host(Host { plays: Vec::new(), operates: None, dhcp: BTreeMap::new() }), &[segment])
    };
    let mut nodes: Vec<_> = (1..=hosts).map(|number| host(format!("h-{number}"), "hosts")).collect();
    nodes.push(host("srv".to_owned(), "srv"));
    let forwarder = Kind::Router(Router {
        dns: Vec::new(),
        ntp: Vec::new(),
        ra: Vec::new(),
        upstream: None,
        dhcp: BTreeMap::new(),
        sets: BTreeMap::new(),
        refuses_inward: false,
    });
    nodes.push(node("rtr".to_owned(), forwarder, &["hosts", "srv"]));
    let segments = [("hosts", "10.77.0.0/16"), ("srv", "10.78.0.0/24")].map(|(name, subnet)| {
        let subnets = vec![subnet.parse().expect("a prefix")];
        (
            segment(name),
            Segment {
                vlan: None,
                subnets,
                hub: false,
                cable: false,
                zones: Vec::new(),
                mtu: None,
                neighbours: None,
            },
        )
    });
    let site = Site {
        segments: BTreeMap::from(segments),
        switches: BTreeMap::new(),
        nodes: nodes.into_iter().map(|node| (node.name.clone(), node)).collect(),
        groups: BTreeMap::new(),
    };
    let name = "star".parse().expect("a name");
    let scenario = Scenario {
        name,
        documents: Vec::new(),
        owners: BTreeMap::new(),
        site,
        flows: Vec::new(),
        checks: Vec::new(),
    };
    plan(&scenario).expect("a star is a site without mistakes")
}

fn segment(name: &str) -> SegmentName {
    name.parse().expect("a name")
}

/// A node with one link per segment; a router's are named after the segments, and it has the rule file.
fn node(name: String, kind: Kind, segments: &[&str]) -> Node {
    let is_router = matches!(kind, Kind::Router(_));
    let eth0: LinkName = "eth0".parse().expect("a name");
    let link = |at: &&str| Link {
        name: if is_router { at.parse().expect("a name") } else { eth0.clone() },
        segment: segment(at),
        addresses: Vec::new(),
        mac: None,
        trunk: None,
        mtu: None,
        advised_by: None,
        dhcp: None,
        spare_of: None,
    };
    let name: NodeName = name.parse().expect("a name");
    Node {
        name,
        kind,
        links: segments.iter().map(link).collect(),
        ruleset: is_router.then(|| RuleFile { path: "star.nft".to_owned() }),
        routes: Vec::new(),
        policy: Vec::new(),
        gateway: (!is_router).then_some(eth0),
        resolver: None,
        clock: None,
        run: None,
    }
}
