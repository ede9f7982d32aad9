//! A stream under its path: what GStreamer's RTSP server makes for each of its clients.

use std::sync::Arc;

use gst_rtsp_server::prelude::*;
use gst_rtsp_server::{RTSPMedia, RTSPMediaFactory, RTSPSuspendMode, glib, gst_rtsp};
use gstreamer as gst;
use gstreamer_app as gst_app;
use gstreamer_rtsp_server as gst_rtsp_server;

use super::pusher::{Pusher, Source};
use super::{Codec, Stream, elements, encode};

/// Every client gets a media of its own: shared ones start in the middle of a group of pictures, and in
/// GStreamer 1.22 a client can be given one that is just being torn down.
pub(super) fn factory(stream: &Stream, source: &Arc<Source>, pusher: &Pusher) -> RTSPMediaFactory {
    let factory = RTSPMediaFactory::new();
    factory.set_shared(false);
    factory.set_protocols(gst_rtsp::RTSPLowerTrans::TCP);
    factory.set_suspend_mode(RTSPSuspendMode::None);
    factory.set_latency(0);
    factory.set_launch(&format!("( appsrc name=source format=time ! {} )", payloader(stream.codec)));
    let caps = encode::coded(stream.codec)
        .field("width", stream.size.width() as i32)
        .field("height", stream.size.height() as i32)
        .field("framerate", gst::Fraction::new(stream.fps as i32, 1))
        .build();
    let (source, pusher) = (Arc::clone(source), pusher.clone());
    factory.connect_media_configure(move |_, media| configure(media, &caps, &source, &pusher));
    factory
}

/// The payloader with its payload type: JPEG has one of its own (RFC 3551, table 5). A clip has its parameter sets in
/// the picture where it starts, so the payloader adds none (config-interval).
fn payloader(codec: Codec) -> String {
    let element = elements::payloader(codec).element;
    match codec {
        Codec::H264 | Codec::H265 => {
            format!("{element} name=pay0 pt=96 config-interval=0 aggregate-mode=zero-latency")
        }
        Codec::Mjpeg => format!("{element} name=pay0 pt=26"),
    }
}

fn configure(media: &RTSPMedia, caps: &gst::Caps, source: &Arc<Source>, pusher: &Pusher) {
    let input = media
        .element()
        .downcast::<gst::Bin>()
        .ok()
        .and_then(|bin| bin.by_name("source"))
        .and_then(|input| input.downcast::<gst_app::AppSrc>().ok())
        .expect("the launch line has an appsrc of this name");
    input.set_caps(Some(caps));
    let key = pusher.add(&input, source);
    let played = pusher.clone();
    media.connect_new_state(move |_, state| {
        played.play(key, state == gst::State::Playing.into_glib_value());
    });
    let removed = pusher.clone();
    media.connect_unprepared(move |_| removed.remove(key));
}

/// GStreamer's states travel through this signal as plain numbers.
trait IntoGlibValue {
    fn into_glib_value(self) -> i32;
}

impl IntoGlibValue for gst::State {
    fn into_glib_value(self) -> i32 {
        glib::translate::IntoGlib::into_glib(self)
    }
}
