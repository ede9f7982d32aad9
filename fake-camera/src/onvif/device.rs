//! What ONVIF tells of a camera, as plain values.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::hostile::Acts;

/// Gives the current picture as a JPEG file; an error says why it cannot.
pub type Snapshot = Arc<dyn Fn() -> Result<Vec<u8>, String> + Send + Sync>;

/// One camera.
#[derive(Clone)]
pub struct Device {
    /// Its name, as shown in scopes.
    pub name: String,
    /// Its number; also its serial number.
    pub id: u32,
    /// Who may ask; everybody if absent.
    pub login: Option<Login>,
    /// Its streams, the main one first; never empty.
    pub streams: Vec<Stream>,
    /// TCP port of its RTSP server.
    pub rtsp_port: u16,
    /// How frames may travel.
    pub ways: Ways,
    /// Its clock minus the machine's, seconds: what clients that do not look at the camera's clock fail on.
    pub clock_offset: i64,
    /// The host that it names instead of its own, if it is a hostile one.
    pub points_to: Option<IpAddr>,
    /// Whether it answers searches, all of them, as a printer.
    pub is_printer: bool,
    /// Told when it names that host, or tells a time that is not the machine's.
    pub acts: Acts,
    /// Its current picture.
    pub snapshot: Snapshot,
}

/// A user who may ask.
#[derive(Clone)]
pub struct Login {
    /// User name.
    pub user: String,
    /// Password; never printed.
    pub password: String,
}

/// How frames may travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ways {
    /// Inside the RTSP connection.
    pub tcp: bool,
    /// By UDP to each client.
    pub udp: bool,
    /// By UDP to a group.
    pub multicast: bool,
}

/// One stream, which is one media profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Its token: letters, digits, `-`.
    pub token: String,
    /// Path of the stream, beginning with `/`.
    pub path: String,
    /// How its pictures are encoded.
    pub encoding: Encoding,
    /// Width of the picture.
    pub width: usize,
    /// Height of the picture.
    pub height: usize,
    /// Pictures a second.
    pub fps: u32,
    /// Pictures from one where a receiver may start to the next.
    pub group: u16,
    /// Bit rate that the encoder is asked for, kbit/s.
    pub kbit: usize,
}

/// How a stream's pictures are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// H.264, main profile.
    H264,
    /// H.265, main profile; the first media service has no word for it.
    H265,
    /// Each picture a JPEG.
    Jpeg,
}

impl Encoding {
    /// As both media services spell it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::H264 => "H264",
            Self::H265 => "H265",
            Self::Jpeg => "JPEG",
        }
    }
}

impl Device {
    /// The host that it names to a client that reached it there.
    pub(super) fn named(&self, host: SocketAddr) -> SocketAddr {
        if self.points_to.is_some() {
            self.acts.did("points_to");
        }
        SocketAddr::new(self.points_to.unwrap_or(host.ip()), host.port())
    }

    /// The stream with this token.
    pub(super) fn stream(&self, token: &str) -> Option<&Stream> {
        self.streams.iter().find(|stream| stream.token == token)
    }

    /// The one source of video behind all streams: the largest picture and highest rate.
    pub(super) fn source(&self) -> &Stream {
        self.streams.iter().max_by_key(|stream| stream.width * stream.height).expect("a camera has a stream")
    }
}
