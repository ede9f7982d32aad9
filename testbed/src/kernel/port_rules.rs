//! Rule files of switches: loaded into the fabric as they are, and refused if they reach beyond the switch's own ports.
//!
//! All bridges of a site are in one namespace, so that one packet ring sees every frame. What keeps a file to its own
//! switch is therefore looked for in what was loaded: chains of `netdev` tables hang on its ports, and chains of `bridge`
//! tables begin by letting alone whatever is not of its ports.

use std::collections::BTreeSet;
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
    let earlier = tables(&list(fabric).await?);
    include(fabric, switch.name.as_str(), folder, &switch.ruleset, ("", "")).await?;
    let loaded = list(fabric).await?;
    let now = tables(&loaded);
    let lost = earlier.iter().find(|table| !now.contains(*table));
    let lost = lost.map(|table| format!("it removes `{table}`, which is another switch's"));
    let own = own_part(&loaded, &earlier);
    let ports: BTreeSet<&str> = ports.iter().map(LinkName::as_str).collect();
    match lost.or_else(|| beyond(&own, &ports)) {
        None => Ok(()),
        Some(words) => {
            Err(KernelError::Rules { file: switch.ruleset.clone(), node: switch.name.to_string(), words })
        }
    }
}

/// Headings of tables: `table bridge ports`.
fn tables(listing: &str) -> BTreeSet<String> {
    listing.lines().filter(|line| line.starts_with("table ")).map(heading).collect()
}

fn heading(line: &str) -> String {
    line.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// The lines of all tables but the earlier ones, without nft's notes on handles.
fn own_part(listing: &str, earlier: &BTreeSet<String>) -> Vec<String> {
    let mut own = Vec::new();
    let mut skip = false;
    for line in listing.lines() {
        if line.starts_with("table ") {
            skip = earlier.contains(&heading(line));
        }
        if !skip {
            own.push(line.split(" # handle ").next().unwrap_or(line).trim().to_owned());
        }
    }
    own
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
        } else if let Some(rest) = line.strip_prefix("type ") {
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

    fn said(rules: &str) -> Option<String> {
        let lines: Vec<String> = own_part(rules, &BTreeSet::from(["table bridge other".to_owned()]));
        beyond(&lines, &BTreeSet::from(["app-eth0", "bench-eth0"]))
    }

    #[test]
    fn chains_of_the_switchs_own_ports_are_let_in() {
        let good = "table bridge other { # handle 1\n\tchain all { # handle 1\n\t\ttype filter hook forward priority filter; policy drop;\n\t}\n}\n\
            table netdev sw { # handle 2\n\tchain a { # handle 1\n\t\ttype filter hook ingress device \"app-eth0\" priority filter; policy drop;\n\t\tether saddr 02:00:00:00:00:05 accept # handle 3\n\t}\n\
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
        ];
        for (rules, words) in cases {
            let said = said(&rules).unwrap_or_else(|| panic!("let in: {rules}"));
            assert!(said.contains(words), "{words}: {said}");
        }
    }
}
