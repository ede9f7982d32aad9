//! What a signed request claims: read from the `Authorization` header or a presigned query, not yet believed.

use std::time::{Duration, SystemTime};

use hyper::http::request::Parts;

use super::Refusal;
use crate::clock;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Longest life of a presigned link: 7 days.
const LONGEST_LINK: u64 = 604_800;

/// What the client claims.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) key_id: String,
    pub(super) date: String,
    pub(super) region: String,
    pub(super) service: String,
    pub(super) signed_headers: Vec<String>,
    pub(super) signature: String,
    pub(super) at: SystemTime,
    /// Set for a presigned link.
    pub(super) expires: Option<Duration>,
    pub(super) token: Option<String>,
}

impl Claim {
    /// Reads the header if there is one, else the query.
    pub(super) fn read(parts: &Parts) -> Result<Self, Refusal> {
        match header(parts, "authorization") {
            Some(value) => Self::from_header(parts, value),
            None => Self::from_query(parts),
        }
    }

    fn from_header(parts: &Parts, value: &str) -> Result<Self, Refusal> {
        let Some(fields) = value.strip_prefix(ALGORITHM).filter(|rest| rest.starts_with(' ')) else {
            return Err(match value.starts_with("AWS ") {
                true => Refusal::VersionTwo,
                false => incomplete("the authorization header names another algorithm"),
            });
        };
        let field = |name: &str| {
            let mut found = fields.split(',').filter_map(|field| field.trim().split_once('='));
            found.find(|(key, _)| *key == name).map(|(_, value)| value).ok_or_else(|| incomplete(name))
        };
        let date = header(parts, "x-amz-date").ok_or_else(|| incomplete("X-Amz-Date"))?;
        let token = header(parts, "x-amz-security-token").map(str::to_owned);
        Self::new(field("Credential")?, field("SignedHeaders")?, field("Signature")?, date, None, token)
    }

    fn from_query(parts: &Parts) -> Result<Self, Refusal> {
        let query: Vec<(String, String)> =
            form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        let field = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        if field("X-Amz-Algorithm") != Some(ALGORITHM) {
            return Err(if field("AWSAccessKeyId").is_some() {
                Refusal::VersionTwoLink
            } else {
                Refusal::Missing
            });
        }
        let need = |name: &str| field(name).ok_or_else(|| incomplete(name));
        let seconds =
            need("X-Amz-Expires")?.parse().ok().filter(|seconds| (1..=LONGEST_LINK).contains(seconds));
        let expires = Duration::from_secs(seconds.ok_or_else(|| incomplete("X-Amz-Expires"))?);
        let token = field("X-Amz-Security-Token").map(str::to_owned);
        let (credential, signed) = (need("X-Amz-Credential")?, need("X-Amz-SignedHeaders")?);
        Self::new(credential, signed, need("X-Amz-Signature")?, need("X-Amz-Date")?, Some(expires), token)
    }

    fn new(
        credential: &str,
        signed_headers: &str,
        signature: &str,
        date: &str,
        expires: Option<Duration>,
        token: Option<String>,
    ) -> Result<Self, Refusal> {
        let scope: Vec<&str> = credential.split('/').collect();
        let [key_id, day, region, service, "aws4_request"] = scope[..] else {
            return Err(incomplete("Credential"));
        };
        let at = clock::read_amz_date(date).ok_or_else(|| incomplete("X-Amz-Date"))?;
        if date.get(..8) != Some(day) {
            return Err(incomplete("the day of the credential differs from X-Amz-Date"));
        }
        Ok(Self {
            key_id: key_id.into(),
            date: date.into(),
            region: region.into(),
            service: service.into(),
            signed_headers: signed_headers.split(';').map(str::to_ascii_lowercase).collect(),
            signature: signature.into(),
            at,
            expires,
            token,
        })
    }
}

/// A header that is text.
pub(super) fn header<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    parts.headers.get(name).and_then(|value| value.to_str().ok())
}

/// Says what is absent or unreadable.
pub(super) fn incomplete(what: impl Into<String>) -> Refusal {
    Refusal::Incomplete(what.into())
}
