//! `no_stream`: what was given to who may not watch, and each control that can be missed.

use super::super::example::{START, of, open_seen};
use super::*;
use crate::observation::{Control, JoinSeen, OpenSeen};
use crate::plan::{Join, Open};

const CHECK: &str = "vms-shut";

fn open(from: &str, flow: Option<&str>) -> Open {
    let port = crate::names::Traffic::Tcp(554, 554);
    Open { flow: flow.map(of), from: of(from), to: of("dock-1"), address: of("10.20.0.11"), port }
}

fn tried() -> OpenSeen {
    let error = Some("no answer".to_owned());
    OpenSeen {
        answered_after_us: None,
        error,
        packets: (Some(60), None),
        ..open_seen(CHECK, open("vms", None), START)
    }
}

fn watched() -> OpenSeen {
    OpenSeen { statuses: vec![200, 200], ..open_seen(CHECK, open("app", Some("F01")), START) }
}

fn judged(opens: Vec<OpenSeen>) -> CheckVerdict {
    let word = Word::NoStream {
        tries: vec![open("vms", None)],
        knows_password: true,
        may: vec![open("app", Some("F01"))],
        joins: Vec::new(),
        hears: Vec::new(),
    };
    after_both(CHECK, |plan| check_of(plan, CHECK).word = word, |seen| seen.opens = opens)
}

#[test]
fn silence_and_a_refusal_pass_where_who_may_watch_got_the_stream() {
    for statuses in [vec![], vec![401, 401], vec![404, 404]] {
        let connected = !statuses.is_empty();
        let verdict = judged(vec![OpenSeen { connected, statuses, ..tried() }, watched()]);
        assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
        assert!(verdict.controls.iter().all(|control| control.held), "{verdict:#?}");
    }
}

#[test]
fn a_description_or_a_session_is_found_whatever_control_was_missed() {
    let got =
        |statuses: &[u16]| OpenSeen { statuses: statuses.to_vec(), packets: (Some(60), Some(61)), ..tried() };
    let text = "dock-1 gave vms a description and a session at 10.20.0.11 tcp/554";
    assert_fails(&judged(vec![got(&[200, 200]), watched()]), &[text]);
    assert_fails(&judged(vec![got(&[200, 200])]), &[text]);
    assert_fails(
        &judged(vec![got(&[200, 453]), watched()]),
        &["dock-1 gave vms a description at 10.20.0.11 tcp/554"],
    );
}

#[test]
fn a_session_without_a_description_is_found_and_who_is_not_answered_to_the_end_shows_nothing() {
    let got = |statuses: &[u16]| OpenSeen { connected: true, statuses: statuses.to_vec(), ..tried() };
    assert_fails(
        &judged(vec![got(&[401, 200]), watched()]),
        &["dock-1 gave vms a session at 10.20.0.11 tcp/554"],
    );
    for statuses in [&[][..], &[401]] {
        assert_inconclusive(
            &judged(vec![got(statuses), watched()]),
            &["asked", "not answered to its end: no answer"],
        );
    }
    let elsewhere = OpenSeen { answered_after_us: None, ..watched() };
    assert_inconclusive(&judged(vec![tried(), elsewhere]), &["instrument", "dock-1 gave no stream to app"]);
}

#[test]
fn each_control_that_is_missed_makes_it_inconclusive() {
    let text = "dock-1 gave no stream to app, which may watch: 200, 453";
    let refused = OpenSeen { statuses: vec![200, 453], ..watched() };
    assert_inconclusive(&judged(vec![tried(), refused]), &["instrument", text]);
    assert_inconclusive(&judged(vec![tried()]), &["instrument", "dock-1 gave no stream"]);
    assert_inconclusive(&judged(vec![watched()]), &["asked", "was never tried"]);
    let stayed = OpenSeen { packets: (None, None), error: Some("Network is unreachable".into()), ..tried() };
    assert_inconclusive(
        &judged(vec![stayed, watched()]),
        &["asked", "no packet of it left: Network is unreachable"],
    );
}

fn join(from: &str) -> Join {
    Join {
        camera: of("dock-1"),
        camera_port: of("p-dock-1"),
        sends_from: (of("02:00:00:00:00:01"), of("10.20.0.11")),
        group: of("239.255.0.1"),
        ports: (5004, 5005),
        from: of(from),
        link: of("eth0"),
        from_port: of("p-its-0"),
        address: of("10.30.0.10"),
    }
}

fn silent() -> JoinSeen {
    let whole = Control { sent: 1, seen: 1 };
    JoinSeen {
        check: of(CHECK),
        join: join("vms"),
        started_at: START,
        ended_at: START + 4_000_000_000,
        report_packet: Some(70),
        heard: 0,
        heard_at: None,
        cast_packet: None,
        instrument: whole,
        path: whole,
        errors: Vec::new(),
    }
}

fn heard() -> JoinSeen {
    let none = Control::default();
    let heard_at = Some((START + 100_000_000, START + 1_700_000_000));
    // It is in the group already, and its kernel says nothing more.
    let (report_packet, cast_packet) = (None, Some(71));
    JoinSeen {
        join: join("app"),
        heard: 20,
        heard_at,
        report_packet,
        cast_packet,
        instrument: none,
        path: none,
        ..silent()
    }
}

fn judged_groups(seen_of_it: Vec<JoinSeen>) -> CheckVerdict {
    let word = Word::NoStream {
        tries: vec![open("vms", None)],
        knows_password: true,
        may: vec![open("app", Some("F01"))],
        joins: vec![join("vms")],
        hears: vec![join("app")],
    };
    let change = |seen: &mut Observations| {
        seen.opens = vec![tried(), watched()];
        seen.joins = seen_of_it;
    };
    after_both(CHECK, |plan| check_of(plan, CHECK).word = word, change)
}

#[test]
fn a_group_of_which_nothing_comes_passes_where_who_may_heard_it_meanwhile() {
    let verdict = judged_groups(vec![silent(), heard()]);
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    assert!(verdict.summary.ends_with("; 1 group joined, 0 came, 1 heard by who may"), "{verdict:#?}");
    assert!(verdict.controls.iter().all(|control| control.held), "{verdict:#?}");
}

#[test]
fn what_of_a_group_a_kernel_hears_or_a_tap_sees_is_found() {
    let text = "dock-1's group 239.255.0.1 comes to vms's eth0, where it was joined: ";
    let verdict = judged_groups(vec![JoinSeen { heard: 3, cast_packet: Some(71), ..silent() }, heard()]);
    assert_fails(&verdict, &[&format!("{text}3 datagrams heard")]);
    assert_eq!(verdict.findings[0].packets.len(), 2, "{verdict:#?}");
    // Its own filter kept it out.
    let verdict = judged_groups(vec![JoinSeen { cast_packet: Some(71), ..silent() }]);
    assert_fails(&verdict, &[&format!("{text}its tap saw it")]);
}

#[test]
fn each_control_of_a_group_that_is_missed_makes_it_inconclusive() {
    let missed = Control { sent: 1, seen: 0 };
    let early = |heard_at| JoinSeen { heard_at: Some(heard_at), ..heard() };
    let before = (START - 1, START + 2_000_000_000);
    let shortly = (START + 1, START + 900_000_000);
    let late = (START + 1, START + 5_000_000_000);
    for (seen, control) in [
        (vec![heard()], "joined: dock-1's group at vms.eth0 was never tried"),
        (
            vec![JoinSeen { report_packet: None, ..silent() }, heard()],
            "joined: dock-1's group at vms.eth0: nothing was said",
        ),
        (
            vec![JoinSeen { errors: vec!["no device".into()], ..silent() }, heard()],
            "joined: dock-1's group at vms.eth0: no device",
        ),
        (vec![silent()], "heard: dock-1's group at vms.eth0: nobody who may heard dock-1 for 1s meanwhile"),
        (vec![silent(), early(before)], "heard: "),
        (vec![silent(), early(shortly)], "heard: "),
        (vec![silent(), early(late)], "heard: "),
        (
            vec![JoinSeen { instrument: missed, ..silent() }, heard()],
            "group: dock-1's group at vms.eth0: no datagram",
        ),
        (
            vec![JoinSeen { path: Control::default(), ..silent() }, heard()],
            "path: dock-1's group at vms.eth0: none came",
        ),
    ] {
        assert_inconclusive(&judged_groups(seen), &[control]);
    }
}
