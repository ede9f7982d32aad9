//! `no_video`: nothing came, something came, nobody tried, and a player that plays nothing at all.

use fake_facts::{Fact, Line, Video};

use super::super::example::{START, conversation, of, video};
use super::*;
use crate::observation::{Conversation, NodeFact};
use crate::plan::{ServiceKind, Source};
use crate::scenario::model::Place;

const CHECK: &str = "nothing-comes";

/// `dock-2` is asked for; `dock-1` shows that the player can.
fn asked(plan: &mut Plan) {
    let word = Word::NoVideo { cameras: vec![of("dock-2")], at: of("app") };
    let place = Place { file: "scenarios/small.yaml".into(), line: 45, column: 3 };
    plan.checks.push(Check { name: of(CHECK), place, proves: vec![], requires: vec![], during: None, word });
}

fn told(fact: Fact) -> NodeFact {
    NodeFact { node: of("app"), line: Line { at: START, fact } }
}

fn failed() -> NodeFact {
    failed_at("rtsp")
}

fn failed_at(what: &str) -> NodeFact {
    let (what, about) = (what.into(), Some("dock-2".into()));
    told(Fact::Failed { what, about, error: "no frame for 5 s".into() })
}

fn without_video(seen: &mut Observations) {
    seen.facts.retain(|fact| !matches!(fact.line.fact, Fact::Video(_)));
}

#[test]
fn what_was_tried_and_brought_nothing_passes() {
    let verdict = after_both(CHECK, asked, |seen| {
        without_video(seen);
        seen.facts.extend([video("app", "dock-1", 1, 9), failed()]);
    });
    assert_eq!(
        (verdict.verdict, verdict.summary.as_str()),
        (Verdict::Pass, "1 camera asked for by app, 0 played (dock-2: no frame for 5 s)")
    );
}

#[test]
fn a_single_frame_is_one_too_many() {
    let verdict = after_both(CHECK, asked, |seen| {
        without_video(seen);
        seen.facts.extend([video("app", "dock-1", 1, 9), video("app", "dock-2", 2, 1)]);
    });
    assert_eq!(verdict.verdict, Verdict::Fail);
    assert_eq!(verdict.findings[0].text, "app received video of dock-2: 1 frame");
}

/// Asked where its video is, its name, or for what ours cannot play.
#[test]
fn who_fails_before_or_behind_video_has_not_tried() {
    for what in ["onvif", "resolve", "video"] {
        let verdict = after_both(CHECK, asked, |seen| {
            without_video(seen);
            seen.facts.extend([video("app", "dock-1", 1, 9), failed_at(what)]);
        });
        assert_inconclusive(&verdict, &["app never tried to play dock-2"]);
    }
}

/// A stranger's frames, some without an identity, and JPEG whose pictures show nothing.
#[test]
fn frames_that_are_nobodys_have_come_all_the_same() {
    let changes: [fn(&mut Video); 4] = [
        |video| video.foreign = 2,
        |video| video.unidentified = 2,
        |video| (video.decoded, video.mismatched) = (2, 2),
        |video| video.undecoded = 2,
    ];
    for change in changes {
        let verdict = after_both(CHECK, asked, |seen| {
            without_video(seen);
            let mut other = Video { camera: "dock-2".into(), ..Video::default() };
            change(&mut other);
            seen.facts.extend([video("app", "dock-1", 1, 9), told(Fact::Video(other))]);
        });
        assert_eq!(verdict.findings[0].text, "app received video of dock-2: 2 frames");
    }
}

/// Something is missing of each, as where a packet in three is lost.
#[test]
fn packets_of_frames_that_are_not_whole_have_come() {
    let verdict = after_both(CHECK, asked, |seen| {
        without_video(seen);
        let packets = Video { camera: "dock-2".into(), packets: 30, ..Video::default() };
        seen.facts.extend([video("app", "dock-1", 1, 9), told(Fact::Video(packets)), failed()]);
    });
    assert_fails(&verdict, &["app received video of dock-2 in part only: 30 packets"]);
}

/// By UDP, of which 9,000 bytes of media came from the camera; what was seen of it where it should arrive.
fn sent(by_camera: bool, change: impl Fn(&mut Conversation), filters: bool) -> CheckVerdict {
    let plan = |plan: &mut Plan| {
        asked(plan);
        let app = plan.nodes.iter_mut().find(|node| node.name.as_str() == "app").unwrap();
        app.judged_behind_filter = filters;
    };
    after_both(CHECK, plan, |seen| {
        without_video(seen);
        seen.facts.extend([video("app", "dock-1", 1, 9), failed()]);
        let (app, dock) = (("app", "10.20.0.5", 40_002), ("dock-2", "10.20.0.12", 50_000));
        let mut one = match by_camera {
            true => Conversation { media_out: 9000, ..conversation("udp", dock, app, 70) },
            false => Conversation { media_back: 9000, ..conversation("udp", app, dock, 70) },
        };
        change(&mut one);
        seen.conversations.push(one);
    })
}

#[test]
fn datagrams_that_reached_the_player_have_come_whoever_began() {
    for (by_camera, packet) in [(true, 71), (false, 72)] {
        let verdict = sent(by_camera, |_| {}, false);
        assert_fails(&verdict, &["app received video of dock-2 in part only: of 9000 bytes sent by UDP"]);
        assert_eq!(verdict.findings[0].packets, [("video of dock-2 at app".to_owned(), packet)]);
    }
}

#[test]
fn datagrams_that_were_kept_from_the_player_have_not_come() {
    let changes: [fn(&mut Conversation); 4] = [
        |one| (one.reached_packet, one.answered_packet) = (None, None),
        |one| (one.media_out, one.media_back) = (0, 0),
        |one| one.earlier = true,
        |one| one.kind = "tcp".into(),
    ];
    for (nth, change) in changes.into_iter().enumerate() {
        for by_camera in [true, false] {
            assert_eq!(sent(by_camera, change, false).verdict, Verdict::Pass, "{nth} {by_camera}");
        }
    }
    // It may have been the player's own filter that kept it.
    assert_eq!(sent(true, |_| {}, true).verdict, Verdict::Pass);
}

#[test]
fn datagrams_may_be_of_another_stream_that_has_played() {
    let judged = |frames| {
        let plan = |plan: &mut Plan| {
            asked(plan);
            for service in &mut plan.services {
                if let ServiceKind::Appliance { cameras, .. } = &mut service.kind {
                    cameras.push(Source { path: Some("/sub".into()), stream: 1, ..cameras[1].clone() });
                }
            }
        };
        after_both(CHECK, plan, |seen| {
            without_video(seen);
            let (app, dock) = (("app", "10.20.0.5", 40_002), ("dock-2", "10.20.0.12", 50_000));
            seen.facts.extend([
                video("app", "dock-1", 1, 9),
                video("app", "dock-2/sub", 2, frames),
                failed(),
            ]);
            let one = Conversation { media_out: 9000, ..conversation("udp", dock, app, 70) };
            seen.conversations.push(one);
        })
    };
    assert_eq!(judged(9).verdict, Verdict::Pass);
    assert_eq!(judged(0).verdict, Verdict::Fail, "it is of neither, and one was not to come");
}

#[test]
fn who_never_tried_or_plays_nothing_shows_nothing() {
    let untried = after_both(CHECK, asked, |seen| {
        without_video(seen);
        seen.facts.push(video("app", "dock-1", 1, 9));
    });
    assert_inconclusive(&untried, &["tried"]);
    let unable = after_both(CHECK, asked, |seen| {
        without_video(seen);
        seen.facts.push(failed());
    });
    assert_inconclusive(&unable, &["control"]);
}
