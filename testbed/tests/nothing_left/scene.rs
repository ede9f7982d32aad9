//! A place, a counted user namespace around its runs, and what was there before them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Counted, Place, User};

/// Where a lab keeps its state, on a file system of its own; on the host's it must not be.
const LAB_STATE: &str = "/run/testbed";

/// Where runs of the small site are made, and looked after.
pub(crate) struct Scene {
    pub(crate) place: Place,
    pub(crate) counted: Counted,
    pub(crate) scenario: PathBuf,
    files: BTreeSet<PathBuf>,
    mounts: BTreeSet<String>,
}

impl Scene {
    pub(crate) fn of(user: User) -> Self {
        let place = Place::of(user);
        let site = place.bring(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nothing_left"));
        let counted = Counted::at(&place);
        let (files, mounts) = (files_outside_runs(&place), our_mounts());
        Self { scenario: site.join("small.yaml"), place, counted, files, mounts }
    }

    /// `testbed run` of the small site, counted.
    pub(crate) fn run(&self) -> Command {
        let mut command = self.place.run(&self.scenario);
        command.args(["--json", "-"]);
        self.counted.wrap(command)
    }

    /// Lets the site's router forward everything, so that its check fails.
    pub(crate) fn break_site(&self) {
        let path = self.scenario.with_extension("nft");
        let rules = fs::read_to_string(&path).expect("our own file");
        fs::write(&path, rules.replace("policy drop", "policy accept")).expect("our own file");
    }

    /// Fails the test unless all is as it was, but for run folders.
    #[track_caller]
    pub(crate) fn assert_nothing_left(&self) {
        self.counted.assert_nothing_left();
        assert_eq!(files_outside_runs(&self.place), self.files, "files outside the run folders");
        assert_eq!(our_mounts(), self.mounts, "mounts in the host's own mount namespace");
        assert!(!Path::new(LAB_STATE).exists(), "a lab's state lies on the host: {LAB_STATE}");
    }
}

/// Everything below the place but what lies in `out`, which belongs to runs.
fn files_outside_runs(place: &Place) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![place.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("our own folder") {
            let path = entry.expect("our own folder").path();
            if path.is_dir() && !path.is_symlink() && path != place.out() {
                folders.push(path.clone());
            }
            found.insert(path);
        }
    }
    found
}

/// Mounts that name us: a lab's tmpfs is called `testbed`, and our places have it in their paths.
fn our_mounts() -> BTreeSet<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("proc is mounted");
    mounts.lines().filter(|line| line.contains("testbed")).map(str::to_owned).collect()
}
