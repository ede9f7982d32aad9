//! Connections that nobody has: a table of connections is filled with them, is kept full, and is emptied of them.
//!
//! They are between addresses for measuring devices (198.18.0.0/15, RFC 2544, appendix C.2.2), which no site has, and carry a mark of
//! their own, so that taking them away touches no other. The kernel makes room in a full table by giving up connections that were never
//! answered, or are over: what becomes free is filled within about a millisecond, by a thread.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::JoinHandle;

use netlink_sys::{Socket, constants::NETLINK_NETFILTER};
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use tokio::sync::oneshot;

use super::known;
use crate::kernel::{KernelError, Namespace};

/// What marks them, and nothing else.
pub(super) const FILLED: u32 = 0x7e57_bed0;
/// So many are tried at most: a kernel that takes more has a table that is not filled within seconds.
const MOST: u32 = 300_000;

/// `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW` and `…_DELETE` (linux/netfilter/nfnetlink_conntrack.h).
const NEW: u16 = 1 << 8;
const DELETE: u16 = 1 << 8 | 2;
/// `NLM_F_REQUEST`, `NLM_F_ACK`, `NLM_F_EXCL | NLM_F_CREATE` (netlink(7)).
const REQUEST: u16 = 1;
const ACK: u16 = 4;
const CREATE: u16 = 0x200 | 0x400;
/// Flags of an attribute that has others within (linux/netlink.h, `NLA_F_NESTED`).
const NESTED: u16 = 0x8000;
/// So many in a datagram; the last of them is answered, and each that is refused.
const AT_A_TIME: u32 = 100;
/// How long they would stay by themselves, seconds.
const STAY: u32 = 24 * 60 * 60;
/// `IPS_SEEN_REPLY | IPS_ASSURED | IPS_CONFIRMED` (linux/netfilter/nf_conntrack_common.h): the kernel gives no such entry up early.
const ASSURED: u32 = 2 | 4 | 8;
/// How often it is looked whether there is room again, milliseconds.
const LOOKED_AGAIN: u16 = 1;

/// How full a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full {
    /// Connections that it tracks.
    pub tracked: u64,
    /// As many as it may track, `net.netfilter.nf_conntrack_max`.
    pub most: u64,
}

impl Full {
    /// Whether it takes no more.
    pub fn is_so(self) -> bool {
        self.tracked >= self.most && self.most > 0
    }
}

/// What was seen of a full table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emptied {
    /// How full it was right before it was emptied.
    pub full: Full,
    /// Packets that it had no room for since it was full; none if the kernel does not say.
    pub no_room: Option<u64>,
}

/// A table that is kept full; dropping it empties the table.
#[derive(Debug)]
#[must_use = "the table is emptied when this value is dropped"]
pub struct Filled {
    node: String,
    over: Arc<EventFd>,
    thread: Option<JoinHandle<()>>,
    emptied: Option<oneshot::Receiver<io::Result<Emptied>>>,
}

impl Filled {
    /// Fills a namespace's table until the kernel refuses more, or 300,000 were tried, which takes some seconds; how full it is then.
    ///
    /// Errors: `Socket`, with the kernel's answer, if that is another than that there is no room (`ENOMEM`).
    pub async fn fill(namespace: &Namespace) -> Result<(Filled, Full), KernelError> {
        let node = namespace.name().to_owned();
        let failed = |cause| KernelError::Socket { operation: FILL, node: node.clone(), cause };
        let over = EventFd::from_flags(EfdFlags::EFD_CLOEXEC).map_err(|error| failed(error.into()))?;
        let over = Arc::new(over);
        let ((full_at, full), (emptied_at, emptied)) = (oneshot::channel(), oneshot::channel());
        let waits = Arc::clone(&over);
        // A thread begins where the one is that begins it.
        let thread = namespace.inside(move || {
            std::thread::spawn(move || {
                // Whoever asked may be gone.
                let _ = emptied_at.send(keep_full(&waits, full_at));
            })
        })?;
        let filled = Filled { node: node.clone(), over, thread: Some(thread), emptied: Some(emptied) };
        let full = full.await.unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()));
        Ok((filled, full.map_err(failed)?))
    }

    /// Takes away what it was filled with, and nothing else; what was seen of it until then.
    ///
    /// Errors: `Socket`, with the kernel's answer.
    pub async fn empty(mut self) -> Result<Emptied, KernelError> {
        self.end();
        let emptied = self.emptied.take().expect("only this takes it, and it takes itself");
        emptied.await.unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into())).map_err(|cause| {
            KernelError::Socket {
                operation: "empty the table of connections",
                node: self.node.clone(),
                cause,
            }
        })
    }

    fn end(&self) {
        self.over.write(1).expect("the counter takes a few");
    }
}

impl Drop for Filled {
    fn drop(&mut self) {
        self.end();
        if let Some(thread) = self.thread.take().filter(|_| !std::thread::panicking()) {
            let _ = thread.join();
        }
    }
}

const FILL: &str = "fill the table of connections";

/// All that the thread does: fills the calling thread's table, says so, keeps it full until it is told that it is over, and empties it.
fn keep_full(over: &EventFd, said: oneshot::Sender<io::Result<Full>>) -> io::Result<Emptied> {
    let filled = Filling::begin().and_then(|mut filling| {
        while filling.next < MOST && filling.put(AT_A_TIME)? {}
        // What the kernel has said about others of the last ones is not read.
        Filling::begin().map(|anew| Filling { next: filling.next, ..anew })
    });
    let before = no_room();
    let kept = match filled {
        Ok(filling) => {
            let full = fullness();
            let _ = said.send(Ok(full));
            filling.until(over, full.most)
        }
        Err(error) => {
            let _ = said.send(Err(error));
            Ok(())
        }
    };
    let since = no_room().zip(before).map(|(now, before)| now.saturating_sub(before));
    let emptied = Emptied { full: fullness(), no_room: since };
    empty().and(kept).map(|()| emptied)
}

fn fullness() -> Full {
    let most = fs::read_to_string("/proc/sys/net/netfilter/nf_conntrack_max");
    Full { tracked: known(), most: most.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0) }
}

/// How many packets the calling thread's namespace has dropped so far for want of room, if the kernel says so.
fn no_room() -> Option<u64> {
    dropped(&fs::read_to_string("/proc/thread-self/net/stat/nf_conntrack").ok()?)
}

/// The sum of the column `drop`: names, then a line for each processor, in hexadecimal.
fn dropped(stat: &str) -> Option<u64> {
    let mut lines = stat.lines();
    let column = lines.next()?.split_whitespace().position(|name| name == "drop")?;
    lines.map(|line| u64::from_str_radix(line.split_whitespace().nth(column)?, 16).ok()).sum()
}

fn empty() -> io::Result<()> {
    let mut socket = Socket::new(NETLINK_NETFILTER)?;
    socket.bind_auto()?;
    let marked =
        [attribute(MARK, &FILLED.to_be_bytes()), attribute(MARK_MASK, &u32::MAX.to_be_bytes())].concat();
    socket.send(&message(DELETE, REQUEST | ACK, 0, 0, &marked), 0)?;
    match answer(&socket, 0)? {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error.saturating_neg())),
    }
}

/// Puts connections into the table of the thread's namespace.
struct Filling {
    socket: Socket,
    next: u32,
}

impl Filling {
    fn begin() -> io::Result<Filling> {
        let mut socket = Socket::new(NETLINK_NETFILTER)?;
        socket.bind_auto()?;
        Ok(Filling { socket, next: 0 })
    }

    /// Puts so many more in; whether there was room for all of them.
    fn put(&mut self, several: u32) -> io::Result<bool> {
        let last = self.next + several - 1;
        let all: Vec<u8> = (self.next..=last).flat_map(|n| entry(n, n == last)).collect();
        self.socket.send(&all, 0)?;
        self.next = last + 1;
        match answer(&self.socket, last)? {
            0 => Ok(true),
            error if error == -libc::ENOMEM => Ok(false),
            error => Err(io::Error::from_raw_os_error(error.saturating_neg())),
        }
    }

    /// Keeps it full until it is over.
    fn until(mut self, over: &EventFd, most: u64) -> io::Result<()> {
        let mut goes_on = true;
        while goes_on {
            let mut ended = [PollFd::new(over.as_fd(), PollFlags::POLLIN)];
            // A signal only makes it look once more.
            let _ = poll(&mut ended, PollTimeout::from(LOOKED_AGAIN));
            goes_on = !ended[0].any().unwrap_or(false);
            while known() < most && self.put(1)? {}
        }
        Ok(())
    }
}

/// Reads until the first error, or until the answer to the message with this number: 0, or a negative errno.
fn answer(socket: &Socket, number: u32) -> io::Result<i32> {
    let mut buffer = Vec::with_capacity(64 * 1024);
    loop {
        buffer.clear();
        socket.recv(&mut buffer, 0)?;
        for (told, error) in answers(&buffer) {
            if error != 0 || told == number {
                return Ok(error);
            }
        }
    }
}

/// The numbers and errors of a datagram's answers (struct nlmsghdr, then struct nlmsgerr with the error first; netlink(7)).
fn answers(mut bytes: &[u8]) -> Vec<(u32, i32)> {
    let word = |bytes: &[u8], at: usize| {
        bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map(u32::from_ne_bytes)
    };
    let mut found = Vec::new();
    while let (Some(length), Some(number), Some(error)) = (word(bytes, 0), word(bytes, 8), word(bytes, 16)) {
        found.push((number, error.cast_signed()));
        bytes = bytes.get((length as usize).next_multiple_of(4).max(16)..).unwrap_or_default();
    }
    found
}

// linux/netfilter/nfnetlink_conntrack.h, `enum ctattr_type`.
const ORIGINAL: u16 = 1;
const REPLY: u16 = 2;
const STATUS: u16 = 3;
const TIMEOUT: u16 = 7;
const MARK: u16 = 8;
const MARK_MASK: u16 = 21;

/// A connection of UDP, one of many: each has another source.
fn entry(n: u32, answered: bool) -> Vec<u8> {
    const TO: [u8; 4] = [198, 19, 255, 1];
    let (from, port) = ((0xc612_0000 + n / 60_000).to_be_bytes(), (n % 60_000 + 1) as u16);
    let body = [
        tuple(ORIGINAL, (from, port), (TO, 9)),
        tuple(REPLY, (TO, 9), (from, port)),
        attribute(STATUS, &ASSURED.to_be_bytes()),
        attribute(TIMEOUT, &STAY.to_be_bytes()),
        attribute(MARK, &FILLED.to_be_bytes()),
    ]
    .concat();
    message(NEW, REQUEST | CREATE | if answered { ACK } else { 0 }, n, 2, &body)
}

fn tuple(kind: u16, (from, port): ([u8; 4], u16), (to, at): ([u8; 4], u16)) -> Vec<u8> {
    let addresses = [attribute(1, &from), attribute(2, &to)].concat();
    let ports =
        [attribute(1, &[17]), attribute(2, &port.to_be_bytes()), attribute(3, &at.to_be_bytes())].concat();
    attribute(kind | NESTED, &[attribute(1 | NESTED, &addresses), attribute(2 | NESTED, &ports)].concat())
}

/// struct nlattr: length, type, content, and what fills it up to four bytes.
fn attribute(kind: u16, content: &[u8]) -> Vec<u8> {
    let length = 4 + content.len();
    let mut bytes = (length as u16).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(content);
    bytes.resize(length.next_multiple_of(4), 0);
    bytes
}

/// struct nlmsghdr (length, type, flags, number, port), struct nfgenmsg (family, version 0, resource 0), and the attributes.
fn message(kind: u16, flags: u16, number: u32, family: u8, attributes: &[u8]) -> Vec<u8> {
    let length = (20 + attributes.len()) as u32;
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend([kind, flags].map(u16::to_ne_bytes).concat());
    bytes.extend([number, 0].map(u32::to_ne_bytes).concat());
    bytes.extend([family, 0, 0, 0]);
    bytes.extend(attributes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_entry_is_as_long_as_it_says_and_another_than_the_rest() {
        let all: std::collections::BTreeSet<Vec<u8>> =
            [0, 1, 59_999, 60_000, MOST - 1].map(|n| entry(n, false)).into();
        assert_eq!(all.len(), 5);
        for one in &all {
            assert_eq!(u32::from_ne_bytes(one[..4].try_into().unwrap()) as usize, one.len());
        }
    }

    #[test]
    fn the_answers_of_a_datagram_are_read() {
        let good = message(2, 0, 7, 0, &[]);
        let mut bad = message(2, 0, 8, 0, &[]);
        bad[16..20].copy_from_slice(&(-12_i32).to_ne_bytes());
        assert_eq!(answers(&[good, bad].concat()), [(7, 0), (8, -12)]);
        assert_eq!(answers(&[1, 2, 3]), []);
    }

    #[test]
    fn what_a_table_had_no_room_for_is_summed_up() {
        let of = |lines: &str| dropped(&format!("entries  found drop early_drop\n{lines}"));
        assert_eq!(of("00040000 1 0000000a 3\n00040000 1 00000010 3\n"), Some(26));
        assert_eq!(of("00040000 1\n"), None);
        assert_eq!(dropped("entries found\n1 2\n"), None);
    }

    #[test]
    fn a_table_is_full_when_it_has_all_that_it_may_have() {
        let full = |tracked, most| Full { tracked, most }.is_so();
        assert!(full(5, 5) && full(6, 5) && !full(4, 5) && !full(0, 0));
    }
}
