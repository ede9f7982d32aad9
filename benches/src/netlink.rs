//! rtnetlink by hand: messages are put together as bytes and sent in batches. The last of each send is acknowledged;
//! what the kernel refuses, it says in any case.
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

const REQUEST: u16 = 0x1;
const ACKNOWLEDGE: u8 = 0x4;
const ERROR: u16 = 2;
const HEADER: usize = 16;
/// Where the header's low byte of flags is.
#[cfg(target_endian = "little")]
const FLAGS: usize = 6;
#[cfg(target_endian = "big")]
const FLAGS: usize = 7;
/// Messages in one send; were all refused, the answers would still fit in the socket's receive buffer.
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
    /// Adds a message: its type, its flags beside "request", and its body.
    pub fn add(&mut self, kind: u16, flags: u16, fill: impl FnOnce(&mut Bytes)) {
        let mut body = Bytes::default();
        fill(&mut body);
        let length = u32::try_from(HEADER + body.0.len()).expect("our messages are a few hundred bytes");
        let mut message = Vec::with_capacity(HEADER + body.0.len());
        message.extend_from_slice(&length.to_ne_bytes());
        message.extend_from_slice(&kind.to_ne_bytes());
        message.extend_from_slice(&(flags | REQUEST).to_ne_bytes());
        // Its place in the batch is its sequence number, which the answer repeats.
        message.extend_from_slice(&u32::try_from(self.0.len()).expect("few messages").to_ne_bytes());
        message.extend_from_slice(&[0; 4]); // the sender: the kernel fills it in
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

    /// Sends the batch and waits until all of it is done.
    ///
    /// Errors: the kernel's answer to the first message that it refused, with that message's place in the batch.
    pub fn send(&self, batch: &Batch) -> io::Result<()> {
        let mut first = 0;
        for part in batch.0.chunks(AT_ONCE) {
            let mut bytes = part.concat();
            let last = bytes.len() - part.last().map_or(0, Vec::len);
            bytes[last + FLAGS] |= ACKNOWLEDGE;
            sendto(self.0.as_raw_fd(), &bytes, &NetlinkAddr::new(0, 0), MsgFlags::empty())?;
            first += part.len();
            self.wait_for(first - 1)?;
        }
        Ok(())
    }

    /// Reads answers until the message of this place is acknowledged, or one is refused.
    fn wait_for(&self, place: usize) -> io::Result<()> {
        let mut buffer = [0; 4096];
        loop {
            let length = recv(self.0.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
            for (answered, code) in answers(&buffer[..length]) {
                if code != 0 {
                    let error = io::Error::from_raw_os_error(-code);
                    return Err(io::Error::new(error.kind(), format!("message {answered}: {error}")));
                }
                if answered == place {
                    return Ok(());
                }
            }
        }
    }
}

/// What the kernel answered: the place of a message and its error number (0, or a negative errno), as `struct
/// nlmsgerr` has them.
fn answers(mut bytes: &[u8]) -> Vec<(usize, i32)> {
    let number = |bytes: &[u8], at: usize| {
        bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()).map(|four| u32::from_ne_bytes(*four))
    };
    let mut found = Vec::new();
    while let (Some(length), Some(place), Some(code)) =
        (number(bytes, 0), number(bytes, 8), number(bytes, HEADER))
    {
        if bytes[4..6] == ERROR.to_ne_bytes() {
            found.push((place as usize, code.cast_signed()));
        }
        bytes = bytes.get((length as usize).max(HEADER).next_multiple_of(4)..).unwrap_or_default();
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
    fn each_answer_is_read_with_its_place() {
        let one = |place: u32, code: i32| {
            let mut message = Vec::new();
            message.extend_from_slice(&36u32.to_ne_bytes());
            message.extend_from_slice(&ERROR.to_ne_bytes());
            message.extend_from_slice(&[0; 2]);
            message.extend_from_slice(&place.to_ne_bytes());
            message.extend_from_slice(&[0; 4]);
            message.extend_from_slice(&code.to_ne_bytes());
            message.extend_from_slice(&[0; 16]);
            message
        };
        assert_eq!(answers(&[one(3, -17), one(5, 0)].concat()), [(3, -17), (5, 0)]);
    }
}
