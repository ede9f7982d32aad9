//! The group's socket and the camera's own.
//!
//! Two, since answers come from the camera's own address, and a socket that is bound to it does not hear the group. The
//! group is joined by a link (of IPv4 by its address, of IPv6 by its number), so that no route to it is needed, which a namespace may
//! not have.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use crate::onvif::interfaces;

/// The groups of WS-Discovery, and their port (section 2.4); that of IPv6 is one of a link.
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);
const GROUP_OF_SIX: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xc);
const PORT: u16 = 3702;

/// Both sockets, bound.
#[derive(Debug)]
pub(in crate::onvif) struct Sockets {
    group: UdpSocket,
    own: UdpSocket,
    links: Links,
}

/// The links that have the group.
#[derive(Debug)]
enum Links {
    /// Addresses of theirs.
    Four(Vec<Ipv4Addr>),
    /// The one, by the kernel's number, with the address.
    Six(u32, Ipv6Addr),
}

impl Sockets {
    /// Binds both for a camera that serves on `address`; one that serves on all addresses of IPv4 joins on every link.
    ///
    /// `None` for one that serves on all of IPv6: its group is one of a link. Errors: a port is taken, no link can be joined.
    pub(in crate::onvif) fn bind(address: IpAddr) -> io::Result<Option<Self>> {
        match address {
            IpAddr::V4(address) => Self::of_four(address).map(Some),
            IpAddr::V6(address) if address.is_unspecified() => Ok(None),
            IpAddr::V6(address) => Self::of_six(address).map(Some),
        }
    }

    fn of_four(address: Ipv4Addr) -> io::Result<Self> {
        let links = if address.is_unspecified() { every_link() } else { vec![address] };
        let group = socket(SocketAddrV4::new(GROUP, PORT).into())?;
        let mut joined = Err(no_link());
        for link in &links {
            joined = group.join_multicast_v4(&GROUP, link);
        }
        joined?;
        let own = socket(SocketAddrV4::new(address, PORT).into())?;
        own.set_multicast_ttl_v4(1)?;
        Ok(Self { group: tokio_socket(group)?, own: tokio_socket(own)?, links: Links::Four(links) })
    }

    fn of_six(address: Ipv6Addr) -> io::Result<Self> {
        let link = interfaces::index_of(address.into()).ok_or_else(no_link)?;
        let group = socket(SocketAddrV6::new(GROUP_OF_SIX, PORT, 0, link).into())?;
        group.join_multicast_v6(&GROUP_OF_SIX, link)?;
        let scope = if address.is_unicast_link_local() { link } else { 0 };
        let own = socket(SocketAddrV6::new(address, PORT, 0, scope).into())?;
        own.set_multicast_if_v6(link)?;
        own.set_multicast_hops_v6(1)?;
        Ok(Self { group: tokio_socket(group)?, own: tokio_socket(own)?, links: Links::Six(link, address) })
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
    pub(super) async fn announce(&self, text: impl Fn(IpAddr) -> String) -> io::Result<()> {
        match &self.links {
            Links::Four(links) => {
                for &link in links {
                    socket2::SockRef::from(&self.own).set_multicast_if_v4(&link)?;
                    self.own.send_to(text(link.into()).as_bytes(), (GROUP, PORT)).await?;
                }
            }
            Links::Six(link, address) => {
                let group = SocketAddrV6::new(GROUP_OF_SIX, PORT, 0, *link);
                self.own.send_to(text((*address).into()).as_bytes(), group).await?;
            }
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

fn no_link() -> io::Error {
    io::Error::other("there is no link to join the group on")
}

/// Others on this machine may have the group, too.
fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // Only the groups that this very socket has joined: none for the camera's own.
    if address.is_ipv4() {
        socket.set_multicast_all_v4(false)?;
    } else {
        socket.set_only_v6(true)?;
        socket.set_multicast_all_v6(false)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

fn tokio_socket(socket: Socket) -> io::Result<UdpSocket> {
    UdpSocket::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_camera_of_ip6_is_asked_at_its_own_address_and_answers_from_there() {
        let own = IpAddr::V6(Ipv6Addr::LOCALHOST);
        if interfaces::index_of(own).is_none() {
            return; // nobody speaks IPv6 here
        }
        let sockets = Sockets::bind(own).unwrap().unwrap();
        assert_eq!(sockets.own().unwrap(), SocketAddr::new(own, PORT));
        let group = SocketAddrV6::new(GROUP_OF_SIX, PORT, 0, interfaces::index_of(own).unwrap());
        assert_eq!(sockets.group.local_addr().unwrap(), group.into());
        let asker = UdpSocket::bind((own, 0)).await.unwrap();
        asker.send_to(b"who", (own, PORT)).await.unwrap();
        let (mut of_group, mut of_own) = ([0; 16], [0; 16]);
        let (heard, length, peer) = sockets.receive(&mut of_group, &mut of_own).await.unwrap();
        assert_eq!((heard, &of_own[..length]), (Heard::Own, &b"who"[..]));
        assert_eq!(peer, asker.local_addr().unwrap());
        sockets.answer("me", peer).await.unwrap();
        let (length, from) = asker.recv_from(&mut of_own).await.unwrap();
        assert_eq!((&of_own[..length], from), (&b"me"[..], SocketAddr::new(own, PORT)));
    }

    #[tokio::test]
    async fn the_group_of_ip6_is_one_of_a_link_with_the_address() {
        assert!(Sockets::bind(Ipv6Addr::UNSPECIFIED.into()).unwrap().is_none());
        let nobodys = Sockets::bind("2001:db8::77".parse().unwrap()).unwrap_err();
        assert_eq!(nobodys.to_string(), "there is no link to join the group on");
    }
}
