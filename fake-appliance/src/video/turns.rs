//! Whose pictures are decoded: everybody's, or of many streams those of some at a time, whoever has waited longest next.
//!
//! Streams begin when they like, at rates and with groups of their own, and may stop at any time, so that whose turn it is hangs on
//! what they do and on no number of theirs: a turn is something that there are so many of, and is passed on.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use fake_facts::MOST_DECODED;

/// All turns; clones are of the same.
#[derive(Clone, Debug)]
pub(super) struct Turns(Option<Arc<Mutex<Order>>>);

/// Who waits, and for whom one of the turns is kept.
#[derive(Debug, Default)]
struct Order {
    /// Turns that are taken, or kept for somebody.
    taken: usize,
    waiting: VecDeque<usize>,
    kept: BTreeSet<usize>,
}

impl Turns {
    /// For so many streams: of up to [`MOST_DECODED`] nobody waits for another.
    pub(super) fn of(streams: usize) -> Self {
        Self((streams > MOST_DECODED).then(Arc::default))
    }

    /// The place of this stream's session among those that wait; `None` where nobody does.
    pub(super) fn seat(&self, stream: usize) -> Option<Seat> {
        self.0.clone().map(|order| Seat { order, stream })
    }
}

/// A session that may have turns. Once it is dropped it waits for none.
#[derive(Debug)]
pub(super) struct Seat {
    order: Arc<Mutex<Order>>,
    stream: usize,
}

impl Seat {
    /// The turn, if it is this one's; otherwise it waits.
    pub(super) fn turn(&self) -> Option<Turn> {
        let mut order = locked(&self.order);
        let is_free = order.waiting.is_empty() && order.taken < MOST_DECODED;
        if order.kept.remove(&self.stream) {
            return Some(Turn(Arc::clone(&self.order)));
        }
        if is_free {
            order.taken += 1;
            return Some(Turn(Arc::clone(&self.order)));
        }
        if !order.waiting.contains(&self.stream) {
            order.waiting.push_back(self.stream);
        }
        None
    }

    /// Whether anybody waits.
    pub(super) fn is_wanted(&self) -> bool {
        !locked(&self.order).waiting.is_empty()
    }

    /// It waits no longer; a turn that was kept for it is the next one's.
    pub(super) fn waits_no_more(&self) {
        let mut order = locked(&self.order);
        order.waiting.retain(|stream| *stream != self.stream);
        if order.kept.remove(&self.stream) {
            order.pass_on();
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.waits_no_more();
    }
}

/// A turn, until it is dropped: the next one's then.
#[derive(Debug)]
pub(super) struct Turn(Arc<Mutex<Order>>);

impl Drop for Turn {
    fn drop(&mut self) {
        locked(&self.0).pass_on();
    }
}

impl Order {
    /// A turn is over.
    fn pass_on(&mut self) {
        match self.waiting.pop_front() {
            Some(next) => drop(self.kept.insert(next)),
            None => self.taken -= 1,
        }
    }
}

fn locked(order: &Mutex<Order>) -> MutexGuard<'_, Order> {
    order.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use fake_camera::mutation::Random;

    use super::*;

    #[test]
    fn few_streams_wait_for_nobody() {
        for streams in [0, 1, MOST_DECODED] {
            assert!(Turns::of(streams).seat(0).is_none(), "{streams}");
        }
    }

    /// The seats of so many streams.
    fn seats(streams: usize) -> Vec<Seat> {
        let turns = Turns::of(streams);
        (0..streams).map(|stream| turns.seat(stream).unwrap()).collect()
    }

    #[test]
    fn of_many_some_have_turns_and_whoever_has_waited_longest_is_next() {
        let seats = seats(MOST_DECODED + 3);
        let mut turns: VecDeque<Turn> = seats[..MOST_DECODED].iter().filter_map(Seat::turn).collect();
        assert_eq!((turns.len(), seats[0].is_wanted()), (MOST_DECODED, false));
        let (first, second, third) =
            (&seats[MOST_DECODED + 1], &seats[MOST_DECODED], &seats[MOST_DECODED + 2]);
        assert!(first.turn().is_none() && second.turn().is_none() && first.turn().is_none());
        assert!(seats[0].is_wanted());
        drop(turns.pop_front());
        // It is kept for the first, however often others ask.
        assert!(third.turn().is_none() && second.turn().is_none() && seats[0].turn().is_none());
        turns.push_back(first.turn().expect("it has waited longest"));
        assert!(second.turn().is_none());
        drop(turns.pop_front());
        turns.push_back(second.turn().expect("it is next"));
        assert_eq!(turns.len(), MOST_DECODED);
    }

    #[test]
    fn whoever_goes_keeps_no_turn_from_others() {
        let mut seats = seats(MOST_DECODED + 2);
        let mut turns: Vec<Turn> = seats[..MOST_DECODED].iter().filter_map(Seat::turn).collect();
        let (last, gone) = (seats.pop().unwrap(), seats.pop().unwrap());
        assert!(gone.turn().is_none() && last.turn().is_none());
        drop(turns.pop());
        // It is kept for one that goes.
        drop(gone);
        assert!(last.turn().is_some());
        // Nobody waits any more, so that all turns are there again.
        drop((turns, last));
        assert_eq!(seats.iter().filter_map(Seat::turn).collect::<Vec<_>>().len(), MOST_DECODED);
    }

    #[test]
    fn each_has_turns_at_whatever_rate_it_asks_and_never_more_than_so_many_at_once() {
        for streams in [MOST_DECODED + 1, 40, 256] {
            let (seats, mut random) = (seats(streams), Random::new(streams as u64));
            let mut had = vec![0; streams];
            let mut decoded: BTreeMap<usize, Turn> = BTreeMap::new();
            for round in 0..600 {
                for stream in 0..streams {
                    // Some come by rarely, and all keep a turn that nobody wants.
                    if round % (1 + stream % 7) != 0 || random.below(3) == 0 {
                        continue;
                    }
                    if !decoded.contains_key(&stream) || seats[stream].is_wanted() {
                        decoded.remove(&stream);
                        let turn = seats[stream].turn();
                        had[stream] += usize::from(turn.is_some());
                        decoded.extend(turn.map(|turn| (stream, turn)));
                    }
                    assert!(decoded.len() <= MOST_DECODED);
                }
            }
            assert!(had.iter().all(|turns| *turns > 0), "{streams}: {had:?}");
        }
    }
}
