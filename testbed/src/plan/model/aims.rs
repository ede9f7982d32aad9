//! What is sent where, and opened where: packets of negatives, and signs of life.

use std::net::{IpAddr, Ipv4Addr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::{FlowId, LinkName, Mac, NodeName, SegmentName, Traffic, VlanId};

/// Frames sent into one link of a node, and the link at which they must not come out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crossing {
    /// The node.
    pub node: NodeName,
    /// The link that they are handed to, and its port of the fabric.
    pub enters: (LinkName, LinkName),
    /// The link that they must not leave by, and its port of the fabric.
    pub leaves: (LinkName, LinkName),
    /// That link's Ethernet address.
    pub leaves_mac: Mac,
    /// The neighbour that sends them.
    pub from: NodeName,
    /// By which of its links.
    pub link: LinkName,
    /// That link's port of the fabric.
    pub from_port: LinkName,
    /// That link's Ethernet address.
    pub from_mac: Mac,
    /// What is sent.
    pub frames: Vec<StrayFrame>,
}

/// A frame that a bridge would pass on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrayFrame {
    /// What it is, in a few words.
    pub what: String,
    /// The Ethernet address that it is for.
    pub dest: Mac,
    /// What is in it.
    pub carries: Carries,
    /// Whether it is put on the cable of the node's own link, with the neighbour's address in it: the switch between the two would
    /// keep it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_port: bool,
}

/// What is in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carries {
    /// An EtherType that nobody speaks.
    Unknown,
    /// A length instead of an EtherType (IEEE 802.2).
    Llc,
    /// This EtherType, and nothing that its protocol would say.
    Ether(u16),
    /// An EtherType that nobody speaks, behind a VLAN tag or two.
    Tagged {
        /// The first one.
        outer: Tag,
        /// The one behind it.
        inner: Option<Tag>,
    },
    /// A UDP datagram.
    Udp {
        /// From this address.
        source: IpAddr,
        /// To this address.
        dest: IpAddr,
    },
}

/// A VLAN tag (IEEE 802.1Q, clause 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// 0x8100 for a customer's, 0x88a8 for a provider's.
    pub ether_type: u16,
    /// Number of the VLAN, 0 to 4094; 0: of none, the tag is there for its priority alone.
    pub number: u16,
    /// Priority, 0 to 7.
    pub priority: u8,
}

impl Tag {
    /// EtherType of a customer's tag (IEEE 802.1Q, table 9-1).
    pub const CUSTOMER: u16 = 0x8100;
    /// EtherType of a provider's.
    pub const PROVIDER: u16 = 0x88a8;
}

/// Frames that a node sends into its own segment, and another segment where none of them may be seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// The node.
    pub from: NodeName,
    /// By which of its links, or of its trunks.
    pub link: LinkName,
    /// That link's port of the fabric, or that of a trunk's first link.
    pub from_port: LinkName,
    /// The links of the trunk, each by its VLAN and with its port of the fabric; empty for a link of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trunk: Vec<(VlanId, LinkName)>,
    /// That link's Ethernet address.
    pub from_mac: Mac,
    /// The segment that it is in; of a trunk, another one that it carries.
    pub segment: SegmentName,
    /// The ports of all others in it.
    pub neighbours: Vec<LinkName>,
    /// The other segment.
    pub to: SegmentName,
    /// All ports of that one, but the sender's own.
    pub taps: Vec<LinkName>,
    /// Those that are no VLAN of a trunk, where the controls are taken.
    pub judges: Vec<LinkName>,
    /// What is sent.
    pub frames: Vec<StrayFrame>,
}

impl Hop {
    /// The sender's port at whose tap a frame is seen: on a trunk that of the link whose tag comes first in it, or the first one.
    pub fn port_of(&self, frame: &StrayFrame) -> &LinkName {
        self.link_of(frame).unwrap_or(&self.from_port)
    }

    /// Whether a frame must get to a neighbour, as the segment is of any use only then: what has no tag, and on a trunk what
    /// has the other segment's alone.
    pub fn is_carried(&self, frame: &StrayFrame) -> bool {
        match &frame.carries {
            Carries::Unknown => self.trunk.is_empty(),
            Carries::Tagged { inner: None, outer } => {
                outer.ether_type == Tag::CUSTOMER
                    && frame.dest == Mac::BROADCAST
                    && self.link_of(frame).is_some()
            }
            _ => false,
        }
    }

    fn link_of(&self, frame: &StrayFrame) -> Option<&LinkName> {
        let Carries::Tagged { outer, .. } = &frame.carries else { return None };
        self.trunk.iter().find(|(vlan, _)| u16::from(*vlan) == outer.number).map(|(_, port)| port)
    }
}

/// The group to which a camera sends its frames, and a link at which a node joins it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// The camera.
    pub camera: NodeName,
    /// Its link's port of the fabric.
    pub camera_port: LinkName,
    /// That link's Ethernet address, and the address that it sends from.
    pub sends_from: (Mac, Ipv4Addr),
    /// Its group, and the first and the last port of what goes there.
    pub group: Ipv4Addr,
    /// See `group`.
    pub ports: (u16, u16),
    /// Who joins.
    pub from: NodeName,
    /// On which of its links.
    pub link: LinkName,
    /// That link's port of the fabric.
    pub from_port: LinkName,
    /// Its address on that link.
    pub address: Ipv4Addr,
}

/// What a neighbour at one leg of a node asks there: for the Ethernet address of who has an address, of one family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Questions {
    /// The node.
    pub node: NodeName,
    /// Its leg, and that one's port of the fabric.
    pub leg: (LinkName, LinkName),
    /// The leg's Ethernet address.
    pub leg_mac: Mac,
    /// The neighbour.
    pub from: NodeName,
    /// By which of its links.
    pub link: LinkName,
    /// That link's port of the fabric.
    pub from_port: LinkName,
    /// That link's Ethernet address.
    pub from_mac: Mac,
    /// The neighbour's own address there.
    pub source: IpAddr,
    /// The leg's own address, which must be answered for.
    pub own: IpAddr,
    /// Addresses of the node's other legs, which must not.
    pub others: Vec<(LinkName, IpAddr)>,
}

/// One question for an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// What it is asked for.
    pub what_for: Asked,
    /// The address.
    pub address: IpAddr,
    /// Whether the leg's own Ethernet address is asked, not everybody.
    pub directly: bool,
}

/// What a question is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// The leg's own address, right before: it lives, and its answer is seen.
    Before,
    /// The address of another leg.
    Attack,
    /// The leg's own address, right after.
    After,
    /// The address of another leg, in the open copy, where the node answers for all of its addresses on every leg.
    Path,
}

impl Questions {
    /// Every question, in the order in which they are asked.
    pub fn all(&self) -> Vec<Question> {
        let own = |what_for| vec![(what_for, self.own)];
        let others =
            |what_for| self.others.iter().map(|(_, address)| (what_for, *address)).collect::<Vec<_>>();
        let all = [own(Asked::Before), others(Asked::Attack), own(Asked::After), others(Asked::Path)];
        let both =
            |(what_for, address)| [false, true].map(|directly| Question { what_for, address, directly });
        all.into_iter().flatten().flat_map(both).collect()
    }
}

/// What a flow allows and no probe opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unopened {
    /// The flow.
    pub flow: FlowId,
    /// Who may open.
    pub from: NodeName,
    /// To whom.
    pub to: NodeName,
    /// What.
    #[schemars(with = "String")]
    pub traffic: Traffic,
    /// Why it is not opened.
    pub why: String,
}

/// A pair of nodes, or an address of one, between which a matrix says nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    /// Who would open.
    pub from: NodeName,
    /// To whom.
    pub to: NodeName,
    /// At which address; none: at all of them.
    pub address: Option<IpAddr>,
    /// Why nothing is said.
    pub why: String,
}

/// A conversation that is opened through the node's own kernel.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Open {
    /// The flow it stands for; none for a `reach` by ports.
    pub flow: Option<FlowId>,
    /// Who opens.
    pub from: NodeName,
    /// Who answers.
    pub to: NodeName,
    /// At which address.
    pub address: IpAddr,
    /// One port; `tcp/N`, `udp/53` (a DNS query), `udp/123` (an NTP query) or `icmp/8`.
    pub port: Traffic,
}

/// Packets for one address of one target, sent raw from one attacker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aim {
    /// Who attacks.
    pub from: NodeName,
    /// Through which of its links.
    pub link: LinkName,
    /// With which source address.
    pub source: IpAddr,
    /// Set where that is another node's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forged: Option<Forged>,
    /// Whom.
    pub to: NodeName,
    /// At which address.
    pub address: IpAddr,
    /// Set where that address is everybody's in the target's segment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub everybody: Option<Everybody>,
    /// To whose Ethernet address the frames go: the target's, the gateway's, the `via` node's, or everybody's.
    pub next_hop: Mac,
    /// The node that this Ethernet address belongs to.
    pub next_node: NodeName,
    /// The first device on the way that should stop it: a router, or the target itself.
    pub stops_at: NodeName,
    /// What is sent, single kinds or ranges.
    pub ports: Vec<Traffic>,
    /// Whether packets are sent besides that stand for whatever the loaded rules tell apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cells: Option<Cells>,
    /// Where arrival is judged.
    pub judge: Judge,
    /// Segment of the target's address, where the instrument control is sent.
    pub target_segment: SegmentName,
    /// The target's Ethernet address there, or everybody's.
    pub target_mac: Mac,
    /// Why the site's own routes do not lead there, if they do not: a missing route may not stand in for policy, so a
    /// packet that does not arrive then shows nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unrouted: Option<String>,
}

/// Everybody in a segment as whom an aim is at, or one of them whose address is none of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Everybody {
    /// The fabric's port of the target's link in that segment.
    pub port: LinkName,
    /// Where a tap judges: all ports of the segment but the attacker's and those of the device before it, the target's first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taps: Vec<LinkName>,
    /// At the target's link alone, by the address of IPv6 that it makes of its Ethernet address (RFC 4291, appendix A), whether or not it
    /// has one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alone: bool,
    /// What the device between would do to let it in; none where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<PassedOn>,
}

/// How a device lets in what is for everybody.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PassedOn {
    /// As a router that forwards directed broadcasts (RFC 2644).
    Forwarded {
        /// Those that come by this link.
        link: LinkName,
    },
    /// As a bridge or a relay: as it is.
    Carried {
        /// From this link.
        from: LinkName,
        /// To that one.
        to: LinkName,
    },
}

impl Aim {
    /// Whether everything is sent, less what flows allow: more than all ports of one transport.
    pub fn is_whole(&self) -> bool {
        self.ports.iter().map(Traffic::width).sum::<u64>() > 1 << 16
    }

    /// Whether odd packets are sent besides, behind everything else.
    pub fn sends_odd(&self) -> bool {
        self.cells.as_ref().is_some_and(|cells| cells.odd) || self.is_carried()
    }

    /// Whether it would have to be carried over as it is: then its list is sent with other hop limits, too.
    pub fn is_carried(&self) -> bool {
        let by = self.everybody.as_ref().and_then(|one| one.by.as_ref());
        matches!(by, Some(PassedOn::Carried { .. }))
    }

    /// Whether frames without IP are sent, to a neighbour whom a switch keeps apart.
    pub fn is_frames(&self) -> bool {
        self.ports.iter().any(|kind| matches!(kind, Traffic::Ether(..)))
    }
}

/// Cells of what the loaded rules tell apart, as an aim sends them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cells {
    /// What flows allow there, which is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<Traffic>,
    /// Silence shows nothing if there are too many for all of them to be sent.
    pub all: bool,
    /// Whether they are cut by what rules of switches tell apart as well: the packets cross a port of one that has some.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub switched: bool,
    /// Whether odd packets are sent to each port of the usual list besides: from ports of well-known services, with unusual flags,
    /// in pieces, with options, with routes of their own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub odd: bool,
    /// Whether one packet is sent for each cell, rather than its edges, one by chance and each unusual header.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub one_each: bool,
    /// Address of the first device on the way, of the target's family, by which odd packets have themselves routed; none to a neighbour, or
    /// where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waypoint: Option<IpAddr>,
    /// Whether a strict route leads to the target: whoever gets the frame is the target, or beside it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
}

/// Whose address an attacker uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forged {
    /// That node.
    pub node: NodeName,
    /// The Ethernet address that the frames come from: the attacker's own, or that node's.
    pub mac: Mac,
}

/// Where arrival is judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judge {
    /// At the tap of this port of the fabric, in the direction towards the target: across a forwarding device. Where the aim
    /// is at everybody, at any tap of the segment.
    Tap {
        /// The target's port.
        port: LinkName,
    },
    /// Behind the target's own input filter: its own addresses, or two nodes of one segment.
    BehindFilter {
        /// The target.
        node: NodeName,
    },
}
