//! Into the lab: own user, mount, process, network, IPC and host-name namespaces, without root.
//!
//! Three processes, all of this program. The *outer* one unshares and waits. *PID 1* of the new process namespace
//! puts the lab's file system together, reaps, and ends with its worker or with its life-line: when it ends the kernel
//! ends everything in the lab. The *worker* does the work. Must be called before the process has a second thread.
//!
//! The life-line is standard input: a socket whose other end the commander holds open. `getppid` would not do, it is 0 across a
//! process namespace, and a parent-death signal fires when a *thread* ends; here the outer process has one thread, so
//! it is used as the second line.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use caps::{CapSet, Capability};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, Uid, fork, getegid, geteuid, sethostname, setsid};

use super::KernelError;
use super::root::{Root, make_root};
use super::seal::sealed_child;

/// Exit status of PID 1 when its life-line is cut.
const LIFELINE_CUT: i32 = 137;

/// Where [`enter`] returns.
#[derive(Debug)]
pub enum Entered {
    /// In the worker, inside the lab.
    Worker,
    /// In the outer process, when the lab is gone; exit status of the worker (128 + signal for a signal).
    Outer(i32),
}

/// Makes the namespaces and forks; returns in the worker at once, and in the outer process when the lab is gone.
/// `networks` is how many network namespaces the worker will make.
///
/// Errors: `Refused` with what to do where the host refuses a namespace. Errors of PID 1 are told through `report`,
/// since nobody else can hear them.
pub fn enter(root: &Root, networks: usize, report: &dyn Fn(&KernelError)) -> Result<Entered, KernelError> {
    // A terminal's Ctrl-C is for the commander alone; it ends the lab in good order.
    let _ = setsid();
    raise_file_limit(networks)?;
    make_namespaces()?;
    match fork_process()? {
        ForkResult::Parent { child } => Ok(Entered::Outer(wait_for(child))),
        ForkResult::Child => {
            if let Err(error) = become_first(root, networks) {
                report(&error);
                std::process::exit(1);
            }
            match sealed_child() {
                Ok(Some(child)) => std::process::exit(guard(child)),
                Ok(None) => keep_rights_over_exec().map(|()| Entered::Worker),
                Err(error) => {
                    report(&error);
                    std::process::exit(1);
                }
            }
        }
    }
}

fn make_namespaces() -> Result<(), KernelError> {
    let mut flags = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    let rootless = !may_without_user_namespace();
    if rootless {
        flags |= CloneFlags::CLONE_NEWUSER;
    }
    let (user, group) = (geteuid(), getegid());
    let refused = |cause: io::Error| KernelError::Refused {
        what: if rootless { "a user namespace for an ordinary user" } else { "new namespaces" }.into(),
        cause,
        cure: cure(),
    };
    unshare(flags).map_err(|errno| refused(errno.into()))?;
    if rootless {
        // Mapped to itself, not to 0: programs that drop privileges when they think they are root just work.
        fs::write("/proc/self/setgroups", "deny").map_err(refused)?;
        fs::write("/proc/self/uid_map", format!("{user} {user} 1")).map_err(refused)?;
        fs::write("/proc/self/gid_map", format!("{group} {group} 1")).map_err(refused)?;
    }
    Ok(())
}

/// True for a root that may mount and make namespaces as it is.
fn may_without_user_namespace() -> bool {
    Uid::effective().is_root()
        && caps::has_cap(None, CapSet::Effective, Capability::CAP_SYS_ADMIN).unwrap_or(false)
}

/// What to do where namespaces are refused, for this very host.
pub fn cure() -> String {
    let setting =
        |path: &str| fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default();
    if setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" {
        return "AppArmor restricts user namespaces here (Ubuntu 23.10 and later). Run `scripts/setup userns`, which \
                installs a profile for this program, or `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`."
            .into();
    }
    if setting("/proc/sys/kernel/unprivileged_userns_clone") == "0" {
        return "Run `sudo sysctl kernel.unprivileged_userns_clone=1`, or run testbed as root.".into();
    }
    let forbidden = |kind: &&str| setting(&format!("/proc/sys/user/max_{kind}_namespaces")) == "0";
    if let Some(kind) = ["user", "mnt", "pid", "net", "ipc", "uts"].into_iter().find(forbidden) {
        return format!(
            "Run `sudo sysctl user.max_{kind}_namespaces=10000`: it is 0 here, which forbids them."
        );
    }
    if Path::new("/.dockerenv").exists() || Path::new("/run/.containerenv").exists() {
        return "In a container: start it with `--security-opt seccomp=unconfined --security-opt apparmor=unconfined \
                --security-opt systempaths=unconfined`, or with `--privileged`."
            .into();
    }
    "Namespaces may be used up (`sysctl user.max_net_namespaces user.max_user_namespaces`) or forbidden by a \
     security module; `testbed doctor` tries each of them."
        .into()
}

fn become_first(root: &Root, networks: usize) -> Result<(), KernelError> {
    // The outer process has one thread, so this cannot fire by accident; it covers its `kill -9`.
    let _ = prctl::set_pdeathsig(Signal::SIGKILL);
    make_root(root, networks)?;
    let _ = sethostname("lab");
    Ok(())
}

/// Raises every capability we have into the ambient set: programs that we start keep them although they are no root.
pub(super) fn keep_rights_over_exec() -> Result<(), KernelError> {
    if geteuid().is_root() {
        return Ok(());
    }
    let failed = |cause: caps::errors::CapsError| KernelError::Refused {
        what: "ambient capabilities".into(),
        cause: io::Error::other(cause.to_string()),
        cure: cure(),
    };
    let have = caps::read(None, CapSet::Permitted).map_err(failed)?;
    caps::set(None, CapSet::Inheritable, &have).map_err(failed)?;
    caps::set(None, CapSet::Ambient, &have).map_err(failed)
}

/// Open files beside those of the networks: sockets, pipes and captures of the busiest moment.
const OTHER_FILES: u64 = 512;

/// Lets us open as many files as we may: each network is held by one, and most have a socket of an instrument.
///
/// Errors: `Refused`, if that is not enough.
fn raise_file_limit(networks: usize) -> Result<(), KernelError> {
    let needed = 2 * networks as u64 + OTHER_FILES;
    let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return Ok(()) };
    let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    if hard >= needed || networks <= super::root::PER_VIEW {
        return Ok(());
    }
    Err(KernelError::Refused {
        what: format!("{needed} open files, for {networks} network namespaces"),
        cause: io::Error::other(format!("the hard limit is {hard}")),
        cure: format!(
            "Raise it: `ulimit -Hn {needed}` as root, `LimitNOFILE=` of the service, or limits.conf(5)."
        ),
    })
}

pub(super) fn fork_process() -> Result<ForkResult, KernelError> {
    #[expect(unsafe_code, reason = "fork has no safe form")]
    // SAFETY: called before this process has a second thread, so the child may go on as an ordinary process.
    let forked = unsafe { fork() };
    forked.map_err(|errno| KernelError::Refused {
        what: "a new process".into(),
        cause: errno.into(),
        cure: cure(),
    })
}

/// PID 1: reaps, and ends with the worker or when the life-line is cut.
fn guard(worker: Pid) -> i32 {
    let mut children = SigSet::empty();
    children.add(Signal::SIGCHLD);
    let _ = children.thread_block();
    let Ok(signals) = SignalFd::with_flags(&children, SfdFlags::SFD_CLOEXEC) else { return 1 };
    // A child that ended before the signal was blocked is found by this first look.
    loop {
        if let Some(status) = reap(worker) {
            return status;
        }
        let stdin = io::stdin();
        let mut wait = [
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
            // Only hang-ups: what is written there is for the worker.
            PollFd::new(lifeline(&stdin), PollFlags::empty()),
        ];
        if poll(&mut wait, PollTimeout::NONE).is_err() {
            continue;
        }
        if wait[1].revents().is_some_and(|seen| !seen.is_empty()) {
            return LIFELINE_CUT;
        }
        let _ = signals.read_signal();
    }
}

fn lifeline(stdin: &io::Stdin) -> BorrowedFd<'_> {
    stdin.as_fd()
}

/// Collects every child that has ended; the worker's exit status once it has.
fn reap(worker: Pid) -> Option<i32> {
    let mut ended = None;
    loop {
        match waitpid(None::<Pid>, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, status)) if pid == worker => ended = Some(status),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == worker => ended = Some(128 + signal as i32),
            Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) => {}
            _ => return ended,
        }
    }
}

fn wait_for(child: Pid) -> i32 {
    loop {
        match waitpid(child, None) {
            Ok(WaitStatus::Exited(_, status)) => return status,
            Ok(WaitStatus::Signaled(_, signal, _)) => return 128 + signal as i32,
            Err(nix::errno::Errno::EINTR) | Ok(_) => {}
            Err(_) => return 1,
        }
    }
}
