//! A capture as it happens: frames off a ring, as pcapng into a pipe, until somebody has had enough.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use super::capture::{Error, Port};
use super::devices::Devices;
use super::file::{self, CaptureFile, Stored};
use super::frame::Frame;
use super::sightings::Direction;
use crate::kernel::ring::{Ring, Statistics, Woken};

/// How long is waited for frames before it is looked again; whoever ends the capture wakes it earlier.
const IDLE: Duration = Duration::from_secs(3600);

/// Writes every frame at these ports, each block of frames at once, until the ring is [stopped](Ring::stopper) or
/// nobody reads any more. How many there were, and how many the kernel had no room for.
///
/// Errors: the ring's; the writer's, but for a reader that has gone.
pub fn stream(mut ring: Ring, ports: &[Port], out: Box<dyn Write + Send>) -> Result<Statistics, Error> {
    let mut frames = 0;
    match write_all(&mut ring, ports, out, &mut frames) {
        Err(Error::File(file::Error::Write { source, .. })) if source.kind() == io::ErrorKind::BrokenPipe => {
        }
        other => other?,
    }
    Ok(Statistics { frames, ..ring.statistics()? })
}

fn write_all(
    ring: &mut Ring,
    ports: &[Port],
    out: Box<dyn Write + Send>,
    frames: &mut u64,
) -> Result<(), Error> {
    let devices = Devices::of(ports);
    let mut file = CaptureFile::to(out, Path::new("standard output"), ports)?;
    loop {
        match ring.next_block(IDLE)? {
            Woken::Stopped => return Ok(file.flush()?),
            Woken::Idle => {}
            Woken::Block(block) => {
                for frame in block.frames() {
                    let Some(port) = devices.port(frame.ifindex, Frame::of(&frame.bytes).as_ref()) else {
                        continue;
                    };
                    let port = usize::from(port);
                    let direction = if frame.outgoing { Direction::ToNode } else { Direction::FromNode };
                    let (at, original_len, bytes) = (frame.at, frame.original_len, &*frame.bytes);
                    file.store(&Stored { port, direction, at, original_len, bytes }, u64::MAX);
                    *frames += 1;
                }
                file.flush()?;
            }
        }
    }
}
