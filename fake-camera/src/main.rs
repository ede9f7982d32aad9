//! The binary: arguments in, one camera served, exit code out.

mod cli;
mod hostility;
mod stream;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use fake_camera::engine::{self, Door, Error, Video};
use fake_facts::{Teller, program};

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
        // Binding first finds a taken port before any work is done; clients then wait until we are ready.
        let first = bind(arguments.socket())?.open()?;
        let further = arguments.further_sockets().map(bind).collect::<Result<Vec<_>, _>>()?;
        let services = arguments.services().map(|socket| anyhow::Ok(bind(socket)?.open()?)).transpose()?;
        let onvif = services.map(|listener| arguments.onvif(listener)).transpose()?;
        let shutdown = program::told_to_stop()?;
        let videos = Video::prepare_all(&camera)?;
        engine::serve(first, further, onvif, &camera, videos, Arc::new(Teller::stdout()), shutdown).await?;
        Ok(())
    })
}

fn bind(address: SocketAddr) -> anyhow::Result<Door> {
    Door::bind(address).with_context(|| format!("cannot listen on {address}"))
}
