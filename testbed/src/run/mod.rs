//! Joins the rooms in order and always tears down.
//!
//! The *commander* (the process that the user started) reads, plans, starts a lab per scenario by executing itself
//! again, listens to its events, judges and keeps the evidence. The *worker* runs inside the lab.

mod commander;
mod counting;
mod offline;
mod order;
mod replay;
mod scenario;
mod small;
mod taint;
mod up;
mod worker;

pub use commander::{Ended, LAB, LabLog, Running, command, lab_log};
pub use offline::{Damaged, Rejudged, rejudge};
pub use order::{Ask, Order, Task};
pub use replay::{Replayed, replay};
pub use scenario::{FAKES, Options, not_run, ours, planned, run};
pub use small::{StarTimes, bench_star, try_features};
pub use up::{Down, Site, Told, up};
pub use worker::lab_process;
