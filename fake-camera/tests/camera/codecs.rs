//! Each codec as FFmpeg and the appliance see it.

use fake_camera::codec::Codec;
use fake_camera::identity::PictureCode;

use crate::support::{Appliance, CameraProcess, camera_at, failure_to_start, ffmpeg, pictures};

#[test]
fn ffprobe_sees_the_codec_and_size_asked_for() {
    for (codec, expected) in [("h265", "hevc,640,360"), ("mjpeg", "mjpeg,640,360")] {
        let camera = CameraProcess::start(&["--id", "1", "--codec", codec]);
        let entries = "stream=codec_name,width,height";
        let wanted = ["-v", "error", "-rtsp_transport", "tcp", "-show_entries", entries, "-of", "csv=p=0"];
        let probed = ffmpeg("ffprobe", &[&wanted[..], &[&camera.url()]].concat());
        assert_eq!(String::from_utf8_lossy(&probed.stdout).trim(), expected);
    }
}

#[test]
fn ffmpeg_decodes_every_frame_of_each_codec_without_an_error() {
    for codec in Codec::ALL {
        let camera = CameraProcess::start(&["--id", "1", "--codec", codec.name()]);
        let decoded = pictures(&camera.url(), "tcp", 45);
        assert_eq!(decoded.len(), 45, "{codec}");
        assert_eq!(decoded[..15], decoded[30..], "{codec}: the clip is repeated");
        assert_ne!(decoded[0], decoded[1], "{codec}: pictures differ");
    }
}

#[test]
fn pictures_that_ffmpeg_decodes_say_whose_they_are() {
    for codec in Codec::ALL {
        let camera = CameraProcess::start(&["--id", "77", "--codec", codec.name()]);
        let source = ["-v", "error", "-rtsp_transport", "tcp", "-i", &camera.url(), "-frames:v", "5"];
        let decoded =
            ffmpeg("ffmpeg", &[&source[..], &["-pix_fmt", "yuv420p", "-f", "rawvideo", "-"]].concat());
        let codes: Vec<_> = decoded
            .stdout
            .chunks_exact(640 * 360 * 3 / 2)
            .map(|picture| PictureCode::read(picture, 640, 640))
            .collect();
        let expected: Vec<_> = (0..5).map(|index| Some(PictureCode { camera: 77, index })).collect();
        assert_eq!(codes, expected, "{codec}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_appliance_finds_every_frame_of_h265_and_its_picture() {
    let camera = CameraProcess::with_login(&["--id", "41", "--codec", "h265"]);
    let video = Appliance::pull(camera_at(&camera.url(), Some(41)), Some(45)).ended().await;
    assert_eq!((video.first, video.last + 1), (0, video.received), "{video:?}");
    assert_eq!((video.lost, video.duplicated, video.unidentified, video.foreign), (0, 0, 0, 0));
    assert_eq!((video.matched, video.mismatched), (video.received, 0));
}

#[test]
fn a_size_that_jpeg_has_no_room_for_is_said_plainly() {
    let command = crate::support::camera_command(&["--id", "1", "--codec", "mjpeg", "--size", "640x362"]);
    let (code, said) = failure_to_start(command);
    assert!(code == Some(1) && said.contains("640x362") && said.contains("steps of 8"), "{code:?}: {said}");
}
