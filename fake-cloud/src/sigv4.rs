//! Signature version 4, the receiving side: read what the client claims, sign the request again with the secret
//! we know, compare.
//!
//! Clients sign different sets of headers, so only those named in `SignedHeaders` count; `host` and every
//! `x-amz-*` header present must be among them (IAM user guide, "Create a signed AWS API request").

mod claim;

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
    SigningParams, SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use hyper::http::request::Parts;
use sha2::{Digest, Sha256};

use self::claim::{Claim, header, incomplete};
use crate::clock;
use crate::keys::{Holder, Key, Keys, Stranger};

/// Headers that the signer writes itself, from the date, the body and the token.
const WRITTEN_BY_SIGNER: [&str; 3] = ["x-amz-date", "x-amz-content-sha256", "x-amz-security-token"];

/// Why a request is not believed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// Neither an `Authorization` header nor a presigned query.
    #[error("the request is not signed")]
    Missing,
    /// Signature version 2, which nothing here supports.
    #[error("the request is signed with signature version 2")]
    VersionTwo,
    /// The same in a link, as boto3's default presigner makes it.
    #[error("the link is signed with signature version 2, please use AWS4-HMAC-SHA256")]
    VersionTwoLink,
    /// Something of the signature is absent or unreadable.
    #[error("the signature is incomplete: {0}")]
    Incomplete(String),
    /// Signed for another region or service.
    #[error("credential should be scoped to {expected}, not {found}")]
    Scope {
        /// `region/service` of this endpoint.
        expected: String,
        /// What the request says.
        found: String,
    },
    /// A header that must be signed is not.
    #[error("header `{0}` is present but not signed")]
    Unsigned(String),
    /// Nobody has this access key.
    #[error("the access key id {0} is unknown")]
    UnknownKey(String),
    /// The session token is not that of the key.
    #[error("the session token does not belong to the access key")]
    Token,
    /// The session has ended.
    #[error("the security token included in the request expired at {at}, it is now {now}")]
    Expired {
        /// When, ISO 8601.
        at: String,
        /// Our clock, ISO 8601.
        now: String,
    },
    /// A presigned link has expired.
    #[error("request has expired: the link was good until {until}, it is now {now}")]
    OldLink {
        /// How long it held, seconds.
        seconds: u64,
        /// When it ended, ISO 8601.
        until: String,
        /// Our clock, ISO 8601.
        now: String,
    },
    /// Signed too long ago, or too far in the future.
    #[error(
        "signature expired: signed at {signed}, it is now {now}, and {window_seconds} seconds are allowed"
    )]
    Skewed {
        /// When the request says that it was signed, ISO 8601.
        signed: String,
        /// Our clock, ISO 8601.
        now: String,
        /// Half width of the window.
        window_seconds: u64,
    },
    /// The signatures differ.
    #[error("the request signature does not match the signature we calculated")]
    Mismatch,
    /// The body is not the one that was signed.
    #[error("the body's hash is not the one that was signed")]
    Body,
}

/// What may be wrong with a request that a client has made on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It has no signature.
    Unsigned,
    /// It is not what was signed.
    Altered,
    /// It was signed too long ago.
    Late,
    /// Its session has ended.
    Expired,
    /// It is signed for another region or service.
    Scope,
    /// It was right once, and is sent again after the time for which a signature is taken.
    Kept,
}

impl Refusal {
    /// What was wrong, if it is one of those.
    pub(crate) fn wrong(&self) -> Option<Wrong> {
        match self {
            Self::Missing => Some(Wrong::Unsigned),
            Self::Mismatch | Self::Body => Some(Wrong::Altered),
            Self::Skewed { .. } => Some(Wrong::Late),
            Self::Expired { .. } => Some(Wrong::Expired),
            Self::Scope { .. } => Some(Wrong::Scope),
            _ => None,
        }
    }
}

/// The rules of one endpoint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endpoint<'a> {
    /// Region in the credential scope.
    pub(crate) region: &'a str,
    /// Service in the credential scope.
    pub(crate) service: &'a str,
    /// For how long after it was made a signature is taken; none: as AWS has it.
    pub(crate) signatures_last: Option<Duration>,
}

impl Endpoint<'_> {
    /// S3 signs the path as it is, everyone else encodes it once more.
    fn is_s3(&self) -> bool {
        self.service == "s3"
    }

    /// 15 minutes for S3 (it says so in its own error), 5 minutes elsewhere (SigV4 guide).
    fn window(&self) -> Duration {
        Duration::from_secs(if self.is_s3() { 900 } else { 300 })
    }

    /// How old a signature may be: as old as it may lie ahead, unless that is over earlier here.
    fn oldest(&self) -> Duration {
        self.signatures_last.unwrap_or_else(|| self.window())
    }
}

/// Checks a request; `body` is its whole body, or `None` if it streams and was signed by a marker or by a hash
/// that whoever reads the stream compares. Gives back whose key it is.
pub(crate) fn verify(
    parts: &Parts,
    body: Option<&[u8]>,
    endpoint: Endpoint<'_>,
    keys: &Keys,
    now: SystemTime,
) -> Result<Holder, Refusal> {
    let claim = Claim::read(parts)?;
    claim.check_scope(endpoint)?;
    claim.check_headers(parts)?;
    let holder =
        keys.holder(&claim.key_id, claim.token.as_deref(), now).map_err(|stranger| match stranger {
            Stranger::Key => Refusal::UnknownKey(claim.key_id.clone()),
            Stranger::Token => Refusal::Token,
            Stranger::Expired(at) => Refusal::Expired { at: clock::iso8601(at), now: clock::iso8601(now) },
        })?;
    claim.check_time(endpoint, now)?;
    let hash = claim.body_hash(parts, body)?;
    if claim.sign_again(parts, hash, &holder.key, endpoint)? == claim.signature {
        Ok(holder)
    } else {
        Err(Refusal::Mismatch)
    }
}

/// The hash that the body of a signed request must have; `None` where a marker stands in its place.
pub(crate) fn signed_hash(parts: &Parts) -> Option<&str> {
    header(parts, "x-amz-content-sha256").filter(|text| is_hash(text))
}

/// Whether the body comes in chunks, each with its size.
pub(crate) fn is_stream(parts: &Parts) -> bool {
    header(parts, "x-amz-content-sha256").is_some_and(|marker| marker.starts_with("STREAMING-"))
}

/// What a request is signed with, hex; none where it is not signed.
pub(crate) fn signature(parts: &Parts) -> Option<String> {
    Claim::read(parts).ok().map(|claim| claim.signature)
}

/// The service in the credential scope, before anything is checked.
pub(crate) fn claimed_service(parts: &Parts) -> Option<String> {
    Claim::read(parts).ok().map(|claim| claim.service)
}

impl Claim {
    fn check_scope(&self, endpoint: Endpoint<'_>) -> Result<(), Refusal> {
        if self.region == endpoint.region && self.service == endpoint.service {
            return Ok(());
        }
        Err(Refusal::Scope {
            expected: format!("{}/{}", endpoint.region, endpoint.service),
            found: format!("{}/{}", self.region, self.service),
        })
    }

    fn check_headers(&self, parts: &Parts) -> Result<(), Refusal> {
        let signed = |name: &str| self.signed_headers.iter().any(|header| header == name);
        if !signed("host") {
            return Err(Refusal::Unsigned("host".into()));
        }
        let unsigned =
            parts.headers.keys().find(|name| name.as_str().starts_with("x-amz-") && !signed(name.as_str()));
        match unsigned {
            // A presigned link is made before the client's library adds headers of its own to the request.
            Some(name) if self.expires.is_none() => Err(Refusal::Unsigned(name.to_string())),
            _ => Ok(()),
        }
    }

    fn check_time(&self, endpoint: Endpoint<'_>, now: SystemTime) -> Result<(), Refusal> {
        let (window, oldest) = (endpoint.window(), endpoint.oldest());
        let after = now.duration_since(self.at).unwrap_or_default();
        let before = self.at.duration_since(now).unwrap_or_default();
        match self.expires {
            _ if before > window => {}
            Some(life) if after > life => {
                let (seconds, until) = (life.as_secs(), clock::iso8601(self.at + life));
                return Err(Refusal::OldLink { seconds, until, now: clock::iso8601(now) });
            }
            None if after > oldest => {}
            _ => return Ok(()),
        }
        Err(Refusal::Skewed {
            signed: self.date.clone(),
            now: clock::iso8601(now),
            window_seconds: if before > window { window } else { oldest }.as_secs(),
        })
    }

    /// The hash, or the marker in its place, that goes into the signature.
    fn body_hash(&self, parts: &Parts, body: Option<&[u8]>) -> Result<String, Refusal> {
        let declared = header(parts, "x-amz-content-sha256");
        if self.expires.is_some() {
            return Ok(declared.unwrap_or("UNSIGNED-PAYLOAD").into());
        }
        match (declared, body) {
            (Some(declared), Some(body)) if is_hash(declared) && declared != sha256(body) => {
                Err(Refusal::Body)
            }
            (Some(declared), _) => Ok(declared.into()),
            (None, Some(body)) => Ok(sha256(body)),
            (None, None) => Err(incomplete("x-amz-content-sha256")),
        }
    }

    fn sign_again(
        &self,
        parts: &Parts,
        hash: String,
        key: &Key,
        endpoint: Endpoint<'_>,
    ) -> Result<String, Refusal> {
        let host = header(parts, "host").ok_or_else(|| incomplete("host"))?;
        let uri = format!("https://{host}{}{}", parts.uri.path(), self.query_as_signed(parts));
        let body = SignableBody::Precomputed(hash);
        let request = SignableRequest::new(
            parts.method.as_str(),
            uri,
            self.headers_as_signed(parts)?.into_iter(),
            body,
        )
        .map_err(|error| incomplete(error.to_string()))?;
        let identity = Credentials::new(&key.id, &key.secret, self.token.clone(), None, "fake-cloud").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(&self.service)
            .time(self.at)
            .settings(self.settings(endpoint))
            .build()
            .map_err(|error| incomplete(error.to_string()))?;
        let params = SigningParams::V4(params);
        Ok(sign(request, &params).map_err(|error| incomplete(error.to_string()))?.signature().to_owned())
    }

    fn settings(&self, endpoint: Endpoint<'_>) -> SigningSettings {
        let mut settings = SigningSettings::default();
        settings.excluded_headers = None;
        if endpoint.is_s3() {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        }
        if self.expires.is_some() {
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = self.expires;
        } else if self.signed_headers.iter().any(|name| name == "x-amz-content-sha256") {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        settings
    }

    fn headers_as_signed<'a>(&self, parts: &'a Parts) -> Result<Vec<(&'a str, &'a str)>, Refusal> {
        let mut headers = Vec::new();
        for (name, value) in &parts.headers {
            let written = self.expires.is_none() && WRITTEN_BY_SIGNER.contains(&name.as_str());
            if !written && self.signed_headers.iter().any(|signed| signed == name.as_str()) {
                let value = value.to_str().map_err(|_| incomplete(format!("header `{name}` is not text")))?;
                headers.push((name.as_str(), value));
            }
        }
        Ok(headers)
    }

    /// The query with its `?`; of a presigned link without the fields that the signer adds.
    fn query_as_signed(&self, parts: &Parts) -> String {
        let Some(query) = parts.uri.query() else { return String::new() };
        if self.expires.is_none() {
            return format!("?{query}");
        }
        without_link(query)
    }
}

/// A query with its `?`, without what makes it a presigned link.
pub(crate) fn without_link(query: &str) -> String {
    const ADDED: [&str; 7] = [
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-SignedHeaders",
        "X-Amz-Signature",
        "X-Amz-Security-Token",
    ];
    let added = |field: &&str| ADDED.contains(&field.split('=').next().unwrap_or_default());
    let kept: Vec<&str> = query.split('&').filter(|field| !added(field)).collect();
    if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) }
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests;
