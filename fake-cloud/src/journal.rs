//! What a run has stored, for whoever looks into its folder: a line for each time something was.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::files;

/// Its name in the folder.
const NAME: &str = "stored.jsonl";
/// Longest that it grows to, bytes; a cloud that serves for weeks is no reason for a full disk.
const LARGEST: u64 = 16 * 1024 * 1024;

/// A line.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    service: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    name: std::borrow::Cow<'a, str>,
    bytes: u64,
}

/// The journal of a run.
pub(crate) struct Journal {
    file: Mutex<(File, u64)>,
}

impl Journal {
    /// That of the folder; a start adds to those before.
    pub(crate) fn open(dir: &Path) -> Result<Self, files::Error> {
        let path = dir.join(NAME);
        let open = || {
            let file = files::add_to_private(&path)?;
            let length = file.metadata()?.len();
            Ok((file, length))
        };
        let file = open().map_err(|source| files::Error::of(&path, source))?;
        Ok(Self { file: Mutex::new(file) })
    }

    /// Adds a line.
    pub(crate) fn add(&self, service: &str, name: &str, bytes: u64) {
        let line = Line { service: service.into(), name: name.into(), bytes };
        let line = serde_json::to_string(&line).expect("texts and a number") + "\n";
        let (file, length) = &mut *self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if *length + line.len() as u64 > LARGEST {
            return;
        }
        if let Err(error) = file.write_all(line.as_bytes()) {
            warn!(%error, "what was stored is not in the journal");
            // A full disk takes part of a line, and whoever reads the next one would read both.
            if let Err(error) = file.set_len(*length) {
                warn!(%error, "the journal has half a line");
            }
            return;
        }
        *length += line.len() as u64;
    }
}

/// What was stored under one name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// How often.
    pub times: u64,
    /// Bytes of the last time.
    pub bytes: u64,
}

/// All that was stored, by service and name, in a cloud's folder.
///
/// Errors: the folder is none of a cloud's, or its journal is damaged.
pub fn stored(dir: &Path) -> io::Result<BTreeMap<(String, String), Stored>> {
    let mut all: BTreeMap<_, Stored> = BTreeMap::new();
    for line in BufReader::new(File::open(dir.join(NAME))?).lines() {
        let text = line?;
        let line: Line<'_> = serde_json::from_str(&text)?;
        let stored = all.entry((line.service.into_owned(), line.name.into_owned())).or_default();
        stored.times += 1;
        stored.bytes = line.bytes;
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_stored_is_counted_by_name_across_starts_and_ends_at_a_bound() {
        let dir = tempfile::tempdir().unwrap();
        for bytes in [1, 2] {
            Journal::open(dir.path()).unwrap().add("s3", "a \"b\"", bytes);
        }
        let key = ("s3".to_owned(), "a \"b\"".to_owned());
        let expected = [(key, Stored { times: 2, bytes: 2 })];
        assert_eq!(stored(dir.path()).unwrap(), BTreeMap::from(expected));
        let journal = Journal::open(dir.path()).unwrap();
        let name = "n".repeat(1_000_000);
        (0..20).for_each(|_| journal.add("logs", &name, 1));
        assert!(std::fs::metadata(dir.path().join(NAME)).unwrap().len() <= LARGEST);
        std::fs::write(dir.path().join(NAME), "{").unwrap();
        assert!(stored(dir.path()).is_err());
    }
}
