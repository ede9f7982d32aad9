//! `matrix`: between which nodes.

use super::super::mistakes::Mistake;
use super::super::model::Word;
use super::super::raw;
use super::checks::Reader;

impl Reader<'_> {
    pub(super) fn matrix(&mut self, word: &raw::Matrix) -> Option<Word> {
        let raw::Matrix::Some(some) = word else {
            return Some(Word::Matrix { between: self.nodes.keys().cloned().collect() });
        };
        let between = self.nodes(&some.between)?;
        if let ([_], Some([first])) = (&between[..], some.between.good().map(|names| &names.0[..])) {
            let title = format!("{} has no pair", self.whose);
            let label = "one node opens nothing to itself: name two at least, or write `matrix: all`";
            self.out.push(Mistake::error(title, first.spot, label));
        }
        Some(Word::Matrix { between })
    }
}
