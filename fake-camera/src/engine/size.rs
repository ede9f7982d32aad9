//! Size of a picture, within what the code in the picture and the encoder can do.

use std::fmt;
use std::str::FromStr;

use crate::identity::code;

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    width: usize,
    height: usize,
}

/// What is wrong with a size.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// Not of the form `640x360`.
    #[error("`{0}` is no size; write width x height, for example 640x360")]
    Form(String),
    /// Outside of what can be encoded.
    #[error(
        "{width}x{height} cannot be made: width {MIN_WIDTH} to {MAX_WIDTH} in steps of 8, height {MIN_HEIGHT} to \
         {MAX_HEIGHT} in steps of 2",
        MIN_WIDTH = code::MIN_WIDTH
    )]
    Range {
        /// The width asked for.
        width: usize,
        /// The height asked for.
        height: usize,
    },
}

const MAX_WIDTH: usize = 3840;
const MIN_HEIGHT: usize = 96;
const MAX_HEIGHT: usize = 2160;

impl Size {
    /// A size from its two numbers: width 320 to 3840 in steps of 8, height 96 to 2160 in steps of 2.
    pub fn new(width: usize, height: usize) -> Result<Self, Error> {
        let fits = (code::MIN_WIDTH..=MAX_WIDTH).contains(&width)
            && width.is_multiple_of(8)
            && (MIN_HEIGHT..=MAX_HEIGHT).contains(&height)
            && height.is_multiple_of(2);
        if fits { Ok(Self { width, height }) } else { Err(Error::Range { width, height }) }
    }

    /// The size of a recording's pictures, which have no code: 16x16 to 3840x2160 in steps of 2.
    pub(super) fn recorded(width: usize, height: usize) -> Option<Self> {
        let fits = |side: usize, most: usize| (16..=most).contains(&side) && side.is_multiple_of(2);
        (fits(width, MAX_WIDTH) && fits(height, MAX_HEIGHT)).then_some(Self { width, height })
    }

    /// Pixels in a row.
    pub fn width(self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(self) -> usize {
        self.height
    }
}

impl FromStr for Size {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::Form(text.to_owned());
        let (width, height) = text.split_once('x').ok_or_else(wrong)?;
        Self::new(width.parse().map_err(|_| wrong())?, height.parse().map_err(|_| wrong())?)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}x{}", self.width, self.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_bounded() {
        assert_eq!("640x360".parse::<Size>().unwrap().to_string(), "640x360");
        for wrong in ["", "640", "640x", "x360", "640x360x2", "-640x360", "640 x 360"] {
            assert_eq!(wrong.parse::<Size>(), Err(Error::Form(wrong.to_owned())));
        }
        for outside in ["312x240", "644x360", "640x361", "640x94", "4096x2160", "3840x2162"] {
            assert!(matches!(outside.parse::<Size>(), Err(Error::Range { .. })), "{outside}");
        }
    }
}
