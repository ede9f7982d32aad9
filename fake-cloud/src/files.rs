//! Files of a run below its folder: made private, written whole.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A file or folder could not be made.
#[derive(Debug, thiserror::Error)]
#[error("write {path}: {source}")]
pub struct Error {
    path: PathBuf,
    source: io::Error,
}

impl Error {
    pub(crate) fn of(path: &Path, source: io::Error) -> Self {
        Self { path: path.into(), source }
    }
}

/// Makes a folder and its parents, readable by the owner only.
pub(crate) fn create_folder(path: &Path) -> Result<(), Error> {
    let make = || DirBuilder::new().recursive(true).mode(0o700).create(path);
    make().map_err(|source| Error { path: path.into(), source })
}

/// Writes a file that anyone who reaches the folder may read.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|source| Error { path: path.into(), source })
}

/// Writes a secret: readable by the owner only, also if the file was there before.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    let make = || create_private(path)?.write_all(text.as_bytes());
    make().map_err(|source| Error { path: path.into(), source })
}

/// Opens a new, empty file, readable by the owner only.
fn create_private(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Opens a file to add to, readable by the owner only: what it has of an earlier start stays.
pub(crate) fn add_to_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// The absolute form of a path that exists.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, Error> {
    fs::canonicalize(path).map_err(|source| Error { path: path.into(), source })
}
