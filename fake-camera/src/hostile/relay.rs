//! Between a client and the camera's RTSP server: hands on what they say, with what a hostile camera would say instead.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tracing::debug;

use super::message::{self, Message, Piece};
use super::{Acts, Answers, Hostility, points};

/// Requests of a client that wait for the server's answer; more are a client that does not wait.
const MAX_WAITING: usize = 64;
/// Bytes of one read.
const READ: usize = 16 << 10;
/// From one sign of life to the next, in the name of a client that has gone; sessions last longer than that.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);
/// Packet type of RTCP's sender reports (RFC 3550, section 6.4.1).
const SENDER_REPORT: u8 = 200;

/// What all connections of a camera have in common.
#[derive(Debug)]
pub(crate) struct Relay {
    hostility: Hostility,
    acts: Acts,
    /// Where copies of the video leave from; absent if there are none.
    copies: Option<UdpSocket>,
}

/// One connection.
struct Between<'a> {
    relay: &'a Relay,
    client: TcpStream,
    server: TcpStream,
    /// Methods of the requests that were handed on and not answered yet.
    asked: VecDeque<String>,
    /// Number of the next request of ours.
    own: u32,
    /// Session whose client has taken leave, and was answered.
    left: Option<String>,
}

impl Relay {
    /// Errors: no socket for copies.
    pub(crate) async fn new(hostility: &Hostility, acts: Acts) -> io::Result<Arc<Self>> {
        let copies = match hostility.copies_to.first() {
            None => None,
            Some(SocketAddr::V4(_)) => Some(UdpSocket::bind("0.0.0.0:0").await?),
            Some(SocketAddr::V6(_)) => Some(UdpSocket::bind("[::]:0").await?),
        };
        Ok(Arc::new(Self { hostility: hostility.clone(), acts, copies }))
    }

    /// Takes a client's connection; gives what the server gets in its place.
    pub(crate) async fn between(self: &Arc<Self>, client: TcpStream) -> io::Result<TcpStream> {
        let (ours, theirs) = pair().await?;
        let relay = Arc::clone(self);
        tokio::spawn(async move {
            let relay = &relay;
            let asked = VecDeque::new();
            let mut between = Between { relay, client, server: ours, asked, own: 1, left: None };
            if let Err(error) = between.run().await {
                debug!(%error, "a connection is over");
            }
        });
        Ok(theirs)
    }
}

/// Two ends of one connection. GStreamer's server takes nothing but Internet addresses for its client's.
async fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let one = TcpStream::connect(listener.local_addr()?).await?;
    loop {
        let (other, peer) = listener.accept().await?;
        if peer == one.local_addr()? {
            one.set_nodelay(true)?;
            other.set_nodelay(true)?;
            return Ok((one, other));
        }
    }
}

impl Between<'_> {
    async fn run(&mut self) -> io::Result<()> {
        let (mut pass_question, mut pass_answer) = (Vec::new(), Vec::new());
        let (mut one, mut other) = (vec![0; READ], vec![0; READ]);
        loop {
            tokio::select! {
                read = self.client.read(&mut one) => {
                    let read = read?;
                    if read == 0 {
                        return self.outlast().await;
                    }
                    pass_question.extend_from_slice(&one[..read]);
                    while let Some(piece) = taken(&mut pass_question)? {
                        self.pass_question(piece).await?;
                    }
                }
                read = self.server.read(&mut other) => {
                    let read = read?;
                    if read == 0 {
                        return Ok(());
                    }
                    pass_answer.extend_from_slice(&other[..read]);
                    while let Some(piece) = taken(&mut pass_answer)? {
                        self.pass_answer(piece).await?;
                    }
                }
            }
        }
    }

    /// The client has closed the connection. One that said `TEARDOWN` before is sent video all the same where it goes by
    /// UDP, since the server is told in its name that it lives.
    async fn outlast(&mut self) -> io::Result<()> {
        let Some(session) = self.left.take() else { return Ok(()) };
        // Ours is closed as well: what goes on goes by another way.
        self.client.shutdown().await?;
        let (mut pass_answer, mut buffer) = (Vec::new(), vec![0; READ]);
        let mut ticks = tokio::time::interval(SIGN_OF_LIFE);
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    let fields = [("CSeq", self.own.to_string()), ("Session", session.clone())];
                    let fields = fields.map(|(name, value)| (name.to_owned(), value)).to_vec();
                    let start = "GET_PARAMETER * RTSP/1.0".to_owned();
                    self.own += 1;
                    self.server.write_all(&Message { start, fields, body: Vec::new() }.to_bytes()).await?;
                }
                read = self.server.read(&mut buffer) => {
                    let read = read?;
                    if read == 0 {
                        return Ok(());
                    }
                    pass_answer.extend_from_slice(&buffer[..read]);
                    while let Some(piece) = taken(&mut pass_answer)? {
                        if let Piece::Frame(frame) = piece {
                            self.copy(&frame).await;
                        }
                    }
                }
            }
        }
    }

    async fn pass_question(&mut self, piece: Piece) -> io::Result<()> {
        let hostility = &self.relay.hostility;
        let request = match piece {
            Piece::Frame(frame) => return self.server.write_all(&frame).await,
            Piece::Message(message) => message,
        };
        match (request.method(), &hostility.redirects_to) {
            // It answers a request of ours.
            (None, _) => return Ok(()),
            (Some("DESCRIBE"), Some(to)) => {
                let mut answer = request.answer("302 Found");
                answer.fields.push(("Location".into(), to.clone()));
                self.answer(&answer).await?;
                self.relay.acts.did("redirects_to");
                return Ok(());
            }
            (Some("TEARDOWN"), _) if hostility.outlasts_teardown => {
                self.left = Some(request.field("Session").unwrap_or_default().to_owned());
                self.relay.acts.did("outlasts_teardown");
                return self.answer(&request.answer("200 OK")).await;
            }
            (Some(method), _) if self.asked.len() < MAX_WAITING => self.asked.push_back(method.to_owned()),
            (Some(_), _) => return Err(io::ErrorKind::InvalidData.into()),
        }
        self.server.write_all(&request.to_bytes()).await
    }

    async fn pass_answer(&mut self, piece: Piece) -> io::Result<()> {
        let hostility = &self.relay.hostility;
        let answer = match piece {
            Piece::Frame(frame) => return self.frame(frame).await,
            Piece::Message(message) => message,
        };
        let method = self.asked.pop_front().unwrap_or_default();
        let pointed = hostility.points_to.map_or(answer.clone(), |host| points::elsewhere(&answer, host));
        let points = pointed != answer;
        let answer = pointed;
        self.answer(&answer).await?;
        if points {
            self.relay.acts.did("points_to");
        }
        match &hostility.sends_away_to {
            Some(to) if method == "PLAY" => self.send_away(to, answer.field("Session")).await,
            _ => Ok(()),
        }
    }

    async fn send_away(&mut self, to: &str, session: Option<&str>) -> io::Result<()> {
        let mut request = Message { start: "REDIRECT * RTSP/1.0".into(), ..Message::default() };
        let mut field = |name: &str, value: &str| request.fields.push((name.into(), value.into()));
        field("CSeq", &self.own.to_string());
        field("Location", to);
        if let Some(session) = session {
            field("Session", session.split(';').next().unwrap_or_default());
        }
        self.own += 1;
        self.client.write_all(&request.to_bytes()).await?;
        self.relay.acts.did("sends_away_to");
        Ok(())
    }

    /// Video and reports.
    async fn frame(&mut self, mut frame: Vec<u8>) -> io::Result<()> {
        let offset = self.relay.hostility.clock_offset;
        self.copy(&frame).await;
        if !is_video(&frame) && offset != 0 && report_another_time(&mut frame[4..], offset) {
            self.relay.acts.did("clock");
        }
        self.client.write_all(&frame).await
    }

    async fn copy(&self, frame: &[u8]) {
        let Some(copies) = self.relay.copies.as_ref().filter(|_| is_video(frame)) else { return };
        let mut all = true;
        for to in &self.relay.hostility.copies_to {
            if let Err(error) = copies.send_to(&frame[4..], to).await {
                debug!(%error, %to, "a copy was not sent");
                all = false;
            }
        }
        if all {
            self.relay.acts.did("copies_to");
        }
    }

    async fn answer(&mut self, answer: &Message) -> io::Result<()> {
        let Answers { late_by, byte_every, padding, garbage } = &self.relay.hostility.answers;
        let acts = &self.relay.acts;
        if let Some(late) = *late_by {
            tokio::time::sleep(late).await;
            acts.did("answers_late");
        }
        if *garbage {
            self.client.write_all(&rubbish()).await?;
            acts.did("answers_garbage");
            return Err(io::Error::other("answered with garbage"));
        }
        let mut answer = answer.clone();
        // A line at a time, so that no bound on a line's length helps.
        let lines = padding.unwrap_or(0).div_ceil(1000);
        answer.fields.extend((0..lines).map(|line| (format!("X-Padding-{line}"), "a".repeat(980))));
        let bytes = answer.to_bytes();
        if lines > 0 {
            // A client that bounds what it reads may be gone before all is written.
            acts.did("answers_padded");
        }
        let Some(every) = *byte_every else { return self.client.write_all(&bytes).await };
        for byte in bytes {
            self.client.write_all(&[byte]).await?;
            tokio::time::sleep(every).await;
            acts.did("answers_slowly");
        }
        Ok(())
    }
}

/// Channels are in pairs, the even one for video (RFC 2326, section 10.12).
fn is_video(frame: &[u8]) -> bool {
    frame[1].is_multiple_of(2)
}

fn taken(from: &mut Vec<u8>) -> io::Result<Option<Piece>> {
    message::take(from).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "this is no RTSP"))
}

/// The seconds of a sender report's time stamp (RFC 3550, section 6.4.1), moved; false if it is none.
fn report_another_time(report: &mut [u8], offset: i64) -> bool {
    if report.get(1) == Some(&SENDER_REPORT)
        && let Some(seconds) = report.get_mut(8..12)
    {
        let told = u32::from_be_bytes(seconds.try_into().expect("there are four"));
        seconds.copy_from_slice(&told.wrapping_add(offset as u32).to_be_bytes());
        return true;
    }
    false
}

/// The same each time: no RTSP, no text, and no end of a line.
fn rubbish() -> Vec<u8> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8 | 0x80
    };
    (0..8192).map(|_| next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_reports_clock_is_moved_and_nothing_else() {
        let mut report = [0x80, 200, 0, 6, 1, 2, 3, 4, 0, 0, 1, 0, 9, 9, 9, 9];
        assert!(report_another_time(&mut report, -256));
        assert_eq!(report, [0x80, 200, 0, 6, 1, 2, 3, 4, 0, 0, 0, 0, 9, 9, 9, 9]);
        let mut other = [0x81, 202, 0, 6, 1, 2, 3, 4, 0, 0, 1, 0];
        assert!(!report_another_time(&mut other, 1));
        assert_eq!(other[8..], [0, 0, 1, 0]);
        assert!(!report_another_time(&mut [0x80, 200], 1));
    }
}
