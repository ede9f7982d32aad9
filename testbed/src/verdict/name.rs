//! `name`: the names that a firewall lets out are those that are asked for, no more and no fewer.

use std::collections::BTreeSet;

use crate::observation::{LookupSeen, Observations};
use crate::plan::Word;

use super::Finding;
use super::judge::Draft;
use super::wording::{counted, listed};

pub(super) fn draft(word: &Word, seen: &Observations) -> Draft {
    let mut draft = Draft::default();
    let Word::Name { at, segment, by, patterns } = word else { return draft };
    let asked: Vec<&LookupSeen> = seen.lookups.iter().filter(|one| by.contains(&one.node)).collect();
    // What has no address cannot be let out.
    let resolved: Vec<&LookupSeen> = asked.iter().filter(|one| !one.addresses.is_empty()).copied().collect();
    for node in by.iter().filter(|node| !resolved.iter().any(|one| one.node == **node)) {
        draft.reasons.add("vacuous", format!("{node} was told no address of any name"));
    }
    let mut outside = BTreeSet::new();
    for one in resolved.iter().filter(|one| !one.earlier) {
        if !patterns.iter().any(|pattern| takes_in(pattern, &one.name)) && outside.insert(&one.name) {
            let (node, name) = (&one.node, &one.name);
            let text = format!("outage: {node} asks for {name}, which {at} lets nobody in {segment} reach");
            draft.findings.push(finding(text, Some(one)));
        }
    }
    let unused: Vec<_> =
        patterns.iter().filter(|pattern| !asked.iter().any(|one| takes_in(pattern, &one.name))).collect();
    if !resolved.is_empty() {
        draft.findings.extend(unused.iter().map(|pattern| {
            let text =
                format!("unused opening: {at} lets {segment} reach {pattern}, which nobody there asks for");
            finding(text, None)
        }));
    }
    let names: BTreeSet<&str> = resolved.iter().map(|one| one.name.as_str()).collect();
    draft.summary = format!(
        "{} asked for by {}, {} of them let out by no pattern; {} of {} unused",
        counted(names.len(), "name"),
        listed(by, 4),
        outside.len(),
        unused.len(),
        counted(patterns.len(), "pattern"),
    );
    draft
}

/// dnsmasq(8): a name stands for itself and everything below it.
fn takes_in(pattern: &str, name: &str) -> bool {
    name.strip_suffix(pattern).is_some_and(|front| front.is_empty() || front.ends_with('.'))
}

fn finding(text: String, lookup: Option<&LookupSeen>) -> Finding {
    let packets = lookup.map(|one| (format!("{} is told {}", one.node, one.name), one.packet));
    Finding { text, pair: None, stops_at: None, packets: packets.into_iter().collect(), by: None }
}
