//! `no_video`: cameras were asked for video, and nothing of it came to whoever asked.
//!
//! The player tells what it tried and what came: frames, and packets where it puts frames together by itself. Of other video, whose
//! packets only its RTSP client has seen, taps tell what came by UDP, where something may be missing of each frame. That the player
//! could have played is shown by another camera that it did play.

use fake_facts::{Fact, Video};

use crate::names::NodeName;
use crate::observation::{End, Observations};
use crate::plan::Plan;

use super::Finding;
use super::judge::Draft;
use super::plays::{facts_at, is_ready, last_failure, last_video};
use super::wording::counted;

pub(super) fn draft(plan: &Plan, (cameras, at): (&[NodeName], &NodeName), seen: &Observations) -> Draft {
    let (mut draft, mut tries) = (Draft::default(), Vec::new());
    if cameras.is_empty() {
        draft.reasons.add("vacuous", "no camera is named");
    }
    for camera in cameras {
        if let Some((what, packets)) = received(plan, (camera, at), seen) {
            let text = format!("{at} received video of {camera}{what}");
            let pair = Some((camera.clone(), at.clone()));
            draft.findings.push(Finding { text, pair, stops_at: None, packets, by: None });
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

/// What came of a camera's video, in words, and packets that show it; `None` if nothing did.
fn received(
    plan: &Plan,
    (camera, at): (&NodeName, &NodeName),
    seen: &Observations,
) -> Option<(String, Vec<(String, u64)>)> {
    let video = last_video(seen, at, camera.as_str());
    match video.map_or((0, 0), |video| (came(video), video.packets)) {
        (0, 0) => {}
        (0, packets) => {
            return Some((format!(" in part only: {}", number(packets, "packet")), vec![]));
        }
        (frames, _) => return Some((format!(": {}", number(frames, "frame")), vec![])),
    }
    let (bytes, packet) = datagrams(plan, (camera, at), seen)?;
    let cited = vec![(format!("video of {camera} at {at}"), packet)];
    Some((format!(" in part only: of {} sent by UDP", number(bytes, "byte")), cited))
}

/// Bytes of media that the camera sent to the player by UDP, in conversations of which something came to the player's own link, and the
/// first packet that came there. What the player's own
/// filter may have kept from it is not known to have come, nor of which stream it is where another one of the camera's has played.
fn datagrams(plan: &Plan, (camera, at): (&NodeName, &NodeName), seen: &Observations) -> Option<(u64, u64)> {
    let filters = plan.nodes.iter().any(|node| node.name == *at && node.judged_behind_filter);
    let further = plan.streams_at(at, camera, true).into_iter().skip(1);
    let plays_further = |name: String| last_video(seen, at, &name).is_some_and(|video| came(video) > 0);
    if filters || further.into_iter().any(plays_further) {
        return None;
    }
    let is = |end: &End, node: &NodeName| end.node.as_ref() == Some(node);
    let udp = seen.conversations.iter().filter(|one| one.kind == "udp" && !one.earlier);
    let came = udp.filter_map(|one| match () {
        () if is(&one.opener, at) && is(&one.answerer, camera) => {
            Some((one.media_back, one.answered_packet?))
        }
        () if is(&one.opener, camera) && is(&one.answerer, at) => Some((one.media_out, one.reached_packet?)),
        () => None,
    });
    came.filter(|(bytes, _)| *bytes > 0).reduce(|all, one| (all.0 + one.0, all.1.min(one.1)))
}

fn number(of: u64, what: &str) -> String {
    counted(usize::try_from(of).unwrap_or(usize::MAX), what)
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
