//! Sends what the plan asks for: raw packets that must not arrive, and conversations that must come about.
//!
//! Nothing here judges: each function returns what it did and what was seen. Packets leave the attacker's namespace
//! through a packet socket, so neither its routing nor its own filter helps the defence; each carries a number, by
//! which the taps and the instruments behind filters know it again.

mod across;
mod addresses;
mod announced;
mod attack;
mod canary;
mod complete;
mod connections;
mod filter;
mod filter_log;
mod hops;
mod joins;
mod ledger;
mod listening;
pub(crate) mod lookup;
mod odd;
mod open;
mod own_leg;
mod pass_on;
mod ports;
mod room;
mod routes;
mod sending;
mod sent;
mod site;
mod sockets;
mod stream;
mod sweep;
mod trace;
mod unread;
mod watch;

pub use across::{Crossed, cross};
pub use addresses::look_at_addresses;
pub use announced::announced;
pub use canary::hide_canaries;
pub use complete::{Seen, complete};
pub use connections::Connections;
pub use filter::Filters;
pub use filter_log::{FilterLog, Logged};
pub use hops::{Hopped, hop};
pub use joins::{Joined, join};
pub use ledger::{Entry, Ledger, Role};
pub use listening::{look_until_told, look_who_listens};
pub use open::{open, open_as_it_stands};
pub use own_leg::{Asked, ask_legs};
pub use routes::look_up_routes;
pub use sending::Sending;
pub use sent::{AimSent, AskedSent, CrossingSent, HopSent, JoinSent};
pub use site::Site;
pub use stream::{SendCells, Stream};
pub use sweep::{Swept, finish_stream, signs_of_life, sweep};
pub(crate) use watch::{Shown, Wish, ask_for_stream};
