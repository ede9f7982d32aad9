//! What has arrived from one camera, judged frame by frame.

use std::collections::BTreeSet;
use std::mem::discriminant;
use std::ops::Range;

use fake_camera::clip;
use fake_camera::identity::sei::{Found, UNCODED};
use fake_camera::identity::{FrameIdentity, PictureCode};
use fake_facts::{ARRIVALS, NAMED, Odd, Oddity, Video};

use super::chain::{Chain, Reach};
use super::histogram::Histogram;

/// Frames of a group before the first picture that stands alone; ten groups of pictures of a camera of ours.
const MOST_MISSED: u32 = 300;
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
    /// A group was joined, and no picture that stands alone has come since: what so many more frames refer to had gone to others.
    missed_before: u32,
    odd: BTreeSet<Odd>,
    latencies: Histogram,
    last_arrival: Option<u64>,
    /// Arrivals that were not told yet, and how long each frame was under way.
    fresh: Vec<(u64, Option<i64>)>,
    /// Grows with every change; tells the reporter whether there is news.
    pub(super) version: u64,
}

/// What is known of a frame before its picture is seen.
#[derive(Clone, Copy, Debug)]
pub(super) enum Known {
    /// What it carries beside its picture, `None` if that is not readable; it was counted when it arrived.
    Said(Option<FrameIdentity>),
    /// Nothing but its time: it is counted when its picture is seen.
    ByTime(Timed),
}

/// A frame that carries no identity.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timed {
    /// Its number in its session, by its time stamp.
    pub(super) number: u64,
    /// When it was sent as the camera's reports tell it, nanoseconds since 1970; 0 if they have not told yet.
    pub(super) sent: u64,
    /// When it arrived, nanoseconds since 1970.
    pub(super) arrived: u64,
}

/// What the latest session's frames must be, and what is missing of them.
#[derive(Debug)]
struct Session {
    camera: u32,
    /// Whether any of its frames was the camera's; those without an identity of their own are so when a picture says it.
    proven: bool,
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
            missed_before: 0,
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
        self.missed_before = 0;
    }

    /// The session's frames go to a group, to which the camera may have been sending before: up to the first picture that
    /// stands alone, what frames refer to had gone to others, and is nobody's fault.
    pub(super) fn joins(&mut self) {
        self.missed_before = MOST_MISSED;
    }

    /// An access unit arrived at this time (nanoseconds since 1970); `start` if it refers to no other.
    ///
    /// Returns what is there that it refers to.
    pub(super) fn arrived(&mut self, found: Found, start: bool, now: u64) -> Reach {
        let frame = if let Found::Identity(frame) = found { Some(frame) } else { None };
        self.comes(frame.as_ref(), now);
        match &frame {
            Some(frame) => self.identified(frame, now),
            None => self.video.unidentified += 1,
        }
        let reach = self.chain.takes(frame.as_ref(), start);
        let whole = reach.is_whole();
        self.missed_before = if whole { 0 } else { self.missed_before.saturating_sub(1) };
        self.video.unreferenced += u64::from(!whole && self.missed_before == 0);
        reach
    }

    /// So many packets arrived, of which frames are put together here.
    pub(super) fn packets(&mut self, packets: u64) {
        self.version += 1;
        self.video.packets += packets;
    }

    /// Whatever it is, it arrived at this time.
    fn comes(&mut self, frame: Option<&FrameIdentity>, now: u64) {
        self.version += 1;
        if let Some(last) = self.last_arrival.replace(now) {
            let gap = now.saturating_sub(last) / 1000;
            self.video.longest_gap_us = self.video.longest_gap_us.max(gap);
        }
        self.remember_time(frame, now);
    }

    fn remember_time(&mut self, frame: Option<&FrameIdentity>, now: u64) {
        let excess = (self.fresh.len() + 1).saturating_sub(ARRIVALS);
        self.fresh.drain(..excess);
        self.video.untold += excess as u64;
        let micros = |nanos: u64| i64::try_from(nanos / 1000).unwrap_or(i64::MAX);
        let sent = frame.map(|frame| frame.sent).filter(|sent| *sent != 0);
        self.fresh.push((now, sent.map(|sent| micros(now) - micros(sent))));
    }

    /// A picture was made of the frame of which this is known; it shows this code.
    pub(super) fn decoded(&mut self, known: &Known, shown: Option<PictureCode>) {
        let frame = match known {
            Known::Said(frame) => *frame,
            Known::ByTime(timed) => self.is_due(timed, shown),
        };
        self.version += 1;
        self.video.decoded += 1;
        match &frame {
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
    pub(super) fn undecoded(&mut self, known: &Known) {
        let frame = match known {
            Known::Said(frame) => *frame,
            Known::ByTime(timed) => self.is_due(timed, None),
        };
        self.version += 1;
        self.video.undecoded += 1;
        if let Some(frame) = frame {
            self.note(Oddity::Undecoded, frame.number);
        }
    }

    /// Counts a frame that carries no identity, and whose picture shows this; gives what it must be by its time.
    ///
    /// It is received if its picture is one of the camera's: nothing else says whose it is.
    fn is_due(&mut self, timed: &Timed, shown: Option<PictureCode>) -> Option<FrameIdentity> {
        let known = self.session.as_ref().map(|session| session.camera).or(self.expected);
        let frame = known.or(shown.map(|code| code.camera)).map(|camera| FrameIdentity {
            stream: self.stream,
            index: clip::index_of(timed.number),
            camera,
            number: timed.number,
            sent: timed.sent,
            ..FrameIdentity::default()
        });
        self.comes(frame.as_ref(), timed.arrived);
        let Some(frame) = &frame else {
            self.video.unidentified += 1;
            return None;
        };
        let session = self.session(frame.camera);
        if let Some(code) = shown.filter(|_| !session.proven) {
            session.proven = code.camera == frame.camera;
            self.video.id = code.camera;
        }
        let is_own = shown.is_some_and(|code| code.camera == frame.camera);
        self.counts(frame, is_own, timed.arrived);
        Some(*frame)
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
        let (stream, camera) = (self.stream, self.expected.unwrap_or(frame.camera));
        let session = self.session(camera);
        let begins = !std::mem::replace(&mut session.proven, true);
        let is_own = frame.stream == stream
            && frame.camera == session.camera
            && *session.run.get_or_insert(frame.run) == frame.run;
        if begins {
            (self.video.id, self.video.run) = (frame.camera, frame.run);
        }
        if is_own {
            self.counts(frame, true, now);
        } else {
            self.video.foreign += 1;
        }
    }

    /// The session, which begins with its first frame, and is to be this camera's.
    fn session(&mut self, camera: u32) -> &mut Session {
        self.session.get_or_insert_with(|| {
            self.sessions += 1;
            Session { camera, proven: false, run: None, numbers: None, missing: BTreeSet::new() }
        })
    }

    /// Counts a frame of the session by its number, and as received if it proved to be the camera's.
    fn counts(&mut self, frame: &FrameIdentity, is_own: bool, now: u64) {
        self.video.received += u64::from(is_own);
        if frame.sent != 0 {
            // Clocks that disagree can make this negative; it then counts as none.
            self.latencies.add(now.saturating_sub(frame.sent) / 1000);
        }
        if let Some(session) = &mut self.session {
            let (place, missing) = session.number(frame.number, &mut self.video);
            self.note_place(&place, missing, frame.number);
        }
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
mod tests;
