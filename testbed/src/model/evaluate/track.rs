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

/// What the packet is taken for. `loose`: packets from the middle of a TCP connection begin one; none: not known.
pub(super) fn connection(packet: &Packet, loose: Option<bool>) -> Connection {
    let of = |state, mark| Connection::Of { state, mark };
    match packet.tracked {
        Tracked::Established => of(State::Established, None),
        Tracked::Related => of(State::Related, None),
        Tracked::Fresh => fresh(packet, loose),
    }
}

fn fresh(packet: &Packet, loose: Option<bool>) -> Connection {
    let new = Connection::Of { state: State::New, mark: Some(0) };
    let when = |yes: bool| if yes { new.clone() } else { Connection::Invalid };
    if let Fragment::Later { .. } = packet.fragment {
        return Connection::Invalid;
    }
    match packet.body {
        Body::Tcp { flags, .. } => match tcp(flags) {
            Tcp::Opens => new,
            Tcp::GoesOn => loose.map_or(Connection::NewOrInvalid, when),
            Tcp::Wrong => Connection::Invalid,
        },
        Body::Udp { .. } => new,
        // Questions have answers; nothing else opens a conversation.
        Body::Icmp { kind, .. } => when([8, 13, 15, 17].contains(&kind)),
        // Neighbour discovery and multicast listeners are left alone.
        Body::Icmp6 { kind: 130..=136 | 143, .. } => Connection::Untracked,
        Body::Icmp6 { kind, .. } => when([128, 139].contains(&kind)),
        // The other family's ICMP.
        Body::Other(ICMP | ICMP6) => Connection::Invalid,
        Body::Other(NOTHING) if packet.is_6() => Connection::Invalid,
        Body::Other(number) if OWN_TRACKERS.contains(&number) => Connection::NewOrInvalid,
        Body::Other(_) => new,
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
