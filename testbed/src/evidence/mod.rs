//! The evidence of one run: its folder, every file name in it, what it is checked by when it is read again, and the
//! comments for cited packets.

mod annotations;
mod damage;
mod error;
mod folder;
mod host;
mod manifest;
mod reader;
mod records;
mod run_info;

pub use annotations::annotations;
pub use damage::Damage;
pub use error::EvidenceError;
pub use folder::{FDB, RunFile, RunFolder, RunLines};
pub use host::Host;
pub use manifest::{Checked, Hashed, Manifest};
pub use reader::RunReader;
pub use run_info::{FORMAT, RunInfo, StageInfo, TwinInfo};
