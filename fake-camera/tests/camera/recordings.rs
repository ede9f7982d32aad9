//! Recordings that FFmpeg made, served by the camera, and seen by FFmpeg and the appliance.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use crate::support::{
    Appliance, CameraProcess, camera_at, camera_command, failure_to_start, ffmpeg, pictures,
};

const H264: &[&str] = &["-c:v", "libx264", "-bf", "0", "-g", "10"];
/// Several slices a picture, as many cameras send.
const SLICED: &[&str] = &["-c:v", "libx264", "-bf", "0", "-g", "10", "-x264-params", "slices=4"];
const H265: &[&str] = &["-c:v", "libx265", "-x265-params", "bframes=0:keyint=10:log-level=none"];
/// As x264 does it unasked, with a pyramid: a B-frame that others refer to.
const H264_B: &[&str] =
    &["-c:v", "libx264", "-bf", "3", "-x264-params", "b-pyramid=normal:b-adapt=0:keyint=10"];
/// Two between others, several slices each.
const H264_B2: &[&str] = &["-c:v", "libx264", "-bf", "2", "-x264-params", "b-adapt=0:keyint=20:slices=3"];
/// As x265 does it unasked: groups after the first are open.
const H265_B: &[&str] =
    &["-c:v", "libx265", "-x265-params", "bframes=3:b-adapt=0:keyint=8:min-keyint=8:log-level=none"];
/// Recordings that are looked at together.
const AT_ONCE: usize = 3;
const MJPEG: &[&str] = &["-c:v", "mjpeg", "-huffman", "default", "-pix_fmt", "yuvj420p"];

/// A recording of 320x240, 20 pictures at 30 a second, with sound: whoever waits for pictures waits for as long as they last.
fn record(folder: &TempDir, name: &str, encoder: &[&str]) -> PathBuf {
    record_from(folder, name, "testsrc2=size=320x240:rate=30,trim=end_frame=20", encoder)
}

/// Checks each of these, some at a time: nearly all of it is waiting for pictures.
fn each<T: Sync>(rows: &[T], check: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let rows = || std::iter::from_fn(|| rows.get(next.fetch_add(1, Ordering::Relaxed)));
    std::thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(|| rows().for_each(&check)))));
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

/// Checksums of the pictures in a file of 320x240 without any frame around them.
fn of_raw(path: &Path) -> Vec<String> {
    let raw = ["-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", "320x240", "-i"];
    crate::support::checksums(&ffmpeg(
        "ffmpeg",
        &[&raw[..], &[path.to_str().unwrap(), "-f", "framecrc", "-"]].concat(),
    ))
}

#[test]
fn ffmpeg_gets_the_very_pictures_of_each_container_and_codec_again_and_again() {
    let folder = TempDir::new().unwrap();
    let rows = [
        ("a.mp4", H264, "h264"),
        ("b.ts", H264, "h264"),
        ("c.mkv", H264, "h264"),
        ("d.mp4", SLICED, "h264"),
        ("e.mp4", H265, "hevc"),
        ("f.mkv", H265, "hevc"),
        ("g.ts", H265, "hevc"),
        ("h.mkv", MJPEG, "mjpeg"),
        ("i.mov", MJPEG, "mjpeg"),
    ];
    each(&rows, |(name, encoder, codec)| {
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
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn the_appliance_proves_every_frame_of_a_recording_and_that_it_can_be_decoded() {
    let folder = TempDir::new().unwrap();
    for (name, encoder) in
        [("a.mp4", SLICED), ("b.mkv", H265), ("c.mp4", H264_B), ("d.ts", H264_B2), ("e.mkv", H265_B)]
    {
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

#[test]
fn a_group_has_b_frames_as_well() {
    let folder = TempDir::new().unwrap();
    for (name, encoder) in [("a.mp4", H264_B), ("b.mkv", H265_B)] {
        let recording = record(&folder, name, encoder);
        let video = crate::transports::of_group(&["--recording", recording.to_str().unwrap(), "--fps", "30"]);
        let wrong = (video.lost, video.unidentified, video.foreign, video.mismatched, video.undecoded);
        assert_eq!((wrong, video.unreferenced), ((0, 0, 0, 0, 0), 0), "{name}: {video:?}");
        assert!(video.received >= 45 && video.decoded > 40, "{name}: {video:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_out_of_a_recording_is_missed() {
    let folder = TempDir::new().unwrap();
    let camera = serving(&record(&folder, "a.mp4", H264), &["--fps", "30", "--leave-out", "7"]);
    let video = Appliance::pull(camera_at(&camera.url(), Some(6)), Some(40)).ended().await;
    assert_eq!((video.lost, video.odd[0].number), (1, 7), "{video:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_frames_that_are_shown_in_another_order_is_told_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    let wrong = ["--fps", "30", "--leave-out", "47", "--repeat", "7", "--swap", "24"];
    let camera = serving(&record(&folder, "a.mp4", H264_B), &wrong);
    let video = Appliance::pull(camera_at(&camera.url(), Some(6)), Some(80)).ended().await;
    assert_eq!((video.lost, video.duplicated, video.swapped), (1, 1, 1), "{video:?}");
    assert_eq!((video.undecoded, video.mismatched, video.unidentified), (0, 0, 0), "{video:?}");
    assert_eq!(video.decoded + video.unreferenced, video.received, "{video:?}");
    assert!(video.decoded >= 50, "{video:?}");
}

#[test]
fn gstreamers_own_client_shows_b_frames_in_their_order() {
    let folder = TempDir::new().unwrap();
    for (name, encoder, chain) in [
        ("a.mp4", H264_B, "rtph264depay ! h264parse ! avdec_h264"),
        ("b.mkv", H265_B, "rtph265depay ! h265parse ! avdec_h265"),
    ] {
        let recorded = record(&folder, name, encoder);
        let camera = serving(&recorded, &["--transport", "tcp,udp", "--fps", "30"]);
        for transport in ["tcp", "udp"] {
            let shown = folder.path().join("shown.i420");
            let (url, to) = (camera.url_with(crate::PASSWORD), shown.display());
            let line = format!(
                "rtspsrc location={url} protocols={transport} ! {chain} ! identity eos-after=46 ! filesink location={to}"
            );
            let played = ffmpeg("gst-launch-1.0", &line.split(' ').collect::<Vec<_>>());
            let said = String::from_utf8_lossy(&played.stdout).into_owned();
            assert!(said.contains("Got EOS") && !said.contains("ERROR"), "{name} {transport}: {said}");
            let again: Vec<_> = in_file(&recorded).into_iter().cycle().take(45).collect();
            assert_eq!(of_raw(&shown)[..45], again, "{name} {transport}");
        }
    }
}

/// FFmpeg loses the time of the first picture of any RTSP session, and counts from when it knows one: without making up for
/// that, it shows all.
#[test]
fn ffmpeg_shows_b_frames_in_their_order_and_knows_when_each_was_to_be_decoded() {
    let folder = TempDir::new().unwrap();
    let rows = [
        ("a.mp4", H264_B),
        ("b.ts", H264_B),
        ("c.mkv", H264_B2),
        ("d.mp4", H265_B),
        ("e.mkv", H265_B),
        ("f.ts", H265_B),
    ];
    each(&rows, |(name, encoder)| {
        // At their own rate, since FFmpeg's programs go by what the pictures say of it.
        let recorded = record(&folder, name, encoder);
        let camera = serving(&recorded, &[]);
        let shown = folder.path().join(format!("{name}.i420"));
        let url = camera.url_with(crate::PASSWORD);
        let source = ["-v", "warning", "-y", "-rtsp_transport", "tcp", "-i", &url, "-frames:v", "65"];
        let to =
            ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv420p", shown.to_str().unwrap()];
        let decoded = ffmpeg("ffmpeg", &[&source[..], &to].concat());
        assert_eq!(String::from_utf8_lossy(&decoded.stderr), "", "{name}");
        let again: Vec<_> = in_file(&recorded).into_iter().cycle().take(65).collect();
        assert_eq!(of_raw(&shown), again, "{name}");
        let wanted = ["-v", "warning", "-rtsp_transport", "tcp", "-read_intervals", "%+#65"];
        let packets = ["-show_entries", "packet=pts,dts", "-of", "csv=p=0", &url];
        let probed = ffmpeg("ffprobe", &[&wanted[..], &packets].concat());
        assert_eq!(String::from_utf8_lossy(&probed.stderr), "", "{name}");
        even(&String::from_utf8_lossy(&probed.stdout), name);
    });
}

/// Pictures are decoded evenly, each is shown at a time of its own and none before, from round to round.
fn even(packets: &str, name: &str) {
    let times = packets.lines().filter(|line| !line.is_empty()).map(|line| {
        let mut times = line.split(',').map(|time| time.trim().parse::<i64>().ok());
        (times.next().flatten(), times.next().flatten())
    });
    let times: Vec<_> = times.collect();
    assert_eq!(times.len(), 65, "{name}: {packets}");
    let decoded: Vec<i64> = times.iter().filter_map(|(_, decoded)| *decoded).collect();
    assert!(
        decoded.len() >= 60 && decoded.windows(2).all(|two| two[1] - two[0] == 3000),
        "{name}: {packets}"
    );
    assert!(
        times.iter().all(|(shown, decoded)| decoded.is_none() || *shown >= *decoded),
        "{name}: {packets}"
    );
    let mut shown: Vec<i64> = times.iter().filter_map(|(shown, _)| *shown).collect();
    assert_eq!(shown.len(), 64, "{name}: {packets}");
    assert!(!shown.is_sorted(), "{name} has B-frames: {packets}");
    shown.sort();
    // The last are of a group that was cut.
    assert!(shown[..60].windows(2).all(|two| two[1] - two[0] == 3000), "{name}: {packets}");
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
    // Cut out of a longer one, so that it begins in the middle: all of its groups are open.
    let whole = record_from(&folder, "whole.mkv", "testsrc2=size=320x240:rate=10:duration=2", H265_B);
    let open = folder.path().join("open.ts");
    let cut =
        ["-v", "error", "-ss", "1", "-copyts", "-i", whole.to_str().unwrap(), "-map", "0:v", "-c", "copy"];
    assert!(ffmpeg("ffmpeg", &[&cut[..], &[open.to_str().unwrap()]].concat()).status.success());
    let said = refused(&open, &[]);
    assert!(said.contains("open-gop=0") && said.contains("open.ts"), "{said}");
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
