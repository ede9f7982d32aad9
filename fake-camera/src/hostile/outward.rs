//! What a hostile camera does of its own accord: it calls others, and tries its neighbours' ports.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::{JoinError, JoinSet};
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use tracing::debug;

use super::Acts;

/// From one call to the next, and the longest wait for an answer.
const EVERY: Duration = Duration::from_secs(1);
/// What a call says.
const SAID: &[u8] = b"POST /cameras HTTP/1.1\r\nHost: vendor.example\r\nContent-Length: 0\r\n\r\n";
/// Ports that are tried: those by which cameras and their recorders are taken over.
const TRIED: [u16; 6] = [22, 23, 80, 554, 2323, 8080];
/// Longest wait for an answer of a port.
const PATIENCE: Duration = Duration::from_millis(300);
/// Ports that are tried at the same time.
const AT_ONCE: usize = 32;
/// The widest subnet that is tried: a /22 has 1,022 hosts.
const WIDEST: u8 = 22;

/// Whom the camera calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// By TCP.
    Tcp(SocketAddr),
    /// By UDP.
    Udp(SocketAddr),
}

impl FromStr for Call {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no call; write for example tcp/203.0.113.10:443");
        let (transport, at) = text.split_once('/').ok_or_else(wrong)?;
        let at = at.parse().map_err(|_| wrong())?;
        match transport {
            "tcp" => Ok(Self::Tcp(at)),
            "udp" => Ok(Self::Udp(at)),
            _ => Err(wrong()),
        }
    }
}

/// An IPv4 subnet of 1,024 addresses or fewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Net {
    first: Ipv4Addr,
    bits: u8,
}

impl FromStr for Net {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no subnet such as 10.20.0.0/24, a /{WIDEST} or narrower");
        let (first, bits) = text.split_once('/').ok_or_else(wrong)?;
        let (first, bits): (Ipv4Addr, u8) =
            (first.parse().map_err(|_| wrong())?, bits.parse().map_err(|_| wrong())?);
        if !(WIDEST..=32).contains(&bits) {
            return Err(wrong());
        }
        let mask = u32::MAX << (32 - bits);
        Ok(Self { first: (u32::from(first) & mask).into(), bits })
    }
}

impl fmt::Display for Net {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.first, self.bits)
    }
}

impl Net {
    /// All its addresses, that of the net itself and of everybody among them.
    fn addresses(self) -> impl Iterator<Item = Ipv4Addr> {
        let first = u32::from(self.first);
        (0..1u32 << (32 - self.bits)).map(move |host| (first + host).into())
    }
}

/// Calls them all, again and again; never ends.
pub(crate) async fn call_all(calls: Vec<Call>, acts: Acts) {
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        ticks.tick().await;
        if have_left(&calls).await {
            acts.did("calls");
        }
    }
}

/// Calls each of them once; whether all of that has left this machine. Takes no longer than it waits for an answer.
pub(crate) async fn have_left(calls: &[Call]) -> bool {
    let mut open = JoinSet::new();
    for call in calls {
        open.spawn(timeout(EVERY, one_call(*call)));
    }
    let mut all = true;
    while let Some(left) = next_has_left(&mut open).await {
        all &= left;
    }
    all
}

/// A try, once it is over: answered, failed, or waited for until its time was over.
type Tried<T> = Result<io::Result<T>, Elapsed>;

/// Waits for one try; whether it has left this machine, none if nothing is waited for.
async fn next_has_left<T: 'static>(tried: &mut JoinSet<Tried<T>>) -> Option<bool> {
    let one = tried.join_next().await?;
    debug!(ok = one.is_ok(), "somebody was tried");
    Some(one.is_ok_and(|one| has_left(&one)))
}

/// Whether a try may have left this machine: somebody answered, if only with a refusal, or nobody did. Where the kernel knows
/// no way, or does not let it out, nothing was sent.
fn has_left<T>(tried: &Tried<T>) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable};
    let answers = [BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable];
    match tried {
        Ok(Err(error)) => answers.contains(&error.kind()),
        Ok(Ok(_)) | Err(_) => true,
    }
}

async fn one_call(call: Call) -> io::Result<()> {
    match call {
        Call::Tcp(to) => TcpStream::connect(to).await?.write_all(SAID).await,
        Call::Udp(to) => {
            let any: SocketAddr =
                if to.is_ipv4() { ([0; 4], 0).into() } else { (std::net::Ipv6Addr::UNSPECIFIED, 0).into() };
            UdpSocket::bind(any).await?.send_to(SAID, to).await.map(|_| ())
        }
    }
}

/// Tries the ports of everybody in these subnets, once: a host of each, then the next. That is told when a try has left for each
/// of the subnets.
pub(crate) async fn scan_all(nets: Vec<Net>, acts: Acts) {
    let mut hosts: Vec<_> = nets.iter().map(|net| net.addresses()).collect();
    let (mut tried, mut reached) = (JoinSet::new(), vec![false; nets.len()]);
    loop {
        let round: Vec<_> =
            (0..).zip(&mut hosts).filter_map(|(net, hosts)| Some((net, hosts.next()?))).collect();
        let sockets = round.iter().flat_map(|(net, host)| TRIED.map(|port| (*net, (*host, port))));
        for (net, socket) in sockets {
            if tried.len() >= AT_ONCE {
                note(tried.join_next().await, &mut reached, &acts);
            }
            tried.spawn(async move { (net, timeout(PATIENCE, TcpStream::connect(socket)).await) });
        }
        if round.is_empty() {
            break;
        }
    }
    while let Some(one) = tried.join_next().await {
        note(Some(one), &mut reached, &acts);
    }
}

/// Notes a try that is over: which subnet it was for, by its place, and what became of it.
fn note<T>(one: Option<Result<(usize, Tried<T>), JoinError>>, reached: &mut [bool], acts: &Acts) {
    if let Some(Ok((net, one))) = one {
        reached[net] |= has_left(&one);
    }
    if reached.iter().all(|reached| *reached) {
        acts.did("scans");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_and_subnets_are_read_and_bounded() {
        assert_eq!("tcp/10.0.0.1:443".parse(), Ok(Call::Tcp("10.0.0.1:443".parse().unwrap())));
        assert_eq!("udp/[fd00::1]:53".parse(), Ok(Call::Udp("[fd00::1]:53".parse().unwrap())));
        for wrong in ["", "tcp/10.0.0.1", "10.0.0.1:443", "icmp/10.0.0.1:1"] {
            assert!(wrong.parse::<Call>().is_err(), "{wrong}");
        }
        let net: Net = "10.20.0.77/30".parse().unwrap();
        assert_eq!(net.to_string(), "10.20.0.76/30");
        assert_eq!(net.addresses().count(), 4);
        for wrong in ["10.20.0.0", "10.20.0.0/21", "10.20.0.0/33", "fd00::/64"] {
            assert!(wrong.parse::<Net>().is_err(), "{wrong}");
        }
        let all: Net = "255.255.255.255/32".parse().unwrap();
        assert_eq!(all.addresses().collect::<Vec<_>>(), [Ipv4Addr::BROADCAST]);
    }

    #[tokio::test]
    async fn what_never_leaves_is_no_call() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let heard = Call::Tcp(listener.local_addr().unwrap());
        let refused: Call = "tcp/127.0.0.1:1".parse().unwrap();
        let said: Call = "udp/127.0.0.1:1".parse().unwrap();
        assert!(have_left(&[heard, refused, said]).await);
        // Nobody may speak to everybody without asking for it, and no connection leads there.
        for nowhere in ["tcp/255.255.255.255:1", "udp/255.255.255.255:1"] {
            assert!(!have_left(&[heard, nowhere.parse().unwrap()]).await, "{nowhere}");
        }
    }

    #[tokio::test]
    async fn a_scan_is_told_when_each_subnet_was_tried() {
        let told = |nets: &[&str]| {
            let heard = std::sync::Arc::new(std::sync::Mutex::new(0));
            let counts = std::sync::Arc::clone(&heard);
            let acts = Acts::new(move |what| {
                assert_eq!(what, "scans");
                *counts.lock().unwrap() += 1;
            });
            let scan = scan_all(nets.iter().map(|net| net.parse().unwrap()).collect(), acts);
            async move {
                scan.await;
                *heard.lock().unwrap()
            }
        };
        assert_eq!(told(&["127.0.0.1/32", "127.0.0.4/30"]).await, 1);
        assert_eq!(told(&["127.0.0.1/32", "255.255.255.255/32"]).await, 0);
    }
}
