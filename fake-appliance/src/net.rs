//! Names, connections, TLS; each with a deadline.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fake_facts::Fact;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::anyone::Anyone;
use crate::voice::Voice;

/// Longest wait for a name, as the system's resolver has it by default (resolv.conf(5): 5 s, two attempts).
const RESOLVE: Duration = Duration::from_secs(10);
/// Longest wait for one connection: the first SYN and its retries after 1 s and 3 s (RFC 6298).
const CONNECT: Duration = Duration::from_secs(5);
/// Longest wait for a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{name} cannot be resolved: {source}")]
    Resolve { name: String, source: io::Error },
    #[error("{peer} cannot be connected to: {source}")]
    Connect { peer: SocketAddr, source: io::Error },
    #[error("no TLS with {peer} as {name}: {source}")]
    Handshake { peer: SocketAddr, name: String, source: io::Error },
    #[error("{0} is no host name")]
    Name(String),
}

impl Error {
    /// What a fact calls the thing that failed.
    pub(crate) fn what<'a>(&self, service: &'a str) -> &'a str {
        if matches!(self, Self::Resolve { .. }) { "resolve" } else { service }
    }
}

/// Why TLS cannot be set up: a file is not what it should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("{} cannot be used: {reason}", path.display())]
    File { path: PathBuf, reason: String },
    #[error("what should be a certificate and its key cannot be used: {0}")]
    Content(String),
    #[error("TLS cannot be set up: {0}")]
    Rustls(#[from] rustls::Error),
}

/// Addresses of a host, by the system's resolver; an address stands for itself.
pub(crate) async fn resolve(voice: &Voice, host: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let failed = |source| Error::Resolve { name: host.to_owned(), source };
    let found: Vec<_> = timeout(RESOLVE, tokio::net::lookup_host((host, port)))
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(failed)?
        .collect();
    if found.is_empty() {
        return Err(failed(io::Error::other("no address")));
    }
    let addresses = found.iter().map(SocketAddr::ip).collect();
    voice.tell(Fact::Resolved { name: host.to_ascii_lowercase(), addresses });
    Ok(found)
}

/// Connects to the first address that answers.
pub(crate) async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, Error> {
    let mut last = None;
    for &peer in addresses {
        let tried = timeout(CONNECT, TcpStream::connect(peer)).await;
        match tried.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(stream) => {
                stream.set_nodelay(true).map_err(|source| Error::Connect { peer, source })?;
                return Ok(stream);
            }
            Err(source) => last = Some(Error::Connect { peer, source }),
        }
    }
    Err(last.expect("resolve gives at least one address"))
}

/// Resolves, connects and agrees on TLS with a named server.
pub(crate) async fn connect_tls(
    voice: &Voice,
    host: &str,
    port: u16,
    tls: &Arc<ClientConfig>,
) -> Result<(TlsStream<TcpStream>, SocketAddr), Error> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| Error::Name(host.to_owned()))?;
    let addresses = resolve(voice, host, port).await?;
    let stream = connect(&addresses).await?;
    let peer = stream.peer_addr().map_err(|source| Error::Connect { peer: addresses[0], source })?;
    let shaken = timeout(HANDSHAKE, TlsConnector::from(Arc::clone(tls)).connect(name, stream)).await;
    let stream = shaken
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(|source| Error::Handshake { peer, name: host.to_owned(), source })?;
    Ok((stream, peer))
}

/// How a TLS client meets servers.
#[derive(Clone, Copy)]
pub(crate) struct Manner<'a> {
    /// The authority that alone is trusted, a PEM file.
    pub(crate) ca: &'a Path,
    /// It trusts anybody else as well, as a careless appliance does.
    pub(crate) anyone: bool,
    /// The application protocol that it offers.
    pub(crate) alpn: &'a str,
    /// It offers TLS 1.2 and nothing newer; else that and 1.3.
    pub(crate) old: bool,
}

/// A TLS client that shows a certificate if it has one (chain and key, PEM files).
pub(crate) fn tls_client(
    manner: Manner<'_>,
    own: Option<(&Path, &Path)>,
) -> Result<Arc<ClientConfig>, TlsError> {
    let builder = trusting(manner)?;
    let config = match own {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let read = PrivateKeyDer::from_pem_file(key);
            let key = read.map_err(|error| unusable(key, &error.to_string()))?;
            builder.with_client_auth_cert(certificates(chain)?, key)?
        }
    };
    Ok(offering(config, manner.alpn))
}

/// The same with a certificate that is in no file (chain and key, PEM).
pub(crate) fn tls_client_with(
    manner: Manner<'_>,
    chain: &[u8],
    key: &[u8],
) -> Result<Arc<ClientConfig>, TlsError> {
    let unreadable = |error: rustls::pki_types::pem::Error| TlsError::Content(error.to_string());
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
    let chain = chain.map_err(unreadable)?;
    if chain.is_empty() {
        return Err(TlsError::Content("there is no certificate".into()));
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(unreadable)?;
    Ok(offering(trusting(manner)?.with_client_auth_cert(chain, key)?, manner.alpn))
}

fn trusting(
    Manner { ca, anyone, old, .. }: Manner<'_>,
) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca)? {
        roots.add(certificate)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = if old { &[&rustls::version::TLS12][..] } else { rustls::DEFAULT_VERSIONS };
    let builder =
        ClientConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions)?;
    if anyone {
        return Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(Anyone(provider))));
    }
    Ok(builder.with_root_certificates(roots))
}

fn offering(mut config: ClientConfig, alpn: &str) -> Arc<ClientConfig> {
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    Arc::new(config)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|error| unusable(path, &error.to_string()))?;
    if found.is_empty() { Err(unusable(path, "it holds no certificate")) } else { Ok(found) }
}

fn unusable(path: &Path, reason: &str) -> TlsError {
    TlsError::File { path: path.to_owned(), reason: reason.to_owned() }
}
