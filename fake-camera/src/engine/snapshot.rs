//! The picture that the camera shows now, as a JPEG file.

use std::sync::{Arc, Mutex};

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;

use super::encode::PATIENCE;
use super::pattern::Pattern;
use super::shown::Shown;
use super::{Camera, Error, Size, elements};
use crate::clip::PICTURES;

/// Takes pictures of one camera; the JPEG of each picture of the clip is made once.
pub(super) struct Photographer {
    pattern: Pattern,
    size: Size,
    fps: u32,
    shown: Arc<Shown>,
    taken: Mutex<Vec<Option<Vec<u8>>>>,
}

impl Photographer {
    /// Errors: a plugin is missing.
    pub(super) fn new(camera: &Camera, shown: Arc<Shown>) -> Result<Self, Error> {
        let main = camera.streams.first().expect("a camera has a main stream");
        elements::require(&elements::to_photograph())?;
        Ok(Self {
            pattern: Pattern::new(camera.id, camera.noise, main.size, PICTURES),
            size: main.size,
            fps: main.fps,
            shown,
            taken: Mutex::new(vec![None; usize::from(PICTURES)]),
        })
    }

    /// The current picture. Errors: the encoder fails.
    pub(super) fn take(&self) -> Result<Vec<u8>, Error> {
        let index = (self.shown.now(self.fps) % u64::from(PICTURES)) as usize;
        let mut taken = self.taken.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(jpeg) = &taken[index] {
            return Ok(jpeg.clone());
        }
        let jpeg = encode(self.size, self.pattern.picture(index as u16))?;
        taken[index] = Some(jpeg.clone());
        Ok(jpeg)
    }
}

fn encode(size: Size, picture: Vec<u8>) -> Result<Vec<u8>, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Encode(error.to_string());
    let raw = gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .field("width", size.width() as i32)
        .field("height", size.height() as i32)
        .field("framerate", gst::Fraction::new(0, 1))
        .build();
    let source = gst_app::AppSrc::builder().caps(&raw).format(gst::Format::Time).build();
    let sink = gst_app::AppSink::builder().sync(false).build();
    let encoder = gst::ElementFactory::make("jpegenc").build().map_err(|error| failed(&error))?;
    let pipeline = gst::Pipeline::new();
    let all = [source.upcast_ref(), &encoder, sink.upcast_ref()];
    pipeline.add_many(all).map_err(|error| failed(&error))?;
    gst::Element::link_many(all).map_err(|error| failed(&error))?;
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
