//! Packets for a rule set: what it names and what is just beside it, in many combinations, chosen by a seed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::aimed::{Value, Wanted, aim};
use super::craft::HOST;
use crate::model::partition::{Interval, Mentions};
use crate::model::ruleset::{Field, Ruleset};
use crate::model::{Body, Ethernet, Fragment, Packet};
use crate::names::Mac;
use crate::plan::{Link, Node};

/// A packet that comes to the node by one of its links.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) link: String,
    pub(super) packet: Packet,
    pub(super) ethernet: Ethernet,
    /// Whether it comes in two pieces.
    pub(super) in_pieces: bool,
}

/// Numbers that look like chance, the same every time (xorshift, Marsaglia 2003).
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.number() % bound as u64).unwrap()
    }

    pub(super) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// True once in so many times.
    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// What is worth trying for a rule set.
pub(super) struct Choices<'a> {
    node: &'a Node,
    ruleset: &'a Ruleset,
    addresses4: Vec<IpAddr>,
    addresses6: Vec<IpAddr>,
    ports: Vec<u16>,
    protocols: Vec<u8>,
    kinds: Vec<u8>,
    codes: Vec<u8>,
    flags: Vec<u8>,
}

impl<'a> Choices<'a> {
    pub(super) fn of(node: &'a Node, ruleset: &'a Ruleset) -> Self {
        let mut mentions = Mentions::default();
        mentions.add(ruleset);
        let ports = [Field::SourcePort(0), Field::SourcePort(6), Field::SourcePort(17)];
        let other = [Field::DestinationPort(0), Field::DestinationPort(6), Field::DestinationPort(17)];
        let mut choices = Choices {
            node,
            ruleset,
            addresses4: own_and_others(node, false),
            addresses6: own_and_others(node, true),
            ports: edges(mentions.of(&ports).chain(mentions.of(&other))),
            protocols: edges(mentions.of(&[Field::L4Protocol, Field::Protocol4, Field::NextHeader])),
            kinds: edges(mentions.of(&[Field::IcmpType, Field::Icmp6Type])),
            codes: edges(mentions.of(&[Field::IcmpCode, Field::Icmp6Code])),
            flags: edges(mentions.of(&[Field::TcpFlags])),
        };
        choices.ports.extend([1, 80, 443, 1024, 40_000, 65_535]);
        choices.protocols.extend([0, 2, 4, 41, 43, 44, 47, 50, 51, 59, 60, 89, 132, 136, 253, 1, 58]);
        choices.kinds.extend([0, 3, 5, 8, 11, 13, 128, 133, 135, 136, 137, 200]);
        choices.codes.extend([0, 0, 1, 4]);
        choices.flags.extend([2, 2, 2, 2, 18, 16, 17, 4, 20, 0, 3, 41, 6, 34, 10, 194]);
        let fours = mentions.of(&[Field::Source4, Field::Destination4]);
        choices
            .addresses4
            .extend(edges::<u32>(fours).into_iter().map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))));
        let sixes = mentions.of(&[Field::Source6, Field::Destination6]);
        choices
            .addresses6
            .extend(edges::<u128>(sixes).into_iter().map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))));
        choices
    }

    /// A packet: of every three, two that some rule is about.
    pub(super) fn packet(&self, chance: &mut Chance) -> Sent {
        let mut sent = self.any(chance);
        let rules: Vec<_> = self.ruleset.rules().collect();
        if rules.is_empty() || chance.once_in(3) {
            return sent;
        }
        let (table, _, rule) = chance.one(&rules);
        self.fit(&mut sent, &aim(table, rule, chance), chance);
        sent
    }

    /// Makes the packet what a rule asks for, as far as a packet can be.
    fn fit(&self, sent: &mut Sent, wanted: &Wanted, chance: &mut Chance) {
        let number = |field| match wanted.get(&field) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        };
        let link_of = |field| match wanted.get(&field) {
            Some(Value::Name(name)) => self.node.links.iter().find(|link| link.name.as_str() == name),
            _ => None,
        };
        if let Some(link) = link_of(Field::InLink) {
            sent.link = link.name.to_string();
        }
        let packet = &mut sent.packet;
        let six = [Field::Source6, Field::Destination6, Field::Icmp6Type, Field::NextHeader]
            .iter()
            .any(|field| wanted.contains_key(field));
        let four = [Field::Source4, Field::Destination4, Field::IcmpType, Field::Protocol4]
            .iter()
            .any(|field| wanted.contains_key(field));
        let in_link = self.node.links.iter().find(|link| link.name.as_str() == sent.link).unwrap();
        if (six && !packet.is_6() && !self.addresses6.is_empty()) || (four && packet.is_6()) {
            let addresses = if six { &self.addresses6 } else { &self.addresses4 };
            *packet = Packet::new(chance.one(addresses), chance.one(addresses), self.body(six, chance));
        }
        let is_6 = packet.is_6();
        packet.source = beside(in_link, is_6, chance).unwrap_or(packet.source);
        let out = link_of(Field::OutLink).and_then(|link| beside(link, is_6, chance));
        packet.destination = out.unwrap_or(packet.destination);
        if let Some(source) = address(is_6, number(Field::Source4), number(Field::Source6)) {
            packet.source = source;
        }
        if let Some(to) = address(is_6, number(Field::Destination4), number(Field::Destination6)) {
            packet.destination = to;
        }
        packet.body = self.body_for(packet, wanted, chance);
        sent.packet = sent.packet.clone().tidy();
        sent.ethernet.destination = station(&sent.packet, in_link);
    }

    fn body_for(&self, packet: &Packet, wanted: &Wanted, chance: &mut Chance) -> Body {
        let byte = |field: Field| match wanted.get(&field) {
            Some(Value::Number(number)) => u8::try_from(*number).ok(),
            _ => None,
        };
        let port = |make: fn(u8) -> Field, of: u8| {
            let fields = [make(of), make(0)];
            let mut found = fields.iter().filter_map(|field| match wanted.get(field) {
                Some(Value::Number(number)) => u16::try_from(*number).ok(),
                _ => None,
            });
            found.next()
        };
        let protocol = byte(Field::L4Protocol).or_else(|| byte(Field::Protocol4)).or_else(|| {
            let names = |of| {
                wanted.contains_key(&Field::SourcePort(of))
                    || wanted.contains_key(&Field::DestinationPort(of))
            };
            let kinds = [Field::IcmpType, Field::IcmpCode, Field::Icmp6Type, Field::Icmp6Code];
            match () {
                () if names(6) || wanted.contains_key(&Field::TcpFlags) => Some(6),
                () if names(17) => Some(17),
                () if kinds.iter().any(|field| wanted.contains_key(field)) => {
                    Some(if packet.is_6() { 58 } else { 1 })
                }
                () if names(0) => Some(chance.one(&[6, 17])),
                () => None,
            }
        });
        let other = 20_000 + chance.below(20_000) as u16;
        match protocol {
            Some(6) => Body::Tcp {
                source: port(Field::SourcePort, 6).unwrap_or(other),
                destination: port(Field::DestinationPort, 6).unwrap_or(chance.one(&self.ports)),
                flags: byte(Field::TcpFlags).unwrap_or(chance.one(&[2, 2, 2, 2, 16, 18])),
            },
            Some(17) => Body::Udp {
                source: port(Field::SourcePort, 17).unwrap_or(other),
                destination: port(Field::DestinationPort, 17).unwrap_or(chance.one(&self.ports)),
            },
            Some(1) if !packet.is_6() => Body::Icmp {
                kind: byte(Field::IcmpType).unwrap_or(chance.one(&self.kinds)),
                code: byte(Field::IcmpCode).unwrap_or(chance.one(&self.codes)),
            },
            Some(58) if packet.is_6() => Body::Icmp6 {
                kind: byte(Field::Icmp6Type).unwrap_or(chance.one(&self.kinds)),
                code: byte(Field::Icmp6Code).unwrap_or(chance.one(&self.codes)),
            },
            Some(other) => Body::Other(other),
            None => packet.body,
        }
    }

    fn any(&self, chance: &mut Chance) -> Sent {
        let link = &self.node.links[chance.below(self.node.links.len())];
        let six = !self.addresses6.is_empty() && chance.once_in(3);
        let addresses = if six { &self.addresses6 } else { &self.addresses4 };
        let source = match chance.below(4) {
            0 => chance.one(addresses),
            _ => beside(link, six, chance).unwrap_or(chance.one(addresses)),
        };
        let mut packet = Packet::new(source, chance.one(addresses), self.body(six, chance));
        let mut in_pieces = false;
        match chance.below(12) {
            0 => packet.ttl = chance.one(&[1, 2, 255]),
            1 if !six => packet.options = vec![chance.one(&[7, 131, 137, 148])],
            1 => packet.extensions = vec![chance.one(&[0, 43, 60])],
            2 => packet.fragment = chance.one(&[Fragment::First, Fragment::Later { offset: 3 }]),
            3 => packet.dscp = chance.one(&[8, 46, 63]),
            4 => in_pieces = true,
            _ => (),
        }
        let ethernet = Ethernet { source: HOST, destination: station(&packet, link) };
        Sent { link: link.name.to_string(), packet: packet.tidy(), ethernet, in_pieces }
    }

    fn body(&self, six: bool, chance: &mut Chance) -> Body {
        let (source, destination) = (chance.one(&self.ports), chance.one(&self.ports));
        let source = if chance.once_in(3) { source } else { 20_000 + chance.below(20_000) as u16 };
        match chance.below(10) {
            0..=3 => Body::Tcp { source, destination, flags: chance.one(&self.flags) },
            4..=6 => Body::Udp { source, destination },
            7 | 8 => {
                let (kind, code) = (chance.one(&self.kinds), chance.one(&self.codes));
                if six { Body::Icmp6 { kind, code } } else { Body::Icmp { kind, code } }
            }
            _ => match chance.one(&self.protocols) {
                1 if !six => Body::Icmp { kind: 8, code: 0 },
                58 if six => Body::Icmp6 { kind: 128, code: 0 },
                6 | 17 => Body::Udp { source, destination },
                other => Body::Other(other),
            },
        }
    }
}

fn address(six: bool, four: Option<u128>, sixth: Option<u128>) -> Option<IpAddr> {
    match six {
        false => four.and_then(|bits| u32::try_from(bits).ok()).map(|bits| Ipv4Addr::from_bits(bits).into()),
        true => sixth.map(|bits| Ipv6Addr::from_bits(bits).into()),
    }
}

/// Whom the frame is for: the link, or everybody where the packet says so.
fn station(packet: &Packet, link: &Link) -> Mac {
    match packet.destination {
        IpAddr::V4(address) if address.is_broadcast() => Mac([0xff; 6]),
        IpAddr::V4(address) if address.is_multicast() => {
            let [_, b, c, d] = address.octets();
            Mac([1, 0, 0x5e, b & 0x7f, c, d])
        }
        IpAddr::V6(address) if address.is_multicast() => {
            let [.., a, b, c, d] = address.octets();
            Mac([0x33, 0x33, a, b, c, d])
        }
        _ => link.mac,
    }
}

/// Somebody in the link's own network.
pub(super) fn beside(link: &Link, six: bool, chance: &mut Chance) -> Option<IpAddr> {
    let last = chance.one(&[5_u8, 9, 10, 77]);
    let net = link.addresses.iter().find(|net| net.addr().is_ipv6() == six)?;
    Some(match net.network() {
        IpAddr::V4(net) => Ipv4Addr::from_bits(net.to_bits() | u32::from(last)).into(),
        IpAddr::V6(net) => Ipv6Addr::from_bits(net.to_bits() | u128::from(last)).into(),
    })
}

/// The node's own addresses, some of each of its networks, and what is odd.
fn own_and_others(node: &Node, six: bool) -> Vec<IpAddr> {
    let mut chance = Chance(7);
    let mut all: Vec<IpAddr> = Vec::new();
    for link in &node.links {
        all.extend(link.addresses.iter().map(|net| net.addr()).filter(|own| own.is_ipv6() == six));
        all.extend((0..4).filter_map(|_| beside(link, six, &mut chance)));
        let nets = link.addresses.iter().filter(|net| net.addr().is_ipv6() == six);
        all.extend(nets.map(|net| net.broadcast()).filter(|_| !six));
    }
    if all.is_empty() {
        return all;
    }
    let odd: &[&str] = if six {
        &[
            "2001:db8:dead::1",
            "2001:db8:3::7",
            "fe80::1",
            "ff02::1",
            "ff02::fb",
            "::1",
            "::",
            "ff05::2",
            "ff01::1",
        ]
    } else {
        &[
            "198.51.100.7",
            "8.8.8.8",
            "127.0.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "239.1.1.1",
            "169.254.1.1",
            "240.0.0.1",
            "0.1.2.3",
        ]
    };
    all.extend(odd.iter().map(|text| text.parse::<IpAddr>().unwrap()));
    all
}

/// First and last of each interval, and what is just outside.
fn edges<T: TryFrom<u128>>(intervals: impl Iterator<Item = Interval>) -> Vec<T> {
    let edges = intervals.flat_map(|Interval { first, last }| {
        [first.checked_sub(1), Some(first), Some(last), last.checked_add(1)]
    });
    edges.flatten().filter_map(|number| T::try_from(number).ok()).collect()
}
