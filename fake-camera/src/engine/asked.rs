//! The camera's ONVIF half while it serves: it can be moved to another address.

use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Error;
use crate::onvif::{Device, Discovery, Doors, Tell};

/// What is asked by ONVIF, and what tells of it.
pub(super) struct Asked {
    device: Device,
    tell: Tell,
    part: Discovery,
    socket: SocketAddr,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Asked {
    /// Serves from now on. Errors: the socket has no address.
    pub(super) fn start(doors: Doors, device: Device, tell: Tell) -> Result<Self, Error> {
        let (part, socket) = (doors.part(), doors.socket().map_err(Error::Listen)?);
        let (stop, told) = watch::channel(false);
        let serving = tokio::spawn(doors.serve(device.clone(), Tell::clone(&tell), told));
        Ok(Self { device, tell, part, socket, stop, serving })
    }

    /// Says Bye, and serves nobody any more. Gives what it takes to begin again.
    pub(super) async fn stop(self) -> Result<Elsewhere, Error> {
        let Self { device, tell, part, socket, stop, serving } = self;
        stop.send_replace(true);
        serving.await.map_err(|error| Error::Server(error.to_string()))?;
        Ok(Elsewhere { device, tell, part, port: socket.port() })
    }
}

/// What was served, and is to be served again.
pub(super) struct Elsewhere {
    device: Device,
    tell: Tell,
    part: Discovery,
    port: u16,
}

impl Elsewhere {
    /// Serves at this address, and says Hello there. Errors: a port is taken, or no link has the address.
    pub(super) async fn start(self, address: IpAddr) -> Result<Asked, Error> {
        let http = TcpListener::bind((address, self.port)).await.map_err(Error::Listen)?;
        let doors = Doors::bind(http, self.part).map_err(Error::Listen)?;
        Asked::start(doors, self.device, self.tell)
    }
}
