//! One network namespace, and work done inside it.
//!
//! It is a bare descriptor, of `netns-rs`' type: a file and a mount for each, as that makes them, cost three times as
//! much as the namespace itself. Only a lab that stays gives them files, by which they are entered from outside.
//!
//! Nobody enters it for long: [`Namespace::inside`] starts a thread of its own that enters, works and ends; what it
//! returns (a socket stays in the namespace where it was opened) is used anywhere.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use netns_rs::NetNs;
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use super::KernelError;
use super::root::{PER_VIEW, STATE};

/// A network namespace; it goes when this value is dropped and nothing runs in it any more.
#[must_use = "the namespace goes when this value is dropped"]
#[derive(Debug)]
pub struct Namespace {
    name: String,
    held: NetNs,
    number: usize,
}

/// How many namespaces this process has made.
static MADE: AtomicUsize = AtomicUsize::new(0);

impl Namespace {
    /// Makes a namespace; `name` is unique in the lab process and safe as a file name.
    ///
    /// Errors: `Namespace`. It is proven different from the one we are in before it is handed out.
    pub fn create(name: &str) -> Result<Self, KernelError> {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| Self::create_here(name));
            thread.join().map_err(|_| failed(name, "create", "the work panicked".into()))?
        })
    }

    /// As [`Self::create`], and moves the calling thread into it, for good: only for threads that end soon.
    pub fn create_here(name: &str) -> Result<Self, KernelError> {
        unshare(CloneFlags::CLONE_NEWNET).map_err(|errno| match errno {
            Errno::ENOSPC => used_up(name),
            other => failed(name, "create", other.to_string()),
        })?;
        let held = netns_rs::get_from_current_thread();
        let held = held.map_err(|error| failed(name, "hold", error.to_string()))?;
        let inode = |data: fs::Metadata| (data.dev(), data.ino());
        let (made, own) = (held.file().metadata(), fs::metadata("/proc/self/ns/net"));
        match (made.map(inode), own.map(inode)) {
            (Ok(made), Ok(own)) if made != own => {
                Ok(Self { name: name.to_owned(), held, number: MADE.fetch_add(1, Ordering::Relaxed) })
            }
            _ => Err(failed(name, "prove new", "it is the namespace of the lab itself".into())),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of the view by which its settings are set and read, if the lab has so many.
    pub(super) fn view(&self) -> usize {
        self.number / PER_VIEW
    }

    /// Gives it a file by which it is entered from elsewhere in the lab; the file goes with the lab's file system.
    ///
    /// Errors: `Namespace`.
    pub fn give_file(&self) -> Result<PathBuf, KernelError> {
        let folder = Path::new(STATE).join("netns");
        let path = folder.join(&self.name);
        let own = format!("/proc/self/fd/{}", self.raw());
        let none = None::<&str>;
        let give = || {
            fs::create_dir_all(&folder)?;
            drop(File::create(&path)?);
            Ok::<_, io::Error>(mount(Some(own.as_str()), &path, none, MsFlags::MS_BIND, none)?)
        };
        give().map_err(|cause| failed(&self.name, "give a file to", cause.to_string()))?;
        Ok(path)
    }

    /// Its descriptor, for a child process that enters it.
    pub fn raw(&self) -> RawFd {
        self.held.file().as_raw_fd()
    }

    /// Runs `work` on a thread of its own inside the namespace and returns what it returns.
    ///
    /// The caller's async runtime, if any, is entered too, so that sockets can be registered with it.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, KernelError> {
        let runtime = tokio::runtime::Handle::try_current().ok();
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                self.enter()?;
                let _guard = runtime.as_ref().map(|runtime| runtime.enter());
                Ok(work())
            });
            thread.join().map_err(|_| failed(&self.name, "work in", "the work panicked".into()))?
        })
    }

    /// Moves the calling thread into the namespace, for good: only for threads that end soon.
    pub fn enter(&self) -> Result<(), KernelError> {
        self.held.enter().map_err(|error| failed(&self.name, "enter", error.to_string()))
    }
}

fn failed(node: &str, operation: &'static str, cause: String) -> KernelError {
    KernelError::Namespace { operation, node: node.to_owned(), cause }
}

/// Does `work` for each item on two threads, which `work` may move from namespace to namespace
/// ([`Namespace::create_here`], [`Namespace::enter`]). The answers come in the order of the items.
///
/// A thread for each visit, as [`Namespace::inside`] has it, costs more than most visits do. Two threads are of use
/// where the kernel does not hold one lock for all namespaces; more than two never are.
/// Errors: the first in the order of the items.
pub fn in_each<I: Sync, T: Send>(
    items: &[I],
    work: impl Fn(&I) -> Result<T, KernelError> + Sync,
) -> Result<Vec<T>, KernelError> {
    let shared = Shared::of(items);
    let done = std::thread::scope(|scope| {
        let threads: Vec<_> = items.iter().take(2).map(|_| scope.spawn(|| shared.share(&work))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a visit does not panic")).collect()
    });
    in_order(done)
}

/// Items that a few threads share.
pub(super) struct Shared<'i, I> {
    items: &'i [I],
    next: AtomicUsize,
}

/// The answer for an item, with its place among them.
pub(super) type Answer<T> = (usize, Result<T, KernelError>);

impl<'i, I> Shared<'i, I> {
    /// Nobody has begun any.
    pub(super) fn of(items: &'i [I]) -> Self {
        Self { items, next: AtomicUsize::new(0) }
    }

    /// Does `work` for items that nobody has begun yet, until there are none or one has failed.
    pub(super) fn share<T>(&self, work: impl Fn(&I) -> Result<T, KernelError>) -> Vec<Answer<T>> {
        let mut done = Vec::with_capacity(self.items.len());
        loop {
            let place = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = self.items.get(place) else { return done };
            let answer = work(item);
            if answer.is_err() {
                self.stop();
            }
            done.push((place, answer));
        }
    }

    /// Nothing more is begun.
    pub(super) fn stop(&self) {
        self.next.store(self.items.len(), Ordering::Relaxed);
    }
}

/// All answers in the order of the items.
///
/// Errors: the first in that order.
pub(super) fn in_order<T>(mut done: Vec<Answer<T>>) -> Result<Vec<T>, KernelError> {
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, answer)| answer).collect()
}

/// The limit on network namespaces counts those of all labs of a user, and those that the kernel has yet to take apart.
fn used_up(name: &str) -> KernelError {
    KernelError::Refused {
        what: format!("one more network namespace, `{name}`"),
        cause: io::Error::from_raw_os_error(libc::ENOSPC),
        cure:
            "Raise the limit, for example by `sudo sysctl user.max_net_namespaces=100000`, or end other labs."
                .into(),
    }
}

impl AsFd for Namespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.held.file().as_fd()
    }
}
