//! Goes on in the background: a process of its own session, which the terminal's end does not reach (setsid(2)).
//!
//! The process that the user started waits until the one behind it is ready or has failed, and passes on how it ended.
//! Both share standard output and error until then, so that what goes wrong is seen.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, dup2_stderr, dup2_stdin, dup2_stdout, setsid};

use super::KernelError;
use super::enter::fork_process;

/// Which of the two we are.
#[derive(Debug)]
pub enum Detached {
    /// In front: the other one is ready, or has ended with this exit status.
    Front(u8),
    /// Behind.
    Behind(Behind),
}

/// The link to the process in front. Dropped unused, it tells nothing, and our own end tells all.
#[derive(Debug)]
pub struct Behind {
    front: UnixStream,
}

/// Forks. Returns behind at once, and in front when the other one has called [`Behind::ready`] or has ended.
///
/// Must be called before the process has a second thread. Errors: `Refused`, and in front `Socket` if the pair of
/// sockets cannot be made.
pub fn detach() -> Result<Detached, KernelError> {
    let failed = |cause| KernelError::Socket { operation: "wait for a lab", node: "testbed".into(), cause };
    let (mut front, behind) = UnixStream::pair().map_err(failed)?;
    match fork_process()? {
        ForkResult::Child => {
            drop(front);
            // A new child leads no group, so it may.
            let _ = setsid();
            let nothing = File::open("/dev/null").map_err(failed)?;
            dup2_stdin(nothing).map_err(|errno| failed(errno.into()))?;
            Ok(Detached::Behind(Behind { front: behind }))
        }
        ForkResult::Parent { child } => {
            drop(behind);
            if front.read_exact(&mut [0]).is_ok() {
                return Ok(Detached::Front(0));
            }
            let status = match waitpid(child, None) {
                Ok(WaitStatus::Exited(_, status)) => status,
                Ok(WaitStatus::Signaled(_, signal, _)) => 128 + signal as i32,
                _ => 1,
            };
            Ok(Detached::Front(u8::try_from(status).unwrap_or(1)))
        }
    }
}

impl Behind {
    /// Lets the process in front go. From here on, what is said on standard error goes to `log`, and on standard output
    /// nowhere.
    ///
    /// Errors: the system's; then nobody in front was told.
    pub fn ready(mut self, log: File) -> io::Result<()> {
        dup2_stdout(File::options().write(true).open("/dev/null")?)?;
        dup2_stderr(log)?;
        // If nobody is there any more, nobody waits.
        let _ = self.front.write_all(b"r");
        Ok(())
    }

    /// A copy that can be waited on: it hangs up when the process in front has ended.
    ///
    /// Errors: the system's.
    pub fn front(&self) -> io::Result<UnixStream> {
        self.front.try_clone()
    }
}
