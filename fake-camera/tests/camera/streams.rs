//! Main and further streams of one camera.

use fake_camera::codec::Codec;
use fake_camera::identity::FrameIdentity;
use fake_camera::identity::sei::Found;
use fake_facts::Fact;

use crate::support::{Appliance, CameraProcess, camera_at, camera_command, ffmpeg};

const SUB: &str = "path=/sub,codec=h265,size=320x240,fps=5";

/// The first frame that FFmpeg gets, as it lies in the stream.
fn first_frame(url: &str, format: &str) -> Vec<u8> {
    let source = ["-v", "error", "-rtsp_transport", "tcp", "-i", url];
    let copied =
        ffmpeg("ffmpeg", &[&source[..], &["-c", "copy", "-frames:v", "1", "-f", format, "-"]].concat());
    assert_eq!(String::from_utf8_lossy(&copied.stderr), "");
    copied.stdout
}

#[test]
fn each_stream_is_under_its_path_and_says_which_it_is() {
    let camera = CameraProcess::start(&["--id", "5", "--stream", SUB, "--stream", "path=/stream/third"]);
    for (number, path, codec, expected) in [
        (0, "/stream", Codec::H264, "h264,640,360,15/1"),
        (1, "/sub", Codec::H265, "hevc,320,240,5/1"),
        (2, "/stream/third", Codec::H264, "h264,320,176,15/1"),
    ] {
        let url = format!("rtsp://{}{path}", camera.socket);
        let entries = "stream=codec_name,width,height,avg_frame_rate";
        let wanted = ["-v", "error", "-rtsp_transport", "tcp", "-show_entries", entries, "-of", "csv=p=0"];
        let probed = ffmpeg("ffprobe", &[&wanted[..], &[&url]].concat());
        assert_eq!(String::from_utf8_lossy(&probed.stdout).trim(), expected, "{path}");
        let played = camera.facts.wait("playing", |fact| match fact {
            Fact::Playing { path, .. } => Some(path.clone()),
            _ => None,
        });
        assert_eq!(played, path);
        let format = if codec == Codec::H265 { "hevc" } else { "h264" };
        let Found::Identity(identity) = FrameIdentity::find(codec, &first_frame(&url, format)) else {
            panic!("{path}: no identity");
        };
        assert_eq!((identity.camera, identity.stream, identity.number), (5, number, 0), "{path}");
        camera.facts.wait("playing", |fact| matches!(fact, Fact::Playing { .. }).then_some(()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_appliance_takes_frames_of_the_stream_that_it_was_told_and_no_other() {
    let camera = CameraProcess::start(&["--id", "5", "--stream", SUB]);
    let of = |stream| fake_appliance::config::Camera {
        stream,
        ..camera_at(&format!("rtsp://{}/sub", camera.socket), Some(5))
    };
    let video = Appliance::pull(of(1), Some(10)).ended().await;
    assert_eq!((video.foreign, video.lost, video.mismatched), (0, 0, 0), "{video:?}");
    let appliance = Appliance::pull(of(0), None);
    let foreign = |fact: &Fact| match fact {
        Fact::Video(video) if video.foreign > 2 => Some(()),
        _ => None,
    };
    appliance.facts.wait("foreign frames", foreign);
    assert_eq!(appliance.stopped().await.received, 0);
}

#[test]
fn two_streams_under_one_path_are_refused() {
    let (code, said) = crate::support::failure_to_start(camera_command(&[
        "--id",
        "1",
        "--stream",
        "path=/sub",
        "--stream",
        "path=/sub",
    ]));
    assert!(code == Some(1) && said.contains("two streams have the path /sub"), "{code:?}: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_of_many_streams_are_decoded_in_turns() {
    const STREAMS: usize = fake_facts::MOST_DECODED + 1;
    let camera = CameraProcess::with_login(&["--id", "41", "--size", "320x240"]);
    let named = |nth| fake_appliance::config::Camera {
        name: format!("stream-{nth}"),
        ..camera_at(&camera.url(), Some(41))
    };
    let videos = Appliance::pull_all((0..STREAMS).map(named).collect(), Some(75)).all_ended().await;
    assert_eq!(videos.len(), STREAMS);
    for video in &videos {
        assert!(video.received >= 75 && (video.lost, video.duplicated) == (0, 0), "{video:?}");
        // Two turns: each stream had one, and none had both.
        assert!(0 < video.decoded && video.decoded < video.received, "{video:?}");
        assert_eq!((video.matched, video.undecoded), (video.decoded, 0), "{video:?}");
    }
}
