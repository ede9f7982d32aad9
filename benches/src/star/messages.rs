//! What the kernel is told to make a star: links, forwarding table, addresses, routes, neighbours, as netlink messages.

use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;

use super::{MOST_HOSTS, Node};
use crate::netlink::{Batch, Bytes, CHANGE, CREATE, NEW_ADDRESS, NEW_LINK, NEW_NEIGHBOUR, NEW_ROUTE};

pub(super) const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const ROUTER_TO_SERVER: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 1);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 2);

const LOOPBACK: u32 = 1;
const BRIDGE: u32 = 2;
/// Interface of a host, of the server, and of the router in the bridge.
const FIRST: u32 = 2;
/// The router's second interface.
const SECOND: u32 = 3;
/// Number of the first bridge port; the interfaces in the bridge's namespace are numbered by us.
const PORTS_FROM: u32 = 10;

const UP: u32 = 1;
const FAMILY_INET: u8 = 2;
const FAMILY_BRIDGE: u8 = 7;

mod attribute {
    //! Attribute numbers of `linux/if_link.h`, `if_addr.h`, `rtnetlink.h`, `neighbour.h`, `veth.h`.
    pub(super) const LINK_ADDRESS: u16 = 1;
    pub(super) const LINK_NAME: u16 = 3;
    pub(super) const LINK_MASTER: u16 = 10;
    pub(super) const LINK_INFO: u16 = 18;
    pub(super) const LINK_NAMESPACE: u16 = 28;
    pub(super) const INFO_KIND: u16 = 1;
    pub(super) const INFO_DATA: u16 = 2;
    pub(super) const VETH_PEER: u16 = 1;
    pub(super) const BRIDGE_FORWARD_DELAY: u16 = 1;
    pub(super) const BRIDGE_STP: u16 = 5;
    pub(super) const BRIDGE_SNOOPING: u16 = 23;
    pub(super) const ADDRESS_LOCAL: u16 = 2;
    pub(super) const ROUTE_GATEWAY: u16 = 5;
    pub(super) const NEIGHBOUR_ADDRESS: u16 = 1;
    pub(super) const NEIGHBOUR_LINK_ADDRESS: u16 = 2;
}

/// Hosts begin at 10.77.0.10.
fn host_address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 77, 0, 10)) + number)
}

/// The address of what is on the bridge's port of this number: the hosts in their order, then the router.
fn link_address(port: u32) -> [u8; 6] {
    let [a, b, c, d] = port.to_be_bytes();
    [0x02, 0x77, a, b, c, d]
}

/// `struct ifinfomsg`: the interface of this number, and which of its flags shall be what.
fn interface(bytes: &mut Bytes, index: u32, flags: u32) {
    bytes.raw(&[0; 4]);
    for field in [index, flags, flags] {
        bytes.raw(&field.to_ne_bytes());
    }
}

/// The bridge, and a link for each of the nodes: made where it is to be, under its last name, never moved. The far
/// end cannot be up in the same message, since neither end knows the other yet.
pub(super) fn links(nodes: &[Node]) -> Batch {
    use attribute as a;
    let mut batch = Batch::default();
    batch.add(NEW_LINK, CREATE, |link| {
        interface(link, BRIDGE, UP);
        link.text(a::LINK_NAME, "bridge").nest(a::LINK_INFO, |info| {
            info.text(a::INFO_KIND, "bridge").nest(a::INFO_DATA, |data| {
                data.number(a::BRIDGE_FORWARD_DELAY, 0).number(a::BRIDGE_STP, 0);
                data.attribute(a::BRIDGE_SNOOPING, &[0]);
            });
        });
    });
    for (port, node) in (0..).zip(nodes) {
        batch.add(NEW_LINK, CREATE, |link| {
            interface(link, PORTS_FROM + port, UP);
            link.text(a::LINK_NAME, &format!("port{port}")).number(a::LINK_MASTER, BRIDGE);
            veth_to(link, node, link_address(port));
        });
    }
    batch
}

/// Makes the link being described a veth pair, with its far end as `eth0` in the node.
fn veth_to(link: &mut Bytes, node: &Node, address: [u8; 6]) {
    use attribute as a;
    let namespace = u32::try_from(node.namespace.as_raw_fd()).expect("an open file's number is not negative");
    link.nest(a::LINK_INFO, |info| {
        info.text(a::INFO_KIND, "veth").nest(a::INFO_DATA, |data| {
            data.nest(a::VETH_PEER, |peer| {
                interface(peer, FIRST, 0);
                peer.text(a::LINK_NAME, "eth0").attribute(a::LINK_ADDRESS, &address);
                peer.number(a::LINK_NAMESPACE, namespace);
            });
        });
    });
}

pub(super) fn router_links(server: &Node) -> Batch {
    let mut batch = Batch::default();
    batch.add(NEW_LINK, CREATE, |link| {
        interface(link, SECOND, UP);
        link.text(attribute::LINK_NAME, "eth1");
        veth_to(link, server, link_address(MOST_HOSTS + 1));
    });
    batch
}

/// Tells the bridge who is behind each of its ports.
pub(super) fn forwarding(ports: u32) -> Batch {
    let mut batch = Batch::default();
    for port in 0..ports {
        batch.add(NEW_NEIGHBOUR, CREATE, |entry| {
            const FOR_BRIDGE: u8 = 0x04; // NTF_MASTER
            const FIXED: u16 = 0x40; // NUD_NOARP
            neighbour_header(entry, FAMILY_BRIDGE, PORTS_FROM + port, FIXED, FOR_BRIDGE);
            entry.attribute(attribute::NEIGHBOUR_LINK_ADDRESS, &link_address(port));
        });
    }
    batch
}

/// `struct ndmsg`
fn neighbour_header(bytes: &mut Bytes, family: u8, index: u32, state: u16, flags: u8) {
    bytes.raw(&[family, 0, 0, 0]).raw(&index.to_ne_bytes());
    let [low, high] = state.to_ne_bytes();
    bytes.raw(&[low, high, flags, 0]);
}

fn put_up(batch: &mut Batch, index: u32) {
    batch.add(NEW_LINK, CHANGE, |link| interface(link, index, UP));
}

fn give_address(batch: &mut Batch, index: u32, address: Ipv4Addr, prefix: u8) {
    batch.add(NEW_ADDRESS, CREATE, |message| {
        message.raw(&[FAMILY_INET, prefix, 0, 0]).raw(&index.to_ne_bytes());
        message.attribute(attribute::ADDRESS_LOCAL, &address.octets());
    });
}

fn route_all_by(batch: &mut Batch, gateway: Ipv4Addr) {
    batch.add(NEW_ROUTE, CREATE, |route| {
        const MAIN: u8 = 254;
        const BY_HAND: u8 = 4; // RTPROT_STATIC
        const UNICAST: u8 = 1;
        route.raw(&[FAMILY_INET, 0, 0, 0]).raw(&[MAIN, BY_HAND, 0, UNICAST]).raw(&[0; 4]);
        route.attribute(attribute::ROUTE_GATEWAY, &gateway.octets());
    });
}

fn fix_neighbour(batch: &mut Batch, index: u32, address: Ipv4Addr, link: [u8; 6]) {
    const PERMANENT: u16 = 0x80;
    batch.add(NEW_NEIGHBOUR, CREATE, |entry| {
        neighbour_header(entry, FAMILY_INET, index, PERMANENT, 0);
        entry.attribute(attribute::NEIGHBOUR_ADDRESS, &address.octets());
        entry.attribute(attribute::NEIGHBOUR_LINK_ADDRESS, &link);
    });
}

pub(super) fn host_settings(number: u32, hosts: u32) -> Batch {
    let mut batch = Batch::default();
    put_up(&mut batch, FIRST);
    put_up(&mut batch, LOOPBACK);
    give_address(&mut batch, FIRST, host_address(number), 16);
    route_all_by(&mut batch, ROUTER);
    fix_neighbour(&mut batch, FIRST, ROUTER, link_address(hosts));
    batch
}

pub(super) fn router_settings(hosts: u32) -> Batch {
    let mut batch = Batch::default();
    for index in [FIRST, SECOND, LOOPBACK] {
        put_up(&mut batch, index);
    }
    give_address(&mut batch, FIRST, ROUTER, 16);
    give_address(&mut batch, SECOND, ROUTER_TO_SERVER, 24);
    for number in 0..hosts {
        fix_neighbour(&mut batch, FIRST, host_address(number), link_address(number));
    }
    batch
}

pub(super) fn server_settings() -> Batch {
    let mut batch = Batch::default();
    put_up(&mut batch, FIRST);
    put_up(&mut batch, LOOPBACK);
    give_address(&mut batch, FIRST, SERVER, 24);
    route_all_by(&mut batch, ROUTER_TO_SERVER);
    batch
}
