//! What can be seen of a run, as plain types: the effect rooms fill them, `verdict` reads them.
//!
//! Packet numbers are those of `capture.pcapng` (or `open-copy.pcapng` where said), counted from 1 as Wireshark does.
//! Times are nanoseconds since 1970-01-01 UTC.

mod explained;
mod load;
mod taint;
mod tls;

use std::net::{IpAddr, Ipv4Addr};

use fake_facts::Line;
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::{CheckName, Kinds, LinkName, Mac, NodeName, Traffic};
use crate::plan::fault::Fault;
use crate::plan::{Aim, Crossing, Open};

pub use explained::*;
pub use load::*;
pub use taint::*;
pub use tls::*;

/// Answers about names that are kept, each once: who is told more different ones learns nothing new.
pub const MOST_LOOKUPS: usize = 10_000;

/// All that was seen of one run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Observations {
    /// What the fakes said, in order of arrival.
    pub facts: Vec<NodeFact>,
    /// Conversations seen by the taps, in order of their first packet; probes are not among them.
    pub conversations: Vec<Conversation>,
    /// How much nodes said to one another at the worst of times.
    #[serde(default)]
    pub loads: Vec<LoadSeen>,
    /// Who was heard at which port, in order of their first frame; at most 10,000.
    #[serde(default)]
    pub stations: Vec<Station>,
    /// VLAN tags at each port, outermost ones; at most 10,000.
    #[serde(default)]
    pub tags: Vec<TagSeen>,
    /// Which frames something explains.
    #[serde(default)]
    pub explained: Explained,
    /// The state of each node: once all services run, and at the end.
    #[serde(default)]
    pub states: Vec<StateSeen>,
    /// The rules of each node right before a `matrix` was tried, or a negative that sends cells.
    #[serde(default)]
    pub rules: Vec<RulesSeen>,
    /// What became of every aim of every negative.
    pub aims: Vec<AimSeen>,
    /// What became of every frame of every `no_bridge`.
    #[serde(default)]
    pub crossings: Vec<CrossingSeen>,
    /// The routes that checks asked for, as each node's own routing has them.
    #[serde(default)]
    pub routes: Vec<RouteSeen>,
    /// Who listened at the nodes that checks ask it of, each time that it was looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listening: Vec<ListeningSeen>,
    /// What became of every conversation opened on purpose, for `reach` and as `alive` control.
    pub opens: Vec<OpenSeen>,
    /// How the taps did.
    pub taps: TapHealth,
    /// How the taps of the open copy did.
    pub open_taps: TapHealth,
    /// What the run's deadlines were multiplied with (`--patience`); 0 stands for 1.
    #[serde(default)]
    pub patience: u32,
    /// Where the cameras' video was found, if a check asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taint: Option<TaintSeen>,
    /// Features asked for that the kernel lacks, with the reason.
    pub missing: Vec<(String, String)>,
    /// Routers that were heard to advertise themselves: the first advertisement of each at each link.
    #[serde(default)]
    pub advertisements: Vec<Advertised>,
    /// DHCP messages at the links of those that asked, in order of time.
    #[serde(default)]
    pub dhcp: Vec<DhcpSeen>,
    /// Which of two ports that change places was used when, in order of time; at most 1,000 times.
    #[serde(default)]
    pub uses: Vec<PortUse>,
    /// Answers about names, in order of time; at most [`MOST_LOOKUPS`].
    #[serde(default)]
    pub lookups: Vec<LookupSeen>,
    /// TLS connections, in order of time.
    #[serde(default)]
    pub handshakes: Vec<HandshakeSeen>,
    /// Faults that were carried out, for checks or by hand, in order of time.
    #[serde(default)]
    pub faults: Vec<FaultSeen>,
    /// What each `after` did, and each check with `during`.
    #[serde(default)]
    pub changes: Vec<ChangeSeen>,
    /// When the checks had been carried out, and services were about to be asked to end.
    #[serde(default)]
    pub until: u64,
    /// Addresses of the nodes that ask for theirs: once all services run, and at the end.
    #[serde(default)]
    pub addresses: Vec<AddressesSeen>,
    /// Faults that were in force when this began, in the words of the command line.
    #[serde(default)]
    pub in_force: Vec<String>,
    /// Commands of the scenario that ended, with their exit status (128 + signal for a signal).
    pub commands: Vec<CommandEnd>,
    /// Of a run that is judged again from its folder: what the folder does not hold of it. Each leaves no pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
}

/// What a run folder does not hold of its run, in one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    /// It ends before its end; until there it is whole.
    End(String),
    /// Packets are missing in the midst of it: who spoke first, and what answered what, may look otherwise than it was.
    Hole(String),
}

/// One line of one fake.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeFact {
    /// Where the fake runs.
    pub node: NodeName,
    /// What it said.
    pub line: Line,
}

/// One end of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct End {
    /// The node that has this address, if any has.
    pub node: Option<NodeName>,
    /// The address.
    pub address: IpAddr,
    /// The port; 0 for protocols without ports.
    pub port: u16,
}

/// Packets between two ends, with one transport; or frames that are not IP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conversation {
    /// Kind: `tcp`, `udp`, `icmp`, `icmp6`, `arp`, `nd` (neighbour discovery and router solicitation), `igmp`, `mld`,
    /// `proto-N`, `ether-` and four hexadecimal digits.
    pub kind: String,
    /// Who sent the first packet, by the tap at the sender's own link.
    pub opener: End,
    /// The other end.
    pub answerer: End,
    /// First packet, at the opener's tap.
    pub first_packet: u64,
    /// When that was.
    pub first_at: u64,
    /// When the last packet was.
    pub last_at: u64,
    /// Packets from opener to answerer, counted at the opener's tap.
    pub packets_out: u64,
    /// Packets from answerer to opener, counted at the answerer's tap.
    pub packets_back: u64,
    /// Payload bytes (above TCP, UDP, ICMP header) from the opener, without retransmissions for TCP.
    pub payload_out: u64,
    /// Payload bytes from the answerer.
    pub payload_back: u64,
    /// RTP payload bytes from the opener (interleaved in RTSP, RFC 2326 section 10.12, or by UDP).
    pub media_out: u64,
    /// RTP payload bytes from the answerer.
    pub media_back: u64,
    /// A first SYN without ACK came from the answerer's side too (simultaneous open or a second opener).
    pub syn_back: bool,
    /// First packet that reached the answerer's link, if any.
    pub reached_packet: Option<u64>,
    /// First packet of the answerer that reached the opener's link, if any.
    pub answered_packet: Option<u64>,
    /// Ports of the fabric whose links sent frames of it, or were handed frames that were for them or for all of a group.
    pub ports: Vec<LinkName>,
    /// In a lab that stays: it was seen before this judgement began, and stands for all of its kind between its ends,
    /// whatever port they were opened from. It shows that something came about; it is no finding, and its packets are
    /// in no file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub earlier: bool,
}

/// An Ethernet address that sent frames into a port of the fabric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Station {
    /// The port; its other end is a node's link.
    pub port: LinkName,
    /// The address that the frames came from.
    pub mac: Mac,
    /// The first of them.
    pub first_packet: u64,
    /// How many; 0 in a lab that stays, if all of them came before this judgement began.
    pub frames: u64,
}

/// A fault that was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultSeen {
    /// Which.
    pub fault: Fault,
    /// Right before.
    pub at: u64,
    /// Right after.
    pub done_at: u64,
    /// What was done, or why it failed, in a line.
    pub done: String,
    /// Whether somebody asked for it by hand, and no check.
    pub by_hand: bool,
}

/// A fault that a check had carried out, and what mended it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeSeen {
    /// The check.
    pub check: CheckName,
    /// When the fault began.
    pub at: u64,
    /// When what mends it began.
    pub then_at: u64,
    /// When all was over.
    pub end_at: u64,
    /// Why one of the two was not carried out, if so.
    pub error: Option<String>,
}

/// A time in which one of two ports that change places (a link and its spare) was used: frames other than link upkeep
/// came out of it, and none out of the other one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortUse {
    /// The port; its other end is a node's link.
    pub port: LinkName,
    /// When the first of them came.
    pub first_at: u64,
    /// When the last of them came.
    pub last_at: u64,
    /// The first of them.
    pub first_packet: u64,
    /// How many.
    pub frames: u64,
}

/// Frames with one VLAN tag, or without any, at a port of the fabric, either way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagSeen {
    /// The port; its other end is a node's link.
    pub port: LinkName,
    /// Number of the outermost tag.
    pub tag: Option<u16>,
    /// The first of them.
    pub first_packet: u64,
    /// How many.
    pub frames: u64,
}

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

/// An answer about a name, as it reached whoever asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookupSeen {
    /// Who asked.
    pub node: NodeName,
    /// Packet number of the answer at its tap.
    pub packet: u64,
    /// When.
    pub at: u64,
    /// The name, in lower case and without a dot at its end.
    pub name: String,
    /// Its addresses; none: it has none of the kind that was asked for.
    pub addresses: Vec<IpAddr>,
    /// Who answered.
    pub from: Option<NodeName>,
    /// In a lab that stays: it was told before this judgement began, and its packet is in no file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub earlier: bool,
}

/// The rules of a node, as they were listed for a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesSeen {
    /// The check.
    pub check: CheckName,
    /// The node; where the rules are those of switches, one that is plugged into one of them.
    pub node: NodeName,
    /// Whether they are those of all switches, which are in one place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_switches: bool,
    /// What `nft -j list ruleset` printed there, without the testbed's own tables.
    pub listing: String,
}

/// A route, as a node's own routing has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteSeen {
    /// The node.
    pub node: NodeName,
    /// Where to.
    pub to: IpAddr,
    /// By which link; none: no route leads there.
    pub link: Option<LinkName>,
}

/// Who listens at a node at one moment, as its own kernel tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListeningSeen {
    /// For which check.
    pub check: CheckName,
    /// The node.
    pub node: NodeName,
    /// When, nanoseconds since 1970.
    pub at: u64,
    /// Who listens there, in order: sockets that take what anybody sends. Those at 127.0.0.0/8 and `::1` are left out.
    pub sockets: Vec<Listening>,
    /// Connections of TCP that stand there: something runs on the node.
    pub connections: u64,
    /// Whether sockets that were opened there for this moment were told, of TCP and of UDP.
    pub canaries: [bool; 2],
    /// Why it could not be looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A socket that takes what anybody sends to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Listening {
    /// A single port of TCP or UDP.
    pub port: Traffic,
    /// At which of the node's addresses; unspecified: at all of them.
    pub address: IpAddr,
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
}

/// How a lab's taps did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TapHealth {
    /// Frames captured.
    pub frames: u64,
    /// Frames that the kernel dropped for want of room; more than 0 makes every verdict of the run inconclusive.
    pub dropped: u64,
    /// Frames that were counted but not stored because the capture file was full.
    pub unstored: u64,
}

/// A command of the scenario that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandEnd {
    /// Where it ran.
    pub node: NodeName,
    /// Exit status; 128 + signal for a signal; none if it was still running when its time was over.
    pub status: Option<i32>,
    /// Its last lines.
    pub last_lines: Vec<String>,
}

/// A DHCP message (RFC 2131) at the link of the client that sent it or that it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DhcpSeen {
    /// The client.
    pub node: NodeName,
    /// Its link.
    pub link: LinkName,
    /// Packet number at its tap.
    pub packet: u64,
    /// When.
    pub at: u64,
    /// What it says.
    pub kind: DhcpKind,
    /// The address that is asked for (option 50).
    pub asks: Option<Ipv4Addr>,
    /// The address that is offered or given (`yiaddr`).
    pub gives: Option<Ipv4Addr>,
    /// The server that is named (option 54).
    pub server: Option<Ipv4Addr>,
    /// The node that a message of a server came from, by its Ethernet address.
    pub from: Option<NodeName>,
    /// In a lab that stays: it came before this judgement began, and its packet is in no file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub earlier: bool,
}

/// A router advertisement (RFC 4861) at the link that heard it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advertised {
    /// The node that heard it.
    pub node: NodeName,
    /// Its link.
    pub link: LinkName,
    /// Who sent it, by its Ethernet address.
    pub from: Option<NodeName>,
    /// That address.
    pub mac: Mac,
    /// Packet number at the hearer's tap.
    pub packet: u64,
}

/// Kinds of DHCP messages (RFC 2132, section 9.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words of the RFC")]
pub enum DhcpKind {
    Discover,
    Offer,
    Request,
    Ack,
    Nak,
    Decline,
    Release,
    /// Any other.
    Other,
}

/// The addresses that a node's links had at a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressesSeen {
    /// The node.
    pub node: NodeName,
    /// When.
    pub moment: Moment,
    /// Each with its link.
    pub addresses: Vec<(LinkName, IpNet)>,
}

/// When something was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// Before anything runs.
    Built,
    /// Once all services run.
    Begun,
    /// When all else is done, before services are stopped.
    End,
}
