//! Short secrets, found as they are and in each form that they may have inside longer text.

use std::ops::Range;

use aho_corasick::AhoCorasick;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::observation::Encoding;

/// Secrets of letters and digits, ready to be looked for.
#[derive(Debug)]
pub(super) struct Words {
    /// None if there are none to look for.
    automaton: Option<AhoCorasick>,
    /// For each pattern which secret it is, and how it is written.
    patterns: Vec<(usize, Encoding)>,
}

impl Words {
    pub(super) fn new(words: &[String]) -> Self {
        let all = words.iter().enumerate().flat_map(|(index, word)| {
            forms(word.as_bytes()).into_iter().map(move |(encoding, form)| ((index, encoding), form))
        });
        let (patterns, forms): (Vec<_>, Vec<_>) = all.unzip();
        let automaton = (!forms.is_empty()).then(|| AhoCorasick::new(forms));
        let automaton = automaton.map(|made| made.expect("some thousand short patterns are not too many"));
        Words { automaton, patterns }
    }

    /// Every place: which secret, how it is written, and where.
    pub(super) fn find(&self, bytes: &[u8], mut take: impl FnMut(usize, Encoding, Range<usize>)) {
        let Some(automaton) = &self.automaton else { return };
        for found in automaton.find_iter(bytes) {
            let (word, encoding) = self.patterns[found.pattern().as_usize()];
            take(word, encoding, found.range());
        }
    }
}

/// As it is; as Base64 at each of the three places of a group where it may begin, less the characters that hang on what
/// stands around it; as digits.
fn forms(word: &[u8]) -> Vec<(Encoding, String)> {
    let plain = String::from_utf8_lossy(word).into_owned();
    let base64 = (0..3).map(|before| {
        let text = STANDARD_NO_PAD.encode([&[0; 2][..before], word].concat());
        let own = (before * 8).div_ceil(6)..(before + word.len()) * 8 / 6;
        (Encoding::Base64, text[own].to_owned())
    });
    let digits = hex::encode(word);
    let upper = digits.to_uppercase();
    let hex = [digits, upper].map(|digits| (Encoding::Hex, digits));
    [(Encoding::Raw, plain)].into_iter().chain(base64).chain(hex).collect()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn a_word_is_found_in_whatever_is_written_around_it() {
        let words = Words::new(&["0c0ffee0deadbeef".to_owned(), "another-of-16-by".to_owned()]);
        let found = |bytes: &[u8]| {
            let mut all = Vec::new();
            words.find(bytes, |word, encoding, _| all.push((word, encoding)));
            all
        };
        for user in ["", "a", "ab", "abc", "viewer:"] {
            for behind in ["", "x", "xy"] {
                let text = format!("{user}0c0ffee0deadbeef{behind}");
                assert_eq!(found(text.as_bytes()), [(0, Encoding::Raw)]);
                assert_eq!(found(STANDARD.encode(&text).as_bytes()), [(0, Encoding::Base64)], "{text}");
                assert_eq!(found(hex::encode(&text).as_bytes()), [(0, Encoding::Hex)]);
                assert_eq!(found(hex::encode_upper(&text).as_bytes()), [(0, Encoding::Hex)]);
            }
        }
        assert_eq!(found(b"0c0ffee0deadbee"), []);
        Words::new(&[]).find(b"anything", |word, _, _| panic!("{word}"));
    }
}
