//! The group's socket and the camera's own.
//!
//! Two, since answers come from the camera's own address, and a socket that is bound to it does not hear the group. The
//! group is joined by the address of a link, so that no route to it is needed, which a namespace may not have.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use crate::onvif::interfaces;

/// The group of WS-Discovery, and its port (section 2.4).
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);
const PORT: u16 = 3702;

/// Both sockets, bound.
#[derive(Debug)]
pub(in crate::onvif) struct Sockets {
    group: UdpSocket,
    own: UdpSocket,
    /// Addresses of the links that have the group.
    links: Vec<Ipv4Addr>,
}

impl Sockets {
    /// Binds both for a camera that serves on `address`; one that serves on all of them joins on every link.
    ///
    /// `None` for an IPv6 address, whose group is not served. Errors: a port is taken, no link can be joined.
    pub(in crate::onvif) fn bind(address: IpAddr) -> io::Result<Option<Self>> {
        let IpAddr::V4(address) = address else { return Ok(None) };
        let links = if address.is_unspecified() { every_link() } else { vec![address] };
        let group = socket(GROUP)?;
        let mut joined = Err(io::Error::other("there is no link to join the group on"));
        for link in &links {
            joined = group.join_multicast_v4(&GROUP, link);
        }
        joined?;
        let own = socket(address)?;
        own.set_multicast_ttl_v4(1)?;
        Ok(Some(Self { group: tokio_socket(group)?, own: tokio_socket(own)?, links }))
    }

    /// Where it may be asked.
    pub(in crate::onvif) fn own(&self) -> io::Result<SocketAddr> {
        self.own.local_addr()
    }

    /// The next datagram that fits into `buffer`, and who sent it.
    pub(super) async fn receive(
        &self,
        buffer: &mut [u8],
        other: &mut [u8],
    ) -> io::Result<(Heard, usize, SocketAddr)> {
        tokio::select! {
            heard = self.group.recv_from(buffer) => heard.map(|(length, peer)| (Heard::Group, length, peer)),
            heard = self.own.recv_from(other) => heard.map(|(length, peer)| (Heard::Own, length, peer)),
        }
    }

    /// Sends to one peer.
    pub(super) async fn answer(&self, text: &str, peer: SocketAddr) -> io::Result<()> {
        self.own.send_to(text.as_bytes(), peer).await.map(drop)
    }

    /// Sends to the group on each link; `text` makes the message for the camera's address there.
    pub(super) async fn announce(&self, text: impl Fn(Ipv4Addr) -> String) -> io::Result<()> {
        for &link in &self.links {
            socket2::SockRef::from(&self.own).set_multicast_if_v4(&link)?;
            self.own.send_to(text(link).as_bytes(), (GROUP, PORT)).await?;
        }
        Ok(())
    }
}

/// On which socket something came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Group,
    Own,
}

/// The address of this machine that a peer is answered from.
pub(super) fn towards(peer: SocketAddr) -> io::Result<IpAddr> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.connect(peer)?;
    socket.local_addr().map(|own| own.ip())
}

fn every_link() -> Vec<Ipv4Addr> {
    let four = |(address, _): (IpAddr, u8)| if let IpAddr::V4(four) = address { Some(four) } else { None };
    // One address of each is enough.
    interfaces::all().into_iter().filter_map(|link| link.addresses.into_iter().find_map(four)).collect()
}

/// Others on this machine may have the group, too.
fn socket(address: Ipv4Addr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // Only the groups that this very socket has joined: none for the camera's own.
    socket.set_multicast_all_v4(false)?;
    socket.bind(&SocketAddrV4::new(address, PORT).into())?;
    Ok(socket)
}

fn tokio_socket(socket: Socket) -> io::Result<UdpSocket> {
    UdpSocket::from_std(socket.into())
}
