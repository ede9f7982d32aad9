//! Finding things in a plan.

use std::collections::BTreeSet;

use super::{Aim, Check, Judge, Node, Plan};
use crate::names::NodeName;

impl Plan {
    /// The node with this name.
    pub fn node(&self, name: &NodeName) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == *name)
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
