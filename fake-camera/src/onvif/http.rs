//! The HTTP server of the services and of the current picture.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use fake_facts::Fact;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use time::OffsetDateTime;
use tokio::net::TcpStream;
use tracing::debug;

use super::Tell;
use super::device::Device;
use super::digest::{self, Nonces, Shown};
use super::names::{DEVICE_PATH, MEDIA_PATH, MEDIA2_PATH, SNAPSHOT_PATH};
use super::service::{self, Challenge};
use crate::misnamed::misnamed;
use crate::xml;

/// Silence after which a kept-alive connection is closed, and longest wait for a request's head and for its body.
const IDLE: Duration = Duration::from_secs(30);
/// Largest request head, bytes.
const HEAD_LIMIT: usize = 16 * 1024;
const SOAP_TYPE: &str = "application/soap+xml; charset=utf-8";

type Body = Full<Bytes>;

/// What all connections share.
pub(super) struct Server {
    pub(super) device: Arc<Device>,
    pub(super) tell: Tell,
    pub(super) nonces: Nonces,
}

/// One connection.
struct Visit {
    server: Arc<Server>,
    peer: SocketAddr,
    /// The camera's own address, as this client reached it.
    host: SocketAddr,
    known: AtomicBool,
}

/// Serves a client from its first request to the end of the connection.
pub(super) async fn serve(stream: TcpStream, peer: SocketAddr, server: Arc<Server>) {
    let Ok(host) = stream.local_addr() else { return };
    let visit = Arc::new(Visit { server, peer, host, known: AtomicBool::new(false) });
    let service = service_fn(|request| {
        let visit = Arc::clone(&visit);
        async move { Ok::<_, Infallible>(visit.answer(request).await) }
    });
    // Title case, since some clients know headers by their usual spelling only.
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_buf_size(HEAD_LIMIT)
        .title_case_headers(true)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        debug!(%peer, %error, "a connection ended");
    }
}

impl Visit {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let target = request.uri().path_and_query().map_or("", |target| target.as_str()).to_owned();
        let shown = match &self.server.device.login {
            None => Shown::Nothing,
            Some(login) => self.server.nonces.judge(header, request.method().as_str(), &target, login),
        };
        if shown == Shown::Wrong {
            self.misnamed(header.and_then(digest::user));
        }
        match request.uri().path() {
            DEVICE_PATH | MEDIA_PATH | MEDIA2_PATH if request.method() == Method::POST => {
                self.operation(&shown, request.into_body()).await
            }
            SNAPSHOT_PATH if request.method() == Method::GET => {
                self.picture(&shown, request.uri().query()).await
            }
            DEVICE_PATH | MEDIA_PATH | MEDIA2_PATH => self.other_method("POST"),
            SNAPSHOT_PATH => self.other_method("GET"),
            _ => self.refused(StatusCode::NOT_FOUND, "there is nothing at this path"),
        }
    }

    async fn operation(&self, shown: &Shown, body: Incoming) -> Response<Body> {
        let whole = tokio::time::timeout(IDLE, Limited::new(body, xml::MAX_BYTES).collect()).await;
        let body = match whole {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                return self.refused(StatusCode::PAYLOAD_TOO_LARGE, "the request is too long");
            }
            Ok(Err(_)) => return self.refused(StatusCode::BAD_REQUEST, "the request cannot be read"),
            Err(_) => return self.refused(StatusCode::REQUEST_TIMEOUT, "the request does not end"),
        };
        let now = OffsetDateTime::now_utc() + time::Duration::seconds(self.server.device.clock_offset);
        let device = &self.server.device;
        if device.clock_offset != 0 {
            device.acts.did("clock");
        }
        let answer = service::answer(device, device.named(self.host), now, shown, &body);
        match answer.user {
            Ok(user) => self.accepted(&user),
            // A first 401 is how HTTP's authentication begins.
            Err(_) if answer.challenge.is_some() && *shown == Shown::Nothing => {}
            Err(reason) => {
                self.misnamed(answer.misnamed);
                self.tell_refusal(&reason);
            }
        }
        let mut response = whole_body(answer.text.into(), SOAP_TYPE);
        *response.status_mut() =
            StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        self.challenged(response, answer.challenge)
    }

    async fn picture(&self, shown: &Shown, query: Option<&str>) -> Response<Body> {
        let device = &self.server.device;
        let token = query.and_then(|query| query.strip_prefix("profile="));
        if token.is_some_and(|token| device.stream(token).is_none()) {
            return self.refused(StatusCode::NOT_FOUND, "there is no such profile");
        }
        let challenge = match (&device.login, shown) {
            (None, _) | (_, Shown::User(_)) => None,
            (_, Shown::Stale) => Some(Challenge::Stale),
            (_, Shown::Wrong | Shown::Nothing) => Some(Challenge::New),
        };
        if challenge.is_some() {
            if *shown == Shown::Wrong {
                self.tell_refusal("wrong user name or password");
            }
            let mut response = whole_body(Bytes::new(), "text/plain");
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            return self.challenged(response, challenge);
        }
        self.accepted(device.login.as_ref().map_or("", |login| &login.user));
        let take = Arc::clone(&device.snapshot);
        match tokio::task::spawn_blocking(move || take()).await {
            Ok(Ok(jpeg)) => whole_body(jpeg.into(), "image/jpeg"),
            Ok(Err(error)) => self.refused(StatusCode::INTERNAL_SERVER_ERROR, &error),
            Err(error) => self.refused(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        }
    }

    fn challenged(&self, mut response: Response<Body>, challenge: Option<Challenge>) -> Response<Body> {
        if let Some(challenge) = challenge {
            let value = self.server.nonces.challenge(challenge == Challenge::Stale);
            let value =
                HeaderValue::try_from(value).expect("a challenge holds nothing but printable characters");
            response.headers_mut().insert(WWW_AUTHENTICATE, value);
        }
        response
    }

    fn other_method(&self, allowed: &'static str) -> Response<Body> {
        let mut response = self.refused(StatusCode::METHOD_NOT_ALLOWED, "another method is used here");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
        response
    }

    fn refused(&self, status: StatusCode, reason: &str) -> Response<Body> {
        self.tell_refusal(reason);
        let mut response = whole_body(format!("{reason}\n").into(), "text/plain");
        *response.status_mut() = status;
        response
    }

    fn accepted(&self, identity: &str) {
        // Said once for each connection, when its user is known.
        if identity.is_empty() && self.server.device.login.is_some()
            || self.known.swap(true, Ordering::Relaxed)
        {
            return;
        }
        (self.server.tell)(Fact::Accepted {
            service: super::SERVICE.into(),
            peer: self.peer,
            identity: identity.to_owned(),
            sni: None,
            alpn: None,
            tls: None,
        });
    }

    /// Tells of a name that is not the user's.
    fn misnamed(&self, shown: Option<String>) {
        let own = self.server.device.login.as_ref().map(|login| &login.user);
        if let Some(user) = shown.filter(|shown| Some(shown) != own) {
            (self.server.tell)(misnamed(super::SERVICE, self.peer, &user));
        }
    }

    fn tell_refusal(&self, reason: &str) {
        (self.server.tell)(Fact::Refused {
            service: super::SERVICE.into(),
            peer: self.peer,
            reason: reason.to_owned(),
        });
    }
}

fn whole_body(body: Bytes, kind: &'static str) -> Response<Body> {
    let mut response = Response::new(Full::new(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
