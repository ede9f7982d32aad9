//! Where the cameras' own video was found in a capture, and whether it would have been found elsewhere.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::RtspFound;
use crate::names::{LinkName, NodeName};

/// Entries of where text of RTSP was found that are kept; what is found besides counts as let go.
pub const MOST_RTSP_FOUND: usize = 20_000;

/// What the search of a run's capture for its cameras' video came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaintSeen {
    /// Cameras whose video is known, byte for byte, and was searched for.
    pub cameras: Vec<NodeName>,
    /// Cameras whose video is not known, each with the reason.
    pub unknown: Vec<(NodeName, String)>,
    /// Every tap that was searched, in the order of the capture's interfaces.
    pub taps: Vec<TapSearched>,
    /// What was found: one entry per tap, direction, camera, and way it was written.
    pub found: Vec<TaintFound>,
    /// Where the cameras' passwords were found: one entry per tap, direction, camera, and way it was written.
    pub passwords: Vec<PasswordFound>,
    /// Where text of RTSP was found: one entry per tap, direction, ends, and way it was written; at most [`MOST_RTSP_FOUND`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rtsp: Vec<RtspFound>,
    /// How often more connections or packets in pieces were under way than are kept, so that they were begun anew.
    pub let_go: u64,
    /// TLS sessions whose secrets are in no key log, by the server's address: nobody knows what was said inside.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub closed: BTreeMap<IpAddr, u64>,
}

/// A tap that was searched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TapSearched {
    /// The port; its other end is a node's link.
    pub port: LinkName,
    /// Frames that were searched.
    pub frames: u64,
    /// How many of these are shorter in the capture than they were on the wire.
    pub cut: u64,
    /// The ways in which its canary was hidden and not found.
    pub missed: Vec<Way>,
    /// The same of a canary as short as a password.
    pub missed_words: Vec<Way>,
}

/// A camera's video at a tap, in one direction and written in one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaintFound {
    /// The port; its other end is a node's link.
    pub port: LinkName,
    /// True: it came from the node there. False: it was handed to it.
    pub from_node: bool,
    /// True: all of it are copies for another node, flooded by a switch that may have forgotten where that one is.
    pub flooded: bool,
    /// Whose video.
    pub camera: NodeName,
    /// How it was written.
    pub way: Way,
    /// At how many places.
    pub places: u64,
    /// How many bytes of the video; where it was sent twice it counts twice.
    pub bytes: u64,
    /// The first place.
    pub first: TaintPlace,
}

/// A camera's password at a tap, in one direction and written in one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordFound {
    /// The port; its other end is a node's link.
    pub port: LinkName,
    /// True: it came from the node there. False: it was handed to it.
    pub from_node: bool,
    /// Whose it is.
    pub camera: NodeName,
    /// How it was written.
    pub way: Way,
    /// At how many places.
    pub places: u64,
    /// The packet that it was first seen in.
    pub packet: u64,
    /// How far behind the beginning of what was searched.
    pub offset: u64,
}

/// A stretch of a camera's video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaintPlace {
    /// The packet that it begins in.
    pub packet: u64,
    /// How far behind the beginning of what was searched: of the frame, of the stream's first byte seen, or of the packet
    /// that was put together.
    pub offset: u64,
    /// Which picture of the camera's clip, from 0.
    pub picture: u16,
    /// From which byte of the picture's slice on.
    pub at: u32,
    /// How many bytes are the same; at least 32.
    pub length: u32,
}

/// How video lay in a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Way {
    /// In what.
    pub layer: Layer,
    /// As what.
    pub encoding: Encoding,
}

/// In what something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// A frame as it lies in the capture, of whatever protocol.
    Frame,
    /// The packet that an ICMP error quotes.
    Quote,
    /// One direction of a TCP connection, put in order.
    Stream,
    /// An IP packet, put together from its pieces.
    Pieces,
    /// What was said in a TLS 1.3 session whose secrets are known.
    Inside,
    /// The same in a TLS 1.2 session, which another reader opens.
    Inside12,
}

/// As what something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// As it is.
    Raw,
    /// As Base64 (RFC 4648), of either alphabet, in lines or not.
    Base64,
    /// As hexadecimal digits, in groups and lines or not.
    Hex,
}

impl Way {
    /// All of them, each of which every tap's canary is hidden in.
    pub fn all() -> impl Iterator<Item = Way> {
        let layers =
            [Layer::Frame, Layer::Quote, Layer::Stream, Layer::Pieces, Layer::Inside, Layer::Inside12];
        let encodings = [Encoding::Raw, Encoding::Base64, Encoding::Hex];
        layers.into_iter().flat_map(move |layer| encodings.map(|encoding| Way { layer, encoding }))
    }
}

impl fmt::Display for Way {
    /// As findings have it: `as Base64 in a TCP stream`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoding = match self.encoding {
            Encoding::Raw => "raw",
            Encoding::Base64 => "as Base64",
            Encoding::Hex => "as hexadecimal digits",
        };
        let layer = match self.layer {
            Layer::Frame => "in a frame",
            Layer::Quote => "quoted in an ICMP error",
            Layer::Stream => "in a TCP stream",
            Layer::Pieces => "in an IP packet that came in pieces",
            Layer::Inside => "inside a TLS session",
            Layer::Inside12 => "inside a TLS 1.2 session",
        };
        f.pad(&format!("{encoding} {layer}"))
    }
}
