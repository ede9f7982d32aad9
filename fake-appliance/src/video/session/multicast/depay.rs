//! RTP packets of whole frames → access units, by GStreamer's own element for the codec.
//!
//! The element runs between two pads of ours, so that what goes in comes out in the same call: no thread, no queue and no
//! clock that anybody would have to stop.

use std::sync::{Arc, Mutex};

use fake_camera::annexb;
use fake_camera::codec::{Codec, Part};
use fake_facts::program::Missing;
use gst::prelude::*;
use gstreamer as gst;

use super::super::{Unit, nanoseconds};
use super::offer::Offer;
use super::unwrap::Unwrap;

/// Parameters of a format that the elements take: parameter sets (RFC 6184, section 8.1; RFC 7798, section 7.1).
const PARAMETERS: [&str; 4] = ["sprop-parameter-sets", "sprop-vps", "sprop-sps", "sprop-pps"];

/// Why packets cannot be put together.
#[derive(Debug, thiserror::Error)]
pub(in super::super::super) enum Error {
    #[error("GStreamer does not start: {0}")]
    Init(String),
    #[error(transparent)]
    Missing(Missing),
    #[error("frames cannot be put together: {0}")]
    Failed(String),
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Failed(error.to_string())
}

/// What takes a codec's pictures out of RTP packets; `None` for JPEG, which has no place for the identity of a frame.
fn element(codec: Codec) -> Option<Missing> {
    let element = match codec {
        Codec::H264 => "rtph264depay",
        Codec::H265 => "rtph265depay",
        Codec::Mjpeg => return None,
    };
    Some(Missing { element, package: "gstreamer1.0-plugins-good" })
}

/// The first element that is missing for what groups may have, if any is.
pub(in super::super::super) fn check() -> Option<Missing> {
    let wanted = Codec::ALL.into_iter().filter_map(element);
    wanted.into_iter().find(|wanted| gst::ElementFactory::find(wanted.element).is_none())
}

/// The element, with a pad of ours at either side; it stops when this is dropped.
pub(super) struct Depay {
    element: gst::Element,
    input: gst::Pad,
    /// Only held: what comes out of it is in `units`.
    _output: gst::Pad,
    codec: Codec,
    /// Ticks a second.
    clock: u32,
    ticks: Unwrap,
    units: Units,
}

/// What came out: byte streams, each with when it is shown (nanoseconds).
type Units = Arc<Mutex<Vec<(Vec<u8>, u64)>>>;

impl Depay {
    /// Starts the element for what is offered.
    pub(super) fn start(offer: &Offer) -> Result<Self, Error> {
        gst::init().map_err(|error| Error::Init(error.to_string()))?;
        let wanted = element(offer.codec).ok_or_else(|| failed("JPEG"))?;
        let element =
            gst::ElementFactory::make(wanted.element).build().map_err(|_| Error::Missing(wanted))?;
        let units = Units::default();
        let (input, output) =
            (gst::Pad::builder(gst::PadDirection::Src).build(), output(offer.codec, &units)?);
        let pad = |name| element.static_pad(name).ok_or_else(|| failed(name));
        input.link(&pad("sink")?).map_err(failed)?;
        pad("src")?.link(&output).map_err(failed)?;
        let (codec, clock) = (offer.codec, offer.clock.unsigned_abs());
        let depay = Self { element, input, _output: output, codec, clock, ticks: Unwrap::default(), units };
        depay._output.set_active(true).map_err(failed)?;
        depay.element.set_state(gst::State::Paused).map_err(failed)?;
        depay.input.set_active(true).map_err(failed)?;
        depay.begin(offer)?;
        Ok(depay)
    }

    fn begin(&self, offer: &Offer) -> Result<(), Error> {
        let mut caps = gst::Caps::builder("application/x-rtp")
            .field("media", "video")
            .field("payload", i32::from(offer.payload))
            .field("clock-rate", offer.clock)
            .field("encoding-name", self.codec.name().to_uppercase());
        for (name, value) in &offer.format {
            if PARAMETERS.contains(&name.as_str()) {
                caps = caps.field(name.as_str(), value.as_str());
            }
        }
        let events = [
            gst::event::StreamStart::new("group"),
            gst::event::Caps::new(&caps.build()),
            gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()),
        ];
        match events.into_iter().all(|event| self.input.push_event(event)) {
            true => Ok(()),
            false => Err(failed("the camera's format is not understood")),
        }
    }

    /// The access units in the packets of one frame or more, as byte streams, each with the time of its packets.
    ///
    /// Errors: the element takes nothing any more.
    pub(super) fn units(&mut self, packets: Vec<Vec<u8>>) -> Result<Vec<Unit>, Error> {
        for packet in packets {
            // What the element makes of packets has their time.
            let shown = self.ticks.of(&packet).map(|ticks| stamp(nanoseconds(ticks, self.clock)));
            let mut packet = gst::Buffer::from_mut_slice(packet);
            packet.get_mut().expect("nobody else has the new buffer").set_pts(shown);
            self.input.push(packet).map_err(failed)?;
        }
        let units = std::mem::take(&mut *self.units.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
        let is_start = |data: &[u8]| {
            annexb::units(data).any(|unit| self.codec.part(unit) == Part::Slice { start: true })
        };
        let unit = |(data, shown): (Vec<u8>, u64)| Unit {
            start: is_start(&data),
            data,
            shown: shown.into(),
            sent: None,
        };
        Ok(units.into_iter().map(unit).collect())
    }
}

/// As a time of GStreamer's, which has no place for what a wild clock may come to.
fn stamp(shown: i128) -> gst::ClockTime {
    gst::ClockTime::from_nseconds(shown.clamp(0, i64::MAX.into()) as u64)
}

impl Drop for Depay {
    fn drop(&mut self) {
        let stopped = self.input.set_active(false).map_err(failed);
        let stopped = stopped.and(self.element.set_state(gst::State::Null).map_err(failed));
        if let Err(error) = stopped {
            tracing::warn!(%error, "what puts frames together did not stop");
        }
    }
}

fn output(codec: Codec, units: &Units) -> Result<gst::Pad, Error> {
    let caps = gst::Caps::builder(format!("video/x-{codec}"))
        .field("stream-format", "byte-stream")
        .field("alignment", "au")
        .build();
    let (sink, always) = (gst::PadDirection::Sink, gst::PadPresence::Always);
    let template = gst::PadTemplate::new("units", sink, always, &caps).map_err(failed)?;
    let units = Arc::clone(units);
    let output = gst::Pad::builder_from_template(&template)
        .chain_function(move |_, _, buffer| {
            let unit = buffer.map_readable().map_err(|_| gst::FlowError::Error)?.to_vec();
            let shown = buffer.pts().unwrap_or_default().nseconds();
            units.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push((unit, shown));
            Ok(gst::FlowSuccess::Ok)
        })
        .event_function(|_, _, _| true)
        .build();
    Ok(output)
}
