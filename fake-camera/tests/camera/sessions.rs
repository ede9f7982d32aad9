//! Sessions: how they end, pause, and how many there may be; and the ports that open once there was one.

use std::net::TcpStream;
use std::time::Duration;

use fake_facts::Fact;

use crate::support::{CameraProcess, Talk, camera_command, failure_to_start, pair, pictures};

fn stopped(fact: &Fact) -> Option<()> {
    matches!(fact, Fact::Stopped { .. }).then_some(())
}

fn playing(fact: &Fact) -> Option<()> {
    matches!(fact, Fact::Playing { .. }).then_some(())
}

#[test]
fn a_session_without_a_sign_of_life_ends_and_one_with_goes_on() {
    for keep_alive in ["GET_PARAMETER", "OPTIONS"] {
        let camera = CameraProcess::start(&["--id", "1", "--transport", "udp", "--session-timeout", "2"]);
        let ((rtp, _rtcp), (silent_rtp, _silent_rtcp)) = (pair(), pair());
        let mut living = Talk::with(&camera);
        let answer = living.set_up(rtp.local_addr().unwrap().port());
        assert!(answer.headers["session"].ends_with(";timeout=2"), "{answer:?}");
        assert_eq!(living.ask("PLAY", "", &[]).status, 200);
        camera.facts.wait("playing", playing);
        let mut silent = Talk::with(&camera);
        silent.set_up(silent_rtp.local_addr().unwrap().port());
        assert_eq!(silent.ask("PLAY", "", &[]).status, 200);
        camera.facts.wait("playing", playing);
        while camera.facts.soon(Duration::from_millis(300), stopped).is_none() {
            assert_eq!(living.ask(keep_alive, "", &[]).status, 200, "{keep_alive}");
        }
        // The one that ended is the silent one: it is not known any more, and the other is.
        assert_eq!(living.ask("PAUSE", "", &[]).status, 200, "{keep_alive}");
        assert_eq!(silent.ask("PAUSE", "", &[]).status, 454, "{keep_alive}");
    }
}

#[test]
fn a_session_that_was_torn_down_is_not_known_any_more() {
    let camera = CameraProcess::start(&["--id", "1", "--transport", "udp"]);
    let (rtp, _rtcp) = pair();
    let mut client = Talk::with(&camera);
    client.set_up(rtp.local_addr().unwrap().port());
    assert_eq!(client.ask("PLAY", "", &[]).status, 200);
    assert_eq!(client.ask("TEARDOWN", "", &[]).status, 200);
    camera.facts.wait("stopped", stopped);
    assert_eq!(client.ask("PLAY", "", &[]).status, 454);
}

/// Packets that a frame of the camera's usual clip has at most: more than a key picture.
const PACKETS_OF_A_FRAME: u16 = 64;

/// GStreamer's server forgets where to send before it stops: a frame that is on its way at that very moment goes nowhere.
#[test]
fn a_pause_costs_no_more_than_the_frame_under_way() {
    let camera = CameraProcess::start(&["--id", "1", "--transport", "udp"]);
    let (rtp, _rtcp) = pair();
    let mut client = Talk::with(&camera);
    client.set_up(rtp.local_addr().unwrap().port());
    let mut sequence = Vec::new();
    for _ in 0..3 {
        assert_eq!(client.ask("PLAY", "", &[]).status, 200);
        let mut packet = [0; 2048];
        for _ in 0..40 {
            assert!(rtp.recv(&mut packet).unwrap() > 12);
            sequence.push(u16::from_be_bytes([packet[2], packet[3]]));
        }
        assert_eq!(client.ask("PAUSE", "", &[]).status, 200);
    }
    for (at, pair) in sequence.windows(2).enumerate() {
        let missing = pair[1].wrapping_sub(pair[0]).wrapping_sub(1);
        let paused = (at + 1) % 40 == 0;
        assert!(
            missing <= if paused { PACKETS_OF_A_FRAME } else { 0 },
            "{missing} are missing behind packet {at}"
        );
    }
}

#[test]
fn whoever_comes_when_all_places_are_taken_is_refused() {
    let camera = CameraProcess::start(&["--id", "1", "--transport", "udp", "--max-sessions", "1"]);
    let (rtp, _rtcp) = pair();
    let port = rtp.local_addr().unwrap().port();
    let (mut first, mut second) = (Talk::with(&camera), Talk::with(&camera));
    assert_eq!(first.set_up(port).status, 200);
    assert_eq!(second.set_up(port).status, 503);
    let reason = camera.facts.wait("refused", |fact| match fact {
        Fact::Refused { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    assert_eq!(reason, "too many sessions");
    assert_eq!(first.ask("TEARDOWN", "", &[]).status, 200);
    assert_eq!(second.set_up(port).status, 200, "there is a place again");
}

#[test]
fn a_further_port_opens_once_the_camera_was_played() {
    let port = free_port();
    let camera = CameraProcess::start(&["--id", "1", "--further-port", &port.to_string()]);
    let closed = TcpStream::connect(("127.0.0.1", port)).unwrap_err();
    assert_eq!(closed.kind(), std::io::ErrorKind::ConnectionRefused);
    assert_eq!(pictures(&camera.url(), "tcp", 3).len(), 3);
    let opened = camera.facts.wait("opened", |fact| match fact {
        Fact::Opened { listen } => Some(listen.socket),
        _ => None,
    });
    assert_eq!(opened.port(), port);
    assert_eq!(pictures(&format!("rtsp://{opened}/stream"), "tcp", 3).len(), 3);
}

#[test]
fn a_further_port_that_is_taken_is_said_at_the_start() {
    let other = CameraProcess::start(&["--id", "1"]);
    let port = other.socket.port().to_string();
    let (code, said) = failure_to_start(camera_command(&["--id", "2", "--further-port", &port]));
    assert!(code == Some(1) && said.contains("Address already in use") && said.contains(&port), "{said}");
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
