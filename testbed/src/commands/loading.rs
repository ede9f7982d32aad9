//! A path that may be a scenario or a broken twin.

use std::path::{Path, PathBuf};

use testbed::load::{self, LoadError};
use testbed::scenario::Mistakes;
use testbed::scenario::model::Scenario;
use testbed::scenario::twin::Twin;

use super::{colour, talk};

/// Something that can be planned and run.
pub(crate) struct Loaded {
    /// Its file, as the user named it.
    pub(crate) path: PathBuf,
    /// The scenario's folder.
    pub(crate) folder: PathBuf,
    /// The scenario; for a twin with its change made.
    pub(crate) scenario: Scenario,
    /// What the twin expects.
    pub(crate) twin: Option<Twin>,
}

/// Reads a scenario, or a twin if the file lies in a folder `broken`; tells its warnings.
pub(crate) fn load(path: &Path) -> Result<Loaded, LoadError> {
    if is_twin(path) {
        let loaded = load::twin(path)?;
        warn(&loaded.warnings);
        return Ok(Loaded {
            path: path.to_owned(),
            folder: loaded.folder,
            scenario: loaded.twin.scenario.clone(),
            twin: Some(loaded.twin),
        });
    }
    let loaded = load::scenario(path)?;
    warn(&loaded.warnings);
    Ok(Loaded { path: path.to_owned(), folder: loaded.folder, scenario: loaded.scenario, twin: None })
}

/// Whether a path names a twin: twins lie in a folder `broken`, and nothing else does.
pub(crate) fn is_twin(path: &Path) -> bool {
    let whole = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    whole.is_file() && whole.parent().is_some_and(|folder| folder.ends_with("broken"))
}

/// Tells why something could not be read.
pub(crate) fn tell(error: &LoadError) {
    match error {
        LoadError::Mistakes(mistakes) => talk(&mistakes.render(colour(&std::io::stderr()))),
        other => talk(&format!("error: {other}")),
    }
}

fn warn(warnings: &Mistakes) {
    if !warnings.is_empty() {
        talk(&warnings.render(colour(&std::io::stderr())));
    }
}
