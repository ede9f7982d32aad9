//! Links, addresses and routes of this network, by netlink.

use std::fmt::Display;

use futures_util::StreamExt;
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use netlink_packet_core::NetlinkPayload;
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage, AddressScope};
use rtnetlink::packet_route::link::{LinkAttribute, LinkMessage};
use rtnetlink::packet_route::route::{
    RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteProtocol, RouteType,
};
use rtnetlink::{Handle, LinkMessageBuilder, LinkUnspec, MulticastGroup, RouteMessageBuilder};

use super::Error;

/// A port as it is now.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) name: String,
    number: u32,
    /// Its Ethernet address.
    pub(super) mac: Vec<u8>,
    /// Whether the other end of its cable is there.
    pub(super) carrier: bool,
}

/// What was taken from a port.
pub(super) struct Taken {
    pub(super) addresses: Vec<AddressMessage>,
    routes: Vec<RouteMessage>,
}

/// The network that this process is in.
pub(super) struct Links {
    handle: Handle,
}

fn failed<E: Display>(what: impl Into<String>) -> impl FnOnce(E) -> Error {
    let what = what.into();
    move |cause| Error::Kernel { what, cause: cause.to_string() }
}

impl Links {
    /// Connects; the stream gives something whenever a link changes. Called within a tokio runtime.
    pub(super) fn open() -> Result<(Links, BoxStream<'static, ()>), Error> {
        let (connection, handle, messages) = rtnetlink::new_multicast_connection(&[MulticastGroup::Link])
            .map_err(failed("listen for changes of links"))?;
        tokio::spawn(connection);
        let changes = messages.filter_map(async |(message, _)| {
            matches!(
                message.payload,
                NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(_)) | NetlinkPayload::Overrun(_)
            )
            .then_some(())
        });
        Ok((Links { handle }, changes.boxed()))
    }

    pub(super) async fn find(&self, name: &str) -> Result<Link, Error> {
        let mut found = self.handle.link().get().match_name(name).execute();
        let found = found.try_next().await.map_err(failed(format!("find the port {name}")))?;
        let message = found.ok_or_else(|| failed(format!("find the port {name}"))("it is not there"))?;
        Ok(read(name, &message))
    }

    pub(super) async fn set_mac(&self, link: &Link, mac: &[u8]) -> Result<(), Error> {
        let mut message = LinkMessageBuilder::<LinkUnspec>::new().index(link.number).build();
        message.attributes.push(LinkAttribute::Address(mac.to_vec()));
        let set = self.handle.link().set(message).execute().await;
        set.map_err(failed(format!("set the Ethernet address of {}", link.name)))
    }

    /// Takes all routes and addresses from a port, but what the kernel makes by itself.
    pub(super) async fn take(&self, link: &Link) -> Result<Taken, Error> {
        let taken = Taken { addresses: self.addresses(link).await?, routes: self.routes(link).await? };
        for route in &taken.routes {
            let gone = self.handle.route().del(route.clone()).execute().await;
            gone.map_err(failed(format!("take a route from {}", link.name)))?;
        }
        for address in &taken.addresses {
            let gone = self.handle.address().del(address.clone()).execute().await;
            gone.map_err(failed(format!("take an address from {}", link.name)))?;
        }
        Ok(taken)
    }

    /// Gives a port what was taken from another one.
    pub(super) async fn give(&self, link: &Link, taken: &Taken) -> Result<(), Error> {
        for address in &taken.addresses {
            let mut request = self.handle.address().add(link.number, [0; 4].into(), 0).replace();
            *request.message_mut() = at(address, link.number);
            request.execute().await.map_err(failed(format!("give an address to {}", link.name)))?;
        }
        for route in &taken.routes {
            let request = self.handle.route().add(over(route, link.number)).replace();
            request.execute().await.map_err(failed(format!("give a route to {}", link.name)))?;
        }
        Ok(())
    }

    async fn addresses(&self, link: &Link) -> Result<Vec<AddressMessage>, Error> {
        let all = self.handle.address().get().set_link_index_filter(link.number).execute();
        let all: Vec<_> = all.try_collect().await.map_err(failed("list addresses"))?;
        Ok(all.into_iter().filter(|one| one.header.scope == AddressScope::Universe).collect())
    }

    async fn routes(&self, link: &Link) -> Result<Vec<RouteMessage>, Error> {
        let mut routes = Vec::new();
        let families = [
            RouteMessageBuilder::<std::net::Ipv4Addr>::new().build(),
            RouteMessageBuilder::<std::net::Ipv6Addr>::new().build(),
        ];
        for family in families {
            let all = self.handle.route().get(family).execute();
            let all: Vec<_> = all.try_collect().await.map_err(failed("list routes"))?;
            routes.extend(all.into_iter().filter(|route| leads_over(route, link.number)));
        }
        Ok(routes)
    }
}

fn read(name: &str, message: &LinkMessage) -> Link {
    let mut link =
        Link { name: name.to_owned(), number: message.header.index, mac: Vec::new(), carrier: false };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::Address(mac) => link.mac.clone_from(mac),
            LinkAttribute::Carrier(carrier) => link.carrier = *carrier != 0,
            _ => {}
        }
    }
    link
}

/// Routes of the main table that somebody has set: those to a port's own networks come with its addresses.
fn leads_over(route: &RouteMessage, number: u32) -> bool {
    route.header.table == RouteHeader::RT_TABLE_MAIN
        && route.header.kind == RouteType::Unicast
        && matches!(route.header.protocol, RouteProtocol::Boot | RouteProtocol::Static | RouteProtocol::Dhcp)
        && route.attributes.contains(&RouteAttribute::Oif(number))
}

/// The address at another port. How long it is good for is left to whoever keeps it.
fn at(address: &AddressMessage, number: u32) -> AddressMessage {
    let mut moved = address.clone();
    moved.header.index = number;
    let kept = |one: &AddressAttribute| {
        matches!(
            one,
            AddressAttribute::Address(_) | AddressAttribute::Local(_) | AddressAttribute::Broadcast(_)
        )
    };
    moved.attributes.retain(kept);
    moved
}

/// The route over another port, without what the kernel says about its state.
fn over(route: &RouteMessage, number: u32) -> RouteMessage {
    let mut moved = route.clone();
    moved.header.flags = route.header.flags & RouteFlags::Onlink;
    moved.attributes.retain(|one| !matches!(one, RouteAttribute::CacheInfo(_) | RouteAttribute::Oif(_)));
    moved.attributes.push(RouteAttribute::Oif(number));
    moved
}
