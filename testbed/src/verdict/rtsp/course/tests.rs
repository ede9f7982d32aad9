//! A session as RFC 2326 has it, and each thing that may be wrong about one.

use std::collections::BTreeMap;

use super::*;
use crate::observation::{End, RtspDescribed};

const URL: &str = "rtsp://10.20.0.11:554/stream";
const DOCK: &str = "10.20.0.11";

fn said(by_opener: bool, line: RtspLine, headers: &[(&str, &str)]) -> RtspMessage {
    RtspMessage {
        by_opener,
        packet: 0,
        line,
        version: "1.0".into(),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        described: Vec::new(),
        earlier: false,
    }
}

fn asks(method: &str, url: &str, headers: &[(&str, &str)]) -> RtspMessage {
    said(true, RtspLine::Asks { method: method.into(), url: url.into() }, headers)
}

fn answers(status: u16, headers: &[(&str, &str)]) -> RtspMessage {
    said(false, RtspLine::Answers(status), headers)
}

/// A stream is described, set up, played and ended.
fn played() -> Vec<RtspMessage> {
    let control = |control: &str, sendonly| RtspDescribed { control: Some(control.into()), sendonly };
    let base = format!("{URL}/");
    let info = format!("url={URL}/stream=0;seq=1;rtptime=7");
    let of_stream = format!("{URL}/stream=0");
    let mut described = answers(200, &[("cseq", "2"), ("content-base", &base)]);
    described.described = vec![control("*", false), control("stream=0", false), control("back", true)];
    vec![
        asks("DESCRIBE", URL, &[("cseq", "1")]),
        answers(401, &[("cseq", "1")]),
        asks("DESCRIBE", URL, &[("cseq", "2")]),
        described,
        asks("SETUP", &of_stream, &[("cseq", "3"), ("transport", "RTP/AVP/TCP;interleaved=0-1")]),
        answers(
            200,
            &[("cseq", "3"), ("session", "ab;timeout=60"), ("transport", "RTP/AVP/TCP;mode=\"PLAY\"")],
        ),
        asks("PLAY", &base, &[("cseq", "4"), ("session", "ab")]),
        answers(200, &[("cseq", "4"), ("session", "ab"), ("rtp-info", &info)]),
        asks("TEARDOWN", &base, &[("cseq", "5"), ("session", "ab")]),
        answers(200, &[("cseq", "5"), ("session", "ab")]),
    ]
}

fn spoken(messages: Vec<RtspMessage>) -> RtspSeen {
    let end = |node: &str, address: &str, port| End {
        node: Some(node.parse().unwrap()),
        address: address.parse().unwrap(),
        port,
    };
    let numbered = messages.into_iter().zip(1..).map(|(one, packet)| RtspMessage { packet, ..one });
    RtspSeen {
        opener: end("app", "10.20.0.5", 40_000),
        answerer: end("dock-1", DOCK, 554),
        packet: 1,
        at: 1,
        messages: numbered.collect(),
        left_out: 0,
        lost: None,
        earlier: false,
        over: false,
    }
}

/// What is wrong with this, in words and with packet numbers.
fn wrong_in(messages: Vec<RtspMessage>) -> Vec<(String, u64)> {
    let spoken = spoken(messages);
    let sessions: BTreeSet<&str> = given(&spoken).into_iter().collect();
    let between = Between {
        names: ["app".into(), "dock-1".into()],
        opener: spoken.opener.address,
        camera: vec![spoken.answerer.address],
        leads: ["dock.example"].into(),
        takers: vec![spoken.opener.address],
        methods: &RtspMethod::PLAYING,
        sessions: &sessions,
    };
    judge(&spoken, &between).into_iter().map(|one| (one.text, one.packet)).collect()
}

fn is_wrong(messages: Vec<RtspMessage>, texts: &[&str]) {
    let found: Vec<_> = wrong_in(messages).into_iter().map(|(text, _)| text).collect();
    assert_eq!(found, texts);
}

/// A session in which something is changed.
fn changed(change: impl FnOnce(&mut Vec<RtspMessage>), texts: &[&str]) {
    let mut messages = played();
    change(&mut messages);
    is_wrong(messages, texts);
}

fn set(message: &mut RtspMessage, name: &str, value: &str) {
    message.headers.insert(name.into(), value.into());
}

#[test]
fn a_session_as_it_should_be_has_nothing_wrong() {
    is_wrong(played(), &[]);
    assert_eq!(given(&spoken(played())), ["ab"]);
    changed(|all| all.truncate(3), &[]);
    let named =
        [asks("OPTIONS", "*", &[("cseq", "1")]), asks("OPTIONS", "rtsp://Dock.Example/x", &[("cseq", "2")])];
    is_wrong(named.into(), &[]);
}

#[test]
fn what_may_not_be_asked_is_found_from_either_end() {
    for method in ["ANNOUNCE", "RECORD", "REDIRECT", "PLAY_NOTIFY"] {
        let one = asks(method, URL, &[("cseq", "6"), ("session", "ab")]);
        changed(|all| all.push(one), &[&format!("app asks dock-1 to {method}")]);
    }
    for method in ["ANNOUNCE", "REDIRECT", "DESCRIBE", "PLAY"] {
        let line = RtspLine::Asks { method: method.into(), url: "*".into() };
        let one = said(false, line, &[("cseq", "1"), ("session", "ab")]);
        changed(|all| all.push(one), &[&format!("dock-1 asks app to {method}")]);
    }
    let line = RtspLine::Asks { method: "GET_PARAMETER".into(), url: URL.into() };
    let both = [said(false, line, &[("cseq", "1")]), said(true, RtspLine::Answers(200), &[("cseq", "1")])];
    changed(|all| all.extend(both), &[]);
}

#[test]
fn numbers_go_up_and_each_answer_has_its_question() {
    let again = "app asks dock-1 to PLAY with a CSeq that is not above the one before";
    let unasked = "dock-1 answers app what was not asked";
    // What was never answered is passed over with the next answer.
    let turn = "dock-1 answers app out of turn";
    for count in ["3", "2"] {
        changed(|all| set(&mut all[6], "cseq", count), &[again, unasked, turn]);
    }
    let none = "app asks dock-1 to PLAY without a CSeq";
    changed(|all| drop(all[6].headers.remove("cseq")), &[none, unasked, turn]);
    changed(|all| set(&mut all[7], "cseq", "9"), &[unasked, turn]);
    changed(|all| drop(all[7].headers.remove("cseq")), &[unasked, turn]);
    changed(|all| all.insert(8, all[7].clone()), &[unasked]);
    // What is under way is answered once more.
    changed(|all| all.insert(7, answers(100, &[("cseq", "4")])), &[]);
}

#[test]
fn a_session_is_one_that_was_given_and_is_named_where_it_must_be() {
    let nobodys = "app asks dock-1 to PLAY in a session that nobody was given";
    let other = "dock-1 answers app in another session than it was asked in";
    changed(|all| set(&mut all[6], "session", "xy"), &[nobodys, other]);
    changed(|all| set(&mut all[7], "session", "xy"), &[other]);
    changed(|all| drop(all[6].headers.remove("session")), &["app asks dock-1 to PLAY without a session"]);
    changed(|all| drop(all[8].headers.remove("session")), &["app asks dock-1 to TEARDOWN without a session"]);
    // A refusal gives none.
    let refused = |all: &mut Vec<RtspMessage>| all[5].line = RtspLine::Answers(461);
    let teardown = "app asks dock-1 to TEARDOWN in a session that nobody was given";
    changed(refused, &[nobodys, teardown]);
}

#[test]
fn whatever_is_named_is_the_camera_itself() {
    for (at, name, says) in [
        (3, "content-base", "dock-1 answers app with content-base"),
        (3, "content-location", "dock-1 answers app with content-location"),
        (9, "location", "dock-1 answers app with location"),
    ] {
        let text = format!("{says} at 10.20.0.9, which is not dock-1");
        changed(|all| set(&mut all[at], name, "rtsp://10.20.0.9/stream/"), &[&text]);
    }
    let info = format!("url={URL}/a;seq=1,url=rtsp://desk.example/b");
    let text = "dock-1 answers app with rtp-info at desk.example, which is not dock-1";
    changed(|all| set(&mut all[7], "rtp-info", &info), &[text]);
    let text = "dock-1 answers app with a=control at 10.20.0.9, which is not dock-1";
    changed(|all| all[3].described[1].control = Some("rtsp://10.20.0.9/a".into()), &[text]);
    let text = "app asks dock-1 to DESCRIBE what is at 10.20.0.9, which is not dock-1";
    changed(|all| all[0] = asks("DESCRIBE", "rtsp://10.20.0.9/stream", &[("cseq", "1")]), &[text]);
}

#[test]
fn media_goes_to_whoever_asks_and_comes_from_the_camera() {
    let to = |place: &str| format!("RTP/AVP;unicast;client_port=5000-5001;destination={place}");
    changed(|all| set(&mut all[4], "transport", &to("10.20.0.5")), &[]);
    let text = "app asks dock-1 to SETUP with destination=10.20.0.9, which is not 10.20.0.5";
    changed(|all| set(&mut all[4], "transport", &to("10.20.0.9")), &[text]);
    let text = "dock-1 answers app with destination=239.1.1.1, which is not 10.20.0.5";
    changed(|all| set(&mut all[5], "transport", &to("239.1.1.1")), &[text]);
    changed(|all| set(&mut all[5], "transport", &format!("RTP/AVP;source={DOCK}")), &[]);
    let text = "dock-1 answers app with source=10.20.0.9, which is not dock-1";
    changed(|all| set(&mut all[5], "transport", "RTP/AVP;source=10.20.0.9"), &[text]);
}

#[test]
fn nobody_sends_to_the_camera() {
    for mode in ["mode=record", "mode=\"PLAY,RECORD\""] {
        let transport = format!("RTP/AVP/TCP;interleaved=0-1;{mode}");
        changed(
            |all| set(&mut all[4], "transport", &transport),
            &["app asks dock-1 to SETUP with mode=record"],
        );
    }
    for header in ["require", "proxy-require"] {
        let asked = "www.onvif.org/ver20/backchannel";
        changed(|all| set(&mut all[2], header, asked), &["app asks dock-1 to DESCRIBE with a back channel"]);
    }
    let back = format!("{URL}/back");
    let headers = [("cseq", "3"), ("transport", "RTP/AVP/TCP;interleaved=2-3")];
    let text = "app asks dock-1 to SETUP what it would send itself (a=sendonly)";
    changed(|all| all[4] = asks("SETUP", &back, &headers), &[text]);
}

#[test]
fn another_version_is_found() {
    changed(|all| all[0].version = "2.0".into(), &["app speaks RTSP 2.0 to dock-1"]);
}

#[test]
fn of_what_was_said_before_a_judgement_only_what_it_means_for_later_counts() {
    let earlier = |mut one: RtspMessage| {
        one.earlier = true;
        one
    };
    let bad = asks("RECORD", "rtsp://10.20.0.9/", &[("cseq", "1")]);
    let mut messages: Vec<_> =
        [bad].into_iter().chain(played().into_iter().skip(5).take(1)).map(earlier).collect();
    messages.extend(played().into_iter().skip(6).take(1));
    assert_eq!(wrong_in(messages.clone()), []);
    set(&mut messages[2], "session", "xy");
    let found = wrong_in(messages);
    assert_eq!(found, [("app asks dock-1 to PLAY in a session that nobody was given".to_owned(), 3)]);
}

#[test]
fn no_messages_make_it_panic() {
    let odd: BTreeMap<String, String> =
        crate::observation::KEPT_RTSP_HEADERS.map(|name| (name.to_owned(), ";=\",//[".to_owned())).into();
    let odd = |line| RtspMessage { headers: odd.clone(), ..said(true, line, &[]) };
    let asked = RtspLine::Asks { method: String::new(), url: "://[".into() };
    wrong_in(vec![odd(RtspLine::Answers(0)), odd(asked.clone()), odd(asked), odd(RtspLine::Answers(200))]);
}
