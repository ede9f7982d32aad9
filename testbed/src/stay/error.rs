//! What can go wrong between a command and a lab that stays.

use std::io;
use std::path::PathBuf;

use crate::event::{Failure, Fault};

/// A command that could not have its way.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such lab.
    #[error("no lab is called `{name}`{}", hint(similar, *any))]
    Unknown {
        /// What was asked for.
        name: String,
        /// A lab whose name is much like it.
        similar: Option<String>,
        /// Whether there is any lab at all.
        any: bool,
    },
    /// The lab was there, but its owner is not any more: it was killed, and the lab with it.
    #[error("lab `{name}` is gone: its process {pid} was killed")]
    Killed {
        /// The lab.
        name: String,
        /// Its owner's process id.
        pid: i32,
    },
    /// The name that was asked for is another lab's.
    #[error("a lab called `{0}` is up already: end it with `testbed down {0}`, or choose another --name")]
    Taken(String),
    /// The folder of labs is somebody else's, or others may write there: whoever can may pass for a lab.
    #[error("{} {why}: remove it, or let XDG_RUNTIME_DIR name a folder that only you can read", path.display())]
    Planted {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The folder of labs, or an entry in it, cannot be read or written.
    #[error("failed to {operation} {}: {cause}", path.display())]
    Folder {
        /// What was done.
        operation: &'static str,
        /// To which path.
        path: PathBuf,
        /// The system's words.
        cause: io::Error,
    },
    /// The lab does not answer as it should.
    #[error("lab `{name}` does not answer: {cause}")]
    Silent {
        /// The lab.
        name: String,
        /// The system's words.
        cause: io::Error,
    },
    /// The lab was brought up by another version of this program.
    #[error("lab `{name}` was brought up by testbed {version}, which speaks another language than this one")]
    Version {
        /// The lab.
        name: String,
        /// The version of its owner.
        version: String,
    },
    /// The lab refuses.
    #[error("{}", .0.text)]
    Refused(Failure),
}

impl Error {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Error::Unknown { .. } | Error::Killed { .. } | Error::Taken(_) | Error::Version { .. } => {
                Fault::Input
            }
            Error::Planted { .. } => Fault::Host,
            Error::Folder { .. } | Error::Silent { .. } => Fault::Ours,
            Error::Refused(failure) => failure.fault,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match error {
            Error::Refused(failure) => failure,
            error => {
                let text = error.to_string();
                Failure { fault: error.fault(), text, node: None, last_lines: Vec::new() }
            }
        }
    }
}

fn hint(similar: &Option<String>, any: bool) -> String {
    match similar {
        Some(name) => format!("; did you mean `{name}`?"),
        None if any => "; `testbed ps` lists them".into(),
        None => "; no lab is up".into(),
    }
}
