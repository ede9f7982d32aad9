//! Listings that nft printed, and listings that nobody would print.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const INET: &str = include_str!("listings/inet.json");
const FAMILIES: &str = include_str!("listings/families.json");

fn read(listing: &str) -> Ruleset {
    Ruleset::read(listing).unwrap()
}

/// The rule of this handle in the table.
fn rule<'a>(ruleset: &'a Ruleset, table: &str, handle: u64) -> &'a Rule {
    let mut rules = ruleset.rules().filter(|(in_table, ..)| in_table.name == table);
    rules.find(|(_, _, rule)| rule.handle == handle).expect("the rule").2
}

/// What is not known of a listing, a line for each rule.
fn unknown(ruleset: &Ruleset) -> String {
    let lines = ruleset.rules().filter_map(|(table, _, rule)| {
        let debug = format!("{:?}", rule.statements);
        let texts: Vec<&str> =
            debug.split("Unknown(").skip(1).map(|rest| rest.split(')').next().unwrap()).collect();
        (!texts.is_empty()).then(|| format!("{} {}: {}\n", table.name, rule.handle, texts.join(" ")))
    });
    lines.collect()
}

#[test]
fn what_is_not_known_of_every_construct_is_this_and_nothing_else() {
    insta::assert_snapshot!("unknown", unknown(&read(INET)) + &unknown(&read(FAMILIES)));
}

#[test]
fn every_rule_of_every_construct_reads_as_this() {
    let mut text = String::new();
    for listing in [INET, FAMILIES] {
        for (table, _, rule) in read(listing).rules() {
            text += &format!("{} {}: {:?}\n", table.name, rule.handle, rule.statements);
        }
    }
    insta::assert_snapshot!("rules", text);
}

#[test]
fn chains_have_their_hooks() {
    let ruleset = read(INET);
    let table = ruleset.table(Family::Inet, "site").unwrap();
    let base = table.chains["c_to_router"].base.as_ref().unwrap();
    assert_eq!((base.kind, base.hook, base.priority, base.drops), (ChainKind::Filter, Hook::Input, 0, true));
    assert_eq!(table.chains["j"].base, None);
    let families = read(FAMILIES);
    let ingress = families.table(Family::Netdev, "nd").unwrap().chains["i"].base.as_ref().unwrap();
    assert_eq!(
        (ingress.hook, ingress.devices.len()),
        (Hook::Ingress, 0),
        "nft 1.0 does not say where it hangs"
    );
    assert!(families.table(Family::Ip, "quux").unwrap().flagged, "a dormant table");
}

#[test]
fn sets_have_their_elements() {
    let ruleset = read(INET);
    let sets = &ruleset.table(Family::Inet, "site").unwrap().sets;
    let ten = Pattern::Number(0x0a00_0000, 0x0aff_ffff);
    let key = |name: &str, at: usize| sets[name].elements[at].key.clone().unwrap();
    assert_eq!(key("iv", 0), std::slice::from_ref(&ten));
    assert_eq!(key("cc", 0), [ten, Pattern::Number(1, 5)]);
    assert_eq!(key("ifsw", 0), [Pattern::NameStart("eth".into())]);
    assert!(sets["aws4"].elements.iter().all(|element| element.expires));
    assert!(sets["cams"].elements.iter().all(|element| !element.expires));
    assert_eq!(sets["vm"].elements[2].data, Some(Data::Verdict(Verdict::Jump("j".into()))));
    let families = read(FAMILIES);
    let any = &families.table(Family::Ip6, "s6").unwrap().sets["ca"].elements[1];
    assert_eq!((&any.key, &any.data), (&None, &Some(Data::Verdict(Verdict::Drop))));
}

#[test]
fn words_and_numbers_are_the_same() {
    // As `nft -nn` prints it.
    let listing = |right: Value| {
        let left = json!({"payload": {"protocol": "icmp", "field": "type"}});
        with_rule(json!([{"match": {"op": "==", "left": left, "right": right}}, {"drop": null}]))
    };
    let statements = |right| rule(&read(&listing(right)), "t", 9).statements.clone();
    assert_eq!(statements(json!("echo-request")), statements(json!(8)));
    assert_ne!(statements(json!("echo-request")), statements(json!(9)));
}

/// A listing of one chain with one rule.
fn with_rule(expr: Value) -> String {
    json!({"nftables": [
        {"table": {"family": "inet", "name": "t", "handle": 1}},
        {"chain": {"family": "inet", "table": "t", "name": "c", "handle": 2}},
        {"rule": {"family": "inet", "table": "t", "chain": "c", "handle": 9, "expr": expr}},
    ]})
    .to_string()
}

#[test]
fn an_empty_listing_has_no_tables() {
    assert_eq!(read(r#"{"nftables": [{"metainfo": {"json_schema_version": 1}}]}"#), Ruleset::default());
}

#[test]
fn what_is_no_listing_is_refused_with_words() {
    let words = |listing: &str| Ruleset::read(listing).unwrap_err().to_string();
    assert!(words("").contains("as JSON"));
    assert!(words(r#"{"nftables": 1}"#).contains("as JSON"));
    assert!(words(&format!(r#"{{"nftables": [{}]}}"#, "[".repeat(100_000))).contains("as JSON"));
    assert!(words(r#"{"nftables": [{"metainfo": {"json_schema_version": 2}}]}"#).contains("schema"));
    assert!(
        words(r#"{"nftables": [{"table": {"family": "ipx", "name": "t"}}]}"#).contains("`ipx` is no family")
    );
    assert!(words(&with_rule(json!([{"jump": {"target": "x"}}]))).contains("chain `x`"));
    let asks = json!({"match": {"op": "==", "left": {"meta": {"key": "mark"}}, "right": "@x"}});
    assert!(words(&with_rule(json!([asks]))).contains("set `x`"));
    let loose = r#"{"nftables": [{"chain": {"family": "ip", "table": "t", "name": "c"}}]}"#;
    assert!(words(loose).contains("table `t`"));
}

#[test]
fn an_expression_nested_deeply_is_unknown_or_refused() {
    let mut expr = json!({"meta": {"key": "mark"}});
    for _ in 0..100 {
        expr = json!({"&": [expr, 1]});
    }
    let listing = with_rule(json!([{"match": {"op": "==", "left": expr, "right": 1}}]));
    if let Ok(ruleset) = Ruleset::read(&listing) {
        assert_eq!(rule(&ruleset, "t", 9).statements.len(), 1);
    }
}

/// Any JSON, most of it of words that nft uses.
fn any_json() -> impl Strategy<Value = Value> {
    let word = proptest::sample::select(vec![
        "match", "op", "==", "in", "left", "right", "payload", "protocol", "field", "tcp", "dport", "meta",
        "key", "set", "elem", "val", "range", "prefix", "addr", "len", "concat", "vmap", "data", "jump",
        "target", "c", "&", "|", "fib", "flags", "result", "map", "dnat", "family", "ip", "@s", "1.2.3.4",
        "::1", "eth*", "name", "ct",
    ]);
    let leaf = prop_oneof![
        word.clone().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((word.clone(), inner), 0..4).prop_map(|pairs| {
                Value::Object(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn no_rule_makes_it_panic(expr in any_json()) {
        let _ = Ruleset::read(&with_rule(json!([expr, {"match": expr}, {"vmap": expr}, {"dnat": expr}])));
    }

    #[test]
    fn no_listing_makes_it_panic(one in any_json(), two in any_json()) {
        let _ = Ruleset::read(&json!({"nftables": [{"set": one}, {"rule": two}, one]}).to_string());
    }

    #[test]
    fn a_listing_that_is_cut_off_is_refused(end in 0..INET.len() - 2) {
        if let Some(part) = INET.get(..end) {
            prop_assert!(Ruleset::read(part).is_err());
        }
    }
}
