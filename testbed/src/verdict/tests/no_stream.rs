//! `no_stream`: what was given to who may not watch, and each control that can be missed.

use super::super::example::{START, of, open_seen};
use super::*;
use crate::observation::OpenSeen;
use crate::plan::Open;

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
