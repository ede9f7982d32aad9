//! The user namespace in which everything is measured.
//!
//! The kernel counts the network namespaces of a user namespace and of all below it, and lowers the count in the
//! last lines of their removal (`cleanup_net`, `net/core/net_namespace.c`). With
//! `/proc/sys/user/max_net_namespaces` at 1 there, a trial `unshare(CLONE_NEWNET)` is refused until the last one is
//! really gone. That needs no right on the host and counts nothing of anybody else.

use std::fs;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid};

/// Time between two trials.
const EVERY: Duration = Duration::from_millis(1);

/// Who the caller is inside its new user namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inside {
    /// The same user as outside: programs it starts are ordinary ones.
    Myself,
    /// User 0: programs it starts keep the rights over the new namespaces.
    Root,
}

/// Moves the calling process, which must have one thread only, into a new user namespace and further new ones.
///
/// Errors: `EPERM` or `ENOSPC` of `unshare(2)` where user namespaces are refused, or those of writing the id maps.
pub fn enter(inside: Inside, others: CloneFlags) -> io::Result<()> {
    let (user, group) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER | others)?;
    let (user_inside, group_inside) = match inside {
        Inside::Myself => (user.as_raw(), group.as_raw()),
        Inside::Root => (0, 0),
    };
    // An ordinary user may map a group only after giving up setgroups (user_namespaces(7)).
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{user_inside} {user} 1"))?;
    fs::write("/proc/self/gid_map", format!("{group_inside} {group} 1"))
}

/// Waits until no network namespace of the caller's user namespace, or of one below it, is left; returns when.
///
/// The caller must have entered by [`enter`], without a network namespace of its own.
/// Errors: `TimedOut` after `patience`, or those of setting the limit and of the trial.
pub fn wait_until_gone(patience: Duration) -> io::Result<Instant> {
    fs::write("/proc/sys/user/max_net_namespaces", "1")?;
    let deadline = Instant::now() + patience;
    // A thread of its own: the trial that succeeds moves its thread into the new namespace, which ends with it.
    let trial = move || loop {
        match unshare(CloneFlags::CLONE_NEWNET) {
            Ok(()) => return Ok(Instant::now()),
            Err(Errno::ENOSPC) if Instant::now() < deadline => thread::sleep(EVERY),
            Err(Errno::ENOSPC) => {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "network namespaces are left"));
            }
            Err(other) => return Err(other.into()),
        }
    };
    thread::spawn(trial).join().expect("the trial does not panic")
}
