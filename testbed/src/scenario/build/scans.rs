//! `scan`: who looks for cameras, and which are there to be found.

use std::time::Duration;

use super::super::leaf::Lasting;
use super::super::mistakes::Mistake;
use super::super::model::{Kind, Word};
use super::super::raw;
use super::checks::Reader;
use super::directory::Section;
use super::or;
use crate::names::NodeName;

/// How soon behind its job a search begins.
const BEGINS_WITHIN: Duration = Duration::from_secs(2);

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
        let beyond = match word.beyond.good() {
            Some(names) => self.directory.nodes_of(names, &[Section::Camera], self.whose, self.out),
            None => Vec::new(),
        };
        let (at, finds) = (at?, finds?);
        self.beyond(word, &at, &beyond);
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
        let by_job = or(&word.by_job, true);
        if let Some(within) = word.within.good().filter(|_| !by_job) {
            let label = "leave it out: it is counted from that job".to_owned();
            self.out.push(Mistake::error(format!("{} waits for no job", self.whose), within.spot, label));
        }
        let within = or(&word.within, Lasting(BEGINS_WITHIN)).0;
        Some(Word::Scan { at, finds, beyond, by_job: by_job.then_some(within) })
    }

    /// Whoever is beyond must be one that a question would find, on a link that the appliance has not.
    fn beyond(&mut self, word: &raw::ScanFinds, at: &NodeName, beyond: &[NodeName]) {
        let Some(spot) = word.beyond.good().and_then(|names| names.0.first()).map(|name| name.spot) else {
            return;
        };
        let segments = |node: &NodeName| -> Vec<_> {
            let links = self.nodes.get(node).map(|node| node.links.as_slice()).unwrap_or_default();
            links.iter().map(|link| link.segment.clone()).collect()
        };
        let own = segments(at);
        for camera in beyond {
            let hears = self.nodes.get(camera).is_some_and(|node| {
                node.run.is_some() || matches!(&node.kind, Kind::Camera(camera) if camera.onvif.is_some())
            });
            let label = match segments(camera).iter().any(|segment| own.contains(segment)) {
                true => format!("`{camera}` is on a link of `{at}`"),
                false if !hears => format!("nobody finds `{camera}`: give it `onvif: answers`"),
                false => continue,
            };
            self.out.push(Mistake::error(format!("{} means others on other links", self.whose), spot, label));
        }
    }
}
