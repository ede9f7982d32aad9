//! `inventory`: what an appliance tells its cloud of its ports, by which operators know them, is what the ports have: the Ethernet
//! addresses that are heard there, and the addresses that they were given.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use fake_facts::{Fact, PortSaid};

use crate::names::{Mac, NodeName};
use crate::observation::{NodeFact, Observations};
use crate::plan::{Link, Node, Plan};

use super::Finding;
use super::judge::Draft;
use super::wording::counted;

pub(super) fn draft(plan: &Plan, of: &[NodeName], seen: &Observations) -> Draft {
    let mut draft = Draft::default();
    if of.is_empty() {
        draft.reasons.add("vacuous", "it is asked of no node");
    }
    let (mut answers, mut ports) = (0, 0);
    let mut texts: BTreeSet<String> = BTreeSet::new();
    for node in of.iter().filter_map(|name| plan.node(name)) {
        let told: Vec<_> = seen.facts.iter().filter_map(|fact| ports_of(fact, &node.name)).collect();
        let Some((by, last)) = told.last() else {
            draft.reasons.add("told", format!("no cloud was told of the ports of {}", node.name));
            continue;
        };
        answers += told.len();
        let links = links(node);
        ports += links.len();
        for (at, link) in links.iter().enumerate() {
            let own = Own::of(node, link, seen);
            texts.extend(told.iter().filter_map(|(by, told)| own.wrong(told.get(at)?, by)).flatten());
            texts.extend(own.untold(last.get(at), by));
            if !own.is_heard(seen) {
                let text = format!(
                    "{}'s {} was not heard under an Ethernet address of its own",
                    node.name, link.name
                );
                draft.reasons.add("heard", text);
            }
        }
        for (by, told) in &told {
            let strange = told.iter().skip(links.len()).filter(|port| port.mac.is_some());
            texts
                .extend(strange.map(|_| format!("{by} was told of a port that {} does not have", node.name)));
        }
    }
    draft.findings = texts.into_iter().map(finding).collect();
    draft.summary = format!(
        "{} of {} told {}, {} wrong",
        counted(ports, "port"),
        counted(of.len(), "node"),
        counted(answers, "time"),
        draft.findings.len()
    );
    draft
}

/// What a cloud was told of a node's ports while it answers.
fn ports_of<'a>(fact: &'a NodeFact, of: &NodeName) -> Option<(&'a NodeName, &'a [PortSaid])> {
    match &fact.line.fact {
        Fact::Monitored { device, online: true, ports, .. } if device == of.as_str() && !ports.is_empty() => {
            Some((&fact.node, ports))
        }
        _ => None,
    }
}

/// The links of a node in the order of their names, as it tells of them.
fn links(node: &Node) -> Vec<&Link> {
    let by_name: BTreeMap<&str, &Link> = node.links.iter().map(|link| (link.name.as_str(), link)).collect();
    by_name.into_values().collect()
}

/// What a link has, its spare included.
struct Own<'a> {
    node: &'a NodeName,
    link: &'a Link,
    has_spare: bool,
    macs: Vec<Mac>,
    addresses: BTreeSet<IpAddr>,
}

impl<'a> Own<'a> {
    fn of(node: &'a Node, link: &'a Link, seen: &Observations) -> Self {
        let partner = node.partner(link);
        let both = || [Some(link), partner].into_iter().flatten();
        let planned = both().flat_map(|link| &link.addresses).map(|net| net.addr());
        let given = seen.addresses.iter().filter(|one| one.node == node.name).flat_map(|one| &one.addresses);
        let given =
            given.filter(|(name, _)| both().any(|link| link.name == *name)).map(|(_, net)| net.addr());
        Self {
            node: &node.name,
            link,
            has_spare: partner.is_some(),
            macs: both().map(|link| link.mac).collect(),
            addresses: planned.chain(given).collect(),
        }
    }

    /// What a port is said to have and has not.
    fn wrong(&self, told: &PortSaid, by: &NodeName) -> Option<Vec<String>> {
        let Self { node, link, .. } = self;
        let is_own = |mac: &&String| !mac.parse().is_ok_and(|mac| self.macs.contains(&mac));
        let mac = told.mac.as_ref().filter(is_own).map(|mac| {
            format!(
                "{by} was told that {node}'s {} has the Ethernet address {mac}, which is {}",
                link.name, link.mac
            )
        });
        let address =
            told.address.as_deref().map(|net| net.split_once('/').map_or(net, |(address, _)| address));
        let strange =
            address.filter(|one| !one.parse().is_ok_and(|one: IpAddr| self.addresses.contains(&one)));
        let address = strange.map(|one| {
            let has = self.addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ");
            format!(
                "{by} was told that {node}'s {} has the address {one}, which has {}",
                link.name,
                if has.is_empty() { "none" } else { &has }
            )
        });
        Some([mac, address].into_iter().flatten().collect())
    }

    /// What a port has and is not said to have, when it was last told of.
    fn untold(&self, told: Option<&PortSaid>, by: &NodeName) -> Option<String> {
        let lacks =
            |what: &str| Some(format!("{by} was not told {what} of {}'s {}", self.node, self.link.name));
        let has_one = self.addresses.iter().any(IpAddr::is_ipv4) && !self.has_spare;
        match told {
            None => lacks("anything"),
            Some(told) if told.mac.is_none() => lacks("the Ethernet address"),
            Some(told) if told.address.is_none() && has_one => lacks("the address"),
            Some(_) => None,
        }
    }

    /// Whether frames from one of its own Ethernet addresses were heard at its port, or at that of its spare.
    fn is_heard(&self, seen: &Observations) -> bool {
        self.has_spare
            || seen.stations.iter().any(|one| one.port == self.link.port && self.macs.contains(&one.mac))
    }
}

fn finding(text: String) -> Finding {
    Finding { text, pair: None, stops_at: None, packets: Vec::new(), by: None }
}
