//! What two ends of an RTSP connection say (RFC 2326), and where text of RTSP was found in a capture.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{End, Way};
use crate::names::LinkName;

/// Messages of one connection that are kept, of both ends together; those after them are counted.
pub const MOST_RTSP_MESSAGES: usize = 4096;

/// An RTSP connection, as it passed the tap of whoever opened it, from its first SYN on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RtspSeen {
    /// Who opened it.
    pub opener: End,
    /// The other end.
    pub answerer: End,
    /// Packet of the connection's first SYN.
    pub packet: u64,
    /// When that was.
    pub at: u64,
    /// What the two said, in the order in which it passed; at most [`MOST_RTSP_MESSAGES`].
    pub messages: Vec<RtspMessage>,
    /// How many more there were.
    pub left_out: u64,
    /// The packet from which on it could not be followed, if so, and why: nothing behind it is among the messages.
    pub lost: Option<(u64, String)>,
    /// In a lab that stays: it began before this judgement.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub earlier: bool,
    /// In a lab that stays: it was closed before this judgement; only its last packets may have been under way.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub over: bool,
}

/// A message: a question or an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RtspMessage {
    /// True: by the one who opened the connection.
    pub by_opener: bool,
    /// The packet with which it was whole.
    pub packet: u64,
    /// What its first line says.
    pub line: RtspLine,
    /// The version that it names, such as `1.0`.
    pub version: String,
    /// Those of its headers that say whom and what it is about ([`KEPT_RTSP_HEADERS`]), by their names in small letters.
    pub headers: BTreeMap<String, String>,
    /// Of a description of streams (SDP, RFC 8866): what it has in front of its streams, and each of these.
    pub described: Vec<RtspDescribed>,
    /// In a lab that stays: it was said before this judgement.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub earlier: bool,
}

/// Headers of RTSP that are kept (RFC 2326, section 12), in small letters.
pub const KEPT_RTSP_HEADERS: [&str; 9] = [
    "cseq",
    "session",
    "transport",
    "require",
    "proxy-require",
    "content-base",
    "content-location",
    "location",
    "rtp-info",
];

/// The first line of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RtspLine {
    /// A question.
    Asks {
        /// What is to be done, such as `SETUP`.
        method: String,
        /// With what: a URL, or `*`.
        url: String,
    },
    /// An answer, with its status, such as 200.
    Answers(u16),
}

/// A part of a description.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RtspDescribed {
    /// Where it is set up or played (`a=control:`, RFC 2326, section C.1.1).
    pub control: Option<String>,
    /// Whoever sets it up sends (`a=sendonly`): the back channel of ONVIF's streaming specification.
    pub sendonly: bool,
}

/// Text of RTSP at a tap: the name of its version, which ends or begins the first line of each message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RtspFound {
    /// The port; its other end is a node's link.
    pub port: LinkName,
    /// True: it came from the node there. False: it was handed to it.
    pub from_node: bool,
    /// A copy that a switch flooded, which may have forgotten where the node is that it is for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flooded: bool,
    /// How it was written.
    pub way: Way,
    /// From where to where; none where no ports are known: in TLS, in packets that came in pieces, in what is not IP.
    pub ends: Option<RtspEnds>,
    /// At how many places.
    pub places: u64,
    /// The packet that it was first seen in.
    pub packet: u64,
}

/// Who says something to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RtspEnds {
    /// True: by TCP. False: by UDP.
    pub tcp: bool,
    /// From there
    pub source: SocketAddr,
    /// to there.
    pub dest: SocketAddr,
}
