//! The model beside the kernel: the same rules, the same packets, and what really becomes of them.
//!
//! A namespace forwards between veth pairs whose other ends are here. Each packet carries a number; it is known again
//! where it leaves, and behind the last chain of `input`. Whatever the model claims to know must be so; what it does not
//! claim is counted and listed.

mod aimed;
mod craft;
mod edges;
mod files;
mod judge;
mod packets;
mod rig;
