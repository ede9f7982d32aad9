//! Kernel settings of a namespace: set before any link exists, and read back as evidence.
//!
//! The kernel keeps the folders of all namespaces under one name each (`/proc/sys/net/ipv4`) and looks at all of them when
//! one is asked for: a thousand namespaces would cost millions of looks. So folders are opened once and what is in them
//! from there, and a big lab has several [views](super::root::VIEWS) of its settings, each shared by few namespaces.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;

use super::root::VIEWS;
use super::{KernelError, Namespace};

/// Sets each key (path below `/proc/sys`) inside the namespace.
///
/// A key that this kernel does not have is left out and returned, so that the evidence can say so.
/// Errors: `Sysctl` for a value that the kernel refuses.
pub fn set(namespace: &Namespace, keys: &BTreeMap<String, String>) -> Result<Vec<String>, KernelError> {
    namespace.inside(|| set_here(namespace, keys))?
}

/// Sets each key in the namespace, which the calling thread is in. As [`set`].
pub fn set_here<'a>(
    namespace: &Namespace,
    keys: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Result<Vec<String>, KernelError> {
    let mut folders = Folders::of(namespace);
    let mut absent = Vec::new();
    for (key, value) in keys {
        match folders.open(key, OFlag::O_WRONLY).and_then(|mut file| file.write_all(value.as_bytes())) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => absent.push(key.clone()),
            Err(cause) => {
                let (key, value, node) = (key.clone(), value.clone(), namespace.name().to_owned());
                return Err(KernelError::Sysctl { key, value, node, cause });
            }
        }
    }
    Ok(absent)
}

/// Reads the keys back in the namespace, which the calling thread is in; a key that cannot be read is `-`.
pub fn read_here(namespace: &Namespace, keys: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut folders = Folders::of(namespace);
    let mut read = |key: &str| {
        let mut text = String::new();
        let read = folders.open(key, OFlag::O_RDONLY).and_then(|mut file| file.read_to_string(&mut text));
        read.map_or_else(|_| "-".to_owned(), |_| text.trim().to_owned())
    };
    keys.keys().map(|key| (key.clone(), read(key))).collect()
}

/// Open folders, each inside the one before it; keys in the order of their paths share most of them.
struct Folders {
    /// What `/proc/sys/net` is for this namespace.
    net: PathBuf,
    open: Vec<(String, OwnedFd)>,
}

impl Folders {
    fn of(namespace: &Namespace) -> Self {
        let view = Path::new(VIEWS).join(namespace.view().to_string());
        let net = if view.exists() { view } else { "/proc/sys/net".into() };
        Self { net, open: Vec::new() }
    }

    /// Opens the file of a key.
    fn open(&mut self, key: &str, how: OFlag) -> io::Result<File> {
        let mut parts: Vec<&str> = key.split('/').collect();
        let name = parts.pop().unwrap_or_default();
        let shared = self.open.iter().zip(&parts).take_while(|((open, _), part)| open == *part).count();
        self.open.truncate(shared);
        for part in &parts[shared..] {
            let how = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
            let folder = match self.open.last() {
                Some((_, outer)) => openat(outer, *part, how, Mode::empty()),
                None if *part == "net" => open(&self.net, how, Mode::empty()),
                None => open(&Path::new("/proc/sys").join(part), how, Mode::empty()),
            };
            self.open.push(((*part).to_owned(), folder?));
        }
        let (_, folder) = self.open.last().ok_or(io::ErrorKind::NotFound)?;
        Ok(File::from(openat(folder, name, how | OFlag::O_CLOEXEC, Mode::empty())?))
    }
}
