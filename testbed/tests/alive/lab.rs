//! A place with a small site in it, where labs are brought up, and nothing of them may be left.

use std::path::PathBuf;
use std::process::Command;

use nix::unistd::Pid;
use serde_json::Value;

use crate::support::{Counted, ONE_RUN, Place, Said, User, say, until};
use crate::terminal::Terminal;

/// Where labs are brought up, as one user; its user namespace is counted.
pub(crate) struct Labs {
    pub(crate) place: Place,
    pub(crate) counted: Counted,
    pub(crate) site: PathBuf,
}

impl Labs {
    /// A place of a user, with the small site of a camera, an appliance, a router and a guest.
    pub(crate) fn of(user: User) -> Self {
        let place = Place::of(user);
        let folder = place.bring(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/nothing_left"));
        let counted = Counted::at(&place);
        Self { site: folder.join("small.yaml"), place, counted }
    }

    /// `testbed` with these arguments, counted.
    pub(crate) fn testbed(&self, arguments: &[&str]) -> Command {
        let mut command = self.place.testbed();
        command.args(arguments);
        self.counted.wrap(command)
    }

    /// Runs `testbed` with these arguments.
    #[track_caller]
    pub(crate) fn say(&self, arguments: &[&str]) -> Said {
        say(self.testbed(arguments), ONE_RUN)
    }

    /// Runs `testbed` with these arguments at a terminal.
    pub(crate) fn at_terminal(&self, arguments: &[&str]) -> Terminal {
        Terminal::start(self.testbed(arguments))
    }

    /// Runs a shell script in which `testbed` is the program.
    #[track_caller]
    pub(crate) fn script(&self, text: &str) -> Said {
        let program = self.place.testbed().get_program().to_owned();
        let mut shell = self.place.command("bash");
        shell.arg("-c").arg(format!("testbed() {{ \"$0\" \"$@\"; }}; {text}")).arg(program);
        say(self.counted.wrap(shell), ONE_RUN)
    }

    /// Arguments of `up` for the small site, into this place.
    pub(crate) fn up_arguments(&self, more: &[&str]) -> Vec<String> {
        let own = ["up", &self.site.to_string_lossy(), "--out", &self.place.out().to_string_lossy()]
            .map(str::to_owned);
        own.into_iter().chain(more.iter().map(|&one| one.to_owned())).collect()
    }

    /// `testbed up` of the small site.
    pub(crate) fn up(&self, more: &[&str]) -> Command {
        let arguments = self.up_arguments(more);
        self.testbed(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Brings the small site up in the background; the lab's name.
    #[track_caller]
    pub(crate) fn up_detached(&self) -> String {
        let said = say(self.up(&["--detach", "--quiet"]), ONE_RUN).expect_code(0);
        said.stdout.trim().to_owned()
    }

    /// Brings the small site up at a terminal.
    #[track_caller]
    pub(crate) fn up_at_terminal(&self) -> Terminal {
        let mut terminal = Terminal::start(self.up(&[]));
        terminal.expect("lab small is up");
        terminal.expect("folder");
        terminal
    }

    /// What `ps --json` says.
    #[track_caller]
    pub(crate) fn ps(&self) -> Vec<Value> {
        let said = self.say(&["ps", "--json"]).expect_code(0);
        serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("no JSON ({error}): {said}"))
    }

    /// Whether there is a process with these words in its command line.
    pub(crate) fn has(&self, words: &str) -> bool {
        self.counted.processes().iter().any(|process| process.contains(words))
    }

    /// Waits until there is one.
    #[track_caller]
    pub(crate) fn runs(&self, words: &str) {
        until(ONE_RUN, || self.has(words).then_some(()))
            .unwrap_or_else(|| panic!("`{words}` does not start"));
    }

    /// The process that owns a lab.
    #[track_caller]
    pub(crate) fn owner(&self, lab: &str) -> Pid {
        let labs = self.ps();
        let it = labs.iter().find(|one| one["name"] == lab).unwrap_or_else(|| panic!("{labs:?}"));
        let pid = it["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
        Pid::from_raw(pid.expect("a process id"))
    }

    /// Fails the test unless nothing of any lab is left, not even an entry.
    #[track_caller]
    pub(crate) fn assert_nothing_left(&self) {
        self.counted.assert_nothing_left();
        assert_eq!(self.ps(), [] as [Value; 0]);
        let registry = std::fs::read_dir(self.place.tmp()).expect("our own folder");
        let folders: Vec<_> = registry.map(|entry| entry.expect("our own folder").path()).collect();
        let [folder] = &folders[..] else { panic!("{folders:?}") };
        let left: Vec<_> = std::fs::read_dir(folder).expect("our own folder").collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

impl Drop for Labs {
    fn drop(&mut self) {
        // A test that failed halfway must not leave a lab behind.
        let mut down = self.testbed(&["down", "--all", "--quiet"]);
        let _ = down.stdin(std::process::Stdio::null()).status();
    }
}

/// Both kinds of users.
pub(crate) const BOTH: [User; 2] = [User::Same, User::Ordinary];

/// Ends a terminal's program by Ctrl-C.
#[track_caller]
pub(crate) fn ctrl_c(terminal: &mut Terminal) -> i32 {
    terminal.keys("\u{3}");
    terminal.ends()
}
