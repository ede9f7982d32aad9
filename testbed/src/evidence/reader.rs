//! Reads a run folder again, from anywhere and of anybody's making: nothing is followed, waited for or read without end.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::libc;
use serde::de::DeserializeOwned;

use super::{Checked, Damage, Manifest, RunFile, RunFolder};
use crate::names::NodeName;
use crate::record::{Collected, Record};
use crate::tap::MAX_BYTES;
use crate::tap::taint::MOST_CLIP;

/// Bytes of a JSON document that are read at most: the plan of a site of thousands of nodes fits.
const MOST_JSON: u64 = 64 * 1024 * 1024;
/// Bytes of a file of JSON lines: a day of facts fits.
const MOST_LINES: u64 = 512 * 1024 * 1024;
/// Bytes of one line.
const LONGEST_LINE: u64 = 16 * 1024 * 1024;
/// Bytes of a capture: what a tap stores at most, and room for comments.
const MOST_CAPTURE: u64 = MAX_BYTES + 64 * 1024 * 1024;

/// A run folder that is read again.
#[derive(Clone, Debug)]
pub struct RunReader {
    folder: RunFolder,
}

impl RunReader {
    /// Of the folder at this path; whether it is one shows when it is read.
    pub fn of(path: &Path) -> Self {
        Self { folder: RunFolder::at(path) }
    }

    /// Holds the folder against its manifest; none if it has none, since the run ended before its evidence was sealed.
    ///
    /// Errors: the manifest itself cannot be read.
    pub fn check(&self) -> Result<Option<(Manifest, Checked)>, Damage> {
        match self.json::<Manifest>(&RunFile::Manifest) {
            Ok(manifest) => {
                let checked = manifest.check(self.folder.path());
                Ok(Some((manifest, checked)))
            }
            Err(Damage::Missing { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// A JSON document.
    pub fn json<T: DeserializeOwned>(&self, file: &RunFile) -> Result<T, Damage> {
        let bytes = self.bytes(file)?;
        serde_json::from_slice(&bytes).map_err(|error| wrong(file, None, error.to_string()))
    }

    /// A whole file, as long as a JSON document may be.
    pub fn bytes(&self, file: &RunFile) -> Result<Vec<u8>, Damage> {
        let mut bytes = Vec::new();
        // It may grow while it is read.
        let mut from = self.open(file, MOST_JSON)?.take(MOST_JSON);
        from.read_to_end(&mut bytes).map_err(unreadable(file))?;
        Ok(bytes)
    }

    /// A capture, to be read from its beginning.
    pub fn capture(&self, file: &RunFile) -> Result<impl Read + use<>, Damage> {
        Ok(self.open(file, MOST_CAPTURE)?.take(MOST_CAPTURE))
    }

    /// The video that a camera repeats, or in words why it is not there.
    pub fn clip(&self, camera: &NodeName) -> Result<Vec<u8>, String> {
        let file = RunFile::Clip(camera.clone());
        let mut bytes = Vec::new();
        let opened = self.open(&file, MOST_CLIP).map_err(|damage| damage.to_string())?;
        opened
            .take(MOST_CLIP)
            .read_to_end(&mut bytes)
            .map_err(|cause| format!("{}: {cause}", file.path()))?;
        Ok(bytes)
    }

    /// The record of the run.
    pub fn record(&self) -> Result<Record, Damage> {
        let mut collected = Collected::default();
        self.lines(&RunFile::Facts, |fact| {
            collected.fact(fact);
            Ok(())
        })?;
        self.lines(&RunFile::Record, |line| {
            collected.line(line);
            Ok(())
        })?;
        self.lines(&RunFile::Sent, |line| collected.sent(&line))?;
        self.lines(&RunFile::Filters, |line| {
            collected.logged(line);
            Ok(())
        })?;
        self.lines(&RunFile::Sightings, |line| collected.passed(&line))?;
        let unfinished = || wrong(&RunFile::Record, None, "its last line is missing".into());
        collected.whole().ok_or_else(unfinished)
    }

    /// Hands over every line.
    fn lines<T: DeserializeOwned>(
        &self,
        file: &RunFile,
        mut take: impl FnMut(T) -> Result<(), String>,
    ) -> Result<(), Damage> {
        let mut from = BufReader::new(self.open(file, MOST_LINES)?.take(MOST_LINES));
        let mut text = Vec::new();
        for number in 1.. {
            text.clear();
            let read = (&mut from).take(LONGEST_LINE).read_until(b'\n', &mut text);
            if read.map_err(unreadable(file))? == 0 {
                break;
            }
            let at = |text| wrong(file, Some(number), text);
            if text.pop() != Some(b'\n') {
                return Err(at("it ends in the midst, or never".into()));
            }
            let value = serde_json::from_slice(&text).map_err(|error| at(error.to_string()))?;
            take(value).map_err(at)?;
        }
        Ok(())
    }

    fn open(&self, file: &RunFile, most: u64) -> Result<File, Damage> {
        let name = || file.path();
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(self.folder.file(file));
        let opened = opened.map_err(|cause| match cause.kind() {
            ErrorKind::NotFound => Damage::Missing { file: name() },
            // What O_NOFOLLOW says of a link (open(2)).
            _ if cause.raw_os_error() == Some(libc::ELOOP) => Damage::NoFile { file: name() },
            _ => Damage::Unreadable { file: name(), cause },
        })?;
        let known = opened.metadata().map_err(unreadable(file))?;
        match known.len() {
            _ if !known.is_file() => Err(Damage::NoFile { file: name() }),
            bytes if bytes > most => Err(Damage::TooLarge { file: name(), bytes, most }),
            _ => Ok(opened),
        }
    }
}

fn wrong(file: &RunFile, line: Option<u64>, text: String) -> Damage {
    Damage::Wrong { file: file.path(), line, text }
}

fn unreadable(file: &RunFile) -> impl FnOnce(std::io::Error) -> Damage {
    let file = file.path();
    |cause| Damage::Unreadable { file, cause }
}
