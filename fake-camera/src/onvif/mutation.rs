//! Documents as nobody writes them: cut, doubled, swapped, with bytes of others. Seeded, so that a failure comes again.

/// xorshift64.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed | 1 << 63)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }

    /// The document after one to three mutations.
    pub(super) fn mutated(&mut self, document: &[u8]) -> Vec<u8> {
        let mut document = document.to_vec();
        for _ in 0..=self.below(3) {
            self.mutate(&mut document);
        }
        document
    }

    fn mutate(&mut self, document: &mut Vec<u8>) {
        const PIECES: [&[u8]; 12] = [
            b"<",
            b">",
            b"</",
            b"/>",
            b"&",
            b"&#0;",
            b"&x;",
            b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
            b"<![CDATA[",
            b" xmlns=''",
            b"\"",
            b"\xff\x00",
        ];
        let at = self.below(document.len());
        let end = (at + 1 + self.below(24)).min(document.len());
        match self.below(7) {
            0 if at < document.len() => document[at] ^= 1 << self.below(8),
            1 => document.truncate(at),
            2 => drop(document.drain(at..end)),
            3 => {
                let piece = document[at..end].to_vec();
                let to = self.below(document.len());
                document.splice(to..to, piece);
            }
            4 => drop(document.splice(at..at, PIECES[self.below(PIECES.len())].iter().copied())),
            5 => {
                let letters = document.iter().enumerate().filter(|(_, byte)| byte.is_ascii_alphabetic());
                let letters: Vec<_> = letters.map(|(at, _)| at).collect();
                if let Some(&letter) = letters.get(self.below(letters.len())) {
                    document[letter] = b'a' + self.below(26) as u8;
                }
            }
            _ => document[at..end].reverse(),
        }
    }
}
