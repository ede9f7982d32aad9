//! Frames sent raw out of a namespace: no routing, no filter of the sender's own is in the way.

use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, MultiHeaders, SockFlag, SockType, SockaddrLike, sendmmsg, sendto,
    socket,
};

use super::{KernelError, Namespace};

/// A packet socket that sends whole Ethernet frames.
#[derive(Debug)]
pub struct PacketSocket {
    socket: OwnedFd,
    interface: LinkAddr,
}

impl PacketSocket {
    /// Opens a packet socket inside the namespace for the interface with this number there.
    ///
    /// It receives nothing (protocol 0).
    pub fn open(namespace: &Namespace, interface: u32) -> Result<Self, KernelError> {
        let failed = |cause: io::Error| KernelError::Socket {
            operation: "open a packet socket",
            node: namespace.name().to_owned(),
            cause,
        };
        let open = || socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None);
        let socket = namespace.inside(open)?.map_err(|errno| failed(errno.into()))?;
        let interface =
            link_address(interface).ok_or_else(|| failed(io::Error::other("bad interface number")))?;
        Ok(Self { socket, interface })
    }

    /// Sends one frame, from its Ethernet header on. A full queue (`ENOBUFS`) is an error: the packet is gone.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        sendto(self.socket.as_raw_fd(), frame, &self.interface, MsgFlags::empty())?;
        Ok(())
    }

    /// Sends frames in one call, up to the first that the kernel does not take; returns how many it took.
    ///
    /// Errors: it took none.
    pub fn send_together(&self, frames: &[Vec<u8>]) -> io::Result<usize> {
        let slices: Vec<[IoSlice<'_>; 1]> = frames.iter().map(|frame| [IoSlice::new(frame)]).collect();
        let addresses = vec![Some(self.interface); frames.len()];
        let mut headers = MultiHeaders::preallocate(frames.len(), None);
        let socket = self.socket.as_raw_fd();
        Ok(sendmmsg(socket, &mut headers, &slices, &addresses, [], MsgFlags::empty())?.count())
    }
}

#[expect(unsafe_code, reason = "nix builds a link address from a raw structure only")]
fn link_address(interface: u32) -> Option<LinkAddr> {
    let raw = libc::sockaddr_ll {
        sll_family: u16::try_from(libc::AF_PACKET).ok()?,
        sll_protocol: 0,
        sll_ifindex: i32::try_from(interface).ok()?,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 6,
        sll_addr: [0; 8],
    };
    let length = libc::socklen_t::try_from(size_of::<libc::sockaddr_ll>()).ok()?;
    // SAFETY: `raw` is a whole `sockaddr_ll` of the family it names, and its length is given.
    unsafe { LinkAddr::from_raw((&raw const raw).cast(), Some(length)) }
}
