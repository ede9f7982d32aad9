//! A packet that comes in two pieces: each by itself, until the kernel puts them together.

use std::collections::BTreeSet;

use super::super::outcome::{Blame, Kernel, Leaving, Why};
use super::super::packet::{Ethernet, Fragment, Packet};
use super::Device;
use super::node::{Arrived, Ends, arrive};
use super::traveller::{Others, Traveller};
use crate::names::TINY_PIECE;

/// The first piece, with ports, and the last one.
pub(in crate::model) type Pair<T> = [T; 2];

impl Traveller {
    /// Both pieces of a whole packet, the second from this place on, units of 8 bytes.
    pub(in crate::model) fn in_pieces(&self, offset: u16) -> Pair<Traveller> {
        let first = if offset == TINY_PIECE { Fragment::Tiny } else { Fragment::First };
        [first, Fragment::Later { offset }].map(|fragment| {
            let packet = Packet { fragment, ..self.packet.clone() };
            Traveller { packet, others: Others::Come, ..self.clone() }
        })
    }
}

/// What becomes of both pieces, which come to a device one after the other by this link.
///
/// What leaves it by a link leaves it in the same pieces again, also where it was the whole in between.
pub(in crate::model) fn arrive_in_pieces(
    device: &Device<'_>,
    pieces: &Pair<Traveller>,
    ethernet: Ethernet,
    link: &str,
) -> Pair<Ends> {
    let [first, last] = pieces.each_ref().map(|one| arrive(device, one.clone(), ethernet, link));
    let Some((whole, reason)) = met(&first) else { return [first, last] };
    let blame = Blame::Kernel(reason);
    match &last {
        Ends::Unknown(_) => [last.clone(), last],
        Ends::Dropped(by) if by.contains(&blame) && by.len() > 1 => {
            let unsure =
                Ends::Unknown(BTreeSet::from([Why::of("whether the last fragment gets to the first")]));
            [unsure.clone(), unsure]
        }
        Ends::Dropped(by) if by.contains(&blame) => {
            together(whole, pieces.each_ref().map(|one| one.packet.fragment))
        }
        // It waits for what never comes there.
        _ => [Ends::Dropped(BTreeSet::from([blame])), last],
    }
}

/// The whole that the first piece passed as, and what waited for the other.
fn met(first: &Ends) -> Option<(Arrived, Kernel)> {
    let Ends::Passes(arrived) = first else { return None };
    match arrived.traveller.others {
        Others::Met(reason) => Some(((**arrived).clone(), reason)),
        Others::Never | Others::Come => None,
    }
}

fn together(whole: Arrived, pieces: Pair<Fragment>) -> Pair<Ends> {
    let fragments = match whole.to {
        Leaving::Local => [Fragment::Whole; 2],
        Leaving::Link { .. } => pieces,
    };
    fragments.map(|fragment| {
        let mut piece = whole.clone();
        piece.traveller.packet.fragment = fragment;
        piece.traveller.others = Others::Come;
        Ends::Passes(Box::new(piece))
    })
}
