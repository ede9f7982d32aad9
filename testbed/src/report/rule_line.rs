//! The line of a rule file on which a rule, or the policy of a chain, stands.
//!
//! nft prints rules in its own words, so both sides are brought to one form first: what the file defines is filled in,
//! quotes and `meta` are left out, lists are sorted. What does not become the same has no line here, rather than a
//! wrong one: service names, sets that nft merged, files that are included.

use std::collections::BTreeMap;

/// Longest value of a `define`, words: definitions can name one another, and grow with each.
const LONGEST_VALUE: usize = 4096;
/// What opens a block of its own, and no set, where it begins a statement.
const BLOCKS: [&str; 4] = ["table", "chain", "set", "map"];

/// The line, from 1, of what let a packet through, as a finding names it: `inet site through policy`, or family, table
/// and chain with the rule's text. A chain that writes no policy has its first line instead. None if no rule there has
/// this text.
pub(super) fn rule_line(file: &str, by: &str) -> Option<u32> {
    let named = words(by);
    let named: Vec<String> =
        named.into_iter().filter(|word| word.text != "\n").map(|word| word.text).collect();
    let [family, table, chain, rule @ ..] = named.as_slice() else { return None };
    let wanted = [family, table, chain].map(String::as_str);
    let statements = statements(file);
    let mut here = statements.iter().filter(|one| one.chain.each_ref().map(String::as_str) == wanted);
    if rule.len() == 1 && rule[0] == "policy" {
        // A chain can be written in several blocks; the last policy counts.
        let first = here.clone().next()?;
        return Some(
            here.rfind(|one| one.words.first().is_some_and(|word| word == "policy")).unwrap_or(first).line,
        );
    }
    let rule = uniform(rule.to_vec());
    here.find(|one| !one.words.is_empty() && uniform(one.words.clone()) == rule).map(|one| one.line)
}

/// A word of a rule file, quotes taken off; `{`, `}`, `;`, `,` and the end of a line are words of their own.
struct Word {
    text: String,
    line: u32,
}

/// A statement of a chain. The chain itself is one without words, at the line that opens it.
struct Statement {
    /// Family, table, chain.
    chain: [String; 3],
    line: u32,
    words: Vec<String>,
}

fn words(file: &str) -> Vec<Word> {
    let mut words = Vec::new();
    for (line, text) in (1..).zip(file.lines()) {
        let continues = text.ends_with('\\');
        split(text.strip_suffix('\\').unwrap_or(text), line, &mut words);
        if !continues {
            words.push(Word { text: "\n".into(), line });
        }
    }
    words
}

fn split(text: &str, line: u32, words: &mut Vec<Word>) {
    let mut word = String::new();
    let mut quoted = false;
    let mut end = |word: &mut String| {
        if !word.is_empty() {
            words.push(Word { text: std::mem::take(word), line });
        }
    };
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            _ if quoted => word.push(c),
            '#' => break,
            '{' | '}' | ';' | ',' => {
                end(&mut word);
                word.push(c);
                end(&mut word);
            }
            _ if c.is_whitespace() => end(&mut word),
            _ => word.push(c),
        }
    }
    end(&mut word);
}

/// What is read so far.
#[derive(Default)]
struct Reader {
    defined: BTreeMap<String, Vec<String>>,
    /// The open blocks, each by the words that opened it.
    blocks: Vec<Vec<String>>,
    /// The statement that is being read, and where it began.
    words: Vec<String>,
    line: u32,
    /// How many sets are open in it.
    sets: usize,
    found: Vec<Statement>,
}

/// All statements of all chains, in the file's order.
fn statements(file: &str) -> Vec<Statement> {
    let mut reader = Reader::default();
    for word in words(file) {
        reader.read(word);
    }
    reader.end();
    reader.found
}

impl Reader {
    fn read(&mut self, Word { text, line }: Word) {
        match text.as_str() {
            "{" if self.sets == 0 && self.opens_block() => {
                self.blocks.push(std::mem::take(&mut self.words));
                if let Some(chain) = self.chain() {
                    self.found.push(Statement { chain, line: self.line, words: Vec::new() });
                }
                return;
            }
            "{" => self.sets += 1,
            "}" if self.sets == 0 => {
                self.end();
                self.blocks.pop();
                return;
            }
            "}" => self.sets -= 1,
            "\n" if self.sets > 0 => return,
            ";" | "\n" if self.sets == 0 => return self.end(),
            _ => {}
        }
        if self.words.is_empty() {
            self.line = line;
        }
        match text.strip_prefix('$').and_then(|name| self.defined.get(name)) {
            Some(value) => self.words.extend(value.iter().cloned()),
            None => self.words.push(text),
        }
    }

    fn opens_block(&self) -> bool {
        let first = match self.words.first().map(String::as_str) {
            Some("add" | "create") => self.words.get(1).map(String::as_str),
            first => first,
        };
        self.chain().is_none() && first.is_some_and(|first| BLOCKS.contains(&first))
    }

    /// The chain whose block is open.
    fn chain(&self) -> Option<[String; 3]> {
        let [table, chain] = self.blocks.as_slice() else { return None };
        let named = |block: &[String], what: &str| {
            let at = block.iter().position(|word| word == what)?;
            Some(block[at + 1..].to_vec())
        };
        match (named(table, "table")?.as_slice(), named(chain, "chain")?.as_slice()) {
            ([family, table], [chain]) => Some([family, table, chain].map(Clone::clone)),
            // Without a family it is `ip` (nft(8), TABLES).
            ([table], [chain]) => Some(["ip".to_owned(), table.clone(), chain.clone()]),
            _ => None,
        }
    }

    fn end(&mut self) {
        self.sets = 0;
        let words = std::mem::take(&mut self.words);
        match words.as_slice() {
            [] => {}
            [define, name, equals, value @ ..]
                if ["define", "redefine"].contains(&define.as_str()) && equals == "=" =>
            {
                if value.len() <= LONGEST_VALUE {
                    self.defined.insert(name.clone(), value.to_vec());
                }
            }
            [add, rule, family, table, chain, rest @ ..]
                if self.blocks.is_empty() && rule == "rule" && ["add", "insert"].contains(&add.as_str()) =>
            {
                let chain = [family, table, chain].map(Clone::clone);
                self.found.push(Statement { chain, line: self.line, words: rest.to_vec() });
            }
            _ => {
                if let Some(chain) = self.chain() {
                    self.found.push(Statement { chain, line: self.line, words });
                }
            }
        }
    }
}

/// A rule's words in the one form in which two are compared.
fn uniform(words: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    let mut words = words.into_iter().filter(|word| word != "meta").peekable();
    while let Some(word) = words.next() {
        let counted = word == "packets" && kept.last().is_some_and(|last| last == "counter");
        if counted {
            // `packets 7 bytes 588`: what a counter shows is no part of the rule.
            words.by_ref().take(3).for_each(drop);
        } else {
            kept.push(word);
        }
    }
    sorted(&kept)
}

/// Lists in the order of their texts: in braces (`{ 22, 80 }`), and bare ones (`established,related`). A set of one
/// is that one.
fn sorted(words: &[String]) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = words;
    while let Some((word, after)) = rest.split_first() {
        let set = after.iter().position(|word| word == "}").filter(|_| word == "{");
        let (inner, bare) = match set {
            Some(end) => (&after[..end], false),
            None => (&rest[..bare_list(rest)], true),
        };
        let mut elements: Vec<&[String]> =
            inner.split(|word| word == ",").filter(|one| !one.is_empty()).collect();
        elements.sort();
        let braces = !bare && elements.len() != 1;
        out.extend(braces.then(|| "{".to_owned()));
        out.extend(elements.join(&",".to_owned()));
        out.extend(braces.then(|| "}".to_owned()));
        rest = if bare { &rest[inner.len()..] } else { &after[inner.len() + 1..] };
    }
    out
}

/// How many words from the first on are a list without braces: 1, or 3, 5, … with their commas.
fn bare_list(words: &[String]) -> usize {
    let mut length = 1;
    while words.get(length).is_some_and(|word| word == ",") && words.get(length + 1).is_some() {
        length += 2;
    }
    length
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILE: &str = include_str!("rule_line.nft");

    /// The text of the line that is found.
    fn found(by: &str) -> Option<&'static str> {
        rule_line(FILE, by).map(|line| FILE.lines().nth(line as usize - 1).unwrap().trim())
    }

    #[test]
    fn a_rule_is_found_by_the_text_that_nft_prints() {
        for (by, line) in [
            (
                r#"inet site through iifname "lan.20" oifname "wan0" ip saddr 10.20.0.5 ip daddr 203.0.113.10-203.0.113.13 tcp dport 443 ct state new accept"#,
                "iifname $cameras oifname $internet ip saddr $appliance ip daddr $aws tcp dport 443 ct state new accept",
            ),
            ("inet site through ct state established,related accept", "ct state related,established accept"),
            (
                r#"inet site own iifname "lan.20" tcp dport 22 accept"#,
                r#"iifname $cameras tcp dport { 22 } accept # by hand"#,
            ),
            (
                r#"inet site own ip saddr { 10.20.0.5, 10.30.0.10 } udp dport { 53, 123 } counter packets 7 bytes 588 accept comment "names, # and time""#,
                "ip saddr {",
            ),
            ("ip old through meta l4proto 17 accept", "add rule ip old through l4proto 17 accept"),
            ("ip6 six through ip6 nexthdr 58 accept", r"ip6 nexthdr \"),
        ] {
            assert_eq!(found(by), Some(line), "{by}");
        }
    }

    #[test]
    fn a_policy_has_the_line_that_writes_it_or_else_its_chains() {
        assert_eq!(
            found("inet site through policy"),
            Some("type filter hook forward priority filter; policy accept;")
        );
        assert_eq!(found("inet site own policy"), Some("chain own {"));
    }

    #[test]
    fn what_is_not_there_has_no_line() {
        for by in [
            "",
            "inet site",
            "inet site through tcp dport 444 accept",
            "inet site through",
            "inet site elsewhere policy",
            "ip site through policy",
            // it stands in another chain
            r#"inet site through iifname "lan.20" tcp dport 22 accept"#,
            // a comment
            "inet site through tcp dport 23 accept",
        ] {
            assert_eq!(found(by), None, "{by}");
        }
    }

    #[test]
    fn definitions_that_grow_end() {
        let mut file = "define a = x x x x x x x x\n".to_owned();
        file.extend(('b'..='z').map(|name| {
            let before = char::from(name as u8 - 1);
            format!("define {name} = {}\n", format!("${before} ").repeat(8))
        }));
        file.push_str("table inet site { chain own { $z\n tcp dport 1 accept\n } }\n");
        assert_eq!(rule_line(&file, "inet site own tcp dport 1 accept"), Some(28));
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(file in "[a-z{};,$=\"#\\\\ \n]{0,200}", by in "[a-z{}, \n]{0,60}") {
            let lines = file.lines().count();
            if let Some(line) = rule_line(&file, &by) {
                prop_assert!(line >= 1 && line as usize <= lines);
            }
        }
    }
}
