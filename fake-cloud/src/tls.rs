//! The TLS front: one port, many services. The server name says which service, the application protocol (ALPN)
//! says MQTT or HTTP, and both are read from the ClientHello before a certificate is chosen.
//!
//! TLS 1.2 and 1.3 with forward secrecy only, since that is all that the TLS library has. No session is resumed:
//! IoT Core documents that it keeps none.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::crypto::ring;
use rustls::server::{Acceptor, ClientHello, NoClientAuth, NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{KeyLog, RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use crate::ca::{self, Authority};
use crate::names::{Meaning, Names};
use crate::service::{Service, Transport};

/// MQTT with a client certificate on port 443.
pub(crate) const MQTT_ALPN: &str = "x-amzn-mqtt-ca";
/// HTTPS with a client certificate on port 443.
const CERTIFICATE_HTTP_ALPN: &str = "x-amzn-http-ca";
const HTTP_ALPN: &str = "http/1.1";
/// From the first byte to the end of the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// What is known about a client once its handshake is done.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) socket: SocketAddr,
    pub(crate) sni: Option<String>,
    pub(crate) alpn: Option<String>,
    pub(crate) tls: Option<String>,
    pub(crate) certificate_id: Option<String>,
}

/// Where a client goes after the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// The broker.
    Mqtt,
    /// HTTPS of one service.
    Web(Service),
    /// HTTPS of the service that the signature is scoped to.
    WebByScope,
}

impl Door {
    /// The word for facts, while nothing better is known.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Mqtt => Service::Iot.word(),
            Self::Web(service) => service.word(),
            Self::WebByScope => "https",
        }
    }
}

/// A client that does not get in.
#[derive(Debug)]
pub(crate) struct TurnedAway {
    /// Whom it asked for, if that is known.
    pub(crate) door: Option<Door>,
    pub(crate) reason: String,
}

/// Why the front could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No certificate.
    #[error(transparent)]
    Certificate(#[from] ca::Error),
    /// The TLS library refuses the configuration.
    #[error("configure TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The verifier of client certificates cannot be built.
    #[error("configure client certificates: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    /// The key log cannot be made.
    #[error("make the key log: {0}")]
    KeyLog(#[from] std::io::Error),
}

/// Ready-made TLS configurations, and the rule that picks one.
pub(crate) struct Front {
    names: Names,
    web: BTreeMap<Service, Arc<ServerConfig>>,
    mqtt: Option<Arc<ServerConfig>>,
    certificate_http: Option<Arc<ServerConfig>>,
    local: Option<LocalConfigs>,
}

/// The same for the name `localhost`.
struct LocalConfigs {
    web: Arc<ServerConfig>,
    mqtt: Arc<ServerConfig>,
}

impl Front {
    /// Certificates and configurations for the TLS services among `served`; secrets go to `key_log`.
    pub(crate) fn new(
        names: Names,
        served: &[Service],
        authority: &Authority,
        key_log: &Path,
    ) -> Result<Self, Error> {
        let maker = Maker { authority, key_log: Arc::new(Secrets::add_to(key_log)?) };
        let mut front = Self { names, web: BTreeMap::new(), mqtt: None, certificate_http: None, local: None };
        for service in served.iter().copied().filter(|service| service.transport() == Transport::Tls) {
            let certificate = front.names.certificate_names(service);
            let web = match service {
                Service::Credentials => maker.with_certificate(certificate.clone(), HTTP_ALPN)?,
                _ => maker.open(certificate.clone())?,
            };
            front.web.insert(service, web);
            if service == Service::Iot {
                front.mqtt = Some(maker.with_certificate(certificate.clone(), MQTT_ALPN)?);
                front.certificate_http = Some(maker.with_certificate(certificate, CERTIFICATE_HTTP_ALPN)?);
            }
        }
        if front.names.meaning("localhost").is_some() {
            let certificate = vec!["localhost".to_owned()];
            let mqtt = maker.with_certificate(certificate.clone(), MQTT_ALPN)?;
            front.local = Some(LocalConfigs { web: maker.open(certificate)?, mqtt });
        }
        Ok(front)
    }

    fn choose(&self, hello: &ClientHello<'_>) -> Result<(Door, Arc<ServerConfig>), TurnedAway> {
        let away = |door, reason: String| TurnedAway { door, reason };
        let name = hello.server_name().ok_or_else(|| away(None, "no TLS server name".into()))?;
        let offered: Vec<&[u8]> = hello.alpn().into_iter().flatten().collect();
        let offers = |protocol: &str| offered.contains(&protocol.as_bytes());
        let unknown = || away(None, format!("the TLS server name {name} is nobody's here"));
        match self.names.meaning(name).ok_or_else(unknown)? {
            Meaning::Service(service) => {
                let web = self.web.get(&service).ok_or_else(unknown)?;
                match (service, &self.mqtt, &self.certificate_http) {
                    (Service::Iot, Some(mqtt), _) if offers(MQTT_ALPN) => Ok((Door::Mqtt, mqtt.clone())),
                    (Service::Iot, _, Some(http)) if offers(CERTIFICATE_HTTP_ALPN) => {
                        Ok((Door::Web(service), http.clone()))
                    }
                    _ => Ok((Door::Web(service), web.clone())),
                }
            }
            Meaning::ByScope => {
                let local = self.local.as_ref().ok_or_else(unknown)?;
                match offers(MQTT_ALPN) {
                    true => Ok((Door::Mqtt, local.mqtt.clone())),
                    false => Ok((Door::WebByScope, local.web.clone())),
                }
            }
        }
    }

    /// Takes a client through the handshake, within ten seconds.
    pub(crate) async fn admit(
        &self,
        stream: TcpStream,
        socket: SocketAddr,
    ) -> Result<(Door, TlsStream<TcpStream>, Peer), TurnedAway> {
        let slow = || TurnedAway { door: None, reason: "no TLS handshake within 10 s".into() };
        tokio::time::timeout(HANDSHAKE, self.shake_hands(stream, socket)).await.map_err(|_| slow())?
    }

    async fn shake_hands(
        &self,
        stream: TcpStream,
        socket: SocketAddr,
    ) -> Result<(Door, TlsStream<TcpStream>, Peer), TurnedAway> {
        let failed = |door| move |error| TurnedAway { door, reason: format!("TLS handshake: {error}") };
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await.map_err(failed(None))?;
        let (door, config) = self.choose(&start.client_hello())?;
        let stream = start.into_stream(config).await.map_err(failed(Some(door)))?;
        let (_, session) = stream.get_ref();
        let peer = Peer {
            socket,
            sni: session.server_name().map(str::to_owned),
            alpn: session.alpn_protocol().map(|protocol| String::from_utf8_lossy(protocol).into_owned()),
            tls: session.protocol_version().map(|version| format!("{version:?}")),
            certificate_id: session
                .peer_certificates()
                .and_then(|chain| chain.first())
                .map(ca::certificate_id),
        };
        Ok((door, stream, peer))
    }
}

/// Makes configurations.
struct Maker<'a> {
    authority: &'a Authority,
    key_log: Arc<Secrets>,
}

impl Maker<'_> {
    /// Anyone may come in and speak HTTP.
    fn open(&self, names: Vec<String>) -> Result<Arc<ServerConfig>, Error> {
        self.config(names, HTTP_ALPN, Arc::new(NoClientAuth))
    }

    /// Only with a certificate of ours, and with this protocol.
    fn with_certificate(&self, names: Vec<String>, alpn: &str) -> Result<Arc<ServerConfig>, Error> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der())?;
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
        self.config(names, alpn, verifier)
    }

    fn config(
        &self,
        names: Vec<String>,
        alpn: &str,
        clients: Arc<dyn rustls::server::danger::ClientCertVerifier>,
    ) -> Result<Arc<ServerConfig>, Error> {
        let leaf = self.authority.issue_server(names)?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_client_cert_verifier(clients)
            .with_single_cert(vec![leaf.der(), self.authority.der()], leaf.key_der())?;
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.key_log = self.key_log.clone();
        Ok(Arc::new(config))
    }
}

/// Writes session secrets in the form that capture tools read (NSS key log format).
#[derive(Debug)]
pub(crate) struct Secrets {
    file: Mutex<File>,
}

impl Secrets {
    /// Adds to a file, which is made if need be.
    pub(crate) fn add_to(path: &Path) -> std::io::Result<Self> {
        Ok(Self { file: Mutex::new(crate::files::add_to_private(path)?) })
    }
}

impl KeyLog for Secrets {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let line = format!("{label} {} {}\n", hex::encode(client_random), hex::encode(secret));
        let mut file = self.file.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Err(error) = file.write_all(line.as_bytes()) {
            tracing::warn!(%error, "a TLS secret was not logged: captures cannot be decrypted");
        }
    }
}
