//! A clip: a closed group of pictures that can be repeated for ever, each time under a new identity.

use crate::annexb;
use crate::codec::{Codec, Part};
use crate::identity::{FrameIdentity, PictureCode};

/// Pictures of a camera's clip; also the distance between two pictures where a receiver may start.
pub const PICTURES: u16 = 30;

/// Pictures that a clip may have: as many as an index has room for, without [`UNCODED`](crate::identity::sei::UNCODED).
pub const MOST_PICTURES: usize = u16::MAX as usize;

/// Pictures by which one may be shown earlier or later than its place among those sent; a decoder holds sixteen back (ITU-T H.264,
/// A.3.1, and H.265, A.4.2).
const MOST_MOVED: usize = 32;

/// Which picture of the clip a frame of this number shows.
pub fn index_of(number: u64) -> u16 {
    (number % u64::from(PICTURES)) as u16
}

/// The code that a frame's picture must show: its number says which picture of the clip it is.
pub fn code_of(frame: &FrameIdentity) -> PictureCode {
    PictureCode { camera: frame.camera, index: index_of(frame.number) }
}

/// Encoded pictures of one camera, or of a recording; a receiver may start at the first, no other refers to anything before
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clip {
    codec: Codec,
    pictures: Vec<Picture>,
}

/// One access unit without the messages that belong to its sender.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Picture {
    /// Parameter sets, as a byte stream; empty but where a receiver may start, and always for JPEG.
    parameters: Vec<u8>,
    /// The slices, as a byte stream; for JPEG the whole picture.
    slices: Vec<u8>,
    /// Whether a receiver may start here.
    start: bool,
    /// It is shown this many pictures after it is sent; 0 for all of a clip whose pictures are sent as they are shown.
    lead: u16,
}

/// What makes a sequence of access units unfit for repetition.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// There is no picture at all.
    #[error("the encoder made no picture")]
    Empty,
    /// A receiver could not start at the first picture.
    #[error("a receiver could not start at the first picture: it refers to others, or lacks parameter sets")]
    NoStart,
    /// More than one slice per picture, which splits access units at some receivers, or none.
    #[error("picture {index} has {count} slices instead of one")]
    Slices {
        /// Which picture, from 0.
        index: usize,
        /// How many slices it has.
        count: usize,
    },
    /// No slice that is understood.
    #[error("picture {index} has no slice that is understood here")]
    NoSlice {
        /// Which picture, from 0.
        index: usize,
    },
    /// Not a whole JPEG.
    #[error("picture {index} is no whole JPEG")]
    Jpeg {
        /// Which picture, from 0.
        index: usize,
    },
    /// B-frames around the pictures where a receiver may start, so that none is a beginning for what follows the last.
    #[error(
        "it has B-frames, and no picture at which all begins anew (its groups are open): encode it with closed ones, as by \
         `ffmpeg -i IN -c:v libx265 -x265-params open-gop=0 OUT.mp4`"
    )]
    Open,
    /// An order that no decoder could make.
    #[error("its pictures are shown more than {MOST_MOVED} places from where they are sent")]
    Moved,
    /// More pictures than the index has room for.
    #[error("{0} pictures are more than a clip may have")]
    TooLong(usize),
}

impl Clip {
    /// Takes an encoder's access units, in the byte-stream format or one JPEG each; everything but parameter sets and
    /// slices (delimiters, the encoder's own messages) is left out.
    pub fn from_access_units<'a>(
        codec: Codec,
        access_units: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, Error> {
        let pictures = access_units.into_iter().enumerate().map(|(index, access_unit)| match codec {
            Codec::H264 | Codec::H265 => match Picture::of_units(codec, access_unit) {
                (picture, 1) => Ok(picture),
                (_, count) => Err(Error::Slices { index, count }),
            },
            Codec::Mjpeg => Picture::of_jpeg(index, access_unit),
        });
        Self::repeatable(codec, pictures.collect::<Result<Vec<_>, _>>()?)
    }

    /// Takes the access units of a recording, in the order in which they are decoded, each with its place among those shown: the
    /// same, but pictures may have several slices, and those before the first where a receiver may start are left out.
    pub fn of_recording<'a>(
        codec: Codec,
        access_units: impl IntoIterator<Item = (u64, &'a [u8])>,
    ) -> Result<Self, Error> {
        let pictures =
            access_units.into_iter().enumerate().map(|(index, (shown, access_unit))| match codec {
                Codec::H264 | Codec::H265 => match Picture::of_units(codec, access_unit) {
                    (_, 0) => Err(Error::NoSlice { index }),
                    (picture, _) => Ok((shown, Opening::of(codec, access_unit), picture)),
                },
                Codec::Mjpeg => Ok((shown, Opening::Closed, Picture::of_jpeg(index, access_unit)?)),
            });
        let mut pictures = pictures.collect::<Result<Vec<_>, _>>()?;
        if !codec.has_units() {
            // Nothing refers to another: they are sent as they are shown, since nothing but that tells their numbers.
            pictures.sort_by_key(|(shown, ..)| *shown);
        }
        let pictures = closed(pictures)?;
        let leads = leads(&pictures.iter().map(|(shown, _)| *shown).collect::<Vec<_>>())?;
        let pictures = pictures.into_iter().zip(leads);
        let pictures = pictures.map(|((_, picture), lead)| Picture { lead, ..picture });
        Self::repeatable(codec, pictures.collect())
    }

    fn repeatable(codec: Codec, pictures: Vec<Picture>) -> Result<Self, Error> {
        let first = pictures.first().ok_or(Error::Empty)?;
        if !first.start {
            return Err(Error::NoStart);
        }
        if pictures.len() > MOST_PICTURES {
            return Err(Error::TooLong(pictures.len()));
        }
        Ok(Self { codec, pictures })
    }

    /// How its pictures are coded.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Number of pictures, 1 to 65535.
    pub fn pictures(&self) -> u16 {
        self.pictures.len() as u16 // checked when it was made
    }

    /// The picture that frame `number` shows.
    pub fn index(&self, number: u64) -> u16 {
        (number % u64::from(self.pictures())) as u16
    }

    /// Whether a receiver may start at frame `number`.
    pub fn starts(&self, number: u64) -> bool {
        self.pictures[usize::from(self.index(number))].start
    }

    /// How many pictures after it is sent frame `number` is shown, with the pictures that a decoder must hold back for the others;
    /// `None` where frames are sent as they are shown.
    pub fn lead(&self, number: u64) -> Option<u64> {
        let reordered = self.pictures.iter().any(|picture| picture.lead > 0);
        reordered.then(|| self.pictures[usize::from(self.index(number))].lead.into())
    }

    /// Pictures from the first to the next where a receiver may start; all there are, if it is the only one.
    pub fn group(&self) -> u16 {
        let next = self.pictures.iter().skip(1).position(|picture| picture.start);
        next.map_or(self.pictures(), |between| between as u16 + 1)
    }

    /// The latest picture up to that of frame `number` where a receiver may start.
    pub fn start_before(&self, number: u64) -> u16 {
        let up_to = &self.pictures[..=usize::from(self.index(number))];
        up_to.iter().rposition(|picture| picture.start).unwrap_or(0) as u16 // the first is one
    }

    /// The access unit of the picture that frame `identity.number` shows, with the identity before its slices; a JPEG has
    /// no place for one.
    pub fn access_unit(&self, identity: &FrameIdentity) -> Vec<u8> {
        self.pictures[usize::from(self.index(identity.number))].with(self.codec, identity)
    }

    /// The pictures without identities, as byte streams; [`Clip::from_access_units`] takes them back.
    pub fn access_units(&self) -> impl Iterator<Item = Vec<u8>> {
        self.pictures.iter().map(|picture| [&picture.parameters[..], &picture.slices].concat())
    }
}

/// How a picture stands to those before it, in the order in which they are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opening {
    /// Nothing from here on refers to anything before, and what is before is shown before.
    Closed,
    /// It is shown before the picture that a receiver started at, and refers to what was before that (RASL; ITU-T H.265, 3.132).
    Before,
    /// Anything else.
    Other,
}

impl Opening {
    fn of(codec: Codec, access_unit: &[u8]) -> Self {
        let units = || annexb::units(access_unit);
        let kind = |unit: &[u8]| unit[0] >> 1 & 0x3f;
        match codec {
            Codec::H264 if units().any(|unit| codec.part(unit) == Part::Slice { start: true }) => {
                Self::Closed
            }
            // Without BLA pictures that may have such pictures behind them, and CRA pictures (table 7-1).
            Codec::H265 if units().any(|unit| (17..=20).contains(&kind(unit))) => Self::Closed,
            Codec::H265 if units().any(|unit| (8..=9).contains(&kind(unit))) => Self::Before,
            _ => Self::Other,
        }
    }
}

/// Pictures from the first on where all begins anew; and where pictures are sent as they are shown, where a receiver may start.
fn closed(mut pictures: Vec<(u64, Opening, Picture)>) -> Result<Vec<(u64, Picture)>, Error> {
    let reordered = pictures.windows(2).any(|two| two[0].0 > two[1].0);
    let begins = |(_, opening, picture): &(u64, Opening, Picture)| {
        picture.start && (!reordered || *opening == Opening::Closed)
    };
    let Some(first) = pictures.iter().position(begins) else {
        let some = pictures.iter().any(|(_, _, picture)| picture.start);
        return Err(if some { Error::Open } else { Error::NoStart });
    };
    pictures.drain(..first);
    // Whoever started there could not decode what follows.
    let mut start = 0;
    for at in 0..pictures.len() {
        match pictures[at].1 {
            Opening::Before if start > 0 => pictures[start].2.start = false,
            _ if pictures[at].2.start => start = at,
            _ => {}
        }
    }
    Ok(pictures.into_iter().map(|(shown, _, picture)| (shown, picture)).collect())
}

/// How long after it is sent each picture is shown, if they are shown in the order of these places, none before it is sent, and none
/// later than that takes.
fn leads(shown: &[u64]) -> Result<Vec<u16>, Error> {
    let mut order: Vec<usize> = (0..shown.len()).collect();
    order.sort_by_key(|at| shown[*at]);
    let mut places = vec![0; shown.len()];
    order.iter().enumerate().for_each(|(place, at)| places[*at] = place);
    let held = places.iter().enumerate().map(|(at, place)| at.saturating_sub(*place)).max().unwrap_or(0);
    let leads = places.iter().enumerate().map(|(at, place)| match held + place - at {
        lead if held > MOST_MOVED || lead > 2 * MOST_MOVED => Err(Error::Moved),
        lead => Ok(lead as u16),
    });
    leads.collect()
}

/// An encoder's access unit with this identity before its slice, and without whatever else it says beside the picture.
///
/// Errors: not one slice, or no whole JPEG.
pub fn with_identity(codec: Codec, access_unit: &[u8], identity: &FrameIdentity) -> Result<Vec<u8>, Error> {
    let picture = match codec {
        Codec::H264 | Codec::H265 => match Picture::of_units(codec, access_unit) {
            (picture, 1) => picture,
            (_, count) => return Err(Error::Slices { index: usize::from(identity.index), count }),
        },
        Codec::Mjpeg => Picture::of_jpeg(usize::from(identity.index), access_unit)?,
    };
    Ok(picture.with(codec, identity))
}

impl Picture {
    /// As a byte stream with this identity before its slices.
    fn with(&self, codec: Codec, identity: &FrameIdentity) -> Vec<u8> {
        let mut stream = Vec::with_capacity(self.parameters.len() + self.slices.len() + 80);
        stream.extend_from_slice(&self.parameters);
        if let Some(unit) = identity.to_unit(codec) {
            annexb::push_unit(&mut stream, &unit);
        }
        stream.extend_from_slice(&self.slices);
        stream
    }

    /// The picture, and how many slices it has.
    fn of_units(codec: Codec, access_unit: &[u8]) -> (Self, usize) {
        let mut picture = Self::default();
        let (mut count, mut start, mut sets) = (0, false, Vec::new());
        for unit in annexb::units(access_unit) {
            match codec.part(unit) {
                Part::Parameters(kind) => {
                    sets.push(kind);
                    annexb::push_unit(&mut picture.parameters, unit);
                }
                Part::Slice { start: begins } => {
                    count += 1;
                    start = begins;
                    annexb::push_unit(&mut picture.slices, unit);
                }
                Part::Message | Part::Other => {}
            }
        }
        picture.start = start && codec.parameter_sets().iter().all(|set| sets.contains(set));
        (picture, count)
    }

    /// From the start marker to the end marker (ITU-T T.81, table B.1).
    fn of_jpeg(index: usize, access_unit: &[u8]) -> Result<Self, Error> {
        let whole = access_unit.starts_with(&[0xff, 0xd8]) && access_unit.ends_with(&[0xff, 0xd9]);
        if !whole {
            return Err(Error::Jpeg { index });
        }
        Ok(Self { slices: access_unit.to_vec(), start: true, ..Self::default() })
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
        Clip::from_access_units(Codec::H264, encoded().iter().map(Vec::as_slice)).unwrap()
    }

    #[test]
    fn delimiters_and_foreign_messages_are_left_out() {
        let kept: Vec<_> = clip().access_units().collect();
        assert_eq!(kept, [unit_stream(&[&[0x67, 1], &[0x68, 2], &[0x65, 3]]), unit_stream(&[&[0x41, 4]])]);
        assert_eq!(Clip::from_access_units(Codec::H264, kept.iter().map(Vec::as_slice)).unwrap(), clip());
    }

    #[test]
    fn every_access_unit_carries_the_identity_it_was_asked_for() {
        for number in 0..5 {
            let identity =
                FrameIdentity { number, index: clip().index(number), camera: 9, ..Default::default() };
            let access_unit = clip().access_unit(&identity);
            assert_eq!(FrameIdentity::find(Codec::H264, &access_unit), Found::Identity(identity));
            let last = annexb::units(&access_unit).last().map(|unit| Codec::H264.part(unit));
            assert_eq!(last, Some(Part::Slice { start: number % 2 == 0 }));
            assert_eq!(clip().starts(number), number % 2 == 0);
        }
    }

    #[test]
    fn clips_that_cannot_be_repeated_are_refused() {
        let of = |codec, units: &[Vec<u8>]| Clip::from_access_units(codec, units.iter().map(Vec::as_slice));
        let make = |units: &[Vec<u8>]| of(Codec::H264, units);
        assert_eq!(make(&[]), Err(Error::Empty));
        assert_eq!(make(&encoded()[1..]), Err(Error::NoStart));
        assert_eq!(make(&[unit_stream(&[&[0x65, 3]])]), Err(Error::NoStart));
        let sliced = unit_stream(&[&[0x67, 1], &[0x68, 2], &[0x65, 3], &[0x65, 4]]);
        assert_eq!(make(&[sliced]), Err(Error::Slices { index: 0, count: 2 }));
        // H.265 needs a VPS as well.
        let without = unit_stream(&[&[0x42, 1], &[0x44, 1], &[0x26, 1, 3]]);
        assert_eq!(of(Codec::H265, &[without]), Err(Error::NoStart));
        let cut = vec![0xff, 0xd8, 1, 2];
        assert_eq!(of(Codec::Mjpeg, &[cut]), Err(Error::Jpeg { index: 0 }));
    }

    #[test]
    fn a_recording_begins_where_a_receiver_may_start_and_may_have_slices() {
        let start = unit_stream(&[&[0x67, 1], &[0x68, 2], &[0x65, 3], &[0x65, 4]]);
        let next = unit_stream(&[&[0x41, 5], &[0x41, 6]]);
        let recorded = |units: &[&[u8]]| Clip::of_recording(Codec::H264, (0..).zip(units.iter().copied()));
        let clip = recorded(&[&next, &start, &next, &next, &start, &next]).unwrap();
        assert_eq!((clip.pictures(), clip.group()), (5, 3));
        assert_eq!([0, 1, 2, 3, 4, 5, 9].map(|number| clip.start_before(number)), [0, 0, 0, 3, 3, 0, 3]);
        let kept: Vec<_> = clip.access_units().collect();
        assert_eq!(kept[..2], [start, next.clone()]);
        assert_eq!(recorded(&[&next]), Err(Error::NoStart));
        assert_eq!(recorded(&[&unit_stream(&[&[0x09, 0xf0]])]), Err(Error::NoSlice { index: 0 }));
    }

    #[test]
    fn pictures_of_a_recording_are_shown_in_their_order_and_none_before_it_is_sent() {
        let start = unit_stream(&[&[0x67, 1], &[0x68, 2], &[0x65, 3]]);
        let next = unit_stream(&[&[0x41, 5]]);
        let recorded = |shown: &[u64]| {
            let units =
                shown.iter().enumerate().map(|(at, shown)| (*shown, if at == 1 { &start } else { &next }));
            Clip::of_recording(Codec::H264, units.map(|(shown, unit)| (shown, &unit[..])))
        };
        let leads =
            |clip: &Clip, frames: u64| (0..frames).map(|number| clip.lead(number)).collect::<Vec<_>>();
        let plain = recorded(&[0, 1, 2, 3]).unwrap();
        assert_eq!(leads(&plain, 4), [None; 4]);
        // What is before the start is left out, and the others move up: 4 8 6 5 7 is shown as 0 4 2 1 3.
        let clip = recorded(&[3, 4, 8, 6, 5, 7]).unwrap();
        assert_eq!(leads(&clip, 10), [2, 5, 2, 0, 1, 2, 5, 2, 0, 1].map(Some));
        let shown = |clip: &Clip, number: u64| number + clip.lead(number).unwrap();
        let mut all: Vec<_> = (0..10).map(|number| shown(&clip, number)).collect();
        all.sort();
        assert_eq!(all, (2..12).collect::<Vec<_>>(), "one picture after the other, from round to round");
        let far: Vec<u64> = (0..100).map(|at| if at == 2 { 1000 } else { at }).collect();
        assert_eq!(recorded(&far), Err(Error::Moved));
        let late: Vec<u64> = (0..100).map(|at| if at == 99 { 3 } else { 2 * at }).collect();
        assert_eq!(recorded(&late), Err(Error::Moved));
    }

    #[test]
    fn with_b_frames_a_recording_begins_where_all_begins_anew() {
        let sets: [&[u8]; 3] = [&[0x40, 1, 1], &[0x42, 1, 1], &[0x44, 1, 1]];
        let of = |kind: u8, sets: &[&[u8]]| unit_stream(&[sets, &[&[kind << 1, 1, 7]]].concat());
        let (idr, cra) = (of(20, &sets), of(21, &sets));
        let (rasl, radl, trail) = (of(9, &[]), of(7, &[]), of(1, &[]));
        let recorded = |units: &[(u64, &[u8])]| Clip::of_recording(Codec::H265, units.iter().copied());
        let open = [(2, &cra[..]), (0, &rasl), (1, &rasl), (3, &trail)];
        assert_eq!(recorded(&open), Err(Error::Open));
        let clip = recorded(&[&[(9, &idr[..])], &open.map(|(shown, unit)| (10 + shown, unit))[..]].concat());
        let clip = clip.unwrap();
        let starts = |clip: &Clip| (0..clip.pictures().into()).map(|at| clip.starts(at)).collect::<Vec<_>>();
        assert_eq!(starts(&clip), [true, false, false, false, false], "nobody may start at an open group");
        let clip = recorded(&[(0, &idr), (1, &trail), (3, &cra), (2, &radl)]).unwrap();
        assert_eq!(starts(&clip), [true, false, true, false]);
        // Without B-frames a receiver may start there, too.
        assert_eq!(recorded(&[(0, &cra), (1, &trail)]).map(|clip| clip.pictures()), Ok(2));
    }

    #[test]
    fn a_jpeg_is_kept_as_it_is_and_a_receiver_may_start_at_each() {
        let pictures = [vec![0xff, 0xd8, 1, 0xff, 0xd9], vec![0xff, 0xd8, 2, 0xff, 0xd9]];
        let clip = Clip::from_access_units(Codec::Mjpeg, pictures.iter().map(Vec::as_slice)).unwrap();
        let identity = FrameIdentity { number: 3, index: 1, ..Default::default() };
        assert_eq!(clip.access_unit(&identity), pictures[1]);
        assert!(clip.starts(0) && clip.starts(1));
    }

    #[test]
    fn jpegs_of_a_recording_are_sent_as_they_are_shown() {
        let pictures = [1, 3, 2].map(|what| (what, vec![0xff, 0xd8, what as u8, 0xff, 0xd9]));
        let recorded = pictures.iter().map(|(shown, picture)| (*shown, picture.as_slice()));
        let clip = Clip::of_recording(Codec::Mjpeg, recorded).unwrap();
        assert_eq!([0, 1, 2].map(|number| clip.lead(number)), [None; 3]);
        let sent = |number| clip.access_unit(&FrameIdentity { number, ..Default::default() })[2];
        assert_eq!([0, 1, 2].map(sent), [1, 2, 3]);
    }
}
