//! Recordings that FFmpeg made, served by the camera, and seen by FFmpeg and the appliance.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::{
    Appliance, CameraProcess, camera_at, camera_command, failure_to_start, ffmpeg, pictures,
};

const H264: &[&str] = &["-c:v", "libx264", "-bf", "0", "-g", "10"];
/// Several slices a picture, as many cameras send.
const SLICED: &[&str] = &["-c:v", "libx264", "-bf", "0", "-g", "10", "-x264-params", "slices=4"];
const H265: &[&str] = &["-c:v", "libx265", "-x265-params", "bframes=0:keyint=10:log-level=none"];
const MJPEG: &[&str] = &["-c:v", "mjpeg", "-huffman", "default", "-pix_fmt", "yuvj420p"];

/// A recording of 320x240, 20 pictures at 10 a second, with sound.
fn record(folder: &TempDir, name: &str, encoder: &[&str]) -> PathBuf {
    record_from(folder, name, "testsrc2=size=320x240:rate=10:duration=2", encoder)
}

fn record_from(folder: &TempDir, name: &str, picture: &str, encoder: &[&str]) -> PathBuf {
    let path = folder.path().join(name);
    let sources = ["-v", "error", "-y", "-f", "lavfi", "-i", picture];
    let sound = ["-f", "lavfi", "-i", "sine=duration=2", "-c:a", "aac", "-pix_fmt", "yuv420p"];
    let to = [path.to_str().unwrap()];
    let made = ffmpeg("ffmpeg", &[&sources[..], &sound, encoder, &to].concat());
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    path
}

fn serving(recording: &Path, more: &[&str]) -> CameraProcess {
    let recording = ["--id", "6", "--recording", recording.to_str().unwrap()];
    CameraProcess::with_login(&[&recording[..], more].concat())
}

/// Checksums of the pictures in a file.
fn in_file(path: &Path) -> Vec<String> {
    let source = ["-v", "error", "-i", path.to_str().unwrap(), "-map", "0:v", "-f", "framecrc", "-"];
    crate::support::checksums(&ffmpeg("ffmpeg", &source))
}

#[test]
fn ffmpeg_gets_the_very_pictures_of_each_container_and_codec_again_and_again() {
    let folder = TempDir::new().unwrap();
    for (name, encoder, codec) in [
        ("a.mp4", H264, "h264"),
        ("b.ts", H264, "h264"),
        ("c.mkv", H264, "h264"),
        ("d.mp4", SLICED, "h264"),
        ("e.mp4", H265, "hevc"),
        ("f.mkv", H265, "hevc"),
        ("g.ts", H265, "hevc"),
        ("h.mkv", MJPEG, "mjpeg"),
        ("i.mov", MJPEG, "mjpeg"),
    ] {
        let recorded = record(&folder, name, encoder);
        let camera = serving(&recorded, &[]);
        let url = camera.url_with(crate::PASSWORD);
        let entries = "stream=codec_name,width,height";
        let wanted = ["-v", "error", "-rtsp_transport", "tcp", "-show_entries", entries, "-of", "csv=p=0"];
        let probed = ffmpeg("ffprobe", &[&wanted[..], &[&url]].concat());
        assert_eq!(String::from_utf8_lossy(&probed.stdout).trim(), format!("{codec},320,240"), "{name}");
        let expected = in_file(&recorded);
        assert_eq!(expected.len(), 20, "{name}");
        let seen = pictures(&url, "tcp", 45);
        let again: Vec<_> = expected.iter().cycle().take(45).cloned().collect();
        assert_eq!(seen, again, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_appliance_proves_every_frame_of_a_recording_and_that_it_can_be_decoded() {
    let folder = TempDir::new().unwrap();
    for (name, encoder) in [("a.mp4", SLICED), ("b.mkv", H265)] {
        let camera = serving(&record(&folder, name, encoder), &["--fps", "30"]);
        let video = Appliance::pull(camera_at(&camera.url(), Some(6)), Some(45)).ended().await;
        assert_eq!((video.first, video.last + 1, video.lost), (0, video.received, 0), "{name}: {video:?}");
        assert_eq!((video.duplicated, video.unidentified, video.foreign, video.undecoded), (0, 0, 0, 0));
        // There is no code in its pictures that could be right or wrong.
        assert_eq!(
            (video.decoded, video.matched, video.mismatched),
            (video.received, 0, 0),
            "{name}: {video:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_out_of_a_recording_is_missed() {
    let folder = TempDir::new().unwrap();
    let camera = serving(&record(&folder, "a.mp4", H264), &["--fps", "30", "--leave-out", "7"]);
    let video = Appliance::pull(camera_at(&camera.url(), Some(6)), Some(40)).ended().await;
    assert_eq!((video.lost, video.odd[0].number), (1, 7), "{video:?}");
}

#[test]
fn files_of_a_folder_follow_one_another_and_a_sub_stream_has_its_own() {
    let folder = TempDir::new().unwrap();
    let source = |colour: &str| format!("color=c={colour}:size=320x240:rate=10:duration=1");
    let two = record_from(&folder, "2.mkv", &source("red"), H264);
    let one = record_from(&folder, "1.mp4", &source("blue"), H264);
    std::fs::write(folder.path().join("notes.txt"), "no recording").unwrap();
    let apart = TempDir::new().unwrap();
    let sub = format!("path=/sub,recording={}", record(&apart, "sub.ts", H265).display());
    let camera = serving(folder.path(), &["--stream", &sub]);
    let expected = [in_file(&one), in_file(&two)].concat();
    assert_eq!(pictures(&camera.url_with(crate::PASSWORD), "tcp", 20), expected);
    let url = camera.url_with(crate::PASSWORD).replace("/stream", "/sub");
    let wanted =
        ["-v", "error", "-rtsp_transport", "tcp", "-show_entries", "stream=codec_name", "-of", "csv=p=0"];
    let probed = ffmpeg("ffprobe", &[&wanted[..], &[&url]].concat());
    assert_eq!(String::from_utf8_lossy(&probed.stdout).trim(), "hevc");
}

#[track_caller]
fn refused(recording: &Path, more: &[&str]) -> String {
    let asked = ["--id", "1", "--recording", recording.to_str().unwrap()];
    let (code, said) = failure_to_start(camera_command(&[&asked[..], more].concat()));
    assert_eq!(code, Some(1), "{said}");
    said
}

#[test]
fn what_cannot_be_served_is_refused_with_what_to_do() {
    let folder = TempDir::new().unwrap();
    for (name, encoder) in [
        ("b.mp4", &["-c:v", "libx264", "-bf", "2"][..]),
        ("b.mkv", &["-c:v", "libx264", "-bf", "2"]),
        ("b.ts", &["-c:v", "libx264", "-bf", "2"]),
        ("b5.mp4", &["-c:v", "libx265", "-x265-params", "bframes=3:log-level=none"]),
    ] {
        let said = refused(&record(&folder, name, encoder), &[]);
        assert!(said.contains("B-frames") && said.contains("-bf 0") && said.contains(name), "{said}");
    }
    let optimal = ["-c:v", "mjpeg", "-huffman", "optimal", "-pix_fmt", "yuvj420p"];
    assert!(refused(&record(&folder, "o.mkv", &optimal), &[]).contains("-huffman default"));
    let unknown = record(&folder, "u.mkv", &["-c:v", "mpeg4"]);
    assert!(refused(&unknown, &[]).contains("no H.264, H.265 or JPEG video"));
    let right = record(&folder, "a.mp4", H264);
    assert!(refused(&right, &["--codec", "h265"]).contains("it is h264, and h265 is asked for"));
    assert!(refused(&right, &["--show-next", "3"]).contains("shown as they are"));
    // The index of an MP4 comes last.
    let whole = std::fs::read(&right).unwrap();
    let cut = folder.path().join("cut.mp4");
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    assert!(refused(&cut, &[]).contains("cut.mp4 cannot be served"));
    let both = TempDir::new().unwrap();
    record(&both, "1.mp4", H264);
    record(&both, "2.mp4", H265);
    assert!(refused(both.path(), &[]).contains("must be alike"));
}
