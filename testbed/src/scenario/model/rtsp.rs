//! How a camera serves its video: codecs, streams, and what RTSP clients find.

use serde::{Deserialize, Serialize};

/// Where RTSP is served unless somebody says otherwise (RFC 2326, section 3.2), and by which the documents have cameras set up.
pub const RTSP_PORT: u16 = 554;

/// Everything about a camera's RTSP side beyond size and rate of its main stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rtsp {
    /// Codec of the main stream.
    pub codec: Codec,
    /// File, or folder of files, below the scenario's folder, with the main stream's video; drawn if absent. It has a size
    /// and a rate of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<String>,
    /// When the main stream's drawn pictures are encoded.
    #[serde(default, skip_serializing_if = "Encode::is_once")]
    pub encode: Encode,
    /// Streams beside the main one.
    pub streams: Vec<Stream>,
    /// How clients may show who they are; nobody is asked if empty.
    pub auth: Vec<Auth>,
    /// How frames may travel; at least one.
    pub transport: Vec<Transport>,
    /// Seconds without a sign of life after which a session ends.
    pub session_timeout: u32,
    /// So many sessions at once; as many as come if absent.
    pub most_sessions: Option<u32>,
    /// TCP port that it serves at from the start; the documented one as a rule.
    #[serde(default = "documented_port", skip_serializing_if = "is_documented_port")]
    pub first_port: u16,
    /// TCP ports that open once somebody has played the camera.
    pub further_ports: Vec<u16>,
}

/// A stream beside the main one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// Its path, such as `/sub`.
    pub path: String,
    /// Its codec.
    pub codec: Codec,
    /// Its recording, as of the main stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<String>,
    /// When its drawn pictures are encoded.
    #[serde(default, skip_serializing_if = "Encode::is_once")]
    pub encode: Encode,
    /// Width of the picture in pixels.
    pub width: u32,
    /// Height of the picture in pixels.
    pub height: u32,
    /// Frames per second.
    pub fps: u32,
}

/// How pictures are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    /// ITU-T H.264.
    H264,
    /// ITU-T H.265.
    H265,
    /// JPEG after JPEG.
    Mjpeg,
}

/// When pictures are encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encode {
    /// Before they are served, and repeated.
    #[default]
    Once,
    /// While they are sent, by each session for itself.
    Live,
}

/// A way of authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// User name and password as they are.
    Basic,
    /// Digest with MD5.
    Digest,
    /// Digest with SHA-256.
    DigestSha256,
}

/// A way that frames may travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// In the RTSP connection.
    Tcp,
    /// By UDP to each client.
    Udp,
    /// By UDP to a group.
    Multicast,
}

impl Codec {
    /// As in scenarios and the camera's arguments.
    pub fn name(self) -> &'static str {
        match self {
            Self::H264 => "h264",
            Self::H265 => "h265",
            Self::Mjpeg => "mjpeg",
        }
    }
}

impl Encode {
    /// As in scenarios and the camera's arguments.
    pub fn name(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::Live => "live",
        }
    }

    fn is_once(&self) -> bool {
        *self == Self::Once
    }
}

impl Auth {
    /// As in scenarios and the camera's arguments.
    pub fn name(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Digest => "digest",
            Self::DigestSha256 => "digest-sha256",
        }
    }
}

impl Transport {
    /// As in scenarios and the camera's arguments.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Multicast => "multicast",
        }
    }
}

impl Default for Rtsp {
    fn default() -> Self {
        Self {
            codec: Codec::H264,
            recording: None,
            encode: Encode::Once,
            streams: Vec::new(),
            auth: vec![Auth::Digest],
            transport: vec![Transport::Tcp],
            session_timeout: 60,
            most_sessions: None,
            first_port: RTSP_PORT,
            further_ports: Vec::new(),
        }
    }
}

/// [`RTSP_PORT`], where nothing is written.
pub fn documented_port() -> u16 {
    RTSP_PORT
}

/// Whether a port is [`RTSP_PORT`], and need not be written.
pub fn is_documented_port(port: &u16) -> bool {
    *port == RTSP_PORT
}

/// Whether a program of ours can tell whose frames of such a stream are: by what they carry, or by what their pictures show.
pub fn judges(codec: Codec, recording: Option<&str>) -> bool {
    codec != Codec::Mjpeg || recording.is_none()
}

impl Rtsp {
    /// Whether it is what a camera has of which nothing is written.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// All recordings that it serves.
    pub fn recordings(&self) -> impl Iterator<Item = &str> {
        let further = self.streams.iter().map(|stream| &stream.recording);
        std::iter::once(&self.recording).chain(further).filter_map(|path| path.as_deref())
    }

    /// By which transport a program of ours pulls it: in the connection where that is offered, else by UDP, else by its
    /// group; one that prefers UDP asks for that first. `None` if it offers nothing.
    pub fn pulled_by(&self, prefers_udp: bool) -> Option<Transport> {
        let first = if prefers_udp { Transport::Udp } else { Transport::Tcp };
        [first, Transport::Tcp, Transport::Udp, Transport::Multicast]
            .into_iter()
            .find(|way| self.transport.contains(way))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_prefers_udp_has_it_where_it_is_offered() {
        let pulled = |transport: &[Transport], prefers_udp| {
            Rtsp { transport: transport.to_vec(), ..Rtsp::default() }.pulled_by(prefers_udp)
        };
        let both = [Transport::Tcp, Transport::Udp];
        assert_eq!(pulled(&both, false), Some(Transport::Tcp));
        assert_eq!(pulled(&both, true), Some(Transport::Udp));
        assert_eq!(pulled(&both[..1], true), Some(Transport::Tcp));
        assert_eq!(pulled(&[Transport::Multicast], true), Some(Transport::Multicast));
        assert_eq!(pulled(&[], true), None);
    }

    /// Plans of cameras with the documented port are as they were.
    #[test]
    fn the_documented_port_is_not_written() {
        let written = |rtsp: &Rtsp| serde_json::to_value(rtsp).unwrap();
        let odd = Rtsp { first_port: 8554, ..Rtsp::default() };
        assert_eq!(written(&Rtsp::default()).get("first_port"), None);
        assert_eq!(written(&odd)["first_port"], 8554);
        for rtsp in [odd, Rtsp::default()] {
            assert_eq!(serde_json::from_value::<Rtsp>(written(&rtsp)).unwrap(), rtsp);
        }
    }
}
