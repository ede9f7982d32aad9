//! A user namespace whose network namespaces the kernel counts.
//!
//! That a process ended or a name is gone says nothing: the kernel takes a network namespace apart later, and lowers
//! the count of its user namespace (and of those around it) last of all. So when the most that a user namespace may
//! have is set to 1 (`user.max_net_namespaces`, namespaces(7)), making one fails with `ENOSPC` until all others are
//! really gone. The count is kept per user, so the trial is made by the same one.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::fcntl::{OFlag, open};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, getegid, geteuid, setgid, setgroups, setuid, write};

use super::place::NOBODY;
use super::{Place, User, until};

/// How long the kernel may take to take namespaces apart on a loaded machine.
pub(crate) const GONE_WITHIN: Duration = Duration::from_secs(20);

const LIMIT: &str = "/proc/sys/user/max_net_namespaces";

/// A user namespace of a test's own; commands in it can be asked after.
pub(crate) struct Counted {
    namespace: Arc<OwnedFd>,
    user: User,
    usual: String,
}

impl Counted {
    /// A new one, for commands of this user.
    pub(crate) fn new(user: User) -> Self {
        let mut holder = Command::new("cat");
        holder.stdin(Stdio::piped()).stdout(Stdio::null());
        before_exec(&mut holder, || Ok(unshare(CloneFlags::CLONE_NEWUSER)?));
        let mut holder =
            Holder(holder.spawn().expect("user namespaces are allowed here; see `testbed doctor`"));
        let pid = holder.0.id();
        map_users(pid).unwrap_or_else(|error| panic!("the user namespace cannot be mapped: {error}"));
        let namespace = File::open(format!("/proc/{pid}/ns/user")).expect("our child's");
        let usual = fs::read_to_string(LIMIT).expect("the kernel has user namespaces");
        holder.end();
        Self { namespace: Arc::new(namespace.into()), user, usual }
    }

    /// One for the commands of a place.
    pub(crate) fn at(place: &Place) -> Self {
        Self::new(place.user())
    }

    /// Makes a command, one of this namespace's user, run inside.
    ///
    /// The identity is changed after the namespace is entered, which only its owner may.
    pub(crate) fn wrap(&self, mut command: Command) -> Command {
        let (namespace, changes) = (Arc::clone(&self.namespace), self.user.changes());
        if changes {
            // Undoes the place's change of identity.
            command.uid(0).gid(0);
        }
        before_exec(&mut command, move || {
            setns(namespace.as_fd(), CloneFlags::CLONE_NEWUSER)?;
            if changes { become_nobody() } else { Ok(()) }
        });
        command
    }

    /// Fails the test unless every network namespace and every process of this user namespace is gone within
    /// [`GONE_WITHIN`]; says how long that took.
    #[track_caller]
    pub(crate) fn assert_nothing_left(&self) -> Duration {
        match self.nothing_left(GONE_WITHIN) {
            Ok(took) => took,
            Err(left) => panic!("{left}"),
        }
    }

    /// Waits until every network namespace and every process of this user namespace is gone; what is left otherwise.
    pub(crate) fn nothing_left(&self, within: Duration) -> Result<Duration, String> {
        let begun = Instant::now();
        let mut left = Vec::new();
        until(within, || {
            left = self.processes();
            left.is_empty().then_some(())
        })
        .ok_or_else(|| format!("processes are left after {within:?}:\n  {}", left.join("\n  ")))?;
        self.set_limit("1");
        let counted = until(within.saturating_sub(begun.elapsed()), || match self.try_one_more() {
            Ok(()) => Some(Ok(())),
            Err(error) if error.raw_os_error() == Some(libc::ENOSPC) => None,
            Err(error) => Some(Err(error.to_string())),
        });
        self.set_limit(&self.usual);
        match counted {
            Some(Ok(())) => Ok(begun.elapsed()),
            Some(Err(error)) => Err(format!("a network namespace cannot be tried: {error}")),
            None => Err(format!("the kernel still counts a network namespace after {within:?}")),
        }
    }

    /// Leaves something on purpose: a process with a network namespace of its own, and an open file of that namespace,
    /// which holds it when the process has ended.
    pub(crate) fn leave_one(&self) -> (Holder, File) {
        let mut command = Command::new("cat");
        if self.user.changes() {
            command.uid(NOBODY).gid(NOBODY);
        }
        let mut command = self.wrap(command);
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        before_exec(&mut command, || Ok(unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)?));
        let holder = Holder(command.spawn().expect("network namespaces are allowed here"));
        let namespace = File::open(format!("/proc/{}/ns/net", holder.0.id())).expect("our child's");
        (holder, namespace)
    }

    /// Process id and command line of each process that lives in this user namespace or in one below it.
    pub(crate) fn processes(&self) -> Vec<String> {
        let ours = identity(&self.namespace);
        let entries = fs::read_dir("/proc").expect("proc is mounted");
        let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
        let lives_here = |pid: &u32| {
            File::open(format!("/proc/{pid}/ns/user")).is_ok_and(|file| is_below(file.into(), ours))
        };
        pids.filter(lives_here).filter(|pid| !is_zombie(*pid)).map(describe).collect()
    }

    fn set_limit(&self, most: &str) {
        let most = most.trim().to_owned();
        let set = self.inside(move || {
            let file = open(LIMIT, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
            write(&file, most.as_bytes()).map(drop).map_err(io::Error::from)
        });
        set.unwrap_or_else(|error| panic!("{LIMIT} of our own user namespace: {error}"));
    }

    fn try_one_more(&self) -> io::Result<()> {
        let changes = self.user.changes();
        self.inside(move || {
            if changes {
                become_nobody()?;
            }
            Ok(unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)?)
        })
    }

    /// Takes a step in a process of this namespace, with all rights there; an error of it comes back as it was.
    fn inside(&self, step: impl Fn() -> io::Result<()> + Send + Sync + 'static) -> io::Result<()> {
        let namespace = Arc::clone(&self.namespace);
        let mut command = Command::new("true");
        before_exec(&mut command, move || {
            setns(namespace.as_fd(), CloneFlags::CLONE_NEWUSER)?;
            step()
        });
        command.spawn()?.wait().map(drop)
    }
}

/// A process that is ended by closing its standard input, also when a test fails.
pub(crate) struct Holder(Child);

impl Holder {
    pub(crate) fn end(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.end();
    }
}

/// Maps users to themselves: our own, and nobody where we are root and may.
fn map_users(pid: u32) -> io::Result<()> {
    let root = Uid::effective().is_root();
    let map = |own: u32| {
        format!("{own} {own} 1\n") + &if root { format!("{NOBODY} {NOBODY} 1\n") } else { String::new() }
    };
    if !root {
        fs::write(format!("/proc/{pid}/setgroups"), "deny")?;
    }
    fs::write(format!("/proc/{pid}/uid_map"), map(geteuid().as_raw()))?;
    fs::write(format!("/proc/{pid}/gid_map"), map(getegid().as_raw()))
}

fn become_nobody() -> io::Result<()> {
    setgroups(&[])?;
    setgid(Gid::from_raw(NOBODY))?;
    Ok(setuid(Uid::from_raw(NOBODY))?)
}

fn before_exec(command: &mut Command, step: impl Fn() -> io::Result<()> + Send + Sync + 'static) {
    #[expect(unsafe_code, reason = "a step between fork and exec has no safe form")]
    // SAFETY: the steps in this file make system calls and nothing else, apart from freeing nothing and allocating
    // nothing, so they may run in the only thread of a forked child.
    unsafe {
        command.pre_exec(step);
    }
}

/// What tells a namespace from all others: the device and the inode of its file (ioctl_ns(2)).
fn identity(namespace: &OwnedFd) -> (u64, u64) {
    let known =
        File::from(namespace.try_clone().expect("one more descriptor")).metadata().expect("an open file");
    (known.dev(), known.ino())
}

fn is_below(mut namespace: OwnedFd, of: (u64, u64)) -> bool {
    loop {
        if identity(&namespace) == of {
            return true;
        }
        match parent(namespace.as_raw_fd()) {
            Some(parent) => namespace = parent,
            None => return false,
        }
    }
}

/// The user namespace around a user namespace, as far as we may see it.
fn parent(namespace: RawFd) -> Option<OwnedFd> {
    /// `NS_GET_PARENT` of ioctl_ns(2).
    const NS_GET_PARENT: libc::Ioctl = nix::request_code_none!(0xb7, 2) as libc::Ioctl;
    #[expect(unsafe_code, reason = "the request has no safe form")]
    // SAFETY: it takes no argument, and returns a new descriptor that nobody else owns, or -1.
    unsafe {
        let parent = libc::ioctl(namespace, NS_GET_PARENT);
        (parent >= 0).then(|| OwnedFd::from_raw_fd(parent))
    }
}

/// Whether a process has ended and only waits for its parent, which is the host's first process if its own died.
fn is_zombie(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
}

fn describe(pid: u32) -> String {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    format!("{pid} {}", String::from_utf8_lossy(&line).replace('\0', " ").trim_end())
}
