//! What asks an appliance and its cloud: `job`, `talks` and `endures`.

use std::time::Duration;

use super::super::leaf::Lasting;
use super::super::mistakes::Mistake;
use super::super::model::{Cloud, CloudService, Kind, Word};
use super::super::raw;
use super::super::shape::{At, Slot};
use super::checks::Reader;
use super::directory::Section;
use super::flows::values;
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

    pub(super) fn endures(&mut self, word: &raw::Endures) -> Option<Word> {
        let (of, cloud) = self.with_a_cloud(&word.of_node, "has nothing to endure")?;
        let (mut throttled, mut meets) = (values(&word.throttled), values(&word.meets));
        if let (true, true, Some(name)) =
            (word.throttled.is_absent(), word.meets.is_absent(), word.of_node.good())
        {
            let title = format!("{} asks for nothing", self.whose);
            self.out.push(Mistake::error(title, name.spot, "write `throttled` or `meets`, or both"));
        }
        for service in word.throttled.good().map_or(&[][..], |written| &written.0) {
            let label = match service.value {
                CloudService::Monitoring | CloudService::Logs | CloudService::S3
                    if cloud.throttles.contains_key(&service.value) =>
                {
                    continue;
                }
                CloudService::Monitoring | CloudService::Logs | CloudService::S3 => {
                    format!("its cloud needs `throttles: {{ {}: 2 }}`", service.value.word())
                }
                _ => "no appliance asks it by HTTPS; `monitoring`, `logs` and `s3` are".to_owned(),
            };
            let title = format!("{} waits for a refusal that does not come", self.whose);
            self.out.push(Mistake::error(title, service.spot, label));
        }
        throttled.sort();
        throttled.dedup();
        meets.sort();
        meets.dedup();
        let waits = or(&word.waits, Lasting(Duration::from_millis(200))).0;
        let within = or(&word.within, Lasting(Duration::from_secs(30))).0;
        Some(Word::Endures { of, throttled, meets, waits, within })
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
