//! A camera that is not there: an RTSP server with synthetic video whose every frame proves whose it is.
//!
//! - [`identity`]: what a frame says about itself, beside the picture ([`identity::sei`]) and in it
//!   ([`identity::code`]). Receivers use this part alone (`default-features = false`).
//! - [`codec`]: H.264, H.265 and JPEG, and what their parts are for; [`annexb`]: the byte stream as NAL units.
//! - [`clip`]: a closed group of pictures, encoded once and replayed for ever.
//! - `xml` (feature `xml`): documents of strangers, read within bounds.
//! - `onvif` (feature `engine`): how the camera is found, and says what it is.
//! - `hostile` (feature `engine`): what it does if it is somebody else's.
//! - `mutation` (feature `mutation`): what nobody means to send, for tests of whoever reads it.
//! - `engine` (feature `engine`): makes the clip and serves it with GStreamer's RTSP server.
//!
//! The camera knows neither scenarios nor namespaces: it serves on the listener that it is given.

pub mod annexb;
pub mod clip;
pub mod codec;
#[cfg(feature = "engine")]
pub mod engine;
#[cfg(feature = "engine")]
pub mod hostile;
pub mod identity;
#[cfg(feature = "engine")]
mod misnamed;
#[cfg(any(test, feature = "mutation"))]
pub mod mutation;
#[cfg(feature = "engine")]
pub mod onvif;
#[cfg(feature = "xml")]
pub mod xml;
