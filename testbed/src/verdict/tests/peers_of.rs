//! `peers_of`: one too many, one missing, strangers, upkeep.

use super::super::example::{conversation, flow, of};
use super::*;

const CHECK: &str = "dock-alone";
const DOCK: (&str, &str, u16) = ("dock-1", "10.20.0.11", 5000);

fn edit(
    change: impl FnOnce(&mut Vec<crate::names::NodeName>, &mut Vec<crate::names::FlowId>),
) -> CheckVerdict {
    after_word(CHECK, |word| {
        let Word::PeersOf { exactly, besides, .. } = word else { panic!("{word:?}") };
        change(exactly, besides);
    })
}

#[test]
fn a_peer_too_many_is_a_finding_whoever_opened() {
    let call_home = conversation("udp", DOCK, ("aws", "203.0.113.10", 123), 77);
    let verdict = after(CHECK, |seen| seen.conversations.push(call_home));
    assert_fails(&verdict, &["dock-1 exchanged udp/123 with aws (opened by it)"]);
    assert_eq!(verdict.findings[0].packets[0], ("first packet, at dock-1's tap".to_owned(), 77));
    let (node, peer) = verdict.findings[0].pair.clone().unwrap();
    assert_eq!((node.as_str(), peer.as_str()), ("dock-1", "aws"));

    let visit = conversation("tcp", ("vms", "10.30.0.10", 4000), ("dock-1", "10.20.0.11", 554), 77);
    let verdict = after(CHECK, |seen| seen.conversations.push(visit));
    assert_fails(&verdict, &["dock-1 exchanged tcp/554 with vms (opened by the other)"]);
}

#[test]
fn an_attempt_of_the_node_counts_but_what_never_reached_it_does_not() {
    let unanswered = |opener, answerer| {
        let mut one = conversation("tcp", opener, answerer, 77);
        (one.packets_back, one.reached_packet, one.answered_packet) = (0, None, None);
        one
    };
    let attempt = unanswered(DOCK, ("vms", "10.30.0.10", 80));
    assert_eq!(after(CHECK, |seen| seen.conversations.push(attempt)).verdict, Verdict::Fail);
    let blocked = unanswered(("vms", "10.30.0.10", 4000), ("dock-1", "10.20.0.11", 554));
    assert_eq!(after(CHECK, |seen| seen.conversations.push(blocked)).verdict, Verdict::Pass);
}

#[test]
fn strangers_and_groups_are_peers_named_by_their_address() {
    for address in ["198.51.100.7", "239.255.255.250", "10.20.0.255"] {
        let stranger = conversation("udp", DOCK, ("", address, 3702), 77);
        let verdict = after(CHECK, |seen| seen.conversations.push(stranger));
        let text =
            format!("dock-1 exchanged udp/3702 with {address}, which is no node of the site (opened by it)");
        assert_fails(&verdict, &[&text]);
        assert_eq!(verdict.findings[0].pair, None);
    }
}

#[test]
fn a_peer_that_never_was_there_is_a_finding() {
    let verdict = after(CHECK, |seen| drop(seen.conversations.remove(3)));
    assert_fails(&verdict, &["dock-2 never talked with app"]);
    let verdict = after(CHECK, |seen| {
        drop(seen.conversations.remove(3));
        seen.taps.dropped = 1;
    });
    assert_inconclusive(&verdict, &["as far as was seen, dock-2 never talked with app"]);
}

#[test]
fn link_upkeep_counts_unless_it_is_left_out() {
    let verdict = edit(|_, besides| besides.clear());
    assert_fails(
        &verdict,
        &["dock-1 exchanged arp with rtr (opened by it)", "dock-2 exchanged arp with rtr (opened by it)"],
    );
    for kind in ["nd", "igmp", "mld", "arp"] {
        let group = conversation(kind, ("dock-1", "fe80::1", 0), ("", "ff02::16", 0), 77);
        assert_eq!(after(CHECK, |seen| seen.conversations.push(group)).verdict, Verdict::Pass, "{kind}");
    }
}

#[test]
fn other_flows_left_out_explain_only_what_they_allow() {
    let with_time = |node: &str, port: u16| {
        let asked = conversation("udp", (node, "10.20.0.11", 5000), ("rtr", "10.20.0.1", port), 77);
        let allow = |plan: &mut Plan| {
            plan.flows.push(flow("F13", &[("dock-1", "rtr", "10.20.0.1")], &["udp/123"]));
            let Word::PeersOf { besides, .. } = &mut check_of(plan, CHECK).word else { panic!("not it") };
            besides.push("F13".parse().unwrap());
        };
        after_both(CHECK, allow, |seen| seen.conversations.push(asked)).verdict
    };
    assert_eq!(with_time("dock-1", 123), Verdict::Pass);
    assert_eq!(with_time("dock-1", 53), Verdict::Fail);
    assert_eq!(with_time("dock-2", 123), Verdict::Fail);
}

#[test]
fn a_question_for_an_address_is_meant_for_the_server() {
    let asked = |port| conversation("udp", ("dock-1", "0.0.0.0", 68), ("", "255.255.255.255", port), 77);
    let with_server = |plan: &mut Plan| {
        plan.flows.push(flow("S09", &[("dock-1", "rtr", "10.20.0.1")], &["udp/60-70"]));
        let Word::PeersOf { nodes, exactly, .. } = &mut check_of(plan, CHECK).word else { panic!("not it") };
        nodes.retain(|node| node.as_str() == "dock-1");
        exactly.push(of("rtr"));
    };
    let verdict = |port| after_both(CHECK, with_server, |seen| seen.conversations.push(asked(port)));
    assert_eq!(verdict(67).verdict, Verdict::Pass, "{:#?}", verdict(67));
    assert_eq!(verdict(66).verdict, Verdict::Fail, "that is no DHCP server's port");
    let nobody = after(CHECK, |seen| seen.conversations.push(asked(67)));
    assert_eq!(nobody.verdict, Verdict::Fail, "no flow lets it ask one");
}

#[test]
fn who_should_talk_with_nobody_must_have_been_seen_to_live() {
    let alone = |seen: &mut Observations| seen.conversations.retain(|one| one.kind == "arp");
    let nobody = |plan: &mut Plan| {
        let Word::PeersOf { exactly, .. } = &mut check_of(plan, CHECK).word else { panic!("not it") };
        exactly.clear();
    };
    assert_eq!(after_both(CHECK, nobody, alone).verdict, Verdict::Pass);
    let verdict = after_both(CHECK, nobody, |seen| seen.conversations.clear());
    assert_inconclusive(&verdict, &["vacuous", "no frame of dock-1"]);
    assert_inconclusive(
        &after_word(CHECK, |word| {
            let Word::PeersOf { nodes, .. } = word else { panic!("{word:?}") };
            nodes.clear();
        }),
        &["vacuous", "no node"],
    );
}

#[test]
fn what_was_exchanged_earlier_shows_a_peer_and_is_no_finding() {
    let earlier = |mut one: crate::observation::Conversation| {
        one.earlier = true;
        one
    };
    let visit = conversation("tcp", ("vms", "10.30.0.10", 0), ("dock-1", "10.20.0.11", 554), 0);
    assert_eq!(after(CHECK, |seen| seen.conversations.push(earlier(visit))).verdict, Verdict::Pass);
    // Its own video came about earlier, and an upkeep frame is all there is now.
    let verdict = after(CHECK, |seen| seen.conversations[3].earlier = true);
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:?}");
    let verdict = after(CHECK, |seen| seen.conversations.iter_mut().for_each(|one| one.earlier = true));
    assert_eq!(verdict.verdict, Verdict::Inconclusive, "nothing was seen now: {verdict:?}");
}
