//! (plan, observations) → verdicts with reasons. Pure.
//!
//! One file per word: `no_reach` (with its `controls`, `leak`s, `stray`s and what it `covered`), `no_bridge`, `no_hop`, `own_leg`, `carries`, `name`,
//! `lint`, `reach`, `plays` (with its `timing`),
//! `direction` (with its bounds of an `amount`), `peers_of`, `members`, `clock`, `address`, `spare`, `explained` (with what was `shown`), `matrix` (with
//! `predicted`), `taint`, `tls` (with its `stand_in`s), `periodic`, `scan`, `attacks`, `no_video`, `no_stream`, `inventory`, `job`, `calls`, `talks`, `names_agree`, `rtsp`, `endures`, `after`.

mod address;
mod after;
mod amount;
pub(crate) mod attacks;
mod autoconf;
pub(crate) mod calls;
mod carries;
mod clock;
mod controls;
mod covered;
mod direction;
pub(crate) mod endures;
#[cfg(test)]
pub(crate) mod example;
mod explained;
mod inventory;
pub(crate) mod job;
mod joined;
mod judge;
mod leak;
mod lint;
mod listens;
mod matching;
mod matrix;
mod members;
mod misled;
mod model;
mod moved;
mod name;
mod names_agree;
mod no_bridge;
mod no_hop;
mod no_reach;
mod no_stream;
mod no_video;
mod offered;
mod own_leg;
mod peers_of;
pub(crate) mod periodic;
mod plays;
mod predicted;
mod reach;
mod rtsp;
mod scan;
mod shown;
mod spare;
mod stand_in;
mod stray;
mod taint;
mod talks;
#[cfg(test)]
mod tests;
mod timing;
mod tls;
mod told;
pub(crate) mod wording;

pub use judge::judge;
pub use model::*;
pub(crate) use scan::{asks_for_search, ends_search};
#[cfg(test)]
pub(crate) use tls::weaknesses;
