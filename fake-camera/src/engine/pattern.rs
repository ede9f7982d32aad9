//! The synthetic picture: a texture that wanders, a square that moves, noise, and the code on top.
//!
//! The same camera number, seed of noise, size and index give the same bytes. Noise keeps the bit rate near that of a real
//! scene: without it the encoder has next to nothing to do.

use super::Size;
use crate::identity::PictureCode;

/// Different noises that rows are taken from.
const NOISES: usize = 4;
/// Rows of the texture, which then repeats: the period of its wave.
const ROWS: usize = 64;
/// Pixels that the texture moves from one picture to the next.
const STEP: usize = 2;

/// Makes the pictures of one camera.
pub(super) struct Pattern {
    size: Size,
    camera: u32,
    /// Each some rows of luma, wider than the picture by all the steps they will move.
    textures: [Vec<u8>; NOISES],
    texture_width: usize,
}

impl Pattern {
    /// `noise` is the seed of the camera's noise: with another one no stretch of the encoded video is the same.
    pub(super) fn new(camera: u32, noise: u32, size: Size, pictures: u16) -> Self {
        let texture_width = size.width() + usize::from(pictures) * STEP;
        let textures = std::array::from_fn(|nth| texture((camera, noise), nth, texture_width));
        Self { size, camera, textures, texture_width }
    }

    /// Picture `index` as I420 with rows as long as the picture is wide.
    pub(super) fn picture(&self, index: u16) -> Vec<u8> {
        let (width, height) = (self.size.width(), self.size.height());
        let mut i420 = vec![0; width * height * 3 / 2];
        let (luma, chroma) = i420.split_at_mut(width * height);
        let shift = usize::from(index) * STEP;
        for (y, row) in luma.chunks_exact_mut(width).enumerate() {
            let texture = &self.textures[(y * 7 + usize::from(index) * 3) % NOISES];
            row.copy_from_slice(&texture[y % ROWS * self.texture_width + shift..][..width]);
        }
        self.draw_square(luma, index);
        let code = PictureCode { camera: self.camera, index };
        let drawn = code.draw(luma, width, width);
        debug_assert!(drawn, "every Size has room for the code");
        let (blue, red) = chroma.split_at_mut(width * height / 4);
        blue.fill(96 + (self.camera.wrapping_mul(37) % 64) as u8);
        red.fill(96 + (self.camera.wrapping_mul(101) % 64) as u8);
        i420
    }

    fn draw_square(&self, luma: &mut [u8], index: u16) {
        let (width, height) = (self.size.width(), self.size.height());
        let edge = height / 6;
        let (top, left) = (height / 2, usize::from(index) * 8 % (width - edge));
        for row in luma.chunks_exact_mut(width).skip(top).take(edge) {
            row[left..left + edge].fill(200);
        }
    }
}

fn texture((camera, noise): (u32, u32), nth: usize, width: usize) -> Vec<u8> {
    let mut random = Random(seed(camera, noise, nth));
    (0..width * ROWS)
        .map(|at| {
            let (x, y) = (at % width, at / width);
            let wave = 60 + (x + y * 2) % 128;
            (wave as u8).saturating_add_signed((random.next() % 9) as i8 - 4)
        })
        .collect()
}

/// Different for different cameras, seeds and noises; the generator spreads it, which must not begin with 0.
fn seed(camera: u32, noise: u32, nth: usize) -> u64 {
    let own = u64::from(camera) << 8 | nth as u64 | 1 << 63;
    let other = u64::from(noise).wrapping_mul(0x1_0000_0001).rotate_left(20);
    own ^ (other & !(1 << 63))
}

/// xorshift64: small, seeded, the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_the_same_each_time_and_differ_between_cameras_and_indexes() {
        let size = Size::new(320, 240).unwrap();
        let of = |camera, noise, index| Pattern::new(camera, noise, size, 30).picture(index);
        assert_eq!(of(1, 7, 5), of(1, 7, 5));
        assert_ne!(of(1, 7, 5), of(2, 7, 5));
        assert_ne!(of(1, 7, 5), of(1, 7, 6));
        assert_ne!(of(1, 7, 5), of(1, 8, 5));
    }

    #[test]
    fn every_picture_carries_its_code() {
        for size in ["320x240", "640x360", "1280x720", "328x96"] {
            let size: Size = size.parse().unwrap();
            let picture = Pattern::new(9, 0, size, 30).picture(29);
            assert_eq!(
                PictureCode::read(&picture, size.width(), size.width()),
                Some(PictureCode { camera: 9, index: 29 })
            );
        }
    }
}
