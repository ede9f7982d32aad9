//! IP packets that come in pieces: each put together as far as its pieces hang together, once all are there or no more are awaited.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use super::super::frame::Packet;
use super::search::Place;

/// Packets that are put together at a time, over all taps; each is at most 64 KiB.
const MOST: usize = 256;

/// Pieces of a packet that are waited for: whoever sends more of them repeats some.
const MOST_PIECES: usize = 1024;

/// What packets in pieces have in common, at one tap.
type Key = (Place, IpAddr, IpAddr, u8, u32);

/// Pieces that hang together.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub(super) bytes: Vec<u8>,
    /// Where each piece begins, and its number.
    pieces: Vec<(u64, u64)>,
}

impl Run {
    /// The piece that this byte came in.
    pub(super) fn packet_at(&self, offset: u64) -> u64 {
        let behind = self.pieces.partition_point(|(begins, _)| *begins <= offset);
        self.pieces.get(behind.saturating_sub(1)).map_or(0, |(_, packet)| *packet)
    }
}

/// A piece: where it belongs, its number, its bytes.
type Piece = (usize, u64, Vec<u8>);

/// A packet at a place, as far as its pieces hang together.
type Together = (Place, Vec<Run>);

/// Packets under way.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// The pieces of each, and where the last one ends once that is known.
    waiting: HashMap<Key, (Vec<Piece>, Option<usize>)>,
    order: VecDeque<Key>,
}

impl Pieces {
    /// Takes a piece; hands over the packet that is complete with it, and the one that has waited longest if there are too many.
    pub(super) fn take(
        &mut self,
        place: Place,
        number: u64,
        packet: &Packet<'_>,
    ) -> (Option<Together>, Option<Together>) {
        let Some(fragment) = packet.fragment else { return (None, None) };
        let key = (place, packet.source, packet.dest, packet.protocol, fragment.id);
        let (waiting, order) = (&mut self.waiting, &mut self.order);
        let known = waiting.entry(key).or_insert_with(|| {
            order.push_back(key);
            (Vec::new(), None)
        });
        let offset = fragment.offset as usize;
        known.0.push((offset, number, packet.bytes.to_vec()));
        if !fragment.more {
            known.1 = Some(offset + packet.bytes.len());
        }
        if known.0.len() >= MOST_PIECES || known.1.is_some_and(|end| is_complete(&known.0, end)) {
            self.order.retain(|other| *other != key);
            return (self.together(key), None);
        }
        (None, if self.order.len() <= MOST { None } else { self.oldest() })
    }

    /// All packets that are left, in the order in which they began.
    pub(super) fn all(&mut self) -> Vec<Together> {
        std::iter::from_fn(|| self.oldest()).collect()
    }

    fn oldest(&mut self) -> Option<Together> {
        let key = self.order.pop_front()?;
        self.together(key)
    }

    fn together(&mut self, key: Key) -> Option<Together> {
        let (pieces, _) = self.waiting.remove(&key)?;
        Some((key.0, runs(pieces)))
    }
}

/// Whether pieces are there from the first byte to the end.
fn is_complete(pieces: &[Piece], end: usize) -> bool {
    let mut pieces: Vec<(usize, usize)> =
        pieces.iter().map(|(at, _, bytes)| (*at, at + bytes.len())).collect();
    pieces.sort_unstable();
    let reached =
        pieces.into_iter().fold(0, |reached, (at, to)| if at <= reached { reached.max(to) } else { reached });
    reached >= end
}

/// What hangs together; of pieces that overlap, the first that came counts where both are.
fn runs(mut pieces: Vec<Piece>) -> Vec<Run> {
    pieces.sort_by_key(|(offset, number, _)| (*offset, *number));
    let mut runs: Vec<Run> = Vec::new();
    let mut end = None;
    for (offset, number, bytes) in pieces {
        let known = match end {
            Some(end) if offset <= end => end - offset,
            _ => {
                runs.push(Run::default());
                0
            }
        };
        let (Some(run), Some(fresh)) = (runs.last_mut(), bytes.get(known..)) else { continue };
        run.pieces.push((run.bytes.len() as u64, number));
        run.bytes.extend_from_slice(fresh);
        end = Some(offset + bytes.len());
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_in_any_order_and_overlapping_make_one_packet() {
        let piece = |offset: usize, number, text: &str| (offset, number, text.as_bytes().to_vec());
        let runs = runs(vec![
            piece(8, 2, "ijklmnop"),
            piece(0, 3, "abcdefgh"),
            piece(4, 4, "efghijXX"),
            piece(30, 5, "z"),
        ]);
        let texts: Vec<_> = runs.iter().map(|run| String::from_utf8_lossy(&run.bytes).into_owned()).collect();
        assert_eq!(texts, ["abcdefghijXXmnop", "z"]);
        assert_eq!((runs[0].packet_at(0), runs[0].packet_at(9), runs[0].packet_at(13)), (3, 4, 2));
        assert_eq!(runs[1].packet_at(0), 5);
    }
}
