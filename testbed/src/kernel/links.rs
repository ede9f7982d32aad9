//! Questions to rtnetlink, one after the other: what is there, and what this kernel can make.

use futures_util::TryStreamExt;
use rtnetlink::packet_route::link::{BridgeVlanInfoFlags, LinkAttribute, LinkMessage};
use rtnetlink::{Handle, LinkBond, LinkBridge, LinkBridgeVlan, LinkVeth, LinkVlan};

use super::messages::Numbers;
use super::{KernelError, Namespace};

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
}

impl Drop for Netlink {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
