//! A site's namespaces, the cables between them and its taps, made by two threads.
//!
//! Each stays on the processor where it is as long as there is something to do: both make nodes; then one lays the cables, and
//! the other opens the taps, starts nft and sets in the nodes what can wait. New threads, and those that are woken, may be put behind others that are at work,
//! and wait there for milliseconds while the other processor has nothing to do.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{OnceLock, mpsc};

use tokio::runtime::Handle;

use super::early::Early;
use super::ground::Ground;
use super::messages::{self, Numbers};
use super::namespace::{Answer, Shared, in_order};
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

/// What both threads have made before the cables are laid.
struct Ready {
    ground: Ground,
    nodes: Vec<Made>,
}

impl Site<'_> {
    /// Builds it; `taps` is called in the fabric before any node's end of a cable is up. Waits for all of it.
    ///
    /// Errors: the first thing that failed.
    pub(super) fn build<T: Send>(&self, taps: impl FnOnce() -> T + Send) -> Result<Built<T>, KernelError> {
        let runtime = Handle::current();
        let shared = Shared::of(&self.plan.nodes);
        let make = |node: &Node| Made::here(node, self.prefix);
        let ready = OnceLock::new();
        let (give, others) = mpsc::channel();
        let (lay, laying) = mpsc::channel();
        let (laid, tapped) = std::thread::scope(|scope| {
            let (shared, ready) = (&shared, &ready);
            let first = scope.spawn(move || self.lay(shared, make, &others, (ready, lay)));
            let second = scope.spawn(move || {
                let _guard = runtime.enter();
                // Who does not want them any more has failed, and says so.
                let _ = give.send(shared.share(make));
                laying.recv().ok().and_then(|()| ready.get()).map(|ready| self.tap(ready, taps))
            });
            (
                first.join().expect("the first does not panic"),
                second.join().expect("the second does not panic"),
            )
        });
        laid?;
        let (taps, early, absent) = tapped.expect("it taps where cables are laid")?;
        let Ready { ground, mut nodes } = ready.into_inner().expect("cables are laid between what is ready");
        for (made, absent) in nodes.iter_mut().zip(absent) {
            made.absent.extend(absent);
        }
        Ok(Built { fabric: ground.fabric, nodes, early, taps })
    }

    /// The first thread: fabric, nodes, cables.
    fn lay(
        &self,
        shared: &Shared<'_, Node>,
        make: impl Fn(&Node) -> Result<Made, KernelError>,
        others: &mpsc::Receiver<Vec<Answer<Made>>>,
        (ready, lay): (&OnceLock<Ready>, mpsc::Sender<()>),
    ) -> Result<(), KernelError> {
        let bridges = messages::bridges(self.wiring, self.ports);
        let ground = Ground::create_here(&format!("{}.fabric", self.prefix), bridges);
        let ground = ground.inspect_err(|_| shared.stop())?;
        let mut made = shared.share(make);
        made.extend(others.recv().expect("the second gives them before it ends"));
        let nodes = in_order(made)?;
        let Ready { ground, nodes } = ready.get_or_init(|| Ready { ground, nodes });
        let nodes = self.by_name(nodes);
        // Over a packet ring the kernel waits until every processor was idle or has switched: mostly for more than ten
        // milliseconds, but for less than one where the lock of all links is held, as it is from now on.
        let _ = lay.send(());
        ground.lay(self.wiring, self.ports, |cable| (nodes[cable.node], &self.numbers[cable.node]))
    }

    /// The second thread, once there are nodes: taps, the rules of the first few nodes that have some, then in each node, in
    /// the plan's order, the settings that can wait; of these, those that this kernel does not have.
    fn tap<T>(
        &self,
        ready: &Ready,
        taps: impl FnOnce() -> T,
    ) -> Result<(T, Early, Vec<Vec<String>>), KernelError> {
        ready.ground.fabric.enter()?;
        let taps = taps();
        let namespaces = self.by_name(&ready.nodes);
        let filtering = self.plan.nodes.iter().filter(|node| node.ruleset.is_some());
        let filtering: Vec<_> = filtering.map(|node| (node, namespaces[&node.name])).collect();
        let early = Early::begin_here(&filtering, self.folder)?;
        let absent = self.plan.nodes.iter().zip(&ready.nodes).map(|(node, made)| made.set_rest(node));
        Ok((taps, early, absent.collect::<Result<_, _>>()?))
    }

    fn by_name<'m>(&self, made: &'m [Made]) -> BTreeMap<&NodeName, &'m Namespace> {
        self.plan.nodes.iter().zip(made).map(|(node, made)| (&node.name, &made.namespace)).collect()
    }
}

impl Made {
    /// Makes a node's namespace, with the sysctls that no link may come before, and moves the calling thread into it.
    fn here(node: &Node, prefix: &str) -> Result<Self, KernelError> {
        let namespace = Namespace::create_here(&format!("{prefix}-{}", node.name))?;
        let early = node.sysctls.iter().filter(|(key, _)| !names_a_link(node, key) && !can_wait(key));
        let absent = sysctl::set_here(&namespace, early)?;
        Ok(Self { namespace, absent })
    }

    /// Moves the calling thread into the node, and sets the other sysctls that need no link; those that this kernel does not
    /// have.
    fn set_rest(&self, node: &Node) -> Result<Vec<String>, KernelError> {
        self.namespace.enter()?;
        let rest = node.sysctls.iter().filter(|(key, _)| !names_a_link(node, key) && can_wait(key));
        sysctl::set_here(&self.namespace, rest)
    }
}

/// Whether a setting may come as late as when the node's links are there, but not up. Not so what links take over from
/// `default`, nor IPv6 being off, before which a link would get an address; nor what takes the lock of all links, which is
/// held by whoever lays cables.
fn can_wait(key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or(key);
    !key.contains("/default/") && !matches!(name, "disable_ipv6" | "ip_forward" | "forwarding")
}

/// Sysctls that name a link exist only once it does.
pub(super) fn names_a_link(node: &Node, key: &str) -> bool {
    let part = |link: &LinkName| key.contains(&format!("/{link}/"));
    node.links.iter().any(|link| part(&link.name))
}
