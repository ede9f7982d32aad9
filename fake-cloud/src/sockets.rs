//! The sockets of a run: bound all at once, then each handed to its server.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use fake_facts::{Fact, Listen};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::cloud::{Cloud, Error};
use crate::dns::{self, Zones};
use crate::halfopen::{HalfOpen, Place};
use crate::service::{Service, Transport};
use crate::settings::Settings;
use crate::standins::{Taken, Turn};
use crate::tls::Door;
use crate::{https, mqtt, ntp};

/// TLS connections at a time; further clients wait in the kernel's queue.
const CONNECTIONS: usize = 1024;
/// Those of them whose handshake is not done: what others leave open takes no more places than these.
const HALF_OPEN: usize = 256;
/// Before the next client is taken in when one could not be, which is when there are no descriptors left.
const BREATH: Duration = Duration::from_millis(100);

/// Every socket of a run, bound.
pub(crate) struct Sockets {
    tls: Vec<(TcpListener, &'static str)>,
    dns: Vec<(UdpSocket, TcpListener)>,
    ntp: Vec<UdpSocket>,
    pub(crate) listens: Vec<Listen>,
}

impl Sockets {
    /// Binds what the settings ask for.
    pub(crate) async fn bind(settings: &Settings) -> Result<Self, Error> {
        let mut sockets = Self { tls: Vec::new(), dns: Vec::new(), ntp: Vec::new(), listens: Vec::new() };
        let mut shared: BTreeMap<IpAddr, Vec<Service>> = BTreeMap::new();
        for (service, ip) in settings.binds.iter().copied() {
            match service.transport() {
                Transport::Tls => shared.entry(ip).or_default().push(service),
                Transport::Dns => sockets.bind_dns(ip, settings.dns_port).await?,
                Transport::Ntp => sockets.bind_ntp(ip, settings.ntp_port).await?,
            }
        }
        let of_tls = |service: &Service| service.transport() == Transport::Tls;
        let all: Vec<_> = settings.served().into_iter().filter(of_tls).filter(Service::is_family).collect();
        shared.extend(settings.spares.iter().filter(|_| !all.is_empty()).map(|ip| (*ip, all.clone())));
        for (ip, services) in shared {
            sockets.bind_tls(ip, settings.https_port, &services).await?;
        }
        Ok(sockets)
    }

    /// One listener per address, however many services share it.
    async fn bind_tls(&mut self, ip: IpAddr, port: u16, services: &[Service]) -> Result<(), Error> {
        let socket = SocketAddr::new(ip, port);
        let failed = |source| Error::Bind { service: services[0], socket, source };
        let listener = TcpListener::bind(socket).await.map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        self.listens.extend(services.iter().map(|service| listen(*service, "tcp", bound)));
        let word = if let [only] = services { only.word() } else { "tls" };
        self.tls.push((listener, word));
        Ok(())
    }

    async fn bind_dns(&mut self, ip: IpAddr, port: u16) -> Result<(), Error> {
        let failed =
            |source| Error::Bind { service: Service::Dns, socket: SocketAddr::new(ip, port), source };
        let (udp, tcp) = dns::bind(ip, port).await.map_err(failed)?;
        self.listens.push(listen(Service::Dns, "udp", udp.local_addr().map_err(failed)?));
        self.listens.push(listen(Service::Dns, "tcp", tcp.local_addr().map_err(failed)?));
        self.dns.push((udp, tcp));
        Ok(())
    }

    async fn bind_ntp(&mut self, ip: IpAddr, port: u16) -> Result<(), Error> {
        let failed =
            |source| Error::Bind { service: Service::Ntp, socket: SocketAddr::new(ip, port), source };
        let udp = UdpSocket::bind((ip, port)).await.map_err(failed)?;
        self.listens.push(listen(Service::Ntp, "udp", udp.local_addr().map_err(failed)?));
        self.ntp.push(udp);
        Ok(())
    }

    /// The port of the first TLS listener; 0 if there is none.
    pub(crate) fn https_port(&self) -> u16 {
        self.tls
            .first()
            .and_then(|(listener, _)| listener.local_addr().ok())
            .map_or(0, |socket| socket.port())
    }

    /// Starts the servers; they end with `stop`.
    pub(crate) fn serve(
        self,
        cloud: &Arc<Cloud>,
        zones: Zones,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let half_open = HalfOpen::new(HALF_OPEN);
        for (listener, word) in self.tls {
            let reception = Reception {
                cloud: cloud.clone(),
                word,
                places: places.clone(),
                half_open: half_open.clone(),
                tasks: tasks.clone(),
                stop: stop.clone(),
            };
            tasks.spawn(reception.receive(listener));
        }
        if !self.dns.is_empty() {
            tasks.spawn(dns::serve(self.dns, zones, stop.clone()));
        }
        for socket in self.ntp {
            let (cloud, stop) = (cloud.clone(), stop.clone());
            let time = cloud.time.clone();
            tasks.spawn(async move { ntp::serve(socket, time, &cloud.facts, stop).await });
        }
    }
}

fn listen(service: Service, transport: &str, socket: SocketAddr) -> Listen {
    Listen { service: service.to_string(), transport: transport.into(), socket }
}

/// Takes in the TLS clients of one listener.
struct Reception {
    cloud: Arc<Cloud>,
    /// What this listener is for, as far as the address tells.
    word: &'static str,
    places: Arc<Semaphore>,
    half_open: HalfOpen,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Reception {
    async fn receive(self, listener: TcpListener) {
        let this = Arc::new(self);
        loop {
            let place = this.places.clone().acquire_owned();
            let accepted = tokio::select! {
                Ok(place) = place => tokio::select! {
                    accepted = listener.accept() => accepted.map(|(stream, peer)| (stream, peer, place)),
                    () = this.stop.cancelled() => return,
                },
                () = this.stop.cancelled() => return,
            };
            match accepted {
                Ok((stream, peer, place)) => {
                    let guide = this.clone();
                    this.tasks.spawn(async move {
                        guide.guide(stream, peer).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    warn!(%error, "a client could not be taken in");
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
    }

    /// A client that meets somebody else.
    async fn hand_on(&self, turn: Turn, stream: TcpStream, socket: SocketAddr) {
        let met_at = fake_facts::now();
        let (kind, service) = (turn.peer.kind.word().to_owned(), turn.service.clone());
        let cloud = match stream.local_addr() {
            Ok(cloud) => cloud,
            Err(error) => return warn!(%error, %socket, "a stand-in's socket"),
        };
        let served = tokio::select! {
            served = turn.serve(stream, &self.cloud.stand_ins) => served,
            () = self.stop.cancelled() => Ok(None),
        };
        match served {
            Ok(Some(Taken { job, operation, status })) => {
                self.cloud.facts.say(Fact::Misled {
                    kind: kind.clone(),
                    peer: socket,
                    cloud,
                    met_at,
                    job,
                    operation,
                    status,
                });
            }
            Ok(None) => {}
            Err(error) => debug!(%error, %socket, "a stand-in's connection ended"),
        }
        self.cloud.facts.say(Fact::StoodIn { service, kind, peer: socket, cloud, met_at });
    }

    /// What comes of it while the client has its place and the cloud goes on.
    async fn while_it_has<T>(
        &self,
        place: &Place,
        socket: SocketAddr,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        tokio::select! {
            done = work => return Some(done),
            () = place.lost() => {}
            () = self.stop.cancelled() => return None,
        }
        self.cloud.facts.refused(self.word, socket, "no TLS handshake before newer clients came");
        None
    }

    async fn guide(&self, stream: TcpStream, socket: SocketAddr) {
        // Answers are written in one piece; waiting for more only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            warn!(%error, "TCP_NODELAY");
        }
        let (place, heard) = (self.half_open.enter(), self.cloud.hears());
        let stand_in = self.cloud.stand_ins.next(&stream, socket, &self.cloud.names, self.word);
        let Some(stand_in) = self.while_it_has(&place, socket, stand_in).await else { return };
        if let Some(turn) = stand_in {
            drop(place);
            return self.hand_on(turn, stream, socket).await;
        }
        let admitted = self.cloud.front.admit(stream, socket);
        let Some(admitted) = self.while_it_has(&place, socket, admitted).await else { return };
        drop(place);
        match admitted {
            Ok((Door::Mqtt, stream, peer)) => {
                mqtt::serve(stream, peer, (self.cloud.clone(), heard), self.stop.clone()).await
            }
            Ok((door, stream, peer)) => {
                https::serve(stream, door, peer, (self.cloud.clone(), heard), self.stop.clone()).await
            }
            Err(away) => {
                let word = away.door.map_or(self.word, Door::word);
                self.cloud.facts.refused(word, socket, away.reason);
            }
        }
    }
}
