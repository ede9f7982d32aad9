//! The header space cut into cells: packets of one cell meet the same fate.

mod interval;
mod mentions;

pub use interval::{Interval, cut, join};
pub use mentions::Mentions;
