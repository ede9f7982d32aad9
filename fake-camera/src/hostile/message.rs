//! RTSP on the wire (RFC 2326): messages, and the frames between them (section 10.12), within bounds.

use std::fmt::Write as _;

/// Longest head of a message, bytes.
const MAX_HEAD: usize = 64 << 10;
/// Longest body, bytes.
const MAX_BODY: usize = 1 << 20;

/// What an RTSP connection carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A request or an answer.
    Message(Message),
    /// `$`, channel, length and data, as they came.
    Frame(Vec<u8>),
}

/// A request or an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    /// Its first line.
    pub(super) start: String,
    /// Its fields, in their order; without the body's length.
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// It is no RTSP, or too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

/// Takes the first piece out of what has come; `None` if it is not whole yet.
pub(super) fn take(from: &mut Vec<u8>) -> Result<Option<Piece>, Unreadable> {
    // Lines may be empty between messages.
    let empty = from.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    from.drain(..empty);
    match from.first() {
        None => Ok(None),
        Some(b'$') => {
            let Some(length) = from.get(2..4) else { return Ok(None) };
            let whole = 4 + usize::from(u16::from_be_bytes([length[0], length[1]]));
            Ok((from.len() >= whole).then(|| Piece::Frame(from.drain(..whole).collect())))
        }
        Some(_) => take_message(from).map(|taken| taken.map(Piece::Message)),
    }
}

fn take_message(from: &mut Vec<u8>) -> Result<Option<Message>, Unreadable> {
    let end = from.windows(4).take(MAX_HEAD).position(|window| window == b"\r\n\r\n");
    let Some(end) = end else { return if from.len() > MAX_HEAD { Err(Unreadable) } else { Ok(None) } };
    let head = std::str::from_utf8(&from[..end]).map_err(|_| Unreadable)?;
    let mut lines = head.split("\r\n");
    let mut message = Message { start: lines.next().unwrap_or_default().to_owned(), ..Message::default() };
    let mut length = 0;
    for line in lines {
        let (name, value) = line.split_once(':').ok_or(Unreadable)?;
        let (name, value) = (name.trim(), value.trim());
        if name.eq_ignore_ascii_case("Content-Length") {
            length = value.parse::<usize>().map_err(|_| Unreadable)?;
        } else {
            message.fields.push((name.to_owned(), value.to_owned()));
        }
    }
    let body = end + 4;
    if length > MAX_BODY {
        return Err(Unreadable);
    }
    if from.len() < body + length {
        return Ok(None);
    }
    message.body = from[body..body + length].to_vec();
    from.drain(..body + length);
    Ok(Some(message))
}

impl Message {
    /// A field's value.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The method of a request; `None` for an answer.
    pub(super) fn method(&self) -> Option<&str> {
        (!self.start.starts_with("RTSP/")).then(|| self.start.split(' ').next().unwrap_or_default())
    }

    /// An answer to this request, with its number and session.
    pub(super) fn answer(&self, status: &str) -> Self {
        let kept = |name: &str| self.field(name).map(|value| (name.to_owned(), value.to_owned()));
        Self {
            start: format!("RTSP/1.0 {status}"),
            fields: ["CSeq", "Session"].into_iter().filter_map(kept).collect(),
            body: Vec::new(),
        }
    }

    /// As it goes over the wire.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.start);
        for (name, value) in &self.fields {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        if !self.body.is_empty() {
            let _ = write!(text, "Content-Length: {}\r\n", self.body.len());
        }
        [text.as_bytes(), b"\r\n", &self.body].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hostile::points::elsewhere;
    use crate::mutation::{Campaign, LINES, Random};

    const ANSWER: &[u8] = b"RTSP/1.0 200 OK\r\nCSeq: 2\r\ncontent-length: 3\r\n\r\nabc";

    #[test]
    fn pieces_come_one_by_one_however_they_were_cut() {
        let wire =
            [b"\r\n" as &[u8], ANSWER, b"$\x01\x00\x02hi", b"PLAY * RTSP/1.0\r\nCSeq: 3\r\n\r\n"].concat();
        let (mut buffer, mut pieces) = (Vec::new(), Vec::new());
        for byte in wire {
            buffer.push(byte);
            while let Some(piece) = take(&mut buffer).unwrap() {
                pieces.push(piece);
            }
        }
        let [Piece::Message(answer), Piece::Frame(frame), Piece::Message(request)] = &pieces[..] else {
            panic!("{pieces:?}")
        };
        assert_eq!((answer.method(), answer.field("cseq"), &answer.body[..]), (None, Some("2"), &b"abc"[..]));
        assert_eq!(frame, b"$\x01\x00\x02hi");
        assert_eq!(request.method(), Some("PLAY"));
        assert_eq!(request.answer("302 Found").to_bytes(), b"RTSP/1.0 302 Found\r\nCSeq: 3\r\n\r\n");
        assert!(buffer.is_empty());
    }

    #[test]
    fn what_is_too_long_or_no_rtsp_is_refused() {
        for wrong in [
            vec![b'a'; MAX_HEAD + 1],
            b"PLAY * RTSP/1.0\r\nno field\r\n\r\n".to_vec(),
            b"PLAY * RTSP/1.0\r\nContent-Length: 99999999\r\n\r\n".to_vec(),
            b"PLAY * RTSP/1.0\r\nContent-Length: -1\r\n\r\n".to_vec(),
            b"\xff\xfe\r\n\r\n".to_vec(),
        ] {
            assert_eq!(take(&mut wrong.clone()), Err(Unreadable));
        }
    }

    /// Whole pieces, until there is no more or it is no RTSP.
    fn pieces(wire: &[u8]) -> Vec<Piece> {
        let mut buffer = wire.to_vec();
        std::iter::from_fn(|| take(&mut buffer).ok().flatten()).collect()
    }

    #[test]
    fn what_nobody_means_to_send_is_read_and_written_the_same_again() {
        let described: &[u8] = b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Base: rtsp://10.20.0.11/stream/\r\n\
            Content-Type: application/sdp\r\nContent-Length: 89\r\n\r\nv=0\r\no=- 1 1 IN IP4 10.20.0.11\r\n\
            c=IN IP4 0.0.0.0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\n";
        let asked: &[u8] = b"SETUP rtsp://10.20.0.11/stream RTSP/1.0\r\nCSeq: 3\r\n\
            Transport: RTP/AVP;unicast;client_port=5000-5001\r\n\r\n$\x01\x00\x02hi";
        let host = "10.30.0.20".parse().unwrap();
        let mut campaign = Campaign::new("RTSP messages", 6000);
        let (mut messages, mut others) = (0, 0);
        for seed in campaign.by_ref() {
            let mut random = Random::new(seed);
            let wire = [&random.mutated(described, LINES)[..], &random.mutated(asked, LINES)].concat();
            for piece in pieces(&wire) {
                let Piece::Message(message) = piece else {
                    others += 1;
                    continue;
                };
                messages += 1;
                let again = pieces(&message.to_bytes());
                assert_eq!(again, [Piece::Message(message.clone())], "seed {seed}");
                drop(elsewhere(&message, host));
            }
        }
        assert!(campaign.is_timed() || messages > 1000 && others > 100, "{messages} {others}");
    }
}
