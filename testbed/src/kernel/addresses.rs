//! The addresses that the links of a namespace have, and one more for a while, by netlink.

use std::net::IpAddr;

use futures_util::TryStreamExt;
use ipnet::IpNet;
use rtnetlink::packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage};

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

/// Gives a link one address more, alone in its subnet, which it answers for at once.
///
/// Errors: netlink's, with the namespace.
pub async fn add_address(namespace: &Namespace, link: &LinkName, address: IpAddr) -> Result<(), KernelError> {
    let netlink = Netlink::open(namespace)?;
    let number = netlink.numbers().await?.get(link.as_str()).copied().unwrap_or_default();
    let mut request = netlink.handle().address().add(number, address, whole(address));
    // Without it IPv6 answers for an address a moment later only, whatever `accept_dad` says.
    request.message_mut().header.flags |= AddressHeaderFlags::Nodad;
    let added = request.execute().await;
    added.map_err(netlink.failed(format!("add {address} to {link}")))
}

/// Takes that away again; nothing where it is not there.
///
/// Errors: netlink's, with the namespace.
pub async fn remove_address(
    namespace: &Namespace,
    link: &LinkName,
    address: IpAddr,
) -> Result<(), KernelError> {
    let netlink = Netlink::open(namespace)?;
    let number = netlink.numbers().await?.get(link.as_str()).copied().unwrap_or_default();
    let addresses = netlink.handle().address();
    let asked = addresses.get().set_link_index_filter(number).execute();
    let found: Vec<AddressMessage> = asked.try_collect().await.map_err(netlink.failed("list addresses"))?;
    let alone = IpNet::new(address, whole(address)).ok();
    for message in found.into_iter().filter(|message| net(message) == alone) {
        let removed = addresses.del(message).execute().await;
        removed.map_err(netlink.failed(format!("remove {address} from {link}")))?;
    }
    Ok(())
}

/// The prefix of an address that is alone in its subnet.
fn whole(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
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
