//! Where a camera sends whoever plays it, in the middle of a session: what an appliance that follows wants to know, and no
//! other asks. The RTSP client takes no requests, so that this has a session of its own, and little to say in it.

use std::net::SocketAddr;
use std::time::Duration;

use http_auth::{PasswordClient, PasswordParams};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use super::follow::found;
use crate::config::Camera;
use crate::net;

/// Most that is kept of what the camera says, bytes: a header, a description or a frame.
const MOST: usize = 128 << 10;
/// Longest wait for being sent away.
const PATIENCE: Duration = Duration::from_secs(5);

/// The address in the request `REDIRECT` (RFC 2326, section 10.10) that follows upon `PLAY`; `None` if none comes in time, or
/// the camera plays nothing.
pub(super) async fn location(camera: &Camera, url: &Url, peer: SocketAddr) -> Option<Url> {
    timeout(PATIENCE, listen(camera, url, peer)).await.ok()?
}

async fn listen(camera: &Camera, url: &Url, peer: SocketAddr) -> Option<Url> {
    let stream = net::connect(&[peer]).await.ok()?;
    let mut talk = Talk { stream, read: Vec::new(), camera, auth: None, number: 0 };
    let described = talk.ask("DESCRIBE", url.as_str(), "Accept: application/sdp\r\n").await?;
    let control = described.split("m=video").nth(1)?.split("a=control:").nth(1)?.lines().next()?.trim();
    let below = if control.contains("://") { control.to_owned() } else { format!("{url}/{control}") };
    let set_up = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
    let set_up = talk.ask("SETUP", &below, set_up).await?;
    let session = field(&set_up, "Session")?.split(';').next()?.to_owned();
    talk.ask("PLAY", url.as_str(), &format!("Session: {session}\r\n")).await?;
    loop {
        let message = talk.message().await?;
        if message.starts_with("REDIRECT ") {
            return found(&message);
        }
    }
}

/// A connection to the camera.
struct Talk<'a> {
    stream: TcpStream,
    read: Vec<u8>,
    camera: &'a Camera,
    auth: Option<PasswordClient>,
    number: u32,
}

impl Talk<'_> {
    /// The answer to a request, if it is a good one; with the password, if it is asked for.
    async fn ask(&mut self, method: &str, url: &str, fields: &str) -> Option<String> {
        for _ in 0..2 {
            self.number += 1;
            let shown = self.auth.as_mut().map(|auth| {
                let (username, password) = (self.camera.user.as_deref(), self.camera.password.as_deref());
                let (username, password) = (username.unwrap_or_default(), password.unwrap_or_default());
                auth.respond(&PasswordParams { username, password, uri: url, method, body: None })
            });
            let shown = shown.transpose().ok()?.map(|shown| format!("Authorization: {shown}\r\n"));
            let shown = shown.unwrap_or_default();
            let request = format!("{method} {url} RTSP/1.0\r\nCSeq: {}\r\n{shown}{fields}\r\n", self.number);
            self.stream.write_all(request.as_bytes()).await.ok()?;
            let answer = loop {
                let message = self.message().await?;
                if message.starts_with("RTSP/") {
                    break message;
                }
            };
            match answer.split(' ').nth(1)? {
                "200" => return Some(answer),
                "401" if self.auth.is_none() => {
                    self.auth = Some(PasswordClient::try_from(field(&answer, "WWW-Authenticate")?).ok()?);
                }
                _ => return None,
            }
        }
        None
    }

    /// The next message with its body; frames are passed over.
    async fn message(&mut self) -> Option<String> {
        loop {
            match self.piece() {
                Some((length, true)) => {
                    let message: Vec<u8> = self.read.drain(..length).collect();
                    return Some(String::from_utf8_lossy(&message).into_owned());
                }
                Some((length, false)) => drop(self.read.drain(..length)),
                None => {
                    if self.read.len() > MOST || self.stream.read_buf(&mut self.read).await.ok()? == 0 {
                        return None;
                    }
                }
            }
        }
    }

    /// How long the piece is that what was read begins with, if it is whole; whether it is a message.
    fn piece(&self) -> Option<(usize, bool)> {
        if let [b'$', _, high, low, ..] = self.read[..] {
            let length = 4 + usize::from(u16::from_be_bytes([high, low]));
            return (self.read.len() >= length).then_some((length, false));
        }
        if self.read.first() == Some(&b'$') {
            return None;
        }
        let head = 4 + self.read.windows(4).position(|window| window == b"\r\n\r\n")?;
        let text = String::from_utf8_lossy(&self.read[..head]);
        let body =
            field(&text, "Content-Length").and_then(|length| length.parse::<usize>().ok()).unwrap_or(0);
        let length = head.checked_add(body)?;
        (self.read.len() >= length).then_some((length, true))
    }
}

/// The value of a message's first field of this name.
fn field<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let head = message.split("\r\n\r\n").next()?;
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.into_iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}
