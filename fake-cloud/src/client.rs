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
    /// Credentials of each thing, by its name.
    pub things: BTreeMap<String, ThingFiles>,
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
