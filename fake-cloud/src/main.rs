//! The binary: arguments to settings, signals to the stop signal, facts to stdout, log to stderr.

mod cli;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use fake_cloud::cloud;
use fake_cloud::journal;
use fake_cloud::settings::Settings;
use fake_facts::{Teller, program};
use tokio_util::sync::CancellationToken;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    let levels = ["fake_cloud=info,warn", "fake_cloud=debug,info", "trace"];
    program::log_to_stderr(levels[usize::from(arguments.verbose.min(2))]);
    match arguments.command {
        cli::Command::Serve(serve) => {
            let control = serve.control;
            program::end(act((*serve).into(), control), |_| false)
        }
        cli::Command::Ls { dir } => program::end(list(&dir), |_| false),
    }
}

fn list(dir: &Path) -> anyhow::Result<()> {
    let stored = journal::stored(dir).with_context(|| format!("read what {} has stored", dir.display()))?;
    std::io::stdout().write_all(cli::table(&stored).as_bytes()).context("write the list")
}

fn act(settings: Settings, control: bool) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(serve_until_told(settings, control))
}

async fn serve_until_told(settings: Settings, control: bool) -> anyhow::Result<()> {
    let told = program::told_to_stop()?;
    let stop = CancellationToken::new();
    let running = cloud::start(&settings, Teller::stdout(), stop.clone()).await.context("start the cloud")?;
    if control {
        running.obey(std::io::stdin());
    }
    if settings.localhost {
        let text =
            format!("# for boto3 and the AWS CLI, in another shell:\n{}", running.client.shell_exports());
        std::io::stderr().write_all(text.as_bytes()).context("tell the developer what to export")?;
    }
    let reason = tokio::select! {
        signal = told => format!("told to stop by {signal}"),
        () = stop.cancelled() => "nobody listens to the facts".to_owned(),
    };
    stop.cancel();
    running.finish(&reason).await;
    Ok(())
}
