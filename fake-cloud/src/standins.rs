//! Peers that take a service's place, one connection each: what no client should take for the cloud, what each should, and what
//! each should outlast.
//!
//! ```text
//! kind     what each is like     openssl   those that are OpenSSL's, since the cloud's own TLS library has nothing old or weak
//! relay    those that hand on to the cloud itself: a middlebox, and a line that is slow
//! broker   those that speak MQTT, and give jobs
//! ```
//!
//! Whom a client wants is read from its first words (`hello`) while they are still in the socket, so that whoever it meets has
//! them whole.

mod broker;
mod kind;
mod openssl;
mod relay;

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::time::timeout;

use self::broker::Broker;
pub(crate) use self::broker::Taken;
pub(crate) use self::kind::Kind;
use self::openssl::Openssl;
use self::relay::Middlebox;
use crate::ca::{self, Authority};
use crate::files;
use crate::hello::{self, Hello};
use crate::names::{Meaning, Names};

/// How long a connection with a peer may take that speaks TLS: whoever has not gone on by then does not.
const LONGEST: Duration = Duration::from_secs(5);
/// How long one in the broker's place may take: a client has a job to be told of, to do and to tell of.
const LONGEST_JOB: Duration = Duration::from_secs(20);
/// How long one may take that is there to be outlasted: longer than any client should wait.
const OUTLASTED: Duration = Duration::from_secs(60);
/// How long a client may take to say its first words while somebody waits for one: who has not said them by then meets nobody, and
/// is the cloud's own, which bounds the rest of its handshake. Others are met meanwhile.
const FIRST_WORDS: Duration = Duration::from_secs(5);

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
    #[error("configure TLS: {0}")]
    Tls(#[from] rustls::Error),
    #[error("secrets of TLS sessions cannot be written: {0}")]
    KeyLog(io::Error),
}

/// What all peers of a cloud are made of.
pub(crate) struct Workshop<'a> {
    pub(crate) authority: &'a Authority,
    /// Names of all that they may stand in for.
    pub(crate) names: Vec<String>,
    /// Names of the cloud's other services.
    pub(crate) siblings: Vec<String>,
    /// For certificates and keys.
    pub(crate) folder: &'a Path,
    /// File that the secrets of their sessions are added to.
    pub(crate) key_log: &'a Path,
    /// Milliseconds between signs of life, as jobs say that are given in the broker's place; none where nobody takes that.
    pub(crate) every_ms: Option<u64>,
}

/// A peer that waits for its client; it ends when dropped.
pub(crate) struct Peer {
    pub(crate) kind: Kind,
    means: Means,
    /// What it is to a client that speaks MQTT.
    broker: Option<Broker>,
}

/// A client meets a peer.
pub(crate) struct Turn {
    pub(crate) peer: Peer,
    /// The service that the client wants.
    pub(crate) service: String,
    /// It wants to speak MQTT.
    mqtt: bool,
}

/// What a peer does it with.
enum Means {
    Openssl(Box<Openssl>),
    Middlebox(Middlebox),
    /// Its kind says all.
    None,
}

/// Peers that wait for a client, in turn, whichever of these services it wants.
#[derive(Default)]
pub(crate) struct StandIns {
    waiting: Mutex<(Vec<String>, VecDeque<Peer>)>,
    /// Where connections come from that peers have opened to the cloud itself.
    own: Mutex<BTreeSet<SocketAddr>>,
}

/// A connection that a peer has opened to the cloud itself; nobody stands in on it.
pub(crate) struct Own {
    socket: SocketAddr,
    of: Arc<StandIns>,
}

impl StandIns {
    /// Lets these take the places of these services, in turn; whoever waited before does no more.
    pub(crate) fn place(&self, services: Vec<String>, peers: Vec<Peer>) {
        *lock(&self.waiting) = (services, peers.into());
    }

    /// Whose turn it is with a client, and which service that wants; nobody's with one who says nothing within [`FIRST_WORDS`].
    /// `listener`: the service of whoever does not say which.
    pub(crate) async fn next(
        &self,
        client: &TcpStream,
        socket: SocketAddr,
        names: &Names,
        listener: &str,
    ) -> Option<Turn> {
        if lock(&self.waiting).1.is_empty() {
            return None;
        }
        let hello = timeout(FIRST_WORDS, hello::peek(client)).await.ok()??;
        if lock(&self.own).contains(&socket) {
            return None;
        }
        let service = wanted(&hello, names).unwrap_or(listener);
        self.take(service).map(|peer| Turn { peer, service: service.to_owned(), mqtt: hello.mqtt })
    }

    fn take(&self, service: &str) -> Option<Peer> {
        let (services, peers) = &mut *lock(&self.waiting);
        services.iter().any(|one| one == service).then(|| peers.pop_front()).flatten()
    }

    /// Notes a connection to the cloud itself, until it is dropped. Before its first word: whoever takes it in waits for that.
    fn own(self: &Arc<Self>, stream: &TcpStream) -> io::Result<Own> {
        let socket = stream.local_addr()?;
        lock(&self.own).insert(socket);
        Ok(Own { socket, of: Arc::clone(self) })
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        lock(&self.of.own).remove(&self.socket);
    }
}

fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The service whose name a client says, if it says one of the cloud's.
fn wanted(hello: &Hello, names: &Names) -> Option<&'static str> {
    match names.meaning(hello.name.as_deref()?)? {
        Meaning::Service(service) => Some(service.word()),
        Meaning::ByScope => None,
    }
}

impl Peer {
    /// Gets a peer ready.
    pub(crate) async fn start(kind: Kind, workshop: &Workshop<'_>) -> Result<Self, Error> {
        let means = match kind {
            Kind::Middlebox => Means::Middlebox(Middlebox::new(workshop)?),
            Kind::Silent | Kind::Slow | Kind::Resets | Kind::HalfCloses => Means::None,
            _ => Means::Openssl(Box::new(Openssl::start(kind, workshop).await?)),
        };
        let broker = match workshop.every_ms.filter(|_| kind.is_server()) {
            Some(every_ms) => Some(Broker::new(kind, workshop, every_ms).await?),
            None => None,
        };
        Ok(Self { kind, means, broker })
    }

    async fn attend(&self, mut client: TcpStream, stand_ins: &Arc<StandIns>) -> io::Result<()> {
        match (&self.means, self.kind) {
            (Means::Openssl(openssl), _) => {
                let mut peer = TcpStream::connect(openssl.socket).await?;
                copy_bidirectional(&mut client, &mut peer).await.map(drop)
            }
            (Means::Middlebox(middlebox), _) => middlebox.serve(client, stand_ins).await,
            (Means::None, Kind::Slow) => relay::slowly(client, stand_ins).await,
            (Means::None, Kind::Resets) => reset(client).await,
            (Means::None, Kind::HalfCloses) => {
                client.shutdown().await?;
                hear_out(client).await
            }
            (Means::None, _) => hear_out(client).await,
        }
    }
}

impl Turn {
    /// Sees to the client until both have nothing more to say, or as long as it may take; the job that it took.
    pub(crate) async fn serve(
        self,
        client: TcpStream,
        stand_ins: &Arc<StandIns>,
    ) -> io::Result<Option<Taken>> {
        let broker = self.peer.broker.as_ref().filter(|_| self.mqtt);
        let longest = match () {
            () if self.peer.kind.is_outlasted() => OUTLASTED,
            () if broker.is_some() => LONGEST_JOB,
            () => LONGEST,
        };
        let attend = async {
            match broker {
                Some(broker) => broker.serve(client).await,
                None => self.peer.attend(client, stand_ins).await.map(|()| None),
            }
        };
        timeout(longest, attend).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

/// Says nothing until the client has gone.
async fn hear_out(mut client: TcpStream) -> io::Result<()> {
    let mut bytes = [0; 4096];
    while client.read(&mut bytes).await? > 0 {}
    Ok(())
}

/// Hears the client's first words and hangs up in the middle of everything.
async fn reset(mut client: TcpStream) -> io::Result<()> {
    let _ = client.read(&mut [0; 64]).await?;
    client.set_zero_linger()
}

#[cfg(test)]
mod tests;
