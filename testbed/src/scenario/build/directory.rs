//! Who is there: every node and group by name, and names resolved to nodes.

use std::collections::BTreeMap;

use super::super::mistakes::{Mistake, Mistakes, nearest};
use super::super::raw::Site;
use super::super::shape::{At, Named, OneOrMany, Slot};
use super::super::tree::Spot;
use crate::names::NodeName;

/// The section in which a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Camera,
    Appliance,
    Router,
    Cloud,
    Host,
}

impl Section {
    /// With its article, for a sentence.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Section::Camera => "a camera",
            Section::Appliance => "an appliance",
            Section::Router => "a router",
            Section::Cloud => "a cloud",
            Section::Host => "a host",
        }
    }
}

/// A name that stands for one node or several.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) section: Section,
    pub(crate) members: Vec<NodeName>,
    spot: Spot,
}

/// Every name that stands for nodes.
#[derive(Debug)]
pub(crate) struct Directory {
    entries: BTreeMap<NodeName, Entry>,
    /// False if a name in the file could not be read: then an unknown name may be that one.
    complete: bool,
}

/// Most nodes of a site, groups expanded.
const NODES: usize = 4000;

impl Directory {
    /// Every name of the site; two things of one name are a mistake.
    pub(crate) fn build(site: &Site, out: &mut Mistakes) -> Directory {
        let mut directory = Directory { entries: BTreeMap::new(), complete: true };
        let cameras = counted(&site.cameras, |camera| count(&camera.count));
        let hosts = counted(&site.hosts, |host| count(&host.count));
        directory.section(Section::Camera, &site.cameras, &cameras, out);
        directory.section(Section::Appliance, &site.appliances, &[], out);
        directory.section(Section::Router, &site.routers, &[], out);
        directory.section(Section::Cloud, &site.clouds, &[], out);
        directory.section(Section::Host, &site.hosts, &hosts, out);
        directory
    }

    fn section<V>(
        &mut self,
        section: Section,
        named: &Slot<Named<NodeName, V>>,
        counts: &[u64],
        out: &mut Mistakes,
    ) {
        self.complete &= !named.is_bad() && named.good().is_none_or(|named| !named.incomplete);
        let entries = named.good().map_or(&[][..], |named| &named.entries);
        for (index, (name, _)) in entries.iter().enumerate() {
            let count = counts.get(index).copied().unwrap_or(1);
            self.add_group(section, name, count, out);
        }
    }

    fn add_group(&mut self, section: Section, name: &At<NodeName>, count: u64, out: &mut Mistakes) {
        if count == 1 {
            return self.add(section, name.value.clone(), vec![name.value.clone()], name.spot, out);
        }
        let mut members = Vec::new();
        for number in 1..=count {
            match format!("{}-{number}", name.value).parse::<NodeName>() {
                Ok(member) => members.push(member),
                Err(wrong) => {
                    let label = format!("`{}-{number}` {wrong}", name.value);
                    out.push(Mistake::error("a group's name is too long", name.spot, label));
                    break;
                }
            }
        }
        if self.entries.len() + members.len() > NODES {
            let label = format!("with this there are more than {NODES} nodes");
            out.push(Mistake::error("the site has too many nodes", name.spot, label));
            members.truncate(1);
        }
        for member in &members {
            self.add(section, member.clone(), vec![member.clone()], name.spot, out);
        }
        self.add(section, name.value.clone(), members, name.spot, out);
    }

    fn add(
        &mut self,
        section: Section,
        name: NodeName,
        members: Vec<NodeName>,
        spot: Spot,
        out: &mut Mistakes,
    ) {
        if let Some(first) = self.entries.get(&name) {
            let label = format!("`{name}` a second time");
            let mistake = Mistake::error("two nodes have one name", spot, label);
            out.push(mistake.also(first.spot, format!("the first is here, {}", first.section.word())));
            return;
        }
        self.entries.insert(name, Entry { section, members, spot });
    }

    /// Groups of more than one node.
    pub(crate) fn groups(&self) -> BTreeMap<NodeName, Vec<NodeName>> {
        let groups = self.entries.iter().filter(|(name, entry)| entry.members.first() != Some(name));
        groups.map(|(name, entry)| (name.clone(), entry.members.clone())).collect()
    }

    /// Whether anything stands in a section, or may.
    pub(crate) fn has(&self, section: Section) -> bool {
        !self.complete || self.entries.values().any(|entry| entry.section == section)
    }

    /// What a name stands for; `whose` begins the title: "a flow".
    pub(crate) fn find(&self, name: &At<NodeName>, whose: &str, out: &mut Mistakes) -> Option<&Entry> {
        let found = self.entries.get(&name.value);
        if found.is_none() && self.complete {
            let names = self.entries.keys().map(NodeName::as_str);
            let near = if out.is_full() { None } else { nearest(name.value.as_str(), names) };
            let label = match near {
                Some(near) => format!("no node has this name; did you mean `{near}`?"),
                None => "no node has this name".to_owned(),
            };
            out.push(Mistake::error(format!("{whose} names an unknown node"), name.spot, label));
        }
        found
    }

    /// The nodes of a list of names; a node named twice is a mistake. Empty only after a mistake.
    pub(crate) fn nodes(
        &self,
        names: &OneOrMany<At<NodeName>>,
        whose: &str,
        out: &mut Mistakes,
    ) -> Vec<NodeName> {
        self.nodes_of(names, &[], whose, out)
    }

    /// As [`Directory::nodes`], and every node must stand in one of the sections (empty: any).
    pub(crate) fn nodes_of(
        &self,
        names: &OneOrMany<At<NodeName>>,
        sections: &[Section],
        whose: &str,
        out: &mut Mistakes,
    ) -> Vec<NodeName> {
        let mut nodes: Vec<NodeName> = Vec::new();
        for name in &names.0 {
            let Some(entry) = self.find(name, whose, out) else { continue };
            if !sections.is_empty() && !sections.contains(&entry.section) {
                out.push(wrong_section(name, entry.section, sections, whose));
                continue;
            }
            match entry.members.iter().find(|member| nodes.contains(member)) {
                Some(twice) => {
                    let label = format!("`{twice}` is in the list already");
                    out.push(Mistake::error(format!("{whose} names a node twice"), name.spot, label));
                }
                None => nodes.extend(entry.members.iter().cloned()),
            }
        }
        nodes
    }

    /// The one node that a name stands for; a group is a mistake, and so is a node of another section.
    pub(crate) fn one_of(
        &self,
        name: &At<NodeName>,
        sections: &[Section],
        whose: &str,
        out: &mut Mistakes,
    ) -> Option<NodeName> {
        let entry = self.find(name, whose, out)?;
        if !sections.is_empty() && !sections.contains(&entry.section) {
            out.push(wrong_section(name, entry.section, sections, whose));
            return None;
        }
        match entry.members.as_slice() {
            [one] => Some(one.clone()),
            many => {
                let label = format!("`{}` is {} nodes; name one of them", name.value, many.len());
                out.push(Mistake::error(format!("{whose} needs a single node here"), name.spot, label));
                None
            }
        }
    }
}

fn wrong_section(name: &At<NodeName>, have: Section, want: &[Section], whose: &str) -> Mistake {
    let want = want.iter().map(|section| section.word()).collect::<Vec<_>>().join(" or ");
    let label = format!("`{}` is {}", name.value, have.word());
    Mistake::error(format!("{whose} needs {want} here"), name.spot, label)
}

fn count<const MIN: u64, const MAX: u64>(slot: &Slot<At<super::super::leaf::Whole<MIN, MAX>>>) -> u64 {
    slot.good().map_or(1, |count| count.value.0)
}

/// The count of each entry of a section; 1 where it cannot be read.
fn counted<V>(named: &Slot<Named<NodeName, V>>, count: impl Fn(&V) -> u64) -> Vec<u64> {
    let entries = named.good().map_or(&[][..], |named| &named.entries);
    entries.iter().map(|(_, value)| value.as_ref().map_or(1, &count)).collect()
}
