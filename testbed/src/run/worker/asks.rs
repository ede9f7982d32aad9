//! What the commander asks of the lab, one JSON line each on the life-line.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

use crate::kernel::join::Doors;
use crate::run::order::Ask;

/// Longest line that is read, bytes: a path and a few words.
const LONGEST: u64 = 64 * 1024;

/// Reads the life-line; made once, inside the async runtime.
pub(super) struct Asks {
    from: BufReader<tokio::net::UnixStream>,
    line: Vec<u8>,
}

impl Asks {
    /// Not through tokio's standard input: its reader is a thread that nothing ends.
    pub(super) fn listen() -> io::Result<Self> {
        let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        socket.set_nonblocking(true)?;
        let from = BufReader::new(tokio::net::UnixStream::from_std(socket)?);
        Ok(Self { from, line: Vec::new() })
    }

    /// The next thing asked for. When nobody can ask any more, or in words that we do not know, the end is.
    ///
    /// May be dropped while it waits: what was read of a line is kept.
    pub(super) async fn next(&mut self) -> Ask {
        let room = LONGEST.saturating_sub(self.line.len() as u64);
        match (&mut self.from).take(room).read_until(b'\n', &mut self.line).await {
            Ok(1..) if self.line.ends_with(b"\n") => {
                let ask = serde_json::from_slice(&self.line).unwrap_or(Ask::End);
                self.line.clear();
                ask
            }
            _ => Ask::End,
        }
    }

    /// Hands the ways into the lab over, on the life-line.
    pub(super) fn hand_over(&self, doors: &Doors) -> io::Result<()> {
        doors.send(self.from.get_ref())
    }

    /// Waits until the end is asked for; whatever else is asked meanwhile is not for this lab.
    pub(super) async fn end(&mut self) {
        while self.next().await != Ask::End {}
    }
}
