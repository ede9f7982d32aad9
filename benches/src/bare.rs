//! Everything that can be sent to one IPv4 address, by a program that does nothing else: frames put together first, sent by
//! the hundred, and whatever comes out on the other side counted.
//!
//! It knows nothing of what a packet was for, whether it entered, or who else saw it; that is what testbed takes more for.
//! `counted`, it at least knows that the router between has seen every frame: it puts them together, sends them, and asks that
//! router's own rules, all of it while it is timed. Only what was seen to arrive there can have been stopped there.

use std::fs::File;
use std::io::IoSlice;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use anyhow::{Context, ensure};
use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::sched::{CloneFlags, setns};
use nix::sys::socket::{
    AddressFamily, MsgFlags, MultiHeaders, SockFlag, SockProtocol, SockType, SockaddrStorage, bind, recv,
    sendmmsg, setsockopt, socket, sockopt,
};

use serde_json::Value;

use crate::sweep::Sweep;

/// Frames in one call.
const AT_ONCE: usize = 512;
/// Ethernet addresses of the router's leg and of the sender; the same in `benches/peers/bare-pair`.
const TO: [u8; 6] = [2, 0, 0, 0, 0, 0x01];
const FROM: [u8; 6] = [2, 0, 0, 0, 0, 0x11];
/// By this payload a packet is known again.
const MARK: &[u8; 16] = b"bare sweep 10.1.";

/// A counter of the router's rules for whatever comes in from the sender: family, table and name, as in `benches/peers/bare-pair`.
const COUNTER: [&str; 3] = ["inet", "bare", "seen"];

/// Who sends to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// Address of the sender.
    pub source: Ipv4Addr,
    /// Address of the target.
    pub target: Ipv4Addr,
}

/// Sends everything from one network namespace and counts what comes into another; `name` is what the table calls it. With a
/// router's namespace its counter is asked, too, and frames are put together meanwhile.
///
/// Errors: a namespace that is not there, or in which no packet socket may be opened; a router that has not seen every frame.
pub fn sweep(guest: &str, door: &str, pair: Pair, router: Option<&str>, name: &str) -> anyhow::Result<Sweep> {
    let ready = router.is_none().then(|| pair.frames());
    let before = router.map(seen_by).transpose()?;
    let (begin, begun) = mpsc::channel();
    let (end, ended) = mpsc::channel();
    thread::scope(|scope| {
        let counting = scope.spawn(move || count(door, &begin, &ended));
        let sending = scope.spawn(move || {
            setns(File::open(guest)?, CloneFlags::CLONE_NEWNET)?;
            begun.recv().context("nobody counts")?;
            let start = Instant::now();
            let frames = ready.unwrap_or_else(|| pair.frames());
            send(&frames)?;
            let sent = start.elapsed();
            end.send(()).context("nobody counts any longer")?;
            anyhow::Ok((start, sent, frames.len() as u64))
        });
        let (start, took, sent) = sending.join().expect("it does not panic")?;
        let (arrived, mut all) = counting.join().expect("it does not panic")?;
        if let (Some(router), Some(before)) = (router, before) {
            let seen = seen_by(router)? - before;
            ensure!(seen >= sent, "the router has seen {seen} of {sent} frames");
            all = Instant::now();
        }
        Ok(Sweep {
            system: name.to_owned(),
            sent,
            arrived,
            send_ms: took.as_secs_f64() * 1e3,
            whole_ms: (all - start).as_secs_f64() * 1e3,
        })
    })
}

/// What the router's rules have counted so far.
fn seen_by(router: &str) -> anyhow::Result<u64> {
    let [family, table, name] = COUNTER;
    let mut nft = Command::new("nsenter");
    nft.arg(format!("--net={router}")).args(["nft", "-j", "list", "counter", family, table, name]);
    let said = nft.output().context("nsenter")?;
    ensure!(said.status.success(), "nft: {}", String::from_utf8_lossy(&said.stderr));
    let told: Value = serde_json::from_slice(&said.stdout)?;
    told.pointer("/nftables/1/counter/packets").and_then(Value::as_u64).context("nft tells of no counter")
}

fn send(frames: &[Vec<u8>]) -> anyhow::Result<()> {
    let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None)?;
    let link = getifaddrs()?
        .filter(|one| one.interface_name == "eth0")
        .find_map(|one| one.address?.as_link_addr().copied())
        .context("there is no eth0")?;
    bind(socket.as_raw_fd(), &link)?;
    let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(AT_ONCE, None);
    for part in frames.chunks(AT_ONCE) {
        let slices: Vec<[IoSlice<'_>; 1]> = part.iter().map(|frame| [IoSlice::new(frame)]).collect();
        let addresses = vec![None; part.len()];
        let sent = sendmmsg(socket.as_raw_fd(), &mut headers, &slices, &addresses, [], MsgFlags::empty())?;
        ensure!(sent.count() == part.len(), "not all frames of a batch were sent");
    }
    Ok(())
}

/// How many of our packets came in, and when the last that was there had been taken.
fn count(door: &str, begin: &mpsc::Sender<()>, ended: &mpsc::Receiver<()>) -> anyhow::Result<(u64, Instant)> {
    setns(File::open(door)?, CloneFlags::CLONE_NEWNET)?;
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Packet, SockType::Raw, flags, SockProtocol::EthAll)?;
    setsockopt(&socket, sockopt::RcvBuf, &(1 << 22))?;
    begin.send(()).context("nobody sends")?;
    // What is allowed is few enough to wait in the socket: forwarding happens in the sender's own call.
    ended.recv().context("nobody sent")?;
    let (mut arrived, mut buffer) = (0, [0; 2048]);
    loop {
        match recv(socket.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) {
            Ok(length) if buffer[..length].ends_with(MARK) => arrived += 1,
            Ok(_) => {}
            Err(Errno::EAGAIN) => return Ok((arrived, Instant::now())),
            Err(other) => return Err(other.into()),
        }
    }
}

impl Pair {
    /// One frame for each port of TCP and UDP, each type and code of ICMP, each protocol, each set of TCP flags, and what
    /// passes for answers from the ports below 1024.
    fn frames(self) -> Vec<Vec<u8>> {
        let ports = || 0..=u16::MAX;
        let (syn, far) = (2, 63_000);
        let tcp = ports().map(|port| self.frame(6, &self.tcp(20_000, port, syn)));
        let udp = ports().map(|port| self.frame(17, &self.udp(20_000, port)));
        let icmp = ports().map(|kind| self.frame(1, &[&kind.to_be_bytes()[..], &[0; 6]].concat()));
        let flags = (0..=u8::MAX).map(|flags| self.frame(6, &self.tcp(20_000, far, flags)));
        let protocols = (0..=u8::MAX).map(|number| self.frame(number, &[0; 8]));
        let low = || 0..1024;
        let tcp_from = low().map(|port| self.frame(6, &self.tcp(port, far, syn)));
        let udp_from = low().map(|port| self.frame(17, &self.udp(port, far)));
        tcp.chain(udp).chain(icmp).chain(flags).chain(protocols).chain(tcp_from).chain(udp_from).collect()
    }

    fn tcp(self, from: u16, to: u16, flags: u8) -> Vec<u8> {
        let mut header = [&from.to_be_bytes()[..], &to.to_be_bytes(), &[0; 8]].concat();
        // Five words of header, a window, no checksum yet.
        header.extend([0x50, flags, 0x40, 0, 0, 0, 0, 0]);
        self.checked(6, header, 16)
    }

    fn udp(self, from: u16, to: u16) -> Vec<u8> {
        let length = 8 + MARK.len() as u16;
        let header = [from, to, length, 0].iter().flat_map(|word| word.to_be_bytes()).collect();
        self.checked(17, header, 6)
    }

    /// A header with its checksum over itself, the payload and the pseudo header (RFC 9293, section 3.1).
    fn checked(self, protocol: u8, mut header: Vec<u8>, at: usize) -> Vec<u8> {
        let pseudo = self.pseudo(protocol, header.len() + MARK.len());
        let sum = checksum(&[&pseudo[..], &header, MARK].concat());
        header[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        header
    }

    fn pseudo(self, protocol: u8, length: usize) -> Vec<u8> {
        let (source, target) = (self.source.octets(), self.target.octets());
        [&source[..], &target, &[0, protocol], &(length as u16).to_be_bytes()].concat()
    }

    fn frame(self, protocol: u8, header: &[u8]) -> Vec<u8> {
        let length = (20 + header.len() + MARK.len()) as u16;
        let mut ip = [&[0x45, 0][..], &length.to_be_bytes(), &[0, 0, 0, 0, 64, protocol, 0, 0]].concat();
        ip.extend(self.source.octets());
        ip.extend(self.target.octets());
        let sum = checksum(&ip);
        ip[10..12].copy_from_slice(&sum.to_be_bytes());
        let mut body = header.to_vec();
        if protocol == 1 {
            let sum = checksum(&[header, MARK].concat());
            body[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        [&TO[..], &FROM, &[8, 0], &ip, &body, MARK].concat()
    }
}

/// The Internet checksum (RFC 1071) of whole words.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_frame_for_everything_and_each_adds_up() {
        let pair = Pair { source: [10, 2, 0, 11].into(), target: [10, 1, 0, 2].into() };
        let frames = pair.frames();
        assert_eq!(frames.len(), 199_168);
        for frame in &frames {
            assert_eq!(checksum(&frame[14..34]), 0, "header of {frame:02x?}");
            let (protocol, body) = (frame[14 + 9], &frame[34..]);
            let pseudo = pair.pseudo(protocol, body.len());
            match protocol {
                // Of the list of protocols, which have no header of their own.
                _ if body[..8] == [0; 8] => {}
                1 => assert_eq!(checksum(body), 0, "{frame:02x?}"),
                6 | 17 => assert_eq!(checksum(&[&pseudo[..], body].concat()), 0, "{frame:02x?}"),
                _ => {}
            }
        }
    }
}
