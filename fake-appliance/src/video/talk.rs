//! RTSP as far as the appliance speaks it itself, where its client library does not: requests one after the other, with the
//! password if it is asked for.

use std::io;
use std::net::SocketAddr;

use http_auth::{PasswordClient, PasswordParams};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::config::Camera;
use crate::net;

/// Most that is kept of what the camera says, bytes: a header, a description or a frame.
const MOST: usize = 128 << 10;

/// Why a camera was asked in vain.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    Net(#[from] net::Error),
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
    #[error("the camera closed the connection")]
    Closed,
    #[error("the camera says more than {} KiB at once", MOST >> 10)]
    TooMuch,
    #[error("the camera answers with what is no RTSP")]
    Unreadable,
    #[error("the camera asks for a password in a way that is not understood: {0}")]
    Challenge(String),
    #[error("the camera refuses {method}: status {status}")]
    Refused { method: &'static str, status: u16 },
}

/// A connection to the camera.
pub(super) struct Talk {
    stream: TcpStream,
    read: Vec<u8>,
    user: Option<String>,
    password: String,
    auth: Option<PasswordClient>,
    number: u32,
}

impl Talk {
    /// Connects to the camera at this address.
    pub(super) async fn open(camera: &Camera, peer: SocketAddr) -> Result<Self, net::Error> {
        let stream = net::connect(&[peer]).await?;
        let (user, password) = (camera.user.clone(), camera.password.clone().unwrap_or_default());
        Ok(Self { stream, read: Vec::new(), user, password, auth: None, number: 0 })
    }

    /// The appliance's own address in this connection.
    pub(super) fn own(&self) -> io::Result<SocketAddr> {
        self.stream.local_addr()
    }

    /// The answer to a request, if it is a good one; with the password, if it is asked for. Each of `fields` ends its line.
    pub(super) async fn ask(
        &mut self,
        method: &'static str,
        url: &str,
        fields: &str,
    ) -> Result<String, Error> {
        loop {
            self.request(method, url, fields).await?;
            let answer = self.answer().await?;
            let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
            match status.ok_or(Error::Unreadable)? {
                200 => return Ok(answer),
                401 if self.auth.is_none() && self.user.is_some() => self.auth = Some(challenged(&answer)?),
                status => return Err(Error::Refused { method, status }),
            }
        }
    }

    /// Sends a request, and leaves its answer to whoever reads messages.
    pub(super) async fn request(
        &mut self,
        method: &'static str,
        url: &str,
        fields: &str,
    ) -> Result<(), Error> {
        self.number += 1;
        let (username, password) = (self.user.as_deref().unwrap_or_default(), self.password.as_str());
        let shown = self
            .auth
            .as_mut()
            .map(|auth| auth.respond(&PasswordParams { username, password, uri: url, method, body: None }));
        let shown = shown.transpose().map_err(Error::Challenge)?;
        let shown = shown.map(|shown| format!("Authorization: {shown}\r\n")).unwrap_or_default();
        let number = self.number;
        let request = format!(
            "{method} {url} RTSP/1.0\r\nCSeq: {number}\r\nUser-Agent: fake-appliance\r\n{shown}{fields}\r\n"
        );
        Ok(self.stream.write_all(request.as_bytes()).await?)
    }

    /// The answer to the last request; what was asked before, and what the camera asks, is passed over.
    async fn answer(&mut self) -> Result<String, Error> {
        loop {
            let message = self.message().await?;
            let to_it = field(&message, "CSeq").is_none_or(|number| number == self.number.to_string());
            if message.starts_with("RTSP/") && to_it {
                return Ok(message);
            }
        }
    }

    /// The next message with its body; frames are passed over. Nothing is lost if it is waited for in vain.
    pub(super) async fn message(&mut self) -> Result<String, Error> {
        loop {
            match self.piece() {
                Some((length, true)) => {
                    let message: Vec<u8> = self.read.drain(..length).collect();
                    return Ok(String::from_utf8_lossy(&message).into_owned());
                }
                Some((length, false)) => drop(self.read.drain(..length)),
                None if self.read.len() > MOST => return Err(Error::TooMuch),
                None if self.stream.read_buf(&mut self.read).await? == 0 => return Err(Error::Closed),
                None => {}
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

/// What answers the questions for a password, of which the safest is taken.
fn challenged(answer: &str) -> Result<PasswordClient, Error> {
    let asked = fields(answer, "WWW-Authenticate");
    asked
        .fold(PasswordClient::builder(), http_auth::PasswordClientBuilder::challenges)
        .build()
        .map_err(Error::Challenge)
}

/// The value of a message's first field of this name.
pub(super) fn field<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    fields(message, name).next()
}

fn fields<'a>(message: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let head = message.split("\r\n\r\n").next().unwrap_or_default();
    let all = head.lines().filter_map(|line| line.split_once(':'));
    all.filter(move |(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// What comes behind the header.
pub(super) fn body(message: &str) -> &str {
    message.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_in_any_case_and_only_in_the_header() {
        let answer = "RTSP/1.0 200 OK\r\ncseq: 3\r\nSession:  7;timeout=60\r\n\r\nCSeq: 9\r\nX: y\r\n";
        assert_eq!((field(answer, "CSeq"), field(answer, "session")), (Some("3"), Some("7;timeout=60")));
        assert_eq!((field(answer, "X"), body(answer)), (None, "CSeq: 9\r\nX: y\r\n"));
        assert_eq!(body("RTSP/1.0 200 OK\r\n"), "");
    }
}
