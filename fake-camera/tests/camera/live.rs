//! Video that is encoded while it is sent: the same frames as of a clip, and never the same bytes.

use fake_camera::codec::Codec;
use fake_camera::identity::PictureCode;

use crate::support::{
    Appliance, CameraProcess, camera_at, camera_command, failure_to_start, ffmpeg, pictures,
};

const SMALL: [&str; 6] = ["--id", "9", "--encode", "live", "--size", "320x240"];

#[test]
fn ffmpeg_decodes_every_frame_and_each_says_whose_it_is() {
    for codec in Codec::ALL {
        let camera = CameraProcess::start(&[&SMALL[..], &["--codec", codec.name(), "--fps", "30"]].concat());
        assert_eq!(pictures(&camera.url(), "tcp", 75).len(), 75, "{codec}");
        let source = ["-v", "error", "-rtsp_transport", "tcp", "-i", &camera.url(), "-frames:v", "40"];
        let decoded =
            ffmpeg("ffmpeg", &[&source[..], &["-pix_fmt", "yuv420p", "-f", "rawvideo", "-"]].concat());
        let pictures = decoded.stdout.chunks_exact(320 * 240 * 3 / 2);
        let codes: Vec<_> = pictures.map(|picture| PictureCode::read(picture, 320, 320)).collect();
        let expected = (0..40).map(|number| Some(PictureCode { camera: 9, index: number % 30 }));
        assert_eq!(codes, expected.collect::<Vec<_>>(), "{codec}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_session_has_frames_of_its_own_from_the_first_on() {
    for codec in ["h264", "h265"] {
        let camera = CameraProcess::with_login(&[&SMALL[..], &["--codec", codec, "--fps", "30"]].concat());
        let pull = || Appliance::pull(camera_at(&camera.url(), Some(9)), Some(45));
        for video in [pull(), pull()] {
            let video = video.ended().await;
            assert_eq!(
                (video.first, video.last + 1, video.lost),
                (0, video.received, 0),
                "{codec}: {video:?}"
            );
            assert_eq!((video.matched, video.mismatched), (video.received, 0), "{codec}: {video:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_live_frames_is_told_as_with_others() {
    let wrong = ["--leave-out", "4", "--repeat", "8", "--swap", "12", "--show-next", "35", "--fps", "30"];
    let camera = CameraProcess::with_login(&[&SMALL[..], &wrong].concat());
    let video = Appliance::pull(camera_at(&camera.url(), Some(9)), Some(75)).ended().await;
    assert_eq!((video.lost, video.duplicated, video.swapped, video.mismatched), (1, 1, 1, 1), "{video:?}");
}

#[test]
fn what_does_not_go_with_it_is_said() {
    for (more, said) in
        [(["--keep", "/tmp/never"], "--keep is for video"), (["--recording", "x.mp4"], "cannot be used with")]
    {
        let (code, text) = failure_to_start(camera_command(&[&SMALL[..4], &more].concat()));
        assert!(code.is_some_and(|code| code > 0) && text.contains(said), "{code:?}: {text}");
    }
}
