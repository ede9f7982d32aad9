//! Where reports go: to people, and to the files that programs read.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use testbed::cli::Outputs;
use testbed::exit::Exit;

use super::{say, talk};

/// What came of a command, as each program reads it; how the command ends is said where the format has a place for it.
pub(super) trait Told {
    fn junit(&self) -> String;
    fn sarif(&self, exit: Exit) -> String;
    fn summary(&self) -> String;
    fn json(&self, exit: Exit) -> String;
}

/// The report for people: on standard output, unless a program reads that.
pub(super) fn tell(outputs: &Outputs, quiet: bool, text: &str) {
    let for_program = |path: &Option<PathBuf>| path.as_deref().is_some_and(is_standard);
    if [&outputs.json, &outputs.junit, &outputs.sarif, &outputs.summary].into_iter().any(for_program) {
        aside(quiet, text);
    } else {
        say(text);
    }
}

/// The report for people where a program reads standard output.
pub(super) fn aside(quiet: bool, text: &str) {
    if !quiet && !text.trim().is_empty() {
        talk(text);
    }
}

/// Whether a path stands for standard output.
pub(super) fn is_standard(path: &Path) -> bool {
    path == Path::new("-")
}

/// The files that were asked for; how the command ends, which JSON says too.
pub(super) fn write(outputs: &Outputs, mut exit: Exit, told: &impl Told) -> Exit {
    if let Some(path) = &outputs.junit {
        exit = exit.worse(write_to(path, &told.junit()));
    }
    if let Some(path) = &outputs.sarif {
        exit = exit.worse(write_to(path, &told.sarif(exit)));
    }
    if let Some(path) = &outputs.summary {
        exit = exit.worse(append_to(path, &told.summary()));
    }
    if let Some(path) = &outputs.json {
        exit = exit.worse(write_to(path, &told.json(exit)));
    }
    exit
}

pub(super) fn write_to(path: &Path, text: &str) -> Exit {
    if is_standard(path) {
        say(text);
        return Exit::Expected;
    }
    written(path, std::fs::write(path, text))
}

/// A step of a job has one summary for all of its commands.
fn append_to(path: &Path, text: &str) -> Exit {
    if is_standard(path) {
        say(text);
        return Exit::Expected;
    }
    let open = OpenOptions::new().append(true).create(true).open(path);
    // Whoever wrote before may not have ended the line.
    written(path, open.and_then(|mut file| file.write_all(format!("\n{text}").as_bytes())))
}

fn written(path: &Path, result: io::Result<()>) -> Exit {
    match result {
        Ok(()) => Exit::Expected,
        Err(error) => {
            talk(&format!("error: {} could not be written: {error}", path.display()));
            Exit::Ours
        }
    }
}
