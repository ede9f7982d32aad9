//! `attacks`: which hostile cameras must have done what they are there for.

use super::super::mistakes::Mistake;
use super::super::model::{Kind, Word};
use super::super::raw;
use super::checks::Reader;
use super::directory::Section;

impl Reader<'_> {
    pub(super) fn attacks(&mut self, word: &raw::Attacks) -> Option<Word> {
        let names = word.of_node.good()?;
        let of = self.directory.nodes_of(names, &[Section::Camera], self.whose, self.out);
        let harmless = |name: &&crate::names::NodeName| {
            !self.nodes.get(*name).is_some_and(
                |node| matches!(&node.kind, Kind::Camera(camera) if !camera.hostile.is_nothing()),
            )
        };
        if let Some(name) = of.iter().find(harmless).filter(|_| !self.out.has_errors()) {
            let spot = names.0.first()?.spot;
            let label = format!("`{name}` does nothing to anybody: give it `hostile`");
            self.out.push(Mistake::error(
                format!("{} waits for an attack that nobody makes", self.whose),
                spot,
                label,
            ));
        }
        (!of.is_empty()).then_some(Word::Attacks { of })
    }
}
