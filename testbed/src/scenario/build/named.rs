//! `name`: whose lookups fill which router's sets, as the site says it.

use super::super::mistakes::Mistake;
use super::super::model::{Kind, Word};
use super::super::raw;
use super::checks::Reader;
use super::directory::Section;

impl Reader<'_> {
    pub(super) fn name(&mut self, word: &raw::Name) -> Option<Word> {
        let at = word
            .at_node
            .good()
            .and_then(|name| self.directory.one_of(name, &[Section::Router], self.whose, self.out));
        let by = self.nodes(&word.by);
        let segment = word.segment.good()?;
        self.segments.find(segment, self.whose, self.out)?;
        let (at, by) = (at?, by?);
        let Some(Kind::Router(router)) = self.nodes.get(&at).map(|node| &node.kind) else { return None };
        if router.sets.get(&segment.value).is_none_or(Vec::is_empty) && !self.out.has_errors() {
            let title = format!("{} looks at sets that are not there", self.whose);
            let label = format!("what `{at}` answers in `{}` fills none of its sets", segment.value);
            self.out.push(Mistake::error(title, segment.spot, label));
        }
        let elsewhere = by.iter().find(|name| {
            self.nodes.get(*name).is_some_and(|node| {
                let inside = node.links.iter().any(|link| link.segment == segment.value);
                !node.links.is_empty() && (!inside || node.resolver.as_ref() != Some(&at))
            })
        });
        if let (Some(name), Some(written), false) = (elsewhere, word.by.good(), self.out.has_errors()) {
            let title = format!("{} waits for names that nobody asks for", self.whose);
            let label = format!("`{name}` does not ask `{at}` in `{}`", segment.value);
            self.out.push(Mistake::error(title, written.0.first()?.spot, label));
        }
        Some(Word::Name { at, segment: segment.value.clone(), by })
    }
}
