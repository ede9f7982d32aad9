//! The binary: arguments in, the appliance until it is told to stop, exit code out.

mod cli;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use fake_appliance::config::Config;
use fake_facts::Teller;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    log_to_stderr(cli.verbose);
    match act(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn act(command: cli::Command) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let ended = runtime.block_on(async {
        let shutdown = told_to_stop()?;
        let teller = Arc::new(Teller::stdout());
        match command {
            cli::Command::Run { config } => {
                let config = Config::read(&config)?;
                fake_appliance::run(config, teller, shutdown).await?;
            }
            cli::Command::Pull(pull) => {
                let cameras = pull.cameras()?;
                fake_appliance::pull(&cameras, !pull.no_decode, pull.frames, teller, shutdown).await?;
            }
        }
        Ok(())
    });
    // A resolver that hangs in a thread of its own must not hold up the end.
    runtime.shutdown_background();
    ended
}

fn told_to_stop() -> std::io::Result<impl Future<Output = String>> {
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = term.recv() => "SIGTERM".to_owned(),
            _ = int.recv() => "SIGINT".to_owned(),
        }
    })
}

fn log_to_stderr(verbose: u8) {
    let level = match verbose {
        0 => "info",
        1 => "debug",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}
