//! `report.html` in a browser: the page of the shipped run, and one of a run that failed, have nothing wrong with them
//! in Chromium; and pages that are wrong are found out, each for what is wrong with it.
//!
//! These tests need Chromium, which Debian has as a package and Ubuntu as a snap only: `make test-page` runs them.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod wrong;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use wrong::{ASKING, WRONG, made_wrong};

/// The page of a run that failed, as a test of the report's own keeps it.
const FAILED: &str =
    "testbed/src/report/snapshots/testbed__report__html__tests__the_page_of_a_run_that_failed.snap.html";
/// Of a run that passed.
const SHIPPED: &str = "docs/example/run/report.html";
/// What Chromium is called; the first that is there is used.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

#[test]
fn the_page_of_the_shipped_run_is_right() {
    assert_eq!(look(&[root().join(SHIPPED)]), [Vec::<String>::new()]);
}

#[test]
fn the_page_of_a_run_that_failed_is_right() {
    assert_eq!(look(&[root().join(FAILED)]), [Vec::<String>::new()]);
}

#[test]
fn a_page_that_is_wrong_is_found_out_for_all_that_is_wrong_with_it() {
    let right = std::fs::read_to_string(root().join(FAILED)).unwrap();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let pages =
        [&WRONG[..], &ASKING[..]].map(|wrong| (wrong, folder.path().join(wrong.len().to_string() + ".html")));
    for (wrong, path) in &pages {
        std::fs::write(path, made_wrong(&right, wrong)).unwrap();
    }
    let paths = pages.each_ref().map(|(_, path)| path.clone());
    for ((wrong, _), seen) in pages.iter().zip(look(&paths)) {
        for one in *wrong {
            assert!(
                seen.iter().any(|seen| seen.starts_with(one.found)),
                "{:?} is not among {seen:#?}",
                one.found
            );
        }
    }
}

/// Opens the pages; what is wrong with each.
fn look(pages: &[PathBuf]) -> Vec<Vec<String>> {
    let mut python = Command::new(python());
    python.arg(root().join("testbed/tests/page/page.py")).arg(browser()).args(pages);
    let said = python.stdin(Stdio::null()).stderr(Stdio::inherit()).output().unwrap();
    assert!(said.status.success(), "page.py ended badly; its words are above");
    let seen: BTreeMap<PathBuf, Vec<String>> = serde_json::from_slice(&said.stdout).unwrap();
    pages.iter().map(|page| seen.get(page).expect("each was looked at").clone()).collect()
}

fn python() -> PathBuf {
    let own = root().join(".venv/bin/python");
    let python = std::env::var_os("TESTBED_PYTHON").map_or(own, PathBuf::from);
    assert!(
        python.exists(),
        "this test needs {}: run scripts/setup page, or set TESTBED_PYTHON",
        python.display()
    );
    python
}

fn browser() -> PathBuf {
    if let Some(set) = std::env::var_os("TESTBED_BROWSER") {
        return set.into();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut names = BROWSERS.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    names
        .find(|path| path.exists())
        .expect("this test needs Chromium: run scripts/setup page, or set TESTBED_BROWSER")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
