//! Into a lab that stands already, from outside: its user, process, mount and, of one node, network namespaces.
//!
//! Two processes. The one that the user started joins the lab's user and process namespaces, forks, and waits. Only the
//! child is *in* the process namespace (pid_namespaces(7): joining concerns children), so the kernel ends it when it
//! ends the lab; and only the child joins the namespaces that would keep parts of a lab alive.
//!
//! The lab is entered by *pidfds* of its first process and of its worker (setns(2), since Linux 5.8): they hold no
//! namespace, and cannot come to mean another process.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{ForkResult, sethostname};

use super::enter::{fork_process, keep_rights_over_exec};
use super::{KernelError, fds, terminal};
use crate::event::Entrance;

/// The way into a lab: pidfds of two of its processes.
#[derive(Debug)]
pub struct Doors {
    /// PID 1: the lab's user and process namespaces are its.
    first: OwnedFd,
    /// The worker: the user namespace inside the lab's, and the file system with the nodes' namespaces, are its.
    worker: OwnedFd,
}

impl Doors {
    /// Of the lab whose worker calls.
    pub fn of_this_lab() -> io::Result<Self> {
        let own = i32::try_from(std::process::id()).map_err(io::Error::other)?;
        Ok(Self { first: pidfd(1)?, worker: pidfd(own)? })
    }

    /// Sends them, with a byte of their own.
    pub fn send(&self, socket: &impl AsFd) -> io::Result<()> {
        fds::send(socket, b"d", &self.raw()).map(drop)
    }

    /// Receives what [`Doors::send`] sent.
    pub fn receive(socket: &impl AsFd) -> io::Result<Self> {
        let (_, files) = fds::receive(socket, &mut [0])?;
        Self::of(files)
    }

    /// From the files that came with a message.
    pub fn of(files: Vec<OwnedFd>) -> io::Result<Self> {
        let [first, worker] = <[OwnedFd; 2]>::try_from(files)
            .map_err(|files| io::Error::other(format!("{} files came instead of two", files.len())))?;
        Ok(Self { first, worker })
    }

    /// The two, to be sent with a message.
    pub fn raw(&self) -> [i32; 2] {
        [self.first.as_raw_fd(), self.worker.as_raw_fd()]
    }

    /// Whether the lab has ended, or does so within this time.
    ///
    /// The worker is asked: the first process cannot end before all that were in the lab are waited for, by us too.
    pub fn lab_ends(&self, within: Duration) -> bool {
        let within = PollTimeout::try_from(within).unwrap_or(PollTimeout::MAX);
        matches!(poll(&mut [PollFd::new(self.worker.as_fd(), PollFlags::POLLIN)], within), Ok(1..))
    }
}

/// A descriptor of a process, which cannot come to mean another one (pidfd_open(2)).
///
/// Errors: `ESRCH` if there is no such process.
pub fn pidfd(pid: i32) -> io::Result<OwnedFd> {
    #[expect(unsafe_code, reason = "pidfd_open(2) has no safe form in the crates used here")]
    // SAFETY: two numbers go in; a new descriptor that nobody else owns comes out, or -1.
    unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, pid, 0);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(OwnedFd::from_raw_fd(i32::try_from(fd).map_err(io::Error::other)?))
    }
}

/// Runs `inside` in a process of its own inside the lab and waits for it; its exit status, 128 + signal for a signal.
///
/// `inside` is told if the rest of the way in was barred, since nobody else can say so. Must be called before the
/// process has a second thread. The terminal, if there is one, is given back as it was. Errors: `Gone`, `Join`.
pub fn inside(doors: &Doors, inside: impl FnOnce(Result<(), KernelError>) -> u8) -> Result<u8, KernelError> {
    join(&doors.first, CloneFlags::CLONE_NEWPID, "the lab")?;
    let settings = terminal::settings();
    match fork_process()? {
        ForkResult::Parent { child } => {
            Ok(u8::try_from(terminal::wait_for(child, settings.as_ref())).unwrap_or(u8::MAX))
        }
        ForkResult::Child => {
            std::process::exit(i32::from(inside(enter(doors))));
        }
    }
}

fn enter(doors: &Doors) -> Result<(), KernelError> {
    let folder = std::env::current_dir().ok();
    join(&doors.worker, CloneFlags::CLONE_NEWNS, "the lab's file system")?;
    if folder.is_none_or(|folder| std::env::set_current_dir(folder).is_err()) {
        std::env::set_current_dir("/").map_err(failed("the lab's file system"))?;
    }
    keep_rights_over_exec()?;
    // After every change of rights, which would undo it. Whoever waits for us may be killed, and we end with it.
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(|errno| failed("the lab")(errno.into()))
}

/// Joins namespaces of a process, its user namespace first unless that is ours.
fn join(process: &OwnedFd, flags: CloneFlags, what: &'static str) -> Result<(), KernelError> {
    let joined = match setns(process, CloneFlags::CLONE_NEWUSER | flags) {
        // One's own user namespace cannot be joined again: root's labs have none outside the worker's.
        Err(Errno::EINVAL) => setns(process, flags),
        other => other,
    };
    joined.map_err(|errno| failed(what)(errno.into()))
}

/// Joins a network namespace by its file.
///
/// Errors: `Join`.
pub fn enter_network(path: &Path) -> Result<(), KernelError> {
    let entered = File::open(path).and_then(|file| Ok(setns(file, CloneFlags::CLONE_NEWNET)?));
    entered.map_err(failed("the network"))
}

/// Joins a node: its network, its own `resolv.conf` and `hosts`, its name as host name.
///
/// Errors: `Join`.
pub fn enter_node(name: &str, entrance: &Entrance) -> Result<(), KernelError> {
    let place = || -> io::Result<()> {
        unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWUTS)?;
        sethostname(name)?;
        for file in ["resolv.conf", "hosts"] {
            let (from, to) = (entrance.names.join(file), Path::new("/etc").join(file));
            mount(Some(&from), &to, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
        }
        Ok(())
    };
    place().map_err(failed("the node"))?;
    enter_network(&entrance.network)
}

fn failed(what: &'static str) -> impl Fn(io::Error) -> KernelError {
    move |cause| match cause.raw_os_error() {
        Some(libc::ESRCH) => KernelError::Gone,
        _ => KernelError::Join { what, cause },
    }
}
