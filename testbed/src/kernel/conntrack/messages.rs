//! Messages of ctnetlink: asking for all connections, and what comes of a datagram.

use std::io;

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_netfilter::conntrack::{ConntrackAttribute, ConntrackMessage};
use netlink_packet_netfilter::{
    NetfilterHeader, NetfilterMessage, NetfilterMessageInner, NetfilterProtoFamily,
};

/// `NLM_F_CREATE` (netlink(7)): of the messages about a connection, the first one has it.
const CREATE: u16 = 0x400;

/// What a datagram says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A connection is there.
    New(Vec<ConntrackAttribute>),
    /// It changed, or is one of those that were asked for.
    Is(Vec<ConntrackAttribute>),
    /// It is over.
    Over(Vec<ConntrackAttribute>),
    /// No more connections were asked for.
    Done,
    /// The kernel's answer, a negative errno.
    Refused(i32),
}

/// Asks for all connections of either family.
pub(super) fn ask_for_all() -> Vec<u8> {
    let header = NetfilterHeader::new(NetfilterProtoFamily::Unspec, 0, 0);
    let asked = NetfilterMessage::new(header, ConntrackMessage::Get(Vec::new()));
    let mut envelope = NetlinkHeader::default();
    envelope.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let mut message = NetlinkMessage::new(envelope, NetlinkPayload::from(asked));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

/// Everything in a datagram, each message padded to four bytes (netlink(7), `NLMSG_ALIGN`).
pub(super) fn read(mut bytes: &[u8]) -> io::Result<Vec<Said>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let message = NetlinkMessage::<NetfilterMessage>::deserialize(bytes)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
        let length = (message.header.length as usize).next_multiple_of(4).max(4);
        bytes = bytes.get(length..).unwrap_or_default();
        found.extend(said(message));
    }
    Ok(found)
}

fn said(message: NetlinkMessage<NetfilterMessage>) -> Option<Said> {
    let first = message.header.flags & CREATE != 0;
    match message.payload {
        NetlinkPayload::Done(_) => Some(Said::Done),
        NetlinkPayload::Error(answer) => Some(Said::Refused(answer.raw_code())),
        NetlinkPayload::InnerMessage(NetfilterMessage {
            inner: NetfilterMessageInner::Conntrack(about),
            ..
        }) => match about {
            ConntrackMessage::New(attributes) if first => Some(Said::New(attributes)),
            ConntrackMessage::New(attributes) => Some(Said::Is(attributes)),
            ConntrackMessage::Delete(attributes) => Some(Said::Over(attributes)),
            _ => None,
        },
        _ => None,
    }
}
