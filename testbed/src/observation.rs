//! What can be seen of a run, as plain types: the effect rooms fill them, `verdict` reads them.
//!
//! Packet numbers are those of `capture.pcapng` (or `open-copy.pcapng` where said), counted from 1 as Wireshark does.
//! Times are nanoseconds since 1970-01-01 UTC.

mod explained;
mod load;
mod looked_at;
mod probed;
mod rtsp;
mod spoken;
mod taint;
mod tls;

use fake_facts::Line;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::{CheckName, NodeName};
use crate::plan::fault::Fault;

pub use explained::*;
pub use load::*;
pub use looked_at::*;
pub use probed::*;
pub use rtsp::*;
pub use spoken::*;
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
    /// What nodes with rules tracked, each once, in an order of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tracked: Vec<TrackedSeen>,
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
    /// What became of every frame of every `no_hop`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hops: Vec<HopSeen>,
    /// What came of every group that a `no_stream` joined.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joins: Vec<JoinSeen>,
    /// What became of every question of every `own_leg`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<AskedSeen>,
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
    /// Addresses that were offered, as that left whoever offered them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<OfferSent>,
    /// ICMP redirects, as they left and came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redirects: Vec<RedirectSeen>,
    /// Packets for others at whoever had sent such.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub led: Vec<LedSeen>,
    /// Offers of something else than what was chosen, as they were told while the run went on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flagged: Vec<OfferFlagged>,
    /// Which of two ports that change places was used when, in order of time; at most 1,000 times.
    #[serde(default)]
    pub uses: Vec<PortUse>,
    /// Answers about names, in order of time; at most [`MOST_LOOKUPS`].
    #[serde(default)]
    pub lookups: Vec<LookupSeen>,
    /// TLS connections, in order of time.
    #[serde(default)]
    pub handshakes: Vec<HandshakeSeen>,
    /// RTSP connections, in order of time.
    #[serde(default)]
    pub rtsp: Vec<RtspSeen>,
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
    /// Nodes whose rules, routes or settings it may have changed since they were among what it mended, by name; which these
    /// are, a fault that mends all does not say itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mended: Vec<NodeName>,
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
    /// What else was seen of it.
    #[serde(default)]
    pub done: Done,
}

/// How a fault was carried out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// How often it was carried out again after the first time, so that all was sent while it was.
    pub again: u32,
    /// What a rule file that was to be refused has changed, in words; none if it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<String>,
    /// Where tables of connections were filled: how many packets they had no room for, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_room: Option<u64>,
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
