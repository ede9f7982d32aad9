//! `testbed shell`: a command in a node of a lab that is up.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use testbed::event::Entrance;
use testbed::exit::Exit;
use testbed::kernel::join::{self, Doors};
use testbed::names::LabName;
use testbed::stay::protocol::entrance;
use testbed::stay::{Answer, Client, Registry, Request};

use super::{talk, tell_error};

/// Exit status if the command could not be started.
const COULD_NOT_START: u8 = 125;

/// Exit status of a process that was killed (128 + 9).
const KILLED: u8 = 137;

/// Whoever is killed with its lab sees the others die at the same time, or a moment later.
const AT_ONCE: Duration = Duration::from_millis(500);

/// Of the user's environment a command gets these; the rest is for programs that are not there, or nobody's business.
const HANDED_ON: [&str; 12] = [
    "TERM",
    "COLORTERM",
    "NO_COLOR",
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "TZ",
    "USER",
    "LOGNAME",
    "EDITOR",
    "PAGER",
    "LESS",
];

/// Where programs of the host lie, those of administrators too.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs a command in a node, or a shell; exit status of the command.
pub(crate) fn shell(lab: &str, node: &str, command: &[OsString]) -> u8 {
    let way = match way_in(lab) {
        Ok(way) => way,
        Err(exit) => return exit.code(),
    };
    let entrance = match entrance(&way.lab, &way.entrances, node) {
        Ok(entrance) => entrance,
        Err(error) => {
            talk(&format!("error: {error}"));
            return Exit::Input.code();
        }
    };
    way.go_in(|| run(&way.lab, node, entrance, command))
}

/// The way into a lab.
pub(super) struct WayIn {
    pub(super) lab: LabName,
    pub(super) entrances: testbed::event::Entrances,
    doors: Doors,
}

/// Asks a lab for the way in. What goes wrong is told.
pub(super) fn way_in(lab: &str) -> Result<WayIn, Exit> {
    let ask = || {
        let registry = Registry::open()?;
        let lab = registry.find(lab)?;
        let mut client = Client::ask(&registry, &lab, &Request::Enter)?;
        match client.answer()? {
            Answer::Entered { entrances } => Ok(WayIn { lab: lab.name, entrances, doors: client.doors()? }),
            other => Err(client.unexpected(&other)),
        }
    };
    ask().map_err(|error| tell_error(&error))
}

impl WayIn {
    /// Does something in a process of its own in the lab; its exit status.
    pub(super) fn go_in(&self, work: impl FnOnce() -> u8) -> u8 {
        let done = join::inside(&self.doors, |entered| match entered {
            Ok(()) => work(),
            Err(error) => {
                talk(&format!("error: {error}"));
                COULD_NOT_START
            }
        });
        match done {
            Ok(status) => {
                if self.was_taken_along(status) {
                    talk(&format!("lab `{}` has ended", self.lab));
                }
                status
            }
            Err(error) => {
                talk(&format!("error: lab `{}`: {error}", self.lab));
                Exit::from(error.fault()).code()
            }
        }
    }

    /// Whether this is how a process ends that the lab took along.
    pub(super) fn was_taken_along(&self, status: u8) -> bool {
        status == KILLED && self.doors.lab_ends(AT_ONCE)
    }
}

/// Becomes the command; returns only if it could not be started.
fn run(lab: &LabName, node: &str, entrance: &Entrance, command: &[OsString]) -> u8 {
    if let Err(error) = join::enter_node(node, entrance) {
        talk(&format!("error: {error}"));
        return COULD_NOT_START;
    }
    let shell = own_shell();
    let (program, arguments) = match command.split_first() {
        Some((program, arguments)) => (program.as_os_str(), arguments),
        None => (shell.as_os_str(), &[][..]),
    };
    let error = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(HANDED_ON.iter().filter_map(|&name| Some((name, std::env::var_os(name)?))))
        .envs([("PATH", PATH), ("HOME", "/root"), ("PS1", &prompt(lab, node))])
        .envs([("TESTBED_LAB", lab.as_str()), ("TESTBED_NODE", node)])
        .env("SHELL", &shell)
        .exec();
    talk(&format!("error: `{}` could not be started: {error}", program.display()));
    COULD_NOT_START
}

/// The user's shell, if the lab has it.
fn own_shell() -> OsString {
    let usual = || OsString::from("/bin/sh");
    std::env::var_os("SHELL").filter(|shell| Path::new(shell).is_file()).unwrap_or_else(usual)
}

/// As a POSIX shell takes it (`PS1`): which lab, which node.
fn prompt(lab: &LabName, node: &str) -> String {
    let end = if nix::unistd::geteuid().is_root() { '#' } else { '$' };
    format!("{lab} {node} {end} ")
}
