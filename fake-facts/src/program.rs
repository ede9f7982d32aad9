//! What the binaries of all fakes have in common: where the log goes, how they are told to stop, how they end.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::LACKING;

/// Something of the machine's that a fake cannot do without: an element of GStreamer's.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("GStreamer has no element `{element}`; on Debian it is in the package {package}")]
pub struct Missing {
    /// Name of the element.
    pub element: &'static str,
    /// The package that brings it.
    pub package: &'static str,
}

/// Sends the log to standard error, coloured on a terminal only. `RUST_LOG` wins over `filter`.
pub fn log_to_stderr(filter: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(filter));
    let colours = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(io::stderr).init();
}

/// Catches SIGTERM and SIGINT from now on; the future gives the name of the first that comes.
///
/// Called before anything is said, so that no signal after the fact `ready` finds the default action.
/// Errors: the handler cannot be installed. Panics outside a tokio runtime.
pub fn told_to_stop() -> io::Result<impl Future<Output = String>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM".to_owned(),
            _ = interrupt.recv() => "SIGINT".to_owned(),
        }
    })
}

/// Logs why a fake ends, if it is not because it was told to, and gives the exit code; `lacks` tells whether the machine
/// is to blame.
pub fn end(ended: anyhow::Result<()>, lacks: impl Fn(&anyhow::Error) -> bool) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            if lacks(&error) { ExitCode::from(LACKING) } else { ExitCode::FAILURE }
        }
    }
}
