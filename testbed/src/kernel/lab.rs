//! A live site: the fabric with a bridge per segment, a namespace per node, links, addresses, routes, rules.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::batch::Wire;
use super::links::Netlink;
use super::messages::{self, Numbers};
use super::namespace::in_each;
use super::root::STATE;
use super::{KernelError, Namespace, ethtool, nft, policy, port_rules, sysctl};
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
    /// Nodes whose rules stood before they had a link, with the listing of what was loaded, where it has begun; the others
    /// that have rules are closed by a base until then.
    early: BTreeMap<NodeName, Option<nft::Running>>,
    /// Folder with each node's own `resolv.conf` and `hosts`.
    names: PathBuf,
}

/// So many nft processes at once: more would only wait for a processor.
const AT_ONCE: usize = 8;

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
    /// Makes the namespaces of a plan: no links yet, but rules, where a node has a file; nft works on those while the
    /// other nodes are made. `prefix` tells two sites of one process apart (the open copy); `folder` is the scenario's.
    ///
    /// `taps` is done in the fabric, on a thread of its own meanwhile: the kernel takes its time over a packet ring.
    /// Errors: the first thing that failed.
    pub async fn create<T: Send + 'static>(
        plan: &Plan,
        prefix: &str,
        folder: &Path,
        taps: impl FnOnce() -> T + Send + 'static,
    ) -> Result<(Lab, T), KernelError> {
        let name = format!("{prefix}.fabric");
        let fabric = std::thread::spawn(move || {
            let fabric = Namespace::create_here(&name)?;
            let sysctls = FABRIC_SYSCTLS.map(|(key, value)| (key.to_owned(), value.to_owned()));
            sysctl::set_here(&fabric, &BTreeMap::from(sysctls))?;
            Ok::<_, KernelError>((fabric, taps()))
        });
        let (nodes, early) = create_nodes(plan, prefix, folder).await?;
        let (fabric, tapped) = fabric.join().expect("opening taps does not panic")?;
        let mut lab = Lab {
            fabric,
            ports: Numbers::new(),
            nodes: BTreeMap::new(),
            numbers: BTreeMap::new(),
            absent_sysctls: BTreeMap::new(),
            early,
            names: PathBuf::from(STATE).join(format!("{prefix}-names")),
        };
        for (node, namespace, absent) in nodes {
            lab.nodes.insert(node.name.clone(), namespace);
            lab.absent_sysctls.insert(node.name.clone(), absent);
        }
        Ok((lab, tapped))
    }

    /// Raises the site: links, addresses, routes, the rest of the rules. `wiring` is the plan's; `folder` is the
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
        let names = self.names.clone();
        std::thread::scope(|scope| {
            let written = scope.spawn(|| write_names(&names, plan));
            self.add_links(wiring)?;
            written.join().expect("writing names does not panic")
        })?;
        self.load_port_rules(plan, wiring, folder).await?;
        self.configure_nodes(plan, wiring).await?;
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
    pub fn names_of(&self, node: &NodeName) -> PathBuf {
        self.names.join(node.as_str())
    }

    /// Bridges and cables, offloads switched off before a port is plugged in: after that each switch would make the
    /// bridge look at all of its ports again.
    fn add_links(&mut self, wiring: &Wiring<'_>) -> Result<(), KernelError> {
        self.ports = messages::fabric_numbers(wiring);
        let nodes: BTreeMap<_, _> = wiring.by_node();
        self.numbers =
            nodes.iter().map(|(node, own)| ((*node).clone(), messages::node_numbers(own))).collect();
        let node = |cable: &Cable<'_>| (self.node(cable.node), &self.numbers[cable.node]);
        let batches = [
            messages::bridges(wiring, &self.ports),
            messages::cables(wiring, &self.ports, node),
            messages::ports(wiring, &self.ports),
        ];
        let ports: Vec<_> = wiring.cables.iter().map(|cable| cable.port.clone()).collect();
        self.fabric.inside(|| {
            let wire = Wire::open_here(self.fabric.name())?;
            let [bridges, cables, plugs] = batches;
            wire.send(bridges)?;
            wire.send(cables)?;
            ethtool::switch_offloads_off(&ports).map_err(|cause| no_offloads(&self.fabric, cause))?;
            wire.send(plugs)
        })?
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
        let cables = wiring.by_node();
        let none = Numbers::new();
        let visited = in_each(&plan.nodes, |node| {
            let own = cables.get(&node.name).map_or(&[][..], Vec::as_slice);
            visit(node, own, self.numbers.get(&node.name).unwrap_or(&none), self.node(&node.name))
        })?;
        for node in plan.nodes.iter().filter(|node| !node.policy.is_empty()) {
            policy::add(&Netlink::open(self.node(&node.name))?, node).await?;
        }
        for (node, absent) in plan.nodes.iter().zip(visited) {
            self.absent_sysctls.entry(node.name.clone()).or_default().extend(absent);
        }
        Ok(())
    }

    async fn load_rules(&mut self, plan: &Plan, folder: &Path, key: u32) -> Result<(), KernelError> {
        let files = || plan.nodes.iter().filter_map(|node| Some((node, node.ruleset.as_deref()?)));
        let mut early = std::mem::take(&mut self.early);
        for (node, file) in files() {
            let namespace = self.node(&node.name);
            match early.remove(&node.name) {
                Some(Some(listed)) => nft::meddles(listed, &node.name, file).await?,
                Some(None) => nft::meddles(nft::start_list(namespace)?, &node.name, file).await?,
                None => nft::load(namespace, &node.name, folder, file).await?,
            }
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

/// Writes each node's own `resolv.conf` and `hosts`, into a folder of its name.
fn write_names(folder: &Path, plan: &Plan) -> Result<(), KernelError> {
    for node in &plan.nodes {
        let folder = folder.join(node.name.as_str());
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
    ethtool::switch_offloads_off(&ends).map_err(|cause| no_offloads(namespace, cause))?;
    Wire::open_here(namespace.name())?.send(messages::node(node, cables, numbers)?)?;
    Ok(absent)
}

fn no_offloads(namespace: &Namespace, cause: std::io::Error) -> KernelError {
    KernelError::Socket { operation: "switch offloads off", node: namespace.name().to_owned(), cause }
}

/// A node's namespace, and the sysctls that this kernel does not have (or not yet).
type Created<'p> = (&'p Node, Namespace, Vec<String>);

/// All namespaces, and whose rules stand already; the others that have rules are closed.
async fn create_nodes<'p>(
    plan: &'p Plan,
    prefix: &str,
    folder: &Path,
) -> Result<(Vec<Created<'p>>, BTreeMap<NodeName, Option<nft::Running>>), KernelError> {
    let (filtering, others): (Vec<_>, Vec<_>) = plan.nodes.iter().partition(|node| node.ruleset.is_some());
    let filtering = create_namespaces(&filtering, prefix)?;
    let mut chunks = filtering.chunks(AT_ONCE);
    let mut begun = begin_rules(chunks.next().unwrap_or_default(), folder)?;
    let others = create_namespaces(&others, prefix)?;
    let mut early = BTreeMap::new();
    while !begun.is_empty() {
        for (node, namespace, loading) in begun {
            match loading.end().await {
                Ok(_) => {
                    let listed = (early.len() < AT_ONCE).then(|| nft::start_list(namespace)).transpose()?;
                    early.insert(node.name.clone(), listed);
                }
                Err(error) => {
                    tracing::debug!(node = %node.name, %error, "rules wait for the links");
                    nft::close(namespace).await?;
                }
            }
        }
        begun = begin_rules(chunks.next().unwrap_or_default(), folder)?;
    }
    Ok((filtering.into_iter().chain(others).collect(), early))
}

fn begin_rules<'c, 'p>(
    created: &'c [Created<'p>],
    folder: &Path,
) -> Result<Vec<(&'p Node, &'c Namespace, nft::Running)>, KernelError> {
    let begin = |(node, namespace, _): &'c Created<'p>| {
        let file = node.ruleset.as_deref().unwrap_or_default();
        Ok((*node, namespace, nft::load_early(namespace, folder, file)?))
    };
    created.iter().map(begin).collect()
}

/// Makes namespaces with the sysctls that need no link, on two threads: registering a namespace's settings is most of the
/// kernel's work.
fn create_namespaces<'p>(nodes: &[&'p Node], prefix: &str) -> Result<Vec<Created<'p>>, KernelError> {
    in_each(nodes, |&node| {
        let namespace = Namespace::create_here(&format!("{prefix}-{}", node.name))?;
        let early = node.sysctls.iter().filter(|(key, _)| !names_a_link(node, key));
        let absent = sysctl::set_here(&namespace, early)?;
        Ok((node, namespace, absent))
    })
}
