//! What one camera is.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Misbehaviour, Recording, Size, Transports};
use crate::codec::Codec;
use crate::hostile::Hostility;

/// Everything that makes one camera differ from another.
#[derive(Clone, Debug)]
pub struct Camera {
    /// Its name, drawn into every picture that is drawn.
    pub name: String,
    /// Its number, written into every frame.
    pub id: u32,
    /// Its run, written into every frame; another number after a restart.
    pub run: u32,
    /// Its streams, the main one first; at least one, at most 256, each with a path of its own.
    pub streams: Vec<Stream>,
    /// How their frames may travel.
    pub transports: Transports,
    /// How its sessions end and how many there may be.
    pub sessions: Sessions,
    /// Who may watch; everybody if absent.
    pub login: Option<Login>,
    /// Seed of its noise: with another one nearly all bytes of the encoded video are others.
    pub noise: u32,
    /// Folder where encoded clips are kept for the next start; none are kept if absent.
    pub cache: Option<PathBuf>,
    /// What it does wrong, in each of its streams.
    pub misbehaviour: Misbehaviour,
    /// What it does to its clients and to others.
    pub hostility: Hostility,
}

/// What holds for RTSP sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sessions {
    /// Seconds without a sign of life after which a session ends; clients are told (RFC 2326, section 12.37).
    pub timeout_s: NonZeroU32,
    /// So many at once, and whoever comes then is refused with status 503; as many as come if absent.
    pub most: Option<NonZeroU32>,
}

impl Default for Sessions {
    /// 60 s, as where an answer names no time, and as many as come.
    fn default() -> Self {
        Self { timeout_s: const { NonZeroU32::new(60).unwrap() }, most: None }
    }
}

impl Sessions {
    /// Time without a sign of life after which a session ends.
    pub(super) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_s.get().into())
    }
}

/// One of a camera's streams.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Its path, beginning with `/`.
    pub path: String,
    /// Where its pictures are from.
    pub origin: Origin,
    /// How its pictures are coded.
    pub codec: Codec,
    /// Size of the picture.
    pub size: Size,
    /// Pictures a second, 1 to 60.
    pub fps: u32,
    /// File that gets the encoded video before it is served: a byte stream, or JPEG after JPEG.
    pub keep: Option<PathBuf>,
}

/// Where a stream's pictures are from.
#[derive(Clone, Debug, Default)]
pub enum Origin {
    /// They are drawn, and encoded once.
    #[default]
    Drawn,
    /// They are drawn, and encoded while they are sent: by each session for itself.
    Live,
    /// They were recorded, and are sent as they are.
    Recorded(Arc<Recording>),
}

/// A user who may watch.
#[derive(Clone)]
pub struct Login {
    /// User name.
    pub user: String,
    /// Password; never printed.
    pub password: String,
    /// How the user may show that it is the user; at least one.
    pub methods: Vec<Method>,
}

/// A way of authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// User name and password as they are (RFC 7617).
    Basic,
    /// Digest with MD5 and without qop (RFC 2069).
    Digest,
    /// Digest with SHA-256 (RFC 7616).
    DigestSha256,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Login")
            .field("user", &self.user)
            .field("methods", &self.methods)
            .finish_non_exhaustive()
    }
}

impl Camera {
    /// What a camera with this number is called that has no name of its own.
    pub(super) fn name_of(id: u32) -> String {
        format!("camera {id}")
    }

    /// A camera that everybody may watch, over what there is by default; its name is `camera ID`.
    pub fn new(id: u32, run: u32, streams: Vec<Stream>) -> Self {
        let (transports, sessions) = (Transports::default(), Sessions::default());
        let (misbehaviour, hostility) = (Misbehaviour::default(), Hostility::default());
        Self {
            name: Self::name_of(id),
            id,
            run,
            streams,
            transports,
            sessions,
            login: None,
            noise: 0,
            cache: None,
            misbehaviour,
            hostility,
        }
    }

    /// Path of the stream that an address asks for, with what follows it (`/stream=0`); of several the longest.
    pub(super) fn path_of<'a>(&'a self, address: &str) -> Option<&'a str> {
        let asked = address.split_once("://").map_or(address, |(_, rest)| rest);
        let asked = &asked[asked.find('/')?..];
        let paths = self.streams.iter().map(|stream| stream.path.as_str());
        let under = |path: &&str| {
            asked.strip_prefix(*path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
        };
        paths.filter(under).max_by_key(|path| path.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_of_an_address_is_the_longest_path_that_it_begins_with() {
        let stream = |path: &str| Stream {
            path: path.into(),
            origin: Origin::Drawn,
            codec: Codec::H264,
            size: Size::new(320, 240).unwrap(),
            fps: 15,
            keep: None,
        };
        let streams = ["/live", "/live/sub"].map(stream).to_vec();
        let camera = Camera::new(1, 1, streams);
        for (address, path) in [
            ("rtsp://10.0.0.1:554/live", Some("/live")),
            ("rtsp://10.0.0.1/live/stream=0", Some("/live")),
            ("rtsp://[fd00::1]/live/sub/stream=0", Some("/live/sub")),
            ("rtsp://10.0.0.1/lively", None),
            ("rtsp://10.0.0.1", None),
            ("*", None),
        ] {
            assert_eq!(camera.path_of(address), path, "{address}");
        }
    }
}
