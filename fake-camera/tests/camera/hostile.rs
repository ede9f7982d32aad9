//! A camera that is somebody else's: what its clients are told, and whom else it talks to.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use fake_facts::{Fact, Video};

use crate::support::{Appliance, CameraProcess, Talk, camera_at, camera_command, failure_to_start, pair};
use crate::{failed, more_than};

/// Far more than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A socket that hears what the camera sends to it, unasked.
fn ear() -> (UdpSocket, String) {
    let ear = UdpSocket::bind("127.0.0.1:0").unwrap();
    ear.set_read_timeout(Some(PATIENCE)).unwrap();
    let address = ear.local_addr().unwrap().to_string();
    (ear, address)
}

/// Waits for an RTP packet of payload type 96 (RFC 3550, section 5.1).
fn hears_video(ear: &UdpSocket) {
    let mut packet = [0; 2048];
    let length = ear.recv(&mut packet).unwrap();
    assert!(length > 12 && packet[0] >> 6 == 2 && packet[1] & 0x7f == 96, "{:x?}", &packet[..length.min(12)]);
}

#[test]
fn whoever_asks_is_redirected() {
    let camera = CameraProcess::start(&["--id", "1", "--redirect-to", "rtsp://192.0.2.9/other"]);
    let mut client = Talk::with(&camera);
    assert_eq!(client.ask("OPTIONS", "", &[]).status, 200, "everything else is as it should be");
    let answer = client.ask("DESCRIBE", "", &[]);
    assert_eq!((answer.status, answer.headers["location"].as_str()), (302, "rtsp://192.0.2.9/other"));
}

#[test]
fn every_host_that_is_named_is_another() {
    let camera = CameraProcess::start(&["--id", "1", "--transport", "udp", "--point-to", "192.0.2.9"]);
    let mut client = Talk::with(&camera);
    let described = client.ask("DESCRIBE", "", &[("Accept", "application/sdp")]);
    assert_eq!(described.headers["content-base"], "rtsp://192.0.2.9/stream/");
    let (rtp, _rtcp) = pair();
    let set_up = client.set_up(rtp.local_addr().unwrap().port());
    assert!(set_up.headers["transport"].ends_with(";source=192.0.2.9"), "{set_up:?}");
    let played = client.ask("PLAY", "", &[]);
    assert!(played.headers["rtp-info"].contains("url=rtsp://192.0.2.9/stream/"), "{played:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_appliance_follows_nobody_elsewhere() {
    let elsewhere = TcpListener::bind("127.0.0.9:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let url = format!("rtsp://{}/stream", elsewhere.local_addr().unwrap());
    for (hostile, said) in
        [(["--redirect-to", url.as_str()], "302"), (["--point-to", "127.0.0.9"], "another host: 127.0.0.9")]
    {
        let camera = CameraProcess::with_login(&[&["--id", "1"], &hostile[..]].concat());
        let appliance = Appliance::pull(camera_at(&camera.url(), Some(1)), None);
        let failure = appliance.facts.wait("failed", failed);
        assert!(failure.contains(said), "{failure}");
        assert_eq!(appliance.stopped().await.received, 0);
    }
    assert!(elsewhere.accept().is_err(), "nobody came");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_appliance_that_is_sent_away_stays() {
    let camera = CameraProcess::with_login(&["--id", "1", "--send-away-to", "rtsp://127.0.0.9/stream"]);
    let video = Appliance::pull(camera_at(&camera.url(), Some(1)), Some(20)).ended().await;
    assert_eq!((video.lost, video.matched), (0, video.decoded), "{video:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_the_video_goes_to_somebody_else() {
    let (ear, address) = ear();
    let camera = CameraProcess::with_login(&["--id", "1", "--copy-to", &address, "--clock-offset=-86400"]);
    let video = Appliance::pull(camera_at(&camera.url(), Some(1)), Some(20)).ended().await;
    assert_eq!((video.lost, video.matched), (0, video.decoded), "{video:?}");
    hears_video(&ear);
}

#[test]
fn video_goes_out_that_nobody_asked_for() {
    let (ear, address) = ear();
    let _camera = CameraProcess::start(&["--id", "1", "--push-to", &address]);
    for _ in 0..20 {
        hears_video(&ear);
    }
}

#[test]
fn video_goes_on_after_teardown() {
    let camera = CameraProcess::start(&["--id", "1", "--transport", "udp", "--outlast-teardown"]);
    let (rtp, _rtcp) = pair();
    rtp.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut client = Talk::with(&camera);
    client.set_up(rtp.local_addr().unwrap().port());
    assert_eq!(client.ask("PLAY", "", &[]).status, 200);
    assert_eq!(client.ask("TEARDOWN", "", &[]).status, 200);
    drop(client);
    // More than were under way.
    let gone = Instant::now();
    while gone.elapsed() < Duration::from_secs(2) {
        hears_video(&rtp);
    }
}

#[test]
fn it_calls_home_and_tries_its_neighbours() {
    let home = TcpListener::bind("127.0.0.1:0").unwrap();
    let call = format!("tcp/{}", home.local_addr().unwrap());
    let neighbour = TcpListener::bind("127.0.0.77:8080").unwrap();
    let _camera = CameraProcess::start(&["--id", "1", "--call", &call, "--scan", "127.0.0.77/32"]);
    for _ in 0..2 {
        let mut said = String::new();
        home.accept().unwrap().0.read_to_string(&mut said).unwrap();
        assert!(said.starts_with("POST /cameras"), "{said}");
    }
    neighbour.accept().unwrap();
}

/// What the camera answers to one question, up to the end of the connection.
fn answered(socket: SocketAddr) -> Vec<u8> {
    let mut stream = TcpStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    // A connection that is reset has said all that it had to say.
    let _ = stream.read_to_end(&mut answer);
    answer
}

#[test]
fn answers_are_late_slow_long_or_mean_nothing() {
    let garbage = CameraProcess::start(&["--id", "1", "--answer-garbage"]);
    let answer = answered(garbage.socket);
    assert!(answer.len() > 1000 && std::str::from_utf8(&answer).is_err());
    let padded = CameraProcess::start(&["--id", "1", "--answer-padding", "100000"]);
    let begun = Instant::now();
    assert_eq!(Talk::with(&padded).ask("OPTIONS", "", &[]).status, 200);
    let late = CameraProcess::start(&["--id", "1", "--answer-late", "400", "--answer-slowly", "2"]);
    assert_eq!(Talk::with(&late).ask("OPTIONS", "", &[]).status, 200);
    assert!(begun.elapsed() > Duration::from_millis(500), "a hundred bytes and more, one by one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_that_died_comes_back_under_another_run() {
    let camera = CameraProcess::with_login(&["--id", "1", "--run", "7", "--die-after=1500", "--die-for=200"]);
    let appliance = Appliance::pull(camera_at(&camera.url(), Some(1)), None);
    appliance.facts.wait("video", more_than(2));
    appliance.facts.wait("failed", failed);
    let back = |fact: &Fact| match fact {
        Fact::Video(Video { run: 8, received, .. }) => Some(*received),
        _ => None,
    };
    appliance.facts.wait("video of the next run", back);
    let video = appliance.stopped().await;
    assert_eq!((video.foreign, video.mismatched), (0, 0), "{video:?}");
}

#[test]
fn what_it_cannot_do_is_said() {
    for wrong in [["--call", "home"], ["--scan", "10.0.0.0/8"], ["--answer-padding", "999999999"]] {
        let (code, said) = failure_to_start(camera_command(&[&["--id", "1"], &wrong[..]].concat()));
        assert!(code == Some(2) && said.contains(wrong[0]), "{said}");
    }
}
