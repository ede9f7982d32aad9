//! Cameras: one task each pulls, judges and decodes its frames, for as long as the appliance runs.

mod bounded;
mod chain;
mod commission;
mod confide;
mod decode;
mod decoding;
mod feed;
mod follow;
mod frames;
mod histogram;
mod jpeg;
mod leading;
mod picture;
mod sent_away;
mod session;
mod stamps;
mod talk;
mod tally;
mod told_time;
mod turns;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use fake_camera::identity::PictureCode;
use fake_camera::identity::sei::Found;
use fake_facts::Fact;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

pub(crate) use confide::{Told, confide};
pub use decode::Error as DecodeError;
pub use decode::check_decoder;
pub use decode::check_groups;
pub(crate) use frames::Frames;

use crate::backoff::Backoff;
use crate::config::{Camera, Careless};
use crate::restart::Restarts;
use crate::scan::Streams;
use crate::stop::Stop;
use crate::voice::Voice;
use chain::Reach;
use tally::{Known, Tally};
use turns::Turns;

/// How all cameras are pulled.
#[derive(Clone)]
pub(crate) struct Manners {
    decode: bool,
    turns: Turns,
    careless: Careless,
    /// Whose turn it is, where one camera waits for the other.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// How many cameras have had a turn, the first time in the order of the configuration.
    begun: Arc<watch::Sender<usize>>,
    /// Whether all has been given up, where that may be.
    given_up: Arc<watch::Sender<bool>>,
    /// What is handed over, where that is done.
    frames: Frames,
    /// What searches have found.
    known: Streams,
}

impl Manners {
    /// For so many streams.
    pub(crate) fn new(streams: usize, decode: bool, careless: Careless) -> Self {
        let turns = Turns::of(streams);
        let (begun, given_up) = (Arc::new(watch::channel(0).0), Arc::new(watch::channel(false).0));
        let (frames, known) = (Frames::none_yet(), Streams::nothing_yet());
        Self { decode, turns, careless, turn: Arc::default(), begun, given_up, frames, known }
    }

    /// Waits for the turn of the camera at this place of the configuration.
    async fn turn(&self, place: usize) -> tokio::sync::MutexGuard<'_, ()> {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.begun.subscribe().wait_for(|begun| *begun >= place).await;
        let turn = self.turn.lock().await;
        self.begun.send_if_modified(|begun| {
            let first = *begun == place;
            *begun += usize::from(first);
            first
        });
        turn
    }

    /// What searches have found, for cameras that are known by no more than their address.
    pub(crate) fn known(&self) -> Streams {
        self.known.clone()
    }

    /// The last frame of any camera; there is none unless video is handed over.
    pub(crate) fn frames(&self) -> Frames {
        self.frames.clone()
    }
}

/// What the tasks around one camera have in common.
pub(crate) struct Shared {
    camera: Camera,
    /// Its place in the configuration.
    place: usize,
    manners: Manners,
    voice: Voice,
    tally: Mutex<Tally>,
    /// Frames received so far, for whoever waits for a number of them.
    received: watch::Sender<u64>,
    /// Whether a picture has been taken.
    pictured: AtomicBool,
    /// Where its stream is, once that is known.
    stream: tokio::sync::OnceCell<String>,
}

impl Shared {
    pub(crate) fn new((place, camera): (usize, Camera), manners: Manners, voice: Voice) -> Arc<Self> {
        let tally = Mutex::new(Tally::new(&camera.name, camera.id).of_stream(camera.stream));
        Arc::new(Self {
            camera,
            place,
            manners,
            voice,
            tally,
            received: watch::channel(0).0,
            pictured: AtomicBool::new(false),
            stream: tokio::sync::OnceCell::new(),
        })
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Counts a frame; what is there that it refers to.
    fn arrived(&self, found: Found, start: bool, now: u64) -> Reach {
        let (reach, received) = {
            let mut tally = self.tally();
            (tally.arrived(found, start, now), tally.received())
        };
        self.received.send_replace(received);
        reach
    }

    /// Counts a picture that the decoder made, and frames before it of which it made none.
    fn decoded(&self, due: impl IntoIterator<Item = Known>, of: Option<Known>, code: Option<PictureCode>) {
        let received = {
            let mut tally = self.tally();
            due.into_iter().for_each(|known| tally.undecoded(&known));
            if let Some(known) = of {
                tally.decoded(&known, code);
            }
            tally.received()
        };
        self.received.send_if_modified(|before| std::mem::replace(before, received) != received);
    }

    /// Returns when this many frames have been received.
    pub(crate) async fn until_received(&self, frames: u64) {
        let mut received = self.received.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = received.wait_for(|received| *received >= frames).await;
    }

    /// Tells the first picture that is decoded; whoever decodes need not wait for it.
    fn picture(self: &Arc<Self>, sample: &gstreamer::Sample) {
        if self.pictured.swap(true, Ordering::Relaxed) {
            return;
        }
        let (shared, sample) = (Arc::clone(self), sample.clone());
        std::thread::spawn(move || match picture::jpeg(&sample) {
            Ok(jpeg) => {
                let (camera, jpeg) = (shared.camera.name.clone(), BASE64_STANDARD.encode(jpeg));
                shared.voice.tell(Fact::Picture { camera, jpeg });
            }
            Err(why) => warn!(camera = shared.camera.name, why, "no picture for the report"),
        });
    }

    fn report(&self) {
        let video = self.tally().tell();
        self.voice.tell(Fact::Video(video));
    }
}

/// Pulls from one camera until told to stop; whatever fails is told and tried again. A restart cuts a session
/// off, and the next one is not opened before it is over.
pub(crate) async fn pull(shared: Arc<Shared>, mut restarts: Restarts, mut stop: Stop) {
    let mut backoff = Backoff::new();
    let mut given_up = shared.manners.given_up.subscribe();
    loop {
        tokio::select! {
            () = stop.told() => return,
            () = restarts.over() => {}
        }
        let before = shared.tally().version;
        let ended = tokio::select! {
            biased;
            () = restarts.next() => {
                backoff.reset();
                continue;
            }
            () = until(&mut given_up) => return stop.told().await,
            ended = session::play(&shared, &mut stop) => ended,
        };
        let Err(error) = ended else { return };
        shared.voice.failed(error.what(), Some(&shared.camera.name), &error);
        if shared.manners.careless.gives_up && error.is_unreadable() {
            shared.manners.given_up.send_replace(true);
        }
        if shared.tally().version > before {
            backoff.reset();
        }
        tokio::select! {
            () = stop.told() => return,
            () = restarts.next() => backoff.reset(),
            () = backoff.wait() => {}
        }
    }
}

/// Returns once this is true.
async fn until(told: &mut watch::Receiver<bool>) {
    // The sender lives as long as the manners, so waiting cannot fail.
    let _ = told.wait_for(|told| *told).await;
}

/// Reports a camera's counts while they grow, at most once per `every`, until told to stop.
pub(crate) async fn report(shared: Arc<Shared>, every: Duration, mut stop: Stop) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = 0;
    loop {
        tokio::select! {
            () = stop.told() => return,
            _ = ticks.tick() => {
                let version = shared.tally().version;
                if version > told {
                    told = version;
                    shared.report();
                }
            }
        }
    }
}

/// Reports a camera's counts for the last time.
pub(crate) fn report_last(shared: &Shared) {
    shared.report();
}
