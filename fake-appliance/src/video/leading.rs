//! Which pictures of H.265 nobody can decode who has begun at the picture that stands alone before them.
//!
//! Behind a clean random access picture (CRA) there may be pictures that are shown before it and refer to what came before it as
//! well (RASL). Where decoding begins at it they cannot be decoded, and are not part of what is shown (ITU-T H.265, 3.129 and
//! 8.1.3: `NoRaslOutputFlag`); behind a broken link (BLA) they never are. That is nobody's fault, so they are not handed to a
//! decoder, which would owe them.

use fake_camera::annexb;
use fake_camera::codec::Codec;

/// Types of NAL units (ITU-T H.265, table 7-1): slices of pictures, of such as are left out, and of such as stand alone.
const SLICES: std::ops::RangeInclusive<u8> = 0..=31;
const SKIPPED: std::ops::RangeInclusive<u8> = 8..=9;
const ALONE: std::ops::RangeInclusive<u8> = 16..=23;
const BROKEN_LINK: std::ops::RangeInclusive<u8> = 16..=18;
const CLEAN: u8 = 21;
/// How a unit ends behind which all begins anew: with the end of a sequence, or of the whole stream (7.3.2.5 and 7.3.2.6).
const ENDS: [[u8; 5]; 2] = [[0, 0, 1, 36 << 1, 1], [0, 0, 1, 37 << 1, 1]];

/// What one decoder has been given so far.
#[derive(Debug)]
pub(super) struct Leading {
    codec: Codec,
    /// The next picture that stands alone begins anew.
    fresh: bool,
    /// Pictures that lead to the latest one that stands alone are left out.
    skips: bool,
}

impl Leading {
    /// Of a decoder that was given nothing yet.
    pub(super) fn new(codec: Codec) -> Self {
        Self { codec, fresh: true, skips: false }
    }

    /// Takes the next access unit (byte stream) that is to be decoded, `begins` if not all is there that came before it. Returns whether
    /// it can be.
    pub(super) fn takes(&mut self, unit: &[u8], begins: bool) -> bool {
        if self.codec != Codec::H265 {
            return true;
        }
        self.fresh |= begins;
        let kinds = annexb::units(unit).filter_map(|unit| unit.first()).map(|header| header >> 1 & 0x3f);
        let Some(kind) = kinds.into_iter().find(|kind| SLICES.contains(kind)) else { return true };
        if ALONE.contains(&kind) {
            let fresh = std::mem::take(&mut self.fresh);
            self.skips = BROKEN_LINK.contains(&kind) || (fresh && kind == CLEAN);
        }
        self.fresh |= ENDS.iter().any(|end| unit.ends_with(end));
        !(self.skips && SKIPPED.contains(&kind))
    }
}

#[cfg(test)]
mod tests;
