//! How pictures are coded, and what the parts of a coded picture are for.

use std::fmt;
use std::str::FromStr;

/// A codec that a camera may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// ITU-T H.264, sent as RFC 6184 says.
    #[default]
    H264,
    /// ITU-T H.265, sent as RFC 7798 says.
    H265,
    /// Pictures of their own, one JPEG each, sent as RFC 2435 says.
    Mjpeg,
}

/// What a NAL unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A parameter set of this type; without them no picture can be decoded.
    Parameters(u8),
    /// A slice of a picture.
    Slice {
        /// Whether a receiver may start at this picture: it refers to no other, and none after it to one before it.
        start: bool,
    },
    /// Messages beside the picture that come before it (SEI).
    Message,
    /// Delimiters and whatever else a receiver may do without.
    Other,
}

impl Codec {
    /// All there are, in the order of their making.
    pub const ALL: [Self; 3] = [Self::H264, Self::H265, Self::Mjpeg];

    /// Its name in arguments, scenarios and file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::H264 => "h264",
            Self::H265 => "h265",
            Self::Mjpeg => "mjpeg",
        }
    }

    /// Whether its pictures are byte streams of NAL units, among which an identity has its place.
    pub fn has_units(self) -> bool {
        self != Self::Mjpeg
    }

    /// What this NAL unit, header first, is for: ITU-T H.264, table 7-1, and H.265, table 7-1. JPEG has none.
    pub fn part(self, unit: &[u8]) -> Part {
        let Some(header) = unit.first() else { return Part::Other };
        match self {
            Self::H264 => match header & 0x1f {
                1 => Part::Slice { start: false },
                5 => Part::Slice { start: true },
                6 => Part::Message,
                kind @ (7 | 8) => Part::Parameters(kind),
                _ => Part::Other,
            },
            Self::H265 => match header >> 1 & 0x3f {
                0..=9 => Part::Slice { start: false },
                16..=21 => Part::Slice { start: true },
                kind @ 32..=34 => Part::Parameters(kind),
                39 => Part::Message,
                _ => Part::Other,
            },
            Self::Mjpeg => Part::Other,
        }
    }

    /// Types of the parameter sets that a receiver needs before its first picture.
    pub fn parameter_sets(self) -> &'static [u8] {
        match self {
            Self::H264 => &[7, 8],
            Self::H265 => &[32, 33, 34],
            Self::Mjpeg => &[],
        }
    }

    /// Header of a NAL unit with messages that come before the picture; `None` where there are no NAL units.
    pub fn message_header(self) -> Option<&'static [u8]> {
        match self {
            Self::H264 => Some(&[6]),
            Self::H265 => Some(&[39 << 1, 1]),
            Self::Mjpeg => None,
        }
    }
}

impl FromStr for Codec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|codec| codec.name() == text);
        found.ok_or_else(|| format!("`{text}` is no codec; there are h264, h265 and mjpeg"))
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for codec in Codec::ALL {
            assert_eq!(codec.to_string().parse(), Ok(codec));
        }
        assert!("H.264".parse::<Codec>().unwrap_err().contains("h265"));
    }

    #[test]
    fn units_are_told_apart_by_their_headers() {
        let start = Part::Slice { start: true };
        let other = Part::Slice { start: false };
        // Headers as x264 and x265 write them.
        for (header, part) in
            [(0x67, Part::Parameters(7)), (0x68, Part::Parameters(8)), (0x06, Part::Message)]
        {
            assert_eq!(Codec::H264.part(&[header]), part);
        }
        assert_eq!((Codec::H264.part(&[0x65]), Codec::H264.part(&[0x41])), (start, other));
        for (header, part) in
            [(0x40, Part::Parameters(32)), (0x44, Part::Parameters(34)), (0x4e, Part::Message)]
        {
            assert_eq!(Codec::H265.part(&[header, 1]), part);
        }
        assert_eq!((Codec::H265.part(&[0x26, 1]), Codec::H265.part(&[0x02, 1])), (start, other));
        for codec in Codec::ALL {
            assert_eq!(codec.part(&[]), Part::Other);
            let message = codec.message_header().map(|header| codec.part(header));
            assert_eq!(message, codec.has_units().then_some(Part::Message));
        }
    }
}
