//! What is waited for while a site is exercised: video of every played camera, and first words with the cloud.

use std::time::Duration;

use fake_facts::{Fact, Video};

use crate::names::NodeName;
use crate::observation::NodeFact;
use crate::plan::{Plan, Service, ServiceKind, Word};
use crate::probe::lookup;
use crate::scenario::model::{AT_THE_END, CloudService};
use crate::verdict::attacks::acts;
use crate::verdict::{asks_for_search, ends_search};

/// Longest that video and cloud are waited for beyond the time that the frames themselves take.
const EXERCISE_WITHIN: Duration = Duration::from_secs(8);

/// Room for each service's first words with the cloud.
const CLOUD_SERVICES: [&str; 3] = ["iot", "monitoring", "logs"];

/// Frames of each camera that run before its video is looked for: a third of a clip.
const LOOKED_FOR: u64 = 10;

/// How long the longest `plays` may take.
pub(super) fn plays_within(plan: &Plan) -> Duration {
    let slowest = plan.services.iter().filter_map(|service| match service.kind {
        ServiceKind::Camera { fps, .. } => Some(fps),
        _ => None,
    });
    let fps = slowest.min().unwrap_or(15).max(1);
    let most = plan.checks.iter().filter_map(|check| match &check.word {
        Word::Plays { bounds, .. } => Some(bounds.frames),
        _ => None,
    });
    EXERCISE_WITHIN + Duration::from_secs(most.max().unwrap_or(0).div_ceil(u64::from(fps)))
}

/// How long the longest `periodic` may take once all else is done: its gaps, and what may pass before the first of them begins.
pub(super) fn regular_within(plan: &Plan) -> Duration {
    let longest = plan.checks.iter().filter_map(|check| match &check.word {
        Word::Periodic { every, gaps, .. } => {
            Some(every.saturating_mul(u32::try_from(*gaps).unwrap_or(u32::MAX).saturating_add(1)))
        }
        _ => None,
    });
    longest.max().map_or(Duration::ZERO, |longest| longest + EXERCISE_WITHIN)
}

/// Whether every `plays` has its frames, and the appliance its first words with the cloud.
pub(super) fn exercised(plan: &Plan, facts: &[NodeFact]) -> bool {
    let played = plan.checks.iter().all(|check| match &check.word {
        Word::Plays { cameras, at, sub_streams, bounds } => {
            let streams = cameras.iter().flat_map(|camera| plan.streams_at(at, camera, *sub_streams));
            played(facts, at, &streams.collect::<Vec<_>>(), (bounds.frames, plan.samples_pictures(at)))
        }
        Word::Taint { streams, .. } => streams
            .iter()
            .filter(|one| one.plays)
            .all(|one| received(facts, &one.to, &one.camera) >= LOOKED_FOR),
        Word::Scan { at, by_job, .. } => {
            let any = |is_it: &dyn Fn(&NodeFact) -> bool| facts.iter().any(is_it);
            any(&|fact| fact.node == *at && matches!(fact.line.fact, Fact::Scanned { .. }))
                && (by_job.is_none()
                    || !any(&|fact| fact.node == *at && asks_for_search(&fact.line.fact))
                    || any(&|fact| ends_search(&fact.line.fact) == Some(at.as_str())))
        }
        Word::Attacks { of } => of.iter().all(|camera| attacked(plan, facts, camera)),
        Word::Clock { of, .. } => of.iter().all(|node| {
            facts.iter().any(|fact| fact.node == *node && matches!(fact.line.fact, Fact::Synced { .. }))
        }),
        _ => true,
    });
    played && all_tried(plan, facts) && delivered(plan, facts)
}

/// Whether a camera has done what it is there for, but for what it does at the end.
fn attacked(plan: &Plan, facts: &[NodeFact], camera: &NodeName) -> bool {
    let did = |act: &str| {
        facts.iter().any(|fact| {
            fact.node == *camera && matches!(&fact.line.fact, Fact::Attacked { what } if what == act)
        })
    };
    acts(plan, camera).into_iter().all(|act| act == AT_THE_END || did(act))
}

/// Whether everybody who plays cameras has had a frame of each, or has failed: who talks with whom is asked of all of
/// them, also where no check waits for their video.
fn all_tried(plan: &Plan, facts: &[NodeFact]) -> bool {
    let failed = |at: &NodeName, camera: &NodeName| {
        facts.iter().any(|fact| {
            let about = match &fact.line.fact {
                Fact::Failed { about, .. } => about.as_deref(),
                _ => None,
            };
            fact.node == *at && about == Some(camera.as_str())
        })
    };
    plan.services.iter().all(|service| match &service.kind {
        ServiceKind::Appliance { cameras, .. } => cameras
            .iter()
            .map(|source| &source.camera)
            .all(|camera| received(facts, &service.node, camera) > 0 || failed(&service.node, camera)),
        _ => true,
    })
}

/// Whether the site lives: video of every camera that is played has begun; and where answers about names open the way to the cloud,
/// the appliance has gone it, without which nobody knows by what names.
pub(super) fn begun(plan: &Plan, facts: &[NodeFact]) -> bool {
    let plays = plan.checks.iter().all(|check| match &check.word {
        Word::Plays { cameras, at, .. } => cameras.iter().all(|camera| received(facts, at, camera) > 0),
        _ => true,
    });
    plays && talking(plan).filter(|node| lookup::fills(plan, node)).all(|node| has_delivered(facts, node))
}

/// Whether so many frames of each stream arrived, and pictures are made of them: on a slow machine that begins much later. Where
/// pictures are those of some streams, in turns (`sampled`), of one of these.
fn played(facts: &[NodeFact], at: &NodeName, streams: &[String], (frames, sampled): (u64, bool)) -> bool {
    let of = |stream: &String| last_video(facts, at, stream);
    let decoded = |stream| of(stream).is_some_and(|video| video.decoded > 0);
    let shown = if sampled { streams.iter().any(decoded) } else { streams.iter().all(decoded) };
    shown && streams.iter().all(|stream| of(stream).is_some_and(|video| video.received >= frames))
}

fn received(facts: &[NodeFact], at: &NodeName, camera: &NodeName) -> u64 {
    last_video(facts, at, camera.as_str()).map_or(0, |video| video.received)
}

fn last_video<'a>(facts: &'a [NodeFact], at: &NodeName, camera: &str) -> Option<&'a Video> {
    facts.iter().rev().find_map(|fact| match &fact.line.fact {
        Fact::Video(video) if fact.node == *at && video.camera == camera => Some(video),
        _ => None,
    })
}

/// Whether each appliance has had its first words with the cloud, and its application with what it calls there.
fn delivered(plan: &Plan, facts: &[NodeFact]) -> bool {
    let calls = plan.services.iter().filter_map(|service| match &service.kind {
        ServiceKind::Appliance { application: Some(called), .. } => Some((&service.node, *called)),
        _ => None,
    });
    let called = |(node, wanted): (&NodeName, CloudService)| {
        facts.iter().any(|fact| {
            fact.node == *node
                && matches!(&fact.line.fact, Fact::Delivered { service, .. } if service == wanted.word())
        })
    };
    talking(plan).all(|node| has_delivered(facts, node)) && { calls }.all(called)
}

/// Appliances that talk with a cloud.
fn talking(plan: &Plan) -> impl Iterator<Item = &NodeName> {
    let talks = |service: &&Service| matches!(&service.kind, ServiceKind::Appliance { cloud: Some(_), .. });
    plan.services.iter().filter(talks).map(|service| &service.node)
}

fn has_delivered(facts: &[NodeFact], node: &NodeName) -> bool {
    CLOUD_SERVICES.iter().all(|&wanted| {
        facts.iter().any(|fact| {
            fact.node == *node
                && match &fact.line.fact {
                    Fact::Delivered { service, .. } => service == wanted,
                    // Whom the cloud does not ask has nothing to say there.
                    Fact::Connected { service, .. } => service == "iot" && wanted == "iot",
                    _ => false,
                }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::example::video;

    fn undecoded(mut fact: NodeFact) -> NodeFact {
        if let Fact::Video(video) = &mut fact.line.fact {
            video.decoded = 0;
        }
        fact
    }

    #[test]
    fn video_is_played_when_its_frames_came_and_pictures_are_made_of_them() {
        let (app, door) = ("app".parse().expect("a name"), ["door".to_owned()]);
        let facts = [video("app", "door", 1, 9)];
        assert!(played(&facts, &app, &door, (9, false)));
        assert!(!played(&facts, &app, &door, (10, false)), "a frame is still to come");
        let facts = facts.map(undecoded);
        for sampled in [false, true] {
            assert!(!played(&facts, &app, &door, (9, sampled)), "the decoder is still to begin");
        }
    }

    #[test]
    fn where_pictures_are_made_in_turns_those_of_one_stream_will_do() {
        let (app, both) = ("app".parse().expect("a name"), ["door".to_owned(), "gate".to_owned()]);
        let facts = [video("app", "door", 1, 9), undecoded(video("app", "gate", 2, 9))];
        assert!(played(&facts, &app, &both, (9, true)));
        assert!(!played(&facts, &app, &both, (9, false)));
        assert!(!played(&facts[..1], &app, &both, (9, true)), "frames of each must have come");
    }
}
