//! (plan, observations) → verdicts with reasons. Pure.

mod model;

pub use model::*;
