//! Which VLAN tags are seen at which port, either way.

use std::collections::BTreeMap;

use super::capture::Port;
use super::sightings::Seen;
use crate::observation::TagSeen;

/// More than these are not kept: who floods with invented tags is found by the first of them.
const MOST: usize = 10_000;

/// Tags, counted as frames pass: first packet and frames, by port and outermost tag.
#[derive(Debug, Default)]
pub(super) struct Tags(BTreeMap<(u16, Option<u16>), (u64, u64)>);

impl Tags {
    /// Counts a frame.
    pub(super) fn take(&mut self, tag: Option<u16>, seen: Seen) {
        let key = (seen.port, tag);
        if self.0.len() >= MOST && !self.0.contains_key(&key) {
            return;
        }
        self.0.entry(key).or_insert((seen.packet, 0)).1 += 1;
    }

    /// The end of a stretch: all that it had.
    pub(super) fn turn(&mut self, ports: &[Port]) -> Vec<TagSeen> {
        let seen = |((port, tag), (first_packet, frames)): ((u16, _), _)| TagSeen {
            port: ports[usize::from(port)].name.clone(),
            tag,
            first_packet,
            frames,
        };
        std::mem::take(&mut self.0).into_iter().map(seen).collect()
    }
}
