//! Scenario → [`Plan`]: addresses, links, services, probes. Pure.

mod model;

pub use model::*;
