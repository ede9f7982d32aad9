//! The cloud: an MQTT session, and metrics, logs and one object over HTTPS, signed with credentials that the certificate
//! is exchanged for. One task each; what fails is told and tried again, none holds up another, and a restart ends each and begins it
//! anew.

mod application;
mod credentials;
mod fetch;
mod handed;
mod https;
mod jobs;
mod logs;
mod metrics;
mod object;
pub(crate) mod operator;
mod panorama;
mod session;
mod signing;
mod work;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::ClientConfig;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::backoff::Backoff;
use crate::config::{self, Application, Careless, ClientFile};

use crate::net::{self, Manner};
use crate::own::Own;
use crate::restart::{Restart, Restarts};
use crate::scan::Search;
use crate::stop::Stop;
use crate::video::Frames;
use crate::voice::Voice;
use credentials::Chain;
use fetch::Fetcher;
use https::Https;
use jobs::Means;

/// Application protocol of MQTT on port 443 with a client certificate (AWS IoT Core, "Device communication
/// protocols").
const MQTT: &str = "x-amzn-mqtt-ca";
const HTTP: &str = "http/1.1";

/// The cloud as this appliance reaches it.
pub(crate) struct Cloud {
    client: Arc<ClientFile>,
    thing: String,
    own: Arc<Own>,
    https: Arc<ClientConfig>,
    identity: Identity,
    application: Option<Application>,
}

/// What shows the appliance's certificate, for all who do; a job may bring another one.
#[derive(Clone)]
pub(crate) struct Identity(Arc<Mutex<Shown>>);

struct Shown {
    mqtt: Arc<ClientConfig>,
    https: Arc<ClientConfig>,
}

impl Identity {
    fn new(mqtt: Arc<ClientConfig>, https: Arc<ClientConfig>) -> Self {
        Self(Arc::new(Mutex::new(Shown { mqtt, https })))
    }

    /// For the next MQTT session.
    fn mqtt(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.lock().mqtt)
    }

    /// For the next connection to the credentials provider.
    fn https(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.lock().https)
    }

    /// Another certificate from now on: chain and key, PEM.
    fn put(&self, manner: Manner<'_>, chain: &[u8], key: &[u8]) -> Result<(), net::TlsError> {
        let mqtt = net::tls_client_with(Manner { alpn: MQTT, ..manner }, chain, key)?;
        let https = net::tls_client_with(manner, chain, key)?;
        *self.lock() = Shown { mqtt, https };
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an appliance has beside the cloud's own configuration.
pub(crate) struct Extra {
    /// How it looks for cameras where a job says so.
    pub(crate) scans: Option<Search>,
    /// What it does not take care of.
    pub(crate) careless: Careless,
    /// The last frame that came of its cameras, for one that hands video over.
    pub(crate) frames: Frames,
    /// Has everything restart.
    pub(crate) restart: Restart,
}

impl Cloud {
    /// Reads all files that have to do with the cloud.
    pub(crate) fn prepare(config: &config::Cloud, careless: Careless) -> Result<Self, crate::Error> {
        let client = ClientFile::read(&config.client_file)?;
        let (anyone, old) = (careless.trusts_anyone, careless.old_tls);
        let manner = Manner { ca: &client.ca, anyone, alpn: HTTP, old };
        let https = net::tls_client(manner, None)?;
        let own = Some((config.cert.as_path(), config.key.as_path()));
        let certified = net::tls_client(manner, own)?;
        let mqtt = net::tls_client(Manner { alpn: MQTT, ..manner }, own)?;
        Ok(Self {
            client: Arc::new(client),
            thing: config.thing.clone(),
            own: Arc::new(Own::new(config.monitor_every(), careless.mixes_ports_up)),
            https,
            identity: Identity::new(mqtt, certified),
            application: config.application,
        })
    }

    /// What the appliance knows of itself.
    pub(crate) fn own(&self) -> Arc<Own> {
        Arc::clone(&self.own)
    }

    /// Starts everything that goes on with the cloud.
    pub(crate) fn start(self, extra: Extra, tasks: &mut JoinSet<()>, voice: &Voice, stop: &Stop) {
        let endpoints = &self.client.endpoints;
        let (identity, ca) = (self.identity.clone(), self.client.ca.clone());
        let (anyone, old) = (extra.careless.trusts_anyone, extra.careless.old_tls);
        let certify = move |chain: &[u8], key: &[u8]| {
            let manner = Manner { ca: &ca, anyone, alpn: HTTP, old };
            identity.put(manner, chain, key).map_err(|error| error.to_string())
        };
        let takes_anything = extra.careless.takes_anything;
        let fetcher = Fetcher { tls: Arc::clone(&self.https), voice: voice.clone(), takes_anything };
        let restart = extra.restart;
        let means = Means {
            scans: extra.scans,
            own: Arc::clone(&self.own),
            fetcher,
            certify: Arc::new(certify),
            restart: restart.clone(),
            only_says_so: extra.careless.only_says_so,
            tells_of_others: extra.careless.tells_of_others,
        };
        let session = session::Settings {
            host: endpoints.iot.clone(),
            port: self.client.https_port,
            identity: self.identity.clone(),
            thing: self.thing.clone(),
            means,
            careless: extra.careless,
        };
        tasks.spawn(session::keep(session, voice.clone(), stop.clone()));
        let identity = self.identity.clone();
        let (client, voice_of_chain) = (Arc::clone(&self.client), voice.clone());
        let chain = Arc::new(Chain::new(client, &self.thing, identity, voice_of_chain, restart.clone()));
        let https = |service, host: &str| {
            let (client, chain, tls) =
                (Arc::clone(&self.client), Arc::clone(&chain), Arc::clone(&self.https));
            Https::new(service, host, client, chain, tls, voice.clone())
        };
        let careless = extra.careless;
        let often = || When { every: Some(Arc::clone(&self.own)), restarts: restart.heard(), careless };
        let monitoring = https("monitoring", &endpoints.monitoring);
        let monitoring = match extra.careless.fronts {
            true => monitoring.asking_for(&endpoints.panorama),
            false => monitoring,
        };
        let metrics = metrics::Metrics::new(monitoring, &self.thing);
        tasks.spawn(stop.clone().or_done(go(metrics, often(), voice.clone())));
        let logs = logs::Logs::new(https("logs", &endpoints.logs), &self.thing);
        tasks.spawn(stop.clone().or_done(go(logs, often(), voice.clone())));
        let object = object::Object::new(https("s3", &endpoints.s3), &self.thing);
        let once = When { every: None, restarts: restart.heard(), careless };
        tasks.spawn(stop.clone().or_done(go(object, once, voice.clone())));
        if self.application == Some(Application::Sts) {
            let calling = application::Application::new(https("sts", &endpoints.sts));
            tasks.spawn(stop.clone().or_done(go(calling, often(), voice.clone())));
        }
        if extra.careless.asks_panorama {
            let asking = panorama::Panorama::new(https("panorama", &endpoints.panorama), &self.thing);
            tasks.spawn(stop.clone().or_done(go(asking, often(), voice.clone())));
        }
        if extra.careless.hands_video_over {
            let handing = handed::Handed::new(https("s3", &endpoints.s3), &self.thing, extra.frames);
            tasks.spawn(stop.clone().or_done(go(handing, often(), voice.clone())));
        }
    }
}

/// How long it is until what failed is tried again; a moment, if it hurries.
fn again(backoff: &mut Backoff, hurries: bool) -> Duration {
    const MOMENT: Duration = Duration::from_millis(20);
    let wait = backoff.next();
    if hurries { MOMENT } else { wait }
}

/// When an errand is run.
struct When {
    /// So often, as the appliance is configured at the time; none: once after each start.
    every: Option<Arc<Own>>,
    restarts: Restarts,
    careless: Careless,
}

/// Something that is done over HTTPS, once or again and again.
trait Errand: Send {
    /// The service, as facts call it.
    fn service(&self) -> &'static str;
    /// Does it once; gives what was delivered, by its name there.
    fn run(&mut self) -> impl Future<Output = Result<String, https::Error>> + Send;
    /// Ends its connection, and forgets what it knows of the cloud.
    fn restart(&mut self);
}

/// Does an errand when it is due, and anew after each restart; what fails is tried again.
async fn go(mut errand: impl Errand, mut when: When, voice: Voice) {
    let mut backoff = Backoff::new();
    loop {
        when.restarts.over().await;
        let begun = Instant::now();
        let ran = tokio::select! {
            biased;
            () = when.restarts.next() => {
                errand.restart();
                continue;
            }
            ran = errand.run() => ran,
        };
        let next = match ran {
            Ok(name) => {
                voice.delivered(errand.service(), &name);
                backoff.reset();
                when.every.as_ref().map(|own| (begun + own.every()).max(Instant::now()))
            }
            Err(error) => {
                voice.failed(error.what(errand.service()), error.about(), &error);
                let wait = again(&mut backoff, when.careless.hurries);
                // Who takes offence comes no more.
                (!when.careless.sulks).then(|| Instant::now() + wait)
            }
        };
        let due = async {
            match next {
                Some(next) => sleep_until(next).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => {}
            () = when.restarts.next() => {
                backoff.reset();
                errand.restart();
            }
        }
    }
}
