//! Runs a command and listens to it, with a deadline.

use std::fmt;
use std::io::Read;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::patience;

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Said {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
    /// How long it ran.
    pub(crate) took: Duration,
}

impl Said {
    /// Fails the test, with all that was said, unless it ended with this exit code.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "exit code {code} was expected: {self}");
        self
    }

    /// Both streams, for a search that does not care which.
    pub(crate) fn all(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }
}

impl fmt::Display for Said {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, stdout, stderr, took } = self;
        write!(to, "{status} after {took:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

/// A command that runs.
#[must_use = "it is killed when this value is dropped"]
pub(crate) struct Talking {
    pid: Pid,
    begun: Instant,
    ended: Receiver<ExitStatus>,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
    running: bool,
}

/// Runs a command to its end; past the deadline it is killed and the test fails.
#[track_caller]
pub(crate) fn say(command: Command, within: Duration) -> Said {
    start(command).finish(within)
}

/// Starts a command, without standard input.
#[track_caller]
pub(crate) fn start(mut command: Command) -> Talking {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let begun = Instant::now();
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("process ids are small"));
    let stdout = read_all(child.stdout.take().expect("it was piped"));
    let stderr = read_all(child.stderr.take().expect("it was piped"));
    let (end, ended) = channel();
    std::thread::spawn(move || end.send(child.wait().expect("it is our child")));
    Talking { pid, begun, ended, stdout, stderr, running: true }
}

fn read_all(mut pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (done, all) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What came before an error is worth showing.
        let _ = pipe.read_to_end(&mut bytes);
        done.send(String::from_utf8_lossy(&bytes).into_owned())
    });
    all
}

impl Talking {
    /// Its process id.
    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// How long it has run.
    pub(crate) fn since(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid, signal).expect("it is our child and nobody has waited for it yet");
    }

    /// Waits for its end, and for that of everything that holds its output open, [`patience`] times so long.
    #[track_caller]
    pub(crate) fn finish(mut self, within: Duration) -> Said {
        let deadline = self.begun + within * patience();
        let left = || deadline.saturating_duration_since(Instant::now());
        let ended = self.ended.recv_timeout(left());
        let took = self.begun.elapsed();
        if ended.is_ok() {
            self.running = false;
        } else {
            self.signal(Signal::SIGKILL);
        }
        let rest = left() + Duration::from_secs(5);
        let text = |from: &Receiver<String>| {
            from.recv_timeout(rest).unwrap_or_else(|_| "(held open by a process that did not end)".into())
        };
        let (stdout, stderr) = (text(&self.stdout), text(&self.stderr));
        match ended {
            Ok(status) => Said { status, stdout, stderr, took },
            Err(_) => panic!("killed after {took:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}"),
        }
    }
}

impl Drop for Talking {
    fn drop(&mut self) {
        if self.running && self.ended.try_recv().is_err() {
            let _ = kill(self.pid, Signal::SIGKILL);
        }
    }
}
