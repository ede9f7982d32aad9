//! Decodes one session's access units with GStreamer and holds each picture against its identity.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fake_camera::codec::Codec;
use fake_camera::identity::PictureCode;
use fake_facts::program::Missing;
use gst::prelude::*;
use gst_video::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;
use tokio::sync::watch;
use tokio::time::timeout;

use super::Shared;
use super::leading::Leading;
use super::stamps::{self, Owed};
use super::tally::Known;

/// Access units, or packets of JPEG, that may wait for the decoder; after that the network waits with them.
const WAITING: u64 = 64;
/// None of these is taken for one that the decoder has swallowed.
const _: () = assert!(2 * WAITING as usize <= stamps::MOST);
/// Longest wait for room in front of the decoder: it then counts as broken.
const PATIENCE: Duration = Duration::from_secs(5);

/// What decodes a codec, from first to last, and the Debian packages that bring it. JPEG goes in as packets of RTP: these have no
/// headers, and are put together by whoever knows how.
fn elements(codec: Codec) -> Vec<Missing> {
    let named = |element, package| Missing { element, package };
    let units = |parser, decoder| {
        let (parsers, decoders) = ("gstreamer1.0-plugins-bad", "gstreamer1.0-libav");
        vec![named(parser, parsers), named(decoder, decoders)]
    };
    match codec {
        Codec::H264 => units("h264parse", "avdec_h264"),
        Codec::H265 => units("h265parse", "avdec_h265"),
        Codec::Mjpeg => vec![
            named("rtpjpegdepay", "gstreamer1.0-plugins-good"),
            named("jpegdec", "gstreamer1.0-plugins-good"),
            named("videoconvert", "gstreamer1.0-plugins-base"),
        ],
    }
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
    let wanted = Codec::ALL.into_iter().flat_map(elements).chain([source]);
    match wanted.into_iter().find(|wanted| gst::ElementFactory::find(wanted.element).is_none()) {
        Some(missing) => Err(Error::Missing(missing)),
        None => Ok(()),
    }
}

/// Starts GStreamer and looks whether everything is there by which frames of a group are put together.
/// Errors: `Init`, or `Missing` with the first that is not there.
pub fn check_groups() -> Result<(), Error> {
    gst::init().map_err(|error| Error::Init(error.to_string()))?;
    super::session::check_depayloaders().map_or(Ok(()), |missing| Err(Error::Missing(missing)))
}

/// A running decoder; stops when dropped.
pub(super) struct Decoder {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    expected: Expected,
    room: watch::Receiver<bool>,
    ended: watch::Receiver<bool>,
    leading: Leading,
    shared: Arc<Shared>,
}

/// What is known of the frames that are in the decoder.
type Expected = Arc<Mutex<Owed<Known>>>;

impl Decoder {
    /// Starts a decoder of the codec whose pictures are counted in `shared`.
    pub(super) fn start(shared: &Arc<Shared>, codec: Codec) -> Result<Self, Error> {
        let failed = |error: &dyn std::fmt::Display| Error::Failed(error.to_string());
        check_decoder()?;
        let expected = Expected::default();
        let (source, room) = source(codec);
        let (sink, ended) = sink(shared, &expected);
        let made: Result<Vec<_>, _> = elements(codec).iter().map(|named| make(named.element)).collect();
        let made = made.map_err(|error| failed(&error))?;
        let pipeline = gst::Pipeline::new();
        let chain: Vec<&gst::Element> =
            [source.upcast_ref()].into_iter().chain(&made).chain([sink.upcast_ref()]).collect();
        pipeline.add_many(&chain).map_err(|error| failed(&error))?;
        gst::Element::link_many(&chain).map_err(|error| failed(&error))?;
        if let Some(bus) = pipeline.bus() {
            // Nobody reads the bus but `failure`: whatever is no error would pile up there.
            bus.set_sync_handler(|_, message| match message.type_() {
                gst::MessageType::Error => gst::BusSyncReply::Pass,
                _ => gst::BusSyncReply::Drop,
            });
        }
        pipeline.set_state(gst::State::Playing).map_err(|error| failed(&error))?;
        let (leading, shared) = (Leading::new(codec), Arc::clone(shared));
        Ok(Self { pipeline, source, expected, room, ended, leading, shared })
    }

    /// Whether an access unit can be decoded that is the next to be handed in, `begins` if not all is there that came before it.
    pub(super) fn takes(&mut self, unit: &[u8], begins: bool) -> bool {
        self.leading.takes(unit, begins)
    }

    /// Hands in a frame in the order of sending: an access unit (byte stream), or the packets of a JPEG. It is shown when it says
    /// (nanoseconds, from anywhere), or after the one before. Waits while the decoder is behind, and leaves nothing out.
    pub(super) async fn push(
        &mut self,
        parts: Vec<Vec<u8>>,
        shown: Option<i128>,
        known: Known,
    ) -> Result<(), Error> {
        let room = timeout(PATIENCE, self.room.wait_for(|room| *room)).await.is_ok_and(|room| room.is_ok());
        if !room {
            return Err(self.failure("it takes no more pictures"));
        }
        let (stamp, fallen) = owed(&self.expected).push(shown, known);
        if fallen.is_some() {
            self.shared.decoded(fallen, None, None);
        }
        let stamp = gst::ClockTime::from_nseconds(stamp);
        for part in parts {
            let mut buffer = gst::Buffer::from_mut_slice(part);
            let stamps = buffer.get_mut().expect("nobody else has the new buffer");
            stamps.set_pts(stamp);
            if shown.is_none() {
                stamps.set_dts(stamp);
            }
            // Otherwise none for decoding: that is the order in which they come.
            self.source.push_buffer(buffer).map_err(|error| self.failure(&error.to_string()))?;
        }
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

/// An element of this kind. One thread each: with a site full of cameras there are more decoders than cores anyway.
fn make(element: &str) -> Result<gst::Element, gst::glib::BoolError> {
    let made = gst::ElementFactory::make(element).build()?;
    if made.has_property("max-threads") {
        made.set_property("max-threads", 1i32);
    }
    Ok(made)
}

/// What is handed in.
fn caps(codec: Codec) -> gst::Caps {
    match codec {
        Codec::H264 | Codec::H265 => gst::Caps::builder(format!("video/x-{codec}"))
            .field("stream-format", "byte-stream")
            .field("alignment", "au")
            .build(),
        Codec::Mjpeg => gst::Caps::builder("application/x-rtp")
            .field("media", "video")
            .field("clock-rate", 90_000i32)
            .field("encoding-name", "JPEG")
            .build(),
    }
}

fn source(codec: Codec) -> (gst_app::AppSrc, watch::Receiver<bool>) {
    let source = gst_app::AppSrc::builder()
        .caps(&caps(codec))
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
                let (known, late) =
                    stamp.map(|stamp| owed(&expected).given(stamp.nseconds())).unwrap_or_default();
                let code = read_code(&sample);
                shared.picture(&sample);
                // One that nobody handed in is nobody's.
                shared.decoded(late, Some(known.unwrap_or(Known::Said(None))), code);
                Ok(gst::FlowSuccess::Ok)
            })
            .eos(move |_| {
                let late = owed(&left).left();
                counting.decoded(late, None, None);
                end.send_replace(true);
            })
            .build(),
    );
    (sink, ended)
}

fn owed(expected: &Expected) -> MutexGuard<'_, Owed<Known>> {
    expected.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn read_code(sample: &gst::Sample) -> Option<PictureCode> {
    let info = gst_video::VideoInfo::from_caps(sample.caps()?).ok()?;
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(sample.buffer()?, &info).ok()?;
    let stride = usize::try_from(*frame.plane_stride().first()?).ok()?;
    PictureCode::read(frame.plane_data(0).ok()?, stride, frame.width() as usize)
}
