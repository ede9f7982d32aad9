//! A folder of a test's own, and as whom the program runs there.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::Uid;
use tempfile::TempDir;
use testbed::run::FAKES;

use super::patience;

/// User and group that own nothing.
pub(super) const NOBODY: u32 = 65534;

/// As whom a command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum User {
    /// Whoever runs the tests.
    Same,
    /// An ordinary user: `nobody` where root runs the tests, else whoever runs them.
    Ordinary,
}

impl User {
    /// Whether another identity must be taken on: only root can, and only root needs to.
    pub(super) fn changes(self) -> bool {
        self == User::Ordinary && Uid::effective().is_root()
    }
}

/// The folder of the programs under test: those built with the tests, or those of `TESTBED_TEST_PROGRAMS`, for a place
/// so slow that they must be built for speed (the kernel lane's guest).
fn built_programs() -> PathBuf {
    std::env::var_os("TESTBED_TEST_PROGRAMS").map_or_else(
        || Path::new(env!("CARGO_BIN_EXE_testbed")).parent().expect("a file lies in a folder").to_owned(),
        PathBuf::from,
    )
}

/// A temporary folder that holds all a run needs and leaves: `out` for run folders, `tmp` as its `TMPDIR`, and copies
/// of programs and scenarios where its user could not reach the originals. Gone when dropped.
pub(crate) struct Place {
    folder: TempDir,
    programs: PathBuf,
    user: User,
}

impl Place {
    /// A place of a user.
    ///
    /// Fails the test, naming it, if one of the programs was not built.
    pub(crate) fn of(user: User) -> Self {
        let programs = built_programs();
        for fake in FAKES {
            let path = programs.join(fake);
            assert!(path.exists(), "{} is missing: build the whole workspace first", path.display());
        }
        let folder = tempfile::Builder::new().prefix("testbed-test-").tempdir().expect("a temporary folder");
        let mut place = Self { programs, folder, user };
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).expect("our own folder");
        for own in ["out", "tmp"] {
            let path = place.path().join(own);
            fs::create_dir(&path).expect("our own folder");
            place.hand_over(&path);
        }
        if user.changes() {
            place.programs = place.copy_programs();
        }
        place
    }

    /// A place of whoever runs the tests.
    pub(crate) fn new() -> Self {
        Self::of(User::Same)
    }

    /// The user's folder may lie where nobody else can look, so programs come to it.
    fn copy_programs(&self) -> PathBuf {
        let to = self.path().join("bin");
        fs::create_dir(&to).expect("our own folder");
        for name in FAKES.into_iter().chain(["testbed"]) {
            let (from, to) = (self.programs.join(name), to.join(name));
            if fs::hard_link(&from, &to).is_err() {
                fs::copy(&from, &to).unwrap_or_else(|error| panic!("copying {}: {error}", from.display()));
            }
        }
        to
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where its runs go.
    pub(crate) fn out(&self) -> PathBuf {
        self.path().join("out")
    }

    /// The `TMPDIR` of its commands.
    pub(crate) fn tmp(&self) -> PathBuf {
        self.path().join("tmp")
    }

    /// As whom commands run here.
    pub(crate) fn user(&self) -> User {
        self.user
    }

    /// The built program, with its arguments to come.
    pub(crate) fn testbed(&self) -> Command {
        self.command(self.programs.join("testbed"))
    }

    /// `testbed run SCENARIO --out OUT`.
    pub(crate) fn run(&self, scenario: &Path) -> Command {
        self.runs("run", scenario)
    }

    /// `testbed twins PATH --out OUT`.
    pub(crate) fn twins(&self, path: &Path) -> Command {
        self.runs("twins", path)
    }

    fn runs(&self, word: &str, path: &Path) -> Command {
        let mut command = self.testbed();
        command.arg(word).arg(path).arg("--out").arg(self.out());
        command.args(["--patience", &patience().to_string()]);
        command
    }

    /// Any program, as this place's user, in this place.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.path())
            .env("TMPDIR", self.tmp())
            .env("NO_COLOR", "1")
            // Labs that stay are found below `TMPDIR` then, each place's its own.
            .env_remove("XDG_RUNTIME_DIR")
            .env_remove("RUST_LOG");
        if self.user.changes() {
            // As root, the standard library drops the other groups as well.
            command.uid(NOBODY).gid(NOBODY).env("HOME", self.path());
        }
        command
    }

    /// Writes a file here, readable by the place's user; returns where.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("below our folder")).expect("our own folder");
        fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }

    /// Copies a file or a whole folder here, under its own name, readable by the place's user; returns where.
    pub(crate) fn bring(&self, from: &Path) -> PathBuf {
        let to = self.path().join(from.file_name().expect("a path with a name"));
        copy(from, &to);
        to
    }

    /// The run folders so far, sorted.
    pub(crate) fn run_folders(&self) -> Vec<PathBuf> {
        let mut folders: Vec<PathBuf> = match fs::read_dir(self.out()) {
            Ok(entries) => entries.map(|entry| entry.expect("our own folder").path()).collect(),
            Err(_) => Vec::new(),
        };
        folders.sort();
        folders
    }

    fn hand_over(&self, path: &Path) {
        if self.user.changes() {
            chown(path, Some(NOBODY), Some(NOBODY)).expect("root may");
        }
    }
}

fn copy(from: &Path, to: &Path) {
    let failed = |error| panic!("copying {}: {error}", from.display());
    if !from.is_dir() {
        fs::copy(from, to).unwrap_or_else(failed);
        return;
    }
    fs::create_dir_all(to).expect("our own folder");
    for entry in fs::read_dir(from).expect("a folder to copy") {
        let entry = entry.expect("a folder to copy");
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}
