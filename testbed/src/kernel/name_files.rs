//! Each node's own `resolv.conf` and `hosts`, which stand over those of `/etc` for what runs in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::KernelError;
use super::root::STATE;
use crate::names::NodeName;
use crate::plan::{Node, Plan};

/// The files of all nodes of a site; written when something is started in their node, which in most hosts nothing is.
#[derive(Debug)]
pub(super) struct NameFiles {
    folder: PathBuf,
    nodes: BTreeMap<NodeName, Texts>,
}

#[derive(Debug)]
struct Texts {
    resolv: String,
    hosts: String,
}

impl NameFiles {
    /// Those of a plan; `prefix` tells two sites of one process apart.
    pub(super) fn of(plan: &Plan, prefix: &str) -> Self {
        let folder = Path::new(STATE).join(format!("{prefix}-names"));
        let nodes = plan.nodes.iter().map(|node| (node.name.clone(), Texts::of(node))).collect();
        Self { folder, nodes }
    }

    /// The folder with a node's files, which stay as they are once they have been written. Panics for a node that the
    /// plan does not have.
    ///
    /// Errors: `Root`.
    pub(super) fn folder_of(&self, node: &NodeName) -> Result<PathBuf, KernelError> {
        let folder = self.folder.join(node.as_str());
        let texts = self.nodes.get(node).expect("every node of the plan has names");
        let write = || {
            // Whatever runs in the node may be reading them.
            if folder.exists() {
                return Ok(());
            }
            fs::create_dir_all(&folder)?;
            fs::write(folder.join("resolv.conf"), &texts.resolv)?;
            fs::write(folder.join("hosts"), &texts.hosts)
        };
        write().map_err(|cause| KernelError::Root {
            operation: "write the names of a node to",
            path: folder.clone(),
            cause,
        })?;
        Ok(folder)
    }
}

impl Texts {
    fn of(node: &Node) -> Self {
        let mut resolv = String::from("options timeout:1 attempts:3\n");
        for server in &node.nameservers {
            resolv.push_str(&format!("nameserver {server}\n"));
        }
        let mut hosts = String::from("127.0.0.1 localhost\n::1 localhost\n");
        for (address, name) in &node.hosts {
            hosts.push_str(&format!("{address} {name}\n"));
        }
        Self { resolv, hosts }
    }
}
