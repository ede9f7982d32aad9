//! A fault with all that it takes: which ports of the fabric, which services, which servers.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::model::{Link, Node, Plan, Role, Service, ServiceKind};
use crate::names::{HostName, LinkName, Mac, NodeName, PortRef, SpelledName};
use crate::scenario::fault::{self as written, BitRate, End, Impairment, Part, ServiceWord, Victim};
use crate::scenario::model::{CloudService, RuleFile};
use crate::scenario::{nearest, which_cable};

/// One thing that is done to a site that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The port loses its carrier for whoever is plugged in.
    Cut(Vec<Plug>),
    /// The port is as the plan has it: up, in its own bridge or VLAN, neither slow nor lossy.
    Heal(Vec<Plug>),
    /// Everything that is in force is mended, the last first.
    HealAll,
    /// Two ports change bridges, or VLANs.
    Swap(Plug, Plug),
    /// The port loses its carrier and gets it back.
    Flap {
        /// Which.
        plug: Plug,
        /// How often.
        times: u32,
        /// From one loss to the next; without carrier for half of it.
        every: Duration,
    },
    /// Services end at once.
    Kill(Running),
    /// Services end in good order.
    Stop(Running),
    /// Services, or the node as a whole, begin anew.
    Restart(Running),
    /// The node's own rule file is loaded anew.
    Reload {
        /// Whose.
        node: NodeName,
        /// Path below the scenario's folder.
        ruleset: String,
        /// Whether it is another file than the plan's.
        other: bool,
        /// For how long no rules stand in between; none: it is one transaction.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gap: Option<Duration>,
    },
    /// A rule file is loaded that must be refused: the rules stay as they were.
    Refuse {
        /// Whose.
        node: NodeName,
        /// Path below the scenario's folder.
        ruleset: String,
    },
    /// Connection tracking is filled until it takes no more.
    FillState {
        /// Whose.
        node: NodeName,
    },
    /// Connection tracking is emptied.
    ClearState {
        /// Whose.
        node: NodeName,
    },
    /// The server forgets a lease, and the client asks anew.
    ExpireLease(Lease),
    /// The clouds answer a name otherwise.
    MoveName {
        /// The name.
        name: HostName,
        /// Its address from now on; none: as at first.
        to: Option<IpAddr>,
        /// For how long an answer may be kept.
        ttl: Duration,
        /// The clouds that answer names.
        clouds: Vec<NodeName>,
        /// Who looks it up then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asked_by: Option<Asker>,
    },
    /// What passes the cable is bounded, each way.
    Rate {
        /// Which cable.
        plug: Plug,
        /// How much.
        at: BitRate,
    },
    /// Frames on the cable are delayed, lost, doubled or overtaken, each way.
    Impair {
        /// Which cable.
        plug: Plug,
        /// How.
        how: Impairment,
    },
}

/// A cable, by all that it carries: which of the fabric's devices that is hangs on how VLANs are realised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plug {
    /// As it is written.
    pub end: End,
    /// The links that it carries, by their ports in the plan.
    pub ports: Vec<LinkName>,
}

/// What of a node runs, or does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// The node.
    pub node: NodeName,
    /// Its services, as places in the plan's list, ascending.
    pub services: Vec<usize>,
    /// The node's cables, if all of it is meant: without power no carrier.
    pub whole: Option<Vec<Plug>>,
    /// Of a whole node that is started again: for how long its links are up before its rules are loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<Duration>,
    /// As it is written.
    pub written: Victim,
}

/// Who looks a name up, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asker {
    /// The node.
    pub node: NodeName,
    /// The first of its name servers.
    pub server: IpAddr,
    /// As it spells the name; none: as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spelled: Option<SpelledName>,
}

/// A lease, as the two that know it do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// As it is written.
    pub end: End,
    /// Who has it.
    pub client: usize,
    /// Who gave it, as a place in the plan's list of services.
    pub server: usize,
    /// Whose Ethernet address it is known by.
    pub mac: Mac,
    /// The address that the plan expects it to be of.
    pub address: Ipv4Addr,
}

impl Fault {
    /// Where in the fabric: the cables that it changes.
    pub fn plugs(&self) -> Vec<&Plug> {
        match self {
            Fault::Cut(plugs) | Fault::Heal(plugs) => plugs.iter().collect(),
            Fault::Swap(one, other) => vec![one, other],
            Fault::Flap { plug, .. } | Fault::Rate { plug, .. } | Fault::Impair { plug, .. } => vec![plug],
            Fault::Kill(of) | Fault::Stop(of) | Fault::Restart(of) => of.whole.iter().flatten().collect(),
            _ => Vec::new(),
        }
    }
}

impl Fault {
    /// Whether it is about what a filter goes by, its rules and its connections: then what it lets through is worth a look at each cell.
    pub fn is_about_rules(&self) -> bool {
        match self {
            Fault::Reload { .. }
            | Fault::Refuse { .. }
            | Fault::FillState { .. }
            | Fault::ClearState { .. } => true,
            Fault::Restart(of) => of.whole.is_some(),
            _ => false,
        }
    }

    /// Whether nothing of it is left to stand once it has been carried out.
    pub fn is_over_at_once(&self) -> bool {
        match self {
            Fault::Reload { other, .. } => !other,
            Fault::Restart(_)
            | Fault::Refuse { .. }
            | Fault::ClearState { .. }
            | Fault::Flap { .. }
            | Fault::ExpireLease(_) => true,
            _ => false,
        }
    }
}

impl Fault {
    /// Whether nothing of it is in force before it has been carried out to its end.
    pub fn takes_hold_at_its_end(&self) -> bool {
        matches!(self, Fault::FillState { .. })
    }
}

impl Plan {
    /// Whether a fault may change rules, routes or settings of this node. What one that mends all may change is for
    /// whoever carries it out to tell.
    pub fn changes(&self, fault: &Fault, node: &NodeName) -> bool {
        let plugged = |plug: &&Plug| {
            let of = self.nodes.iter().find(|one| one.name == *node);
            of.is_some_and(|of| of.links.iter().any(|link| plug.ports.contains(&link.port)))
        };
        let itself = match fault {
            // That is done in the fabric.
            Fault::Rate { .. } | Fault::Impair { .. } => return false,
            Fault::Kill(of) | Fault::Stop(of) | Fault::Restart(of) => of.node == *node,
            // The same rules anew are no change, nor are others that are refused.
            Fault::Reload { node: of, other: true, .. } => of == node,
            Fault::ExpireLease(lease) => {
                self.services.get(lease.client).is_some_and(|client| client.node == *node)
            }
            _ => false,
        };
        itself || fault.plugs().iter().any(plugged)
    }

    /// All others that join a segment of a node's.
    pub fn neighbours(&self, node: &NodeName) -> impl Iterator<Item = &Node> {
        let own = self.node(node).map_or(&[][..], |node| &node.links);
        let joins = move |other: &Node| {
            other.links.iter().any(|link| own.iter().any(|mine| mine.segment == link.segment))
        };
        self.nodes.iter().filter(move |other| other.name != *node && joins(other))
    }

    /// Whether a node has routes as others tell it: by DHCP, or by router advertisements.
    pub fn is_told_routes(&self, node: &NodeName) -> bool {
        let asks = |service: &Service| {
            service.node == *node && matches!(service.kind, ServiceKind::DhcpClient { .. })
        };
        let advised = |of: &Node| of.links.iter().any(|link| !link.advised.is_empty());
        self.services.iter().any(asks) || self.node(node).is_some_and(advised)
    }
}

/// In the words of the command line.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.written().fmt(f)
    }
}

impl Fault {
    /// As it is written.
    fn written(&self) -> written::Fault {
        use written::Fault as Written;
        let link = |plug: &Plug| plug.end.clone();
        match self {
            Fault::Cut(plugs) => Written::Cut { links: plugs.iter().map(link).collect() },
            Fault::Heal(plugs) => Written::Heal { links: plugs.iter().map(link).collect() },
            Fault::HealAll => Written::HealAll,
            Fault::Swap(one, other) => Written::Swap { links: [link(one), link(other)] },
            Fault::Flap { plug, times, every } => {
                Written::Flap { link: link(plug), times: *times, every: *every }
            }
            Fault::Kill(of) => Written::Kill { of: of.written.clone() },
            Fault::Stop(of) => Written::Stop { of: of.written.clone() },
            Fault::Restart(of) => Written::Restart { of: of.written.clone(), gap: of.gap },
            Fault::Reload { node, other: false, gap, .. } => {
                Written::Reload { node: node.clone(), gap: *gap }
            }
            Fault::Reload { node, ruleset, .. } => Written::Load {
                node: node.clone(),
                ruleset: RuleFile { path: ruleset.clone() },
                refused: false,
            },
            Fault::Refuse { node, ruleset } => Written::Load {
                node: node.clone(),
                ruleset: RuleFile { path: ruleset.clone() },
                refused: true,
            },
            Fault::FillState { node } => Written::FillState { node: node.clone() },
            Fault::ClearState { node } => Written::ClearState { node: node.clone() },
            Fault::ExpireLease(lease) => Written::ExpireLease { link: lease.end.clone() },
            Fault::MoveName { name, to, ttl, asked_by, .. } => {
                let asked_as = asked_by.as_ref().and_then(|asker| asker.spelled.clone());
                let asked_by = asked_by.as_ref().map(|asker| asker.node.clone());
                Written::MoveName { name: name.clone(), to: *to, ttl: *ttl, asked_by, asked_as }
            }
            Fault::Rate { plug, at } => Written::Rate { link: link(plug), at: *at },
            Fault::Impair { plug, how } => Written::Impair { link: link(plug), how: *how },
        }
    }
}

impl Plan {
    /// What a fault that is written comes to in this plan.
    ///
    /// Errors: what it names is not there, in words that say what is; or it is [out of
    /// range](written::Fault::out_of_range).
    pub fn fault(&self, fault: &written::Fault) -> Result<Fault, String> {
        use written::Fault as Written;
        if let Some(words) = fault.out_of_range() {
            return Err(words);
        }
        Ok(match fault {
            Written::Cut { links } => Fault::Cut(self.plugs(links)?),
            Written::Heal { links } => Fault::Heal(self.plugs(links)?),
            Written::HealAll => Fault::HealAll,
            Written::Swap { links: [one, other] } => self.swap(self.plug(one)?, self.plug(other)?)?,
            Written::Flap { link, times, every } => {
                Fault::Flap { plug: self.plug(link)?, times: *times, every: *every }
            }
            Written::Kill { of } => Fault::Kill(self.running(of)?),
            Written::Stop { of } => Fault::Stop(self.running(of)?),
            Written::Restart { of, gap } => Fault::Restart(self.restarting(of, *gap)?),
            Written::Reload { node, gap } => self.reload(node, None, *gap)?,
            Written::Load { node, ruleset, refused: false } => {
                self.reload(node, Some(&ruleset.path), None)?
            }
            Written::Load { node, ruleset, refused: true } => {
                self.reload(node, Some(&ruleset.path), None)?;
                Fault::Refuse { node: node.clone(), ruleset: ruleset.path.clone() }
            }
            Written::FillState { node } => Fault::FillState { node: self.known(node)?.name.clone() },
            Written::ClearState { node } => Fault::ClearState { node: self.known(node)?.name.clone() },
            Written::ExpireLease { link } => Fault::ExpireLease(self.lease(link)?),
            Written::MoveName { name, to, ttl, asked_by, asked_as } => {
                let asker = |node| self.asker(node, asked_as.clone());
                let asked_by = asked_by.as_ref().map(asker).transpose()?;
                Fault::MoveName {
                    name: name.clone(),
                    to: *to,
                    ttl: *ttl,
                    clouds: self.answering()?,
                    asked_by,
                }
            }
            Written::Rate { link, at } => Fault::Rate { plug: self.plug(link)?, at: *at },
            Written::Impair { link, how } => Fault::Impair { plug: self.plug(link)?, how: *how },
        })
    }

    /// A fault with its links named in full.
    ///
    /// Errors: as [`Plan::end`].
    pub fn named(&self, fault: written::Fault<PortRef>) -> Result<written::Fault, String> {
        fault.try_map(|port| self.end(&port.node, port.link.as_ref()))
    }

    /// Which cable of a node is meant where perhaps only the node is named.
    ///
    /// Errors: there is no such node or link, or it is not clear which; in words that say which there are.
    pub fn end(&self, node: &NodeName, link: Option<&LinkName>) -> Result<End, String> {
        let known = self.known(node)?;
        let cables = cables(known);
        let cables: Vec<_> = cables
            .iter()
            .map(|(end, links)| (*end, links.iter().map(|link| &link.name).collect::<Vec<_>>()))
            .collect();
        Ok(End { node: node.clone(), link: which_cable(node, link, &cables)? })
    }

    fn known(&self, name: &NodeName) -> Result<&Node, String> {
        self.node(name).ok_or_else(|| {
            let names = self.nodes.iter().map(|node| node.name.as_str());
            match nearest(name.as_str(), names) {
                Some(near) => format!("no node is called `{name}`; did you mean `{near}`?"),
                None => format!("no node is called `{name}`; there are {}", self.some_nodes()),
            }
        })
    }

    /// The first nodes of the site, for a message.
    fn some_nodes(&self) -> String {
        const SHOWN: usize = 12;
        let names = self.nodes.iter().take(SHOWN).map(|node| format!("`{}`", node.name));
        let more = if self.nodes.len() > SHOWN { ", …" } else { "" };
        format!("{}{more}", names.collect::<Vec<_>>().join(", "))
    }

    fn plugs(&self, ends: &[End]) -> Result<Vec<Plug>, String> {
        ends.iter().map(|end| self.plug(end)).collect()
    }

    fn plug(&self, end: &End) -> Result<Plug, String> {
        let end = self.end(&end.node, Some(&end.link))?;
        let node = self.known(&end.node)?;
        let cables = cables(node);
        let carried = cables.iter().find(|(name, _)| **name == end.link).map(|(_, links)| links);
        let ports = carried.into_iter().flatten().map(|link| link.port.clone()).collect();
        Ok(Plug { end, ports })
    }

    /// A trunk's plug carries tags that no other port of the site takes.
    fn swap(&self, one: Plug, other: Plug) -> Result<Fault, String> {
        if one.end == other.end {
            return Err(format!("`{}` cannot change places with itself", one.end));
        }
        let access = |plug: &Plug| self.node(&plug.end.node).is_some_and(|node| node.has(&plug.end.link));
        for plug in [&one, &other] {
            if !access(plug) {
                return Err(format!("`{}` is a trunk: no other port is made for it", plug.end));
            }
        }
        Ok(Fault::Swap(one, other))
    }

    fn running(&self, of: &Victim) -> Result<Running, String> {
        let node = self.known(&of.node)?;
        let own: Vec<_> =
            self.services.iter().enumerate().filter(|(_, service)| service.node == of.node).collect();
        let has: Vec<ServiceWord> = own.iter().map(|(_, service)| service.word(node.role)).collect();
        let wanted: &[ServiceWord] = match &of.part {
            Part::Services(wanted) => wanted,
            Part::Whole | Part::AllServices => &[],
        };
        let none = of.part == Part::AllServices && has.is_empty();
        if let Some(missing) = wanted.iter().find(|wanted| !has.contains(wanted)) {
            let mut has: Vec<_> = has.iter().map(|service| format!("`{service}`")).collect();
            has.dedup();
            let has = if has.is_empty() { "none".into() } else { has.join(", ") };
            return Err(format!("`{}` has no service `{missing}`; it has {has}", of.node));
        }
        if none {
            return Err(format!("`{}` has no services", of.node));
        }
        let whole = of.part == Part::Whole;
        let meant = |service: &Service| wanted.is_empty() || wanted.contains(&service.word(node.role));
        let services = own.iter().filter(|(_, service)| meant(service)).map(|(place, _)| *place).collect();
        let all = || {
            cables(node)
                .into_iter()
                .map(|(end, _)| self.plug(&End { node: of.node.clone(), link: end.clone() }))
        };
        let whole = whole.then(|| all().collect::<Result<_, _>>()).transpose()?;
        Ok(Running { node: of.node.clone(), services, whole, gap: None, written: of.clone() })
    }

    fn restarting(&self, of: &Victim, gap: Option<Duration>) -> Result<Running, String> {
        let running = self.running(of)?;
        if gap.is_some() && self.known(&of.node)?.ruleset.is_none() {
            return Err(format!("`{}` has no rule file", of.node));
        }
        Ok(Running { gap, ..running })
    }

    fn reload(&self, name: &NodeName, file: Option<&String>, gap: Option<Duration>) -> Result<Fault, String> {
        let node = self.known(name)?;
        let own = node.ruleset.as_ref().ok_or_else(|| format!("`{name}` has no rule file"))?;
        let ruleset = file.unwrap_or(own).clone();
        Ok(Fault::Reload { node: name.clone(), other: ruleset != *own, ruleset, gap })
    }

    fn lease(&self, end: &End) -> Result<Lease, String> {
        let end = self.end(&end.node, Some(&end.link))?;
        let node = self.known(&end.node)?;
        let link = node.links.iter().find(|link| link.name == end.link);
        let leased = link.and_then(|link| Some((link, link.leased?)));
        let Some((link, leased)) = leased else {
            return Err(format!("`{end}` has its address for good: it does not ask for it by DHCP"));
        };
        let place = |is_it: &dyn Fn(&Service) -> bool| self.services.iter().position(is_it);
        let client = place(&|service| match &service.kind {
            ServiceKind::DhcpClient { link, .. } => service.node == end.node && *link == end.link,
            _ => false,
        });
        let server = place(&|service| match &service.kind {
            ServiceKind::DhcpServer { subnet, .. } => IpAddr::V4(subnet.network()) == leased.network(),
            _ => false,
        });
        match (client, server, leased.addr()) {
            (Some(client), Some(server), IpAddr::V4(address)) => {
                Ok(Lease { client, server, mac: link.mac, address, end })
            }
            _ => Err(format!("nobody hands out the address of `{end}`")),
        }
    }

    /// A node that looks names up.
    ///
    /// Errors: there is no such node, or it has no name server.
    fn asker(&self, node: &NodeName, spelled: Option<SpelledName>) -> Result<Asker, String> {
        let node = self.known(node)?;
        let server = node.nameservers.first().copied();
        let server = server.ok_or_else(|| format!("`{}` asks no name server", node.name))?;
        Ok(Asker { node: node.name.clone(), server, spelled })
    }

    /// The clouds that answer names.
    fn answering(&self) -> Result<Vec<NodeName>, String> {
        let answers = |service: &&Service| match &service.kind {
            ServiceKind::Cloud { binds, .. } => binds.iter().any(|(what, _)| *what == CloudService::Dns),
            _ => false,
        };
        let clouds: Vec<_> =
            self.services.iter().filter(answers).map(|service| service.node.clone()).collect();
        if clouds.is_empty() { Err("the site has no cloud that answers names".into()) } else { Ok(clouds) }
    }
}

impl Node {
    /// Whether it has a link of this name that is no VLAN of a trunk.
    fn has(&self, link: &LinkName) -> bool {
        self.links.iter().any(|have| have.name == *link && have.trunk.is_none())
    }
}

impl Service {
    /// What it is called where a fault names it.
    pub fn word(&self, role: Role) -> ServiceWord {
        match &self.kind {
            ServiceKind::Cloud { .. } => ServiceWord::Cloud,
            ServiceKind::Resolver { .. } => ServiceWord::Dns,
            ServiceKind::Clock { .. } => ServiceWord::Ntp,
            ServiceKind::DhcpServer { .. } => ServiceWord::Dhcp,
            ServiceKind::Advertiser { .. } => ServiceWord::Ra,
            ServiceKind::DhcpClient { .. } => ServiceWord::Lease,
            ServiceKind::Spare { .. } => ServiceWord::Spare,
            ServiceKind::Camera { .. } => ServiceWord::Camera,
            ServiceKind::Appliance { .. } if role == Role::Appliance => ServiceWord::Appliance,
            ServiceKind::Appliance { .. } => ServiceWord::Plays,
            ServiceKind::Operator { .. } => ServiceWord::Operates,
            ServiceKind::Command { .. } => ServiceWord::Run,
        }
    }
}

/// What can be plugged in and out: each link or trunk, and the links that it carries.
fn cables(node: &Node) -> Vec<(&LinkName, Vec<&Link>)> {
    let mut cables: Vec<(&LinkName, Vec<&Link>)> = Vec::new();
    for link in &node.links {
        let end = link.trunk.as_ref().unwrap_or(&link.name);
        match cables.iter_mut().find(|(have, _)| *have == end) {
            Some((_, carried)) => carried.push(link),
            None => cables.push((end, vec![link])),
        }
    }
    cables
}
