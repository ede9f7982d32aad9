//! Switches: every link on one port at most, every name a link.

use std::collections::BTreeMap;

use super::super::files::Files;
use super::super::mistakes::{Mistake, Mistakes, nearest};
use super::super::model::{Link, Node, Switch};
use super::super::raw::Site;
use super::super::shape::At;
use super::super::tree::Spot;
use super::directory::Directory;
use super::nodes::rule_file;
use super::segments::Segments;
use super::uplinks;
use crate::names::{LinkName, NodeName, PortRef, SwitchName};

/// A link by its node; for a trunk, by the trunk's name.
type Port = (NodeName, LinkName);

/// Every switch of the site.
pub(crate) fn build(
    site: &Site,
    directory: &Directory,
    nodes: &BTreeMap<NodeName, Node>,
    segments: &Segments,
    files: &Files,
    out: &mut Mistakes,
) -> BTreeMap<SwitchName, Switch> {
    let mut switches = BTreeMap::new();
    let mut plugged: BTreeMap<Port, Spot> = BTreeMap::new();
    for (name, raw) in site.switches.good().map_or(&[][..], |named| &named.entries) {
        let Some(raw) = raw else { continue };
        let mut reader = Reader { directory, nodes, out };
        let access = reader.ports(raw.access.list(), false);
        let trunk = reader.ports(raw.trunk.list(), true);
        let isolate = reader.ports(raw.isolate.list(), false);
        if access.is_empty()
            && trunk.is_empty()
            && raw.access.is_absent()
            && raw.trunk.is_absent()
            && raw.uplinks.is_absent()
        {
            out.push(Mistake::error("a switch without ports", name.spot, "write `access` or `trunk`"));
        }
        for (port, spot) in access.iter().chain(&trunk) {
            if let Some(first) = plugged.insert(port.clone(), *spot) {
                let label = format!("`{}.{}` again", port.0, port.1);
                let mistake = Mistake::error("a link is plugged in twice", *spot, label);
                out.push(mistake.also(first, "here already"));
            }
        }
        for (index, (port, spot)) in isolate.iter().enumerate() {
            if isolate[..index].iter().any(|(other, _)| other == port) {
                let label = format!("`{}.{}` again", port.0, port.1);
                out.push(Mistake::error("a link is isolated twice", *spot, label));
            } else if !access.iter().any(|(other, _)| other == port) {
                let label = format!("`{}.{}` is not in this switch's `access`", port.0, port.1);
                out.push(Mistake::error("only a link of this switch can be isolated", *spot, label));
            }
        }
        check_vlans(&access, nodes, segments, out);
        let bare = |ports: Vec<(Port, Spot)>| ports.into_iter().map(|(port, _)| port).collect();
        let ruleset = raw.ruleset.good().map(|path| rule_file(path, files, out));
        let uplinks = BTreeMap::new();
        let (access, trunk, isolate) = (bare(access), bare(trunk), bare(isolate));
        let switch = Switch { access, trunk, isolate, uplinks, ruleset };
        switches.insert(name.value.clone(), switch);
    }
    uplinks::build(site, nodes, segments, &mut switches, out);
    switches
}

/// Two segments on one switch need two VLAN numbers, else they are one broadcast domain.
fn check_vlans(
    access: &[(Port, Spot)],
    nodes: &BTreeMap<NodeName, Node>,
    segments: &Segments,
    out: &mut Mistakes,
) {
    let mut seen: Vec<(Option<u16>, &str, Spot)> = Vec::new();
    for ((node, link), spot) in access {
        let link = nodes.get(node).and_then(|node| node.links.iter().find(|have| have.name == *link));
        let Some(known) = link.and_then(|link| segments.known.get(&link.segment)) else { continue };
        let (vlan, name) = (known.segment.vlan.map(u16::from), link.map_or("", |link| link.segment.as_str()));
        match seen.iter().find(|(other, segment, _)| *other == vlan && *segment != name) {
            Some((_, segment, first)) if known.whole => {
                let what = vlan.map_or("no VLAN".to_owned(), |vlan| format!("VLAN {vlan}"));
                let label = format!("`{name}` has {what}, and so has `{segment}`");
                let mistake =
                    Mistake::error("two segments of a switch that it cannot tell apart", *spot, label);
                out.push(mistake.also(*first, format!("a link of `{segment}`")));
                return;
            }
            _ => seen.push((vlan, name, *spot)),
        }
    }
}

struct Reader<'a> {
    directory: &'a Directory,
    nodes: &'a BTreeMap<NodeName, Node>,
    out: &'a mut Mistakes,
}

impl Reader<'_> {
    fn ports(&mut self, refs: &[At<PortRef>], trunk: bool) -> Vec<(Port, Spot)> {
        let mut ports = Vec::new();
        for port in refs {
            let name = At { value: port.value.node.clone(), spot: port.spot };
            let Some(entry) = self.directory.find(&name, "a switch", self.out) else { continue };
            for member in &entry.members {
                let Some(node) = self.nodes.get(member) else { continue };
                let link = if trunk { self.trunk(node, port) } else { self.access(node, port) };
                match link {
                    Some(link) => ports.push(((member.clone(), link), port.spot)),
                    None => break, // the others of a group are alike
                }
            }
        }
        ports
    }

    fn access(&mut self, node: &Node, port: &At<PortRef>) -> Option<LinkName> {
        let own: Vec<&Link> = node.links.iter().collect();
        match (&port.value.link, own.as_slice()) {
            (_, []) => None,
            (None, [one]) if one.trunk.is_none() => Some(one.name.clone()),
            (None, _) => {
                let name = &node.name;
                let all =
                    own.iter().map(|link| format!("`{name}.{}`", link.trunk.as_ref().unwrap_or(&link.name)));
                let mut all: Vec<_> = all.collect();
                all.dedup();
                let label = format!("say which link: {}", all.join(" or "));
                self.out.push(Mistake::error(
                    "which link goes into the switch is not clear",
                    port.spot,
                    label,
                ));
                None
            }
            (Some(link), _) => match own.iter().find(|have| have.name == *link) {
                Some(have) if have.trunk.is_none() => Some(link.clone()),
                Some(_) => {
                    let label = format!("`{link}` is part of a trunk: name the trunk, under `trunk`");
                    self.out.push(Mistake::error("a trunk on an access port", port.spot, label));
                    None
                }
                None if own.iter().any(|have| have.trunk.as_ref() == Some(link)) => {
                    let label = format!("`{link}` is a trunk: it goes under `trunk`");
                    self.out.push(Mistake::error("a trunk on an access port", port.spot, label));
                    None
                }
                None => self.unknown(node, link, own.iter().map(|have| have.name.as_str()), port.spot),
            },
        }
    }

    fn trunk(&mut self, node: &Node, port: &At<PortRef>) -> Option<LinkName> {
        let mut trunks: Vec<&LinkName> = node.links.iter().filter_map(|link| link.trunk.as_ref()).collect();
        trunks.dedup();
        match (&port.value.link, trunks.as_slice()) {
            _ if node.links.is_empty() => None,
            (None, [one]) => Some((*one).clone()),
            (Some(link), trunks) if trunks.contains(&link) => Some(link.clone()),
            (Some(link), [_, ..]) => {
                self.unknown(node, link, trunks.iter().map(|name| name.as_str()), port.spot)
            }
            (None, [_, _, ..]) => {
                let label = "the node has several trunks: say which";
                self.out.push(Mistake::error(
                    "which link goes into the switch is not clear",
                    port.spot,
                    label,
                ));
                None
            }
            (_, []) => {
                let label = format!("`{}` has no trunk", node.name);
                self.out.push(Mistake::error("only a trunk goes under `trunk`", port.spot, label));
                None
            }
        }
    }

    fn unknown<'n>(
        &mut self,
        node: &Node,
        link: &LinkName,
        names: impl Iterator<Item = &'n str>,
        spot: Spot,
    ) -> Option<LinkName> {
        let label = match nearest(link.as_str(), names) {
            Some(near) => format!("`{}` has no link `{link}`; did you mean `{near}`?", node.name),
            None => format!("`{}` has no link `{link}`", node.name),
        };
        self.out.push(Mistake::error("a switch names an unknown link", spot, label));
        None
    }
}
