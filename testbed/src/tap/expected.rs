//! What is about to be sent in bulk, and where that may be seen: such frames are counted, and a sample of them is stored.
//!
//! A probe is *as expected* where its frame is, byte for byte, the one that was announced, at a port of the segment that
//! it was sent in, before any device on the way had it. Everything else that is seen of it is stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::frame::Frame;
use super::nonce::{self, Probe};
use super::sightings::Direction;
use crate::names::{Kinds, LinkName};

/// Of each kind so many are stored at each place, from the first on; a kind of no more is stored whole.
pub const FIRST: u32 = 64;
/// Behind those, one of so many.
const EVERY: u32 = 256;

/// Of so many in a row, how many are in the first half: what may be sent beside the rest.
pub fn first_half(width: u64) -> u64 {
    width.div_ceil(2)
}

/// Probes with numbers in a row, one for each of some kinds, that are alike in all else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// Number of the first.
    pub first: u32,
    /// What they are.
    pub kinds: Kinds,
    /// What they have in common; its number and traffic are not looked at.
    pub probe: Probe,
    /// Where they may be seen.
    pub places: Vec<Spot>,
}

/// A place where a probe may be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Port of the fabric.
    pub port: LinkName,
    /// Which way the probe goes there.
    pub direction: Direction,
    /// Whether it may be for the link at this port; else it may only be a copy that a switch floods there.
    pub addressed: bool,
}

/// Everything that was announced, by number.
#[derive(Debug, Default)]
pub struct Expected {
    ports: Vec<LinkName>,
    known: BTreeMap<u32, Arc<Known>>,
}

impl Expected {
    /// Nothing so far, in a site with these ports.
    pub fn at_ports(ports: Vec<LinkName>) -> Self {
        Self { ports, known: BTreeMap::new() }
    }

    /// Adds what is about to be sent.
    pub fn add(&mut self, announced: Announced) {
        let at = |spot: &Spot| {
            let port = self.ports.iter().position(|port| *port == spot.port)?;
            Some((u16::try_from(port).ok()?, spot.direction, spot.addressed))
        };
        let places = announced.places.iter().filter_map(at).collect();
        self.known.insert(announced.first, Arc::new(Known { announced, places }));
    }

    /// What probe `n` was announced with.
    pub(super) fn of(&self, n: u32) -> Option<Arc<Known>> {
        let (_, known) = self.known.range(..=n).next_back()?;
        known.has(n).then(|| known.clone())
    }
}

/// Numbers of an announcement that are sent one behind the other: where it begins, and whether they are of its second
/// half. The halves may be sent at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Lot(u32, bool);

/// What was announced, with places by their index among the ports.
#[derive(Debug)]
pub(super) struct Known {
    announced: Announced,
    places: Vec<(u16, Direction, bool)>,
}

impl Known {
    pub(super) fn has(&self, n: u32) -> bool {
        let place = n.checked_sub(self.announced.first);
        place.is_some_and(|place| u64::from(place) < self.announced.kinds.width())
    }

    /// The lot of probe `n`, which is one of these.
    pub(super) fn lot(&self, n: u32) -> Lot {
        let first = self.announced.first;
        Lot(first, u64::from(n - first) >= first_half(self.announced.kinds.width()))
    }

    /// Whether probe `n` is one of those that are stored wherever they are seen.
    pub(super) fn is_sample(&self, n: u32) -> bool {
        let place = n - self.announced.first;
        place < FIRST || place.is_multiple_of(EVERY)
    }

    /// Whether probe `n` is as expected here: its own frame, at one of its places.
    pub(super) fn admits(
        &self,
        n: u32,
        place: (u16, Direction),
        addressed: bool,
        frame: &Frame<'_>,
        bytes: &[u8],
    ) -> bool {
        let may_be = |(port, way, meant): &(u16, _, bool)| (*port, *way) == place && (*meant || !addressed);
        self.places.iter().any(may_be) && self.is_frame(n, frame, bytes)
    }

    /// The frame of probe `n`, as it was sent.
    pub(super) fn frame(&self, n: u32) -> Option<Vec<u8>> {
        let traffic = self.announced.kinds.nth(n.checked_sub(self.announced.first)?.into())?;
        nonce::craft(&Probe { n, traffic, ..self.announced.probe }).ok()
    }

    /// Whether these bytes are the frame of probe `n` as it was sent, but for the tag of the VLAN that it was sent in.
    fn is_frame(&self, n: u32, frame: &Frame<'_>, bytes: &[u8]) -> bool {
        let Some(sent) = self.frame(n) else { return false };
        // Addresses of six bytes each, then the tag of four (IEEE 802.1Q, clause 9.3).
        let behind = if frame.vlan.is_some() { 16 } else { 12 };
        bytes.len() >= behind && bytes[..12] == sent[..12] && bytes[behind..] == sent[12..]
    }
}
