//! Everything that frames tell, taken one by one: the same whether they come off a ring or out of a file.

use super::advertised::Advertisements;
use super::answers::{Answers, Part};
use super::capture::{Captured, Port};
use super::claims::Claims;
use super::conversation::Table;
use super::dhcp::Dhcp;
use super::frame::{Content, Frame};
use super::handshakes::Handshakes;
use super::inventory::Inventory;
use super::lookups::Lookups;
use super::redirects::Redirects;
use super::runs::Runs;
use super::sightings::{Direction, Seen, Sightings, StrayKind};
use super::stations::Stations;
use super::tags::Tags;
use super::transcripts::Transcripts;
use super::uses::Uses;
use crate::names::Mac;
use crate::observation::{Conversation, TapHealth};

/// A sighting of probe `n`, or a stray of it.
pub(super) struct Fresh {
    n: u32,
    stray: Option<StrayKind>,
    seen: Seen,
    addressed: bool,
    /// Not stored, since it was as expected.
    follows: bool,
}

impl Fresh {
    /// It was as expected and is not stored.
    pub(super) fn following(self) -> Fresh {
        Fresh { follows: true, ..self }
    }

    /// Adds it to what is known.
    pub(super) fn add_to(self, sightings: &mut Sightings) {
        let Fresh { n, stray, seen, addressed, follows } = self;
        match stray {
            None if follows => sightings.follow(n, seen, addressed),
            None => sightings.insert(n, seen, addressed),
            Some(kind) => sightings.insert_stray(n, kind, seen, addressed),
        }
    }
}

/// What has been read so far. Knows neither rings nor files, and keeps no sightings: those are for whoever takes frames.
pub(super) struct Reading {
    pub(super) ports: Vec<Port>,
    inventory: Inventory,
    /// Ethernet addresses of the links at the ports.
    macs: Vec<[Option<Mac>; 2]>,
    table: Table,
    stations: Stations,
    tags: Tags,
    advertisements: Advertisements,
    answers: Answers,
    pub(super) dhcp: Dhcp,
    redirects: Redirects,
    pub(super) lookups: Lookups,
    handshakes: Handshakes,
    transcripts: Transcripts,
    uses: Uses,
    claims: Claims,
    /// Probes that were as expected.
    pub(super) runs: Runs,
    /// Frames that answered or refused probes, or were probes that something altered.
    pub(super) probe_answers: u64,
}

impl Reading {
    /// Nothing read yet, at these ports, of a lab whose probes have this key.
    pub(super) fn new(ports: Vec<Port>, inventory: Inventory, key: u32) -> Reading {
        Reading {
            macs: ports.iter().map(|port| inventory.macs(&port.name)).collect(),
            table: Table::new(inventory.clone(), &ports),
            stations: Stations::default(),
            tags: Tags::default(),
            advertisements: Advertisements::default(),
            answers: Answers::new(key),
            dhcp: Dhcp::default(),
            redirects: Redirects::default(),
            lookups: Lookups::default(),
            handshakes: Handshakes::default(),
            transcripts: Transcripts::default(),
            uses: Uses::new(&ports, &inventory),
            claims: Claims::new(&ports, &inventory),
            runs: Runs::default(),
            probe_answers: 0,
            ports,
            inventory,
        }
    }

    /// What a frame is to the probes; asked once for each frame, in their order, before it is [taken](Self::take).
    pub(super) fn part(&mut self, frame: &Frame<'_>) -> Part {
        let inventory = &self.inventory;
        self.answers.part(frame, || inventory.is_own(frame))
    }

    /// Whether a frame is for the link at this port, or for a group.
    pub(super) fn is_addressed(&self, frame: &Frame<'_>, port: u16) -> bool {
        // The lowest bit of the first byte marks a group (IEEE 802, clause 8.2).
        let group = frame.dest.0[0] & 1 == 1;
        group || self.macs[usize::from(port)].contains(&Some(frame.dest))
    }

    /// Takes a frame; what it says of a probe, if it does.
    pub(super) fn take(&mut self, frame: &Frame<'_>, part: Part, seen: Seen) -> Option<Fresh> {
        self.stations.take(frame.source, seen);
        // Which tag a probe without IP has is its sender's choice, and says nothing of the port.
        if !matches!((part, frame.content), (Part::Probe(_), Content::Other(_))) {
            self.tags.take(frame.vlan, seen);
        }
        self.claims.take(frame, part, seen);
        let at = (&self.ports[usize::from(seen.port)], self.macs[usize::from(seen.port)]);
        let addressed = self.is_addressed(frame, seen.port);
        let fresh = |n, stray| Some(Fresh { n, stray, seen, addressed, follows: false });
        let fresh = match part {
            Part::Probe(n) => return fresh(n, None),
            Part::Altered(n) => fresh(n, Some(StrayKind::Altered)),
            Part::Answer(n) => fresh(n, Some(StrayKind::Answered)),
            Part::Refusal => None,
            Part::None => {
                self.advertisements.take(frame, seen, at.0, &self.inventory);
                self.dhcp.take(frame, seen, at, &self.inventory);
                self.redirects.take(frame, seen, at, &self.inventory);
                // A question is addressed to whoever is asked.
                if addressed || seen.direction == Direction::FromNode {
                    self.lookups.take(frame, seen, at.0, &self.inventory);
                }
                self.handshakes.take(frame, seen, at.0, &self.inventory);
                self.transcripts.take(frame, seen, at.0, &self.inventory);
                let kind = self.table.take(frame, seen);
                self.uses.take(kind, seen);
                return None;
            }
        };
        self.probe_answers += 1;
        fresh
    }

    /// The end of a stretch at a moment (nanoseconds since 1970): what it told. How the tap did and what it sighted is
    /// known to whoever took the frames.
    pub(super) fn turn(&mut self, now: u64, health: TapHealth, sightings: Sightings) -> Captured {
        let conversations = self.table.turn(&self.ports, now);
        self.claims.forget(now);
        self.captured(conversations, health, sightings)
    }

    /// The end of all.
    pub(super) fn finish(mut self, health: TapHealth, sightings: Sightings) -> Captured {
        let conversations = self.table.finish(&self.ports);
        self.captured(conversations, health, sightings)
    }

    fn captured(
        &mut self,
        conversations: Vec<Conversation>,
        health: TapHealth,
        sightings: Sightings,
    ) -> Captured {
        Captured {
            conversations,
            loads: self.table.loads(),
            stations: self.stations.turn(&self.ports),
            tags: self.tags.turn(&self.ports),
            advertisements: self.advertisements.turn(),
            dhcp: self.dhcp.turn(),
            offers: self.dhcp.offers(),
            redirects: self.redirects.told(),
            led: self.redirects.turn(),
            lookups: self.lookups.turn(),
            handshakes: self.handshakes.turn(&self.inventory),
            rtsp: self.transcripts.turn(&self.inventory),
            uses: self.uses.turn(&self.ports),
            explained: self.claims.turn(),
            health,
            sightings,
            passed: self.runs.turn(),
            probe_answers: std::mem::take(&mut self.probe_answers),
        }
    }
}
