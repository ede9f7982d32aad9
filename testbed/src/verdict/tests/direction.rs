//! `direction`: who may open, which way media runs, and nothing said of what never happened.

use super::super::example::{conversation, flow};
use super::*;

const CHECK: &str = "app-opens";
const APP: (&str, &str, u16) = ("app", "10.20.0.5", 40000);
const DOCK: (&str, &str, u16) = ("dock-1", "10.20.0.11", 554);

#[test]
fn nobody_but_the_initiator_may_open_on_the_flows_port() {
    let verdict = after(CHECK, |seen| seen.conversations.push(conversation("tcp", DOCK, APP, 77)));
    assert_fails(&verdict, &["dock-1 opened tcp/40000 to app"]);
    assert_eq!(verdict.findings[0].packets[0], ("first packet, at dock-1's tap".to_owned(), 77));
    let (from, to) = verdict.findings[0].pair.clone().unwrap();
    assert_eq!((from.as_str(), to.as_str()), ("dock-1", "app"));
}

#[test]
fn the_other_end_may_open_nothing_at_all_towards_the_initiator() {
    for (kind, text) in [("udp", "dock-1 opened udp/9 to app"), ("tcp", "dock-1 opened tcp/9 to app")] {
        let verdict = after(CHECK, |seen| {
            seen.conversations.push(conversation(
                kind,
                ("dock-1", "10.20.0.11", 5000),
                ("app", "10.20.0.5", 9),
                77,
            ));
        });
        assert_fails(&verdict, &[text]);
    }
    for kind in ["icmp", "proto-47"] {
        let ping = conversation(kind, ("dock-1", "10.20.0.11", 0), ("app", "10.20.0.5", 0), 77);
        let verdict = after(CHECK, |seen| seen.conversations.push(ping));
        assert_fails(&verdict, &[&format!("dock-1 opened {kind} to app")]);
    }
}

#[test]
fn link_upkeep_and_strangers_are_not_the_other_end() {
    for kind in ["arp", "nd"] {
        let upkeep = conversation(kind, ("dock-1", "10.20.0.11", 0), ("app", "10.20.0.5", 0), 77);
        assert_eq!(after(CHECK, |seen| seen.conversations.push(upkeep)).verdict, Verdict::Pass);
    }
    let other = conversation("udp", ("rtr", "10.20.0.1", 53), ("app", "10.20.0.5", 53), 77);
    assert_eq!(after(CHECK, |seen| seen.conversations.push(other)).verdict, Verdict::Pass);
}

#[test]
fn a_syn_of_its_own_from_the_other_side_is_a_finding() {
    let verdict = after(CHECK, |seen| seen.conversations[2].syn_back = true);
    assert_fails(&verdict, &["dock-1 sent a first SYN of its own to app within tcp/554"]);
}

#[test]
fn a_flow_whose_opener_is_another_than_the_initiator_is_a_finding() {
    let verdict = after_word(CHECK, |word| {
        let Word::Direction { initiator, .. } = word else { panic!("{word:?}") };
        *initiator = "dock-1".parse().unwrap();
    });
    assert_fails(&verdict, &["app opened tcp/554 to dock-1", "app opened tcp/554 to dock-2"]);
}

#[test]
fn against_a_flow_its_port_counts_at_either_end() {
    for (from, to, text) in [(53, 4000, "rtr opened udp/4000 to vms"), (4000, 53, "rtr opened udp/53 to vms")]
    {
        let verdict = after_both(
            CHECK,
            |plan| {
                plan.flows.push(flow("S09", &[("vms", "rtr", "10.30.0.1")], &["udp/53"]));
                let Word::Direction { flows, .. } = &mut check_of(plan, CHECK).word else { panic!("not it") };
                flows.push("S09".parse().unwrap());
            },
            |seen| {
                let (rtr, vms) = (("rtr", "10.30.0.1", from), ("vms", "10.30.0.10", to));
                seen.conversations.push(conversation("udp", rtr, vms, 77));
            },
        );
        assert_fails(&verdict, &[text]);
    }
}

#[test]
fn a_pair_that_never_talked_leaves_it_open() {
    let verdict = after(CHECK, |seen| drop(seen.conversations.remove(3)));
    assert_inconclusive(&verdict, &["vacuous", "no conversation of F01 app -> dock-2 came about"]);
    let verdict = after(CHECK, |seen| seen.conversations[3].packets_back = 0);
    assert_inconclusive(&verdict, &["vacuous", "F01 app -> dock-2"]);
    let other_port = after(CHECK, |seen| seen.conversations[3].answerer.port = 8554);
    assert_inconclusive(&other_port, &["vacuous", "F01 app -> dock-2"]);
}

#[test]
fn flows_that_stand_for_nothing_leave_it_open() {
    let named = |names: &[&str]| {
        let names = names.iter().map(|name| name.parse().unwrap()).collect();
        after_word(CHECK, |word| {
            let Word::Direction { flows, .. } = word else { panic!("{word:?}") };
            *flows = names;
        })
    };
    assert_inconclusive(&named(&[]), &["vacuous", "no flow"]);
    assert_inconclusive(&named(&["F01", "F09"]), &["F09 stands for no pair"]);
    assert_inconclusive(&named(&["F01", "F17"]), &["F17 stands for no pair"]);
}

#[test]
fn media_the_other_way_is_a_finding() {
    let verdict = after(CHECK, |seen| seen.conversations[2].media_out = 1200);
    assert_fails(&verdict, &["app sent 1200 bytes of media to dock-1"]);
    let (from, to) = verdict.findings[0].pair.clone().unwrap();
    assert_eq!((from.as_str(), to.as_str()), ("app", "dock-1"));
}

#[test]
fn a_camera_without_media_leaves_sense_b_open() {
    let verdict = after(CHECK, |seen| seen.conversations[3].media_back = 0);
    assert_inconclusive(&verdict, &["vacuous", "no media ran from dock-2 to app"]);
    let ignored = after_both(
        CHECK,
        |plan| {
            let Word::Direction { media_to, .. } = &mut check_of(plan, CHECK).word else { panic!("not it") };
            *media_to = None;
        },
        |seen| seen.conversations[3].media_back = 0,
    );
    assert_eq!(ignored.verdict, Verdict::Pass);
}

#[test]
fn flows_of_other_transports_are_matched_by_kind_and_address() {
    let verdict = after_both(
        CHECK,
        |plan| {
            plan.flows.push(flow("S09", &[("vms", "rtr", "10.30.0.1")], &["udp/53", "icmp/8"]));
            check_of(plan, CHECK).word = Word::Direction {
                flows: vec!["S09".parse().unwrap()],
                initiator: "vms".parse().unwrap(),
                media_to: None,
            };
        },
        |seen| {
            let mut query = conversation("udp", ("vms", "10.30.0.10", 4000), ("rtr", "10.30.0.1", 53), 70);
            query.packets_back = 0;
            seen.conversations.push(query.clone());
            query.answerer.address = "203.0.113.2".parse().unwrap();
            seen.conversations.push(query);
        },
    );
    assert_eq!(verdict.verdict, Verdict::Pass);
    assert!(verdict.summary.starts_with("1 conversation,"), "{}", verdict.summary);
}

#[test]
fn what_was_opened_earlier_came_about_and_is_no_finding() {
    let verdict = after(CHECK, |seen| {
        let mut opened = conversation("tcp", DOCK, APP, 0);
        opened.earlier = true;
        seen.conversations.push(opened);
    });
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:?}");
    let verdict = after(CHECK, |seen| seen.conversations.iter_mut().for_each(|one| one.earlier = true));
    assert_eq!(verdict.verdict, Verdict::Inconclusive, "nothing was seen now: {verdict:?}");
}
