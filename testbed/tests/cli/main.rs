//! The command line: help, exit codes, what goes to which stream, and that nothing but `run` touches the kernel.

#[path = "../support/mod.rs"]
mod support;

mod help;
mod lanes;
mod machines;
mod output;
mod plans;
mod replays;
mod reports;
mod schemas;
