//! The camera as ONVIF tells of it.

use std::sync::Arc;

use super::encode::kbit;
use super::shown::Shown;
use super::snapshot::Photographer;
use super::{Camera, Codec, Error, Origin};
use crate::clip::PICTURES;
use crate::hostile::Acts;
use crate::onvif::{Device, Doors, Encoding, Login, Stream, Ways};

/// How a camera is asked by ONVIF.
pub struct Onvif {
    /// The sockets.
    pub doors: Doors,
    /// What the camera is called there.
    pub name: String,
    /// Its clock minus the machine's, seconds.
    pub clock_offset: i64,
}

/// What ONVIF tells of this camera. Errors: a plugin for its snapshots is missing.
pub(super) fn device(
    camera: &Camera,
    (name, clock_offset): (String, i64),
    rtsp_port: u16,
    (shown, acts): (Arc<Shown>, &Acts),
) -> Result<Device, Error> {
    let photographer = Photographer::new(camera, shown)?;
    Ok(Device {
        name,
        id: camera.id,
        login: camera.login.clone().map(|login| Login { user: login.user, password: login.password }),
        streams: camera.streams.iter().enumerate().map(stream).collect(),
        rtsp_port,
        ways: Ways {
            tcp: camera.transports.tcp,
            udp: camera.transports.udp,
            multicast: camera.transports.multicast.is_some(),
        },
        clock_offset,
        points_to: camera.hostility.points_to,
        is_printer: camera.hostility.answers_as_printer,
        acts: acts.clone(),
        snapshot: Arc::new(move || photographer.take().map_err(|error| error.to_string())),
    })
}

/// A stream as a profile; tokens are short, and do not change with what else there is.
fn stream((number, stream): (usize, &super::Stream)) -> Stream {
    let super::Stream { codec, size, fps, .. } = *stream;
    let encoding = match codec {
        Codec::H264 => Encoding::H264,
        Codec::H265 => Encoding::H265,
        Codec::Mjpeg => Encoding::Jpeg,
    };
    let (group, kbit) = match &stream.origin {
        Origin::Recorded(recording) => (recording.clip.group(), recording.kbit()),
        // Each picture of JPEG is whole.
        Origin::Drawn | Origin::Live => {
            (if codec.has_units() { PICTURES } else { 1 }, kbit(codec, size, fps))
        }
    };
    Stream {
        token: if number == 0 { "main".into() } else { format!("stream-{number}") },
        path: stream.path.clone(),
        encoding,
        width: size.width(),
        height: size.height(),
        fps,
        group,
        kbit,
    }
}
