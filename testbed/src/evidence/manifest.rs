//! Hashes of everything in a run folder, so that a later reader knows that it is what the run left.
//!
//! Evidence and what was made of it are listed apart: products may be thrown away and made again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::folder::PRODUCTS;
use super::{Damage, EvidenceError, RunFile};

/// `manifest.json`: every file of the folder but itself, by path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Evidence, in the order of the paths.
    pub files: Vec<Hashed>,
    /// What was made of it: verdicts and reports.
    pub products: Vec<Hashed>,
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

/// What came of holding a folder against its manifest.
#[derive(Debug, Default)]
pub struct Checked {
    /// Evidence that is not as the run left it.
    pub damage: Vec<Damage>,
    /// What may be so, in a line each: products that are not as the run left them, files that were added.
    pub notes: Vec<String>,
}

impl Manifest {
    /// Hashes every regular file below the folder; links are not followed.
    ///
    /// Errors: a file or folder that cannot be read.
    pub fn of(folder: &Path) -> Result<Self, EvidenceError> {
        let mut manifest = Self::default();
        for Entry { file, path, regular } in
            list(folder).map_err(|(path, cause)| EvidenceError::Read { path, cause })?
        {
            if regular && file != RunFile::Manifest.path() {
                let (bytes, sha256) = hash(&path).map_err(EvidenceError::read(&path))?;
                manifest.list_for(&file).push(Hashed { path: file, bytes, sha256 });
            }
        }
        Ok(manifest)
    }

    /// Adds a product that is about to be written.
    pub(super) fn add_product(&mut self, path: &str, content: &[u8]) {
        let sha256 = hex(Sha256::digest(content).as_slice());
        self.products.push(Hashed { path: path.to_owned(), bytes: content.len() as u64, sha256 });
        self.products.sort();
    }

    /// Holds a folder against it. Files are named by the folder alone: what the manifest lists is only compared.
    pub fn check(&self, folder: &Path) -> Checked {
        let mut checked = Checked::default();
        let mut there = match list(folder) {
            Ok(there) => there,
            Err((path, cause)) => {
                let file = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
                checked.damage.push(Damage::Unreadable { file, cause });
                return checked;
            }
        };
        there.retain(|entry| entry.file != RunFile::Manifest.path());
        let there: BTreeMap<String, Entry> =
            there.into_iter().map(|entry| (entry.file.clone(), entry)).collect();
        checked
            .damage
            .extend(self.files.iter().filter_map(|listed| compare(listed, there.get(&listed.path)).err()));
        for listed in &self.products {
            match compare(listed, there.get(&listed.path)) {
                Ok(()) | Err(Damage::Missing { .. }) => {}
                Err(other) => checked.notes.push(format!("{other}; it is no evidence and was not read")),
            }
        }
        let listed: BTreeSet<&str> =
            self.files.iter().chain(&self.products).map(|one| one.path.as_str()).collect();
        let added = there.keys().filter(|file| !listed.contains(file.as_str()));
        checked.notes.extend(added.map(|file| format!("{file} is not of the run and was not read")));
        checked
    }

    /// Whether it lists this file as evidence.
    pub fn lists(&self, file: &RunFile) -> bool {
        let path = file.path();
        self.files.iter().any(|one| one.path == path)
    }

    fn list_for(&mut self, file: &str) -> &mut Vec<Hashed> {
        if PRODUCTS.iter().any(|product| product.path() == file) {
            &mut self.products
        } else {
            &mut self.files
        }
    }
}

/// Whether a file is as it was listed.
fn compare(listed: &Hashed, there: Option<&Entry>) -> Result<(), Damage> {
    let file = listed.path.clone();
    let Some(entry) = there else { return Err(Damage::Missing { file }) };
    if !entry.regular {
        return Err(Damage::NoFile { file });
    }
    let unreadable = |cause| Damage::Unreadable { file: listed.path.clone(), cause };
    // Before its bytes are read: a file may be larger than anybody wants to wait for.
    let is = fs::symlink_metadata(&entry.path).map_err(unreadable)?.len();
    if is != listed.bytes {
        return Err(Damage::Size { file, was: listed.bytes, is });
    }
    match hash(&entry.path).map_err(unreadable)? {
        (_, is) if is == listed.sha256 => Ok(()),
        (_, is) => Err(Damage::Changed { file, was: listed.sha256.clone(), is }),
    }
}

/// Something that lies in a folder.
struct Entry {
    /// Path below the folder, `/` between the parts.
    file: String,
    path: PathBuf,
    /// Whether it is a regular file.
    regular: bool,
}

/// Everything below a folder but folders, in the order of the paths; links are not followed.
///
/// Errors: the folder that cannot be read.
fn list(folder: &Path) -> Result<Vec<Entry>, (PathBuf, io::Error)> {
    let (mut entries, mut folders) = (Vec::new(), vec![(folder.to_owned(), String::new())]);
    while let Some((folder, below)) = folders.pop() {
        let failed = |cause| (folder.clone(), cause);
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            let file = format!("{below}{}", entry.file_name().to_string_lossy());
            if kind.is_dir() {
                folders.push((entry.path(), format!("{file}/")));
            } else {
                entries.push(Entry { file, path: entry.path(), regular: kind.is_file() });
            }
        }
    }
    entries.sort_by(|one, other| one.file.cmp(&other.file));
    Ok(entries)
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder with evidence and a product, and its manifest.
    fn sealed() -> (tempfile::TempDir, Manifest) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("before")).unwrap();
        for file in ["plan.json", "before/rtr.json", "verdicts.json"] {
            fs::write(folder.path().join(file), format!("this is {file}")).unwrap();
        }
        let manifest = Manifest::of(folder.path()).unwrap();
        (folder, manifest)
    }

    /// What is said of the folder after something was done to it: damage, then notes.
    fn after(done: impl FnOnce(&Path)) -> (Vec<String>, Vec<String>) {
        let (folder, manifest) = sealed();
        done(folder.path());
        let checked = manifest.check(folder.path());
        (checked.damage.iter().map(ToString::to_string).collect(), checked.notes)
    }

    #[test]
    fn what_was_made_of_the_evidence_is_listed_apart() {
        let (_, manifest) = sealed();
        let paths = |list: &[Hashed]| -> Vec<String> { list.iter().map(|one| one.path.clone()).collect() };
        assert_eq!(paths(&manifest.files), ["before/rtr.json", "plan.json"]);
        assert_eq!(paths(&manifest.products), ["verdicts.json"]);
        assert!(manifest.lists(&RunFile::Plan) && !manifest.lists(&RunFile::Verdicts));
    }

    #[test]
    fn an_untouched_folder_and_one_without_its_products_are_whole() {
        assert_eq!(after(|_| {}), (vec![], vec![]));
        assert_eq!(after(|folder| fs::remove_file(folder.join("verdicts.json")).unwrap()), (vec![], vec![]));
    }

    #[test]
    fn each_kind_of_damage_names_its_file_and_what_differs() {
        let write =
            |text: &'static str| move |folder: &Path| fs::write(folder.join("plan.json"), text).unwrap();
        let gone = |folder: &Path| fs::remove_file(folder.join("plan.json")).unwrap();
        let linked = |folder: &Path| {
            fs::rename(folder.join("plan.json"), folder.join("other")).unwrap();
            symlink("other", folder.join("plan.json")).unwrap();
        };
        let says = |(damage, _): (Vec<String>, Vec<String>), text: &str| {
            assert!(damage.len() == 1 && damage[0].contains(text), "{text}: {damage:?}");
        };
        says(after(gone), "plan.json is missing");
        says(after(linked), "plan.json is no regular file");
        says(after(write("this is")), "plan.json has 7 bytes, but the run left 17: it was cut short");
        says(after(write("this is plan.json!")), "18 bytes, but the run left 17: it was added to");
        says(after(write("this is plan-json")), "plan.json was changed: its SHA-256 is ");
    }

    #[test]
    fn what_is_no_evidence_is_noted_and_no_damage() {
        let (damage, notes) = after(|folder| {
            fs::write(folder.join("verdicts.json"), "this is verdicts-json").unwrap();
            fs::write(folder.join("notes.txt"), "looked at").unwrap();
        });
        assert_eq!(damage, [""; 0]);
        assert!(notes[0].starts_with("verdicts.json was changed"), "{notes:?}");
        assert_eq!(notes[1], "notes.txt is not of the run and was not read");
    }
}
