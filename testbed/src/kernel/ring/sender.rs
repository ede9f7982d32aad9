//! Sends frames out of a device, for tests of this crate.

use super::{AsRawFd, OwnedFd, failed, libc, socket};

/// Sends out of one device. Closing such a socket takes the kernel some 10 ms.
pub(crate) struct Sender {
    socket: OwnedFd,
    ifindex: u32,
}

impl Sender {
    pub(crate) fn at(ifindex: u32) -> Sender {
        Sender { socket: socket().unwrap(), ifindex }
    }

    /// Sends a complete Ethernet frame.
    #[expect(unsafe_code, reason = "no safe type has an address of a device")]
    pub(crate) fn send(&self, frame: &[u8]) {
        let address = libc::sockaddr_ll {
            sll_family: libc::AF_PACKET as u16,
            sll_protocol: 0,
            sll_ifindex: self.ifindex as i32,
            sll_hatype: 0,
            sll_pkttype: 0,
            sll_halen: 6,
            sll_addr: [0; 8],
        };
        let fd = self.socket.as_raw_fd();
        // SAFETY: pointers and lengths are those of `frame` and `address`.
        let sent = unsafe {
            let to: *const libc::sockaddr_ll = &raw const address;
            let length = size_of::<libc::sockaddr_ll>() as u32;
            libc::sendto(fd, frame.as_ptr().cast(), frame.len(), 0, to.cast(), length)
        };
        assert_eq!(sent, frame.len() as isize, "{}", failed("sending"));
    }
}
