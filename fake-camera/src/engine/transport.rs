//! How frames may travel: interleaved in the RTSP connection, by UDP, by UDP to a group.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;

use gst_rtsp_server::prelude::*;
use gst_rtsp_server::{RTSP_ADDRESS_POOL_ANY_IPV4, RTSP_ADDRESS_POOL_ANY_IPV6, RTSPAddressPool, gst_rtsp};
use gstreamer_rtsp_server as gst_rtsp_server;
use nix::sys::socket::SockaddrStorage;

use super::Error;

/// What a camera offers; a client that asks for anything else is refused with status 461.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transports {
    /// RTP in the RTSP connection itself (RFC 2326, section 10.12).
    pub tcp: bool,
    /// RTP by UDP to each client.
    pub udp: bool,
    /// Ports that RTP and RTCP by UDP leave from, two for each client, the first even; any if absent.
    pub udp_ports: Option<RangeInclusive<u16>>,
    /// RTP by UDP to a group, one for all clients.
    pub multicast: Option<Group>,
}

/// Where frames of a camera's multicast go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// Address of the group, and the port of the main stream's RTP, even; RTCP has the next one, and each further stream
    /// the two after it.
    pub socket: SocketAddr,
    /// How many routers frames may pass, 1 to 255: 1 keeps them in the segment.
    pub ttl: u8,
}

impl Default for Transports {
    /// Interleaved alone: what the documented rule for port 554 lets through.
    fn default() -> Self {
        Self { tcp: true, udp: false, udp_ports: None, multicast: None }
    }
}

impl Group {
    /// The group of the camera with this number: of the range that sites give out themselves (RFC 2365, section 6.1).
    pub fn of(camera: u32) -> Self {
        let [.., high, low] = camera.to_be_bytes();
        Self { socket: SocketAddr::new(Ipv4Addr::new(239, 255, high, low).into(), 5004), ttl: 1 }
    }

    /// The group's ports for the camera's stream of this number.
    fn ports(&self, stream: u8) -> Option<(u16, u16)> {
        let first = self.socket.port().checked_add(u16::from(stream) * 2)?;
        Some((first, first.checked_add(1)?))
    }
}

/// The link that has this address; `None` for the address that stands for all, and if nobody has it.
pub(super) fn link_of(address: IpAddr) -> Option<String> {
    let has = |storage: &SockaddrStorage| match address {
        IpAddr::V4(own) => storage.as_sockaddr_in().is_some_and(|four| four.ip() == own),
        IpAddr::V6(own) => storage.as_sockaddr_in6().is_some_and(|six| six.ip() == own),
    };
    let mut links = nix::ifaddrs::getifaddrs().ok()?;
    links.find(|link| link.address.as_ref().is_some_and(has)).map(|link| link.interface_name)
}

impl Transports {
    /// What clients may choose from where every client has frames of its own; `None` if there is no such way.
    pub(super) fn unicast(&self) -> Option<gst_rtsp::RTSPLowerTrans> {
        use gst_rtsp::RTSPLowerTrans as Way;
        let mut ways = Way::empty();
        ways.set(Way::TCP, self.tcp);
        ways.set(Way::UDP, self.udp);
        (!ways.is_empty()).then_some(ways)
    }

    /// The ports that may be sent from, where they are given.
    ///
    /// Errors: they are no range of which a pair could be taken.
    pub(super) fn unicast_pool(&self, listen: IpAddr) -> Result<Option<RTSPAddressPool>, Error> {
        let Some(ports) = &self.udp_ports else { return Ok(None) };
        let any = if listen.is_ipv4() { RTSP_ADDRESS_POOL_ANY_IPV4 } else { RTSP_ADDRESS_POOL_ANY_IPV6 };
        pool(any, (*ports.start(), *ports.end()), 0).map(Some)
    }

    /// The group's address and ports for a stream; `None` without multicast.
    ///
    /// Errors: the address is no group's, or the ports end before the stream.
    pub(super) fn group_pool(&self, stream: u8) -> Result<Option<RTSPAddressPool>, Error> {
        let Some(group) = self.multicast else { return Ok(None) };
        let wrong = |what: &str| Error::Server(format!("{what}: {}", group.socket));
        if !group.socket.ip().is_multicast() {
            return Err(wrong("frames for all cannot go to what is no multicast address"));
        }
        let ports = group.ports(stream).ok_or_else(|| wrong("no port is left for a further stream"))?;
        pool(&group.socket.ip().to_string(), ports, group.ttl).map(Some)
    }
}

fn pool(address: &str, (first, last): (u16, u16), ttl: u8) -> Result<RTSPAddressPool, Error> {
    if !first.is_multiple_of(2) || last <= first {
        let text =
            format!("ports {first} to {last} are no pairs: the first must be even, the last behind it");
        return Err(Error::Server(text));
    }
    let pool = RTSPAddressPool::new();
    pool.add_range(address, address, first, last, ttl)
        .map_err(|error| Error::Server(format!("{address}, ports {first} to {last}: {error}")))?;
    Ok(pool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_camera_has_a_group_and_each_stream_two_ports() {
        let group = Group::of(0x0102);
        assert_eq!(group.socket.to_string(), "239.255.1.2:5004");
        assert_eq!((group.ports(0), group.ports(3)), (Some((5004, 5005)), Some((5010, 5011))));
        let last = Group { socket: "239.255.1.2:65534".parse().unwrap(), ttl: 1 };
        assert_eq!((last.ports(0), last.ports(1)), (Some((65534, 65535)), None));
    }

    #[test]
    fn a_link_is_known_by_its_address() {
        assert_eq!(link_of("127.0.0.1".parse().unwrap()).as_deref(), Some("lo"));
        for nobodys in ["0.0.0.0", "::", "192.0.2.1"] {
            assert_eq!(link_of(nobodys.parse().unwrap()), None);
        }
    }

    #[test]
    fn ranges_without_a_pair_and_addresses_that_are_no_groups_are_refused() {
        gstreamer::init().unwrap();
        let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        for (ports, fits) in [(5000..=5001, true), (5000..=5000, false), (5001..=5010, false)] {
            let transports = Transports { udp: true, udp_ports: Some(ports), ..Transports::default() };
            assert_eq!(transports.unicast_pool(any).is_ok(), fits, "{transports:?}");
        }
        let group = Group { socket: "10.0.0.1:5004".parse().unwrap(), ttl: 1 };
        let transports = Transports { multicast: Some(group), ..Transports::default() };
        assert!(matches!(transports.group_pool(0), Err(Error::Server(_))));
    }
}
