//! What a rule may look at, and the kind of value that is found there.

/// The kind of a value: how it is written, and which words stand for numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "nft's data types, one each")]
pub enum Kind {
    Number,
    Address4,
    Address6,
    Mac,
    Interface,
    Protocol,
    IcmpType,
    IcmpCode,
    Icmp6Type,
    Icmp6Code,
    TcpFlags,
    CtState,
    CtStatus,
    CtDirection,
    NfProto,
    EtherType,
    PacketType,
    AddressType,
    Dscp,
}

impl Kind {
    /// By nft's name of a data type, as named sets have it.
    pub(super) fn of_type(name: &str) -> Option<Kind> {
        Some(match name {
            "ipv4_addr" => Kind::Address4,
            "ipv6_addr" => Kind::Address6,
            "ether_addr" => Kind::Mac,
            "ifname" | "iface_index" => Kind::Interface,
            "inet_proto" => Kind::Protocol,
            "icmp_type" => Kind::IcmpType,
            "icmp_code" => Kind::IcmpCode,
            "icmpv6_type" => Kind::Icmp6Type,
            "icmpv6_code" => Kind::Icmp6Code,
            "tcp_flag" => Kind::TcpFlags,
            "ct_state" => Kind::CtState,
            "ct_status" => Kind::CtStatus,
            "ct_dir" => Kind::CtDirection,
            "nf_proto" => Kind::NfProto,
            "ether_type" => Kind::EtherType,
            "pkt_type" => Kind::PacketType,
            "fib_addrtype" => Kind::AddressType,
            "dscp" => Kind::Dscp,
            "inet_service" | "mark" | "integer" => Kind::Number,
            _ => return None,
        })
    }
}

/// A field that a rule looks at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "nft's own words")]
pub enum Field {
    /// The link by which the packet came, by name or number.
    InLink,
    /// The link by which it will leave.
    OutLink,
    NfProto,
    EtherType,
    L4Protocol,
    Mark,
    PacketType,
    EtherSource,
    EtherDestination,
    Source4,
    Destination4,
    /// The header's own field; behind it stands no other header.
    Protocol4,
    Ttl,
    /// Flags and offset of an IPv4 fragment, 16 bits.
    Fragment4,
    Version4,
    HeaderLength4,
    Dscp4,
    Source6,
    Destination6,
    /// The first header behind the fixed one, extension headers included.
    NextHeader,
    HopLimit,
    Version6,
    Dscp6,
    /// Ports of the header of that protocol; 0 stands for whatever has ports at the usual place (`th`).
    SourcePort(u8),
    DestinationPort(u8),
    TcpFlags,
    IcmpType,
    IcmpCode,
    Icmp6Type,
    Icmp6Code,
    CtState,
    CtStatus,
    CtMark,
    CtDirection,
    /// What the routing tables say.
    Fib(Fib),
    /// Whether there is such an IPv4 option, by its number.
    Option4(u8),
    /// Whether there is such an IPv6 extension header, by its number.
    Extension6(u8),
    /// A field of that payload that is in the header of this protocol and not followed.
    Other(u8, String),
}

/// A question to the routing tables (nft(8), "fib expressions").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fib {
    /// Asked of the source; else of the destination.
    pub of_source: bool,
    /// Only what goes by the link by which the packet came.
    pub in_link: bool,
    /// Only what goes by the link by which it leaves.
    pub out_link: bool,
    /// What is asked.
    pub asks: FibAsks,
}

/// What is asked of the routing tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FibAsks {
    /// By which link one gets there.
    Link,
    /// What kind of address it is.
    AddressType,
}

impl Field {
    /// The kind of its values.
    pub fn kind(&self) -> Kind {
        match self {
            Field::InLink | Field::OutLink => Kind::Interface,
            Field::NfProto => Kind::NfProto,
            Field::EtherType => Kind::EtherType,
            Field::L4Protocol | Field::Protocol4 | Field::NextHeader => Kind::Protocol,
            Field::PacketType => Kind::PacketType,
            Field::EtherSource | Field::EtherDestination => Kind::Mac,
            Field::Source4 | Field::Destination4 => Kind::Address4,
            Field::Source6 | Field::Destination6 => Kind::Address6,
            Field::Dscp4 | Field::Dscp6 => Kind::Dscp,
            Field::TcpFlags => Kind::TcpFlags,
            Field::IcmpType => Kind::IcmpType,
            Field::IcmpCode => Kind::IcmpCode,
            Field::Icmp6Type => Kind::Icmp6Type,
            Field::Icmp6Code => Kind::Icmp6Code,
            Field::CtState => Kind::CtState,
            Field::CtStatus => Kind::CtStatus,
            Field::CtDirection => Kind::CtDirection,
            Field::Fib(Fib { asks: FibAsks::Link, .. }) => Kind::Interface,
            Field::Fib(Fib { asks: FibAsks::AddressType, .. }) => Kind::AddressType,
            _ => Kind::Number,
        }
    }
}
