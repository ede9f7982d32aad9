//! `testbed replay`: the scenario of a run folder, run again and compared with the record.

use std::path::Path;

use testbed::cli;
use testbed::exit::Exit;
use testbed::report;
use testbed::run::{self, Replayed};

use super::progress::Progress;
use super::run::{Talk, options, shade, stop_signal};
use super::{block_on, say, talk, tell_failure};

/// Runs the scenario again and says what differs.
pub(crate) fn replay(folder: &Path, lab: &cli::Lab, how: &Talk) -> Exit {
    let replayed = block_on(async {
        let progress = Progress::new(how.quiet || how.verbose > 0);
        let name = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy();
        let line = progress.line(&name);
        let mut stop = stop_signal();
        let stopped = async move {
            // The sender lives as long as the signals are watched.
            let _ = stop.wait_for(|stop| *stop).await;
        };
        run::replay(folder, &options(lab, how), |event| line.show(event), stopped).await
    });
    match replayed {
        Err(failure) => tell_failure("the replay", &failure),
        Ok(Ok(replayed)) => tell(&replayed),
        Ok(Err(damaged)) => {
            talk(&format!("error: {}: {damaged}", folder.display()));
            Exit::Input
        }
    }
}

fn tell(replayed: &Replayed) -> Exit {
    let Replayed { report, differences, recorded: (verdicts, flows), notes } = replayed;
    for note in notes {
        talk(&format!("note: {note}"));
    }
    say(&report::text(report, shade()));
    if let Some(failure) = &report.failure {
        return failure.fault.into();
    }
    if differences.is_empty() {
        say(&format!("\nas recorded: {verdicts} verdicts, {flows} flows\n"));
        return Exit::Expected;
    }
    let lines: Vec<String> = differences.iter().map(|one| format!("  {one}\n")).collect();
    say(&format!("\ndiffers from the record:\n{}", lines.concat()));
    Exit::Failed
}
