//! What is searched for: bytes that are nobody else's, found again wherever 64 of them stand together.
//!
//! Every fourth window of 32 bytes is kept under its fingerprint, and every seventh of what is searched is looked up:
//! of 28 windows that follow one another one is both, so that 59 bytes in a row are never missed. A fingerprint that is
//! known is compared byte by byte, and the stretch followed to both its ends.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Bytes of a window.
pub(super) const WINDOW: usize = 32;
/// Of what is searched for, every so-many-th window is kept …
const KEPT: usize = 4;
/// … and of what is searched every so-many-th is looked up. The two have no divisor in common.
const LOOKED_UP: usize = 7;
/// A window of fewer different bytes is nobody's own: padding, silence.
const LEAST_DIFFERENT: usize = 8;

/// Something that is searched for: a picture of a clip, or a canary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark<'a> {
    /// Whose it is, by a number of the caller's.
    pub(super) owner: usize,
    /// Which of the owner's.
    pub(super) part: u16,
    pub(super) bytes: &'a [u8],
}

/// A stretch of a mark that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    /// Index of the mark.
    pub(super) mark: usize,
    /// Where it begins in the mark.
    pub(super) at: usize,
    /// Where it begins in what was searched.
    pub(super) offset: usize,
    /// Bytes.
    pub(super) length: usize,
}

/// Marks, ready to be looked for.
#[derive(Debug, Default)]
pub(super) struct Marks<'a> {
    marks: Vec<Mark<'a>>,
    /// Fingerprint to mark and place.
    windows: HashMap<u64, (u32, u32), BuildHasherDefault<Kept>>,
}

impl<'a> Marks<'a> {
    /// Of these, less every window that two owners have.
    pub(super) fn new(marks: Vec<Mark<'a>>) -> Self {
        let mut made = Marks { windows: HashMap::default(), marks };
        for (index, mark) in made.marks.iter().enumerate() {
            for (at, window) in windows(mark.bytes).enumerate().step_by(KEPT) {
                if is_distinct(window) {
                    made.windows.entry(fingerprint(window)).or_insert((index as u32, at as u32));
                }
            }
        }
        let shared: Vec<u64> = made.marks.iter().flat_map(|mark| made.others(mark)).collect();
        for window in shared {
            made.windows.remove(&window);
        }
        made
    }

    /// The marks, by their index.
    pub(super) fn mark(&self, index: usize) -> &Mark<'a> {
        &self.marks[index]
    }

    /// Fingerprints of windows that the mark has, too, and that are kept as another owner's.
    fn others(&self, mark: &Mark<'_>) -> Vec<u64> {
        let found = windows(mark.bytes).map(fingerprint).filter(|window| {
            let known = self.windows.get(window);
            known.is_some_and(|(other, _)| self.marks[*other as usize].owner != mark.owner)
        });
        found.collect()
    }

    /// All stretches in the order in which they stand there, none twice.
    pub(super) fn find(&self, bytes: &[u8], mut take: impl FnMut(Hit)) {
        let mut at = 0;
        // A stretch may begin up to here and not before: what lies there was part of the one before it.
        let mut from = 0;
        while let Some(window) = bytes.get(at..at + WINDOW) {
            at += match self
                .windows
                .get(&fingerprint(window))
                .and_then(|place| self.grown(*place, bytes, at, from))
            {
                Some(hit) => {
                    take(hit);
                    from = hit.offset + hit.length;
                    (from - at).max(1)
                }
                None => LOOKED_UP,
            };
        }
    }

    /// The whole stretch around a window that is known, if it is that window.
    fn grown(&self, (mark, place): (u32, u32), bytes: &[u8], at: usize, from: usize) -> Option<Hit> {
        let (mark, place) = (mark as usize, place as usize);
        let own = self.marks[mark].bytes;
        if own[place..place + WINDOW] != bytes[at..at + WINDOW] {
            return None;
        }
        let same = |(one, other): &(&u8, &u8)| one == other;
        let before = own[..place].iter().rev().zip(bytes[from..at].iter().rev()).take_while(same).count();
        let behind = own[place + WINDOW..].iter().zip(&bytes[at + WINDOW..]).take_while(same).count();
        Some(Hit { mark, at: place - before, offset: at - before, length: before + WINDOW + behind })
    }
}

fn windows(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.windows(WINDOW)
}

fn is_distinct(window: &[u8]) -> bool {
    let mut seen = [0_u64; 4];
    for byte in window {
        seen[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }
    seen.iter().map(|bits| bits.count_ones() as usize).sum::<usize>() >= LEAST_DIFFERENT
}

/// 64 bits of a window: four words, each spread by an odd factor of its own.
fn fingerprint(window: &[u8]) -> u64 {
    const SPREAD: [u64; 4] =
        [0x9e37_79b9_7f4a_7c15, 0xd6e8_feb8_6659_fd93, 0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db];
    let (words, _) = window.as_chunks::<8>();
    let mixed = words.iter().zip(SPREAD).fold(0_u64, |sum, (word, factor)| {
        (sum ^ u64::from_le_bytes(*word)).wrapping_mul(factor).rotate_left(29)
    });
    mixed ^ (mixed >> 32)
}

/// Takes a fingerprint as it is: it is spread already.
#[derive(Debug, Default)]
pub(super) struct Kept(u64);

impl Hasher for Kept {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixture::noise;
    use super::*;

    fn found(marks: &Marks<'_>, bytes: &[u8]) -> Vec<Hit> {
        let mut hits = Vec::new();
        marks.find(bytes, |hit| hits.push(hit));
        hits
    }

    fn mark(owner: usize, part: u16, bytes: &[u8]) -> Mark<'_> {
        Mark { owner, part, bytes }
    }

    #[test]
    fn two_stretches_that_follow_one_another_are_found_whole() {
        let (one, other) = (noise(1, 400), noise(2, 300));
        let marks = Marks::new(vec![mark(0, 0, &one), mark(1, 0, &other)]);
        let bytes = [&[0; 50], &one[100..300], &other[7..100], &[9; 3], &one[..80]].concat();
        let hit = |mark, at, offset, length| Hit { mark, at, offset, length };
        let wanted = [hit(0, 100, 50, 200), hit(1, 7, 250, 93), hit(0, 0, 346, 80)];
        assert_eq!(found(&marks, &bytes), wanted);
    }

    #[test]
    fn what_two_owners_have_is_nobodys() {
        let (one, other, shared) = (noise(1, 200), noise(2, 205), noise(3, 300));
        let (one, other) = ([one, shared.clone()].concat(), [other, shared.clone()].concat());
        let marks = Marks::new(vec![mark(0, 0, &one), mark(1, 0, &other)]);
        assert_eq!(found(&marks, &shared), []);
        assert_eq!(found(&marks, &one[..200]).len(), 1);
        assert_eq!(found(&marks, &other[..200])[0].mark, 1);
        // Two pictures of one camera may be alike all the same.
        let marks = Marks::new(vec![mark(0, 0, &one), mark(0, 1, &other)]);
        assert_eq!(found(&marks, &shared).len(), 1);
    }

    #[test]
    fn padding_is_nobodys() {
        let padded = [&noise(1, 100)[..], &[0xff; 300]].concat();
        let marks = Marks::new(vec![mark(0, 0, &padded)]);
        assert_eq!(found(&marks, &[0xff; 300]), []);
    }

    proptest! {
        #[test]
        fn sixty_four_bytes_are_found_wherever_they_lie(
            at in 0..1000_usize, before in 0..200_usize, behind in 0..100_usize,
        ) {
            let own = noise(1, 1064);
            let marks = Marks::new(vec![mark(0, 3, &own)]);
            let bytes = [noise(2, before), own[at..at + 64].to_vec(), noise(3, behind)].concat();
            let hits = found(&marks, &bytes);
            prop_assert_eq!(hits.len(), 1);
            // What lies around it may go on as it does for a byte or two.
            prop_assert!(hits[0].length >= 64 && hits[0].offset <= before && hits[0].at <= at);
        }

        #[test]
        fn what_is_something_else_is_never_found(seed in 10..1000_u64, length in 0..500_usize) {
            let own = noise(1, 4000);
            let marks = Marks::new(vec![mark(0, 0, &own)]);
            prop_assert_eq!(found(&marks, &noise(seed, length)), []);
        }
    }
}
