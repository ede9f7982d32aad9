//! Video that nobody asked for: the camera sends it by UDP to whom it likes.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;

use super::mount::{caps, payloader};
use super::pusher::{Pusher, Source};
use super::{Error, Stream};

/// Video for somebody; it ends when this is dropped.
pub(super) struct Push {
    pipeline: gst::Pipeline,
    pusher: Pusher,
    /// What the pusher knows it by.
    key: u64,
}

impl Push {
    /// Gets ready to send a stream's frames there; `began` is called when the first of them leaves. Errors: GStreamer does not
    /// do it.
    pub(super) fn new(
        stream: &Stream,
        source: &Arc<Source>,
        pusher: &Pusher,
        to: SocketAddr,
        began: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let failed = |error: &dyn std::fmt::Display| Error::Server(format!("video for {to}: {error}"));
        let line = format!(
            "appsrc name=source format=time ! {} ! udpsink name=sink host={} port={}",
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
        let output = pipeline.by_name("sink").and_then(|sink| sink.static_pad("sink"));
        let output = output.expect("the launch line has a sink of this name");
        output.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, _| {
            // The sink is content with what the kernel does not take.
            if !has_way(to) {
                return gst::PadProbeReturn::Ok;
            }
            began();
            gst::PadProbeReturn::Remove
        });
        let key = pusher.add(&input, source);
        Ok(Self { pipeline, pusher: pusher.clone(), key })
    }

    /// Sends from now on. Errors: GStreamer does not do it.
    pub(super) fn begin(&self) -> Result<(), Error> {
        let started = self.pipeline.set_state(gst::State::Playing);
        started.map_err(|error| Error::Server(format!("pushed video: {error}")))?;
        self.pusher.play(self.key, true);
        Ok(())
    }
}

/// Whether the kernel knows a way there.
fn has_way(to: SocketAddr) -> bool {
    let any: SocketAddr =
        if to.is_ipv4() { ([0; 4], 0).into() } else { (std::net::Ipv6Addr::UNSPECIFIED, 0).into() };
    UdpSocket::bind(any).and_then(|socket| socket.connect(to)).is_ok()
}

impl Drop for Push {
    fn drop(&mut self) {
        if let Err(error) = self.pipeline.set_state(gst::State::Null) {
            tracing::warn!(%error, "pushed video did not stop");
        }
    }
}
