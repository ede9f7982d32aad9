//! The picture that the camera shows now, as a JPEG file.

use std::sync::{Arc, Mutex};

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;

use super::drawn::Drawn;
use super::encode::{PATIENCE, coded};
use super::shown::Shown;
use super::{Camera, Codec, Error, Origin, Recording, Size, elements};
use crate::clip::PICTURES;
use crate::identity::FrameIdentity;

/// Takes pictures of one camera; the JPEG of each picture is made once, and as many are kept as a clip has.
pub(super) struct Photographer {
    film: Film,
    fps: u32,
    shown: Arc<Shown>,
}

/// For which frames a picture stands, and its JPEG.
type Taken = (u64, Vec<u8>);

/// What pictures are taken from.
enum Film {
    /// With the JPEG of each picture that was taken, and for which frames it stands.
    Drawn { drawn: Box<Drawn>, size: Size, taken: Mutex<Vec<Option<Taken>>> },
    /// With the number of the picture that was taken last, and its JPEG.
    Recorded { recording: Arc<Recording>, last: Mutex<Option<(u16, Vec<u8>)>> },
}

impl Photographer {
    /// Errors: a plugin is missing.
    pub(super) fn new(camera: &Camera, shown: Arc<Shown>) -> Result<Self, Error> {
        let main = camera.streams.first().expect("a camera has a main stream");
        let film = match &main.origin {
            Origin::Drawn | Origin::Live => {
                elements::require(&elements::to_photograph())?;
                let taken = Mutex::new(vec![None; usize::from(PICTURES)]);
                Film::Drawn { drawn: Box::new(Drawn::new(camera, main)), size: main.size, taken }
            }
            Origin::Recorded(recording) => {
                elements::require(&elements::to_decode(main.codec))?;
                Film::Recorded { recording: Arc::clone(recording), last: Mutex::default() }
            }
        };
        Ok(Self { film, fps: main.fps, shown })
    }

    /// The current picture; of a recording the latest that stands alone. Errors: the encoder fails.
    pub(super) fn take(&self) -> Result<Vec<u8>, Error> {
        let number = self.shown.now(self.fps);
        match &self.film {
            Film::Drawn { drawn, size, taken } => {
                let (index, alike) = ((number % u64::from(PICTURES)) as usize, drawn.alike(number));
                let mut taken = taken.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                if let Some((_, jpeg)) = taken[index].as_ref().filter(|(of, _)| *of == alike) {
                    return Ok(jpeg.clone());
                }
                let jpeg = encode(*size, drawn.right(number))?;
                taken[index] = Some((alike, jpeg.clone()));
                Ok(jpeg)
            }
            Film::Recorded { recording, last } => {
                let index = recording.clip.start_before(number);
                let mut last = last.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                if let Some((_, jpeg)) = last.as_ref().filter(|(taken, _)| *taken == index) {
                    return Ok(jpeg.clone());
                }
                let jpeg = still(recording, index)?;
                *last = Some((index, jpeg.clone()));
                Ok(jpeg)
            }
        }
    }
}

/// A picture of a recording that stands alone.
fn still(recording: &Recording, index: u16) -> Result<Vec<u8>, Error> {
    let picture = recording.clip.access_unit(&FrameIdentity { number: index.into(), ..Default::default() });
    if recording.codec == Codec::Mjpeg {
        return Ok(picture);
    }
    let elements: Vec<_> = elements::to_decode(recording.codec).iter().map(|wanted| wanted.element).collect();
    // Without the ends, which are there already.
    through(&coded(recording.codec).build(), picture, &elements[2..])
}

/// The picture, I420 without filling, as JPEG.
pub(super) fn encode(size: Size, picture: Vec<u8>) -> Result<Vec<u8>, Error> {
    let raw = gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .field("width", size.width() as i32)
        .field("height", size.height() as i32)
        .field("framerate", gst::Fraction::new(0, 1))
        .build();
    through(&raw, picture, &["jpegenc"])
}

/// What becomes of one picture on its way through these elements.
fn through(caps: &gst::Caps, picture: Vec<u8>, elements: &[&str]) -> Result<Vec<u8>, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Encode(error.to_string());
    let source = gst_app::AppSrc::builder().caps(caps).format(gst::Format::Time).build();
    let sink = gst_app::AppSink::builder().sync(false).build();
    let between = elements.iter().map(|element| gst::ElementFactory::make(element).build());
    let between = between.collect::<Result<Vec<_>, _>>().map_err(|error| failed(&error))?;
    let pipeline = gst::Pipeline::new();
    let mut all: Vec<&gst::Element> = vec![source.upcast_ref()];
    all.extend(&between);
    all.push(sink.upcast_ref());
    pipeline.add_many(all.iter().copied()).map_err(|error| failed(&error))?;
    gst::Element::link_many(all.iter().copied()).map_err(|error| failed(&error))?;
    pipeline.set_state(gst::State::Playing).map_err(|error| failed(&error))?;
    let mut buffer = gst::Buffer::from_mut_slice(picture);
    buffer.get_mut().expect("nobody else has the new buffer").set_pts(gst::ClockTime::ZERO);
    let pushed = source.push_buffer(buffer).and_then(|_| source.end_of_stream());
    let sample = sink.try_pull_sample(PATIENCE);
    let stopped = pipeline.set_state(gst::State::Null);
    pushed.map_err(|error| failed(&error))?;
    stopped.map_err(|error| failed(&error))?;
    let sample = sample.ok_or_else(|| failed(&"no picture came out"))?;
    let buffer = sample.buffer().ok_or_else(|| failed(&"a sample without data"))?;
    Ok(buffer.map_readable().map_err(|error| failed(&error))?.to_vec())
}
