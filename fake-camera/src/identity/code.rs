//! The identity in the picture: 80 bits as black and white squares at the top, two rows of forty.
//!
//! Sync word (16), camera (32), index in the clip (16), CRC-16 of camera and index (16), most significant bit
//! first. Squares are 16 pixels wide in pictures of 640 pixels or more, else 8: large enough to outlive any
//! encoder that leaves the picture recognisable.

use crc::{CRC_16_IBM_3740, Crc};

/// Squares in a row.
const ROW: usize = 40;
const ROWS: usize = 2;
const SYNC: u16 = 0x7c35;
const CRC16: Crc<u16> = Crc::<u16>::new(&CRC_16_IBM_3740);
/// Luma of a black and of a white square: the ends of the video range (ITU-R BT.601).
const BLACK: u8 = 16;
const WHITE: u8 = 235;

/// The narrowest picture that has room for the code, in pixels.
pub const MIN_WIDTH: usize = ROW * 8;

/// What the picture itself says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureCode {
    /// The camera's number.
    pub camera: u32,
    /// Which picture of the clip.
    pub index: u16,
}

/// Edge of one square in a picture of this width, in pixels; `None` if the picture is too narrow.
pub fn square(width: usize) -> Option<usize> {
    match width {
        0..MIN_WIDTH => None,
        MIN_WIDTH..640 => Some(8),
        _ => Some(16),
    }
}

impl PictureCode {
    /// Draws the code into a luma plane of `width` pixels a row, `stride` bytes apart.
    ///
    /// Returns whether there was room for it; if not, nothing is drawn.
    #[must_use]
    pub fn draw(self, luma: &mut [u8], stride: usize, width: usize) -> bool {
        let Some(edge) = square(width) else { return false };
        if stride < width || luma.len() < stride * edge * ROWS {
            return false;
        }
        let bits = self.bits();
        for row in 0..ROWS {
            let top = row * edge * stride;
            for column in 0..ROW {
                let white = bits >> (79 - row * ROW - column) & 1 == 1;
                luma[top + column * edge..][..edge].fill(if white { WHITE } else { BLACK });
            }
            for line in 1..edge {
                luma.copy_within(top..top + ROW * edge, top + line * stride);
            }
        }
        true
    }

    /// Reads the code from a luma plane; `None` if there is none that is whole.
    pub fn read(luma: &[u8], stride: usize, width: usize) -> Option<Self> {
        let edge = square(width)?;
        if stride < width || luma.len() < stride * (edge * ROWS - 1) + width {
            return None;
        }
        let bits = (0..ROW * ROWS).fold(0u128, |bits, bit| {
            let (left, top) = (bit % ROW * edge, bit / ROW * edge);
            bits << 1 | u128::from(is_white(luma, stride, left, top, edge))
        });
        Self::from_bits(bits)
    }

    fn bits(self) -> u128 {
        u128::from(SYNC) << 64
            | u128::from(self.camera) << 32
            | u128::from(self.index) << 16
            | u128::from(self.checksum())
    }

    fn from_bits(bits: u128) -> Option<Self> {
        let code = Self { camera: (bits >> 32) as u32, index: (bits >> 16) as u16 };
        ((bits >> 64) as u16 == SYNC && bits as u16 == code.checksum()).then_some(code)
    }

    fn checksum(self) -> u16 {
        let mut covered = [0; 6];
        covered[..4].copy_from_slice(&self.camera.to_be_bytes());
        covered[4..].copy_from_slice(&self.index.to_be_bytes());
        CRC16.checksum(&covered)
    }
}

/// Judges the middle of a square, where encoders smear least.
fn is_white(luma: &[u8], stride: usize, left: usize, top: usize, edge: usize) -> bool {
    let inner = edge / 4..edge - edge / 4;
    let sum: usize = inner
        .clone()
        .flat_map(|y| inner.clone().map(move |x| (x, y)))
        .map(|(x, y)| usize::from(luma[(top + y) * stride + left + x]))
        .sum();
    sum > 128 * inner.len() * inner.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(code: PictureCode, stride: usize, width: usize) -> Vec<u8> {
        let mut luma = vec![90; stride * 48];
        assert!(code.draw(&mut luma, stride, width));
        luma
    }

    #[test]
    fn a_code_reads_back_in_small_and_large_pictures() {
        for (width, stride) in [(320, 320), (352, 384), (640, 640), (1280, 1312), (1920, 1920)] {
            for (camera, index) in [(0, 0), (1, 29), (u32::MAX, u16::MAX), (0xdead_beef, 12345)] {
                let code = PictureCode { camera, index };
                assert_eq!(PictureCode::read(&drawn(code, stride, width), stride, width), Some(code));
            }
        }
    }

    #[test]
    fn noise_in_the_picture_does_not_matter() {
        let code = PictureCode { camera: 77, index: 12 };
        let mut luma = drawn(code, 640, 640);
        for (at, pixel) in luma.iter_mut().enumerate() {
            *pixel = pixel.saturating_add_signed(((at * 7919 % 121) as i8) - 60);
        }
        assert_eq!(PictureCode::read(&luma, 640, 640), Some(code));
    }

    #[test]
    fn every_inverted_square_is_noticed() {
        let code = PictureCode { camera: 77, index: 12 };
        for bit in 0..80 {
            assert_eq!(PictureCode::from_bits(code.bits() ^ 1 << bit), None, "bit {bit}");
        }
    }

    #[test]
    fn grey_and_short_pictures_hold_no_code() {
        assert_eq!(PictureCode::read(&vec![128; 640 * 48], 640, 640), None);
        assert_eq!(PictureCode::read(&[0; 100], 640, 640), None);
        assert_eq!(PictureCode::read(&vec![0; 300 * 48], 300, 300), None);
        assert!(!PictureCode { camera: 1, index: 1 }.draw(&mut [0; 100], 640, 640));
    }
}
