//! `testbed check`: every mistake of scenarios and twins, at its place.

use std::path::{Path, PathBuf};

use testbed::exit::Exit;
use testbed::{load, run};

use super::{loading, say};

/// Checks all of them, whatever is wrong with the first.
pub(crate) fn check(paths: &[PathBuf]) -> Exit {
    match load::find(paths) {
        Ok(found) => found.iter().map(|path| check_one(path)).fold(Exit::Expected, Exit::worse),
        Err(error) => {
            loading::tell(&error);
            Exit::Input
        }
    }
}

fn check_one(path: &Path) -> Exit {
    let loaded = match loading::load(path) {
        Ok(loaded) => loaded,
        Err(error) => {
            loading::tell(&error);
            return Exit::Input;
        }
    };
    match run::planned(&loaded.scenario) {
        Ok(plan) => {
            let (nodes, checks) = (plan.nodes.len(), plan.checks.len());
            say(&format!("{}: {nodes} nodes, {checks} checks, no mistakes\n", path.display()));
            Exit::Expected
        }
        Err(failure) => super::tell_failure(&path.display().to_string(), &failure),
    }
}
