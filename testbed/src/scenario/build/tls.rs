//! `tls`: which flows are looked at, what is the least, and who must be refused.

use super::super::mistakes::Mistake;
use super::super::model::{Kind, TlsVersion, Word};
use super::super::raw;
use super::checks::Reader;
use super::flows::values;
use super::or;

impl Reader<'_> {
    pub(super) fn tls(&mut self, word: &raw::Tls) -> Option<Word> {
        let flows = self.opening(word.flows.good()?, "`flows`: link upkeep is not encrypted");
        let refuses = values(&word.refuses);
        let mut ends = flows.iter().filter_map(|id| self.flows.get(id)).flat_map(|flow| &flow.to);
        let leads_there =
            ends.any(|end| self.nodes.get(end).is_some_and(|node| matches!(node.kind, Kind::Cloud(_))));
        if let (false, false, Some(written)) = (refuses.is_empty(), leads_there, word.refuses.good()) {
            let label = "none of `flows` leads to a cloud, whose services they would stand in for";
            let title = format!("{} has stand-ins for nobody", self.whose);
            self.out.push(Mistake::error(title, written.0.first()?.spot, label));
        }
        Some(Word::Tls { flows, min: or(&word.min, TlsVersion::default()), refuses })
    }
}
