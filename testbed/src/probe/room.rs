//! How large the taps' ring is, and how much is sent before they are waited for.

use std::collections::BTreeSet;

use crate::names::{SegmentName, Traffic};
use crate::plan::{Aim, Plan};

/// Bytes of a block and number of blocks, for what is sent in bulk: 8 MiB. A block retires after 10 ms, so half-empty blocks
/// last for 1.3 s unread.
const BULK: (usize, usize) = (64 * 1024, 128);

/// The same where all that the largest check sends fits twice over: 2 MiB, 0.6 s. The kernel clears a ring before it is of
/// use, and that takes two cores' worth of a small site's time.
const SMALL: (usize, usize) = (32 * 1024, 64);

/// Of the small ring so much is left, for each node, to what nodes say by themselves: a second of video, or whatever else
/// comes at once.
const PER_NODE: usize = 128 * 1024;

/// What a probe takes of the ring at each port that it passes, bytes.
const PROBE: usize = 256;

/// On a slow machine the ring is larger by its patience, at most by this: 64 MiB then wait to be read.
const MOST_PATIENT: u32 = 8;

/// What there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// Bytes of one block of the ring.
    pub(super) block: usize,
    /// Blocks of the ring.
    pub(super) blocks: usize,
    /// So many probes fill half of the ring, where the widest hub repeats each at all of its ports.
    pub(super) batch: u32,
}

impl Room {
    /// The room for a site, on a machine that is slower by `patience`.
    pub(super) fn of(plan: &Plan, patience: u32) -> Self {
        let probe = PROBE * ports(plan);
        let most = plan.checks.iter().map(|check| packets(check.word.aims())).max().unwrap_or(0);
        let sent = usize::try_from(most).unwrap_or(usize::MAX).saturating_mul(2 * probe);
        let wanted = sent.saturating_add(PER_NODE * plan.nodes.len());
        let (block, blocks) = if wanted <= SMALL.0 * SMALL.1 { SMALL } else { BULK };
        let batch = u32::try_from(block * blocks / 2 / probe).unwrap_or(1).max(1);
        Self { block, blocks: blocks * patience.clamp(1, MOST_PATIENT) as usize, batch }
    }
}

fn packets(aims: &[Aim]) -> u64 {
    aims.iter().flat_map(|aim| &aim.ports).map(Traffic::width).sum()
}

/// At how many ports a probe is seen at most: into the fabric and out of it, on either side of a router, or all of a hub's, or
/// of a segment where it is for everybody.
fn ports(plan: &Plan) -> usize {
    let members = |segment: &SegmentName| {
        let links = plan.nodes.iter().flat_map(|node| &node.links);
        links.filter(|link| link.segment == *segment).count()
    };
    let hubs = plan.segments.iter().filter(|segment| segment.hub).map(|segment| &segment.name);
    // What is at everybody is flooded where it is sent, and where it would arrive.
    let flooded = plan.aims().filter(|(_, aim)| aim.everybody.is_some()).flat_map(|(_, aim)| {
        let own = plan.node(&aim.from).into_iter().flat_map(|node| &node.links);
        let own = own.filter(|link| link.name == aim.link).map(|link| &link.segment);
        own.chain([&aim.target_segment])
    });
    let wide: BTreeSet<&SegmentName> = hubs.chain(flooded).collect();
    4 + wide.into_iter().map(members).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::star;

    #[test]
    fn a_small_site_has_a_small_ring_and_whatever_is_large_or_sent_in_bulk_a_large_one() {
        let small = Room::of(&star(10), 1);
        assert_eq!((small.block * small.blocks, small.batch), (2 << 20, 1024));
        let wide = Room::of(&star(100), 1);
        assert_eq!((wide.block * wide.blocks, wide.batch), (8 << 20, 4096));
        let patient = Room::of(&star(10), 100);
        assert_eq!((patient.block * patient.blocks, patient.batch), (16 << 20, small.batch));
    }

    #[test]
    fn what_the_largest_check_sends_decides() {
        let plan = crate::verdict::example::plan();
        let many = |width: u16| {
            let mut plan = plan.clone();
            plan.nodes.truncate(1);
            let aims = plan.checks.iter_mut().find_map(|check| match &mut check.word {
                crate::plan::Word::NoReach { aims, .. } => Some(aims),
                _ => None,
            });
            aims.unwrap()[0].ports = vec![Traffic::Tcp(1, width)];
            Room::of(&plan, 1).batch
        };
        assert_eq!((many(500), many(5000)), (1024, 4096));
    }
}
