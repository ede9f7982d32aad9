//! `name`: names that are asked for and not let out, names that are let out and not asked for.

use super::super::example::{conversation, of};
use super::*;
use crate::observation::{Conversation, LookupSeen};

const CHECK: &str = "dock-alone";

fn lookup(node: &str, name: &str, addresses: &[&str]) -> LookupSeen {
    LookupSeen {
        node: of(node),
        packet: 80,
        at: 1,
        name: name.into(),
        addresses: addresses.iter().map(|one| of(one)).collect(),
        from: Some(of("rtr")),
        asked_as: None,
        earlier: false,
    }
}

fn judged(patterns: &[&str], lookups: Vec<LookupSeen>) -> CheckVerdict {
    judged_with(patterns, lookups, |_| {})
}

fn judged_with(
    patterns: &[&str],
    lookups: Vec<LookupSeen>,
    more: impl Fn(&mut Observations),
) -> CheckVerdict {
    let word = Word::Name {
        at: of("rtr"),
        segment: of("cam"),
        by: vec![of("app")],
        patterns: patterns.iter().map(|one| (*one).to_owned()).collect(),
    };
    after_both(
        CHECK,
        |plan| check_of(plan, CHECK).word = word,
        |seen| {
            seen.lookups = lookups;
            more(seen);
        },
    )
}

#[test]
fn what_is_asked_for_and_let_out_passes_however_deep_it_is() {
    let lookups = vec![
        lookup("app", "a.iot.example.org", &["192.0.2.1"]),
        lookup("app", "logs.example.org", &["192.0.2.2"]),
        lookup("vms", "elsewhere.example.net", &["192.0.2.3"]),
        lookup("app", "nothing.example.net", &[]),
    ];
    let verdict = judged(&["iot.example.org", "logs.example.org"], lookups);
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
}

#[test]
fn a_list_of_misspelt_names_is_an_outage_and_unused_openings() {
    let lookups = vec![
        lookup("app", "logs.example.org", &["192.0.2.2"]),
        lookup("app", "logs.example.org", &["192.0.2.9"]),
        lookup("app", "dialogs.example.org", &["192.0.2.3"]),
    ];
    let verdict = judged(&["logs.example.net", "s.example.org"], lookups);
    assert_fails(
        &verdict,
        &[
            "outage: app asks for logs.example.org, which rtr lets nobody in cam reach",
            "outage: app asks for dialogs.example.org, which rtr lets nobody in cam reach",
            "unused opening: rtr lets cam reach logs.example.net, which nobody there asks for",
            "unused opening: rtr lets cam reach s.example.org, which nobody there asks for",
        ],
    );
}

/// What a node is told to ask for, to see what it opens, is no outage, and shows of no pattern that it is needed.
#[test]
fn a_name_that_is_asked_for_on_purpose_is_needed_by_nobody() {
    let asks = |patterns: &[&str], asker: &'static str| {
        let lookups = vec![
            lookup("app", "a.iot.example.org", &["192.0.2.1"]),
            lookup("app", "aws-logs.example.org", &["203.0.113.16"]),
        ];
        judged_with(patterns, lookups, move |seen| {
            seen.faults.push(asked_on_purpose("aws-logs.example.org", asker, 1));
        })
    };
    assert_eq!(asks(&["iot.example.org"], "app").verdict, Verdict::Pass);
    let outage = "outage: app asks for aws-logs.example.org, which rtr lets nobody in cam reach";
    assert_fails(&asks(&["iot.example.org"], "vms"), &[outage]);
    let unused = "unused opening: rtr lets cam reach aws-logs.example.org, which nobody there asks for";
    assert_fails(&asks(&["iot.example.org", "aws-logs.example.org"], "app"), &[unused]);
}

#[test]
fn nobody_who_asks_shows_nothing_and_what_was_asked_earlier_is_no_finding() {
    assert_inconclusive(&judged(&["example.org"], vec![]), &["vacuous", "app"]);
    let unanswered = vec![lookup("app", "a.example.org", &[])];
    assert_inconclusive(&judged(&["example.org"], unanswered), &["vacuous", "app"]);
    let earlier = |one| LookupSeen { earlier: true, ..one };
    let before = vec![
        earlier(lookup("app", "a.example.org", &["192.0.2.1"])),
        earlier(lookup("app", "b.example.net", &["192.0.2.1"])),
    ];
    assert_eq!(judged(&["example.org"], before).verdict, Verdict::Pass);
}

#[test]
fn what_is_asked_over_tcp_cannot_be_read_and_shows_nothing() {
    let known = || vec![lookup("app", "a.example.org", &["192.0.2.1"])];
    let over = |opener: &'static str, port: u16| {
        judged_with(&["example.org"], known(), move |seen| {
            let (from, to) = ((opener, "10.20.0.5", 40200), ("rtr", "10.20.0.1", port));
            seen.conversations.push(conversation("tcp", from, to, 60));
        })
    };
    for port in [53, 853] {
        assert_inconclusive(&over("app", port), &["unread", "app also asks a name server over TCP"]);
    }
    assert_eq!(over("app", 443).verdict, Verdict::Pass);
    assert_eq!(over("dock-1", 53).verdict, Verdict::Pass, "it is not asked about");
    let earlier = judged_with(&["example.org"], known(), |seen| {
        let (from, to) = (("app", "10.20.0.5", 40200), ("rtr", "10.20.0.1", 53));
        seen.conversations.push(Conversation { earlier: true, ..conversation("tcp", from, to, 60) });
    });
    assert_eq!(earlier.verdict, Verdict::Pass);
    let many = |seen: &mut Observations| {
        let one = seen.lookups[0].clone();
        seen.lookups.resize(crate::observation::MOST_LOOKUPS, one);
    };
    assert_inconclusive(&judged_with(&["example.org"], known(), many), &["unread", "first 10000 answers"]);
}
