//! What a site's loaded rules would do with a packet: the prediction beside intent and measurement.
//!
//! Pure: it takes a [`crate::plan::Plan`] for addresses, routes and sysctls, and the text of `nft -j list ruleset` of
//! each node, and shares no code with what writes or loads rules. What it does not know it says:
//! [`Outcome::Unknown`] names the rule and the expression that only a probe can settle.

mod evaluate;
mod matrix;
#[cfg(test)]
mod native;
mod neighbour;
mod outcome;
mod packet;
pub mod partition;
mod path;
mod predict;
mod routes;
pub mod ruleset;
mod site;

#[cfg(test)]
mod tests;

pub use matrix::{Opening, Pair, Service};
pub use outcome::{Blame, Kernel, Leaving, Obstacle, Outcome, RuleRef, Why};
pub use packet::{Body, Ethernet, Fragment, Packet, Tracked};
pub use predict::{Fate, Hop, Prediction, Probe, Raw, Sent};
pub use site::{Error, Model};
