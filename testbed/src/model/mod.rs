//! What a site's loaded rules would do with a packet: the prediction beside intent and measurement.
//!
//! Pure: it takes the text of `nft -j list ruleset` of each node, and shares no code with what writes or loads rules.

pub mod ruleset;
