//! The folder in which labs that stay are found: an entry and a socket for each, and nobody else's eyes.
//!
//! `$XDG_RUNTIME_DIR/testbed`, or `testbed-UID` in the temporary folder. An entry whose owner does not run any more is
//! stale, and goes when somebody looks. Whoever changes the folder holds a lock on it.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use nix::unistd::geteuid;
use serde::{Deserialize, Serialize};

use super::{Error, Identity, protocol};
use crate::names::{LabName, ScenarioName};

/// How many labs may stand of one scenario.
const MOST: u32 = 999;

/// What is written down of a lab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name.
    pub name: LabName,
    /// What it was built from.
    pub scenario: ScenarioName,
    /// The process that owns it.
    pub owner: Identity,
    /// Since when, RFC 3339, UTC.
    pub since: String,
    /// Version of the owner's program.
    pub version: String,
    /// Number of the protocol that it speaks.
    pub protocol: u32,
}

/// The folder, looked at and found to be ours alone.
#[derive(Debug)]
pub struct Registry {
    path: PathBuf,
    folder: File,
}

/// A lab's name, taken: its entry goes when this value is dropped.
#[must_use = "the name is free again when this value is dropped"]
#[derive(Debug)]
pub struct Claim {
    /// What is written down.
    pub entry: Entry,
    registry: Registry,
}

impl Registry {
    /// The user's own, made if it is not there.
    ///
    /// Errors: `Planted` if others could put something into it, `Folder`.
    pub fn open() -> Result<Self, Error> {
        Self::at(&place(std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from), &std::env::temp_dir()))
    }

    fn at(path: &Path) -> Result<Self, Error> {
        let failed = |operation| move |cause| folder_error(operation, path, cause);
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed("make")(error)),
            _ => Ok(()),
        }?;
        let planted = |why: &str| Error::Planted { path: path.to_owned(), why: why.to_owned() };
        if fs::symlink_metadata(path).map_err(failed("look at"))?.is_symlink() {
            return Err(planted("is a link"));
        }
        // From here on the open folder is meant, whatever the path comes to mean.
        let folder = File::options().read(true).custom_flags(libc::O_NOFOLLOW).open(path).map_err(
            |cause| match cause.kind() {
                io::ErrorKind::PermissionDenied => planted("belongs to somebody else"),
                _ => failed("open")(cause),
            },
        )?;
        let facts = folder.metadata().map_err(failed("look at"))?;
        if !facts.is_dir() {
            return Err(planted("is no folder"));
        }
        if facts.uid() != geteuid().as_raw() {
            return Err(planted("belongs to somebody else"));
        }
        if facts.mode() & 0o077 != 0 {
            return Err(planted("is open to others"));
        }
        Ok(Self { path: path.to_owned(), folder })
    }

    /// All labs that stand, by name, and those whose owner was killed since somebody last looked.
    ///
    /// Errors: `Folder`.
    pub fn labs(&self) -> Result<(Vec<Entry>, Vec<Entry>), Error> {
        let _lock = self.lock()?;
        self.look()
    }

    /// The lab of this name.
    ///
    /// Errors: `Unknown`, `Killed`, `Folder`.
    pub fn find(&self, name: &str) -> Result<Entry, Error> {
        let (mut labs, killed) = self.labs()?;
        if let Some(index) = labs.iter().position(|lab| lab.name.as_str() == name) {
            return Ok(labs.swap_remove(index));
        }
        if let Some(lab) = killed.iter().find(|lab| lab.name.as_str() == name) {
            return Err(Error::Killed { name: name.to_owned(), pid: lab.owner.pid });
        }
        let names = labs.iter().map(|lab| lab.name.as_str());
        let similar = crate::scenario::nearest(name, names).map(str::to_owned);
        Err(Error::Unknown { name: name.to_owned(), similar, any: !labs.is_empty() })
    }

    /// Takes a name for a lab of this process, and listens for it: `wanted`, or where that is taken, unless it must be
    /// this very name, `wanted-2`, `wanted-3`, …
    ///
    /// Errors: `Taken`, `Folder`.
    pub fn claim(
        self,
        wanted: &LabName,
        exact: bool,
        scenario: &ScenarioName,
        since: String,
    ) -> Result<(Claim, UnixListener), Error> {
        let lock = self.lock()?;
        let (labs, _) = self.look()?;
        let taken = |name: &LabName| labs.iter().any(|lab| lab.name == *name);
        let name = (1..=MOST).filter_map(|number| numbered(wanted, number)).find(|name| !taken(name));
        let name =
            name.filter(|name| !exact || name == wanted).ok_or_else(|| Error::Taken(wanted.to_string()))?;
        let failed = |path: &Path, cause| folder_error("write", path, cause);
        let owner = Identity::own().ok_or_else(|| failed(&self.path, io::Error::other("no process id")))?;
        let entry = Entry {
            name,
            scenario: scenario.clone(),
            owner,
            since,
            version: env!("CARGO_PKG_VERSION").into(),
            protocol: protocol::VERSION,
        };
        let socket = self.socket(&entry.name);
        self.forget(&entry.name);
        let listener = UnixListener::bind(&socket).map_err(|cause| failed(&socket, cause))?;
        let path = self.path.join(format!("{}.json", entry.name));
        let written = serde_json::to_vec(&entry).map_err(io::Error::from).and_then(|text| {
            let part = self.path.join(format!("{}.part", entry.name));
            fs::write(&part, text).and_then(|()| fs::rename(&part, &path))
        });
        written.map_err(|cause| failed(&path, cause))?;
        drop(lock);
        Ok((Claim { entry, registry: self }, listener))
    }

    /// A connection to a lab's socket.
    pub(super) fn connect(&self, lab: &Entry) -> io::Result<UnixStream> {
        UnixStream::connect(self.socket(&lab.name))
    }

    /// By way of the open folder: the path of a socket has at most 107 bytes (unix(7)), that of a folder may have more.
    fn socket(&self, name: &LabName) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{name}.sock", self.folder.as_raw_fd()))
    }

    /// Excludes all others that would change the folder, until it is dropped.
    fn lock(&self) -> Result<Flock<File>, Error> {
        let failed = |cause| folder_error("lock", &self.path, cause);
        // A description of its own: locks belong to it (flock(2)).
        let folder = File::open(format!("/proc/self/fd/{}", self.folder.as_raw_fd())).map_err(failed)?;
        Flock::lock(folder, FlockArg::LockExclusive).map_err(|(_, errno)| failed(errno.into()))
    }

    /// The labs that stand and those that are gone, whose entries go too. The folder must be locked.
    fn look(&self) -> Result<(Vec<Entry>, Vec<Entry>), Error> {
        let failed = |cause| folder_error("read", &self.path, cause);
        let (mut labs, mut gone) = (Vec::new(), Vec::new());
        for found in fs::read_dir(&self.path).map_err(failed)? {
            let path = found.map_err(failed)?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".json")) else {
                continue;
            };
            let Ok(name) = name.parse::<LabName>() else { continue };
            let entry = fs::read(&path).ok().and_then(|text| serde_json::from_slice::<Entry>(&text).ok());
            match entry.filter(|entry| entry.name == name) {
                Some(entry) if entry.owner.runs() => labs.push(entry),
                other => {
                    self.forget(&name);
                    gone.extend(other);
                }
            }
        }
        labs.sort_by(|one, other| one.name.cmp(&other.name));
        Ok((labs, gone))
    }

    fn forget(&self, name: &LabName) {
        for ending in ["json", "part", "sock"] {
            // What is not there need not go.
            let _ = fs::remove_file(self.path.join(format!("{name}.{ending}")));
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Without the lock somebody might be told of a lab that is half forgotten; it is told to be gone then, too.
        let _lock = self.registry.lock();
        self.registry.forget(&self.entry.name);
    }
}

/// Where labs are found.
///
/// A runtime folder that is not ours (kept by `sudo`, for example) is not used.
fn place(runtime: Option<PathBuf>, temporary: &Path) -> PathBuf {
    let user = geteuid().as_raw();
    let ours = |folder: &PathBuf| {
        folder.is_absolute() && fs::metadata(folder).is_ok_and(|facts| facts.is_dir() && facts.uid() == user)
    };
    match runtime.filter(ours) {
        Some(folder) => folder.join("testbed"),
        None => temporary.join(format!("testbed-{user}")),
    }
}

/// The name itself, then with a number behind it; shortened so that it stays a name.
fn numbered(wanted: &LabName, number: u32) -> Option<LabName> {
    if number == 1 {
        return Some(wanted.clone());
    }
    let behind = format!("-{number}");
    let room = 40_usize.saturating_sub(behind.len()).min(wanted.as_str().len());
    format!("{}{behind}", wanted.as_str()[..room].trim_end_matches('-')).parse().ok()
}

fn folder_error(operation: &'static str, path: &Path, cause: io::Error) -> Error {
    Error::Folder { operation, path: path.to_owned(), cause }
}

#[cfg(test)]
mod tests;
