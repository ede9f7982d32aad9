//! Labs that stay: how they are found, and what may be asked of them.
//!
//! A lab that stays has an *owner*, the process of `testbed up`. It keeps an entry in a folder that only its user can
//! read ([`Registry`]), and listens on a Unix socket beside it. Whoever wants something of the lab connects, writes one
//! [`Request`] and reads [`Answer`]s, one JSON line each, until the last. See [`protocol`].

mod client;
mod error;
mod process;
pub mod protocol;
mod registry;

pub use client::Client;
pub use error::Error;
pub use process::Identity;
pub use protocol::{Answer, Judged, Request, State, Status};
pub use registry::{Claim, Entry, Registry};
