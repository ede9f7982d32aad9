//! A packet and a node: every hook, route and setting that it passes, in Linux' order.
//!
//! Sources: the kernel's `ip_input.c`, `ip_forward.c`, `route.c`, `ip6_input.c`, `ip6_output.c`; nft(8), figure of the
//! hooks.

mod chain;
mod device;
mod filter;
mod hook;
mod look;
mod matching;
mod nat;
mod node;
mod pieces;
mod route4;
mod route6;
mod rule;
mod surroundings;
mod track;
mod traveller;

#[cfg(test)]
mod tests;

pub(super) use device::{Device, Rules};
pub(super) use node::{Arrived, Ends, arrive, send};
pub(super) use pieces::{Pair, arrive_in_pieces};
pub(super) use track::{ICMP_CLASSES, ICMP6_CLASSES, PROTOCOL_CLASSES, tcp_class};
pub(super) use traveller::{Others, Traveller};

use surroundings::Surroundings;
