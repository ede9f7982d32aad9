//! Labs that stay, as a person at a terminal meets them: `up`, `ps`, `shell`, `fault`, `capture`, `judge`, `down`.

#[path = "../support/mod.rs"]
mod support;

mod captures;
mod ends;
mod faults;
mod found;
mod judging;
mod kills;
mod lab;
mod shells;
mod terminal;
