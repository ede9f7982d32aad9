//! `carries`, `no_bridge`, `no_hop`, `own_leg` and `listens`: what runs over one link, what must not run or be answered for from one of a
//! node's links to another, and at which ports a node may be spoken to.

use std::collections::BTreeSet;

use super::super::mistakes::{Mistake, nearest};
use super::super::model::Word;
use super::super::raw;
use super::super::shape::{At, OneOrMany, Slot};
use super::checks::Reader;
use crate::names::{FlowId, LinkName, NodeName, PortRef, Traffic};

impl Reader<'_> {
    pub(super) fn carries(&mut self, word: &raw::CarriesOnly) -> Option<Word> {
        let link = word.link.good().and_then(|link| self.link(link));
        let only: Vec<FlowId> = word.only.good().map(|ranges| {
            self.flows.ids(ranges, self.whose, self.out).into_iter().map(|(id, _)| id).collect()
        })?;
        let (node, link) = link?;
        (!only.is_empty()).then_some(Word::Carries { node, link, only })
    }

    /// One link of one node.
    pub(super) fn link(&mut self, written: &At<PortRef>) -> Option<(NodeName, LinkName)> {
        let name = At { value: written.value.node.clone(), spot: written.spot };
        let name = self.directory.one_of(&name, &[], self.whose, self.out)?;
        let node = self.nodes.get(&name).filter(|node| !node.links.is_empty())?;
        let title = format!("{} needs one link here", self.whose);
        match (&written.value.link, node.links.as_slice()) {
            (None, [one]) => Some((name, one.name.clone())),
            (None, several) => {
                let all: Vec<_> = several.iter().map(|link| format!("`{name}.{}`", link.name)).collect();
                let label = format!("say which: {}", all.join(" or "));
                self.out.push(Mistake::error(title, written.spot, label));
                None
            }
            (Some(link), links) if links.iter().any(|have| have.name == *link) => Some((name, link.clone())),
            (Some(link), links) => {
                let near = nearest(link.as_str(), links.iter().map(|have| have.name.as_str()));
                let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                let label = format!("`{name}` has no link `{link}`{near}");
                self.out.push(Mistake::error(title, written.spot, label));
                None
            }
        }
    }

    pub(super) fn no_bridge(&mut self, word: &raw::NoBridge) -> Option<Word> {
        Some(Word::NoBridge { of: self.joining(&word.of_node)? })
    }

    pub(super) fn no_hop(&mut self, word: &raw::NoHop) -> Option<Word> {
        let from = self.nodes(&word.from);
        let written = word.segments.good()?;
        let segments = self.segments_of(written)?;
        if let ([_], Some(first)) = (segments.as_slice(), written.0.first()) {
            let title = format!("{} has nothing to look at", self.whose);
            self.out.push(Mistake::error(title, first.spot, "one segment alone is apart from none"));
        }
        Some(Word::NoHop { from: from?, segments })
    }

    pub(super) fn own_leg(&mut self, word: &raw::OwnLeg) -> Option<Word> {
        Some(Word::OwnLeg { of: self.joining(&word.of_node)? })
    }

    /// Nodes that join several segments each.
    fn joining(&mut self, written: &Slot<OneOrMany<At<NodeName>>>) -> Option<Vec<NodeName>> {
        let of = self.nodes(written)?;
        for name in &of {
            let Some(node) = self.nodes.get(name).filter(|node| !node.links.is_empty()) else { continue };
            let segments: BTreeSet<_> = node.links.iter().map(|link| &link.segment).collect();
            if segments.len() < 2
                && let Some(first) = written.good().and_then(|names| names.0.first())
            {
                let title = format!("{} has nothing to look at", self.whose);
                let label = format!("`{name}` joins one segment only");
                self.out.push(Mistake::error(title, first.spot, label));
                break; // the others of a group are alike
            }
        }
        Some(of)
    }

    pub(super) fn listens(&mut self, word: &raw::Listens) -> Option<Word> {
        let of = self.nodes(&word.of_node);
        let written = word.at.good().map_or(&[][..], |ports| &ports.0);
        let single = |port: &Traffic| matches!(port, Traffic::Tcp(a, b) | Traffic::Udp(a, b) if a == b);
        let mut is_good = !word.at.is_bad();
        for port in written.iter().filter(|port| !single(&port.value)) {
            let label = format!("`{}` is no single port: write `tcp/N` or `udp/N`", port.value);
            self.out.push(Mistake::error(format!("{} has a wrong port", self.whose), port.spot, label));
            is_good = false;
        }
        let at = written.iter().map(|port| port.value).collect();
        of.filter(|_| is_good).map(|of| Word::Listens { of, at })
    }
}
