//! RTP payload inside RTSP: finds the binary frames of RFC 2326, section 10.12, in one direction of a connection.
//!
//! Even channels carry RTP and odd ones RTCP, as `interleaved=0-1` is used throughout. A direction counts as RTSP when
//! its first line says so, whatever the port. Only framing is read here: where a message ends. That is a blank line
//! and `Content-Length`, so that no parser of whole messages is needed.

use super::rtp;
use super::stream::Sink;

/// Longest first line by which a direction shows that it speaks RTSP.
const LONGEST_LINE: usize = 4 * 1024;
/// Longest header of a message; a longer one is taken for a loss of step.
const LONGEST_HEADER: usize = 64 * 1024;
/// Longest message, header and body, that is kept.
const LONGEST_TEXT: usize = 128 * 1024;
/// Bytes looked at for the next frame after a gap; older ones are let go.
const LONGEST_SEARCH: usize = 2 * (4 + 0xffff);
/// A channel above this is not believed when looking for the next frame.
const HIGHEST_CHANNEL: u8 = 31;

/// One direction of a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Media {
    state: State,
    buffer: Vec<u8>,
    /// RTP payload bytes found that nobody has taken.
    bytes: u64,
    /// Messages, where somebody reads them.
    texts: Option<Texts>,
}

/// What was said beside media.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Text {
    /// A message, header and body.
    Whole(Vec<u8>),
    /// Bytes are missing here, or are none of a message, or the message is too long to be kept.
    Broken,
}

/// Messages that nobody has taken.
#[derive(Clone, Debug, Default)]
struct Texts {
    /// The one that is being said, as far as it has come.
    current: Vec<u8>,
    whole: Vec<Text>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// The first line is not complete.
    #[default]
    Unknown,
    /// Not RTSP: nothing is kept.
    Other,
    /// In step: the buffer begins with a message or a binary frame.
    InStep,
    /// Inside a message's body, of which so many bytes are left.
    Body(u64),
    /// Bytes are missing: looking for the next frame.
    Lost,
}

/// What lies at the start of the buffer.
enum Piece {
    Frame { channel: u8, length: usize },
    Message { header: usize, body: u64 },
    Incomplete,
    Nonsense,
}

impl Media {
    /// One whose messages are kept until they are taken.
    pub(super) fn with_texts() -> Self {
        Self { texts: Some(Texts::default()), ..Self::default() }
    }

    /// Messages since the last call.
    pub(super) fn take_texts(&mut self) -> Vec<Text> {
        self.texts.as_mut().map(|texts| std::mem::take(&mut texts.whole)).unwrap_or_default()
    }

    /// RTP payload bytes found since the last call.
    pub(super) fn take_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.bytes)
    }

    /// Whether a message has begun that has not ended: it may hide what comes behind it.
    pub(super) fn is_within_text(&self) -> bool {
        match self.state {
            State::Other => false,
            State::Body(_) => true,
            State::Unknown | State::InStep | State::Lost => {
                self.buffer.first().is_some_and(|first| *first != b'$')
            }
        }
    }

    /// True as soon as the first line has said so.
    #[cfg(test)]
    fn is_rtsp(&self) -> bool {
        !matches!(self.state, State::Unknown | State::Other)
    }

    fn advance(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        let mut used = 0;
        while let Some(step) = self.step(&buffer[used..]) {
            used += step;
        }
        self.buffer = buffer;
        self.buffer.drain(..used);
        if self.state == State::Other {
            self.buffer = Vec::new();
        }
    }

    /// Takes one piece off the front; how long it was, or none if more bytes are needed.
    fn step(&mut self, bytes: &[u8]) -> Option<usize> {
        match self.state {
            State::Other => None,
            State::Unknown => {
                self.state = first_line(bytes)?;
                if self.state == State::Other {
                    self.break_text();
                }
                Some(0)
            }
            State::Body(0) => {
                self.state = State::InStep;
                self.end_text();
                Some(0)
            }
            State::Body(left) => {
                let taken = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                self.state = State::Body(left - taken as u64);
                self.keep(&bytes[..taken]);
                (taken > 0).then_some(taken)
            }
            State::InStep => self.piece(bytes),
            State::Lost => self.search(bytes),
        }
    }

    fn piece(&mut self, bytes: &[u8]) -> Option<usize> {
        match piece(bytes) {
            Piece::Frame { channel, length } => {
                if channel.is_multiple_of(2) {
                    self.bytes += rtp::payload(&bytes[4..4 + length]);
                }
                Some(4 + length)
            }
            Piece::Message { header, body } => {
                self.state = State::Body(body);
                self.keep(bytes[..header].trim_ascii_start());
                Some(header)
            }
            Piece::Incomplete => None,
            // The search would find the same place again, and never get on: a header may be longer than any is read.
            Piece::Nonsense => {
                self.state = State::Lost;
                self.break_text();
                Some(1)
            }
        }
    }

    /// More of a message, if somebody reads it.
    fn keep(&mut self, bytes: &[u8]) {
        let Some(texts) = &mut self.texts else { return };
        // One byte more than is kept says that it was too long.
        let room = (LONGEST_TEXT + 1).saturating_sub(texts.current.len());
        texts.current.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// The end of a message; of a blank line nothing was kept.
    fn end_text(&mut self) {
        let Some(texts) = &mut self.texts else { return };
        let text = std::mem::take(&mut texts.current);
        match text.len() {
            0 => {}
            1..=LONGEST_TEXT => texts.whole.push(Text::Whole(text)),
            _ => texts.whole.push(Text::Broken),
        }
    }

    fn break_text(&mut self) {
        let Some(texts) = &mut self.texts else { return };
        texts.current.clear();
        texts.whole.push(Text::Broken);
    }

    /// Looks for a place from which two pieces follow one another.
    fn search(&mut self, bytes: &[u8]) -> Option<usize> {
        for at in 0..bytes.len() {
            match plausible(&bytes[at..]) {
                Some(true) => {
                    self.state = State::InStep;
                    return Some(at);
                }
                Some(false) => {}
                None if bytes.len() - at > LONGEST_SEARCH => {}
                None => return (at > 0).then_some(at),
            }
        }
        (!bytes.is_empty()).then_some(bytes.len())
    }
}

impl Sink for Media {
    fn data(&mut self, bytes: &[u8]) {
        if self.state != State::Other {
            self.buffer.extend_from_slice(bytes);
            self.advance();
        }
    }

    fn gap(&mut self) {
        self.buffer.clear();
        if self.state != State::Other {
            self.break_text();
        }
        self.state = match self.state {
            // Without its first line nothing says what this is.
            State::Unknown | State::Other => State::Other,
            State::InStep | State::Body(_) | State::Lost => State::Lost,
        };
    }
}

/// What the first line says; none if it is not there yet.
fn first_line(bytes: &[u8]) -> Option<State> {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
        let text = bytes.len() <= LONGEST_LINE && bytes.iter().all(|byte| is_text(*byte));
        return (!text).then_some(State::Other);
    };
    let line = bytes[..end].trim_ascii();
    Some(if is_rtsp_line(line) { State::InStep } else { State::Other })
}

fn is_text(byte: u8) -> bool {
    byte == b'\r' || byte == b'\t' || (b' '..0x7f).contains(&byte)
}

/// A request ends, a response begins with the version (RFC 2326, sections 6.1 and 7.1; RFC 7826 for 2.0).
fn is_rtsp_line(line: &[u8]) -> bool {
    let version = |word: &[u8]| matches!(word, b"RTSP/1.0" | b"RTSP/1.1" | b"RTSP/2.0");
    let mut words = line.split(|byte| *byte == b' ');
    let first = words.next().unwrap_or_default();
    let last = words.next_back().unwrap_or_default();
    line.iter().all(|byte| is_text(*byte)) && (version(first) || version(last))
}

/// What the bytes begin with.
fn piece(bytes: &[u8]) -> Piece {
    match *bytes {
        [] => Piece::Incomplete,
        [b'$', channel, high, low, ref rest @ ..] => {
            let length = usize::from(u16::from_be_bytes([high, low]));
            if rest.len() < length { Piece::Incomplete } else { Piece::Frame { channel, length } }
        }
        [b'$', ..] => Piece::Incomplete,
        // Blank lines between messages (RFC 2326, section 4.1).
        [b'\r' | b'\n', ..] => Piece::Message { header: 1, body: 0 },
        _ => message(bytes),
    }
}

fn message(bytes: &[u8]) -> Piece {
    let reach = &bytes[..bytes.len().min(LONGEST_HEADER)];
    let mut length = None;
    let mut at = 0;
    while let Some(end) = reach[at..].iter().position(|byte| *byte == b'\n') {
        let line = reach[at..at + end].trim_ascii_end();
        if at == 0 && !is_rtsp_line(line) {
            return Piece::Nonsense;
        }
        at += end + 1;
        if line.is_empty() {
            return Piece::Message { header: at, body: length.unwrap_or(0) };
        }
        length = content_length(line).or(length);
    }
    let binary = at == 0 && !reach.iter().take(LONGEST_LINE).all(|byte| is_text(*byte));
    if binary || bytes.len() >= LONGEST_HEADER { Piece::Nonsense } else { Piece::Incomplete }
}

fn content_length(line: &[u8]) -> Option<u64> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = (line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
    let named = name.eq_ignore_ascii_case(b"content-length");
    std::str::from_utf8(value).ok().filter(|_| named)?.parse().ok()
}

/// After a gap: whether a piece may begin here; none if too few bytes are there to say.
fn plausible(bytes: &[u8]) -> Option<bool> {
    match *bytes {
        [b'$', channel, ..] if channel > HIGHEST_CHANNEL => Some(false),
        [b'$', _, high, low, version, ref rest @ ..] => {
            let length = usize::from(u16::from_be_bytes([high, low]));
            // Version 2 (RFC 3550, sections 5.1 and 6.4.1), then another piece.
            if version >> 6 != 2 || length < 8 {
                return Some(false);
            }
            match rest.get(length - 1..) {
                Some([b'$', channel, ..]) => Some(*channel <= HIGHEST_CHANNEL),
                Some([first, _, ..]) => Some(first.is_ascii_uppercase()),
                _ => None,
            }
        }
        [b'$', ..] => None,
        _ if bytes.starts_with(b"RTSP/") => Some(true),
        _ if b"RTSP/".starts_with(bytes) => None,
        _ => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ASKED: &[u8] = b"SETUP rtsp://10.20.0.7/stream/a=1 RTSP/1.0\r\nCSeq: 3\r\n\r\n";
    const ANSWERED: &[u8] = b"RTSP/1.0 200 OK\r\nCSeq: 2\r\ncontent-length: 7\r\n\r\nv=0$\x00\x01x";

    fn rtp(flags: u8, behind_header: &[u8]) -> Vec<u8> {
        let mut packet = vec![flags, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9];
        packet.extend_from_slice(behind_header);
        packet
    }

    fn framed(channel: u8, packet: &[u8]) -> Vec<u8> {
        let mut frame = vec![b'$', channel];
        frame.extend_from_slice(&(packet.len() as u16).to_be_bytes());
        frame.extend_from_slice(packet);
        frame
    }

    fn found(pieces: &[&[u8]]) -> Media {
        let mut media = Media::default();
        for piece in pieces {
            media.data(piece);
        }
        media
    }

    #[test]
    fn an_answer_longer_than_any_that_is_read_is_left_behind() {
        let long =
            [b"RTSP/1.0 200 OK\r\nX-Padding: ", &vec![b'a'; 2 * LONGEST_HEADER][..], b"\r\n\r\n"].concat();
        let frame = framed(0, &rtp(0x80, b"abc"));
        let mut media = found(&[ANSWERED, &long, &frame, &frame, &frame]);
        assert_eq!(media.take_bytes(), 3 * 3, "what follows it is found");
    }

    #[test]
    fn media_counts_on_even_channels_only_and_a_body_is_no_frame() {
        let mut media = found(&[
            ANSWERED,
            &framed(0, &rtp(0x80, &[7; 1000])),
            &framed(1, &[0x80; 60]),
            ANSWERED,
            &framed(2, &rtp(0x80, &[7; 11])),
        ]);
        assert!(media.is_rtsp());
        assert_eq!(media.take_bytes(), 1011);
    }

    #[test]
    fn messages_are_kept_for_whoever_reads_them_with_their_bodies_and_without_frames() {
        let frame = framed(0, &rtp(0x80, b"abc"));
        let whole = [ANSWERED, &frame, b"\r\n", ASKED, &frame, ANSWERED].concat();
        for size in [1, 7, 1000] {
            let mut media = Media::with_texts();
            whole.chunks(size).for_each(|piece| media.data(piece));
            let texts: Vec<_> = [ANSWERED, ASKED, ANSWERED].map(|text| Text::Whole(text.to_vec())).into();
            assert_eq!(media.take_texts(), texts, "in pieces of {size}");
            assert_eq!((media.take_bytes(), media.take_texts()), (6, vec![]));
            media.gap();
            assert_eq!(media.take_texts(), [Text::Broken]);
        }
        assert_eq!(found(&[ANSWERED]).take_texts(), [], "nobody reads them");
    }

    #[test]
    fn a_message_that_is_too_long_to_be_kept_is_broken_and_what_follows_is_read() {
        let body = vec![b'a'; LONGEST_TEXT];
        let long =
            [format!("RTSP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), &body].concat();
        let mut media = Media::with_texts();
        media.data(&[ANSWERED, &long, ASKED].concat());
        let texts = [Text::Whole(ANSWERED.to_vec()), Text::Broken, Text::Whole(ASKED.to_vec())];
        assert_eq!(media.take_texts(), texts);
    }

    #[test]
    fn requests_carry_no_media_unless_they_do() {
        assert_eq!(found(&[ASKED, ASKED, &framed(1, &[0x80; 60])]).take_bytes(), 0);
        assert_eq!(found(&[ASKED, &framed(0, &rtp(0x80, b"talk back"))]).take_bytes(), 9);
    }

    #[test]
    fn other_protocols_are_let_go() {
        for other in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\x16\x03\x01\x02\x00", b"EHLO RTSP/1.0x\n\n$", b"\n"]
        {
            let mut media = found(&[other, &framed(0, &rtp(0x80, b"abc"))]);
            assert!(!media.is_rtsp() && media.take_bytes() == 0 && media.buffer.is_empty(), "{other:?}");
        }
    }

    #[test]
    fn after_a_gap_it_falls_into_step_again() {
        let frame = framed(0, &rtp(0x80, &[b'$'; 500]));
        let mut media = found(&[ANSWERED, &frame]);
        media.gap();
        media.data(&frame[100..]);
        for _ in 0..3 {
            media.data(&frame);
        }
        // The last one shows that the ones before it are in step.
        assert_eq!(media.state, State::InStep);
        assert_eq!(media.take_bytes(), 4 * 500);
    }

    proptest! {
        #[test]
        fn however_it_is_cut_the_same_media_is_found(cuts in prop::collection::vec(1..700_usize, 1..40)) {
            let whole: Vec<u8> = [ANSWERED, &framed(0, &rtp(0x80, &[7; 1000])), ANSWERED, &framed(4, &rtp(0x81, b"ssssabc"))]
                .concat();
            let mut media = Media::default();
            let mut rest = &whole[..];
            for cut in cuts {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                media.data(now);
                rest = later;
            }
            media.data(rest);
            prop_assert_eq!(media.take_bytes(), 1003);
        }

        #[test]
        fn no_bytes_make_it_panic_or_grow(
            known in any::<bool>(),
            pieces in prop::collection::vec((any::<bool>(), "[$\\n\\x00-\\x04RTSP/ \\x80-\\xff]{0,60}"), 0..20),
        ) {
            let mut media = found(if known { &[ANSWERED] } else { &[] });
            for (gap, piece) in pieces {
                if gap { media.gap(); }
                media.data(piece.as_bytes());
            }
            prop_assert!(media.buffer.len() <= 2 * LONGEST_SEARCH);
        }
    }
}
