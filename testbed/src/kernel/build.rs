//! A site's namespaces, the cables between them and its taps, made by two threads.
//!
//! Each stays on the processor where it is as long as there is something to do: one makes the fabric, then nodes, starts
//! nft and lays the cables; the other makes nodes. New threads, and those that are woken, may be put behind others that are
//! at work, and wait there for milliseconds while the other processor has nothing to do.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc;

use tokio::runtime::Handle;

use super::early::Early;
use super::ground::Ground;
use super::messages::{self, Numbers};
use super::namespace::{Shared, in_order};
use super::{KernelError, Namespace, sysctl};
use crate::names::{LinkName, NodeName};
use crate::plan::{Node, Plan, Wiring};

/// What a site is built from.
pub(super) struct Site<'a> {
    pub(super) plan: &'a Plan,
    pub(super) wiring: &'a Wiring<'a>,
    /// Before the names of its namespaces: it tells two sites of one process apart.
    pub(super) prefix: &'a str,
    /// The scenario's, for rule files.
    pub(super) folder: &'a Path,
    /// Interface numbers in the fabric.
    pub(super) ports: &'a Numbers,
    /// Interface numbers per node with a cable.
    pub(super) numbers: &'a BTreeMap<NodeName, Numbers>,
}

/// A site whose cables are laid, their ends in the nodes still down.
pub(super) struct Built<T> {
    pub(super) fabric: Namespace,
    /// In the order of the plan's nodes.
    pub(super) nodes: Vec<Made>,
    /// The rules that have begun to load.
    pub(super) early: Early,
    pub(super) taps: T,
}

/// A node as it is before it has links.
pub(super) struct Made {
    pub(super) namespace: Namespace,
    /// Sysctls that this kernel does not have, or not yet.
    pub(super) absent: Vec<String>,
}

impl Site<'_> {
    /// Builds it; `taps` is called in the fabric before any link is there. Waits for all of it.
    ///
    /// Errors: the first thing that failed.
    pub(super) fn build<T: Send>(&self, taps: impl FnOnce() -> T + Send) -> Result<Built<T>, KernelError> {
        let runtime = Handle::current();
        let shared = Shared::of(&self.plan.nodes);
        let make = |node: &Node| Made::here(node, self.prefix);
        let (give, others) = mpsc::channel();
        let (shared, give) = (&shared, &give);
        std::thread::scope(|scope| {
            let first = scope.spawn(move || {
                let _guard = runtime.enter();
                // For a packet ring the kernel waits until every processor has been idle or switched, mostly for more than ten
                // milliseconds. So that comes first, and nodes are made meanwhile.
                let begin_taps = || {
                    scope.spawn(move || {
                        scope.spawn(move || give.send(shared.share(make)));
                        taps()
                    })
                };
                let (ground, tapping) = self.ground(begin_taps).inspect_err(|_| shared.stop())?;
                let mut made = shared.share(make);
                made.extend(others.recv().expect("the second thread gives them before it ends"));
                let nodes = in_order(made)?;
                let early = self.finish(&ground, &nodes)?;
                let taps = tapping.join().expect("taps do not panic");
                Ok(Built { fabric: ground.fabric, nodes, early, taps })
            });
            first.join().expect("the first thread does not panic")
        })
    }

    fn ground<H>(&self, begin_taps: impl FnOnce() -> H) -> Result<(Ground, H), KernelError> {
        let bridges = messages::bridges(self.wiring, self.ports);
        Ground::create_here(&format!("{}.fabric", self.prefix), bridges, begin_taps)
    }

    /// Starts nft for the first nodes with rules, then lays the cables: the kernel lays one at a time, so that a processor is
    /// free for nft, which it is not before.
    fn finish(&self, ground: &Ground, made: &[Made]) -> Result<Early, KernelError> {
        let namespaces: BTreeMap<&NodeName, &Namespace> =
            self.plan.nodes.iter().zip(made).map(|(node, made)| (&node.name, &made.namespace)).collect();
        let filtering = self.plan.nodes.iter().filter(|node| node.ruleset.is_some());
        let filtering: Vec<_> = filtering.map(|node| (node, namespaces[&node.name])).collect();
        let early = Early::begin_here(&filtering, self.folder)?;
        ground.lay(self.wiring, self.ports, |cable| (namespaces[cable.node], &self.numbers[cable.node]))?;
        Ok(early)
    }
}

impl Made {
    /// Makes a node's namespace, with the sysctls that need no link, and moves the calling thread into it.
    fn here(node: &Node, prefix: &str) -> Result<Self, KernelError> {
        let namespace = Namespace::create_here(&format!("{prefix}-{}", node.name))?;
        let early = node.sysctls.iter().filter(|(key, _)| !names_a_link(node, key));
        let absent = sysctl::set_here(&namespace, early)?;
        Ok(Self { namespace, absent })
    }
}

/// Sysctls that name a link exist only once it does.
pub(super) fn names_a_link(node: &Node, key: &str) -> bool {
    let part = |link: &LinkName| key.contains(&format!("/{link}/"));
    node.links.iter().any(|link| part(&link.name))
}
