//! The RTSP server: GStreamer's, on connections that we accept ourselves.
//!
//! Accepting them here gives each client its address for the facts, lets the caller bind wherever it likes,
//! and keeps GStreamer out of the business of ports.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fake_facts::{Fact, Listen, Teller};
use gst_rtsp_server::prelude::*;
use gst_rtsp_server::subclass::prelude::*;
use gst_rtsp_server::{RTSPFilterResult, RTSPMountPoints, RTSPSessionPool, gio, glib};
use gstreamer_rtsp_server as gst_rtsp_server;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tracing::{debug, warn};

use super::asked::Asked;
use super::client::{self, Facts};
use super::death::{Death, Opened, Turn};
use super::described::{Onvif, device};
use super::doors::{Door, Doors};
use super::mount::Mount;
use super::push::Push;
use super::pusher::{Pusher, Source};
use super::removal::Removal;
use super::shown::Shown;
use super::{Camera, Error, Video, auth, elements};
use crate::hostile::{self, Acts, Moves, Relay};

/// Sessions of clients that vanished are looked for at least this often.
const CLEANUP: Duration = Duration::from_secs(5);
/// Longest wait for the clients' connections to close at the end.
const FAREWELL: Duration = Duration::from_millis(500);
/// A connection without a session is closed after this: its client has vanished.
const LINGER_S: i32 = 5;

/// Serves the camera on `listener`, and by ONVIF if that is wanted, until `shutdown` says why it ends; `videos` are those of its streams.
///
/// `further` are the ports that open once somebody has played the camera: it is set up by its first, as documented.
/// Tells `Ready` first and `Bye` last. Errors: the RTSP server refuses its settings, a listener fails, or
/// nobody reads the facts.
pub async fn serve(
    listener: TcpListener,
    further: Vec<Door>,
    onvif: Option<Onvif>,
    camera: &Camera,
    videos: Vec<Video>,
    teller: Arc<Teller>,
    shutdown: impl Future<Output = String>,
) -> Result<(), Error> {
    let facts = Arc::new(Facts::new(teller));
    let listen = listen(&listener)?;
    let (port, shown) = (listen.socket.port(), Arc::new(Shown::new()));
    let telling = Arc::clone(&facts);
    let acts = Acts::new(move |what| telling.tell(Fact::Attacked { what: what.to_owned() }));
    let built = build(camera, listen.socket.ip(), (videos, &shown), (&facts, &acts)).await?;
    let own = listen.socket.ip();
    let mut listens = vec![listen];
    let asked = match onvif {
        None => None,
        Some(Onvif { doors, name, clock_offset }) => {
            listens.extend(doors.listens().map_err(Error::Listen)?);
            Some((doors, device(camera, (name, clock_offset), port, (shown, &acts))?))
        }
    };
    // Whoever waits for this camera may look for an address right then.
    let hands_out = camera.hostility.hands_out;
    let hands_out = hands_out.map(|what| hostile::AddressServer::bind(own, what));
    let hands_out = hands_out.transpose().map_err(Error::Listen)?;
    let misroutes = &camera.hostility.misroutes;
    let liar = (!misroutes.is_empty()).then(|| hostile::Liar::new(own, misroutes.clone()));
    let liar = liar.transpose().map_err(Error::Listen)?;
    facts.tell(Fact::Ready { listens });
    built.pushed.iter().try_for_each(Push::begin)?;
    let mut own_accord = own_accord(camera, &acts);
    if let Some(server) = hands_out {
        own_accord.spawn(server.answer_all(acts.clone()));
    }
    if let Some(liar) = liar {
        own_accord.spawn(liar.tell_all(acts.clone()));
    }
    let telling = Arc::clone(&facts);
    let asked =
        asked.map(|(doors, device)| Asked::start(doors, device, Arc::new(move |fact| telling.tell(fact))));
    let mut asked = asked.transpose()?;
    let reason = accept((listener, further, &mut asked), camera, &built, (&facts, &acts), shutdown).await?;
    drop(own_accord);
    if let Some(asked) = asked {
        asked.stop().await?;
    }
    built.server.turn_all_out();
    let gone = async {
        while facts.clients() > 0 {
            facts.changed.notified().await;
        }
    };
    if tokio::time::timeout(FAREWELL, gone).await.is_err() {
        warn!(clients = facts.clients(), "some clients' connections did not close in time");
    }
    facts.tell(Fact::Bye { reason });
    facts.failure().map_or(Ok(()), |failure| Err(Error::Tell(failure)))
}

fn listen(listener: &TcpListener) -> Result<Listen, Error> {
    let socket = listener.local_addr().map_err(Error::Listen)?;
    Ok(Listen { service: "rtsp".into(), transport: "tcp".into(), socket })
}

/// What the camera does of its own accord; it ends when this is dropped.
fn own_accord(camera: &Camera, acts: &Acts) -> JoinSet<()> {
    let (calls, scans) = (&camera.hostility.calls, &camera.hostility.scans);
    let mut tasks = JoinSet::new();
    if !calls.is_empty() {
        tasks.spawn(hostile::call_all(calls.clone(), acts.clone()));
    }
    if !scans.is_empty() {
        tasks.spawn(hostile::scan_all(scans.clone(), acts.clone()));
    }
    tasks
}

async fn accept(
    (listener, mut further, asked): (TcpListener, Vec<Door>, &mut Option<Asked>),
    camera: &Camera,
    built: &Built,
    (facts, acts): (&Facts, &Acts),
    shutdown: impl Future<Output = String>,
) -> Result<String, Error> {
    let Built { server, relay, run, .. } = built;
    let (mut doors, mut opened) = (Doors::new(), Opened::default());
    let own = listener.local_addr().map_err(Error::Listen)?;
    opened.add(own);
    doors.add(listener);
    let mut death = Death::new(camera.hostility.dies);
    let mut removal = Removal::new(camera.hostility.changes_address);
    let mut cleanup = tokio::time::interval(CLEANUP.min(camera.sessions.timeout() / 4));
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            reason = &mut shutdown => return Ok(reason),
            () = facts.changed.notified() => {
                if let Some(failure) = facts.failure() {
                    return Err(Error::Tell(failure));
                }
                if facts.was_played() {
                    death.played();
                    removal.played();
                }
                let open = if facts.was_played() { std::mem::take(&mut further) } else { Vec::new() };
                for door in open {
                    let listener = door.open().map_err(Error::Listen)?;
                    facts.tell(Fact::Opened { listen: listen(&listener)? });
                    opened.add(listener.local_addr().map_err(Error::Listen)?);
                    doors.add(listener);
                }
            }
            _ = cleanup.tick() => {
                let ended = server.session_pool().map_or(0, |pool| pool.cleanup());
                debug!(ended, "sessions of vanished clients");
            }
            arrived = doors.arrival() => {
                let (stream, peer) = arrived.map_err(Error::Listen)?;
                let stream = match relay {
                    None => Ok(stream),
                    Some(relay) => relay.between(stream).await,
                };
                server.let_in(stream, peer);
            }
            Moves { to, .. } = removal.due() => {
                doors.close().await;
                server.turn_all_out();
                opened.move_to(to.into());
                change_address(own.ip(), to, asked).await?;
                for socket in opened.all() {
                    let listener = Door::bind(socket).and_then(Door::open).map_err(Error::Listen)?;
                    facts.tell(Fact::Opened { listen: listen(&listener)? });
                    doors.add(listener);
                }
                // All that it does to others has been done from there when it says so.
                if hostile::have_left(&camera.hostility.calls).await {
                    acts.did("changes_address");
                }
            }
            turn = death.turn() => match turn {
                Turn::Gone => {
                    doors.close().await;
                    server.turn_all_out();
                    acts.did("dies");
                }
                Turn::Back => {
                    run.fetch_add(1, Ordering::Relaxed);
                    for socket in opened.all() {
                        doors.add(Door::bind(socket).and_then(Door::open).map_err(Error::Listen)?);
                    }
                }
            },
        }
    }
}

/// Takes the address in the place of its own; whoever asks by ONVIF is told Bye before, and Hello afterwards.
async fn change_address(from: IpAddr, to: Ipv4Addr, asked: &mut Option<Asked>) -> Result<(), Error> {
    let elsewhere = match asked.take() {
        Some(asked) => Some(asked.stop().await?),
        None => None,
    };
    let changed = match from {
        IpAddr::V4(from) => hostile::change_address(from, to).await,
        IpAddr::V6(_) => Err(io::Error::other("the camera serves on IPv6")),
    };
    changed.map_err(|cause| Error::Address { to: to.into(), cause })?;
    if let Some(elsewhere) = elsewhere {
        *asked = Some(elsewhere.start(to.into()).await?);
    }
    Ok(())
}

/// The server, and what belongs to it.
struct Built {
    server: CameraServer,
    /// Between clients and the server, if the camera is hostile there.
    relay: Option<Arc<Relay>>,
    /// What stands in each frame.
    run: Arc<AtomicU32>,
    pushed: Vec<Push>,
}

async fn build(
    camera: &Camera,
    listen: IpAddr,
    (videos, main): (Vec<Video>, &Arc<Shown>),
    (facts, acts): (&Arc<Facts>, &Acts),
) -> Result<Built, Error> {
    let server = CameraServer::new(camera, facts);
    let (pusher, mounts) = (Pusher::start(), RTSPMountPoints::new());
    let (run, mut pushed) = (Arc::new(AtomicU32::new(camera.run)), Vec::new());
    let (waiting, told) = (Arc::new(AtomicUsize::new(camera.hostility.pushes_to.len())), acts.clone());
    let began = move || {
        if waiting.fetch_sub(1, Ordering::Relaxed) == 1 {
            told.did("pushes_to");
        }
    };
    for (number, (stream, video)) in (0..).zip(camera.streams.iter().zip(videos)) {
        // A still is of the main stream.
        let shown = if number == 0 { Arc::clone(main) } else { Arc::new(Shown::new()) };
        let misbehaviour = camera.misbehaviour.clone();
        let run = Arc::clone(&run);
        let source = Source { video, stream: number, camera: camera.id, run, shown, misbehaviour };
        let source = Arc::new(source);
        for to in camera.hostility.pushes_to.iter().filter(|_| number == 0) {
            elements::require(&elements::to_push())?;
            pushed.push(Push::new(stream, &source, &pusher, *to, began.clone())?);
        }
        let mount = Mount { stream, transports: &camera.transports, listen, source };
        for (path, factory) in mount.factories(&pusher)? {
            if camera.login.is_some() {
                factory.add_role_from_structure(&auth::viewer());
            }
            mounts.add_factory(&path, factory);
        }
    }
    let pool = sessions(camera, facts);
    server.set_session_pool(Some(&pool));
    server.set_auth(camera.login.as_ref().map(auth::authentication).as_ref());
    server.set_mount_points(Some(&mounts));
    let relay = if camera.hostility.meddles() {
        Some(Relay::new(&camera.hostility, acts.clone()).await.map_err(Error::Listen)?)
    } else {
        None
    };
    Ok(Built { server, relay, run, pushed })
}

/// Where sessions are kept as long as their clients say that they live.
fn sessions(camera: &Camera, facts: &Arc<Facts>) -> RTSPSessionPool {
    let pool = RTSPSessionPool::new();
    // 0 stands for as many as come.
    pool.set_max_sessions(camera.sessions.most.map_or(0, NonZeroU32::get));
    let facts = Arc::clone(facts);
    pool.connect_session_removed(move |_, session| {
        if let Some(id) = session.sessionid() {
            facts.session_over(&id);
        }
    });
    pool
}

glib::wrapper! {
    /// An RTSP server whose clients are watched from their first byte on.
    struct CameraServer(ObjectSubclass<imp::CameraServer>) @extends gst_rtsp_server::RTSPServer;
}

impl CameraServer {
    fn new(camera: &Camera, facts: &Arc<Facts>) -> Self {
        let server: Self = glib::Object::new();
        let wiring = imp::Wiring { camera: Arc::new(camera.clone()), facts: Arc::clone(facts) };
        server.imp().wiring.set(wiring).ok().expect("a new server has no wiring yet");
        server
    }

    /// Ends all connections.
    fn turn_all_out(&self) {
        self.client_filter(Some(&mut |_, _| RTSPFilterResult::Remove));
    }

    /// Hands an accepted connection to the server, or what stands for it behind a relay.
    fn let_in(&self, stream: io::Result<TcpStream>, peer: SocketAddr) {
        let handed = stream
            .and_then(|stream| stream.set_nodelay(true).and_then(|()| stream.into_std()))
            .map_err(|error| error.to_string())
            .and_then(|socket| gio::Socket::from_fd(socket.into()).map_err(|error| error.to_string()))
            .and_then(|socket| {
                *self.imp().arriving.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(peer);
                self.transfer_connection(socket, &peer.ip().to_string(), peer.port().into(), None)
                    .map_err(|error| error.to_string())
            });
        if let Err(error) = handed {
            warn!(%peer, error, "a connection could not be handed to the RTSP server");
        }
    }
}

mod imp {
    use std::sync::OnceLock;

    use gst_rtsp_server::RTSPClient;

    use super::*;

    #[derive(Default)]
    pub(super) struct CameraServer {
        pub(super) wiring: OnceLock<Wiring>,
        /// Who is being handed over; set just before the server makes its client object.
        pub(super) arriving: Mutex<Option<SocketAddr>>,
    }

    pub(super) struct Wiring {
        pub(super) camera: Arc<Camera>,
        pub(super) facts: Arc<Facts>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for CameraServer {
        const NAME: &'static str = "FakeCameraServer";
        type Type = super::CameraServer;
        type ParentType = gst_rtsp_server::RTSPServer;
    }

    impl ObjectImpl for CameraServer {}

    impl RTSPServerImpl for CameraServer {
        /// The client's thread is not started yet, so no request can be missed.
        fn create_client(&self) -> Option<RTSPClient> {
            let client = self.parent_create_client()?;
            client.set_post_session_timeout(LINGER_S);
            let peer = self.arriving.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
            if let (Some(peer), Some(wiring)) = (peer, self.wiring.get()) {
                client::watch(&client, peer, &wiring.camera, &wiring.facts);
            }
            Some(client)
        }
    }
}
