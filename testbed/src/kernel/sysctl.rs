//! Kernel settings of a namespace: set before any link exists, and read back as evidence.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use super::{KernelError, Namespace};

/// Sets each key (path below `/proc/sys`) inside the namespace.
///
/// A key that this kernel does not have is left out and returned, so that the evidence can say so.
/// Errors: `Sysctl` for a value that the kernel refuses.
pub fn set(namespace: &Namespace, keys: &BTreeMap<String, String>) -> Result<Vec<String>, KernelError> {
    namespace.inside(|| set_here(namespace.name(), keys))?
}

/// Sets each key in the namespace that the calling thread is in; `node` is for words only. As [`set`].
pub fn set_here<'a>(
    node: &str,
    keys: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Result<Vec<String>, KernelError> {
    let mut absent = Vec::new();
    for (key, value) in keys {
        match fs::write(Path::new("/proc/sys").join(key), value) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => absent.push(key.clone()),
            Err(cause) => {
                let (key, value, node) = (key.clone(), value.clone(), node.to_owned());
                return Err(KernelError::Sysctl { key, value, node, cause });
            }
        }
    }
    Ok(absent)
}

/// Reads the keys back; a key that cannot be read is `-`.
pub fn read(
    namespace: &Namespace,
    keys: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, KernelError> {
    namespace.inside(|| {
        let read = |key: &str| fs::read_to_string(Path::new("/proc/sys").join(key)).ok();
        keys.keys()
            .map(|key| (key.clone(), read(key).map_or("-".into(), |text| text.trim().to_owned())))
            .collect()
    })
}
