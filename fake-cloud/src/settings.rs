//! What a run is asked to be.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

pub use crate::iot::policy::Policy;
use crate::names::Spelling;
use crate::service::Service;
pub use crate::sigv4::Wrong;

/// Everything that can be chosen about a run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folder for credentials, keys and objects; made if missing.
    pub dir: PathBuf,
    /// Region, for example `eu-west-1`.
    pub region: String,
    /// Account, 12 digits.
    pub account: String,
    /// Things that get a certificate.
    pub things: Vec<String>,
    /// Jobs that things have: name of the thing, and what it shall do.
    pub jobs: Vec<(String, String)>,
    /// Things that are devices of Panorama's from the start, each with its certificate.
    pub devices: Vec<String>,
    /// Time between two monitoring jobs of a device; 30 s as documented.
    pub monitor_every: Duration,
    /// How long a minute of a job's timers takes: shorter where a test is not to wait for them.
    pub job_minute: Duration,
    /// Policies of things that may do something else than use their own topics, by the thing's name.
    pub policies: BTreeMap<String, Policy>,
    /// Addresses of each family of services; one without is not served.
    pub binds: Vec<(Service, IpAddr)>,
    /// Addresses at which every TLS service is served as well, and to which no name leads until one is moved there.
    pub spares: Vec<IpAddr>,
    /// Which spelling of the host names exists.
    pub spelling: Spelling,
    /// Whether `localhost` stands for all TLS services.
    pub localhost: bool,
    /// TCP port of the TLS services; 0 takes a free one.
    pub https_port: u16,
    /// UDP and TCP port of the name server; 0 takes a free one.
    pub dns_port: u16,
    /// UDP port of the time server; 0 takes a free one.
    pub ntp_port: u16,
    /// Services whose first requests are refused as too many, and how many.
    pub throttled: Vec<(Service, u32)>,
    /// How long credentials hold that things get, seconds.
    pub credentials_seconds: u32,
    /// The longest that credentials of STS hold, seconds; none: as long as is asked for, which AWS takes from 900 on.
    pub sessions_seconds: Option<u32>,
    /// For how long after it was made a signature is taken, seconds; none: as AWS has it, 300, and 900 at S3.
    pub signatures_seconds: Option<u32>,
    /// Requests that are believed although something is wrong with them, for sites that must notice.
    pub believed: Vec<Wrong>,
    /// How far the cloud's clock is ahead of the host's.
    pub clock_offset_seconds: i64,
    /// The time server that ours has its time from, asked again and again; none: ours shows the cloud's own clock.
    pub upstream: Option<SocketAddr>,
}

impl Settings {
    /// Every service on one address, reachable as `localhost` too, below `dir`.
    pub fn on_one_address(dir: PathBuf, ip: IpAddr) -> Self {
        Self {
            dir,
            region: "eu-west-1".into(),
            account: "123456789012".into(),
            things: vec!["app".into()],
            jobs: Vec::new(),
            devices: Vec::new(),
            monitor_every: Duration::from_secs(30),
            job_minute: Duration::from_secs(60),
            policies: BTreeMap::new(),
            binds: Service::families().map(|service| (service, ip)).collect(),
            spares: Vec::new(),
            spelling: Spelling::default(),
            localhost: true,
            https_port: 8443,
            dns_port: 5353,
            ntp_port: 1123,
            throttled: Vec::new(),
            credentials_seconds: 3600,
            sessions_seconds: None,
            signatures_seconds: None,
            believed: Vec::new(),
            clock_offset_seconds: 0,
            upstream: None,
        }
    }

    /// Every service on 127.0.0.1 with ports that need no rights.
    pub fn on_loopback(dir: PathBuf) -> Self {
        Self::on_one_address(dir, Ipv4Addr::LOCALHOST.into())
    }

    /// The services that are served, each once.
    pub(crate) fn served(&self) -> Vec<Service> {
        let is_bound = |service: &Service| self.binds.iter().any(|(bound, _)| *bound == service.family());
        Service::all().filter(is_bound).collect()
    }
}
