//! `testbed report`: a run judged again from its folder.

use testbed::cli;
use testbed::exit::Exit;
use testbed::report;
use testbed::run::{self, Rejudged};

use super::run::{Talk, shade};
use super::{outputs, talk};

/// Judges the run again and reports as `run` does.
pub(crate) fn report(arguments: &cli::Report, how: &Talk) -> Exit {
    let Rejudged { report, notes, .. } = match run::rejudge(&arguments.folder) {
        Ok(rejudged) => rejudged,
        Err(damaged) => {
            talk(&format!("error: {}: {damaged}", arguments.folder.display()));
            return Exit::Input;
        }
    };
    for note in notes {
        talk(&format!("note: {note}"));
    }
    let for_programs = |text: &str| outputs::tell(&arguments.outputs, how.quiet, text);
    match &arguments.verdicts {
        Some(path) if outputs::is_standard(path) => {
            outputs::aside(how.quiet, &report::text(&report, shade()))
        }
        _ => for_programs(&report::text(&report, shade())),
    }
    if arguments.outputs.timings {
        for_programs(&report::timings_text(&report));
    }
    let mut exit = report.exit();
    if let Some(path) = &arguments.verdicts {
        exit = exit.worse(outputs::write_to(path, &report::run_json(&report)));
    }
    if let Some(path) = &arguments.html {
        exit = exit.worse(outputs::write_to(path, &report::html(&report)));
    }
    let reports = std::slice::from_ref(&report);
    outputs::write(&arguments.outputs, exit, &reports)
}
