//! What a rule finds in a field of a packet.

use std::net::IpAddr;

use super::super::packet::{Body, FRAGMENT, Fragment, ICMP, ICMP6, NOTHING, Packet, TCP, UDP};
use super::super::ruleset::{Field, bits_of_mac};
use super::Surroundings;
use super::traveller::{Connection, Traveller};
use crate::names::Mac;

/// What is found in a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// A number; an address is one, too.
    Number(u128),
    /// An interface's name.
    Name(String),
    /// There is no such field: the rule does not match, however it compares.
    Absent,
    /// Something that is not known.
    Unsure(String),
}

impl Look {
    fn when(there: bool, value: impl Into<u128>) -> Look {
        if there { Look::Number(value.into()) } else { Look::Absent }
    }
}

fn unsure(text: &str) -> Look {
    Look::Unsure(text.to_owned())
}

/// Looks at a field.
pub(super) fn look(field: &Field, on: &Traveller, around: &Surroundings<'_>) -> Look {
    if on.rewritten.contains(field) {
        return unsure("it was rewritten by a rule");
    }
    match field {
        Field::InLink => Look::Name(on.in_link.clone()),
        Field::OutLink => Look::Name(on.out_link.clone()),
        Field::Mark => on.mark.map_or_else(|| unsure("the mark is not known"), Look::Number),
        Field::EtherSource | Field::EtherDestination | Field::PacketType => link_layer(field, on),
        Field::CtState | Field::CtStatus | Field::CtMark | Field::CtDirection => connection(field, on),
        Field::Fib(question) => around.fib(*question, on),
        Field::NfProto => Look::Number(if on.packet.is_6() { 10 } else { 2 }),
        Field::EtherType => Look::Number(if on.packet.is_6() { 0x86dd } else { 0x0800 }),
        _ => network(field, &on.packet),
    }
}

fn link_layer(field: &Field, on: &Traveller) -> Look {
    let Some(ethernet) = on.ethernet else {
        return if *field == Field::PacketType { Look::Number(0) } else { Look::Absent };
    };
    match field {
        Field::EtherSource => Look::Number(bits_of_mac(ethernet.source)),
        Field::EtherDestination => Look::Number(bits_of_mac(ethernet.destination)),
        _ if ethernet.destination == Mac([0xff; 6]) => Look::Number(1),
        _ if ethernet.is_for_many() => Look::Number(2),
        _ => Look::Number(0),
    }
}

fn connection(field: &Field, on: &Traveller) -> Look {
    const INVALID: u128 = 1;
    const UNTRACKED: u128 = 64;
    let known = match &on.connection {
        Connection::Of { state, mark } => Some((*state, *mark)),
        other if *field == Field::CtState => {
            return Look::Number(if *other == Connection::Untracked { UNTRACKED } else { INVALID });
        }
        _ => None,
    };
    // What belongs to no connection has none of its properties.
    let Some((state, mark)) = known else { return Look::Absent };
    let new = state == super::traveller::State::New;
    match field {
        Field::CtState => Look::Number(state as u128),
        Field::CtMark => mark.map_or_else(|| unsure("the connection's mark is not known"), Look::Number),
        Field::CtStatus if new => Look::Number(u128::from(on.snat) << 4 | u128::from(on.dnat) << 5),
        Field::CtDirection if new => Look::Number(0),
        _ => unsure("a property of an older connection"),
    }
}

fn network(field: &Field, packet: &Packet) -> Look {
    match (field, packet.source, packet.destination) {
        (Field::Source4, IpAddr::V4(source), _) => Look::Number(source.to_bits().into()),
        (Field::Destination4, _, IpAddr::V4(destination)) => Look::Number(destination.to_bits().into()),
        (Field::Source6, IpAddr::V6(source), _) => Look::Number(source.to_bits()),
        (Field::Destination6, _, IpAddr::V6(destination)) => Look::Number(destination.to_bits()),
        (Field::Source4 | Field::Destination4 | Field::Source6 | Field::Destination6, ..) => Look::Absent,
        (_, _, IpAddr::V4(_)) => header4(field, packet),
        (_, _, IpAddr::V6(_)) => header6(field, packet),
    }
}

fn header4(field: &Field, packet: &Packet) -> Look {
    match field {
        Field::Protocol4 | Field::L4Protocol => Look::Number(packet.protocol().into()),
        Field::Ttl => Look::Number(packet.ttl.into()),
        Field::Version4 => Look::Number(4),
        Field::HeaderLength4 if packet.options.is_empty() => Look::Number(5),
        Field::HeaderLength4 => unsure("the length of options"),
        Field::Dscp4 => Look::Number(packet.dscp.into()),
        Field::Fragment4 => {
            fragment(packet).map_or_else(|| unsure("the flag that forbids fragments"), Look::Number)
        }
        Field::Option4(number) => Look::Number(packet.options.contains(number).into()),
        Field::NextHeader | Field::HopLimit | Field::Version6 | Field::Dscp6 | Field::Extension6(_) => {
            Look::Absent
        }
        _ => transport(field, packet),
    }
}

/// Flags and offset. Whether a whole packet may be cut on its way is the sender's choice.
fn fragment(packet: &Packet) -> Option<u128> {
    const MORE_FRAGMENTS: u128 = 0x2000;
    match packet.fragment {
        Fragment::Whole => None,
        Fragment::First | Fragment::Tiny => Some(MORE_FRAGMENTS),
        Fragment::Later { offset } => Some(offset.into()),
    }
}

/// As [`look`], for some bits of a field: they may be known where the whole is not.
pub(super) fn look_at_bits(field: &Field, bits: u128, on: &Traveller, around: &Surroundings<'_>) -> Look {
    const MAY_NOT_BE_CUT: u128 = 0x4000;
    let whole = on.packet.fragment == Fragment::Whole && !on.packet.is_6();
    if *field == Field::Fragment4 && whole && bits & MAY_NOT_BE_CUT == 0 {
        return Look::Number(0);
    }
    match look(field, on, around) {
        Look::Number(number) => Look::Number(number & bits),
        other => other,
    }
}

fn header6(field: &Field, packet: &Packet) -> Look {
    let fragment = (packet.fragment != Fragment::Whole).then_some(FRAGMENT);
    match field {
        Field::L4Protocol => Look::Number(packet.filtered_as().into()),
        Field::NextHeader => {
            let first = packet.extensions.first().copied().or(fragment);
            Look::Number(first.unwrap_or(packet.protocol()).into())
        }
        Field::HopLimit => Look::Number(packet.ttl.into()),
        Field::Version6 => Look::Number(6),
        Field::Dscp6 => Look::Number(packet.dscp.into()),
        Field::Extension6(number) => {
            let there = packet.extensions.contains(number) || fragment == Some(*number);
            Look::Number(there.into())
        }
        Field::Protocol4
        | Field::Ttl
        | Field::Version4
        | Field::HeaderLength4
        | Field::Dscp4
        | Field::Fragment4
        | Field::Option4(_) => Look::Absent,
        _ => transport(field, packet),
    }
}

fn transport(field: &Field, packet: &Packet) -> Look {
    let hidden = packet.filtered_as() != packet.protocol();
    if hidden || matches!(packet.fragment, Fragment::Later { .. }) {
        // The kernel looks at what stands where the header of the whole would (`nft_payload_fast_eval`).
        let number = packet.filtered_as();
        let concerned = match field {
            Field::TcpFlags => number == TCP,
            Field::IcmpType | Field::IcmpCode => number == ICMP,
            Field::Icmp6Type | Field::Icmp6Code => number == ICMP6,
            Field::SourcePort(of) | Field::DestinationPort(of) | Field::Other(of, _) => {
                *of == 0 || number == *of
            }
            _ => false,
        };
        return if concerned { unsure("what stands where a header would") } else { Look::Absent };
    }
    match (field, packet.body) {
        // They are in the next piece.
        (Field::TcpFlags, Body::Tcp { .. }) if packet.fragment == Fragment::Tiny => Look::Absent,
        (Field::TcpFlags, Body::Tcp { flags, .. }) => Look::Number(flags.into()),
        (Field::IcmpType, Body::Icmp { kind, .. }) | (Field::Icmp6Type, Body::Icmp6 { kind, .. }) => {
            Look::Number(kind.into())
        }
        (Field::IcmpCode, Body::Icmp { code, .. }) | (Field::Icmp6Code, Body::Icmp6 { code, .. }) => {
            Look::Number(code.into())
        }
        (Field::SourcePort(of), _) => port(*of, packet, packet.ports().map(|(source, _)| source)),
        (Field::DestinationPort(of), _) => {
            port(*of, packet, packet.ports().map(|(_, destination)| destination))
        }
        (Field::Other(of, text), _) if *of == packet.protocol() => Look::Unsure(text.clone()),
        _ => Look::Absent,
    }
}

/// `of` 0: whatever stands at the place of a port, also where it is none.
fn port(of: u8, packet: &Packet, port: Option<u16>) -> Look {
    match of {
        0 => match (port, packet.body) {
            (Some(port), _) => Look::Number(port.into()),
            (None, Body::Other(NOTHING)) if packet.is_6() => unsure("there may be no header"),
            (None, _) => unsure("what stands in the place of a port"),
        },
        TCP | UDP => Look::when(of == packet.protocol() && port.is_some(), port.unwrap_or_default()),
        _ if of == packet.protocol() => unsure("a port that is not followed"),
        _ => Look::Absent,
    }
}
