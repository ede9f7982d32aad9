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
mod schema;
mod tree;

pub(crate) use counted::Counted;
pub(crate) use listen::{Said, Talking, say, start};
pub(crate) use place::{Place, User};
pub(crate) use schema::breaks;
pub(crate) use tree::{Victim, find};

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use testbed::report::{RunJson, RunsJson};

/// Longest that one run may take; only a run that hangs takes so long, also on a machine that is slow and has other things to do.
pub(crate) const ONE_RUN: Duration = Duration::from_secs(240);

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

/// The shipped scenarios: what else lies beside them is none.
pub(crate) fn scenario_files() -> Vec<PathBuf> {
    let mut files = yaml_files(&scenarios());
    files.retain(|file| *file != unsupported());
    files
}

/// The shipped list of checks that may stay inconclusive on a kernel that lacks what they require.
pub(crate) fn unsupported() -> PathBuf {
    scenarios().join("unsupported.yaml")
}

/// The tests of a scenario, or of a twin of it. Each runs under whatever kernel there is, under the name of its file.
/// Every scenario, and each twin that shows a check which requires what this kernel may lack, also runs in the kernel
/// lane, and is named there as if it were in a module of that name (`.config/nextest.toml`).
///
/// Only looks for lines with these keys: each test is a process that names all others, too.
pub(crate) fn test_names(path: &Path) -> Vec<String> {
    let name = path.file_stem().expect("a file has a name").to_string_lossy();
    let read = |path: &Path| {
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let text = read(path);
    let of = text.lines().find_map(|line| line.strip_prefix("twin_of: "));
    let in_lane = of.is_none_or(|of| {
        // Twins lie in a folder beside what they are twins of.
        let folder = path.parent().and_then(Path::parent).expect("a twin lies in `broken`");
        let scenario = read(&folder.join(of.trim()));
        let named = |check: &&str| {
            text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|word| word == *check)
        };
        requiring(&scenario).iter().any(named)
    });
    let lane = in_lane.then(|| format!("kernel_lane::{name}"));
    std::iter::once(name.clone().into_owned()).chain(lane).collect()
}

/// Whether a test has the name that it goes by in the kernel lane.
pub(crate) fn is_lane(name: &str) -> bool {
    name.starts_with("kernel_lane::")
}

/// Checks of a scenario that require something: `requires:` or a fault that needs it stands below their name.
fn requiring(scenario: &str) -> Vec<&str> {
    let mut checks = Vec::new();
    let mut current = None;
    for line in scenario.lines() {
        if let Some(name) = line.strip_prefix("  ").and_then(|line| line.strip_suffix(':'))
            && !name.starts_with(' ')
        {
            current = Some(name);
        }
        let line = line.trim_start();
        if line.starts_with("requires:") || !line.starts_with('#') && line.contains("impair:") {
            checks.extend(current);
        }
    }
    checks
}

/// What `--json -` wrote to standard output, which then has nothing but the report before it; it is as its schema says.
pub(crate) fn runs_of(said: &Said) -> RunsJson {
    let begin = said.stdout.find("\n{").map_or(0, |at| at + 1);
    let text = &said.stdout[begin..];
    let runs =
        serde_json::from_str(text).unwrap_or_else(|error| panic!("no JSON at the end ({error}): {said}"));
    assert_eq!(breaks(text.as_bytes()), None, "{said}");
    runs
}

/// What a run folder's `verdicts.json` says; it is as its schema says.
pub(crate) fn verdicts_in(run_folder: &Path) -> RunJson {
    let path = run_folder.join("verdicts.json");
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(breaks(&text), None, "{}", path.display());
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Judged again from its folder alone, once what was made of its evidence is thrown away, a run has the same verdicts, byte
/// for byte, and the command ends as the run did.
pub(crate) fn assert_judged_alike(place: &Place, run_folder: &Path) {
    let verdicts = run_folder.join("verdicts.json");
    let stored = std::fs::read(&verdicts).unwrap_or_else(|error| panic!("{}: {error}", verdicts.display()));
    let code = verdicts_in(run_folder).exit;
    for product in ["verdicts.json", "junit.xml", "report.html"] {
        std::fs::remove_file(run_folder.join(product)).unwrap_or_else(|error| panic!("{product}: {error}"));
    }
    let again = place.path().join("verdicts-again.json");
    let mut report = place.testbed();
    report.arg("report").arg(run_folder).arg("--verdicts").arg(&again);
    let said = say(report, ONE_RUN).expect_code(code.into());
    assert_eq!(said.stderr, "", "there is nothing to note: {said}");
    let again = std::fs::read(&again).expect("it was just written");
    assert!(again == stored, "{} judged again: {}", run_folder.display(), String::from_utf8_lossy(&again));
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
