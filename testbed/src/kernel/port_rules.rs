//! Rule files of switches: loaded into the fabric as they are, and refused if they reach beyond the switch's own ports.
//!
//! All bridges of a site are in one namespace, so that one packet ring sees every frame. What keeps a file to its own
//! switch is therefore looked for in what was loaded: chains of `netdev` tables hang on its ports, and chains of `bridge`
//! tables begin by letting alone whatever is not of its ports.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::nft::{include, list};
use super::{KernelError, Namespace};
use crate::names::LinkName;
use crate::plan::Switch;

/// Loads the file of a switch whose ports have these names.
///
/// Errors: `Rules` with nft's own words, or with what of the file is not about these ports.
pub async fn load(
    fabric: &Namespace,
    switch: &Switch,
    folder: &Path,
    ports: &[LinkName],
) -> Result<(), KernelError> {
    let before = list(fabric).await?;
    include(fabric, switch.name.as_str(), folder, &switch.ruleset, ("", "")).await?;
    let ports: BTreeSet<&str> = ports.iter().map(LinkName::as_str).collect();
    match wrong(&before, &list(fabric).await?, &ports) {
        None => Ok(()),
        Some(words) => {
            Err(KernelError::Rules { file: switch.ruleset.clone(), node: switch.name.to_string(), words })
        }
    }
}

/// What a file did beyond its switch's ports, by what nft listed before and after it.
fn wrong(before: &str, after: &str, ports: &BTreeSet<&str>) -> Option<String> {
    // A comment with a line break could look like anything here; strings of nft hold no quotes.
    if let Some(line) = after.lines().find(|line| !line.matches('"').count().is_multiple_of(2)) {
        return Some(format!("text in quotes goes over several lines, and the file has:\n{}", line.trim()));
    }
    let (mut earlier, mut own) = (tables(before), Vec::new());
    for (name, lines) in tables(after) {
        match earlier.remove(&name) {
            None => own.extend(lines),
            Some(old) if old == lines => {}
            Some(_) => return Some(format!("it changes `{name}`, which is another switch's")),
        }
    }
    match earlier.keys().next() {
        Some(lost) => Some(format!("it removes `{lost}`, which is another switch's")),
        None => beyond(&own, ports),
    }
}

/// The lines of each table by its heading, `table bridge ports`, without nft's notes on handles.
fn tables(listing: &str) -> BTreeMap<String, Vec<String>> {
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut heading = String::new();
    for line in listing.lines() {
        if line.starts_with("table ") {
            heading = line.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
        }
        tables.entry(heading.clone()).or_default().push(without_handle(line).trim().to_owned());
    }
    tables
}

/// A line without nft's own note at its end; text in quotes may look like one.
fn without_handle(line: &str) -> &str {
    match line.rsplit_once(" # handle ") {
        Some((front, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => front,
        _ => line,
    }
}

/// What of a listing concerns more than these ports, in words.
fn beyond(lines: &[String], ports: &BTreeSet<&str>) -> Option<String> {
    let mut family = "";
    let mut lines = lines.iter().map(String::as_str).filter(|line| !line.is_empty()).peekable();
    let all = ports.iter().map(|port| format!("\"{port}\"")).collect::<Vec<_>>().join(", ");
    while let Some(line) = lines.next() {
        if let Some(rest) = line.strip_prefix("table ") {
            family = rest.split(' ').next().unwrap_or_default();
            if !["bridge", "netdev"].contains(&family) {
                return Some(format!(
                    "a switch knows tables of `bridge` and `netdev` only, and the file has:\n{line}"
                ));
            }
        } else if let Some(rest) = line.strip_prefix("type ").filter(|rest| rest.contains(" hook ")) {
            while lines.next_if(|line| line.starts_with("comment ")).is_some() {}
            let kept = match family {
                "netdev" => devices(rest).is_some_and(|names| is_within(&names, ports)),
                _ => lines.peek().is_some_and(|first| is_guard(rest, first, ports)),
            };
            if !kept {
                let hint = match family {
                    "netdev" => format!("a chain hangs on ports of the switch: {all}"),
                    _ => format!(
                        "a chain begins with `iifname != {{ {all} }} accept` (`oifname` where frames leave), so that it \
                         leaves other switches alone"
                    ),
                };
                return Some(format!("{hint}. The file has:\n{line}"));
            }
        } else if unquoted(line).split_whitespace().any(|word| ["fwd", "dup"].contains(&word)) {
            return Some(format!("no frame may be handed on past the switch, and the file has:\n{line}"));
        }
    }
    None
}

/// The text outside of quotes.
fn unquoted(line: &str) -> String {
    line.split('"').step_by(2).collect::<Vec<_>>().join(" ")
}

/// The devices of a base chain: `filter hook ingress device "p" priority …` or `… devices = { p, q } …`.
fn devices(chain: &str) -> Option<Vec<&str>> {
    if let Some((_, rest)) = chain.split_once(" devices = {") {
        return Some(names(rest.split_once('}')?.0));
    }
    Some(names(chain.split_once(" device ")?.1.split_once(" priority")?.0))
}

fn names(list: &str) -> Vec<&str> {
    list.split(',').map(|name| name.trim().trim_matches('"')).collect()
}

fn is_within(names: &[&str], ports: &BTreeSet<&str>) -> bool {
    !names.is_empty() && names.iter().all(|name| ports.contains(name))
}

/// Whether a rule lets alone, for this hook, what is not of these ports.
fn is_guard(chain: &str, rule: &str, ports: &BTreeSet<&str>) -> bool {
    let hook = chain.split_whitespace().skip_while(|word| *word != "hook").nth(1).unwrap_or_default();
    let keys: &[&str] = match hook {
        "prerouting" | "input" => &["iifname"],
        "forward" => &["iifname", "oifname"],
        "output" | "postrouting" => &["oifname"],
        _ => &[],
    };
    let list = |key: &&str| rule.strip_prefix(*key)?.strip_prefix(" != ")?.strip_suffix(" accept");
    keys.iter().find_map(list).is_some_and(|list| {
        let list = list.trim_start_matches("{ ").trim_end_matches(" }");
        is_within(&names(list), ports)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHER: &str = "table bridge other { # handle 1\n\tchain all { # handle 1\n\t\ttype filter hook forward priority filter; policy drop;\n\t}\n}\n";

    /// What is said of a file after which nft lists these rules, once it had listed [`OTHER`].
    fn judged(listing: &str) -> Option<String> {
        wrong(OTHER, listing, &BTreeSet::from(["app-eth0", "bench-eth0"]))
    }

    fn said(rules: &str) -> Option<String> {
        judged(&format!("{OTHER}{rules}"))
    }

    #[test]
    fn chains_of_the_switchs_own_ports_are_let_in() {
        let good = "\
            table netdev sw { # handle 2\n\tset macs { # handle 9\n\t\ttype ether_addr\n\t\telements = { 02:00:00:00:00:05 }\n\t}\n\tchain a { # handle 1\n\t\ttype filter hook ingress device \"app-eth0\" priority filter; policy drop;\n\t\tether saddr 02:00:00:00:00:05 accept # handle 3\n\t}\n\
            \tchain b { # handle 2\n\t\ttype filter hook ingress devices = { app-eth0, bench-eth0 } priority filter; policy accept;\n\t}\n}\n\
            table bridge sw { # handle 3\n\tchain in { # handle 1\n\t\ttype filter hook prerouting priority filter; policy drop;\n\t\tcomment \"ports\"\n\t\tiifname != { \"app-eth0\", \"bench-eth0\" } accept # handle 4\n\t\tlog prefix \"fwd dup \" drop # handle 5\n\t}\n\
            \tchain out { # handle 2\n\t\ttype filter hook postrouting priority filter; policy accept;\n\t\toifname != \"app-eth0\" accept # handle 6\n\t}\n\tchain more { # handle 3\n\t\tdrop # handle 9\n\t}\n}\n";
        assert_eq!(said(good), None);
    }

    #[test]
    fn what_reaches_beyond_them_is_refused_with_the_line() {
        let bridge = |hook: &str, rule: &str| {
            format!(
                "table bridge sw {{ # handle 3\n\tchain c {{ # handle 1\n\t\ttype filter hook {hook} priority filter; policy drop;\n\t\t{rule} # handle 4\n\t}}\n}}\n"
            )
        };
        let netdev = |device: &str| {
            format!(
                "table netdev sw {{\n\tchain c {{\n\t\ttype filter hook ingress {device} priority 0; policy drop;\n\t}}\n}}\n"
            )
        };
        let cases = [
            ("table inet x { # handle 1\n}\n".to_owned(), "table inet x {"),
            (bridge("prerouting", "ip saddr 10.0.0.5 drop"), "begins with `iifname != { \"app-eth0\", \"bench-eth0\" } accept`"),
            (bridge("prerouting", "iifname != \"rtr-lan\" accept"), "begins with"),
            (bridge("prerouting", "iifname != \"app-eth0\" drop"), "begins with"),
            (bridge("postrouting", "iifname != \"app-eth0\" accept"), "begins with"),
            (bridge("forward", "}"), "begins with"),
            (netdev("device \"rtr-lan\""), "a chain hangs on ports"),
            (netdev("devices = { app-eth0, rtr-lan }"), "a chain hangs on ports"),
            (
                "table netdev sw {\n\tchain c {\n\t\ttype filter hook ingress device \"app-eth0\" priority 0; policy drop;\n\t\tfwd to \"rtr-lan\"\n\t}\n}\n".to_owned(),
                "fwd to \"rtr-lan\"",
            ),
            (
                "table netdev sw {\n\tchain c {\n\t\ttype filter hook ingress device \"app-eth0\" priority 0; policy drop;\n\t\tlog prefix \"x # handle 4\" fwd to \"rtr-lan\" # handle 5\n\t}\n}\n".to_owned(),
                "fwd to \"rtr-lan\"",
            ),
        ];
        for (rules, words) in cases {
            let said = said(&rules).unwrap_or_else(|| panic!("let in: {rules}"));
            assert!(said.contains(words), "{words}: {said}");
        }
    }

    #[test]
    fn another_switchs_table_stays_as_it_is() {
        let more = OTHER.replace(
            "\t}\n}\n",
            "\t}\n\tchain mine { # handle 2\n\t\ttype filter hook forward priority 1; policy drop;\n\t}\n}\n",
        );
        let changed = judged(&more).expect("a chain was added to it");
        assert_eq!(changed, "it changes `table bridge other`, which is another switch's");
        assert!(judged("").expect("it is gone").starts_with("it removes `table bridge other`"));
    }

    #[test]
    fn a_comment_over_several_lines_cannot_pass_for_a_table() {
        let hidden = "table bridge sw { # handle 2\n\tcomment \"x\ntable bridge other {\"\n\tchain c { # handle 1\n\t\ttype filter hook forward priority filter; policy drop;\n\t}\n}\n";
        let words = said(hidden).expect("it hides a chain");
        assert!(words.contains("over several lines"), "{words}");
    }
}
