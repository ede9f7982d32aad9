//! HTTPS: reads requests, believes only those whose signature is right, and hands them to their service.

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONNECTION, HOST, HeaderValue};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use percent_encoding::percent_decode_str;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::answer::{self, Body, Failure, Wire};
use crate::cloud::{Cloud, Heard};
use crate::iot::registry::Principal;
use crate::keys::{Holder, request_id};
use crate::names::Meaning;
use crate::s3::{self, Objects};
use crate::service::Service;
use crate::sigv4::{self, Endpoint, Refusal};
use crate::tls::{Door, Peer};
use crate::{credentials, iot, logs, monitoring, names, panorama, sts};

/// Largest body, except of objects.
const BODY_LIMIT: usize = 10 * 1024 * 1024;
/// Largest request head.
const HEAD_LIMIT: usize = 64 * 1024;
/// Silence after which a kept-alive connection is closed, and longest wait for a request head.
const IDLE: Duration = Duration::from_secs(60);
/// Longest time for a body, except of objects.
const BODY: Duration = Duration::from_secs(60);
/// Longest time from head to the end of the answer.
const REQUEST: Duration = Duration::from_secs(300);

/// One client, from its first request to the end of the connection.
pub(crate) async fn serve(
    stream: TlsStream<TcpStream>,
    door: Door,
    peer: Peer,
    (cloud, heard): (Arc<Cloud>, Heard),
    stop: CancellationToken,
) {
    let visit = Arc::new(Visit {
        cloud,
        door,
        peer,
        known: Default::default(),
        asked: Default::default(),
        leaves: Default::default(),
    });
    let service = service_fn(|request| {
        let visit = visit.clone();
        async move { Ok::<_, Infallible>(visit.answer(request).await) }
    });
    let left = visit.cloud.left(visit.peer.sni.as_deref(), heard);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_buf_size(HEAD_LIMIT)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection, left);
    // A server whose name has left its address, or whose place somebody takes, ends its kept connections in good order, so that
    // clients come anew. One on which nothing was asked yet ends with its first answer: it would be cut off otherwise.
    let served = async {
        tokio::select! {
            result = connection.as_mut() => return result,
            () = left => visit.leaves.store(true, Ordering::Relaxed),
        }
        if visit.asked.load(Ordering::Relaxed) {
            connection.as_mut().graceful_shutdown();
        }
        connection.await
    };
    tokio::select! {
        result = served => match result {
            Err(error) if error.is_parse() => {
                visit.cloud.facts.refused(door.word(), visit.peer.socket, format!("not HTTP: {error}"));
            }
            Err(error) => debug!(%error, peer = %visit.peer.socket, "connection ended"),
            Ok(()) => {}
        },
        () = stop.cancelled() => {}
    }
}

/// A believed request of a service that reads whole bodies.
pub(crate) struct Call<'a> {
    pub(crate) wire: Wire,
    pub(crate) parts: &'a Parts,
    pub(crate) body: Bytes,
    pub(crate) who: Who,
}

/// Whom a request is from.
#[derive(Debug)]
pub(crate) enum Who {
    /// The holder of the certificate with this id.
    Certificate(String),
    /// The holder of the key that it is signed with.
    Signed(Box<Holder>),
}

impl Who {
    /// As facts name them.
    fn identity(&self) -> &str {
        match self {
            Self::Certificate(id) => id,
            Self::Signed(holder) => &holder.key.id,
        }
    }
}

impl Call<'_> {
    /// The levels of the path, decoded one by one: a slash that was written as `%2F` does not part them.
    pub(crate) fn path(&self) -> Vec<String> {
        let levels = self.parts.uri.path().split('/').skip(1);
        levels.map(|level| percent_decode_str(level).decode_utf8_lossy().into_owned()).collect()
    }

    /// A field of the query.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let query = self.parts.uri.query().unwrap_or_default();
        let found = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned())
    }
}

struct Visit {
    cloud: Arc<Cloud>,
    door: Door,
    peer: Peer,
    known: AtomicBool,
    /// A request has come.
    asked: AtomicBool,
    /// The next answer is the last.
    leaves: AtomicBool,
}

impl Visit {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        self.asked.store(true, Ordering::Relaxed);
        let mut response = self.attend(request).await;
        if self.leaves.load(Ordering::Relaxed) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    async fn attend(&self, request: Request<Incoming>) -> Response<Body> {
        let id = request_id();
        let head = request.method() == Method::HEAD;
        let (parts, body) = request.into_parts();
        let service = self.service(&parts);
        let wire = Wire::of(service, &parts);
        let work = async {
            self.check_host(service, &parts)?;
            match service {
                Service::S3 => self.answer_object(parts, body).await,
                _ => self.answer_whole(service, wire, parts, body).await,
            }
        };
        let slow = || Err(Failure::new(408, "RequestTimeout", "the request took longer than 300 s"));
        match tokio::time::timeout(REQUEST, work).await.unwrap_or_else(|_| slow()) {
            Ok(mut response) => {
                answer::stamp(wire, &mut response, self.cloud.clock, &id);
                response
            }
            Err(failure) => answer::failure(wire, &failure, self.cloud.clock, head),
        }
    }

    /// Refuses what is asked of another service than that whose name TLS has said (RFC 9110, section 15.5.20): the front hands nothing on.
    /// `localhost` stands for all.
    fn check_host(&self, service: Service, parts: &Parts) -> Result<(), Failure> {
        let said = self.peer.sni.as_deref().and_then(|name| Some((name, self.cloud.names.meaning(name)?)));
        let Some((name, meaning @ Meaning::Service(_))) = said else { return Ok(()) };
        let header = parts.headers.get(HOST).map(|host| String::from_utf8_lossy(host.as_bytes()));
        let target = parts.uri.authority().map(|authority| authority.as_str().into());
        let is_foreign = |host: &Cow<'_, str>| self.cloud.names.meaning(bare(host)) != Some(meaning);
        let Some(foreign) = header.into_iter().chain(target).find(is_foreign) else { return Ok(()) };
        let text = format!("{} is asked for where TLS has named {name}", bare(&foreign));
        Err(self.refuse(service, Failure::new(421, "MisdirectedRequest", text)))
    }

    /// By the door; where that is open to all, by the scope of the signature, and S3 if there is none.
    fn service(&self, parts: &Parts) -> Service {
        match self.door {
            Door::Web(service) => service,
            Door::Mqtt => Service::Iot,
            Door::WebByScope => sigv4::claimed_service(parts)
                .and_then(|name| Service::by_signing_name(&name))
                .unwrap_or(Service::S3),
        }
    }

    async fn answer_object(&self, parts: Parts, body: Incoming) -> Result<Response<Body>, Failure> {
        Objects::check_announced(&body).map_err(|failure| self.refuse(Service::S3, failure))?;
        self.admit(Service::S3, Wire::S3, &parts, None)?;
        let parts = self.cloud.beliefs.unsigned(parts);
        self.throttle(Service::S3, Wire::S3)?;
        let answer = self.cloud.objects.answer(parts, body, &self.cloud.facts).await;
        let is_other_body = |failure: &Failure| failure.code == s3::OTHER_BODY;
        answer.map_err(
            |failure| if is_other_body(&failure) { self.refuse(Service::S3, failure) } else { failure },
        )
    }

    async fn answer_whole(
        &self,
        service: Service,
        wire: Wire,
        parts: Parts,
        body: Incoming,
    ) -> Result<Response<Body>, Failure> {
        let body = read_whole(body).await.map_err(|failure| self.refuse(service, failure))?;
        let who = self.admit(service, wire, &parts, Some(&body))?;
        self.throttle(service, wire)?;
        let call = Call { wire, parts: &parts, body, who };
        let answer = match service {
            Service::Monitoring => monitoring::answer(&call, &self.cloud)?,
            Service::Logs => logs::answer(&call, &self.cloud)?,
            Service::Sts => {
                sts::answer(&call, &self.cloud).map_err(|failure| self.refuse(service, failure))?
            }
            Service::Credentials => {
                credentials::answer(&call, &self.cloud).map_err(|failure| self.refuse(service, failure))?
            }
            Service::Panorama => panorama::answer(&call, &self.cloud)?,
            Service::IotControl => iot::control::answer(&call, &self.cloud)?,
            _ => iot::answer(&call, &self.cloud, self.holder()?.as_ref())?,
        };
        Ok(answer::good(wire, answer))
    }

    /// Believes the client, by its certificate or its signature, or turns the request away.
    fn admit(
        &self,
        service: Service,
        wire: Wire,
        parts: &Parts,
        body: Option<&[u8]>,
    ) -> Result<Who, Failure> {
        let who = match &self.peer.certificate_id {
            Some(id) => Who::Certificate(id.clone()),
            None => {
                let signing_name = iot::signing_name(service, parts).unwrap_or_default();
                let signatures_last = self.cloud.signatures_last;
                let endpoint = Endpoint { region: self.region(), service: signing_name, signatures_last };
                let holder = sigv4::verify(parts, body, endpoint, &self.cloud.keys, self.cloud.clock.now())
                    .inspect(|_| self.cloud.beliefs.note(parts))
                    .or_else(|refusal| self.believe(refusal, parts))
                    .map_err(|refusal| self.refuse(service, Failure::of_refusal(wire, &refusal)))?;
                Who::Signed(Box::new(holder))
            }
        };
        if !self.known.swap(true, Ordering::Relaxed) {
            self.cloud.facts.accepted(service, &self.peer, who.identity());
        }
        Ok(who)
    }

    /// What a cloud does that looks at less than it should; no other.
    fn believe(&self, refusal: Refusal, parts: &Parts) -> Result<Holder, Refusal> {
        let believed = self.cloud.beliefs.believes(&refusal, parts);
        if believed { Ok(self.cloud.keys.lasting()) } else { Err(refusal) }
    }

    /// The region that requests to the name asked for are signed for.
    fn region(&self) -> &str {
        let global = self.peer.sni.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(names::GLOBAL_STS));
        if global { names::GLOBAL_REGION } else { self.cloud.names.region() }
    }

    /// Whose certificate the client has shown, where it had to show one.
    fn holder(&self) -> Result<Option<Principal>, Failure> {
        let Some(id) = &self.peer.certificate_id else { return Ok(None) };
        let nobody = || Failure::new(403, "ForbiddenException", "the certificate is nobody's");
        self.cloud.principal(id).map(Some).ok_or_else(|| self.refuse(Service::Iot, nobody()))
    }

    fn throttle(&self, service: Service, wire: Wire) -> Result<(), Failure> {
        self.cloud.throttle.check(service, wire).map_err(|failure| self.refuse(service, failure))
    }

    fn refuse(&self, service: Service, failure: Failure) -> Failure {
        self.cloud.facts.refused(service, self.peer.socket, format!("{}: {}", failure.code, failure.message));
        failure
    }
}

/// A host without its port.
fn bare(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Reads a body of at most 10 MB within 60 seconds; one that announces more is not waited for.
async fn read_whole(body: Incoming) -> Result<Bytes, Failure> {
    if body.size_hint().lower() > BODY_LIMIT as u64 {
        return Err(Failure::too_large(BODY_LIMIT));
    }
    match tokio::time::timeout(BODY, Limited::new(body, BODY_LIMIT).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Err(Failure::too_large(BODY_LIMIT))
        }
        Ok(Err(error)) => Err(Failure::new(400, "IncompleteBody", error.to_string())),
        Err(_) => Err(Failure::new(408, "RequestTimeout", "the body took longer than 60 s")),
    }
}
