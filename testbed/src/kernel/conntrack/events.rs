//! What becomes of connections while a run goes on, as the kernel tells it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_sys::{Socket, constants::NETLINK_NETFILTER};
use nix::errno::Errno;
use nix::libc::MSG_DONTWAIT;
use serde::Serialize;
use socket2::{SockFilter, SockRef};

use super::fill::FILLED;
use super::messages::{self, Said};
use super::words::{self, Ends};
use crate::kernel::{KernelError, Namespace};

/// `NFNLGRP_CONNTRACK_NEW`, `_UPDATE` and `_DESTROY` of linux/netfilter/nfnetlink_compat.h.
const GROUPS: [u32; 3] = [1, 2, 3];
/// The socket's receive buffer, bytes; the kernel lowers it to `net.core.rmem_max`.
const RECEIVE_BUFFER: u32 = 8 * 1024 * 1024;
/// Largest datagram that is read.
const LARGEST: usize = 64 * 1024;

/// Lets all be told but what becomes of connections that a table was [filled](super::Filled) with: hundreds of thousands at once leave no
/// room for others. A program of BPF (linux/filter.h): it looks for the mark behind struct nlmsghdr and struct nfgenmsg.
fn without_filling() -> [SockFilter; 9] {
    const ATTRIBUTES: u32 = 16 + 4;
    /// `CTA_MARK` of linux/netfilter/nfnetlink_conntrack.h.
    const MARK: u32 = 8;
    /// `SKF_AD_OFF + SKF_AD_NLATTR`: where the attribute X is, from A on; 0 if nowhere.
    const FIND: u32 = (-0x1000_i32 + 12).cast_unsigned();
    [
        SockFilter::new(0x00, 0, 0, ATTRIBUTES), // A = offset of the first attribute
        SockFilter::new(0x01, 0, 0, MARK),       // X = which is looked for
        SockFilter::new(0x20, 0, 0, FIND),       // A = offset of that
        SockFilter::new(0x15, 3, 0, 0),          // there is none: the last but one
        SockFilter::new(0x07, 0, 0, 0),          // X = A
        SockFilter::new(0x40, 0, 0, 4),          // A = what it says, behind struct nlattr
        SockFilter::new(0x15, 1, 0, FILLED),     // that is the mark: the last
        SockFilter::new(0x06, 0, 0, u32::MAX),   // told in full
        SockFilter::new(0x06, 0, 0, 0),          // not told
    ]
}

/// Something that became of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// What.
    pub event: What,
    /// Which, as conntrack(8) writes it.
    pub connection: String,
    /// Its ends, if it is one of TCP or UDP.
    #[serde(skip)]
    pub ends: Option<Ends>,
}

/// What became of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It is there.
    New,
    /// It changed.
    Update,
    /// It is over.
    Destroy,
}

/// Listens to a namespace.
#[must_use]
pub struct Events {
    socket: Socket,
    lost: u64,
}

impl Events {
    /// Listens from now on; may then be read on any thread.
    ///
    /// Errors: `Socket`.
    pub fn of(namespace: &Namespace) -> Result<Events, KernelError> {
        let opened = namespace.inside(|| {
            let mut socket = Socket::new(NETLINK_NETFILTER)?;
            socket.bind_auto()?;
            socket.set_rx_buf_sz(RECEIVE_BUFFER)?;
            SockRef::from(&socket).attach_filter(&without_filling())?;
            GROUPS.into_iter().try_for_each(|group| socket.add_membership(group))?;
            Ok(Events { socket, lost: 0 })
        })?;
        opened.map_err(|cause| KernelError::Socket {
            operation: "listen to what becomes of connections",
            node: namespace.name().to_owned(),
            cause,
        })
    }

    /// What has come since the last call, without waiting.
    ///
    /// Errors: the system's.
    pub fn read(&mut self) -> io::Result<Vec<Event>> {
        let mut events = Vec::new();
        let mut buffer = Vec::with_capacity(LARGEST);
        loop {
            buffer.clear();
            match self.socket.recv(&mut buffer, MSG_DONTWAIT) {
                Ok(_) => events.extend(messages::read(&buffer)?.into_iter().filter_map(event)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(events),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.raw_os_error() == Some(Errno::ENOBUFS as i32) => self.lost += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// How many times the kernel had no room for what it wanted to tell.
    pub fn lost(&self) -> u64 {
        self.lost
    }
}

impl AsFd for Events {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn event(said: Said) -> Option<Event> {
    let (event, attributes) = match said {
        Said::New(attributes) => (What::New, attributes),
        Said::Is(attributes) => (What::Update, attributes),
        Said::Over(attributes) => (What::Destroy, attributes),
        Said::Done | Said::Refused(_) => return None,
    };
    Some(Event { event, connection: words::line(&attributes), ends: words::ends(&attributes) })
}
