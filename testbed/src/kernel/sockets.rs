//! The sockets of a node, as its kernel tells them: the tables `tcp`, `tcp6`, `udp` and `udp6` below `/proc/net`
//! (Documentation/networking/proc_net_tcp.rst).

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::ops::RangeInclusive;
use std::path::Path;

use procfs_core::net::{TcpNetEntries, TcpState, UdpNetEntries, UdpState};
use procfs_core::{ExplicitSystemInfo, FromBufReadSI};

use super::{KernelError, Namespace};

/// Of any table no more than this is read, bytes; some 100,000 sockets.
const MOST: u64 = 16 << 20;

/// What a node's kernel says of its sockets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sockets {
    /// Where TCP listens.
    pub tcp: Vec<SocketAddr>,
    /// Sockets of UDP that take what anybody sends: those without a peer, at a port that is none of those which the kernel gives
    /// to whoever asks something (`ip_local_port_range`).
    pub udp: Vec<SocketAddr>,
    /// Sockets of UDP without a peer at one of those ports: whoever has it has asked something, or listens there for good.
    pub askers: Vec<SocketAddr>,
    /// Connections of TCP that stand.
    pub connections: u64,
    /// Whether listening sockets of TCP and of UDP, of each family, were told that this function had opened there itself.
    pub canaries: [bool; 2],
}

/// Reads the tables of a node. Errors: a table that cannot be read, is too long, or is not as expected.
pub fn read(namespace: &Namespace) -> Result<io::Result<Sockets>, KernelError> {
    namespace.inside(read_here)
}

fn read_here() -> io::Result<Sockets> {
    let canaries = Canaries::open()?;
    let (mut tcp, mut udp) = (table::<TcpNetEntries>("tcp")?.0, table::<UdpNetEntries>("udp")?.0);
    tcp.extend(if_spoken(table::<TcpNetEntries>("tcp6"))?.map_or(Vec::new(), |table| table.0));
    udp.extend(if_spoken(table::<UdpNetEntries>("udp6"))?.map_or(Vec::new(), |table| table.0));
    let (listeners, asked) = canaries.places()?;
    let askers = askers()?;
    let state = |state: TcpState| tcp.iter().filter(move |one| one.state == state);
    let tcp: Vec<SocketAddr> = state(TcpState::Listen).map(|one| one.local_address).collect();
    let alone = udp.iter().filter(|one| one.state == UdpState::Close).map(|one| one.local_address);
    let alone: Vec<SocketAddr> = alone.collect();
    let others = alone.iter().filter(|one| !asked.contains(one));
    let (askers, udp) = others.partition::<Vec<&SocketAddr>, _>(|one| askers.contains(&one.port()));
    Ok(Sockets {
        canaries: [
            listeners.iter().all(|one| tcp.contains(one)),
            asked.iter().all(|one| alone.contains(one)),
        ],
        udp: udp.into_iter().copied().collect(),
        askers: askers.into_iter().copied().collect(),
        connections: u64::try_from(state(TcpState::Established).count()).unwrap_or(u64::MAX),
        tcp: tcp.into_iter().filter(|one| !listeners.contains(one)).collect(),
    })
}

/// Sockets of our own, one for each table.
struct Canaries {
    tcp: Vec<TcpListener>,
    udp: Vec<UdpSocket>,
}

impl Canaries {
    /// Of IPv6 where there are tables of it; a node that does not speak it has no address of its own to listen at.
    fn open() -> io::Result<Self> {
        let four = (Ipv4Addr::LOCALHOST, 0);
        let (mut tcp, mut udp) = (vec![TcpListener::bind(four)?], vec![UdpSocket::bind(four)?]);
        let (own, any) = ((Ipv6Addr::LOCALHOST, 0), (Ipv6Addr::UNSPECIFIED, 0));
        if Path::new("/proc/thread-self/net/tcp6").exists() {
            tcp.push(TcpListener::bind(own).or_else(|_| TcpListener::bind(any))?);
            udp.push(UdpSocket::bind(own).or_else(|_| UdpSocket::bind(any))?);
        }
        Ok(Self { tcp, udp })
    }

    fn places(&self) -> io::Result<(Vec<SocketAddr>, Vec<SocketAddr>)> {
        let tcp: io::Result<_> = self.tcp.iter().map(TcpListener::local_addr).collect();
        let udp: io::Result<_> = self.udp.iter().map(UdpSocket::local_addr).collect();
        Ok((tcp?, udp?))
    }
}

/// One of the tables, of the namespace that the calling thread is in.
fn table<T: FromBufReadSI>(name: &str) -> io::Result<T> {
    let mut bytes = Vec::new();
    let read = File::open(format!("/proc/thread-self/net/{name}"))?.take(MOST).read_to_end(&mut bytes)?;
    if u64::try_from(read).is_ok_and(|read| read >= MOST) {
        return Err(io::Error::other(format!("the table `{name}` is longer than {MOST} bytes")));
    }
    let told = ExplicitSystemInfo {
        boot_time_secs: 0,
        ticks_per_second: 100,
        page_size: 4096,
        is_little_endian: cfg!(target_endian = "little"),
    };
    T::from_buf_read(BufReader::new(bytes.as_slice()), &told)
        .map_err(|error| io::Error::other(format!("the table `{name}`: {error}")))
}

/// A kernel without IPv6 has no table of it.
fn if_spoken<T>(table: io::Result<T>) -> io::Result<Option<T>> {
    match table {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        table => table.map(Some),
    }
}

/// The ports that the kernel gives to sockets that ask for none (ip(7)).
fn askers() -> io::Result<RangeInclusive<u16>> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")?;
    let mut ports = text.split_whitespace().map(str::parse);
    match (ports.next(), ports.next()) {
        (Some(Ok(first)), Some(Ok(last))) => Ok(first..=last),
        _ => Err(io::Error::other(format!("ip_local_port_range reads {text:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_is_told_with_its_port_and_who_asks_is_not() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let six = TcpListener::bind(("::1", 0));
        let asks = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        let begun = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let seen = read_here().unwrap();
        assert!(seen.tcp.contains(&listener.local_addr().unwrap()), "{seen:?}");
        if let Ok(six) = six {
            assert!(seen.tcp.contains(&six.local_addr().unwrap()), "{seen:?}");
        }
        assert!(!seen.tcp.contains(&begun.local_addr().unwrap()));
        assert!(seen.connections >= 2, "both ends are here: {seen:?}");
        let asks = asks.local_addr().unwrap();
        assert!(!seen.udp.contains(&asks) && seen.askers.contains(&asks), "{seen:?}");
        assert_eq!(seen.canaries, [true, true]);
    }

    #[test]
    fn a_socket_of_udp_at_a_port_of_its_own_choice_listens_until_it_has_a_peer() {
        let askers = askers().unwrap();
        let place = (1024..*askers.start()).rev().find_map(|port| UdpSocket::bind(("127.0.0.1", port)).ok());
        let socket = place.expect("a port is free");
        let at = socket.local_addr().unwrap();
        assert!(read_here().unwrap().udp.contains(&at));
        socket.connect(("127.0.0.1", 9)).unwrap();
        assert!(!read_here().unwrap().udp.contains(&at));
    }
}
