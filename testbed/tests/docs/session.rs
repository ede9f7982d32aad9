//! The README's session with a lab that stays is typed, and what the README shows of it is what comes out.

use std::process::Command;

use super::examples::write_scenarios;
use super::first::steady;
use super::pages::{Block, blocks, page};

/// The session: each command with what it prints.
fn shown() -> Vec<(String, String)> {
    let is_it =
        |block: &Block| block.language == "console" && block.text.starts_with("$ testbed up first.yaml");
    let block = blocks(&page("README.md")).into_iter().find(is_it).expect("the README has a session");
    let mut session: Vec<(String, String)> = Vec::new();
    for line in block.text.lines() {
        match (line.strip_prefix("$ "), session.last_mut()) {
            (Some(command), _) => session.push((command.to_owned(), String::new())),
            (None, Some((_, said))) => said.extend([line, "\n"]),
            (None, None) => unreachable!("it starts with a command"),
        }
    }
    session
}

/// A folder of this test's own, in which labs are found, too; they end with it.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn command(&self, line: &str) -> Command {
        let mut words = line.split(' ');
        assert_eq!(words.next(), Some("testbed"), "{line}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_testbed"));
        command.args(words).current_dir(self.folder.path());
        command.env("TMPDIR", self.folder.path()).env_remove("XDG_RUNTIME_DIR");
        command
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.command("testbed down --all --quiet").status();
    }
}

#[test]
fn the_session_comes_out_as_shown() {
    let desk = Desk { folder: tempfile::tempdir().unwrap() };
    write_scenarios(&page("README.md"), desk.folder.path());
    let session = shown();
    assert!(session.len() > 3, "{session:?}");
    for (line, wanted) in session {
        let ran = desk.command(&line).output().expect("it was built");
        assert_eq!(steady(&String::from_utf8_lossy(&ran.stdout)), steady(&wanted), "{line}: {ran:?}");
    }
}
