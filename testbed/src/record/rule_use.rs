//! Which rules of a node were used, by what its counters have counted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::names::NodeName;

/// What the counters of a node's rules say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleUse {
    /// The node.
    pub node: NodeName,
    /// True: of a copy of the site in a second lab, all of whose rules count. False: of the site itself, of whose rules
    /// those count that say so.
    pub in_copy: bool,
    /// Rules that counted something.
    pub used: usize,
    /// Rules that counted nothing.
    pub never_used: Vec<RuleText>,
    /// Rules that do not count.
    pub uncounted: usize,
}

/// A rule, as nft prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleText {
    /// Family, table and chain, for example `inet site through`.
    pub chain: String,
    /// The rule, without its counter.
    pub rule: String,
}

impl RuleUse {
    /// What `nft -a list ruleset` says, the testbed's own tables aside; none if no rule counts.
    pub fn of(node: &NodeName, in_copy: bool, listing: &str) -> Option<RuleUse> {
        let mut found =
            RuleUse { node: node.clone(), in_copy, used: 0, never_used: Vec::new(), uncounted: 0 };
        for (chain, line) in rules(listing) {
            match packets(line) {
                Some(0) => found.never_used.push(RuleText { chain, rule: without_counter(line) }),
                Some(_) => found.used += 1,
                None => found.uncounted += 1,
            }
        }
        (found.used + found.never_used.len() > 0).then_some(found)
    }
}

/// Each rule with its chain: what has a handle in the block of a chain.
fn rules(listing: &str) -> Vec<(String, &str)> {
    let (mut table, mut chain) = (String::new(), None);
    let mut found = Vec::new();
    for line in listing.lines().map(str::trim) {
        let (text, handle) = line.split_once(" # handle ").map_or((line, false), |(text, _)| (text, true));
        if let Some(opened) = text.strip_suffix(" {") {
            let mut words = opened.split_whitespace();
            match words.next() {
                Some("table") => table = words.collect::<Vec<_>>().join(" "),
                Some("chain") => chain = words.next().map(|name| format!("{table} {name}")),
                _ => {}
            }
        } else if text == "}" {
            chain = None;
        } else if let (Some(chain), true) = (&chain, handle)
            && !table.split(' ').nth(1).is_some_and(|name| name.starts_with("testbed_"))
        {
            found.push((chain.clone(), text));
        }
    }
    found
}

/// What a rule has counted; none if it does not count.
fn packets(rule: &str) -> Option<u64> {
    let (_, behind) = rule.split_once("counter packets ")?;
    behind.split(' ').next()?.parse().ok()
}

fn without_counter(rule: &str) -> String {
    let Some((before, behind)) = rule.split_once("counter packets ") else { return rule.to_owned() };
    // `N bytes N`
    let rest: Vec<&str> = behind.split(' ').skip(3).collect();
    format!("{before}{}", rest.join(" ")).trim_end().to_owned()
}

/// What nft must carry out (libnftables-json(5)) so that each rule of a listing in JSON counts what matches it: the same
/// rule with a counter behind its last match. None if all count already, or there is no rule.
///
/// A counter decides nothing and changes no packet (nft(8), "counter statement"). Errors: it is no JSON.
pub fn counting(listing: &str) -> Result<Option<String>, serde_json::Error> {
    let all: Value = serde_json::from_str(listing)?;
    let objects = all.get("nftables").and_then(Value::as_array).into_iter().flatten();
    let replaced: Vec<Value> = objects.filter_map(|object| counted(object.get("rule")?)).collect();
    if replaced.is_empty() {
        return Ok(None);
    }
    serde_json::to_string(&json!({ "nftables": replaced })).map(Some)
}

fn counted(rule: &Value) -> Option<Value> {
    let parts = rule.get("expr")?.as_array()?;
    // A counter with a name is an object of its own, which several rules may share.
    if parts.iter().any(|part| part.get("counter").is_some_and(Value::is_object)) {
        return None;
    }
    let behind = parts.iter().rposition(|part| part.get("match").is_some()).map_or(0, |last| last + 1);
    let mut parts = parts.clone();
    parts.insert(behind, json!({ "counter": { "packets": 0, "bytes": 0 } }));
    let mut rule = rule.clone();
    rule.as_object_mut()?.insert("expr".into(), parts.into());
    Some(json!({ "replace": { "rule": rule } }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = "table inet site { # handle 1
	set cams { # handle 2
		type ipv4_addr
		elements = { 10.20.0.2 }
	}
	chain through { # handle 4
		type filter hook forward priority filter; policy drop;
		ct state established counter packets 7 bytes 4200 accept # handle 5
		iifname \"lan\" counter packets 0 bytes 0 drop # handle 6
		counter packets 0 bytes 0 # handle 7
		ip daddr @cams accept # handle 8
	}
}
table inet testbed_instrument { # handle 2
	chain arrived { # handle 1
		counter packets 0 bytes 0 return # handle 2
	}
}
";

    #[test]
    fn rules_that_counted_nothing_are_told_with_their_chain() {
        let node: NodeName = "rtr".parse().unwrap();
        let found = RuleUse::of(&node, true, LISTING).unwrap();
        let never: Vec<_> = found.never_used.iter().map(|one| (&*one.chain, &*one.rule)).collect();
        assert_eq!(never, [("inet site through", "iifname \"lan\" drop"), ("inet site through", "")]);
        assert_eq!((found.used, found.uncounted), (1, 1));
        let plain = LISTING.replace("counter packets", "quota");
        assert_eq!(RuleUse::of(&node, false, &plain), None, "nothing counts");
        assert_eq!(RuleUse::of(&node, false, "chain {\n} # handle\n}}}"), None);
    }

    #[test]
    fn a_rule_counts_what_matches_it_before_it_decides() {
        let listing = r#"{"nftables": [{"metainfo": {}}, {"chain": {"name": "through"}},
            {"rule": {"family": "inet", "table": "site", "chain": "through", "handle": 5, "expr": [
                {"match": {"op": "==", "left": 1, "right": 1}}, {"limit": {"rate": 4}}, {"accept": null}]}},
            {"rule": {"handle": 6, "expr": [{"counter": {"packets": 9, "bytes": 9}}, {"drop": null}]}},
            {"rule": {"handle": 7, "expr": [{"counter": "shared"}]}}]}"#;
        let commands: Value = serde_json::from_str(&counting(listing).unwrap().unwrap()).unwrap();
        let commands = commands["nftables"].as_array().unwrap();
        let kinds = |at: usize| -> Vec<String> {
            let parts = commands[at]["replace"]["rule"]["expr"].as_array().unwrap();
            parts.iter().flat_map(|part| part.as_object().unwrap().keys().cloned()).collect()
        };
        assert_eq!(commands.len(), 2);
        assert_eq!(commands[0]["replace"]["rule"]["handle"], 5);
        assert_eq!(kinds(0), ["match", "counter", "limit", "accept"]);
        assert_eq!(kinds(1), ["counter", "counter"]);
        assert_eq!(counting(r#"{"nftables": []}"#).unwrap(), None);
        assert!(counting("no JSON").is_err());
    }
}
