//! Two ports, of which one is in use: the spare takes over when the other one loses its carrier, and gives back when
//! the carrier returns.
//!
//! What moves is everything by which the network knows the appliance: the Ethernet address, the addresses, the routes.
//! The ports exchange their Ethernet addresses, so that none is ever at two of them. The kernel then says so to the
//! neighbours, where `arp_notify` and `ndisc_notify` are set.

mod links;

use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use fake_facts::{Fact, Teller};
use futures_util::StreamExt;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use links::{Link, Links};

/// Two ports and the DHCP client of whichever is in use.
#[derive(Clone, Debug)]
pub struct Ports {
    /// The port that is used while it has a carrier.
    pub main: String,
    /// The port that stands in for it.
    pub spare: String,
    /// Program and arguments of a DHCP client, to which `-i PORT` is added; empty: addresses stay as they are.
    pub client: Vec<String>,
    /// A file that is made before a client is started on a port that has addresses already, for its script.
    pub held: Option<PathBuf>,
}

/// Why the ports cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel refuses something.
    #[error("cannot {what}: {cause}")]
    Kernel {
        /// What was tried.
        what: String,
        /// The kernel's words.
        cause: String,
    },
    /// The DHCP client cannot be started, or has ended by itself.
    #[error("the DHCP client {0}")]
    Client(String),
    /// Something of the process's own failed: a signal handler, standard output.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Keeps one of the two in use until `shutdown` says why it ends.
///
/// Tells `Ready`, then `Moved` each time that the spare takes over or gives back, and `Bye`. SIGUSR1 is passed on to the
/// DHCP client.
pub async fn keep(
    ports: Ports,
    teller: Arc<Teller>,
    shutdown: impl Future<Output = String>,
) -> Result<(), Error> {
    let mut renew = signal(SignalKind::user_defined1())?;
    let (links, mut events) = Links::open()?;
    let mut keeper = Keeper { links, active: ports.main.clone(), client: None, ports, teller };
    keeper.start_client(false)?;
    keeper.teller.tell(Fact::Ready { listens: Vec::new() })?;
    keeper.look().await?;
    let mut shutdown = std::pin::pin!(shutdown);
    let reason = loop {
        tokio::select! {
            reason = &mut shutdown => break reason,
            event = events.next() => match event {
                Some(_) => keeper.look().await?,
                None => return Err(Error::Client("cannot be kept: the kernel tells of no link any more".into())),
            },
            _ = renew.recv() => keeper.tell_client(Signal::SIGUSR1),
            ended = ended(&mut keeper.client) => match ended {
                // It was told to, perhaps in the same breath as we are.
                Ok(how) if how.success() => keeper.client = None,
                ended => {
                    let how = ended.map_or_else(|error| error.to_string(), |how| how.to_string());
                    return Err(Error::Client(format!("has ended by itself ({how})")));
                }
            },
        }
    };
    keeper.stop_client().await;
    keeper.teller.tell(Fact::Bye { reason })?;
    Ok(())
}

/// Pends where there is no client.
async fn ended(client: &mut Option<Child>) -> io::Result<ExitStatus> {
    match client {
        Some(client) => client.wait().await,
        None => std::future::pending().await,
    }
}

struct Keeper {
    ports: Ports,
    links: Links,
    /// The port in use.
    active: String,
    client: Option<Child>,
    teller: Arc<Teller>,
}

impl Keeper {
    /// Looks which port should be in use, and moves there. What is asked is how things are now, not what an event said:
    /// of a carrier that comes and goes quickly the last state counts.
    async fn look(&mut self) -> Result<(), Error> {
        loop {
            let (main, spare) =
                (self.links.find(&self.ports.main).await?, self.links.find(&self.ports.spare).await?);
            let wanted = if main.carrier || !spare.carrier { &main } else { &spare };
            // Without any carrier nothing moves.
            let none = !main.carrier && !spare.carrier;
            if none || wanted.name == self.active {
                return Ok(());
            }
            let (from, to) = if wanted.name == spare.name { (main, spare) } else { (spare, main) };
            self.move_over(&from, &to).await?;
        }
    }

    async fn move_over(&mut self, from: &Link, to: &Link) -> Result<(), Error> {
        self.stop_client().await;
        let taken = self.links.take(from).await?;
        // The port that is given up first: no address is ever at a port that is used and at another one.
        self.links.set_mac(from, &to.mac).await?;
        self.links.set_mac(to, &from.mac).await?;
        self.links.give(to, &taken).await?;
        // Set once more now that there are addresses to be told of: that is when the kernel tells them.
        self.links.set_mac(to, &from.mac).await?;
        self.active = to.name.clone();
        let held = !taken.addresses.is_empty();
        self.teller.tell(Fact::Moved { link: to.name.clone(), from: from.name.clone() })?;
        tracing::info!(from = from.name, to = to.name, addresses = taken.addresses.len(), "moved");
        self.start_client(held)
    }

    fn start_client(&mut self, held: bool) -> Result<(), Error> {
        let Some((program, arguments)) = self.ports.client.split_first() else { return Ok(()) };
        if let Some(file) = &self.ports.held {
            let marked = if held { std::fs::write(file, "") } else { std::fs::remove_file(file) };
            marked.or_else(|error| match error.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })?;
        }
        let mut client = Command::new(program);
        client.args(arguments).args(["-i", &self.active]).kill_on_drop(true);
        client.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
        let started =
            client.spawn().map_err(|error| Error::Client(format!("{program} cannot be started: {error}")))?;
        self.client = Some(started);
        Ok(())
    }

    fn tell_client(&self, signal: Signal) {
        let id = self.client.as_ref().and_then(Child::id).and_then(|id| i32::try_from(id).ok());
        if let Some(id) = id {
            // It may have ended this moment, which is noticed where it is waited for.
            let _ = kill(Pid::from_raw(id), signal);
        }
    }

    /// Ends the client without giving its lease back.
    async fn stop_client(&mut self) {
        self.tell_client(Signal::SIGTERM);
        if let Some(mut client) = self.client.take() {
            let _ = client.wait().await;
        }
    }
}
