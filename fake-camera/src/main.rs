//! The binary: arguments in, one camera served, exit code out.

mod cli;
mod stream;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use fake_camera::engine::{self, Error, Video};
use fake_facts::{Teller, program};
use tokio::net::TcpSocket;

/// Connections that may wait to be accepted; a whole site's clients may come in the same moment.
const BACKLOG: u32 = 256;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    program::log_to_stderr(["info", "debug", "trace"][usize::from(cli.verbose.min(2))]);
    let ended = match cli.command {
        cli::Command::Serve(arguments) => {
            serve(&arguments).with_context(|| format!("camera {}", arguments.name))
        }
        cli::Command::Doctor => engine::check().map_err(anyhow::Error::from),
    };
    program::end(ended, |error| matches!(error.downcast_ref(), Some(Error::Missing(_))))
}

fn serve(arguments: &cli::Serve) -> anyhow::Result<()> {
    let camera = arguments.camera()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Listening first finds a taken port before any work is done; clients then wait until we are ready.
        let socket = arguments.socket();
        let listener = listen(socket).with_context(|| format!("cannot listen on {socket}"))?;
        let shutdown = program::told_to_stop()?;
        let videos = Video::prepare_all(&camera)?;
        engine::serve(listener, &camera, videos, Arc::new(Teller::stdout()), shutdown).await?;
        Ok(())
    })
}

fn listen(address: std::net::SocketAddr) -> std::io::Result<tokio::net::TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
