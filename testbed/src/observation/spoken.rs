//! What nodes said of themselves, as the taps saw it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::names::{LinkName, Mac, NodeName};

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

/// What times to live (RFC 791) or hop limits (RFC 8200) have less where packets arrive than where they left: the least beside the
/// least, the greatest beside the greatest, and what lies in between beside one that left with as many more. The two are the same where
/// all packets lost as many. Below 0, somebody on the way has raised it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostHops {
    /// The smaller of the two.
    pub fewest: i16,
    /// The larger one.
    pub most: i16,
}

impl LostHops {
    /// All that lost as many.
    pub fn all(hops: i16) -> Self {
        Self { fewest: hops, most: hops }
    }

    /// Of these packets and of others.
    pub fn with(self, other: Self) -> Self {
        Self { fewest: self.fewest.min(other.fewest), most: self.most.max(other.most) }
    }
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
    /// Hops that packets from the opener, and those from the answerer, lost on their way to the other's link; none where none arrived, or
    /// none came from the link of whoever has the address, as behind a router that translates.
    #[serde(default)]
    pub lost_hops: [Option<LostHops>; 2],
    /// Ports of the fabric whose links sent frames of it, or were handed frames that were for them or for all of a group.
    pub ports: Vec<LinkName>,
    /// In a lab that stays: it was seen before this judgement began, and stands for all of its kind between its ends,
    /// whatever port they were opened from. It shows that something came about; it is no finding, and its packets are
    /// in no file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub earlier: bool,
}

/// A connection of TCP or UDP that a node with rules began to track, or tracked when it was first listened to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TrackedSeen {
    /// The node.
    pub node: NodeName,
    /// Kind: `tcp` or `udp`.
    pub kind: String,
    /// From whom to whom its first packet went, as that node has it: the original direction.
    pub original: [SocketAddr; 2],
    /// From whom to whom answers go; others than these where addresses are translated.
    pub reply: [SocketAddr; 2],
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
    /// The same in the letters of the question; none: no question of this answer was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_as: Option<String>,
    /// Its addresses; none: it has none of the kind that was asked for.
    pub addresses: Vec<IpAddr>,
    /// Who answered.
    pub from: Option<NodeName>,
    /// In a lab that stays: it was told before this judgement began, and its packet is in no file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub earlier: bool,
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
    /// What a server tells beside the address.
    #[serde(default, skip_serializing_if = "DhcpSays::is_nothing")]
    pub says: DhcpSays,
    /// In a lab that stays: it came before this judgement began, and its packet is in no file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub earlier: bool,
}

/// What a DHCP server tells a client beside its address (RFC 2132).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DhcpSays {
    /// Its routers (option 3).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routers: Vec<Ipv4Addr>,
    /// Who knows names (option 6).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<Ipv4Addr>,
    /// Who knows the time (option 42).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<Ipv4Addr>,
    /// Routes (options 33 and 121), such as `0.0.0.0/1 via 10.40.0.30`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<String>,
    /// Where the rules of a proxy are (option 252).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// For how long the address is the client's (option 51), seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease: Option<u32>,
}

impl DhcpSays {
    /// True if it tells nothing of all that.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// An address is offered (`DHCPOFFER`), as it leaves the link of whoever offers it: the first offer for each client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferSent {
    /// Who offers.
    pub node: NodeName,
    /// By which link.
    pub link: LinkName,
    /// Packet number at its tap; 0 in a lab that stays, if it came before this judgement began.
    pub packet: u64,
    /// When.
    pub at: u64,
    /// For whom, by its Ethernet address (`chaddr`).
    pub to: Mac,
    /// The address.
    pub gives: Ipv4Addr,
}

/// An ICMP redirect (RFC 792; RFC 4861, section 4.5), at the link that it leaves or comes to: the first of each kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedirectSeen {
    /// The node at whose link it is.
    pub node: NodeName,
    /// The link.
    pub link: LinkName,
    /// Whether it leaves there.
    pub leaves: bool,
    /// Packet number at that tap; 0 in a lab that stays, if it came before this judgement began.
    pub packet: u64,
    /// When.
    pub at: u64,
    /// In whose name it is told.
    pub says: IpAddr,
    /// Who is told.
    pub to: IpAddr,
    /// Whose packets are to go elsewhere.
    pub about: IpAddr,
}

/// A packet for somebody else came to the very link of a node that had told others of ways by ICMP redirects: the first of each kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedSeen {
    /// The node that it was led to.
    pub node: NodeName,
    /// Packet number at its tap.
    pub packet: u64,
    /// Out of whose link it came, by its Ethernet address.
    pub from: Option<NodeName>,
    /// The address that it was for.
    pub to: IpAddr,
}

/// A link that asks for an address of its choice was offered or given another one, which was told at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferFlagged {
    /// The node.
    pub node: NodeName,
    /// Its link.
    pub link: LinkName,
    /// What it was offered.
    pub gives: Ipv4Addr,
    /// By whom, where the site knows.
    pub from: Option<NodeName>,
    /// When the message came, nanoseconds since 1970.
    pub at: u64,
    /// When it was told.
    pub flagged_at: u64,
}

impl OfferFlagged {
    /// Whether it is of the same offer as this message.
    pub fn is_of(&self, message: &DhcpSeen) -> bool {
        (&self.node, &self.link, Some(self.gives), &self.from)
            == (&message.node, &message.link, message.gives, &message.from)
    }
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
