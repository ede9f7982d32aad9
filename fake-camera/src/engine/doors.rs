//! Where clients come in: the port that is open from the start, and those that are opened later.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Connections that may wait to be accepted; a whole site's clients may come in the same moment.
const BACKLOG: u32 = 256;

/// A port that belongs to the camera.
#[derive(Debug)]
pub struct Door(TcpSocket);

impl Door {
    /// Takes a port without listening there: who asks is refused, and nobody else can have it.
    ///
    /// Errors: the port is taken or needs a right, the address is nobody's here.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self(socket))
    }

    /// Listens there from now on.
    pub fn open(self) -> io::Result<TcpListener> {
        self.0.listen(BACKLOG)
    }
}

/// Doors that are open, and who came in by any of them.
pub(super) struct Doors {
    sender: mpsc::Sender<io::Result<(TcpStream, SocketAddr)>>,
    arrivals: mpsc::Receiver<io::Result<(TcpStream, SocketAddr)>>,
    /// Ends with this.
    open: JoinSet<()>,
}

impl Doors {
    pub(super) fn new() -> Self {
        let (sender, arrivals) = mpsc::channel(1);
        Self { sender, arrivals, open: JoinSet::new() }
    }

    /// Whoever connects comes in from now on.
    pub(super) fn add(&mut self, listener: TcpListener) {
        let sender = self.sender.clone();
        self.open.spawn(async move {
            loop {
                let arrived = match listener.accept().await {
                    // The client was gone before we looked.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                    arrived => arrived,
                };
                if sender.send(arrived).await.is_err() {
                    return;
                }
            }
        });
    }

    /// Nobody comes in any more.
    pub(super) async fn close(&mut self) {
        self.open.shutdown().await;
        // Who is in already, and was not seen, is turned away.
        while self.arrivals.try_recv().is_ok() {}
    }

    /// The next who comes.
    pub(super) async fn arrival(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        self.arrivals.recv().await.unwrap_or_else(|| unreachable!("a sender lives in `self`"))
    }
}
