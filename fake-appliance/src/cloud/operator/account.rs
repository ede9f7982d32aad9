//! An account as whoever calls from outside knows it: names, keys, sessions of its role, and lines to its services.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use fake_camera::xml::{self, Element};
use fake_facts::Fact;
use http_body_util::Full;
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;

use super::Desk;
use super::places::{Ask, Place};
use super::read::Order;
use crate::cloud::credentials::life;
use crate::cloud::https::{Answer, Call, Error, PATIENCE, exchange};
use crate::cloud::signing::{Signer, authority};
use crate::net;

/// Namespace of the answers of STS (AWS STS API reference, version 2011-06-15).
const STS: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// What the cloud tells its clients of the account; other keys are passed over.
#[derive(Deserialize)]
pub(super) struct Account {
    pub(super) region: String,
    access_key_id: String,
    secret_access_key: String,
    role_arn: String,
    pub(super) ca: PathBuf,
    https_port: u16,
    pub(super) endpoints: Endpoints,
}

/// Its hosts.
#[derive(Deserialize)]
pub(super) struct Endpoints {
    sts: String,
    pub(super) panorama: String,
    pub(super) monitoring: String,
    pub(super) logs: String,
    pub(super) s3: String,
}

/// What signs.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) id: String,
    pub(super) secret: String,
    /// Of a session.
    pub(super) token: Option<String>,
}

impl Account {
    pub(super) fn read(path: &Path) -> Result<Self, crate::config::Error> {
        crate::config::read_json(path)
    }

    /// Those that last.
    pub(super) fn keys(&self) -> Keys {
        Keys { id: self.access_key_id.clone(), secret: self.secret_access_key.clone(), token: None }
    }
}

/// What a signature is for, and when it is made.
pub(super) struct Scope<'a> {
    pub(super) region: &'a str,
    /// Signing name of the service.
    pub(super) service: &'a str,
    pub(super) at: SystemTime,
}

/// A connection to a service.
pub(super) struct Line {
    sender: SendRequest<Full<Bytes>>,
    /// Its near end.
    pub(super) socket: SocketAddr,
    pub(super) service: &'static str,
    /// Its protocol.
    pub(super) form: &'static str,
}

impl Line {
    /// Sends a request as it is.
    pub(super) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, Error> {
        let answer = async {
            // The last answer may be here before the connection is free again.
            self.sender.ready().await?;
            exchange(&mut self.sender, request).await
        };
        timeout(PATIENCE, answer).await.map_err(|_| Error::Silence)?
    }
}

impl Desk {
    /// A new connection to a service.
    pub(super) async fn line(&self, place: Place) -> Result<Line, Error> {
        self.line_to((place.service(), place.form()), place.host(&self.account.endpoints)).await
    }

    async fn line_to(
        &self,
        (service, form): (&'static str, &'static str),
        host: &str,
    ) -> Result<Line, Error> {
        let (stream, peer) = net::connect_tls(&self.voice, host, self.account.https_port, &self.tls).await?;
        let socket = stream.get_ref().0.local_addr();
        let socket = socket.map_err(|source| net::Error::Connect { peer, source })?;
        self.voice.tell(Fact::Connected { service: service.to_owned(), peer, camera: None });
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, %peer, "connection ended");
            }
        });
        Ok(Line { sender, socket, service, form })
    }

    /// How requests to a service are addressed.
    pub(super) fn authority(&self, place: Place) -> String {
        authority(place.host(&self.account.endpoints), self.account.https_port)
    }

    /// What a right request to a service is signed for, now.
    pub(super) fn scope(&self, service: &'static str) -> Scope<'_> {
        Scope { region: &self.account.region, service, at: SystemTime::now() }
    }

    /// A request to a service.
    pub(super) fn sign(
        &self,
        place: Place,
        keys: &Keys,
        ask: &Ask,
        scope: Scope<'_>,
    ) -> Result<Request<Full<Bytes>>, Error> {
        signer(&self.authority(place), keys, scope).sign(call(ask))
    }

    /// A call of Panorama's, signed now.
    pub(super) async fn ask(&self, line: &mut Line, keys: &Keys, ask: &Ask) -> Result<Answer, Error> {
        line.send(self.sign(Place::Panorama, keys, ask, self.scope("panorama"))?).await
    }

    /// Takes the account's role on: keys of a session, and for how long they hold.
    pub(super) async fn session(&self, order: &Order) -> Result<(Keys, Duration), Error> {
        let host = &self.account.endpoints.sts;
        let mut line = self.line_to(("sts", "query"), host).await?;
        let form = format!(
            "Action=AssumeRole&Version=2011-06-15&RoleSessionName=operator&RoleArn={}",
            self.account.role_arn.replace(':', "%3A").replace('/', "%2F")
        );
        let (lasting, authority) = (self.account.keys(), authority(host, self.account.https_port));
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let call = Call { method: "POST", path: "/", headers: &headers, body: form.into_bytes() };
        let answer = line.send(signer(&authority, &lasting, self.scope("sts")).sign(call)?).await?;
        self.told(order, ("AssumeRole", ""), &line, &answer, &[]);
        if !answer.status.is_success() {
            return Err(answer.refused());
        }
        let (keys, expiration) = read_session(&answer.body)?;
        Ok((keys, life(&answer.headers, &expiration)?))
    }
}

fn signer<'a>(authority: &'a str, keys: &'a Keys, scope: Scope<'a>) -> Signer<'a> {
    let (Keys { id, secret, token }, Scope { region, service, at }) = (keys, scope);
    Signer { service, region, authority, key_id: id, secret, token: token.as_deref(), at }
}

/// A call as it is sent.
pub(super) fn call(ask: &Ask) -> Call<'_> {
    Call { method: ask.method, path: &ask.path, headers: ask.headers, body: ask.body.clone() }
}

fn read_session(body: &[u8]) -> Result<(Keys, String), Error> {
    let unreadable = |why: String| Error::Answer(format!("AssumeRole: {why}"));
    let whole = xml::read(body).map_err(|error| unreadable(error.to_string()))?;
    let given = whole.child(STS, "AssumeRoleResult").and_then(|result| result.child(STS, "Credentials"));
    let given = given.ok_or_else(|| unreadable("it has no credentials".into()))?;
    let text = |name: &str| {
        given.text_of(STS, name).map(str::to_owned).ok_or_else(|| unreadable(format!("it has no {name}")))
    };
    let keys = Keys {
        id: text("AccessKeyId")?,
        secret: text("SecretAccessKey")?,
        token: Some(text("SessionToken")?),
    };
    Ok((keys, text("Expiration")?))
}

impl Answer {
    /// Its body as JSON; null where it is none.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The code of an error, where each protocol has it: a header, a field of JSON, a header beside CBOR, an element; empty where there
    /// is none.
    pub(super) fn code(&self, form: &str) -> String {
        let header = |name: &str, end: char| {
            let value = self.headers.get(name).and_then(|value| value.to_str().ok());
            value.map(|text| text.split(end).next().unwrap_or_default().to_owned())
        };
        let is_cbor = self.headers.get("smithy-protocol").is_some_and(|protocol| protocol == "rpc-v2-cbor");
        let code = match form {
            "rest-json" => header("x-amzn-errortype", ':'),
            "json" => self.json()["__type"].as_str().map(str::to_owned),
            "cbor" => header("x-amzn-query-error", ';').filter(|_| is_cbor),
            _ => xml::read(&self.body).ok().and_then(|whole| code_of(&whole)),
        };
        code.unwrap_or_default()
    }
}

/// Of STS and CloudWatch inside of an element, each with its namespace; of S3 right below the root, without any.
fn code_of(whole: &Element) -> Option<String> {
    let namespace = &whole.name.namespace;
    let error = if namespace.is_empty() { Some(whole) } else { whole.child(namespace, "Error") };
    Some(error?.text_of(namespace, "Code")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(headers: &[(&'static str, &str)], body: &str) -> Answer {
        let mut answer = hyper::Response::builder().status(403);
        for (name, value) in headers {
            answer = answer.header(*name, *value);
        }
        let (head, body) = answer.body(Bytes::from(body.to_owned())).unwrap().into_parts();
        Answer { status: head.status, headers: head.headers, body }
    }

    #[test]
    fn each_protocol_has_its_code_in_its_own_place() {
        let rest = refused(&[("x-amzn-errortype", "InvalidSignatureException:http://x")], "{}");
        assert_eq!(rest.code("rest-json"), "InvalidSignatureException");
        let json = refused(&[], r#"{"__type":"ExpiredTokenException"}"#);
        assert_eq!((json.code("json").as_str(), json.code("xml").as_str()), ("ExpiredTokenException", ""));
        let hint = ("x-amzn-query-error", "ExpiredTokenException;Sender");
        let cbor = refused(&[hint, ("smithy-protocol", "rpc-v2-cbor")], "");
        assert_eq!(cbor.code("cbor"), "ExpiredTokenException");
        assert_eq!(refused(&[hint], "").code("cbor"), "", "it is not said in CBOR");
        let query = refused(
            &[],
            "<ErrorResponse xmlns=\"urn:x\"><Error><Code>ExpiredToken</Code></Error></ErrorResponse>",
        );
        assert_eq!(query.code("query"), "ExpiredToken");
        let xml = refused(&[], "<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code></Error>");
        assert_eq!((xml.code("xml").as_str(), xml.code("json").as_str()), ("AccessDenied", ""));
    }

    #[test]
    fn a_session_is_read_whole_or_not_at_all() {
        let answer = |inner: &str| {
            format!(
                "<AssumeRoleResponse xmlns=\"{STS}\"><AssumeRoleResult><Credentials>{inner}</Credentials>\
                 </AssumeRoleResult></AssumeRoleResponse>"
            )
        };
        let whole = "<AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
                     <SessionToken>t</SessionToken><Expiration>2026-01-31T12:00:00Z</Expiration>";
        let (keys, end) = read_session(answer(whole).as_bytes()).unwrap();
        assert_eq!((keys.id.as_str(), keys.token.as_deref()), ("ASIA", Some("t")));
        assert_eq!(end, "2026-01-31T12:00:00Z");
        assert!(read_session(answer("<AccessKeyId>ASIA</AccessKeyId>").as_bytes()).is_err());
        assert!(read_session(b"{}").is_err());
    }
}
