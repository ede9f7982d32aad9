//! Says Hello and Bye, and answers probes.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{debug, warn};

use super::matching;
use super::message::{self, Asked, CAMERA, PRINTER, Presence, Question, Word};
use super::sockets::{Heard, Sockets, towards};
use crate::hostile::Acts;
use crate::onvif::device::Device;
use crate::onvif::names::DEVICE_PATH;
use crate::onvif::{device_service, ids};
use crate::xml;

/// Longest wait before what the whole group hears is answered (WS-Discovery, section 2.4: `APP_MAX_DELAY`): many
/// cameras that answer at once overflow whoever asked.
const MAX_DELAY_MS: u64 = 500;
/// Answers that may wait to be sent; questions beyond are passed over, as if they were lost.
const MAX_WAITING: usize = 256;

/// The camera as discovery shows it.
struct Responder {
    sockets: Sockets,
    announces: bool,
    endpoint: String,
    scopes: Vec<String>,
    /// Where HTTP is served, perhaps on all addresses.
    http: SocketAddr,
    /// The host that a hostile camera names before its own.
    points_to: Option<IpAddr>,
    /// Whether it answers whatever is looked for, as a printer.
    is_printer: bool,
    acts: Acts,
    /// Orders this camera's messages: the moment it started, and how many there were.
    instance: u64,
    number: AtomicU64,
}

/// Serves until `stop` is true, or gone.
pub(in crate::onvif) async fn run(
    sockets: Sockets,
    announces: bool,
    device: &Device,
    http: SocketAddr,
    mut stop: watch::Receiver<bool>,
) {
    let responder = Arc::new(Responder {
        sockets,
        announces,
        endpoint: ids::of_camera(&device.name, device.id),
        scopes: device_service::scopes(device),
        http,
        points_to: device.points_to,
        is_printer: device.is_printer,
        acts: device.acts.clone(),
        instance: fake_facts::now() / 1_000_000_000,
        number: AtomicU64::new(0),
    });
    tokio::select! {
        () = responder.serve() => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
    responder.announce(Word::Bye).await;
}

impl Responder {
    async fn serve(self: &Arc<Self>) {
        let (mut one, mut other) = (vec![0; xml::MAX_BYTES], vec![0; xml::MAX_BYTES]);
        let mut answers = JoinSet::new();
        let greeting = Arc::clone(self);
        answers.spawn(async move {
            delay().await;
            greeting.announce(Word::Hello).await;
        });
        loop {
            tokio::select! {
                _ = answers.join_next(), if !answers.is_empty() => {}
                heard = self.sockets.receive(&mut one, &mut other) => match heard {
                    Ok((on, length, peer)) => {
                        let datagram = if on == Heard::Group { &one[..length] } else { &other[..length] };
                        let Some(question) = message::read(datagram).filter(|question| self.is_asked(question))
                        else { continue };
                        if answers.len() < MAX_WAITING {
                            answers.spawn(Arc::clone(self).answer(question, on, peer));
                        }
                    }
                    // An earlier answer reached nobody.
                    Err(error) => debug!(%error, "nothing was received"),
                },
            }
        }
    }

    fn is_asked(&self, question: &Question) -> bool {
        match &question.asked {
            Asked::Probe(probe) => self.is_printer || matching::is_meant(probe, &self.scopes),
            Asked::Resolve(endpoint) => *endpoint == self.endpoint,
        }
    }

    async fn answer(self: Arc<Self>, question: Question, on: Heard, peer: SocketAddr) {
        let word = match &question.asked {
            Asked::Probe(_) => Word::ProbeMatches(&question.message),
            Asked::Resolve(_) => Word::ResolveMatches(&question.message),
        };
        if on == Heard::Group && matches!(question.asked, Asked::Probe(_)) {
            delay().await;
        }
        let sent = match self.address_towards(peer) {
            Ok(own) => self.sockets.answer(&self.text(word, own), peer).await.inspect(|()| self.answered()),
            Err(error) => Err(error),
        };
        if let Err(error) = sent {
            debug!(%peer, %error, "an answer could not be sent");
        }
    }

    fn answered(&self) {
        if self.is_printer {
            self.acts.did("answers_as_printer");
        }
    }

    async fn announce(&self, word: Word<'_>) {
        if !self.announces {
            return;
        }
        if let Err(error) = self.sockets.announce(|own| self.text(word, own)).await {
            warn!(%error, ?word, "the group could not be told");
        }
    }

    fn address_towards(&self, peer: SocketAddr) -> std::io::Result<IpAddr> {
        if self.http.ip().is_unspecified() { towards(peer) } else { Ok(self.http.ip()) }
    }

    fn service(&self, host: IpAddr) -> String {
        format!("http://{}{DEVICE_PATH}", SocketAddr::new(host, self.http.port()))
    }

    fn text(&self, word: Word<'_>, own: IpAddr) -> String {
        let presence = Presence {
            endpoint: self.endpoint.clone(),
            scopes: if self.is_printer { Vec::new() } else { self.scopes.clone() },
            types: if self.is_printer { PRINTER } else { CAMERA },
            services: self
                .points_to
                .into_iter()
                .chain([own])
                .map(|host| self.service(host))
                .collect::<Vec<_>>()
                .join(" "),
        };
        if self.points_to.is_some() {
            self.acts.did("points_to");
        }
        message::write(word, &presence, self.instance, self.number.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

async fn delay() {
    tokio::time::sleep(Duration::from_millis(ids::random_below(MAX_DELAY_MS))).await;
}
