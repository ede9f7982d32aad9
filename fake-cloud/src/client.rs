//! What a client needs to use this cloud: the shape of `client.json`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::names::Endpoints;

/// `client.json`, written once before `Ready`; everything in it is valid for this run only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientFile {
    /// For example `eu-west-1`.
    pub region: String,
    /// 12 digits.
    pub account: String,
    /// The one access key of the run.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
    /// Absolute path of the certificate authority, PEM.
    pub ca: PathBuf,
    /// TCP port of every TLS service.
    pub https_port: u16,
    /// The names to connect to: those that SDKs use.
    pub endpoints: Endpoints,
    /// Both spellings, whether or not both are served.
    pub names: BothNames,
    /// The bucket that exists from the start.
    pub bucket: String,
    /// ARN of the access point that leads to that bucket; SDKs take it in place of a bucket name.
    pub access_point_arn: String,
    /// ARN of the role that STS lets one take on.
    pub role_arn: String,
    /// Alias of that role at the credentials provider.
    pub role_alias: String,
    /// Credentials of each thing, by its name.
    pub things: BTreeMap<String, ThingFiles>,
}

impl ClientFile {
    /// Lines for a shell that let boto3 and the AWS CLI use this cloud as `localhost`; also kept as `env.sh`.
    pub fn shell_exports(&self) -> String {
        let endpoint = format!("https://localhost:{}", self.https_port);
        let ca = self.ca.display().to_string();
        let variables = [
            ("AWS_REGION", self.region.as_str()),
            ("AWS_DEFAULT_REGION", &self.region),
            ("AWS_ACCESS_KEY_ID", &self.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", &self.secret_access_key),
            ("AWS_CA_BUNDLE", &ca),
            ("AWS_ENDPOINT_URL_CLOUDWATCH", &endpoint),
            ("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", &endpoint),
            ("AWS_ENDPOINT_URL_S3", &endpoint),
            ("AWS_ENDPOINT_URL_STS", &endpoint),
            ("AWS_ENDPOINT_URL_IOT_DATA_PLANE", &endpoint),
            ("AWS_ENDPOINT_URL_IOT_JOBS_DATA_PLANE", &endpoint),
            ("AWS_ENDPOINT_URL_IOT", &endpoint),
            ("AWS_ENDPOINT_URL_PANORAMA", &endpoint),
        ];
        let quoted = |text: &str| text.replace('\'', r"'\''");
        let exports = variables.iter().map(|(name, value)| format!("export {name}='{}'\n", quoted(value)));
        // A token or profile of the shell's owner would go before the key.
        exports.collect::<String>() + "unset AWS_SESSION_TOKEN AWS_PROFILE\n"
    }
}

/// The same endpoints in the two spellings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BothNames {
    /// `….amazonaws.com`: what SDKs resolve.
    pub corrected: Endpoints,
    /// `….aws.amazon.com`: what the documents print.
    pub as_printed: Endpoints,
}

/// Where a thing's certificate and key lie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThingFiles {
    /// Absolute path, PEM.
    pub certificate: PathBuf,
    /// Absolute path, PEM (PKCS #8).
    pub key: PathBuf,
    /// Hex SHA-256 of the certificate's DER form: who the thing is in facts.
    pub certificate_id: String,
}
