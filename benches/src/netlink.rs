//! rtnetlink by hand: messages are put together as bytes, sent in batches, and every one is acknowledged.
//!
//! Numbers are from `linux/netlink.h`, `linux/rtnetlink.h`, `linux/if_link.h`, `linux/neighbour.h` and `linux/veth.h`.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket,
};

/// `RTM_NEWLINK`: make or change an interface.
pub const NEW_LINK: u16 = 16;
/// `RTM_NEWADDR`: give an interface an address.
pub const NEW_ADDRESS: u16 = 20;
/// `RTM_NEWROUTE`: add a route.
pub const NEW_ROUTE: u16 = 24;
/// `RTM_NEWNEIGH`: add a neighbour, or an entry of a bridge's forwarding table.
pub const NEW_NEIGHBOUR: u16 = 28;
/// `NLM_F_CREATE | NLM_F_EXCL`: it must not be there yet.
pub const CREATE: u16 = 0x600;
/// The object is there and is changed.
pub const CHANGE: u16 = 0;

const REQUEST_AND_ACK: u16 = 0x1 | 0x4;
const ERROR: u16 = 2;
const HEADER: usize = 16;
/// Messages in one send; their acknowledgements must fit in the socket's receive buffer.
const AT_ONCE: usize = 64;

/// A message, or a part of one, as it grows.
#[derive(Debug, Default)]
pub struct Bytes(Vec<u8>);

impl Bytes {
    /// Appends bytes as they are, padded to the four that netlink aligns to.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    /// Appends an attribute (`struct nlattr`: length, kind, payload).
    pub fn attribute(&mut self, kind: u16, payload: &[u8]) -> &mut Self {
        let length = u16::try_from(payload.len() + 4).expect("our attributes are a few hundred bytes");
        self.0.extend_from_slice(&length.to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.raw(payload)
    }

    /// Appends an attribute that holds a number.
    pub fn number(&mut self, kind: u16, value: u32) -> &mut Self {
        self.attribute(kind, &value.to_ne_bytes())
    }

    /// Appends an attribute that holds a name, ended by a zero byte.
    pub fn text(&mut self, kind: u16, value: &str) -> &mut Self {
        self.attribute(kind, &[value.as_bytes(), &[0]].concat())
    }

    /// Appends an attribute that holds further attributes.
    pub fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) -> &mut Self {
        let mut inner = Self::default();
        fill(&mut inner);
        self.attribute(kind, &inner.0)
    }
}

/// Messages that wait to be sent.
#[derive(Debug, Default)]
pub struct Batch(Vec<Vec<u8>>);

impl Batch {
    /// Adds a message: its type, its flags beside request and acknowledge, and its body.
    pub fn add(&mut self, kind: u16, flags: u16, fill: impl FnOnce(&mut Bytes)) {
        let mut body = Bytes::default();
        fill(&mut body);
        let length = u32::try_from(HEADER + body.0.len()).expect("our messages are a few hundred bytes");
        let mut message = Vec::with_capacity(HEADER + body.0.len());
        message.extend_from_slice(&length.to_ne_bytes());
        message.extend_from_slice(&kind.to_ne_bytes());
        message.extend_from_slice(&(flags | REQUEST_AND_ACK).to_ne_bytes());
        message.extend_from_slice(&[0; 8]); // sequence number and sender: one request at a time needs neither
        message.extend_from_slice(&body.0);
        self.0.push(message);
    }
}

/// An rtnetlink socket. It belongs for good to the network namespace it was opened in.
#[derive(Debug)]
pub struct Socket(OwnedFd);

impl Socket {
    /// Opens one in the calling thread's network namespace.
    ///
    /// Errors: those of `socket(2)`.
    pub fn open() -> io::Result<Self> {
        let protocol = SockProtocol::NetlinkRoute;
        Ok(Self(socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?))
    }

    /// Sends the batch and waits until each message is acknowledged.
    ///
    /// Errors: the kernel's answer to the first message that it refused, with that message's place in the batch.
    pub fn send(&self, batch: &Batch) -> io::Result<()> {
        for (number, part) in batch.0.chunks(AT_ONCE).enumerate() {
            sendto(self.0.as_raw_fd(), &part.concat(), &NetlinkAddr::new(0, 0), MsgFlags::empty())?;
            self.read_acknowledgements(part.len(), number * AT_ONCE)?;
        }
        Ok(())
    }

    fn read_acknowledgements(&self, wanted: usize, first: usize) -> io::Result<()> {
        let mut buffer = vec![0; 1 << 16];
        let mut seen = 0;
        while seen < wanted {
            let length = recv(self.0.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
            for refused in acknowledgements(&buffer[..length]) {
                if refused != 0 {
                    let error = io::Error::from_raw_os_error(-refused);
                    return Err(io::Error::new(error.kind(), format!("message {}: {error}", first + seen)));
                }
                seen += 1;
            }
        }
        Ok(())
    }
}

/// The error numbers (0, or a negative errno) in what the kernel answered (`struct nlmsgerr` behind each header).
fn acknowledgements(mut answer: &[u8]) -> Vec<i32> {
    let mut found = Vec::new();
    while let Some((header, rest)) = answer.split_at_checked(HEADER) {
        let length = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]) as usize;
        if u16::from_ne_bytes([header[4], header[5]]) == ERROR
            && let Some(code) = rest.first_chunk::<4>()
        {
            found.push(i32::from_ne_bytes(*code));
        }
        answer = answer.get(length.max(HEADER).next_multiple_of(4)..).unwrap_or_default();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_padded_to_four_bytes_and_say_their_own_length() {
        let mut bytes = Bytes::default();
        bytes.text(3, "br0").nest(18, |inner| {
            inner.attribute(1, &[7]);
        });
        let nest =
            [12u16.to_ne_bytes(), 18u16.to_ne_bytes(), 5u16.to_ne_bytes(), 1u16.to_ne_bytes()].concat();
        let expected =
            [&8u16.to_ne_bytes()[..], &3u16.to_ne_bytes(), b"br0\0", &nest, &[7, 0, 0, 0]].concat();
        assert_eq!(bytes.0, expected);
    }

    #[test]
    fn each_acknowledgement_in_an_answer_is_read() {
        let one = |code: i32| {
            let mut message = Vec::new();
            message.extend_from_slice(&36u32.to_ne_bytes());
            message.extend_from_slice(&ERROR.to_ne_bytes());
            message.extend_from_slice(&[0; 10]);
            message.extend_from_slice(&code.to_ne_bytes());
            message.extend_from_slice(&[0; 16]);
            message
        };
        assert_eq!(acknowledgements(&[one(0), one(-17), one(0)].concat()), [0, -17, 0]);
    }
}
