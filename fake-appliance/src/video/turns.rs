//! Whose pictures are decoded: everybody's, or of many streams some at a time, group after group.

use fake_camera::clip::PICTURES;
use fake_facts::MOST_DECODED;

/// How many turns there are until each stream had one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turns(u64);

impl Turns {
    /// For so many streams: one turn for all of them up to [`MOST_DECODED`].
    pub(super) fn of(streams: usize) -> Self {
        Self(streams.div_ceil(MOST_DECODED).max(1) as u64)
    }

    /// Whether it is some streams' turn only.
    pub(super) fn are_taken(self) -> bool {
        self.0 > 1
    }

    /// Whether a group of pictures is decoded: of the stream at this place, from this frame of its session on.
    pub(super) fn is_due(self, place: usize, number: u64) -> bool {
        (number / u64::from(PICTURES) + place as u64).is_multiple_of(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_streams_are_always_due() {
        for streams in [0, 1, MOST_DECODED] {
            let turns = Turns::of(streams);
            assert!(!turns.are_taken() && (0..90).all(|number| turns.is_due(3, number)), "{streams}");
        }
    }

    #[test]
    fn of_many_each_has_its_turn_and_no_more_than_so_many_at_once() {
        for streams in [MOST_DECODED + 1, 40, 64, 256] {
            let turns = Turns::of(streams);
            assert!(turns.are_taken());
            for group in 0..turns.0 {
                let due = (0..streams).filter(|place| turns.is_due(*place, group * 30)).count();
                assert!((1..=MOST_DECODED).contains(&due), "{streams}: {due} at once");
            }
            for place in 0..streams {
                let due = (0..turns.0).filter(|group| turns.is_due(place, group * 30 + 29)).count();
                assert_eq!(due, 1, "{streams}: one turn in each round");
            }
        }
    }
}
