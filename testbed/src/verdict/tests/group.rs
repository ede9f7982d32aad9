//! What a camera sends to a group: of the flow that is about it, for the words that look at who says what to whom.

use super::super::example::{conversation, flow};
use super::*;
use crate::observation::{Busiest, Conversation, End, LoadSeen};
use crate::plan::{Flow, Group};
use crate::scenario::model::Amount;

const DIRECTION: &str = "app-opens";
const PEERS: &str = "dock-alone";

/// Where the appliance may hear the camera's group.
pub(super) fn declared() -> Flow {
    let mut flow = flow("S08", &[("app", "dock-1", "10.20.0.11")], &["udp/5004-5005"]);
    flow.pairs[0].group = Some(Group {
        address: "239.255.0.1".parse().unwrap(),
        ports: (5004, 5007),
        segments: vec!["cam".parse().unwrap()],
    });
    flow
}

fn cast(port: u16) -> Conversation {
    let mut one = conversation("udp", ("dock-1", "10.20.0.11", 50_000), ("", "239.255.0.1", port), 77);
    (one.packets_back, one.payload_out, one.payload_back, one.media_out) = (0, 1200, 0, 1200);
    one
}

fn direction(media_to: Option<&str>, answers: Amount) -> Word {
    Word::Direction {
        flows: vec!["S08".parse().unwrap()],
        initiator: "app".parse().unwrap(),
        media_to: media_to.map(|node| node.parse().unwrap()),
        media_ends: None,
        hops: None,
        tracked_by: Vec::new(),
        asks: Amount::default(),
        answers,
    }
}

fn judged(check: &str, word: Option<Word>, change: impl FnOnce(&mut Observations)) -> CheckVerdict {
    let change_plan = |plan: &mut Plan| {
        plan.flows.push(declared());
        if let Some(word) = word {
            check_of(plan, check).word = word;
        }
    };
    after_both(check, change_plan, change)
}

#[test]
fn what_goes_to_the_group_is_opened_by_nobody_and_must_be_seen() {
    let word = || Some(direction(None, Amount::default()));
    let seen = judged(DIRECTION, word(), |seen| seen.conversations.push(cast(5004)));
    assert_eq!(seen.verdict, Verdict::Pass, "{seen:?}");
    assert!(seen.summary.starts_with("1 conversation, 0 opened by another than app"), "{}", seen.summary);
    assert_inconclusive(&judged(DIRECTION, word(), |_| {}), &["no conversation of S08 app -> dock-1"]);
    // Whoever opened nothing to the camera before has not asked for it.
    let unasked = judged(DIRECTION, word(), |seen| {
        let before = seen.conversations.iter().map(|one| one.first_at).min().unwrap() - 1;
        seen.conversations.push(Conversation { first_at: before, ..cast(5004) });
    });
    assert_fails(&unasked, &["dock-1 opened udp/5004 to 239.255.0.1"]);
    // Of the group's ports the flow has those of one stream.
    let further = judged(DIRECTION, word(), |seen| seen.conversations.push(cast(5006)));
    assert_inconclusive(&further, &["no conversation of S08 app -> dock-1"]);
}

#[test]
fn its_media_is_nobodys_alone_and_stray_only_where_no_flow_has_it() {
    let to_app = Some(direction(Some("app"), Amount::default()));
    let verdict = judged(DIRECTION, to_app, |seen| seen.conversations.push(cast(5004)));
    assert_fails(&verdict, &["dock-1 sent 1200 bytes of media to 239.255.0.1"]);
    let beside = judged(DIRECTION, None, |seen| seen.conversations.push(cast(5004)));
    assert_eq!(beside.verdict, Verdict::Pass, "{beside:?}");
    let stray = judged(DIRECTION, None, |seen| seen.conversations.push(cast(5006)));
    assert_fails(&stray, &["dock-1 sent 1200 bytes of media to 239.255.0.1"]);
}

#[test]
fn what_it_sends_is_an_answer_and_bounded_as_one() {
    let load = |second_bytes, port| LoadSeen {
        kind: "udp".into(),
        opener: "dock-1".parse().unwrap(),
        answerer: End { node: None, address: "239.255.0.1".parse().unwrap(), port },
        asked: Busiest { second_bytes, second_packet: 78, ..Busiest::default() },
        answered: Busiest::default(),
    };
    let most = |bytes| Some(direction(None, Amount { each_second: Some(bytes), ..Amount::default() }));
    let with = |bytes| {
        judged(DIRECTION, most(bytes), |seen| {
            seen.conversations.push(cast(5004));
            seen.loads.extend([load(2000, 5004), load(9000, 5006)]);
        })
    };
    assert_eq!(with(2000).verdict, Verdict::Pass);
    let text = "dock-1 said more than 1999 bytes to app on udp/5004 to 239.255.0.1 within a second: 2000";
    assert_fails(&with(1999), &[text]);
    assert!(with(2000).summary.ends_with("0 bytes asked, 1200 answered"), "{}", with(2000).summary);
}

#[test]
fn whoever_may_hear_the_group_is_the_cameras_peer_in_it() {
    let heard = judged(PEERS, None, |seen| seen.conversations.push(cast(5004)));
    assert_eq!(heard.verdict, Verdict::Pass, "{heard:?}");
    let further = judged(PEERS, None, |seen| seen.conversations.push(cast(5006)));
    let text = "dock-1 exchanged udp/5006 with 239.255.0.1, which is no node of the site (opened by it)";
    assert_fails(&further, &[text]);
    // Whom the flow lets hear it is none of the check's peers.
    let by_vms = |plan: &mut Plan| {
        let mut flow = declared();
        flow.pairs[0].from = "vms".parse().unwrap();
        plan.flows.push(flow);
    };
    let verdict = after_both(PEERS, by_vms, |seen| seen.conversations.push(cast(5004)));
    let text = "dock-1 exchanged udp/5004 with 239.255.0.1, which is no node of the site (opened by it)";
    assert_fails(&verdict, &[text]);
    let verdict = after_both(PEERS, by_vms, |seen| {
        let asks = conversation("tcp", ("vms", "10.30.0.10", 40_001), ("dock-1", "10.20.0.11", 554), 76);
        seen.conversations.extend([asks, cast(5004)]);
    });
    assert!(verdict.findings.iter().all(|one| !one.text.contains("239.255")), "{verdict:?}");
    assert_eq!(verdict.verdict, Verdict::Fail, "vms is none of its peers");
}
