//! What nobody means to send: documents cut, doubled, swapped, with bytes of others. Seeded, so that a failure comes again.
//!
//! For tests of whatever reads the words of strangers. Such a test tries a fixed number of inputs; `make fuzz` has all of
//! them go on for a given time, each time with other seeds.

use std::io::Write as _;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Seconds for which each test goes on; unset: as many inputs as the test says, always the same.
const SECONDS: &str = "TESTBED_FUZZ_SECONDS";
/// Seed of the first input; the others follow it. Unset: 1, or where time counts one by the clock.
const SEED: &str = "TESTBED_FUZZ_SEED";

/// Pieces that readers of XML look for.
pub const XML: &[&[u8]] = &[
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

/// Pieces that readers of RTSP, SDP and HTTP's fields look for.
pub const LINES: &[&[u8]] = &[
    b"\r\n",
    b"\r\n\r\n",
    b":",
    b";",
    b",",
    b"=",
    b"\"",
    b"/",
    b"$\x00\xff\xff",
    b"$\x01\x00\x02hi",
    b"Content-Length: 99999999999999999999\r\n",
    b"Content-Length: 5\r\n",
    b"-1",
    b"65536",
    b"m=video 0 RTP/AVP 96\r\n",
    b"a=control:\r\n",
    b"a=rtpmap:96 H264/0\r\n",
    b"RTSP/1.0",
    b"\xff\x00",
];

/// Where a mutation comes from: xorshift64.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// The same inputs for the same seed.
    pub fn new(seed: u64) -> Self {
        // Seeds that follow one another have little in common from here on.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 << 63)
    }

    /// A number from 0 up to and without `limit`; 0 where that is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }

    /// The document after one to three mutations; `pieces` are put into it here and there.
    pub fn mutated(&mut self, document: &[u8], pieces: &[&[u8]]) -> Vec<u8> {
        let mut document = document.to_vec();
        for _ in 0..=self.below(3) {
            self.mutate(&mut document, pieces);
        }
        document
    }

    fn mutate(&mut self, document: &mut Vec<u8>, pieces: &[&[u8]]) {
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
            4 => drop(document.splice(at..at, pieces[self.below(pieces.len())].iter().copied())),
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

/// The seeds of one test, one for each input: `cases` of them, or as many as the time that `make fuzz` gives allows.
///
/// Whoever panics between two seeds leaves a line on standard error with the one that was at work, by which it comes again:
/// `TESTBED_FUZZ_SEED=… cargo test NAME`. Where time counts, a line says at the end how many there were.
#[derive(Debug)]
pub struct Campaign {
    name: &'static str,
    first: u64,
    tried: u64,
    cases: u64,
    begun: Instant,
    lasts: Option<Duration>,
}

impl Campaign {
    /// `name` stands in the lines; `cases` are tried where no time is given.
    ///
    /// Panics if one of the environment variables is no whole number.
    pub fn new(name: &'static str, cases: u64) -> Self {
        let lasts = number(SECONDS).map(Duration::from_secs);
        let by_clock = || {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            // A day's seeds apart from those of the next second.
            since.as_secs() << 32
        };
        let first = number(SEED).unwrap_or_else(|| if lasts.is_some() { by_clock() } else { 1 });
        Self { name, first, tried: 0, cases, begun: Instant::now(), lasts }
    }

    /// Whether it goes by time: what is counted over all cases is not what the test knows.
    pub fn is_timed(&self) -> bool {
        self.lasts.is_some()
    }

    fn say(&self, what: &str) {
        let Self { name, first, tried, begun, .. } = self;
        let seconds = begun.elapsed().as_secs();
        // Nothing to be done where nobody reads it.
        let _ = writeln!(
            std::io::stderr(),
            "fuzz: {name}: {tried} inputs from seed {first} in {seconds} s{what}"
        );
    }
}

impl Iterator for Campaign {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let over = match self.lasts {
            Some(lasts) => self.begun.elapsed() >= lasts,
            None => self.tried >= self.cases,
        };
        if over {
            return None;
        }
        self.tried += 1;
        Some(self.first.wrapping_add(self.tried - 1))
    }
}

impl Drop for Campaign {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let seed = self.first.wrapping_add(self.tried.saturating_sub(1));
            self.say(&format!("; the last one failed: {SEED}={seed} tries it first"));
        } else if self.is_timed() {
            self.say("");
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a whole number, not `{text}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_input_again_and_others_give_others() {
        let of =
            |seed| Random::new(seed).mutated(b"DESCRIBE rtsp://10.20.0.11/stream RTSP/1.0\r\n\r\n", LINES);
        assert_eq!(of(7), of(7));
        let all: std::collections::BTreeSet<_> = (0..100).map(of).collect();
        assert!(all.len() > 90, "{} of 100 differ", all.len());
    }
}
