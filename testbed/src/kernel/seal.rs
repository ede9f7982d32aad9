//! The worker gets a user namespace of its own inside the lab's, so that the lab's file system stays as it was made.
//!
//! Whoever may mount in the namespace that put the file system together may also make a read-only part of it writable
//! again. Mounts that come from a more privileged user namespace are locked (mount_namespaces(7)): nothing that the
//! worker starts, a scenario's own commands least of all, can write what it was only given to read. For root it also
//! ends what only the host's root may: device files, disks, kernel settings.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;

use nix::sched::{CloneFlags, unshare};
use nix::unistd::{ForkResult, Pid, pipe2};

use super::KernelError;
use super::enter::{cure, fork_process};

/// Forks the worker into its own user and mount namespace; every user that exists here exists there, under its number.
///
/// Returns its process id in the parent, nothing in the child. Must be called before the process has a second thread.
/// Errors: `Refused` in the parent. Where such a namespace is refused to root, it does without.
pub(super) fn sealed_child() -> Result<Option<Pid>, KernelError> {
    let ((to_parent, mut at_parent), (mut to_child, at_child)) = (pipe()?, pipe()?);
    match fork_process()? {
        ForkResult::Child => {
            drop((at_parent, to_child));
            seal(to_parent, at_child);
            Ok(None)
        }
        ForkResult::Parent { child } => {
            drop((to_parent, at_child));
            let mut asked = [0];
            if at_parent.read_exact(&mut asked).is_ok() && asked == SEALED {
                map_users(child).map_err(refused)?;
            }
            // The child waits for this, whatever was said; if it is gone already, its guard finds out.
            let _ = to_child.write_all(&GO_ON);
            Ok(Some(child))
        }
    }
}

/// What the child says once it has its namespaces, and what it waits for.
const SEALED: [u8; 1] = *b"s";
const UNSEALED: [u8; 1] = *b"u";
const GO_ON: [u8; 1] = *b"g";

fn seal(mut to_parent: File, mut from_parent: File) {
    let sealed = unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS);
    if let Err(errno) = sealed {
        tracing::warn!("what runs in this lab could undo its read-only mounts: {}", io::Error::from(errno));
    }
    let word = if sealed.is_ok() { SEALED } else { UNSEALED };
    // If the parent is gone, so are we: it is the first process of our namespace.
    let _ = to_parent.write_all(&word).and_then(|()| from_parent.read_exact(&mut [0]));
}

/// Gives the child the users and groups that we have, each under its own number.
fn map_users(child: Pid) -> io::Result<()> {
    for kind in ["uid_map", "gid_map"] {
        let ours = fs::read_to_string(format!("/proc/self/{kind}"))?;
        fs::write(format!("/proc/{child}/{kind}"), same_numbers(&ours))?;
    }
    Ok(())
}

/// A map of users (user_namespaces(7): inside, outside, how many) whose inside is everybody of another's inside.
fn same_numbers(map: &str) -> String {
    let line = |line: &str| {
        let mut parts = line.split_whitespace();
        let (first, many) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
        format!("{first} {first} {many}\n")
    };
    map.lines().map(line).collect()
}

fn pipe() -> Result<(File, File), KernelError> {
    let (read, write): (OwnedFd, OwnedFd) =
        pipe2(nix::fcntl::OFlag::O_CLOEXEC).map_err(|errno| refused(errno.into()))?;
    Ok((write.into(), read.into()))
}

fn refused(cause: io::Error) -> KernelError {
    KernelError::Refused { what: "a user namespace inside the lab's".into(), cause, cure: cure() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_keep_their_numbers() {
        assert_eq!(same_numbers("         0          0 4294967295\n"), "0 0 4294967295\n");
        assert_eq!(
            same_numbers("      1000     100000          1\n    2000 5 7\n"),
            "1000 1000 1\n2000 2000 7\n"
        );
    }
}
