//! `testbed run` and `testbed twins`: labs, one after another or side by side, then what they came to.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::StreamExt;
use testbed::cli;
use testbed::event::{Failure, Fault};
use testbed::exit::Exit;
use testbed::load::{self, LoadError};
use testbed::report::{self, Report};
use testbed::run::{self, Options};
use testbed::scenario::Unsupported;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::loading::{self, Loaded};
use super::progress::Progress;
use super::{accepting, block_on, outputs, talk, tell_failure};

/// How much is said.
#[derive(Clone, Debug)]
pub(crate) struct Talk {
    /// Nothing but results.
    pub(crate) quiet: bool,
    /// How often `-v` was given: the labs' logs then go to standard error.
    pub(crate) verbose: u8,
    /// Logs are JSON lines.
    pub(crate) json_logs: bool,
}

/// Runs scenarios.
pub(crate) fn run(arguments: &cli::Run, how: &Talk) -> Exit {
    let jobs = load::find(&arguments.paths)
        .and_then(|paths| paths.iter().map(|path| loading::load(path)).collect::<Result<_, _>>());
    run_jobs(jobs, arguments, how)
}

/// Runs the broken twins of scenarios.
pub(crate) fn twins(arguments: &cli::Run, how: &Talk) -> Exit {
    run_jobs(twin_jobs(&arguments.paths), arguments, how)
}

fn twin_jobs(paths: &[PathBuf]) -> Result<Vec<Loaded>, LoadError> {
    let mut jobs = Vec::new();
    for path in load::find(paths)? {
        let twins = if loading::is_twin(&path) { vec![path] } else { load::twins_of(&path)? };
        for twin in twins {
            jobs.push(loading::load(&twin)?);
        }
    }
    Ok(jobs)
}

fn run_jobs(jobs: Result<Vec<Loaded>, LoadError>, arguments: &cli::Run, how: &Talk) -> Exit {
    let jobs = match jobs {
        Ok(jobs) if jobs.is_empty() => {
            talk("error: no broken twin: they lie in the folder `broken` beside their scenario");
            return Exit::Input;
        }
        Ok(jobs) => jobs,
        Err(error) => {
            loading::tell(&error);
            return Exit::Input;
        }
    };
    let accept = match accepting::for_jobs(&arguments.accept, &jobs) {
        Ok(accept) => accept,
        Err(error) => {
            loading::tell(&error);
            return Exit::Input;
        }
    };
    match block_on(run_all(jobs, accept, arguments, how)) {
        Ok(reports) => finish(&reports, arguments, how.quiet),
        Err(failure) => tell_failure("the runs", &failure),
    }
}

async fn run_all(
    jobs: Vec<Loaded>,
    accept: Vec<Unsupported>,
    arguments: &cli::Run,
    how: &Talk,
) -> Vec<Report> {
    let options =
        Arc::new(Options { accept, count_rules: arguments.count_rules, ..options(&arguments.lab, how) });
    let progress = Progress::new(how.quiet || how.verbose > 0);
    let stop = stop_signal();
    let colour = shade();
    let many = jobs.len() > 1;
    let runs = jobs.into_iter().map(|job| {
        let (options, mut stop, progress) = (Arc::clone(&options), stop.clone(), &progress);
        async move {
            let file = Some(job.path.display().to_string());
            if *stop.borrow() {
                return Report { file, ..interrupted(&job) };
            }
            let name = job.twin.as_ref().map_or(&job.scenario.name, |twin| &twin.name);
            let line = progress.line(name.as_str());
            let stopped = async move {
                // The sender lives as long as the signals are watched.
                let _ = stop.wait_for(|stop| *stop).await;
            };
            let report = run::run(
                &job.scenario,
                job.twin.as_ref(),
                &job.folder,
                &options,
                |event| line.show(event),
                stopped,
            )
            .await;
            Report { file, ..report }
        }
    });
    let mut reports = Vec::new();
    let mut running = futures_util::stream::iter(runs).buffered(arguments.jobs as usize);
    while let Some(report) = running.next().await {
        outputs::tell(&arguments.outputs, how.quiet, &report::text(&report, colour));
        if many && report.twin.is_none() {
            outputs::tell(&arguments.outputs, how.quiet, "\n");
        }
        if arguments.outputs.timings {
            outputs::tell(&arguments.outputs, how.quiet, &report::timings_text(&report));
        }
        reports.push(report);
    }
    reports
}

pub(super) fn options(arguments: &cli::Lab, how: &Talk) -> Options {
    let whole = |path: &PathBuf| std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
    Options {
        out: arguments.out.clone(),
        programs: super::programs(),
        exhaustive: arguments.exhaustive,
        count_rules: false,
        patience: arguments.patience,
        allow_run: arguments.allow_run,
        allow_paths: arguments.allow_paths.iter().map(whole).collect(),
        accept: Vec::new(),
        verbose: how.verbose,
        json_logs: how.json_logs,
    }
}

/// True from the first SIGINT or SIGTERM on.
pub(super) fn stop_signal() -> watch::Receiver<bool> {
    let (stop, stopped) = watch::channel(false);
    let signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
    for mut signal in signals.into_iter().flatten() {
        let stop = stop.clone();
        tokio::spawn(async move {
            signal.recv().await;
            stop.send_replace(true);
        });
    }
    stopped
}

fn interrupted(job: &Loaded) -> Report {
    let failure = Failure {
        fault: Fault::Interrupted,
        text: "interrupted before it began".into(),
        node: None,
        last_lines: Vec::new(),
    };
    run::not_run(&job.scenario, failure)
}

pub(super) fn shade() -> report::Colour {
    if super::colour(&std::io::stdout()) { report::Colour::Ansi } else { report::Colour::Plain }
}

/// The table over all, and the files that were asked for.
fn finish(reports: &[Report], arguments: &cli::Run, quiet: bool) -> Exit {
    if reports.len() > 1 {
        outputs::tell(&arguments.outputs, quiet, &report::summary_text(reports, shade()));
    }
    let exit = reports.iter().map(Report::exit).fold(Exit::Expected, Exit::worse);
    outputs::write(&arguments.outputs, exit, &reports)
}

impl outputs::Told for &[Report] {
    fn junit(&self) -> String {
        report::junit(self)
    }
    fn sarif(&self, exit: Exit) -> String {
        report::sarif(self, exit)
    }
    fn summary(&self) -> String {
        report::summary_markdown(self)
    }
    fn json(&self, exit: Exit) -> String {
        report::runs_json(self, exit)
    }
}
