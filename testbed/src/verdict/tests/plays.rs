//! `plays`: each fault of a camera's video by itself, and what missing facts mean.

use std::time::Duration;

use fake_facts::{Fact, Line, Odd, Oddity, Video};

use super::super::example::video;
use super::*;
use crate::observation::{ChangeSeen, NodeFact};
use crate::plan::ServiceKind;
use crate::scenario::model::Bounds;

const CHECK: &str = "dock-plays";

/// Changes the last count of dock-2.
fn with_video(change: impl FnOnce(&mut Video)) -> CheckVerdict {
    after(CHECK, |seen| {
        let Fact::Video(video) = &mut seen.facts.last_mut().unwrap().line.fact else {
            panic!("not the video")
        };
        change(video);
    })
}

#[test]
fn each_fault_of_the_video_is_found_with_its_numbers() {
    type Change = fn(&mut Video);
    let faults: &[(&str, Change)] = &[
        ("44 of 45 frames received", |v| v.received = 44),
        ("1 lost (at most 0 allowed)", |v| v.lost = 1),
        ("2 twice (at most 0 allowed)", |v| v.duplicated = 2),
        ("3 without a readable identity", |v| v.unidentified = 3),
        ("4 of another camera or run", |v| v.foreign = 4),
        ("the frames are those of camera 1 and not 2", |v| v.id = 1),
        ("no picture decoded", |v| v.decoded = 0),
        ("1 swapped (at most 0 allowed)", |v| v.swapped = 1),
        ("5 whose picture does not show its own number", |v| v.mismatched = 5),
        ("6 without a picture", |v| v.undecoded = 6),
        ("7 that refer to frames which nobody sent", |v| v.unreferenced = 7),
    ];
    for (text, change) in faults {
        let verdict = with_video(change);
        assert_fails(&verdict, &[&format!("dock-2 at app: {text}")]);
        let (camera, at) = verdict.findings[0].pair.clone().unwrap();
        assert_eq!((camera.as_str(), at.as_str()), ("dock-2", "app"));
    }
}

/// The appliance of the example with so many streams.
fn playing(streams: usize, change: impl Fn(usize, &mut Video)) -> CheckVerdict {
    let plan = |plan: &mut Plan| {
        for service in &mut plan.services {
            if let ServiceKind::Appliance { cameras, .. } = &mut service.kind {
                cameras.resize(streams, cameras[0].clone());
            }
        }
    };
    after_both(CHECK, plan, |seen| {
        let facts = seen.facts.iter_mut().filter_map(|fact| match &mut fact.line.fact {
            Fact::Video(video) => Some(video),
            _ => None,
        });
        facts.for_each(|video| change(usize::from(video.camera != "dock-1"), video));
    })
}

#[test]
fn pictures_of_many_streams_are_those_of_some_which_the_report_names() {
    let undecoded = |video: &mut Video| (video.decoded, video.matched) = (0, 0);
    let one = |nth: usize, video: &mut Video| {
        if nth > 0 {
            undecoded(video)
        }
    };
    let verdict = playing(17, one);
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:?}");
    assert!(
        verdict.summary.ends_with("; pictures decoded in turns, of 1 of 2 streams: dock-1"),
        "{}",
        verdict.summary
    );
    assert_fails(&playing(16, one), &["dock-2 at app: no picture decoded"]);
    assert_fails(&playing(17, |_, video| undecoded(video)), &["no picture of any stream decoded at app"]);
    // What is decoded must show what it says.
    let wrong = |nth: usize, video: &mut Video| {
        one(nth, video);
        (video.mismatched, video.matched) = if nth == 0 { (1, video.matched - 1) } else { (0, 0) };
    };
    assert_fails(&playing(17, wrong), &["dock-1 at app: 1 whose picture does not show its own number"]);
}

/// A camera has turned somebody at this address away who showed the login of `user`.
fn shown(user: &str, camera: &str, peer: &str) -> CheckVerdict {
    after(CHECK, |seen| {
        let peer = std::net::SocketAddr::new(peer.parse().unwrap(), 40000);
        let fact = Fact::Misnamed { service: "rtsp".into(), peer, user: user.into() };
        seen.facts.push(NodeFact { node: camera.parse().unwrap(), line: Line { at: 1, fact } });
    })
}

#[test]
fn a_login_of_another_camera_is_found_whatever_came_of_it() {
    assert_fails(
        &shown("viewer-dock-1", "dock-2", "10.20.0.5"),
        &["dock-2 at app: it was shown the login of dock-1"],
    );
    assert_fails(
        &shown("root", "dock-1", "10.20.0.5"),
        &["dock-1 at app: it was shown the login of user `root`"],
    );
    // Of who else tries, this check says nothing.
    assert_eq!(shown("viewer-dock-1", "dock-2", "10.20.0.1").verdict, Verdict::Pass);
}

#[test]
fn frames_are_named_with_what_is_wrong_with_them() {
    let odd = |what, session, number| Odd { what, session, number };
    let verdict = with_video(|video| {
        (video.lost, video.duplicated, video.swapped, video.mismatched) = (2, 30, 1, 3);
        video.odd = vec![
            odd(Oddity::Lost, 1, 17),
            odd(Oddity::Lost, 1, 29),
            odd(Oddity::Duplicated, 1, 31),
            odd(Oddity::Swapped, 2, 12),
            odd(Oddity::Shows { camera: 2, index: 11 }, 1, 40),
            odd(Oddity::Shows { camera: 3, index: 12 }, 1, 42),
            odd(Oddity::ShowsNone, 1, 43),
        ];
    });
    let said = "dock-2 at app: 2 lost: frame 17, frame 29 (at most 0 allowed), \
                30 twice: frame 31, and 29 more (at most 0 allowed), \
                1 swapped: frame 12 of session 2 (at most 0 allowed), \
                3 whose picture does not show its own number: frame 40 shows picture 11 of camera 2, \
                frame 42 shows picture 12 of camera 3, frame 43 shows no code";
    assert_eq!(verdict.findings[0].text, said);
}

fn bounds_of(plan: &mut Plan) -> &mut Bounds {
    let Word::Plays { bounds, .. } = &mut check_of(plan, CHECK).word else { panic!("not plays") };
    bounds
}

const MS: u64 = 1_000_000;

/// Has both cameras' frames arrive 100 ms apart, the last of them under way for longer than the others.
fn arrive(seen: &mut Observations, last_took_us: Option<i64>) {
    for fact in &mut seen.facts {
        if let Fact::Video(video) = &mut fact.line.fact {
            let begun = if video.received < 20 { 0 } else { 1200 };
            video.arrived = (0..12).map(|nth| (begun + nth * 100) * MS).collect();
            video.took_us = vec![Some(2000); 12];
            video.took_us[11] = last_took_us;
        }
    }
    seen.until = 2400 * MS;
}

fn timed(
    ask: impl FnOnce(&mut Bounds),
    last_took_us: Option<i64>,
    change: impl FnOnce(&mut Observations),
) -> CheckVerdict {
    let seen = |seen: &mut Observations| {
        arrive(seen, last_took_us);
        change(seen);
    };
    after_both(CHECK, |plan| ask(bounds_of(plan)), seen)
}

fn ask_all(bounds: &mut Bounds) {
    let millis = |millis| Some(Duration::from_millis(millis));
    (bounds.latency_p50, bounds.latency_p99, bounds.latency_max) = (millis(2), millis(3), millis(4));
    bounds.longest_gap = millis(100);
}

#[test]
fn frames_in_time_pass_and_their_times_are_told() {
    let verdict = timed(ask_all, Some(2500), |_| ());
    assert_eq!(verdict.verdict, Verdict::Pass, "{verdict:?}");
    let told = ", latency p50 2.0 ms, latency p99 2.5 ms, latency max 2.5 ms, longest gap 100.0 ms";
    assert!(verdict.summary.ends_with(told), "{}", verdict.summary);
}

#[test]
fn each_bound_of_time_is_held_by_itself() {
    let verdict = timed(ask_all, Some(4100), |_| ());
    let said = "latency p99 4.1 ms (at most 3.0 ms allowed), latency max 4.1 ms (at most 4.0 ms allowed)";
    assert_fails(&verdict, &[&format!("dock-1 at app: {said}"), &format!("dock-2 at app: {said}")]);
    let only_half = |bounds: &mut Bounds| bounds.latency_p50 = Some(Duration::from_millis(1));
    let verdict = timed(only_half, Some(4100), |_| ());
    let said = "latency p50 2.0 ms (at most 1.0 ms allowed)";
    assert_fails(&verdict, &[&format!("dock-1 at app: {said}"), &format!("dock-2 at app: {said}")]);
    let verdict = timed(ask_all, Some(-1), |_| ());
    let said = "2 arrived before they were sent";
    assert_fails(&verdict, &[&format!("dock-1 at app: {said}"), &format!("dock-2 at app: {said}")]);
}

#[test]
fn a_gap_is_found_also_at_the_end_but_not_where_a_check_broke_the_site() {
    let ask = |bounds: &mut Bounds| bounds.longest_gap = Some(Duration::from_millis(100));
    let last_of_dock_2 = |seen: &mut Observations| match &mut seen.facts.last_mut().unwrap().line.fact {
        Fact::Video(video) => video.arrived.iter_mut().skip(5).for_each(|at| *at += 70 * MS),
        fact => panic!("{fact:?}"),
    };
    let verdict = timed(ask, None, last_of_dock_2);
    assert_fails(&verdict, &["dock-2 at app: longest gap 170.0 ms (at most 100.0 ms allowed)"]);
    let change = ChangeSeen {
        check: "uplink-cut".parse().unwrap(),
        at: 1650 * MS,
        then_at: 1660 * MS,
        end_at: 1700 * MS,
        error: None,
        done: Default::default(),
    };
    let broken = |seen: &mut Observations| {
        last_of_dock_2(seen);
        seen.changes.push(change);
    };
    assert_eq!(timed(ask, None, broken).verdict, Verdict::Pass);
    let verdict = timed(ask, None, |seen| seen.until = 3000 * MS);
    let said = "longest gap 450.0 ms (at most 100.0 ms allowed)";
    assert_fails(&verdict, &[&format!("dock-1 at app: {said}"), &format!("dock-2 at app: {said}")]);
}

#[test]
fn times_that_nobody_told_are_inconclusive_where_they_are_asked_for() {
    let forget = |seen: &mut Observations| {
        for fact in &mut seen.facts {
            if let Fact::Video(video) = &mut fact.line.fact {
                video.took_us = vec![None; video.arrived.len()];
            }
        }
    };
    assert_inconclusive(&timed(ask_all, None, forget), &["timing", "latency p50 is not known"]);
    assert_eq!(timed(|_| (), None, forget).verdict, Verdict::Pass, "nobody asks");
    let untold = |seen: &mut Observations| match &mut seen.facts.last_mut().unwrap().line.fact {
        Fact::Video(video) => video.untold = 3,
        fact => panic!("{fact:?}"),
    };
    assert_inconclusive(&timed(ask_all, Some(2000), untold), &["it is not known when 3 frames arrived"]);
}

#[test]
fn as_many_lost_as_allowed_pass() {
    let allow = |plan: &mut Plan| {
        let bounds = bounds_of(plan);
        (bounds.lost, bounds.duplicated) = (2, 1);
    };
    let lose = |seen: &mut Observations| {
        let Fact::Video(video) = &mut seen.facts.last_mut().unwrap().line.fact else {
            panic!("not the video")
        };
        // After a loss some frames cannot be decoded: that is no fault of its own.
        (video.lost, video.duplicated, video.unreferenced) = (2, 1, 9);
    };
    assert_eq!(after_both(CHECK, allow, lose).verdict, Verdict::Pass);
}

#[test]
fn only_the_last_count_at_that_node_speaks() {
    let verdict = after(CHECK, |seen| seen.facts.insert(0, video("app", "dock-1", 1, 3)));
    assert_eq!(verdict.verdict, Verdict::Pass, "earlier counts are smaller");
    let verdict = after(CHECK, |seen| {
        seen.facts.retain(|fact| !matches!(&fact.line.fact, Fact::Video(video) if video.camera == "dock-2"));
        seen.facts.push(video("vms", "dock-2", 2, 500));
    });
    assert_fails(&verdict, &["dock-2 at app: no frame arrived"]);
}

#[test]
fn a_camera_of_which_nothing_was_counted_gave_no_frame() {
    let verdict = after(CHECK, |seen| {
        let nothing = Video { camera: "dock-1".into(), ..Video::default() };
        let fact = Line { at: 9, fact: Fact::Video(nothing) };
        seen.facts.push(NodeFact { node: "app".parse().unwrap(), line: fact });
    });
    assert_fails(&verdict, &["dock-1 at app: no frame arrived"]);
}

#[test]
fn no_video_of_a_ready_player_fails_with_the_players_own_words() {
    let verdict = after(CHECK, |seen| {
        seen.facts.truncate(1);
        let what =
            Fact::Failed { what: "rtsp".into(), about: Some("dock-1".into()), error: "timed out".into() };
        seen.facts.push(NodeFact { node: "app".parse().unwrap(), line: Line { at: 3, fact: what } });
    });
    assert_fails(
        &verdict,
        &["dock-1 at app: no frame arrived (timed out)", "dock-2 at app: no frame arrived"],
    );
}

#[test]
fn a_player_that_never_was_ready_says_nothing() {
    let verdict = after(CHECK, |seen| seen.facts.clear());
    assert_inconclusive(&verdict, &["ready", "app"]);
}

#[test]
fn a_check_without_cameras_or_with_an_unknown_one_is_inconclusive() {
    let name = |names: &[&str]| {
        let names = names.iter().map(|name| name.parse().unwrap()).collect();
        after_word(CHECK, |word| {
            let Word::Plays { cameras, .. } = word else { panic!("{word:?}") };
            *cameras = names;
        })
    };
    assert_inconclusive(&name(&[]), &["vacuous"]);
    assert_inconclusive(&name(&["dock-1", "vms"]), &["vms has no camera service"]);
}
