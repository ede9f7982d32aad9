//! The evidence of one run: its folder, every file name in it, and the comments for cited packets.

mod annotations;
mod error;
mod folder;
mod host;
mod manifest;

pub use annotations::annotations;
pub use error::EvidenceError;
pub use folder::{RunFile, RunFolder, RunLines};
pub use host::Host;
pub use manifest::{Hashed, Manifest};
