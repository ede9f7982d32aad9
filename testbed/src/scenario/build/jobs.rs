//! What asks an appliance, its cloud, and whoever operates it: `job`, `calls`, `talks` and `endures`.

use std::time::Duration;

use super::super::leaf::Lasting;
use super::super::mistakes::Mistake;
use super::super::model::{Cloud, CloudService, JobKind, Kind, Word, WrongCall};
use super::super::raw;
use super::super::shape::{At, Slot};
use super::checks::Reader;
use super::directory::Section;
use super::flows::values;
use super::or;
use crate::names::NodeName;

/// Who may be named where.
const APPLIANCE: &[Section] = &[Section::Appliance];
const OPERATOR: &[Section] = &[Section::Host];
const EITHER: &[Section] = &[Section::Appliance, Section::Host];

/// For so long a run waits for a session to end.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

impl Reader<'_> {
    pub(super) fn job(&mut self, word: &raw::JobDone) -> Option<Word> {
        let (of, _) = self.with_a_cloud(&word.of_node, APPLIANCE, "gives nobody anything to do")?;
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
        let (of, cloud) = self.with_a_cloud(&word.of_node, EITHER, "listens to nobody")?;
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
        let (of, cloud) = self.with_a_cloud(&word.of_node, APPLIANCE, "has nothing to endure")?;
        let (mut throttled, mut meets) = (values(&word.throttled), values(&word.meets));
        if let (true, true, Some(name)) =
            (word.throttled.is_absent(), word.meets.is_absent(), word.of_node.good())
        {
            let title = format!("{} asks for nothing", self.whose);
            self.out.push(Mistake::error(title, name.spot, "write `throttled` or `meets`, or both"));
        }
        for service in word.throttled.good().map_or(&[][..], |written| &written.0) {
            let label = match service.value {
                one if !CloudService::ASKED.contains(&one) => {
                    "no appliance asks it; `iot`, `monitoring`, `logs` and `s3` are".to_owned()
                }
                one if cloud.throttles.contains_key(&one) => continue,
                one => format!("its cloud needs `throttles: {{ {}: 2 }}`", one.word()),
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

    pub(super) fn calls(&mut self, word: &raw::Calls) -> Option<Word> {
        let (by, cloud) = self.with_a_cloud(&word.by, OPERATOR, "calls nobody")?;
        let by_name = word.by.good()?;
        if !cloud.has(CloudService::Panorama) {
            let title = format!("{} calls a service that is not there", self.whose);
            self.out.push(Mistake::error(title, by_name.spot, "its cloud needs `serves: [panorama]`"));
        }
        let of_name = word.of_node.good()?;
        let of = self.directory.one_of(of_name, APPLIANCE, self.whose, self.out)?;
        if !self.is_device(&of, &by) {
            let title = format!("{} is about nobody whom the cloud knows", self.whose);
            let label = format!("`{of}` is no device of the cloud that `{by}` operates");
            self.out.push(Mistake::error(title, of_name.spot, label));
        }
        let does = self.ordered(word);
        let refuses = self.refused(word, &cloud);
        let at = self.called(word);
        if word.does.is_absent() && word.refuses.is_absent() {
            let label = "write `does`, `refuses`, or both";
            self.out.push(Mistake::error(format!("{} calls for nothing", self.whose), by_name.spot, label));
        }
        let within = or(&word.within, Lasting(Duration::from_secs(10))).0;
        Some(Word::Calls { by, of, does, refuses, at, within })
    }

    /// Whether an appliance is a device of the cloud that a host operates.
    fn is_device(&self, of: &NodeName, by: &NodeName) -> bool {
        let kind = |name| self.nodes.get(name).map(|node| &node.kind);
        let (Some(Kind::Appliance(appliance)), Some(Kind::Host(host))) = (kind(of), kind(by)) else {
            return true; // said elsewhere
        };
        appliance.device && appliance.cloud == host.operates
    }

    /// What Panorama's own service has devices do.
    fn ordered(&mut self, word: &raw::Calls) -> Vec<JobKind> {
        let written = word.does.good().map_or(&[][..], |all| &all.0);
        for odd in written.iter().filter(|kind| ![JobKind::Update, JobKind::Restart].contains(&kind.value)) {
            let title = format!("{} asks for what no call of Panorama's gives", self.whose);
            let label = "`update` and `restart` are called for; the others are given by `job`";
            self.out.push(Mistake::error(title, odd.spot, label));
        }
        written.iter().map(|kind| kind.value).collect()
    }

    fn refused(&mut self, word: &raw::Calls, cloud: &Cloud) -> Vec<WrongCall> {
        let written = word.refuses.good().map_or(&[][..], |all| &all.0);
        let ends = cloud.credentials_last.is_some_and(|last| last <= LONGEST_WAIT);
        for wrong in written.iter().filter(|wrong| wrong.value == WrongCall::Expired) {
            if !(ends && cloud.has(CloudService::Sts)) {
                let title = format!("{} waits for a session that does not end", self.whose);
                let label = "the cloud needs `serves: [sts]`, and `credentials_last` of a minute at most";
                self.out.push(Mistake::error(title, wrong.spot, label));
            }
        }
        let forgets = cloud.signatures_last.is_some_and(|last| last <= LONGEST_WAIT);
        for wrong in written.iter().filter(|wrong| wrong.value == WrongCall::Kept && !forgets) {
            let title = format!("{} waits for a signature that does not grow too old", self.whose);
            self.out.push(Mistake::error(
                title,
                wrong.spot,
                "the cloud needs `signatures_last` of a minute at most",
            ));
        }
        written.iter().map(|wrong| wrong.value).collect()
    }

    /// Where what is wrong must be refused.
    fn called(&mut self, word: &raw::Calls) -> Vec<CloudService> {
        let Some(written) = word.at.good() else { return vec![CloudService::Panorama] };
        if word.refuses.is_absent() {
            let title = format!("{} says where nothing is tried", self.whose);
            self.out.push(Mistake::error(title, written.0[0].spot, "write `refuses`, too"));
        }
        for odd in written.0.iter().filter(|service| !CloudService::CALLED.contains(&service.value)) {
            let title = format!("{} calls where no operator does", self.whose);
            let label = "`panorama`, `monitoring`, `logs` and `s3` are called";
            self.out.push(Mistake::error(title, odd.spot, label));
        }
        let mut at: Vec<_> = written.0.iter().map(|service| service.value).collect();
        at.sort();
        at.dedup();
        at
    }

    /// Who talks with a cloud, and that cloud.
    fn with_a_cloud(
        &mut self,
        slot: &Slot<At<NodeName>>,
        sections: &[Section],
        else_it: &str,
    ) -> Option<(NodeName, Cloud)> {
        let name = slot.good()?;
        let of = self.directory.one_of(name, sections, self.whose, self.out)?;
        let (cloud, key) = match &self.nodes.get(&of)?.kind {
            Kind::Appliance(appliance) => (&appliance.cloud, "cloud"),
            Kind::Host(host) => (&host.operates, "operates"),
            _ => return None,
        };
        let Some(cloud) = cloud else {
            let label = format!("`{of}` has no `{key}`");
            self.out.push(Mistake::error(format!("{} {else_it}", self.whose), name.spot, label));
            return None;
        };
        match &self.nodes.get(cloud)?.kind {
            Kind::Cloud(cloud) => Some((of, cloud.clone())),
            _ => None,
        }
    }
}
