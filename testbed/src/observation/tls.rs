//! What two ends of a TLS connection say before they encrypt.

use serde::{Deserialize, Serialize};

use super::End;

/// A TLS connection, as it passed the tap of whoever opened it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandshakeSeen {
    /// Who opened it.
    pub opener: End,
    /// The other end.
    pub answerer: End,
    /// Packet of the connection's first SYN.
    pub packet: u64,
    /// When that was.
    pub at: u64,
    /// What the opener's hello offers.
    pub offered: Offered,
    /// What the answerer's hello takes of it; none if it said no hello.
    pub agreed: Option<Agreed>,
    /// The first alert of each end, by its number, if it was said in the clear (RFC 8446, section 6).
    pub alerts: [Option<u8>; 2],
    /// The opener went over to the keys that were agreed on: it takes the answerer for the right one (TLS 1.2 and before).
    pub keyed: bool,
    /// Bytes of encrypted data that each end said.
    pub said: [u64; 2],
    /// In a lab that stays: it began before this judgement, and its packets are in no file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub earlier: bool,
}

/// What a client's hello offers. Versions and suites are their numbers on the wire, such as 0x0303 for TLS 1.2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offered {
    /// All versions that it lists; where it lists none, the highest that it knows.
    pub versions: Vec<u16>,
    /// Cipher suites, in its order.
    pub suites: Vec<u16>,
    /// The server's name, as it is asked for.
    pub name: Option<String>,
    /// Application protocols (ALPN), in its order.
    pub protocols: Vec<String>,
}

/// What a server's hello takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreed {
    /// The version.
    pub version: u16,
    /// The cipher suite.
    pub suite: u16,
}
