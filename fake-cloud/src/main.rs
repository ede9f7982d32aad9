//! The binary: arguments to settings, signals to the stop signal, facts to stdout, log to stderr.

mod cli;

use std::io::{IsTerminal as _, Write as _};

use anyhow::Context;
use clap::Parser;
use fake_cloud::cloud;
use fake_cloud::settings::Settings;
use fake_facts::Teller;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

fn main() -> anyhow::Result<()> {
    let arguments = cli::Arguments::parse();
    start_log(arguments.verbose);
    let cli::Command::Serve(serve) = arguments.command;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(serve_until_told(serve.into()))
}

fn start_log(verbose: u8) {
    let level = ["fake_cloud=info,warn", "fake_cloud=debug,info", "trace"][usize::from(verbose.min(2))];
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
}

async fn serve_until_told(settings: Settings) -> anyhow::Result<()> {
    // Before anything is said, so that no signal after `Ready` finds the default action.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = CancellationToken::new();
    let running = cloud::start(&settings, Teller::stdout(), stop.clone()).await.context("start the cloud")?;
    if settings.localhost {
        let text =
            format!("# for boto3 and the AWS CLI, in another shell:\n{}", running.client.shell_exports());
        std::io::stderr().write_all(text.as_bytes()).context("tell the developer what to export")?;
    }
    let reason = tokio::select! {
        _ = terminate.recv() => "told to stop by SIGTERM",
        _ = interrupt.recv() => "told to stop by SIGINT",
        () = stop.cancelled() => "nobody listens to the facts",
    };
    stop.cancel();
    running.finish(reason).await;
    Ok(())
}
