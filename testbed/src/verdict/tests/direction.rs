//! `direction`: who may open, which way media runs, and nothing said of what never happened.

use super::super::example::{END, conversation, flow};
use super::*;
use crate::observation::{Busiest, Conversation, End, LoadSeen, LostHops, TrackedSeen};
use crate::scenario::fault::Share;
use crate::scenario::model::Amount;

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
fn an_answer_to_a_search_for_cameras_is_nothing_of_its_own() {
    let answer = || conversation("udp", ("dock-1", "10.20.0.11", 3702), ("app", "10.20.0.5", 40123), 95);
    let question = || conversation("udp", ("app", "10.20.0.5", 40123), ("", "239.255.255.250", 3702), 94);
    let answered = after("app-opens", |seen| seen.conversations.extend([question(), answer()]));
    assert_eq!(answered.verdict, Verdict::Pass, "{answered:#?}");
    let unasked = after("app-opens", |seen| seen.conversations.push(answer()));
    assert_fails(&unasked, &["dock-1 opened udp/40123 to app"]);
    let too_soon = after("app-opens", |seen| {
        seen.conversations.extend([Conversation { first_at: END + 1, ..question() }, answer()]);
    });
    assert_fails(&too_soon, &["dock-1 opened udp/40123 to app"]);
    // Who has been asked once may not go on for ever.
    let late = |by: u64| {
        let answer = Conversation { last_at: question().last_at + by, ..answer() };
        move |seen: &mut Observations| seen.conversations.extend([question(), answer])
    };
    assert_eq!(after("app-opens", late(2_000_000_000)).verdict, Verdict::Pass);
    assert_fails(&after("app-opens", late(2_000_000_001)), &["dock-1 opened udp/40123 to app"]);
    // A search that began before the judgement did, and one that was long over.
    let earlier = |last_at| Conversation {
        last_at,
        earlier: true,
        opener: End { port: 0, ..question().opener },
        ..question()
    };
    let under_way =
        after("app-opens", |seen| seen.conversations.extend([earlier(answer().first_at), answer()]));
    assert_eq!(under_way.verdict, Verdict::Pass, "{under_way:#?}");
    let long_over = after("app-opens", |seen| seen.conversations.extend([earlier(0), answer()]));
    assert_fails(&long_over, &["dock-1 opened udp/40123 to app"]);
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
                media_ends: None,
                hops: None,
                tracked_by: Vec::new(),
                asks: Amount::default(),
                answers: Amount::default(),
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

#[test]
fn media_of_these_cameras_that_no_flow_allows_is_a_finding_wherever_it_goes() {
    let media = |from, to: (&str, &str, u16)| {
        let mut one = conversation("udp", from, to, 77);
        one.media_out = 1200;
        one
    };
    let door = ("dock-1", "10.20.0.11", 50_000);
    let to_vms = media(door, ("vms", "10.30.0.10", 4000));
    let verdict = after(CHECK, |seen| seen.conversations.push(to_vms.clone()));
    assert_fails(&verdict, &["dock-1 sent 1200 bytes of media to vms"]);
    let to_all = after(CHECK, |seen| {
        let mut one = media(door, ("aws", "239.255.0.1", 5004));
        one.answerer.node = None;
        seen.conversations.push(one);
    });
    assert_fails(&to_all, &["dock-1 sent 1200 bytes of media to 239.255.0.1"]);
    let pushed = media(("vms", "10.30.0.10", 4000), door);
    let verdict = after(CHECK, |seen| seen.conversations.push(pushed));
    assert_fails(&verdict, &["vms sent 1200 bytes of media to dock-1"]);
    // What another flow allows is that flow's matter, and so is what goes on between others.
    let allowed = after_both(
        CHECK,
        |plan| plan.flows.push(flow("S09", &[("dock-1", "vms", "10.30.0.10")], &["udp/4000"])),
        |seen| seen.conversations.push(to_vms),
    );
    assert_eq!(allowed.verdict, Verdict::Pass, "{allowed:?}");
    let others = media(("vms", "10.30.0.10", 4000), ("rtr", "10.30.0.1", 50_000));
    assert_eq!(after(CHECK, |seen| seen.conversations.push(others)).verdict, Verdict::Pass);
}

/// Names that `vms` asks of `rtr`, with these bounds, and what was said at the worst of times.
fn names_asked(asks: Amount, answers: Amount, [asked, answered]: [Busiest; 2]) -> CheckVerdict {
    after_both(
        CHECK,
        |plan| {
            check_of(plan, CHECK).word = Word::Direction {
                flows: vec!["S01".parse().unwrap()],
                initiator: "vms".parse().unwrap(),
                media_to: None,
                media_ends: None,
                hops: None,
                tracked_by: Vec::new(),
                asks,
                answers,
            };
        },
        |seen| {
            let one = conversation("udp", ("vms", "10.30.0.10", 4000), ("rtr", "10.30.0.1", 53), 70);
            let load = |port| LoadSeen {
                kind: "udp".into(),
                opener: "vms".parse().unwrap(),
                answerer: End { port, ..one.answerer.clone() },
                asked,
                answered,
            };
            seen.loads.extend([load(53), load(54)]);
            seen.conversations.retain(|one| one.answerer.port != 53);
            for (port, packet) in [(4000, 70), (4001, 71)] {
                let mut one = one.clone();
                (one.opener.port, one.first_packet) = (port, packet);
                (one.payload_out, one.payload_back) = (u64::from(port) / 100 - 30, 20);
                seen.conversations.push(one);
            }
        },
    )
}

#[test]
fn more_than_may_be_said_is_a_finding_either_way() {
    let busy = |second_bytes, datagram_bytes| Busiest {
        second_bytes,
        second_packet: 72,
        datagram_bytes,
        datagram_packet: 73,
    };
    let most = |each_second, each_datagram| Amount { each_second, each_datagram, share: None };
    let said = [busy(400, 90), busy(800, 120)];
    let none = Amount::default();
    let verdict = names_asked(most(Some(399), Some(90)), none, said);
    assert_fails(&verdict, &["vms said more than 399 bytes to rtr on udp/53 within a second: 400"]);
    assert_eq!(verdict.findings[0].packets, [("first packet of that second, at vms's tap".to_owned(), 72)]);
    let verdict = names_asked(none, most(Some(800), Some(119)), said);
    assert_fails(&verdict, &["rtr said more than 119 bytes to vms on udp/53 in a datagram: 120"]);
    assert_eq!(verdict.findings[0].packets, [("that datagram, at rtr's tap".to_owned(), 73)]);
    assert_eq!(
        names_asked(most(Some(400), Some(90)), most(Some(800), Some(120)), said).verdict,
        Verdict::Pass
    );
}

#[test]
fn a_share_counts_all_conversations_of_the_pair() {
    // 20 bytes asked, 40 answered.
    let share = |thousandths| Amount { share: Some(Share(thousandths)), ..Amount::default() };
    let none = Amount::default();
    let nothing = [Busiest::default(); 2];
    let verdict = names_asked(share(49_999), none, nothing);
    assert_fails(
        &verdict,
        &["vms said more than 49.999% of what came back from rtr on S01: 20 bytes against 40"],
    );
    assert_eq!(verdict.findings[0].packets[0].1, 70);
    let verdict = names_asked(share(50_000), none, nothing);
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:?}");
    assert!(verdict.summary.ends_with("; 20 bytes asked, 40 answered"), "{}", verdict.summary);
    let verdict = names_asked(none, share(100_000), nothing);
    assert_fails(
        &verdict,
        &["rtr said more than 100% of what came back from vms on S01: 40 bytes against 20"],
    );
}

/// The example's check asks for an end of media within a second of the next session.
fn ends(plan: &mut Plan) {
    let Word::Direction { media_ends, .. } = &mut check_of(plan, CHECK).word else { panic!("not it") };
    *media_ends = Some(std::time::Duration::from_secs(1));
}

/// Each camera's session once more, so many seconds after it began; the first goes on for `goes_on` seconds then.
fn left(seen: &mut Observations, goes_on: u64) {
    let with_media = |one: &&mut Conversation| one.media_back > 0;
    let mut again = Vec::new();
    for one in seen.conversations.iter_mut().filter(with_media) {
        let begun = one.first_at + 5_000_000_000;
        one.last_at = begun + goes_on * 1_000_000_000;
        again.push(Conversation { first_at: begun, last_at: begun + 9_000_000_000, ..one.clone() });
    }
    seen.conversations.extend(again);
}

#[test]
fn media_of_a_session_that_was_left_ends() {
    let verdict = after_both(CHECK, ends, |seen| left(seen, 0));
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:?}");
    let verdict = after_both(CHECK, ends, |seen| left(seen, 3));
    assert_eq!(verdict.verdict, Verdict::Fail);
    assert!(verdict.findings[0].text.contains("went on sending media to app"), "{:?}", verdict.findings);
}

#[test]
fn where_nobody_left_no_end_is_shown() {
    let verdict = after_both(CHECK, ends, |_| ());
    assert_inconclusive(&verdict, &["vacuous"]);
}

/// The example's check asks for so many hops; packets of the example's conversations lose one.
fn with_hops(hops: u8, change: impl FnOnce(&mut Observations)) -> CheckVerdict {
    let asks = |plan: &mut Plan| {
        let Word::Direction { hops: asked, .. } = &mut check_of(plan, CHECK).word else { panic!("not it") };
        *asked = Some(hops);
    };
    after_both(CHECK, asks, change)
}

#[test]
fn packets_lose_as_many_hops_as_are_declared() {
    assert_eq!(with_hops(1, |_| {}).verdict, Verdict::Pass);
    assert_fails(
        &with_hops(0, |_| {}),
        &[
            "tcp/554, from app to dock-1: packets lose 1 hops, not 0",
            "tcp/554, from dock-1 to app: packets lose 1 hops, not 0",
            "tcp/554, from app to dock-2: packets lose 1 hops, not 0",
            "tcp/554, from dock-2 to app: packets lose 1 hops, not 0",
        ],
    );
    // Somebody has raised it on the way back, in one conversation.
    let verdict = with_hops(1, |seen| {
        let first = seen.conversations.iter_mut().find(|one| one.answerer.port == 554).unwrap();
        first.lost_hops[1] = Some(LostHops { fewest: -190, most: 1 });
    });
    assert_eq!(verdict.verdict, Verdict::Fail);
    assert_eq!(verdict.findings.len(), 1, "{verdict:?}");
    assert!(verdict.findings[0].text.ends_with("packets lose -190 hops, not 1"), "{verdict:?}");
}

#[test]
fn hops_of_nothing_that_arrived_are_not_known() {
    let verdict = with_hops(1, |seen| {
        seen.conversations.iter_mut().for_each(|one| one.lost_hops = [None; 2]);
    });
    assert_inconclusive(&verdict, &["hops: no packet arrived whose hops could be counted"]);
    // What others lost says nothing of those two, as behind a router that translates.
    let verdict = with_hops(1, |seen| {
        let to_dock_1 = |one: &&mut Conversation| one.answerer.node == Some("dock-1".parse().unwrap());
        seen.conversations.iter_mut().filter(to_dock_1).for_each(|one| one.lost_hops[1] = None);
    });
    assert_inconclusive(&verdict, &["hops: of what dock-1 said to app no hops could be counted"]);
}

/// A connection as `rtr` tracks it, from whom to whom, and the same back.
fn tracked(kind: &str, from: &str, to: &str) -> TrackedSeen {
    let [from, to] = [from, to].map(|end| end.parse().unwrap());
    TrackedSeen { node: "rtr".parse().unwrap(), kind: kind.into(), original: [from, to], reply: [to, from] }
}

fn with_tracking(by: &str, change: impl FnOnce(&mut Observations)) -> CheckVerdict {
    let asked = |plan: &mut Plan| {
        let Word::Direction { tracked_by, .. } = &mut check_of(plan, CHECK).word else { panic!("not it") };
        *tracked_by = by.split_whitespace().map(|node| node.parse().unwrap()).collect();
    };
    after_both(CHECK, asked, change)
}

const APP_AT: &str = "10.20.0.5:40000";

#[test]
fn who_opened_by_the_tracking_of_a_router_is_who_opened_at_the_taps() {
    let both = |seen: &mut Observations| {
        let docks = ["10.20.0.11:554", "10.20.0.12:554"];
        seen.tracked.extend(docks.map(|dock| tracked("tcp", APP_AT, dock)));
    };
    let verdict = with_tracking("rtr", both);
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    assert!(verdict.summary.contains("; tracked alike: 2 times"), "{}", verdict.summary);
}

#[test]
fn tracking_that_takes_an_answer_for_an_opening_is_a_finding_whether_it_was_asked_for_or_not() {
    for by in ["", "rtr"] {
        let reversed = |seen: &mut Observations| {
            seen.tracked.extend([
                tracked("tcp", "10.20.0.11:554", APP_AT),
                tracked("tcp", APP_AT, "10.20.0.12:554"),
                tracked("udp", "10.20.0.12:554", APP_AT),
            ]);
        };
        assert_fails(
            &with_tracking(by, reversed),
            &["rtr tracks tcp/554 of app to dock-1 as opened by dock-1"],
        );
    }
}

#[test]
fn behind_a_translation_a_conversation_has_the_addresses_that_answers_go_to() {
    let translated = |seen: &mut Observations| {
        let one = TrackedSeen {
            original: [APP_AT, "192.0.2.7:554"].map(|end| end.parse().unwrap()),
            ..tracked("tcp", APP_AT, "10.20.0.11:554")
        };
        seen.tracked.extend([one, tracked("tcp", APP_AT, "10.20.0.12:554")]);
    };
    assert_eq!(with_tracking("rtr", translated).verdict, Verdict::Pass);
    let reversed = |seen: &mut Observations| {
        let one = TrackedSeen {
            original: ["192.0.2.7:554", APP_AT].map(|end| end.parse().unwrap()),
            ..tracked("tcp", "10.20.0.11:554", APP_AT)
        };
        seen.tracked.push(one);
    };
    assert_eq!(with_tracking("", reversed).verdict, Verdict::Fail);
}

#[test]
fn what_is_to_be_tracked_and_is_not_leaves_it_open() {
    let first_only = |seen: &mut Observations| seen.tracked.push(tracked("tcp", APP_AT, "10.20.0.11:554"));
    let verdict = with_tracking("rtr", first_only);
    assert_inconclusive(&verdict, &["tracking: rtr is not known to have tracked tcp/554 of app to dock-2"]);
    assert_eq!(with_tracking("", |_| {}).verdict, Verdict::Pass);
}
