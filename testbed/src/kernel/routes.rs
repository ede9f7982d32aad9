//! Which way a namespace's routing takes to an address, by netlink: what `ip route get` says.

use std::net::IpAddr;

use futures_util::TryStreamExt;
use rtnetlink::RouteMessageBuilder;
use rtnetlink::packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteProtocol};

use super::links::Netlink;
use super::{KernelError, Namespace};
use crate::names::LinkName;

/// An IPv4 route whose next hop a redirect has named (`RTCF_REDIRECTED`, include/uapi/linux/in_route.h).
const REDIRECTED: u32 = 0x0004_0000;

/// Where a lookup led.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Led {
    /// Out of this link; none where no route leads there.
    pub link: Option<LinkName>,
    /// To this next hop; none: straight to the address.
    pub via: Option<IpAddr>,
    /// Whether an ICMP redirect has named it.
    pub redirected: bool,
}

/// Each lookup; exceptions of routes that redirects have made count as they do for a packet.
///
/// Errors: netlink's, with the namespace.
pub async fn lookups(namespace: &Namespace, to: &[IpAddr]) -> Result<Vec<(IpAddr, Led)>, KernelError> {
    let netlink = Netlink::open(namespace)?;
    let numbers = netlink.numbers().await?;
    let name = |index: u32| numbers.iter().find(|(_, number)| **number == index)?.0.parse().ok();
    let mut found = Vec::new();
    for address in to {
        let message = match address {
            IpAddr::V4(one) => {
                RouteMessageBuilder::<std::net::Ipv4Addr>::new().destination_prefix(*one, 32).build()
            }
            IpAddr::V6(one) => {
                RouteMessageBuilder::<std::net::Ipv6Addr>::new().destination_prefix(*one, 128).build()
            }
        };
        let asked: Result<Vec<_>, _> = netlink.handle().route().get(message).execute().try_collect().await;
        // "Network is unreachable" is an answer, too.
        let asked = asked.unwrap_or_default();
        found.push((*address, asked.first().map(|route| led(route, &name)).unwrap_or_default()));
    }
    Ok(found)
}

fn led(route: &RouteMessage, name: &impl Fn(u32) -> Option<LinkName>) -> Led {
    let mut led = Led::default();
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Oif(index) => led.link = name(*index),
            RouteAttribute::Gateway(RouteAddress::Inet(via)) => led.via = Some((*via).into()),
            RouteAttribute::Gateway(RouteAddress::Inet6(via)) => led.via = Some((*via).into()),
            _ => {}
        }
    }
    led.redirected =
        route.header.flags.bits() & REDIRECTED != 0 || route.header.protocol == RouteProtocol::IcmpRedirect;
    led
}

#[cfg(test)]
mod tests {
    use rtnetlink::packet_route::route::RouteFlags;

    use super::*;

    #[test]
    fn a_route_is_read_and_whether_a_redirect_has_changed_it() {
        let mut route = RouteMessage::default();
        let name = |index: u32| format!("eth{index}").parse().ok();
        assert_eq!(led(&route, &name), Led::default());
        let gateway = std::net::Ipv4Addr::new(10, 40, 0, 1);
        route.attributes = vec![RouteAttribute::Oif(3), RouteAttribute::Gateway(RouteAddress::Inet(gateway))];
        let meant = Led { link: "eth3".parse().ok(), via: Some(gateway.into()), redirected: false };
        assert_eq!(led(&route, &name), meant);
        route.header.flags = RouteFlags::from_bits_retain(REDIRECTED | 0x200);
        assert!(led(&route, &name).redirected);
        route.header.flags = RouteFlags::default();
        route.header.protocol = RouteProtocol::IcmpRedirect;
        assert!(led(&route, &name).redirected);
    }
}
