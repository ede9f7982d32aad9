//! `rtsp`: whose connections are read, what may be asked for on them, and whether RTSP is looked for elsewhere.

use super::super::mistakes::Mistake;
use super::super::model::{Kind, RtspMethod, Word};
use super::super::raw;
use super::checks::Reader;
use super::flows::values;
use super::or;

impl Reader<'_> {
    pub(super) fn rtsp(&mut self, word: &raw::SpokenRtsp) -> Option<Word> {
        let written = word.flows.good()?;
        let flows = self.opening(written, "`flows`: link upkeep says nothing in RTSP");
        let mut others = flows.iter().filter_map(|id| self.flows.get(id)).flat_map(|flow| &flow.to);
        let other =
            others.find(|end| !self.nodes.get(*end).is_some_and(|node| matches!(node.kind, Kind::Camera(_))));
        if let (Some(end), Some(first)) = (other, written.0.first()) {
            let title = format!("{} reads RTSP with who is no camera", self.whose);
            let label = format!("they lead to `{end}`");
            self.out.push(Mistake::error(title, first.spot, label));
        }
        let methods =
            if word.methods.is_absent() { RtspMethod::PLAYING.to_vec() } else { values(&word.methods) };
        Some(Word::Rtsp { flows, methods, nowhere_else: or(&word.nowhere_else, false) })
    }
}
