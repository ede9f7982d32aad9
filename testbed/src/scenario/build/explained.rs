//! `explained`: which segments are looked at, and which upkeep counts.

use super::super::model::{Unused, Word};
use super::super::raw;
use super::super::shape::{At, OneOrMany};
use super::checks::Reader;
use super::or;
use crate::names::SegmentName;

impl Reader<'_> {
    pub(super) fn explained(&mut self, word: &raw::Explained) -> Option<Word> {
        let known = |reader: &Self| reader.segments.known.keys().cloned().collect();
        let allowed = |reader: &Self| {
            let upkeep = reader.flows.known.iter().filter(|known| known.flow.upkeep);
            upkeep.map(|known| known.flow.id.clone()).collect()
        };
        let raw::Explained::Some(some) = word else {
            let (segments, upkeep) = (known(self), allowed(self));
            return Some(Word::Explained { segments, upkeep, unused: Unused::Report });
        };
        let segments = match some.segments.good() {
            Some(names) => self.segments_of(names)?,
            None => known(self),
        };
        let upkeep = match some.upkeep.good() {
            Some(ranges) => self.upkeep(ranges, "every flow explains what it allows"),
            None => allowed(self),
        };
        Some(Word::Explained { segments, upkeep, unused: or(&some.unused_allow, Unused::Report) })
    }

    pub(super) fn segments_of(&mut self, names: &OneOrMany<At<SegmentName>>) -> Option<Vec<SegmentName>> {
        let mut segments: Vec<SegmentName> = Vec::new();
        for name in &names.0 {
            self.segments.find(name, self.whose, self.out)?;
            if !segments.contains(&name.value) {
                segments.push(name.value.clone());
            }
        }
        Some(segments)
    }
}
