//! `rtsp`: what playing takes, what does not belong there, text of it elsewhere, and what shows nothing.

use std::collections::BTreeMap;

use super::super::example::{START, conversation, of};
use super::*;
use crate::observation::{
    Encoding, Layer, LookupSeen, RtspEnds, RtspFound, RtspLine, RtspMessage, RtspSeen, TaintSeen,
    TapSearched, Way,
};
use crate::plan::RtspWay;
use crate::scenario::model::RtspMethod;

const CHECK: &str = "dock-alone";

fn word(cameras: &[&str], nowhere_else: bool) -> Word {
    let way = |camera: &str| RtspWay {
        camera: of(camera),
        opener: of("app"),
        ports: vec![vec![of(&format!("p-{camera}-0"))], vec![of("p-app-0"), of("p-app-9")]],
        besides: vec![of("p-rtr-0")],
    };
    let ways = cameras.iter().map(|camera| way(camera)).collect();
    Word::Rtsp { flows: vec![of("F01")], methods: RtspMethod::PLAYING.into(), ways, nowhere_else }
}

fn message(by_opener: bool, line: RtspLine, headers: &[(&str, &str)], packet: u64) -> RtspMessage {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    RtspMessage {
        by_opener,
        packet,
        line,
        version: "1.0".into(),
        headers: headers.collect::<BTreeMap<_, _>>(),
        described: Vec::new(),
        earlier: false,
    }
}

fn asks(method: &str, count: &str) -> RtspMessage {
    let line = RtspLine::Asks { method: method.into(), url: "*".into() };
    message(true, line, &[("cseq", count)], 30)
}

/// The appliance sets up a camera's stream.
fn spoken(seen: &Observations, camera: &str) -> RtspSeen {
    let camera = Some(of(camera));
    let one = seen.conversations.iter().find(|one| one.answerer.node == camera).unwrap();
    RtspSeen {
        opener: one.opener.clone(),
        answerer: one.answerer.clone(),
        packet: one.first_packet,
        at: one.first_at,
        messages: vec![
            asks("SETUP", "1"),
            message(false, RtspLine::Answers(200), &[("cseq", "1"), ("session", "ab")], 31),
        ],
        left_out: 0,
        lost: None,
        earlier: false,
        over: false,
    }
}

fn found(port: &str, ends: Option<RtspEnds>, packet: u64) -> RtspFound {
    let way = Way { layer: Layer::Frame, encoding: Encoding::Raw };
    RtspFound { port: of(port), from_node: true, flooded: false, way, ends, places: 3, packet }
}

fn between(one: &RtspSeen) -> Option<RtspEnds> {
    let [source, dest] = [&one.opener, &one.answerer].map(|end| (end.address, end.port).into());
    Some(RtspEnds { tcp: true, source, dest })
}

fn searched(plan: &Plan, spoken: &[RtspSeen]) -> TaintSeen {
    let tap = |port: &crate::names::LinkName| TapSearched {
        port: port.clone(),
        frames: 10,
        cut: 0,
        missed: vec![],
        missed_words: vec![],
    };
    let at_both = |one: &RtspSeen| {
        let camera = format!("p-{}-0", one.answerer.node.as_ref().unwrap());
        [camera.as_str(), "p-app-0"].map(|port| found(port, between(one), 30))
    };
    TaintSeen {
        taps: plan.nodes.iter().flat_map(|node| &node.links).map(|link| tap(&link.port)).collect(),
        rtsp: spoken.iter().flat_map(at_both).collect(),
        ..TaintSeen::default()
    }
}

/// The flow is about the first camera alone.
fn judged(nowhere_else: bool, change: impl FnOnce(&mut Observations)) -> CheckVerdict {
    judged_of(&["dock-1"], nowhere_else, change)
}

/// The flow is about these cameras.
fn judged_of(cameras: &[&str], nowhere_else: bool, change: impl FnOnce(&mut Observations)) -> CheckVerdict {
    let is_there = |node: &crate::names::NodeName| cameras.contains(&node.as_str());
    let only_these = |plan: &mut Plan| {
        check_of(plan, CHECK).word = word(cameras, nowhere_else);
        let flow = plan.flows.iter_mut().find(|flow| flow.id == of("F01")).unwrap();
        flow.pairs.retain(|pair| is_there(&pair.to));
        assert_eq!(flow.pairs.len(), cameras.len());
    };
    after_both(CHECK, only_these, |seen| {
        let is_other = |one: &crate::observation::Conversation| {
            one.answerer
                .node
                .as_ref()
                .is_some_and(|node| node.as_str().starts_with("dock") && !is_there(node))
        };
        seen.conversations.retain(|one| !is_other(one));
        seen.rtsp = cameras.iter().map(|camera| spoken(seen, camera)).collect();
        seen.taint = Some(searched(&plan(), &seen.rtsp));
        change(seen);
    })
}

#[test]
fn each_pair_of_a_flow_has_a_session_and_each_way_is_shown() {
    let both = ["dock-1", "dock-2"];
    let verdict = judged_of(&both, true, |_| {});
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    assert!(verdict.summary.starts_with("2 connections: SETUP (2 answered), 2 sessions"), "{verdict:#?}");
    let verdict = judged_of(&both, false, |seen| seen.rtsp[1].messages.truncate(1));
    assert_inconclusive(&verdict, &["sessions", "nobody was given a session on F01 between app and dock-2"]);
    let earlier = |one: &mut RtspSeen| {
        one.earlier = true;
        one.messages.iter_mut().for_each(|message| message.earlier = true);
    };
    let second_is_quiet = |seen: &mut Observations| {
        seen.taint.as_mut().unwrap().rtsp.truncate(2);
        earlier(&mut seen.rtsp[1]);
    };
    assert_eq!(judged_of(&both, true, second_is_quiet).verdict, Verdict::Pass);
    let verdict = judged_of(&both, true, |seen| {
        second_is_quiet(seen);
        seen.rtsp[1].over = true;
    });
    assert_inconclusive(&verdict, &["way", "app and dock-2 said nothing that could be found"]);
    let verdict = judged_of(&both, true, |seen| {
        earlier(&mut seen.rtsp[0]);
        seen.taint.as_mut().unwrap().rtsp.clear();
        seen.rtsp[1].messages.clear();
    });
    assert_inconclusive(&verdict, &["way", "app and dock-2 said nothing that could be found"]);
}

#[test]
fn what_playing_takes_passes_and_is_told() {
    let verdict = judged(false, |seen| seen.taint = None);
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    assert_eq!(verdict.summary, "1 connection: SETUP (1 answered), 1 session");
    let verdict = judged(true, |_| {});
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    assert_eq!(
        verdict.summary,
        "1 connection: SETUP (1 answered), 1 session; text of it at 0 taps elsewhere"
    );
    let controls: Vec<_> = verdict.controls.iter().map(|one| (one.control.as_str(), one.held)).collect();
    assert_eq!(controls, [("way", true), ("canary", true)]);
    assert_eq!(verdict.controls[0].seen, "found at 2 of 2 taps on its ways");
}

#[test]
fn what_does_not_belong_there_is_told_once_with_its_packets() {
    let verdict = judged(false, |seen| {
        seen.rtsp[0].messages.extend([asks("ANNOUNCE", "2"), asks("ANNOUNCE", "3"), asks("RECORD", "4")]);
    });
    let without = "app asks dock-1 to RECORD without a session";
    assert_fails(&verdict, &["app asks dock-1 to ANNOUNCE, 2 times", "app asks dock-1 to RECORD", without]);
    assert_eq!(verdict.findings[0].packets, [("ANNOUNCE *".to_owned(), 30), ("ANNOUNCE *".to_owned(), 30)]);
}

#[test]
fn a_name_that_leads_to_the_camera_names_it() {
    let ask = |seen: &mut Observations| {
        let line = RtspLine::Asks { method: "OPTIONS".into(), url: "rtsp://Dock.example/x".into() };
        seen.rtsp[0].messages.push(message(true, line, &[("cseq", "2")], 40));
    };
    let told = |addresses: &[&str]| LookupSeen {
        node: of("app"),
        packet: 7,
        at: START,
        name: "dock.example".into(),
        asked_as: None,
        addresses: addresses.iter().map(|one| one.parse().unwrap()).collect(),
        from: None,
        earlier: false,
    };
    let verdict = judged(false, ask);
    assert_fails(&verdict, &["app asks dock-1 to OPTIONS what is at Dock.example, which is not dock-1"]);
    let verdict = judged(false, |seen| {
        ask(seen);
        seen.lookups.push(told(&["10.20.0.11"]));
    });
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    let verdict = judged(false, |seen| {
        ask(seen);
        seen.lookups.push(told(&["10.20.0.11", "10.20.0.12"]));
    });
    assert_eq!(verdict.verdict, Verdict::Fail);
    for others in [["10.20.0.11", "10.20.0.12"], ["10.20.0.12", "10.20.0.11"]] {
        let verdict = judged(false, |seen| {
            ask(seen);
            seen.lookups.extend(others.map(|one| told(&[one])));
        });
        assert_eq!(verdict.verdict, Verdict::Fail, "one of them led elsewhere");
    }
    let verdict = judged(false, |seen| {
        ask(seen);
        seen.lookups.extend([told(&["10.20.0.11"]), told(&[])]);
    });
    assert_eq!(verdict.verdict, Verdict::Pass, "what was not answered leads nowhere: {verdict:#?}");
}

#[test]
fn what_was_not_read_to_its_end_shows_nothing() {
    let verdict = judged(false, |seen| seen.rtsp.clear());
    assert_inconclusive(&verdict, &["followed", "app and dock-1", "is no RTSP"]);
    assert_inconclusive(&verdict, &["sessions", "nobody was given a session on F01"]);
    let verdict = judged(false, |seen| seen.rtsp[0].lost = Some((33, "a message is not whole".into())));
    assert_inconclusive(&verdict, &["followed", "from packet 33 on: a message is not whole"]);
    let verdict = judged(false, |seen| seen.rtsp[0].left_out = 3);
    assert_inconclusive(&verdict, &["followed", "3 more messages"]);
    let verdict = judged(false, |seen| seen.rtsp[0].messages.truncate(1));
    assert_inconclusive(&verdict, &["sessions"]);
    let verdict = after_both(
        CHECK,
        |plan| {
            let word =
                Word::Rtsp { flows: vec![of("F09")], methods: vec![], ways: vec![], nowhere_else: false };
            check_of(plan, CHECK).word = word;
        },
        |_| {},
    );
    assert_inconclusive(&verdict, &["vacuous", "F09"]);
}

#[test]
fn text_of_what_belongs_together_is_at_no_other_tap() {
    let verdict = judged(true, |seen| {
        let ends = between(&seen.rtsp[0]);
        let found = ["p-rtr-0", "p-rtr-2", "p-rtr-2"].map(|port| found(port, ends, 50));
        seen.taint.as_mut().unwrap().rtsp.extend(found);
    });
    let port = &plan().nodes[3].links[2];
    assert_fails(&verdict, &[&format!("text of RTSP of app and dock-1 at rtr.{}", port.name)]);
    assert_eq!(verdict.findings[0].pair, Some((of("dock-1"), of("rtr"))));
    assert_eq!(verdict.findings[0].packets.len(), 1, "each once");
}

#[test]
fn text_of_others_is_nowhere() {
    let ends = |tcp| RtspEnds {
        tcp,
        source: "10.30.0.10:41000".parse().unwrap(),
        dest: "203.0.113.10:8080".parse().unwrap(),
    };
    let verdict = judged(true, |seen| {
        let taint = seen.taint.as_mut().unwrap();
        taint.rtsp.extend(["p-vms-0", "p-rtr-1"].map(|port| found(port, Some(ends(true)), 60)));
        taint.rtsp.push(found("p-aws-0", Some(ends(false)), 61));
        taint.rtsp.push(found("p-app-0", None, 62));
        let one = conversation("tcp", ("vms", "10.30.0.10", 41_000), ("aws", "203.0.113.10", 8080), 59);
        seen.conversations.push(one);
    });
    let app = format!("app.{}", plan().nodes[2].links[0].name);
    let texts = [
        format!("text of RTSP at {app}, raw in a frame"),
        "text of RTSP between vms and aws on tcp/8080, which is none of F01".to_owned(),
        "text of RTSP from 10.30.0.10 to 203.0.113.10 by udp, which is none of F01".to_owned(),
    ];
    assert_fails(&verdict, &texts.each_ref().map(String::as_str));
    assert!(verdict.summary.ends_with("text of it at 4 taps elsewhere"), "{}", verdict.summary);
    let flooded = judged(true, |seen| {
        let one = RtspFound { flooded: true, ..found("p-vms-0", between(&seen.rtsp[0]), 60) };
        seen.taint.as_mut().unwrap().rtsp.push(one);
    });
    assert_eq!(flooded.verdict, Verdict::Pass, "a switch has forgotten where it goes");
}

#[test]
fn a_search_that_shows_nothing_leaves_no_pass() {
    assert_inconclusive(&judged(true, |seen| seen.taint = None), &["search", "not searched"]);
    let verdict = judged(true, |seen| drop(seen.taint.as_mut().unwrap().rtsp.pop()));
    assert_inconclusive(&verdict, &["way", "nothing of what app and dock-1 said was found at app."]);
    let encoded = |seen: &mut Observations| {
        let all = &mut seen.taint.as_mut().unwrap().rtsp;
        all.iter_mut().for_each(|one| one.way.encoding = Encoding::Hex);
    };
    assert_inconclusive(&judged(true, encoded), &["way", "dock-1."]);
    let verdict = judged(true, |seen| drop(seen.taint.as_mut().unwrap().taps.pop()));
    assert_inconclusive(&verdict, &["canary", "was not searched"]);
    let verdict = judged(true, |seen| seen.taint.as_mut().unwrap().let_go = 1);
    assert_inconclusive(&verdict, &["search", "more was under way"]);
    let verdict = judged(true, |seen| seen.taps.unstored = 1);
    assert_inconclusive(&verdict, &["search", "the capture was full"]);
}

#[test]
fn what_was_said_before_a_judgement_needs_not_be_said_again() {
    let quiet = |seen: &mut Observations| {
        seen.taint.as_mut().unwrap().rtsp.clear();
        seen.rtsp[0].messages.iter_mut().for_each(|message| message.earlier = true);
    };
    assert_eq!(judged(true, quiet).verdict, Verdict::Pass);
    let never = judged(true, |seen| {
        quiet(seen);
        seen.rtsp[0].messages.clear();
    });
    assert_inconclusive(&never, &["way", "app and dock-1 said nothing that could be found"]);
}
