//! Peers in the broker's place: TLS with whatever is wrong with their certificate, behind it MQTT, and a job for whoever goes on.

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::version::{TLS12, TLS13};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::openssl::{Bare, certificate};
use super::{Error, Kind, Workshop};
use crate::mqtt::{self, Offer};
use crate::tls::{MQTT_ALPN, Secrets};

/// What there is to do: of the documented kinds of jobs the one that needs nothing from elsewhere.
const OPERATION: &str = "configuration";

/// What stands in the broker's place, for one client.
pub(super) struct Broker {
    kind: Kind,
    shown: Shown,
    every_ms: u64,
}

/// What a client meets first.
enum Shown {
    /// The cloud's own TLS.
    Modern(Arc<ServerConfig>),
    /// Old or weak TLS, which is OpenSSL's.
    Bare(Bare),
}

/// A job that a client took.
#[derive(Debug, PartialEq)]
pub(crate) struct Taken {
    /// Its name.
    pub(crate) job: String,
    /// What there was to do.
    pub(crate) operation: String,
    /// How it went, as the client said first.
    pub(crate) status: String,
}

impl Broker {
    /// Of a kind that speaks TLS itself; `every_ms`: what its job says.
    pub(super) async fn new(kind: Kind, workshop: &Workshop<'_>, every_ms: u64) -> Result<Self, Error> {
        let shown = match kind.is_modern() {
            true => Shown::Modern(Self::modern(kind, workshop).await?),
            false => Shown::Bare(Bare::new(kind, MQTT_ALPN, workshop).await?),
        };
        Ok(Self { kind, shown, every_ms })
    }

    /// With nothing wrong but perhaps the certificate.
    async fn modern(kind: Kind, workshop: &Workshop<'_>) -> Result<Arc<ServerConfig>, Error> {
        let leaf = certificate(kind, workshop).await?;
        // Whoever turns a certificate down says so in the clear with TLS 1.2.
        let version = if kind == Kind::Tls13 { &TLS13 } else { &TLS12 };
        let mut shown = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der()], leaf.key_der())?;
        shown.alpn_protocols = vec![MQTT_ALPN.as_bytes().to_vec()];
        shown.key_log = Arc::new(Secrets::add_to(workshop.key_log).map_err(Error::KeyLog)?);
        Ok(Arc::new(shown))
    }

    /// Sees to a client until it has taken the job, or goes.
    pub(super) async fn serve(&self, client: TcpStream) -> io::Result<Option<Taken>> {
        // No two meetings have the same name: of each kind one peer waits for each check, and its client's port is its own.
        let job = format!("{}-{}", self.kind.word().replace('.', "-"), client.peer_addr()?.port());
        let document = json!({ "operation": OPERATION, "monitorEveryMs": self.every_ms }).to_string();
        let offer = Offer { job: &job, document: &document };
        let status = match &self.shown {
            Shown::Modern(shown) => {
                mqtt::mislead(TlsAcceptor::from(Arc::clone(shown)).accept(client).await?, &offer).await?
            }
            Shown::Bare(bare) => {
                let running = bare.run().await?;
                mislead_behind(client, running.covered, running.clear, &offer).await?
            }
        };
        let taken = |status: &str| Taken { job, operation: OPERATION.into(), status: status.into() };
        Ok(status.map(taken))
    }
}

/// Misleads a client by what OpenSSL hears of it in the clear; what is said in TLS is handed on as it is. Once either has gone, so has
/// the other, and what was said before is heard all the same.
async fn mislead_behind(
    mut client: TcpStream,
    mut covered: impl AsyncRead + AsyncWrite + Unpin,
    clear: impl AsyncRead + AsyncWrite,
    offer: &Offer<'_>,
) -> io::Result<Option<&'static str>> {
    let hand_on = async move { copy_bidirectional(&mut client, &mut covered).await };
    let mislead = mqtt::mislead(clear, offer);
    tokio::pin!(mislead);
    tokio::select! {
        told = &mut mislead => told,
        _ = hand_on => mislead.await,
    }
}
