//! `plays`: of each camera, enough frames arrived that are its own, whole and in number.

use fake_facts::{Fact, Video};

use crate::names::NodeName;
use crate::observation::Observations;
use crate::plan::{Check, Plan, ServiceKind, Word};

use super::Finding;
use super::judge::Draft;
use super::wording::counted;

/// What is asked of each camera's video.
struct Asked<'a> {
    at: &'a NodeName,
    frames: u64,
    lost: u64,
    duplicated: u64,
}

pub(super) fn draft(plan: &Plan, check: &Check, seen: &Observations) -> Draft {
    let mut draft = Draft::default();
    let Word::Plays { cameras, at, frames, lost, duplicated } = &check.word else { return draft };
    let asked = Asked { at, frames: *frames, lost: *lost, duplicated: *duplicated };
    if cameras.is_empty() {
        draft.reasons.add("vacuous", "no camera is named");
    }
    let mut totals = Video::default();
    for camera in cameras {
        let Some(number) = number_of(plan, camera) else {
            draft.reasons.add("camera", format!("{camera} has no camera service in the plan"));
            continue;
        };
        match last_video(seen, at, camera) {
            Some(video) => {
                totals.received += video.received;
                totals.lost += video.lost;
                totals.decoded += video.decoded;
                draft.findings.extend(finding(camera, &asked, faults(video, number, &asked)));
            }
            None if is_ready(seen, at) => {
                let why = last_failure(seen, at, camera);
                let why =
                    why.map_or("no frame arrived".into(), |error| format!("no frame arrived ({error})"));
                draft.findings.extend(finding(camera, &asked, vec![why]));
            }
            None => draft.reasons.add("ready", format!("the player at {at} never said that it was ready")),
        }
    }
    let per_camera = counted(cameras.len(), "camera");
    let Video { received, lost, decoded, .. } = totals;
    draft.summary =
        format!("{per_camera} at {at}: {received} frames received, {lost} lost, {decoded} decoded");
    draft
}

fn number_of(plan: &Plan, camera: &NodeName) -> Option<u32> {
    plan.services.iter().filter(|service| service.node == *camera).find_map(|service| match service.kind {
        ServiceKind::Camera { id, .. } => Some(id),
        _ => None,
    })
}

fn facts_at<'a>(seen: &'a Observations, at: &'a NodeName) -> impl DoubleEndedIterator<Item = &'a Fact> {
    seen.facts.iter().filter(move |fact| fact.node == *at).map(|fact| &fact.line.fact)
}

/// The last count of one camera's frames at one node; counts only grow.
fn last_video<'a>(seen: &'a Observations, at: &'a NodeName, camera: &NodeName) -> Option<&'a Video> {
    facts_at(seen, at).rev().find_map(|fact| match fact {
        Fact::Video(video) if video.camera == camera.as_str() => Some(video),
        _ => None,
    })
}

fn is_ready(seen: &Observations, at: &NodeName) -> bool {
    facts_at(seen, at).any(|fact| matches!(fact, Fact::Ready { .. }))
}

fn last_failure<'a>(seen: &'a Observations, at: &'a NodeName, camera: &NodeName) -> Option<&'a str> {
    facts_at(seen, at).rev().find_map(|fact| match fact {
        Fact::Failed { about: Some(about), error, .. } if about == camera.as_str() => Some(error.as_str()),
        _ => None,
    })
}

/// Everything that is wrong with one camera's video, in words.
fn faults(video: &Video, number: u32, asked: &Asked<'_>) -> Vec<String> {
    let Video { received, lost, duplicated, unidentified, foreign, decoded, mismatched, .. } = *video;
    let mut faults = Vec::new();
    let mut blame = |wrong: bool, text: String| {
        if wrong {
            faults.push(text);
        }
    };
    blame(video.id != number, format!("the frames are those of camera {} and not {number}", video.id));
    blame(received < asked.frames, format!("{received} of {} frames received", asked.frames));
    blame(lost > asked.lost, format!("{lost} lost (at most {} allowed)", asked.lost));
    blame(
        duplicated > asked.duplicated,
        format!("{duplicated} twice (at most {} allowed)", asked.duplicated),
    );
    blame(unidentified > 0, format!("{unidentified} without a readable identity"));
    blame(foreign > 0, format!("{foreign} of another camera or run"));
    blame(decoded == 0, "no picture decoded".to_owned());
    blame(mismatched > 0, format!("{mismatched} whose picture does not show its own number"));
    faults
}

fn finding(camera: &NodeName, asked: &Asked<'_>, faults: Vec<String>) -> Option<Finding> {
    (!faults.is_empty()).then(|| Finding {
        text: format!("{camera} at {}: {}", asked.at, faults.join(", ")),
        pair: Some((camera.clone(), asked.at.clone())),
        stops_at: None,
        packets: Vec::new(),
        by: None,
    })
}
