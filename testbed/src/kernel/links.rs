//! Bridges, links, addresses and routes, by netlink.
//!
//! A veth pair is created directly in its two namespaces under its final names and never moved: a move costs 17 ms.

use std::collections::HashMap;
use std::net::IpAddr;

use futures_util::TryStreamExt;
use futures_util::future::try_join_all;
use ipnet::IpNet;
use rtnetlink::packet_route::link::{BridgeVlanInfoFlags, InfoData, InfoVeth, LinkAttribute, LinkMessage};
use rtnetlink::{
    Handle, LinkBond, LinkBridge, LinkBridgePort, LinkBridgeVlan, LinkMessageBuilder, LinkUnspec, LinkVeth,
    LinkVlan, RouteMessageBuilder,
};

use super::{KernelError, Namespace};
use crate::names::LinkName;
use crate::plan::{Bridge, Cable, Node, Wiring};

/// Interface names to interface numbers, of one namespace.
pub type Numbers = HashMap<String, u32>;

/// A netlink connection that stays in the namespace where it was opened.
#[derive(Debug)]
pub struct Netlink {
    handle: Handle,
    node: String,
    driver: tokio::task::JoinHandle<()>,
}

impl Netlink {
    /// Opens a connection inside the namespace. Must be called within a tokio runtime.
    pub fn open(namespace: &Namespace) -> Result<Self, KernelError> {
        namespace.inside(|| Self::open_here(namespace.name()))?
    }

    /// Opens a connection in the namespace that the calling thread is in; `node` is for words only. As [`Self::open`].
    pub fn open_here(node: &str) -> Result<Self, KernelError> {
        let node = node.to_owned();
        let (connection, handle, _) = rtnetlink::new_connection().map_err(|cause| KernelError::Socket {
            operation: "open a netlink socket",
            node: node.clone(),
            cause,
        })?;
        Ok(Self { handle, node, driver: tokio::spawn(connection) })
    }

    /// The connection, for questions of other files.
    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(super) fn failed(
        &self,
        operation: impl Into<String>,
    ) -> impl FnOnce(rtnetlink::Error) -> KernelError {
        let (operation, node) = (operation.into(), self.node.clone());
        move |error| KernelError::Netlink { operation, node, cause: error.to_string() }
    }

    /// Every link of the namespace.
    pub async fn numbers(&self) -> Result<Numbers, KernelError> {
        let links: Vec<LinkMessage> =
            self.handle.link().get().execute().try_collect().await.map_err(self.failed("list links"))?;
        let name = |link: &LinkMessage| {
            link.attributes.iter().find_map(|attribute| match attribute {
                LinkAttribute::IfName(name) => Some(name.clone()),
                _ => None,
            })
        };
        Ok(links.iter().filter_map(|link| name(link).map(|name| (name, link.header.index))).collect())
    }

    /// Makes the bridges of a wiring: one per segment that has one of its own, and the switch that keeps VLANs apart by
    /// tags. No spanning tree, no snooping, no netfilter detour.
    pub async fn add_bridges(&self, wiring: &Wiring<'_>) -> Result<(), KernelError> {
        let own = wiring.bridges.iter().filter(|bridge| bridge.vlan.is_none()).map(|bridge| bridge.segment);
        try_join_all(own.map(|segment| self.add_bridge(&segment.bridge, segment.hub, false))).await?;
        match &wiring.switch {
            Some(switch) => self.add_bridge(switch, false, true).await,
            None => Ok(()),
        }
    }

    async fn add_bridge(&self, name: &LinkName, hub: bool, tags: bool) -> Result<(), KernelError> {
        let mut bridge = LinkBridge::new(name.as_str())
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
        let request = self.handle.link().add(bridge.up().build());
        request.execute().await.map_err(self.failed(format!("add the bridge {name}")))
    }

    /// Makes a veth pair: its port in this namespace, in a bridge and up; its end in the node's namespace.
    pub async fn add_cable(
        &self,
        cable: &Cable<'_>,
        bridge: u32,
        node: &Namespace,
    ) -> Result<(), KernelError> {
        let mut peer = LinkMessageBuilder::<LinkUnspec>::new().name(cable.end.as_str()).build();
        // The links of a trunk are one interface of the device; it has the first one's Ethernet address.
        let mac = cable.carries.first().map(|(link, _)| link.mac.0.to_vec());
        peer.attributes.extend(mac.map(LinkAttribute::Address));
        peer.attributes.push(LinkAttribute::NetNsFd(node.raw()));
        let mtu = cable.mtu().map(LinkAttribute::Mtu);
        peer.attributes.extend(mtu.clone());
        let mut pair = LinkMessageBuilder::<LinkVeth>::new(cable.port.as_str(), "")
            .up()
            .controller(bridge)
            .set_info_data(InfoData::Veth(InfoVeth::Peer(peer)))
            .build();
        pair.attributes.extend(mtu);
        let request = self.handle.link().add(pair);
        request.execute().await.map_err(self.failed(format!(
            "add the link {} of `{}`",
            cable.end,
            node.name()
        )))
    }

    /// Puts a port of the switch into its VLANs: untagged into its own on an access port, tagged into each on a trunk.
    pub async fn set_vlans(&self, port: u32, cable: &Cable<'_>) -> Result<(), KernelError> {
        let untagged = BridgeVlanInfoFlags::Pvid | BridgeVlanInfoFlags::Untagged;
        let access = cable.access.map(|vlan| (vlan, untagged));
        let tagged =
            cable.carries.iter().filter_map(|(_, vlan)| Some(((*vlan)?, BridgeVlanInfoFlags::empty())));
        let vlans: Vec<_> = access.into_iter().chain(tagged).collect();
        if vlans.is_empty() {
            return Ok(());
        }
        let message = LinkBridgeVlan::new(port);
        let message =
            vlans.iter().fold(message, |message, (vlan, flags)| message.vlan((*vlan).into(), *flags));
        let request = self.handle.link().set(message.build());
        request.execute().await.map_err(self.failed(format!("put {} into its VLANs", cable.port)))
    }

    /// Gives each VLAN of the switch a device of the segment's name, from which it can be spoken to.
    pub async fn add_segments(&self, switch: u32, bridges: &[Bridge<'_>]) -> Result<(), KernelError> {
        for bridge in bridges {
            let Some(vlan) = bridge.vlan else { continue };
            let own =
                LinkBridgeVlan::new(switch).bridge_self().vlan(vlan.into(), BridgeVlanInfoFlags::empty());
            let request = self.handle.link().set(own.build());
            let operation = format!("put the switch itself into VLAN {vlan}");
            request.execute().await.map_err(self.failed(operation))?;
            let name = bridge.segment.bridge.as_str();
            let device = LinkVlan::new(name, switch, vlan.into()).up().build();
            let request = self.handle.link().add(device);
            request.execute().await.map_err(self.failed(format!("add the device {name} of VLAN {vlan}")))?;
        }
        Ok(())
    }

    /// Makes the interfaces for the tags of a node's trunks.
    async fn add_tagged(&self, trunks: &[&Cable<'_>], numbers: &Numbers) -> Result<(), KernelError> {
        for trunk in trunks {
            let base = *numbers.get(trunk.end.as_str()).ok_or_else(|| self.lost(&trunk.end))?;
            self.put_up(base, trunk.end.as_str()).await?;
            for (link, vlan) in &trunk.carries {
                let Some(vlan) = *vlan else { continue };
                let mut device = LinkVlan::new(link.name.as_str(), base, vlan.into()).build();
                device.attributes.push(LinkAttribute::Address(link.mac.0.to_vec()));
                device.attributes.extend(link.mtu.map(LinkAttribute::Mtu));
                let request = self.handle.link().add(device);
                request.execute().await.map_err(self.failed(format!("add the interface {}", link.name)))?;
            }
        }
        Ok(())
    }

    /// Sets what is special about a port: isolated, or of a hub.
    pub async fn set_port(&self, port: u32, isolated: bool, hub: bool) -> Result<(), KernelError> {
        if !isolated && !hub {
            return Ok(());
        }
        let message = LinkBridgePort::new(port).isolated(isolated).learning(!hub).build();
        self.handle
            .link()
            .set_port(message)
            .execute()
            .await
            .map_err(self.failed(format!("set up port {port}")))
    }

    /// Puts the node's links up and gives them their addresses, then adds its routes; makes the interfaces of its trunks
    /// first. Returns the links' numbers.
    pub async fn configure(&self, node: &Node, wiring: &Wiring<'_>) -> Result<Numbers, KernelError> {
        let mut numbers = self.numbers().await?;
        let trunks: Vec<_> = wiring.of(&node.name).filter(|cable| cable.is_trunk()).collect();
        if !trunks.is_empty() {
            self.add_tagged(&trunks, &numbers).await?;
            numbers = self.numbers().await?;
        }
        self.put_up(1, "lo").await?;
        self.address_and_route(node, &numbers).await?;
        Ok(numbers)
    }

    /// Puts the node's links up, gives them the addresses that they have not, and adds its routes.
    pub(super) async fn address_and_route(&self, node: &Node, numbers: &Numbers) -> Result<(), KernelError> {
        for link in &node.links {
            let number = *numbers.get(link.name.as_str()).ok_or_else(|| self.lost(&link.name))?;
            self.put_up(number, link.name.as_str()).await?;
            for address in link.own_addresses() {
                self.add_address(number, address).await?;
            }
        }
        for route in node.own_routes() {
            self.add_route(&route.to, route.via).await?;
        }
        Ok(())
    }

    /// Tries to make a bridge.
    pub async fn try_bridge(&self, name: &str) -> Result<(), KernelError> {
        self.try_add("a bridge", LinkBridge::new(name).build()).await
    }

    /// Tries to make a veth pair.
    pub async fn try_veth(&self, name: &str, peer: &str) -> Result<(), KernelError> {
        self.try_add("a veth pair", LinkVeth::new(name, peer).build()).await
    }

    /// Tries to make a bridge that keeps VLANs apart by tags, and an interface for one of them.
    pub async fn try_vlan(&self, number: u16) -> Result<(), KernelError> {
        let switch = LinkBridge::new("t-switch").vlan_filtering(true).vlan_default_pvid(0).build();
        self.try_add("a bridge that filters VLANs", switch).await?;
        let base = self.numbers().await?.get("t-switch").copied().unwrap_or(1);
        self.try_add("an 802.1Q link", LinkVlan::new("t-vlan", base, number).build()).await?;
        let own = LinkBridgeVlan::new(base).bridge_self().vlan(number, BridgeVlanInfoFlags::empty());
        let request = self.handle.link().set(own.build());
        request.execute().await.map_err(self.failed("put a bridge into a VLAN"))
    }

    /// Tries to make a bond.
    pub async fn try_bond(&self, name: &str) -> Result<(), KernelError> {
        self.try_add("a bond", LinkBond::new(name).build()).await
    }

    async fn try_add(&self, what: &str, message: LinkMessage) -> Result<(), KernelError> {
        self.handle.link().add(message).execute().await.map_err(self.failed(format!("make {what}")))
    }

    async fn put_up(&self, number: u32, name: &str) -> Result<(), KernelError> {
        let message = LinkMessageBuilder::<LinkUnspec>::new().index(number).up().build();
        self.handle.link().set(message).execute().await.map_err(self.failed(format!("put {name} up")))
    }

    async fn add_address(&self, number: u32, address: &IpNet) -> Result<(), KernelError> {
        // A link that is put down and up keeps some of its addresses.
        let request = self.handle.address().add(number, address.addr(), address.prefix_len()).replace();
        request.execute().await.map_err(self.failed(format!("add the address {address}")))
    }

    async fn add_route(&self, to: &IpNet, via: IpAddr) -> Result<(), KernelError> {
        let operation = format!("add the route to {to} by {via}");
        let bad = |cause: String| KernelError::Netlink {
            operation: operation.clone(),
            node: self.node.clone(),
            cause,
        };
        let message = RouteMessageBuilder::<IpAddr>::new()
            .destination_prefix(to.addr(), to.prefix_len())
            .and_then(|builder| builder.gateway(via))
            .map_err(|error| bad(error.to_string()))?
            .build();
        self.handle.route().add(message).execute().await.map_err(|error| bad(error.to_string()))
    }

    fn lost(&self, link: &LinkName) -> KernelError {
        KernelError::Netlink {
            operation: format!("find the link {link}"),
            node: self.node.clone(),
            cause: "it is not there".into(),
        }
    }
}

impl Drop for Netlink {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
