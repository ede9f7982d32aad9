//! `report`: a run judged again from its folder alone, wherever that is, and what is wrong with a folder that is not as a
//! run left it.

mod bulk;
mod damage;
mod ends;
mod hostile;
mod tampered;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use testbed::evidence::{Manifest, RunFile, RunFolder};
use testbed::report::{RunJson, RunsJson};

use crate::support::{ONE_RUN, Place, Said, say, verdicts_in};

/// Reading a small folder again takes no time; only what waits for something takes so long.
const SOON: Duration = Duration::from_secs(20);

/// The shipped example: a run that passed.
fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/example/run")
}

/// The folder of the example's scenario and rules, brought to a place.
fn site(place: &Place) -> PathBuf {
    place.bring(example().parent().expect("it lies in a folder"))
}

/// A copy of the example's run folder, to do something to.
pub(crate) struct Kept {
    pub(crate) place: Place,
    pub(crate) folder: PathBuf,
}

impl Kept {
    pub(crate) fn new() -> Self {
        let place = Place::new();
        let folder = place.bring(&example());
        Self { place, folder }
    }

    fn file(&self, file: &RunFile) -> PathBuf {
        self.folder.join(file.path())
    }

    fn remove(&self, file: &RunFile) {
        fs::remove_file(self.file(file)).unwrap_or_else(|error| panic!("{}: {error}", file.path()));
    }

    /// Changes a file's bytes.
    pub(crate) fn change(&self, file: &RunFile, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(self.file(file)).expect("our own copy");
        change(&mut bytes);
        fs::write(self.file(file), bytes).expect("our own copy");
    }

    /// Makes the manifest fit what is there, as somebody would who has something to hide.
    pub(crate) fn seal_again(&self) {
        let manifest = Manifest::of(&self.folder).expect("our own copy");
        RunFolder::at(&self.folder).write_json(&RunFile::Manifest, &manifest).expect("our own copy");
    }

    fn report(&self, arguments: &[&str]) -> Said {
        let mut command = self.place.testbed();
        command.arg("report").arg(&self.folder).args(arguments);
        say(command, SOON)
    }

    /// The run as it is judged now; the exit code must be this.
    #[track_caller]
    fn judged(&self, code: i32) -> (RunJson, Said) {
        let said = self.report(&["--verdicts", "-"]).expect_code(code);
        let run = serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
        (run, said)
    }
}

#[test]
fn the_shipped_example_is_small_and_judged_as_it_was() {
    let kept = Kept::new();
    let bytes: u64 = Manifest::of(&kept.folder).unwrap().files.iter().map(|file| file.bytes).sum();
    assert!(bytes < 500_000, "{bytes}");
    let stored = fs::read_to_string(kept.file(&RunFile::Verdicts)).unwrap();
    let said = kept.report(&["--verdicts", "-"]).expect_code(0);
    assert_eq!(said.stdout, stored, "if the testbed judges otherwise now, `make example` runs it anew");
    assert!(said.stderr.contains("3 passed, 0 failed, 0 inconclusive"), "{said}");
    assert!(!said.stderr.contains("note:"), "{said}");
}

#[test]
fn everything_that_run_writes_is_written_again_and_nothing_into_the_folder() {
    let kept = Kept::new();
    let before = Manifest::of(&kept.folder).unwrap();
    let at = |name: &str| kept.place.path().join(name);
    let (verdicts, html, junit, json) = (at("v.json"), at("r.html"), at("j.xml"), at("all.json"));
    let mut command = kept.place.testbed();
    command.arg("report").arg(&kept.folder).arg("--timings").arg("--verdicts").arg(&verdicts);
    command.arg("--html").arg(&html).arg("--junit").arg(&junit).arg("--json").arg(&json);
    let said = say(command, SOON).expect_code(0);
    for text in ["PASS          guest-does-not", "3 passed", "  build ", "evidence: "] {
        assert!(said.stdout.contains(text), "{text}: {said}");
    }
    assert_eq!(fs::read(&verdicts).unwrap(), fs::read(kept.file(&RunFile::Verdicts)).unwrap());
    assert!(fs::read_to_string(&html).unwrap().contains("guest-does-not"));
    let junit = quick_junit::Report::deserialize_from_str(&fs::read_to_string(&junit).unwrap()).unwrap();
    assert_eq!((junit.tests, junit.failures, junit.errors), (3, 0, 0));
    let all: RunsJson = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    assert_eq!((all.exit, all.runs.len(), all.runs[0].counts.pass), (0, 1, 3));
    assert_eq!(all.runs[0].folder.as_deref(), Some(kept.folder.to_str().unwrap()));
    assert_eq!(Manifest::of(&kept.folder).unwrap(), before, "the folder is only read");
    // What cannot be written is our failure, whatever the verdicts.
    kept.report(&["--html", "/nowhere/report.html"]).expect_code(4);
}

/// A run that passes and one whose rules leak, each judged again as another user who may do nothing at all: make no
/// namespace, send no packet, and write to nothing of the folder.
#[test]
fn who_may_do_nothing_judges_a_run_as_it_was() {
    let place = Place::new();
    let site = site(&place);
    let rules = site.join("door.nft");
    let run = || say(place.run(&site.join("door.yaml")), ONE_RUN);
    run().expect_code(0);
    let open = fs::read_to_string(&rules)
        .unwrap()
        .replace("\"office0\" ip saddr 10.2.0.10 icmp type echo-request ", "\"office0\" tcp dport 22 ");
    fs::write(&rules, open).unwrap();
    run().expect_code(1);
    for folder in place.run_folders() {
        let stored = verdicts_in(&folder);
        let text = fs::read_to_string(folder.join("verdicts.json")).unwrap();
        for product in ["verdicts.json", "junit.xml", "report.html"] {
            fs::remove_file(folder.join(product)).unwrap();
        }
        for path in
            [&place.out(), &folder, &folder.join("before"), &folder.join("after"), &folder.join("logs")]
        {
            fs::set_permissions(path, fs::Permissions::from_mode(0o555)).unwrap();
        }
        let said = say(powerless(&place, &folder), ONE_RUN).expect_code(stored.exit.into());
        assert_eq!(said.stdout, text, "{said}");
        fs::set_permissions(place.out(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(!folder.join("junit.xml").exists(), "nothing came into the folder");
    }
    assert_eq!(place.run_folders().len(), 2);
}

/// `report` where no namespace of any kind is to be had, without a single right.
fn powerless(place: &Place, folder: &Path) -> Command {
    let refuse = "for kind in user net mnt pid; do echo 0 > /proc/sys/user/max_${kind}_namespaces; done";
    let drop_rights = "exec setpriv --bounding-set=-all --inh-caps=-all --ambient-caps=-all";
    let script = format!("{refuse}; {drop_rights} \"$0\" report \"$1\" --verdicts -");
    let mut unshare = place.command("unshare");
    unshare.args(["--user", "--map-root-user", "sh", "-euc", &script]);
    unshare.arg(place.testbed().get_program()).arg(folder);
    unshare
}
