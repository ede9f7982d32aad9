//! Pacing of what instruments behind a filter log, so that none of it is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::sweep::ARRIVE_WITHIN;
use crate::names::NodeName;

/// Packets that may wait to be read from an instrument behind a filter: of its messages, some 1200 bytes each, the kernel keeps 350 in
/// the room that it gives without rights (socket(7), `rmem_max`, doubled), and says only that there were more.
const LOGGED_UNREAD: u32 = 128;

/// How many packets of controls were sent to each instrument behind a filter since it was last waited for.
pub(super) struct Unread {
    of: BTreeMap<NodeName, u32>,
    /// Whose last one did not arrive in time: the next is waited for in vain as likely, so not for long.
    missed: BTreeSet<NodeName>,
    patience: u32,
}

impl Unread {
    pub(super) fn new(patience: u32) -> Self {
        Self { of: BTreeMap::new(), missed: BTreeSet::new(), patience }
    }

    /// One more was sent to a node's instrument; after some, has it waited for, at most for a while, until it has read this last one.
    /// One that does not arrive in that time may be none that arrives: the next is waited for after as many again, and
    /// for a twentieth of that.
    pub(super) fn sent(&mut self, node: &NodeName, wait_for_it: impl FnOnce(Duration) -> bool) {
        let unread = self.of.entry(node.clone()).or_default();
        *unread += 1;
        if *unread == LOGGED_UNREAD {
            *unread = 0;
            let within = ARRIVE_WITHIN * self.patience;
            let within = if self.missed.remove(node) { within / 20 } else { within };
            if !wait_for_it(within) {
                self.missed.insert(node.clone());
                tracing::debug!(%node, "a packet of the controls was not logged in time");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends so many to a node's instrument, and says after how many it was waited for.
    fn waited(unread: &mut Unread, node: &NodeName, packets: u32, arrives: bool) -> Vec<(u32, Duration)> {
        let mut waits = Vec::new();
        for n in 1..=packets {
            unread.sent(node, |within| {
                waits.push((n, within));
                arrives
            });
        }
        waits
    }

    #[test]
    fn each_instrument_is_waited_for_after_what_was_sent_to_it_also_after_a_miss() {
        let (app, vms): (NodeName, NodeName) = ("app".parse().unwrap(), "vms".parse().unwrap());
        let within = ARRIVE_WITHIN * 3;
        for arrives in [true, false] {
            let mut unread = Unread::new(3);
            assert_eq!(waited(&mut unread, &app, 100, arrives), []);
            assert_eq!(waited(&mut unread, &vms, 127, arrives), [], "what others are sent does not count");
            let told = waited(&mut unread, &app, 300, arrives);
            let next = if arrives { within } else { within / 20 };
            assert_eq!(told, [(28, within), (156, next), (284, next)]);
            assert_eq!(waited(&mut unread, &vms, 1, arrives), [(1, within)]);
        }
    }
}
