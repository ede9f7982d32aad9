//! Gives every RTSP session its frames: one thread, one frame per session and frame interval.
//!
//! A media prerolls with frame 0, which waits for PLAY. From then on frame `n` is due when the media's running
//! time reaches `n` frame intervals, and its time stamp says exactly that (of a recording with B-frames, when its picture is
//! shown, which is never before): a stamp in the future would show up
//! as latency (both sinks of the RTSP server wait for the clock), one in the past as jitter. A pause stops the
//! running time too, so the rule holds across pauses; only the first frame after one is early. Only when running time and frame number have drifted
//! apart (a suspended host) is the session anchored anew; one of JPEG never is, since nothing but their times tells its
//! frames' numbers.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;
use tracing::{debug, warn};

use super::Error;
use super::encode::{Reel, Video, frame_time};
use super::misbehaviour::Misbehaviour;
use super::shown::Shown;
use crate::identity::FrameIdentity;

/// A media that was told to play needs a moment until its clock runs; look again after this.
const SETTLING: Duration = Duration::from_millis(2);
/// Running time and due time may differ by this before the session is anchored anew.
const MAX_DRIFT: gst::ClockTime = gst::ClockTime::from_mseconds(500);
/// Frames that may wait in a media whose client does not read; beyond, frames are left out up to the next
/// picture where a receiver may start.
const MAX_WAITING: u64 = 60;

/// What the frames of a stream's sessions are made from.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) video: Video,
    /// Which of the camera's streams; 0 is the main one.
    pub(super) stream: u8,
    pub(super) camera: u32,
    /// Another one once the camera has died and come back.
    pub(super) run: Arc<AtomicU32>,
    pub(super) shown: Arc<Shown>,
    pub(super) misbehaviour: Misbehaviour,
}

impl Source {
    fn frame(&self, reel: &Reel, number: u64, sent: u64) -> Result<Vec<u8>, Error> {
        let (stream, camera, run) = (self.stream, self.camera, self.run.load(Ordering::Relaxed));
        self.video.access_unit(reel, FrameIdentity { stream, index: 0, camera, run, number, sent })
    }

    /// Frame `number`, which is sent at this time in the place of frame `due`.
    fn buffer(
        &self,
        reel: &Reel,
        (number, due): (u64, u64),
        sent: u64,
        at: gst::ClockTime,
    ) -> Result<gst::Buffer, Error> {
        let mut buffer = gst::Buffer::from_mut_slice(self.frame(reel, number, sent)?);
        let stamps = buffer.get_mut().expect("nobody else has the new buffer");
        match self.video.lead(number) {
            None => stamps.set_pts(at),
            // RTP's time stamp says when a picture is shown, also where it is sent out of its turn; the sinks wait for when it is sent.
            Some(lead) => {
                let fps = self.video.fps;
                let shown = at.saturating_add(frame_time(number + lead, fps));
                stamps.set_pts(shown.saturating_sub(frame_time(due, fps)));
                stamps.set_dts(at);
            }
        }
        stamps.set_duration(frame_time(1, self.video.fps));
        Ok(buffer)
    }
}

/// The sessions and the thread that feeds them; the thread ends when the last handle is dropped.
#[derive(Clone)]
pub(super) struct Pusher {
    shared: Arc<Shared>,
    _alive: Arc<StopOnDrop>,
}

#[derive(Default)]
struct Shared {
    sessions: Mutex<Sessions>,
    changed: Condvar,
}

#[derive(Default)]
struct Sessions {
    open: Vec<Session>,
    next_key: u64,
    stop: bool,
}

struct StopOnDrop(Arc<Shared>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.lock().stop = true;
        self.0.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Pusher {
    /// Starts the thread, which sleeps until there is a session.
    pub(super) fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let fed = Arc::clone(&shared);
        thread::spawn(move || feed(&fed));
        Self { _alive: Arc::new(StopOnDrop(Arc::clone(&shared))), shared }
    }

    /// Feeds a new media from this source; the key is for [`Pusher::play`] and [`Pusher::remove`]. One whose encoder does not
    /// start gets no frame, and its client is told so once it has waited.
    pub(super) fn add(&self, media: &gst_app::AppSrc, source: &Arc<Source>) -> u64 {
        let reel = match source.video.reel() {
            Ok(reel) => Some(Arc::new(reel)),
            Err(error) => {
                warn!(%error, "a session gets no video");
                None
            }
        };
        let mut sessions = self.shared.lock();
        let key = sessions.next_key;
        sessions.next_key += 1;
        let Some(reel) = reel else { return key };
        sessions.open.push(Session::new(key, media.clone(), Arc::clone(source), Arc::clone(&reel)));
        drop(sessions);
        // Frame 0 goes in when the media asks for it: before that it takes nothing. Nothing else is pushed
        // before PLAY, so the media prerolls, and every client starts, at the clip's first picture.
        let source = Arc::clone(source);
        let mut first = true;
        let need_data = move |media: &gst_app::AppSrc, _length: u32| {
            if std::mem::take(&mut first) {
                match source.buffer(&reel, (0, 0), 0, gst::ClockTime::ZERO) {
                    Ok(buffer) => {
                        let pushed = media.push_buffer(buffer);
                        debug!(key, ?pushed, "first frame waits for PLAY");
                    }
                    Err(error) => warn!(key, %error, "there is no first frame"),
                }
            }
        };
        media.set_callbacks(gst_app::AppSrcCallbacks::builder().need_data(need_data).build());
        key
    }

    /// The media was told to play, or to stop playing.
    pub(super) fn play(&self, key: u64, playing: bool) {
        let mut sessions = self.shared.lock();
        if let Some(session) = sessions.open.iter_mut().find(|session| session.key == key) {
            session.zero = None;
            if playing && !session.playing && session.number > 1 {
                session.resume();
            }
            session.playing = playing;
        }
        drop(sessions);
        self.shared.changed.notify_all();
    }

    /// The media is gone.
    pub(super) fn remove(&self, key: u64) {
        self.shared.lock().open.retain(|session| session.key != key);
    }
}

fn feed(shared: &Shared) {
    let mut sessions = shared.lock();
    while !sessions.stop {
        let now = Instant::now();
        let next = sessions.open.iter_mut().filter_map(|session| session.step(now)).min();
        sessions = match next {
            None => shared.changed.wait(sessions).unwrap_or_else(|poisoned| poisoned.into_inner()),
            Some(next) => {
                let wait = next.saturating_duration_since(Instant::now());
                shared.changed.wait_timeout(sessions, wait).unwrap_or_else(|poisoned| poisoned.into_inner()).0
            }
        };
    }
}

/// One client's media, or that of a multicast group.
struct Session {
    key: u64,
    media: gst_app::AppSrc,
    source: Arc<Source>,
    reel: Arc<Reel>,
    playing: bool,
    /// Number of the next frame.
    number: u64,
    /// What is added to a frame's time; not zero after the session was anchored anew.
    shift: gst::ClockTime,
    /// When the running time was zero, by our clock; known while playing.
    zero: Option<Instant>,
    /// Frames are left out until the next picture where a receiver may start.
    skipping: bool,
}

impl Session {
    fn new(key: u64, media: gst_app::AppSrc, source: Arc<Source>, reel: Arc<Reel>) -> Self {
        Self {
            key,
            media,
            source,
            reel,
            playing: false,
            number: 1,
            shift: gst::ClockTime::ZERO,
            zero: None,
            skipping: false,
        }
    }

    /// Pushes what is due, and says when to come again; `None` while the session does not play.
    fn step(&mut self, now: Instant) -> Option<Instant> {
        if !self.playing {
            return None;
        }
        let fps = self.source.video.fps;
        let Some(zero) = self.zero.or_else(|| self.anchor(fps, now)) else {
            return Some(now + SETTLING);
        };
        loop {
            let at = frame_time(self.number, fps) + self.shift;
            let due = zero + Duration::from(at) + self.source.misbehaviour.delay(self.number);
            if due > now {
                return Some(due);
            }
            if now - due > Duration::from(MAX_DRIFT) && !self.is_told_by_time() {
                self.zero = None;
                return Some(now);
            }
            self.push(at);
        }
    }

    /// After a pause the media plays only when it has a frame, which then waits for its time.
    fn resume(&mut self) {
        self.push(frame_time(self.number, self.source.video.fps) + self.shift);
    }

    /// Finds out when the running time was zero; possible once the media's clock runs.
    fn anchor(&mut self, fps: u32, now: Instant) -> Option<Instant> {
        if self.media.current_state() != gst::State::Playing {
            return None;
        }
        let running = self.media.current_running_time()?;
        let expected = frame_time(self.number, fps) + self.shift;
        let apart = running > expected + MAX_DRIFT || expected > running + MAX_DRIFT;
        if apart && !self.is_told_by_time() {
            debug!(key = self.key, %running, %expected, "anchored anew");
            self.shift = running.saturating_sub(frame_time(self.number, fps));
        }
        self.zero = now.checked_sub(Duration::from(running));
        self.zero
    }

    /// Whether frames say by their times alone which they are: where a codec has no place for an identity.
    fn is_told_by_time(&self) -> bool {
        !self.source.video.codec().has_units()
    }

    fn push(&mut self, at: gst::ClockTime) {
        let number = self.number;
        self.number += 1;
        let waiting = self.media.current_level_buffers();
        if waiting > MAX_WAITING && !self.skipping {
            warn!(key = self.key, number, "the client does not keep up; frames are left out");
            self.skipping = true;
        }
        if self.skipping && (!self.source.video.starts(number) || waiting > MAX_WAITING / 2) {
            return;
        }
        self.skipping = false;
        self.source.shown.sent(number);
        let wrong = &self.source.misbehaviour;
        let sent = fake_facts::now().saturating_sub(wrong.delay(number).as_nanos() as u64);
        let fps = self.source.video.fps;
        let half = frame_time(1, fps) / 2;
        for (copy, frame) in (0..).zip(wrong.sends(number)) {
            // Whatever is told by its time keeps it, also where it does not come in its order.
            let own = if self.is_told_by_time() { frame_time(frame, fps) } else { at };
            // No two have the same time: receivers would take them for one.
            let at = own + half * copy;
            match self.source.buffer(&self.reel, (frame, number), sent, at) {
                Ok(buffer) => {
                    if let Err(error) = self.media.push_buffer(buffer) {
                        debug!(key = self.key, frame, %error, "the media takes no more frames");
                        self.playing = false;
                    }
                }
                Err(error) => {
                    warn!(key = self.key, frame, %error, "a frame was not made");
                    self.playing = false;
                }
            }
        }
    }
}
