//! The run folder: the one place that knows what lies where in it.

use std::fs::{self, DirBuilder, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;

use super::{EvidenceError, Manifest};
use crate::names::{NodeName, ScenarioName};
use crate::utc::Utc;

/// How many runs of one scenario may begin within one second.
const MOST_PER_SECOND: u32 = 999;

/// In `before/` and `after/`: what the switches have learned. No node's file is called that.
pub const FDB: &str = "fdb.txt";

/// A file of a run folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunFile {
    /// `scenario.yaml`: the scenario, resolved.
    Scenario,
    /// `plan.json`: what was built.
    Plan,
    /// `host.json`: where.
    Host,
    /// `run.json`: when and how it was run, and how it ended.
    Run,
    /// `facts.jsonl`: what the fakes said.
    Facts,
    /// `record.jsonl`: what was done and what was seen of it, beside packets.
    Record,
    /// `sent.jsonl`: the number of each packet that was sent on purpose, and what it stood for.
    Sent,
    /// `filters.jsonl`: what was logged behind input filters.
    Filters,
    /// `sightings.jsonl`: packets sent on purpose that passed a tap as expected, and were counted instead of stored.
    Sightings,
    /// `connections.jsonl`: what became of the connections that nodes with rules track.
    Connections,
    /// `flows.json`: conversations.
    Flows,
    /// `probes.jsonl`: what became of each aim and each conversation opened on purpose.
    Probes,
    /// `capture.pcapng`: one interface block per tap.
    Capture,
    /// `open-copy.pcapng`: the same of the open copy.
    OpenCopy,
    /// `clips/<camera>.h264`: the video that a camera repeats, as a byte stream of H.264.
    Clip(NodeName),
    /// `files/<path>`: a file of the scenario's folder that the site was built of, a rule file for example.
    Given(String),
    /// `before/<node>.json`: rules, routes, neighbours, sysctls, tracked connections before the run.
    Before(NodeName),
    /// `after/<node>.json`: the same after the run.
    After(NodeName),
    /// `counted/<node>.nft`: its rules in a copy of the site all of whose rules count, after a run of that.
    Counted(NodeName),
    /// `before/fdb.txt`: which Ethernet addresses the switches knew behind which port, as bridge(8) writes it.
    LearnedBefore,
    /// `after/fdb.txt`: the same after the run.
    LearnedAfter,
    /// `logs/<node>.log`: what the node's services wrote to standard error, and a scenario's own commands to either.
    Log(NodeName),
    /// `lab.log`: what the lab's own process wrote.
    LabLog,
    /// `up.log`: what `testbed up --detach` wrote once it was in the background.
    UpLog,
    /// `junit.xml`.
    Junit,
    /// `report.html`.
    Report,
    /// `manifest.json`: sizes and hashes of all others.
    Manifest,
    /// `verdicts.json`: written last; without it the run is incomplete.
    Verdicts,
}

/// What is made of the evidence and is none itself: a reader makes them again.
pub(super) const PRODUCTS: [RunFile; 3] = [RunFile::Verdicts, RunFile::Junit, RunFile::Report];

impl RunFile {
    /// Path below the run folder.
    pub fn path(&self) -> String {
        match self {
            RunFile::Scenario => "scenario.yaml".into(),
            RunFile::Plan => "plan.json".into(),
            RunFile::Host => "host.json".into(),
            RunFile::Run => "run.json".into(),
            RunFile::Facts => "facts.jsonl".into(),
            RunFile::Record => "record.jsonl".into(),
            RunFile::Sent => "sent.jsonl".into(),
            RunFile::Filters => "filters.jsonl".into(),
            RunFile::Sightings => "sightings.jsonl".into(),
            RunFile::Connections => "connections.jsonl".into(),
            RunFile::Flows => "flows.json".into(),
            RunFile::Probes => "probes.jsonl".into(),
            RunFile::Capture => "capture.pcapng".into(),
            RunFile::OpenCopy => "open-copy.pcapng".into(),
            RunFile::Clip(camera) => format!("clips/{camera}.h264"),
            RunFile::Given(path) => format!("files/{path}"),
            RunFile::Before(node) => format!("before/{node}.json"),
            RunFile::After(node) => format!("after/{node}.json"),
            RunFile::Counted(node) => format!("counted/{node}.nft"),
            RunFile::LearnedBefore => format!("before/{FDB}"),
            RunFile::LearnedAfter => format!("after/{FDB}"),
            RunFile::Log(node) => format!("logs/{node}.log"),
            RunFile::LabLog => "lab.log".into(),
            RunFile::UpLog => "up.log".into(),
            RunFile::Junit => "junit.xml".into(),
            RunFile::Report => "report.html".into(),
            RunFile::Manifest => "manifest.json".into(),
            RunFile::Verdicts => "verdicts.json".into(),
        }
    }
}

/// The evidence of one run, in a folder that only its user can read.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes `<out>/<time>-<scenario>`, for example `runs/20260131T235959Z-t3-separate-vlan`, with mode 0700, and the
    /// folders in it; a name that is taken gets `-2`, `-3`, … so that two runs never share one.
    ///
    /// Errors: `Folder`, `Crowded`.
    pub fn create(out: &Path, started: SystemTime, scenario: &ScenarioName) -> Result<Self, EvidenceError> {
        fs::create_dir_all(out).map_err(EvidenceError::folder(out))?;
        let first = out.join(format!("{}-{scenario}", Utc::from(started).compact()));
        let path = (1..=MOST_PER_SECOND)
            .map(|number| match number {
                1 => first.clone(),
                more => PathBuf::from(format!("{}-{more}", first.display())),
            })
            .find_map(|path| match create_private(&path) {
                Err(EvidenceError::Folder { cause, .. }) if cause.kind() == ErrorKind::AlreadyExists => None,
                other => Some(other.map(|()| path)),
            })
            .unwrap_or(Err(EvidenceError::Crowded { path: first, last: MOST_PER_SECOND }))?;
        for folder in ["before", "after", "logs", "files", "clips"] {
            create_private(&path.join(folder))?;
        }
        Ok(Self { path })
    }

    /// A folder that is there already.
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Where it is, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a file of it is.
    pub fn file(&self, file: &RunFile) -> PathBuf {
        self.path.join(file.path())
    }

    /// Writes a whole file.
    pub fn write(&self, file: &RunFile, content: &[u8]) -> Result<(), EvidenceError> {
        let path = self.file(file);
        fs::write(&path, content).map_err(EvidenceError::write(&path))
    }

    /// Keeps a copy of a file of the scenario's folder; `path` is relative, without `..`. One that is not there is left
    /// out: whoever needs it says so.
    pub fn keep(&self, folder: &Path, path: &str) -> Result<(), EvidenceError> {
        let to = self.file(&RunFile::Given(path.to_owned()));
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(EvidenceError::folder(parent))?;
        }
        match fs::copy(folder.join(path), &to) {
            Err(cause) if cause.kind() != ErrorKind::NotFound => {
                Err(EvidenceError::Write { path: to, cause })
            }
            _ => Ok(()),
        }
    }

    /// Writes a value as indented JSON with a line end.
    pub fn write_json(&self, file: &RunFile, value: &impl Serialize) -> Result<(), EvidenceError> {
        self.write(file, &self.json_text(file, value)?)
    }

    /// Opens a file of JSON lines that grows during the run.
    pub fn lines(&self, file: &RunFile) -> Result<RunLines, EvidenceError> {
        let path = self.file(file);
        let out = File::create(&path).map_err(EvidenceError::write(&path))?;
        Ok(RunLines { out: BufWriter::new(out), path })
    }

    /// Ends the evidence: `manifest.json` with the hashes of all files, then `verdicts.json`, each whole or not at all.
    ///
    /// Nothing may be written to the folder afterwards.
    pub fn seal(&self, verdicts: &[u8]) -> Result<(), EvidenceError> {
        let mut manifest = Manifest::of(&self.path)?;
        manifest.add_product(&RunFile::Verdicts.path(), verdicts);
        self.write_at_once(&RunFile::Manifest, &self.json_text(&RunFile::Manifest, &manifest)?)?;
        self.write_at_once(&RunFile::Verdicts, verdicts)
    }

    /// Writes a file that is there whole or not at all.
    fn write_at_once(&self, file: &RunFile, content: &[u8]) -> Result<(), EvidenceError> {
        let (part, whole) = (self.path.join(format!(".{}.part", file.path())), self.file(file));
        let written = write_through(&part, content).and_then(|()| fs::rename(&part, &whole));
        written.map_err(|cause| {
            // Half a file must not stay; if it does, the error that is returned says that the disk is to blame.
            let _ = fs::remove_file(&part);
            EvidenceError::Write { path: whole, cause }
        })
    }

    fn json_text(&self, file: &RunFile, value: &impl Serialize) -> Result<Vec<u8>, EvidenceError> {
        let mut text = serde_json::to_vec_pretty(value).map_err(EvidenceError::json(&self.file(file)))?;
        text.push(b'\n');
        Ok(text)
    }
}

/// A file of JSON lines that grows during the run.
#[must_use = "what was not yet written is lost without `finish`"]
#[derive(Debug)]
pub struct RunLines {
    out: BufWriter<File>,
    path: PathBuf,
}

impl RunLines {
    /// Adds one line.
    pub fn add(&mut self, value: &impl Serialize) -> Result<(), EvidenceError> {
        serde_json::to_writer(&mut self.out, value).map_err(EvidenceError::json(&self.path))?;
        self.out.write_all(b"\n").map_err(EvidenceError::write(&self.path))
    }

    /// Writes what is left.
    pub fn finish(mut self) -> Result<(), EvidenceError> {
        self.out.flush().map_err(EvidenceError::write(&self.path))
    }
}

fn create_private(path: &Path) -> Result<(), EvidenceError> {
    DirBuilder::new().mode(0o700).create(path).map_err(EvidenceError::folder(path))
}

fn write_through(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::time::{Duration, UNIX_EPOCH};

    fn create(out: &Path) -> Result<RunFolder, EvidenceError> {
        RunFolder::create(out, UNIX_EPOCH + Duration::from_secs(1_798_761_599), &"small".parse().unwrap())
    }

    #[test]
    fn folders_are_named_by_time_and_scenario_and_never_shared() {
        let out = tempfile::tempdir().unwrap();
        let runs = out.path().join("deep/runs");
        let names: Vec<_> = (0..3).map(|_| create(&runs).unwrap().path().to_owned()).collect();
        let stem = "20261231T235959Z-small";
        assert_eq!(names, ["", "-2", "-3"].map(|more| runs.join(format!("{stem}{more}"))));
        for folder in ["", "before", "after", "logs", "files", "clips"] {
            let mode = fs::metadata(names[0].join(folder)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{folder}");
        }
    }

    #[test]
    fn two_runs_that_begin_at_once_get_a_folder_each() {
        let out = tempfile::tempdir().unwrap();
        let paths: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| create(out.path()).unwrap().path)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let different: std::collections::BTreeSet<_> = paths.iter().collect();
        assert_eq!(different.len(), 8);
    }

    #[test]
    fn the_manifest_has_every_file_and_the_verdicts_come_last() {
        let out = tempfile::tempdir().unwrap();
        let folder = create(out.path()).unwrap();
        folder.write(&RunFile::Log("rtr".parse().unwrap()), b"abc").unwrap();
        folder.write_json(&RunFile::Plan, &["x"]).unwrap();
        let mut facts = folder.lines(&RunFile::Facts).unwrap();
        facts.add(&1).unwrap();
        facts.add(&"two").unwrap();
        facts.finish().unwrap();
        symlink("/etc/passwd", folder.path().join("link")).unwrap();
        assert!(!folder.file(&RunFile::Verdicts).exists());
        folder.seal(b"{}").unwrap();

        assert_eq!(fs::read(folder.file(&RunFile::Facts)).unwrap(), b"1\n\"two\"\n");
        assert_eq!(fs::read(folder.file(&RunFile::Verdicts)).unwrap(), b"{}");
        let kept: Manifest =
            serde_json::from_slice(&fs::read(folder.file(&RunFile::Manifest)).unwrap()).unwrap();
        let names: Vec<_> = kept.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(names, ["facts.jsonl", "logs/rtr.log", "plan.json"]);
        assert_eq!(kept.products[0].path, "verdicts.json");
        // The hash of "abc" is the first example of FIPS 180-4.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!((kept.files[1].bytes, kept.files[1].sha256.as_str()), (3, abc));
        assert_eq!(Manifest::of(folder.path()).unwrap(), kept, "what is there is what was listed");
    }

    #[test]
    fn a_full_disk_says_which_file_and_what_to_do() {
        let out = tempfile::tempdir().unwrap();
        let folder = create(out.path()).unwrap();
        for file in [RunFile::Plan.path(), RunFile::Facts.path(), ".manifest.json.part".into()] {
            symlink("/dev/full", folder.path().join(file)).unwrap();
        }
        let plan = folder.write(&RunFile::Plan, b"x").unwrap_err().to_string();
        assert!(
            plan.starts_with("write ") && plan.contains("plan.json") && plan.contains("make room"),
            "{plan}"
        );
        let mut lines = folder.lines(&RunFile::Facts).unwrap();
        lines.add(&"x".repeat(10)).unwrap();
        assert!(lines.finish().unwrap_err().to_string().contains("make room"));
        let mut lines = folder.lines(&RunFile::Facts).unwrap();
        assert!(lines.add(&"x".repeat(100_000)).unwrap_err().to_string().contains("make room"));
        assert!(folder.seal(b"{}").unwrap_err().to_string().contains("manifest.json"));
        for file in [RunFile::Manifest, RunFile::Verdicts] {
            assert!(!folder.file(&file).exists(), "a run that could not be kept is incomplete");
        }
    }

    #[test]
    fn a_place_that_cannot_hold_the_folder_says_so() {
        let out = tempfile::tempdir().unwrap();
        let file = out.path().join("file");
        fs::write(&file, b"").unwrap();
        let text = create(&file).unwrap_err().to_string();
        assert!(text.contains("create the folder") && text.contains("in the way"), "{text}");
        let text = create(Path::new("/proc/runs")).unwrap_err().to_string();
        assert!(text.contains("/proc/runs"), "{text}");
    }

    #[test]
    fn files_have_different_names() {
        let node: NodeName = "rtr".parse().unwrap();
        let files = [
            RunFile::Scenario,
            RunFile::Plan,
            RunFile::Host,
            RunFile::Run,
            RunFile::Facts,
            RunFile::Record,
            RunFile::Sent,
            RunFile::Filters,
            RunFile::Sightings,
            RunFile::Connections,
            RunFile::Flows,
            RunFile::Probes,
            RunFile::Capture,
            RunFile::OpenCopy,
            RunFile::Clip(node.clone()),
            RunFile::Given("site.nft".into()),
            RunFile::Before(node.clone()),
            RunFile::After(node.clone()),
            RunFile::Counted(node.clone()),
            RunFile::LearnedBefore,
            RunFile::LearnedAfter,
            RunFile::Log(node),
            RunFile::LabLog,
            RunFile::UpLog,
            RunFile::Junit,
            RunFile::Report,
            RunFile::Manifest,
            RunFile::Verdicts,
        ];
        let names: std::collections::BTreeSet<_> = files.iter().map(RunFile::path).collect();
        assert_eq!(names.len(), files.len());
    }
}
