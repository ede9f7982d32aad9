//! What the tests that drive the built program share.
//!
//! A [`Place`] is a temporary folder of a test's own, with the program in it or beside it, and says as whom it runs
//! ([`User`]). [`say`] runs a command and listens with a deadline; [`start`] does so in two steps. A [`Counted`] user
//! namespace lets the kernel itself say whether a run left anything.

#![allow(
    dead_code,
    unused_imports,
    reason = "every test binary has this module, and uses its own part of it"
)]

mod counted;
mod listen;
mod place;
mod tree;

pub(crate) use counted::Counted;
pub(crate) use listen::{Said, Talking, say, start};
pub(crate) use place::{Place, User};
pub(crate) use tree::{Victim, find};

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use testbed::report::{RunJson, RunsJson};

/// Longest that one run of a small site may take; only a run that hangs takes so long.
pub(crate) const ONE_RUN: Duration = Duration::from_secs(60);

/// How many times slower than an ordinary machine this one is: 1, unless `make test-kernel` says otherwise.
pub(crate) fn patience() -> u32 {
    match std::env::var("TESTBED_TEST_PATIENCE") {
        Ok(text) => text.parse().unwrap_or_else(|error| panic!("TESTBED_TEST_PATIENCE={text}: {error}")),
        Err(_) => 1,
    }
}

/// The folder with the shipped scenarios.
pub(crate) fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../scenarios")
        .canonicalize()
        .expect("the scenarios are shipped")
}

/// The scenario files that lie directly in a folder, sorted.
pub(crate) fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "yaml"));
    files.sort();
    files
}

/// The test of a scenario, or of a twin of it, is named after its file. Where a check of the scenario requires what this
/// kernel may lack, it belongs to the kernel lane, and is named as if it were in a module of that name
/// (`.config/nextest.toml`).
///
/// Only looks for lines with these keys: each test is a process that names all others, too.
pub(crate) fn test_name(path: &Path) -> String {
    let name = path.file_stem().expect("a file has a name").to_string_lossy();
    let read = |path: &Path| {
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let text = read(path);
    let of = text.lines().find_map(|line| line.strip_prefix("twin_of: "));
    let scenario = of.map_or_else(|| text.clone(), |of| read(&scenarios().join(of.trim())));
    let requires = scenario.lines().any(|line| line.trim_start().starts_with("requires:"));
    if requires { format!("kernel_lane::{name}") } else { name.into_owned() }
}

/// What `--json -` wrote to standard output, which then has nothing but the report before it.
pub(crate) fn runs_of(said: &Said) -> RunsJson {
    let begin = said.stdout.find("\n{").map_or(0, |at| at + 1);
    serde_json::from_str(&said.stdout[begin..])
        .unwrap_or_else(|error| panic!("no JSON at the end ({error}): {said}"))
}

/// What a run folder's `verdicts.json` says.
pub(crate) fn verdicts_in(run_folder: &Path) -> RunJson {
    let path = run_folder.join("verdicts.json");
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Looks again and again until there is something, or the time is over.
pub(crate) fn until<T>(within: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + within;
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
