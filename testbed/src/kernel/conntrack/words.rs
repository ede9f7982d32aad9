//! A tracked connection in words, as conntrack(8) writes it, and its ends.

use std::net::{IpAddr, SocketAddr};

use super::fill::FILLED;
use netlink_packet_core::{DefaultNla, Nla};
use netlink_packet_netfilter::conntrack::{
    ConntrackAttribute, IPTuple, ProtoInfo, ProtoInfoTCP, ProtoTuple, Protocol, Status, Tuple,
};

/// States of TCP (linux/netfilter/nf_conntrack_tcp.h, `enum tcp_conntrack`).
const STATES: [&str; 10] = [
    "NONE",
    "SYN_SENT",
    "SYN_RECV",
    "ESTABLISHED",
    "FIN_WAIT",
    "CLOSE_WAIT",
    "LAST_ACK",
    "TIME_WAIT",
    "CLOSE",
    "SYN_SENT2",
];

/// The ends of a connection of TCP or UDP, by the addresses that each way has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Protocol number: 6 or 17.
    pub protocol: u8,
    /// From whom to whom its first packet went.
    pub original: [SocketAddr; 2],
    /// From whom to whom answers go; others than these where addresses are translated.
    pub reply: [SocketAddr; 2],
}

/// Whether it is one of those that a table was filled with.
pub(super) fn is_filling(attributes: &[ConntrackAttribute]) -> bool {
    attributes.iter().any(|one| matches!(one, ConntrackAttribute::CtaMark(mark) if *mark == FILLED))
}

/// None of what is neither TCP nor UDP.
pub(super) fn ends(attributes: &[ConntrackAttribute]) -> Option<Ends> {
    let (mut there, mut back) = (None, None);
    for attribute in attributes {
        match attribute {
            ConntrackAttribute::CtaTupleOrig(parts) => there = Some(parts),
            ConntrackAttribute::CtaTupleReply(parts) => back = Some(parts),
            _ => {}
        }
    }
    let protocol = there?.iter().find_map(protocol_of).map(u8::from);
    let protocol = protocol.filter(|number| [6, 17].contains(number))?;
    Some(Ends { protocol, original: way(there?)?, reply: way(back?)? })
}

fn way(parts: &[Tuple]) -> Option<[SocketAddr; 2]> {
    let (mut from, mut to): (Option<IpAddr>, Option<IpAddr>) = (None, None);
    let (mut source, mut dest) = (None, None);
    for part in parts {
        match part {
            Tuple::Ip(addresses) => addresses.iter().for_each(|address| match address {
                IPTuple::SourceAddress(address) => from = Some(*address),
                IPTuple::DestinationAddress(address) => to = Some(*address),
                _ => {}
            }),
            Tuple::Proto(numbers) => numbers.iter().for_each(|number| match number {
                ProtoTuple::SourcePort(port) => source = Some(*port),
                ProtoTuple::DestinationPort(port) => dest = Some(*port),
                _ => {}
            }),
            _ => {}
        }
    }
    Some([SocketAddr::new(from?, source?), SocketAddr::new(to?, dest?)])
}

/// `tcp 6 431999 ESTABLISHED src=… dst=… sport=… dport=… src=… dst=… sport=… dport=… [ASSURED]`.
pub(super) fn line(attributes: &[ConntrackAttribute]) -> String {
    let (mut there, mut back) = (String::new(), String::new());
    let (mut protocol, mut timeout, mut state, mut mark) = (None, None, None, None);
    let mut status = Status::empty();
    for attribute in attributes {
        match attribute {
            ConntrackAttribute::CtaTupleOrig(parts) => {
                there = tuple(parts);
                protocol = parts.iter().find_map(protocol_of);
            }
            ConntrackAttribute::CtaTupleReply(parts) => back = tuple(parts),
            ConntrackAttribute::CtaProtoInfo(infos) => state = infos.iter().find_map(tcp_state),
            ConntrackAttribute::CtaStatus(is) => status = *is,
            ConntrackAttribute::CtaTimeout(seconds) => timeout = Some(*seconds),
            ConntrackAttribute::CtaMark(is) => mark = Some(*is).filter(|mark| *mark != 0),
            _ => {}
        }
    }
    let number = protocol.map_or(0, u8::from);
    let name = match number {
        1 => "icmp",
        6 => "tcp",
        17 => "udp",
        58 => "icmpv6",
        132 => "sctp",
        _ => "unknown",
    };
    let mut line = format!("{name} {number}");
    let numbers = [timeout.map(|seconds| seconds.to_string()), state.map(str::to_owned)];
    let unreplied = (!status.contains(Status::SeenReply)).then(|| "[UNREPLIED]".to_owned());
    let assured = status.contains(Status::Assured).then(|| "[ASSURED]".to_owned());
    let mark = mark.map(|mark| format!("mark={mark}"));
    let parts = numbers.into_iter().chain([Some(there), unreplied, Some(back), assured, mark]);
    for part in parts.flatten().filter(|part| !part.is_empty()) {
        line.push(' ');
        line.push_str(&part);
    }
    line
}

fn tuple(parts: &[Tuple]) -> String {
    let mut words: Vec<String> = Vec::new();
    for part in parts {
        match part {
            Tuple::Ip(addresses) => words.extend(addresses.iter().filter_map(|address| match address {
                IPTuple::SourceAddress(address) => Some(format!("src={address}")),
                IPTuple::DestinationAddress(address) => Some(format!("dst={address}")),
                _ => None,
            })),
            Tuple::Proto(numbers) => words.extend(numbers.iter().filter_map(number)),
            _ => {}
        }
    }
    words.join(" ")
}

/// A port, or what ICMP has in its place.
fn number(part: &ProtoTuple) -> Option<String> {
    match part {
        ProtoTuple::SourcePort(port) => Some(format!("sport={port}")),
        ProtoTuple::DestinationPort(port) => Some(format!("dport={port}")),
        // `enum ctattr_l4proto` of linux/netfilter/nfnetlink_conntrack.h: identifier, type, code of either ICMP
        ProtoTuple::Other(other) => {
            let key = match other.kind() {
                4 | 7 => "id",
                5 | 8 => "type",
                6 | 9 => "code",
                _ => return None,
            };
            Some(format!("{key}={}", big_endian(other)))
        }
        _ => None,
    }
}

fn big_endian(attribute: &DefaultNla) -> u64 {
    let mut bytes = vec![0; attribute.value_len()];
    attribute.emit_value(&mut bytes);
    bytes.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn protocol_of(part: &Tuple) -> Option<Protocol> {
    let Tuple::Proto(numbers) = part else { return None };
    numbers.iter().find_map(|number| match number {
        ProtoTuple::Protocol(protocol) => Some(*protocol),
        _ => None,
    })
}

fn tcp_state(info: &ProtoInfo) -> Option<&'static str> {
    let ProtoInfo::TCP(parts) = info else { return None };
    parts.iter().find_map(|part| match part {
        ProtoInfoTCP::State(number) => STATES.get(usize::from(*number)).copied(),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(from: [u8; 4], to: [u8; 4], ports: (u16, u16), protocol: Protocol) -> Vec<Tuple> {
        vec![
            Tuple::Ip(vec![IPTuple::SourceAddress(from.into()), IPTuple::DestinationAddress(to.into())]),
            Tuple::Proto(vec![
                ProtoTuple::Protocol(protocol),
                ProtoTuple::SourcePort(ports.0),
                ProtoTuple::DestinationPort(ports.1),
            ]),
        ]
    }

    #[test]
    fn it_reads_as_conntrack_writes_it() {
        let (app, cloud) = ([10, 20, 0, 5], [203, 0, 113, 10]);
        let mut connection = vec![
            ConntrackAttribute::CtaTupleOrig(ends(app, cloud, (40_000, 443), Protocol::Tcp)),
            ConntrackAttribute::CtaTupleReply(ends(cloud, app, (443, 40_000), Protocol::Tcp)),
            ConntrackAttribute::CtaStatus(Status::SeenReply | Status::Assured | Status::Confirmed),
            ConntrackAttribute::CtaTimeout(431_999),
            ConntrackAttribute::CtaProtoInfo(vec![ProtoInfo::TCP(vec![ProtoInfoTCP::State(3)])]),
        ];
        assert_eq!(
            line(&connection),
            "tcp 6 431999 ESTABLISHED src=10.20.0.5 dst=203.0.113.10 sport=40000 dport=443 src=203.0.113.10 \
             dst=10.20.0.5 sport=443 dport=40000 [ASSURED]"
        );
        let [app, cloud] = ["10.20.0.5:40000", "203.0.113.10:443"].map(|end| end.parse().unwrap());
        let ends = super::ends(&connection).unwrap();
        assert_eq!(ends, Ends { protocol: 6, original: [app, cloud], reply: [cloud, app] });
        connection[2] = ConntrackAttribute::CtaStatus(Status::Confirmed);
        connection.truncate(3);
        assert!(line(&connection).contains("dport=443 [UNREPLIED] src=203.0.113.10"), "{connection:?}");
    }

    #[test]
    fn icmp_has_type_code_and_identifier() {
        let number = |kind, value: &[u8]| ProtoTuple::Other(DefaultNla::new(kind, value.to_vec()));
        let parts =
            vec![ProtoTuple::Protocol(Protocol::Icmp), number(4, &[1, 2]), number(5, &[8]), number(6, &[0])];
        let echo = ConntrackAttribute::CtaTupleOrig(vec![Tuple::Proto(parts)]);
        assert_eq!(super::ends(std::slice::from_ref(&echo)), None);
        assert_eq!(line(&[echo]), "icmp 1 id=258 type=8 code=0 [UNREPLIED]");
        assert_eq!(line(&[]), "unknown 0 [UNREPLIED]");
    }
}
