//! Runs that ended before their time.

use nix::sys::signal::Signal;
use testbed::verdict::Verdict;

use super::*;
use crate::support::{start, until};

/// Nothing passes, and each check says why.
#[track_caller]
fn nothing_passes(run: &RunJson, said: &Said, why: &str) {
    assert_eq!(run.counts.pass, 0, "{said}");
    for check in &run.checks {
        assert!(
            check.reasons.iter().any(|reason| reason.starts_with("folder:") && reason.contains(why)),
            "{said}"
        );
    }
    assert!(said.stderr.contains("note: the run is incomplete"), "{said}");
}

#[test]
fn a_folder_without_its_seal_is_judged_and_nothing_in_it_passes() {
    let kept = Kept::new();
    for file in [RunFile::Manifest, RunFile::Verdicts] {
        kept.remove(&file);
    }
    let (run, said) = kept.judged(3);
    nothing_passes(&run, &said, "the run ended before its evidence was whole");
    assert!(run.checks.iter().all(|check| check.verdict == Verdict::Inconclusive), "{said}");
    // Whatever is missing besides, what is there is judged.
    for file in [
        RunFile::Record,
        RunFile::Facts,
        RunFile::Sent,
        RunFile::Filters,
        RunFile::Capture,
        RunFile::OpenCopy,
    ] {
        let kept = Kept::new();
        kept.remove(&RunFile::Manifest);
        kept.remove(&file);
        let (run, said) = kept.judged(3);
        nothing_passes(&run, &said, &format!("{} is missing", file.path()));
    }
    kept.remove(&RunFile::Plan);
    let said = kept.report(&[]).expect_code(2);
    assert!(said.stderr.contains("plan.json is missing"), "{said}");
}

#[test]
fn what_was_seen_before_a_run_ended_stays_a_finding() {
    let kept = Kept::new();
    kept.change(&RunFile::Plan, |bytes| {
        // The door may speak with the desk alone, which it did not.
        let mut plan: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        let checks = plan["checks"].as_array_mut().unwrap();
        let check = checks.iter_mut().find(|check| check["name"] == "door-peers").unwrap();
        check["word"]["peers_of"]["exactly"] = serde_json::json!(["desk"]);
        *bytes = serde_json::to_vec(&plan).unwrap();
    });
    for file in [RunFile::Manifest, RunFile::Verdicts, RunFile::Record] {
        kept.remove(&file);
    }
    let (run, said) = kept.judged(1);
    nothing_passes(&run, &said, "record.jsonl is missing");
    let failed: Vec<_> = run.checks.iter().filter(|check| check.verdict == Verdict::Fail).collect();
    assert_eq!(failed.len(), 1, "{said}");
    assert!(failed[0].findings[0].text.contains("door exchanged arp with fw"), "{said}");
}

#[test]
fn a_capture_that_was_cut_is_read_as_far_as_it_goes() {
    let kept = Kept::new();
    for file in [RunFile::Manifest, RunFile::Verdicts] {
        kept.remove(&file);
    }
    kept.change(&RunFile::Capture, |bytes| bytes.truncate(bytes.len() / 2));
    let (run, said) = kept.judged(3);
    nothing_passes(&run, &said, "capture.pcapng: it ends in the midst of a packet");
    let frames = verdicts_in(&example()).capture.site.frames;
    assert!((10..frames).contains(&run.capture.site.frames), "{} of {frames}", run.capture.site.frames);
}

/// A run that is interrupted in the midst of its work, and one that is killed.
#[test]
fn an_interrupted_run_says_so_and_a_killed_one_that_nobody_knows_why() {
    for (signal, why) in [
        (Signal::SIGINT, "the run ended before its time: interrupted"),
        (Signal::SIGKILL, "does not say why"),
    ] {
        let place = Place::new();
        let site = site(&place);
        let running = start(place.run(&site.join("door.yaml")));
        // From here on there are taps; the run goes on for a while.
        let begun = until(ONE_RUN, || {
            let folder = place.run_folders().pop()?;
            folder.join(RunFile::OpenCopy.path()).exists().then_some(folder)
        });
        running.signal(signal);
        let folder = begun.expect("it has begun");
        let ended = running.finish(ONE_RUN);
        assert!(!folder.join(RunFile::Verdicts.path()).exists(), "it ended before its time: {ended}");
        let mut command = place.testbed();
        command.arg("report").arg(&folder).args(["--verdicts", "-"]);
        let said = say(command, SOON).expect_code(3);
        let run: RunJson = serde_json::from_str(&said.stdout).unwrap();
        nothing_passes(&run, &said, why);
    }
}
