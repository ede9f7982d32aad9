//! The camera as others see it: FFmpeg, which we did not write, and the appliance, which knows what to look for.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]

#[path = "camera/authentication.rs"]
mod authentication;
#[path = "camera/captions.rs"]
mod captions;
#[path = "camera/codecs.rs"]
mod codecs;
#[path = "camera/discoverer.rs"]
mod discoverer;
#[path = "camera/hostile.rs"]
mod hostile;
#[path = "camera/jpeg.rs"]
mod jpeg;
#[path = "camera/live.rs"]
mod live;
#[path = "camera/recordings.rs"]
mod recordings;
#[path = "camera/sessions.rs"]
mod sessions;
#[path = "camera/strangers.rs"]
mod strangers;
#[path = "camera/streams.rs"]
mod streams;
mod support;
#[path = "camera/transports.rs"]
mod transports;

use std::sync::Arc;

use fake_camera::engine::{self, Camera, Codec, Origin, Size, Stream, Video};
use fake_facts::{Fact, Oddity, Teller, Video as Told};
use support::{Appliance, CameraProcess, PASSWORD, Relay, USER};
use support::{camera_at, camera_command, failure_to_start, ffmpeg, pictures};

fn connected(fact: &Fact) -> Option<()> {
    matches!(fact, Fact::Connected { service, .. } if service == "rtsp").then_some(())
}

fn failed(fact: &Fact) -> Option<String> {
    if let Fact::Failed { what, error, .. } = fact { (what == "rtsp").then(|| error.clone()) } else { None }
}

fn refused(fact: &Fact) -> Option<String> {
    if let Fact::Refused { reason, .. } = fact { Some(reason.clone()) } else { None }
}

fn more_than(frames: u64) -> impl Fn(&Fact) -> Option<u64> {
    move |fact| match fact {
        Fact::Video(video) if video.received > frames => Some(video.received),
        _ => None,
    }
}

#[test]
fn ffprobe_sees_h264_of_the_size_and_rate_asked_for() {
    for (size, fps) in [("640x360", "15"), ("320x240", "25")] {
        let camera = CameraProcess::with_login(&["--id", "1", "--size", size, "--fps", fps]);
        let entries = "stream=codec_name,width,height,avg_frame_rate";
        let probed = ffmpeg(
            "ffprobe",
            &[
                "-v",
                "error",
                "-rtsp_transport",
                "tcp",
                "-show_entries",
                entries,
                "-of",
                "csv=p=0",
                &camera.url_with(PASSWORD),
            ],
        );
        let (width, height) = size.split_once('x').unwrap();
        assert_eq!(String::from_utf8_lossy(&probed.stdout).trim(), format!("h264,{width},{height},{fps}/1"));
        let identity = camera.facts.wait("accepted", |fact| match fact {
            Fact::Accepted { identity, .. } => Some(identity.clone()),
            _ => None,
        });
        assert_eq!(identity, USER);
    }
}

#[test]
fn ffmpeg_decodes_every_frame_without_an_error() {
    let camera = CameraProcess::with_login(&["--id", "1"]);
    let pictures = pictures(&camera.url_with(PASSWORD), "tcp", 45);
    assert_eq!(pictures.len(), 45);
    assert_eq!(pictures[..15], pictures[30..], "the clip is repeated");
}

#[test]
fn a_wrong_password_is_refused() {
    let camera = CameraProcess::with_login(&["--id", "1"]);
    let probed = ffmpeg("ffprobe", &["-v", "error", "-rtsp_transport", "tcp", &camera.url_with("wrong")]);
    let said = String::from_utf8_lossy(&probed.stderr).into_owned();
    assert!(!probed.status.success() && said.contains("401"), "{said}");
    assert_eq!(camera.facts.wait("refused", refused), "wrong user name or password");
}

#[test]
fn a_client_without_credentials_is_refused() {
    let camera = CameraProcess::with_login(&["--id", "1"]);
    let probed = ffmpeg("ffprobe", &["-v", "error", "-rtsp_transport", "tcp", &camera.url()]);
    assert!(!probed.status.success());
    assert_eq!(camera.facts.wait("refused", refused), "no credentials");
}

#[test]
fn rtp_over_udp_is_refused() {
    let camera = CameraProcess::start(&["--id", "1"]);
    let probed = ffmpeg("ffprobe", &["-v", "error", "-rtsp_transport", "udp", &camera.url()]);
    let said = String::from_utf8_lossy(&probed.stderr).into_owned();
    assert!(!probed.status.success() && said.contains("461"), "{said}");
    assert_eq!(camera.facts.wait("refused", refused), "a transport that the camera does not offer");
}

#[test]
fn another_path_is_not_there() {
    let camera = CameraProcess::start(&["--id", "1"]);
    let elsewhere = camera.url().replace("/stream", "/elsewhere");
    let probed = ffmpeg("ffprobe", &["-v", "error", "-rtsp_transport", "tcp", &elsewhere]);
    assert!(!probed.status.success());
    assert_eq!(camera.facts.wait("refused", refused), "status 404");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_appliance_gets_every_frame_and_every_picture_matches() {
    let camera = CameraProcess::with_login(&["--id", "41", "--run", "7"]);
    let video = Appliance::pull(camera_at(&camera.url(), Some(41)), Some(45)).ended().await;
    assert!(video.received >= 45, "{video:?}");
    assert_eq!((video.id, video.run, video.first), (41, 7, 0));
    assert_eq!(video.last + 1, video.received);
    assert_eq!((video.lost, video.duplicated, video.unidentified, video.foreign), (0, 0, 0, 0));
    assert_eq!((video.decoded, video.mismatched), (video.received, 0));
    assert_eq!(video.matched, video.decoded);
    assert!(
        video.latency_p50_us < 500_000,
        "time stamps lie neither in the future nor in the past: {video:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_cameras_frames_are_foreign() {
    let camera = CameraProcess::with_login(&["--id", "2"]);
    let appliance = Appliance::pull(camera_at(&camera.url(), Some(1)), None);
    appliance.facts.wait("foreign frames", |fact| match fact {
        Fact::Video(video) if video.foreign > 5 => Some(()),
        _ => None,
    });
    let video = appliance.stopped().await;
    assert_eq!((video.received, video.id), (0, 2), "{video:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_that_are_not_the_senders_are_noticed() {
    let (path, size) = ("/stream".to_owned(), Size::new(640, 360).unwrap());
    let streams = vec![Stream { path, origin: Origin::Drawn, codec: Codec::H264, size, fps: 15, keep: None }];
    let camera = |id| Camera::new(id, 1, streams.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("rtsp://{}/stream", listener.local_addr().unwrap());
    let (stolen, camera) = (Video::prepare_all(&camera(2)).unwrap(), camera(1));
    let teller = Arc::new(Teller::new(Box::new(std::io::sink())));
    tokio::spawn(async move {
        engine::serve(listener, vec![], None, &camera, stolen, teller, std::future::pending()).await.unwrap();
    });
    let video = Appliance::pull(camera_at(&url, Some(1)), Some(10)).ended().await;
    assert_eq!((video.lost, video.foreign), (0, 0), "the messages are as they should be: {video:?}");
    assert_eq!((video.matched, video.mismatched), (0, video.decoded), "the pictures are not: {video:?}");
    assert!(video.decoded >= 9, "{video:?}");
}

/// What was odd about the first 45 frames of a camera that was told to do this.
async fn oddities(wrong: &[&str]) -> (Told, Vec<(Oddity, u64)>) {
    let camera =
        CameraProcess::with_login(&[&["--id", "4", "--size", "320x240", "--fps", "30"], wrong].concat());
    let video = Appliance::pull(camera_at(&camera.url(), Some(4)), Some(45)).ended().await;
    let odd = video.odd.iter().map(|odd| (odd.what, odd.number)).collect();
    assert_eq!((video.foreign, video.unidentified, video.undecoded), (0, 0, 0), "{video:?}");
    (video, odd)
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_left_out_repeated_or_swapped_are_named() {
    let (video, odd) = oddities(&["--leave-out=5,29", "--repeat=31", "--swap=12"]).await;
    let expected = [(Oddity::Lost, 5), (Oddity::Lost, 29), (Oddity::Duplicated, 31), (Oddity::Swapped, 12)];
    assert_eq!(odd, expected, "{video:?}");
    assert_eq!((video.lost, video.duplicated, video.swapped, video.mismatched), (2, 1, 1, 0), "{video:?}");
    // From 6 on a frame is missing that the others refer to, up to 30; and 31 comes again.
    assert_eq!(video.decoded + video.unreferenced, video.received, "{video:?}");
    assert_eq!(video.unreferenced, 23 + 1, "{video:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_of_another_frame_or_camera_are_named_with_what_they_show() {
    let (video, odd) = oddities(&["--show-next=8,40", "--show-stranger=33"]).await;
    let shows = |camera, index| Oddity::Shows { camera, index };
    assert_eq!(odd, [(shows(4, 9), 8), (shows(4, 11), 40), (shows(5, 3), 33)], "{video:?}");
    assert_eq!((video.lost, video.duplicated, video.swapped), (0, 0, 0), "all else is right: {video:?}");
    assert_eq!((video.mismatched, video.decoded), (3, video.received), "{video:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_sent_late_say_so() {
    let (video, odd) = oddities(&["--late-from=20", "--late-by=1500"]).await;
    assert_eq!((odd, video.mismatched), (vec![], 0), "{video:?}");
    assert!(video.longest_gap_us >= 1_500_000 && video.latency_p99_us >= 1_500_000, "{video:?}");
    assert!(video.latency_p50_us >= 1_500_000, "25 of 45 are late: {video:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_appliance_comes_back_after_its_connection_was_cut() {
    let camera = CameraProcess::with_login(&["--id", "1"]);
    let relay = Relay::start(camera.socket).await;
    let appliance = Appliance::pull(camera_at(&format!("rtsp://{}/stream", relay.socket), Some(1)), None);
    appliance.facts.wait("connected", connected);
    let before = appliance.facts.wait("some frames", more_than(10));
    relay.cut();
    appliance.facts.wait("failed", failed);
    appliance.facts.wait("connected again", connected);
    appliance.facts.wait("more frames", more_than(before + 10));
    let video = appliance.stopped().await;
    assert_eq!((video.lost, video.duplicated, video.foreign, video.first), (0, 0, 0, 0), "{video:?}");
    assert!(video.last + 1 < video.received, "the second session counts from 0 again: {video:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_appliance_notices_that_frames_stop_coming() {
    let camera = CameraProcess::with_login(&["--id", "1"]);
    let relay = Relay::start(camera.socket).await;
    let appliance = Appliance::pull(camera_at(&format!("rtsp://{}/stream", relay.socket), Some(1)), None);
    let before = appliance.facts.wait("some frames", more_than(3));
    relay.freeze();
    assert_eq!(appliance.facts.wait("failed", failed), "no frame for 5 s");
    appliance.facts.wait("more frames", more_than(before + 10));
    let video = appliance.stopped().await;
    assert!(video.longest_gap_us >= 5_000_000, "{video:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_session_starts_at_its_first_frame() {
    let camera = CameraProcess::with_login(&["--id", "1"]);
    for session in 0..12 {
        let video = Appliance::pull(camera_at(&camera.url(), Some(1)), Some(3)).ended().await;
        assert_eq!((video.first, video.lost, video.mismatched), (0, 0, 0), "session {session}: {video:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_at_the_same_time_do_not_disturb_one_another() {
    let camera = CameraProcess::with_login(&["--id", "1"]);
    let appliances: Vec<_> =
        (0..6).map(|_| Appliance::pull(camera_at(&camera.url(), Some(1)), Some(20))).collect();
    for appliance in appliances {
        let video = appliance.ended().await;
        assert_eq!((video.first, video.lost, video.duplicated, video.foreign), (0, 0, 0, 0), "{video:?}");
        assert_eq!(video.matched, video.received);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_the_camera_and_its_sessions() {
    let camera = CameraProcess::with_login(&["--id", "1"]);
    let appliance = Appliance::pull(camera_at(&camera.url(), Some(1)), None);
    appliance.facts.wait("some frames", more_than(3));
    let (told, ended) = camera.terminate();
    assert!(ended.success());
    let names: Vec<_> = told
        .iter()
        .filter_map(|fact| match fact {
            Fact::Playing { .. } => Some("playing"),
            Fact::Stopped { .. } => Some("stopped"),
            Fact::Bye { reason } => Some(reason.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(names, ["playing", "stopped", "SIGTERM"]);
    appliance.facts.wait("failed", failed);
    appliance.stopped().await;
}

#[test]
fn a_kept_clip_is_served_again() {
    let folder = std::env::temp_dir().join(format!("fake-camera-{}", std::process::id()));
    let cache = folder.to_str().unwrap();
    for _ in 0..2 {
        let camera = CameraProcess::start(&["--id", "9", "--cache", cache]);
        let kept: Vec<_> =
            std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(kept, ["h264-640x360-15fps-9-0-9f86d081884c7d65.clip"]);
        let probed = ffmpeg("ffprobe", &["-v", "error", "-rtsp_transport", "tcp", &camera.url()]);
        assert!(probed.status.success());
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_taken_port_a_wrong_size_and_a_missing_password_are_said_plainly() {
    let camera = CameraProcess::start(&["--id", "1"]);
    let port = camera.socket.port().to_string();
    let attempts: [(&[&str], &str); 3] = [
        (&["--id", "2", "--port", &port], "Address already in use"),
        (&["--id", "2", "--size", "100x100"], "100x100 cannot be made"),
        (&["--id", "2", "--user", "admin"], "a user needs a password"),
    ];
    for (arguments, expected) in attempts {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_fake-camera"));
        command.args(["serve", "--name", "test", "--address", "127.0.0.1"]).args(arguments);
        if !arguments.contains(&"--port") {
            command.args(["--port", "0"]);
        }
        let (code, said) = failure_to_start(command);
        assert!(code == Some(1) && said.contains(expected), "{code:?}: {said}");
    }
}

#[test]
fn a_missing_plugin_is_named_with_its_package() {
    let nowhere = std::env::temp_dir().join(format!("no-plugins-{}", std::process::id()));
    std::fs::create_dir_all(&nowhere).unwrap();
    let mut command = camera_command(&["--id", "1"]);
    command.env("GST_PLUGIN_SYSTEM_PATH", &nowhere).env("GST_REGISTRY", nowhere.join("registry"));
    let (code, said) = failure_to_start(command);
    std::fs::remove_dir_all(nowhere).unwrap();
    assert!(
        code == Some(3) && said.contains("appsrc") && said.contains("gstreamer1.0-plugins-base"),
        "{said}"
    );
}
