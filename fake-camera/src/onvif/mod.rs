//! ONVIF: the camera is found (WS-Discovery), says what it is (device service) and where its video is (media services).
//!
//! What clients of Profile S ask for, and of Profile T's media service the same. Nothing can be set. Errors are SOAP
//! faults with ONVIF's codes.
//!
//! - [`Device`]: what is told, as plain values. [`Doors`]: the sockets, bound; [`Doors::serve`] serves on them.
//! - `http`: requests and the current picture. `service`: request → answer. `token`, `digest`: who asks.
//! - `device_service`, `media`, `media2`: operations. `envelope`, `fault`, `names`: SOAP's words.
//! - `discovery`: Hello, Bye, probes.

mod call;
mod device;
mod device_service;
mod digest;
mod discovery;
mod envelope;
mod fault;
mod http;
mod ids;
mod interfaces;
mod media;
mod media2;
mod names;
mod service;
#[cfg(test)]
mod tests;
mod token;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use fake_facts::{Fact, Listen};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{debug, warn};

pub use device::{Device, Encoding, Login, Snapshot, Stream, Ways};
pub(crate) use interfaces::{index_of, prefix_of};

/// What facts call it.
const SERVICE: &str = "onvif";
/// Connections at the same time; more wait.
const MAX_CONNECTIONS: usize = 64;

/// Where facts go.
pub type Tell = Arc<dyn Fn(Fact) + Send + Sync>;

/// How a camera takes part in WS-Discovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discovery {
    /// Not at all.
    Hidden,
    /// It answers who looks for it.
    Answers,
    /// It also says Hello and Bye.
    Announces,
}

/// The sockets, bound.
#[derive(Debug)]
pub struct Doors {
    http: TcpListener,
    discovery: Option<discovery::Sockets>,
    announces: bool,
}

impl Doors {
    /// Takes the listener of the services; cameras that take part in discovery also take UDP port 3702 of its
    /// address, unless that is all addresses of IPv6.
    ///
    /// Errors: a port is taken, or there is no link to be discovered on.
    pub fn bind(http: TcpListener, part: Discovery) -> io::Result<Self> {
        let address = http.local_addr()?.ip();
        let discovery = if part == Discovery::Hidden { None } else { discovery::Sockets::bind(address)? };
        Ok(Self { http, discovery, announces: part == Discovery::Announces })
    }

    /// How the camera takes part in discovery.
    pub(crate) fn part(&self) -> Discovery {
        match (&self.discovery, self.announces) {
            (None, _) => Discovery::Hidden,
            (Some(_), false) => Discovery::Answers,
            (Some(_), true) => Discovery::Announces,
        }
    }

    /// Where its services are.
    pub(crate) fn socket(&self) -> io::Result<SocketAddr> {
        self.http.local_addr()
    }

    /// What is served where.
    pub fn listens(&self) -> io::Result<Vec<Listen>> {
        let listen = |service: &str, transport: &str, socket: SocketAddr| Listen {
            service: service.into(),
            transport: transport.into(),
            socket,
        };
        let mut listens = vec![listen(SERVICE, "tcp", self.http.local_addr()?)];
        if let Some(sockets) = &self.discovery {
            listens.push(listen("discovery", "udp", sockets.own()?));
        }
        Ok(listens)
    }

    /// Serves until `stop` is true, or gone; says Bye then.
    pub async fn serve(self, device: Device, tell: Tell, stop: watch::Receiver<bool>) {
        let Ok(own) = self.http.local_addr() else { return };
        let device = Arc::new(device);
        let discovered = async {
            if let Some(sockets) = self.discovery {
                discovery::run(sockets, self.announces, &device, own, stop.clone()).await;
            }
        };
        let server = Arc::new(http::Server { device: Arc::clone(&device), tell, nonces: Default::default() });
        tokio::join!(discovered, accept(self.http, server, stop.clone()));
    }
}

async fn accept(listener: TcpListener, server: Arc<http::Server>, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            _ = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(http::serve(stream, peer, Arc::clone(&server)));
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => debug!(%error, "a client left"),
                Err(error) => return warn!(%error, "no more connections are accepted"),
            },
        }
    }
}
