//! `direction`: who opens, which way media runs, and how much may be said.

use super::super::mistakes::Mistake;
use super::super::model::{Amount, Word};
use super::super::raw;
use super::super::shape::{At, OneOrMany, Slot};
use super::super::tree::Spot;
use super::checks::Reader;
use crate::names::{FlowId, NodeName, Traffic};

impl Reader<'_> {
    pub(super) fn direction(&mut self, word: &raw::Direction) -> Option<Word> {
        let flows =
            word.flows.good().map(|ranges| self.opening(ranges, "`flows`: link upkeep has no direction"));
        let initiator = self.one(&word.initiator);
        let media_to = self.one(&word.media_to);
        let (flows, initiator) = (flows?, initiator?);
        for id in &flows {
            let Some(flow) = self.flows.get(id).filter(|flow| !flow.upkeep) else { continue };
            if !flow.from.contains(&initiator)
                && let Some(written) = word.initiator.good()
            {
                let openers = flow.from.iter().map(|node| format!("`{node}`")).collect::<Vec<_>>().join(", ");
                let title = format!("{} contradicts a flow", self.whose);
                let label = format!("{id} is opened by {openers}");
                self.out.push(Mistake::error(title, written.spot, label));
            }
        }
        let at = word.flows.good()?.0.first()?.spot;
        let asks = self.amount("asks", &word.asks, at, &flows);
        let answers = self.amount("answers", &word.answers, at, &flows);
        if let (None, true, Some(written)) = (&media_to, word.media_to.is_absent(), word.media_ends.good()) {
            let title = format!("{} waits for the end of media that it does not look at", self.whose);
            self.out.push(Mistake::error(
                title,
                written.spot,
                "`media_ends` needs `media_to`: whose sessions they are",
            ));
        }
        let media_ends = word.media_ends.good().map(|lasting| lasting.value.0);
        let hops = word.hops.good().and_then(|hops| u8::try_from(hops.value.0).ok());
        let tracked_by = self.trackers(&word.tracked_by);
        Some(Word::Direction { flows, initiator, media_to, media_ends, hops, tracked_by, asks, answers })
    }

    /// Who tracks connections: only in nodes with rules anybody listens to that.
    fn trackers(&mut self, slot: &Slot<OneOrMany<At<NodeName>>>) -> Vec<NodeName> {
        let found = self.nodes(slot).unwrap_or_default();
        let without = |name: &&NodeName| self.nodes.get(*name).is_some_and(|node| node.ruleset.is_none());
        if let (Some(name), Some(written)) =
            (found.iter().find(without), slot.good().and_then(|at| at.0.first()))
        {
            let title = format!("{} asks who tracks connections", self.whose);
            self.out.push(Mistake::error(
                title,
                written.spot,
                format!("`{name}` has no `ruleset`, and tracks none"),
            ));
        }
        found
    }

    /// A bound bounds something, and what it bounds can be.
    fn amount(&mut self, key: &str, slot: &Slot<raw::Amount>, at: Spot, flows: &[FlowId]) -> Amount {
        let Some(raw) = slot.good() else { return Amount::default() };
        if raw.each_second.is_absent() && raw.each_datagram.is_absent() && raw.share.is_absent() {
            let label = format!("`{key}` has none of `each_second`, `each_datagram`, `share`");
            self.out.push(Mistake::error(format!("{} bounds nothing", self.whose), at, label));
        }
        let each_datagram = raw.each_datagram.good().map(|at| at.value.0);
        let datagrams = |id: &FlowId| {
            let ports = self.flows.get(id).map_or(&[][..], |flow| &flow.ports);
            ports.iter().any(|port| matches!(port, Traffic::Udp(..) | Traffic::Ntp(_)))
        };
        if let (Some(at), false) = (raw.each_datagram.good(), flows.iter().any(datagrams)) {
            let title = format!("{} bounds datagrams", self.whose);
            self.out.push(Mistake::error(title, at.spot, "none of `flows` has a port of UDP"));
        }
        let each_second = raw.each_second.good().map(|at| at.value.0);
        Amount { each_second, each_datagram, share: raw.share.good().map(|at| at.value) }
    }
}
