//! Folders that are not as the run left them: every file of the evidence, each kind of damage.

use std::os::unix::fs::symlink;

use super::*;

/// The files of the example, as its manifest lists them.
fn listed() -> Vec<String> {
    let text = fs::read(example().join(RunFile::Manifest.path())).expect("the example is there");
    let manifest: Manifest = serde_json::from_slice(&text).expect("the example is there");
    manifest.files.into_iter().map(|file| file.path).collect()
}

#[test]
fn a_changed_byte_a_missing_end_and_a_missing_file_are_noticed_in_every_file() {
    for file in listed() {
        let kept = Kept::new();
        let path = kept.folder.join(&file);
        let whole = fs::read(&path).unwrap();
        let says = |text: &str| {
            let said = kept.report(&[]).expect_code(2);
            assert!(said.stdout.is_empty(), "no verdict of damaged evidence: {said}");
            assert!(said.stderr.contains("the run folder is damaged"), "{said}");
            assert!(said.stderr.contains(&format!("  {file} {text}")), "{file} {text}: {said}");
        };
        if let Some(middle) = whole.len().checked_sub(1).map(|last| last / 2) {
            let mut other = whole.clone();
            other[middle] ^= 1;
            fs::write(&path, other).unwrap();
            says("was changed: its SHA-256 is ");
            fs::write(&path, &whole[..middle]).unwrap();
            says(&format!("has {middle} bytes, but the run left {}: it was cut short", whole.len()));
        }
        fs::write(&path, [&whole[..], b"\n"].concat()).unwrap();
        says(&format!("has {} bytes, but the run left {}: it was added to", whole.len() + 1, whole.len()));
        fs::remove_file(&path).unwrap();
        says("is missing");
    }
}

#[test]
fn all_damage_is_told_at_once_and_each_file_named() {
    let kept = Kept::new();
    kept.change(&RunFile::Plan, |bytes| bytes[9] ^= 1);
    kept.remove(&RunFile::Sent);
    let said = kept.report(&[]).expect_code(2);
    assert!(
        said.stderr.contains("plan.json was changed") && said.stderr.contains("sent.jsonl is missing"),
        "{said}"
    );
}

#[test]
fn evidence_that_the_manifest_does_not_know_is_no_evidence() {
    let kept = Kept::new();
    let path = kept.file(&RunFile::Manifest);
    let mut manifest: Manifest = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    manifest.files.retain(|file| file.path != RunFile::Filters.path());
    RunFolder::at(&kept.folder).write_json(&RunFile::Manifest, &manifest).unwrap();
    let said = kept.report(&[]).expect_code(2);
    assert!(said.stderr.contains("filters.jsonl is not listed in manifest.json"), "{said}");
}

#[test]
fn products_may_be_missing_or_changed_and_other_files_be_there() {
    let kept = Kept::new();
    kept.remove(&RunFile::Junit);
    kept.change(&RunFile::Report, |bytes| bytes.extend(b"<!-- looked at -->"));
    fs::write(kept.folder.join("notes.txt"), "seen by me").unwrap();
    let stored = verdicts_in(&kept.folder);
    kept.change(&RunFile::Verdicts, |bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        *bytes = text.replacen("\"verdict\": \"pass\"", "\"verdict\": \"fail\"", 1).into_bytes();
    });
    let (run, said) = kept.judged(0);
    assert_eq!(run, stored, "verdicts are made of evidence, not of verdicts");
    for note in [
        "note: report.html has ",
        "note: notes.txt is not of the run",
        "note: verdicts.json was changed",
        "note: verdicts.json has other verdicts than the evidence comes to: desk-asks was fail and is pass",
    ] {
        assert!(said.stderr.contains(note), "{note}: {said}");
    }
}

#[test]
fn what_is_no_regular_file_is_neither_followed_nor_waited_for() {
    for sealed in [true, false] {
        for kind in ["link", "pipe", "folder"] {
            let kept = Kept::new();
            let path = kept.file(&RunFile::Capture);
            let aside = kept.place.path().join("aside");
            fs::rename(&path, &aside).unwrap();
            match kind {
                "link" => symlink(&aside, &path).unwrap(),
                "folder" => fs::create_dir(&path).unwrap(),
                _ => nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap(),
            }
            if !sealed {
                kept.remove(&RunFile::Manifest);
            }
            let said = kept.report(&[]).expect_code(2);
            let text = if sealed && kind == "folder" { "is missing" } else { "is no regular file" };
            assert!(said.stderr.contains(&format!("capture.pcapng {text}")), "{kind}: {said}");
        }
    }
}

#[test]
fn what_is_no_run_folder_says_so() {
    let place = Place::new();
    for path in ["/nowhere", "/", "/etc/passwd"] {
        let mut command = place.testbed();
        command.args(["report", path]);
        let said = say(command, SOON).expect_code(2);
        assert!(said.stderr.contains(&format!("error: {path}: ")), "{said}");
    }
    let kept = Kept::new();
    kept.change(&RunFile::Run, |bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        *bytes = text.replacen("\"format\": 2", "\"format\": 3", 1).into_bytes();
    });
    kept.seal_again();
    let said = kept.report(&[]).expect_code(2);
    assert!(said.stderr.contains("run.json: format 3 is not known to this testbed, which reads 2"), "{said}");
}
