//! A pseudo-terminal with a program at it, as a person has one.

use std::fs::File;
use std::io::{PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::openpty;
use nix::sys::termios::{LocalFlags, tcgetattr};
use nix::unistd::{Pid, setsid};

use crate::support::until;

/// How long something may take to appear, or a program to end.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// A program at a terminal of its own. It is hung up when this value is dropped.
pub(crate) struct Terminal {
    /// Our end, as the terminal's keyboard and screen, and what ends the reading of it; none once it was closed.
    keyboard: Option<(File, Watching)>,
    child: Child,
    screen: Arc<Screen>,
    read: usize,
}

#[derive(Default)]
struct Screen {
    shown: Mutex<Vec<u8>>,
    grown: Condvar,
}

impl Terminal {
    /// Starts a program as the leader of a session that has this terminal.
    #[track_caller]
    pub(crate) fn start(mut command: Command) -> Self {
        let pair = openpty(None, None).expect("a pseudo-terminal");
        for end in [&pair.master, &pair.slave] {
            // Else every other program that is started would keep it open.
            fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).expect("our own file");
        }
        let copy = || Stdio::from(pair.slave.try_clone().expect("one more descriptor"));
        command.stdin(copy()).stdout(copy()).stderr(copy()).env("TERM", "dumb");
        #[expect(unsafe_code, reason = "a step between fork and exec has no safe form")]
        // SAFETY: two system calls, on the child's own standard input.
        unsafe {
            command.pre_exec(|| {
                setsid()?;
                match libc::ioctl(0, libc::TIOCSCTTY, 0) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                }
            });
        }
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        // Now only the program and what it starts have its end, so that our end tells when nobody has it any more.
        drop((command, pair.slave));
        let screen = Arc::new(Screen::default());
        let keyboard = File::from(pair.master);
        let watching =
            Watching::start(keyboard.try_clone().expect("one more descriptor"), Arc::clone(&screen));
        Self { keyboard: Some((keyboard, watching)), child, screen, read: 0 }
    }

    /// Types some keys.
    pub(crate) fn keys(&mut self, keys: &str) {
        let (keyboard, _) = self.keyboard.as_mut().expect("it was not closed");
        keyboard.write_all(keys.as_bytes()).expect("a terminal takes keys");
    }

    /// Types a line.
    pub(crate) fn line(&mut self, text: &str) {
        self.keys(&format!("{text}\n"));
    }

    /// Waits until this is shown after all that was waited for before; what was shown up to it.
    #[track_caller]
    pub(crate) fn expect(&mut self, text: &str) -> String {
        let deadline = Instant::now() + SOON;
        let mut shown = self.screen.shown.lock().expect("nobody panics with it");
        loop {
            let rest = &shown[self.read..];
            if let Some(at) = rest.windows(text.len()).position(|part| part == text.as_bytes()) {
                let until = at + text.len();
                let before = String::from_utf8_lossy(&rest[..until]).into_owned();
                self.read += until;
                return before;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "`{text}` is not shown: {}", String::from_utf8_lossy(&shown));
            shown = self.screen.grown.wait_timeout(shown, left).expect("nobody panics with it").0;
        }
    }

    /// Everything that was shown so far.
    pub(crate) fn all(&self) -> String {
        String::from_utf8_lossy(&self.screen.shown.lock().expect("nobody panics with it")).into_owned()
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("process ids are small"))
    }

    /// Whether what is typed is shown, and read by the line: how a terminal is when nobody changed it.
    pub(crate) fn is_as_it_was(&self) -> bool {
        let (keyboard, _) = self.keyboard.as_ref().expect("it was not closed");
        let settings = tcgetattr(keyboard).expect("a terminal has settings");
        settings.local_flags.contains(LocalFlags::ECHO | LocalFlags::ICANON)
    }

    /// Hangs up, as a window does that is closed.
    pub(crate) fn close(&mut self) {
        self.keyboard = None;
    }

    /// Waits until the program has ended, and all that it showed was read; its exit status, 128 + signal for a signal.
    #[track_caller]
    pub(crate) fn ends(&mut self) -> i32 {
        let ended = until(SOON, || self.child.try_wait().expect("it is our child"));
        let status = ended.unwrap_or_else(|| panic!("it does not end: {}", self.all()));
        if let Some((_, watching)) = &self.keyboard {
            until(SOON, || watching.is_over().then_some(()))
                .unwrap_or_else(|| panic!("somebody still has its terminal: {}", self.all()));
        }
        status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.keyboard = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A thread that reads the screen. When this value is dropped it has ended, and with it its copy of our end: a terminal
/// hangs up when the last copy is closed.
struct Watching {
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl Watching {
    fn start(mut from: File, screen: Arc<Screen>) -> Self {
        let (stopped, stop) = std::io::pipe().expect("a pipe");
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                let mut wait = [
                    PollFd::new(stopped.as_fd(), PollFlags::empty()),
                    PollFd::new(from.as_fd(), PollFlags::POLLIN),
                ];
                if poll(&mut wait, PollTimeout::NONE).is_err() {
                    continue;
                }
                if wait[0].any().unwrap_or(true) {
                    return;
                }
                // A terminal that no program has any more is an error.
                let Ok(length @ 1..) = from.read(&mut buffer) else { return };
                screen.shown.lock().expect("nobody panics with it").extend_from_slice(&buffer[..length]);
                screen.grown.notify_all();
            }
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }

    /// Whether no program has the terminal any more, and everything that was shown has been read.
    fn is_over(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
