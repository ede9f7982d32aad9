//! What a hostile camera does of its own accord: it calls others, and tries its neighbours' ports.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinSet;
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
        call_once(&calls).await;
        acts.did("calls");
    }
}

/// Calls each of them once; takes no longer than it waits for an answer.
pub(crate) async fn call_once(calls: &[Call]) {
    let mut open = JoinSet::new();
    for call in calls {
        open.spawn(timeout(EVERY, one_call(*call)));
    }
    while let Some(called) = open.join_next().await {
        debug!(?called, "called");
    }
}

async fn one_call(call: Call) -> std::io::Result<()> {
    match call {
        Call::Tcp(to) => TcpStream::connect(to).await?.write_all(SAID).await,
        Call::Udp(to) => {
            let any: SocketAddr =
                if to.is_ipv4() { ([0; 4], 0).into() } else { (std::net::Ipv6Addr::UNSPECIFIED, 0).into() };
            UdpSocket::bind(any).await?.send_to(SAID, to).await.map(|_| ())
        }
    }
}

/// Tries the ports of everybody in these subnets, once.
pub(crate) async fn scan_all(nets: Vec<Net>, acts: Acts) {
    let mut tried = JoinSet::new();
    for socket in nets.into_iter().flat_map(Net::addresses).flat_map(|host| TRIED.map(|port| (host, port))) {
        if tried.len() >= AT_ONCE {
            tried.join_next().await;
            acts.did("scans");
        }
        tried.spawn(timeout(PATIENCE, TcpStream::connect(socket)));
    }
    while tried.join_next().await.is_some() {}
    acts.did("scans");
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
}
