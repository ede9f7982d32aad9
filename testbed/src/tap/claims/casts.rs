//! Frames that a camera sends to a group, where a flow lets somebody beside it hear them.
//!
//! They are nobody's conversation: whoever listens says nothing to the group, but has asked the camera for them, and keeps
//! saying to the camera that it listens. A bridge repeats them at all ports of their
//! segment, whoever joined, so that copies are explained at each of them, and in no other segment.

use std::net::IpAddr;

use super::super::frame::Packet;
use super::super::tell::{Kind, Told};
use super::allowed::{Allowed, Index, Plugged};
use super::why::Why;

/// Time to live of what stays in its segment, as cameras of ours send it.
const IN_THE_SEGMENT: u8 = 1;

/// The flows that explain a packet; none if it goes to no group of a camera's. `asked` says who has a session with the camera.
pub(super) fn take(
    allowed: &Allowed,
    (packet, told): (&Packet<'_>, &Told<'_>),
    sender: &Plugged,
    asked: impl Fn(Index) -> bool,
) -> Option<Result<Vec<Index>, Why>> {
    let IpAddr::V4(group) = packet.dest else { return None };
    if told.kind != Kind::Udp || !group.is_multicast() || !allowed.is_cast(group) {
        return None;
    }
    let mut casts = allowed.casts(sender.node, sender.segment, (group, told.dest.port)).peekable();
    if casts.peek().is_none() {
        return Some(Err(Why::NotAllowed));
    }
    let mut flows: Vec<Index> =
        casts.filter(|(listener, _)| asked(*listener)).map(|(_, flow)| flow).collect();
    flows.dedup();
    Some(match () {
        () if !sender.addresses.contains(&packet.source) => Err(Why::NotItsOwn),
        () if packet.hops != IN_THE_SEGMENT => Err(Why::MayLeave),
        () if flows.is_empty() => Err(Why::Unasked),
        () => Ok(flows),
    })
}
