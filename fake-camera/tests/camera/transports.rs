//! The ways that frames travel, as FFmpeg, GStreamer's client and retina go them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fake_camera::codec::Codec;
use fake_camera::identity::FrameIdentity;
use fake_camera::identity::sei::Found;
use fake_facts::{Fact, Video};
use futures_util::StreamExt;
use retina::client::{PlayOptions, Session, SessionGroup, SessionOptions, SetupOptions, Transport};
use retina::codec::{CodecItem, FrameFormat};

use crate::support::{
    Appliance, CameraProcess, PASSWORD, PASSWORD_VARIABLE, PATIENCE, USER, camera_at, camera_command,
    checksums, decoding, failure_to_start, ffmpeg, pictures,
};

#[test]
fn ffmpeg_decodes_every_frame_by_udp_without_an_error() {
    for codec in Codec::ALL {
        let camera = CameraProcess::start(&["--id", "1", "--codec", codec.name(), "--transport", "udp"]);
        let decoded = pictures(&camera.url(), "udp", 45);
        assert_eq!(decoded.len(), 45, "{codec}");
        assert_eq!(decoded[..15], decoded[30..], "{codec}: the clip is repeated");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_appliance_gets_every_frame_by_udp() {
    let camera = CameraProcess::with_login(&["--id", "41", "--transport", "udp"]);
    let at = fake_appliance::config::Camera {
        transport: fake_appliance::config::Transport::Udp,
        ..camera_at(&camera.url(), Some(41))
    };
    let video = Appliance::pull(at, Some(45)).ended().await;
    assert_eq!((video.first, video.last + 1), (0, video.received), "{video:?}");
    assert_eq!((video.lost, video.unidentified, video.foreign, video.mismatched), (0, 0, 0, 0), "{video:?}");
}

/// What an appliance says of 45 frames or more of the group of a camera that is started like this.
pub(crate) fn of_group(served: &[&str]) -> Video {
    // It lies beside the camera: both are built together.
    let appliance = Path::new(env!("CARGO_BIN_EXE_fake-camera")).with_file_name("fake-appliance");
    let password = format!("{PASSWORD_VARIABLE}={PASSWORD}");
    let login = ["--user", USER, "--password-env", PASSWORD_VARIABLE];
    let camera =
        CameraProcess::apart(&[&["--id", "42", "--transport", "multicast"], served, &login].concat());
    let url = camera.url();
    let pull = [&password, appliance.to_str().unwrap(), "pull", &url, "--multicast", "--frames", "45"];
    let pulled = camera.client("env", &[&pull[..], &login].concat());
    let said = String::from_utf8_lossy(&pulled.stdout).into_owned();
    let facts = said.lines().map(|line| fake_facts::read_line(line).unwrap().fact);
    let mut video = facts.filter_map(|fact| if let Fact::Video(video) = fact { Some(video) } else { None });
    let video = video.next_back().unwrap_or_else(|| panic!("{pulled:?}"));
    assert_eq!((video.id, video.first, video.last + 1), (42, 0, video.received), "{said}");
    camera.facts.wait("stopped", |fact| matches!(fact, Fact::Stopped { .. }).then_some(()));
    video
}

#[test]
fn the_appliance_gets_every_frame_of_a_group() {
    for codec in ["h264", "h265"] {
        let video = of_group(&["--codec", codec]);
        let wrong = (video.lost, video.unidentified, video.foreign, video.mismatched, video.undecoded);
        assert_eq!(wrong, (0, 0, 0, 0, 0), "{video:?}");
        // Those that were decoded show what they say; the last may still be under way.
        assert!(video.received >= 45 && video.matched > 40, "{video:?}");
    }
}

#[test]
fn what_is_not_offered_is_refused_and_the_client_told_so() {
    let camera = CameraProcess::start(&["--id", "1", "--transport", "udp"]);
    let probed = ffmpeg("ffprobe", &["-v", "error", "-rtsp_transport", "tcp", &camera.url()]);
    let said = String::from_utf8_lossy(&probed.stderr).into_owned();
    assert!(!probed.status.success() && said.contains("461"), "{said}");
    camera.facts.wait("refused", |fact| matches!(fact, Fact::Refused { .. }).then_some(()));
}

#[test]
fn udp_leaves_from_the_ports_that_were_given() {
    let arguments = ["--id", "1", "--transport", "tcp,udp", "--udp-ports", "50400-50403"];
    let camera = CameraProcess::apart(&arguments);
    let url = camera.url();
    let decoded = camera.client("ffmpeg", &decoding(&url, "udp", "15"));
    assert_eq!(checksums(&decoded).len(), 15);
    let traced = camera.client("ffprobe", &["-v", "trace", "-rtsp_transport", "udp", &url]);
    let said = String::from_utf8_lossy(&traced.stderr).into_owned();
    assert!(said.contains("server_port=50400-50401") || said.contains("server_port=50402-50403"), "{said}");
}

#[test]
fn a_group_has_the_frames_for_whoever_joins_it() {
    let arguments = ["--id", "258", "--transport", "tcp,multicast", "--stream", "path=/sub,fps=10"];
    let camera = CameraProcess::apart(&arguments);
    let url = format!("rtsp://{}/sub/multicast", camera.socket);
    let decoded = camera.client("ffmpeg", &decoding(&url, "udp_multicast", "40"));
    assert_eq!(checksums(&decoded).len(), 40);
    let traced = camera.client("ffprobe", &["-v", "trace", "-rtsp_transport", "udp_multicast", &url]);
    let said = String::from_utf8_lossy(&traced.stderr).into_owned();
    assert!(said.contains("destination=239.255.1.2") && said.contains("port=5006-5007"), "{said}");
    // The stream's own path is for those who want frames of their own.
    let url = camera.url();
    let apart = camera.client("ffprobe", &["-v", "error", "-rtsp_transport", "udp_multicast", &url]);
    assert!(String::from_utf8_lossy(&apart.stderr).contains("461"), "{apart:?}");
    assert_eq!(checksums(&camera.client("ffmpeg", &decoding(&url, "tcp", "5"))).len(), 5);
}

#[test]
fn where_only_a_group_has_frames_the_path_itself_leads_there() {
    let camera = CameraProcess::apart(&["--id", "3", "--transport", "multicast"]);
    let url = camera.url();
    // One after the other: what is made for one is taken down and made again.
    for _ in 0..3 {
        assert_eq!(checksums(&camera.client("ffmpeg", &decoding(&url, "udp_multicast", "20"))).len(), 20);
    }
}

#[test]
fn gstreamers_own_client_decodes_each_codec_over_each_transport() {
    for (codec, decode) in [
        ("h264", "rtph264depay ! h264parse ! avdec_h264"),
        ("h265", "rtph265depay ! h265parse ! avdec_h265"),
        ("mjpeg", "rtpjpegdepay ! jpegdec"),
    ] {
        let camera = CameraProcess::start(&["--id", "1", "--codec", codec, "--transport", "tcp,udp"]);
        for transport in ["tcp", "udp"] {
            let url = camera.url();
            let line = format!(
                "rtspsrc location={url} protocols={transport} ! {decode} ! identity eos-after=21 ! fakesink"
            );
            let played = ffmpeg("gst-launch-1.0", &line.split(' ').collect::<Vec<_>>());
            let said = String::from_utf8_lossy(&played.stdout).into_owned();
            assert!(said.contains("Got EOS") && !said.contains("ERROR"), "{codec} {transport}: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sender_reports_fit_the_times_that_frames_carry() {
    for transport in [Transport::Tcp(Default::default()), Transport::Udp(Default::default())] {
        let camera = CameraProcess::start(&["--id", "1", "--transport", "tcp,udp"]);
        let group = Arc::new(SessionGroup::default());
        let options = SessionOptions::default().session_group(Arc::clone(&group));
        let mut session = Session::describe(camera.url().parse().unwrap(), options).await.unwrap();
        let setup = SetupOptions::default().transport(transport).frame_format(FrameFormat::SIMPLE);
        session.setup(0, setup).await.unwrap();
        let mut session = session.play(PlayOptions::default()).await.unwrap().demuxed().unwrap();
        let (mut reports, mut late) = (0, Vec::new());
        let mut report = None;
        while reports < 2 || late.len() < 30 {
            let item = tokio::time::timeout(PATIENCE, session.next()).await.expect("it goes on").unwrap();
            match item.unwrap() {
                CodecItem::Rtcp(packet) => {
                    let said = packet.pkts().find_map(|packet| packet.as_sender_report().ok().flatten());
                    if let Some(said) = said {
                        reports += 1;
                        report = Some((unix_ns(said.ntp_timestamp().0), said.rtp_timestamp()));
                    }
                }
                CodecItem::VideoFrame(frame) => {
                    let Found::Identity(identity) = FrameIdentity::find(Codec::H264, frame.data()) else {
                        panic!("a frame without its identity");
                    };
                    if let Some((at, rtp)) = report {
                        let ticks = (frame.timestamp().timestamp() as u32).wrapping_sub(rtp) as i32;
                        let told = at + i128::from(ticks) * 1_000_000_000 / 90_000;
                        late.push(i128::from(identity.sent) - told);
                    }
                }
                _ => {}
            }
        }
        // A camera whose reports lie is off by whole seconds, and a loaded machine by less than one.
        let worst = late.iter().map(|late| late.unsigned_abs()).max().unwrap();
        assert!(worst < 900_000_000, "{worst} ns between what frames and reports say: {late:?}");
        drop(session);
        let _ = tokio::time::timeout(Duration::from_secs(2), group.await_teardown()).await;
    }
}

/// Nanoseconds since 1970 of an NTP time stamp: seconds since 1900 and a binary fraction.
fn unix_ns(ntp: u64) -> i128 {
    let seconds = i128::from(ntp >> 32) - 2_208_988_800;
    seconds * 1_000_000_000 + ((i128::from(ntp & 0xffff_ffff) * 1_000_000_000) >> 32)
}

#[test]
fn what_cannot_be_offered_is_said_at_the_start() {
    for (arguments, expected) in [
        (&["--transport", "udp", "--udp-ports", "5001-5002"][..], "the first must be even"),
        (&["--transport", "multicast", "--group", "10.0.0.1:5004"], "no multicast address"),
    ] {
        let (code, said) = failure_to_start(camera_command(&[&["--id", "1"], arguments].concat()));
        assert!(code == Some(1) && said.contains(expected), "{code:?}: {said}");
    }
}
