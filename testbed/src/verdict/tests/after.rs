//! `after`: pauses measured, leaks by phase, a wrong plug, a fault that was not carried out, silence before it.

use std::time::Duration;

use fake_facts::{Fact, Line, Video};

use super::*;
use crate::observation::{Arrival, ChangeSeen, NodeFact};
use crate::plan::fault::{Fault, Plug};
use crate::plan::{Aim, GoingOn, Open};
use crate::scenario::model::Event;
use crate::verdict::PauseSeen;

const CHECK: &str = "vms-shut";
const MS: u64 = 1_000_000;
/// When the fault began, when it was mended, when all was over.
const AT: u64 = 100_000 * MS;
const THEN: u64 = AT + 2_000 * MS;
const END: u64 = THEN + 2_000 * MS;

fn cut() -> Fault {
    let end = crate::scenario::fault::End { node: "app".parse().unwrap(), link: "eth0".parse().unwrap() };
    Fault::Cut(vec![Plug { end, ports: vec!["p-app-0".parse().unwrap()] }])
}

fn told(at: u64, fact: Fact) -> NodeFact {
    NodeFact { node: "app".parse().unwrap(), line: Line { at, fact } }
}

/// Frames of dock-1 that arrived at these times.
fn frames(arrived: Vec<u64>) -> NodeFact {
    let at = arrived.last().copied().unwrap_or(0);
    told(at, Fact::Video(Video { camera: "dock-1".into(), arrived, ..Video::default() }))
}

/// From one moment to another, every so many milliseconds.
fn every(from: u64, until: u64, step: u64) -> Vec<u64> {
    (from..until).step_by(usize::try_from(step * MS).unwrap()).collect()
}

fn change() -> ChangeSeen {
    ChangeSeen {
        check: CHECK.parse().unwrap(),
        at: AT,
        then_at: THEN,
        end_at: END,
        error: None,
        done: Default::default(),
    }
}

/// The example's negative through a cut, while video of one camera goes on with a pause of 230 ms.
fn judged(change_plan: impl FnOnce(&mut Plan), seen: impl FnOnce(&mut Observations)) -> CheckVerdict {
    let as_after = |plan: &mut Plan| {
        let Word::NoReach { aims, alive, .. } = check_of(plan, CHECK).word.clone() else { unreachable!() };
        check_of(plan, CHECK).word = after_word_of(aims, alive);
        change_plan(plan);
    };
    let through = |all: &mut Observations| {
        all.changes = vec![change()];
        all.facts.push(frames(every(AT - 5_000 * MS, AT + 1, 50)));
        all.facts.push(frames(every(AT + 230 * MS, END + 500 * MS, 50)));
        seen(all);
    };
    after_both(CHECK, as_after, through)
}

fn after_word_of(aims: Vec<Aim>, alive: Vec<Open>) -> Word {
    Word::After {
        says: "cut app.eth0".into(),
        fault: cut(),
        then: Fault::HealAll,
        lasts: Duration::from_secs(1),
        within: Duration::from_secs(1),
        resume: vec![GoingOn::Video { camera: "dock-1".parse().unwrap(), at: "app".parse().unwrap() }],
        stops: Vec::new(),
        aims,
        alive,
    }
}

#[test]
fn what_goes_on_after_a_moment_passes_and_the_moment_is_told() {
    let verdict = judged(|_| {}, |_| {});
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    assert!(
        verdict.summary.starts_with(
            "`cut app.eth0` for 2.0 s; video of dock-1 at app paused for 230.0 ms at most; 2 pairs"
        ),
        "{}",
        verdict.summary
    );
    let pause =
        PauseSeen { what: "video of dock-1 at app".into(), at_fault_us: 230_000, longest_us: 230_000 };
    assert_eq!(verdict.pauses, [pause]);
}

#[test]
fn how_often_a_fault_was_carried_out_is_told() {
    let verdict = judged(|_| {}, |all| all.changes[0].done.again = 2);
    assert!(verdict.summary.starts_with("`cut app.eth0` 3 times for 2.0 s; "), "{}", verdict.summary);
}

#[test]
fn what_a_full_table_had_no_room_for_is_told_and_is_something() {
    let fills = |plan: &mut Plan| {
        if let Word::After { fault, .. } = &mut check_of(plan, CHECK).word {
            *fault = Fault::FillState { node: "rtr".parse().unwrap() };
        }
    };
    let with = |no_room| judged(fills, move |all| all.changes[0].done.no_room = no_room);
    let told = with(Some(7));
    assert_eq!(told.verdict, Verdict::Pass, "{told:#?}");
    assert!(told.summary.contains("; rtr had no room for 7 packets; "), "{}", told.summary);
    assert_inconclusive(&with(Some(0)), &["fault", "no packet has met the full table of rtr"]);
    assert_inconclusive(&with(None), &["fault", "is not known"]);
}

#[test]
fn rules_that_were_to_be_refused_and_stand_are_found() {
    let words = "rtr has loaded x.nft, which was to be refused";
    let verdict = judged(|_| {}, |all| all.changes[0].done.taken = Some(words.into()));
    assert_eq!(verdict.findings.iter().map(|one| one.text.as_str()).collect::<Vec<_>>(), [words]);
}

#[test]
fn what_stops_or_comes_late_is_found() {
    let stopped = judged(|_| {}, |all| drop(all.facts.pop()));
    assert_fails(&stopped, &["video of dock-1 at app did not go on after `cut app.eth0`"]);
    let late = |all: &mut Observations| {
        all.facts.pop();
        all.facts.push(frames(every(AT + 1_500 * MS, END, 50)));
    };
    assert_fails(&judged(|_| {}, late), &["video of dock-1 at app paused for 1.5 s, longer than 1.0 s"]);
    let late_back = |all: &mut Observations| {
        all.facts.pop();
        all.facts.push(frames(every(AT + 230 * MS, THEN, 50)));
        all.facts.push(frames(every(THEN + 1_200 * MS, END, 50)));
    };
    let verdict = judged(|_| {}, late_back);
    assert_eq!(verdict.verdict, Verdict::Fail, "{verdict:#?}");
    assert_eq!((verdict.pauses[0].at_fault_us, verdict.pauses[0].longest_us / 100_000), (230_000, 12));
}

#[test]
fn what_was_not_going_on_before_shows_nothing() {
    let late = |all: &mut Observations| {
        let second = all.facts.pop().unwrap();
        all.facts.pop();
        all.facts.push(second);
    };
    assert_inconclusive(&judged(|_| {}, late), &["alive", "video of dock-1 at app was not going on before"]);
}

#[test]
fn reports_that_the_cloud_confirms_go_on_too() {
    let reports = |plan: &mut Plan| {
        if let Word::After { resume, .. } = &mut check_of(plan, CHECK).word {
            *resume = vec![GoingOn::Reports { event: Event::MonitorJob, of: "app".parse().unwrap() }];
        }
    };
    let delivered = |all: &mut Observations| {
        for at in every(AT - 2_000 * MS, END, 700) {
            all.facts.push(told(at, Fact::Delivered { service: "iot".into(), name: "status".into() }));
        }
    };
    let verdict = judged(reports, delivered);
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    assert_eq!(verdict.pauses[0].what, "monitor_job of app");
    assert_eq!(verdict.pauses[0].at_fault_us, 700_000);
}

#[test]
fn a_leak_is_told_with_its_phase() {
    let leak = |at: u64| {
        move |all: &mut Observations| {
            let kind = &mut all.aims[0].kinds[0];
            let traffic = kind.kinds.nth(0).unwrap();
            kind.arrived = vec![Arrival { traffic, entered_packet: Some(7), packet: Some(9), at }];
        }
    };
    let phase = |at: u64| {
        let verdict = judged(|_| {}, leak(at));
        assert_eq!((verdict.verdict, verdict.findings.len()), (Verdict::Fail, 1), "{verdict:#?}");
        verdict.findings[0].text.split(':').next().unwrap().to_owned()
    };
    assert_eq!(phase(AT - 1), "before `cut app.eth0`");
    assert_eq!(phase(AT), "during `cut app.eth0`");
    assert_eq!(phase(THEN + 10 * MS), "during `cut app.eth0`");
    assert_eq!(phase(THEN + 1_000 * MS), "after `cut app.eth0` was mended");
}

#[test]
fn a_spare_that_is_plugged_in_elsewhere_is_named() {
    let elsewhere = |plan: &mut Plan| {
        let app = plan.nodes.iter_mut().find(|node| node.name.as_str() == "app").unwrap();
        let mut spare = app.links[0].clone();
        (spare.name, spare.port) = ("eth1".parse().unwrap(), "p-app-1".parse().unwrap());
        (spare.segment, spare.spare_of) = ("prod".parse().unwrap(), Some(app.links[0].name.clone()));
        app.links.push(spare);
    };
    let text = "app.eth1, the spare of app.eth0, is plugged into prod and not into cam";
    assert_fails(&judged(elsewhere, |_| {}), &[text]);
}

#[test]
fn a_fault_that_was_not_carried_out_shows_nothing() {
    let refused = |all: &mut Observations| all.changes[0].error = Some("the kernel has no netem".into());
    assert_inconclusive(&judged(|_| {}, refused), &["fault", "no netem"]);
    assert_inconclusive(
        &judged(|_| {}, |all| all.changes.clear()),
        &["fault", "`cut app.eth0` was not carried out"],
    );
    let during = |plan: &mut Plan| {
        check_of(plan, CHECK).during = Some(crate::plan::During { fault: cut(), then: Fault::HealAll });
    };
    assert_inconclusive(&after_both(CHECK, during, |_| {}), &["fault", "was not carried out"]);
    let stood = after_both(CHECK, during, |all| all.changes = vec![change()]);
    assert_eq!(stood.verdict, Verdict::Pass, "{stood:#?}");
}

#[test]
fn what_must_stop_stops_and_goes_on_in_time() {
    let judged = |times: Vec<u64>| {
        let stops = |plan: &mut Plan| {
            if let Word::After { resume, stops, .. } = &mut check_of(plan, CHECK).word {
                resume.clear();
                stops.push(GoingOn::Reports { event: Event::Logs, of: "app".parse().unwrap() });
            }
        };
        judged(stops, |all| {
            let sent = |at: u64| told(at, Fact::Delivered { service: "logs".into(), name: "x".into() });
            all.facts.extend(times.into_iter().map(sent));
        })
    };
    let until = |last: u64| every(AT - 4_000 * MS, last, 1000);
    let with = |mut times: Vec<u64>, more: &[u64]| {
        times.extend(more);
        times
    };
    let good = judged(with(until(AT), &[AT + 100 * MS, THEN + 700 * MS]));
    assert_eq!(good.verdict, Verdict::Pass, "{good:#?}");
    assert!(good.summary.contains("logs of app stopped, and went on 700.0 ms after it was mended"));
    let on = judged(with(until(AT), &[AT + 900 * MS, AT + 1_800 * MS, THEN + 700 * MS]));
    assert_fails(&on, &["logs of app did not stop after `cut app.eth0`: 2 more"]);
    let late = judged(with(until(AT), &[THEN + 1_500 * MS]));
    assert_fails(&late, &["logs of app went on 1.5 s after it was mended, later than 1.0 s"]);
    assert_fails(&judged(until(AT)), &["logs of app did not go on once `cut app.eth0` was mended"]);
    assert_inconclusive(&judged(vec![THEN + 1]), &["alive", "logs of app was not going on before"]);
}

#[test]
fn who_does_not_answer_its_monitoring_is_said_to_be_offline() {
    let judged = |said: &[(u64, bool)]| {
        let stops = |plan: &mut Plan| {
            if let Word::After { resume, stops, .. } = &mut check_of(plan, CHECK).word {
                resume.clear();
                stops.push(GoingOn::Reports { event: Event::MonitorJob, of: "app".parse().unwrap() });
            }
        };
        judged(stops, |all| {
            let monitored = |at: u64, online| {
                told(at, Fact::Monitored { device: "app".into(), online, software: None, ports: Vec::new() })
            };
            let times = every(AT - 4_000 * MS, AT, 1000).into_iter().chain([THEN + 700 * MS]);
            all.facts
                .extend(times.map(|at| {
                    told(at, Fact::Delivered { service: "iot".into(), name: "monitoring".into() })
                }));
            all.facts.extend(said.iter().map(|(at, online)| monitored(*at, *online)));
        })
    };
    let good = judged(&[(AT - 1, true), (AT + 1_500 * MS, false), (THEN + 700 * MS, true)]);
    assert_eq!(good.verdict, Verdict::Pass, "{good:#?}");
    let text = "nobody was told that app is offline as long as `cut app.eth0` stood";
    assert_fails(&judged(&[(AT - 1, true), (THEN + 700 * MS, true)]), &[text]);
    assert_fails(&judged(&[(AT - 1, false), (THEN + 1, false)]), &[text]);
}
