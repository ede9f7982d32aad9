//! `testbed controls`: which documented control is proven by what.

use std::path::PathBuf;

use testbed::coverage::{self, Coverage};
use testbed::exit::Exit;
use testbed::load::{self, LoadError};

use super::{loading, say};

/// Prints the table over all scenarios and their twins, or the same as JSON.
pub(crate) fn controls(paths: &[PathBuf], json: bool) -> Exit {
    match collect(paths) {
        Ok(rows) if json => match serde_json::to_string_pretty(&rows) {
            Ok(text) => {
                say(&format!("{text}\n"));
                Exit::Expected
            }
            Err(error) => super::tell_failure("the table", &testbed::run::ours(error.to_string())),
        },
        Ok(rows) => {
            say(&coverage::table(&rows));
            Exit::Expected
        }
        Err(error) => {
            loading::tell(&error);
            Exit::Input
        }
    }
}

fn collect(paths: &[PathBuf]) -> Result<Vec<Coverage>, LoadError> {
    let (mut scenarios, mut twins) = (Vec::new(), Vec::new());
    for path in load::find(paths)? {
        scenarios.push(load::scenario(&path)?.scenario);
        for twin in load::twins_of(&path)? {
            twins.push(load::twin(&twin)?.twin);
        }
    }
    Ok(coverage::coverage(&scenarios, &twins))
}
