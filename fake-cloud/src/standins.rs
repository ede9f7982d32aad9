//! Peers that take a service's place, one connection each: what no client should take for the cloud, and what each should.
//!
//! They are OpenSSL's, since the TLS library of the cloud itself has nothing old or weak. Each listens at a loopback
//! address; a client's connection is handed on as it is, so that both see one another and nobody else.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::ca::{self, Authority, Issued};
use crate::files;

/// How long a peer may take to listen.
const READY: Duration = Duration::from_secs(10);
/// How long one connection may take: whoever has not gone on by then does not.
const LONGEST: Duration = Duration::from_secs(5);
/// A name that is nobody's here (RFC 2606).
const NOBODY: &str = "somewhere.example.org";

/// What a peer is like. But for what the word says all is right: the names, the authority, the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// It speaks TLS 1.0 and nothing else.
    #[serde(rename = "tls1.0")]
    Tls10,
    /// It speaks TLS 1.1 and nothing else.
    #[serde(rename = "tls1.1")]
    Tls11,
    /// It speaks TLS 1.2, with forward secrecy: nothing is wrong with it.
    #[serde(rename = "tls1.2")]
    Tls12,
    /// It speaks TLS 1.3 and nothing else: nothing is wrong with it.
    #[serde(rename = "tls1.3")]
    Tls13,
    /// TLS 1.2 with RSA key exchange, and so without forward secrecy.
    StaticRsa,
    /// Its certificate is of an authority that nobody knows. This one and the next two speak TLS 1.2, where whoever
    /// turns a certificate down says so in the clear.
    WrongCa,
    /// Its certificate is for another name.
    WrongName,
    /// Its certificate has expired.
    Expired,
}

impl Kind {
    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Tls10 => "tls1.0",
            Self::Tls11 => "tls1.1",
            Self::Tls12 => "tls1.2",
            Self::Tls13 => "tls1.3",
            Self::StaticRsa => "static-rsa",
            Self::WrongCa => "wrong-ca",
            Self::WrongName => "wrong-name",
            Self::Expired => "expired",
        }
    }

    /// What OpenSSL is told.
    fn options(self) -> &'static [&'static str] {
        match self {
            // By default OpenSSL does not do these any more: SHA-1 signs the key exchange.
            Self::Tls10 => &["-tls1", "-cipher", "ECDHE:@SECLEVEL=0"],
            Self::Tls11 => &["-tls1_1", "-cipher", "ECDHE:@SECLEVEL=0"],
            Self::StaticRsa => &["-tls1_2", "-cipher", "kRSA:@SECLEVEL=0"],
            Self::Tls13 => &["-tls1_3"],
            Self::Tls12 | Self::WrongCa | Self::WrongName | Self::Expired => &["-tls1_2", "-cipher", "ECDHE"],
        }
    }
}

/// Why there is no such peer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Certificate(#[from] ca::Error),
    #[error(transparent)]
    File(#[from] files::Error),
    #[error("openssl (Debian package openssl) cannot be run: {0}")]
    Run(#[from] io::Error),
    #[error("openssl did not make a key: {0}")]
    Key(String),
    #[error("openssl did not listen as {0}")]
    Listen(&'static str),
}

/// A peer that listens; it ends when dropped.
pub(crate) struct Peer {
    pub(crate) kind: Kind,
    socket: SocketAddr,
    _process: Child,
}

/// Peers that wait for a client, in turn, whichever of these services it wants.
#[derive(Default)]
pub(crate) struct StandIns {
    waiting: Mutex<(Vec<String>, VecDeque<Peer>)>,
}

impl StandIns {
    /// Lets these take the places of these services, in turn; whoever waited before does no more.
    pub(crate) fn place(&self, services: Vec<String>, peers: Vec<Peer>) {
        *self.lock() = (services, peers.into());
    }

    /// Whose turn it is with a client of this service; not that of one who has nothing to say.
    pub(crate) async fn next(&self, service: &str, client: &TcpStream) -> Option<Peer> {
        if !self.is_due(service) || client.peek(&mut [0]).await.is_ok_and(|bytes| bytes == 0) {
            return None;
        }
        // Another client may have been quicker.
        self.is_due(service).then(|| self.lock().1.pop_front()).flatten()
    }

    fn is_due(&self, service: &str) -> bool {
        let (services, peers) = &*self.lock();
        !peers.is_empty() && services.iter().any(|one| one == service)
    }

    fn lock(&self) -> MutexGuard<'_, (Vec<String>, VecDeque<Peer>)> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Peer {
    /// Starts a peer with a certificate of this authority for these names, unless its kind says otherwise.
    pub(crate) async fn start(
        kind: Kind,
        authority: &Authority,
        names: Vec<String>,
        folder: &Path,
    ) -> Result<Self, Error> {
        let issued = certificate(kind, authority, names).await?;
        files::create_folder(folder)?;
        let file = |ending: &str| folder.join(format!("{}.{ending}", kind.word()));
        let (certificate, key) = (file("cert.pem"), file("key.pem"));
        files::write(&certificate, &issued.certificate_pem())?;
        files::write_private(&key, &issued.key_pem())?;
        let mut process = openssl()
            .args(["s_server", "-rev", "-accept", "127.0.0.1:0", "-cert"])
            .args([PathBuf::from(&certificate).as_os_str(), "-key".as_ref(), key.as_os_str()])
            .args(kind.options())
            .stdout(Stdio::piped())
            .spawn()?;
        let out = process.stdout.take().ok_or(Error::Listen(kind.word()))?;
        let socket = timeout(READY, listening(BufReader::new(out))).await;
        let socket = socket.ok().flatten().ok_or(Error::Listen(kind.word()))?;
        Ok(Self { kind, socket, _process: process })
    }

    /// Hands a client's connection on, until both have nothing more to say.
    pub(crate) async fn serve(self, mut client: TcpStream) -> io::Result<()> {
        let mut peer = TcpStream::connect(self.socket).await?;
        let served = timeout(LONGEST, copy_bidirectional(&mut client, &mut peer)).await;
        served.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map(|_| ())
    }
}

/// OpenSSL with nothing of the host's configuration, which may forbid what a peer is for.
fn openssl() -> Command {
    let mut command = Command::new("openssl");
    command.env("OPENSSL_CONF", "/dev/null").stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    command
}

async fn certificate(kind: Kind, authority: &Authority, names: Vec<String>) -> Result<Issued, Error> {
    Ok(match kind {
        Kind::Tls10 | Kind::Tls11 | Kind::Tls12 | Kind::Tls13 => authority.issue_server(names)?,
        Kind::StaticRsa => authority.issue_server_for(&rsa_key().await?, names)?,
        Kind::WrongCa => authority.unknown()?.issue_server(names)?,
        Kind::WrongName => authority.issue_server(vec![NOBODY.to_owned()])?,
        Kind::Expired => authority.issue_expired(names)?,
    })
}

/// An RSA key, PEM: the certificates' library makes none itself.
async fn rsa_key() -> Result<String, Error> {
    let options = ["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
    let made = openssl().args(options).output().await?;
    let text = String::from_utf8_lossy(&made.stdout).into_owned();
    if made.status.success() { Ok(text) } else { Err(Error::Key(made.status.to_string())) }
}

/// Where it listens, as it says itself; the rest of what it says is read and let go.
async fn listening(mut out: BufReader<tokio::process::ChildStdout>) -> Option<SocketAddr> {
    let mut line = String::new();
    loop {
        line.clear();
        if out.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if let Some(socket) = line.strip_prefix("ACCEPT ") {
            let socket = socket.trim().parse().ok();
            tokio::spawn(async move { tokio::io::copy(&mut out, &mut tokio::io::sink()).await });
            return socket;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    /// Whether OpenSSL's client is answered by this peer.
    async fn answers(peer: &Peer, options: &[&str]) -> bool {
        let mut client = openssl();
        client.args(["s_client", "-connect", &peer.socket.to_string(), "-servername", "a.example.org"]);
        let mut client = client
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("openssl is needed");
        // Whoever was refused has gone already.
        let mut told = client.stdin.take().unwrap();
        let _ = told.write_all(b"hello\n").await;
        let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if line == "olleh" {
                return true;
            }
        }
        false
    }

    #[tokio::test]
    async fn each_peer_has_one_thing_wrong_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        let authority = Authority::new(std::time::SystemTime::now(), &key).unwrap();
        let ca = folder.path().join("ca.pem");
        files::write(&ca, &authority.pem()).unwrap();
        let proven = ["-CAfile", ca.to_str().unwrap(), "-verify_return_error"];
        let strict = [&proven[..], &["-verify_hostname", "a.example.org", "-cipher", "ECDHE"]].concat();
        let old = |version: &'static str| [&strict[..5], &[version, "-cipher", "ECDHE:@SECLEVEL=0"]].concat();
        let cases: [(Kind, Vec<&str>, bool); 8] = [
            (Kind::Tls10, old("-tls1"), false),
            (Kind::Tls11, old("-tls1_1"), false),
            (Kind::StaticRsa, [&strict[..5], &["-tls1_2", "-cipher", "kRSA"]].concat(), false),
            (Kind::WrongCa, vec!["-cipher", "ECDHE"], false),
            (Kind::WrongName, proven.to_vec(), false),
            (Kind::Expired, [&strict[..], &["-no_check_time"]].concat(), false),
            (Kind::Tls12, [&strict[..], &["-tls1_2"]].concat(), true),
            (Kind::Tls13, [&strict[..], &["-tls1_3"]].concat(), true),
        ];
        for (kind, lenient, good) in cases {
            let names = vec!["a.example.org".to_owned()];
            let peer = Peer::start(kind, &authority, names, folder.path()).await.unwrap();
            assert!(answers(&peer, &lenient).await, "{kind:?} is right but for one thing");
            let modern = [&strict[..], &["-no_tls1", "-no_tls1_1"]].concat();
            assert_eq!(answers(&peer, &modern).await, good, "{kind:?} for whoever looks");
        }
    }
}
