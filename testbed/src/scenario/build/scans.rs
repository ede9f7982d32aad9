//! `scan`: who looks for cameras, and which are there to be found.

use super::super::mistakes::Mistake;
use super::super::model::{Kind, Word};
use super::super::raw;
use super::checks::Reader;
use super::directory::Section;
use super::or;

impl Reader<'_> {
    pub(super) fn scan(&mut self, word: &raw::ScanFinds) -> Option<Word> {
        let at = word
            .at
            .good()
            .and_then(|name| self.directory.one_of(name, &[Section::Appliance], self.whose, self.out));
        let finds = match word.finds.good() {
            Some(names) => {
                let found = self.directory.nodes_of(names, &[Section::Camera], self.whose, self.out);
                (!found.is_empty()).then_some(found)
            }
            // where cameras are routed nobody is on the appliance's own subnets
            None => word.finds.is_absent().then(Vec::new),
        };
        let (at, finds) = (at?, finds?);
        let looks = self.nodes.get(&at).is_some_and(|node| {
            node.run.is_none() && matches!(&node.kind, Kind::Appliance(app) if app.scan.is_some())
        });
        if !looks && !self.out.has_errors() {
            let spot = word.at.good()?.spot;
            let label = format!("`{at}` looks for nobody: give it `scan: by-job`");
            self.out.push(Mistake::error(
                format!("{} waits for a search that nobody makes", self.whose),
                spot,
                label,
            ));
        }
        Some(Word::Scan { at, finds, by_job: or(&word.by_job, true) })
    }
}
