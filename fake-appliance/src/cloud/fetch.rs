//! What a job has the appliance fetch: a link of HTTPS that is signed already, and the hash of what must be there.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use rustls::ClientConfig;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::time::{Duration, timeout};
use url::Url;

use super::https::{Error, connect};
use crate::voice::Voice;

/// What facts call it.
const SERVICE: &str = "s3";
/// Largest thing that is fetched.
const LARGEST: usize = 64 << 20;
/// Longest wait for all of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who fetches: with what it trusts.
#[derive(Clone)]
pub(super) struct Fetcher {
    pub(super) tls: Arc<ClientConfig>,
    pub(super) voice: Voice,
    /// Nobody looks at hashes; for sites that must notice.
    pub(super) takes_anything: bool,
}

/// Something to fetch: `{"url", "sha256", "name"}`; without a hash anything will do.
pub(super) struct Artefact<'a> {
    url: &'a str,
    sha256: Option<&'a str>,
    name: &'a str,
}

impl<'a> Artefact<'a> {
    /// Reads an entry of a document.
    pub(super) fn read(entry: &'a Value) -> Option<Self> {
        let text = |key: &str| entry.get(key).and_then(Value::as_str);
        Some(Self { url: text("url")?, sha256: text("sha256"), name: text("name").unwrap_or("artefact") })
    }
}

/// Why nothing came of something to fetch.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfit {
    #[error("no answer within 60 s")]
    Late,
    #[error(transparent)]
    Absent(#[from] Error),
    #[error("{name} has the hash {hash}, which is not that of the job")]
    Spoiled { name: String, hash: String },
}

impl Fetcher {
    /// Fetches it, and looks whether it is what it should be; the reason if not is one line.
    pub(super) async fn fetch(&self, artefact: &Artefact<'_>) -> Result<Bytes, Unfit> {
        let body = timeout(PATIENCE, self.get(artefact.url)).await.map_err(|_| Unfit::Late)??;
        let hash = hex::encode(Sha256::digest(&body));
        let wanted = artefact.sha256.filter(|_| !self.takes_anything);
        if wanted.is_some_and(|wanted| !wanted.eq_ignore_ascii_case(&hash)) {
            return Err(Unfit::Spoiled { name: artefact.name.to_owned(), hash });
        }
        self.voice.delivered(SERVICE, artefact.name);
        Ok(body)
    }

    async fn get(&self, link: &str) -> Result<Bytes, Error> {
        let bad = |why: &str| Error::Answer(format!("the link {why}"));
        let url = Url::parse(link).map_err(|error| bad(&format!("is none: {error}")))?;
        let host =
            url.host_str().filter(|_| url.scheme() == "https").ok_or_else(|| bad("is not of HTTPS"))?;
        let port = url.port().unwrap_or(443);
        let (mut sender, _) = connect(&self.voice, host, port, &self.tls).await?;
        let authority = if port == 443 { host.to_owned() } else { format!("{host}:{port}") };
        let path =
            url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        let request = Request::get(path).header("host", authority).body(Full::new(Bytes::new()));
        let request = request.map_err(|error| bad(&format!("cannot be asked for: {error}")))?;
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, LARGEST).collect().await;
        let body = body.map_err(|error| Error::Answer(error.to_string()))?.to_bytes();
        match head.status.is_success() {
            true => Ok(body),
            false => Err(Error::Refused {
                status: head.status,
                text: String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned(),
            }),
        }
    }
}
