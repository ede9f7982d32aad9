//! Finds and reads the files that a scenario names, within its folder. The effect beside `scenario`.
//!
//! A scenario is untrusted: nothing outside its folder is read, by whatever path or link it is named, and no file
//! larger than [`LONGEST`].

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::scenario::model::Scenario;
use crate::scenario::twin::Twin;
use crate::scenario::{self, Files, LONGEST, Missing, Mistakes, Source, Unsupported};

/// A scenario, ready to be planned.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The scenario's folder, absolute, without links: every path of the scenario counts from here.
    pub folder: PathBuf,
    /// What it means.
    pub scenario: Scenario,
    /// What is worth a look all the same.
    pub warnings: Mistakes,
}

/// A broken twin, ready to be planned.
#[derive(Clone, Debug)]
pub struct LoadedTwin {
    /// The good scenario's folder, absolute, without links.
    pub folder: PathBuf,
    /// What it means.
    pub twin: Twin,
    /// What is worth a look all the same.
    pub warnings: Mistakes,
}

/// Why there is no scenario.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file itself cannot be used.
    #[error("{path}: {why}")]
    File {
        /// As the user named it.
        path: String,
        /// What is wrong with it.
        why: Missing,
    },
    /// A folder in which no scenario is.
    #[error("{0}: no scenario in this folder (a `.yaml` file with `version:` and `site:`)")]
    NoneHere(String),
    /// A twin that does not lie where twins lie.
    #[error("{0}: a broken twin lies in the folder `broken` beside its scenario")]
    NotInBroken(String),
    /// The file can be read, but what it says is wrong.
    #[error("{0}")]
    Mistakes(Box<Mistakes>),
}

impl From<Mistakes> for LoadError {
    fn from(mistakes: Mistakes) -> Self {
        LoadError::Mistakes(Box::new(mistakes))
    }
}

/// Reads a scenario and what it names.
///
/// Errors: the file cannot be used, or has mistakes: exit code 2.
pub fn scenario(path: &Path) -> Result<Loaded, LoadError> {
    let (folder, source) = open(path)?;
    let files = look_up_all(&folder, |files| scenario::mentions(&source, files));
    let read = scenario::read(&source, &files)?;
    Ok(Loaded { folder, scenario: read.scenario, warnings: read.warnings })
}

/// Reads a broken twin, its good scenario, and what the two name.
///
/// Errors: as for [`scenario()`]; also if the twin does not lie in a folder `broken`.
pub fn twin(path: &Path) -> Result<LoadedTwin, LoadError> {
    let (broken, twin) = open(path)?;
    let folder = match broken.parent() {
        Some(folder) if broken.ends_with("broken") => folder.to_owned(),
        _ => return Err(LoadError::NotInBroken(shown(path))),
    };
    let good_path = scenario::twin_of(&twin)?;
    let text = match read_below(&folder, &good_path) {
        Ok(text) => text,
        Err(missing) => {
            let mistakes = scenario::read_twin(&twin, Err(&missing), &Files::default());
            return Err(mistakes.expect_err("a twin without its scenario is a mistake").into());
        }
    };
    // as the user would name it, if the twin was named by way of `broken`
    let beside = path.parent().and_then(Path::parent).unwrap_or(&folder);
    let good = Source { path: shown(&beside.join(&good_path)), text };
    let files = look_up_all(&folder, |files| scenario::mentions_of_twin(&twin, &good, files));
    let read = scenario::read_twin(&twin, Ok(&good), &files)?;
    Ok(LoadedTwin { folder, twin: read.twin, warnings: read.warnings })
}

/// Reads a list of checks that may stay inconclusive. It may speak of `run`, and of every readable scenario in its own
/// folder and in `folders`.
///
/// Errors: the file cannot be used, or has mistakes: exit code 2.
pub fn unsupported(
    path: &Path,
    run: &[Scenario],
    folders: &BTreeSet<PathBuf>,
) -> Result<Vec<Unsupported>, LoadError> {
    let (folder, source) = open(path)?;
    let mut known = run.to_vec();
    for folder in folders.iter().chain([&folder]) {
        let beside = in_folder(folder).unwrap_or_default();
        known.extend(beside.iter().filter_map(|path| Some(scenario(path).ok()?.scenario)));
    }
    Ok(scenario::read_unsupported(&source, &known)?)
}

/// The scenarios that paths stand for: a file is one; of a folder, the files directly in it that have the top-level
/// keys `version` and `site`, by name. A file named twice is run once.
///
/// Errors: a path that is not there, or a folder without a scenario.
pub fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>, LoadError> {
    let mut found: Vec<PathBuf> = Vec::new();
    for path in paths {
        let metadata = fs::metadata(path).map_err(|error| file_error(path, &error))?;
        let here = if metadata.is_dir() { in_folder(path)? } else { vec![path.clone()] };
        for path in here {
            if !found.contains(&path) {
                found.push(path);
            }
        }
    }
    Ok(found)
}

fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let files = yaml_files(folder).map_err(|error| file_error(folder, &error))?;
    let mut found = Vec::new();
    for path in files {
        match open(&path) {
            Ok((home, source)) => {
                // a link to a file elsewhere is not in this folder
                if fs::canonicalize(folder).is_ok_and(|folder| folder == home)
                    && scenario::is_scenario(&source.text)
                {
                    found.push(path);
                }
            }
            // whoever named the folder wants to know that one of its scenarios cannot be read
            Err(LoadError::File { why: Missing::NotAFile | Missing::Folder, .. }) => {}
            Err(error) => return Err(error),
        }
    }
    if found.is_empty() { Err(LoadError::NoneHere(shown(folder))) } else { Ok(found) }
}

/// The broken twins of a scenario: the files in `broken` beside it whose `twin_of` names it, by name. A twin that
/// cannot be read is among them, so that loading it says what is wrong.
///
/// Errors: the scenario is not there.
pub fn twins_of(path: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let real = fs::canonicalize(path).map_err(|error| file_error(path, &error))?;
    let folder = real.parent().unwrap_or(Path::new("/"));
    let beside = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let broken = beside.map_or_else(|| PathBuf::from("broken"), |parent| parent.join("broken"));
    let Ok(files) = yaml_files(&broken) else { return Ok(Vec::new()) };
    let is_ours = |twin: &PathBuf| match open(twin).and_then(|(_, source)| Ok(scenario::twin_of(&source)?)) {
        Ok(of) => fs::canonicalize(folder.join(of)).is_ok_and(|of| of == real),
        Err(_) => true,
    };
    Ok(files.into_iter().filter(is_ours).collect())
}

/// The YAML files directly in a folder, by name.
fn yaml_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The texts of files of a scenario's folder, by the paths that the scenario has for them; one that cannot be read is left
/// out.
pub fn texts<'a>(folder: &Path, paths: impl Iterator<Item = &'a str>) -> BTreeMap<String, String> {
    paths.filter_map(|path| Some((path.to_owned(), read_below(folder, path).ok()?))).collect()
}

/// A file that the user named: its text, and the folder where it really lies.
fn open(path: &Path) -> Result<(PathBuf, Source), LoadError> {
    let real = fs::canonicalize(path).map_err(|error| file_error(path, &error))?;
    let folder = real.parent().unwrap_or(Path::new("/")).to_owned();
    let text = read_text(&real).map_err(|why| LoadError::File { path: shown(path), why })?;
    Ok((folder, Source { path: shown(path), text }))
}

/// The files that are named, and those that they name.
fn look_up_all(folder: &Path, mentions: impl Fn(&Files) -> BTreeSet<String>) -> Files {
    let mut files = Files::default();
    loop {
        let mut paths = mentions(&files);
        paths.retain(|path| !files.found.contains_key(path));
        if paths.is_empty() {
            return files;
        }
        let more = look_up(folder, &paths);
        files.found.extend(more.found);
        files.others.extend(more.others);
    }
}

/// The files that a scenario names, and what else lies where they should be.
fn look_up(folder: &Path, paths: &BTreeSet<String>) -> Files {
    let found = paths.iter().map(|path| (path.clone(), read_below(folder, path))).collect();
    let mut others = BTreeSet::new();
    for path in paths {
        let below = path.rsplit_once('/').map_or("", |(below, _)| below);
        let real = fs::canonicalize(folder.join(below)).ok().filter(|real| real.starts_with(folder));
        for entry in real.and_then(|real| fs::read_dir(real).ok()).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            others.insert(if below.is_empty() { name } else { format!("{below}/{name}") });
        }
    }
    Files { found, others }
}

/// A file below a folder; whatever links lie on the way, it must be below it in the end.
fn read_below(folder: &Path, path: &str) -> Result<String, Missing> {
    let real = fs::canonicalize(folder.join(path)).map_err(|error| missing(&error))?;
    if !real.starts_with(folder) {
        return Err(Missing::Outside);
    }
    read_text(&real)
}

/// The text of a regular file of at most [`LONGEST`] bytes.
fn read_text(path: &Path) -> Result<String, Missing> {
    // looked at before it is opened: opening a pipe would wait for somebody to write
    let metadata = fs::metadata(path).map_err(|error| missing(&error))?;
    if metadata.is_dir() {
        return Err(Missing::Folder);
    }
    if !metadata.is_file() {
        return Err(Missing::NotAFile);
    }
    if metadata.len() > LONGEST {
        return Err(Missing::TooLarge);
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| missing(&error))?;
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|error| missing(&error))?;
    if bytes.len() as u64 > LONGEST {
        return Err(Missing::TooLarge);
    }
    String::from_utf8(bytes).map_err(|_| Missing::NotText)
}

fn missing(error: &io::Error) -> Missing {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Missing::NotThere,
        io::ErrorKind::IsADirectory => Missing::Folder,
        _ => Missing::Unreadable(error.to_string()),
    }
}

fn file_error(path: &Path, error: &io::Error) -> LoadError {
    LoadError::File { path: shown(path), why: missing(error) }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::time::{Duration, Instant};

    use super::*;

    const SMALL: &str = "version: 1
name: small
site:
  segments: { cam: { subnets: [10.20.0.0/24] } }
  routers: { rtr: { links: { cam0: { segment: cam } }, ruleset: rules.nft } }
  hosts: { a: { segment: cam } }
checks:
  up: { reach: { from: a, to: rtr, ports: tcp/22 }, proves: PAN-NET-11 }
";

    /// A scenario's folder inside another folder, in which nothing may be read.
    fn folder() -> (tempfile::TempDir, PathBuf) {
        let outer = tempfile::tempdir().unwrap();
        fs::write(outer.path().join("secret.nft"), "secret").unwrap();
        let inner = outer.path().join("site");
        fs::create_dir(&inner).unwrap();
        fs::write(inner.join("small.yaml"), SMALL).unwrap();
        fs::write(inner.join("rules.nft"), "flush ruleset\n").unwrap();
        (outer, inner)
    }

    #[test]
    fn the_folder_is_absolute_and_without_links() {
        let (outer, inner) = folder();
        symlink(&inner, outer.path().join("link")).unwrap();
        let loaded = scenario(&outer.path().join("link/small.yaml")).unwrap();
        assert_eq!(loaded.folder, fs::canonicalize(inner).unwrap());
    }

    #[test]
    fn a_link_out_of_the_folder_is_not_followed() {
        let (outer, inner) = folder();
        fs::remove_file(inner.join("rules.nft")).unwrap();
        symlink(outer.path().join("secret.nft"), inner.join("rules.nft")).unwrap();
        let error = scenario(&inner.join("small.yaml")).unwrap_err().to_string();
        assert!(error.contains("leads out of the scenario's folder"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn a_linked_folder_inside_is_not_followed_out_either() {
        let (outer, inner) = folder();
        symlink(outer.path(), inner.join("up")).unwrap();
        let text = SMALL.replace("rules.nft", "up/secret.nft");
        fs::write(inner.join("small.yaml"), text).unwrap();
        let error = scenario(&inner.join("small.yaml")).unwrap_err().to_string();
        assert!(error.contains("leads out of the scenario's folder"), "{error}");
    }

    #[test]
    fn a_link_within_the_folder_is_as_good_as_the_file() {
        let (_outer, inner) = folder();
        fs::rename(inner.join("rules.nft"), inner.join("real.nft")).unwrap();
        symlink("real.nft", inner.join("rules.nft")).unwrap();
        assert!(scenario(&inner.join("small.yaml")).is_ok());
    }

    #[test]
    fn a_huge_file_a_pipe_and_a_folder_are_refused_at_once() {
        let (_outer, inner) = folder();
        let huge = inner.join("huge.yaml");
        File::create(&huge).unwrap().set_len(100 << 20).unwrap();
        let pipe = inner.join("pipe.yaml");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let began = Instant::now();
        for (path, why) in
            [(&huge, "larger than 1 MiB"), (&pipe, "not a regular file"), (&inner, "not a regular file")]
        {
            let error = scenario(path).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        assert!(began.elapsed() < Duration::from_secs(1));
    }

    #[test]
    fn text_that_is_not_utf_8_is_said_to_be_so() {
        let (_outer, inner) = folder();
        fs::write(inner.join("small.yaml"), b"name: \xff").unwrap();
        let error = scenario(&inner.join("small.yaml")).unwrap_err().to_string();
        assert!(error.contains("not UTF-8"), "{error}");
    }

    #[test]
    fn a_folder_stands_for_the_scenarios_directly_in_it() {
        let (_outer, inner) = folder();
        fs::write(inner.join("other.yaml"), "just: data\n").unwrap();
        fs::write(inner.join("broken.yml"), "version: 1\nsite: [\n").unwrap();
        fs::create_dir(inner.join("broken")).unwrap();
        fs::write(inner.join("broken/deeper.yaml"), SMALL).unwrap();
        let found = find(&[inner.clone(), inner.join("small.yaml")]).unwrap();
        assert_eq!(found, [inner.join("broken.yml"), inner.join("small.yaml")]);
        assert!(matches!(find(&[inner.join("nowhere")]), Err(LoadError::File { .. })));
        let empty = tempfile::tempdir().unwrap();
        assert!(matches!(find(&[empty.path().to_owned()]), Err(LoadError::NoneHere(_))));
    }

    #[test]
    fn a_scenario_has_the_twins_that_name_it() {
        let (_outer, inner) = folder();
        fs::create_dir(inner.join("broken")).unwrap();
        let twin = |of: &str| {
            format!(
                "twin_of: {of}\nsays: x\nchange: {{ site.routers.rtr.ruleset: null }}\nexpect: {{ fail: {{}}, stays: up }}\n"
            )
        };
        fs::write(inner.join("broken/ours.yaml"), twin("small.yaml")).unwrap();
        fs::write(inner.join("broken/theirs.yaml"), twin("other.yaml")).unwrap();
        fs::write(inner.join("broken/unreadable.yaml"), "twin_of: [").unwrap();
        let twins = twins_of(&inner.join("small.yaml")).unwrap();
        assert_eq!(twins, [inner.join("broken/ours.yaml"), inner.join("broken/unreadable.yaml")]);
        let error = super::twin(&inner.join("broken/ours.yaml")).unwrap_err().to_string();
        assert!(error.contains("the map is empty"), "{error}");
        fs::write(inner.join("stray.yaml"), twin("small.yaml")).unwrap();
        assert!(matches!(super::twin(&inner.join("stray.yaml")), Err(LoadError::NotInBroken(_))));
    }

    #[test]
    fn the_shipped_scenarios_and_their_twins_are_valid() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
        let found = find(std::slice::from_ref(&folder)).unwrap();
        assert!(found.len() >= 2);
        let mut named = 0;
        for path in found {
            let loaded = scenario(&path).unwrap_or_else(|error| panic!("{error}"));
            assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
            let twins = twins_of(&path).unwrap();
            assert!(twins.len() >= 4, "{} has {} twins", path.display(), twins.len());
            named += twins.len();
            for twin in twins {
                let loaded = super::twin(&twin).unwrap_or_else(|error| panic!("{error}"));
                let named = loaded.twin.fail.keys().chain(&loaded.twin.stays);
                let has = |name: &_| loaded.twin.scenario.checks.iter().any(|check| check.name == *name);
                assert!(named.into_iter().all(has), "{}", twin.display());
            }
        }
        assert_eq!(yaml_files(&folder.join("broken")).unwrap().len(), named, "every twin has its scenario");
    }
}
