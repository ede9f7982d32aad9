//! A stream under its path: what GStreamer's RTSP server makes for each of its clients.

use std::net::IpAddr;
use std::sync::Arc;

use gst_rtsp_server::prelude::*;
use gst_rtsp_server::{RTSPMedia, RTSPMediaFactory, RTSPSuspendMode, glib, gst_rtsp};
use gstreamer as gst;
use gstreamer_app as gst_app;
use gstreamer_rtsp_server as gst_rtsp_server;

use super::pusher::{Pusher, Source};
use super::{Codec, Error, Origin, Stream, Transports, elements, encode, transport};

/// What is made for clients of one stream.
pub(super) struct Mount<'a> {
    pub(super) stream: &'a Stream,
    pub(super) transports: &'a Transports,
    /// Where the camera listens: frames leave from the same family of addresses.
    pub(super) listen: IpAddr,
    pub(super) source: Arc<Source>,
}

impl Mount<'_> {
    /// Path and factory of each way to the stream: its own path, and where a group has frames as well, `/multicast`
    /// below it. A client says only after it was told of a media by which way it wants it, hence the two.
    pub(super) fn factories(&self, pusher: &Pusher) -> Result<Vec<(String, RTSPMediaFactory)>, Error> {
        let mut factories = Vec::new();
        if let Some(ways) = self.transports.unicast() {
            let factory = self.factory(pusher);
            // Shared media start in the middle of a group of pictures, and in GStreamer 1.22 a client can be given
            // one that is just being torn down.
            factory.set_shared(false);
            factory.set_protocols(ways);
            factory.set_address_pool(self.transports.unicast_pool(self.listen)?.as_ref());
            factories.push((self.stream.path.clone(), factory));
        }
        if let Some(pool) = self.transports.group_pool(self.source.stream)? {
            let factory = self.factory(pusher);
            // All have the same frames.
            factory.set_shared(true);
            factory.set_protocols(gst_rtsp::RTSPLowerTrans::UDP_MCAST);
            factory.set_address_pool(Some(&pool));
            // By the link that it listens on, so that no route to the group is needed.
            factory.set_multicast_iface(transport::link_of(self.listen).as_deref());
            let below = if factories.is_empty() { "" } else { "/multicast" };
            factories.push((format!("{}{below}", self.stream.path), factory));
        }
        Ok(factories)
    }

    fn factory(&self, pusher: &Pusher) -> RTSPMediaFactory {
        let factory = RTSPMediaFactory::new();
        factory.set_suspend_mode(RTSPSuspendMode::None);
        factory.set_latency(0);
        factory.set_launch(&format!("( appsrc name=source format=time ! {} )", payloader(self.stream.codec)));
        let caps = caps(self.stream);
        let (source, pusher) = (Arc::clone(&self.source), pusher.clone());
        factory.connect_media_configure(move |_, media| configure(media, &caps, &source, &pusher));
        factory
    }
}

/// What goes into the payloader.
pub(super) fn caps(stream: &Stream) -> gst::Caps {
    let Stream { codec, size, fps, .. } = *stream;
    let caps = match stream.origin {
        Origin::Drawn | Origin::Live if codec.has_units() => encode::coded(codec).field("profile", "main"),
        _ => encode::coded(codec),
    };
    caps.field("width", size.width() as i32)
        .field("height", size.height() as i32)
        .field("framerate", gst::Fraction::new(fps as i32, 1))
        .build()
}

/// The payloader with its payload type: JPEG has one of its own (RFC 3551, table 5). A clip has its parameter sets in
/// the picture where it starts, so the payloader adds none (config-interval).
pub(super) fn payloader(codec: Codec) -> String {
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
