//! A live site: the fabric with a bridge per segment, a namespace per node, links, addresses, routes, rules.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::links::{Netlink, Numbers};
use super::namespace::in_each;
use super::root::STATE;
use super::{KernelError, Namespace, ethtool, nft, policy, port_rules, sysctl};
use crate::names::{LinkName, NodeName};
use crate::plan::{Node, Plan, Wiring};

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
    /// Folder with each node's own `resolv.conf` and `hosts`.
    names: PathBuf,
}

/// Settings of the fabric's namespace: it must not speak by itself.
const FABRIC_SYSCTLS: [(&str, &str); 2] =
    [("net/ipv6/conf/default/disable_ipv6", "1"), ("net/ipv6/conf/all/disable_ipv6", "1")];

/// Sysctls that name a link exist only once it does.
fn names_a_link(node: &Node, key: &str) -> bool {
    let part = |link: &LinkName| key.contains(&format!("/{link}/"));
    node.links.iter().any(|link| part(&link.name))
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
    /// Makes the namespaces of a plan, with nothing in them yet. `prefix` tells two sites of one process apart (the
    /// open copy).
    pub fn create(plan: &Plan, prefix: &str) -> Result<Lab, KernelError> {
        let (fabric, created) = create_namespaces(plan, prefix)?;
        let fabric_sysctls = FABRIC_SYSCTLS.map(|(key, value)| (key.to_owned(), value.to_owned()));
        sysctl::set(&fabric, &BTreeMap::from(fabric_sysctls))?;
        let mut lab = Lab {
            fabric,
            ports: Numbers::new(),
            nodes: BTreeMap::new(),
            numbers: BTreeMap::new(),
            absent_sysctls: BTreeMap::new(),
            names: PathBuf::from(STATE).join(format!("{prefix}-names")),
        };
        for (name, namespace, absent) in created {
            lab.nodes.insert(name.clone(), namespace);
            lab.absent_sysctls.insert(name, absent);
        }
        Ok(lab)
    }

    /// Raises the site: settings, links, addresses, routes, rules. `wiring` is the plan's; `folder` is the scenario's, for
    /// its rule files; `key` marks our probes for the instruments.
    ///
    /// Errors: the first thing that failed; everything made so far goes with the lab.
    pub async fn raise(
        &mut self,
        plan: &Plan,
        wiring: &Wiring<'_>,
        folder: &Path,
        key: u32,
    ) -> Result<(), KernelError> {
        self.close_nodes(plan).await?;
        self.add_links(wiring).await?;
        self.load_port_rules(plan, wiring, folder).await?;
        self.configure_nodes(plan, wiring).await?;
        self.load_rules(plan, folder, key).await?;
        self.write_names(plan)
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
    pub fn names_of(&self, node: &NodeName) -> PathBuf {
        self.names.join(node.as_str())
    }

    /// The base that drops everything, before there is a link.
    async fn close_nodes(&self, plan: &Plan) -> Result<(), KernelError> {
        for node in plan.nodes.iter().filter(|node| node.ruleset.is_some()) {
            nft::close(self.node(&node.name)).await?;
        }
        Ok(())
    }

    async fn add_links(&mut self, wiring: &Wiring<'_>) -> Result<(), KernelError> {
        let netlink = Netlink::open(&self.fabric)?;
        netlink.add_bridges(wiring).await?;
        let bridges = netlink.numbers().await?;
        if let Some(switch) = &wiring.switch {
            netlink.add_segments(bridges[switch.as_str()], &wiring.bridges).await?;
        }
        for cable in &wiring.cables {
            netlink.add_cable(cable, bridges[cable.bridge.as_str()], self.node(cable.node)).await?;
        }
        self.ports = netlink.numbers().await?;
        for cable in &wiring.cables {
            let port = self.port(&cable.port);
            let isolated = cable.carries.iter().any(|(link, _)| link.isolated);
            netlink.set_port(port, isolated, cable.hub).await?;
            netlink.set_vlans(port, cable).await?;
        }
        let ports: Vec<_> = wiring.cables.iter().map(|cable| cable.port.clone()).collect();
        offloads_off(&self.fabric, &ports)
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

    async fn configure_nodes(&mut self, plan: &Plan, wiring: &Wiring<'_>) -> Result<(), KernelError> {
        let find = |node: &Node| Ok(self.node(&node.name));
        let visited = in_each(&plan.nodes, find, |node, namespace| visit(node, wiring, namespace))?;
        for (node, (netlink, absent)) in plan.nodes.iter().zip(visited) {
            tracing::debug!(node = %node.name, links = node.links.len(), routes = node.routes.len(), "configures");
            self.numbers.insert(node.name.clone(), netlink.configure(node, wiring).await?);
            policy::add(&netlink, node).await?;
            self.absent_sysctls.entry(node.name.clone()).or_default().extend(absent);
        }
        Ok(())
    }

    async fn load_rules(&mut self, plan: &Plan, folder: &Path, key: u32) -> Result<(), KernelError> {
        for node in &plan.nodes {
            let namespace = self.node(&node.name);
            if let Some(file) = &node.ruleset {
                nft::load(namespace, &node.name, folder, file).await?;
                tracing::debug!(node = %node.name, file, "rules are loaded");
            }
            if plan.judges_behind(&node.name) {
                nft::add_instrument(namespace, key).await?;
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

    fn write_names(&self, plan: &Plan) -> Result<(), KernelError> {
        for node in &plan.nodes {
            let folder = self.names_of(&node.name);
            let mut resolv = String::from("options timeout:1 attempts:3\n");
            for server in &node.nameservers {
                resolv.push_str(&format!("nameserver {server}\n"));
            }
            let mut hosts = String::from("127.0.0.1 localhost\n::1 localhost\n");
            for (address, name) in &node.hosts {
                hosts.push_str(&format!("{address} {name}\n"));
            }
            let write = || {
                fs::create_dir_all(&folder)?;
                fs::write(folder.join("resolv.conf"), resolv)?;
                fs::write(folder.join("hosts"), hosts)
            };
            write().map_err(|cause| KernelError::Root {
                operation: "write the names of a node to",
                path: folder.clone(),
                cause,
            })?;
        }
        Ok(())
    }
}

/// What can only be done inside a node once it has its cables, without waiting: settings of the links, offloads, a
/// netlink socket. Gives the settings that this kernel does not have, too.
///
/// The interfaces of a trunk come later and take over what is set here: `conf/default`, and the trunk's offloads.
fn visit(
    node: &Node,
    wiring: &Wiring<'_>,
    namespace: &Namespace,
) -> Result<(Netlink, Vec<String>), KernelError> {
    let late =
        |(key, value): &(&String, &String)| names_a_link(node, key) && !is_taken_over(node, key, value);
    let mut absent = sysctl::set_here(namespace.name(), node.sysctls.iter().filter(late))?;
    let trunks = wiring.of(&node.name).filter(|cable| cable.is_trunk());
    // Nobody lives on a trunk without a tag.
    let silent: BTreeMap<_, _> =
        trunks.map(|cable| (format!("net/ipv6/conf/{}/disable_ipv6", cable.end), "1".to_owned())).collect();
    absent.extend(sysctl::set_here(namespace.name(), &silent)?);
    let ends: Vec<_> = wiring.of(&node.name).map(|cable| cable.end.clone()).collect();
    ethtool::switch_offloads_off(&ends).map_err(|cause| no_offloads(namespace, cause))?;
    Ok((Netlink::open_here(namespace.name())?, absent))
}

fn offloads_off(namespace: &Namespace, links: &[LinkName]) -> Result<(), KernelError> {
    namespace.inside(|| ethtool::switch_offloads_off(links))?.map_err(|cause| no_offloads(namespace, cause))
}

fn no_offloads(namespace: &Namespace, cause: std::io::Error) -> KernelError {
    KernelError::Socket { operation: "switch offloads off", node: namespace.name().to_owned(), cause }
}

/// A node's namespace, and the sysctls that this kernel does not have (or not yet).
type Created = (NodeName, Namespace, Vec<String>);

/// Makes all namespaces with the sysctls that need no link, on two threads: registering a namespace's settings is most
/// of the kernel's work.
fn create_namespaces(plan: &Plan, prefix: &str) -> Result<(Namespace, Vec<Created>), KernelError> {
    let fabric = Namespace::create(&format!("{prefix}.fabric"))?;
    let create = |node: &Node| Namespace::create(&format!("{prefix}-{}", node.name));
    let set = |node: &Node, namespace: Namespace| {
        let early = node.sysctls.iter().filter(|(key, _)| !names_a_link(node, key));
        let absent = sysctl::set_here(namespace.name(), early)?;
        Ok((node.name.clone(), namespace, absent))
    };
    Ok((fabric, in_each(&plan.nodes, create, set)?))
}
