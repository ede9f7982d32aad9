//! `clock`: who tells the time, and from whom that node has it, as the site says it.

use std::time::Duration;

use super::super::leaf::Lasting;
use super::super::mistakes::Mistake;
use super::super::model::{Kind, Word};
use super::super::raw;
use super::checks::Reader;
use super::directory::Section;
use super::or;
use crate::names::NodeName;

/// How far from the host's clock a time may be, if the scenario does not say: a busy machine delays questions and
/// answers by tenths of a second.
const OFFSET: Duration = Duration::from_secs(1);

impl Reader<'_> {
    pub(super) fn clock(&mut self, word: &raw::Clock) -> Option<Word> {
        let of = word
            .of_node
            .good()
            .map(|names| self.directory.nodes_of(names, &[Section::Appliance], self.whose, self.out));
        let told_by = [Section::Router, Section::Cloud, Section::Host];
        let from =
            word.from.good().and_then(|name| self.directory.one_of(name, &told_by, self.whose, self.out));
        let upstream = word
            .upstream
            .good()
            .and_then(|name| self.directory.one_of(name, &[Section::Cloud], self.whose, self.out));
        let (of, from) = (of?, from?);
        let own = |name: &&NodeName| self.nodes.get(*name).is_some_and(|node| node.run.is_some());
        if let (Some(name), Some(names)) = (of.iter().find(own), word.of_node.good()) {
            let label = format!("`{name}` runs a command of its own, which does not tell what it was told");
            let title = format!("{} asks somebody who says nothing of the time", self.whose);
            self.out.push(Mistake::error(title, names.0.first()?.spot, label));
        }
        self.asks(&of, &from, word);
        if let Some(upstream) = &upstream {
            self.has_its_time_from(&from, upstream, word);
        }
        let offset = or(&word.offset, Lasting(OFFSET)).0;
        (!of.is_empty()).then_some(Word::Clock { of, from, upstream, offset })
    }

    /// Each node must ask the very one that the check names.
    fn asks(&mut self, of: &[NodeName], from: &NodeName, word: &raw::Clock) {
        let Some(spot) = word.from.good().map(|name| name.spot) else { return };
        for name in of {
            let Some(node) = self.nodes.get(name).filter(|node| node.clock.as_ref() != Some(from)) else {
                continue;
            };
            let label = match &node.clock {
                Some(other) => format!("`{name}` asks `{other}` for the time"),
                None => format!("`{name}` asks nobody: give it `clock: {from}`"),
            };
            // a clock that could not be read is told of at its own place
            if node.clock.is_some() || !self.out.has_errors() {
                let title = format!("{} waits for a time that nobody asks for", self.whose);
                self.out.push(Mistake::error(title, spot, label));
            }
        }
    }

    fn has_its_time_from(&mut self, from: &NodeName, upstream: &NodeName, word: &raw::Clock) {
        let Some(spot) = word.upstream.good().map(|name| name.spot) else { return };
        let asked = match self.nodes.get(from).map(|node| &node.kind) {
            Some(Kind::Router(router)) => router.upstream.as_ref(),
            Some(_) => None,
            None => return,
        };
        if asked != Some(upstream) && (asked.is_some() || !self.out.has_errors()) {
            let label = match asked {
                Some(other) => format!("`{from}` asks `{other}`"),
                None => format!("`{from}` asks nobody for the time"),
            };
            let title = format!("{} names an upstream that is not asked", self.whose);
            self.out.push(Mistake::error(title, spot, label));
        }
    }
}
