//! A node that is started again: what its kernel had learned is gone, its rules come before its links do.

use std::path::Path;

use super::batch::Wire;
use super::links::Netlink;
use super::{KernelError, Lab, conntrack, messages, nft, policy};
use crate::names::LinkName;
use crate::plan::{Node, Wiring};

impl Lab {
    /// Puts a node's links down and up again, with its base closed meanwhile: connections, neighbours, and what it was
    /// given by others are forgotten; addresses, routes and rules are the plan's. `instrument`: the key that marks our
    /// probes, if it is judged behind its filter.
    ///
    /// Errors: the first thing that failed; a rule file that is refused leaves the base closed.
    pub async fn restart(
        &self,
        node: &Node,
        wiring: &Wiring<'_>,
        folder: &Path,
        instrument: Option<u32>,
    ) -> Result<(), KernelError> {
        let namespace = self.node(&node.name);
        if node.ruleset.is_some() || instrument.is_some() {
            nft::close_again(namespace, node.ruleset.is_some()).await?;
        }
        let netlink = Netlink::open(namespace)?;
        let numbers = netlink.numbers().await?;
        let ends: Vec<&LinkName> = wiring.of(&node.name).map(|cable| &cable.end).collect();
        for end in &ends {
            if let Some(number) = numbers.get(end.as_str()) {
                netlink.set_up(*number, false).await?;
            }
        }
        conntrack::forget(namespace)?;
        for end in &ends {
            if let Some(number) = numbers.get(end.as_str()) {
                netlink.set_up(*number, true).await?;
            }
        }
        Wire::open(namespace)?.send(messages::settings(node, &numbers)?)?;
        policy::add_routes(&netlink, node).await?;
        if let Some(file) = &node.ruleset {
            nft::load(namespace, &node.name, folder, file).await?;
        }
        match instrument {
            Some(key) => nft::start_instrument(namespace, key)?.end().await.map(drop),
            None => Ok(()),
        }
    }
}
