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
    endpoints: Endpoints,
}

#[derive(Deserialize)]
struct Endpoints {
    sts: String,
    panorama: String,
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

/// A call of Panorama's, before it is signed.
pub(super) struct Ask<'a> {
    pub(super) method: &'static str,
    pub(super) path: &'a str,
    pub(super) body: Vec<u8>,
}

impl<'a> Ask<'a> {
    /// One that only asks.
    pub(super) fn get(path: &'a str) -> Self {
        Self { method: "GET", path, body: Vec::new() }
    }
}

/// A connection to a service.
pub(super) struct Line {
    sender: SendRequest<Full<Bytes>>,
    /// Its near end.
    pub(super) socket: SocketAddr,
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
    /// A new connection to Panorama's own service.
    pub(super) async fn panorama(&self) -> Result<Line, Error> {
        self.line("panorama", &self.account.endpoints.panorama).await
    }

    async fn line(&self, service: &str, host: &str) -> Result<Line, Error> {
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
        Ok(Line { sender, socket })
    }

    /// How requests to Panorama's own service are addressed.
    pub(super) fn authority(&self) -> String {
        authority(&self.account.endpoints.panorama, self.account.https_port)
    }

    /// A request to Panorama's own service, signed then.
    pub(super) fn sign(
        &self,
        keys: &Keys,
        ask: &Ask<'_>,
        at: SystemTime,
    ) -> Result<Request<Full<Bytes>>, Error> {
        self.signer(("panorama", &self.authority()), keys, at).sign(call(ask))
    }

    fn signer<'a>(
        &'a self,
        (service, authority): (&'a str, &'a str),
        keys: &'a Keys,
        at: SystemTime,
    ) -> Signer<'a> {
        let Keys { id, secret, token } = keys;
        let region = &self.account.region;
        Signer { service, region, authority, key_id: id, secret, token: token.as_deref(), at }
    }

    /// A call, signed now.
    pub(super) async fn ask(&self, line: &mut Line, keys: &Keys, ask: &Ask<'_>) -> Result<Answer, Error> {
        line.send(self.sign(keys, ask, SystemTime::now())?).await
    }

    /// Takes the account's role on: keys of a session, and for how long they hold.
    pub(super) async fn session(&self, order: &Order) -> Result<(Keys, Duration), Error> {
        let host = &self.account.endpoints.sts;
        let mut line = self.line("sts", host).await?;
        let form = format!(
            "Action=AssumeRole&Version=2011-06-15&RoleSessionName=operator&RoleArn={}",
            self.account.role_arn.replace(':', "%3A").replace('/', "%2F")
        );
        let (lasting, authority) = (self.account.keys(), authority(host, self.account.https_port));
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let call = Call { method: "POST", path: "/", headers: &headers, body: form.into_bytes() };
        let request = self.signer(("sts", &authority), &lasting, SystemTime::now()).sign(call)?;
        let answer = line.send(request).await?;
        self.told(order, "AssumeRole", &line, &answer, &[]);
        if !answer.status.is_success() {
            return Err(answer.refused());
        }
        let (keys, expiration) = read_session(&answer.body)?;
        Ok((keys, life(&answer.headers, &expiration)?))
    }
}

/// What every call of Panorama's looks like (API reference: JSON in both directions).
pub(super) fn call<'a>(ask: &'a Ask<'_>) -> Call<'a> {
    const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
    let headers = if ask.body.is_empty() { &[] } else { JSON };
    Call { method: ask.method, path: ask.path, headers, body: ask.body.clone() }
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

    /// The code of an error: of a header where the service has JSON, else of its XML; empty where there is none.
    pub(super) fn code(&self) -> String {
        let header = self.headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
        let of_header = header.map(|text| text.split(':').next().unwrap_or_default().to_owned());
        of_header.or_else(|| code_of(&xml::read(&self.body).ok()?)).unwrap_or_default()
    }
}

fn code_of(error: &Element) -> Option<String> {
    Some(error.child(STS, "Error")?.text_of(STS, "Code")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

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
