//! The lab's own file system: the host's programs read-only, the scenario's folder to read, the run folder to write.
//!
//! Everything else lies on a tmpfs that goes with the lab. So a rule file's `include`, a symlink or a service cannot
//! reach what the user did not hand over: it is not there.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::pivot_root;

use super::KernelError;

/// What the lab's file system shows of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Root {
    /// Folders (or files) shown read-only under their own paths.
    pub read: Vec<PathBuf>,
    /// Folders shown under their own paths for writing.
    pub write: Vec<PathBuf>,
}

/// Folders of the host that programs live in, shown as they are; a symlink is made again as a symlink.
const PROGRAMS: [&str; 9] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/alternatives", "/etc/ssl/certs"];

/// Files of `/etc` that programs need; none of them holds a secret.
const SETTINGS: [&str; 13] = [
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/passwd",
    "/etc/group",
    "/etc/protocols",
    "/etc/services",
    "/etc/localtime",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/mime.types",
    "/etc/os-release",
    "/etc/fonts",
];

/// Device files that programs need.
const DEVICES: [&str; 6] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"];

/// Where the lab keeps what is its own: namespaces, keys, sockets; on the tmpfs.
pub const STATE: &str = "/run/testbed";

/// Where a big lab has further views of `/proc/sys/net`, numbered from 0; each is the folder of a proc of its own, with a
/// memory of its own of the folders of the namespaces.
pub const VIEWS: &str = "/run/testbed/net";

/// So many namespaces share a view.
pub(super) const PER_VIEW: usize = 64;

/// Where the old root hangs while the new one is put together.
const OLD: &str = "/.host";

/// Puts the lab's file system together and moves into it, for a lab of so many namespaces. Must run as PID 1 of the lab.
///
/// Errors: `Root`, naming operation and path.
pub fn make_root(root: &Root, namespaces: usize) -> Result<(), KernelError> {
    let none = None::<&str>;
    let work = std::env::current_dir().ok();
    on("make private", "/", mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none))?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    on(
        "mount a tmpfs on",
        "/tmp",
        mount(Some("testbed"), "/tmp", Some("tmpfs"), flags, Some("mode=755,size=1g")),
    )?;
    done("create", "/tmp/.host", fs::create_dir("/tmp/.host"))?;
    on("move the root to", "/tmp", pivot_root("/tmp", "/tmp/.host"))?;
    done("enter", "/", std::env::set_current_dir("/"))?;
    show_programs()?;
    make_devices()?;
    done("create", "/proc", fs::create_dir_all("/proc"))?;
    on(
        "mount a fresh proc on",
        "/proc",
        mount(Some("proc"), "/proc", Some("proc"), flags | MsFlags::MS_NOEXEC, none),
    )?;
    show_network_settings(namespaces)?;
    protect_host_settings()?;
    for folder in ["/tmp", "/run", STATE, "/var/tmp", "/sys", "/root", "/home"] {
        done("create", folder, fs::create_dir_all(folder))?;
    }
    show_handed_over(root)?;
    on("let go of the host's root at", OLD, umount2(OLD, MntFlags::MNT_DETACH))?;
    done("remove", OLD, fs::remove_dir(OLD))?;
    if let Some(work) = work {
        // Where the user's folder is not shown, `/` will do.
        let _ = std::env::set_current_dir(work);
    }
    Ok(())
}

/// Makes the views of a lab whose namespaces are too many for one.
fn show_network_settings(namespaces: usize) -> Result<(), KernelError> {
    if namespaces <= PER_VIEW {
        return Ok(());
    }
    let none = None::<&str>;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    // All procs hang in one folder, so that they are let go of at once; what is shown of them stays.
    let whole = Path::new("/run/testbed/procs");
    done("create", whole, fs::create_dir_all(whole))?;
    on("mount a tmpfs on", whole, mount(Some("testbed"), whole, Some("tmpfs"), flags, none))?;
    for number in 0..namespaces.div_ceil(PER_VIEW) {
        let (proc, view) = (whole.join(number.to_string()), Path::new(VIEWS).join(number.to_string()));
        done("create", &proc, fs::create_dir(&proc))?;
        done("create", &view, fs::create_dir_all(&view))?;
        on("mount a proc on", &proc, mount(Some("proc"), &proc, Some("proc"), flags, none))?;
        let net = proc.join("sys/net");
        on("show", &view, mount(Some(&net), &view, none, MsFlags::MS_BIND, none))?;
    }
    on("let go of", whole, umount2(whole, MntFlags::MNT_DETACH))
}

/// Settings that the whole host shares; those of a network (`/proc/sys/net`) are a namespace's own.
const HOST_SETTINGS: [&str; 8] = [
    "/proc/sys/kernel",
    "/proc/sys/vm",
    "/proc/sys/fs",
    "/proc/sys/dev",
    "/proc/sys/debug",
    "/proc/sysrq-trigger",
    "/proc/irq",
    "/proc/bus",
];

/// The kernel asks for nothing but user 0 when these are written, and root's lab has that user.
fn protect_host_settings() -> Result<(), KernelError> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    let none = None::<&str>;
    for path in HOST_SETTINGS.map(Path::new).into_iter().filter(|path| path.exists()) {
        on("show", path, mount(Some(path), path, none, MsFlags::MS_BIND, none))?;
        done("make read-only", path, set_read_only(path))?;
    }
    Ok(())
}

fn show_programs() -> Result<(), KernelError> {
    done("create", "/etc", fs::create_dir_all("/etc"))?;
    for path in PROGRAMS.iter().chain(&SETTINGS) {
        show(Path::new(path), true)?;
    }
    // Names come from the node's own files alone: no cache daemon, no directory service of the host.
    let nsswitch = "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n";
    done("write", "/etc/nsswitch.conf", fs::write("/etc/nsswitch.conf", nsswitch))?;
    // Each service gets its node's own files over these.
    for path in ["/etc/resolv.conf", "/etc/hosts"] {
        done("write", path, fs::write(path, ""))?;
    }
    Ok(())
}

fn make_devices() -> Result<(), KernelError> {
    done("create", "/dev", fs::create_dir_all("/dev/shm"))?;
    for path in DEVICES {
        if Path::new(OLD).join(&path[1..]).exists() {
            show(Path::new(path), false)?;
        }
    }
    for (link, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        done("link", "/dev", symlink(target, Path::new("/dev").join(link)))?;
    }
    Ok(())
}

/// Shows what the user handed over, outer folders before inner ones, so that an inner one for writing stays so.
fn show_handed_over(root: &Root) -> Result<(), KernelError> {
    let mut paths: Vec<(&PathBuf, bool)> = root.read.iter().map(|path| (path, true)).collect();
    paths.extend(root.write.iter().map(|path| (path, false)));
    paths.sort_by_key(|(path, _)| path.components().count());
    for (path, read_only) in paths {
        show(path, read_only)?;
    }
    Ok(())
}

/// Binds one path of the host into the new root, under the same path; a missing one is left out.
fn show(path: &Path, read_only: bool) -> Result<(), KernelError> {
    let relative = path.strip_prefix("/").unwrap_or(path);
    let source = Path::new(OLD).join(relative);
    let Ok(kind) = fs::symlink_metadata(&source) else { return Ok(()) };
    if kind.is_symlink() {
        let target = done("read the link", path, fs::read_link(&source))?;
        return match symlink(target, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => done("link", path, Err(error)),
            _ => Ok(()),
        };
    }
    if !path.exists() {
        if let Some(parent) = path.parent() {
            done("create", parent, fs::create_dir_all(parent))?;
        }
        if kind.is_dir() {
            done("create", path, fs::create_dir_all(path))?;
        } else {
            done("create", path, fs::write(path, ""))?;
        }
    }
    let bind = MsFlags::MS_BIND | MsFlags::MS_REC;
    on("show", path, mount(Some(&source), path, None::<&str>, bind, None::<&str>))?;
    if read_only { done("make read-only", path, set_read_only(path)) } else { Ok(()) }
}

/// Makes a whole tree of mounts read-only at once; remounting one by one would trip over locked flags.
fn set_read_only(path: &Path) -> io::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(path.as_os_str().as_bytes())?;
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID,
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    #[expect(unsafe_code, reason = "mount_setattr(2) has no safe wrapper in the crates used here")]
    // SAFETY: `path` ends with a zero byte, `attributes` lives over the call, and its size is given.
    let status = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            libc::AT_RECURSIVE,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn on<T>(operation: &'static str, path: impl AsRef<Path>, result: nix::Result<T>) -> Result<T, KernelError> {
    done(operation, path, result.map_err(io::Error::from))
}

fn done<T>(operation: &'static str, path: impl AsRef<Path>, result: io::Result<T>) -> Result<T, KernelError> {
    result.map_err(|cause| KernelError::Root { operation, path: path.as_ref().to_owned(), cause })
}
