//! The binary: arguments to settings, signals to the stop signal, facts to stdout, log to stderr.

mod cli;

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};

use anyhow::Context;
use clap::Parser;
use fake_cloud::client::ClientFile;
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
        let text = exports(&running.client, settings.https_port);
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

/// What a developer's shell needs, ready to be pasted or evaluated.
fn exports(client: &ClientFile, asked_port: u16) -> String {
    let port = if asked_port == 0 { client.https_port } else { asked_port };
    let endpoint = format!("https://localhost:{port}");
    let variables = [
        ("AWS_REGION", client.region.as_str()),
        ("AWS_DEFAULT_REGION", client.region.as_str()),
        ("AWS_ACCESS_KEY_ID", client.access_key_id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", client.secret_access_key.as_str()),
        ("AWS_ENDPOINT_URL_CLOUDWATCH", endpoint.as_str()),
        ("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", endpoint.as_str()),
        ("AWS_ENDPOINT_URL_S3", endpoint.as_str()),
        ("AWS_ENDPOINT_URL_IOT_DATA_PLANE", endpoint.as_str()),
    ];
    let mut text = String::from("# for boto3 and the AWS CLI, in another shell:\n");
    for (name, value) in variables {
        // Neither keys nor regions hold a quote.
        let _ = writeln!(text, "export {name}='{value}'");
    }
    let ca = client.ca.display().to_string().replace('\'', r"'\''");
    let _ = writeln!(text, "export AWS_CA_BUNDLE='{ca}'\nunset AWS_SESSION_TOKEN AWS_PROFILE");
    text
}
