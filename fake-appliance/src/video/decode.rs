//! Decodes one session's access units with GStreamer and holds each picture against its identity.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fake_camera::codec::Codec;
use fake_camera::identity::{FrameIdentity, PictureCode};
use fake_facts::program::Missing;
use gst::prelude::*;
use gst_video::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;
use tokio::sync::watch;
use tokio::time::timeout;

use super::Shared;

/// Access units that may wait for the decoder; after that the network waits with them.
const WAITING: u64 = 64;
/// Longest wait for room in front of the decoder: it then counts as broken.
const PATIENCE: Duration = Duration::from_secs(5);
/// Time stamps only tell pictures apart; they are this far from one another.
const STEP: gst::ClockTime = gst::ClockTime::from_mseconds(1);

/// Parser and decoder of a codec, and the Debian packages that bring them.
fn elements(codec: Codec) -> [Missing; 2] {
    let (parser, decoder) = match codec {
        Codec::H264 => ("h264parse", "avdec_h264"),
        Codec::H265 => ("h265parse", "avdec_h265"),
        Codec::Mjpeg => ("jpegparse", "avdec_mjpeg"),
    };
    [
        Missing { element: parser, package: "gstreamer1.0-plugins-bad" },
        Missing { element: decoder, package: "gstreamer1.0-libav" },
    ]
}

/// Why pictures cannot be decoded.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// GStreamer itself does not start.
    #[error("GStreamer does not start: {0}")]
    Init(String),
    /// A plugin is not installed.
    #[error(transparent)]
    Missing(Missing),
    /// The pipeline stopped with an error, or takes nothing any more.
    #[error("the decoder failed: {0}")]
    Failed(String),
}

/// Starts GStreamer and looks whether everything that decoding takes is there.
/// Errors: `Init`, or `Missing` with the first that is not there.
pub fn check_decoder() -> Result<(), Error> {
    gst::init().map_err(|error| Error::Init(error.to_string()))?;
    let source = Missing { element: "appsrc", package: "gstreamer1.0-plugins-base" };
    let wanted = [Codec::H264, Codec::H265].into_iter().flat_map(elements).chain([source]);
    match wanted.into_iter().find(|wanted| gst::ElementFactory::find(wanted.element).is_none()) {
        Some(missing) => Err(Error::Missing(missing)),
        None => Ok(()),
    }
}

/// A running decoder; stops when dropped.
pub(super) struct Decoder {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    pushed: u64,
    expected: Expected,
    room: watch::Receiver<bool>,
    ended: watch::Receiver<bool>,
}

/// Identities of the access units that are in the decoder, by time stamp; `None` for one without.
type Expected = Arc<Mutex<Frames>>;
type Frames = BTreeMap<gst::ClockTime, Option<FrameIdentity>>;

impl Decoder {
    /// Starts a decoder of the codec whose pictures are counted in `shared`.
    pub(super) fn start(shared: &Arc<Shared>, codec: Codec) -> Result<Self, Error> {
        let failed = |error: &dyn std::fmt::Display| Error::Failed(error.to_string());
        check_decoder()?;
        let expected = Expected::default();
        let (source, room) = source(codec);
        let [parser, decoder] = elements(codec);
        let (sink, ended) = sink(shared, &expected);
        let make = gst::ElementFactory::make;
        let parser = make(parser.element).build().map_err(|error| failed(&error))?;
        // One thread each: with a site full of cameras there are more decoders than cores anyway.
        let decoder =
            make(decoder.element).property("max-threads", 1i32).build().map_err(|error| failed(&error))?;
        let pipeline = gst::Pipeline::new();
        let chain = [source.upcast_ref(), &parser, &decoder, sink.upcast_ref()];
        pipeline.add_many(chain).map_err(|error| failed(&error))?;
        gst::Element::link_many(chain).map_err(|error| failed(&error))?;
        if let Some(bus) = pipeline.bus() {
            // Nobody reads the bus but `failure`: whatever is no error would pile up there.
            bus.set_sync_handler(|_, message| match message.type_() {
                gst::MessageType::Error => gst::BusSyncReply::Pass,
                _ => gst::BusSyncReply::Drop,
            });
        }
        pipeline.set_state(gst::State::Playing).map_err(|error| failed(&error))?;
        Ok(Self { pipeline, source, pushed: 0, expected, room, ended })
    }

    /// Hands in an access unit (byte stream); waits while the decoder is behind, and leaves nothing out.
    pub(super) async fn push(&mut self, data: Vec<u8>, identity: Option<FrameIdentity>) -> Result<(), Error> {
        let room = timeout(PATIENCE, self.room.wait_for(|room| *room)).await.is_ok_and(|room| room.is_ok());
        if !room {
            return Err(self.failure("it takes no more pictures"));
        }
        let stamp = STEP * self.pushed;
        self.pushed += 1;
        self.expected.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(stamp, identity);
        let mut buffer = gst::Buffer::from_mut_slice(data);
        let stamps = buffer.get_mut().expect("nobody else has the new buffer");
        stamps.set_pts(stamp);
        stamps.set_dts(stamp);
        self.source.push_buffer(buffer).map_err(|error| self.failure(&error.to_string()))?;
        Ok(())
    }

    /// Lets the decoder finish what it has, for at most this long.
    pub(super) async fn finish(mut self, patience: Duration) {
        if self.source.end_of_stream().is_ok() {
            // Too slow or broken: what it did not decode is not counted as decoded.
            let _ = timeout(patience, self.ended.wait_for(|ended| *ended)).await;
        }
    }

    fn failure(&self, otherwise: &str) -> Error {
        let heard = self.pipeline.bus().and_then(|bus| bus.pop_filtered(&[gst::MessageType::Error]));
        Error::Failed(match heard.as_ref().map(|message| message.view()) {
            Some(gst::MessageView::Error(error)) => error.error().to_string(),
            _ => otherwise.to_owned(),
        })
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        if let Err(error) = self.pipeline.set_state(gst::State::Null) {
            tracing::warn!(%error, "a decoder did not stop");
        }
    }
}

fn source(codec: Codec) -> (gst_app::AppSrc, watch::Receiver<bool>) {
    let caps = gst::Caps::builder(format!("video/x-{codec}"))
        .field("stream-format", "byte-stream")
        .field("alignment", "au")
        .build();
    let source = gst_app::AppSrc::builder()
        .caps(&caps)
        .format(gst::Format::Time)
        .max_buffers(WAITING)
        .max_bytes(0)
        .build();
    let (full, room) = watch::channel(true);
    let full = Arc::new(full);
    let again = Arc::clone(&full);
    source.set_callbacks(
        gst_app::AppSrcCallbacks::builder()
            .enough_data(move |_| {
                full.send_replace(false);
            })
            .need_data(move |_, _| {
                again.send_replace(true);
            })
            .build(),
    );
    (source, room)
}

fn sink(shared: &Arc<Shared>, expected: &Expected) -> (gst_app::AppSink, watch::Receiver<bool>) {
    let caps = gst::Caps::builder("video/x-raw").field("format", "I420").build();
    let sink = gst_app::AppSink::builder().caps(&caps).sync(false).build();
    let (end, ended) = watch::channel(false);
    let (counting, left) = (Arc::clone(shared), Arc::clone(expected));
    let (shared, expected) = (Arc::clone(shared), Arc::clone(expected));
    sink.set_callbacks(
        gst_app::AppSinkCallbacks::builder()
            .new_sample(move |sink| {
                let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                let stamp = sample.buffer().and_then(gst::BufferRef::pts);
                // Pictures come in order; what the decoder swallowed before this one will not come any more.
                let mut due = stamp.map(|stamp| take_until(&expected, stamp)).unwrap_or_default();
                let identity = stamp.and_then(|stamp| due.remove(&stamp)).flatten();
                let code = read_code(&sample);
                shared.picture(&sample);
                let mut tally = shared.tally();
                due.values().for_each(|frame| tally.undecoded(frame.as_ref()));
                tally.decoded(identity.as_ref(), code);
                Ok(gst::FlowSuccess::Ok)
            })
            .eos(move |_| {
                let due = take_until(&left, gst::ClockTime::MAX);
                due.values().for_each(|frame| counting.tally().undecoded(frame.as_ref()));
                end.send_replace(true);
            })
            .build(),
    );
    (sink, ended)
}

/// What was expected up to and with this time stamp.
fn take_until(expected: &Expected, stamp: gst::ClockTime) -> Frames {
    let mut expected = expected.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let later = expected.split_off(&stamp.saturating_add(gst::ClockTime::from_nseconds(1)));
    std::mem::replace(&mut *expected, later)
}

fn read_code(sample: &gst::Sample) -> Option<PictureCode> {
    let info = gst_video::VideoInfo::from_caps(sample.caps()?).ok()?;
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(sample.buffer()?, &info).ok()?;
    let stride = usize::try_from(*frame.plane_stride().first()?).ok()?;
    PictureCode::read(frame.plane_data(0).ok()?, stride, frame.width() as usize)
}
