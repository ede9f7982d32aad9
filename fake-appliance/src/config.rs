//! What the appliance is told: its own configuration, and the cloud's client file.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

pub use crate::scan::Login;

/// The appliance's configuration, one JSON object; unknown keys are mistakes.
///
/// ```
/// let config: fake_appliance::config::Config = serde_json::from_str(r#"{
///     "name": "app",
///     "cameras": [{ "name": "dock-1", "id": 1, "url": "rtsp://10.20.0.11:554/stream",
///                   "user": "admin", "password": "secret" }],
///     "cloud": { "client_file": "/run/client.json", "thing": "app", "cert": "/run/cert.pem",
///                "key": "/run/key.pem", "monitor_every_ms": 1000 },
///     "clock": { "server": "10.20.0.1" },
///     "decode": true,
///     "report_every_ms": 250,
///     "restart_ms": 1000
/// }"#).unwrap();
/// assert_eq!(config.cameras[0].name, "dock-1");
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name of the appliance, for the log.
    pub name: String,
    /// The cameras to pull from, all at once.
    #[serde(default)]
    pub cameras: Vec<Camera>,
    /// The cloud to talk to; none if absent.
    pub cloud: Option<Cloud>,
    /// The time server to ask; none if absent.
    pub clock: Option<Clock>,
    /// Whether it looks for cameras, and when; it does not if absent.
    pub scan: Option<Scan>,
    /// Whether pictures are decoded and compared with their identity; default true. JPEG is in any case: nothing else says whose
    /// it is.
    #[serde(default = "yes")]
    pub decode: bool,
    /// Shortest time between two reports about a camera, milliseconds, 50 or more; default 250.
    #[serde(default = "quarter_second")]
    pub report_every_ms: u64,
    /// How long all that goes on stays down when a job has the appliance restart, milliseconds; default 1000. A real one
    /// takes minutes: what matters to a network is that sessions end, are gone for a while, and come back.
    #[serde(default = "a_second")]
    pub restart_ms: u64,
    /// What it does not take care of.
    #[serde(default)]
    pub careless: Careless,
}

/// What an appliance does not take care of, to find out whether a hostile camera makes use of it: nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Careless {
    /// It goes wherever a camera sends it.
    pub follows: bool,
    /// What it shows of its password is dated by its own clock, not by the camera's.
    pub own_clock: bool,
    /// It sets one camera up after the other, and waits for each without end.
    pub waits: bool,
    /// It pulls no camera any more once it cannot read what one has answered.
    pub gives_up: bool,
    /// It reads answers of any length.
    pub unbounded: bool,
    /// It takes frames to have been sent when the camera's reports say so.
    pub camera_clock: bool,
    /// It asks Panorama's own service what it knows of it, as no appliance does.
    pub asks_panorama: bool,
    /// What a job has it fetch is taken whatever it is.
    pub takes_anything: bool,
    /// It says of each job that it is done, and does nothing.
    pub only_says_so: bool,
    /// It asks for Panorama's own service over connections to others of the cloud.
    pub fronts: bool,
    /// It waits for a moment only before it comes again to a service of the cloud that it failed at.
    pub hurries: bool,
    /// It comes no more to a service of the cloud that it failed at.
    pub sulks: bool,
    /// It looks at nobody's certificate.
    pub trusts_anyone: bool,
    /// It puts the last frame that came of its cameras where objects go, each time that it sends metrics.
    pub hands_video_over: bool,
    /// It speaks TLS 1.2 to the cloud, and nothing newer.
    pub old_tls: bool,
    /// It is a web proxy, at TCP port 3128 of all its addresses, and leads datagrams on, at UDP port 47128, for whoever reaches it.
    pub relays: bool,
    /// It tells its cameras far more than there is to ask of them, beside their video.
    pub confides: bool,
    /// It announces to its cameras that it is going to send them media.
    pub pushes: bool,
    /// It shows each camera the user name and the password of the first that it was told of.
    pub one_login: bool,
    /// Whatever answers a search for cameras is a camera to it.
    pub any_device: bool,
    /// Its questions for cameras may pass routers.
    pub searches_far: bool,
    /// It begins a search for cameras seconds after the job that asks for it.
    pub searches_late: bool,
    /// It tells the cloud of other cameras than those that a search has found.
    pub tells_of_others: bool,
    /// It tells the cloud of each of its ports the Ethernet address of the other.
    pub mixes_ports_up: bool,
}

/// One camera.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Camera {
    /// What it is called in facts.
    pub name: String,
    /// The number that its frames must carry; frames with another one are foreign. If absent, the number of
    /// each session's first frame.
    pub id: Option<u32>,
    /// What it was commissioned with, by `known`; for example `rtsp://10.20.0.11:554/stream`. Credentials do not belong here.
    pub url: String,
    /// What `url` is, and so where the address of the stream comes from.
    #[serde(default)]
    pub known: Known,
    /// User name for digest authentication.
    pub user: Option<String>,
    /// Password for digest authentication.
    pub password: Option<String>,
    /// How frames are asked for; default in the RTSP connection.
    #[serde(default)]
    pub transport: Transport,
    /// The port by which it is pulled once there was a frame of it; always that of `url` if absent.
    #[serde(default)]
    pub further_port: Option<u16>,
    /// Which of the camera's streams its frames must be of; frames of another one are foreign. Default 0, the main one.
    #[serde(default)]
    pub stream: u8,
}

/// What whoever commissions a camera knows of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// The address of its stream.
    #[default]
    Stream,
    /// The address of its ONVIF device service, which is asked for the stream once, as `user`:
    /// `http://10.20.0.11/onvif/device_service`.
    Device,
    /// Its IP address, `rtsp://10.20.0.11`: it is not pulled before a search has found it there and asked for its stream.
    Search,
}

/// A way that frames travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// In the RTSP connection.
    #[default]
    Tcp,
    /// By UDP.
    Udp,
    /// By UDP to a group, which is joined on the link by which the camera is reached. H.264 and H.265 only, by IPv4 only, and
    /// groups of 239.0.0.0/8 only (RFC 2365): none else is joined.
    Multicast,
}

impl std::fmt::Debug for Camera {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, id, url, known, user, password: _, transport, further_port, stream } = self;
        formatter
            .debug_struct("Camera")
            .field("name", name)
            .field("id", id)
            .field("url", url)
            .field("known", known)
            .field("user", user)
            .field("transport", transport)
            .field("further_port", further_port)
            .field("stream", stream)
            .finish_non_exhaustive()
    }
}

/// The search for cameras.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scan {
    /// What it waits for.
    pub when: When,
    /// Who asks the cameras.
    pub login: Login,
    /// Who asks the camera at one of these addresses instead: each has a login of its own.
    #[serde(default)]
    pub logins: BTreeMap<IpAddr, Login>,
}

/// What a search for cameras waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// A job of the cloud's that asks for it, as documented.
    ByJob,
    /// Nothing: it begins at the start.
    Unasked,
}

/// The cloud, and who the appliance is there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cloud {
    /// File that describes the cloud: [`ClientFile`].
    pub client_file: PathBuf,
    /// The appliance's name there; also its MQTT client id.
    pub thing: String,
    /// Its certificate chain, PEM.
    pub cert: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// Time between two metrics and two log lines, milliseconds, 50 or more; default 30000. How often it is asked how it is,
    /// the cloud decides.
    #[serde(default = "half_minute")]
    pub monitor_every_ms: u64,
    /// What an application of its calls, as often; nothing if absent.
    #[serde(default)]
    pub application: Option<Application>,
}

/// A service that an application calls, and nothing else of the appliance's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Application {
    /// The security token service, which is asked who calls.
    Sts,
}

/// The time server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// Address or name, with `:port` if that is not 123.
    pub server: String,
}

/// What the cloud tells its clients; keys that are not listed here are passed over.
#[derive(Clone, Deserialize)]
pub struct ClientFile {
    /// Region, for example `eu-west-1`.
    pub region: String,
    /// Account number.
    pub account: String,
    /// Alias of the role whose credentials sign requests.
    pub role_alias: String,
    /// Certificate of the authority that all servers are checked against, PEM.
    pub ca: PathBuf,
    /// Host names of the services.
    pub endpoints: Endpoints,
    /// TCP port of all services; default 443.
    #[serde(default = "https")]
    pub https_port: u16,
}

/// Host names of the services.
#[derive(Clone, Debug, Deserialize)]
pub struct Endpoints {
    /// MQTT.
    pub iot: String,
    /// Credentials for the certificate.
    pub credentials: String,
    /// Metrics.
    pub monitoring: String,
    /// Logs.
    pub logs: String,
    /// Objects: the host of an access point.
    pub s3: String,
    /// The security token service, which an application may call.
    #[serde(default)]
    pub sts: String,
    /// Panorama's own service, which no appliance talks to but a careless one.
    #[serde(default)]
    pub panorama: String,
}

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what it should be.
    #[error("{} is not as it should be: {source}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
}

impl Config {
    /// Reads a configuration file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        read_json(path)
    }

    /// Shortest time between two reports about a camera.
    pub fn report_every(&self) -> Duration {
        Duration::from_millis(self.report_every_ms.max(50))
    }

    /// The same as a careless appliance takes it: with [`Careless::one_login`], all cameras have the login of the first.
    pub(crate) fn made_careless(mut self) -> Self {
        if self.careless.one_login
            && let Some(Camera { user, password, .. }) = self.cameras.first().cloned()
        {
            for camera in &mut self.cameras {
                (camera.user, camera.password) = (user.clone(), password.clone());
            }
            if let Some(scan) = &mut self.scan {
                scan.logins.clear();
                (scan.login.user, scan.login.password) = (user, password);
            }
        }
        self
    }

    /// How long a restart lasts.
    pub fn restart_lasts(&self) -> Duration {
        Duration::from_millis(self.restart_ms)
    }
}

impl Cloud {
    /// Time between two signs of life.
    pub fn monitor_every(&self) -> Duration {
        Duration::from_millis(self.monitor_every_ms.max(50))
    }
}

impl ClientFile {
    /// Reads a client file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        read_json(path)
    }
}

pub(crate) fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, Error> {
    let path = || path.to_owned();
    let text = std::fs::read_to_string(path()).map_err(|source| Error::Read { path: path(), source })?;
    serde_json::from_str(&text).map_err(|source| Error::Content { path: path(), source })
}

fn yes() -> bool {
    true
}

fn quarter_second() -> u64 {
    250
}

fn a_second() -> u64 {
    1000
}

fn half_minute() -> u64 {
    30_000
}

fn https() -> u16 {
    443
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_configuration_is_a_name() {
        let config: Config = serde_json::from_str(r#"{"name":"app"}"#).unwrap();
        assert!(
            config.cameras.is_empty() && config.cloud.is_none() && config.clock.is_none() && config.decode
        );
        assert_eq!(config.report_every(), Duration::from_millis(250));
        assert_eq!(config.restart_lasts(), Duration::from_secs(1));
    }

    #[test]
    fn unknown_keys_are_mistakes_here_but_not_in_the_client_file() {
        assert!(serde_json::from_str::<Config>(r#"{"name":"app","camera":[]}"#).is_err());
        let client = r#"{"region":"eu-west-1","account":"123456789012","role_alias":"a",
            "ca":"/ca.pem","endpoints":{"iot":"i","credentials":"c","monitoring":"m","logs":"l","s3":"s","sts":"t"},"more":1}"#;
        let client: ClientFile = serde_json::from_str(client).unwrap();
        assert_eq!((client.https_port, client.endpoints.s3.as_str()), (443, "s"));
        assert_eq!(client.endpoints.sts, "t");
    }

    #[test]
    fn an_application_calls_what_it_is_told_or_nothing() {
        let of = |application: &str| {
            let text = r#"{"client_file":"c","thing":"app","cert":"c","key":"k"APPLICATION}"#;
            serde_json::from_str::<Cloud>(&text.replace("APPLICATION", application))
        };
        assert_eq!(of("").unwrap().application, None);
        assert_eq!(of(r#","application":"sts""#).unwrap().application, Some(Application::Sts));
        assert!(of(r#","application":"logs""#).is_err());
    }

    #[test]
    fn a_search_waits_for_a_job_or_for_nothing() {
        let of = |scan: &str| serde_json::from_str::<Scan>(scan);
        let scan = of(r#"{"when":"by-job","login":{"user":"u","password":"geheim"}}"#).unwrap();
        assert_eq!((scan.when, scan.login.user.as_deref()), (When::ByJob, Some("u")));
        assert!(!format!("{scan:?}").contains("geheim"));
        assert_eq!(of(r#"{"when":"unasked","login":{}}"#).unwrap().when, When::Unasked);
        assert!(of(r#"{"when":"always","login":{}}"#).is_err());
    }

    #[test]
    fn a_careless_appliance_has_one_login_for_all() {
        let text = r#"{"name":"app","careless":{"one_login":CARELESS},
            "cameras":[{"name":"a","url":"rtsp://10.0.0.1","user":"u-a","password":"p-a"},
                       {"name":"b","url":"rtsp://10.0.0.2","user":"u-b","password":"p-b"}],
            "scan":{"when":"unasked","login":{},"logins":{"10.0.0.2":{"user":"u-b","password":"p-b"}}}}"#;
        let taken = |careless: &str| {
            let config: Config = serde_json::from_str(&text.replace("CARELESS", careless)).unwrap();
            let config = config.made_careless();
            let cameras: Vec<_> = config.cameras.iter().map(|one| one.user.clone().unwrap()).collect();
            let scan = config.scan.unwrap();
            (cameras.join(" "), scan.login.user, scan.logins.len())
        };
        assert_eq!(taken("false"), ("u-a u-b".to_owned(), None, 1));
        assert_eq!(taken("true"), ("u-a u-a".to_owned(), Some("u-a".to_owned()), 0));
    }

    #[test]
    fn passwords_are_not_printed() {
        let camera = r#"{"name":"c","url":"rtsp://h/s","user":"u","password":"geheim"}"#;
        let camera: Camera = serde_json::from_str(camera).unwrap();
        assert!(!format!("{camera:?}").contains("geheim"));
    }
}
