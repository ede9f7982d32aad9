//! A command's side of the control socket. Blocks; makes no thread, so that whoever asks may still enter the lab.

use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::protocol::{Answer, LONGEST_ANSWER, Request, Status};
use super::{Entry, Error, Registry};
use crate::kernel::fds;
use crate::kernel::join::Doors;

/// How long a lab may take to answer what it can answer at once.
const AT_ONCE: Duration = Duration::from_secs(5);

/// A connection to a lab.
#[derive(Debug)]
pub struct Client {
    name: String,
    socket: UnixStream,
    read: Vec<u8>,
    files: Vec<OwnedFd>,
}

impl Client {
    /// Connects to a lab and asks.
    ///
    /// Errors: `Silent` if it does not listen, `Version` if it would not understand.
    pub fn ask(registry: &Registry, lab: &Entry, request: &Request) -> Result<Self, Error> {
        let name = lab.name.to_string();
        if lab.protocol != super::protocol::VERSION {
            return Err(Error::Version { name, version: lab.version.clone() });
        }
        let silent = |cause| Error::Silent { name: name.clone(), cause };
        let mut socket = registry.connect(lab).map_err(silent)?;
        let mut line = serde_json::to_vec(request).map_err(|error| silent(error.into()))?;
        line.push(b'\n');
        let asked = socket.set_read_timeout(Some(AT_ONCE)).and_then(|()| socket.write_all(&line));
        asked.map_err(silent)?;
        Ok(Self { name, socket, read: Vec::new(), files: Vec::new() })
    }

    /// How a lab is.
    pub fn status(registry: &Registry, lab: &Entry) -> Result<Status, Error> {
        let mut client = Self::ask(registry, lab, &Request::Status)?;
        match client.answer()? {
            Answer::Status(status) => Ok(status),
            other => Err(client.unexpected(&other)),
        }
    }

    /// Lets the next answer take its time: a judgement lasts as long as it lasts.
    pub fn be_patient(&self) -> Result<(), Error> {
        self.socket.set_read_timeout(None).map_err(|cause| self.silent(cause))
    }

    /// The next answer.
    ///
    /// Errors: `Refused`, with the lab's own reason; `Silent` if it hangs up or says nothing in time.
    pub fn answer(&mut self) -> Result<Answer, Error> {
        let line = self.line().map_err(|cause| self.silent(cause))?;
        match serde_json::from_slice(&line) {
            Ok(Answer::Refused(failure)) => Err(Error::Refused(failure)),
            Ok(answer) => Ok(answer),
            Err(error) => Err(self.silent(error.into())),
        }
    }

    /// The way into the lab, which came with [`Answer::Entered`].
    pub fn doors(&mut self) -> Result<Doors, Error> {
        Doors::of(std::mem::take(&mut self.files)).map_err(|cause| self.silent(cause))
    }

    /// Waits until the lab hangs up, at most for so long; whether it did.
    pub fn hung_up(&mut self, within: Duration) -> bool {
        let waits = self.socket.set_read_timeout(Some(within.max(Duration::from_millis(1))));
        waits.is_ok() && matches!(self.socket.read(&mut [0; 64]), Ok(0))
    }

    /// An answer that is none to what was asked.
    pub fn unexpected(&self, answer: &Answer) -> Error {
        self.silent(io::Error::other(format!("it says {answer:?}")))
    }

    fn silent(&self, cause: io::Error) -> Error {
        let cause = match cause.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => io::Error::other("it takes too long"),
            _ => cause,
        };
        Error::Silent { name: self.name.clone(), cause }
    }

    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut looked_at = 0;
        loop {
            if let Some(end) = self.read[looked_at..].iter().position(|byte| *byte == b'\n') {
                let rest = self.read.split_off(looked_at + end + 1);
                return Ok(std::mem::replace(&mut self.read, rest));
            }
            looked_at = self.read.len();
            if looked_at > LONGEST_ANSWER {
                return Err(io::Error::other("its answer is too long"));
            }
            let mut buffer = [0; 16 * 1024];
            let (length, files) = match fds::receive(&self.socket, &mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                received => received?,
            };
            if length == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ended"));
            }
            self.read.extend_from_slice(&buffer[..length]);
            self.files.extend(files);
        }
    }
}
