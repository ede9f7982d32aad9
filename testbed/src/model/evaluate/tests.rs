//! One packet and a few rules: how they are walked through.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::outcome::{Blame, Kernel, Leaving, Outcome};
use super::super::packet::{Body, Ethernet, Packet, Tracked};
use super::super::ruleset::Ruleset;
use super::{Device, Rules, Traveller, arrive, arrive_in_pieces, send};
use crate::names::Mac;
use crate::plan::{Link, Node, Plan, Role, Route};

/// A router with two networks.
fn router() -> Node {
    let link = |name: &str, last, address: &str| Link {
        name: name.parse().unwrap(),
        segment: name.parse().unwrap(),
        port: format!("port-{name}").parse().unwrap(),
        mac: Mac([2, 0, 0, 0, 0, last]),
        addresses: vec![address.parse().unwrap()],
        isolated: false,
        leased: None,
        advised: Vec::new(),
        neighbours: Vec::new(),
        trunk: None,
        mtu: None,
        spare_of: None,
    };
    let mut sysctls = BTreeMap::new();
    for at in ["all", "default"] {
        sysctls.insert(format!("net/ipv4/conf/{at}/rp_filter"), "0".into());
        sysctls.insert(format!("net/ipv4/conf/{at}/accept_source_route"), "0".into());
    }
    Node {
        name: "rtr".parse().unwrap(),
        role: Role::Router,
        links: vec![link("one", 1, "10.1.0.1/24"), link("two", 2, "10.2.0.1/24")],
        routes: vec![Route { to: "10.3.0.0/16".parse().unwrap(), via: "10.2.0.9".parse().unwrap() }],
        policy: Vec::new(),
        forwards: true,
        sysctls,
        ruleset: None,
        opens_tunnels: false,
        judged_behind_filter: true,
        nameservers: Vec::new(),
        hosts: Vec::new(),
    }
}

fn plan(node: &Node) -> Plan {
    let nodes = vec![node.clone()];
    let scenario = "small".parse().unwrap();
    let (documents, segments, switches) = (Vec::new(), Vec::new(), Vec::new());
    let (services, flows, checks, remarks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    Plan { scenario, documents, segments, switches, nodes, services, flows, checks, remarks }
}

/// Chains of one table, each with hook, priority, policy and rules; no hook: none of its own.
fn listing(chains: &[(&str, &str, i32, &str, Value)]) -> String {
    let mut all = vec![json!({"table": {"family": "inet", "name": "t"}})];
    for (name, hook, priority, policy, _) in chains {
        all.push(match *hook {
            "" => json!({"chain": {"family": "inet", "table": "t", "name": name}}),
            _ => {
                json!({"chain": {"family": "inet", "table": "t", "name": name, "type": "filter", "hook": hook,
                "prio": priority, "policy": policy}})
            }
        });
    }
    let mut handle = 0;
    for (name, .., rules) in chains {
        for expr in rules.as_array().unwrap() {
            handle += 1;
            all.push(json!({"rule": {"family": "inet", "table": "t", "chain": name, "handle": handle, "expr": expr}}));
        }
    }
    json!({"nftables": all}).to_string()
}

fn port(number: u16) -> Value {
    json!({"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": number}})
}

fn state(word: &str) -> Value {
    json!({"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": word}})
}

fn word(word: &str) -> Value {
    json!({word: null})
}

fn to(kind: &str, chain: &str) -> Value {
    json!({kind: {"target": chain}})
}

fn tcp(destination: u16) -> Packet {
    let body = Body::Tcp { source: 40_000, destination, flags: 2 };
    Packet::new("10.1.0.5".parse().unwrap(), "10.2.0.5".parse().unwrap(), body)
}

fn outcome_at(node: &Node, listing: &str, packet: Packet) -> Outcome {
    let rules = Rules::of(&plan(node), node, Ruleset::read(listing).unwrap());
    let device = Device { node, rules: &rules };
    let ethernet = Ethernet { source: Mac([2, 0, 0, 0, 0, 9]), destination: node.links[0].mac };
    arrive(&device, Traveller::new(packet, None, ""), ethernet, "one").into()
}

fn outcome(chains: &[(&str, &str, i32, &str, Value)], packet: Packet) -> Outcome {
    outcome_at(&router(), &listing(chains), packet)
}

/// `passes`, or what dropped it, or why it is not known.
fn short(outcome: &Outcome) -> String {
    let list = |all: Vec<String>| all.join(", ");
    match outcome {
        Outcome::Accepted { to: Leaving::Local, .. } => "arrives".into(),
        Outcome::Accepted { to: Leaving::Link { next, .. }, .. } => format!("passes to {next}"),
        Outcome::Dropped { by } => list(by.iter().map(Blame::to_string).collect()),
        Outcome::Unknown { why } => format!("? {}", list(why.iter().map(ToString::to_string).collect())),
    }
}

#[test]
fn without_rules_routes_decide() {
    let to = |address: &str| Packet { destination: address.parse().unwrap(), ..tcp(80) };
    let told = |address| short(&outcome(&[], to(address)));
    assert_eq!(told("10.2.0.5"), "passes to 10.2.0.5");
    assert_eq!(told("10.3.9.9"), "passes to 10.2.0.9");
    assert_eq!(told("10.2.0.1"), "arrives");
    assert_eq!(told("10.2.0.255"), "arrives");
    assert_eq!(told("192.0.2.1"), "no route leads there");
    assert_eq!(told("224.0.0.251"), "? whether somebody has joined the group");
}

#[test]
fn an_accept_ends_its_chain_only_and_a_drop_is_final() {
    let first = ("first", "forward", -5, "accept", json!([[word("accept")]]));
    let second = ("second", "forward", 5, "drop", json!([[port(80), word("accept")]]));
    assert_eq!(short(&outcome(&[first.clone(), second.clone()], tcp(80))), "passes to 10.2.0.5");
    assert_eq!(short(&outcome(&[second.clone(), first], tcp(81))), "inet t second policy");
    let closed = ("early", "prerouting", -300, "accept", json!([[word("drop")]]));
    assert_eq!(short(&outcome(&[closed, second], tcp(80))), "inet t early handle 1");
}

#[test]
fn a_jump_comes_back_and_a_goto_does_not() {
    let inner = || ("inner", "", 0, "", json!([[port(80), word("return")], [port(81), word("accept")]]));
    let jumps = ("c", "forward", 0, "drop", json!([[to("jump", "inner")], [port(80), word("accept")]]));
    let goes = ("c", "forward", 0, "drop", json!([[to("goto", "inner")], [port(80), word("accept")]]));
    assert_eq!(short(&outcome(&[jumps.clone(), inner()], tcp(80))), "passes to 10.2.0.5");
    assert_eq!(short(&outcome(&[jumps, inner()], tcp(81))), "passes to 10.2.0.5");
    assert_eq!(short(&outcome(&[goes.clone(), inner()], tcp(80))), "inet t c policy");
    assert_eq!(short(&outcome(&[goes, inner()], tcp(81))), "passes to 10.2.0.5");
}

#[test]
fn what_is_not_known_is_said_only_where_it_matters() {
    let odd = json!({"match": {"op": "==", "left": {"osf": {"key": "name"}}, "right": "Linux"}});
    let rules = |verdict| json!([[port(80), odd.clone(), word(verdict)]]);
    let matters = outcome(&[("c", "forward", 0, "drop", rules("accept"))], tcp(80));
    assert!(short(&matters).starts_with("? inet t c handle 1: {\"osf\""), "{}", short(&matters));
    assert_eq!(short(&outcome(&[("c", "forward", 0, "drop", rules("accept"))], tcp(81))), "inet t c policy");
    let either = outcome(&[("c", "forward", 0, "drop", rules("drop"))], tcp(80));
    assert_eq!(short(&either), "inet t c handle 1, inet t c policy", "one of the two drops it");
}

#[test]
fn a_rate_may_be_over_or_not() {
    let rate = json!({"limit": {"rate": 5, "per": "second"}});
    let rules = json!([[port(80), rate, word("accept")]]);
    assert!(short(&outcome(&[("c", "forward", 0, "drop", rules.clone())], tcp(80))).contains("limit"));
    assert_eq!(short(&outcome(&[("c", "forward", 0, "accept", rules)], tcp(80))), "passes to 10.2.0.5");
}

#[test]
fn a_set_that_others_fill_is_not_relied_on() {
    let asks = json!({"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "@s"}});
    let chain = |rules| listing(&[("c", "forward", 0, "drop", rules)]);
    let with_set = |listing: String, elements: Value| {
        let mut all: Value = serde_json::from_str(&listing).unwrap();
        let set = json!({"set": {"family": "inet", "table": "t", "name": "s", "type": "ipv4_addr", "elem": elements}});
        all["nftables"].as_array_mut().unwrap().push(set);
        all.to_string()
    };
    let rules = json!([[asks.clone(), word("accept")]]);
    let told = |listing: &str| short(&outcome_at(&router(), listing, tcp(80)));
    assert_eq!(told(&with_set(chain(rules.clone()), json!(["10.1.0.5"]))), "passes to 10.2.0.5");
    assert_eq!(told(&with_set(chain(rules.clone()), json!(["10.1.0.6"]))), "inet t c policy");
    let short_lived = json!([{"elem": {"val": "10.1.0.5", "expires": 8}}]);
    assert!(told(&with_set(chain(rules), short_lived)).contains("may have expired"));
    let fills =
        json!({"set": {"op": "add", "elem": {"payload": {"protocol": "ip", "field": "saddr"}}, "set": "@s"}});
    let rules = json!([[port(22), fills], [asks, word("accept")]]);
    assert!(told(&with_set(chain(rules), json!([]))).contains("filled while the site runs"));
}

#[test]
fn chains_that_lead_in_a_circle_are_given_up() {
    let there = ("a", "", 0, "", json!([[to("jump", "b")]]));
    let back = ("b", "", 0, "", json!([[to("jump", "a")], [to("goto", "a")]]));
    let base = ("c", "forward", 0, "drop", json!([[to("jump", "a")]]));
    assert!(short(&outcome(&[base, there, back], tcp(80))).starts_with("? chains that lead too deep"));
}

#[test]
fn chains_that_fan_out_are_given_up_in_time() {
    let names: Vec<String> = (0..15).map(|at| format!("n{at}")).collect();
    let mut chains = vec![("base", "forward", 0, "drop", json!([[to("jump", "n0")]]))];
    for (at, name) in names.iter().enumerate() {
        let next = names.get(at + 1).map(String::as_str).unwrap_or("end");
        let jumps: Vec<Value> = (0..12).map(|_| json!([to("jump", next)])).collect();
        chains.push((name, "", 0, "", json!(jumps)));
    }
    chains.push(("end", "", 0, "", json!([])));
    assert!(short(&outcome(&chains, tcp(80))).starts_with("? "));
}

#[test]
fn the_state_of_a_first_packet_is_what_the_kernel_makes_of_it() {
    let asks = |word_of: &str| [("c", "forward", 0, "accept", json!([[state(word_of), word("drop")]]))];
    let is = |body, word_of| {
        matches!(outcome(&asks(word_of), Packet { body, ..tcp(80) }), Outcome::Dropped { .. })
    };
    let flags = |flags| Body::Tcp { source: 1, destination: 2, flags };
    assert!(is(flags(2), "new") && [18, 3, 4, 0].into_iter().all(|bits| is(flags(bits), "invalid")));
    assert!(is(Body::Icmp { kind: 8, code: 0 }, "new") && is(Body::Icmp { kind: 0, code: 0 }, "invalid"));
    assert!(is(Body::Udp { source: 1, destination: 2 }, "new") && is(Body::Other(89), "new"));
    let unsure = outcome(&asks("new"), Packet { body: flags(16), ..tcp(80) });
    assert!(short(&unsure).starts_with("? "), "whether a connection may begin in its middle is not planned");
}

#[test]
fn a_packet_of_an_older_conversation_is_taken_as_such() {
    let rules = json!([[state("established"), word("accept")]]);
    let chain = [("c", "forward", 0, "drop", rules)];
    assert_eq!(short(&outcome(&chain, tcp(80))), "inet t c policy");
    let older = Packet { tracked: Tracked::Established, ..tcp(80) };
    assert_eq!(short(&outcome(&chain, older)), "passes to 10.2.0.5");
}

#[test]
fn before_connection_tracking_nothing_is_known_of_it() {
    let rules = || json!([[state("invalid"), word("drop")]]);
    assert_eq!(
        short(&outcome(&[("c", "prerouting", -300, "accept", rules())], tcp(80))),
        "inet t c handle 1"
    );
    assert_eq!(
        short(&outcome(&[("c", "prerouting", -150, "accept", rules())], tcp(80))),
        "passes to 10.2.0.5"
    );
    assert!(short(&outcome(&[("c", "prerouting", -200, "accept", rules())], tcp(80))).starts_with("? "));
}

/// What becomes of both pieces of a packet to this port, of which 80 alone is open, where rules at this priority exempt what `of` says from tracking.
fn pieces(destination: u16, priority: i32, of: &[Value]) -> [String; 2] {
    pieces_by(
        json!([[port(80), word("accept")], [state("untracked"), word("accept")]]),
        3,
        (destination, priority, of),
    )
}

/// The same with these rules, and where the second piece begins there, units of 8 bytes.
fn pieces_by(forward: Value, second: u16, (destination, priority, of): (u16, i32, &[Value])) -> [String; 2] {
    let statements = [of, &[json!({"notrack": null})]].concat();
    let chains = [
        ("early", "prerouting", priority, "accept", json!([statements])),
        ("through", "forward", 0, "drop", forward),
    ];
    let (node, listing) = (router(), listing(&chains));
    let rules = Rules::of(&plan(&node), &node, Ruleset::read(&listing).unwrap());
    let device = Device { node: &node, rules: &rules };
    let ethernet = Ethernet { source: Mac([2, 0, 0, 0, 0, 9]), destination: node.links[0].mac };
    let pieces = Traveller::new(tcp(destination), None, "").in_pieces(second);
    arrive_in_pieces(&device, &pieces, ethernet, "one").map(|ends| short(&ends.into()))
}

#[test]
fn pieces_are_put_together_unless_a_rule_exempts_them_before_that() {
    let frag = |bits: u16| {
        let left = json!({"&": [{"payload": {"protocol": "ip", "field": "frag-off"}}, bits]});
        json!({"match": {"op": "!=", "left": left, "right": 0}})
    };
    let passes = || "passes to 10.2.0.5".to_owned();
    assert_eq!(pieces(22, -450, &[frag(0x3fff)]), [passes(), passes()]);
    // Behind that place it is the whole, which no rule takes for a piece.
    let policy = || "inet t through policy".to_owned();
    let waits = "the other fragments are waited for".to_owned();
    assert_eq!(pieces(22, -300, &[frag(0x3fff)]), [policy(), waits.clone()]);
    assert_eq!(pieces(22, -300, &[]), [passes(), passes()]);
    // One of them waits for the other, which has gone on.
    assert_eq!(pieces(80, -450, &[frag(0x1fff)]), [waits, passes()]);
}

#[test]
fn flags_are_not_in_a_first_piece_of_eight_bytes() {
    let flags = json!({"&": [{"payload": {"protocol": "tcp", "field": "flags"}}, 2]});
    let syn = json!({"match": {"op": "!=", "left": flags, "right": 0}});
    let tracked = [state("untracked"), word("accept")];
    let forward = || json!([[syn.clone(), word("drop")], [port(22), word("accept")], tracked.clone()]);
    let by = |second, exempt: &[Value]| pieces_by(forward(), second, (22, -450, exempt));
    let all = json!({"match": {"op": "!=", "left": {"meta": {"key": "mark"}}, "right": 7}});
    let passes_first = |second, exempt: &[Value]| by(second, exempt)[0] == "passes to 10.2.0.5";
    assert!(
        !passes_first(3, std::slice::from_ref(&all)) && passes_first(1, std::slice::from_ref(&all)),
        "{:?}",
        by(1, &[all])
    );
    // Put together it has them.
    let none = json!({"match": {"op": "==", "left": {"meta": {"key": "mark"}}, "right": 7}});
    assert!(!passes_first(3, std::slice::from_ref(&none)) && !passes_first(1, &[none]));
}

#[test]
fn settings_decide_what_no_rule_does() {
    let with = |path: &str, value: &str| {
        let mut node = router();
        node.sysctls.insert(path.into(), value.into());
        node
    };
    let told = |node: &Node, packet| short(&outcome_at(node, r#"{"nftables": []}"#, packet));
    let kernel = |reason: Kernel| reason.to_string();
    assert_eq!(told(&with("net/ipv4/ip_forward", "0"), tcp(80)), kernel(Kernel::NotForwarding));
    let forged = |source: &str| Packet { source: source.parse().unwrap(), ..tcp(80) };
    let strict = with("net/ipv4/conf/one/rp_filter", "1");
    assert_eq!(told(&strict, forged("10.3.0.1")), kernel(Kernel::ReversePath));
    assert_eq!(told(&strict, tcp(80)), "passes to 10.2.0.5");
    let loose = with("net/ipv4/conf/all/rp_filter", "2");
    assert_eq!(told(&loose, forged("10.3.0.1")), "passes to 10.2.0.5");
    assert_eq!(told(&loose, forged("192.0.2.1")), kernel(Kernel::ReversePath));
    assert_eq!(told(&router(), forged("192.0.2.1")), "passes to 10.2.0.5");
    assert_eq!(told(&router(), forged("10.2.0.1")), kernel(Kernel::MartianSource));
    assert_eq!(told(&router(), Packet { ttl: 1, ..tcp(80) }), kernel(Kernel::TimeToLive));
    assert_eq!(told(&router(), Packet { options: vec![131], ..tcp(80) }), kernel(Kernel::SourceRoute));
}

#[test]
fn what_a_node_sends_passes_its_own_filters() {
    let node = router();
    let rules = json!([[port(80), word("drop")]]);
    let listing = listing(&[("c", "output", 0, "accept", rules)]);
    let rules = Rules::of(&plan(&node), &node, Ruleset::read(&listing).unwrap());
    let device = Device { node: &node, rules: &rules };
    let own = |port| Packet { source: "10.2.0.1".parse().unwrap(), ..tcp(port) };
    assert_eq!(short(&send(&device, own(80), None).into()), "inet t c handle 1");
    assert_eq!(short(&send(&device, own(81), None).into()), "passes to 10.2.0.5");
}

#[test]
fn two_chains_of_one_priority_matter_where_one_changes_something() {
    let marks = json!([[{"mangle": {"key": {"meta": {"key": "mark"}}, "value": 5}}]]);
    let asks =
        json!([[{"match": {"op": "==", "left": {"meta": {"key": "mark"}}, "right": 5}}, word("drop")]]);
    let chains =
        |at| [("a", "forward", at, "accept", marks.clone()), ("b", "forward", 0, "accept", asks.clone())];
    assert_eq!(short(&outcome(&chains(-1), tcp(80))), "inet t b handle 2");
    assert_eq!(short(&outcome(&chains(1), tcp(80))), "passes to 10.2.0.5");
    assert!(short(&outcome(&chains(0), tcp(80))).contains("comes first"));
}

#[test]
fn a_time_to_live_that_a_rule_sets_is_known_afterwards() {
    let set = json!({"mangle": {"key": {"payload": {"protocol": "ip", "field": "ttl"}}, "value": 33}});
    let is = |ttl: u8| json!({"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "ttl"}}, "right": ttl}});
    let after =
        |ttl| outcome(&[("a", "forward", 0, "accept", json!([[set], [is(ttl), word("drop")]]))], tcp(80));
    assert_eq!(short(&after(33)), "inet t a handle 2");
    assert_eq!(short(&after(63)), "passes to 10.2.0.5");
    // What has no such field is let alone, and so is what comes behind it in the rule.
    let six = json!({"mangle": {"key": {"payload": {"protocol": "ip6", "field": "hoplimit"}}, "value": 33}});
    let chains = [("a", "forward", 0, "accept", json!([[six, word("drop")]]))];
    assert_eq!(short(&outcome(&chains, tcp(80))), "passes to 10.2.0.5");
}

#[test]
fn a_class_of_the_other_family_is_not_set_and_the_rule_ends() {
    let set = |protocol| json!({"mangle": {"key": {"payload": {"protocol": protocol, "field": "dscp"}}, "value": 8}});
    let then = |protocol, packet| {
        outcome(&[("a", "prerouting", -150, "accept", json!([[set(protocol), word("drop")]]))], packet)
    };
    let body = Body::Tcp { source: 40_000, destination: 80, flags: 2 };
    let six = || Packet::new("2001:db8::5".parse().unwrap(), "2001:db8:1::5".parse().unwrap(), body);
    assert_eq!(short(&then("ip", tcp(80))), "inet t a handle 1");
    assert_eq!(short(&then("ip6", tcp(80))), "passes to 10.2.0.5");
    assert_eq!(short(&then("ip6", six())), "inet t a handle 1");
    assert_ne!(short(&then("ip", six())), "inet t a handle 1");
}

#[test]
fn how_far_a_packet_may_go_is_not_known_where_a_rule_looks_its_time_to_live_up() {
    let value = json!({"map": {"key": {"payload": {"protocol": "tcp", "field": "dport"}}, "data": "@m"}});
    let set = |value: Value| json!({"mangle": {"key": {"payload": {"protocol": "ip", "field": "ttl"}}, "value": value}});
    let chain = |rules: Value| [("a", "prerouting", -150, "accept", rules)];
    let last_hop = || Packet { ttl: 1, ..tcp(80) };
    for packet in [tcp(80), last_hop()] {
        let text = short(&outcome(&chain(json!([[set(value.clone())]])), packet));
        assert!(text.contains("a rule wrote into its time to live"), "{text}");
    }
    // What a later rule sets is known again.
    let known = chain(json!([[set(value)], [set(json!(9))]]));
    assert_eq!(short(&outcome(&known, last_hop())), "passes to 10.2.0.5");
}
