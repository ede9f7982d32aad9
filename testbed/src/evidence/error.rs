//! What can go wrong with a run folder, and what to do about it.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Evidence that could not be kept; reads well after "failed to ".
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The run folder, or a folder in it, could not be made.
    #[error("create the folder {}: {cause}{}", path.display(), cure(cause))]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        cause: io::Error,
    },
    /// More runs of one scenario within one second than have a name.
    #[error("find a free name for the run folder: {} and all up to -{last} exist", path.display())]
    Crowded {
        /// The first name tried.
        path: PathBuf,
        /// The last number tried.
        last: u32,
    },
    /// A file could not be written.
    #[error("write {}: {cause}{}", path.display(), cure(cause))]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        cause: io::Error,
    },
    /// A file of the folder could not be read back to be hashed.
    #[error("read {}: {cause}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        cause: io::Error,
    },
    /// A value could not be put as JSON: our own mistake.
    #[error("put {} as JSON: {cause}", path.display())]
    Json {
        /// The file that it was meant for.
        path: PathBuf,
        /// What the serializer says.
        cause: serde_json::Error,
    },
}

impl EvidenceError {
    pub(super) fn folder(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |cause| Self::Folder { path, cause }
    }

    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |cause| Self::Write { path, cause }
    }

    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |cause| Self::Read { path, cause }
    }

    /// Serializing fails as writing does if it is the file that refuses.
    pub(super) fn json(path: &Path) -> impl FnOnce(serde_json::Error) -> Self {
        let path = path.to_owned();
        |cause| match cause.io_error_kind() {
            Some(_) => Self::Write { path, cause: cause.into() },
            None => Self::Json { path, cause },
        }
    }
}

/// What to do, where the reason says it.
fn cure(cause: &io::Error) -> &'static str {
    match cause.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "; choose a folder that you may write to with `--out`"
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            "; make room there, or choose a folder on another disk with `--out`"
        }
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            "; a file is in the way, choose another folder with `--out`"
        }
        _ => "",
    }
}
