//! `matrix`: between which nodes.

use super::super::mistakes::Mistake;
use super::super::model::{Cover, Word};
use super::super::raw;
use super::checks::Reader;
use super::or;

impl Reader<'_> {
    pub(super) fn matrix(&mut self, word: &raw::Matrix) -> Option<Word> {
        let all = || self.nodes.keys().cloned().collect();
        let raw::Matrix::Some(some) = word else {
            return Some(Word::Matrix { between: all(), cover: Cover::Usual, broadcast: false });
        };
        // what flows allow is opened, and so it is never sent
        let cover = if some.cover.good().is_some() { Cover::AllButFlows } else { Cover::Usual };
        let between = if some.between.is_absent() { all() } else { self.nodes(&some.between)? };
        if let ([_], Some([first])) = (&between[..], some.between.good().map(|names| &names.0[..])) {
            let title = format!("{} has no pair", self.whose);
            let label = "one node opens nothing to itself: name two at least, or write `matrix: all`";
            self.out.push(Mistake::error(title, first.spot, label));
        }
        let broadcast = or(&some.broadcast, cover.is_all());
        Some(Word::Matrix { between, cover, broadcast })
    }
}
