//! What rtnetlink is asked for to raise a site: bridges, links, addresses and routes, as batches.
//!
//! A veth pair is created directly in its two namespaces under its final names and never moved: a move costs 17 ms.
//! Interfaces are numbered by us, so that nobody has to ask for their numbers.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::RouteNetlinkMessage as Message;
use rtnetlink::packet_route::link::{BridgeVlanInfoFlags, InfoData, InfoVeth, LinkAttribute};
use rtnetlink::packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use rtnetlink::{
    AddressMessageBuilder, LinkBridge, LinkBridgePort, LinkBridgeVlan, LinkMessageBuilder, LinkUnspec,
    LinkVeth, LinkVlan, LinkVxlan, RouteMessageBuilder,
};

use super::batch::Batch;
use super::{KernelError, Namespace};
use crate::names::{LinkName, Mac, OPENS, VXLAN};
use crate::plan::{Bridge, Cable, Node, Wiring};

/// Interface names to interface numbers, of one namespace.
pub type Numbers = HashMap<String, u32>;

/// Number of a new namespace's only interface.
const LOOPBACK: u32 = 1;

/// Numbers in the fabric: bridges, then the ports of the cables.
pub(super) fn fabric_numbers(wiring: &Wiring<'_>) -> Numbers {
    let bridges = wiring.bridges.iter().map(|bridge| &bridge.segment.bridge);
    let cables = wiring.cables.iter().map(|cable| &cable.port);
    numbered(wiring.switch.iter().chain(bridges).chain(cables))
}

/// Numbers in a node: the ends of its cables, then the interfaces for the tags of its trunks.
pub(super) fn node_numbers(cables: &[&Cable<'_>]) -> Numbers {
    let ends = cables.iter().map(|cable| &cable.end);
    let tagged = cables.iter().flat_map(|cable| &cable.carries).filter(|(_, vlan)| vlan.is_some());
    numbered(ends.chain(tagged.map(|(link, _)| &link.name)))
}

fn numbered<'a>(names: impl Iterator<Item = &'a LinkName>) -> Numbers {
    (LOOPBACK + 1..).zip(names).map(|(number, name)| (name.to_string(), number)).collect()
}

/// The bridges of a wiring, one per segment that has one of its own, and the switch that keeps VLANs apart by tags, with
/// a device for each VLAN from which it can be spoken to. No spanning tree, no snooping, no netfilter detour.
pub(super) fn bridges(wiring: &Wiring<'_>, numbers: &Numbers) -> Batch {
    let mut batch = Batch::default();
    let own = wiring.bridges.iter().filter(|bridge| bridge.vlan.is_none()).map(|bridge| bridge.segment);
    for segment in own {
        add_bridge(&mut batch, &segment.bridge, numbers, segment.hub, false);
    }
    if let Some(switch) = &wiring.switch {
        add_bridge(&mut batch, switch, numbers, false, true);
        add_segments(&mut batch, numbers[switch.as_str()], &wiring.bridges, numbers);
    }
    batch
}

fn add_bridge(batch: &mut Batch, name: &LinkName, numbers: &Numbers, hub: bool, tags: bool) {
    let mut bridge = LinkBridge::new(name.as_str())
        .index(numbers[name.as_str()])
        .forward_delay(0)
        .mcast_snooping(false)
        .nf_call_iptables(false)
        .nf_call_ip6tables(false)
        .nf_call_arptables(false);
    if hub {
        // A hub passes everything on, also what a switch keeps to itself (pause frames excepted by the kernel).
        bridge = bridge.group_fwd_mask(0xfff8);
    }
    if tags {
        // A port is in no VLAN unless it is put into one; else all would share VLAN 1.
        bridge = bridge.vlan_filtering(true).vlan_default_pvid(0);
    }
    batch.create(format!("add the bridge {name}"), Message::NewLink(bridge.up().build()));
}

/// Gives each VLAN of the switch a device of the segment's name, from which it can be spoken to.
fn add_segments(batch: &mut Batch, switch: u32, bridges: &[Bridge<'_>], numbers: &Numbers) {
    for bridge in bridges {
        let Some(vlan) = bridge.vlan else { continue };
        let own = LinkBridgeVlan::new(switch).bridge_self().vlan(vlan.into(), BridgeVlanInfoFlags::empty());
        batch.change(format!("put the switch itself into VLAN {vlan}"), Message::SetLink(own.build()));
        let name = bridge.segment.bridge.as_str();
        let device = LinkVlan::new(name, switch, vlan.into()).index(numbers[name]).up().build();
        batch.create(format!("add the device {name} of VLAN {vlan}"), Message::NewLink(device));
    }
}

/// A veth pair for each cable: its port in the fabric, its end in the node's namespace; both down, the port in no bridge.
///
/// `node` finds a cable's node: its namespace, and the numbers there.
pub(super) fn cables<'n>(
    wiring: &Wiring<'_>,
    numbers: &Numbers,
    node: impl Fn(&Cable<'_>) -> (&'n Namespace, &'n Numbers),
) -> Batch {
    let mut batch = Batch::default();
    for cable in &wiring.cables {
        let (namespace, own) = node(cable);
        let mut peer = LinkMessageBuilder::<LinkUnspec>::new()
            .index(own[cable.end.as_str()])
            .name(cable.end.as_str())
            .build();
        // The links of a trunk are one interface of the device; it has the first one's Ethernet address.
        let mac = cable.carries.first().map(|(link, _)| link.mac.0.to_vec());
        peer.attributes.extend(mac.map(LinkAttribute::Address));
        peer.attributes.push(LinkAttribute::NetNsFd(namespace.raw()));
        let mtu = cable.mtu().map(LinkAttribute::Mtu);
        peer.attributes.extend(mtu.clone());
        let mut pair = LinkMessageBuilder::<LinkVeth>::new(cable.port.as_str(), "")
            .index(numbers[cable.port.as_str()])
            .set_info_data(InfoData::Veth(InfoVeth::Peer(peer)))
            .build();
        pair.attributes.extend(mtu);
        let operation = format!("add the link {} of `{}`", cable.end, cable.node);
        batch.create(operation, Message::NewLink(pair));
    }
    batch
}

/// Plugs every port into its bridge and puts it up.
pub(super) fn ports(wiring: &Wiring<'_>, numbers: &Numbers) -> Batch {
    let mut batch = Batch::default();
    for cable in &wiring.cables {
        let number = numbers[cable.port.as_str()];
        plug(&mut batch, number, cable, numbers, true);
        if cable.fixed {
            fix_forwarding(&mut batch, number, cable);
        }
    }
    batch
}

/// Plugs a port in where a cable is planned to be: into its bridge, isolated, of a hub or in its VLANs where it is. Up
/// at once, or as it was.
pub(super) fn plug(batch: &mut Batch, port: u32, cable: &Cable<'_>, numbers: &Numbers, up: bool) {
    let (name, bridge) = (&cable.port, numbers[cable.bridge.as_str()]);
    let plugged = LinkMessageBuilder::<LinkUnspec>::new().index(port).controller(bridge);
    let plugged = if up { plugged.up() } else { plugged }.build();
    batch.change(format!("plug {name} into {}", cable.bridge), Message::NewLink(plugged));
    let isolated = cable.carries.iter().any(|(link, _)| link.isolated);
    if isolated || cable.hub {
        let message = LinkBridgePort::new(port).isolated(isolated).learning(!cable.hub).build();
        batch.change(format!("set up port {name}"), Message::NewLink(message));
    }
    put_into_vlans(batch, port, cable);
}

/// Takes a port out of its bridge, and its carrier away.
pub(super) fn unplugged(port: u32, name: &LinkName) -> Batch {
    let mut batch = Batch::default();
    let message = LinkMessageBuilder::<LinkUnspec>::new().index(port).down().controller(0).build();
    batch.change(format!("unplug {name}"), Message::NewLink(message));
    batch
}

/// Tells the bridge who is behind a port, for good.
fn fix_forwarding(batch: &mut Batch, port: u32, cable: &Cable<'_>) {
    for (link, vlan) in &cable.carries {
        let mut message = NeighbourMessage::default();
        message.header.family = AddressFamily::Bridge;
        message.header.ifindex = port;
        message.header.state = NeighbourState::Noarp;
        message.header.flags = NeighbourFlags::Controller;
        message.attributes.push(NeighbourAttribute::LinkLayerAddress(link.mac.0.to_vec()));
        let vlan = vlan.or(cable.access).map(|vlan| NeighbourAttribute::Vlan(vlan.into()));
        message.attributes.extend(vlan);
        batch.create(format!("fix who is behind {}", cable.port), Message::NewNeighbour(message));
    }
}

/// Puts a port of the switch into its VLANs: untagged into its own on an access port, tagged into each on a trunk.
fn put_into_vlans(batch: &mut Batch, port: u32, cable: &Cable<'_>) {
    let untagged = BridgeVlanInfoFlags::Pvid | BridgeVlanInfoFlags::Untagged;
    let access = cable.access.map(|vlan| (vlan, untagged));
    let tagged = cable.carries.iter().filter_map(|(_, vlan)| Some(((*vlan)?, BridgeVlanInfoFlags::empty())));
    let vlans: Vec<_> = access.into_iter().chain(tagged).collect();
    if !vlans.is_empty() {
        let message = LinkBridgeVlan::new(port);
        let message =
            vlans.iter().fold(message, |message, (vlan, flags)| message.vlan((*vlan).into(), *flags));
        batch.change(format!("put {} into its VLANs", cable.port), Message::SetLink(message.build()));
    }
}

/// Raises a node: its loopback, the interfaces of its trunks, and all its [`settings`].
///
/// Errors: `Netlink` for a route that cannot be said.
pub(super) fn node(node: &Node, cables: &[&Cable<'_>], numbers: &Numbers) -> Result<Batch, KernelError> {
    let mut batch = Batch::default();
    put_up(&mut batch, LOOPBACK, "lo");
    for trunk in cables.iter().filter(|cable| cable.is_trunk()) {
        add_tagged(&mut batch, trunk, numbers);
    }
    settle(&mut batch, node, numbers)?;
    if node.opens_tunnels {
        add_tunnels(&mut batch);
    }
    Ok(batch)
}

/// An end of VXLAN for every network number and either family, which hands on whatever is inside.
fn add_tunnels(batch: &mut Batch) {
    let device = LinkMessageBuilder::<LinkVxlan>::new("tunnels").collect_metadata(true).learning(false);
    let device = device.port(VXLAN).address(OPENS.0.to_vec()).up().build();
    batch.create("add an end of VXLAN", Message::NewLink(device));
}

/// Puts a node's links up, gives them the addresses and neighbours that they have not, and adds its routes.
///
/// Errors: `Netlink` for a route that cannot be said.
pub(super) fn settings(node: &Node, numbers: &Numbers) -> Result<Batch, KernelError> {
    let mut batch = Batch::default();
    settle(&mut batch, node, numbers)?;
    Ok(batch)
}

fn settle(batch: &mut Batch, node: &Node, numbers: &Numbers) -> Result<(), KernelError> {
    let failed = |operation, cause| KernelError::Netlink { operation, node: node.name.to_string(), cause };
    for link in &node.links {
        let name = link.name.as_str();
        let number = *numbers
            .get(name)
            .ok_or_else(|| failed(format!("find the link {name}"), "it is not there".into()))?;
        put_up(batch, number, name);
        for address in link.own_addresses() {
            add_address(batch, number, address);
        }
        for (address, mac) in &link.neighbours {
            fix_neighbour(batch, number, *address, *mac);
        }
    }
    for route in node.own_routes() {
        let operation = format!("add the route to {} by {}", route.to, route.via);
        match route_message(&route.to, route.via) {
            Ok(message) => batch.create(operation, message),
            Err(cause) => return Err(failed(operation, cause)),
        }
    }
    Ok(())
}

/// Makes the interfaces for the tags of a trunk.
fn add_tagged(batch: &mut Batch, trunk: &Cable<'_>, numbers: &Numbers) {
    let base = numbers[trunk.end.as_str()];
    put_up(batch, base, trunk.end.as_str());
    for (link, vlan) in &trunk.carries {
        let Some(vlan) = *vlan else { continue };
        let name = link.name.as_str();
        let device = LinkVlan::new(name, base, vlan.into()).index(numbers[name]);
        let mut device = device.address(link.mac.0.to_vec()).build();
        device.attributes.extend(link.mtu.map(LinkAttribute::Mtu));
        batch.create(format!("add the interface {name}"), Message::NewLink(device));
    }
}

fn put_up(batch: &mut Batch, number: u32, name: &str) {
    let message = LinkMessageBuilder::<LinkUnspec>::new().index(number).up().build();
    batch.change(format!("put {name} up"), Message::NewLink(message));
}

fn add_address(batch: &mut Batch, number: u32, address: &IpNet) {
    let message = match address {
        IpNet::V4(net) => AddressMessageBuilder::<Ipv4Addr>::new()
            .index(number)
            .address(net.addr(), net.prefix_len())
            .build(),
        IpNet::V6(net) => AddressMessageBuilder::<Ipv6Addr>::new()
            .index(number)
            .address(net.addr(), net.prefix_len())
            .build(),
    };
    // A link that is put down and up keeps some of its addresses.
    batch.put(format!("add the address {address}"), Message::NewAddress(message));
}

fn fix_neighbour(batch: &mut Batch, number: u32, address: IpAddr, mac: Mac) {
    let (family, destination) = match address {
        IpAddr::V4(address) => (AddressFamily::Inet, NeighbourAddress::Inet(address)),
        IpAddr::V6(address) => (AddressFamily::Inet6, NeighbourAddress::Inet6(address)),
    };
    let mut message = NeighbourMessage::default();
    message.header.family = family;
    message.header.ifindex = number;
    message.header.state = NeighbourState::Permanent;
    message.attributes.push(NeighbourAttribute::Destination(destination));
    message.attributes.push(NeighbourAttribute::LinkLayerAddress(mac.0.to_vec()));
    batch.put(format!("fix the neighbour {address}"), Message::NewNeighbour(message));
}

fn route_message(to: &IpNet, via: IpAddr) -> Result<Message, String> {
    RouteMessageBuilder::<IpAddr>::new()
        .destination_prefix(to.addr(), to.prefix_len())
        .and_then(|builder| builder.gateway(via))
        .map(|builder| Message::NewRoute(builder.build()))
        .map_err(|error| error.to_string())
}
