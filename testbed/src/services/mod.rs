//! Starts the fakes in their nodes, waits for facts, stops them.
//!
//! A service says what it does as facts, one JSON line each; nobody sleeps, everybody waits for a fact with a
//! deadline. A service that dies or prints rubbish ends the run, with its last lines.

mod appliance;
mod board;
mod camera;
mod command;
mod dnsmasq;
mod lease;
mod logins;
mod process;
mod watcher;

pub use board::Board;
pub use command::Settings;
pub(crate) use command::{clip, key_log};
pub(crate) use logins::{camera_passwords, shown_to};
pub use process::{End, Ending, Services};

use crate::event::{Failure, Fault};
use crate::names::NodeName;

/// Why a service could not be started, or ended when it should not.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The program is not there.
    #[error("`{program}` is not there: {cure}")]
    Missing {
        /// The program.
        program: String,
        /// What to do.
        cure: String,
    },
    /// Its files could not be written, or it could not be started.
    #[error("failed to start {what} of `{node}`: {cause}")]
    Start {
        /// What.
        what: String,
        /// Where.
        node: NodeName,
        /// The system's words.
        cause: std::io::Error,
    },
    /// A camera's recording is not there, or lies outside the scenario's folder.
    #[error("the recording of `{node}` cannot be used: {cause}")]
    Recording {
        /// Where.
        node: NodeName,
        /// Its path, and what is wrong with it.
        cause: std::io::Error,
    },
    /// It did not say `ready` in time.
    #[error("{what} of `{node}` was not ready within {seconds} s")]
    NotReady {
        /// What.
        what: String,
        /// Where.
        node: NodeName,
        /// The deadline, seconds.
        seconds: u64,
        /// Whose fault that is.
        fault: Fault,
        /// Its last lines.
        last_lines: Vec<String>,
    },
    /// It ended by itself.
    #[error("{what} of `{node}` ended by itself ({how})")]
    Ended {
        /// What.
        what: String,
        /// Where.
        node: NodeName,
        /// Exit status or signal, in words.
        how: String,
        /// Whose fault that is.
        fault: Fault,
        /// Its last lines.
        last_lines: Vec<String>,
    },
    /// A command of the scenario that should end goes on.
    #[error("{what} of `{node}` did not end within {seconds} s")]
    NoEnd {
        /// What.
        what: String,
        /// Where.
        node: NodeName,
        /// The deadline, seconds.
        seconds: u64,
        /// Its last lines.
        last_lines: Vec<String>,
    },
    /// It printed something that is no fact.
    #[error("{what} of `{node}` printed something that is no fact: {line}")]
    Rubbish {
        /// What.
        what: String,
        /// Where.
        node: NodeName,
        /// The line, shortened.
        line: String,
        /// Its last lines.
        last_lines: Vec<String>,
    },
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Failure {
        let text = error.to_string();
        let (fault, node, last_lines) = match error {
            ServiceError::Missing { .. } => (Fault::Host, None, Vec::new()),
            ServiceError::Recording { node, .. } => (Fault::Scenario, Some(node), Vec::new()),
            ServiceError::Start { node, .. } => (Fault::Ours, Some(node), Vec::new()),
            ServiceError::Rubbish { node, last_lines, .. } => (Fault::Ours, Some(node), last_lines),
            ServiceError::NotReady { node, fault, last_lines, .. }
            | ServiceError::Ended { node, fault, last_lines, .. } => (fault, Some(node), last_lines),
            ServiceError::NoEnd { node, last_lines, .. } => (Fault::Scenario, Some(node), last_lines),
        };
        Failure { fault, text, node, last_lines }
    }
}
