//! Nothing of a run is left, however it ends: no network namespace by the kernel's own count, no process, no mount, no
//! file outside its run folder.
//!
//! `TESTBED_KILL_MOMENTS` says at how many moments each kind of process is killed (5), `TESTBED_KILL_SEED` repeats
//! the moments of an earlier run.

#[path = "../support/mod.rs"]
mod support;

mod controls;
mod ends;
mod kills;
mod moments;
mod scene;
