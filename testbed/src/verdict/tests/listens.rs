//! `listens`: what is not declared, what is and is not there, and each control that can be missed.

use super::super::example::of;
use super::*;
use crate::names::Traffic;
use crate::observation::{Listening, ListeningSeen};

const CHECK: &str = "vms-shut";
const RTSP: Traffic = Traffic::Tcp(554, 554);
const NAMES: Traffic = Traffic::Udp(53, 53);

fn look(sockets: &[(Traffic, [u8; 4])]) -> ListeningSeen {
    let sockets = sockets.iter().map(|(port, address)| Listening { port: *port, address: (*address).into() });
    ListeningSeen {
        check: of(CHECK),
        node: of("app"),
        at: 1,
        sockets: sockets.collect(),
        askers: Vec::new(),
        connections: 3,
        canaries: [true, true],
        error: None,
    }
}

fn judged(at: &[Traffic], looks: Vec<ListeningSeen>) -> CheckVerdict {
    let word = Word::Listens { of: vec![of("app")], at: at.to_vec() };
    after_both(CHECK, |plan| check_of(plan, CHECK).word = word, |seen| seen.listening = looks)
}

#[test]
fn nobody_or_whom_the_scenario_names_passes_with_every_control() {
    for (at, told) in [(&[][..], &[][..]), (&[RTSP], &[(RTSP, [0; 4])])] {
        let verdict = judged(at, vec![look(told), look(told)]);
        assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
        assert!(verdict.controls.iter().all(|control| control.held), "{verdict:#?}");
    }
}

#[test]
fn whoever_is_not_declared_is_found_whenever_it_was_there_and_whatever_control_was_missed() {
    let there = look(&[(RTSP, [10, 0, 0, 1]), (NAMES, [0; 4])]);
    let without = ListeningSeen { connections: 0, ..look(&[(RTSP, [10, 0, 0, 1])]) };
    assert_fails(
        &judged(&[RTSP], vec![without.clone(), there.clone()]),
        &["app listens at udp/53 of all of its addresses, which is not declared"],
    );
    let texts = [
        "app listens at tcp/554 of 10.0.0.1, which is not declared",
        "app listens at udp/53 of all of its addresses, which is not declared",
    ];
    assert_fails(&judged(&[], vec![there, without]), &texts);
}

#[test]
fn a_service_of_udp_at_a_port_of_askers_is_told_by_being_there_each_time() {
    let at = |port: u16| Listening { port: Traffic::Udp(port, port), address: [0; 4].into() };
    let asking =
        |ports: &[u16]| ListeningSeen { askers: ports.iter().map(|port| at(*port)).collect(), ..look(&[]) };
    let after = |seconds: u64, ports: &[u16]| ListeningSeen { at: seconds * 1_000_000_000, ..asking(ports) };
    let looks = || vec![asking(&[40000, 41000]), after(16, &[41000, 42000]), after(17, &[])];
    let gone = judged(&[], vec![asking(&[41000]), after(14, &[41000]), after(15, &[])]);
    assert_eq!(gone.verdict, Verdict::Pass, "a search takes seconds");
    let anew = judged(&[], vec![asking(&[41000]), after(8, &[]), after(16, &[41000]), after(17, &[])]);
    assert_eq!(anew.verdict, Verdict::Pass, "who asks again is not who listens");
    let text = "app listens at udp/41000 of all of its addresses, which is not declared";
    assert_fails(&judged(&[], looks()), &[text]);
    let declared = [Traffic::Udp(41000, 41000)];
    assert_eq!(judged(&declared, looks()).verdict, Verdict::Pass);
    let soon = [asking(&[]), after(20, &[41000]), after(34, &[41000])];
    assert_inconclusive(&judged(&[], soon.to_vec()), &["instrument", "udp/41000", "long enough"]);
    assert_eq!(judged(&declared, soon.to_vec()).verdict, Verdict::Pass);
    let once = judged(&[], vec![asking(&[40000]), ListeningSeen { error: Some("gone".into()), ..look(&[]) }]);
    assert_inconclusive(&once, &["instrument", "gone"]);
}

#[test]
fn who_is_declared_and_not_there_is_found() {
    assert_fails(&judged(&[RTSP], vec![look(&[]), look(&[])]), &["app does not listen at tcp/554"]);
}

#[test]
fn each_control_that_is_missed_makes_it_inconclusive() {
    let missed = |change: fn(&mut ListeningSeen)| {
        let mut one = look(&[]);
        change(&mut one);
        judged(&[], vec![look(&[]), one])
    };
    assert_inconclusive(&missed(|one| one.canaries[0] = false), &["instrument", "TCP"]);
    assert_inconclusive(&missed(|one| one.canaries[1] = false), &["instrument", "UDP"]);
    assert_eq!(missed(|one| one.connections = 0).verdict, Verdict::Pass, "a session may end and begin anew");
    let dead = ListeningSeen { connections: 0, ..look(&[]) };
    assert_inconclusive(&judged(&[], vec![dead.clone(), dead]), &["alive", "no connection"]);
    assert_inconclusive(&missed(|one| one.error = Some("gone".into())), &["instrument", "gone"]);
    assert_inconclusive(&judged(&[], vec![]), &["instrument", "was not looked"]);
    let other = ListeningSeen { node: of("vms"), ..look(&[]) };
    assert_inconclusive(&judged(&[], vec![other]), &["instrument", "was not looked"]);
}
