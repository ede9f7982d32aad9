//! All connections that a namespace tracks.

use std::io;

use netlink_packet_netfilter::conntrack::ConntrackAttribute;
use netlink_sys::{Socket, constants::NETLINK_NETFILTER};

use super::messages::{self, Said};
use super::words::{self, Ends};
use crate::kernel::{KernelError, Namespace};

/// Connections that are listed at most.
const MOST: usize = 100_000;
/// Largest datagram that is read.
const LARGEST: usize = 64 * 1024;

/// Every connection, one line each as conntrack(8) writes it, in order of the text; at most 100,000. What a table was
/// [filled](super::Filled) with is left out.
///
/// Errors: `Socket`, with the kernel's answer: it has no connection tracking, for example.
pub fn list(namespace: &Namespace) -> Result<Vec<String>, KernelError> {
    let mut lines = each(namespace, words::line)?;
    lines.sort();
    Ok(lines)
}

/// The ends of every connection of TCP or UDP that is tracked, in no order; of at most 100,000.
///
/// Errors: as of [`list`].
pub fn tracked(namespace: &Namespace) -> Result<Vec<Ends>, KernelError> {
    Ok(each(namespace, words::ends)?.into_iter().flatten().collect())
}

fn each<T: Send>(namespace: &Namespace, of: fn(&[ConntrackAttribute]) -> T) -> Result<Vec<T>, KernelError> {
    namespace.inside(|| each_here(of))?.map_err(|cause| KernelError::Socket {
        operation: "list tracked connections",
        node: namespace.name().to_owned(),
        cause,
    })
}

fn each_here<T>(of: fn(&[ConntrackAttribute]) -> T) -> io::Result<Vec<T>> {
    let mut socket = Socket::new(NETLINK_NETFILTER)?;
    socket.bind_auto()?;
    socket.send(&messages::ask_for_all(), 0)?;
    let mut found = Vec::new();
    let mut buffer = Vec::with_capacity(LARGEST);
    loop {
        buffer.clear();
        // The kernel makes the next part when the one before it is read: it is always there.
        socket.recv(&mut buffer, 0)?;
        for said in messages::read(&buffer)? {
            match said {
                Said::New(attributes) | Said::Is(attributes) if words::is_filling(&attributes) => {}
                Said::New(attributes) | Said::Is(attributes) if found.len() < MOST => {
                    found.push(of(&attributes));
                }
                Said::New(_) | Said::Is(_) | Said::Over(_) => {}
                Said::Done | Said::Refused(0) => return Ok(found),
                Said::Refused(error) => return Err(io::Error::from_raw_os_error(error.saturating_neg())),
            }
        }
    }
}
