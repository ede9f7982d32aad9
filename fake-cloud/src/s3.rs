//! S3: buckets as folders, objects as files, behind our own signature check.
//!
//! The protocol itself (aws-chunked uploads with trailers, checksums, ranges, multipart, lists) is the library's.
//! Ours are the host names, the errors that the library words differently, and the facts.

mod framing;
mod store;
mod sums;
mod upload;

use std::path::PathBuf;
use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Method, Request, Response};
use percent_encoding::percent_decode_str;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::dto::{ListObjectsInput, ListObjectsV2Input};
use s3s::host::{S3Host, VirtualHost};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Request, S3Result};
use sha2::{Digest, Sha256};
use tracing::warn;

use self::store::Store;
pub(crate) use self::upload::OTHER_BODY;
use self::upload::Upload;
use crate::answer::{Body, Failure};
use crate::facts::Facts;
use crate::files;
use crate::keys::Keys;
use crate::names::Names;
use crate::service::Service;
use crate::sigv4;

/// Largest object, or part of one.
const OBJECT_LIMIT: u64 = 100 * 1024 * 1024;

/// Why the store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its folder.
    #[error(transparent)]
    Folder(#[from] files::Error),
    /// The library refuses the folder.
    #[error("open the object store: {0}")]
    Store(String),
}

/// The buckets of this run.
pub(crate) struct Objects {
    service: S3Service,
    hosts: Hosts,
    root: PathBuf,
}

impl Objects {
    /// Opens the store below `root`, with the first bucket in it.
    pub(crate) fn open(root: PathBuf, names: &Names, keys: Arc<Keys>) -> Result<Self, Error> {
        let hosts = Hosts::new(names);
        files::create_folder(&root.join(&hosts.first_bucket))?;
        let store = Store::open(root.clone()).map_err(|error| Error::Store(format!("{error:?}")))?;
        let mut builder = S3ServiceBuilder::new(store);
        builder.set_host(hosts.clone());
        // Time was judged by our own clock already.
        let mut config = S3Config::default();
        config.presigned_url_max_skew_time_secs = u32::MAX;
        builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
        builder.set_auth(Secrets(keys));
        builder.set_access(Plain);
        Ok(Self { service: builder.build(), hosts, root })
    }

    /// Whether a body that announces its size is too large, so that it need not be waited for.
    pub(crate) fn check_announced(body: &Incoming) -> Result<(), Failure> {
        upload::check_announced(body, OBJECT_LIMIT)
    }

    /// Answers a believed request.
    pub(crate) async fn answer(
        &self,
        parts: Parts,
        body: Incoming,
        facts: &Facts,
    ) -> Result<Response<Body>, Failure> {
        let place = self.hosts.place(&parts)?;
        let creates_bucket = parts.method == Method::PUT && place.key.is_empty();
        if !place.bucket.is_empty() && !creates_bucket && !self.root.join(&place.bucket).is_dir() {
            return Err(Failure::new(404, "NoSuchBucket", "The specified bucket does not exist"));
        }
        let stores = place.stores(&parts);
        let parts = without_link(parts);
        let (body, fault) = Upload::new(&parts, body, OBJECT_LIMIT);
        let request = Request::from_parts(parts, s3s::Body::http_body_unsync(body));
        let response = self.service.call(request).await.map_err(|error| {
            warn!(?error, "the object store failed");
            Failure::new(500, "InternalError", "We encountered an internal error. Please try again.")
        })?;
        if let Some(failure) = fault.get() {
            return Err(failure.clone());
        }
        if stores && response.status().is_success() {
            self.tell(&place, facts).await;
        }
        Ok(response.map(|body| body.map_err(Into::into).boxed_unsync()))
    }

    /// The text of an object by its address, `https://s3.REGION.amazonaws.com/BUCKET/KEY` or with the bucket in the host's name.
    pub(crate) fn text(&self, address: &str) -> Option<String> {
        let (bucket, key) = crate::jobs::place(address)?;
        let plain = |text: &str| text.split('/').all(|level| !matches!(level, "" | "." | ".."));
        if !plain(bucket) || !plain(key) {
            return None;
        }
        std::fs::read_to_string(self.root.join(bucket).join(key)).ok()
    }

    /// Keeps an object of the cloud's own in the first bucket; `key` is made of plain levels.
    pub(crate) fn keep(&self, key: &str, body: &[u8]) -> Result<(), files::Error> {
        let path = self.root.join(&self.hosts.first_bucket).join(key);
        files::create_folder(path.parent().unwrap_or(&self.root))?;
        std::fs::write(&path, body).map_err(|source| files::Error::of(&path, source))
    }

    /// Keys of the first bucket below a prefix that ends with a slash, each with the hex SHA-256 of what is there.
    pub(crate) fn below(&self, prefix: &str) -> Vec<(String, String)> {
        let root = self.root.join(&self.hosts.first_bucket);
        let mut folders = vec![prefix.trim_end_matches('/').to_owned()];
        let mut found = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(root.join(&folder)).into_iter().flatten().flatten() {
                let Ok(name) = entry.file_name().into_string() else { continue };
                let key = format!("{folder}/{name}");
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(key),
                    Ok(kind) if kind.is_file() => {
                        let content = std::fs::read(entry.path()).unwrap_or_default();
                        found.push((key, hex::encode(Sha256::digest(content))));
                    }
                    _ => {}
                }
            }
        }
        found.sort();
        found
    }

    async fn tell(&self, place: &Place, facts: &Facts) {
        match tokio::fs::metadata(self.root.join(&place.bucket).join(&place.key)).await {
            Ok(file) => facts.stored(Service::S3, &place.key, file.len() as usize),
            Err(error) => warn!(%error, key = place.key, "a stored object is not there"),
        }
    }
}

/// The first bucket's name, which the client file carries too.
pub(crate) fn first_bucket(names: &Names) -> String {
    format!("panorama-{}", names.account())
}

/// Host names to buckets.
#[derive(Clone, Debug)]
struct Hosts {
    /// `s3.<region>.amazonaws.com`
    buckets: String,
    /// `s3-accesspoint.<region>.…`, in both spellings.
    access_points: [String; 2],
    /// `<name>-<account>` of the access point that exists.
    first_access_point: String,
    first_bucket: String,
}

/// Bucket and key of a request; both may be empty.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    bucket: String,
    key: String,
}

impl Hosts {
    fn new(names: &Names) -> Self {
        let region = names.region();
        let access_point = |domain| format!("s3-accesspoint.{region}.{domain}");
        Self {
            buckets: format!("s3.{region}.amazonaws.com"),
            access_points: [access_point("amazonaws.com"), access_point("aws.amazon.com")],
            first_access_point: format!("{}-{}", names.access_point(), names.account()),
            first_bucket: first_bucket(names),
        }
    }

    /// The bucket that a host names; `None` where the path names it.
    fn bucket(&self, host: &str) -> Result<Option<String>, Failure> {
        let host = host.rsplit_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase();
        let below =
            |parent: &String| host.strip_suffix(parent.as_str()).and_then(|rest| rest.strip_suffix('.'));
        match (self.access_points.iter().find_map(below), below(&self.buckets)) {
            (Some(label), _) if label == self.first_access_point => Ok(Some(self.first_bucket.clone())),
            (Some(_), _) => {
                Err(Failure::new(404, "NoSuchAccessPoint", "The specified accesspoint does not exist"))
            }
            (None, Some(bucket)) => Ok(Some(bucket.to_owned())),
            (None, None) => Ok(None),
        }
    }

    fn place(&self, parts: &Parts) -> Result<Place, Failure> {
        let host =
            parts.headers.get(hyper::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let path = percent_decode_str(parts.uri.path()).decode_utf8_lossy();
        let path = path.trim_start_matches('/');
        let (bucket, key) = match self.bucket(host)? {
            Some(bucket) => (bucket, path),
            None => {
                path.split_once('/').map_or((path.to_owned(), ""), |(bucket, key)| (bucket.to_owned(), key))
            }
        };
        if bucket.contains('/') || bucket.starts_with('.') {
            return Err(Failure::new(400, "InvalidBucketName", "The specified bucket is not valid."));
        }
        Ok(Place { bucket, key: key.to_owned() })
    }
}

impl S3Host for Hosts {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let bucket = self.bucket(host).map_err(|_| s3s::s3_error!(InvalidRequest, "no such access point"))?;
        let parsed = VirtualHost::new(host);
        Ok(match bucket {
            Some(bucket) => parsed.with_bucket(bucket),
            None => parsed,
        })
    }
}

/// The secrets that we know, for a library that signs again what it reads piece by piece.
struct Secrets(Arc<Keys>);

#[async_trait::async_trait]
impl S3Auth for Secrets {
    async fn get_secret_key(&self, id: &str) -> S3Result<SecretKey> {
        let key = self.0.find(id).ok_or_else(|| s3s::s3_error!(InvalidAccessKeyId))?;
        Ok(SecretKey::from(key.secret))
    }
}

/// Lets in whom our own check let in, and mends one thing on the way: the store would promise a list with encoded
/// keys and send them as they are, so that a client reads `a+b` as `a b`. Unencoded keys are allowed by the
/// protocol, so the wish for the encoding is dropped.
struct Plain;

#[async_trait::async_trait]
impl S3Access for Plain {
    async fn check(&self, _: &mut S3AccessContext<'_>) -> S3Result<()> {
        Ok(())
    }

    async fn list_objects(&self, request: &mut S3Request<ListObjectsInput>) -> S3Result<()> {
        request.input.encoding_type = None;
        Ok(())
    }

    async fn list_objects_v2(&self, request: &mut S3Request<ListObjectsV2Input>) -> S3Result<()> {
        request.input.encoding_type = None;
        Ok(())
    }
}

/// A presigned link without its signature, which was judged already: the library would judge its time by the host's clock.
fn without_link(mut parts: Parts) -> Parts {
    let Some(query) = parts.uri.query().filter(|query| query.contains("X-Amz-Signature=")) else {
        return parts;
    };
    let text = format!("{}{}", parts.uri.path(), sigv4::without_link(query));
    parts.uri = text.parse().expect("a path and some of the fields of a URI");
    parts
}

impl Place {
    /// Whether a success means that an object is now there: a plain upload or copy, or the end of a multipart one.
    fn stores(&self, parts: &Parts) -> bool {
        let query = parts.uri.query().unwrap_or_default();
        let mut names = query.split('&').map(|field| field.split('=').next().unwrap_or_default());
        match parts.method {
            Method::PUT => {
                !self.key.is_empty() && names.all(|name| ["", "x-id"].contains(&name) || is_signature(name))
            }
            Method::POST => names.any(|name| name == "uploadId"),
            _ => false,
        }
    }
}

/// Fields of a presigned link.
fn is_signature(name: &str) -> bool {
    name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Spelling;

    fn place(host: &str, path: &str) -> Result<Place, Failure> {
        let names = Names::new("eu-west-1", "123456789012", "a1", "packages", Spelling::Both);
        let request = Request::put(path).header("host", host).body(()).unwrap();
        Hosts::new(&names).place(&request.into_parts().0)
    }

    fn found(bucket: &str, key: &str) -> Result<Place, Failure> {
        Ok(Place { bucket: bucket.into(), key: key.into() })
    }

    #[test]
    fn an_access_point_leads_to_its_bucket_in_both_spellings() {
        for domain in ["amazonaws.com", "aws.amazon.com"] {
            let host = format!("packages-123456789012.s3-accesspoint.eu-west-1.{domain}:8443");
            assert_eq!(place(&host, "/a/b%20c"), found("panorama-123456789012", "a/b c"));
        }
    }

    #[test]
    fn an_unknown_access_point_is_named_in_the_error() {
        let host = "other-123456789012.s3-accesspoint.eu-west-1.amazonaws.com";
        assert_eq!(place(host, "/a").unwrap_err().code, "NoSuchAccessPoint");
    }

    #[test]
    fn a_bucket_is_named_by_the_host_or_by_the_path() {
        assert_eq!(place("b.s3.eu-west-1.amazonaws.com", "/k"), found("b", "k"));
        assert_eq!(place("s3.eu-west-1.amazonaws.com", "/b/k"), found("b", "k"));
        assert_eq!(place("localhost:8443", "/b"), found("b", ""));
        assert!(place("s3.eu-west-1.amazonaws.com", "/..%2fx/k").is_err());
    }
}
