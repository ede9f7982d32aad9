//! Each shipped scenario passes, its run folder is whole, and judged again from that it has the same verdicts. Every scenario is a test of its own name.

#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::process::Command;

use libtest_mimic::{Arguments, Trial};
use support::{
    ONE_RUN, Place, assert_judged_alike, is_lane, runs_of, say, scenario_files, test_names, unsupported,
    verdicts_in,
};
use testbed::evidence::{Manifest, RunFile};
use testbed::load;
use testbed::verdict::Verdict;

/// Words of checks that send nothing of their own.
const ONLY_LOOK: [&str; 12] = [
    "plays",
    "peers_of",
    "explained",
    "scan",
    "no_video",
    "attacks",
    "direction",
    "periodic",
    "address",
    "clock",
    "taint",
    "after",
];

/// Files that every run leaves; those of its nodes come to these.
const FILES: [RunFile; 18] = [
    RunFile::Scenario,
    RunFile::Plan,
    RunFile::Host,
    RunFile::Run,
    RunFile::Facts,
    RunFile::Record,
    RunFile::Sent,
    RunFile::Filters,
    RunFile::Connections,
    RunFile::LearnedBefore,
    RunFile::LearnedAfter,
    RunFile::Flows,
    RunFile::Probes,
    RunFile::Capture,
    RunFile::OpenCopy,
    RunFile::Junit,
    RunFile::Report,
    RunFile::Verdicts,
];

fn main() {
    let trials = scenario_files().into_iter().flat_map(|path| {
        test_names(&path).into_iter().map(move |name| {
            let (path, lane) = (path.clone(), is_lane(&name));
            Trial::test(name, move || {
                passes_and_leaves_its_evidence(&path, lane);
                Ok(())
            })
        })
    });
    let trials: Vec<Trial> = trials.collect();
    let lane = trials.iter().filter(|trial| is_lane(trial.name())).count();
    assert!(lane >= 5 && trials.len() == 2 * lane, "each shipped site is tried in both lanes");
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// In the kernel lane nothing is accepted: every check passes. Elsewhere those may be inconclusive that are in the
/// shipped list, for the reason that stands there, and no other.
fn passes_and_leaves_its_evidence(scenario: &Path, lane: bool) {
    let place = Place::new();
    let mut command = place.run(scenario);
    command.args(["--json", "-"]);
    if !lane {
        command.arg("--accept-unsupported").arg(unsupported());
    }
    let said = say(command, ONE_RUN).expect_code(0);
    let runs = runs_of(&said);
    let [run] = runs.runs.as_slice() else { panic!("one run: {said}") };
    let written = load::scenario(scenario).expect("a scenario that runs").scenario.checks.len();
    assert!(written > 0 && run.counts.pass + run.accepted.len() == written, "{said}");
    for check in &run.checks {
        if check.verdict == Verdict::Inconclusive {
            assert!(!check.lacks.is_empty() && run.accepted.contains(&check.name), "{}: {said}", check.name);
            let because = |feature: &String| {
                check
                    .reasons
                    .iter()
                    .any(|reason| reason.contains(&format!("needs `{feature}`, which is missing")))
            };
            assert!(check.lacks.iter().all(because), "{}: {said}", check.name);
        } else {
            assert_eq!(check.verdict, Verdict::Pass, "{}: {said}", check.name);
        }
    }
    assert!(run.accepted.is_empty() || !lane, "nothing is accepted in the kernel lane: {said}");
    assert_eq!(run.counts.inconclusive, run.accepted.len(), "{said}");
    let [folder] = place.run_folders().try_into().expect("one run folder");
    let kept = verdicts_in(&folder);
    assert_eq!((kept.counts, kept.exit), (run.counts, 0), "{said}");
    let sends = run.checks.iter().any(|check| !ONLY_LOOK.contains(&check.word.as_str()));
    is_whole(&folder, sends);
    for (capture, frames, site) in [
        (RunFile::Capture, kept.capture.site, "site"),
        (RunFile::OpenCopy, kept.capture.open_copy, "open_copy"),
    ] {
        assert_eq!((frames.dropped, frames.unstored), (0, 0), "{said}");
        let read = frames_as_wireshark_reads(&folder.join(capture.path()));
        assert_eq!(read + counted_instead(&folder, site), frames.frames, "{said}");
    }
    assert_judged_alike(&place, &folder);
}

/// Every file is there, and each is what the manifest says. Where nothing is sent, nothing is said of it, and where nothing is
/// judged behind a filter, nothing need be logged there.
fn is_whole(folder: &Path, sends: bool) {
    let plan = std::fs::read_to_string(folder.join(RunFile::Plan.path())).expect("a plan");
    let behind_filters = plan.contains("\"behind_filter\"");
    for file in FILES {
        let path = folder.join(file.path());
        let length = path.metadata().map(|known| known.len());
        let may_be_empty = match file {
            RunFile::Sent | RunFile::Probes => !sends,
            RunFile::Filters => !behind_filters,
            _ => false,
        };
        let whole = length.is_ok_and(|length| length > 0 || may_be_empty);
        assert!(whole, "{} is missing or empty", path.display());
    }
    let text = std::fs::read(folder.join(RunFile::Manifest.path())).expect("a manifest");
    let listed: Manifest = serde_json::from_slice(&text).expect("a manifest");
    let found = Manifest::of(folder).expect("a readable folder");
    assert_eq!(found, listed, "what is there is what was listed");
}

/// How many frames of one of the two sites went as expected, and were counted instead of stored.
fn counted_instead(folder: &Path, site: &str) -> u64 {
    let text = std::fs::read_to_string(folder.join(RunFile::Sightings.path())).expect("sightings are text");
    let lines =
        text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("lines of JSON"));
    lines.filter(|line| line["of"] == site).filter_map(|line| line["count"].as_u64()).sum()
}

/// How many frames Wireshark reads from a capture, of which it must not complain.
fn frames_as_wireshark_reads(capture: &Path) -> u64 {
    // As a table without head, of exact counts. That each frame can be taken apart, other tests show; here there are
    // hundreds of thousands.
    let output = Command::new("capinfos").args(["-T", "-r", "-M", "-c"]).arg(capture).output();
    let output = output.expect("capinfos (Debian package tshark) must be installed for this test");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && stderr.is_empty(), "{}: {stderr}", capture.display());
    let frames = stdout.trim_end().rsplit('\t').next().and_then(|frames| frames.parse().ok());
    frames.unwrap_or_else(|| panic!("{}: no count of frames: {stdout}", capture.display()))
}
