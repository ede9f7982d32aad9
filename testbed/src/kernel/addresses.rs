//! The addresses that the links of a namespace have, by netlink.

use std::net::IpAddr;

use futures_util::TryStreamExt;
use ipnet::IpNet;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};

use super::links::Netlink;
use super::{KernelError, Namespace};
use crate::names::LinkName;

/// Every address of these links, in the kernel's order.
///
/// Errors: netlink's, with the namespace.
pub async fn addresses(
    namespace: &Namespace,
    links: &[LinkName],
) -> Result<Vec<(LinkName, IpNet)>, KernelError> {
    let netlink = Netlink::open(namespace)?;
    let numbers = netlink.numbers().await?;
    let asked = netlink.handle().address().get().execute();
    let found: Vec<AddressMessage> = asked.try_collect().await.map_err(|error| KernelError::Netlink {
        operation: "list addresses".into(),
        node: namespace.name().to_owned(),
        cause: error.to_string(),
    })?;
    let link_of = |message: &AddressMessage| {
        links.iter().find(|link| numbers.get(link.as_str()) == Some(&message.header.index))
    };
    Ok(found.iter().filter_map(|message| Some((link_of(message)?.clone(), net(message)?))).collect())
}

fn net(message: &AddressMessage) -> Option<IpNet> {
    // `Local` is the link's own where `Address` is the other end's (point to point); IPv6 has `Address` only
    let of = |wanted: fn(&AddressAttribute) -> Option<IpAddr>| message.attributes.iter().find_map(wanted);
    let address = of(|attribute| match attribute {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    })
    .or_else(|| {
        of(|attribute| match attribute {
            AddressAttribute::Address(address) => Some(*address),
            _ => None,
        })
    });
    IpNet::new(address?, message.header.prefix_len).ok()
}
