//! The state of a node as evidence: rules with counters, sysctls, routes, neighbours, tracked connections.

use std::collections::BTreeMap;
use std::fs;

use serde::{Deserialize, Serialize};

use super::{KernelError, Namespace, conntrack, nft, policy, sysctl};
use crate::plan::Node;

/// What a node's kernel says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The rule set with handles and counters, in nft's words; empty for a node without rules.
    pub rules: String,
    /// Every sysctl that the plan sets, as it reads now; `-` where the kernel does not have it.
    pub sysctls: BTreeMap<String, String>,
    /// Tables of the kernel, by file name below `/proc/net`: `route`, `ipv6_route`, `arp`, `if_inet6`, `dev`.
    pub tables: BTreeMap<String, String>,
    /// Policy routes: rules and the routes of their tables, as `ip` would write them; left out where the plan has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policy: Vec<String>,
    /// Connections that it tracks, as conntrack(8) writes them; left out for a node without rules, which tracks none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connections: Vec<String>,
}

const TABLES: [&str; 5] = ["route", "ipv6_route", "arp", "if_inet6", "dev"];

/// Takes a snapshot of one node.
pub async fn take(node: &Node, namespace: &Namespace) -> Result<Snapshot, KernelError> {
    let rules = if node.ruleset.is_some() { nft::list(namespace).await? } else { String::new() };
    let table = |name: &str| fs::read_to_string(format!("/proc/thread-self/net/{name}")).unwrap_or_default();
    let (sysctls, tables) = namespace.inside(|| {
        let tables = TABLES.map(|name| (name.to_owned(), table(name))).into_iter().collect();
        (sysctl::read_here(namespace, &node.sysctls), tables)
    })?;
    let policy = if node.policy.is_empty() { Vec::new() } else { policy::list(namespace).await? };
    let connections = if node.ruleset.is_some() { connections(namespace) } else { Vec::new() };
    Ok(Snapshot { rules, sysctls, tables, policy, connections })
}

/// The connections; where the kernel does not tell them, why not. No verdict hangs on them.
fn connections(namespace: &Namespace) -> Vec<String> {
    conntrack::list(namespace).unwrap_or_else(|error| vec![format!("not known: {error}")])
}
