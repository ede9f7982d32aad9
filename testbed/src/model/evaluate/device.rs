//! A node as the walk sees it: its plan, its rule set, and which of its sets others fill.

use std::collections::{BTreeMap, BTreeSet};

use super::super::ruleset::{Family, Ruleset, Statement};
use crate::plan::{Link, Node, Plan, ServiceKind};

/// A node with its rules.
#[derive(Clone, Copy, Debug)]
pub(in crate::model) struct Device<'a> {
    pub(in crate::model) node: &'a Node,
    pub(in crate::model) rules: &'a Rules,
}

/// A rule set, and which of its sets others fill.
#[derive(Clone, Debug, Default)]
pub(in crate::model) struct Rules {
    pub(in crate::model) ruleset: Ruleset,
    /// Names of sets that are filled while the site runs, by table.
    pub(super) filled: BTreeMap<(Family, String), BTreeSet<String>>,
}

impl Rules {
    /// `plan` says which services fill sets of the node's.
    pub(in crate::model) fn of(plan: &Plan, node: &Node, ruleset: Ruleset) -> Self {
        let mut filled: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
        let services = plan.services.iter().filter(|service| service.node == node.name);
        for service in services {
            let ServiceKind::Resolver { sets, .. } = &service.kind else { continue };
            for set in sets.iter().flat_map(|one| one.ip4.iter().chain(&one.ip6)) {
                // A set of that name in a table of that name; which family it is does not matter here.
                for table in ruleset.tables.iter().filter(|table| table.name == set.table) {
                    filled.entry((table.family, table.name.clone())).or_default().insert(set.set.clone());
                }
            }
        }
        for (table, _, rule) in ruleset.rules() {
            for statement in &rule.statements {
                if let Statement::Fill { set: name, .. } = statement {
                    filled.entry((table.family, table.name.clone())).or_default().insert(name.clone());
                }
            }
        }
        Rules { ruleset, filled }
    }
}

impl<'a> Device<'a> {
    pub(super) fn link(&self, name: &str) -> Option<&'a Link> {
        self.node.links.iter().find(|link| link.name.as_str() == name)
    }

    fn sysctl(&self, path: &str) -> Option<u32> {
        self.node.sysctls.get(path)?.parse().ok()
    }

    /// A setting of IPv4 that a link has, and all links together.
    pub(super) fn setting4(&self, link: &str, key: &str) -> (Option<u32>, Option<u32>) {
        let of = |at: &str| self.sysctl(&format!("net/ipv4/conf/{at}/{key}"));
        // A link that is not named has what is set by default.
        (of("all"), of(link).or_else(|| of("default")))
    }

    /// Whether IPv4 packets that come in by this link are forwarded; none: not known.
    pub(super) fn forwards4(&self, link: &str) -> Option<bool> {
        let own = self.sysctl(&format!("net/ipv4/conf/{link}/forwarding")).map(|value| value != 0);
        match (own, self.sysctl("net/ipv4/ip_forward").map(|value| value != 0)) {
            (None, None) => Some(self.node.forwards),
            (Some(one), None) | (None, Some(one)) => Some(one),
            // It is written last, and sets all links where it changes.
            (Some(_), Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            (Some(true), Some(false)) => None,
        }
    }

    /// Whether IPv6 packets are forwarded.
    pub(super) fn forwards6(&self) -> bool {
        let all = self.sysctl("net/ipv6/conf/all/forwarding");
        all.map_or(self.node.forwards, |value| value != 0)
    }

    /// Whether the link has no IPv6 at all.
    pub(super) fn without_6(&self, link: &str) -> bool {
        let off = |at: &str| self.sysctl(&format!("net/ipv6/conf/{at}/disable_ipv6"));
        off("all") == Some(1) || off(link).or_else(|| off("default")) == Some(1)
    }

    /// Whether a packet from the middle of a TCP connection begins one.
    pub(super) fn loose(&self) -> Option<bool> {
        self.sysctl("net/netfilter/nf_conntrack_tcp_loose").map(|value| value != 0)
    }
}
