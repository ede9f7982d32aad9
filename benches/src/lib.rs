//! The floor that testbed's speed is compared with, and the means to compare.
//!
//! - [`netlink`] speaks rtnetlink with the least that can be said, [`star`] builds a site of N hosts with it.
//!   Nothing of testbed's own code is used, so that both cannot share a mistake.
//! - [`userns`] is the user namespace everything is measured in, and tells when its last network namespace has left
//!   the kernel.
//! - [`bare`] sends everything that can be sent to one address and counts what arrives; [`sweep`] compares that with a run.
//! - [`line`](mod@line) is what each measured program prints, [`table`] what a reader sees.
//!
//! Programs: `floor` builds the star, `gone` runs any such program and adds how long the kernel cleaned up after it,
//! `table` draws the comparison. `scripts/bench` runs them all in turn, `scripts/bench-sweep` runs `sweep`.

pub mod bare;
pub mod line;
pub mod netlink;
pub mod star;
pub mod sweep;
pub mod table;
pub mod userns;
