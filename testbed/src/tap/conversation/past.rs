//! Conversations of earlier stretches: not each of them, but one for all that were of a kind between the same ends.
//!
//! Bounded, so that a lab may stand for days: the port from which something was opened is let go, and past so many
//! different ones no more are added.

use std::collections::BTreeMap;

use crate::observation::{Conversation, End, LostHops};

/// Most that are remembered: 50,000 of some 300 bytes.
const MOST: usize = 50_000;

/// What came about in earlier stretches.
#[derive(Default)]
pub(super) struct Past {
    known: BTreeMap<(String, End, End), Conversation>,
}

impl Past {
    /// Remembers a conversation, whose packets are in a file that is closed.
    pub(super) fn add(&mut self, one: &Conversation) {
        let opener = End { port: 0, ..one.opener.clone() };
        let key = (one.kind.clone(), opener.clone(), one.answerer.clone());
        if let Some(known) = self.known.get_mut(&key) {
            return join(known, one);
        }
        if self.known.len() < MOST {
            let gone = |packet: Option<u64>| packet.map(|_| 0);
            let known = Conversation {
                opener,
                first_packet: 0,
                reached_packet: gone(one.reached_packet),
                answered_packet: gone(one.answered_packet),
                earlier: true,
                ..one.clone()
            };
            self.known.insert(key, known);
        }
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Conversation> {
        self.known.values().cloned().collect()
    }
}

fn join(known: &mut Conversation, one: &Conversation) {
    known.last_at = known.last_at.max(one.last_at);
    known.packets_out += one.packets_out;
    known.packets_back += one.packets_back;
    known.payload_out += one.payload_out;
    known.payload_back += one.payload_back;
    known.media_out += one.media_out;
    known.media_back += one.media_back;
    known.syn_back |= one.syn_back;
    for (known, one) in known.lost_hops.iter_mut().zip(one.lost_hops) {
        *known = [*known, one].into_iter().flatten().reduce(LostHops::with);
    }
    known.reached_packet = known.reached_packet.or(one.reached_packet.map(|_| 0));
    known.answered_packet = known.answered_packet.or(one.answered_packet.map(|_| 0));
}
