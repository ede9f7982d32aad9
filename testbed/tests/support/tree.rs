//! Finds the processes of a run, from the commander down.

use std::fs;

use nix::unistd::Pid;

/// A process of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Victim {
    /// The process that the user started.
    Commander,
    /// The lab's outer process: the commander's child, still on the host.
    Outer,
    /// The lab's PID 1.
    First,
    /// The process that does the lab's work.
    Worker,
    /// The fake camera.
    Camera,
}

/// The process id of one, once it is there.
pub(crate) fn find(victim: Victim, commander: Pid) -> Option<Pid> {
    let lab = |parent| child_of(parent, |line| line.split('\0').nth(1) == Some("__lab"));
    match victim {
        Victim::Commander => {
            let ours = i32::try_from(std::process::id()).ok();
            (parent_of(commander.as_raw()) == ours).then_some(commander)
        }
        Victim::Outer => lab(commander),
        Victim::First => lab(find(Victim::Outer, commander)?),
        Victim::Worker => lab(find(Victim::First, commander)?),
        Victim::Camera => child_of(find(Victim::Worker, commander)?, |line| {
            line.split('\0').next().is_some_and(|program| program.ends_with("/fake-camera"))
        }),
    }
}

fn child_of(parent: Pid, is_it: impl Fn(&str) -> bool) -> Option<Pid> {
    let entries = fs::read_dir("/proc").ok()?;
    let mut pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let child = pids.find(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        parent_of(*pid) == Some(parent.as_raw()) && is_it(&String::from_utf8_lossy(&line))
    });
    child.map(Pid::from_raw)
}

/// The fourth field of `/proc/PID/stat`; the second, in parentheses, may hold anything.
fn parent_of(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
