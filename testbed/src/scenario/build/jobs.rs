//! What asks an appliance and its cloud: `job` and `talks`.

use std::time::Duration;

use super::super::leaf::Lasting;
use super::super::mistakes::Mistake;
use super::super::model::{Cloud, Kind, Word};
use super::super::raw;
use super::super::shape::{At, Slot};
use super::checks::Reader;
use super::directory::Section;
use super::or;
use crate::names::NodeName;

impl Reader<'_> {
    pub(super) fn job(&mut self, word: &raw::JobDone) -> Option<Word> {
        let of = self.with_a_cloud(&word.of_node, "gives nobody anything to do")?.0;
        let does = &word.does.good()?.0;
        let spoiled = or(&word.spoiled, false);
        if let (true, Some(odd)) = (spoiled, does.iter().find(|kind| !kind.value.fetches())) {
            let title = format!("{} spoils what nobody fetches", self.whose);
            let label = format!("for a `{}` nothing is fetched", odd.value);
            self.out.push(Mistake::error(title, odd.spot, label));
        }
        let within = or(&word.within, Lasting(Duration::from_secs(10))).0;
        Some(Word::Job { of, does: does.iter().map(|kind| kind.value).collect(), spoiled, within })
    }

    pub(super) fn talks(&mut self, word: &raw::Talks) -> Option<Word> {
        let (of, cloud) = self.with_a_cloud(&word.of_node, "listens to nobody")?;
        let mut services = Vec::new();
        for service in &word.services.good()?.0 {
            if !cloud.has(service.value) {
                let title = format!("{} waits for a service that is not there", self.whose);
                let label = format!("the cloud needs `serves: [{}]`", service.value.word());
                self.out.push(Mistake::error(title, service.spot, label));
            }
            services.push(service.value);
        }
        services.sort();
        services.dedup();
        Some(Word::Talks { of, services })
    }

    /// An appliance and the cloud that it has.
    fn with_a_cloud(&mut self, slot: &Slot<At<NodeName>>, else_it: &str) -> Option<(NodeName, Cloud)> {
        let name = slot.good()?;
        let of = self.directory.one_of(name, &[Section::Appliance], self.whose, self.out)?;
        let Kind::Appliance(appliance) = &self.nodes.get(&of)?.kind else { return None };
        let Some(cloud) = &appliance.cloud else {
            let label = format!("`{of}` has no `cloud`");
            self.out.push(Mistake::error(format!("{} {else_it}", self.whose), name.spot, label));
            return None;
        };
        match &self.nodes.get(cloud)?.kind {
            Kind::Cloud(cloud) => Some((of, cloud.clone())),
            _ => None,
        }
    }
}
