//! A process started inside a node: its network, and its own `resolv.conf` and `hosts`.

use std::ffi::CString;
use std::io;
use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use tokio::process::Command;

use super::Namespace;

/// Makes the command run in the namespace's network.
pub fn enter(command: &mut Command, namespace: &Namespace) {
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

/// Makes the command run in the namespace's network, with a mount namespace of its own in which the files of `folder`
/// (`resolv.conf`, `hosts`) stand over those of `/etc`.
pub fn enter_with_names(command: &mut Command, namespace: &Namespace, folder: &Path) -> io::Result<()> {
    enter(command, namespace);
    let pairs = ["resolv.conf", "hosts"].map(|name| (folder.join(name), format!("/etc/{name}")));
    let mut files = Vec::new();
    for (from, to) in pairs {
        files.push((CString::new(from.into_os_string().into_encoded_bytes())?, CString::new(to)?));
    }
    #[expect(unsafe_code, reason = "pre_exec runs between fork and exec")]
    // SAFETY: unshare(2) and mount(2) only, on strings made before the fork.
    unsafe {
        command.pre_exec(move || {
            unshare(CloneFlags::CLONE_NEWNS)?;
            for (from, to) in &files {
                let none = None::<&std::ffi::CStr>;
                mount(Some(from.as_c_str()), to.as_c_str(), none, MsFlags::MS_BIND, none)?;
            }
            Ok(())
        });
    }
    Ok(())
}
