//! A live site: the fabric with a bridge per segment, a namespace per node, links, addresses, routes, rules.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::batch::Wire;
use super::build::{self, Built, names_a_link};
use super::early::{AT_ONCE, Early, Filtering};
use super::ethtool::Offloads;
use super::ground::no_offloads;
use super::links::Netlink;
use super::messages::{self, Numbers};
use super::name_files::NameFiles;
use super::namespace::in_each;
use super::{KernelError, Namespace, nft, policy, port_rules, sysctl};
use crate::names::{LinkName, NodeName};
use crate::plan::{Cable, Node, Plan, Wiring};

/// A live site; it goes when this value is dropped.
#[must_use = "the site goes when this value is dropped"]
#[derive(Debug)]
pub struct Lab {
    /// Where all segments live; no addresses, no routes.
    pub fabric: Namespace,
    /// Interface numbers in the fabric: bridges and ports.
    pub ports: Numbers,
    /// One namespace per node.
    pub nodes: BTreeMap<NodeName, Namespace>,
    /// Interface numbers per node.
    pub numbers: BTreeMap<NodeName, Numbers>,
    /// Sysctls that this kernel does not have, per node.
    pub absent_sysctls: BTreeMap<NodeName, Vec<String>>,
    /// Rules that load before their node has a link.
    early: Early,
    names: NameFiles,
}

/// Whether a new link has this value by itself: it takes over those of `conf/default`, which are set before any link is
/// made.
fn is_taken_over(node: &Node, key: &str, value: &str) -> bool {
    let default = |link: &LinkName| key.replace(&format!("/conf/{link}/"), "/conf/default/");
    node.links.iter().any(|link| {
        let default = default(&link.name);
        default != key && node.sysctls.get(&default).is_some_and(|taken_over| taken_over == value)
    })
}

impl Lab {
    /// Makes a plan's namespaces and lays the cables between them, their ends in the nodes still down; begins to load the
    /// rules of nodes that have a file. `prefix` tells two sites of one process apart (the open copy); `folder` is the
    /// scenario's; `wiring` is the plan's.
    ///
    /// `taps` is called in the fabric before any link of a node is up, so that no frame goes unseen.
    /// Errors: the first thing that failed.
    pub async fn create<T: Send>(
        plan: &Plan,
        wiring: &Wiring<'_>,
        prefix: &str,
        folder: &Path,
        taps: impl FnOnce() -> T + Send,
    ) -> Result<(Lab, T), KernelError> {
        let ports = messages::fabric_numbers(wiring);
        let cables = wiring.by_node();
        let numbers: BTreeMap<_, _> =
            cables.iter().map(|(node, own)| ((*node).clone(), messages::node_numbers(own))).collect();
        let site = build::Site { plan, wiring, prefix, folder, ports: &ports, numbers: &numbers };
        let Built { fabric, nodes: made, early, taps } = site.build(taps)?;
        let names = NameFiles::of(plan, prefix);
        let (nodes, absent_sysctls) = (BTreeMap::new(), BTreeMap::new());
        let mut lab = Lab { fabric, ports, nodes, numbers, absent_sysctls, early, names };
        for (node, made) in plan.nodes.iter().zip(made) {
            lab.nodes.insert(node.name.clone(), made.namespace);
            lab.absent_sysctls.insert(node.name.clone(), made.absent);
        }
        let filtering = filtering(plan, &lab.nodes);
        lab.early.go_on(&filtering, folder).await?;
        Ok((lab, taps))
    }

    /// Raises the site: links up, addresses, routes, the rest of the rules. `wiring` is the plan's; `folder` is the
    /// scenario's, for its rule files; `key` marks our probes for the instruments.
    ///
    /// Errors: the first thing that failed; everything made so far goes with the lab.
    pub async fn raise(
        &mut self,
        plan: &Plan,
        wiring: &Wiring<'_>,
        folder: &Path,
        key: u32,
    ) -> Result<(), KernelError> {
        self.load_port_rules(plan, wiring, folder).await?;
        let (ruled, open): (Vec<&Node>, Vec<_>) = plan.nodes.iter().partition(|node| node.ruleset.is_some());
        // Nobody gets through a node with rules before its own links are up.
        self.visit_each(&open, wiring)?;
        // After this, whoever has rules has them or is closed.
        self.early.end(&filtering(plan, &self.nodes)).await?;
        self.visit_each(&ruled, wiring)?;
        for node in plan.nodes.iter().filter(|node| !node.policy.is_empty()) {
            policy::add(&Netlink::open(self.node(&node.name))?, node).await?;
        }
        self.load_rules(plan, folder, key).await
    }

    /// A node's namespace. Panics for a node that the plan does not have: a plan and its lab belong together.
    pub fn node(&self, name: &NodeName) -> &Namespace {
        self.nodes.get(name).expect("every node of the plan has a namespace")
    }

    /// Number of a node's interface in its namespace.
    pub fn number(&self, node: &NodeName, link: &LinkName) -> u32 {
        *self.numbers[node].get(link.as_str()).expect("every link of the plan exists")
    }

    /// Number of a bridge or port in the fabric.
    pub fn port(&self, port: &LinkName) -> u32 {
        *self.ports.get(port.as_str()).expect("every port of the plan exists")
    }

    /// Folder with a node's own `resolv.conf` and `hosts`.
    ///
    /// Errors: `Root` where they cannot be written.
    pub fn names_of(&self, node: &NodeName) -> Result<PathBuf, KernelError> {
        self.names.folder_of(node)
    }

    /// Rules of switches, before a node's end of a cable is up.
    async fn load_port_rules(
        &self,
        plan: &Plan,
        wiring: &Wiring<'_>,
        folder: &Path,
    ) -> Result<(), KernelError> {
        for switch in &plan.switches {
            port_rules::load(&self.fabric, switch, folder, &wiring.ports_of(switch)).await?;
            tracing::debug!(switch = %switch.name, file = switch.ruleset, "rules of its ports are loaded");
        }
        Ok(())
    }

    /// Gives nodes that have their cables all that is theirs inside.
    fn visit_each(&mut self, nodes: &[&Node], wiring: &Wiring<'_>) -> Result<(), KernelError> {
        let cables = wiring.by_node();
        let none = Numbers::new();
        let visited = in_each(nodes, |node| {
            let own = cables.get(&node.name).map_or(&[][..], Vec::as_slice);
            visit(node, own, self.numbers.get(&node.name).unwrap_or(&none), self.node(&node.name))
        })?;
        for (node, absent) in nodes.iter().zip(visited) {
            self.absent_sysctls.entry(node.name.clone()).or_default().extend(absent);
        }
        Ok(())
    }

    async fn load_rules(&mut self, plan: &Plan, folder: &Path, key: u32) -> Result<(), KernelError> {
        let late = |node: &&Node| !self.early.has(&node.name);
        for node in plan.nodes.iter().filter(late) {
            let Some(file) = node.ruleset.as_deref() else { continue };
            nft::load(self.node(&node.name), &node.name, folder, file).await?;
            tracing::debug!(node = %node.name, file, "rules are loaded");
        }
        let judging: Vec<_> = plan.judging().into_iter().collect();
        for some in judging.chunks(AT_ONCE) {
            let begun = some.iter().map(|node| nft::start_instrument(self.node(node), key));
            for begun in begun.collect::<Result<Vec<_>, KernelError>>()? {
                begun.end().await?;
            }
        }
        self.set_again(plan)
    }

    /// Connection tracking has its settings only once a rule has asked for it.
    fn set_again(&mut self, plan: &Plan) -> Result<(), KernelError> {
        for node in &plan.nodes {
            let Some(absent) = self.absent_sysctls.remove(&node.name).filter(|absent| !absent.is_empty())
            else {
                continue;
            };
            let again = absent.into_iter().map(|key| (key.clone(), node.sysctls[&key].clone())).collect();
            let absent = sysctl::set(self.node(&node.name), &again)?;
            self.absent_sysctls.insert(node.name.clone(), absent);
        }
        Ok(())
    }
}

/// What is done inside a node once it has its cables: settings of the links and offloads before the links are up, then
/// addresses and routes. Gives the settings that this kernel does not have.
///
/// The interfaces of a trunk come last and take over what is set here: `conf/default`, and the trunk's offloads.
fn visit(
    node: &Node,
    cables: &[&Cable<'_>],
    numbers: &Numbers,
    namespace: &Namespace,
) -> Result<Vec<String>, KernelError> {
    tracing::debug!(node = %node.name, links = node.links.len(), routes = node.routes.len(), "configures");
    namespace.enter()?;
    let late =
        |(key, value): &(&String, &String)| names_a_link(node, key) && !is_taken_over(node, key, value);
    let mut absent = sysctl::set_here(namespace, node.sysctls.iter().filter(late))?;
    let trunks = cables.iter().filter(|cable| cable.is_trunk());
    // Nobody lives on a trunk without a tag.
    let silent: BTreeMap<_, _> =
        trunks.map(|cable| (format!("net/ipv6/conf/{}/disable_ipv6", cable.end), "1".to_owned())).collect();
    absent.extend(sysctl::set_here(namespace, &silent)?);
    let ends: Vec<_> = cables.iter().map(|cable| cable.end.clone()).collect();
    let offloads = Offloads::open_here().and_then(|offloads| offloads.switch_off(&ends));
    offloads.map_err(|cause| no_offloads(namespace, cause))?;
    Wire::open_here(namespace.name())?.send(messages::node(node, cables, numbers)?)?;
    Ok(absent)
}

/// The nodes that have a rule file.
fn filtering<'l>(plan: &'l Plan, nodes: &'l BTreeMap<NodeName, Namespace>) -> Vec<Filtering<'l>> {
    let filtering = plan.nodes.iter().filter(|node| node.ruleset.is_some());
    filtering.map(|node| (node, &nodes[&node.name])).collect()
}
