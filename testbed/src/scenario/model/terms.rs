//! Terms that the words of checks are written with.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::CloudService;

/// A version of TLS that is good enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TlsVersion {
    /// RFC 5246.
    #[default]
    #[serde(rename = "tls1.2")]
    Tls12,
    /// RFC 8446.
    #[serde(rename = "tls1.3")]
    Tls13,
}

/// A peer that takes a service's place for one client, and what is wrong with it; all else is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StandIn {
    /// It speaks TLS 1.0 only.
    #[serde(rename = "tls1.0")]
    Tls10,
    /// It speaks TLS 1.1 only.
    #[serde(rename = "tls1.1")]
    Tls11,
    /// It has RSA key exchange only.
    StaticRsa,
    /// It has suites only that encrypt nothing.
    NoEncryption,
    /// An authority that nobody knows has signed its certificate.
    WrongCa,
    /// Its certificate is for another name.
    WrongName,
    /// Its certificate is for the cloud's other services.
    SiblingName,
    /// Its certificate has expired.
    Expired,
    /// It ends TLS with a certificate of its own authority, and hands on to the cloud what it hears.
    Middlebox,
}

impl StandIn {
    /// All of them, as scenarios and facts spell them, and what is wrong with each.
    pub const ALL: [(&str, StandIn, &str); 9] = [
        ("tls1.0", StandIn::Tls10, "that speaks TLS 1.0 only"),
        ("tls1.1", StandIn::Tls11, "that speaks TLS 1.1 only"),
        ("static-rsa", StandIn::StaticRsa, "that has no forward secrecy"),
        ("no-encryption", StandIn::NoEncryption, "that encrypts nothing"),
        ("wrong-ca", StandIn::WrongCa, "whose certificate is of an unknown authority"),
        ("wrong-name", StandIn::WrongName, "whose certificate is for another name"),
        ("sibling-name", StandIn::SiblingName, "whose certificate is for other services"),
        ("expired", StandIn::Expired, "whose certificate has expired"),
        ("middlebox", StandIn::Middlebox, "that ends its TLS and reads on the way to the cloud"),
    ];

    /// How it is spelled, and what is wrong with it.
    pub fn words(self) -> (&'static str, &'static str) {
        let [first, ..] = Self::ALL;
        let (word, _, wrong) = Self::ALL.into_iter().find(|(_, one, _)| *one == self).unwrap_or(first);
        (word, wrong)
    }
}

/// A peer that takes a service's place for one client, and that is to be outlasted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Endured {
    /// It says nothing.
    Silent,
    /// It is the cloud, but its answers come a byte at a time.
    Slow,
    /// It resets the connection.
    Resets,
    /// It closes its half of the connection at once.
    HalfCloses,
}

impl Endured {
    /// All of them, as scenarios and facts spell them, and what each does.
    pub const ALL: [(&str, Endured, &str); 4] = [
        ("silent", Endured::Silent, "that says nothing"),
        ("slow", Endured::Slow, "whose answers come a byte at a time"),
        ("resets", Endured::Resets, "that resets the connection"),
        ("half-closes", Endured::HalfCloses, "that closes its half of the connection"),
    ];

    /// How it is spelled, and what it does.
    pub fn words(self) -> (&'static str, &'static str) {
        let [first, ..] = Self::ALL;
        let (word, _, does) = Self::ALL.into_iter().find(|(_, one, _)| *one == self).unwrap_or(first);
        (word, does)
    }
}

impl TlsVersion {
    /// Peers with which nothing is wrong, from this version on, by their words.
    pub fn good_peers(self) -> &'static [&'static str] {
        match self {
            TlsVersion::Tls12 => &["tls1.2", "tls1.3"],
            TlsVersion::Tls13 => &["tls1.3"],
        }
    }

    /// The same where peers take the place of these services: a client of MQTT does a job of each, and one of them is enough to show
    /// that it does.
    pub fn good_peers_for(self, services: &[CloudService]) -> &'static [&'static str] {
        let all = self.good_peers();
        if services.contains(&CloudService::Iot) { &all[..1] } else { all }
    }

    /// Its number on the wire.
    pub fn number(self) -> u16 {
        match self {
            TlsVersion::Tls12 => 0x0303,
            TlsVersion::Tls13 => 0x0304,
        }
    }
}

/// What is asked of one camera's video.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// At least so many frames.
    pub frames: u64,
    /// At most so many lost.
    pub lost: u64,
    /// At most so many twice.
    pub duplicated: u64,
    /// At most so many that came after a later one.
    #[serde(default)]
    pub swapped: u64,
    /// Half of the frames were under way for at most so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_p50: Option<Duration>,
    /// So were 99 of 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_p99: Option<Duration>,
    /// So were all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_max: Option<Duration>,
    /// No frame came for at most so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_gap: Option<Duration>,
}

/// What comes at regular times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The appliance's answer to the cloud's monitoring, by MQTT.
    MonitorJob,
    /// Its metrics.
    Metrics,
    /// Its log lines.
    Logs,
    /// Credentials that it gets for its certificate, anew before they end.
    Credentials,
    /// What its application calls.
    Application,
}

impl Event {
    /// The service of the cloud that it goes to, as facts call it.
    pub fn service(self) -> &'static str {
        match self {
            Event::MonitorJob => "iot",
            Event::Metrics => "monitoring",
            Event::Logs => "logs",
            Event::Credentials => "credentials",
            Event::Application => "sts",
        }
    }
}

impl std::fmt::Display for Event {
    /// As it is written.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Event::MonitorJob => "monitor_job",
            Event::Metrics => "metrics",
            Event::Logs => "logs",
            Event::Credentials => "credentials",
            Event::Application => "application",
        })
    }
}

/// What operators have an appliance do, by jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// An application, whose parts it fetches and looks at.
    Deployment,
    /// Other software, which it runs after a restart.
    Update,
    /// How often it sends metrics and a log line.
    Configuration,
    /// Another certificate, which it shows after a restart.
    Credentials,
    /// A restart.
    Restart,
}

impl JobKind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Deployment, Self::Update, Self::Configuration, Self::Credentials, Self::Restart];

    /// As it is written, here and by the fake cloud.
    pub fn word(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::Update => "update",
            Self::Configuration => "configuration",
            Self::Credentials => "credentials",
            Self::Restart => "restart",
        }
    }

    /// Whether the appliance fetches something for it.
    pub fn fetches(self) -> bool {
        matches!(self, Self::Deployment | Self::Update | Self::Credentials)
    }

    /// Whether the appliance restarts for it.
    pub fn restarts(self) -> bool {
        matches!(self, Self::Update | Self::Credentials | Self::Restart)
    }
}

impl std::fmt::Display for JobKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.word())
    }
}

/// What may be wrong with a call of a cloud's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WrongCall {
    /// It has no signature.
    Unsigned,
    /// It is not what was signed.
    Altered,
    /// It was signed longer ago than services take it.
    Late,
    /// Its session has ended.
    Expired,
    /// It is signed for another region, or for another service.
    Scope,
    /// It was right, and is kept and sent again when its signature is too old.
    Kept,
}

impl WrongCall {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Unsigned, Self::Altered, Self::Late, Self::Expired, Self::Scope, Self::Kept];

    /// As it is written, here and by the fakes.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::Altered => "altered",
            Self::Late => "late",
            Self::Expired => "expired",
            Self::Scope => "scope",
            Self::Kept => "kept",
        }
    }

    /// In what ways, by words of an operator's facts.
    pub fn manners(self) -> &'static [&'static str] {
        match self {
            Self::Unsigned => &["unsigned"],
            Self::Altered => &["altered"],
            Self::Late => &["late"],
            Self::Expired => &["expired"],
            Self::Scope => &["region", "service"],
            Self::Kept => &["kept"],
        }
    }
}

impl std::fmt::Display for WrongCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.word())
    }
}

/// What becomes of an allowed flow that was never seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unused {
    /// It is told.
    #[default]
    Report,
    /// It is a finding.
    Fail,
}

/// How much of all that could be sent a negative sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cover {
    /// The usual short list.
    #[default]
    Usual,
    /// What the scenario lists.
    Listed,
    /// Everything, to the first address of each target in each family; to its others the usual short list.
    All,
    /// The same without what flows allow there; asked for on the command line.
    AllButFlows,
}

impl Cover {
    /// Whether everything is sent.
    pub fn is_all(self) -> bool {
        matches!(self, Cover::All | Cover::AllButFlows)
    }
}
