//! Which link a namespace's routing takes to an address, by netlink: what `ip route get` says.

use std::net::IpAddr;

use futures_util::TryStreamExt;
use rtnetlink::RouteMessageBuilder;
use rtnetlink::packet_route::route::RouteAttribute;

use super::links::Netlink;
use super::{KernelError, Namespace};
use crate::names::LinkName;

/// The link of each lookup; none where no route leads there.
///
/// Errors: netlink's, with the namespace.
pub async fn lookups(
    namespace: &Namespace,
    to: &[IpAddr],
) -> Result<Vec<(IpAddr, Option<LinkName>)>, KernelError> {
    let netlink = Netlink::open(namespace)?;
    let numbers = netlink.numbers().await?;
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
        let index =
            asked.unwrap_or_default().iter().flat_map(|route| &route.attributes).find_map(|attribute| {
                match attribute {
                    RouteAttribute::Oif(index) => Some(*index),
                    _ => None,
                }
            });
        let link = index.and_then(|index| numbers.iter().find(|(_, number)| **number == index));
        found.push((*address, link.and_then(|(name, _)| name.parse().ok())));
    }
    Ok(found)
}
