//! When pictures are shown, as their RTP time stamps say it → time stamps for the decoder, and which pictures it owes.
//!
//! With B-frames pictures are not sent in the order in which they are shown, and a decoder gives them in the latter.

use std::collections::BTreeMap;

/// So much earlier than one that came before may a picture be shown: sixteen pictures, as many as a decoder holds back (ITU-T
/// H.264, A.3.1, and H.265, A.4.2), at one a second, and some more.
const EARLIER: i128 = 20_000_000_000;
/// So much later than any before; whoever leaves out more has begun anew.
const LATER: i128 = 3_600_000_000_000;
/// No later than this, whatever is said: a clock of 64 bits goes on for as long again.
const LATEST: i128 = i64::MAX as i128;
/// What a picture is shown after the one before it where its own time stamp says nothing.
const STEP: i128 = 1_000_000;
/// A decoder gives a picture before it has taken so many more.
const HELD: u64 = 16;
/// Most pictures that are owed at a time: far more than may wait in front of a decoder and in it. One that gives nothing at all
/// owes no more for it.
pub(super) const MOST: usize = 128;

/// What a decoder was given and has not given back, by time stamp (nanoseconds), each with what is known of it.
#[derive(Debug)]
pub(super) struct Owed<T> {
    pictures: BTreeMap<u64, Owing<T>>,
    pushed: u64,
    /// The latest time stamp, and what it had been.
    latest: Option<i128>,
    /// What is added to what a picture says.
    shift: i128,
}

/// A picture that was pushed so many before or after others.
#[derive(Debug)]
struct Owing<T> {
    nth: u64,
    /// When so many more have been pushed, it was given, or will never be.
    held: u64,
    known: T,
}

impl<T> Default for Owed<T> {
    fn default() -> Self {
        Self { pictures: BTreeMap::new(), pushed: 0, latest: None, shift: 0 }
    }
}

impl<T> Owed<T> {
    /// Takes the next picture in the order of sending, which says when it is shown (nanoseconds, from anywhere; `None`: after the
    /// one before, and nothing that came later is shown before it); returns the time stamp that it has in the decoder, which
    /// no other has, and what is known of one that has been owed for too long, if there is any.
    pub(super) fn push(&mut self, shown: Option<i128>, known: T) -> (u64, Option<T>) {
        let (stamp, held) = match shown {
            Some(shown) => (self.stamp(shown), HELD),
            None => (self.latest.map_or(EARLIER, |latest| latest + STEP), 1),
        };
        let latest = self.latest.map_or(stamp, |latest| latest.max(stamp));
        let mut stamp = u64::try_from(stamp).unwrap_or(0);
        while self.pictures.contains_key(&stamp) {
            stamp += 1;
        }
        self.latest = Some(latest.max(i128::from(stamp)));
        self.pictures.insert(stamp, Owing { nth: self.pushed, held, known });
        self.pushed += 1;
        (stamp, self.fallen())
    }

    /// What is known of the picture that was pushed before all others, if they are too many.
    fn fallen(&mut self) -> Option<T> {
        if self.pictures.len() <= MOST {
            return None;
        }
        let oldest = self.pictures.iter().min_by_key(|(_, owing)| owing.nth).map(|(stamp, _)| *stamp)?;
        self.pictures.remove(&oldest).map(|owing| owing.known)
    }

    fn stamp(&mut self, shown: i128) -> i128 {
        let usual = shown.saturating_add(self.shift);
        let stamp = match self.latest {
            None => EARLIER,
            Some(latest) if (latest - EARLIER..=(latest + LATER).min(LATEST)).contains(&usual) => usual,
            // A stream that begins anew, or a time stamp that means nothing.
            Some(latest) => latest + STEP,
        };
        self.shift = stamp.saturating_sub(shown);
        stamp
    }

    /// The decoder gives the picture with this time stamp: what is known of it, and of pictures that it will not give any more.
    pub(super) fn given(&mut self, stamp: u64) -> (Option<T>, Vec<T>) {
        let Some(given) = self.pictures.remove(&stamp) else { return (None, Vec::new()) };
        let late = |owing: &Owing<T>| owing.nth + owing.held <= given.nth;
        let late: Vec<u64> =
            self.pictures.range(..stamp).filter(|(_, owing)| late(owing)).map(|(at, _)| *at).collect();
        let late = late.iter().filter_map(|stamp| self.pictures.remove(stamp));
        let late = late.map(|owing| owing.known).collect();
        (Some(given.known), late)
    }

    /// The decoder gives nothing any more: what it still owes.
    pub(super) fn left(&mut self) -> Vec<T> {
        std::mem::take(&mut self.pictures).into_values().map(|owing| owing.known).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: i128 = 66_666_667;

    /// Time stamps of pictures that are shown at these places, in frames.
    fn pushed(owed: &mut Owed<u64>, shown: &[i128]) -> Vec<u64> {
        shown.iter().zip(0..).map(|(at, number)| owed.push(Some(at * FRAME), number).0).collect()
    }

    /// A decoder gives all of these pictures but number 5: with which one what was late.
    fn late_without_5(owed: &mut Owed<u64>, stamps: &[u64]) -> Vec<(usize, Vec<u64>)> {
        let given = (0..stamps.len()).filter(|number| *number != 5);
        given
            .filter_map(|number| {
                let late = owed.given(stamps[number]).1;
                (!late.is_empty()).then_some((number, late))
            })
            .collect()
    }

    #[test]
    fn pictures_are_known_by_when_they_are_shown_and_none_is_late_for_being_shown_later() {
        let mut owed = Owed::default();
        let stamps = pushed(&mut owed, &[1, 4, 3, 2, 7, 6, 5]);
        let mut shown: Vec<_> = stamps.iter().copied().zip(0..7).collect();
        shown.sort();
        for (stamp, number) in shown {
            assert_eq!(owed.given(stamp), (Some(number), vec![]));
        }
        assert!(owed.left().is_empty());
    }

    #[test]
    fn what_the_decoder_swallowed_is_late_once_it_could_not_come_any_more() {
        let mut owed = Owed::default();
        let shown: Vec<i128> = (0..40).collect();
        let stamps = pushed(&mut owed, &shown);
        assert_eq!(late_without_5(&mut owed, &stamps), [(21, vec![5])]);
        let mut owed = Owed::default();
        pushed(&mut owed, &[1, 3, 2]);
        assert_eq!(owed.left(), [0, 2, 1]);
    }

    #[test]
    fn of_pictures_that_are_shown_as_they_are_sent_the_next_one_tells_who_is_late() {
        let mut owed = Owed::default();
        let stamps: Vec<_> = (0..40).map(|number| owed.push(None, number).0).collect();
        assert!(stamps.is_sorted_by(|one, next| one < next), "{stamps:?}");
        assert_eq!(late_without_5(&mut owed, &stamps), [(6, vec![5])]);
    }

    #[test]
    fn a_picture_that_is_given_before_its_turn_takes_nobody_with_it() {
        let mut owed = Owed::default();
        let stamps = pushed(&mut owed, &[1, 3, 2]);
        assert_eq!(owed.given(stamps[1]), (Some(1), vec![]));
        assert_eq!(owed.given(stamps[2]), (Some(2), vec![]));
        assert_eq!(owed.given(77), (None, vec![]), "nobody pushed it");
    }

    #[test]
    fn whoever_gives_nothing_owes_no_more_than_so_many() {
        // In the order in which they are shown, and in another.
        for shown in [|_: i128| None, |number: i128| Some((number ^ 3) * FRAME)] {
            let mut owed = Owed::default();
            let fallen: Vec<_> = (0..500).filter_map(|number| owed.push(shown(number), number).1).collect();
            assert_eq!(
                fallen,
                (0..500 - MOST as i128).collect::<Vec<_>>(),
                "the oldest, one after the other"
            );
            assert_eq!(owed.left().len(), MOST);
        }
    }

    #[test]
    fn time_stamps_that_mean_nothing_are_told_apart_all_the_same() {
        let mut owed = Owed::default();
        let wild = [0, 0, 0, i128::from(i64::MAX) * 1_000_000_000, 5, i128::from(i64::MIN), 0];
        let stamps: Vec<_> = wild.iter().map(|shown| owed.push(Some(*shown), ()).0).collect();
        let mut apart = stamps.clone();
        apart.sort();
        apart.dedup();
        assert_eq!(apart.len(), wild.len(), "{stamps:?}");
        // One that goes on and on, an hour at a time, stays within what a clock can say.
        let mut owed =
            Owed { latest: Some(LATEST - 2 * LATER), shift: LATEST - 2 * LATER, ..Owed::default() };
        let stamps: Vec<_> = (1..5).map(|hour| owed.push(Some(hour * LATER), ()).0).collect();
        let (second, step) = (LATEST as u64, STEP as u64);
        assert_eq!(stamps, [second - LATER as u64, second, second + step, second + 2 * step]);
        // A stream that begins anew goes on behind what there was.
        let mut owed = Owed::default();
        let stamps = pushed(&mut owed, &[100_000, 100_001, 0, 1, 2]);
        assert!(stamps.is_sorted(), "{stamps:?}");
        assert_eq!(stamps[4] - stamps[3], FRAME as u64);
    }
}
