//! What nft lists of a node's rules, less what the testbed itself has put there.

use serde_json::Value;

/// `nft -j list ruleset` without the testbed's own tables and whatever is in them.
///
/// Errors: it is no JSON.
pub fn without_ours(listing: &str) -> Result<String, serde_json::Error> {
    let mut all: Value = serde_json::from_str(listing)?;
    if let Some(objects) = all.get_mut("nftables").and_then(Value::as_array_mut) {
        objects.retain(|object| !is_ours(object));
    }
    serde_json::to_string(&all)
}

/// A table is `{"table": {"name": …}}`, all else says `{"rule": {"table": …}}`.
fn is_ours(object: &Value) -> bool {
    let kinds = object.as_object().into_iter().flatten();
    kinds.into_iter().any(|(kind, what)| {
        let name = what.get(if kind == "table" { "name" } else { "table" });
        name.and_then(Value::as_str).is_some_and(|name| name.starts_with("testbed_"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tables_of_the_testbed_and_what_is_in_them_is_left_out() {
        let listing = r#"{"nftables": [{"metainfo": {"version": "1.0.6"}},
            {"table": {"family": "inet", "name": "testbed_instrument", "handle": 1}},
            {"table": {"family": "inet", "name": "site", "handle": 2}},
            {"chain": {"family": "inet", "table": "testbed_instrument", "name": "arrived"}},
            {"chain": {"family": "inet", "table": "site", "name": "testbed_like"}},
            {"rule": {"family": "inet", "table": "testbed_trace", "chain": "early", "expr": []}}]}"#;
        let left: Value = serde_json::from_str(&without_ours(listing).unwrap()).unwrap();
        let left: Vec<String> = left["nftables"].as_array().unwrap().iter().map(Value::to_string).collect();
        assert_eq!(left.len(), 3, "{left:?}");
        assert!(left[1].contains("\"site\"") && left[2].contains("testbed_like"), "{left:?}");
        assert!(without_ours("no JSON").is_err());
    }
}
