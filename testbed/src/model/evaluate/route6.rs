//! What Linux decides about an IPv6 packet, before `prerouting` and behind it (`ip6_rcv_core`, `ip6_route_input`,
//! `ip6_forward`).

use std::net::Ipv6Addr;

use super::super::outcome::Kernel;
use super::super::routes::{NoWay, Place, Tables, is_link_local};
use super::Device;
use super::route4::Decision;

/// What no rule of the IP families ever sees.
pub(super) fn refused(
    device: &Device<'_>,
    source: Ipv6Addr,
    destination: Ipv6Addr,
    link: &str,
) -> Option<Kernel> {
    if device.without_6(link) {
        return Some(Kernel::NoIpv6);
    }
    if source.is_loopback() || source.is_multicast() {
        return Some(Kernel::MartianSource);
    }
    // Scopes 0 and 1 of groups never leave a node (RFC 4291, section 2.7).
    let kept = destination.is_multicast() && destination.segments()[0] & 0xf <= 1;
    (destination.is_loopback() || kept).then_some(Kernel::MartianDestination)
}

/// What is decided behind `prerouting`.
pub(super) fn decide<'a>(
    device: &Device<'a>,
    source: Ipv6Addr,
    destination: Ipv6Addr,
    link: &str,
) -> Decision<'a> {
    let tables = Tables::of(device.node);
    match tables.place(destination.into()) {
        Place::Own(_) | Place::Anycast(_) => return Decision::Local,
        Place::Multicast => return Decision::Group,
        Place::Depends | Place::Broadcast(_) => {
            return Decision::Unknown("an address of no known kind".into());
        }
        Place::Unicast => (),
    }
    if is_link_local(destination.into()) {
        return Decision::Unknown("a link-local address of somebody else".into());
    }
    let way = match tables.way(source.into(), destination.into(), None) {
        Ok(way) => way,
        Err(NoWay::NoRoute) => return Decision::Drop(Kernel::NoRoute),
        Err(NoWay::Ambiguous(text)) => return Decision::Unknown(text),
    };
    if !device.forwards6() {
        return Decision::Drop(Kernel::NotForwarding);
    }
    // What goes back where it came from is only redirected.
    let back = way.link.name.as_str() == link;
    if source.is_unspecified() && !back {
        return Decision::Drop(Kernel::MartianSource);
    }
    if is_link_local(source.into()) && !back {
        return Decision::Drop(Kernel::LinkLocalSource);
    }
    Decision::Forward(way)
}
