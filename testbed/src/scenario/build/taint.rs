//! `taint`: whose video is looked for, and where it may be seen.

use super::super::mistakes::Mistake;
use super::super::model::{Auth, Codec, Encode, Kind, Transport, Word};
use super::super::raw;
use super::super::shape::{At, Slot};
use super::checks::Reader;
use super::directory::Section;
use crate::names::{CheckName, LinkName, NodeName, PortRef};

impl Reader<'_> {
    pub(super) fn taint(&mut self, word: &raw::Taint, name: &At<CheckName>) -> Option<Word> {
        let cameras = match &word.cameras {
            Slot::Absent => self.played(),
            slot => self.directory.nodes_of(slot.good()?, &[Section::Camera], self.whose, self.out),
        };
        let own = |camera: &&NodeName| self.nodes.get(*camera).is_some_and(|node| node.run.is_some());
        if let (Some(camera), Some(names)) = (cameras.iter().find(own), word.cameras.good()) {
            let label = format!("`{camera}` runs a command of its own: nobody knows its video");
            let title = format!("{} looks for what it cannot know", self.whose);
            self.out.push(Mistake::error(title, names.0.first()?.spot, label));
        }
        let h264_alone = |camera: &&NodeName| match self.nodes.get(*camera).map(|node| &node.kind) {
            Some(Kind::Camera(camera)) => {
                let rtsp = &camera.rtsp;
                rtsp.codec == Codec::H264
                    && rtsp.streams.is_empty()
                    && (&rtsp.recording, rtsp.encode) == (&None, Encode::Once)
            }
            _ => true,
        };
        if let Some(camera) = cameras.iter().find(|camera| !own(camera) && !h264_alone(camera)) {
            let label = format!(
                "`{camera}` has other video than one stream of H.264 that is drawn and encoded once, which is all that is known here"
            );
            let title = format!("{} looks for what it cannot know", self.whose);
            let spot = word.cameras.good().and_then(|names| Some(names.0.first()?.spot));
            self.out.push(Mistake::error(title, spot.unwrap_or(name.spot), label));
        }
        self.is_pulled_alone(word, &cameras, name);
        self.password_is_secret(word, &cameras, name);
        let played = self.played();
        let unseen = |camera: &&NodeName| !own(camera) && !played.contains(camera);
        if let (Some(camera), Some(names)) = (cameras.iter().find(unseen), word.cameras.good())
            && !self.out.has_errors()
        {
            let label = format!("nobody plays `{camera}`: there is nothing to find");
            let title = format!("{} looks for video that nobody asks for", self.whose);
            self.out.push(Mistake::error(title, names.0.first()?.spot, label));
        }
        let mut may_appear = Vec::new();
        for written in word.may_appear.good().map_or(&[][..], |many| &many.0) {
            may_appear.extend(self.links_of(written));
        }
        Some(Word::Taint { cameras, may_appear })
    }

    /// What goes to a group is heard by all of a segment, so that there is nowhere in it that the video may not be.
    fn is_pulled_alone(&mut self, word: &raw::Taint, cameras: &[NodeName], name: &At<CheckName>) {
        let is_cast = |camera: &&NodeName| match self.nodes.get(*camera).map(|node| &node.kind) {
            Some(Kind::Camera(camera)) => camera.rtsp.pulled_by(false) == Some(Transport::Multicast),
            _ => false,
        };
        let Some(camera) = cameras.iter().find(is_cast) else { return };
        let label = format!(
            "`{camera}` sends its video to a group, which everybody in its segment hears: where it may be is not known here"
        );
        let title = format!("{} looks for what it cannot know", self.whose);
        let spot = word.cameras.good().and_then(|names| Some(names.0.first()?.spot));
        self.out.push(Mistake::error(title, spot.unwrap_or(name.spot), label));
    }

    /// The passwords of the cameras are looked for besides their video: whoever says it aloud is found out, whatever the site does.
    fn password_is_secret(&mut self, word: &raw::Taint, cameras: &[NodeName], name: &At<CheckName>) {
        let is_said = |camera: &&NodeName| match self.nodes.get(*camera).map(|node| &node.kind) {
            Some(Kind::Camera(camera)) => camera.rtsp.auth == [Auth::Basic],
            _ => false,
        };
        let Some(camera) = cameras.iter().find(is_said) else { return };
        let label = format!(
            "`{camera}` takes `auth: basic` alone, which says its password to everybody on the way: no site passes; let it take `digest`"
        );
        let title = format!("{} cannot pass", self.whose);
        let spot = word.cameras.good().and_then(|names| Some(names.0.first()?.spot));
        self.out.push(Mistake::error(title, spot.unwrap_or(name.spot), label));
    }

    /// Every camera of ours that somebody plays.
    fn played(&self) -> Vec<NodeName> {
        let pulled =
            self.nodes.values().filter(|node| node.run.is_none()).flat_map(|node| match &node.kind {
                Kind::Appliance(appliance) => appliance.cameras.clone(),
                Kind::Host(host) => host.plays.clone(),
                _ => Vec::new(),
            });
        let pulled: Vec<NodeName> = pulled.collect();
        let ours = |(name, node): &(&NodeName, &super::super::model::Node)| {
            matches!(node.kind, Kind::Camera(_)) && node.run.is_none() && pulled.contains(name)
        };
        self.nodes.iter().filter(ours).map(|(name, _)| name.clone()).collect()
    }

    /// One link, or all of a node's or a group's.
    fn links_of(&mut self, written: &At<PortRef>) -> Vec<(NodeName, LinkName)> {
        if written.value.link.is_some() {
            return self.link(written).into_iter().collect();
        }
        let name = At { value: written.value.node.clone(), spot: written.spot };
        let named = super::super::shape::OneOrMany(vec![name]);
        let nodes = self.directory.nodes(&named, self.whose, self.out);
        let links =
            |name: &NodeName| self.nodes.get(name).map(|node| node.links.as_slice()).unwrap_or_default();
        nodes
            .iter()
            .flat_map(|name| links(name).iter().map(move |link| (name.clone(), link.name.clone())))
            .collect()
    }
}
