//! Why nothing explains a frame.

use std::fmt;

use crate::names::{FlowId, NodeName};

/// Why nothing explains a frame.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Why {
    /// No link of the segment has its Ethernet address.
    Stranger,
    /// It comes out of a link under an Ethernet address of another node.
    Disguised,
    /// It carries another tag than the segment's.
    Tag(Option<u16>),
    /// Its source address is another node's, and its sender passes nothing on.
    Forged(NodeName),
    /// Nobody has its source address.
    Nobodys,
    /// No flow lets its sender open that.
    NotAllowed,
    /// It answers nothing that was asked.
    Unasked,
    /// It begins in the middle of a connection.
    Midway,
    /// It was not seen where it should have come from.
    Unsent,
    /// The node that answers a flow opens a connection of its own in its place.
    WrongOpener,
    /// Its conversation has ended.
    Over,
    /// It is on no way of its flow.
    Elsewhere(FlowId),
    /// The ICMP error quotes nothing that was explained, or is of a kind that none needs.
    QuotesNothing,
    /// It is upkeep of somebody else's address.
    NotItsOwn,
    /// It is upkeep that speaks of an address or group that nobody here has.
    Undeclared,
    /// No router is to be asked for here, or advertised.
    NoRouter,
    /// It is larger, or from further away, than upkeep is.
    Misshapen,
    /// A router may pass it on, and it is for its segment only.
    MayLeave,
    /// There is more of it than upkeep needs.
    TooMuch,
    /// It has the way of a probe, and is not the probe any more.
    Altered,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Stranger => f.write_str("from an Ethernet address that nobody here has"),
            Why::Disguised => f.write_str("under the Ethernet address of another node"),
            Why::Tag(Some(tag)) => write!(f, "with VLAN tag {tag}, which is not the segment's"),
            Why::Tag(None) => f.write_str("with a VLAN tag, which the segment has not"),
            Why::Forged(node) => write!(f, "with an address of {node}"),
            Why::Nobodys => f.write_str("with an address that nobody has"),
            Why::NotAllowed => f.write_str("no flow allows that"),
            Why::Unasked => f.write_str("it answers nothing that was asked"),
            Why::Midway => f.write_str("no connection is open that it could belong to"),
            Why::Unsent => f.write_str("its sender's own link had not sent it"),
            Why::WrongOpener => f.write_str("only the other end may open that"),
            Why::Over => f.write_str("its conversation had ended"),
            Why::Elsewhere(flow) => write!(f, "{flow} allows it, but not here"),
            Why::QuotesNothing => f.write_str("it is about no packet that was explained"),
            Why::NotItsOwn => f.write_str("it speaks for an address that is not its sender's"),
            Why::Undeclared => f.write_str("nobody here has what it asks for"),
            Why::NoRouter => f.write_str("no router is to advertise itself here"),
            Why::Misshapen => f.write_str("upkeep of a link looks otherwise"),
            Why::MayLeave => f.write_str("its time to live lets a router pass it on"),
            Why::TooMuch => f.write_str("more of it than upkeep of a link needs"),
            Why::Altered => f.write_str("it goes the way of a probe, and is not the probe"),
        }
    }
}
