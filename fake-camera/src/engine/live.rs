//! Video that is encoded while it is sent: each session has an encoder of its own, which begins with its first frame.
//!
//! The pictures are those of a clip, drawn anew, with the same groups; what an encoder makes of them depends on all that it
//! had before, so that no two rounds are alike.

use std::collections::VecDeque;
use std::sync::Arc;

use gstreamer as gst;

use super::drawn::Drawn;
use super::encode::{PATIENCE, frame_time};
use super::encoder::{self, Encoder, Pace};
use super::{Codec, Error, Size};
use crate::clip::{self, PICTURES};
use crate::identity::FrameIdentity;

/// Encoded pictures that are kept for whoever sends one again, or the next one first.
const KEPT: usize = 3;

/// What is encoded, and how.
#[derive(Clone, Debug)]
pub(super) struct Film {
    pub(super) drawn: Arc<Drawn>,
    pub(super) codec: Codec,
    pub(super) size: Size,
    pub(super) fps: u32,
}

/// The encoder of one session.
#[derive(Debug)]
pub(super) struct Live {
    film: Film,
    encoder: Encoder,
    /// Number of the frame that is encoded next.
    next: u64,
    kept: VecDeque<(u64, Vec<u8>)>,
}

impl Live {
    /// An encoder for frames from 0 on. Errors: the encoder does not start.
    pub(super) fn start(film: &Film) -> Result<Self, Error> {
        let encoder = Encoder::start(film.codec, film.size, film.fps, Pace::Live)?;
        Ok(Self { film: film.clone(), encoder, next: 0, kept: VecDeque::new() })
    }

    /// The access unit of frame `frame.number`, which is at most [`KEPT`] behind those asked for before.
    ///
    /// Blocks while it is encoded, some milliseconds. Errors: the encoder fails.
    pub(super) fn access_unit(&mut self, frame: &FrameIdentity) -> Result<Vec<u8>, Error> {
        let number = frame.number;
        let group = u64::from(PICTURES);
        // Whoever did not keep up goes on at the beginning of a group, and nobody wants what lies between.
        if number > self.next + group && number.is_multiple_of(group) {
            *self = Self { next: number, ..Self::start(&self.film)? };
        }
        while self.next <= number {
            let made = self.encode()?;
            self.kept.push_back((self.next, made));
            self.next += 1;
            if self.kept.len() > KEPT {
                self.kept.pop_front();
            }
        }
        let made = self.kept.iter().find(|(kept, _)| *kept == number);
        let (_, made) = made.ok_or_else(|| Error::Encode(format!("frame {number} is long past")))?;
        Ok(clip::with_identity(self.film.codec, made, frame)?)
    }

    fn encode(&self) -> Result<Vec<u8>, Error> {
        let Encoder { source, sink, .. } = &self.encoder;
        let failed = |error: &dyn std::fmt::Display| Error::Encode(error.to_string());
        let mut buffer = gst::Buffer::from_mut_slice(self.film.drawn.picture(self.next));
        let stamps = buffer.get_mut().expect("nobody else has the new buffer");
        stamps.set_pts(frame_time(self.next, self.film.fps));
        stamps.set_duration(frame_time(1, self.film.fps));
        source.push_buffer(buffer).map_err(|error| failed(&error))?;
        let sample = sink.try_pull_sample(PATIENCE).ok_or_else(|| failed(&"no picture came out"))?;
        encoder::access_unit(self.film.codec, &sample)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Camera, Misbehaviour, Origin, Stream};
    use super::*;
    use crate::identity::sei::Found;
    use crate::{annexb, codec::Part};

    fn film(codec: Codec) -> Film {
        gst::init().unwrap();
        let (size, fps) = (Size::new(320, 240).unwrap(), 15);
        let stream = Stream { path: "/s".into(), origin: Origin::Live, codec, size, fps, keep: None };
        let camera =
            Camera { misbehaviour: Misbehaviour::default(), ..Camera::new(3, 1, vec![stream.clone()]) };
        Film { drawn: Arc::new(Drawn::new(&camera, &stream)), codec, size, fps }
    }

    fn frame(number: u64) -> FrameIdentity {
        FrameIdentity { number, camera: 3, ..FrameIdentity::default() }
    }

    /// Whether a receiver may start there.
    fn starts(codec: Codec, unit: &[u8]) -> bool {
        annexb::units(unit).any(|unit| codec.part(unit) == Part::Slice { start: true })
    }

    #[test]
    fn each_picture_comes_out_at_once_with_its_identity_and_in_groups() {
        for codec in [Codec::H264, Codec::H265] {
            let mut live = Live::start(&film(codec)).unwrap();
            for number in 0..65 {
                let unit = live.access_unit(&frame(number)).unwrap();
                assert_eq!(FrameIdentity::find(codec, &unit), Found::Identity(frame(number)), "{codec}");
                assert_eq!(starts(codec, &unit), number % 30 == 0, "{codec} {number}");
            }
        }
    }

    #[test]
    fn a_frame_may_be_asked_for_again_or_before_the_one_ahead_of_it() {
        let mut live = Live::start(&film(Codec::H264)).unwrap();
        let mut of = |number| live.access_unit(&frame(number)).unwrap();
        let (second, first) = (of(1), of(0));
        assert!(starts(Codec::H264, &first) && !starts(Codec::H264, &second));
        assert_eq!((of(1), of(0)), (second, first));
    }

    #[test]
    fn who_comes_back_after_long_begins_a_group_and_what_lies_between_is_not_encoded() {
        let mut live = Live::start(&film(Codec::H264)).unwrap();
        live.access_unit(&frame(0)).unwrap();
        let far = live.access_unit(&frame(3_000_000)).unwrap();
        assert!(starts(Codec::H264, &far));
        assert!(live.access_unit(&frame(5)).is_err());
    }

    #[test]
    fn rounds_are_not_alike() {
        let mut live = Live::start(&film(Codec::H264)).unwrap();
        let mut of = |number| {
            let unit = live.access_unit(&FrameIdentity { number, ..frame(0) }).unwrap();
            let slices =
                annexb::units(&unit).filter(|unit| matches!(Codec::H264.part(unit), Part::Slice { .. }));
            slices.map(<[u8]>::to_vec).collect::<Vec<_>>().concat()
        };
        let all: Vec<_> = (0..60).map(&mut of).collect();
        assert_ne!(all[..30], all[30..]);
    }
}
