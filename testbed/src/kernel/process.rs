//! A process started inside a node: its network, its own `resolv.conf` and `hosts`, and no more rights than it needs.

use std::ffi::{CStr, CString};
use std::io;
use std::path::Path;

use caps::Capability;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use tokio::process::Command;

use super::Namespace;

/// Makes the command run in the namespace's network.
fn enter(command: &mut Command, namespace: &Namespace) {
    let network = namespace.raw();
    #[expect(unsafe_code, reason = "pre_exec runs between fork and exec")]
    // SAFETY: setns(2) only, which is safe to call there; the descriptor is the namespace's, which outlives the start.
    unsafe {
        command.pre_exec(move || {
            setns(std::os::fd::BorrowedFd::borrow_raw(network), CloneFlags::CLONE_NEWNET)?;
            Ok(())
        });
    }
}

/// What a service may do beyond an ordinary user: with files of its own user, and with its node's network. Above all not
/// `CAP_SYS_ADMIN`, with which it could undo what hides the rest, or enter other nodes.
const KEPT: [Capability; 10] = [
    Capability::CAP_CHOWN,
    Capability::CAP_DAC_OVERRIDE,
    Capability::CAP_FOWNER,
    Capability::CAP_KILL,
    Capability::CAP_SETGID,
    Capability::CAP_SETUID,
    Capability::CAP_NET_ADMIN,
    Capability::CAP_NET_BIND_SERVICE,
    Capability::CAP_NET_BROADCAST,
    Capability::CAP_NET_RAW,
];

/// Makes the command run in the namespace's network, with a mount namespace of its own in which the files of `names`
/// (`resolv.conf`, `hosts`) stand over those of `/etc` and the folder `hidden` (the evidence) is empty; and takes every
/// right from it that a service has no use for.
///
/// A command of the scenario's could otherwise plant a link in the run folder, through which the commander, outside the
/// lab, would write over a file of the user's.
pub fn enter_as_service(
    command: &mut Command,
    namespace: &Namespace,
    names: &Path,
    hidden: &Path,
) -> io::Result<()> {
    enter(command, namespace);
    let text = |path: &Path| CString::new(path.as_os_str().as_encoded_bytes());
    let files = [
        (text(&names.join("resolv.conf"))?, c"/etc/resolv.conf".to_owned()),
        (text(&names.join("hosts"))?, c"/etc/hosts".to_owned()),
    ];
    let hidden = text(hidden)?;
    let taken: Vec<u8> =
        caps::all().into_iter().filter(|one| !KEPT.contains(one)).map(|one| one.index()).collect();
    #[expect(unsafe_code, reason = "pre_exec runs between fork and exec")]
    // SAFETY: unshare(2), mount(2) and prctl(2) only, on values made before the fork.
    unsafe {
        command.pre_exec(move || {
            unshare(CloneFlags::CLONE_NEWNS)?;
            let none = None::<&CStr>;
            for (from, to) in &files {
                mount(Some(from.as_c_str()), to.as_c_str(), none, MsFlags::MS_BIND, none)?;
            }
            mount(Some(c"hidden"), hidden.as_c_str(), Some(c"tmpfs"), MsFlags::MS_RDONLY, none)?;
            for &capability in &taken {
                give_up(capability);
            }
            Ok(())
        });
    }
    Ok(())
}

/// Lowers a capability in the ambient and in the bounding set, so that no program that is started gets it.
fn give_up(capability: u8) {
    let number = libc::c_ulong::from(capability);
    #[expect(unsafe_code, reason = "prctl(2) has no safe form for these")]
    // SAFETY: numbers only. A capability that this kernel does not know is refused, which is as good.
    unsafe {
        libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_LOWER, number, 0, 0);
        libc::prctl(libc::PR_CAPBSET_DROP, number, 0, 0, 0);
    }
}
