//! The binary: arguments in, one camera served, exit code out.

mod cli;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use fake_camera::engine::{self, Video};
use fake_facts::Teller;
use tokio::net::TcpSocket;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Connections that may wait to be accepted; a whole site's clients may come in the same moment.
const BACKLOG: u32 = 256;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    log_to_stderr(cli.verbose);
    let cli::Command::Serve(arguments) = cli.command;
    match serve(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(camera = arguments.name, "{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: &cli::Serve) -> anyhow::Result<()> {
    let camera = arguments.camera()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Listening first finds a taken port before any work is done; clients then wait until we are ready.
        let socket = arguments.socket();
        let listener = listen(socket).with_context(|| format!("cannot listen on {socket}"))?;
        let shutdown = told_to_stop()?;
        let video = Video::prepare(&camera)?;
        engine::serve(listener, &camera, video, Arc::new(Teller::stdout()), shutdown).await?;
        Ok(())
    })
}

fn listen(address: std::net::SocketAddr) -> std::io::Result<tokio::net::TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
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
