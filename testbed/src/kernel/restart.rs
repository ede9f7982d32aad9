//! A node that is started again: what its kernel had learned is gone, its rules come before its links do.

use std::path::Path;

use super::batch::Wire;
use super::links::Netlink;
use super::{KernelError, Lab, conntrack, messages, nft, policy};
use crate::names::LinkName;
use crate::plan::{Node, Wiring};

/// When a node that is started again has its rules; with the key that marks our probes, if it is judged behind its filter.
#[derive(Clone, Copy, Debug)]
pub enum Rules<'a> {
    /// Before it passes anything on: it is closed until they stand. They are in this folder.
    First(&'a Path, Option<u32>),
    /// Whoever asks loads them later: until then there are none.
    Later(Option<u32>),
}

impl Lab {
    /// Puts a node's links down and up again, with its base closed meanwhile unless its rules come later: connections, neighbours,
    /// and what it was given by others are forgotten; addresses, routes and rules are the plan's.
    ///
    /// Errors: the first thing that failed; a rule file that is refused leaves the base closed.
    pub async fn restart(
        &self,
        node: &Node,
        wiring: &Wiring<'_>,
        rules: Rules<'_>,
    ) -> Result<(), KernelError> {
        let namespace = self.node(&node.name);
        match rules {
            Rules::First(_, instrument) if node.ruleset.is_some() || instrument.is_some() => {
                nft::close_again(namespace, node.ruleset.is_some()).await?;
            }
            Rules::First(..) => {}
            Rules::Later(instrument) => nft::strip(namespace, instrument).await?,
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
        let Rules::First(folder, instrument) = rules else { return Ok(()) };
        if let Some(file) = &node.ruleset {
            nft::load(namespace, &node.name, folder, file).await?;
        }
        match instrument {
            Some(key) => nft::start_instrument(namespace, key)?.end().await.map(drop),
            None => Ok(()),
        }
    }
}
