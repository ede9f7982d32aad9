//! Offloads of a link, switched off: a capture then shows packets as they would be on a wire, with whole checksums.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use crate::names::LinkName;

/// `ETHTOOL_STXCSUM` (linux/ethtool.h): 1 = on, 0 = off. Without it the kernel also gives up TSO and SG.
const SET_TX_CHECKSUM: u32 = 0x17;
/// `ETHTOOL_SGSO`: generic segmentation offload.
const SET_GSO: u32 = 0x24;
/// `ETHTOOL_SGRO`: generic receive offload.
const SET_GRO: u32 = 0x2c;

#[repr(C)]
struct Value {
    command: u32,
    data: u32,
}

/// Asks for offloads in one network namespace, from whatever thread.
pub struct Offloads(OwnedFd);

impl Offloads {
    /// Opens it in the namespace that the calling thread is in.
    pub fn open_here() -> io::Result<Self> {
        Ok(Self(socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?))
    }

    /// Switches transmit checksums, segmentation and receive aggregation of these links off.
    pub fn switch_off(&self, links: &[LinkName]) -> io::Result<()> {
        for link in links {
            for command in [SET_TX_CHECKSUM, SET_GSO, SET_GRO] {
                set(self.0.as_raw_fd(), link, command)?;
            }
        }
        Ok(())
    }
}

#[expect(unsafe_code, reason = "SIOCETHTOOL takes a pointer inside a union")]
fn set(control: i32, link: &LinkName, command: u32) -> io::Result<()> {
    let mut value = Value { command, data: 0 };
    // SAFETY: all zero bytes are a valid `ifreq`.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // A link name has at most 15 bytes, so the final zero stays.
    for (to, from) in request.ifr_name.iter_mut().zip(link.as_str().bytes()) {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_data = (&raw mut value).cast();
    // SAFETY: `request` and the value it points to live over the call; the name ends with a zero byte.
    let status = unsafe { libc::ioctl(control, libc::SIOCETHTOOL, &raw mut request) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
