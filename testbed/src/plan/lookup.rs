//! Finding things in a plan.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::fault::Fault;
use super::{Aim, Check, During, Judge, Node, Plan, ServiceKind, Word};
use crate::names::NodeName;

/// A way of a node that a hostile camera says leads over itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misled<'a> {
    /// The camera.
    pub by: &'a NodeName,
    /// Its address.
    pub own: IpAddr,
    /// Who is told.
    pub node: &'a NodeName,
    /// By which address.
    pub told: IpAddr,
    /// Where the way leads.
    pub about: IpAddr,
    /// Over whom, by the node's own routes: `about` itself if it leads straight there.
    pub over: IpAddr,
}

impl Plan {
    /// The node with this name.
    pub fn node(&self, name: &NodeName) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == *name)
    }

    /// The node with this address.
    pub fn owner(&self, address: IpAddr) -> Option<&Node> {
        let has = |node: &&Node| {
            node.links.iter().flat_map(|link| &link.addresses).any(|net| net.addr() == address)
        };
        self.nodes.iter().find(has)
    }

    /// Every way that a hostile camera says leads over itself.
    pub fn misled(&self) -> impl Iterator<Item = Misled<'_>> {
        self.services.iter().flat_map(move |service| {
            let (own, misroutes) = match &service.kind {
                ServiceKind::Camera { listen, hostile, .. } => (Some(*listen), &hostile.misroutes[..]),
                _ => (None, &[][..]),
            };
            misroutes.iter().filter_map(move |one| {
                let node = &self.owner(one.node)?.name;
                let (by, own, told, about) = (&service.node, own?, one.node, one.about);
                Some(Misled { by, own, node, told, about, over: one.over? })
            })
        })
    }

    /// The files below the scenario's folder that it is built of and that its faults load: paths, each once.
    pub fn files(&self) -> BTreeSet<&str> {
        let rules = self.nodes.iter().filter_map(|node| node.ruleset.as_ref());
        let of_switches = self.switches.iter().map(|switch| &switch.ruleset);
        let of_commands = self.services.iter().flat_map(|service| match &service.kind {
            ServiceKind::Command { files, .. } => files.values().collect(),
            _ => Vec::new(),
        });
        let faults = self.checks.iter().flat_map(|check| {
            let during = check.during.iter().flat_map(|During { fault, then }| [fault, then]);
            let after = match &check.word {
                Word::After { fault, then, .. } => vec![fault, then],
                _ => Vec::new(),
            };
            during.chain(after)
        });
        let reloaded = faults.filter_map(|fault| match fault {
            Fault::Reload { ruleset, .. } | Fault::Refuse { ruleset, .. } => Some(ruleset),
            _ => None,
        });
        rules.chain(of_switches).chain(of_commands).chain(reloaded).map(String::as_str).collect()
    }

    /// Every aim of every negative, with the name of its check.
    pub fn aims(&self) -> impl Iterator<Item = (&Check, &Aim)> {
        self.checks.iter().flat_map(|check| check.word.aims().iter().map(move |aim| (check, aim)))
    }

    /// Whether some aim is judged behind this node's input filter.
    pub fn judges_behind(&self, name: &NodeName) -> bool {
        self.aims().any(|(_, aim)| matches!(&aim.judge, Judge::BehindFilter { node } if node == name))
    }

    /// The nodes behind whose input filters some aim is judged.
    pub fn judging(&self) -> BTreeSet<&NodeName> {
        self.aims()
            .filter_map(|(_, aim)| match &aim.judge {
                Judge::BehindFilter { node } => Some(node),
                Judge::Tap { .. } => None,
            })
            .collect()
    }
}
