//! The lab as a stranger meets it: who may start one, what it reaches, what it does with bad input, and what it says.

#[path = "../support/mod.rs"]
mod support;

mod advised;
mod apart;
mod cameras;
mod cells;
mod everybody;
mod exhaustive;
mod failover;
mod fakes;
mod findings;
mod hard_places;
mod inside_tls;
mod kernel_lane;
mod large;
mod layer3;
mod leases;
mod legs;
mod matrix;
mod names;
mod negatives;
mod ordinary;
mod own_programs;
mod parts;
mod port_rules;
mod recordings;
mod rules;
mod sites;
mod taint;
mod untrusted;
mod vlans;
