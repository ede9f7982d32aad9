//! When turns begin and end, whatever groups a stream has.

use tokio::time::timeout;

use super::*;
use crate::config::{Careless, Transport};
use crate::video::Manners;
use crate::video::session::tests::shared_in;
use crate::video::turns::Turns;
use fake_facts::MOST_DECODED;

/// Far more than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// One stream of more than can be decoded at once, all of whose turns others have; and these turns, and two seats more.
struct Crowd {
    shared: Arc<Shared>,
    decoding: Decoding,
    turns: Vec<Turn>,
    _seats: Vec<Seat>,
    others: [Seat; 2],
}

async fn crowd() -> Crowd {
    let streams = MOST_DECODED + 3;
    let manners = Manners::new(streams, true, Careless::default());
    let seat = |stream| Turns::seat(&manners.turns, stream).unwrap();
    let seats: Vec<Seat> = (1..=MOST_DECODED).map(seat).collect();
    let turns: Vec<Turn> = seats.iter().filter_map(Seat::turn).collect();
    assert_eq!(turns.len(), MOST_DECODED);
    let others = [seat(streams - 2), seat(streams - 1)];
    let shared = shared_in((0, manners.clone()), "rtsp://127.0.0.1/stream".into(), Transport::Tcp);
    let decoding = Decoding::begin(&shared, Codec::H264, Duration::from_secs(5)).await.unwrap();
    Crowd { shared, decoding, turns, _seats: seats, others }
}

impl Crowd {
    /// A frame comes; whether the stream is decoded then.
    async fn comes(&mut self, start: bool) -> bool {
        self.decoding.comes(&self.shared, start).await.unwrap();
        self.decoding.decoder().is_some()
    }

    /// So many frames come, none of which stands alone but each eighth, if `groups` are that short; for how many it was decoded.
    async fn come(&mut self, frames: u32, groups: bool) -> u32 {
        let mut decoded = 0;
        for number in 1..=frames {
            decoded += u32::from(self.comes(groups && number % 8 == 0).await);
        }
        decoded
    }
}

/// The turn of this seat, once it is there.
async fn turn(seat: &Seat) -> Turn {
    let turn = async {
        loop {
            match seat.turn() {
                Some(turn) => break turn,
                None => tokio::task::yield_now().await,
            }
        }
    };
    timeout(PATIENCE, turn).await.expect("it has its turn")
}

#[tokio::test]
async fn a_turn_is_begun_where_a_picture_stands_alone_and_lasts_for_some_groups() {
    let mut crowd = crowd().await;
    assert!(!crowd.comes(true).await, "all turns are others'");
    crowd.turns.pop();
    assert!(!crowd.comes(false).await, "it has none to begin with");
    assert!(crowd.comes(true).await);
    assert!(crowd.others[0].turn().is_none());
    assert_eq!(crowd.come(LEAST - 1, true).await, LEAST - 1, "short groups are no turns");
    assert!(!crowd.comes(true).await, "somebody waits");
    let other = turn(&crowd.others[0]).await;
    // It is the next one again, and goes on while nobody waits.
    drop(other);
    assert!(crowd.comes(true).await);
    assert_eq!(crowd.come(2 * MOST, true).await, 2 * MOST);
}

#[tokio::test]
async fn a_group_without_end_keeps_no_turn() {
    let mut crowd = crowd().await;
    crowd.turns.pop();
    assert!(crowd.comes(true).await);
    assert!(crowd.others[0].turn().is_none());
    assert_eq!(crowd.come(MOST, false).await, MOST - 1);
    drop(turn(&crowd.others[0]).await);
}

#[tokio::test]
async fn whoever_cannot_take_a_turn_gives_it_on() {
    let mut crowd = crowd().await;
    assert!(!crowd.comes(true).await);
    assert!(crowd.others[1].turn().is_none());
    crowd.turns.pop();
    assert!(crowd.others[1].turn().is_none(), "it is kept for the first");
    assert_eq!(crowd.come(MOST, false).await, 0);
    assert!(crowd.others[1].turn().is_some());
}

#[tokio::test]
async fn a_session_that_is_over_has_no_turn_and_waits_for_none() {
    let mut crowd = crowd().await;
    crowd.turns.pop();
    assert!(crowd.comes(true).await);
    assert!(crowd.others[0].turn().is_none());
    let Crowd { decoding, others, turns: _turns, _seats, .. } = crowd;
    decoding.finish().await;
    assert!(others[0].turn().is_some());
}
