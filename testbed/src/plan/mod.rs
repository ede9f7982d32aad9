//! Scenario → [`Plan`]: addresses, links, services, probes. Pure.

mod across;
mod addresses;
mod addressing;
mod after;
mod aims;
mod alive;
mod answers;
mod between;
mod build;
mod checks;
mod everybody;
pub mod fault;
mod flows;
mod frames;
mod groups;
mod hops;
mod kept;
mod labels;
mod lint;
mod lookup;
mod matrix;
mod mistake;
mod model;
mod neighbours;
mod nodes;
mod opened;
mod own_leg;
mod ports;
mod remarks;
pub mod render;
mod routes;
mod said;
mod services;
mod spoken;
mod spoken_rtsp;
mod star;
mod streams;
mod sysctls;
mod taint;
mod ways;
mod wiring;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod testsite;

pub use between::Between;
pub use build::plan;
pub use groups::{GROUP_PORT, group_of};
pub use lookup::Misled;
pub use mistake::PlanMistake;
pub use model::*;
pub use star::{STAR_RULES, star};
pub use wiring::{Bridge, Cable, Vlans, Wiring, wiring};
