//! `spare`: plugged in elsewhere, with an address, used without need, passing frames on, silence.

use super::*;
use crate::names::LinkName;
use crate::observation::{FaultSeen, PortUse, Station};
use crate::plan::fault::{Fault, Plug};

const CHECK: &str = "dock-alone";
const SECOND: u64 = 1_000_000_000;

fn port(name: &str) -> LinkName {
    name.parse().unwrap()
}

fn used(name: &str, first_at: u64, last_at: u64, first_packet: u64) -> PortUse {
    PortUse { port: port(name), first_at, last_at, first_packet, frames: 5 }
}

fn fault(at: u64, make: fn(Vec<Plug>) -> Fault) -> FaultSeen {
    let end = crate::scenario::fault::End { node: "app".parse().unwrap(), link: port("eth0") };
    let plug = Plug { end, ports: vec![port("p-app-0")] };
    FaultSeen {
        fault: make(vec![plug]),
        at,
        done_at: at + 1,
        done: String::new(),
        by_hand: false,
        mended: Vec::new(),
    }
}

/// The verdict on an appliance with a spare, after a change to the plan and to what was seen of a link that was cut from
/// second 10 to second 20.
fn judged(change: impl FnOnce(&mut Plan), seen: impl FnOnce(&mut Observations)) -> CheckVerdict {
    let with_spare = |plan: &mut Plan| {
        let app = plan.nodes.iter_mut().find(|node| node.name.as_str() == "app").unwrap();
        let mut spare = app.links[0].clone();
        (spare.name, spare.port, spare.mac) =
            (port("eth1"), port("p-app-1"), "02:00:00:00:00:02".parse().unwrap());
        spare.addresses.clear();
        spare.spare_of = Some(app.links[0].name.clone());
        app.links.push(spare);
        change(plan);
        check_of(plan, CHECK).word = Word::Spare { of: vec!["app".parse().unwrap()] };
    };
    let took_over = |all: &mut Observations| {
        all.uses = vec![
            used("p-app-0", SECOND, 10 * SECOND - 1, 3),
            used("p-app-1", 10 * SECOND + 5, 20 * SECOND + 3, 70),
            used("p-app-0", 20 * SECOND + 4, 30 * SECOND, 90),
        ];
        all.faults = vec![fault(10 * SECOND, Fault::Cut), fault(20 * SECOND, Fault::Heal)];
        seen(all);
    };
    after_both(CHECK, with_spare, took_over)
}

#[test]
fn one_that_stands_in_while_the_link_is_cut_passes() {
    let verdict = judged(|_| {}, |_| {});
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:#?}");
    assert_eq!(verdict.summary, "1 node: app.eth0 sent 10 frames, eth1 stood in 1 time with 5 frames");
    let silent = judged(|_| {}, |all| (all.uses.truncate(1), all.faults.clear()).0);
    assert_eq!(silent.verdict, Verdict::Pass, "{silent:#?}");
}

#[test]
fn one_that_is_plugged_in_elsewhere_is_named() {
    let elsewhere = |plan: &mut Plan| {
        let app = plan.nodes.iter_mut().find(|node| node.name.as_str() == "app").unwrap();
        app.links.last_mut().unwrap().segment = "prod".parse().unwrap();
    };
    let text = "app.eth1, the spare of app.eth0, is plugged into prod and not into cam";
    assert_fails(&judged(elsewhere, |_| {}), &[text]);
}

#[test]
fn an_address_of_its_own_is_a_second_one() {
    let addressed = |plan: &mut Plan| {
        let app = plan.nodes.iter_mut().find(|node| node.name.as_str() == "app").unwrap();
        app.links.last_mut().unwrap().addresses.push("10.20.0.6/24".parse().unwrap());
    };
    let text = "app.eth1, the spare of app.eth0, has an address of its own: 10.20.0.6/24";
    assert_fails(&judged(addressed, |_| {}), &[text]);
}

#[test]
fn use_without_need_is_found_before_and_after_the_cut_and_without_one() {
    let text = "app.eth1, the spare of app.eth0, sent 5 frames beyond link upkeep while eth0 had its carrier";
    let before = judged(|_| {}, |all| all.uses[1].first_at = 10 * SECOND - 1);
    assert_fails(&before, &[text]);
    assert_eq!(before.findings[0].packets, [("first frame".to_owned(), 70)]);
    let after = judged(|_| {}, |all| all.uses[1].last_at = 22 * SECOND);
    assert_fails(&after, &[text]);
    let never_cut = judged(|_| {}, |all| all.faults.clear());
    assert_fails(&never_cut, &[text]);
    let other = judged(
        |_| {},
        |all| match &mut all.faults[0].fault {
            Fault::Cut(plugs) => plugs[0].ports = vec![port("p-rtr-0")],
            _ => unreachable!("the first is a cut"),
        },
    );
    assert_fails(&other, &[text]);
}

#[test]
fn what_comes_from_somebody_else_was_passed_on() {
    let bridged = |all: &mut Observations| {
        let station = |name: &str, mac: &str, frames| Station {
            port: port(name),
            mac: mac.parse().unwrap(),
            first_packet: 8,
            frames,
        };
        all.stations = vec![
            station("p-app-0", "02:00:00:00:00:01", 5),
            // the two change places
            station("p-app-1", "02:00:00:00:00:01", 5),
            station("p-app-1", "02:00:00:00:00:77", 2),
            station("p-app-1", "02:00:00:00:00:78", 0),
            station("p-dock-1-0", "02:00:00:00:00:99", 2),
        ];
    };
    let text = "frames come out of app.eth1 from 02:00:00:00:00:77, which is not its own";
    assert_fails(&judged(|_| {}, bridged), &[text]);
}

#[test]
fn a_port_that_was_never_used_shows_nothing() {
    let verdict = judged(|_| {}, |all| (all.uses.clear(), all.faults.clear()).0);
    assert_inconclusive(&verdict, &["silent", "app.eth0 was never used"]);
    let without = after_word(CHECK, |word| *word = Word::Spare { of: vec!["app".parse().unwrap()] });
    assert_inconclusive(&without, &["vacuous", "app has no spare"]);
    let nobody = after_word(CHECK, |word| *word = Word::Spare { of: vec![] });
    assert_inconclusive(&nobody, &["vacuous", "no node"]);
}
