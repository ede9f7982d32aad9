//! Cameras that play recordings out of the scenario's folder: proven frame by frame, and nothing from elsewhere.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use testbed::event::Fault;
use testbed::verdict::Verdict;

use crate::sites::changed;
use crate::support::{ONE_RUN, Place, runs_of, say};

const SITE: &str = include_str!("recordings.yaml");

/// 20 pictures at 20 a second, put there by FFmpeg.
fn record(path: &Path, encoder: &[&str]) {
    fs::create_dir_all(path.parent().expect("below our folder")).expect("our own folder");
    let mut ffmpeg = Command::new("ffmpeg");
    let source = "testsrc2=size=320x240:rate=20:duration=1";
    ffmpeg.args(["-v", "error", "-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", "-g", "10"]);
    let ended = ffmpeg.args(encoder).arg(path).status();
    assert!(ended.expect("`ffmpeg` (Debian: ffmpeg) is there").success());
}

fn site(place: &Place, text: &str) -> PathBuf {
    let made = tempfile::tempdir().expect("a temporary folder");
    let (door, gate) = (made.path().join("door.mp4"), made.path().join("gate.mkv"));
    record(&door, &["-c:v", "libx264", "-bf", "0"]);
    record(&gate, &["-c:v", "libx265", "-x265-params", "bframes=0:log-level=none"]);
    let read = |path: &Path| fs::read(path).expect("FFmpeg has made it");
    place.write("site/clips/door.mp4", read(&door));
    place.write("site/clips/gate/1.mkv", read(&gate));
    place.write("site/clips/gate/2.mkv", read(&gate));
    place.write("site/recordings.yaml", text)
}

#[test]
fn recordings_play_and_every_frame_is_proven() {
    let place = Place::new();
    let mut run = place.run(&site(&place, SITE));
    run.args(["--json", "-"]);
    let said = say(run, ONE_RUN).expect_code(0);
    let run = runs_of(&said).runs.remove(0);
    assert!(run.checks.iter().all(|check| check.verdict == Verdict::Pass), "{said}");
    assert!(run.checks[0].summary.contains("2 cameras at app"), "{said}");
}

#[test]
fn a_frame_that_a_recording_lacks_is_found() {
    let place = Place::new();
    let text = changed(
        SITE,
        "video: { recording: clips/door.mp4 }",
        "video: { recording: clips/door.mp4 }, misbehaves: { leaves_out: 7 }",
    );
    let mut run = place.run(&site(&place, &text));
    run.args(["--json", "-"]);
    let said = say(run, ONE_RUN).expect_code(1);
    let run = runs_of(&said).runs.remove(0);
    let [finding] = &run.checks[0].findings[..] else { panic!("{said}") };
    assert!(finding.text.contains("door at app: 1 lost: frame 7"), "{said}");
}

#[test]
fn a_recording_that_cannot_be_served_ends_the_run_with_the_reason() {
    let place = Place::new();
    let site = site(&place, SITE);
    place.write("site/clips/door.mp4", "no video");
    let mut run = place.run(&site);
    run.args(["--json", "-"]);
    let said = say(run, ONE_RUN).expect_code(1);
    let failure = runs_of(&said).runs[0].failure.clone().expect("it says why");
    assert_eq!(failure.fault, Fault::Scenario, "{said}");
    let why = "door.mp4 cannot be served: this is no MP4, MPEG transport stream or Matroska file";
    assert!(failure.last_lines.iter().any(|line| line.contains(why)), "{said}");
}

#[test]
fn no_recording_is_taken_from_outside_the_scenarios_folder() {
    let place = Place::new();
    let site = site(&place, SITE);
    let elsewhere = place.write("elsewhere.mp4", "a secret");
    let door = place.path().join("site/clips/door.mp4");
    let right = fs::read(&door).expect("our own file");
    fs::remove_file(&door).expect("our own folder");
    symlink(&elsewhere, &door).expect("our own folder");
    let said = say(place.run(&site), ONE_RUN).expect_code(2);
    assert!(said.all().contains("leads out of the scenario's folder"), "{said}");
    fs::remove_file(&door).expect("our own folder");
    place.write("site/clips/door.mp4", right);
    symlink(&elsewhere, place.path().join("site/clips/gate/3.mkv")).expect("our own folder");
    let mut run = place.run(&site);
    run.args(["--json", "-"]);
    let said = say(run, ONE_RUN).expect_code(1);
    let failure = runs_of(&said).runs[0].failure.clone().expect("it says why");
    // In the lab nothing is there that the link could lead to.
    assert!(failure.text.contains("the recording of `gate` cannot be used: clips/gate"), "{said}");
}
