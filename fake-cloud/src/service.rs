//! The services of a region: their words, and what each needs of the network.

use std::fmt;
use std::str::FromStr;

/// A service family; each may have IP addresses of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// IoT Core data plane: MQTT and HTTPS publish on TCP 443.
    Iot,
    /// IoT Core's credentials provider on TCP 443, at the addresses of IoT.
    Credentials,
    /// CloudWatch metrics on TCP 443.
    Monitoring,
    /// CloudWatch Logs on TCP 443.
    Logs,
    /// S3 buckets and access points on TCP 443.
    S3,
    /// The security token service on TCP 443.
    Sts,
    /// IoT Core's control plane on TCP 443, for operators.
    IotControl,
    /// Panorama's own service on TCP 443, for operators.
    Panorama,
    /// The authoritative name server, UDP and TCP 53.
    Dns,
    /// The time server, UDP 123.
    Ntp,
}

/// What a service listens for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TLS on TCP, shared port, told apart by server name.
    Tls,
    /// DNS on UDP and TCP.
    Dns,
    /// NTP on UDP.
    Ntp,
}

/// What calls of the jobs data plane are signed for.
pub(crate) const JOBS_DATA: &str = "iot-jobs-data";

/// The table that everything else reads: word, transport, signing name.
const TABLE: [(Service, &str, Transport, Option<&str>); 10] = [
    (Service::Iot, "iot", Transport::Tls, Some("iotdata")),
    (Service::Credentials, "credentials", Transport::Tls, None),
    (Service::Monitoring, "monitoring", Transport::Tls, Some("monitoring")),
    (Service::Logs, "logs", Transport::Tls, Some("logs")),
    (Service::S3, "s3", Transport::Tls, Some("s3")),
    (Service::Sts, "sts", Transport::Tls, Some("sts")),
    (Service::IotControl, "iot-control", Transport::Tls, Some("iot")),
    (Service::Panorama, "panorama", Transport::Tls, Some("panorama")),
    (Service::Dns, "dns", Transport::Dns, None),
    (Service::Ntp, "ntp", Transport::Ntp, None),
];

impl Service {
    /// All of them, in the order in which they are documented.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.0)
    }

    /// The word used on the command line and in facts.
    pub fn word(self) -> &'static str {
        self.row().1
    }

    /// What it listens for.
    pub fn transport(self) -> Transport {
        self.row().2
    }

    /// The service part of a SigV4 credential scope; `None` where nothing is signed.
    pub fn signing_name(self) -> Option<&'static str> {
        self.row().3
    }

    /// Whose addresses it has: firewall rules see a family, not each of its names.
    pub fn family(self) -> Self {
        match self {
            Self::Credentials => Self::Iot,
            other => other,
        }
    }

    /// Whether it has addresses of its own.
    pub fn is_family(&self) -> bool {
        self.family() == *self
    }

    /// Those that have addresses of their own, in the same order.
    pub fn families() -> impl Iterator<Item = Self> {
        Self::all().filter(Self::is_family)
    }

    /// The service that signs with `name`.
    pub fn by_signing_name(name: &str) -> Option<Self> {
        // One host has two services of this kind, and each its own name.
        let name = if name == JOBS_DATA { "iotdata" } else { name };
        TABLE.iter().find(|row| row.3 == Some(name)).map(|row| row.0)
    }

    fn row(self) -> &'static (Self, &'static str, Transport, Option<&'static str>) {
        TABLE.iter().find(|row| row.0 == self).expect("the table names every service")
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The word is no service with addresses of its own.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is none of iot, monitoring, logs, s3, sts, iot-control, panorama, dns, ntp")]
pub struct UnknownService(String);

impl FromStr for Service {
    type Err = UnknownService;

    fn from_str(word: &str) -> Result<Self, UnknownService> {
        Self::families().find(|service| service.word() == word).ok_or_else(|| UnknownService(word.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_is_known_by_its_word_and_nobody_else_is() {
        for service in Service::families() {
            assert_eq!(service.word().parse::<Service>().unwrap(), service);
        }
        assert_eq!(Service::Credentials.family(), Service::Iot);
        assert!("credentials".parse::<Service>().is_err());
    }
}
