//! An encoder of GStreamer's: pictures in, access units out.

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;

use super::encode::{coded, kbit};
use super::{Codec, Error, Size, elements};
use crate::clip::PICTURES;

/// Quality of JPEG pictures, 0 to 100: that of network cameras.
const JPEG_QUALITY: i32 = 60;

/// An encoder that runs; it stops when this is dropped.
#[derive(Debug)]
pub(super) struct Encoder {
    pub(super) pipeline: gst::Pipeline,
    pub(super) source: gst_app::AppSrc,
    pub(super) sink: gst_app::AppSink,
}

/// When pictures are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// All together, some time: the encoder may look ahead.
    Ahead,
    /// Each before the next goes in.
    Live,
}

impl Encoder {
    /// Takes I420 of this size. Errors: an element is missing, or refuses.
    pub(super) fn start(codec: Codec, size: Size, fps: u32, pace: Pace) -> Result<Self, Error> {
        let encoder = built(codec, size, fps, pace)?;
        let started = encoder.pipeline.set_state(gst::State::Playing);
        started.map_err(|error| Error::Encode(error.to_string()))?;
        Ok(encoder)
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        if let Err(error) = self.pipeline.set_state(gst::State::Null) {
            tracing::warn!(%error, "an encoder did not stop");
        }
    }
}

/// The access unit in what an encoder gave. Errors: it has no data, or cannot be read.
pub(super) fn access_unit(codec: Codec, sample: &gst::Sample) -> Result<Vec<u8>, Error> {
    let buffer = sample.buffer().ok_or_else(|| Error::Encode("a sample without data".into()))?;
    let bytes = buffer.map_readable().map_err(|error| Error::Encode(error.to_string()))?;
    Ok(without_preface(codec, &bytes).to_vec())
}

/// Leaves out what `x265enc` puts before its first picture: parameter sets, which the encoder repeats by itself, and behind
/// them as many bytes of memory as those have, which nobody has written and in which anything may look like a slice.
fn without_preface(codec: Codec, access_unit: &[u8]) -> &[u8] {
    /// Start code and header of a video parameter set (ITU-T H.265, 7.3.1.2), with which the sets begin.
    const SETS: [u8; 4] = [0, 0, 1, 32 << 1];
    let sets = || access_unit.windows(SETS.len()).rposition(|window| window == SETS);
    match codec {
        Codec::H265 => &access_unit[sets().unwrap_or(0)..],
        Codec::H264 | Codec::Mjpeg => access_unit,
    }
}

/// What comes out of an encoder of ours.
fn encoded(codec: Codec) -> gst::Caps {
    let caps = coded(codec);
    if codec.has_units() { caps.field("profile", "main").build() } else { caps.build() }
}

fn built(codec: Codec, size: Size, fps: u32, pace: Pace) -> Result<Encoder, Error> {
    let failed = |error: gst::glib::BoolError| Error::Encode(error.to_string());
    let raw = gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .field("width", size.width() as i32)
        .field("height", size.height() as i32)
        .field("framerate", gst::Fraction::new(fps as i32, 1))
        .build();
    let source = gst_app::AppSrc::builder().caps(&raw).format(gst::Format::Time).build();
    let sink = gst_app::AppSink::builder().caps(&encoded(codec)).sync(false).build();
    let kbit = kbit(codec, size, fps) as u32;
    let make = gst::ElementFactory::make(elements::encoder(codec).element);
    // One slice per picture and no reordering, so that every access unit stands for one picture; one closed
    // group, so that the clip can be repeated; one thread, so that it is the same each time. The encoder's delimiters
    // go, its own message `Clip` leaves out. A live one gives each picture before it has the next.
    let make = match (pace, codec) {
        (Pace::Live, Codec::H264 | Codec::H265) => make.property_from_str("tune", "zerolatency"),
        _ => make,
    };
    let encoder = match codec {
        Codec::H264 => make
            .property("bitrate", kbit)
            .property("threads", 1u32)
            .property("sliced-threads", false)
            .property("bframes", 0u32)
            .property("key-int-max", u32::from(PICTURES))
            .property("aud", false)
            .property("option-string", "scenecut=0:open-gop=0:force-cfr=1")
            .property_from_str("speed-preset", "veryfast"),
        Codec::H265 => make
            .property("bitrate", kbit)
            .property("key-int-max", i32::from(PICTURES))
            .property(
                "option-string",
                "scenecut=0:open-gop=0:bframes=0:slices=1:pools=none:frame-threads=1:repeat-headers=1",
            )
            .property_from_str("speed-preset", "ultrafast"),
        Codec::Mjpeg => make.property("quality", JPEG_QUALITY),
    };
    let encoder = encoder.build().map_err(failed)?;
    let pipeline = gst::Pipeline::new();
    pipeline.add_many([source.upcast_ref(), &encoder, sink.upcast_ref()]).map_err(failed)?;
    gst::Element::link_many([source.upcast_ref(), &encoder, sink.upcast_ref()]).map_err(failed)?;
    Ok(Encoder { pipeline, source, sink })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_parameter_sets_and_what_follows_are_taken() {
        let own = [0, 0, 0, 1, 0x40, 1, 7, 0, 0, 1, 0x42, 1, 7, 0, 0, 0, 1, 0x28, 1, 9];
        // A message that breaks off, then what looks like a slice, like sets, and like a start code.
        let rubbish = [0, 0, 0, 1, 0x4e, 1, 5, 0, 0, 1, 0, 3, 0, 0, 1, 0x40, 1, 0, 0, 1];
        let preface = [&own[..13], &rubbish].concat();
        assert_eq!(without_preface(Codec::H265, &[&preface[..], &own].concat()), &own[1..]);
        assert_eq!(without_preface(Codec::H265, &own), &own[1..]);
        let between = [0, 0, 0, 1, 0x02, 1, 9];
        assert_eq!(without_preface(Codec::H265, &between), between);
        for codec in [Codec::H264, Codec::Mjpeg] {
            assert_eq!(without_preface(codec, &preface), preface);
        }
    }
}
