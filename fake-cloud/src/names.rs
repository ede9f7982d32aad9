//! The host names of a region: which service a TLS server name means, and what DNS and certificates say.
//!
//! The published network requirements print `monitoring.<region>.aws.amazon.com` (also logs and s3-accesspoint),
//! a spelling that no SDK resolves; the names that clients use end in `.amazonaws.com`. Both can be served.

use serde::{Deserialize, Serialize};

use crate::service::Service;

/// Which spelling of the names exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spelling {
    /// Only what SDKs resolve: `monitoring.<region>.amazonaws.com`.
    Corrected,
    /// Only what the documents print: `monitoring.<region>.aws.amazon.com`; IoT is printed correctly.
    AsPrinted,
    /// Both.
    #[default]
    Both,
}

impl Spelling {
    fn corrected(self) -> bool {
        self != Self::AsPrinted
    }

    fn as_printed(self) -> bool {
        self != Self::Corrected
    }
}

/// One host name per service, in one spelling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// IoT data endpoint, `<prefix>-ats.iot.<region>.amazonaws.com` in both spellings.
    pub iot: String,
    /// IoT credentials provider, `<prefix>.credentials.iot.<region>.amazonaws.com` in both spellings.
    pub credentials: String,
    /// CloudWatch.
    pub monitoring: String,
    /// CloudWatch Logs.
    pub logs: String,
    /// The S3 access point made at the start, `<name>-<account>.s3-accesspoint.<region>…`.
    pub s3: String,
    /// The security token service, `sts.<region>.amazonaws.com` in both spellings.
    pub sts: String,
    /// Panorama's own service, `panorama.<region>.amazonaws.com` in both spellings: for operators, and no appliance.
    pub panorama: String,
}

/// The security token service of older clients, who sign for [`GLOBAL_REGION`] there.
pub(crate) const GLOBAL_STS: &str = "sts.amazonaws.com";
/// Region of names that belong to none.
pub(crate) const GLOBAL_REGION: &str = "us-east-1";

/// A DNS name, `*.` at the front for a wildcard, and the service whose addresses it has.
pub(crate) type Record = (String, Service);

/// The names of one account in one region.
#[derive(Clone, Debug)]
pub struct Names {
    region: String,
    account: String,
    iot_prefix: String,
    access_point: String,
    spelling: Spelling,
    localhost: bool,
}

impl Names {
    /// Names for `account` in `region`; `iot_prefix` is the account's own label of the IoT endpoint.
    pub fn new(
        region: &str,
        account: &str,
        iot_prefix: &str,
        access_point: &str,
        spelling: Spelling,
    ) -> Self {
        Self {
            region: region.into(),
            account: account.into(),
            iot_prefix: iot_prefix.into(),
            access_point: access_point.into(),
            spelling,
            localhost: false,
        }
    }

    /// Lets `localhost` stand for every service, told apart by the scope of the signature. For a developer's
    /// shell, where the real names resolve to the real cloud.
    pub fn with_localhost(mut self, localhost: bool) -> Self {
        self.localhost = localhost;
        self
    }

    /// The region, for example `eu-west-1`.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Whether `localhost` stands for every service.
    pub(crate) fn is_local(&self) -> bool {
        self.localhost
    }

    /// The account, 12 digits.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Name of the access point that exists from the start, without the account.
    pub fn access_point(&self) -> &str {
        &self.access_point
    }

    /// The names that SDKs use.
    pub fn corrected(&self) -> Endpoints {
        self.endpoints("amazonaws.com")
    }

    /// The names that the documents print.
    pub fn as_printed(&self) -> Endpoints {
        self.endpoints("aws.amazon.com")
    }

    fn endpoints(&self, domain: &str) -> Endpoints {
        let Self { region, account, iot_prefix, access_point, .. } = self;
        Endpoints {
            iot: format!("{iot_prefix}-ats.iot.{region}.amazonaws.com"),
            credentials: format!("{iot_prefix}.credentials.iot.{region}.amazonaws.com"),
            monitoring: format!("monitoring.{region}.{domain}"),
            logs: format!("logs.{region}.{domain}"),
            s3: format!("{access_point}-{account}.s3-accesspoint.{region}.{domain}"),
            sts: format!("sts.{region}.amazonaws.com"),
            panorama: format!("panorama.{region}.amazonaws.com"),
        }
    }

    /// Names below `amazonaws.com`. IoT and Panorama have one spelling only; Panorama, buckets and STS are in no printed list.
    pub(crate) fn corrected_records(&self) -> Vec<Record> {
        let region = &self.region;
        let mut records = vec![
            (format!("*.iot.{region}.amazonaws.com"), Service::Iot),
            (format!("*.credentials.iot.{region}.amazonaws.com"), Service::Credentials),
            (format!("data.jobs.iot.{region}.amazonaws.com"), Service::Iot),
            (format!("iot.{region}.amazonaws.com"), Service::IotControl),
            (format!("panorama.{region}.amazonaws.com"), Service::Panorama),
        ];
        if self.spelling.corrected() {
            records.extend(self.web_records("amazonaws.com"));
            records.push((format!("s3.{region}.amazonaws.com"), Service::S3));
            records.push((format!("*.s3.{region}.amazonaws.com"), Service::S3));
            records.push((format!("sts.{region}.amazonaws.com"), Service::Sts));
            records.push((GLOBAL_STS.to_owned(), Service::Sts));
        }
        records
    }

    /// Names below `aws.amazon.com`; none where that spelling does not exist.
    pub(crate) fn as_printed_records(&self) -> Vec<Record> {
        if self.spelling.as_printed() { self.web_records("aws.amazon.com") } else { Vec::new() }
    }

    fn web_records(&self, domain: &str) -> Vec<Record> {
        let region = &self.region;
        vec![
            (format!("monitoring.{region}.{domain}"), Service::Monitoring),
            (format!("logs.{region}.{domain}"), Service::Logs),
            (format!("s3-accesspoint.{region}.{domain}"), Service::S3),
            (format!("*.s3-accesspoint.{region}.{domain}"), Service::S3),
        ]
    }

    /// The names that the certificate of `service` carries: one entry per depth, since a wildcard stands for
    /// exactly one label (RFC 9525, section 6.3).
    pub fn certificate_names(&self, service: Service) -> Vec<String> {
        self.records().filter(|(_, owner)| *owner == service).map(|(name, _)| name).collect()
    }

    /// Which service the TLS server name means; `None` for a name of nobody.
    pub fn meaning(&self, server_name: &str) -> Option<Meaning> {
        let asked = server_name.to_ascii_lowercase();
        if self.localhost && asked == "localhost" {
            return Some(Meaning::ByScope);
        }
        self.records().find(|(name, _)| covers(name, &asked)).map(|(_, service)| Meaning::Service(service))
    }

    fn records(&self) -> impl Iterator<Item = Record> {
        self.corrected_records().into_iter().chain(self.as_printed_records())
    }
}

/// What a server name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// One service.
    Service(Service),
    /// Any service: the credential scope of the signature says which.
    ByScope,
}

/// Whether a name or one-label wildcard covers `asked`.
fn covers(name: &str, asked: &str) -> bool {
    match name.strip_prefix("*.") {
        Some(parent) => {
            asked.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == parent)
        }
        None => name == asked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(spelling: Spelling) -> Names {
        Names::new("eu-west-1", "123456789012", "a1b2", "packages", spelling)
    }

    fn meaning(spelling: Spelling, name: &str) -> Option<Service> {
        match names(spelling).meaning(name)? {
            Meaning::Service(service) => Some(service),
            Meaning::ByScope => None,
        }
    }

    #[test]
    fn a_server_name_means_the_service_of_its_suffix() {
        let both = |name| meaning(Spelling::Both, name);
        assert_eq!(both("a1b2-ats.iot.eu-west-1.amazonaws.com"), Some(Service::Iot));
        assert_eq!(both("Monitoring.eu-west-1.amazonaws.com"), Some(Service::Monitoring));
        assert_eq!(both("logs.eu-west-1.aws.amazon.com"), Some(Service::Logs));
        assert_eq!(both("packages-123456789012.s3-accesspoint.eu-west-1.amazonaws.com"), Some(Service::S3));
        assert_eq!(both("bucket.s3.eu-west-1.amazonaws.com"), Some(Service::S3));
        assert_eq!(both("a1b2.credentials.iot.eu-west-1.amazonaws.com"), Some(Service::Credentials));
        assert_eq!(both("sts.eu-west-1.amazonaws.com"), Some(Service::Sts));
        assert_eq!(both("sts.amazonaws.com"), Some(Service::Sts));
        assert_eq!(both("data.jobs.iot.eu-west-1.amazonaws.com"), Some(Service::Iot));
        assert_eq!(both("iot.eu-west-1.amazonaws.com"), Some(Service::IotControl));
        assert_eq!(both("panorama.eu-west-1.amazonaws.com"), Some(Service::Panorama));
    }

    #[test]
    fn other_regions_other_depths_and_localhost_mean_nothing() {
        let both = |name| meaning(Spelling::Both, name);
        assert_eq!(both("monitoring.us-east-1.amazonaws.com"), None);
        assert_eq!(both("x.y.credentials.iot.eu-west-1.amazonaws.com"), None);
        assert_eq!(both(".iot.eu-west-1.amazonaws.com"), None);
        assert_eq!(both("localhost"), None);
        assert_eq!(both("panorama.us-east-1.amazonaws.com"), None);
    }

    #[test]
    fn each_spelling_can_be_served_alone() {
        let printed = "monitoring.eu-west-1.aws.amazon.com";
        let corrected = "monitoring.eu-west-1.amazonaws.com";
        assert_eq!(meaning(Spelling::Corrected, printed), None);
        assert_eq!(meaning(Spelling::Corrected, corrected), Some(Service::Monitoring));
        assert_eq!(meaning(Spelling::AsPrinted, printed), Some(Service::Monitoring));
        assert_eq!(meaning(Spelling::AsPrinted, corrected), None);
        assert_eq!(meaning(Spelling::AsPrinted, "x-ats.iot.eu-west-1.amazonaws.com"), Some(Service::Iot));
    }

    #[test]
    fn localhost_is_served_only_on_request() {
        let names = names(Spelling::Both).with_localhost(true);
        assert_eq!(names.meaning("localhost"), Some(Meaning::ByScope));
    }
}
