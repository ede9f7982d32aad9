//! How much was said at the worst of times.

use serde::{Deserialize, Serialize};

use super::End;
use crate::names::NodeName;

/// What one node said to another on one port, all conversations that it opened there together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadSeen {
    /// Kind, as of a conversation.
    pub kind: String,
    /// Who opened them.
    pub opener: NodeName,
    /// Where they were opened.
    pub answerer: End,
    /// What the opener said, at its tap.
    pub asked: Busiest,
    /// What came back, at the answerer's tap.
    pub answered: Busiest,
}

/// The most that was said, in bytes of payload, as it was sent: what TCP sent again counts again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Busiest {
    /// Within one second of the clock.
    pub second_bytes: u64,
    /// First packet of that second.
    pub second_packet: u64,
    /// In one datagram; 0 where there are none.
    pub datagram_bytes: u64,
    /// That datagram.
    pub datagram_packet: u64,
}
