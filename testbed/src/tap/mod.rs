//! Captures: frames → packet numbers, conversations, sightings of probes.

pub mod frame;
mod inventory;
pub mod nonce;

pub use inventory::{Inventory, Owner};
