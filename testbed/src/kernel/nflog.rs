//! Reads what a rule logs to an NFLOG group: the instrument behind a target's own input filter.
//!
//! A group belongs to the network namespace in which it was bound, and works without root in a user namespace.
//! Source: linux/netfilter/nfnetlink_log.h; nft(8), "log statement".

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use netlink_packet_core::{NetlinkMessage, NetlinkPayload, Nla};
use netlink_packet_netfilter::nflog::{
    ConfigCmd, ConfigMode, ConfigNla, PacketNla, TimeStamp, Timeout, ULogMessage, config_request,
};
use netlink_packet_netfilter::{NetfilterMessage, NetfilterMessageInner, NetfilterProtoFamily};
use netlink_sys::{Socket, constants::NETLINK_NETFILTER};
use nix::errno::Errno;
use nix::libc::MSG_DONTWAIT;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Bytes of each packet that are copied, from the network header on: enough for a probe's nonce behind any header.
pub const COPIED: u32 = 192;
/// The socket's receive buffer, bytes; the kernel lowers it to `net.core.rmem_max`.
const RECEIVE_BUFFER: u32 = 8 * 1024 * 1024;
/// Largest netlink message that is read.
const LARGEST: usize = 64 * 1024;
/// How long the kernel may take to acknowledge a setting.
const PATIENCE: Duration = Duration::from_secs(5);

/// What can go wrong with an NFLOG group.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A system call was refused.
    #[error("{step} of an NFLOG group: {source}")]
    System {
        /// Which step.
        step: &'static str,
        /// The system's words.
        source: io::Error,
    },
    /// The kernel refused the group: another socket of the namespace has it (EBUSY), or NFLOG is missing.
    #[error("bind NFLOG group {group}: {source}")]
    Refused {
        /// The group.
        group: u16,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The kernel sent something that does not read as a netlink message.
    #[error("read an NFLOG message: {0}")]
    Message(String),
}

type Result<T> = std::result::Result<T, Error>;

/// One packet that a rule logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// The rule's `prefix`, without the final zero.
    pub prefix: String,
    /// The packet from its network header on, its first 192 bytes.
    pub payload: Vec<u8>,
    /// Index of the device by which it came in; 0 where there was none.
    pub indev: u32,
    /// When the kernel took it in, nanoseconds since 1970, to the microsecond; none if it does not say so.
    pub at: Option<u64>,
}

/// A bound group; closing it lets the group go.
#[must_use]
pub struct Nflog {
    socket: Socket,
    waiting: VecDeque<Logged>,
    lost: u64,
}

impl Nflog {
    /// Binds `group` in the network namespace of the calling thread; may then be used on any thread. Every packet is
    /// handed over at once, unbuffered.
    ///
    /// Errors: `System` without CAP_NET_ADMIN, `Refused` if the group is taken.
    pub fn bind(group: u16) -> Result<Nflog> {
        let system = |step| move |source| Error::System { step, source };
        let mut socket = Socket::new(NETLINK_NETFILTER).map_err(system("socket"))?;
        socket.bind_auto().map_err(system("binding"))?;
        socket.set_rx_buf_sz(RECEIVE_BUFFER).map_err(system("receive buffer"))?;
        let mut nflog = Nflog { socket, waiting: VecDeque::new(), lost: 0 };
        // `log group N` names its group itself, so that the namespace's default logger (PF_BIND) stays as it is.
        nflog.set(group, vec![ConfigCmd::Bind.into()])?;
        let mode = ConfigMode::new_packet(COPIED).into();
        nflog.set(group, vec![mode, ConfigNla::QThresh(1), Timeout::new(1).into()])?;
        Ok(nflog)
    }

    /// The next logged packet, or none within `timeout`. Packets that the kernel had no room for are counted by
    /// [`Nflog::lost`].
    ///
    /// Errors: `System`, `Message`.
    pub fn recv(&mut self, timeout: Duration) -> Result<Option<Logged>> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(logged) = self.waiting.pop_front() {
                return Ok(Some(logged));
            }
            let Some(messages) = self.receive(deadline)? else { return Ok(None) };
            self.waiting.extend(messages.into_iter().filter_map(logged));
        }
    }

    /// How many times the kernel said that it had dropped packets for want of room; above 0, silence proves nothing.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Sends one setting and waits for the kernel's answer.
    fn set(&mut self, group: u16, settings: Vec<ConfigNla>) -> Result<()> {
        let request = config_request(NetfilterProtoFamily::Unspec, group, settings);
        let mut bytes = vec![0; request.buffer_len()];
        request.serialize(&mut bytes);
        self.socket.send(&bytes, 0).map_err(|source| Error::System { step: "setting", source })?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let late = || io::Error::from(io::ErrorKind::TimedOut);
            let Some(messages) = self.receive(deadline)? else {
                return Err(Error::Refused { group, source: late() });
            };
            // A packet may be logged between two settings.
            for message in messages {
                match message.payload {
                    NetlinkPayload::Error(answer) if answer.code.is_none() => return Ok(()),
                    NetlinkPayload::Error(answer) => {
                        return Err(Error::Refused { group, source: answer.to_io() });
                    }
                    payload => self.waiting.extend(logged(NetlinkMessage::new(message.header, payload))),
                }
            }
        }
    }

    /// The messages of one datagram, or none until the deadline.
    fn receive(&mut self, deadline: Instant) -> Result<Option<Vec<NetlinkMessage<NetfilterMessage>>>> {
        let system = |step, source| Error::System { step, source };
        let mut buffer = Vec::with_capacity(LARGEST);
        loop {
            match self.socket.recv(&mut buffer, MSG_DONTWAIT) {
                Ok(_) => return messages(&buffer).map(Some),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) if e.raw_os_error() == Some(Errno::ENOBUFS as i32) => {
                    self.lost += 1;
                    continue;
                }
                Err(e) => return Err(system("reading", e)),
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            // Whole milliseconds, rounded up: rounded down it would spin through the last one.
            let left = PollTimeout::try_from(left + Duration::from_micros(999)).unwrap_or(PollTimeout::MAX);
            match poll(&mut [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)], left) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(e) => return Err(system("waiting", e.into())),
            }
        }
    }
}

/// One datagram may carry several messages, each padded to four bytes (netlink(7), `NLMSG_ALIGN`).
fn messages(mut bytes: &[u8]) -> Result<Vec<NetlinkMessage<NetfilterMessage>>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let message = NetlinkMessage::<NetfilterMessage>::deserialize(bytes)
            .map_err(|e| Error::Message(e.to_string()))?;
        let length = (message.header.length as usize).next_multiple_of(4).max(4);
        bytes = bytes.get(length..).unwrap_or_default();
        found.push(message);
    }
    Ok(found)
}

/// The logged packet in a message, if it has one.
fn logged(message: NetlinkMessage<NetfilterMessage>) -> Option<Logged> {
    let NetlinkPayload::InnerMessage(NetfilterMessage {
        inner: NetfilterMessageInner::ULog(ULogMessage::Packet(attributes)),
        ..
    }) = message.payload
    else {
        return None;
    };
    let mut logged = Logged { prefix: String::new(), payload: Vec::new(), indev: 0, at: None };
    for attribute in attributes {
        match attribute {
            PacketNla::Prefix(text) => logged.prefix = text.to_string_lossy().into_owned(),
            PacketNla::Payload(bytes) => logged.payload = bytes,
            PacketNla::IfIndexInDev(index) => logged.indev = index,
            PacketNla::Timestamp(at) => logged.at = Some(nanoseconds(&at)),
            _ => {}
        }
    }
    Some(logged)
}

/// Seconds and microseconds, both big-endian (linux/netfilter/nfnetlink_log.h, `nfulnl_msg_packet_timestamp`).
fn nanoseconds(at: &TimeStamp) -> u64 {
    // The crate shows the two numbers only as bytes.
    let mut bytes = [0; 16];
    at.emit_value(&mut bytes);
    let [seconds, micros] = [0, 8]
        .map(|from| bytes[from..from + 8].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)));
    seconds.saturating_mul(1_000_000_000).saturating_add(micros.saturating_mul(1000))
}

#[cfg(test)]
mod tests;
