//! Peers that are OpenSSL's: each listens at a loopback address, and a client's connection is handed on as it is, so that both
//! see one another and nobody else.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader, Join, join};
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use super::{Error, Kind, Workshop};
use crate::ca::Issued;
use crate::files;

/// How long a peer may take to listen.
pub(super) const READY: Duration = Duration::from_secs(10);
/// From one look whether one listens to the next.
const AGAIN: Duration = Duration::from_millis(5);
/// A name that is nobody's here (RFC 2606).
const NOBODY: &str = "somewhere.example.org";

/// A server of OpenSSL's that listens; it ends when dropped.
pub(super) struct Openssl {
    pub(super) socket: SocketAddr,
    _process: Child,
}

impl Openssl {
    /// Starts one whose certificate is right, unless its kind says otherwise.
    pub(super) async fn start(kind: Kind, workshop: &Workshop<'_>) -> Result<Self, Error> {
        let mut process = openssl()
            .args(["s_server", "-rev", "-accept", "127.0.0.1:0"])
            .args(like(kind, "rev", workshop).await?)
            .stdout(Stdio::piped())
            .spawn()?;
        let out = process.stdout.take().ok_or(Error::Listen(kind.word()))?;
        let socket = timeout(READY, listening(BufReader::new(out))).await;
        let socket = socket.ok().flatten().ok_or(Error::Listen(kind.word()))?;
        Ok(Self { socket, _process: process })
    }
}

/// A server of OpenSSL's for one client, beside which somebody else speaks: what the client says comes out of it in the clear, and what it
/// is told goes in. It is started when its client comes.
pub(super) struct Bare {
    like: Vec<OsString>,
    folder: PathBuf,
    /// The socket in there at which it listens. OpenSSL takes no path of more than 31 bytes, as if it were the name of a port
    /// (NI_MAXSERV of getnameinfo).
    socket: String,
}

/// Such a server that runs; it ends when dropped.
pub(super) struct Running {
    /// What is said in TLS.
    pub(super) covered: UnixStream,
    /// The same in the clear.
    pub(super) clear: Join<ChildStdout, ChildStdin>,
    _process: Child,
}

impl Bare {
    /// Gets one ready that speaks this protocol.
    pub(super) async fn new(kind: Kind, protocol: &str, workshop: &Workshop<'_>) -> Result<Self, Error> {
        let mut like = like(kind, "bare", workshop).await?;
        like.extend(["-alpn".into(), protocol.into()]);
        Ok(Self { like, folder: workshop.folder.to_owned(), socket: format!("{}.socket", kind.word()) })
    }

    /// Runs it until it listens.
    pub(super) async fn run(&self) -> io::Result<Running> {
        // Quiet, it says and hears nothing but what its client does.
        let mut process = openssl()
            .args(["s_server", "-quiet", "-naccept", "1", "-unlink", "-unix"])
            .arg(&self.socket)
            .args(&self.like)
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (out, into) = (process.stdout.take(), process.stdin.take());
        let clear = join(out.ok_or(io::ErrorKind::BrokenPipe)?, into.ok_or(io::ErrorKind::BrokenPipe)?);
        let covered = timeout(READY, self.reached()).await?;
        Ok(Running { covered, clear, _process: process })
    }

    async fn reached(&self) -> UnixStream {
        let socket = self.folder.join(&self.socket);
        loop {
            match UnixStream::connect(&socket).await {
                Ok(stream) => return stream,
                Err(_) => sleep(AGAIN).await,
            }
        }
    }
}

/// What a server of this kind is told of itself; its files are called so.
async fn like(kind: Kind, called: &str, workshop: &Workshop<'_>) -> Result<Vec<OsString>, Error> {
    let issued = certificate(kind, workshop).await?;
    files::create_folder(workshop.folder)?;
    let file = |what: &str| workshop.folder.join(format!("{}.{called}-{what}.pem", kind.word()));
    let (certificate, key) = (file("cert"), file("key"));
    files::write(&certificate, &issued.certificate_pem())?;
    files::write_private(&key, &issued.key_pem())?;
    let files = [("-cert", &certificate), ("-key", &key), ("-keylogfile", &workshop.key_log.to_owned())]
        .map(|(option, file)| [option.into(), file.into()]);
    Ok(files.into_iter().flatten().chain(options(kind).iter().map(Into::into)).collect())
}

/// What OpenSSL is told.
fn options(kind: Kind) -> &'static [&'static str] {
    match kind {
        // By default OpenSSL does not do these any more: SHA-1 signs the key exchange.
        Kind::Tls10 => &["-tls1", "-cipher", "ECDHE:@SECLEVEL=0"],
        Kind::Tls11 => &["-tls1_1", "-cipher", "ECDHE:@SECLEVEL=0"],
        Kind::StaticRsa => &["-tls1_2", "-cipher", "kRSA:@SECLEVEL=0"],
        // Suites of 40 bits for export belong here as well, but have been out of OpenSSL since 1.1.0.
        Kind::NoEncryption => &["-tls1_2", "-cipher", "eNULL:!aNULL:!PSK:@SECLEVEL=0"],
        Kind::Dhe => &["-tls1_2", "-cipher", "DHE"],
        Kind::Tls13 => &["-tls1_3"],
        _ => &["-tls1_2", "-cipher", "ECDHE"],
    }
}

/// OpenSSL with nothing of the host's configuration, which may forbid what a peer is for.
pub(super) fn openssl() -> Command {
    let mut command = Command::new("openssl");
    command.env("OPENSSL_CONF", "/dev/null").stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    command
}

/// The certificate that a kind of peer shows.
pub(super) async fn certificate(kind: Kind, workshop: &Workshop<'_>) -> Result<Issued, Error> {
    let (authority, names) = (workshop.authority, workshop.names.clone());
    Ok(match kind {
        Kind::StaticRsa | Kind::NoEncryption | Kind::Dhe => {
            authority.issue_server_for(&rsa_key().await?, names)?
        }
        Kind::WrongCa => authority.unknown()?.issue_server(names)?,
        Kind::WrongName => authority.issue_server(vec![NOBODY.to_owned()])?,
        Kind::SiblingName => authority.issue_server(workshop.siblings.clone())?,
        Kind::Expired => authority.issue_expired(names)?,
        _ => authority.issue_server(names)?,
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
async fn listening(mut out: BufReader<ChildStdout>) -> Option<SocketAddr> {
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
