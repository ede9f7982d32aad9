//! Bytes that come piece by piece, searched in all encodings; each stretch is told once, with the packet it begins in.

use std::collections::VecDeque;

use super::super::stream::Sink;
use super::marks::{Hit, Marks};
use super::texts::decoded;
use super::words::Words;
use crate::observation::Encoding;

/// Bytes that are gathered before they are searched.
const GATHERED: usize = 16 * 1024;
/// Bytes that are looked at again with what follows: whatever holds 64 bytes as text in lines or in groups is shorter.
const AGAIN: usize = 512;

/// All that is searched for.
#[derive(Debug)]
pub(super) struct Sought<'a> {
    pub(super) marks: Marks<'a>,
    pub(super) words: Words,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A stretch of the mark with this index.
    Mark(usize),
    /// The word with this index.
    Word(usize),
}

/// A stretch of a mark or a word, and how it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) what: What,
    /// Where it begins in the mark.
    pub(super) at: usize,
    /// Where it begins in all that was searched.
    pub(super) offset: u64,
    /// Bytes of the mark.
    pub(super) length: usize,
    pub(super) encoding: Encoding,
}

/// Searches bytes that stand alone.
pub(super) fn search(sought: &Sought<'_>, bytes: &[u8], mut take: impl FnMut(Found)) {
    let found = |encoding, offset: usize, Hit { mark, at, length, .. }| Found {
        what: What::Mark(mark),
        at,
        offset: offset as u64,
        length,
        encoding,
    };
    sought.marks.find(bytes, |hit| take(found(Encoding::Raw, hit.offset, hit)));
    decoded(bytes, |text| {
        sought.marks.find(&text.bytes, |hit| take(found(text.encoding, text.place(hit.offset), hit)));
    });
    sought.words.find(bytes, |word, encoding, place| {
        let (what, offset, length) = (What::Word(word), place.start as u64, place.len());
        take(Found { what, at: 0, offset, length, encoding });
    });
}

/// A stretch that begins in a packet.
pub(super) type Placed = (Found, u64);

/// Searches what comes in pieces.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// What is not searched yet, and what is looked at again.
    bytes: Vec<u8>,
    /// How much was let go before that.
    before: u64,
    /// Where pieces begin, and in which packet each came.
    pieces: VecDeque<(u64, u64)>,
    /// Up to where marks and words were told, by encoding.
    told: [[u64; 3]; 2],
    /// The packet that the next bytes come in.
    pub(super) packet: u64,
    /// What was found and is not taken yet, without overlaps. Marks are not at hand when bytes come, so that bytes wait.
    found: Vec<Placed>,
}

impl Scan {
    /// True if there is so much to search that it should not wait.
    pub(super) fn is_due(&self) -> bool {
        self.bytes.len() >= GATHERED + AGAIN
    }

    /// Searches what has come so far, and takes what was found.
    pub(super) fn search(&mut self, sought: &Sought<'_>) -> Vec<Placed> {
        let Scan { bytes, before, pieces, told, found, .. } = self;
        search(sought, bytes, |one| {
            let one = Found { offset: *before + one.offset, ..one };
            let is_word = matches!(one.what, What::Word(_));
            let told = &mut told[usize::from(is_word)][one.encoding as usize];
            let end = one.offset + span(&one);
            if end > *told {
                let seen = (told.saturating_sub(one.offset) as usize).min(one.length - 1);
                let fresh = Found {
                    at: one.at + seen,
                    offset: one.offset + seen as u64,
                    length: one.length - seen,
                    ..one
                };
                let fresh = if one.encoding == Encoding::Raw && !is_word { fresh } else { one };
                found.push((fresh, packet_at(pieces, fresh.offset)));
                *told = end;
            }
        });
        self.let_go(AGAIN);
        std::mem::take(&mut self.found)
    }

    /// Keeps only the last bytes.
    fn let_go(&mut self, most: usize) {
        let old = self.bytes.len().saturating_sub(most);
        self.bytes.drain(..old);
        self.before += old as u64;
        while self.pieces.get(1).is_some_and(|(begins, _)| *begins <= self.before) {
            self.pieces.pop_front();
        }
    }
}

/// How much of what was searched a stretch takes, at least.
fn span(found: &Found) -> u64 {
    let length = found.length as u64;
    match found.encoding {
        _ if matches!(found.what, What::Word(_)) => length,
        Encoding::Raw => length,
        Encoding::Base64 => length * 4 / 3,
        Encoding::Hex => length * 2,
    }
}

fn packet_at(pieces: &VecDeque<(u64, u64)>, offset: u64) -> u64 {
    let behind = pieces.partition_point(|(begins, _)| *begins <= offset);
    pieces.get(behind.saturating_sub(1)).map_or(0, |(_, packet)| *packet)
}

impl Sink for Scan {
    fn data(&mut self, bytes: &[u8]) {
        self.pieces.push_back((self.before + self.bytes.len() as u64, self.packet));
        self.bytes.extend_from_slice(bytes);
    }

    /// What stands on both sides of a gap does not hang together; a byte that no text has keeps it apart.
    fn gap(&mut self) {
        self.bytes.push(0);
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::super::fixture::noise;
    use super::super::marks::Mark;
    use super::*;

    fn sought(own: &[u8]) -> Sought<'_> {
        let marks = Marks::new(vec![Mark { owner: 0, part: 0, bytes: own }]);
        Sought { marks, words: Words::new(&["0c0ffee0deadbeef".to_owned()]) }
    }

    fn in_pieces(marks: &Sought<'_>, bytes: &[u8], size: usize) -> Vec<Placed> {
        let mut scan = Scan::default();
        let mut found = Vec::new();
        for (number, piece) in bytes.chunks(size).enumerate() {
            scan.packet = 100 + number as u64;
            scan.data(piece);
            if scan.is_due() {
                found.extend(scan.search(marks));
            }
        }
        found.extend(scan.search(marks));
        found
    }

    #[test]
    fn a_clip_is_counted_once_however_it_is_cut() {
        let own = noise(1, 60_000);
        let marks = sought(&own);
        let bytes = [noise(2, 1000), own.clone()].concat();
        for size in [1, 7, 100, 1460, 16_384, 70_000] {
            let found = in_pieces(&marks, &bytes, size);
            assert_eq!(found.iter().map(|(one, _)| one.length).sum::<usize>(), own.len(), "{size}");
            let (first, packet) = found[0];
            assert_eq!((first.offset, first.at, packet), (1000, 0, 100 + 1000 / size as u64), "{size}");
        }
    }

    #[test]
    fn text_is_counted_once_and_found_across_pieces() {
        let own = noise(1, 30_000);
        let marks = sought(&own);
        for (text, encoding) in
            [(STANDARD.encode(&own), Encoding::Base64), (hex::encode(&own), Encoding::Hex)]
        {
            for size in [13, 76, 1460] {
                let found = in_pieces(&marks, text.as_bytes(), size);
                assert!(found.iter().all(|(one, _)| one.encoding == encoding));
                let bytes: usize = found.iter().map(|(one, _)| one.length).sum();
                // What is looked at again counts twice, which is little.
                assert!((own.len()..own.len() * 21 / 20).contains(&bytes), "{bytes} in pieces of {size}");
            }
        }
    }

    #[test]
    fn sixty_four_bytes_across_a_border_are_found_and_not_across_a_gap() {
        let own = noise(1, 64);
        let marks = sought(&own);
        assert_eq!(in_pieces(&marks, &own, 20)[0].0.length, 64);
        let mut scan = Scan::default();
        scan.data(&own[..30]);
        scan.gap();
        scan.data(&own[30..60]);
        assert_eq!(scan.search(&marks), []);
    }

    #[test]
    fn a_word_is_told_once_and_found_across_pieces() {
        let own = noise(1, 2000);
        let marks = sought(&own);
        let bytes = [&own[..], b"viewer:0c0ffee0deadbeef", &own].concat();
        for size in [3, 100, 5000] {
            let found = in_pieces(&marks, &bytes, size);
            let words: Vec<_> = found.iter().filter(|(one, _)| one.what == What::Word(0)).collect();
            let [(word, packet)] = words[..] else { panic!("{words:?}") };
            assert_eq!((word.offset, *packet), (2007, 100 + 2007 / size as u64));
        }
    }
}
