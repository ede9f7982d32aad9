//! When a camera takes another address: once, some time after it was played first.

use tokio::time::{Instant, sleep_until};

use crate::hostile::Moves;

/// What is due, and when.
#[derive(Debug)]
pub(super) struct Removal {
    moves: Option<Moves>,
    at: Option<Instant>,
}

impl Removal {
    pub(super) fn new(moves: Option<Moves>) -> Self {
        Self { moves, at: None }
    }

    /// Somebody plays the camera; the first time counts.
    pub(super) fn played(&mut self) {
        if let (Some(moves), None) = (self.moves, self.at) {
            self.at = Some(Instant::now() + moves.after);
        }
    }

    /// Waits until it is due; for ever if it is not, or was.
    pub(super) async fn due(&mut self) -> Moves {
        if let Some(at) = self.at {
            sleep_until(at).await;
            if let Some(moves) = self.moves.take() {
                return moves;
            }
        }
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn it_is_due_once_and_only_if_somebody_plays() {
        let soon = Duration::from_millis(20);
        let moves = Moves { after: Duration::from_millis(1), to: [10, 20, 0, 40].into() };
        let mut removal = Removal::new(Some(moves));
        assert!(tokio::time::timeout(soon, removal.due()).await.is_err(), "nobody has played it");
        removal.played();
        removal.played();
        assert_eq!(removal.due().await, moves);
        removal.played();
        assert!(tokio::time::timeout(soon, removal.due()).await.is_err(), "it has moved");
    }
}
