//! Datagrams that are led on to wherever their first bytes say, and what comes back (SOCKS 5, RFC 1928, section 7; IPv4, no fragments).

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Among the ports that a kernel gives to whoever asks something, so that it looks like one of those.
pub(super) const PORT: u16 = 47_128;
/// Datagrams beyond these are dropped.
const MOST: usize = 16;
/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// The header: two bytes unused, the fragment's number, the kind of address, an address of IPv4 and a port.
const HEADER: usize = 10;
/// The kind of an address of IPv4.
const IPV4: u8 = 1;

/// Serves until it is dropped.
pub(super) async fn serve(socket: UdpSocket) {
    let (socket, room) = (Arc::new(socket), Arc::new(Semaphore::new(MOST)));
    let (mut served, mut bytes) = (JoinSet::new(), vec![0; 0x1_0000]);
    loop {
        while served.try_join_next().is_some() {}
        let Ok((length, asker)) = socket.recv_from(&mut bytes).await else { continue };
        let Ok(seat) = Arc::clone(&room).try_acquire_owned() else { continue };
        let (asked, socket) = (bytes[..length].to_vec(), Arc::clone(&socket));
        served.spawn(async move {
            if let Err(error) = lead_on(&socket, asker, &asked).await {
                tracing::debug!(%error, "a datagram was not led on");
            }
            drop(seat);
        });
    }
}

/// One datagram there, and its answer back with the same header.
async fn lead_on(socket: &UdpSocket, asker: SocketAddr, asked: &[u8]) -> io::Result<()> {
    let Some((place, data)) = place(asked) else { return Err(io::ErrorKind::InvalidData.into()) };
    let onward = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
    onward.connect(place).await?;
    onward.send(data).await?;
    let mut answer = asked[..HEADER].to_vec();
    timeout(PATIENCE, onward.recv_buf(&mut answer)).await??;
    socket.send_to(&answer, asker).await.map(drop)
}

/// Where a datagram wants to go, and what it takes there.
fn place(asked: &[u8]) -> Option<(SocketAddrV4, &[u8])> {
    let (header, data) = asked.split_at_checked(HEADER)?;
    let [0, 0, 0, IPV4, a, b, c, d, high, low] = *header else { return None };
    Some((SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low])), data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_datagram_is_led_on_and_its_answer_comes_back_and_others_are_dropped() {
        let beyond = UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
        let SocketAddr::V4(place) = beyond.local_addr().unwrap() else { panic!("IPv4 was asked for") };
        let relay = UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
        let at = relay.local_addr().unwrap();
        tokio::spawn(serve(relay));
        let asker = UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
        let mut header = vec![0, 0, 0, IPV4];
        header.extend(place.ip().octets());
        header.extend(place.port().to_be_bytes());
        let fragment = [&[0, 0, 1], &header[3..], b"part"].concat();
        for bytes in [&header[..9], fragment.as_slice(), &[header.as_slice(), b"ping"].concat()] {
            asker.send_to(bytes, at).await.unwrap();
        }
        let mut said = [0; 64];
        let (length, from) = timeout(PATIENCE, beyond.recv_from(&mut said)).await.unwrap().unwrap();
        assert_eq!(&said[..length], b"ping", "the first that can be led on");
        beyond.send_to(b"pong", from).await.unwrap();
        let (length, from) = timeout(PATIENCE, asker.recv_from(&mut said)).await.unwrap().unwrap();
        assert_eq!((from, &said[..length]), (at, [header.as_slice(), b"pong"].concat().as_slice()));
    }
}
