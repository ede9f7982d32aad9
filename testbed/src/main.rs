//! The command: arguments in, exit code out.

mod commands;

use std::process::ExitCode;

use clap::Parser;
use testbed::cli::{Cli, Command, LogFormat};
use testbed::exit::Exit;
use testbed::run;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == run::LAB) {
        // Before anything can make a thread: the lab's process must have one only. Nobody types this, and each lab waits
        // for it, so that it does without a parser of arguments.
        let (verbose, json) = run::lab_log(words);
        start_log(false, verbose, json);
        return ExitCode::from(run::lab_process());
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no failure.
            let code = if error.use_stderr() { Exit::Input } else { Exit::Expected };
            let _ = error.print();
            return ExitCode::from(code.code());
        }
    };
    start_log(cli.quiet, cli.verbose, cli.log_format == LogFormat::Json);
    ExitCode::from(obey(&cli))
}

/// Carries out the command; the exit code.
fn obey(cli: &Cli) -> u8 {
    let talk = commands::Talk {
        quiet: cli.quiet,
        verbose: cli.verbose,
        json_logs: cli.log_format == LogFormat::Json,
    };
    let exit = match &cli.command {
        // These end as something else does: the command in a node, the report of a lab.
        Command::Up(arguments) => return commands::up(arguments, &talk),
        Command::Shell { lab, node, command } => return commands::shell(lab, node, command),
        Command::Capture { lab, segment } => return commands::capture(lab, segment.as_deref(), cli.quiet),
        Command::Judge { lab, accept, outputs } => {
            return commands::judge(lab, accept, outputs, &talk);
        }
        Command::Replay { folder, lab } => commands::replay(folder, lab, &talk),
        Command::Report(arguments) => commands::report(arguments, &talk),
        Command::Ps { json } => commands::ps(*json),
        Command::Down { labs, all } => commands::down(labs, *all, cli.quiet),
        Command::Fault { lab, action } => commands::fault(lab, action, cli.quiet),
        Command::Run(arguments) => commands::run(arguments, &talk),
        Command::Twins(arguments) => commands::twins(arguments, &talk),
        Command::Check { paths } => commands::check(paths),
        Command::Plan { path, format } => commands::plan(path, *format),
        Command::Controls { paths, json } => commands::controls(paths, *json),
        Command::Schema { of } => commands::schema(*of),
        Command::Completions { shell } => commands::completions(*shell),
        Command::Doctor => commands::doctor(),
        Command::BenchStar { hosts } => commands::bench_star(*hosts),
    };
    exit.code()
}

fn start_log(quiet: bool, verbose: u8, json: bool) {
    let level = match (quiet, verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "info",
        (false, 2) => "debug",
        (false, _) => "trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json { log.json().init() } else { log.with_ansi(false).init() }
}
