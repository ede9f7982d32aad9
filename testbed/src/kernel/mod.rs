//! Plan → live namespaces: rootless start, own root, netlink, nft, sysctls. All `unsafe` of the testbed is here, but for the one
//! call with which the worker closes what it inherited.
//!
//! Thin verbs that carry out a plan and decide nothing. What goes wrong says the operation, the namespace, the object
//! and the system's own words.

pub mod addresses;
pub mod autoconf;
pub mod batch;
mod build;
mod cable;
pub mod conntrack;
pub mod detach;
mod early;
pub mod enter;
pub mod error;
pub mod ethtool;
pub mod fdb;
pub mod fds;
pub mod features;
mod ground;
pub mod join;
pub mod lab;
pub mod links;
pub mod messages;
mod name_files;
pub mod namespace;
pub mod nflog;
pub mod nft;
pub mod packet;
pub mod policy;
pub mod port_rules;
pub mod process;
mod restart;
pub mod ring;
pub mod root;
pub mod routes;
mod seal;
pub mod shaping;
pub mod snapshot;
pub mod sockets;
pub mod sysctl;
mod terminal;

pub use error::KernelError;
pub use lab::Lab;
pub use namespace::Namespace;
pub use restart::Rules;
