//! What went on in a run when: video that arrived, faults that stood, packets that were sent. Taken from what was seen, so
//! that reports can draw it.

use std::collections::BTreeMap;

use fake_facts::{Fact, Video};

use crate::names::{CheckName, NodeName};
use crate::observation::Observations;

/// Nanoseconds since 1970-01-01 UTC, from and until.
pub type Span = (u64, u64);

/// A pause is longer than this, nanoseconds: half a second is seen by whoever watches.
const PAUSE: u64 = 500_000_000;
/// And so many times as long as frames usually are apart, for cameras of few frames a second.
const PAUSE_FRAMES: u64 = 3;

/// Longest picture, bytes of base64: as long as a fact may be.
const LONGEST_PICTURE: usize = 64 << 10;

/// The course of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Course {
    /// Video, by camera and who gets it.
    pub streams: Vec<Stream>,
    /// When checks sent packets or opened conversations, each time apart; who began first comes first.
    pub probes: Vec<(CheckName, Vec<Span>)>,
    /// A picture of each camera that was decoded, by camera and who decoded it.
    pub pictures: Vec<Pictured>,
    /// From a fault that a check had carried out until it was mended, with the check.
    pub changes: Vec<(CheckName, Span)>,
}

/// A picture of one camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pictured {
    /// The camera, as who played it calls it.
    pub camera: String,
    /// Who played it.
    pub at: NodeName,
    /// A JPEG in base64, of at most 64 KiB.
    pub jpeg: String,
}

/// Video of one camera at one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The camera, as who gets it calls it.
    pub camera: String,
    /// Who gets it.
    pub at: NodeName,
    /// Frames that arrived.
    pub frames: u64,
    /// Frames that never came.
    pub lost: u64,
    /// When it ran, from one pause to the next.
    pub spans: Vec<Span>,
}

/// The course of what was seen.
pub fn course(seen: &Observations) -> Course {
    Course {
        streams: streams(seen),
        probes: in_order(probes(seen)),
        pictures: pictures(seen),
        changes: seen
            .changes
            .iter()
            .filter(|change| change.error.is_none())
            .map(|change| (change.check.clone(), (change.at, change.then_at)))
            .collect(),
    }
}

/// The first of each; a run folder may be anybody's, so that what is no JPEG in base64 is none here.
fn pictures(seen: &Observations) -> Vec<Pictured> {
    let plain = |jpeg: &str| {
        jpeg.len() <= LONGEST_PICTURE
            && jpeg.starts_with("/9j/")
            && jpeg.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
    };
    let mut first: BTreeMap<(&str, &NodeName), &str> = BTreeMap::new();
    for fact in &seen.facts {
        if let Fact::Picture { camera, jpeg } = &fact.line.fact
            && plain(jpeg)
        {
            first.entry((camera, &fact.node)).or_insert(jpeg);
        }
    }
    let pictured = |((camera, at), jpeg): ((&str, &NodeName), &str)| Pictured {
        camera: camera.to_owned(),
        at: at.clone(),
        jpeg: jpeg.to_owned(),
    };
    first.into_iter().map(pictured).collect()
}

fn streams(seen: &Observations) -> Vec<Stream> {
    let mut told: BTreeMap<(&str, &NodeName), Vec<(u64, &Video)>> = BTreeMap::new();
    for fact in &seen.facts {
        if let Fact::Video(video) = &fact.line.fact {
            told.entry((&video.camera, &fact.node)).or_default().push((fact.line.at, video));
        }
    }
    let stream = |((camera, at), told): ((&str, &NodeName), Vec<(u64, &Video)>)| {
        let mut arrivals: Vec<u64> = told.iter().flat_map(|(_, video)| &video.arrived).copied().collect();
        arrivals.sort_unstable();
        let last = told.last().map(|(_, video)| *video);
        Stream {
            camera: camera.to_owned(),
            at: at.clone(),
            frames: last.map_or(0, |video| video.received),
            lost: last.map_or(0, |video| video.lost),
            spans: spans(&arrivals),
        }
    };
    told.into_iter().map(stream).collect()
}

/// Ascending moments without the pauses between them.
fn spans(moments: &[u64]) -> Vec<Span> {
    let mut gaps: Vec<u64> = moments.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort_unstable();
    let usual = gaps.get(gaps.len() / 2).copied().unwrap_or(0);
    let pause = PAUSE.max(usual.saturating_mul(PAUSE_FRAMES));
    let mut spans: Vec<Span> = Vec::new();
    for moment in moments {
        match spans.last_mut() {
            Some((_, until)) if moment - *until <= pause => *until = *moment,
            _ => spans.push((*moment, *moment)),
        }
    }
    spans
}

fn probes(seen: &Observations) -> BTreeMap<&CheckName, Vec<Span>> {
    let mut probes: BTreeMap<&CheckName, Vec<Span>> = BTreeMap::new();
    for aim in &seen.aims {
        let spans = probes.entry(&aim.check).or_default();
        match aim.slices.as_slice() {
            [] => spans.push((aim.started_at, aim.ended_at)),
            slices => spans.extend(slices),
        }
    }
    for open in &seen.opens {
        let took = open.answered_after_us.unwrap_or(0).saturating_mul(1000);
        probes.entry(&open.check).or_default().push((open.at, open.at.saturating_add(took)));
    }
    probes
}

fn in_order(probes: BTreeMap<&CheckName, Vec<Span>>) -> Vec<(CheckName, Vec<Span>)> {
    let probes = probes.into_iter().map(|(check, spans)| (check.clone(), joined(spans)));
    let mut probes: Vec<_> = probes.filter(|(_, spans)| !spans.is_empty()).collect();
    probes.sort_by_key(|(_, spans)| spans.first().copied());
    probes
}

/// Spans that are not a pause apart as one.
fn joined(mut spans: Vec<Span>) -> Vec<Span> {
    spans.retain(|(from, until)| *from > 0 && until >= from);
    spans.sort_unstable();
    let mut joined: Vec<Span> = Vec::new();
    for (from, until) in spans {
        match joined.last_mut() {
            Some((_, end)) if from <= end.saturating_add(PAUSE) => *end = until.max(*end),
            _ => joined.push((from, until)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::example::{END, START, good, of, video};

    const MS: u64 = 1_000_000;

    #[test]
    fn the_first_picture_of_each_camera_counts_and_what_is_no_jpeg_is_none() {
        let mut seen = good();
        let long = format!("/9j/{}", "A".repeat(LONGEST_PICTURE));
        for (camera, jpeg) in [
            ("dock-1", "<script>"),
            ("dock-1", long.as_str()),
            ("dock-1", "/9j/\" onload=x"),
            ("dock-1", "/9j/AAA="),
            ("dock-1", "/9j/BBB="),
            ("dock-2", "AAAA"),
        ] {
            let fact = Fact::Picture { camera: camera.into(), jpeg: jpeg.into() };
            let mut told = video("app", "dock-1", 1, 1);
            told.line.fact = fact;
            seen.facts.push(told);
        }
        let expected = Pictured { camera: "dock-1".into(), at: of("app"), jpeg: "/9j/AAA=".into() };
        assert_eq!(course(&seen).pictures, [expected]);
    }

    #[test]
    fn video_has_a_span_from_each_pause_to_the_next() {
        let mut seen = good();
        seen.facts.clear();
        for (received, arrived) in [(3, vec![100, 200, 300]), (5, vec![400, 1500]), (6, vec![1600])] {
            let mut fact = video("app", "dock-1", 1, received);
            if let Fact::Video(video) = &mut fact.line.fact {
                video.arrived = arrived.into_iter().map(|ms: u64| ms * MS).collect();
                video.lost = 1;
            }
            seen.facts.push(fact);
        }
        let stream = Stream {
            camera: "dock-1".into(),
            at: of("app"),
            frames: 6,
            lost: 1,
            spans: vec![(100 * MS, 400 * MS), (1500 * MS, 1600 * MS)],
        };
        assert_eq!(course(&seen).streams, [stream]);
    }

    #[test]
    fn few_frames_a_second_are_no_pauses() {
        let slow: Vec<u64> = (1..=5).map(|second| second * 1000 * MS).collect();
        assert_eq!(spans(&slow), [(1000 * MS, 5000 * MS)]);
        assert_eq!(spans(&[]), []);
        assert_eq!(spans(&[7]), [(7, 7)]);
    }

    #[test]
    fn what_a_check_sends_at_once_is_one_span_and_again_another() {
        let mut seen = good();
        seen.opens.clear();
        let probes = course(&seen).probes;
        assert_eq!(probes, [(of("vms-shut"), vec![(START, END)])]);
        seen.aims[1].slices = vec![(END + 2 * PAUSE, END + 3 * PAUSE)];
        let probes = course(&seen).probes;
        assert_eq!(probes[0].1, [(START, END), (END + 2 * PAUSE, END + 3 * PAUSE)]);
    }

    #[test]
    fn a_fault_stands_until_it_is_mended_and_not_at_all_if_it_was_not_carried_out() {
        let mut seen = good();
        let change = |error: Option<&str>| crate::observation::ChangeSeen {
            check: of("vms-shut"),
            at: START,
            then_at: END,
            end_at: END + 1,
            error: error.map(Into::into),
            done: Default::default(),
        };
        seen.changes = vec![change(None), change(Some("no netem"))];
        assert_eq!(course(&seen).changes, [(of("vms-shut"), (START, END))]);
    }
}
