//! Every file in this folder is a scenario with mistakes in it; what is said of it is kept as a snapshot.
//!
//! A new mistake is a new file. Files in `broken/` are twins of the good scenario beside it, those in `unsupported/` lists
//! of its checks that may stay inconclusive.

use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Failed, Trial};
use testbed::load::{self, LoadError};
use testbed::scenario::Mistakes;

fn main() {
    // paths in the snapshots are relative to this folder
    std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mistakes"))
        .expect("our own folder");
    let mut trials: Vec<Trial> = Vec::new();
    for folder in [".", "broken", "unsupported"] {
        let entries = std::fs::read_dir(folder).expect("our own folder");
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("our own folder").path()).collect();
        files.sort();
        for file in files.into_iter().filter(|file| file.extension().is_some_and(|ending| ending == "yaml")) {
            let file = file.strip_prefix(".").map(Path::to_owned).unwrap_or(file);
            let name = file.with_extension("").display().to_string().replace('/', "::");
            trials.push(Trial::test(name, move || said_as_before(&file)));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// What is said of a file is what its snapshot says, and it is refused unless its name begins with `good` or `warns`.
fn said_as_before(file: &Path) -> Result<(), Failed> {
    let folder = file.parent().and_then(Path::to_str).unwrap_or_default();
    let loaded = match folder {
        "broken" => load::twin(file).map(|loaded| loaded.warnings),
        "unsupported" => {
            let good = load::scenario(Path::new("good-tags.yaml"))?.scenario;
            load::unsupported(file, &[good], &[].into()).map(|_| Mistakes::default())
        }
        _ => load::scenario(file).map(|loaded| loaded.warnings),
    };
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
    let said = match loaded {
        Ok(warnings) if stem.starts_with("good") && warnings.is_empty() => return Ok(()),
        Ok(warnings) if stem.starts_with("warns") && !warnings.is_empty() => warnings.to_string(),
        Ok(_) => return Err(format!("{} passes for a good one", file.display()).into()),
        Err(error) if stem.starts_with("good") => return Err(error.to_string().into()),
        Err(LoadError::Mistakes(mistakes)) => {
            for mistake in mistakes.iter() {
                if mistake.source_line.is_empty() && mistake.line > 1 {
                    return Err(format!("{} is shown without its line", mistake.title).into());
                }
            }
            mistakes.to_string()
        }
        Err(error) => error.to_string(),
    };
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mistakes/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let name = match folder {
        "broken" => format!("twin-{stem}"),
        "unsupported" => format!("unsupported-{stem}"),
        _ => stem,
    };
    settings.bind(|| insta::assert_snapshot!(name, said));
    Ok(())
}
