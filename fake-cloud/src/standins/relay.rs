//! Peers that hand on to the cloud itself, at the address at which their client wanted it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, copy_bidirectional};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::{Error, Own, StandIns, Workshop};
use crate::tls::Secrets;

/// From one byte of a slow answer to the next: the first thousand, which a handshake takes at least, are a minute and a half.
const STEP: Duration = Duration::from_millis(100);
const HTTP: &[u8] = b"http/1.1";

/// What ends a client's TLS, reads all that it says, and says it to the cloud in its own TLS.
pub(super) struct Middlebox {
    /// Towards the client, with a certificate of its own authority.
    shown: Arc<ServerConfig>,
    /// Towards the cloud, whose authority it knows.
    believed: Arc<ClientConfig>,
}

impl Middlebox {
    pub(super) fn new(workshop: &Workshop<'_>) -> Result<Self, Error> {
        let (own, provider) = (workshop.authority.unknown()?, Arc::new(ring::default_provider()));
        let leaf = own.issue_server(workshop.names.clone())?;
        let mut shown = ServerConfig::builder_with_provider(Arc::clone(&provider))
            // Whoever turns its certificate down says so in the clear.
            .with_protocol_versions(&[&rustls::version::TLS12])?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der(), own.der()], leaf.key_der())?;
        shown.alpn_protocols = vec![HTTP.to_vec()];
        shown.key_log = Arc::new(Secrets::add_to(workshop.key_log).map_err(Error::KeyLog)?);
        let mut roots = RootCertStore::empty();
        roots.add(workshop.authority.der())?;
        let mut believed = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        believed.alpn_protocols = vec![HTTP.to_vec()];
        Ok(Self { shown: Arc::new(shown), believed: Arc::new(believed) })
    }

    pub(super) async fn serve(&self, client: TcpStream, stand_ins: &Arc<StandIns>) -> io::Result<()> {
        let (cloud, _own) = onward(&client, stand_ins).await?;
        let mut client = TlsAcceptor::from(Arc::clone(&self.shown)).accept(client).await?;
        let name = client.get_ref().1.server_name().unwrap_or_default().to_owned();
        let name = ServerName::try_from(name).map_err(io::Error::other)?;
        let mut cloud = TlsConnector::from(Arc::clone(&self.believed)).connect(name, cloud).await?;
        copy_bidirectional(&mut client, &mut cloud).await.map(drop)
    }
}

/// Hands a client on as it is, and answers back a byte at a time.
pub(super) async fn slowly(client: TcpStream, stand_ins: &Arc<StandIns>) -> io::Result<()> {
    let (cloud, _own) = onward(&client, stand_ins).await?;
    let (mut asks, mut hears) = client.into_split();
    let (mut answers, mut told) = cloud.into_split();
    let back = async {
        let mut byte = [0];
        while answers.read(&mut byte).await? > 0 {
            hears.write_all(&byte).await?;
            tokio::time::sleep(STEP).await;
        }
        Ok(())
    };
    // The client has gone when it asks nothing more.
    tokio::select! {
        asked = copy(&mut asks, &mut told) => asked.map(drop),
        answered = back => answered,
    }
}

/// A connection to the cloud, where the client thinks it is.
async fn onward(client: &TcpStream, stand_ins: &Arc<StandIns>) -> io::Result<(TcpStream, Own)> {
    let cloud = TcpStream::connect(client.local_addr()?).await?;
    let own = stand_ins.own(&cloud)?;
    Ok((cloud, own))
}
