//! Asks a camera where its video is: SOAP over HTTP, with a password that goes as a dated digest.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use fake_camera::xml::{self, Element};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::handshake;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use sha1::{Digest as _, Sha1};
use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime, Time};
use tokio::time::timeout;
use url::Url;

use super::Login;
use crate::net;

const SOAP: &str = "http://www.w3.org/2003/05/soap-envelope";
const DEVICE: &str = "http://www.onvif.org/ver10/device/wsdl";
const MEDIA: &str = "http://www.onvif.org/ver10/media/wsdl";
const SCHEMA: &str = "http://www.onvif.org/ver10/schema";
const SECURITY: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-";
/// Longest address of a stream, bytes.
const LONGEST: usize = 512;
/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a camera does not say where its video is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Net(#[from] net::Error),
    #[error("the connection failed: {0}")]
    Http(#[from] hyper::Error),
    #[error("no answer within {} s", PATIENCE.as_secs())]
    Silence,
    #[error("the answer could not be read: {0}")]
    Unreadable(String),
    #[error("refused: {0}")]
    Refused(String),
    #[error("the answer has no {0}")]
    Lacks(&'static str),
    #[error("`{0}` is at another host")]
    Foreign(String),
    #[error("`{0}` is no address of an ONVIF service")]
    Address(String),
}

/// The address of the first profile's stream, by RTP inside RTSP.
pub(super) async fn stream(device: &Url, login: &Login) -> Result<String, Error> {
    let host = device.host_str().unwrap_or_default().to_owned();
    let camera = Camera { host, login, ahead: time::Duration::ZERO };
    let date = camera.ask(device, &format!("<GetSystemDateAndTime xmlns='{DEVICE}'/>"), false).await?;
    let ahead = clock(&date).ok_or(Error::Lacks("time"))? - OffsetDateTime::now_utc();
    let camera = Camera { ahead: if login.careless.own_clock { camera.ahead } else { ahead }, ..camera };
    let request = format!("<GetCapabilities xmlns='{DEVICE}'><Category>Media</Category></GetCapabilities>");
    let capabilities = camera.ask(device, &request, false).await?;
    let media = descend(&capabilities, &[(DEVICE, "Capabilities"), (SCHEMA, "Media"), (SCHEMA, "XAddr")]);
    let media = camera.own(media.ok_or(Error::Lacks("media service"))?)?;
    let profiles = camera.ask(&media, &format!("<GetProfiles xmlns='{MEDIA}'/>"), true).await?;
    let token = profiles.child(MEDIA, "Profiles").and_then(|profile| profile.attribute("token"));
    let token = xml::escaped(token.ok_or(Error::Lacks("profile"))?);
    let request = format!(
        "<GetStreamUri xmlns='{MEDIA}' xmlns:t='{SCHEMA}'><StreamSetup><t:Stream>RTP-Unicast</t:Stream><t:Transport>\
         <t:Protocol>RTSP</t:Protocol></t:Transport></StreamSetup><ProfileToken>{token}</ProfileToken></GetStreamUri>"
    );
    let uri = camera.ask(&media, &request, true).await?;
    let uri = descend(&uri, &[(MEDIA, "MediaUri"), (SCHEMA, "Uri")]).ok_or(Error::Lacks("address"))?;
    if uri.len() > LONGEST {
        return Err(Error::Lacks("address of 512 characters at most"));
    }
    // Written anew, so that it is one word on one line.
    camera.own(uri).map(String::from)
}

/// One camera, while it is asked.
struct Camera<'a> {
    host: String,
    login: &'a Login,
    /// Its clock minus ours.
    ahead: time::Duration,
}

impl Camera<'_> {
    /// An address that the camera names, which must be its own: it may send nobody elsewhere.
    fn own(&self, address: &str) -> Result<Url, Error> {
        let is_own = |url: &Url| self.login.careless.follows || url.host_str() == Some(&self.host);
        let url = Url::parse(address).ok().filter(is_own);
        url.ok_or_else(|| Error::Foreign(address.to_owned()))
    }

    /// Asks one question; gives the element in the body of the answer.
    async fn ask(&self, at: &Url, question: &str, shows_user: bool) -> Result<Element, Error> {
        let header = if shows_user { self.security() } else { String::new() };
        let text = format!(
            "<e:Envelope xmlns:e='{SOAP}'><e:Header>{header}</e:Header><e:Body>{question}</e:Body></e:Envelope>"
        );
        let (status, body) = timeout(PATIENCE, exchange(at, text)).await.map_err(|_| Error::Silence)??;
        let unreadable = |error: xml::Error| Error::Unreadable(format!("status {status}: {error}"));
        let envelope = xml::read(&body).map_err(unreadable)?;
        let answer = envelope.child(SOAP, "Body").and_then(|body| body.children.first().cloned());
        let answer = answer.ok_or(Error::Lacks("body"))?;
        if status.is_success() {
            return Ok(answer);
        }
        let reason = answer.child(SOAP, "Reason").and_then(|reason| reason.text_of(SOAP, "Text"));
        Err(Error::Refused(reason.map_or_else(|| status.to_string(), str::to_owned)))
    }

    /// The user name token (OASIS WS-Security UsernameToken profile 1.0), dated by the camera's own clock.
    fn security(&self) -> String {
        let (Some(user), Some(password)) = (&self.login.user, &self.login.password) else {
            return String::new();
        };
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).expect("the kernel gives random bytes");
        let now =
            (OffsetDateTime::now_utc() + self.ahead).replace_nanosecond(0).expect("a second begins with 0");
        let created = now.format(&Rfc3339).expect("our years have four digits");
        let sum = Sha1::new().chain_update(nonce).chain_update(&created).chain_update(password).finalize();
        let (digest, nonce) = (STANDARD.encode(sum), STANDARD.encode(nonce));
        format!(
            "<Security xmlns='{SECURITY}wssecurity-secext-1.0.xsd' e:mustUnderstand='1'><UsernameToken>\
             <Username>{}</Username><Password Type='{SECURITY}username-token-profile-1.0#PasswordDigest'>{digest}</Password>\
             <Nonce>{nonce}</Nonce><Created xmlns='{SECURITY}wssecurity-utility-1.0.xsd'>{created}</Created>\
             </UsernameToken></Security>",
            xml::escaped(user)
        )
    }
}

/// Where the host of a service is; nothing but HTTP is spoken to one.
async fn addresses(at: &Url) -> Result<Vec<SocketAddr>, Error> {
    let (Some(host), "http") = (at.host_str(), at.scheme()) else {
        return Err(Error::Address(at.to_string()));
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let found = tokio::net::lookup_host((host, at.port().unwrap_or(80))).await;
    let found: Vec<_> =
        found.map_err(|source| net::Error::Resolve { name: host.to_owned(), source })?.collect();
    if found.is_empty() { Err(Error::Address(at.to_string())) } else { Ok(found) }
}

async fn exchange(at: &Url, text: String) -> Result<(StatusCode, Bytes), Error> {
    let stream = net::connect(&addresses(at).await?).await?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    let served = tokio::spawn(connection);
    let request = Request::post(at.path())
        .header("Host", at.authority())
        .header("Content-Type", "application/soap+xml; charset=utf-8")
        .body(Full::new(Bytes::from(text)))
        .map_err(|error| Error::Unreadable(error.to_string()))?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), xml::MAX_BYTES).collect().await;
    served.abort();
    Ok((status, body.map_err(|error| Error::Unreadable(error.to_string()))?.to_bytes()))
}

/// What the camera's clock says.
fn clock(answer: &Element) -> Option<OffsetDateTime> {
    let utc = answer.child(DEVICE, "SystemDateAndTime")?.child(SCHEMA, "UTCDateTime")?;
    let part = |of: &str, part: &str| utc.child(SCHEMA, of)?.text_of(SCHEMA, part)?.parse::<u16>().ok();
    let small = |of: &str, name: &str| part(of, name).and_then(|value| u8::try_from(value).ok());
    let month = Month::try_from(small("Date", "Month")?).ok()?;
    let date = Date::from_calendar_date(part("Date", "Year")?.into(), month, small("Date", "Day")?).ok()?;
    let time =
        Time::from_hms(small("Time", "Hour")?, small("Time", "Minute")?, small("Time", "Second")?).ok()?;
    Some(OffsetDateTime::new_utc(date, time))
}

/// The text at the end of a path of elements.
fn descend<'a>(from: &'a Element, path: &[(&str, &str)]) -> Option<&'a str> {
    let end = path.iter().try_fold(from, |at, (namespace, local)| at.child(namespace, local))?;
    Some(&end.text)
}

#[cfg(test)]
mod tests {
    use fake_camera::mutation::{Campaign, Random, XML};

    use super::*;

    /// What a camera says of its time, and of where its media service is.
    fn said(inner: &str) -> String {
        format!(
            "<e:Envelope xmlns:e='{SOAP}' xmlns:d='{DEVICE}' xmlns:t='{SCHEMA}'><e:Body>{inner}</e:Body></e:Envelope>"
        )
    }

    fn body(document: &[u8]) -> Option<Element> {
        xml::read(document).ok()?.child(SOAP, "Body")?.children.first().cloned()
    }

    #[test]
    fn what_nobody_means_to_send_is_a_time_and_an_address_or_nothing() {
        let part = |names: [(&str, &str); 3]| {
            names.map(|(name, value)| format!("<t:{name}>{value}</t:{name}>")).concat()
        };
        let date = part([("Year", "2026"), ("Month", "11"), ("Day", "28")]);
        let time = part([("Hour", "23"), ("Minute", "59"), ("Second", "59")]);
        let dated = said(&format!(
            "<d:GetSystemDateAndTimeResponse><d:SystemDateAndTime><t:UTCDateTime><t:Time>{time}</t:Time>\
             <t:Date>{date}</t:Date></t:UTCDateTime></d:SystemDateAndTime></d:GetSystemDateAndTimeResponse>"
        ));
        let placed = said(
            "<d:GetCapabilitiesResponse><d:Capabilities><t:Media><t:XAddr>http://10.20.0.11/onvif</t:XAddr></t:Media>\
             </d:Capabilities></d:GetCapabilitiesResponse>",
        );
        let login = Login { user: None, password: None, careless: Default::default() };
        let camera = Camera { host: "10.20.0.11".into(), login: &login, ahead: time::Duration::ZERO };
        let way = [(DEVICE, "Capabilities"), (SCHEMA, "Media"), (SCHEMA, "XAddr")];
        let mut campaign = Campaign::new("SOAP answers", 6000);
        let (mut times, mut places) = (0, 0);
        for seed in campaign.by_ref() {
            let mut random = Random::new(seed);
            times += usize::from(
                body(&random.mutated(dated.as_bytes(), XML)).is_some_and(|answer| clock(&answer).is_some()),
            );
            let Some(answer) = body(&random.mutated(placed.as_bytes(), XML)) else { continue };
            let Some(Ok(own)) = descend(&answer, &way).map(|address| camera.own(address)) else { continue };
            assert_eq!(own.host_str(), Some("10.20.0.11"), "seed {seed}");
            places += 1;
        }
        assert!(campaign.is_timed() || times > 20 && places > 20, "{times} {places}");
    }
}
