//! A fault as written → what is meant: one verb with what belongs to it, on links, nodes and services that there are.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::fault::{End, Fault, Impairment, Part, ServiceWord, Share, Victim};
use super::super::files::Files;
use super::super::leaf::{Healed, Lasting, ServiceRef, Whole};
use super::super::mistakes::{Mistake, Mistakes, nearest};
use super::super::model::{Kind, Node};
use super::super::raw;
use super::super::shape::{At, Slot};
use super::super::tree::Spot;
use super::directory::{Directory, Section};
use super::nodes::rule_file;
use super::or;
use crate::names::{HostName, LinkName, NodeName, PortRef, SpelledName};

/// Reads faults of one place of a scenario.
pub(crate) struct Faults<'a> {
    /// Begins every title: "check `failover`".
    pub(crate) whose: &'a str,
    pub(crate) directory: &'a Directory,
    pub(crate) nodes: &'a BTreeMap<NodeName, Node>,
    pub(crate) files: &'a Files,
    pub(crate) out: &'a mut Mistakes,
}

/// A key of a fault, where its value stands, and for a key that only belongs to others: to which.
struct Written {
    key: &'static str,
    spot: Option<Spot>,
    of: &'static [&'static str],
}

fn written<T>(key: &'static str, slot: &Slot<At<T>>, of: &'static [&'static str]) -> Written {
    Written { key, spot: slot.good().map(|at| at.spot), of }
}

impl Faults<'_> {
    /// What is meant. `at` is the place to show when the fault as a whole is wrong.
    pub(crate) fn read(&mut self, raw: &raw::Fault, at: Spot) -> Option<Fault> {
        let verb = self.verb(raw, at)?;
        for one in belongings(raw) {
            if let Some(spot) = one.spot.filter(|_| !one.of.contains(&verb)) {
                let title = format!("{} has a fault with a key that is not its own", self.whose);
                let of = one.of.iter().map(|of| format!("`{of}`")).collect::<Vec<_>>().join(", ");
                self.out.push(Mistake::error(title, spot, format!("`{}` belongs to {of}", one.key)));
            }
        }
        match verb {
            "cut" => self.cut(raw),
            "heal" => self.heal(raw),
            "swap" => self.swap(raw),
            "flap" => self.flap(raw),
            "kill" => Some(Fault::Kill { of: self.victim(&raw.kill, raw)? }),
            "stop" => Some(Fault::Stop { of: self.victim(&raw.stop, raw)? }),
            "restart" => self.restart(raw),
            "reload" => {
                let gap = raw.gap.good().map(|gap| gap.value.0);
                Some(Fault::Reload { node: self.filtering(&raw.reload)?, gap })
            }
            "load" => self.load(raw),
            "clear_state" => Some(Fault::ClearState { node: self.node(&raw.clear_state)? }),
            "fill_state" => Some(Fault::FillState { node: self.filtering(&raw.fill_state)? }),
            "expire_lease" => self.expire_lease(raw),
            "move_name" => self.move_name(raw),
            "rate" => self.rate(raw),
            _ => self.impair(raw),
        }
    }

    /// Exactly one must stand there.
    fn verb(&mut self, raw: &raw::Fault, at: Spot) -> Option<&'static str> {
        let verbs = verbs(raw);
        let there: Vec<_> = verbs.iter().filter(|(_, absent, _)| !absent).collect();
        match there.as_slice() {
            [(verb, _, bad)] => (!bad).then_some(*verb),
            [] => {
                let all = verbs.iter().map(|(verb, ..)| format!("`{verb}`")).collect::<Vec<_>>().join(", ");
                let title = format!("{} has a fault that does nothing", self.whose);
                self.out.push(Mistake::error(title, at, format!("write one of {all}")));
                None
            }
            many => {
                let all = many.iter().map(|(verb, ..)| format!("`{verb}`")).collect::<Vec<_>>();
                let title = format!("{} has a fault of several kinds", self.whose);
                let label = format!("{} stand together: make a fault of each", all.join(" and "));
                self.out.push(Mistake::error(title, at, label));
                None
            }
        }
    }

    fn node(&mut self, slot: &Slot<At<NodeName>>) -> Option<NodeName> {
        self.directory.one_of(slot.good()?, &[], self.whose, self.out)
    }

    fn link(&mut self, slot: &Slot<At<PortRef>>) -> Option<End> {
        self.end(slot.good()?.as_ref())
    }

    /// A link that there is. A trunk is one cable, so its name stands for all that it carries.
    fn end(&mut self, written: At<&PortRef>) -> Option<End> {
        let At { value: port, spot } = written;
        let name = At { value: port.node.clone(), spot };
        let node = self.directory.one_of(&name, &[], self.whose, self.out)?;
        let cables = cables(self.nodes.get(&node)?);
        if cables.is_empty() {
            return None; // they could not be read, and a mistake says so
        }
        match which(&node, port.link.as_ref(), &cables) {
            Ok(link) => Some(End { node, link }),
            Err(label) => {
                self.out.push(Mistake::error(format!("{} has a fault on no link", self.whose), spot, label));
                None
            }
        }
    }

    fn cut(&mut self, raw: &raw::Fault) -> Option<Fault> {
        let written: Vec<_> = raw.cut.good()?.0.iter().map(|at| (&at.value, at.spot)).collect();
        Some(Fault::Cut { links: self.ends(&written)? })
    }

    fn heal(&mut self, raw: &raw::Fault) -> Option<Fault> {
        let written = &raw.heal.good()?.0;
        let mut links = Vec::new();
        for at in written {
            if let Healed::Link(port) = &at.value {
                links.push((port, at.spot));
            }
        }
        match (links.len(), written.as_slice()) {
            (0, [_]) => Some(Fault::HealAll),
            (named, all) if named == all.len() => Some(Fault::Heal { links: self.ends(&links)? }),
            (_, all) => {
                let spot = all.iter().find(|at| at.value == Healed::All)?.spot;
                let title = format!("{} heals all and something besides", self.whose);
                self.out.push(Mistake::error(title, spot, "`all` takes in every link: it stands alone"));
                None
            }
        }
    }

    /// Links that there are, none of them twice.
    fn ends(&mut self, written: &[(&PortRef, Spot)]) -> Option<Vec<End>> {
        let mut links: Vec<End> = Vec::new();
        let mut complete = true;
        for &(value, spot) in written {
            match self.end(At { value, spot }) {
                Some(end) if links.contains(&end) => {
                    let title = format!("{} names a link twice", self.whose);
                    self.out.push(Mistake::error(title, spot, format!("`{end}` is in the list already")));
                    complete = false;
                }
                Some(end) => links.push(end),
                None => complete = false,
            }
        }
        (complete && !links.is_empty()).then_some(links)
    }

    fn swap(&mut self, raw: &raw::Fault) -> Option<Fault> {
        let list = raw.swap.good()?;
        let whole = !list.incomplete;
        let ends: Vec<_> = list.items.iter().map(|port| self.end(port.as_ref())).collect();
        let spot = list.items.last()?.spot;
        let title = format!("{} swaps what cannot change places", self.whose);
        match ends.as_slice() {
            [Some(one), Some(other)] if one == other => {
                self.out.push(Mistake::error(title, spot, format!("`{other}` with itself")));
                None
            }
            [Some(one), Some(other)] => {
                let trunk =
                    |end: &&End| self.nodes.get(&end.node).is_some_and(|node| is_trunk(node, &end.link));
                if let Some(trunk) = [one, other].into_iter().find(trunk) {
                    let label = format!("`{trunk}` is a trunk: no other port is made for it");
                    self.out.push(Mistake::error(title, spot, label));
                    return None;
                }
                Some(Fault::Swap { links: [one.clone(), other.clone()] })
            }
            [_, _] => None,
            _ => {
                if whole {
                    self.out.push(Mistake::error(
                        title,
                        spot,
                        "two links change places, no more and no less",
                    ));
                }
                None
            }
        }
    }

    fn flap(&mut self, raw: &raw::Fault) -> Option<Fault> {
        let times = or(&raw.times, Whole(3)).0 as u32;
        let every = or(&raw.every, Lasting(Duration::from_secs(1))).0;
        Some(Fault::Flap { link: self.link(&raw.flap)?, times, every })
    }

    /// A node as a whole, or services that it has.
    fn victim(&mut self, slot: &Slot<At<NodeName>>, raw: &raw::Fault) -> Option<Victim> {
        let node = self.node(slot)?;
        let has = services(self.nodes.get(&node)?);
        let asked = match &raw.service {
            Slot::Absent => return Some(Victim { node, part: Part::Whole }),
            Slot::Bad => return None,
            Slot::Good(many) => &many.0,
        };
        let mut services: Vec<ServiceWord> = Vec::new();
        for written in asked {
            let wanted = match written.value {
                ServiceRef::All => has.clone(),
                ServiceRef::One(service) if has.contains(&service) => vec![service],
                ServiceRef::One(_) => Vec::new(),
            };
            if wanted.is_empty() {
                let label = match has.as_slice() {
                    [] => format!("`{node}` has none"),
                    has => format!("`{node}` has {}", listed(has)),
                };
                let title = format!("{} has a fault of a service that is not there", self.whose);
                self.out.push(Mistake::error(title, written.spot, label));
            } else if wanted.iter().any(|service| services.contains(service)) {
                let title = format!("{} names a service twice", self.whose);
                self.out.push(Mistake::error(title, written.spot, "it is in the list already"));
            } else {
                services.extend(wanted);
            }
        }
        (!services.is_empty()).then_some(Victim { node, part: Part::Services(services) })
    }

    /// With a gap it is a node with rules, which come late.
    fn restart(&mut self, raw: &raw::Fault) -> Option<Fault> {
        let of = self.victim(&raw.restart, raw)?;
        let gap = raw.gap.good().map(|gap| (gap.value.0, gap.spot));
        if let Some((_, spot)) = gap {
            self.filtering(&raw.restart)?;
            if of.part != Part::Whole {
                self.lacks(spot, "`gap` is about a node as a whole, which has its links before its rules");
                return None;
            }
        }
        Some(Fault::Restart { of, gap: gap.map(|(gap, _)| gap) })
    }

    /// A node with rules of its own.
    fn filtering(&mut self, slot: &Slot<At<NodeName>>) -> Option<NodeName> {
        let node = self.node(slot)?;
        if self.nodes.get(&node)?.ruleset.is_none() {
            let title = format!("{} has a fault of rules that are not there", self.whose);
            let label = format!("`{node}` has no `ruleset`");
            self.out.push(Mistake::error(title, slot.good()?.spot, label));
            return None;
        }
        Some(node)
    }

    fn load(&mut self, raw: &raw::Fault) -> Option<Fault> {
        let node = self.filtering(&raw.load);
        if raw.ruleset.is_absent() {
            self.lacks(raw.load.good()?.spot, "`load` needs `ruleset`: the file that is loaded");
        }
        let ruleset = rule_file(raw.ruleset.good()?, self.files, self.out);
        let refused = raw.refused.good().is_some_and(|refused| refused.value);
        Some(Fault::Load { node: node?, ruleset, refused })
    }

    fn expire_lease(&mut self, raw: &raw::Fault) -> Option<Fault> {
        let link = self.link(&raw.expire_lease)?;
        let node = self.nodes.get(&link.node)?;
        if !node.links.iter().any(|have| have.name == link.link && have.dhcp.is_some()) {
            let title = format!("{} lets a lease expire that is not there", self.whose);
            let label = format!("`{link}` has its address for good: it does not ask for it by DHCP");
            self.out.push(Mistake::error(title, raw.expire_lease.good()?.spot, label));
            return None;
        }
        Some(Fault::ExpireLease { link })
    }

    fn move_name(&mut self, raw: &raw::Fault) -> Option<Fault> {
        let name = raw.move_name.good()?;
        if !self.directory.has(Section::Cloud) {
            let title = format!("{} moves a name that nobody answers", self.whose);
            self.out.push(Mistake::error(title, name.spot, "the site has no cloud"));
        }
        let default = Duration::from_secs(60);
        let ttl = or(&raw.ttl, Lasting(default)).0;
        if let Some(written) = raw.ttl.good().filter(|_| ttl.subsec_millis() > 0) {
            let title = format!("{} keeps a name for less than a second's part", self.whose);
            let label = "whole seconds, as the DNS counts them (RFC 1035, section 3.2.1)";
            self.out.push(Mistake::error(title, written.spot, label));
        }
        let to = match &raw.to {
            Slot::Bad => return None,
            slot => slot.good().map(|to| to.value),
        };
        let asked_by = if raw.asked_by.is_absent() { None } else { Some(self.asker(raw)?) };
        let asked_as = match &raw.asked_as {
            Slot::Bad => return None,
            Slot::Absent => None,
            Slot::Good(_) => Some(self.spelled(raw, &name.value)?),
        };
        Some(Fault::MoveName { name: name.value.clone(), to, ttl, asked_by, asked_as })
    }

    /// Who looks a name up: somebody with a name server.
    fn asker(&mut self, raw: &raw::Fault) -> Option<NodeName> {
        let written = raw.asked_by.good()?;
        if raw.to.is_absent() {
            self.lacks(written.spot, "`asked_by` needs `to`: the address that is answered");
        }
        let asker = self.node(&raw.asked_by)?;
        if self.nodes.get(&asker)?.resolver.is_none() {
            let title = format!("{} has a name asked for by who asks nobody", self.whose);
            let label = format!("`{asker}` has no `resolver`");
            self.out.push(Mistake::error(title, written.spot, label));
            return None;
        }
        Some(asker)
    }

    /// The name that is moved, in the letters of who asks for it.
    fn spelled(&mut self, raw: &raw::Fault, name: &HostName) -> Option<SpelledName> {
        let written = raw.asked_as.good()?;
        if raw.asked_by.is_absent() {
            self.lacks(written.spot, "`asked_as` needs `asked_by`: the node that spells it so");
            return None;
        }
        if !written.value.is(name) {
            let title = format!("{} has another name asked for", self.whose);
            let label = format!("this is not `{name}`, however it is spelled");
            self.out.push(Mistake::error(title, written.spot, label));
            return None;
        }
        Some(written.value.clone())
    }

    fn rate(&mut self, raw: &raw::Fault) -> Option<Fault> {
        let link = self.link(&raw.rate);
        if raw.at_rate.is_absent() {
            self.lacks(raw.rate.good()?.spot, "`rate` needs `at`: how much passes, such as `2mbit`");
        }
        Some(Fault::Rate { link: link?, at: raw.at_rate.good()?.value })
    }

    fn impair(&mut self, raw: &raw::Fault) -> Option<Fault> {
        let link = self.link(&raw.impair);
        let none = Share::default();
        let how = Impairment {
            delay: or(&raw.delay, Lasting(Duration::ZERO)).0,
            jitter: or(&raw.jitter, Lasting(Duration::ZERO)).0,
            loss: or(&raw.loss, none),
            duplicate: or(&raw.duplicate, none),
            reorder: or(&raw.reorder, none),
        };
        let unread = [raw.delay.is_bad(), raw.jitter.is_bad(), raw.loss.is_bad()];
        if unread.contains(&true) || raw.duplicate.is_bad() || raw.reorder.is_bad() {
            return None;
        }
        if let Some((key, why)) = how.wrong() {
            let spot = match key {
                "jitter" => raw.jitter.good().map(|at| at.spot),
                "reorder" => raw.reorder.good().map(|at| at.spot),
                _ => raw.impair.good().map(|at| at.spot),
            };
            self.lacks(spot?, &format!("`{key}` {why}"));
            return None;
        }
        Some(Fault::Impair { link: link?, how })
    }

    fn lacks(&mut self, spot: Spot, label: &str) {
        self.out.push(Mistake::error(format!("{} has half a fault", self.whose), spot, label));
    }
}

/// The keys that say what is done: whether each is left out, or cannot be read.
fn verbs(raw: &raw::Fault) -> [(&'static str, bool, bool); 15] {
    fn state<T>(verb: &'static str, slot: &Slot<T>) -> (&'static str, bool, bool) {
        (verb, slot.is_absent(), slot.is_bad())
    }
    [
        state("cut", &raw.cut),
        state("heal", &raw.heal),
        state("swap", &raw.swap),
        state("flap", &raw.flap),
        state("kill", &raw.kill),
        state("stop", &raw.stop),
        state("restart", &raw.restart),
        state("reload", &raw.reload),
        state("load", &raw.load),
        state("clear_state", &raw.clear_state),
        state("fill_state", &raw.fill_state),
        state("expire_lease", &raw.expire_lease),
        state("move_name", &raw.move_name),
        state("rate", &raw.rate),
        state("impair", &raw.impair),
    ]
}

/// The other keys.
fn belongings(raw: &raw::Fault) -> [Written; 16] {
    let service = raw.service.good().and_then(|many| many.0.first()).map(|at| at.spot);
    [
        written("times", &raw.times, &["flap"]),
        written("every", &raw.every, &["flap"]),
        Written { key: "service", spot: service, of: &["kill", "stop", "restart"] },
        written("gap", &raw.gap, &["reload", "restart"]),
        written("ruleset", &raw.ruleset, &["load"]),
        written("refused", &raw.refused, &["load"]),
        written("to", &raw.to, &["move_name"]),
        written("ttl", &raw.ttl, &["move_name"]),
        written("asked_by", &raw.asked_by, &["move_name"]),
        written("asked_as", &raw.asked_as, &["move_name"]),
        written("at", &raw.at_rate, &["rate"]),
        written("delay", &raw.delay, &["impair"]),
        written("jitter", &raw.jitter, &["impair"]),
        written("loss", &raw.loss, &["impair"]),
        written("duplicate", &raw.duplicate, &["impair"]),
        written("reorder", &raw.reorder, &["impair"]),
    ]
}

/// What can be plugged in and out: each link or trunk, and the links that it carries.
fn cables(node: &Node) -> Vec<(&LinkName, Vec<&LinkName>)> {
    let mut cables: Vec<(&LinkName, Vec<&LinkName>)> = Vec::new();
    for link in &node.links {
        let end = link.trunk.as_ref().unwrap_or(&link.name);
        match cables.iter_mut().find(|(have, _)| *have == end) {
            Some((_, carried)) => carried.push(&link.name),
            None => cables.push((end, vec![&link.name])),
        }
    }
    cables
}

fn is_trunk(node: &Node, end: &LinkName) -> bool {
    node.links.iter().any(|link| link.trunk.as_ref() == Some(end))
}

/// Which cable of a node is meant, or what is wrong: the same words for a scenario and for the command line.
pub(crate) fn which(
    node: &NodeName,
    written: Option<&LinkName>,
    cables: &[(&LinkName, Vec<&LinkName>)],
) -> Result<LinkName, String> {
    let all = || cables.iter().map(|(end, _)| format!("`{node}.{end}`")).collect::<Vec<_>>().join(", ");
    let Some(written) = written else {
        return match cables {
            [(one, _)] => Ok((*one).clone()),
            _ => Err(format!("say which link: {}", all())),
        };
    };
    if cables.iter().any(|(end, _)| *end == written) {
        return Ok(written.clone());
    }
    if let Some((trunk, _)) = cables.iter().find(|(_, carried)| carried.contains(&written)) {
        return Err(format!("`{written}` is one VLAN of the trunk `{trunk}`: name `{node}.{trunk}`"));
    }
    Err(match nearest(written.as_str(), cables.iter().map(|(end, _)| end.as_str())) {
        Some(near) => format!("`{node}` has no link `{written}`; did you mean `{node}.{near}`?"),
        None => format!("`{node}` has no link `{written}`; it has {}", all()),
    })
}

/// The services that a node has.
fn services(node: &Node) -> Vec<ServiceWord> {
    let own = match &node.kind {
        Kind::Camera(_) => vec![(ServiceWord::Camera, node.run.is_none())],
        Kind::Appliance(_) => vec![(ServiceWord::Appliance, node.run.is_none())],
        Kind::Cloud(_) => vec![(ServiceWord::Cloud, true)],
        Kind::Router(router) => vec![
            (ServiceWord::Dns, !router.dns.is_empty()),
            (ServiceWord::Ntp, !router.ntp.is_empty()),
            (ServiceWord::Dhcp, !router.dhcp.is_empty()),
            (ServiceWord::Ra, !router.ra.is_empty()),
        ],
        Kind::Host(host) => vec![
            (ServiceWord::Dhcp, !host.dhcp.is_empty()),
            (ServiceWord::Plays, !host.plays.is_empty()),
            (ServiceWord::Operates, host.operates.is_some()),
        ],
    };
    let leased = node.links.iter().any(|link| link.dhcp.is_some());
    let asks = |name: &LinkName| node.links.iter().any(|link| link.name == *name && link.dhcp.is_some());
    // A client moves from one link to the other by itself.
    let spare = node.links.iter().filter_map(|link| link.spare_of.as_ref()).any(|main| !asks(main));
    let all = own.into_iter().chain([
        (ServiceWord::Lease, leased),
        (ServiceWord::Spare, spare),
        (ServiceWord::Run, node.run.is_some()),
    ]);
    all.filter(|(_, there)| *there).map(|(service, _)| service).collect()
}

fn listed(services: &[ServiceWord]) -> String {
    services.iter().map(|service| format!("`{service}`")).collect::<Vec<_>>().join(", ")
}
