//! Bare HTTP, to see each byte of an answer; and what is in a picture.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use fake_camera::identity::PictureCode;

use crate::letters::{self, Words};

pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Status line and headers as they came.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

pub(crate) fn get(at: SocketAddr, path: &str) -> Answer {
    ask(at, "GET", path, "")
}

pub(crate) fn ask(at: SocketAddr, method: &str, path: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    // Whoever is told that a body is too long may have gone before its end.
    let _ = stream.write_all(body.as_bytes());
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    let end = all.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer has a head");
    let head = String::from_utf8(all[..end + 2].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: all[end + 4..].to_vec() }
}

/// The code in a JPEG file, decoded by FFmpeg.
pub(crate) fn code(jpeg: &[u8]) -> PictureCode {
    let into = ["-v", "error", "-f", "mjpeg", "-i", "-", "-f", "rawvideo", "-pix_fmt", "gray", "-"];
    let gray = letters::piped("ffmpeg", &into, "ffmpeg", jpeg);
    assert_eq!(gray.len(), 640 * 360, "the picture has its size");
    PictureCode::read(&gray, 640, 640).expect("the picture has its code")
}

/// What is written in a JPEG file of 640x360, in a box for so many letters.
pub(crate) fn words(jpeg: &[u8], letters: usize) -> Vec<String> {
    letters::read(&["-f", "mjpeg"], jpeg, &Words { width: letters * 10 + 8, height: 48, zoom: 2 })
}
