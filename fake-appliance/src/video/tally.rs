//! What has arrived from one camera, judged frame by frame.

use std::collections::BTreeSet;

use fake_camera::identity::FrameIdentity;
use fake_camera::identity::sei::Found;
use fake_facts::{ARRIVALS, Video};

use super::histogram::Histogram;

/// Missing frame numbers that are remembered, so that a late frame is told from a repeated one.
const REMEMBERED: usize = 4096;

/// The counts of one camera since the appliance started.
///
/// The camera counts frames anew in each RTSP session: `first` and `last` are those of the latest session,
/// everything else is the sum over all sessions. A foreign frame counts as nothing but foreign.
#[derive(Debug)]
pub(super) struct Tally {
    video: Video,
    expected: Option<u32>,
    session: Option<Session>,
    latencies: Histogram,
    last_arrival: Option<u64>,
    /// Arrivals that were not told yet.
    fresh: Vec<u64>,
    /// Grows with every change; tells the reporter whether there is news.
    pub(super) version: u64,
}

/// What the latest session's frames must be, and what is missing of them.
#[derive(Debug)]
struct Session {
    camera: u32,
    /// The run of the camera's first frame in this session.
    run: Option<u32>,
    numbers: Option<(u64, u64)>,
    missing: BTreeSet<u64>,
}

impl Tally {
    pub(super) fn new(camera: &str, expected: Option<u32>) -> Self {
        Self {
            video: Video { camera: camera.to_owned(), ..Video::default() },
            expected,
            session: None,
            latencies: Histogram::new(),
            last_arrival: None,
            fresh: Vec::new(),
            version: 0,
        }
    }

    /// A new RTSP session begins: frame numbers start again.
    pub(super) fn begin_session(&mut self) {
        self.session = None;
    }

    /// An access unit arrived at this time (nanoseconds since 1970).
    pub(super) fn arrived(&mut self, found: Found, now: u64) {
        self.version += 1;
        if let Some(last) = self.last_arrival.replace(now) {
            let gap = now.saturating_sub(last) / 1000;
            self.video.longest_gap_us = self.video.longest_gap_us.max(gap);
        }
        let excess = (self.fresh.len() + 1).saturating_sub(ARRIVALS);
        self.fresh.drain(..excess);
        self.fresh.push(now);
        match found {
            Found::Identity(frame) => self.identified(&frame, now),
            Found::Damaged | Found::Nothing => self.video.unidentified += 1,
        }
    }

    /// A decoded picture was compared with the identity that came with it.
    pub(super) fn decoded(&mut self, matches: bool) {
        self.version += 1;
        self.video.decoded += 1;
        if matches {
            self.video.matched += 1;
        } else {
            self.video.mismatched += 1;
        }
    }

    /// The counts as they are now, with what arrived since this was last asked.
    pub(super) fn tell(&mut self) -> Video {
        Video { arrived: std::mem::take(&mut self.fresh), ..self.video() }
    }

    /// The counts as they are now.
    fn video(&self) -> Video {
        Video {
            latency_p50_us: self.latencies.quantile(0.5),
            latency_p99_us: self.latencies.quantile(0.99),
            ..self.video.clone()
        }
    }

    /// Frames that arrived with their identity and were not foreign.
    pub(super) fn received(&self) -> u64 {
        self.video.received
    }

    fn identified(&mut self, frame: &FrameIdentity, now: u64) {
        let session = self.session.get_or_insert_with(|| {
            self.video.id = frame.camera;
            self.video.run = frame.run;
            let camera = self.expected.unwrap_or(frame.camera);
            Session { camera, run: None, numbers: None, missing: BTreeSet::new() }
        });
        if frame.camera != session.camera || *session.run.get_or_insert(frame.run) != frame.run {
            self.video.foreign += 1;
            return;
        }
        self.video.received += 1;
        if frame.sent != 0 {
            // Clocks that disagree can make this negative; it then counts as none.
            self.latencies.add(now.saturating_sub(frame.sent) / 1000);
        }
        session.number(frame.number, &mut self.video);
    }
}

impl Session {
    fn number(&mut self, number: u64, video: &mut Video) {
        let Some((first, last)) = self.numbers else {
            self.numbers = Some((number, number));
            (video.first, video.last) = (number, number);
            return;
        };
        if number > last {
            video.lost = video.lost.saturating_add(number - last - 1);
            // Of a large gap only its end is remembered.
            self.missing.extend((last + 1).max(number.saturating_sub(REMEMBERED as u64))..number);
            while self.missing.len() > REMEMBERED {
                self.missing.pop_first();
            }
            self.numbers = Some((first, number));
            video.last = number;
        } else if self.missing.remove(&number) {
            video.lost -= 1; // late, not lost
        } else if number < first {
            video.lost = video.lost.saturating_add(first - number - 1);
            self.missing.extend(number + 1..first.min(number + REMEMBERED as u64));
            self.numbers = Some((number, last));
            video.first = number;
        } else {
            video.duplicated += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn frame(number: u64) -> FrameIdentity {
        FrameIdentity { camera: 1, run: 7, number, sent: 1000 * MS, ..Default::default() }
    }

    fn tally(numbers: &[u64]) -> Video {
        let mut tally = Tally::new("dock-1", Some(1));
        for &number in numbers {
            tally.arrived(Found::Identity(frame(number)), 1001 * MS);
        }
        tally.video()
    }

    #[test]
    fn an_unbroken_stream_has_nothing_lost_or_doubled() {
        let video = tally(&[0, 1, 2, 3, 4]);
        assert_eq!((video.received, video.first, video.last), (5, 0, 4));
        assert_eq!((video.lost, video.duplicated, video.foreign, video.unidentified), (0, 0, 0, 0));
        assert_eq!((video.id, video.run), (1, 7));
        assert!((1000..1032).contains(&video.latency_p50_us), "{}", video.latency_p50_us);
    }

    #[test]
    fn gaps_are_lost_and_repeats_are_duplicates() {
        let video = tally(&[5, 6, 9, 9, 6, 10]);
        assert_eq!((video.received, video.lost, video.duplicated), (6, 2, 2));
        assert_eq!((video.first, video.last), (5, 10));
    }

    #[test]
    fn late_frames_are_not_lost() {
        let video = tally(&[3, 6, 4, 5, 1, 2, 7]);
        assert_eq!((video.lost, video.duplicated, video.first, video.last), (0, 0, 1, 7));
    }

    #[test]
    fn a_gap_beyond_all_measure_is_counted_and_costs_no_memory() {
        let video = tally(&[0, u64::MAX - 1, u64::MAX]);
        assert_eq!((video.received, video.lost), (3, u64::MAX - 2));
    }

    #[test]
    fn frames_of_another_camera_or_run_are_foreign_and_nothing_else() {
        let mut tally = Tally::new("dock-1", Some(1));
        tally.arrived(Found::Identity(FrameIdentity { camera: 2, run: 9, ..frame(0) }), 0);
        tally.arrived(Found::Identity(frame(1)), 0);
        tally.arrived(Found::Identity(FrameIdentity { run: 8, ..frame(2) }), 0);
        let video = tally.video();
        assert_eq!((video.received, video.foreign, video.lost), (1, 2, 0));
        assert_eq!(video.id, 2, "the report shows who sends instead");
    }

    #[test]
    fn a_new_session_starts_the_numbers_again() {
        let mut tally = Tally::new("dock-1", Some(1));
        for number in 0..10 {
            tally.arrived(Found::Identity(frame(number)), 0);
        }
        tally.begin_session();
        for number in 0..3 {
            tally.arrived(Found::Identity(FrameIdentity { run: 8, ..frame(number) }), 0);
        }
        let video = tally.video();
        assert_eq!((video.received, video.duplicated, video.foreign), (13, 0, 0));
        assert_eq!((video.first, video.last, video.run), (0, 2, 8));
    }

    #[test]
    fn unreadable_identities_and_gaps_in_time_are_counted() {
        let mut tally = Tally::new("dock-1", None);
        tally.arrived(Found::Nothing, 10 * MS);
        tally.arrived(Found::Damaged, 30 * MS);
        tally.arrived(Found::Nothing, 35 * MS);
        assert_eq!((tally.video().unidentified, tally.video().longest_gap_us), (3, 20_000));
        assert_eq!(tally.received(), 0);
    }

    #[test]
    fn arrivals_are_told_once_and_of_many_the_latest() {
        let mut tally = Tally::new("dock-1", Some(1));
        tally.arrived(Found::Identity(frame(0)), 1000 * MS);
        tally.arrived(Found::Nothing, 1066 * MS);
        assert_eq!(tally.tell().arrived, [1000 * MS, 1066 * MS]);
        assert!(tally.tell().arrived.is_empty());
        for second in 0..300 {
            tally.arrived(Found::Nothing, second * 1000 * MS);
        }
        let arrived = tally.tell().arrived;
        assert_eq!((arrived.len(), arrived[ARRIVALS - 1]), (ARRIVALS, 299_000 * MS));
    }

    #[test]
    fn frames_without_a_send_time_say_nothing_about_latency() {
        let mut tally = Tally::new("dock-1", None);
        tally.arrived(Found::Identity(FrameIdentity { sent: 0, ..frame(0) }), 5_000 * MS);
        assert_eq!(tally.video().latency_p99_us, 0);
    }
}
