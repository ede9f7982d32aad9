//! The whole appliance, and its video half alone.

use std::sync::Arc;
use std::time::Duration;

use fake_facts::{Fact, Teller};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::{self, Camera, Careless, Config, Transport, When};
use crate::restart::Restart;
use crate::scan::{self, Login, Search, Streams};
use crate::stop::Stop;
use crate::video::{self, DecodeError, Frames, Manners, Shared, Told};
use crate::voice::Voice;
use crate::{clock, cloud, net, relay};

/// Longest wait for cameras to be taken leave of, and for the cloud session to close.
const FAREWELL: Duration = Duration::from_millis(900);

/// Why the appliance cannot start or go on. No failure of the network is among them.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be used.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// Certificates or keys cannot be used.
    #[error("{0}")]
    Tls(String),
    /// Pictures cannot be decoded here.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Ports that it should not even have cannot be opened.
    #[error("the ports of a relay cannot be opened: {source}")]
    Relay {
        /// What the system says.
        source: std::io::Error,
    },
    /// Nobody reads the facts any more.
    #[error("facts cannot be told")]
    Unheard,
}

impl From<net::TlsError> for Error {
    fn from(error: net::TlsError) -> Self {
        Self::Tls(error.to_string())
    }
}

/// Runs the appliance until `shutdown` says why it ends.
///
/// Tells `Ready` first (it listens on nothing), then what it does, one last `Video` per camera, and `Bye`.
pub async fn run(
    config: Config,
    teller: Arc<Teller>,
    shutdown: impl Future<Output = String>,
) -> Result<(), Error> {
    let config = config.made_careless();
    let prepare = |one| cloud::Cloud::prepare(one, config.careless);
    let cloud = config.cloud.as_ref().map(prepare).transpose()?;
    let relay = match config.careless.relays {
        true => Some(relay::listen().await.map_err(|source| Error::Relay { source })?),
        false => None,
    };
    let times = Times { report_every: config.report_every(), restart_lasts: config.restart_lasts() };
    let work = Work::start((&config.cameras, config.careless), config.decode, times, teller)?;
    let mut tasks = JoinSet::new();
    let scan = |when| {
        let scan = config.scan.as_ref().filter(|scan| scan.when == when)?;
        let (login, logins) = (scan.login.clone(), scan.logins.clone());
        Some(Search { login, logins, known: work.known.clone() })
    };
    let own = cloud.as_ref().map(cloud::Cloud::own);
    if let Some(cloud) = cloud {
        let extra = cloud::Extra {
            scans: scan(When::ByJob),
            careless: config.careless,
            frames: work.frames.clone(),
            restart: work.restart.clone(),
        };
        cloud.start(extra, &mut tasks, &work.voice, &work.told());
    }
    if let Some(relay) = relay {
        tasks.spawn(work.told().or_done(relay::serve(relay)));
    }
    if let Some(search) = scan(When::Unasked) {
        let voice = work.voice.clone();
        tasks.spawn(work.told().or_done(async move { drop(scan::scan(&search, &voice).await) }));
    }
    if let Some(clock) = config.clock {
        let (restarts, voice) = (work.restart.heard(), work.voice.clone());
        let follow = move || clock::follow(clock.clone(), voice.clone(), own.clone());
        tasks.spawn(work.told().or_done(restarts.anew(follow)));
    }
    work.end(shutdown, tasks).await
}

/// Pulls from these cameras until each has given so many frames (`None`: for ever) or until `shutdown`.
///
/// Tells the same facts as [`run`].
pub async fn pull(
    cameras: &[Camera],
    decode: bool,
    frames: Option<u64>,
    teller: Arc<Teller>,
    shutdown: impl Future<Output = String>,
) -> Result<(), Error> {
    let work = Work::start((cameras, Careless::default()), decode, Times::default(), teller)?;
    let shared = work.cameras.clone();
    let enough = async move {
        let Some(frames) = frames else { return std::future::pending().await };
        for camera in &shared {
            camera.until_received(frames).await;
        }
        format!("{frames} frames of each camera")
    };
    let reason = async {
        tokio::select! {
            reason = shutdown => reason,
            reason = enough => reason,
        }
    };
    work.end(reason, JoinSet::new()).await
}

/// Looks for cameras once; ends when that is done, or when `shutdown` says so.
///
/// Tells `Ready` first, what it finds, and `Bye`.
pub async fn scan_once(
    login: Login,
    teller: Arc<Teller>,
    shutdown: impl Future<Output = String>,
) -> Result<(), Error> {
    let work = Work::start((&[], Careless::default()), false, Times::default(), teller)?;
    let (voice, search) =
        (work.voice.clone(), Search { login, logins: Default::default(), known: work.known.clone() });
    let done = async move {
        let found = scan::scan(&search, &voice).await;
        format!("{} found", found.len())
    };
    let reason = async {
        tokio::select! {
            reason = shutdown => reason,
            reason = done => reason,
        }
    };
    work.end(reason, JoinSet::new()).await
}

/// How often cameras are told of, and how long a restart lasts.
struct Times {
    report_every: Duration,
    restart_lasts: Duration,
}

impl Default for Times {
    /// Nobody has an appliance restart that has no cloud.
    fn default() -> Self {
        Self { report_every: Duration::from_millis(250), restart_lasts: Duration::ZERO }
    }
}

/// What runs until the end.
struct Work {
    voice: Voice,
    stop: watch::Sender<bool>,
    restart: Restart,
    frames: Frames,
    known: Streams,
    cameras: Vec<Arc<Shared>>,
    video: JoinSet<()>,
}

impl Work {
    fn start(
        (cameras, careless): (&[Camera], Careless),
        decode: bool,
        times: Times,
        teller: Arc<Teller>,
    ) -> Result<Self, Error> {
        if decode && !cameras.is_empty() {
            video::check_decoder()?;
        }
        if cameras.iter().any(|camera| camera.transport == Transport::Multicast) {
            video::check_groups()?;
        }
        let voice = Voice::new(teller);
        voice.tell(Fact::Ready { listens: Vec::new() });
        let (stop, restart) = (watch::channel(false).0, Restart::new(times.restart_lasts));
        let manners = Manners::new(cameras.len(), decode, careless);
        let shared = |(place, camera): (usize, &Camera)| {
            Shared::new((place, camera.clone()), manners.clone(), voice.clone())
        };
        let cameras: Vec<_> = cameras.iter().enumerate().map(shared).collect();
        let mut video = JoinSet::new();
        for camera in &cameras {
            video.spawn(video::pull(Arc::clone(camera), restart.heard(), Stop::heard_from(&stop)));
            video.spawn(video::report(Arc::clone(camera), times.report_every, Stop::heard_from(&stop)));
            let told = [(careless.confides, Told::TooMuch), (careless.pushes, Told::Announced)];
            for (_, told) in told.into_iter().filter(|(is_told, _)| *is_told) {
                video.spawn(Stop::heard_from(&stop).or_done(video::confide(Arc::clone(camera), told)));
            }
        }
        Ok(Self { voice, stop, restart, frames: manners.frames(), known: manners.known(), cameras, video })
    }

    fn told(&self) -> Stop {
        Stop::heard_from(&self.stop)
    }

    async fn end(
        mut self,
        shutdown: impl Future<Output = String>,
        mut others: JoinSet<()>,
    ) -> Result<(), Error> {
        let reason = tokio::select! {
            reason = shutdown => reason,
            () = self.voice.unheard() => return Err(Error::Unheard),
        };
        self.stop.send_replace(true);
        let left = async {
            while self.video.join_next().await.is_some() {}
            while others.join_next().await.is_some() {}
        };
        if tokio::time::timeout(FAREWELL, left).await.is_err() {
            tracing::warn!("some sessions did not end in time");
        }
        self.cameras.iter().for_each(|camera| video::report_last(camera));
        self.voice.tell(Fact::Bye { reason });
        Ok(())
    }
}
