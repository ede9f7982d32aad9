//! The camera itself: makes its clip with GStreamer, and serves it over RTSP.
//!
//! One process is one camera. The order is: bind (the caller does it, so that a taken port is found before
//! anything is encoded), [`Video::prepare`], [`serve`].

mod cache;
mod client;
mod elements;
mod encode;
mod pattern;
mod pusher;
mod server;
mod size;

use std::io;
use std::path::PathBuf;

pub use encode::{Video, check};
pub use fake_facts::program::Missing;
pub use server::serve;
pub use size::Size;

use crate::clip;
pub use crate::codec::Codec;

/// Everything that makes one camera differ from another.
#[derive(Clone, Debug)]
pub struct Camera {
    /// Its number, written into every frame.
    pub id: u32,
    /// Its run, written into every frame; another number after a restart.
    pub run: u32,
    /// Path of its stream, beginning with `/`.
    pub path: String,
    /// How its pictures are coded.
    pub codec: Codec,
    /// Size of the picture.
    pub size: Size,
    /// Pictures a second, 1 to 60.
    pub fps: u32,
    /// Who may watch; everybody if absent.
    pub login: Option<Login>,
    /// Seed of its noise: with another one nearly all bytes of the encoded video are others.
    pub noise: u32,
    /// File that gets the encoded video before it is served: a byte stream, or JPEG after JPEG.
    pub keep: Option<PathBuf>,
    /// Folder where encoded clips are kept for the next start; none are kept if absent.
    pub cache: Option<PathBuf>,
}

/// A user who may watch.
#[derive(Clone)]
pub struct Login {
    /// User name.
    pub user: String,
    /// Password; never printed.
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

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
    /// Nobody reads the facts any more.
    #[error("facts cannot be told: {0}")]
    Tell(#[source] io::Error),
}
