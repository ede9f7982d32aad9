//! `plays`: each fault of a camera's video by itself, and what missing facts mean.

use fake_facts::{Fact, Line, Video};

use super::super::example::video;
use super::*;
use crate::observation::NodeFact;

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
        ("5 whose picture does not show its own number", |v| v.mismatched = 5),
    ];
    for (text, change) in faults {
        let verdict = with_video(change);
        assert_fails(&verdict, &[&format!("dock-2 at app: {text}")]);
        let (camera, at) = verdict.findings[0].pair.clone().unwrap();
        assert_eq!((camera.as_str(), at.as_str()), ("dock-2", "app"));
    }
}

#[test]
fn as_many_lost_as_allowed_pass() {
    let allow = |plan: &mut Plan| {
        let Word::Plays { lost, duplicated, .. } = &mut check_of(plan, CHECK).word else {
            panic!("not plays")
        };
        (*lost, *duplicated) = (2, 1);
    };
    let lose = |seen: &mut Observations| {
        let Fact::Video(video) = &mut seen.facts.last_mut().unwrap().line.fact else {
            panic!("not the video")
        };
        (video.lost, video.duplicated) = (2, 1);
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
