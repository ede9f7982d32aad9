//! What can go wrong with the kernel, said so that a reader can act on it.

use std::io;
use std::path::PathBuf;

use crate::event::Fault;

/// A kernel operation that failed.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// The host does not let us make our own namespaces.
    #[error("this host refuses {what}: {cause}\n{cure}")]
    Refused {
        /// What was asked for, for example `a user namespace`.
        what: String,
        /// The system's words.
        cause: io::Error,
        /// What to do about it.
        cure: String,
    },
    /// The lab's own file system could not be put together.
    #[error("failed to {operation} {}: {cause}", path.display())]
    Root {
        /// What was done.
        operation: &'static str,
        /// To which path.
        path: PathBuf,
        /// The system's words.
        cause: io::Error,
    },
    /// A namespace could not be made or entered.
    #[error("failed to {operation} the namespace of `{node}`: {cause}")]
    Namespace {
        /// What was done.
        operation: &'static str,
        /// Whose namespace.
        node: String,
        /// The system's words.
        cause: String,
    },
    /// A netlink request was refused.
    #[error("failed to {operation} in the namespace of `{node}`: {cause}")]
    Netlink {
        /// What was asked for, with its object.
        operation: String,
        /// In whose namespace.
        node: String,
        /// The system's words.
        cause: String,
    },
    /// A sysctl could not be set.
    #[error("failed to set sysctl {key} to {value} in the namespace of `{node}`: {cause}")]
    Sysctl {
        /// Path below `/proc/sys`.
        key: String,
        /// The value.
        value: String,
        /// In whose namespace.
        node: String,
        /// The system's words.
        cause: io::Error,
    },
    /// nft refused a rule file of the scenario.
    #[error("nft refuses the rule file {file} of `{node}`:\n{words}")]
    Rules {
        /// Path below the scenario's folder.
        file: String,
        /// Whose rules.
        node: String,
        /// nft's own words, with file and line.
        words: String,
    },
    /// nft refused something of ours.
    #[error("nft failed to {operation} in the namespace of `{node}`:\n{words}")]
    Nft {
        /// What was asked for.
        operation: &'static str,
        /// In whose namespace.
        node: String,
        /// nft's own words.
        words: String,
    },
    /// A program that the lab needs is not there.
    #[error("`{program}` is not on this host: install the package `{package}`")]
    Missing {
        /// The program.
        program: String,
        /// The Debian and Ubuntu package that has it.
        package: String,
    },
    /// A lab that was to be entered has ended.
    #[error("the lab has ended")]
    Gone,
    /// A lab that stands could not be entered.
    #[error("failed to enter {what}: {cause}")]
    Join {
        /// What of it.
        what: &'static str,
        /// The system's words.
        cause: io::Error,
    },
    /// A socket operation failed.
    #[error("failed to {operation} in the namespace of `{node}`: {cause}")]
    Socket {
        /// What was done.
        operation: &'static str,
        /// In whose namespace.
        node: String,
        /// The system's words.
        cause: io::Error,
    },
}

impl KernelError {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            KernelError::Rules { .. } | KernelError::Gone => Fault::Input,
            KernelError::Refused { .. } | KernelError::Missing { .. } => Fault::Host,
            _ => Fault::Ours,
        }
    }
}
