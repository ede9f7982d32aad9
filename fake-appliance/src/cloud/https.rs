//! Signed requests over one kept connection to one service.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use fake_facts::Fact;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::time::timeout;

use super::credentials::{Chain, Keys};
use super::signing::{Signer, authority};
use crate::config::ClientFile;
use crate::net;
use crate::voice::Voice;

/// Longest wait for a whole answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// Largest answer that is read.
const LARGEST: usize = 1 << 20;
/// In every protocol, the code for credentials that have ended begins so.
const ENDED: &str = "ExpiredToken";

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    Net(#[from] net::Error),
    #[error("the connection failed: {0}")]
    Http(#[from] hyper::Error),
    #[error("no answer within {} s", PATIENCE.as_secs())]
    Silence,
    #[error("given up after {0} s")]
    Late(u64),
    #[error("the answer could not be read: {0}")]
    Answer(String),
    #[error("the request could not be signed: {0}")]
    Sign(String),
    #[error("refused with status {status}: {text}")]
    Refused { status: StatusCode, text: String },
    #[error("no credentials: {0}")]
    Credentials(Box<Error>),
}

impl Error {
    /// What a fact calls the thing that failed.
    pub(super) fn what<'a>(&self, service: &'a str) -> &'a str {
        match self {
            Self::Net(error) => error.what(service),
            Self::Credentials(error) => error.what(service),
            _ => service,
        }
    }

    /// The name that could not be resolved, if that was it.
    pub(super) fn about(&self) -> Option<&str> {
        match self {
            Self::Net(net::Error::Resolve { name, .. }) => Some(name),
            Self::Credentials(error) => error.about(),
            _ => None,
        }
    }
}

/// One request, before it is signed.
pub(super) struct Call<'a> {
    pub(super) method: &'static str,
    /// Path, percent-encoded.
    pub(super) path: &'a str,
    pub(super) headers: &'a [(&'static str, &'a str)],
    pub(super) body: Vec<u8>,
}

/// One service.
pub(super) struct Https {
    pub(super) service: &'static str,
    /// Where it connects to, and what TLS names.
    host: String,
    /// What requests name.
    asks_for: String,
    client: Arc<ClientFile>,
    chain: Arc<Chain>,
    tls: Arc<ClientConfig>,
    voice: Voice,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Https {
    pub(super) fn new(
        service: &'static str,
        host: &str,
        client: Arc<ClientFile>,
        chain: Arc<Chain>,
        tls: Arc<ClientConfig>,
        voice: Voice,
    ) -> Self {
        let (host, asks_for) = (host.to_owned(), host.to_owned());
        Self { service, host, asks_for, client, chain, tls, voice, open: None }
    }

    /// Sends a request; gives the body of a success. After a failure the connection is closed.
    pub(super) async fn send(&mut self, call: Call<'_>) -> Result<Bytes, Error> {
        let keys = self.chain.keys().await?;
        let mut kept = self.open.take();
        if let Some(open) = &mut kept
            && open.ready().await.is_err()
        {
            kept = None; // the server has closed it in the meantime
        }
        let mut sender = match kept {
            Some(open) => open,
            None => self.connect().await?,
        };
        // Once all is ready to send it: a signature grows old.
        let request = self.sign(call, &keys)?;
        let answer =
            timeout(PATIENCE, exchange(&mut sender, request)).await.map_err(|_| Error::Silence)??;
        if answer.status.is_success() {
            self.open = Some(sender);
            return Ok(answer.body);
        }
        let refused = answer.refused();
        if refused.to_string().contains(ENDED) {
            self.chain.forget(&keys).await;
        }
        Err(refused)
    }

    /// Ends the connection: the appliance restarts.
    pub(super) fn hang_up(&mut self) {
        self.open = None;
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Error> {
        let (sender, peer) = connect(&self.voice, &self.host, self.client.https_port, &self.tls).await?;
        self.voice.tell(Fact::Connected { service: self.service.to_owned(), peer, camera: None });
        Ok(sender)
    }

    /// Asks for this host over connections to another one, as no honest client does.
    pub(super) fn asking_for(self, host: &str) -> Self {
        Self { asks_for: host.to_owned(), ..self }
    }

    fn authority(&self) -> String {
        authority(&self.asks_for, self.client.https_port)
    }

    fn sign(&self, call: Call<'_>, keys: &Keys) -> Result<Request<Full<Bytes>>, Error> {
        let signer = Signer {
            service: self.service,
            region: &self.client.region,
            authority: &self.authority(),
            key_id: &keys.access_key_id,
            secret: &keys.secret_access_key,
            token: Some(&keys.session_token),
            at: SystemTime::now(),
        };
        signer.sign(call)
    }
}

/// A connection over which requests can be sent.
pub(super) async fn connect(
    voice: &Voice,
    host: &str,
    port: u16,
    tls: &Arc<ClientConfig>,
) -> Result<(SendRequest<Full<Bytes>>, SocketAddr), Error> {
    let (stream, peer) = net::connect_tls(voice, host, port, tls).await?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, %peer, "connection ended");
        }
    });
    Ok((sender, peer))
}

/// A whole answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    /// What it is if it is no success.
    pub(super) fn refused(&self) -> Error {
        Error::Refused { status: self.status, text: String::from_utf8_lossy(&self.body).into_owned() }
    }
}

pub(super) async fn exchange(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Result<Answer, Error> {
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, LARGEST).collect().await;
    let body = body.map_err(|error| Error::Answer(error.to_string()))?.to_bytes();
    Ok(Answer { status: head.status, headers: head.headers, body })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fake_facts::Teller;

    use super::*;
    use crate::cloud::Identity;
    use crate::restart::Restart;

    fn https(service: &'static str, port: u16) -> Https {
        let client = serde_json::json!({
            "region": "eu-west-1", "account": "123456789012", "ca": "/ca.pem", "https_port": port,
            "role_alias": "alias",
            "endpoints": { "iot": "i", "credentials": "c", "monitoring": "m", "logs": "l", "s3": "s" },
        });
        let client: Arc<ClientFile> = Arc::new(serde_json::from_value(client).unwrap());
        let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let voice = Voice::new(Arc::new(Teller::new(Box::new(std::io::sink()))));
        let tls = Arc::new(tls);
        let identity = Identity::new(Arc::clone(&tls), Arc::clone(&tls));
        let restart = Restart::new(Duration::ZERO);
        let chain = Arc::new(Chain::new(Arc::clone(&client), "app", identity, voice.clone(), restart));
        Https::new(service, "host.example", client, chain, tls, voice)
    }

    fn keys() -> Keys {
        serde_json::from_value(serde_json::json!({
            "accessKeyId": "ASIAEXAMPLE", "secretAccessKey": "secret", "sessionToken": "token",
            "expiration": "2026-01-31T12:00:00Z",
        }))
        .unwrap()
    }

    fn header<'a>(request: &'a Request<Full<Bytes>>, name: &str) -> &'a str {
        request.headers().get(name).unwrap_or_else(|| panic!("no header {name}")).to_str().unwrap()
    }

    #[test]
    fn requests_are_signed_for_their_service_and_region() {
        let headers = [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", "A.B")];
        let call = Call { method: "POST", path: "/", headers: &headers, body: b"{}".to_vec() };
        let request = https("monitoring", 443).sign(call, &keys()).unwrap();
        let authorization = header(&request, "authorization");
        assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/"), "{authorization}");
        assert!(authorization.contains("/eu-west-1/monitoring/aws4_request"), "{authorization}");
        let signed = "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target,";
        assert!(authorization.contains(signed), "{authorization}");
        assert_eq!((header(&request, "host"), request.uri().path()), ("host.example", "/"));
        assert_eq!(header(&request, "x-amz-security-token"), "token");
    }

    #[test]
    fn objects_name_the_hash_of_their_body_and_other_ports_are_part_of_the_host() {
        let call = Call { method: "PUT", path: "/devices/app/x", headers: &[], body: b"abc".to_vec() };
        let request = https("s3", 8443).sign(call, &keys()).unwrap();
        // SHA-256 of "abc" (FIPS 180-4, example B.1).
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(header(&request, "x-amz-content-sha256"), hash);
        assert_eq!(header(&request, "host"), "host.example:8443");
        assert!(header(&request, "authorization").contains("x-amz-content-sha256"));
    }
}
