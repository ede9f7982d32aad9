//! A scenario of this folder, run by the built program as a user would, and what it left behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde::de::DeserializeOwned;
use tempfile::TempDir;
use testbed::observation::NodeFact;
use testbed::plan::Plan;

/// Interpreter as the scenarios of this folder write it.
const INTERPRETER: &str = ".venv/bin/python";

/// A run that is over; its folders are gone with the value.
pub(crate) struct Run {
    pub(crate) output: Output,
    dir: TempDir,
}

impl Run {
    /// Runs `scenario`, a file's name without ending, to its end.
    pub(crate) fn of(scenario: &str) -> Self {
        let workspace = workspace();
        let clients = workspace.join("testbed/tests/clients");
        let python = interpreter(&workspace);
        let dir = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let text = fs::read_to_string(clients.join(scenario).with_extension("yaml")).unwrap();
        let file = dir.path().join("scenario.yaml");
        fs::write(&file, text.replace(INTERPRETER, python.to_str().unwrap())).unwrap();

        let mut command = Command::new(env!("CARGO_BIN_EXE_testbed"));
        command.current_dir(&workspace).stdin(Stdio::null()).args(["run", "--allow-run"]);
        command.arg(&file).arg("--out").arg(dir.path().join("runs"));
        for folder in shown(&python).into_iter().chain([clients]) {
            command.arg("--allow-path").arg(folder);
        }
        let output = command.output().unwrap();
        Self { output, dir }
    }

    /// The same, where nothing may go wrong.
    pub(crate) fn good(scenario: &str) -> Self {
        let run = Self::of(scenario);
        assert_eq!(run.output.status.code(), Some(0), "{}", run.told());
        run
    }

    /// What the program said, and what the clients said, for a failure's report.
    pub(crate) fn told(&self) -> String {
        let Output { stdout, stderr, .. } = &self.output;
        let logs = ["client", "stranger"].map(|node| self.log(node).unwrap_or_default());
        [String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr)].concat() + &logs.concat()
    }

    /// Everything that a node's program printed; none where there was no such node.
    pub(crate) fn log(&self, node: &str) -> Option<String> {
        fs::read_to_string(self.folder().join("logs").join(format!("{node}.log"))).ok()
    }

    /// What the fakes said, in order.
    pub(crate) fn facts(&self) -> Vec<NodeFact> {
        let text = fs::read_to_string(self.folder().join("facts.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What was built.
    pub(crate) fn plan(&self) -> Plan {
        self.read("plan.json")
    }

    /// Every frame of the lab.
    pub(crate) fn capture(&self) -> PathBuf {
        self.folder().join("capture.pcapng")
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> T {
        serde_json::from_slice(&fs::read(self.folder().join(name)).unwrap()).unwrap()
    }

    fn folder(&self) -> PathBuf {
        let mut folders = fs::read_dir(self.dir.path().join("runs")).unwrap();
        folders.next().expect("a run leaves a folder").unwrap().path()
    }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace").to_owned()
}

fn interpreter(workspace: &Path) -> PathBuf {
    let python = std::env::var_os("TESTBED_PYTHON").map_or(workspace.join(INTERPRETER), PathBuf::from);
    assert!(
        python.exists(),
        "this test needs {}: run scripts/setup test, or set TESTBED_PYTHON",
        python.display()
    );
    python
}

/// Folders that the lab must see for the interpreter: its own, and the one that it was made from.
fn shown(python: &Path) -> Vec<PathBuf> {
    let mut asked = Command::new(python);
    asked.args(["-c", "import sys; print(sys.prefix); print(sys.base_prefix)"]);
    let output = asked.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let folders = text.lines().map(PathBuf::from);
    // A lab shows the host's programs anyway.
    folders.filter(|folder| folder != Path::new("/usr")).collect()
}
