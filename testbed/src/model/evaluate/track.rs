//! What connection tracking makes of a packet that it sees for the first time.
//!
//! Sources: the kernel's `nf_conntrack_proto_tcp.c` (tables `tcp_valid_flags` and `tcp_conntracks`),
//! `nf_conntrack_proto_icmp.c`, `nf_conntrack_proto_icmpv6.c`, `nf_conntrack_core.c`.

use super::super::packet::{Body, Fragment, ICMP, ICMP6, NOTHING, Packet, Tracked};
use super::traveller::{Connection, State};

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;
const URG: u8 = 32;

/// Protocols whose first packet may be refused by what it carries, or by what the kernel was built with.
const OWN_TRACKERS: [u8; 4] = [33, 47, 132, 136];

/// What the packet is taken for; the second, where it may also be taken for that. `loose`: packets from the middle of a
/// TCP connection begin one; none: not known.
pub(super) fn connection(packet: &Packet, loose: Option<bool>) -> (Connection, Option<Connection>) {
    let of = |state, mark| (Connection::Of { state, mark }, None);
    match packet.tracked {
        Tracked::Established => of(State::Established, None),
        Tracked::Related => of(State::Related, None),
        Tracked::Fresh => fresh(packet, loose),
    }
}

fn fresh(packet: &Packet, loose: Option<bool>) -> (Connection, Option<Connection>) {
    let new = || Connection::Of { state: State::New, mark: Some(0) };
    let when = |yes: bool| if yes { new() } else { Connection::Invalid };
    let either = || (new(), Some(Connection::Invalid));
    if let Fragment::Later { .. } = packet.fragment {
        return (Connection::Invalid, None);
    }
    let known = match packet.body {
        Body::Tcp { flags, .. } => match tcp(flags) {
            Tcp::Opens => new(),
            Tcp::GoesOn => match loose {
                Some(loose) => when(loose),
                None => return either(),
            },
            Tcp::Wrong => Connection::Invalid,
        },
        Body::Udp { .. } => new(),
        // Questions have answers; nothing else opens a conversation.
        Body::Icmp { kind, .. } => when([8, 13, 15, 17].contains(&kind)),
        // Neighbour discovery and multicast listeners are left alone.
        Body::Icmp6 { kind: 130..=136 | 143, .. } => Connection::Untracked,
        Body::Icmp6 { kind, .. } => when([128, 139].contains(&kind)),
        // The other family's ICMP.
        Body::Other(ICMP | ICMP6) => Connection::Invalid,
        Body::Other(NOTHING) if packet.is_6() => Connection::Invalid,
        Body::Other(number) if OWN_TRACKERS.contains(&number) => return either(),
        Body::Other(_) => new(),
    };
    (known, None)
}

/// Types of ICMP, and of ICMPv6, that are not treated like those beside them.
pub(in crate::model) const ICMP_CLASSES: &[u8] = &[8, 13, 15, 17];
pub(in crate::model) const ICMP6_CLASSES: &[u8] = &[128, 130, 131, 132, 133, 134, 135, 136, 139, 143];
/// Protocols that are not treated like those beside them: those with ports, types or trackers of their own, and those that
/// IPv6 has for extension headers.
pub(in crate::model) const PROTOCOL_CLASSES: &[u8] = &[0, 1, 6, 17, 33, 43, 44, 47, 51, 58, 59, 60, 132, 136];

/// A number for what the flags of a TCP packet are taken for.
pub(in crate::model) fn tcp_class(flags: u8) -> u8 {
    match tcp(flags) {
        Tcp::Opens => 0,
        Tcp::GoesOn => 1,
        Tcp::Wrong => 2,
    }
}

enum Tcp {
    Opens,
    GoesOn,
    Wrong,
}

fn tcp(flags: u8) -> Tcp {
    match flags & (FIN | SYN | RST | ACK | URG) {
        SYN => Tcp::Opens,
        both if both == SYN | URG => Tcp::Opens,
        ACK => Tcp::GoesOn,
        both if both == ACK | URG => Tcp::GoesOn,
        _ => Tcp::Wrong,
    }
}
