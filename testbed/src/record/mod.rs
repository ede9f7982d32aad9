//! What a run did and saw beside packets, in raw form, and what that and the captures come to: [`observe`].
//!
//! A live run and one that is judged again from its folder go through the same function; they differ in where the
//! [`Record`] and the two captures come from. Pure.

mod announced;
mod lines;
mod model;
mod observe;
mod probes;
pub mod rule_use;
pub mod rules;
pub mod state;

pub use announced::announced;
pub use lines::{
    Collected, FilterLine, Line, PassedLine, SentLine, Which, filter_lines, passed_lines, record_lines,
    sent_lines,
};
pub use model::{Instruments, Record, key};
pub use observe::{Unfit, observe};
