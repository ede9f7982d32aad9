//! One message of RTSP: what of it says whom and what it is about.

use std::collections::BTreeMap;

use rtsp_types::headers::{HeaderName, HeaderValue};
use rtsp_types::{Message, ParseError, Version};

use crate::observation::{KEPT_RTSP_HEADERS, RtspDescribed, RtspLine, RtspMessage};

/// Bytes of a header that is kept; with a longer one the whole message is not read.
const LONGEST_KEPT: usize = 4096;
/// Parts of a description that are kept.
const MOST_DESCRIBED: usize = 64;

/// Reads a whole message; who said it, and in which packet, is for the caller to say.
///
/// Errors: why it cannot be read, in words.
pub(super) fn message(bytes: &[u8]) -> Result<RtspMessage, String> {
    let (message, read) = Message::<&[u8]>::parse(bytes).map_err(|error| match error {
        ParseError::Incomplete(_) => "a message is not whole".to_owned(),
        ParseError::Error => "a message is not as RFC 2326 has it".to_owned(),
    })?;
    // Whoever reads the length otherwise would take the rest for messages of its own.
    if read < bytes.len() {
        return Err("a message says in two ways how long it is".to_owned());
    }
    let (line, version, headers, body) = match &message {
        Message::Request(asks) => {
            let method: &str = asks.method().into();
            let url = asks.request_uri().map_or("*".to_owned(), ToString::to_string);
            let line = RtspLine::Asks { method: method.to_owned(), url };
            (line, asks.version(), kept(asks.headers()), *asks.body())
        }
        Message::Response(answers) => {
            let line = RtspLine::Answers(u16::from(answers.status()));
            (line, answers.version(), kept(answers.headers()), *answers.body())
        }
        Message::Data(_) => return Err("a frame of data stands where a message should".to_owned()),
    };
    if headers.values().any(|value| value.len() > LONGEST_KEPT) {
        return Err("a header of a message is too long to be kept".to_owned());
    }
    let version = match version {
        Version::V1_0 => "1.0",
        Version::V2_0 => "2.0",
    };
    Ok(RtspMessage {
        by_opener: false,
        packet: 0,
        line,
        version: version.to_owned(),
        headers,
        described: described(body)?,
        earlier: false,
    })
}

fn kept<'a>(headers: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>) -> BTreeMap<String, String> {
    let named = headers.map(|(name, value)| (name.as_str().to_ascii_lowercase(), value.as_str().to_owned()));
    named.filter(|(name, _)| KEPT_RTSP_HEADERS.contains(&name.as_str())).collect()
}

/// What a body describes, all streams together first, and then each; nothing if it is no description.
///
/// Errors: why it cannot be read, in words.
pub(crate) fn described(body: &[u8]) -> Result<Vec<RtspDescribed>, String> {
    // Every description begins so (RFC 8866, section 5.1); other bodies are parameters.
    if !body.starts_with(b"v=") {
        return Ok(Vec::new());
    }
    // The parser panics at a line without a type of one letter (RFC 8866, section 5).
    let is_line = |line: &[u8]| line.is_empty() || line.get(1) == Some(&b'=') && line[0] != b'=';
    if !body.split(|byte| *byte == b'\n').all(|line| is_line(line.strip_suffix(b"\r").unwrap_or(line))) {
        return Err("a description has a line without a type".to_owned());
    }
    let session =
        sdp_types::Session::parse(body).map_err(|error| format!("a description cannot be read: {error}"))?;
    if session.medias.len() >= MOST_DESCRIBED {
        return Err("a description has too many streams".to_owned());
    }
    let part = |attributes: &[sdp_types::Attribute]| RtspDescribed {
        control: attributes.iter().find(|one| one.attribute == "control").and_then(|one| one.value.clone()),
        sendonly: attributes.iter().any(|one| one.attribute == "sendonly"),
    };
    let whole = part(&session.attributes);
    let streams = session.medias.iter().map(|media| {
        let own = part(&media.attributes);
        // What stands in front of all streams holds for each that says nothing else (RFC 8866, section 6.7).
        let says = |word: &str| media.attributes.iter().any(|one| one.attribute == word);
        let otherwise = ["sendrecv", "recvonly", "inactive"].into_iter().any(says);
        RtspDescribed { sendonly: own.sendonly || (whole.sendonly && !otherwise), ..own }
    });
    let streams: Vec<_> = streams.collect();
    Ok([RtspDescribed { sendonly: false, ..whole.clone() }].into_iter().chain(streams).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> RtspMessage {
        message(text.as_bytes()).unwrap()
    }

    #[test]
    fn of_a_question_method_url_and_some_headers_are_kept() {
        let asked = read(
            "SETUP rtsp://10.20.0.7:554/stream/a=1 RTSP/1.0\r\nCSeq: 3\r\ntransport: RTP/AVP/TCP;interleaved=0-1\r\n\
             User-Agent: x\r\nREQUIRE: www.onvif.org/ver20/backchannel\r\n\r\n",
        );
        let RtspLine::Asks { method, url } = &asked.line else { panic!("{asked:?}") };
        assert_eq!((method.as_str(), url.as_str()), ("SETUP", "rtsp://10.20.0.7:554/stream/a=1"));
        assert_eq!(asked.version, "1.0");
        let kept: Vec<_> = asked.headers.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let transport = "transport=RTP/AVP/TCP;interleaved=0-1";
        assert_eq!(kept, ["cseq=3", "require=www.onvif.org/ver20/backchannel", transport]);
        let of_all = read("OPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n");
        assert_eq!(of_all.line, RtspLine::Asks { method: "OPTIONS".into(), url: "*".into() });
        assert_eq!(of_all.version, "2.0");
    }

    #[test]
    fn of_an_answer_the_status_is_kept_and_what_it_describes() {
        let sdp = "v=0\r\no=- 1 1 IN IP4 10.20.0.7\r\ns=x\r\nt=0 0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\n\
                   a=control:track=1\r\nm=audio 0 RTP/AVP 0\r\na=control:back\r\na=sendonly\r\n";
        let answer = format!("RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: {}\r\n\r\n{sdp}", sdp.len());
        let answer = read(&answer);
        assert_eq!(answer.line, RtspLine::Answers(200));
        let part = |control: &str, sendonly| RtspDescribed { control: Some(control.into()), sendonly };
        assert_eq!(answer.described, [part("*", false), part("track=1", false), part("back", true)]);
        let whole = sdp.replacen("a=control:*", "a=sendonly", 1);
        let answer = format!("RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: {}\r\n\r\n{whole}", whole.len());
        assert!(read(&answer).described[1].sendonly, "said of all streams");
    }

    #[test]
    fn what_cannot_be_read_is_said_to_be_so() {
        let long =
            format!("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nSession: {}\r\n\r\n", "a".repeat(LONGEST_KEPT + 1));
        let short = "RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 7\r\n\r\nv=0";
        let torn = "RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 5\r\n\r\nv=x\r\n";
        for text in [&long, short, torn, "OPTIONS * HTTP/1.1\r\n\r\n", "RTSP/1.0 two OK\r\n\r\n", "$\0\0\0"] {
            assert!(message(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_line_of_a_description_without_a_type_is_no_panic() {
        for line in [" =\r\na=b", "x\r\na=b", "==\n\na=b", "\r\r\na=b"] {
            let body = format!("v=0\r\nA\n{line}\r\nm=video 0 RTP/AVP 96\r\n");
            let text = format!("RTSP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            assert_eq!(message(text.as_bytes()).unwrap_err(), "a description has a line without a type");
        }
    }

    #[test]
    fn what_follows_a_message_whose_length_is_said_in_two_ways_is_not_passed_over() {
        let hidden = "OPTIONS * RTSP/1.0\r\nX: a\r\n Content-Length: 4\r\n\r\nSEND";
        assert_eq!(message(hidden.as_bytes()).unwrap_err(), "a message says in two ways how long it is");
    }

    #[test]
    fn a_header_that_stands_there_twice_is_read_as_both() {
        let twice = read("SETUP * RTSP/1.0\r\nCSeq: 1\r\nRequire: a\r\ncseq: 2\r\nREQUIRE: b\r\n\r\n");
        assert_eq!((twice.headers["cseq"].as_str(), twice.headers["require"].as_str()), ("1, 2", "a, b"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            line in prop::sample::select(vec!["OPTIONS * RTSP/1.0", "RTSP/1.0 200 OK", "PLAY rtsp://[ RTSP/1.0", ""]),
            header in "([a-zA-Z :\\-\u{0}-\u{ff}]{0,20}(\r\n){0,2} ?){0,6}",
            body in prop::collection::vec("[a-z]?=?[ -~]{0,20}\r?\n", 0..8),
        ) {
            let body = format!("v=0\r\n{}", body.concat());
            let text = format!("{line}\r\n{header}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            drop(message(text.as_bytes()));
            drop(message(format!("{line}\r\n{header}").as_bytes()));
        }
    }
}
