//! Requests that nobody means to send, at the whole camera: whoever comes after them is served as if they had not been.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use fake_camera::mutation::{Campaign, LINES, Random};

use crate::support::{CameraProcess, Talk, pictures};

/// Longest wait for an answer that may never come.
const PATIENCE: Duration = Duration::from_millis(20);
/// From one look whether all is well to the next.
const LOOK_EVERY: u64 = 100;

/// What an ordinary client says from its first word to its last.
fn dialogue(url: &str) -> Vec<Vec<u8>> {
    let ask = |number: usize, method: &str, below: &str, field: &str| {
        format!("{method} {url}{below} RTSP/1.0\r\nCSeq: {number}\r\n{field}\r\n").into_bytes()
    };
    vec![
        ask(1, "OPTIONS", "", "Require: com.example.none\r\n"),
        ask(
            2,
            "DESCRIBE",
            "",
            "Accept: application/sdp\r\nAuthorization: Digest username=\"a\", realm=\"b\"\r\n",
        ),
        ask(3, "SETUP", "/stream=0", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=1\r\n"),
        ask(4, "PLAY", "", "Range: npt=0.000-\r\nSession: 0123456789abcdef\r\n"),
        [
            ask(5, "GET_PARAMETER", "", "Content-Length: 4\r\n"),
            b"a\r\nb$\x01\x00\x08\x80\xc9\x00\x01\x00\x00\x00\x09".to_vec(),
        ]
        .concat(),
        ask(6, "TEARDOWN", "", ""),
    ]
}

/// Says all of it with something wrong in one request or more, and hears the beginning of what is answered.
fn say(camera: &CameraProcess, seed: u64) {
    let mut random = Random::new(seed);
    let mut said = dialogue(&camera.url());
    let victim = random.below(said.len());
    said[victim] = random.mutated(&said[victim], LINES);
    let mut stream = TcpStream::connect(camera.socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // Whoever is turned out in the middle has been heard.
    if stream.write_all(&said.concat()).and_then(|()| stream.shutdown(Shutdown::Write)).is_ok() {
        let _ = stream.read(&mut [0; 4096]);
    }
}

#[test]
fn what_nobody_means_to_send_takes_the_camera_down_for_nobody() {
    let honest = CameraProcess::start(&["--id", "1"]);
    let hostile =
        CameraProcess::with_login(&["--id", "2", "--point-to", "192.0.2.9", "--auth", "digest-sha256"]);
    let mut campaign = Campaign::new("RTSP requests", 400);
    for seed in campaign.by_ref() {
        for camera in [&honest, &hostile] {
            say(camera, seed);
            if seed.is_multiple_of(LOOK_EVERY) {
                assert_eq!(
                    Talk::with(camera).ask("OPTIONS", "", &[]).status,
                    200,
                    "before or at seed {seed}"
                );
            }
        }
    }
    for camera in [&honest, &hostile] {
        assert_eq!(Talk::with(camera).ask("OPTIONS", "", &[]).status, 200);
    }
    assert_eq!(pictures(&honest.url(), "tcp", 20).len(), 20);
}
