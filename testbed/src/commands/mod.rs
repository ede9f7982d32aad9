//! One command of the command line per file; with `main.rs` the only place that prints.

mod accepting;
mod bench;
mod capture;
mod check;
mod controls;
mod doctor;
mod down;
mod fault;
mod judge;
mod loading;
mod outputs;
mod plan;
mod progress;
mod ps;
mod replay;
mod report;
mod run;
mod schema;
mod shell;
mod up;

pub(crate) use bench::bench_star;
pub(crate) use capture::capture;
pub(crate) use check::check;
pub(crate) use controls::controls;
pub(crate) use doctor::doctor;
pub(crate) use down::down;
pub(crate) use fault::fault;
pub(crate) use judge::judge;
pub(crate) use plan::plan;
pub(crate) use ps::ps;
pub(crate) use replay::replay;
pub(crate) use report::report;
pub(crate) use run::{Talk, run, twins};
pub(crate) use schema::{completions, schema};
pub(crate) use shell::shell;
pub(crate) use up::up;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use testbed::event::Failure;
use testbed::exit::Exit;

/// Prints a result. Nobody reading any more is no failure of ours.
pub(crate) fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints talk: progress, mistakes, failures.
pub(crate) fn talk(text: &str) {
    let mut out = io::stderr().lock();
    let _ = writeln!(out, "{}", text.trim_end());
}

/// Prints a failure and returns the exit code that it deserves.
pub(crate) fn tell_failure(about: &str, failure: &Failure) -> Exit {
    let mut text = format!("error: {about}: {}", failure.text);
    if !failure.last_lines.is_empty() {
        let place = failure.node.as_ref().map(|node| format!(" in `{node}`")).unwrap_or_default();
        text.push_str(&format!("\n  its last lines{place}:"));
        for line in &failure.last_lines {
            text.push_str(&format!("\n    {line}"));
        }
    }
    talk(&text);
    Exit::from(failure.fault)
}

/// Carries out asynchronous work on this thread.
///
/// Errors: a failure of ours, where the system does not let it begin.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| testbed::run::ours(format!("no async runtime: {error}")))?;
    Ok(runtime.block_on(work))
}

/// Prints why a lab that stays could not be reached and returns the exit code that it deserves.
pub(crate) fn tell_error(error: &testbed::stay::Error) -> Exit {
    talk(&format!("error: {error}"));
    Exit::from(error.fault())
}

/// Whether results may be coloured: on a terminal, and not where `NO_COLOR` forbids it (no-color.org).
pub(crate) fn colour(terminal: &impl IsTerminal) -> bool {
    terminal.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Folder that this program and the fakes lie in.
pub(crate) fn programs() -> PathBuf {
    let own = std::env::current_exe().ok().and_then(|path| std::fs::canonicalize(path).ok());
    own.and_then(|path| path.parent().map(PathBuf::from)).unwrap_or_default()
}
