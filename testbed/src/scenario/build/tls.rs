//! `tls`: which flows are looked at, what is the least, and who must be refused.

use super::super::mistakes::Mistake;
use super::super::model::{CloudService, Kind, StandIn, TlsVersion, Word};
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
        let instead_of = self.instead_of(word, &refuses);
        Some(Word::Tls { flows, min: or(&word.min, TlsVersion::default()), refuses, instead_of })
    }

    pub(super) fn names_agree(&mut self, word: &raw::NamesAgree) -> Option<Word> {
        let written = word.flows.good()?;
        let flows = self.opening(written, "`flows`: link upkeep has no server name");
        let elsewhere = flows.iter().filter_map(|id| self.flows.get(id)).flat_map(|flow| &flow.to);
        let mut elsewhere = elsewhere
            .filter(|end| !self.nodes.get(*end).is_some_and(|node| matches!(node.kind, Kind::Cloud(_))));
        if let (Some(end), Some(first)) = (elsewhere.next(), written.0.first()) {
            let title = format!("{} looks at who is no cloud", self.whose);
            let label = format!("they lead to `{end}` as well, which has no services with names");
            self.out.push(Mistake::error(title, first.spot, label));
        }
        Some(Word::NamesAgree { flows })
    }

    /// The services whose place is taken; none where nobody takes any.
    fn instead_of(&mut self, word: &raw::Tls, refuses: &[StandIn]) -> Vec<CloudService> {
        let Some(written) = word.instead_of.good() else {
            return if refuses.is_empty() { Vec::new() } else { CloudService::OFTEN_ASKED.into() };
        };
        if let (true, Some(first)) = (word.refuses.is_absent(), written.0.first()) {
            let title = format!("{} puts nobody in a service's place", self.whose);
            self.out.push(Mistake::error(title, first.spot, "write `refuses` as well, or leave this out"));
        }
        for service in written.0.iter().filter(|one| !CloudService::ASKED.contains(&one.value)) {
            let title = format!("{} waits at a service that no appliance asks", self.whose);
            let label = "the place of `iot`, `monitoring`, `logs` or `s3` can be taken";
            self.out.push(Mistake::error(title, service.spot, label));
        }
        values(&word.instead_of)
    }
}
