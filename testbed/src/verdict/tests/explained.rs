//! `explained`: each kind of frame that nothing explains, openings that nobody used, what somebody changed.

use super::super::example::{end, of};
use super::*;
use crate::names::Traffic;
use crate::observation::{
    Astray, CanariesShown, Claim, Claimed, End, FaultSeen, Moment, OpenSeen, StateSeen, Unexplained, Upkeep,
};
use crate::plan::fault::Fault;
use crate::plan::{During, Open, Service, ServiceKind};
use crate::scenario::model::Unused;

const CHECK: &str = "dock-alone";

pub(super) fn claimed(segment: &str, by: Claim) -> Claimed {
    Claimed { segment: of(segment), by, first_packet: 5, frames: 10 }
}

pub(super) fn flows(ids: &[&str]) -> Claim {
    Claim::Flows(ids.iter().map(|id| of(id)).collect())
}

fn unexplained() -> Unexplained {
    Unexplained {
        segment: of("cam"),
        from: Some(of("dock-1")),
        what: "udp/5353 from 10.20.0.11 to 224.0.0.251".into(),
        why: "no flow allows that".into(),
        kind: "udp".into(),
        ends: (end(("dock-1", "10.20.0.11", 5353)), end(("", "224.0.0.251", 5353))),
        first_packet: 77,
        frames: 3,
    }
}

/// At each tap of the example's site all is told.
pub(super) fn canaries() -> Vec<CanariesShown> {
    let links = plan().nodes.into_iter().flat_map(|node| node.links);
    links.map(|link| CanariesShown { port: link.port, shown: 4, explained: Vec::new() }).collect()
}

/// The verdict on all segments with this upkeep, after a change to what was seen of a run in which all is well.
fn judged(upkeep: &[&str], unused: Unused, change: impl FnOnce(&mut Observations)) -> CheckVerdict {
    judged_without(0, upkeep, unused, change)
}

/// The same where nobody said of so many frames what they are.
fn judged_without(
    untold: u64,
    upkeep: &[&str],
    unused: Unused,
    change: impl FnOnce(&mut Observations),
) -> CheckVerdict {
    judged_as(untold, |plan| ask_all(plan, upkeep, unused), change)
}

fn judged_as(
    untold: u64,
    ask: impl FnOnce(&mut Plan),
    change: impl FnOnce(&mut Observations),
) -> CheckVerdict {
    after_both(CHECK, ask, |seen| {
        seen.explained.claimed = vec![
            claimed("cam", flows(&["F01"])),
            claimed("cam", Claim::Upkeep(Upkeep::Arp)),
            claimed("wan", flows(&["F07"])),
            claimed("wan", Claim::Error),
        ];
        seen.explained.probes.frames = vec![(of("cam"), 4)];
        seen.explained.canaries = canaries();
        change(seen);
        let frames = &seen.explained;
        seen.taps.frames = frames.claimed.iter().map(|one| one.frames).sum::<u64>()
            + frames.unexplained.iter().map(|one| one.frames).sum::<u64>()
            + frames.more
            + frames.probes.frames.iter().map(|(_, frames)| frames).sum::<u64>()
            + frames.probes.astray.iter().map(|one| one.frames).sum::<u64>()
            + untold;
    })
}

pub(super) fn ask_all(plan: &mut Plan, upkeep: &[&str], unused: Unused) {
    check_of(plan, CHECK).word = Word::Explained {
        segments: ["cam", "prod", "wan"].map(of).to_vec(),
        upkeep: upkeep.iter().map(|id| of(id)).collect(),
        unused,
    };
}

fn all(change: impl FnOnce(&mut Observations)) -> CheckVerdict {
    judged(&["F17", "F18"], Unused::Report, change)
}

#[test]
fn a_run_of_which_all_is_explained_passes_and_tells_what_nobody_used() {
    let verdict = all(|_| {});
    assert_eq!((verdict.verdict, verdict.word.as_str()), (Verdict::Pass, "explained"), "{verdict:#?}");
    assert_eq!(
        verdict.summary,
        "3 segments: 30 frames of flows, 10 of upkeep, 4 of probes; nothing unexplained; \
         never used: S01 (vms -> rtr)"
    );
}

#[test]
fn what_nothing_explains_is_a_finding_with_its_first_frame() {
    let verdict = all(|seen| seen.explained.unexplained.push(unexplained()));
    let text = "in cam, dock-1 sent udp/5353 from 10.20.0.11 to 224.0.0.251: no flow allows that (3 frames)";
    assert_fails(&verdict, &[text]);
    assert_eq!(verdict.findings[0].packets, [("first frame".to_owned(), 77)]);
    let elsewhere = |seen: &mut Observations| {
        seen.explained.unexplained.push(Unexplained { segment: of("office"), ..unexplained() });
    };
    assert_eq!(all(elsewhere).verdict, Verdict::Pass, "another segment is not asked of");
}

#[test]
fn a_flood_is_told_in_a_bounded_list() {
    let verdict = all(|seen| {
        seen.explained.unexplained =
            (0..60).map(|n| Unexplained { what: format!("udp/{n}"), ..unexplained() }).collect();
        seen.explained.more = 1_000;
    });
    assert_eq!((verdict.verdict, verdict.findings.len()), (Verdict::Fail, 51));
    let text =
        "and 1,000 frames of kinds that were not told apart, and 10 kinds more, are not explained either";
    assert_eq!(verdict.findings[50].text.replace("1000", "1,000"), text);
}

#[test]
fn what_a_check_opened_by_itself_is_its_own() {
    let open =
        Open { flow: None, from: of("dock-1"), to: of("vms"), address: of("10.30.0.10"), port: of("tcp/80") };
    let frames = |source: u16, dest: u16, back: bool| {
        let ends = (end(("dock-1", "10.20.0.11", source)), end(("vms", "10.30.0.10", dest)));
        let ends = if back { (ends.1, ends.0) } else { ends };
        Unexplained { kind: "tcp".into(), ends, ..unexplained() }
    };
    let opened = |seen: &mut Observations, flow: Option<&str>, frames: Vec<Unexplained>| {
        let open = Open { flow: flow.map(of), ..open.clone() };
        seen.opens.push(OpenSeen { open, ..seen.opens[0].clone() });
        seen.explained.unexplained = frames;
    };
    let both = || vec![frames(40_000, 80, false), frames(40_000, 80, true)];
    assert_eq!(all(|seen| opened(seen, None, both())).verdict, Verdict::Pass);
    assert_eq!(all(|seen| opened(seen, Some("F07"), both())).verdict, Verdict::Fail, "that is by its flow");
    assert_eq!(all(|seen| opened(seen, None, vec![frames(40_000, 81, false)])).verdict, Verdict::Fail);
    // Somebody else opens the same: whose frames these are is not known.
    let besides = |local_port: u16| {
        all(|seen| {
            opened(seen, None, both());
            let open = seen.opens.last().unwrap().open.clone();
            let Traffic::Tcp(port, _) = open.port else { panic!("a port of TCP") };
            let ends = |node: &str, address, port| End { node: Some(of(node)), address, port };
            let mut one = seen.conversations[0].clone();
            one.kind = "tcp".into();
            one.opener = ends(open.from.as_str(), "10.20.0.99".parse().unwrap(), local_port);
            one.answerer = ends(open.to.as_str(), open.address, port);
            one.earlier = false;
            let known = seen.opens.last_mut().unwrap();
            known.local_port = 40_000;
            seen.conversations.push(one);
        })
    };
    assert_eq!((besides(40_000).verdict, besides(40_001).verdict), (Verdict::Pass, Verdict::Fail));
}

#[test]
fn upkeep_counts_where_it_is_declared() {
    let text = "in cam: ARP, which no flow declares (10 frames)";
    assert_fails(&judged(&["F18"], Unused::Report, |_| {}), &[text]);
    let text = "in wan: ICMP errors, which no flow declares (10 frames)";
    assert_fails(&judged(&["F17"], Unused::Report, |_| {}), &[text]);
}

#[test]
fn probes_are_where_they_may_be_and_nowhere_else() {
    let astray = |sent: Option<(&str, &str)>| Astray {
        segment: of("prod"),
        sent: sent.map(|(from, to)| (of(from), of(to))),
        first_packet: 9,
        frames: 2,
    };
    let verdict = all(|seen| {
        seen.explained.probes.astray = vec![astray(Some(("dock-1", "vms"))), astray(None)];
        seen.explained.claimed.push(claimed("prod", Claim::ProbeAnswer));
    });
    assert_fails(
        &verdict,
        &[
            "in prod: answers to probes, where no probe may be (10 frames)",
            "in prod: probes from dock-1 for vms, which may not be there (2 frames)",
            "in prod: probes that this run has not sent (2 frames)",
        ],
    );
}

#[test]
fn an_address_counts_once_a_name_was_moved_there() {
    let moved = || claimed("wan", Claim::Moved(vec![of("F07")], of("203.0.113.16")));
    let text = "in wan: F07 towards 203.0.113.16, to which no name has been moved (10 frames)";
    assert_fails(&all(|seen| seen.explained.claimed.push(moved())), &[text]);
    let with_fault = all(|seen| {
        seen.explained.claimed.push(moved());
        let fault = Fault::MoveName {
            name: of("iot.example.com"),
            to: Some(of("203.0.113.16")),
            ttl: std::time::Duration::from_secs(1),
            clouds: vec![of("aws")],
            asked_by: None,
        };
        let (at, done_at, done) = (1, 2, "moved".to_owned());
        seen.faults.push(FaultSeen { fault, at, done_at, done, by_hand: false, mended: Vec::new() });
    });
    assert_eq!(with_fault.verdict, Verdict::Pass, "{with_fault:#?}");
}

#[test]
fn a_look_alike_excuses_nobody_at_its_address() {
    let seen = all(|seen| {
        seen.explained.claimed.push(claimed("wan", Claim::Moved(vec![of("F07")], of("203.0.113.16"))));
        seen.faults.push(asked_on_purpose("aws-iot.example.com", "app", 1));
    });
    let text = "in wan: F07 towards 203.0.113.16, to which no name has been moved (10 frames)";
    assert_fails(&seen, &[text]);
}

/// Where the site itself says that a name counts as an endpoint's, who goes there does as it may.
#[test]
fn a_name_that_a_reach_has_asked_for_excuses_who_goes_where_it_leads() {
    let fault = asked_on_purpose("other.iot.example.com", "app", 1).fault;
    let carried_out = std::cell::Cell::new(true);
    let judged = |to: &str, fault: Fault| {
        let reach = |plan: &mut Plan| {
            let mut check = plan.checks[0].clone();
            (check.name, check.during) = (of("counts"), Some(During { fault, then: Fault::HealAll }));
            let open =
                Open { flow: None, from: of("app"), to: of("aws"), address: of(to), port: of("tcp/443") };
            check.word = Word::Reach { opens: vec![open] };
            plan.checks.push(check);
        };
        let ask = |plan: &mut Plan| {
            reach(plan);
            ask_all(plan, &["F17", "F18"], Unused::Report);
        };
        after_both(CHECK, ask, |seen| {
            seen.explained.claimed = vec![
                claimed("wan", flows(&["F07"])),
                claimed("wan", Claim::Moved(vec![of("F07")], of("203.0.113.16"))),
            ];
            seen.explained.canaries = canaries();
            seen.taps.frames = 20;
            if carried_out.get() {
                seen.faults.push(asked_on_purpose("other.iot.example.com", "app", 1));
            }
        })
    };
    let verdict = judged("203.0.113.16", fault.clone());
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    let text = "in wan: F07 towards 203.0.113.16, to which no name has been moved (10 frames)";
    assert_fails(&judged("203.0.113.17", fault), &[text]);
    assert_fails(&judged("203.0.113.16", Fault::HealAll), &[text]);
    carried_out.set(false);
    let fault = asked_on_purpose("other.iot.example.com", "app", 1).fault;
    assert_fails(
        &judged("203.0.113.16", fault),
        &["in wan: F07 towards 203.0.113.16, to which no name has been moved (10 frames)"],
    );
}

#[test]
fn an_opening_that_nobody_used_is_a_finding_if_asked_for() {
    let verdict = judged(&["F17", "F18"], Unused::Fail, |_| {});
    assert_fails(&verdict, &["nobody used S01 (vms -> rtr)"]);
}

fn state(node: &str, moment: Moment, lines: &[&str]) -> StateSeen {
    StateSeen { node: of(node), moment, lines: lines.iter().map(|line| (*line).to_owned()).collect() }
}

#[test]
fn whoever_changes_rules_routes_or_settings_is_found_unless_a_fault_did() {
    let rules = ["chain a | one", "chain a | two", "route eth0 1", "sysctl x = 0"];
    let changed = |built: &[&str], begun: &[&str], ends: &[&str], seen: &mut Observations| {
        seen.states = vec![
            state("rtr", Moment::Built, built),
            state("rtr", Moment::Begun, begun),
            state("rtr", Moment::End, ends),
        ];
    };
    assert_eq!(all(|seen| changed(&rules, &rules, &rules, seen)).verdict, Verdict::Pass);
    let without_route = [rules[0], rules[1], rules[3]];
    let leased = all(|seen| changed(&without_route, &rules, &rules, seen));
    assert_eq!(leased.verdict, Verdict::Pass, "a route comes with a lease: {leased:#?}");
    let head = "rtr was changed while the run went on, and no fault did that";
    let more = [rules[0], "chain a | three", rules[1], rules[2], "sysctl x = 1"];
    let at_once = all(|seen| changed(&rules, &more, &more, seen));
    assert_fails(
        &at_once,
        &[&format!("{head}: new is `chain a | three`, `sysctl x = 1`; gone is `sysctl x = 0`")],
    );
    let swapped = [rules[1], rules[0], rules[2], rules[3]];
    assert_fails(
        &all(|seen| changed(&rules, &rules, &swapped, seen)),
        &[&format!("{head}: the order of its rules")],
    );
    let lost = all(|seen| changed(&rules, &rules, &without_route, seen));
    assert_fails(&lost, &[&format!("{head}: gone is `route eth0 1`")]);
    let excused = all(|seen| {
        changed(&rules, &more, &more, seen);
        let fault = Fault::Reload { node: of("rtr"), ruleset: "other.nft".into(), other: true, gap: None };
        let (at, done_at, done) = (1, 2, "loaded".to_owned());
        seen.faults.push(FaultSeen { fault, at, done_at, done, by_hand: true, mended: Vec::new() });
    });
    assert_eq!(excused.verdict, Verdict::Pass, "{excused:#?}");
    let healed = |mended: &[&str]| {
        all(|seen| {
            changed(&rules, &rules, &without_route, seen);
            let mended = mended.iter().map(|node| of(node)).collect();
            let (fault, at, done_at, done) = (Fault::HealAll, 1, 2, "mended".to_owned());
            seen.faults.push(FaultSeen { fault, at, done_at, done, by_hand: true, mended });
        })
    };
    let mended = healed(&["app", "rtr"]);
    assert_eq!(mended.verdict, Verdict::Pass, "{mended:#?}");
    for others in [&[][..], &["app"]] {
        assert_fails(&healed(others), &[&format!("{head}: gone is `route eth0 1`")]);
    }
    // Whoever is told its routes may have others since somebody beside it was gone; its rules are its own.
    let told = |ends: &[&str], mended: &[&str]| {
        let ask = |plan: &mut Plan| {
            ask_all(plan, &["F17", "F18"], Unused::Report);
            let link = plan.node(&of("app")).unwrap().links[0].name.clone();
            let kind = ServiceKind::DhcpClient {
                link,
                asks: None,
                default_route: true,
                routes: vec![],
                spare: None,
            };
            plan.services.push(Service { node: of("app"), kind });
        };
        judged_as(0, ask, |seen| {
            seen.states = vec![state("app", Moment::Begun, &rules), state("app", Moment::End, ends)];
            let mended = mended.iter().map(|node| of(node)).collect();
            let (fault, at, done_at, done) = (Fault::HealAll, 1, 2, "mended".to_owned());
            seen.faults.push(FaultSeen { fault, at, done_at, done, by_hand: true, mended });
        })
    };
    let with_another = [rules[0], rules[1], "route eth0 2", rules[3]];
    assert_eq!(told(&with_another, &["rtr"]).verdict, Verdict::Pass, "its router was mended");
    let head = "app was changed while the run went on, and no fault did that";
    for others in [&[][..], &["vms"]] {
        assert_fails(
            &told(&with_another, others),
            &[&format!("{head}: new is `route eth0 2`; gone is `route eth0 1`")],
        );
    }
    let open = [rules[0], "chain a | open", rules[2], rules[3]];
    assert_fails(
        &told(&open, &["rtr"]),
        &[&format!("{head}: new is `chain a | open`; gone is `chain a | two`")],
    );
    let head = "rtr was changed while the run went on, and no fault did that";
    let emptied = all(|seen| {
        changed(&rules, &rules, &without_route, seen);
        for fault in [Fault::FillState { node: of("rtr") }, Fault::ClearState { node: of("rtr") }] {
            let (at, done_at, done, mended) = (1, 2, "done".to_owned(), Vec::new());
            seen.faults.push(FaultSeen { fault, at, done_at, done, by_hand: true, mended });
        }
    });
    assert_fails(&emptied, &[&format!("{head}: gone is `route eth0 1`")]);
}

#[test]
fn a_matcher_that_overlooks_frames_is_noticed() {
    let verdict = judged_without(3, &["F17", "F18"], Unused::Report, |_| {});
    assert_inconclusive(&verdict, &["count", "44 frames were held against the plan, and 47 captured"]);
}

#[test]
fn what_was_not_seen_whole_is_no_pass() {
    assert_inconclusive(&all(|seen| seen.taps.unstored = 7), &["the capture was full", "7 frames"]);
    assert_inconclusive(&all(|seen| seen.taps.dropped = 7), &["7 frames"]);
    assert_inconclusive(&all(|seen| seen.explained = Default::default()), &["vacuous", "no frame was seen"]);
    let only_upkeep = |seen: &mut Observations| {
        seen.explained.claimed.retain(|one| matches!(one.by, Claim::Upkeep(_)));
    };
    assert_inconclusive(&all(only_upkeep), &["vacuous", "no frame of an allowed flow"]);
}

#[test]
fn a_tap_that_takes_everything_for_explained_leaves_it_open() {
    let verdict = all(|seen| seen.explained.canaries[1].explained = vec!["a stranger's frame".into()]);
    assert_eq!((verdict.verdict, verdict.reasons.len()), (Verdict::Inconclusive, 1), "{verdict:#?}");
    let reason = &verdict.reasons[0];
    assert!(
        reason.starts_with("canary: at ") && reason.contains("a stranger's frame was taken for explained")
    );
    assert!(verdict.controls.iter().all(|control| control.control == "canary" && !control.held));
    for without in [
        |seen: &mut Observations| drop(seen.explained.canaries.pop()),
        |seen: &mut Observations| seen.explained.canaries[0].shown = 0,
    ] {
        let verdict = all(without);
        assert_eq!(verdict.verdict, Verdict::Inconclusive, "{verdict:#?}");
        assert!(verdict.reasons[0].contains("was shown nothing that nothing explains"), "{verdict:#?}");
    }
    let held = all(|_| {});
    assert!(held.controls.len() == 1 && held.controls[0].held, "{held:#?}");
}
