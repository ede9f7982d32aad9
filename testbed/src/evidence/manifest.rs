//! Hashes of everything in a run folder, so that a later reader knows that it is what the run left.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::EvidenceError;

/// `manifest.json`: every file of the folder but itself, by path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Files, in the order of their paths.
    pub files: Vec<Hashed>,
}

/// One file of a run folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hashed {
    /// Path below the run folder, `/` between the parts.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 (FIPS 180-4), 64 hexadecimal digits.
    pub sha256: String,
}

impl Manifest {
    /// Hashes every regular file below the folder; links are not followed.
    ///
    /// Errors: a file or folder that cannot be read.
    pub fn of(folder: &Path) -> Result<Self, EvidenceError> {
        let mut manifest = Self::default();
        manifest.walk(folder, "")?;
        manifest.files.sort();
        Ok(manifest)
    }

    /// Adds a file that is about to be written.
    pub(super) fn add(&mut self, path: &str, content: &[u8]) {
        let sha256 = hex(Sha256::digest(content).as_slice());
        self.files.push(Hashed { path: path.to_owned(), bytes: content.len() as u64, sha256 });
        self.files.sort();
    }

    fn walk(&mut self, folder: &Path, below: &str) -> Result<(), EvidenceError> {
        for entry in fs::read_dir(folder).map_err(EvidenceError::read(folder))? {
            let entry = entry.map_err(EvidenceError::read(folder))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(EvidenceError::read(&path))?;
            let name = format!("{below}{}", entry.file_name().to_string_lossy());
            if kind.is_dir() {
                self.walk(&path, &format!("{name}/"))?;
            } else if kind.is_file() {
                let (bytes, sha256) = hash(&path).map_err(EvidenceError::read(&path))?;
                self.files.push(Hashed { path: name, bytes, sha256 });
            }
        }
        Ok(())
    }
}

/// Size and hash of a file, read in pieces: captures are large.
fn hash(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok((bytes, hex(hasher.finalize().as_slice())));
        }
        bytes += read as u64;
        hasher.update(&piece[..read]);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
