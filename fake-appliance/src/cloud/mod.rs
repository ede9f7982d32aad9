//! The cloud: an MQTT session, and metrics, logs and one object over HTTPS, signed with credentials that the certificate
//! is exchanged for. One task each; what fails is told and tried again, and none holds up another.

mod credentials;
mod fetch;
mod https;
mod jobs;
mod logs;
mod metrics;
mod object;
mod session;
mod work;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ClientConfig;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::backoff::Backoff;
use crate::config::{self, ClientFile};

use crate::net;
use crate::own::Own;
use crate::scan::Login;
use crate::stop::Stop;
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
    every: Duration,
    own: Arc<Own>,
    https: Arc<ClientConfig>,
    /// HTTPS that shows the certificate.
    certified: Arc<ClientConfig>,
    mqtt: Arc<ClientConfig>,
}

impl Cloud {
    /// Reads all files that have to do with the cloud.
    pub(crate) fn prepare(config: &config::Cloud) -> Result<Self, crate::Error> {
        let client = ClientFile::read(&config.client_file)?;
        let https = net::tls_client(&client.ca, HTTP, None)?;
        let own = Some((config.cert.as_path(), config.key.as_path()));
        let certified = net::tls_client(&client.ca, HTTP, own)?;
        let mqtt = net::tls_client(&client.ca, MQTT, own)?;
        Ok(Self {
            client: Arc::new(client),
            thing: config.thing.clone(),
            every: config.monitor_every(),
            own: Arc::new(Own::new(config.monitor_every())),
            https,
            certified,
            mqtt,
        })
    }

    /// What the appliance knows of itself.
    pub(crate) fn own(&self) -> Arc<Own> {
        Arc::clone(&self.own)
    }

    /// Starts everything that goes on with the cloud.
    ///
    /// `scans`: it looks for cameras as this user where a job says so.
    pub(crate) fn start(self, scans: Option<Login>, tasks: &mut JoinSet<()>, voice: &Voice, stop: &Stop) {
        let endpoints = &self.client.endpoints;
        let tls = Arc::new(Mutex::new(Arc::clone(&self.mqtt)));
        let (in_use, ca) = (Arc::clone(&tls), self.client.ca.clone());
        let certify = move |chain: &[u8], key: &[u8]| {
            let made = net::tls_client_with(&ca, MQTT, chain, key).map_err(|error| error.to_string())?;
            *in_use.lock().unwrap_or_else(PoisonError::into_inner) = made;
            Ok(())
        };
        let fetcher = Fetcher { tls: Arc::clone(&self.https), voice: voice.clone() };
        let means = Means { scans, own: Arc::clone(&self.own), fetcher, certify: Arc::new(certify) };
        let session = session::Settings {
            host: endpoints.iot.clone(),
            port: self.client.https_port,
            tls,
            thing: self.thing.clone(),
            means,
        };
        tasks.spawn(session::keep(session, voice.clone(), stop.clone()));
        let every = Some(self.every);
        let certified = Arc::clone(&self.certified);
        let chain = Arc::new(Chain::new(Arc::clone(&self.client), &self.thing, certified, voice.clone()));
        let https = |service, host: &str| {
            let (client, chain, tls) =
                (Arc::clone(&self.client), Arc::clone(&chain), Arc::clone(&self.https));
            Https::new(service, host, client, chain, tls, voice.clone())
        };
        let metrics = metrics::Metrics::new(https("monitoring", &endpoints.monitoring), &self.thing);
        tasks.spawn(stop.clone().or_done(go(metrics, every, voice.clone())));
        let logs = logs::Logs::new(https("logs", &endpoints.logs), &self.thing);
        tasks.spawn(stop.clone().or_done(go(logs, every, voice.clone())));
        let object = object::Object::new(https("s3", &endpoints.s3), &self.thing);
        tasks.spawn(stop.clone().or_done(go(object, None, voice.clone())));
    }
}

/// Something that is done over HTTPS, once or again and again.
trait Errand: Send {
    /// The service, as facts call it.
    fn service(&self) -> &'static str;
    /// Does it once; gives what was delivered, by its name there.
    fn run(&mut self) -> impl Future<Output = Result<String, https::Error>> + Send;
}

/// Does an errand every so often, or (`None`) until it has worked once.
async fn go(mut errand: impl Errand, every: Option<Duration>, voice: Voice) {
    let mut backoff = Backoff::new();
    let mut ticks = interval(every.unwrap_or(Duration::from_secs(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match errand.run().await {
            Ok(name) => {
                voice.delivered(errand.service(), &name);
                backoff.reset();
                if every.is_none() {
                    return;
                }
            }
            Err(error) => {
                voice.failed(error.what(errand.service()), error.about(), &error);
                backoff.wait().await;
                // Otherwise the waiting, which is over, would be followed by what is left of the interval.
                ticks.reset_immediately();
            }
        }
    }
}
