//! `no_video`: cameras were asked for video, and not a frame came to whoever asked.
//!
//! The player tells what it tried and what came. That it could have played is shown by another camera that it did play.

use fake_facts::{Fact, Video};

use crate::names::NodeName;
use crate::observation::Observations;

use super::Finding;
use super::judge::Draft;
use super::plays::{facts_at, is_ready, last_failure, last_video};
use super::wording::counted;

pub(super) fn draft(cameras: &[NodeName], at: &NodeName, seen: &Observations) -> Draft {
    let (mut draft, mut tries) = (Draft::default(), Vec::new());
    if cameras.is_empty() {
        draft.reasons.add("vacuous", "no camera is named");
    }
    for camera in cameras {
        let received = last_video(seen, at, camera.as_str()).map_or(0, came);
        if received > 0 {
            let text = format!("{at} received video of {camera}: {}", counted(received as usize, "frame"));
            let pair = Some((camera.clone(), at.clone()));
            draft.findings.push(Finding { text, pair, stops_at: None, packets: Vec::new(), by: None });
        } else if !was_tried(seen, at, camera) {
            draft.reasons.add("tried", format!("{at} never tried to play {camera}"));
        }
        tries.extend(last_failure(seen, at, camera.as_str()).map(|error| format!("{camera}: {error}")));
    }
    if !is_ready(seen, at) {
        draft.reasons.add("ready", format!("the player at {at} never said that it was ready"));
    }
    if !plays_another(seen, at, cameras) {
        draft.reasons.add("control", format!("{at} played no other camera, and may be unable to play any"));
    }
    let tried = if tries.is_empty() { String::new() } else { format!(" ({})", tries.join("; ")) };
    let asked = counted(cameras.len(), "camera");
    draft.summary = format!("{asked} asked for by {at}, {} played{tried}", draft.findings.len());
    draft
}

/// Frames that came, whosoever they are. Those of JPEG are some camera's only by their pictures, if these show one.
fn came(video: &Video) -> u64 {
    let by_identity = video.received.saturating_add(video.unidentified).saturating_add(video.foreign);
    by_identity.max(video.decoded.saturating_add(video.undecoded))
}

/// Whether a session was set up, or failed for what became of it: a camera that was not asked for video yet (`onvif`), or that was
/// answered and could not be played by ours (`video`), was not tried.
fn was_tried(seen: &Observations, at: &NodeName, camera: &NodeName) -> bool {
    let connected = |fact: &Fact| matches!(fact, Fact::Connected { service, camera: Some(of), .. } if service == "rtsp" && of == camera.as_str());
    let failed = |fact: &Fact| matches!(fact, Fact::Failed { what, about: Some(of), .. } if what == "rtsp" && of == camera.as_str());
    facts_at(seen, at).any(|fact| connected(fact) || failed(fact))
}

fn plays_another(seen: &Observations, at: &NodeName, cameras: &[NodeName]) -> bool {
    facts_at(seen, at).any(|fact| {
        matches!(fact, Fact::Video(video) if video.received > 0
            && !cameras.iter().any(|camera| video.camera == camera.as_str()))
    })
}
