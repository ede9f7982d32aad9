//! Clients whose TLS handshake is not done: no more than so many, and the newest of them.
//!
//! A handshake takes a client milliseconds. Whoever opens connections by the thousand and says nothing would otherwise have every
//! place there is for as long as a handshake may take; here it takes places only from others that hold theirs longest.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// The places, by the order in which they were taken.
#[derive(Default)]
struct Taken {
    next: u64,
    places: BTreeMap<u64, CancellationToken>,
}

/// A bounded number of places.
#[derive(Clone)]
pub(crate) struct HalfOpen {
    limit: usize,
    taken: Arc<Mutex<Taken>>,
}

/// A client's place, free again when dropped.
pub(crate) struct Place {
    number: u64,
    lost: CancellationToken,
    of: HalfOpen,
}

impl HalfOpen {
    /// Places for `limit` clients, one at least.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), taken: Arc::default() }
    }

    /// A place for a newcomer: if none is free, that of whoever has been there longest.
    pub(crate) fn enter(&self) -> Place {
        let mut taken = self.lock();
        if taken.places.len() >= self.limit
            && let Some((_, oldest)) = taken.places.pop_first()
        {
            oldest.cancel();
        }
        let (number, lost) = (taken.next, CancellationToken::new());
        taken.next += 1;
        taken.places.insert(number, lost.clone());
        Place { number, lost, of: self.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Waits until a newcomer has it.
    pub(crate) async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.of.lock().places.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(places: &[Place]) -> Vec<bool> {
        places.iter().map(|place| !place.lost.is_cancelled()).collect()
    }

    #[test]
    fn a_newcomer_takes_the_place_of_whoever_has_been_there_longest() {
        let half_open = HalfOpen::new(2);
        let places: Vec<Place> = (0..3).map(|_| half_open.enter()).collect();
        assert_eq!(held(&places), [false, true, true]);
        assert_eq!(half_open.lock().places.len(), 2);
    }

    #[test]
    fn a_place_that_was_left_is_taken_before_anybody_is_sent_away() {
        let half_open = HalfOpen::new(2);
        let stays = half_open.enter();
        for _ in 0..10 {
            drop(half_open.enter());
        }
        let newest = half_open.enter();
        assert_eq!(held(&[stays, newest]), [true, true]);
        assert_eq!(half_open.lock().places.len(), 0);
    }
}
