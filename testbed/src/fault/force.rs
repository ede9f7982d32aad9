//! What is in force: everything in which a site differs from its plan.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::kernel::conntrack::Filled;
use crate::kernel::shaping::Shaping;
use crate::names::{HostName, NodeName};
use crate::plan::Plan;
use crate::scenario::fault::End;

/// In which a site differs from its plan.
#[derive(Debug, Default)]
pub(super) struct Force {
    /// Without carrier.
    pub(super) cut: BTreeSet<End>,
    /// In the socket that another one is planned for.
    pub(super) sockets: BTreeMap<End, End>,
    /// Slow or lossy.
    pub(super) shaped: BTreeMap<End, Shaping>,
    /// Without power.
    pub(super) off: BTreeSet<NodeName>,
    /// Ended services, by their places in the plan.
    pub(super) ended: BTreeSet<usize>,
    /// With other rules than its own.
    pub(super) rules: BTreeMap<NodeName, String>,
    /// With a table of connections that is kept full.
    pub(super) filled: BTreeMap<NodeName, Filled>,
    /// How many packets those that were emptied by the latest fault had no room for.
    pub(super) no_room: Option<u64>,
    /// Answered otherwise.
    pub(super) moved: BTreeMap<HostName, (IpAddr, Vec<NodeName>)>,
}

impl Force {
    /// Whether a link has a carrier.
    pub(super) fn has_carrier(&self, end: &End) -> bool {
        !self.cut.contains(end) && !self.off.contains(&end.node)
    }

    /// Whose socket a cable is in.
    pub(super) fn socket<'a>(&'a self, end: &'a End) -> &'a End {
        self.sockets.get(end).unwrap_or(end)
    }

    /// Notes that a cable is in a socket now.
    pub(super) fn plug(&mut self, end: &End, socket: End) {
        if *end == socket {
            self.sockets.remove(end);
        } else {
            self.sockets.insert(end.clone(), socket);
        }
    }

    /// Links that are not as the plan has them.
    pub(super) fn broken_links(&self) -> BTreeSet<End> {
        self.cut.iter().chain(self.sockets.keys()).chain(self.shaped.keys()).cloned().collect()
    }

    /// Nodes with other rules than their own.
    pub(super) fn reloaded(&self) -> Vec<NodeName> {
        self.rules.keys().cloned().collect()
    }

    /// Nodes whose rules, routes or settings are others by it, or may be once it is mended: a link that loses its carrier
    /// takes routes along. Slow links, full tables and moved names change none of these.
    pub(super) fn nodes(&self, plan: &Plan) -> BTreeSet<NodeName> {
        let links = self.cut.iter().chain(self.sockets.keys()).map(|end| end.node.clone());
        let ended = self.ended.iter().filter_map(|place| Some(plan.services.get(*place)?.node.clone()));
        links.chain(self.off.iter().cloned()).chain(ended).chain(self.reloaded()).collect()
    }

    /// All of it, in the words of the command line.
    pub(super) fn listed(&self, plan: &Plan) -> Vec<String> {
        let mut listed: Vec<String> = self.cut.iter().map(|end| format!("cut {end}")).collect();
        for (end, socket) in &self.sockets {
            match self.sockets.get(socket) == Some(end) {
                true if end < socket => listed.push(format!("swap {end} {socket}")),
                true => {}
                false => listed.push(format!("{end} in the place of {socket}")),
            }
        }
        listed.extend(self.shaped.iter().map(|(end, shaping)| match shaping {
            Shaping::Rate(rate) => format!("rate {end} {rate}"),
            Shaping::Impair(how) => format!("impair {end}{how}"),
        }));
        listed.extend(self.off.iter().map(|node| format!("kill {node}")));
        for place in &self.ended {
            let Some(service) = plan.services.get(*place) else { continue };
            let role = plan.node(&service.node).map(|node| node.role);
            if let Some(role) = role.filter(|_| !self.off.contains(&service.node)) {
                listed.push(format!("kill {} --service {}", service.node, service.word(role)));
            }
        }
        listed.extend(self.rules.iter().map(|(node, file)| format!("reload {node} {file}")));
        listed.extend(self.filled.keys().map(|node| format!("fill-state {node}")));
        listed.extend(self.moved.iter().map(|(name, (to, _))| format!("move-name {name} {to}")));
        listed.dedup();
        listed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::fault::BitRate;
    use crate::verdict::example::plan;

    fn end(text: &str) -> End {
        let (node, link) = text.split_once('.').expect("node and link");
        End { node: node.parse().expect("a node"), link: link.parse().expect("a link") }
    }

    #[test]
    fn cables_that_change_places_twice_are_back() {
        let (a, b, c) = (end("a.eth0"), end("b.eth0"), end("c.eth0"));
        let mut force = Force::default();
        let mut swap = |one: &End, other: &End| {
            let (first, second) = (force.socket(one).clone(), force.socket(other).clone());
            force.plug(one, second);
            force.plug(other, first);
            force.listed(&plan())
        };
        assert_eq!(swap(&a, &b), ["swap a.eth0 b.eth0"]);
        assert_eq!(
            swap(&b, &c),
            [
                "a.eth0 in the place of b.eth0",
                "b.eth0 in the place of c.eth0",
                "c.eth0 in the place of a.eth0"
            ]
        );
        assert_eq!(swap(&c, &b), ["swap a.eth0 b.eth0"]);
        assert!(swap(&b, &a).is_empty());
    }

    #[test]
    fn who_is_told_of_as_mended_are_those_of_whom_something_is_in_force() {
        let named = |change: fn(&mut Force)| {
            let mut force = Force::default();
            change(&mut force);
            force.nodes(&plan()).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let name = |text: &str| text.parse().expect("a name");
        assert!(named(|_| ()).is_empty());
        assert_eq!(named(|force| _ = force.cut.insert(end("dock-1.eth0"))), ["dock-1"]);
        assert_eq!(named(|force| force.plug(&end("dock-1.eth0"), end("dock-2.eth0"))), ["dock-1"]);
        let off = named(|force| _ = force.off.insert("rtr".parse().expect("a name")));
        assert_eq!(off, ["rtr"]);
        assert_eq!(named(|force| _ = force.ended.insert(0)), [plan().services[0].node.to_string()]);
        let rules =
            named(|force| drop(force.rules.insert("rtr".parse().expect("a name"), "other.nft".into())));
        assert_eq!(rules, ["rtr"]);
        let slow = named(|force| _ = force.shaped.insert(end("dock-1.eth0"), Shaping::Rate(BitRate(1))));
        assert!(slow.is_empty(), "that is done in the fabric");
        let mut force = Force::default();
        force.moved.insert(
            "iot.example.org".parse().expect("a host"),
            ("10.0.0.1".parse().expect("one"), vec![name("aws")]),
        );
        assert!(force.nodes(&plan()).is_empty(), "names are no rules, routes or settings");
    }

    #[test]
    fn a_link_of_a_node_without_power_has_no_carrier_whatever_is_healed() {
        let mut force = Force::default();
        force.cut.insert(end("a.eth0"));
        force.off.insert("a".parse().expect("a name"));
        force.cut.clear();
        assert!(!force.has_carrier(&end("a.eth0")) && force.has_carrier(&end("b.eth0")));
        assert_eq!(force.listed(&plan()), ["kill a"]);
    }
}
