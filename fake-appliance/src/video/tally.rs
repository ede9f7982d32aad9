//! What has arrived from one camera, judged frame by frame.

use std::collections::BTreeSet;
use std::mem::discriminant;
use std::ops::Range;

use fake_camera::clip;
use fake_camera::identity::sei::{Found, UNCODED};
use fake_camera::identity::{FrameIdentity, PictureCode};
use fake_facts::{ARRIVALS, NAMED, Odd, Oddity, Video};

use super::chain::Chain;
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
    /// Which of the camera's streams the frames must be of.
    stream: u8,
    session: Option<Session>,
    /// Sessions that had a frame.
    sessions: u32,
    chain: Chain,
    odd: BTreeSet<Odd>,
    latencies: Histogram,
    last_arrival: Option<u64>,
    /// Arrivals that were not told yet, and how long each frame was under way.
    fresh: Vec<(u64, Option<i64>)>,
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

/// What a frame's number says of it.
enum Place {
    /// It is the latest.
    Ahead,
    /// It came after one with a higher number.
    Late,
    /// It had come before.
    Again,
}

impl Tally {
    pub(super) fn new(camera: &str, expected: Option<u32>) -> Self {
        Self {
            video: Video { camera: camera.to_owned(), ..Video::default() },
            expected,
            stream: 0,
            session: None,
            sessions: 0,
            chain: Chain::default(),
            odd: BTreeSet::new(),
            latencies: Histogram::new(),
            last_arrival: None,
            fresh: Vec::new(),
            version: 0,
        }
    }

    /// Frames must be of this one of the camera's streams, not of the main one.
    pub(super) fn of_stream(self, stream: u8) -> Self {
        Self { stream, ..self }
    }

    /// A new RTSP session begins: frame numbers start again.
    pub(super) fn begin_session(&mut self) {
        self.session = None;
        self.chain = Chain::default();
    }

    /// An access unit arrived at this time (nanoseconds since 1970); `start` if it refers to no other.
    ///
    /// Returns whether all is there that it refers to, so that it can be decoded.
    pub(super) fn arrived(&mut self, found: Found, start: bool, now: u64) -> bool {
        self.version += 1;
        if let Some(last) = self.last_arrival.replace(now) {
            let gap = now.saturating_sub(last) / 1000;
            self.video.longest_gap_us = self.video.longest_gap_us.max(gap);
        }
        let frame = if let Found::Identity(frame) = found { Some(frame) } else { None };
        self.remember_time(frame.as_ref(), now);
        match &frame {
            Some(frame) => self.identified(frame, now),
            None => self.video.unidentified += 1,
        }
        let whole = self.chain.takes(frame.as_ref(), start);
        self.video.unreferenced += u64::from(!whole);
        whole
    }

    fn remember_time(&mut self, frame: Option<&FrameIdentity>, now: u64) {
        let excess = (self.fresh.len() + 1).saturating_sub(ARRIVALS);
        self.fresh.drain(..excess);
        self.video.untold += excess as u64;
        let micros = |nanos: u64| i64::try_from(nanos / 1000).unwrap_or(i64::MAX);
        let sent = frame.map(|frame| frame.sent).filter(|sent| *sent != 0);
        self.fresh.push((now, sent.map(|sent| micros(now) - micros(sent))));
    }

    /// A picture was made of the frame that says this of itself; it shows this code.
    pub(super) fn decoded(&mut self, frame: Option<&FrameIdentity>, shown: Option<PictureCode>) {
        self.version += 1;
        self.video.decoded += 1;
        match frame {
            Some(frame) if frame.index == UNCODED => {}
            Some(frame) if shown == Some(clip::code_of(frame)) => self.video.matched += 1,
            Some(frame) => {
                self.video.mismatched += 1;
                let shows = |code: PictureCode| Oddity::Shows { camera: code.camera, index: code.index };
                self.note(shown.map_or(Oddity::ShowsNone, shows), frame.number);
            }
            None => self.video.mismatched += 1,
        }
    }

    /// The decoder made no picture of this frame, and will not any more.
    pub(super) fn undecoded(&mut self, frame: Option<&FrameIdentity>) {
        self.version += 1;
        self.video.undecoded += 1;
        if let Some(frame) = frame {
            self.note(Oddity::Undecoded, frame.number);
        }
    }

    /// The counts as they are now, with what arrived since this was last asked.
    pub(super) fn tell(&mut self) -> Video {
        let (arrived, took_us) = std::mem::take(&mut self.fresh).into_iter().unzip();
        Video { arrived, took_us, ..self.video() }
    }

    /// The counts as they are now.
    fn video(&self) -> Video {
        Video {
            latency_p50_us: self.latencies.quantile(0.5),
            latency_p99_us: self.latencies.quantile(0.99),
            odd: self.odd.iter().copied().collect(),
            ..self.video.clone()
        }
    }

    /// Frames that arrived with their identity and were not foreign.
    pub(super) fn received(&self) -> u64 {
        self.video.received
    }

    fn identified(&mut self, frame: &FrameIdentity, now: u64) {
        let session = self.session.get_or_insert_with(|| {
            self.sessions += 1;
            self.video.id = frame.camera;
            self.video.run = frame.run;
            let camera = self.expected.unwrap_or(frame.camera);
            Session { camera, run: None, numbers: None, missing: BTreeSet::new() }
        });
        if frame.stream != self.stream
            || frame.camera != session.camera
            || *session.run.get_or_insert(frame.run) != frame.run
        {
            self.video.foreign += 1;
            return;
        }
        self.video.received += 1;
        if frame.sent != 0 {
            // Clocks that disagree can make this negative; it then counts as none.
            self.latencies.add(now.saturating_sub(frame.sent) / 1000);
        }
        let (place, missing) = session.number(frame.number, &mut self.video);
        self.note_place(&place, missing, frame.number);
    }

    /// Remembers which frames are missing, late or there again.
    fn note_place(&mut self, place: &Place, missing: Range<u64>, number: u64) {
        missing.take(NAMED).for_each(|missing| self.note(Oddity::Lost, missing));
        match place {
            Place::Ahead => {}
            Place::Late => {
                self.odd.remove(&Odd { what: Oddity::Lost, session: self.sessions, number });
                self.note(Oddity::Swapped, number);
            }
            Place::Again => self.note(Oddity::Duplicated, number),
        }
    }

    fn note(&mut self, what: Oddity, number: u64) {
        let alike = self.odd.iter().filter(|odd| discriminant(&odd.what) == discriminant(&what));
        if alike.count() < NAMED {
            self.odd.insert(Odd { what, session: self.sessions, number });
        }
    }
}

impl Session {
    /// Counts a frame; says what its number says of it, and which ones are missing on its account.
    fn number(&mut self, number: u64, video: &mut Video) -> (Place, Range<u64>) {
        let Some((first, last)) = self.numbers else {
            self.numbers = Some((number, number));
            (video.first, video.last) = (number, number);
            return (Place::Ahead, 0..0);
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
            (Place::Ahead, last + 1..number)
        } else if self.missing.remove(&number) {
            video.lost -= 1; // late, not lost
            video.swapped += 1;
            (Place::Late, 0..0)
        } else if number < first {
            video.lost = video.lost.saturating_add(first - number - 1);
            video.swapped += 1;
            self.missing.extend(number + 1..first.min(number + REMEMBERED as u64));
            self.numbers = Some((number, last));
            video.first = number;
            (Place::Late, number + 1..first)
        } else {
            video.duplicated += 1;
            (Place::Again, 0..0)
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
            tally.arrived(Found::Identity(frame(number)), true, 1001 * MS);
        }
        tally.video()
    }

    fn named_in(video: &Video) -> Vec<(Oddity, u64)> {
        video.odd.iter().map(|odd| (odd.what, odd.number)).collect()
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
        let named = [(Oddity::Lost, 7), (Oddity::Lost, 8), (Oddity::Duplicated, 6), (Oddity::Duplicated, 9)];
        assert_eq!(named_in(&video), named);
    }

    #[test]
    fn late_frames_are_not_lost() {
        let video = tally(&[3, 6, 4, 5, 1, 2, 7]);
        assert_eq!((video.lost, video.duplicated, video.first, video.last), (0, 0, 1, 7));
        assert_eq!(video.swapped, 4);
        assert_eq!(named_in(&video), [1, 2, 4, 5].map(|number| (Oddity::Swapped, number)));
    }

    #[test]
    fn of_each_kind_so_many_are_named() {
        let video = tally(&[0, 100, 101, 100, 99]);
        assert_eq!((video.lost, video.duplicated, video.swapped), (98, 1, 1));
        let lost = (1..=NAMED as u64).map(|number| (Oddity::Lost, number));
        let others = [(Oddity::Duplicated, 100), (Oddity::Swapped, 99)];
        assert_eq!(named_in(&video), lost.chain(others).collect::<Vec<_>>());
    }

    #[test]
    fn a_picture_is_that_of_its_frame_or_told_with_what_it_shows() {
        let mut tally = Tally::new("dock-1", Some(1));
        let shown = |camera, index| Some(PictureCode { camera, index });
        for number in 30..36 {
            tally.arrived(Found::Identity(frame(number)), true, 0);
        }
        tally.decoded(Some(&frame(30)), shown(1, 0));
        tally.decoded(Some(&frame(31)), shown(1, 2));
        tally.decoded(Some(&frame(32)), shown(2, 2));
        tally.decoded(Some(&frame(33)), None);
        // Whoever numbers a picture of before anew and says truly which one it is shows the wrong one all the same.
        tally.decoded(Some(&FrameIdentity { index: 0, ..frame(34) }), shown(1, 0));
        tally.undecoded(Some(&frame(35)));
        tally.decoded(None, shown(1, 5));
        let video = tally.video();
        assert_eq!((video.decoded, video.matched, video.mismatched, video.undecoded), (6, 1, 5, 1));
        let shows = |camera, index| Oddity::Shows { camera, index };
        let named = [
            (shows(1, 0), 34),
            (shows(1, 2), 31),
            (shows(2, 2), 32),
            (Oddity::ShowsNone, 33),
            (Oddity::Undecoded, 35),
        ];
        assert_eq!(named_in(&video), named);
    }

    #[test]
    fn a_picture_without_a_code_is_neither_its_frames_nor_anothers() {
        let mut tally = Tally::new("dock-1", Some(1));
        let recorded = FrameIdentity { index: UNCODED, ..frame(3) };
        tally.arrived(Found::Identity(recorded), true, 0);
        tally.decoded(Some(&recorded), None);
        tally.decoded(Some(&recorded), Some(PictureCode { camera: 1, index: 3 }));
        let video = tally.video();
        assert_eq!((video.decoded, video.matched, video.mismatched), (2, 0, 0));
        assert!(video.odd.is_empty(), "{video:?}");
    }

    #[test]
    fn a_gap_beyond_all_measure_is_counted_and_costs_no_memory() {
        let video = tally(&[0, u64::MAX - 1, u64::MAX]);
        assert_eq!((video.received, video.lost), (3, u64::MAX - 2));
    }

    #[test]
    fn frames_of_another_camera_or_run_are_foreign_and_nothing_else() {
        let mut tally = Tally::new("dock-1", Some(1));
        tally.arrived(Found::Identity(FrameIdentity { camera: 2, run: 9, ..frame(0) }), true, 0);
        tally.arrived(Found::Identity(frame(1)), true, 0);
        tally.arrived(Found::Identity(FrameIdentity { run: 8, ..frame(2) }), true, 0);
        let video = tally.video();
        assert_eq!((video.received, video.foreign, video.lost), (1, 2, 0));
        assert_eq!(video.id, 2, "the report shows who sends instead");
    }

    #[test]
    fn a_new_session_starts_the_numbers_again() {
        let mut tally = Tally::new("dock-1", Some(1));
        for number in 0..10 {
            tally.arrived(Found::Identity(frame(number)), true, 0);
        }
        tally.begin_session();
        for number in 0..3 {
            tally.arrived(Found::Identity(FrameIdentity { run: 8, ..frame(number) }), true, 0);
        }
        let video = tally.video();
        assert_eq!((video.received, video.duplicated, video.foreign), (13, 0, 0));
        assert_eq!((video.first, video.last, video.run), (0, 2, 8));
        tally.arrived(Found::Identity(FrameIdentity { run: 8, ..frame(5) }), true, 0);
        let lost = [3, 4].map(|number| Odd { what: Oddity::Lost, session: 2, number });
        assert_eq!(tally.video().odd, lost);
    }

    #[test]
    fn unreadable_identities_and_gaps_in_time_are_counted() {
        let mut tally = Tally::new("dock-1", None);
        tally.arrived(Found::Nothing, true, 10 * MS);
        tally.arrived(Found::Damaged, true, 30 * MS);
        tally.arrived(Found::Nothing, true, 35 * MS);
        assert_eq!((tally.video().unidentified, tally.video().longest_gap_us), (3, 20_000));
        assert_eq!(tally.received(), 0);
    }

    #[test]
    fn arrivals_are_told_once_and_of_many_the_latest() {
        let mut tally = Tally::new("dock-1", Some(1));
        tally.arrived(Found::Identity(frame(0)), true, 1000 * MS);
        tally.arrived(Found::Nothing, true, 1066 * MS);
        let told = tally.tell();
        assert_eq!((told.arrived, told.took_us), (vec![1000 * MS, 1066 * MS], vec![Some(0), None]));
        assert!(tally.tell().arrived.is_empty());
        for second in 0..300 {
            tally.arrived(Found::Nothing, true, second * 1000 * MS);
        }
        let Video { arrived, took_us, untold, .. } = tally.tell();
        assert_eq!((arrived.len(), arrived[ARRIVALS - 1]), (ARRIVALS, 299_000 * MS));
        assert_eq!((took_us.len(), untold), (ARRIVALS, 60));
    }

    #[test]
    fn frames_without_a_send_time_say_nothing_about_latency() {
        let mut tally = Tally::new("dock-1", None);
        tally.arrived(Found::Identity(FrameIdentity { sent: 0, ..frame(0) }), true, 5_000 * MS);
        assert_eq!((tally.video().latency_p99_us, tally.tell().took_us), (0, vec![None]));
    }

    #[test]
    fn a_frame_that_arrives_before_it_was_sent_shows_clocks_that_disagree() {
        let mut tally = Tally::new("dock-1", None);
        tally.arrived(Found::Identity(FrameIdentity { sent: 8 * MS, ..frame(0) }), true, 5 * MS);
        assert_eq!(tally.tell().took_us, [Some(-3000)]);
    }
}
