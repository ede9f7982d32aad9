//! Whether everything is there that a frame refers to.
//!
//! A picture is made of the one before it and what is new, back to the last picture that stands alone. After a gap a
//! decoder would go on with what it has, and show pictures that nobody sent: they would be blamed on the camera.

use fake_camera::identity::FrameIdentity;

/// What is there that a frame refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Something is missing, so that it cannot be decoded.
    Broken,
    /// All, and it goes on from the frame before it.
    Follows,
    /// All, since it stands alone; but not what came before it.
    Begins,
}

impl Reach {
    /// Whether the frame can be decoded.
    pub(super) fn is_whole(self) -> bool {
        self != Self::Broken
    }

    fn of(whole: bool, goes_on: bool) -> Self {
        match (whole, goes_on) {
            (false, _) => Self::Broken,
            (true, true) => Self::Follows,
            (true, false) => Self::Begins,
        }
    }
}

/// The frames of one session, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Chain {
    latest: Option<FrameIdentity>,
    /// All is there since the last picture that stands alone.
    whole: bool,
}

impl Chain {
    /// Takes the next frame, `start` if it stands alone. Returns what is there that it refers to.
    ///
    /// One without an identity is taken for what should have come.
    pub(super) fn takes(&mut self, frame: Option<&FrameIdentity>, start: bool) -> Reach {
        let Some(frame) = frame else {
            let goes_on = self.whole;
            self.whole |= start;
            return Reach::of(self.whole, goes_on);
        };
        let alike = self.latest.filter(|latest| (latest.camera, latest.run) == (frame.camera, frame.run));
        if alike.is_some_and(|latest| frame.number <= latest.number) && !start {
            return Reach::Broken;
        }
        let next = alike.is_some_and(|latest| latest.number.checked_add(1) == Some(frame.number));
        let goes_on = self.whole && next;
        self.whole = start || goes_on;
        self.latest = Some(*frame);
        Reach::of(self.whole, goes_on)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of these are taken; those divisible by ten stand alone.
    fn taken(numbers: &[u64]) -> Vec<u64> {
        let mut chain = Chain::default();
        let takes = |number: &u64| {
            chain
                .takes(
                    Some(&FrameIdentity { number: *number, ..Default::default() }),
                    number.is_multiple_of(10),
                )
                .is_whole()
        };
        numbers.iter().copied().filter(takes).collect()
    }

    #[test]
    fn an_unbroken_stream_is_taken_from_the_first_picture_that_stands_alone() {
        assert_eq!(taken(&[0, 1, 2]), [0, 1, 2]);
        assert_eq!(taken(&[8, 9, 10, 11]), [10, 11]);
    }

    #[test]
    fn after_a_gap_nothing_is_taken_until_a_picture_stands_alone() {
        assert_eq!(taken(&[0, 1, 3, 4, 10, 11]), [0, 1, 10, 11]);
        assert_eq!(taken(&[0, 1, 3, 2, 4, 10, 11]), [0, 1, 10, 11]);
        assert_eq!(taken(&[0, 1, 10, 11]), [0, 1, 10, 11]);
    }

    #[test]
    fn what_comes_again_is_left_out_and_breaks_nothing() {
        assert_eq!(taken(&[0, 1, 1, 2, 1, 3]), [0, 1, 2, 3]);
        assert_eq!(taken(&[10, 11, 10, 11]), [10, 11, 10, 11]);
    }

    #[test]
    fn another_camera_is_another_chain() {
        let mut chain = Chain::default();
        let frame = |camera, number| FrameIdentity { camera, number, ..Default::default() };
        assert_eq!(chain.takes(Some(&frame(1, 0)), true), Reach::Begins);
        assert_eq!(chain.takes(Some(&frame(2, 1)), false), Reach::Broken);
        assert_eq!(chain.takes(Some(&frame(2, 30)), true), Reach::Begins);
        assert_eq!(chain.takes(Some(&frame(2, 31)), false), Reach::Follows);
        assert_eq!(chain.takes(None, false), Reach::Follows);
    }

    #[test]
    fn what_stands_alone_begins_anew_unless_it_is_the_next() {
        let mut chain = Chain::default();
        let mut takes =
            |number, start| chain.takes(Some(&FrameIdentity { number, ..Default::default() }), start);
        assert_eq!(
            [takes(10, true), takes(11, false), takes(12, true)],
            [Reach::Begins, Reach::Follows, Reach::Follows]
        );
        // What it may lead from is lost, or came again.
        assert_eq!(
            [takes(15, true), takes(16, false), takes(14, true)],
            [Reach::Begins, Reach::Follows, Reach::Begins]
        );
        let mut unsaid = Chain::default();
        let all = [unsaid.takes(None, false), unsaid.takes(None, true), unsaid.takes(None, true)];
        assert_eq!(all, [Reach::Broken, Reach::Begins, Reach::Follows]);
    }
}
