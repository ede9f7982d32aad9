//! One network namespace, and work done inside it.
//!
//! `netns-rs` makes and keeps it. Nobody enters it for long: [`Namespace::inside`] starts a thread of its own that
//! enters, works and ends; what it returns (a socket stays in the namespace where it was opened) is used anywhere.

use std::borrow::Borrow;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use netns_rs::NetNs;

use super::KernelError;
use super::root::STATE;

/// Where `netns-rs` keeps the namespaces: on the lab's own tmpfs, which no mount propagates out of.
#[derive(Clone, Debug)]
struct Keep;

impl netns_rs::Env for Keep {
    fn persist_dir(&self) -> PathBuf {
        PathBuf::from(STATE).join("netns")
    }

    /// The folder is private to the lab, so it need not be made a shared mount.
    fn init(&self) -> netns_rs::Result<()> {
        fs::create_dir_all(self.persist_dir()).map_err(netns_rs::Error::CreateNsDirError)
    }
}

/// A network namespace; it goes when this value is dropped and nothing runs in it any more.
#[must_use = "the namespace goes when this value is dropped"]
#[derive(Debug)]
pub struct Namespace {
    name: String,
    kept: Option<NetNs<Keep>>,
}

impl Namespace {
    /// Makes a namespace; `name` is unique in the lab process and safe as a file name.
    ///
    /// Errors: `Namespace`. It is proven different from the one we are in before it is handed out.
    pub fn create(name: &str) -> Result<Self, KernelError> {
        let failed =
            |operation, cause: String| KernelError::Namespace { operation, node: name.to_owned(), cause };
        let kept = NetNs::new_with_env(name, Keep).map_err(|error| match error {
            netns_rs::Error::UnshareError(errno) if errno as i32 == libc::ENOSPC => used_up(name),
            other => failed("create", other.to_string()),
        })?;
        let inode = |file: &fs::File| file.metadata().map(|data| (data.dev(), data.ino()));
        let own = fs::File::open("/proc/self/ns/net").and_then(|file| inode(&file));
        match (inode(kept.file()), own) {
            (Ok(made), Ok(own)) if made != own => Ok(Self { name: name.to_owned(), kept: Some(kept) }),
            _ => Err(failed("prove new", "it is the namespace of the lab itself".into())),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file by which it is entered from elsewhere in the lab.
    pub fn path(&self) -> PathBuf {
        netns_rs::Env::persist_dir(&Keep).join(&self.name)
    }

    fn net(&self) -> &NetNs<Keep> {
        self.kept.as_ref().expect("taken only while dropping")
    }

    /// Its descriptor, for a child process that enters it.
    pub fn raw(&self) -> RawFd {
        self.net().file().as_raw_fd()
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
            thread.join().map_err(|_| self.failed("work in", "the work panicked".into()))?
        })
    }

    /// Moves the calling thread into the namespace, for good: only for threads that end soon.
    fn enter(&self) -> Result<(), KernelError> {
        self.net().enter().map_err(|error| self.failed("enter", error.to_string()))
    }

    fn failed(&self, operation: &'static str, cause: String) -> KernelError {
        KernelError::Namespace { operation, node: self.name.clone(), cause }
    }
}

/// Does `work` for each item on a few threads, each of which moves on from namespace to namespace; `namespace` makes or
/// finds the item's. The answers come in the order of the items.
///
/// A thread for each visit, as [`Namespace::inside`] has it, costs more than most visits do. Two threads are of use
/// where the kernel does not hold one lock for all namespaces; more than two never are.
/// Errors: the first in the order of the items.
pub fn in_each<I: Sync, N: Borrow<Namespace>, T: Send>(
    items: &[I],
    namespace: impl Fn(&I) -> Result<N, KernelError> + Sync,
    work: impl Fn(&I, N) -> Result<T, KernelError> + Sync,
) -> Result<Vec<T>, KernelError> {
    let runtime = tokio::runtime::Handle::try_current().ok();
    let visit = |items: &[I]| {
        let _guard = runtime.as_ref().map(|runtime| runtime.enter());
        let one = |item: &I| {
            let namespace = namespace(item)?;
            namespace.borrow().enter()?;
            work(item, namespace)
        };
        items.iter().map(one).collect::<Result<Vec<T>, KernelError>>()
    };
    let (first, second) = items.split_at(items.len() / 2);
    std::thread::scope(|scope| {
        let threads = [first, second].map(|share| scope.spawn(|| visit(share)));
        let mut done = Vec::with_capacity(items.len());
        for thread in threads {
            done.extend(thread.join().expect("a visit does not panic")?);
        }
        Ok(done)
    })
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
        self.net().file().as_fd()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Some(kept) = self.kept.take()
            && let Err(error) = kept.remove()
        {
            tracing::warn!(node = self.name, %error, "namespace could not be let go of; it goes with the lab");
        }
    }
}
