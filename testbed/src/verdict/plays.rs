//! `plays`: of each camera, enough frames arrived that are its own, whole, in number and in time, and show what they say.

use std::collections::BTreeSet;

use fake_facts::{Fact, Odd, Oddity, Video};

use crate::names::NodeName;
use crate::observation::Observations;
use crate::plan::{Check, Plan, Role, ServiceKind, Word, viewer};
use crate::scenario::model::Bounds;

use super::Finding;
use super::judge::Draft;
use super::timing::Timing;
use super::wording::{counted, listed};

/// So many frames of a kind are named.
const SHOWN: usize = 8;

pub(super) fn draft(plan: &Plan, check: &Check, seen: &Observations) -> Draft {
    let mut draft = Draft::default();
    let Word::Plays { cameras, at, sub_streams, bounds } = &check.word else { return draft };
    if cameras.is_empty() {
        draft.reasons.add("vacuous", "no camera is named");
    }
    let mut totals = Video::default();
    let mut worst = Timing::default();
    let (sampled, mut shown) = (plan.samples_pictures(at), Vec::new());
    let streams = |camera: &NodeName| plan.streams_at(at, camera, *sub_streams);
    let all: Vec<_> = cameras
        .iter()
        .flat_map(|camera| streams(camera).into_iter().map(move |name| (camera, name)))
        .collect();
    for (camera, name) in &all {
        let Some(is) = Known::of(plan, camera, name) else {
            draft.reasons.add("camera", format!("{name} has no camera service in the plan"));
            continue;
        };
        let shown_another = of_others(plan, at, camera, seen);
        // Of a camera that gave nothing there are numbers, too.
        let came = |video: &&Video| video.received + video.unidentified + video.foreign > 0;
        match last_video(seen, at, name).filter(came) {
            Some(video) => {
                totals.received += video.received;
                totals.lost += video.lost;
                totals.decoded += video.decoded;
                let timing = Timing::of(seen, at, name);
                let is = Known { must_show: !sampled, ..is };
                shown.extend((video.decoded > 0).then(|| name.clone()));
                let mut faults: Vec<_> = shown_another.into_iter().chain(faults(video, is, bounds)).collect();
                faults.extend(timing.faults(bounds));
                draft.findings.extend(finding((camera, name), at, faults));
                for why in timing.unknown(bounds, video.untold) {
                    draft.reasons.add("timing", format!("{name} at {at}: {why}"));
                }
                worst = worst.or_longer(&timing);
            }
            None if is_ready(seen, at) => {
                let why = last_failure(seen, at, name);
                let why =
                    why.map_or("no frame arrived".into(), |error| format!("no frame arrived ({error})"));
                let faults = shown_another.into_iter().chain([why]).collect();
                draft.findings.extend(finding((camera, name), at, faults));
            }
            None => draft.reasons.add("ready", format!("the player at {at} never said that it was ready")),
        }
    }
    let per_camera = counted(cameras.len(), "camera");
    let per_camera = match all.len() > cameras.len() {
        true => format!("{per_camera} with {}", counted(all.len(), "stream")),
        false => per_camera,
    };
    let Video { received, lost, decoded, .. } = totals;
    let times = worst.told(bounds);
    draft.summary =
        format!("{per_camera} at {at}: {received} frames received, {lost} lost, {decoded} decoded{times}");
    if sampled {
        draft.summary += &pictures_of(&shown, all.len());
        if shown.is_empty() && received > 0 {
            let text = format!("no picture of any stream decoded at {at}");
            draft.findings.push(Finding { text, pair: None, stops_at: None, packets: Vec::new(), by: None });
        }
    }
    draft
}

/// What else than its own login the player has shown a camera, in words: each camera has a user of its own.
fn of_others(plan: &Plan, at: &NodeName, camera: &NodeName, seen: &Observations) -> Option<String> {
    let own = plan.nodes.iter().filter(|node| node.name == *at).flat_map(|node| &node.links);
    let own: Vec<_> = own.flat_map(|link| &link.addresses).map(ipnet::IpNet::addr).collect();
    let users: BTreeSet<&String> = facts_at(seen, camera)
        .filter_map(|fact| match fact {
            Fact::Misnamed { peer, user, .. } if own.contains(&peer.ip()) => Some(user),
            _ => None,
        })
        .collect();
    let whose = |user: &&String| {
        let other = plan.nodes.iter().find(|node| node.role == Role::Camera && viewer(&node.name) == **user);
        other.map_or_else(|| format!("user `{user}`"), |other| other.name.to_string())
    };
    (!users.is_empty())
        .then(|| format!("it was shown the login of {}", listed(users.iter().map(whose), SHOWN)))
}

/// Whose pictures were decoded, where that is done of some of the streams, in turns.
fn pictures_of(shown: &[String], all: usize) -> String {
    let whose = listed(shown.iter().cloned(), fake_facts::MOST_DECODED);
    format!("; pictures decoded in turns, of {} of {all} streams: {whose}", shown.len())
}

/// What is known of a camera before it plays.
#[derive(Clone, Copy)]
struct Known {
    number: u32,
    /// Its pictures are of a recording, and carry no codes.
    recorded: bool,
    /// Its pictures are decoded in any case, not in turns with others'.
    must_show: bool,
}

impl Known {
    /// Of the camera's stream that is called so.
    fn of(plan: &Plan, camera: &NodeName, name: &str) -> Option<Self> {
        let path = &name[camera.as_str().len()..];
        let mut services = plan.services.iter().filter(|service| service.node == *camera);
        services.find_map(|service| match &service.kind {
            ServiceKind::Camera { id, rtsp, .. } => {
                let further = rtsp.streams.iter().find(|stream| stream.path == path);
                let recording = further.map_or(&rtsp.recording, |stream| &stream.recording);
                Some(Self { number: *id, recorded: recording.is_some(), must_show: true })
            }
            _ => None,
        })
    }
}

pub(super) fn facts_at<'a>(
    seen: &'a Observations,
    at: &'a NodeName,
) -> impl DoubleEndedIterator<Item = &'a Fact> {
    seen.facts.iter().filter(move |fact| fact.node == *at).map(|fact| &fact.line.fact)
}

/// All counts of one camera's frames at one node, as they were told.
pub(super) fn videos<'a>(
    seen: &'a Observations,
    at: &'a NodeName,
    camera: &str,
) -> impl DoubleEndedIterator<Item = &'a Video> {
    facts_at(seen, at).filter_map(move |fact| match fact {
        Fact::Video(video) if video.camera == camera => Some(video),
        _ => None,
    })
}

/// The last count of one camera's frames at one node; counts only grow.
pub(super) fn last_video<'a>(seen: &'a Observations, at: &'a NodeName, camera: &str) -> Option<&'a Video> {
    videos(seen, at, camera).next_back()
}

pub(super) fn is_ready(seen: &Observations, at: &NodeName) -> bool {
    facts_at(seen, at).any(|fact| matches!(fact, Fact::Ready { .. }))
}

pub(super) fn last_failure<'a>(seen: &'a Observations, at: &'a NodeName, camera: &str) -> Option<&'a str> {
    facts_at(seen, at).rev().find_map(|fact| match fact {
        Fact::Failed { about: Some(about), error, .. } if about == camera => Some(error.as_str()),
        _ => None,
    })
}

/// Everything that is wrong with one camera's video but its timing, in words.
fn faults(video: &Video, Known { number, recorded, must_show }: Known, bounds: &Bounds) -> Vec<String> {
    let mut faults = Vec::new();
    let mut blame = |wrong: bool, text: String| {
        if wrong {
            faults.push(text);
        }
    };
    let Video { received, unidentified, foreign, decoded, mismatched, undecoded, .. } = *video;
    blame(
        video.received > 0 && video.id != number,
        format!("the frames are those of camera {} and not {number}", video.id),
    );
    blame(received < bounds.frames, format!("{received} of {} frames received", bounds.frames));
    for (count, most, word, what) in [
        (video.lost, bounds.lost, "lost", Oddity::Lost),
        (video.duplicated, bounds.duplicated, "twice", Oddity::Duplicated),
        (video.swapped, bounds.swapped, "swapped", Oddity::Swapped),
    ] {
        let which = named(video, count, |odd| *odd == what, frame);
        blame(count > most, format!("{count} {word}{which} (at most {most} allowed)"));
    }
    blame(unidentified > 0, format!("{unidentified} without a readable identity"));
    blame(foreign > 0, format!("{foreign} of another camera or run"));
    blame(decoded == 0 && must_show, "no picture decoded".to_owned());
    let is_shown = |odd: &Oddity| matches!(odd, Oddity::Shows { .. } | Oddity::ShowsNone);
    let shown = named(video, mismatched, is_shown, shows);
    blame(mismatched > 0, format!("{mismatched} whose picture does not show its own number{shown}"));
    let uncoded = decoded.saturating_sub(video.matched).saturating_sub(mismatched);
    blame(uncoded > 0 && !recorded, format!("{uncoded} that say that they are of a recording"));
    let without = named(video, undecoded, |odd| *odd == Oddity::Undecoded, frame);
    blame(undecoded > 0, format!("{undecoded} without a picture{without}"));
    // What a frame refers to is missing where others are lost, come again or come late, and for no other reason.
    let explained =
        [video.lost, video.duplicated, video.swapped, unidentified, foreign].iter().any(|n| *n > 0);
    let unexplained = video.unreferenced > 0 && !explained;
    blame(unexplained, format!("{} that refer to frames which nobody sent", video.unreferenced));
    faults
}

/// The frames behind a count, after a colon; nothing if none is known.
fn named(video: &Video, count: u64, is: impl Fn(&Oddity) -> bool, words: impl Fn(&Odd) -> String) -> String {
    let known: Vec<String> = video.odd.iter().filter(|odd| is(&odd.what)).take(SHOWN).map(words).collect();
    if known.is_empty() {
        return String::new();
    }
    let more = count.saturating_sub(known.len() as u64);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    format!(": {}{more}", listed(known, SHOWN))
}

/// Each session counts its frames anew; nearly always there is but one.
fn frame(odd: &Odd) -> String {
    match odd.session {
        0 | 1 => format!("frame {}", odd.number),
        session => format!("frame {} of session {session}", odd.number),
    }
}

fn shows(odd: &Odd) -> String {
    match odd.what {
        Oddity::Shows { camera, index } => {
            format!("{} shows picture {index} of camera {camera}", frame(odd))
        }
        _ => format!("{} shows no code", frame(odd)),
    }
}

fn finding((camera, name): (&NodeName, &str), at: &NodeName, faults: Vec<String>) -> Option<Finding> {
    (!faults.is_empty()).then(|| Finding {
        text: format!("{name} at {at}: {}", faults.join(", ")),
        pair: Some((camera.clone(), at.clone())),
        stops_at: None,
        packets: Vec::new(),
        by: None,
    })
}
