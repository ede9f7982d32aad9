//! Captures: frames → packet numbers, conversations, sightings of probes.
//!
//! A [`Capture`] reads one ring of the fabric, which sees every frame at every port, and keeps the capture file and what
//! frames tell ([`Captured`]): conversations, where each probe was seen, who was heard where, what explains each frame, and more.
//! [`nonce`] is the contract with the sender of probes, and [`question`] that of questions for neighbours. [`annotate`] writes into a finished capture why a packet is cited.

mod advertised;
mod annotate;
mod answers;
mod capture;
mod claims;
mod conversation;
mod decoded;
mod devices;
mod dhcp;
mod expected;
mod file;
#[cfg(test)]
mod fixture;
mod forms;
pub mod frame;
mod handshakes;
mod hello;
#[cfg(test)]
pub(crate) mod inside;
mod inventory;
mod live;
mod loads;
mod lookups;
mod media;
pub mod nonce;
#[cfg(test)]
mod openssl;
mod packets;
pub mod question;
mod read_back;
mod reading;
mod redirects;
mod rtp;
mod rtsp;
mod runs;
mod secrets;
mod sightings;
mod stations;
mod stream;
mod tags;
pub mod taint;
mod tell;
mod tiny;
mod transcripts;
mod tunnels;
mod uses;

pub use annotate::annotate;
pub use capture::{Capture, Captured, Error, MAX_BYTES, Port, Settings, Watch};
pub use decoded::decoded;
pub use expected::{Announced, Expected, FIRST, Spot, first_half};
pub use file::Error as FileError;
pub use inventory::{Inventory, Owner};
pub use live::stream;
pub use read_back::{Counted, ReadBack, Unreadable, read_back};
pub(crate) use rtsp::described;
pub use runs::Passed;
pub use secrets::{add_secrets, secrets};
pub use sightings::{Direction, Sighting, Sightings, Stray, StrayKind};
