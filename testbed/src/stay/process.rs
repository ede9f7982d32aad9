//! Which process a process id meant: ids are used again, their start times are not.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use crate::kernel::join::pidfd;

/// A process of this host, for as long as the host is up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its process id.
    pub pid: i32,
    /// When it started, clock ticks since the host did (proc_pid_stat(5), field 22).
    pub started: u64,
    /// Which start of the host (random(4), `boot_id`).
    pub boot: String,
}

impl Identity {
    /// This very process.
    pub fn own() -> Option<Self> {
        let pid = i32::try_from(std::process::id()).ok()?;
        Some(Self { pid, started: start_time(pid)?, boot: boot() })
    }

    /// Whether it still runs.
    pub fn runs(&self) -> bool {
        self.boot == boot() && start_time(self.pid) == Some(self.started)
    }

    /// Ends it at once, and waits until it and what it had started have ended; whether they have, in time.
    pub fn kill(&self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        // Before they lose their parent.
        let all = [vec![self.pid], children(self.pid)].concat();
        let all: Vec<OwnedFd> = all.into_iter().filter_map(|pid| pidfd(pid).ok()).collect();
        if !self.runs() {
            return true;
        }
        let _ = kill(Pid::from_raw(self.pid), Signal::SIGKILL);
        all.iter().all(|process| ends(process, deadline))
    }
}

/// Processes that this one has started.
fn children(of: i32) -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let parent = |pid: &i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<i32>().ok()
    };
    pids.filter(|pid| parent(pid) == Some(of)).collect()
}

fn ends(process: &OwnedFd, deadline: Instant) -> bool {
    let left = deadline.saturating_duration_since(Instant::now());
    let left = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
    matches!(poll(&mut [PollFd::new(process.as_fd(), PollFlags::POLLIN)], left), Ok(1..))
}

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// None for a process that is not there, or has ended and only waits for its parent.
fn start_time(pid: i32) -> Option<u64> {
    started(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The second field, in parentheses, may hold anything: what counts comes after the last of them.
fn started(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_runs_and_one_with_its_number_and_another_start_does_not() {
        let own = Identity::own().unwrap();
        assert!(own.runs());
        assert!(!Identity { started: own.started + 1, ..own.clone() }.runs());
        assert!(!Identity { boot: "another".into(), ..own }.runs());
    }

    #[test]
    fn a_process_that_ended_does_not_run_although_it_was_not_waited_for() {
        let mut child =
            std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let it = Identity { pid, started: start_time(pid).unwrap(), boot: boot() };
        assert!(it.runs());
        let id = nix::sys::wait::Id::Pid(Pid::from_raw(pid));
        drop(child.stdin.take());
        let flags = nix::sys::wait::WaitPidFlag::WEXITED | nix::sys::wait::WaitPidFlag::WNOWAIT;
        nix::sys::wait::waitid(id, flags).unwrap();
        assert!(!it.runs(), "it is a zombie");
        child.wait().unwrap();
        assert!(!it.runs());
    }

    #[test]
    fn a_process_is_ended_with_what_it_started() {
        // The shell's own child outlives the shell by nothing: its standard input is the shell's.
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", "cat; true"]).stdin(std::process::Stdio::piped());
        let mut shell = shell.spawn().unwrap();
        let pid = i32::try_from(shell.id()).unwrap();
        let it = Identity { pid, started: start_time(pid).unwrap(), boot: boot() };
        let deadline = Instant::now() + Duration::from_secs(10);
        while children(pid).is_empty() && Instant::now() < deadline {
            std::thread::yield_now();
        }
        let child = children(pid)[0];
        let input = shell.stdin.take();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // Once the shell is gone, so is what its child reads.
                shell.wait().unwrap();
                drop(input);
            });
            assert!(it.kill(Duration::from_secs(10)));
        });
        assert!(start_time(child).is_none() && !it.runs());
    }

    #[test]
    fn a_program_may_have_any_name() {
        let rest = "1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0";
        assert_eq!(started(&format!("7 (a) S 1 (b)) S {rest}")), Some(4711));
        assert_eq!(started(&format!("7 (cat) Z {rest}")), None);
        assert_eq!(started("7 (cat"), None);
    }
}
