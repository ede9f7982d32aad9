//! The camera itself: makes its clip with GStreamer, and serves it over RTSP.
//!
//! One process is one camera. The order is: bind (the caller does it, so that a taken port is found before
//! anything is encoded), [`Video::prepare_all`], [`serve`].

mod asked;
mod auth;
mod cache;
mod camera;
mod caption;
mod client;
mod death;
mod described;
mod digest;
mod doors;
mod drawn;
mod elements;
mod encode;
mod encoder;
mod live;
mod misbehaviour;
mod mount;
mod pattern;
mod push;
mod pusher;
mod recording;
mod removal;
mod server;
mod shown;
mod size;
mod snapshot;
mod transport;
mod unbound;
mod users;

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

pub use camera::{Camera, Login, Method, Origin, Sessions, Stream};
pub use described::Onvif;
pub use doors::Door;
pub use encode::{Video, check};
pub use fake_facts::program::Missing;
pub use misbehaviour::{Late, Misbehaviour};
pub use recording::{MOST_BYTES, Recording, Unfit};
pub use server::serve;
pub use size::{Error as WrongSize, Size};
pub use transport::{Group, Transports};

use crate::clip;
pub use crate::codec::Codec;

/// Why a camera cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// GStreamer itself does not start.
    #[error("GStreamer does not start: {0}")]
    Init(String),
    /// A plugin is not installed.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The encoder stopped with an error.
    #[error("the video cannot be encoded: {0}")]
    Encode(String),
    /// The codec has no room for pictures of this size.
    #[error("a picture of {size} is nothing for {codec}: {why}")]
    Size {
        /// The codec.
        codec: Codec,
        /// The size asked for.
        size: Size,
        /// What is allowed.
        why: &'static str,
    },
    /// A recording cannot be served.
    #[error("the recording {} cannot be served: {why}", .path.display())]
    Recording {
        /// The file, or the folder.
        path: PathBuf,
        /// What is wrong with it.
        why: Unfit,
    },
    /// A camera that shall show wrong pictures, and has none of its own.
    #[error("pictures of a recording are shown as they are: another one cannot be shown in the place of one")]
    Pictures,
    /// The file that is to have the video cannot be written.
    #[error("the video cannot be written to {path}: {cause}")]
    Keep {
        /// The file.
        path: PathBuf,
        /// The system's words.
        cause: io::Error,
    },
    /// What the encoder made cannot be repeated.
    #[error("the encoded video is unfit: {0}")]
    Clip(#[from] clip::Error),
    /// The RTSP server refused its settings.
    #[error("the RTSP server cannot be set up: {0}")]
    Server(String),
    /// The listener failed.
    #[error("the listener failed: {0}")]
    Listen(#[source] io::Error),
    /// A hostile camera cannot take the address that it is told to.
    #[error("the address {to} cannot be taken: {cause}")]
    Address {
        /// The address.
        to: IpAddr,
        /// The system's words.
        cause: io::Error,
    },
    /// Nobody reads the facts any more.
    #[error("facts cannot be told: {0}")]
    Tell(#[source] io::Error),
}

/// A number that differs from run to run; nothing secret hangs on it.
pub fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}
