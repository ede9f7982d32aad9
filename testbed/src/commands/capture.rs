//! `testbed capture`: what passes the taps of a lab that is up, as it passes.

use std::io::{self, IsTerminal};
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use testbed::event::Tap;
use testbed::exit::Exit;
use testbed::kernel::join;
use testbed::kernel::ring::{BLOCKS, Ring, Stopper};
use testbed::stay::protocol::taps_of;
use testbed::tap::{self, Port};

use super::shell::way_in;
use super::talk;

/// Bytes of a block of the ring: 64 of them are the 16 MiB that a ring may have.
const BLOCK_SIZE: usize = 256 * 1024;

/// Writes pcapng to standard output until nobody reads it, until Ctrl-C, or until the lab ends.
pub(crate) fn capture(lab: &str, segment: Option<&str>, quiet: bool) -> u8 {
    if io::stdout().is_terminal() {
        talk(&format!(
            "error: a capture is nothing for a terminal: `testbed capture {lab} | tcpdump -n -r -` reads it, \
             `> FILE` keeps it"
        ));
        return Exit::Input.code();
    }
    let way = match way_in(lab) {
        Ok(way) => way,
        Err(exit) => return exit.code(),
    };
    let taps = match taps_of(&way.lab, way.entrances.taps.clone(), segment) {
        Ok(taps) => taps,
        Err(error) => {
            talk(&format!("error: {error}"));
            return Exit::Input.code();
        }
    };
    let status = way.go_in(|| {
        record(&way.entrances.fabric, &taps, quiet).unwrap_or_else(|error| {
            talk(&format!("error: the capture failed: {error}"));
            Exit::Ours.code()
        })
    });
    // The lab takes everything in it along, which is how a capture of it ends.
    if way.was_taken_along(status) { Exit::Expected.code() } else { status }
}

type Failed = Box<dyn std::error::Error>;

/// In the lab: opens a ring of our own, so that whoever reads slowly holds up nobody else.
fn record(fabric: &std::path::Path, taps: &[Tap], quiet: bool) -> Result<u8, Failed> {
    join::enter_network(fabric)?;
    let ring = Ring::open(BLOCK_SIZE, BLOCKS)?;
    let ports: Vec<_> = taps.iter().map(port).collect();
    let interrupted = stop_when_asked(ring.stopper())?;
    stop_when_nobody_reads(ring.stopper());
    let out = Box::new(std::fs::File::from(io::stdout().as_fd().try_clone_to_owned()?));
    let seen = tap::stream(ring, &ports, out)?;
    if !quiet || seen.dropped > 0 {
        talk(&format!("{} frames captured, {} dropped", seen.frames, seen.dropped));
    }
    let interrupted = interrupted.load(std::sync::atomic::Ordering::Relaxed);
    Ok(if interrupted { Exit::Interrupted } else { Exit::Expected }.code())
}

fn port(tap: &Tap) -> Port {
    Port {
        name: tap.port.clone(),
        ifindex: tap.ifindex,
        tag: tap.tag,
        node: tap.node.clone(),
        link: tap.link.clone(),
        segment: tap.segment.clone(),
        mac: None,
    }
}

/// Ctrl-C ends a capture in good order; whether it did can be asked afterwards.
fn stop_when_asked(stopper: Stopper) -> Result<std::sync::Arc<std::sync::atomic::AtomicBool>, Errno> {
    let signals: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect();
    // Before there is another thread, so that all have it.
    signals.thread_block()?;
    let asked = std::sync::Arc::<std::sync::atomic::AtomicBool>::default();
    let ours = std::sync::Arc::clone(&asked);
    std::thread::spawn(move || {
        if signals.wait().is_ok() {
            ours.store(true, std::sync::atomic::Ordering::Relaxed);
            stopper.stop();
        }
    });
    Ok(asked)
}

/// A reader that has gone shows when something is written; this one sees it also while nothing passes.
fn stop_when_nobody_reads(stopper: Stopper) {
    std::thread::spawn(move || {
        let out = io::stdout();
        // Nothing is asked for, so that only errors are told; a file has none.
        let mut one = [PollFd::new(out.as_fd(), PollFlags::empty())];
        while matches!(poll(&mut one, PollTimeout::NONE), Err(Errno::EINTR) | Ok(0)) {}
        stopper.stop();
    });
}
