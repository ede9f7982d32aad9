//! Video that nobody asked for: the camera sends it by UDP to whom it likes.

use std::net::SocketAddr;
use std::sync::Arc;

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;

use super::mount::{caps, payloader};
use super::pusher::{Pusher, Source};
use super::{Error, Stream};

/// Video under way; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Push(gst::Pipeline);

impl Push {
    /// Sends a stream's frames there from now on. Errors: GStreamer does not do it.
    pub(super) fn start(
        stream: &Stream,
        source: &Arc<Source>,
        pusher: &Pusher,
        to: SocketAddr,
    ) -> Result<Self, Error> {
        let failed = |error: &dyn std::fmt::Display| Error::Server(format!("video for {to}: {error}"));
        let line = format!(
            "appsrc name=source format=time ! {} ! udpsink host={} port={}",
            payloader(stream.codec),
            to.ip(),
            to.port()
        );
        let pipeline = gst::parse::launch(&line).map_err(|error| failed(&error))?;
        let pipeline = pipeline.downcast::<gst::Pipeline>().map_err(|_| failed(&"no pipeline"))?;
        let input = pipeline.by_name("source").and_then(|input| input.downcast::<gst_app::AppSrc>().ok());
        let input = input.expect("the launch line has an appsrc of this name");
        input.set_caps(Some(&caps(stream)));
        if let Some(bus) = pipeline.bus() {
            // Nobody reads it.
            bus.set_sync_handler(|_, _| gst::BusSyncReply::Drop);
        }
        let key = pusher.add(&input, source);
        let push = Self(pipeline);
        push.0.set_state(gst::State::Playing).map_err(|error| failed(&error))?;
        pusher.play(key, true);
        Ok(push)
    }
}

impl Drop for Push {
    fn drop(&mut self) {
        if let Err(error) = self.0.set_state(gst::State::Null) {
            tracing::warn!(%error, "pushed video did not stop");
        }
    }
}
