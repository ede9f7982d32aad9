//! What the RTSP server's clients do, told as facts.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use fake_facts::{Fact, Teller};
use gst_rtsp_server::prelude::*;
use gst_rtsp_server::{RTSPClient, RTSPContext};
use gstreamer_rtsp_server as gst_rtsp_server;
use tokio::sync::Notify;
use tracing::error;

use super::Camera;
use super::unbound::status;
use super::users::users;
use crate::misnamed::misnamed;

/// Key of a token under which the name of its user stands.
pub(super) const USER: &str = "user";
const SERVICE: &str = "rtsp";
const UNAUTHORIZED: u32 = 401;
const UNSUPPORTED_TRANSPORT: u32 = 461;
const UNAVAILABLE: u32 = 503;

/// Where facts go, from whichever thread has them.
pub(super) struct Facts {
    teller: Arc<Teller>,
    /// Woken when a fact could not be told, or when a client has gone.
    pub(super) changed: Notify,
    failure: Mutex<Option<std::io::Error>>,
    clients: AtomicUsize,
    played: AtomicBool,
    /// Whose each session is, by its id.
    sessions: Mutex<BTreeMap<String, Weak<Client>>>,
}

impl Facts {
    pub(super) fn new(teller: Arc<Teller>) -> Self {
        Self {
            teller,
            changed: Notify::new(),
            failure: Mutex::default(),
            clients: AtomicUsize::new(0),
            played: AtomicBool::new(false),
            sessions: Mutex::default(),
        }
    }

    pub(super) fn tell(&self, fact: Fact) {
        if let Err(failure) = self.teller.tell(fact) {
            error!(%failure, "facts cannot be told");
            *self.failure.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(failure);
            self.changed.notify_one();
        }
    }

    /// Why facts can no longer be told, if so.
    pub(super) fn failure(&self) -> Option<std::io::Error> {
        self.failure.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take()
    }

    /// Whether anybody has played the camera.
    pub(super) fn was_played(&self) -> bool {
        self.played.load(Ordering::SeqCst)
    }

    /// A session has ended, since its client said so or said nothing for too long.
    pub(super) fn session_over(&self, id: &str) {
        if let Some(client) = self.sessions().remove(id).and_then(|client| client.upgrade()) {
            client.stopped();
        }
    }

    fn sessions(&self) -> MutexGuard<'_, BTreeMap<String, Weak<Client>>> {
        self.sessions.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Clients that are connected.
    pub(super) fn clients(&self) -> usize {
        self.clients.load(Ordering::SeqCst)
    }
}

/// One client, from its connection to its end.
struct Client {
    facts: Arc<Facts>,
    peer: SocketAddr,
    camera: Arc<Camera>,
    progress: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    accepted: bool,
    refused: bool,
    challenged: bool,
    playing: bool,
}

/// Tells what this new client does from now on.
pub(super) fn watch(client: &RTSPClient, peer: SocketAddr, camera: &Arc<Camera>, facts: &Arc<Facts>) {
    facts.clients.fetch_add(1, Ordering::SeqCst);
    let watched = Arc::new(Client {
        facts: Arc::clone(facts),
        peer,
        camera: Arc::clone(camera),
        progress: Mutex::default(),
    });
    let watching = Arc::clone(&watched);
    client.connect_describe_request(move |_, context| watching.accepted(context));
    let watching = Arc::clone(&watched);
    client.connect_play_request(move |_, context| {
        watching.accepted(context);
        watching.plays(context);
    });
    let (begun, timeout) = (Arc::downgrade(&watched), camera.sessions.timeout_s.get());
    let kept = Arc::clone(facts);
    client.connect_new_session(move |_, session| {
        session.set_timeout(timeout);
        // Vanished clients are looked for often enough; GStreamer would give each five seconds more.
        session.set_extra_timeout(0);
        if let Some(id) = session.sessionid() {
            kept.sessions().insert(id.into(), begun.clone());
        }
    });
    let watching = Arc::clone(&watched);
    client.connect_teardown_request(move |_, _| watching.stopped());
    let watching = Arc::clone(&watched);
    client.connect("send-message", false, move |_| {
        RTSPContext::with_current_context(|context| watching.answered(context));
        None
    });
    client.connect_closed(move |_| watched.left());
}

impl Client {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn accepted(&self, context: &RTSPContext) {
        if std::mem::replace(&mut self.progress().accepted, true) {
            return;
        }
        let identity = context.token().and_then(|token| token.string(USER)).unwrap_or_default();
        self.facts.tell(Fact::Accepted {
            service: SERVICE.into(),
            peer: self.peer,
            identity,
            sni: None,
            alpn: None,
            tls: None,
        });
    }

    fn plays(&self, context: &RTSPContext) {
        if !std::mem::replace(&mut self.progress().playing, true) {
            let asked = context.uri().map(|uri| uri.request_uri()).unwrap_or_default();
            let path = self.camera.path_of(&asked).unwrap_or_default().to_owned();
            self.facts.tell(Fact::Playing { peer: self.peer, path });
            self.facts.played.store(true, Ordering::SeqCst);
            self.facts.changed.notify_one();
        }
    }

    fn stopped(&self) {
        if std::mem::take(&mut self.progress().playing) {
            self.facts.tell(Fact::Stopped { peer: self.peer });
        }
    }

    /// An answer goes out. A first 401 is how digest authentication begins; only one after credentials refuses.
    fn answered(&self, context: &RTSPContext) {
        let Some(code) = status(context) else { return };
        let credentials =
            || context.request().is_some_and(|request| !request.parse_auth_credentials().is_empty());
        match code {
            ..=399 => {}
            UNAUTHORIZED if credentials() => {
                self.misnamed(&users(context));
                self.refused("wrong user name or password");
            }
            UNAUTHORIZED => self.progress().challenged = true,
            UNSUPPORTED_TRANSPORT => self.refused("a transport that the camera does not offer"),
            // Of a session that is to begin, and nothing else of ours says so.
            UNAVAILABLE => self.refused("too many sessions"),
            _ => self.refused(&format!("status {code}")),
        }
    }

    /// Tells of the first of these names that is not the user's.
    fn misnamed(&self, users: &[String]) {
        let own = self.camera.login.as_ref().map(|login| &login.user);
        if let Some(user) = users.iter().find(|user| Some(*user) != own) {
            self.facts.tell(misnamed(SERVICE, self.peer, user));
        }
    }

    fn refused(&self, reason: &str) {
        self.progress().refused = true;
        self.facts.tell(Fact::Refused {
            service: SERVICE.into(),
            peer: self.peer,
            reason: reason.to_owned(),
        });
    }

    fn left(&self) {
        self.stopped();
        let unanswered = {
            let progress = self.progress();
            progress.challenged && !progress.accepted && !progress.refused
        };
        if unanswered {
            self.refused("no credentials");
        }
        self.facts.clients.fetch_sub(1, Ordering::SeqCst);
        self.facts.changed.notify_one();
    }
}
