//! One run of the cloud: what all services share, and how it starts and stops.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fake_facts::{Fact, Listen, Teller};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::beliefs::Beliefs;
use crate::ca::{self, Authority};
use crate::client::{BothNames, ClientFile, ThingFiles};
use crate::clock::Clock;
use crate::dns::{self, Addresses, Zones};
use crate::facts::Facts;
use crate::identity::{self, Identity};
use crate::iot::policy::Policy;
use crate::iot::provisioning::Waiting;
use crate::iot::registry::{Principal, Registry};
use crate::jobs::{Job, Jobs, Links};
use crate::journal::Journal;
use crate::keys::{Key, Keys};
use crate::logs::Logs;
use crate::monitoring::Metrics;
use crate::mqtt::{Broker, Message};
use crate::names::{Meaning, Names};
use crate::ntp::Time;
use crate::operator::{self, Orders};
use crate::panorama::{self, Panorama};
use crate::s3::{self, Objects};
use crate::service::Service;
use crate::session::Sessions;
use crate::settings::Settings;
use crate::shadow::Shadows;
use crate::sockets::Sockets;
use crate::standins::StandIns;
use crate::throttle::Throttle;
use crate::tls::Front;
use crate::{control, credentials, files, jobs, role, tls, upstream};

/// How long connections may take to end when the cloud stops.
const FAREWELL: Duration = Duration::from_secs(2);

/// What a connection has not heard of yet; beyond that it ends, as if its own service were meant.
const UNHEARD: usize = 16;

/// Why kept connections end in good order: their clients are to come anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// This name has moved, lower case.
    Name(String),
    /// Somebody else takes the place of this service.
    Service(Service),
}

/// What a connection hears of kept ones, from when it was taken in: what is said while it shakes hands, or while its first request is
/// answered, is meant for it, too.
pub(crate) struct Heard(broadcast::Receiver<Leave>);

/// Why the cloud did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file below the folder.
    #[error(transparent)]
    File(#[from] files::Error),
    /// A certificate.
    #[error(transparent)]
    Certificate(#[from] ca::Error),
    /// The TLS front.
    #[error(transparent)]
    Tls(#[from] tls::Error),
    /// What it is known by.
    #[error(transparent)]
    Identity(#[from] identity::Error),
    /// The object store.
    #[error(transparent)]
    Objects(#[from] s3::Error),
    /// A DNS zone.
    #[error(transparent)]
    Dns(#[from] dns::Error),
    /// A socket.
    #[error("bind {service} to {socket}: {source}")]
    Bind {
        /// Whose socket.
        service: Service,
        /// Where to.
        socket: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// What the services of a run share.
pub(crate) struct Cloud {
    pub(crate) names: Names,
    pub(crate) clock: Clock,
    pub(crate) time: Time,
    pub(crate) keys: Arc<Keys>,
    pub(crate) facts: Arc<Facts>,
    pub(crate) metrics: Metrics,
    pub(crate) logs: Logs,
    pub(crate) objects: Objects,
    pub(crate) broker: Broker,
    pub(crate) jobs: Jobs,
    pub(crate) shadows: Shadows,
    pub(crate) waiting: Waiting,
    pub(crate) panorama: Panorama,
    pub(crate) registry: Registry,
    /// `REGION:ACCOUNT`, as ARNs have it.
    pub(crate) place: Arc<str>,
    pub(crate) front: Front,
    pub(crate) authority: Authority,
    /// How long credentials hold that things get.
    pub(crate) credentials_last: Duration,
    /// The longest that credentials of STS hold; none: as long as is asked for.
    pub(crate) sessions_last: Option<Duration>,
    /// For how long after it was made a signature is taken; none: as AWS has it.
    pub(crate) signatures_last: Option<Duration>,
    /// What is believed although it is wrong.
    pub(crate) beliefs: Beliefs,
    pub(crate) throttle: Throttle,
    pub(crate) stand_ins: Arc<StandIns>,
    pub(crate) orders: Orders,
    /// Folder for the files of stand-ins.
    pub(crate) stand_ins_dir: PathBuf,
    /// Says whose kept connections end.
    pub(crate) leave: broadcast::Sender<Leave>,
    /// File with the secrets of TLS sessions.
    pub(crate) key_log: PathBuf,
}

impl Cloud {
    /// The holder of a certificate; none if it is nobody's.
    pub(crate) fn principal(&self, certificate_id: &str) -> Option<Principal> {
        self.registry.principal(certificate_id, &self.place, self.clock.now())
    }

    /// From here on a connection hears what is said of kept ones.
    pub(crate) fn hears(&self) -> Heard {
        Heard(self.leave.subscribe())
    }

    /// Waits until it is heard that this server name has moved, or that somebody else takes the place of its service.
    pub(crate) async fn left(&self, name: Option<&str>, heard: Heard) {
        self.said_of(name, true, heard).await;
    }

    /// Waits until it is heard that somebody else takes the place of this server name's service. Sessions outlast a name that moves.
    pub(crate) async fn replaced(&self, name: Option<&str>, heard: Heard) {
        self.said_of(name, false, heard).await;
    }

    async fn said_of(&self, name: Option<&str>, moves_count: bool, mut heard: Heard) {
        let service = name.and_then(|name| self.names.meaning(name));
        loop {
            match heard.0.recv().await {
                Ok(Leave::Name(other))
                    if moves_count && name.is_some_and(|name| name.eq_ignore_ascii_case(&other)) =>
                {
                    return;
                }
                Ok(Leave::Service(other)) if service == Some(Meaning::Service(other)) => return,
                Ok(_) => {}
                // Of what it has missed, something may be meant.
                Err(_) => return,
            }
        }
    }

    /// An ARN of the account in its region.
    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{resource}", self.place)
    }

    /// Publishes messages of the cloud's own.
    pub(crate) fn publish_own(&self, messages: Vec<Message>) {
        messages.into_iter().for_each(|message| self.broker.publish(message));
    }

    /// A certificate that is no thing's yet, with its key.
    pub(crate) fn issue(&self, active: bool) -> Result<Made, String> {
        let issued = self.authority.issue_client(CERTIFICATE).map_err(|error| error.to_string())?;
        let id = ca::certificate_id(&issued.der());
        self.registry.add_certificate(&id, active);
        let (pem, public_key, private_key) =
            (issued.certificate_pem(), issued.public_key_pem(), issued.key_pem());
        Ok(Made { id, pem, public_key, private_key })
    }

    /// The same for a signing request, PEM: its id, and itself.
    pub(crate) fn sign_request(&self, request: &str) -> Result<(String, String), String> {
        let signed = self.authority.issue_requested(request, CERTIFICATE);
        let (der, pem) = signed.map_err(|error| error.to_string())?;
        let id = ca::certificate_id(&der);
        self.registry.add_certificate(&id, false);
        Ok((id, pem))
    }
}

/// What certificates are called that are no thing's yet.
const CERTIFICATE: &str = "AWS IoT Certificate";

/// A certificate and its key, PEM.
pub(crate) struct Made {
    pub(crate) id: String,
    pub(crate) pem: String,
    pub(crate) public_key: String,
    pub(crate) private_key: String,
}

/// A cloud that runs. Dropping it leaves the servers running until the stop signal.
#[must_use = "stop it, or its servers run until the stop signal"]
pub struct Running {
    /// What was written to `client.json`.
    pub client: ClientFile,
    /// Every bound socket, as in the fact `Ready`.
    pub listens: Vec<Listen>,
    zones: Zones,
    cloud: Arc<Cloud>,
    facts: Arc<Facts>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Starts a cloud: writes its files, binds every socket, says `Ready`. It runs until `stop` is cancelled.
pub async fn start(settings: &Settings, teller: Teller, stop: CancellationToken) -> Result<Running, Error> {
    files::create_folder(&settings.dir)?;
    let dir = files::absolute(&settings.dir)?;
    let facts = Arc::new(Facts::new(teller, stop.clone()).kept_in(Journal::open(&dir)?));

    // Certificates follow the host's clock: a cloud whose clock is wrong must still be reachable.
    let identity = Identity::of(&dir)?;
    let authority = Authority::new(Clock::default().now(), &identity.authority_key)?;
    let key = identity.key();
    let sessions = Sessions::new(identity.session_secret());
    let keys = Arc::new(Keys::new(key.clone(), role::user(&settings.account), sessions));
    let things = write_things(settings, &dir, &authority)?;
    let names = names(settings, &identity.label);
    let sockets = Sockets::bind(settings).await?;
    let (shown, told) = watch::channel(None);
    let (dir, account) = (dir.as_path(), Account { names, authority, key: key.clone(), keys });
    let cloud = Arc::new(assemble(settings, dir, account, &facts, (sockets.https_port(), told))?);
    let zones = Zones::new(&cloud.names, &addresses(settings), facts.clone())?;
    let client = write_files(settings, dir, &cloud, &key, things, sockets.https_port())?;
    furnish(settings, &cloud, &client);

    let listens = sockets.listens.clone();
    let tasks = TaskTracker::new();
    sockets.serve(&cloud, zones.clone(), &tasks, &stop);
    facts.say(Fact::Ready { listens: listens.clone() });
    info!(dir = %dir.display(), sockets = listens.len(), "ready");
    let (monitor, every, told) = (cloud.clone(), settings.monitor_every, stop.clone());
    tasks.spawn(async move { panorama::monitor(&monitor, every, told).await });
    let (timed, told) = (cloud.clone(), stop.clone());
    tasks.spawn(async move { jobs::run_timers(&timed, told).await });
    if let Some(server) = settings.upstream {
        let (facts, stop) = (facts.clone(), stop.clone());
        tasks.spawn(async move { upstream::follow(server, shown, &facts, stop).await });
    }
    Ok(Running { client, listens, zones, cloud, facts, stop, tasks })
}

/// Who a cloud is.
struct Account {
    names: Names,
    authority: Authority,
    /// Of its user.
    key: Key,
    keys: Arc<Keys>,
}

/// What the services share, with nothing in it yet. Port of its HTTPS, and what an upstream tells of the time.
fn assemble(
    settings: &Settings,
    dir: &Path,
    Account { names, authority, key, keys }: Account,
    facts: &Arc<Facts>,
    (https_port, told): (u16, watch::Receiver<Option<upstream::Told>>),
) -> Result<Cloud, Error> {
    let clock = Clock::ahead_by(settings.clock_offset_seconds);
    let (leave, _) = broadcast::channel(UNHEARD);
    let job_minute = i64::try_from(settings.job_minute.as_millis()).unwrap_or(i64::MAX);
    let key_log = dir.join("tls-keys.log");
    let links = Links::new(key, &settings.region, settings.localhost, https_port, clock);
    Ok(Cloud {
        clock,
        time: settings.upstream.map_or(Time::Own(clock), |server| Time::Upstream(server.ip(), told)),
        objects: Objects::open(dir.join("objects"), &names, keys.clone())?,
        keys,
        facts: facts.clone(),
        metrics: Metrics::default(),
        logs: Logs::default(),
        broker: Broker::default(),
        jobs: Jobs::new(job_minute, links),
        shadows: Shadows::default(),
        waiting: Waiting::default(),
        panorama: Panorama::default(),
        registry: Registry::default(),
        place: format!("{}:{}", settings.region, settings.account).into(),
        front: Front::new(names.clone(), &settings.served(), &authority, &key_log)?,
        names,
        authority,
        credentials_last: credentials::lifetime(settings.credentials_seconds),
        sessions_last: settings.sessions_seconds.map(credentials::lifetime),
        signatures_last: settings.signatures_seconds.map(|last| Duration::from_secs(last.into())),
        beliefs: Beliefs::new(&settings.believed),
        throttle: Throttle::new(&settings.throttled),
        stand_ins: Arc::default(),
        orders: Orders::default(),
        stand_ins_dir: dir.join("stand-ins"),
        leave,
        key_log,
    })
}

/// What is there from the start: things with their policies, devices, jobs.
fn furnish(settings: &Settings, cloud: &Cloud, client: &ClientFile) {
    for (thing, files) in &client.things {
        let policy = settings.policies.get(thing).cloned().unwrap_or_else(Policy::own_topics);
        cloud.registry.admit(&files.certificate_id, Some(thing), policy);
    }
    let now = cloud.clock.milliseconds();
    for device in &settings.devices {
        cloud.panorama.add_device(device, now);
    }
    for (nth, (thing, operation)) in settings.jobs.iter().enumerate() {
        let document = serde_json::json!({ "operation": operation }).to_string();
        let name = format!("{operation}-{}", nth + 1);
        operator::awaited(cloud, thing, &name);
        let job = Job::new(&name, &document, now);
        // Nobody listens yet.
        cloud.jobs.create(job, std::slice::from_ref(thing), now);
    }
}

impl Running {
    /// What its services share.
    #[cfg(test)]
    pub(crate) fn shared(&self) -> Arc<Cloud> {
        self.cloud.clone()
    }

    /// Listens to what is asked on `input`, one JSON line each, and answers with the facts `name_moved`, `stand_ins_placed`,
    /// `throttles`, `ordered` and `failed`.
    pub fn obey(&self, input: impl io::Read + Send + 'static) {
        let (zones, cloud, stop) = (self.zones.clone(), self.cloud.clone(), self.stop.clone());
        self.tasks.spawn(control::obey(input, zones, cloud, stop));
    }

    /// Waits for the stop signal, lets connections end, and says `Bye`.
    pub async fn finish(self, reason: &str) {
        self.stop.cancelled().await;
        self.tasks.close();
        if tokio::time::timeout(FAREWELL, self.tasks.wait()).await.is_err() {
            warn!("connections were still open after 2 s and are cut");
        }
        self.facts.say(Fact::Bye { reason: reason.into() });
    }
}

fn names(settings: &Settings, label: &str) -> Names {
    let names = Names::new(&settings.region, &settings.account, label, "packages", settings.spelling);
    names.with_localhost(settings.localhost)
}

fn addresses(settings: &Settings) -> Addresses {
    let mut addresses = Addresses::new();
    for (service, ip) in &settings.binds {
        addresses.entry(*service).or_default().push(*ip);
    }
    addresses
}

fn write_files(
    settings: &Settings,
    dir: &Path,
    cloud: &Cloud,
    key: &Key,
    things: BTreeMap<String, ThingFiles>,
    https_port: u16,
) -> Result<ClientFile, Error> {
    let ca = dir.join("ca.pem");
    files::write(&ca, &cloud.authority.pem())?;
    let names = &cloud.names;
    let client = ClientFile {
        region: settings.region.clone(),
        account: settings.account.clone(),
        access_key_id: key.id.clone(),
        secret_access_key: key.secret.clone(),
        ca,
        https_port,
        endpoints: names.corrected(),
        names: BothNames { corrected: names.corrected(), as_printed: names.as_printed() },
        bucket: s3::first_bucket(names),
        access_point_arn: format!(
            "arn:aws:s3:{}:{}:accesspoint/{}",
            settings.region,
            settings.account,
            names.access_point()
        ),
        role_arn: role::arn(&settings.account),
        role_alias: role::NAME.into(),
        things,
    };
    let text = serde_json::to_string_pretty(&client).expect("text keys and text values only");
    files::write_private(&dir.join("client.json"), &text)?;
    if settings.localhost {
        files::write_private(&dir.join("env.sh"), &client.shell_exports())?;
    }
    Ok(client)
}

fn write_things(
    settings: &Settings,
    dir: &Path,
    authority: &Authority,
) -> Result<BTreeMap<String, ThingFiles>, Error> {
    let written = |thing: &String| Ok((thing.clone(), write_thing(dir, authority, thing)?));
    settings.things.iter().map(written).collect()
}

/// A thing keeps its certificate when the cloud is started again: it may be holding it.
fn write_thing(dir: &Path, authority: &Authority, thing: &str) -> Result<ThingFiles, Error> {
    let folder = dir.join("things").join(thing);
    files::create_folder(&folder)?;
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    if let Ok(kept) = CertificateDer::from_pem_file(&certificate)
        && PrivateKeyDer::from_pem_file(&key).is_ok()
    {
        let certificate_id = ca::certificate_id(&kept);
        return Ok(ThingFiles { certificate, key, certificate_id });
    }
    let issued = authority.issue_client(thing)?;
    files::write(&certificate, &issued.certificate_pem())?;
    files::write_private(&key, &issued.key_pem())?;
    Ok(ThingFiles { certificate, key, certificate_id: ca::certificate_id(&issued.der()) })
}
