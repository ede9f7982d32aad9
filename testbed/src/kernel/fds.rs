//! Open files handed from one process to another over a Unix socket (unix(7), `SCM_RIGHTS`).

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, UnixAddr, recvmsg, sendmsg};

/// Most files that come with one read.
pub const MOST: usize = 4;

/// Sends bytes, and files with the first of them; how many bytes were sent.
///
/// Errors: the system's, `BrokenPipe` where nobody listens any more (and no signal).
pub fn send(socket: &impl AsFd, bytes: &[u8], files: &[RawFd]) -> io::Result<usize> {
    let rights = [ControlMessage::ScmRights(files)];
    let rights = if files.is_empty() { &rights[..0] } else { &rights[..] };
    let socket = socket.as_fd().as_raw_fd();
    let sent = sendmsg::<()>(socket, &[IoSlice::new(bytes)], rights, MsgFlags::MSG_NOSIGNAL, None);
    sent.map_err(io::Error::from)
}

/// Receives bytes into a buffer, and the files that came with them; no bytes at the end of the stream.
///
/// Errors: the system's.
pub fn receive(socket: &impl AsFd, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut room = nix::cmsg_space!([RawFd; MOST]);
    let mut into = [IoSliceMut::new(buffer)];
    let socket = socket.as_fd().as_raw_fd();
    let message = recvmsg::<UnixAddr>(socket, &mut into, Some(&mut room), MsgFlags::MSG_CMSG_CLOEXEC)?;
    let mut files = Vec::new();
    for part in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(raw) = part {
            #[expect(unsafe_code, reason = "takes what the kernel just opened for us")]
            // SAFETY: each is new in this process, and nobody else knows of it.
            files.extend(raw.into_iter().map(|raw| unsafe { OwnedFd::from_raw_fd(raw) }));
        }
    }
    Ok((message.bytes, files))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_file_comes_with_the_first_byte_and_is_closed_on_exec() {
        let (one, other) = UnixStream::pair().unwrap();
        let (mut reader, mut writer) = io::pipe().unwrap();
        send(&one, b"here", &[writer.as_raw_fd()]).unwrap();
        writer.write_all(b"a").unwrap();
        drop(writer);
        let mut buffer = [0; 16];
        let (length, mut files) = receive(&other, &mut buffer).unwrap();
        assert_eq!((&buffer[..length], files.len()), (&b"here"[..], 1));
        let file = files.remove(0);
        let flags = nix::fcntl::fcntl(&file, nix::fcntl::FcntlArg::F_GETFD).unwrap();
        assert_eq!(flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC);
        File::from(file).write_all(b"b").unwrap();
        let mut said = String::new();
        reader.read_to_string(&mut said).unwrap();
        assert_eq!(said, "ab");
        drop(one);
        assert_eq!(receive(&other, &mut buffer).unwrap().0, 0);
    }

    #[test]
    fn nobody_listens_is_an_error_and_no_signal() {
        let (one, other) = UnixStream::pair().unwrap();
        drop(other);
        assert_eq!(send(&one, b"x", &[]).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
