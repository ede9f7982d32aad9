//! A camera that takes another address: its port has that one from then on, and the old one no more.
//!
//! Routes that somebody has set go with the last address of a port; they are given back.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use futures_util::TryStreamExt;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};
use rtnetlink::packet_route::route::{
    RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteProtocol, RouteType,
};
use rtnetlink::{Handle, RouteMessageBuilder};

/// Gives the port of `from` the address `to` in its place, with the same prefix.
///
/// Errors: no port has `from`; the kernel refuses, mostly since this process may not do that.
pub(crate) async fn change(from: Ipv4Addr, to: Ipv4Addr) -> io::Result<()> {
    let (connection, handle, _) = rtnetlink::new_connection()?;
    let connection = tokio::spawn(connection);
    let changed = exchange(&handle, from, to).await;
    connection.abort();
    changed
}

async fn exchange(handle: &Handle, from: Ipv4Addr, to: Ipv4Addr) -> io::Result<()> {
    let all: Vec<_> = handle.address().get().execute().try_collect().await.map_err(io::Error::other)?;
    let old = all.into_iter().find(|one| has(one, from));
    let old =
        old.ok_or_else(|| io::Error::new(io::ErrorKind::AddrNotAvailable, format!("no port has {from}")))?;
    let (port, prefix) = (old.header.index, old.header.prefix_len);
    let routes = routes(handle, port).await?;
    handle.address().del(old).execute().await.map_err(io::Error::other)?;
    handle.address().add(port, to.into(), prefix).execute().await.map_err(io::Error::other)?;
    for route in routes {
        handle.route().add(route).replace().execute().await.map_err(io::Error::other)?;
    }
    Ok(())
}

fn has(message: &AddressMessage, address: Ipv4Addr) -> bool {
    message.attributes.contains(&AddressAttribute::Local(IpAddr::V4(address)))
}

/// Routes of the main table over a port that somebody has set: those to its own network come with its addresses.
async fn routes(handle: &Handle, port: u32) -> io::Result<Vec<RouteMessage>> {
    let all = handle.route().get(RouteMessageBuilder::<Ipv4Addr>::new().build()).execute();
    let all: Vec<_> = all.try_collect().await.map_err(io::Error::other)?;
    let is_set = |route: &RouteMessage| {
        route.header.table == RouteHeader::RT_TABLE_MAIN
            && route.header.kind == RouteType::Unicast
            && !matches!(route.header.protocol, RouteProtocol::Kernel)
            && route.attributes.contains(&RouteAttribute::Oif(port))
    };
    Ok(all.into_iter().filter(is_set).map(plain).collect())
}

/// A route without what the kernel says about its state, and without the address that goes.
fn plain(mut route: RouteMessage) -> RouteMessage {
    route.header.flags &= RouteFlags::Onlink;
    let states =
        |one: &RouteAttribute| matches!(one, RouteAttribute::CacheInfo(_) | RouteAttribute::PrefSource(_));
    route.attributes.retain(|one| !states(one));
    route
}
