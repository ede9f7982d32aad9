//! Connection tracking of a namespace, by ctnetlink: what it knows, what becomes of that, and forgetting all of it.

mod events;
mod fill;
mod list;
mod messages;
mod words;

use std::fs;
use std::io;

use netlink_sys::{Socket, constants::NETLINK_NETFILTER};

use super::{KernelError, Namespace};

pub use events::{Event, Events, What};
pub use fill::{Emptied, Filled, Full};
pub use list::{list, tracked};
pub use words::Ends;

/// `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE` of linux/netfilter/nfnetlink.h and nfnetlink_conntrack.h: without
/// a tuple it is about all connections.
const DELETE: u16 = 1 << 8 | 2;

/// `NLM_F_REQUEST | NLM_F_ACK` (netlink(7)).
const ASK: u16 = 1 | 4;

/// Forgets every connection; how many there were.
///
/// Errors: `Socket`, with the kernel's answer.
pub fn forget(namespace: &Namespace) -> Result<u64, KernelError> {
    let forgotten = namespace.inside(|| {
        let known = known();
        flush().map(|()| known)
    })?;
    forgotten.map_err(|cause| KernelError::Socket {
        operation: "forget tracked connections",
        node: namespace.name().to_owned(),
        cause,
    })
}

/// How many connections the calling thread's namespace tracks; none where nothing has asked for it yet.
fn known() -> u64 {
    let count = fs::read_to_string("/proc/sys/net/netfilter/nf_conntrack_count");
    count.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

fn flush() -> io::Result<()> {
    let mut socket = Socket::new(NETLINK_NETFILTER)?;
    socket.bind_auto()?;
    socket.send(&request(), 0)?;
    let mut answer = Vec::with_capacity(4096);
    socket.recv(&mut answer, 0)?;
    // struct nlmsghdr, then struct nlmsgerr with the error first (netlink(7)): 0, or the negative errno
    let error = answer.get(16..20).and_then(|bytes| bytes.try_into().ok()).map(i32::from_ne_bytes);
    match error {
        Some(0) => Ok(()),
        Some(error) => Err(io::Error::from_raw_os_error(error.saturating_neg())),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// struct nlmsghdr (length, type, flags, number, port) and struct nfgenmsg (family 0: all, version 0, resource 0).
fn request() -> Vec<u8> {
    const LENGTH: u32 = 16 + 4;
    let mut bytes = LENGTH.to_ne_bytes().to_vec();
    bytes.extend([DELETE, ASK].map(u16::to_ne_bytes).concat());
    bytes.extend([0; 12]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_as_long_as_it_says() {
        assert_eq!(request().len(), 20);
    }
}
