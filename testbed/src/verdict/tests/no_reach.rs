//! `no_reach`: leaks, and every control by itself.

use super::super::example::{START, accepts, leak, of};
use super::*;
use crate::names::{Kinds, Traffic};
use crate::observation::{AimSeen, Arrival, CellsSeen, Control, KindSeen, Stray, StrayKind, TraceStep};
use crate::plan::{Aim, Cells, Judge};

const CHECK: &str = "vms-shut";

#[test]
fn whatever_single_control_is_taken_away_no_pass_is_left() {
    type Change = fn(&mut Observations);
    let changes: &[(&str, &[&str], Change)] = &[
        ("an aim never tried", &["sent", "nothing was sent from app -> rtr 10.20.0.1"], |s| {
            drop(s.aims.pop())
        }),
        ("another address", &["sent", "nothing was sent from dock-1 -> vms 10.30.0.10"], |s| {
            s.aims[0].aim.address = "10.30.0.99".parse().unwrap();
        }),
        ("a packet not entered", &["sent", "dock-1's tap", "udp/1-3 (2 of 3)"], |s| {
            s.aims[0].kinds[1].entered = 2
        }),
        ("a packet entered twice", &["sent", "tcp/22 (2 of 1)"], |s| s.aims[0].kinds[0].entered = 2),
        ("a kind left out", &["sent", "not all of tcp/22"], |s| drop(s.aims[0].kinds.remove(0))),
        ("a kind cut down", &["sent", "not all of udp/1-3"], |s| {
            (s.aims[0].kinds[1].planned, s.aims[0].kinds[1].entered) = (2, 2);
        }),
        ("an error of sending", &["sent", "no buffer space"], |s| {
            s.aims[0].errors.push("no buffer space".into())
        }),
        ("no instrument control", &["instrument", "tcp/22 (0 of 0)"], |s| {
            s.aims[0].kinds[0].instrument = Control::default()
        }),
        ("a blind instrument", &["instrument", "app -> rtr 10.20.0.1", "udp/1-3 (2 of 3)"], |s| {
            s.aims[1].kinds[1].instrument.seen = 2;
        }),
        ("a dead filter log", &["instrument", "behind the filter of rtr"], |s| {
            s.aims[1].filter_instrument_alive = Some(false);
        }),
        ("an unasked filter log", &["instrument", "behind the filter of rtr"], |s| {
            s.aims[1].filter_instrument_alive = None;
        }),
        ("no path control", &["path", "tcp/22 (0 of 0)", "1 of 2 kinds"], |s| {
            s.aims[1].kinds[0].path = Control::default()
        }),
        ("a missed path", &["path", "tcp/22 (0 of 1)"], |s| s.aims[0].kinds[0].path.seen = 0),
        ("drops in the open copy", &["taps", "4 frames in the open copy"], |s| s.open_taps.dropped = 4),
        ("nothing captured", &["taps", "no frame"], |s| s.taps.frames = 0),
        ("no answer before", &["alive", "F07 app -> aws 203.0.113.10 tcp/443", "before"], |s| {
            s.opens[1].answered_after_us = None;
        }),
        ("no answer after", &["alive", "F07", "after dock-1 -> vms 10.30.0.10 and 1 more"], |s| {
            drop(s.opens.remove(2));
        }),
        ("the other flow's answer", &["alive", "S01 vms -> rtr", "refused"], |s| {
            (s.opens[3].answered_after_us, s.opens[3].error) = (None, Some("connection refused".into()));
        }),
        ("an answer too early", &["alive", "before"], |s| s.opens[1].at = START - 1_003_000_000),
        // Sent for three seconds, with no sign of life in the middle.
        ("a slice far from life", &["alive", "before"], |s| {
            let aim = &mut s.aims[0];
            (aim.ended_at, aim.slices) =
                (START + 3_000_000_000, vec![(START, START), (START + 2_000_000_000, START + 3_000_000_000)]);
        }),
        ("an answer too late", &["alive", "after"], |s| s.opens[2].answered_after_us = Some(1_000_000)),
        ("an answer for another check", &["alive", "before"], |s| {
            s.opens[1].check = "other".parse().unwrap()
        }),
    ];
    for (what, words, change) in changes {
        println!("{what}");
        assert_inconclusive(&after(CHECK, change), words);
    }
}

#[test]
fn patience_stretches_how_near_a_sign_of_life_must_be_and_the_verdict_says_so() {
    let slow = |s: &mut Observations, patience| {
        (s.patience, s.opens[1].at) = (patience, START - 2_500_000_000);
    };
    assert_inconclusive(&after(CHECK, |s| slow(s, 2)), &["alive", "within 2 seconds before"]);
    let verdict = after(CHECK, |s| slow(s, 3));
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:?}");
    assert!(verdict.controls[2].seen.contains("within 3 seconds"), "{verdict:?}");
}

#[test]
fn a_check_that_sends_nothing_or_asks_for_no_life_is_vacuous() {
    let edit = |change: fn(&mut Vec<Aim>, &mut Vec<crate::plan::Open>)| {
        after_word(CHECK, |word| {
            let Word::NoReach { aims, alive, .. } = word else { panic!("{word:?}") };
            change(aims, alive);
        })
    };
    assert_inconclusive(&edit(|aims, _| aims.clear()), &["vacuous"]);
    assert_inconclusive(&edit(|_, alive| alive.clear()), &["alive", "no allowed flow"]);
}

#[test]
fn one_arrival_is_a_leak_with_packets_and_rule() {
    let verdict = after(CHECK, |seen| {
        leak(&mut seen.aims[0], "udp/2", Some(112));
        seen.aims[0].trace = vec![
            accepts("rtr", "inet site early", "ct state new accept"),
            accepts("rtr", "inet site through", "policy"),
            TraceStep { verdict: "continue".into(), ..accepts("rtr", "inet site later", "counter") },
            accepts("vms", "inet own in", "policy"),
        ];
    });
    assert_fails(&verdict, &["dock-1 reached vms 10.30.0.10 on udp/2 (1 of 4 kinds)"]);
    let finding = &verdict.findings[0];
    let (from, to) = finding.pair.clone().unwrap();
    assert_eq!((from.as_str(), to.as_str()), ("dock-1", "vms"));
    assert_eq!(finding.stops_at.as_ref().unwrap().as_str(), "rtr");
    assert_eq!(finding.by.as_deref(), Some("inet site through policy"));
    assert_eq!(
        finding.packets,
        [
            ("udp/2 to 10.30.0.10 entered at dock-1's tap".to_owned(), 110),
            ("udp/2 to 10.30.0.10 arrived at vms's tap".to_owned(), 112)
        ]
    );
}

#[test]
fn where_the_target_has_no_rules_the_switch_before_it_is_named() {
    let verdict = after(CHECK, |seen| {
        leak(&mut seen.aims[0], "udp/2", Some(112));
        seen.aims[0].trace = vec![
            accepts("sw", "bridge ports bound", "policy"),
            accepts("sw", "bridge ports between", "ether type 0x6007 accept"),
        ];
    });
    assert_eq!(verdict.findings[0].by.as_deref(), Some("bridge ports between ether type 0x6007 accept"));
}

#[test]
fn a_leak_is_a_leak_even_if_every_control_was_missed() {
    let verdict = after(CHECK, |seen| {
        leak(&mut seen.aims[1], "tcp/22", None);
        seen.opens.clear();
        seen.taps.dropped = 9;
        seen.aims[1].filter_instrument_alive = None;
        for kind in &mut seen.aims[1].kinds {
            (kind.instrument.seen, kind.path.seen, kind.entered) = (0, 0, 0);
        }
    });
    assert_fails(
        &verdict,
        &["app reached rtr 10.20.0.1 on tcp/22 (1 of 4 kinds); no trace says which rule of rtr accepted it"],
    );
    assert_eq!(verdict.findings[0].packets.len(), 1, "nothing to cite at the target's tap");
    assert!(verdict.controls.iter().all(|control| !control.held));
}

fn went_astray(aim: &mut AimSeen, traffic: &str, kind: StrayKind, packet: Option<u64>) {
    let traffic = of::<Traffic>(traffic);
    let place = aim.kinds.iter_mut().find(|seen| seen.kinds.each().any(|one| one == traffic)).unwrap();
    place.strays.push(Stray { kind, traffic, entered_packet: Some(110), packet, at: 0 });
}

#[test]
fn a_packet_that_did_not_stop_is_a_finding_whatever_became_of_it() {
    let elsewhere = || StrayKind::DeliveredElsewhere { node: of("dock-2") };
    let became = [
        (elsewhere(), "was handed to dock-2", "arrived at dock-2's tap"),
        (StrayKind::Altered, "arrived altered", "seen altered"),
        (StrayKind::Answered, "was answered", "answered"),
    ];
    for (kind, text, shown) in became {
        let verdict = after(CHECK, |seen| went_astray(&mut seen.aims[1], "tcp/22", kind, Some(113)));
        assert_fails(&verdict, &[&format!("app's tcp/22 for rtr 10.20.0.1 {text}")]);
        let finding = &verdict.findings[0];
        assert_eq!(finding.pair, Some((of("app"), of("rtr"))));
        assert_eq!((finding.stops_at.clone(), finding.by.clone()), (Some(of("rtr")), None));
        assert_eq!(
            finding.packets,
            [
                ("tcp/22 to 10.20.0.1 entered at app's tap".to_owned(), 110),
                (format!("tcp/22 to 10.20.0.1 {shown}"), 113)
            ]
        );
        assert!(verdict.reasons.is_empty(), "every control held: {:?}", verdict.reasons);
        assert!(verdict.summary.contains("0 arrived, 1 went astray;"), "{}", verdict.summary);
    }
}

#[test]
fn strays_of_one_pair_are_one_finding_for_each_thing_that_became_of_them() {
    let verdict = after(CHECK, |seen| {
        let mut second = seen.aims[0].clone();
        second.aim.address = of::<std::net::IpAddr>("2001:db8:30::10");
        for aim in [&mut seen.aims[0], &mut second] {
            went_astray(aim, "udp/1", StrayKind::Altered, None);
            went_astray(aim, "udp/1", StrayKind::Altered, None);
            went_astray(aim, "udp/3", StrayKind::Altered, Some(0));
            aim.trace = vec![accepts("rtr", "inet site through", "policy")];
        }
        went_astray(&mut second, "tcp/22", StrayKind::Answered, Some(120));
        seen.aims.push(second);
    });
    assert_fails(
        &verdict,
        &[
            "dock-1's udp/1, udp/3 for vms 10.30.0.10, udp/1, udp/3 for vms 2001:db8:30::10 arrived altered",
            "dock-1's tcp/22 for vms 2001:db8:30::10 was answered",
        ],
    );
    assert_eq!(verdict.findings[0].packets.len(), 2, "a packet that was not stored cannot be cited");
    assert_eq!(verdict.findings[0].by.as_deref(), Some("inet site through policy"));
}

#[test]
fn what_arrived_and_was_answered_is_one_finding() {
    let verdict = after(CHECK, |seen| {
        leak(&mut seen.aims[0], "udp/2", Some(112));
        seen.aims[0].trace = vec![accepts("rtr", "inet site through", "policy")];
        went_astray(&mut seen.aims[0], "udp/2", StrayKind::Answered, Some(113));
    });
    assert_fails(&verdict, &["dock-1 reached vms 10.30.0.10 on udp/2 (1 of 4 kinds)"]);
    let another = after(CHECK, |seen| {
        leak(&mut seen.aims[0], "udp/2", Some(112));
        went_astray(&mut seen.aims[0], "udp/3", StrayKind::Answered, Some(113));
    });
    assert_eq!(another.findings.len(), 2, "another kind's answer is no part of that leak");
}

/// The verdict where the first aim asks for cells, with what was seen of them.
fn with_cells(all: bool, seen_cells: Option<CellsSeen>, more: Option<KindSeen>) -> CheckVerdict {
    let cells = Cells {
        allowed: Vec::new(),
        all,
        switched: false,
        odd: false,
        waypoint: None,
        strict: false,
        one_each: false,
    };
    let ask = |aim: &mut Aim| aim.cells = Some(cells.clone());
    let change_plan = |plan: &mut Plan| {
        let Word::NoReach { aims, .. } = &mut check_of(plan, CHECK).word else { panic!("a no_reach") };
        ask(&mut aims[0]);
    };
    after_both(CHECK, change_plan, |seen| {
        ask(&mut seen.aims[0].aim);
        seen.aims[0].cells = seen_cells;
        seen.aims[0].kinds.extend(more);
    })
}

fn of_cells() -> KindSeen {
    let packets =
        ["udp/9 from 53", "tcp/9 from 53 flags fin"].map(|text| Traffic::try_from(text.to_owned()).unwrap());
    let all = Control { sent: 2, seen: 2 };
    KindSeen {
        kinds: Kinds::Cells(packets.to_vec()),
        planned: 2,
        entered: 2,
        instrument: all,
        path: all,
        ..good().aims[0].kinds[0].clone()
    }
}

#[test]
fn cells_that_are_asked_for_must_be_sent_all_of_them() {
    let sent = |too_many: &[&str]| CellsSeen::Sent {
        cells: 2,
        packets: 2,
        too_many: too_many.iter().map(|text| (*text).to_owned()).collect(),
    };
    let verdict = with_cells(true, Some(sent(&[])), Some(of_cells()));
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    assert!(
        verdict.summary.contains("8 kinds and 2 for 2 cells of the rules, 10 packets sent"),
        "{}",
        verdict.summary
    );
    assert_inconclusive(
        &with_cells(true, None, None),
        &["cells", "nothing was sent for what the rules tell apart"],
    );
    let unknown = CellsSeen::Unknown("the rules of `rtr` are not given".into());
    assert_inconclusive(
        &with_cells(false, Some(unknown), None),
        &["cells", "the rules of `rtr` are not given"],
    );
    let too_many = || Some(sent(&["9999 combinations of ports and flags of TCP: each varies by itself."]));
    assert_inconclusive(
        &with_cells(true, too_many(), Some(of_cells())),
        &["cells", "9999 combinations", "`cover: all`"],
    );
    assert_eq!(
        with_cells(false, too_many(), Some(of_cells())).verdict,
        Verdict::Pass,
        "everything is sent besides"
    );
    let unseen = KindSeen { path: Control { sent: 2, seen: 1 }, ..of_cells() };
    let verdict = with_cells(true, Some(sent(&[])), Some(unseen));
    assert_inconclusive(&verdict, &["path", "udp/9 from 53 and 1 more of cells (1 of 2)"]);
}

#[test]
fn a_cell_that_fails_is_told_with_one_packet() {
    let arrived = |traffic: Traffic| Arrival { traffic, entered_packet: Some(7), packet: Some(9), at: 0 };
    let leaks = of_cells().kinds.each().map(arrived).collect();
    let kind = KindSeen { arrived: leaks, ..of_cells() };
    let sent = CellsSeen::Sent { cells: 2, packets: 2, too_many: Vec::new() };
    let verdict = with_cells(true, Some(sent), Some(kind));
    let text = "dock-1 reached vms 10.30.0.10 on udp/9 from 53 and 1 more for cells of the rules (2 of 6 kinds); \
                no trace says which rule of rtr accepted it";
    assert_fails(&verdict, &[text]);
    assert_eq!(
        verdict.findings[0].packets[1],
        ("udp/9 from 53 to 10.30.0.10 arrived at vms's tap".into(), 9)
    );
}

#[test]
fn observations_without_strays_can_be_read() {
    let kind = good().aims[0].kinds[0].clone();
    let mut value = serde_json::to_value(&kind).unwrap();
    value.as_object_mut().unwrap().remove("strays").unwrap();
    assert_eq!(serde_json::from_value::<KindSeen>(value).unwrap(), kind);
}

#[test]
fn one_pair_is_one_finding_unless_different_rules_let_it_through() {
    let add_address = |seen: &mut Observations, rule: &str| {
        let mut second = seen.aims[0].clone();
        second.aim.address = "2001:db8:30::10".parse().unwrap();
        for (aim, rule) in [(&mut seen.aims[0], "tcp dport 22 accept"), (&mut second, rule)] {
            leak(aim, "tcp/22", Some(112));
            aim.trace = vec![accepts("rtr", "inet site through", rule)];
        }
        seen.aims.push(second);
    };
    assert_fails(
        &after(CHECK, |seen| add_address(seen, "tcp dport 22 accept")),
        &["dock-1 reached vms 10.30.0.10 on tcp/22 (1 of 4 kinds), 2001:db8:30::10 on tcp/22 (1 of 4 kinds)"],
    );
    let two = after(CHECK, |seen| add_address(seen, "meta nfproto ipv6 accept"));
    let rules: Vec<_> = two.findings.iter().filter_map(|finding| finding.by.as_deref()).collect();
    assert_eq!(
        rules,
        ["inet site through tcp dport 22 accept", "inet site through meta nfproto ipv6 accept"]
    );
}

#[test]
fn the_same_missed_control_of_many_pairs_is_one_reason() {
    let verdict = after(CHECK, |seen| {
        let aims: Vec<AimSeen> = (1..=20u8)
            .map(|last| {
                let mut aim = seen.aims[0].clone();
                aim.aim.address = std::net::IpAddr::from([10, 30, 0, last]);
                aim.kinds[0].path.seen = 0;
                aim
            })
            .collect();
        seen.aims.extend(aims);
    });
    assert_inconclusive(&verdict, &["path", "10.30.0.1:", "and 17 more"]);
    assert_eq!(verdict.reasons.len(), 1);
}

#[test]
fn the_report_says_which_instrument_judged() {
    let seen = after(CHECK, |_| {}).controls;
    assert_eq!(seen[0].seen, "8 of 8 seen at the targets' taps and behind the input filter of rtr");
    assert_eq!(seen[2].seen, "2 of 2 conversations answered within a second before and after");
    let taps = after_word(CHECK, |word| {
        let Word::NoReach { aims, .. } = word else { panic!("{word:?}") };
        aims.retain(|aim| matches!(aim.judge, Judge::Tap { .. }));
    });
    assert_eq!(taps.controls[0].seen, "8 of 8 seen at the targets' taps");
}

#[test]
fn a_missing_route_may_not_stand_in_for_policy() {
    let why = "the routes of rtr do not lead on to vms";
    let in_plan = |plan: &mut Plan| {
        let Word::NoReach { aims, .. } = &mut check_of(plan, CHECK).word else {
            panic!("{CHECK} is a negative")
        };
        aims[0].unrouted = Some(why.into());
    };
    let verdict = after_both(CHECK, in_plan, |seen| seen.aims[0].aim.unrouted = Some(why.into()));
    assert_inconclusive(&verdict, &["path", why]);
}
