//! Bytes that were written as text: Base64 and hexadecimal digits, from whatever place on.
//!
//! Who cuts a stream into packets does not ask where a group of Base64 or a pair of digits begins, so a run of such
//! characters is read from each place where one may.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::observation::Encoding;

/// Characters of 64 bytes in Base64; a shorter run says nothing.
const LEAST_BASE64: usize = 86;
/// The same in hexadecimal digits.
const LEAST_HEX: usize = 128;

/// A run of text cares neither for padding nor for bits that are left over.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Bytes read out of text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) encoding: Encoding,
    pub(super) bytes: Vec<u8>,
    /// Where each character of the text stands, one or several per byte.
    places: Vec<u32>,
    /// The first of them that counts.
    first: usize,
}

impl Decoded {
    /// Where in the text the byte at this place begins.
    pub(super) fn place(&self, byte: usize) -> usize {
        let symbol = match self.encoding {
            Encoding::Base64 => byte / 3 * 4 + byte % 3,
            Encoding::Hex => byte * 2,
            Encoding::Raw => byte,
        };
        let place = self.places.get(self.first + symbol).or(self.places.last());
        place.map_or(0, |place| *place as usize)
    }
}

/// Everything that reads as Base64 or as hexadecimal digits for long enough.
pub(super) fn decoded(bytes: &[u8], mut take: impl FnMut(Decoded)) {
    each_run(bytes, LEAST_BASE64, base64_symbol, |symbols, places| {
        for first in 0..4 {
            let whole = &symbols[first..];
            // A single character of a group holds no byte.
            let whole = &whole[..whole.len() - usize::from(whole.len() % 4 == 1)];
            let bytes = BASE64.decode(whole).expect("characters of the alphabet, and no group of one");
            take(Decoded { encoding: Encoding::Base64, bytes, places: places.to_vec(), first });
        }
    });
    each_run(bytes, LEAST_HEX, hex_symbol, |symbols, places| {
        for first in 0..2 {
            let whole = &symbols[first..];
            let whole = &whole[..whole.len() / 2 * 2];
            let bytes = hex::decode(whole).expect("pairs of digits");
            take(Decoded { encoding: Encoding::Hex, bytes, places: places.to_vec(), first });
        }
    });
}

/// What a byte is in a kind of text.
enum Symbol {
    /// A character that stands for bits.
    Of(u8),
    /// What may stand between such characters.
    Between,
    /// Neither.
    None,
}

/// The alphabets of RFC 4648, sections 4 and 5, as the first of them; lines may be broken.
fn base64_symbol(byte: u8) -> Symbol {
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => Symbol::Of(byte),
        b'-' => Symbol::Of(b'+'),
        b'_' => Symbol::Of(b'/'),
        b'\r' | b'\n' => Symbol::Between,
        _ => Symbol::None,
    }
}

fn hex_symbol(byte: u8) -> Symbol {
    match byte {
        b'0'..=b'9' | b'A'..=b'F' | b'a'..=b'f' => Symbol::Of(byte),
        b'\r' | b'\n' | b' ' | b'\t' | b':' | b'-' | b',' => Symbol::Between,
        _ => Symbol::None,
    }
}

/// Hands over the symbols of each run of at least `least`, and where they stand.
///
/// A run is at least so long, so that it holds one of any bytes that far apart: of most data only these are looked at.
fn each_run(bytes: &[u8], least: usize, symbol: fn(u8) -> Symbol, mut take: impl FnMut(&[u8], &[u32])) {
    let is_part = |byte: &u8| !matches!(symbol(*byte), Symbol::None);
    let mut done = 0;
    while let Some(byte) = bytes.get(done + least - 1) {
        if !is_part(byte) {
            done += least;
            continue;
        }
        let (before, behind) = bytes[done..].split_at(least - 1);
        let start = done + before.iter().rposition(|byte| !is_part(byte)).map_or(0, |at| at + 1);
        let end = done + least - 1 + behind.iter().position(|byte| !is_part(byte)).unwrap_or(behind.len());
        let run = bytes[start..end].iter().zip(start as u32..);
        let run = run.filter_map(|(byte, place)| match symbol(*byte) {
            Symbol::Of(symbol) => Some((symbol, place)),
            Symbol::Between | Symbol::None => None,
        });
        let (symbols, places): (Vec<u8>, Vec<u32>) = run.unzip();
        if symbols.len() >= least {
            take(&symbols, &places);
        }
        done = end;
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose;
    use proptest::prelude::*;

    use super::super::fixture::noise;
    use super::*;

    fn holds(text: &[u8], encoding: Encoding, bytes: &[u8]) -> Option<usize> {
        let mut place = None;
        decoded(text, |decoded| {
            let found = decoded.bytes.windows(bytes.len()).position(|window| window == bytes);
            if let Some(at) = found.filter(|_| decoded.encoding == encoding) {
                place = Some(decoded.place(at));
            }
        });
        place
    }

    #[test]
    fn base64_of_either_alphabet_is_read_in_lines_and_without_padding() {
        let bytes = noise(5, 200);
        for text in
            [general_purpose::STANDARD.encode(&bytes), general_purpose::URL_SAFE_NO_PAD.encode(&bytes)]
        {
            assert_eq!(holds(text.as_bytes(), Encoding::Base64, &bytes), Some(0));
            let lines: Vec<&str> =
                text.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
            let lines = format!("POST /x HTTP/1.1\r\n\r\n{}", lines.join("\r\n"));
            assert_eq!(holds(lines.as_bytes(), Encoding::Base64, &bytes), Some(20));
        }
    }

    #[test]
    fn digits_are_read_in_groups_and_lines() {
        let bytes = noise(6, 90);
        let plain = hex::encode(&bytes);
        let grouped: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        let lines: Vec<String> = grouped.chunks(16).map(|line| line.join(" ")).collect();
        for text in [plain, grouped.join(":"), lines.join("\n")] {
            assert_eq!(holds(text.as_bytes(), Encoding::Hex, &bytes), Some(0), "{text}");
        }
    }

    #[test]
    fn short_words_are_no_text_and_binary_is_none() {
        decoded(b"DESCRIBE rtsp://10.20.0.7:554/stream RTSP/1.0\r\nCSeq: 2\r\n\r\n", |decoded| {
            panic!("{decoded:?}")
        });
        decoded(&noise(7, 5000), |decoded| panic!("{decoded:?}"));
    }

    proptest! {
        #[test]
        fn sixty_four_bytes_are_read_wherever_the_text_was_cut(
            before in 0..40_usize, behind in 0..40_usize, cut in 0..9_usize, other in 0..300_usize,
        ) {
            let bytes = noise(8, before + 64 + behind);
            let middle = &bytes[before + 4..before + 60];
            let around = |text: String| [&[0; 300][..other], &text.as_bytes()[cut.min(before)..]].concat();
            let base64 = around(general_purpose::STANDARD_NO_PAD.encode(&bytes));
            prop_assert!(holds(&base64, Encoding::Base64, middle).is_some());
            let digits = around(hex::encode(&bytes));
            prop_assert!(holds(&digits, Encoding::Hex, middle).is_some());
        }
    }
}
