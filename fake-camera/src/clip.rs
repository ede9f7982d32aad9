//! A clip: a closed group of pictures that can be repeated for ever, each time under a new identity.

use crate::annexb::{self, kind};
use crate::identity::FrameIdentity;

/// Encoded pictures of one camera; the first is an IDR picture with its parameter sets, no other refers to
/// anything before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clip {
    pictures: Vec<Picture>,
}

/// One access unit without the messages that belong to its sender.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Picture {
    /// SPS and PPS, as a byte stream; empty but for the first picture.
    parameters: Vec<u8>,
    /// The slices, as a byte stream.
    slices: Vec<u8>,
}

/// What makes a sequence of access units unfit for repetition.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// There is no picture at all.
    #[error("the encoder made no picture")]
    Empty,
    /// A receiver could not start at the first picture.
    #[error("the first picture is no IDR picture with SPS and PPS")]
    NoStart,
    /// More than one slice per picture, which splits access units at some receivers, or none.
    #[error("picture {index} has {count} slices instead of one")]
    Slices {
        /// Which picture, from 0.
        index: usize,
        /// How many slices it has.
        count: usize,
    },
    /// More pictures than the index has room for.
    #[error("{0} pictures are more than a clip may have")]
    TooLong(usize),
}

impl Clip {
    /// Takes an encoder's access units, in the byte-stream format; everything but parameter sets and slices
    /// (delimiters, the encoder's own messages) is left out.
    pub fn from_access_units<'a>(access_units: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, Error> {
        let mut pictures = Vec::new();
        for (index, access_unit) in access_units.into_iter().enumerate() {
            let mut picture = Picture::default();
            let mut count = 0;
            for unit in annexb::units(access_unit) {
                match annexb::unit_kind(unit) {
                    Some(kind::SPS | kind::PPS) => annexb::push_unit(&mut picture.parameters, unit),
                    Some(kind::SLICE | kind::IDR) => {
                        count += 1;
                        annexb::push_unit(&mut picture.slices, unit);
                    }
                    _ => {}
                }
            }
            if count != 1 {
                return Err(Error::Slices { index, count });
            }
            pictures.push(picture);
        }
        Self::checked(pictures)
    }

    fn checked(pictures: Vec<Picture>) -> Result<Self, Error> {
        let first = pictures.first().ok_or(Error::Empty)?;
        let kinds: Vec<_> = annexb::units(&first.parameters).filter_map(annexb::unit_kind).collect();
        let idr = annexb::units(&first.slices).all(|unit| annexb::unit_kind(unit) == Some(kind::IDR));
        if !idr || !kinds.contains(&kind::SPS) || !kinds.contains(&kind::PPS) {
            return Err(Error::NoStart);
        }
        if pictures.len() > usize::from(u16::MAX) {
            return Err(Error::TooLong(pictures.len()));
        }
        Ok(Self { pictures })
    }

    /// Number of pictures, 1 to 65535.
    pub fn pictures(&self) -> u16 {
        self.pictures.len() as u16 // checked when it was made
    }

    /// The picture that frame `number` shows.
    pub fn index(&self, number: u64) -> u16 {
        (number % u64::from(self.pictures())) as u16
    }

    /// The access unit of `identity.index`, with the identity before its slice.
    ///
    /// Panics if the clip has no such picture.
    pub fn access_unit(&self, identity: &FrameIdentity) -> Vec<u8> {
        let picture = &self.pictures[usize::from(identity.index)];
        let mut stream = Vec::with_capacity(picture.parameters.len() + picture.slices.len() + 80);
        stream.extend_from_slice(&picture.parameters);
        annexb::push_unit(&mut stream, &identity.to_unit());
        stream.extend_from_slice(&picture.slices);
        stream
    }

    /// The pictures without identities, as byte streams; [`Clip::from_access_units`] takes them back.
    pub fn access_units(&self) -> impl Iterator<Item = Vec<u8>> {
        self.pictures.iter().map(|picture| [&picture.parameters[..], &picture.slices].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::sei::Found;

    fn unit_stream(units: &[&[u8]]) -> Vec<u8> {
        let mut stream = Vec::new();
        units.iter().for_each(|unit| annexb::push_unit(&mut stream, unit));
        stream
    }

    fn encoded() -> Vec<Vec<u8>> {
        vec![
            unit_stream(&[&[0x09, 0xf0], &[0x67, 1], &[0x68, 2], &[0x06, 5, 1, 9, 0x80], &[0x65, 3]]),
            unit_stream(&[&[0x09, 0xf0], &[0x41, 4]]),
        ]
    }

    fn clip() -> Clip {
        Clip::from_access_units(encoded().iter().map(Vec::as_slice)).unwrap()
    }

    #[test]
    fn delimiters_and_foreign_messages_are_left_out() {
        let kept: Vec<_> = clip().access_units().collect();
        assert_eq!(kept, [unit_stream(&[&[0x67, 1], &[0x68, 2], &[0x65, 3]]), unit_stream(&[&[0x41, 4]])]);
        assert_eq!(Clip::from_access_units(kept.iter().map(Vec::as_slice)).unwrap(), clip());
    }

    #[test]
    fn every_access_unit_carries_the_identity_it_was_asked_for() {
        for number in 0..5 {
            let identity =
                FrameIdentity { number, index: clip().index(number), camera: 9, ..Default::default() };
            let access_unit = clip().access_unit(&identity);
            assert_eq!(FrameIdentity::find(&access_unit), Found::Identity(identity));
            let last = annexb::units(&access_unit).last().and_then(annexb::unit_kind).unwrap();
            assert_eq!(last, if number % 2 == 0 { kind::IDR } else { kind::SLICE });
        }
    }

    #[test]
    fn clips_that_cannot_be_repeated_are_refused() {
        let make = |units: &[Vec<u8>]| Clip::from_access_units(units.iter().map(Vec::as_slice));
        assert_eq!(make(&[]), Err(Error::Empty));
        assert_eq!(make(&encoded()[1..]), Err(Error::NoStart));
        assert_eq!(make(&[unit_stream(&[&[0x65, 3]])]), Err(Error::NoStart));
        let sliced = unit_stream(&[&[0x67, 1], &[0x68, 2], &[0x65, 3], &[0x65, 4]]);
        assert_eq!(make(&[sliced]), Err(Error::Slices { index: 0, count: 2 }));
    }
}
