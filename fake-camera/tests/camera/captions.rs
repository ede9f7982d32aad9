//! What a picture tells a human, after encoding, sending and decoding, read by a program for letters.

use fake_camera::identity::PictureCode;

use crate::support::letters::{Words, alike, picture_told, read, told};
use crate::support::{CameraProcess, ffmpeg};

/// The luma of picture 7 of a new session.
fn grey(camera: &CameraProcess) -> Vec<u8> {
    let url = camera.url();
    let source = ["-v", "error", "-rtsp_transport", "tcp", "-i", &url, "-vf", "select=eq(n\\,7)"];
    let into = ["-frames:v", "1", "-pix_fmt", "gray", "-f", "rawvideo", "-"];
    let taken = ffmpeg("ffmpeg", &[&source[..], &into].concat());
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
    taken.stdout
}

fn lines(size: &str, grey: &[u8], words: &Words) -> Vec<String> {
    read(&["-f", "rawvideo", "-pix_fmt", "gray", "-s", size], grey, words)
}

/// The box of a line of so many letters, each so many pixels wide and high with the padding around all.
fn words(letters: usize, (width, height, padding, scale): (usize, usize, usize, usize)) -> Words {
    let (wide, high) = (letters * width + 2 * padding, 2 * height + 2 * padding);
    Words { width: wide * scale, height: high * scale, zoom: (40 / (height * scale)).max(1) }
}

const SMALL: (usize, usize, usize, usize) = (8, 13, 2, 1);
const USUAL: (usize, usize, usize, usize) = (10, 20, 4, 1);
const LARGE: (usize, usize, usize, usize) = (10, 20, 4, 2);

#[test]
fn name_index_and_time_of_a_clips_picture_are_read_in_every_codec_and_size() {
    for (size, font, codecs) in [
        ("328x96", SMALL, &["h264", "h265"][..]),
        ("320x176", SMALL, &["mjpeg"]),
        ("640x360", USUAL, &["h264", "h265", "mjpeg"]),
        ("1280x720", LARGE, &["h264"]),
    ] {
        for codec in codecs {
            let own = ["--name", "North Gate", "--id", "5", "--size", size, "--codec", codec];
            let grey = grey(&CameraProcess::start(&own));
            let lines = lines(size, &grey, &words(told(7).len(), font));
            let [name, second] = &lines[..] else { panic!("{size} {codec}: two lines, not {lines:?}") };
            assert_eq!(alike(name), alike("North Gate"), "{size} {codec}: {name}");
            assert_eq!(picture_told(second), 7, "{size} {codec}: {second}");
            // And a machine reads its own beside them.
            let width = size.split_once('x').unwrap().0.parse().unwrap();
            let code = PictureCode { camera: 5, index: 7 };
            assert_eq!(PictureCode::read(&grey, width, width), Some(code), "{size} {codec}");
        }
    }
}

#[test]
fn number_and_time_of_day_of_a_live_picture_are_read() {
    let size = "1280x720";
    // A day's end may lie between.
    let before = time::OffsetDateTime::now_utc().date();
    let camera =
        CameraProcess::start(&["--name", "North Gate", "--id", "5", "--size", size, "--encode", "live"]);
    let line = "2026-11-28T15:18:14.751Z frame 7";
    let lines = lines(size, &grey(&camera), &words(line.len(), LARGE));
    let after = time::OffsetDateTime::now_utc().date();
    let [name, second] = &lines[..] else { panic!("two lines, not {lines:?}") };
    assert_eq!(alike(name), alike("North Gate"), "{name}");
    let second = alike(second);
    let dates = [before, after].map(|date| alike(&date.to_string()));
    assert!(dates.iter().any(|date| second.starts_with(date)), "{second} begins with none of {dates:?}");
    assert!(second.ends_with(&alike("frame 7")), "{second}");
}

#[test]
fn a_long_name_is_cut_to_the_picture() {
    let name = "NORTH GATE ".repeat(20);
    let camera = CameraProcess::start(&["--name", &name, "--id", "5"]);
    let lines = lines("640x360", &grey(&camera), &words(63, USUAL));
    assert!(alike(&lines[0]).starts_with(&alike(&name[..50])), "{lines:?}");
    assert!(lines[0].ends_with("..."), "{lines:?}");
}
