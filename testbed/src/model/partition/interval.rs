//! Numbers cut into pieces: the cells of one field.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Numbers from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Interval {
    /// The first.
    pub first: u128,
    /// The last; not less than the first.
    pub last: u128,
}

impl Interval {
    /// One number.
    pub fn one(number: u128) -> Self {
        Interval { first: number, last: number }
    }

    /// Whether the number is one of these.
    pub fn contains(&self, number: u128) -> bool {
        (self.first..=self.last).contains(&number)
    }

    /// How many there are, at most `u128::MAX`.
    pub fn size(&self) -> u128 {
        (self.last - self.first).saturating_add(1)
    }

    /// The number at this place, counted round from the first.
    pub fn at(&self, place: u128) -> u128 {
        match self.size() {
            u128::MAX => place.max(self.first),
            size => self.first + place % size,
        }
    }

    /// The first, the last, and one between: all there are if that is three or fewer.
    pub fn edges(&self, fill: u128) -> Vec<u128> {
        let mut edges = vec![self.first, self.last];
        if self.size() > 2 {
            edges.push(Interval { first: self.first + 1, last: self.last - 1 }.at(fill));
        }
        edges.sort_unstable();
        edges.dedup();
        edges
    }
}

impl fmt::Display for Interval {
    /// `443`, or `1-1024`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.size() {
            1 => self.first.fmt(f),
            _ => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

/// The numbers 0 to `most`, cut before the first and behind the last number of each given interval, in order: two numbers
/// of one piece are in the same of the given intervals.
pub fn cut(most: u128, at: impl IntoIterator<Item = Interval>) -> Vec<Interval> {
    let mut starts = vec![0];
    for one in at {
        starts.push(one.first);
        starts.extend(one.last.checked_add(1));
    }
    starts.retain(|start| *start <= most);
    starts.sort_unstable();
    starts.dedup();
    let ends = starts.iter().skip(1).map(|next| next - 1).chain([most]);
    starts.iter().zip(ends).map(|(first, last)| Interval { first: *first, last }).collect()
}

/// Neighbours put together.
pub fn join(mut intervals: Vec<Interval>) -> Vec<Interval> {
    intervals.sort_unstable();
    let mut joined: Vec<Interval> = Vec::new();
    for next in intervals {
        match joined.last_mut() {
            Some(last) if next.first <= last.last.saturating_add(1) => last.last = last.last.max(next.last),
            _ => joined.push(next),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn intervals(most: u128) -> impl Strategy<Value = Vec<Interval>> {
        let one = (0..=most, 0..=most).prop_map(|(a, b)| Interval { first: a.min(b), last: a.max(b) });
        proptest::collection::vec(one, 0..12)
    }

    proptest! {
        #[test]
        fn pieces_cover_all_numbers_once(at in intervals(65_535)) {
            let pieces = cut(65_535, at);
            prop_assert_eq!(pieces[0].first, 0);
            prop_assert_eq!(pieces[pieces.len() - 1].last, 65_535);
            prop_assert!(pieces.windows(2).all(|pair| pair[0].last + 1 == pair[1].first));
            prop_assert!(pieces.iter().all(|piece| piece.first <= piece.last));
        }

        #[test]
        fn two_numbers_of_a_piece_are_in_the_same_intervals(at in intervals(255), fill in any::<u128>()) {
            for piece in cut(255, at.clone()) {
                for edge in piece.edges(fill) {
                    prop_assert!(piece.contains(edge));
                    prop_assert!(at.iter().all(|one| one.contains(edge) == one.contains(piece.first)));
                }
            }
        }

        #[test]
        fn what_was_cut_is_joined_again(at in intervals(65_535)) {
            let whole = Interval { first: 0, last: 65_535 };
            prop_assert_eq!(join(cut(65_535, at)), vec![whole]);
        }

        #[test]
        fn joined_intervals_have_the_same_numbers(at in intervals(255)) {
            let joined = join(at.clone());
            for number in 0..=255 {
                let before = at.iter().any(|one| one.contains(number));
                prop_assert_eq!(before, joined.iter().any(|one| one.contains(number)));
            }
            prop_assert!(joined.windows(2).all(|pair| pair[0].last + 1 < pair[1].first));
        }
    }

    #[test]
    fn the_largest_numbers_are_cut_too() {
        let top = Interval { first: u128::MAX, last: u128::MAX };
        let rest = Interval { first: 0, last: u128::MAX - 1 };
        assert_eq!(cut(u128::MAX, [top]), [rest, top]);
        assert_eq!(Interval { first: 0, last: u128::MAX }.at(7), 7);
    }
}
