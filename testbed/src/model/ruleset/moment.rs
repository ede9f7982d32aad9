//! What rules have let in for a moment: elements that they put into sets by themselves, and that go again soon.

use std::collections::BTreeSet;

use serde_json::Value;

/// Whether a set that the rules of a listing fill holds an element that goes within so many seconds.
///
/// `listing`: what `nft -j list ruleset` prints; nothing is known of what is none, and the answer is no. Lives are whole seconds there
/// (libnftables-json(5), "elem").
pub fn holds_for_a_moment(listing: &str, seconds: u64) -> bool {
    let listing: Value = serde_json::from_str(listing).unwrap_or_default();
    let objects = || listing["nftables"].as_array().into_iter().flatten();
    let filled: BTreeSet<_> = objects().filter_map(|one| one.get("rule")).flat_map(filled_by).collect();
    let goes = |element: &Value| element["elem"]["expires"].as_u64().is_some_and(|left| left <= seconds);
    objects().filter_map(|one| one.get("set").or_else(|| one.get("map"))).any(|set| {
        let whose = (text(set, "family"), text(set, "table"), text(set, "name"));
        filled.contains(&whose) && set["elem"].as_array().is_some_and(|elements| elements.iter().any(goes))
    })
}

/// Family, table and name of each set that a rule adds to.
fn filled_by(rule: &Value) -> Vec<(&str, &str, &str)> {
    let parts = rule["expr"].as_array().into_iter().flatten();
    let names = parts.filter_map(|part| part["set"]["set"].as_str().or(part["map"]["map"].as_str()));
    names.map(|name| (text(rule, "family"), text(rule, "table"), name.trim_start_matches('@'))).collect()
}

fn text<'a>(of: &'a Value, key: &str) -> &'a str {
    of[key].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A table whose rule adds to `asked`, and in which `set` has this element.
    fn holds(set: &str, element: &Value) -> bool {
        let set = json!({ "family": "inet", "table": "own", "name": set, "elem": [element] });
        let elem = json!({ "payload": { "protocol": "udp", "field": "sport" } });
        let fills = json!({ "set": { "op": "update", "elem": elem, "set": "@asked" } });
        let rule = json!({ "family": "inet", "table": "own", "chain": "out", "handle": 1, "expr": [fills] });
        let listing = json!({ "nftables": [{ "metainfo": {} }, { "set": set }, { "rule": rule }] });
        holds_for_a_moment(&listing.to_string(), 5)
    }

    #[test]
    fn what_a_rule_has_added_and_goes_soon_is_there_for_a_moment() {
        let going = |expires: u64| json!({ "elem": { "val": 40_000, "timeout": 600, "expires": expires } });
        assert!(holds("asked", &going(0)));
        assert!(holds("asked", &going(5)));
        assert!(!holds("asked", &going(6)), "it stays");
        assert!(!holds("asked", &json!(40_000)), "it lasts");
        assert!(!holds("aws4", &going(1)), "no rule fills it");
        assert!(!holds_for_a_moment("no listing", 5));
    }

    #[test]
    fn maps_are_filled_as_sets_are() {
        let element = json!({ "elem": { "val": [40_000, "10.0.0.1"], "timeout": 600, "expires": 1 } });
        let map = json!({ "family": "inet", "table": "own", "name": "asked", "elem": [element] });
        let fills = json!({ "map": { "op": "add", "elem": "sport", "data": "saddr", "map": "@asked" } });
        let rule = json!({ "family": "inet", "table": "own", "chain": "out", "handle": 1, "expr": [fills] });
        let listing = json!({ "nftables": [{ "map": map }, { "rule": rule }] });
        assert!(holds_for_a_moment(&listing.to_string(), 5));
    }
}
