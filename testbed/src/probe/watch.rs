//! A camera is asked for its stream as any client would: `DESCRIBE`, with a password if it asks for one, and `SETUP` (RFC 2326).

use std::net::SocketAddr;

use http_auth::{PasswordClient, PasswordParams};
use rtsp_types::headers::{AUTHORIZATION, CONTENT_BASE, CSEQ, TRANSPORT, WWW_AUTHENTICATE};
use rtsp_types::{Message, Method, ParseError, Request, Response, Url, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::Site;
use super::open::{ANSWER_WITHIN, AskError, connect};
use crate::names::{CheckName, Traffic};
use crate::observation::OpenSeen;
use crate::plan::Open;
use crate::tap::described;

/// Most bytes of an answer.
const MOST: usize = 64 * 1024;
/// Statuses that say that whoever asks must say who it is, and that frames do not travel that way (RFC 2326, section 7.1.1).
const UNAUTHORIZED: u16 = 401;
const UNSUPPORTED_TRANSPORT: u16 = 461;
/// Ways in which frames may travel (RFC 2326, section 12.39): in the connection, or to a group.
const INTERLEAVED: &str = "RTP/AVP/TCP;unicast;interleaved=0-1";
const TO_GROUP: &str = "RTP/AVP;multicast";

/// Who somebody says it is.
pub(crate) struct Shown {
    pub(crate) user: String,
    pub(crate) password: String,
}

/// How a stream is asked for.
pub(crate) struct Wish {
    pub(crate) shown: Shown,
    /// Whether the camera sends to a group, and may offer nothing else.
    pub(crate) to_group: bool,
}

/// Asks for the stream and waits for each answer, at most `patience` times 0.9 s for all; what was answered is told however it ends.
pub(crate) async fn ask_for_stream(
    site: &Site,
    check: &CheckName,
    open: &Open,
    wish: &Wish,
    patience: u32,
) -> OpenSeen {
    let (at, begun) = (fake_facts::now(), Instant::now());
    let (mut local_port, mut connected, mut statuses) = (0, false, Vec::new());
    let asked = async {
        let Traffic::Tcp(port, _) = open.port else { return Err(AskError::NoQuestion(open.port)) };
        let to = SocketAddr::new(open.address, port);
        let stream = connect(site.lab.node(&open.from), to, &mut local_port).await?;
        connected = true;
        converse(stream, to, wish, &mut statuses).await
    };
    let tried = match timeout(ANSWER_WITHIN * patience, asked).await {
        Ok(told) => told.map_err(|error| error.to_string()),
        Err(_) => Err("no answer".to_owned()),
    };
    let took = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
    OpenSeen {
        check: check.clone(),
        open: open.clone(),
        at,
        answered_after_us: tried.is_ok().then_some(took),
        local_port,
        packets: (None, None),
        error: tried.err(),
        connected,
        statuses,
    }
}

/// What is said once the connection stands. Errors: it ends, or an answer is none.
async fn converse(
    stream: TcpStream,
    to: SocketAddr,
    wish: &Wish,
    statuses: &mut Vec<u16>,
) -> Result<(), AskError> {
    let mut talk = Talk { stream, number: 0, read: Vec::new(), auth: None };
    let url = format!("rtsp://{to}/stream");
    let mut answer = talk.ask((Method::Describe, None), &url, wish).await?;
    if u16::from(answer.status()) == UNAUTHORIZED {
        talk.auth = challenged(&answer);
        answer = talk.ask((Method::Describe, None), &url, wish).await?;
    }
    statuses.push(u16::from(answer.status()));
    // Whoever is told nothing of the streams guesses the name that the first has with many cameras.
    let place = first_stream(&url, &answer).unwrap_or_else(|| format!("{url}/stream=0"));
    let mut answer = talk.set_up(&place, INTERLEAVED, wish).await?;
    if wish.to_group && u16::from(answer.status()) == UNSUPPORTED_TRANSPORT {
        answer = talk.set_up(&place, TO_GROUP, wish).await?;
    }
    statuses.push(u16::from(answer.status()));
    Ok(())
}

/// Where the first stream that is described is set up (RFC 2326, section C.1.1).
fn first_stream(url: &str, answer: &Response<Vec<u8>>) -> Option<String> {
    let base = answer.header(&CONTENT_BASE).map_or(url, |base| base.as_str());
    let streams = described(answer.body()).unwrap_or_default();
    let control = streams.into_iter().skip(1).find_map(|stream| stream.control)?;
    Some(match control.contains("://") {
        true => control,
        false => format!("{}/{control}", base.trim_end_matches('/')),
    })
}

fn challenged(answer: &Response<Vec<u8>>) -> Option<PasswordClient> {
    let asked = answer.header(&WWW_AUTHENTICATE)?;
    PasswordClient::try_from(asked.as_str()).ok()
}

struct Talk {
    stream: TcpStream,
    number: u32,
    read: Vec<u8>,
    auth: Option<PasswordClient>,
}

impl Talk {
    async fn set_up(&mut self, url: &str, way: &str, wish: &Wish) -> Result<Response<Vec<u8>>, AskError> {
        self.ask((Method::Setup, Some(way)), url, wish).await
    }

    async fn ask(
        &mut self,
        (method, way): (Method, Option<&str>),
        url: &str,
        wish: &Wish,
    ) -> Result<Response<Vec<u8>>, AskError> {
        self.number += 1;
        let wrong = |what: &str| AskError::Io(std::io::Error::other(what.to_owned()));
        let place = Url::parse(url).map_err(|_| wrong("a stream is described at no place"))?;
        let mut request = Request::builder(method.clone(), Version::V1_0)
            .request_uri(place)
            .header(CSEQ, self.number.to_string());
        if let Some(way) = way {
            request = request.header(TRANSPORT, way);
        }
        if let Some(auth) = &mut self.auth {
            let Shown { user, password } = &wish.shown;
            let method: &str = (&method).into();
            let params = PasswordParams { username: user, password, uri: url, method, body: None };
            request = request.header(AUTHORIZATION, auth.respond(&params).map_err(|why| wrong(&why))?);
        }
        let mut bytes = Vec::new();
        let written = request.build(Vec::<u8>::new()).write(&mut bytes);
        written.map_err(|_| wrong("a question cannot be written"))?;
        self.stream.write_all(&bytes).await?;
        self.answer().await
    }

    /// The next answer; what the camera asks or sends meanwhile is passed over.
    async fn answer(&mut self) -> Result<Response<Vec<u8>>, AskError> {
        let broken = || AskError::Io(std::io::Error::other("what came back is no RTSP"));
        loop {
            match Message::<Vec<u8>>::parse(&self.read) {
                Ok((message, length)) => {
                    self.read.drain(..length);
                    if let Message::Response(answer) = message {
                        return Ok(answer);
                    }
                }
                Err(ParseError::Incomplete(_)) if self.read.len() <= MOST => {
                    if self.stream.read_buf(&mut self.read).await? == 0 {
                        return Err(AskError::Io(std::io::ErrorKind::UnexpectedEof.into()));
                    }
                }
                Err(_) => return Err(broken()),
            }
        }
    }
}
