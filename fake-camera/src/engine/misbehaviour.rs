//! What a camera does that it should not: for whoever wants to know whether it would be noticed.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::clip::PICTURES;

/// Frames of each session with which something is wrong, by their numbers. Frame 0 is sent before anything else is
/// known of a session, so nothing but its picture can be wrong.
#[derive(Clone, Debug, Default)]
pub struct Misbehaviour {
    /// They are never sent.
    pub leaves_out: BTreeSet<u64>,
    /// They are sent twice.
    pub repeats: BTreeSet<u64>,
    /// They are sent after the frame that follows them.
    pub swaps: BTreeSet<u64>,
    /// They show the picture of the next frame, and say beside it that it is their own.
    pub shows_next: BTreeSet<u64>,
    /// They show a picture of the camera with the next number.
    pub shows_stranger: BTreeSet<u64>,
    /// They are sent too late, and say when they should have been.
    pub late: Option<Late>,
}

/// From some frame on, all are sent too late.
#[derive(Clone, Copy, Debug)]
pub struct Late {
    /// From which one on.
    pub from: u64,
    /// By how much.
    pub by: Duration,
}

impl Misbehaviour {
    /// The frames that are sent when this one is due.
    pub(super) fn sends(&self, due: u64) -> impl Iterator<Item = u64> {
        let frame = match due {
            due if self.swaps.contains(&due) => due + 1,
            due if due > 0 && self.swaps.contains(&(due - 1)) => due - 1,
            due => due,
        };
        let times = match frame {
            frame if self.leaves_out.contains(&frame) => 0,
            frame if self.repeats.contains(&frame) => 2,
            _ => 1,
        };
        std::iter::repeat_n(frame, times)
    }

    /// How much later than it is due this frame is sent.
    pub(super) fn delay(&self, frame: u64) -> Duration {
        self.late.filter(|late| frame >= late.from).map_or(Duration::ZERO, |late| late.by)
    }

    /// Rounds of the clip in which a picture is a wrong one, counted from 0.
    pub(super) fn wrong_rounds(&self) -> BTreeSet<u64> {
        self.shows_next.iter().chain(&self.shows_stranger).map(|frame| frame / u64::from(PICTURES)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_left_out_repeated_and_swapped_as_written() {
        let wrong = Misbehaviour {
            leaves_out: [2, 4].into(),
            repeats: [5].into(),
            swaps: [7].into(),
            ..Misbehaviour::default()
        };
        let sent: Vec<u64> = (0..10).flat_map(|due| wrong.sends(due)).collect();
        assert_eq!(sent, [0, 1, 3, 5, 5, 6, 8, 7, 9]);
        let right = Misbehaviour::default();
        assert_eq!((0..4).flat_map(|due| right.sends(due)).collect::<Vec<_>>(), [0, 1, 2, 3]);
    }

    #[test]
    fn a_delay_begins_where_it_is_written_and_stays() {
        let by = Duration::from_secs(2);
        let wrong = Misbehaviour { late: Some(Late { from: 3, by }), ..Misbehaviour::default() };
        assert_eq!([2, 3, 4].map(|frame| wrong.delay(frame)), [Duration::ZERO, by, by]);
    }

    #[test]
    fn wrong_pictures_lie_in_rounds_of_the_clip() {
        let wrong = Misbehaviour {
            shows_next: [29, 65].into(),
            shows_stranger: [1].into(),
            ..Misbehaviour::default()
        };
        assert_eq!(wrong.wrong_rounds(), [0, 2].into());
    }
}
