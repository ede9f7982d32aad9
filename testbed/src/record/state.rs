//! The state of a node as lines that stay the same as long as nobody changes anything.
//!
//! What counts (packets, uses of a route), what comes and goes (elements of sets that are filled while the site runs) and
//! what only names things (handles) is left out. Pure.

use std::collections::BTreeSet;

use crate::kernel::snapshot::Snapshot;
use crate::names::NodeName;
use crate::plan::{Plan, ServiceKind};

/// The lines of a node's state.
pub fn lines(plan: &Plan, node: &NodeName, snapshot: &Snapshot) -> Vec<String> {
    let mut lines = Vec::new();
    let ip4 = snapshot.tables.get("route").map_or("", String::as_str);
    // Device, destination, gateway, flags, metric and mask, without the header; what counts is between them.
    lines.extend(columns(ip4, "route", &[0, 1, 2, 3, 6, 7]).skip(1));
    let ip6 = snapshot.tables.get("ipv6_route").map_or("", String::as_str);
    // Destination, source, next hop, metric, flags and device (net/ipv6/route.c).
    lines.extend(columns(ip6, "IPv6 route", &[0, 1, 2, 3, 4, 5, 8, 9]));
    lines.extend(snapshot.policy.iter().map(|line| format!("policy {line}")));
    lines.extend(snapshot.sysctls.iter().map(|(path, value)| format!("sysctl {path} = {value}")));
    // The kernel lists routes in no order of its own; of rules it decides.
    lines.sort();
    let mut all = rules(&snapshot.rules, &filled(plan, node));
    all.extend(lines);
    all
}

/// Names of the sets that services of the node fill while it runs.
fn filled(plan: &Plan, node: &NodeName) -> BTreeSet<String> {
    let services = plan.services.iter().filter(|service| service.node == *node);
    let sets = services.flat_map(|service| match &service.kind {
        ServiceKind::Resolver { sets, .. } => sets.as_slice(),
        _ => &[],
    });
    sets.flat_map(|set| [&set.ip4, &set.ip6]).flatten().map(|set| set.set.clone()).collect()
}

fn columns<'a>(text: &'a str, what: &'a str, wanted: &'a [usize]) -> impl Iterator<Item = String> + 'a {
    text.lines().map(move |line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let words: Vec<&str> = wanted.iter().filter_map(|place| words.get(*place).copied()).collect();
        format!("{what} {}", words.join(" "))
    })
}

/// nft's list in its order, each line behind table and chain (or set) that it stands in.
fn rules(text: &str, filled: &BTreeSet<String>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut within: Vec<String> = Vec::new();
    let mut elements = false;
    for line in text.lines() {
        let line = plain(line);
        if line.is_empty() {
            continue;
        }
        if elements {
            // They may take several lines.
            elements = !line.ends_with('}');
            continue;
        }
        if line == "}" {
            within.pop();
            continue;
        }
        if line.starts_with("elements = ") && comes_and_goes(&within, text, filled) {
            elements = !line.ends_with('}');
            continue;
        }
        lines.push(format!("{}{line}", within.concat()));
        if let Some(opened) = line.strip_suffix(" {") {
            within.push(format!("{opened} | "));
        }
    }
    lines
}

/// Whether the elements of the set that is open are put in while the site runs: by a service, or by rules.
fn comes_and_goes(within: &[String], text: &str, filled: &BTreeSet<String>) -> bool {
    let Some(set) = within.last().and_then(|opened| opened.split_whitespace().nth(1)) else { return false };
    let head = |line: &&str| {
        let mut words = line.split_whitespace();
        matches!(words.next(), Some("set" | "map")) && words.next() == Some(set)
    };
    let mut lines = text.lines().skip_while(|line| !head(line)).take_while(|line| line.trim() != "}");
    let flags = lines.find(|line| line.trim().starts_with("flags "));
    filled.contains(set) || flags.is_some_and(|flags| flags.contains("dynamic") || flags.contains("timeout"))
}

/// A line without its handle, and without what counts.
fn plain(line: &str) -> String {
    let line = line.split(" # handle ").next().unwrap_or(line);
    let mut kept: Vec<&str> = Vec::new();
    let mut words = line.split_whitespace().peekable();
    while let Some(word) = words.next() {
        kept.push(word);
        let counts = word == "counter" && words.peek() == Some(&"packets");
        let uses = word == "quota";
        if counts {
            // `packets N bytes N`.
            words.by_ref().take(4).for_each(drop);
        } else if uses {
            let rest: Vec<&str> = words.by_ref().collect();
            // `over 25 mbytes used 3 kbytes`.
            let used = rest.iter().position(|word| *word == "used");
            let (before, behind) = rest.split_at(used.unwrap_or(rest.len()));
            kept.extend(before);
            kept.extend(behind.get(3..).unwrap_or_default());
        }
    }
    kept.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "table inet site { # handle 1
	set aws4 { # handle 2
		type ipv4_addr
		flags timeout
		elements = { 203.0.113.11 expires 9s,
			     203.0.113.12 expires 9s }
	}
	set cams { # handle 3
		type ipv4_addr
		elements = { 10.20.0.2 }
	}
	chain through { # handle 4
		type filter hook forward priority filter; policy drop;
		ct state established counter packets 7 bytes 4200 accept # handle 5
		iifname \"lan\" quota over 25 mbytes used 3 kbytes drop # handle 6
	}
}
";

    fn told(text: &str) -> Vec<String> {
        rules(text, &BTreeSet::new())
    }

    #[test]
    fn what_counts_and_what_comes_and_goes_is_no_change() {
        let later = RULES
            .replace("packets 7 bytes 4200", "packets 8 bytes 5000")
            .replace("used 3 kbytes", "used 4 kbytes")
            .replace("203.0.113.11 expires 9s,\n\t\t\t     ", "")
            .replace("handle 5", "handle 55");
        assert_ne!(RULES, later);
        assert_eq!(told(RULES), told(&later));
        assert!(told(RULES).iter().any(|line| line.ends_with("ct state established counter accept")));
    }

    #[test]
    fn rules_their_order_and_fixed_sets_are_told() {
        let changes: [(&str, &str); 4] = [
            ("policy drop", "policy accept"),
            ("established counter", "established,new counter"),
            ("10.20.0.2", "10.20.0.2, 10.20.0.3"),
            ("25 mbytes", "26 mbytes"),
        ];
        for (from, to) in changes {
            assert_ne!(told(RULES), told(&RULES.replace(from, to)), "{from} -> {to}");
        }
        let mut swapped: Vec<&str> = RULES.lines().collect();
        swapped.swap(13, 14);
        assert_ne!(told(RULES), told(&swapped.join("\n")));
        let filled = rules(&RULES.replace("10.20.0.2", "10.20.0.9"), &["cams".to_owned()].into());
        assert_eq!(filled, rules(RULES, &["cams".to_owned()].into()));
    }

    #[test]
    fn a_route_is_told_without_how_often_it_was_used() {
        let text = "Iface Destination Gateway Flags RefCnt Use Metric Mask\neth0 0014140A 00000000 0001 0 5 0 00FFFFFF\n";
        let used = text.replace(" 5 ", " 6 ");
        let lines = |text: &str| columns(text, "route", &[0, 1, 2, 3, 6, 7]).collect::<Vec<_>>();
        assert_eq!(lines(text)[1], "route eth0 0014140A 00000000 0001 0 00FFFFFF");
        assert_eq!(lines(text), lines(&used));
        assert_ne!(lines(text), lines(&text.replace("0014140A", "0015140A")));
    }
}
