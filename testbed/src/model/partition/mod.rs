//! The header space cut into cells: packets of one cell meet the same fate.
//!
//! From everything that rules, sets, maps and flows name, each field is cut into intervals; a cell is one interval of each
//! field. What is left out is said ([`Model::left_out`](super::Model::left_out)).

mod cell;
mod cells;
mod interval;
mod lane;
mod mentions;
mod pieces;
mod standing;

#[cfg(test)]
mod tests;

pub use cell::{Cell, Extent};
pub(super) use cells::Known;
pub use cells::MOST_COMBINATIONS;
pub use interval::{Interval, cut, join};
pub use lane::{IpFamily, Lane};
pub use mentions::Mentions;
pub use pieces::Piece;
pub use standing::Standing;
