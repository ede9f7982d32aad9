//! What became of what was sent and opened on purpose.

use serde::{Deserialize, Serialize};

use crate::names::{CheckName, Kinds, LinkName, NodeName, Traffic};
use crate::plan::{Aim, Crossing, Hop, Join, Open, Questions};

/// What became of one aim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AimSeen {
    /// The check it belongs to.
    pub check: CheckName,
    /// What was sent to whom.
    pub aim: Aim,
    /// Per kind of traffic (ranges as in the aim, then packets of cells), what became of it.
    pub kinds: Vec<KindSeen>,
    /// What stood for cells of the loaded rules, if the aim asks for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cells: Option<CellsSeen>,
    /// When the first packet was sent.
    pub started_at: u64,
    /// When the last packet was sent.
    pub ended_at: u64,
    /// When it was sent, from one sign of life to the next; none: all at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slices: Vec<(u64, u64)>,
    /// Errors of sending, if any; then packets are missing.
    pub errors: Vec<String>,
    /// Signs of life of the instrument behind the filter, in the main lab, during the run; none for a tap.
    pub filter_instrument_alive: Option<bool>,
    /// The way of the first packet that arrived, sent again, through the rules; empty if none arrived.
    pub trace: Vec<TraceStep>,
}

/// What was sent for cells: packets that the loaded rules tell apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CellsSeen {
    /// They were sent.
    Sent {
        /// How many cells.
        cells: u64,
        /// How many packets stand for them.
        packets: u64,
        /// What is told apart and too much for every combination to be sent, a sentence each.
        too_many: Vec<String>,
    },
    /// It is not known what the rules tell apart; in words why.
    Unknown(String),
}

/// What became of the packets of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KindSeen {
    /// The kinds, as in the aim, or those of cells.
    pub kinds: Kinds,
    /// Packets planned.
    pub planned: u64,
    /// Packets seen at the attacker's own tap.
    pub entered: u64,
    /// First of those.
    pub entered_packet: Option<u64>,
    /// Single kinds that arrived where the aim judges, with the packet number there (0: seen behind the filter only).
    pub arrived: Vec<Arrival>,
    /// Packets that did not arrive where the aim judges, or not whole, but did not stop either.
    #[serde(default)]
    pub strays: Vec<Stray>,
    /// Instrument control: sent on the target's segment, and seen by the instrument.
    pub instrument: Control,
    /// Path control: sent in the open copy, and arrived there.
    pub path: Control,
}

/// What became of the frames sent into one link of a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CrossingSeen {
    /// The check it belongs to.
    pub check: CheckName,
    /// What was sent where.
    pub crossing: Crossing,
    /// What became of each frame, in the crossing's order.
    pub frames: Vec<FrameSeen>,
    /// When the first frame was sent.
    pub started_at: u64,
    /// When the last one was.
    pub ended_at: u64,
    /// Errors of sending, if any.
    pub errors: Vec<String>,
}

/// What became of one frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameSeen {
    /// What it is.
    pub what: String,
    /// Packet number at its sender's tap.
    pub sent_packet: Option<u64>,
    /// Packet number where it was handed to the node.
    pub entered_packet: Option<u64>,
    /// Packet number where it came out of the node's other link.
    pub left_packet: Option<u64>,
    /// Instrument control: sent out of that link by the node's own hand, and seen there.
    pub instrument: Control,
    /// Path control: came out in the open copy, where the links are joined.
    pub path: Control,
}

/// What became of the frames that a node sent into its segment, towards another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HopSeen {
    /// The check it belongs to.
    pub check: CheckName,
    /// What was sent where.
    pub hop: Hop,
    /// What became of each frame, in the hop's order.
    pub frames: Vec<HoppedSeen>,
    /// When the first frame was sent.
    pub started_at: u64,
    /// When the last one was.
    pub ended_at: u64,
    /// Errors of sending, if any.
    pub errors: Vec<String>,
}

/// What became of one of these frames.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoppedSeen {
    /// What it is.
    pub what: String,
    /// Packet number at its sender's tap.
    pub sent_packet: Option<u64>,
    /// Packet number where it was handed to a neighbour in the sender's own segment.
    pub carried_packet: Option<u64>,
    /// Ports of the other segment where it was seen, with the packet number there.
    pub came_out: Vec<(LinkName, u64)>,
    /// Instrument control: put on the cable of each tap that judges, and seen there.
    pub instrument: Control,
    /// Path control: came out in the open copy, where the segments are joined.
    pub path: Control,
}

/// What came of a camera's group that a node joined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinSeen {
    /// The check it belongs to.
    pub check: CheckName,
    /// Who joined what, and where.
    pub join: Join,
    /// When it was joined.
    pub started_at: u64,
    /// When it was left.
    pub ended_at: u64,
    /// Packet in which the node's kernel said that it joined; none: it said nothing.
    pub report_packet: Option<u64>,
    /// Datagrams of the camera's that the kernel handed out.
    pub heard: u64,
    /// When it handed out the first and the last.
    pub heard_at: Option<(u64, u64)>,
    /// First packet to the group, where it was sent, of those that were seen at the link's tap; none: none was.
    pub cast_packet: Option<u64>,
    /// Instrument control: a datagram to the group on the cable of that link, seen at its tap.
    pub instrument: Control,
    /// Path control: sent by the camera in the open copy, where both ports are joined, and seen at that tap there.
    pub path: Control,
    /// Errors of joining and sending, if any.
    pub errors: Vec<String>,
}

/// What became of the questions that a neighbour puts to one leg of a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AskedSeen {
    /// The check it belongs to.
    pub check: CheckName,
    /// Who asks whom, and for what.
    pub questions: Questions,
    /// What became of each question, in the order of [`Questions::all`].
    pub seen: Vec<QuestionSeen>,
    /// When the first one that must not be answered was asked.
    pub started_at: u64,
    /// When the last one had come to the leg.
    pub ended_at: u64,
    /// Errors of asking, if any.
    pub errors: Vec<String>,
}

/// What became of one question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuestionSeen {
    /// Packet number at its sender's tap.
    pub sent_packet: Option<u64>,
    /// Packet number where it was handed to the leg.
    pub entered_packet: Option<u64>,
    /// The first answer.
    pub answered: Option<Answered>,
}

/// An answer to a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// Port of the fabric of who gave it.
    pub port: LinkName,
    /// Packet number there.
    pub packet: u64,
    /// When, nanoseconds since 1970-01-01 UTC.
    pub at: u64,
}

/// A packet that arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// Its kind, with a single port.
    pub traffic: Traffic,
    /// Packet number at the attacker's tap.
    pub entered_packet: Option<u64>,
    /// Packet number at the target's tap, if it was seen there.
    pub packet: Option<u64>,
    /// When it entered, at the attacker's tap; 0 if it was not seen there.
    #[serde(default)]
    pub at: u64,
}

/// A packet that did not stop: it went elsewhere, was altered, or was answered. Each makes a negative fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stray {
    /// What became of it.
    pub kind: StrayKind,
    /// Its kind, with a single port.
    pub traffic: Traffic,
    /// Packet number at the attacker's tap.
    pub entered_packet: Option<u64>,
    /// Number of the packet that shows it: at the other node's tap, at the first tap that saw it altered, or of the
    /// answer at the tap of whoever sent it.
    pub packet: Option<u64>,
    /// When it entered, at the attacker's tap; 0 if it was not seen there.
    #[serde(default)]
    pub at: u64,
}

/// What became of a packet that did not stop.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StrayKind {
    /// It was handed, whole and addressed to that node's own link, to a node that is neither the target nor forwards.
    DeliveredElsewhere {
        /// That node.
        node: NodeName,
    },
    /// A packet with its addresses and ports, in its direction, was handed over that no longer reads as it.
    Altered,
    /// An answer that is no refusal was sent back: whatever is answered has reached someone.
    Answered,
}

/// Counts of a control.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// Packets sent.
    pub sent: u64,
    /// Packets seen by the instrument.
    pub seen: u64,
}

/// One step of a packet through the rules of a node, from nft's trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceStep {
    /// Where.
    pub node: NodeName,
    /// Family, table and chain, for example `inet site through`.
    pub chain: String,
    /// The rule's text, or `policy`.
    pub rule: String,
    /// `accept`, `drop`, `continue`, …
    pub verdict: String,
}

/// What became of one conversation opened on purpose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenSeen {
    /// The check it was opened for.
    pub check: CheckName,
    /// What was opened.
    pub open: Open,
    /// When it was begun.
    pub at: u64,
    /// How long the answer took, microseconds; none: no answer within the deadline.
    pub answered_after_us: Option<u64>,
    /// The local port that was used, to find it in the capture; 0 where there is none.
    pub local_port: u16,
    /// First packet at the opener's tap, and first answer at the opener's tap, if seen there.
    pub packets: (Option<u64>, Option<u64>),
    /// The error, if any, in the system's words.
    pub error: Option<String>,
    /// Whether a connection stood, where a stream was asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub connected: bool,
    /// With which statuses of RTSP (RFC 2326, section 7.1.1) it was answered, where a stream was asked for: the last one of `DESCRIBE`,
    /// and that of `SETUP` behind it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statuses: Vec<u16>,
}
