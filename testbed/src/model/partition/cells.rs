//! The cells of a lane: every combination of what rules and flows tell apart, as long as these are not too many.

use std::collections::BTreeSet;

use super::{Cell, Extent, Interval, IpFamily, Mentions, cut};
use crate::model::Model;
use crate::model::evaluate::{ICMP_CLASSES, ICMP6_CLASSES, PROTOCOL_CLASSES, tcp_class};
use crate::model::ruleset::Field;
use crate::names::{NodeName, Traffic, USUAL_TTL};
use crate::plan::Plan;

/// So many combinations of ports and flags are all made; beyond, each is varied by itself, beside what is usual of the
/// others, and [`Model::left_out`] says so.
pub const MOST_COMBINATIONS: usize = 4096;

/// What is usual, as long as nothing else is asked for: a SYN from a port that the kernel gives.
const USUAL_FLAGS: u8 = 2;
const USUAL_PORT: u128 = 40_000;

/// Combinations of flags that stand for those that are not told apart, in this order: what occurs.
const OCCUR: [u8; 10] = [2, 16, 18, 24, 17, 4, 20, 0, 41, 3];

impl Model<'_> {
    /// The cells from one node to another, lane by lane: protocol × ports × flags, or × type and code. A packet of a fresh
    /// conversation, whole and without options, is in exactly one cell of its lane.
    ///
    /// Their number is bounded: at most [`MOST_COMBINATIONS`] of TCP, as many of UDP and of ICMP, and 256 protocols a lane.
    pub fn cells(&self, from: &NodeName, to: &NodeName, family: IpFamily) -> Vec<Cell> {
        let extents = self.extents(family);
        let lanes = self.lanes(from, to, family);
        let cells = lanes
            .into_iter()
            .flat_map(|lane| extents.iter().map(move |extent| Cell { lane: lane.clone(), extent: *extent }));
        cells.collect()
    }

    /// What the packets of each cell carry, the same on every lane.
    pub fn extents(&self, family: IpFamily) -> Vec<Extent> {
        self.known().extents(family)
    }

    /// What no cell stands for, a sentence each: not a gap in the prediction, but in what is tried.
    pub fn left_out(&self, family: IpFamily) -> Vec<String> {
        let mut left_out: Vec<String> = ALWAYS_LEFT_OUT.iter().map(|text| (*text).to_owned()).collect();
        left_out.extend(self.too_many(family));
        left_out.extend(self.known().others_looked_at());
        left_out
    }

    /// Combinations that are too many for all of them to be cells, a sentence each.
    pub fn too_many(&self, family: IpFamily) -> Vec<String> {
        self.known().too_many(family)
    }
}

pub(super) const TCP: u128 = 6;
pub(super) const UDP: u128 = 17;
const ICMP: u128 = 1;
const ICMP6: u128 = 58;

const ALWAYS_LEFT_OUT: [&str; 3] = [
    "Sources that are not the sender's own, and destinations that nobody has.",
    "Fragments, options, extension headers and short times to live.",
    "Packets of conversations that have begun.",
];

/// Every combination, or, where these are too many, each value once beside what is usual.
fn combinations(first: &[Interval], second: &[Interval], flags: &[u8]) -> BTreeSet<(Interval, Interval, u8)> {
    let all = || first.iter().flat_map(|one| second.iter().map(move |other| (*one, *other)));
    let all = all().flat_map(|(one, other)| flags.iter().map(move |flags| (one, other, *flags)));
    if first.len() * second.len() * flags.len() <= MOST_COMBINATIONS {
        return all.collect();
    }
    let usual = |of: &[Interval]| of.iter().copied().find(|one| one.contains(USUAL_PORT)).unwrap_or(of[0]);
    let (usual_first, usual_second) = (usual(first), usual(second));
    let usual_flags = flags.iter().copied().find(|one| *one == USUAL_FLAGS).unwrap_or(flags[0]);
    let alone = first.iter().map(|one| (*one, usual_second, usual_flags));
    let alone = alone.chain(second.iter().map(|other| (usual_first, *other, usual_flags)));
    alone
        .chain(flags.iter().map(|flags| (usual_first, usual_second, *flags)))
        .take(MOST_COMBINATIONS)
        .collect()
}

/// All that is told apart: by the rules of the site, by its flows, and by the kernel itself.
#[derive(Clone, Debug, Default)]
pub(in crate::model) struct Known {
    mentions: Mentions,
    flows: Vec<Traffic>,
}

impl Known {
    pub(in crate::model) fn of(plan: &Plan, mentions: Mentions) -> Self {
        Known { mentions, flows: plan.flows.iter().flat_map(|flow| flow.ports.clone()).collect() }
    }

    pub(in crate::model) fn mentions(&self) -> &Mentions {
        &self.mentions
    }

    /// What the packets of each cell carry, the same on every lane.
    pub(super) fn extents(&self, family: IpFamily) -> Vec<Extent> {
        let mut extents = Vec::new();
        let (destination, source) = self.ports(TCP);
        for (destination, source, flags) in combinations(&destination, &source, &self.flags()) {
            extents.push(Extent::Tcp { destination, source, flags });
        }
        let (destination, source) = self.ports(UDP);
        for (destination, source, _) in combinations(&destination, &source, &[0]) {
            extents.push(Extent::Udp { destination, source });
        }
        let (kinds, codes) = self.icmp(family);
        for (kind, code, _) in combinations(&kinds, &codes, &[0]) {
            extents.push(match family {
                IpFamily::V4 => Extent::Icmp { kind, code },
                IpFamily::V6 => Extent::Icmp6 { kind, code },
            });
        }
        let own = if family == IpFamily::V4 { ICMP } else { ICMP6 };
        let others = self.protocols().into_iter().filter(|one| ![TCP, UDP, own].contains(&one.first));
        extents.extend(others.map(Extent::Protocol));
        extents
    }

    /// Combinations that are too many for all of them to be cells, a sentence each.
    pub(super) fn too_many(&self, family: IpFamily) -> Vec<String> {
        let mut left_out = Vec::new();
        for (name, protocol, flags) in [("TCP", TCP, self.flags().len()), ("UDP", UDP, 1)] {
            let (destination, source) = self.ports(protocol);
            let all = destination.len() * source.len() * flags;
            if all > MOST_COMBINATIONS {
                left_out
                    .push(format!("{all} combinations of ports and flags of {name}: each varies by itself."));
            }
        }
        let (kinds, codes) = self.icmp(family);
        if kinds.len() * codes.len() > MOST_COMBINATIONS {
            left_out.push("Combinations of types and codes of ICMP: each varies by itself.".into());
        }
        left_out
    }

    /// Lengths and EtherTypes.
    pub(super) fn ether_types(&self) -> Vec<Interval> {
        cut(u16::MAX.into(), self.mentions.of(&[Field::EtherType]).collect::<Vec<_>>())
    }

    /// Destination and source ports of a transport.
    pub(super) fn ports(&self, protocol: u128) -> (Vec<Interval>, Vec<Interval>) {
        let number = u8::try_from(protocol).unwrap_or_default();
        let of = |choose: fn(Traffic, u128) -> Option<(u16, u16)>| {
            let chosen = self.flows.iter().filter_map(move |traffic| choose(*traffic, protocol));
            chosen.map(|(first, last)| Interval { first: first.into(), last: last.into() })
        };
        let to = of(|traffic, protocol| match traffic {
            Traffic::Tcp(first, last) if protocol == TCP => Some((first, last)),
            Traffic::Udp(first, last) if protocol == UDP => Some((first, last)),
            Traffic::Ntp(_) if protocol == UDP => Some((123, 123)),
            _ => None,
        });
        let from = of(|traffic, protocol| match traffic {
            Traffic::TcpFrom(first, last) if protocol == TCP => Some((first, last)),
            Traffic::UdpFrom(first, last) if protocol == UDP => Some((first, last)),
            _ => None,
        });
        let destinations = [0, number].map(Field::DestinationPort);
        let sources = [0, number].map(Field::SourcePort);
        let cut = |at: Vec<Interval>| cut(u16::MAX.into(), at);
        (
            cut(self.mentions.of(&destinations).chain(to).collect()),
            cut(self.mentions.of(&sources).chain(from).collect()),
        )
    }

    /// One combination of flags for each class that is told apart by a rule or by connection tracking.
    fn flags(&self) -> Vec<u8> {
        let bits = u8::try_from(self.mentions.bits_of(&Field::TcpFlags) & 0xff).unwrap_or(u8::MAX);
        let exact: Vec<Interval> = self.mentions.of(&[Field::TcpFlags]).collect();
        let mut classes = BTreeSet::new();
        let all = OCCUR.into_iter().chain(0..=u8::MAX);
        let one_each = all.filter(|flags| {
            let named: Vec<bool> = exact.iter().map(|one| one.contains((*flags).into())).collect();
            classes.insert((flags & bits, tcp_class(*flags), named))
        });
        one_each.collect()
    }

    /// Types and codes.
    pub(super) fn icmp(&self, family: IpFamily) -> (Vec<Interval>, Vec<Interval>) {
        let (kind, code, classes) = match family {
            IpFamily::V4 => (Field::IcmpType, Field::IcmpCode, ICMP_CLASSES),
            IpFamily::V6 => (Field::Icmp6Type, Field::Icmp6Code, ICMP6_CLASSES),
        };
        let flows = self.flows.iter().filter_map(|traffic| match (*traffic, family) {
            (Traffic::Icmp(first, last), IpFamily::V4) | (Traffic::Icmp6(first, last), IpFamily::V6) => {
                Some((first.to_be_bytes(), last.to_be_bytes()))
            }
            _ => None,
        });
        let (mut kinds, mut codes) = (Vec::new(), Vec::new());
        for ([kind, code], [last_kind, last_code]) in flows {
            kinds.push(Interval { first: kind.into(), last: last_kind.into() });
            if kind == last_kind {
                codes.push(Interval { first: code.into(), last: last_code.into() });
            }
        }
        kinds.extend(classes.iter().map(|kind| Interval::one((*kind).into())));
        kinds.extend(self.mentions.of(&[kind]));
        codes.extend(self.mentions.of(&[code]));
        (cut(u8::MAX.into(), kinds), cut(u8::MAX.into(), codes))
    }

    pub(super) fn protocols(&self) -> Vec<Interval> {
        let flows = self.flows.iter().filter_map(|traffic| match *traffic {
            Traffic::Protocol(first, last) => Some(Interval { first: first.into(), last: last.into() }),
            _ => None,
        });
        let special = PROTOCOL_CLASSES.iter().map(|number| Interval::one((*number).into())).chain(flows);
        let named = self.mentions.of(&[Field::L4Protocol, Field::Protocol4, Field::NextHeader]);
        cut(u8::MAX.into(), special.chain(named).collect::<Vec<_>>())
    }

    /// Times to live that are told apart from the usual one.
    pub(super) fn ttls(&self, family: IpFamily) -> Vec<Interval> {
        self.unusual(if family == IpFamily::V4 { Field::Ttl } else { Field::HopLimit }, u8::MAX, USUAL_TTL)
    }

    /// Code points likewise.
    pub(super) fn code_points(&self, family: IpFamily) -> Vec<Interval> {
        self.unusual(if family == IpFamily::V4 { Field::Dscp4 } else { Field::Dscp6 }, 63, 0)
    }

    fn unusual(&self, field: Field, most: u8, usual: u8) -> Vec<Interval> {
        let mut pieces = cut(most.into(), self.mentions.of(&[field]).collect::<Vec<_>>());
        pieces.retain(|piece| !piece.contains(usual.into()));
        pieces
    }

    /// What rules look at besides, by which no cell differs.
    fn others_looked_at(&self) -> Option<String> {
        let cells = |field: &&Field| {
            !matches!(
                field,
                Field::SourcePort(0 | 6 | 17)
                    | Field::DestinationPort(0 | 6 | 17)
                    | Field::TcpFlags
                    | Field::IcmpType
                    | Field::IcmpCode
                    | Field::Icmp6Type
                    | Field::Icmp6Code
                    | Field::L4Protocol
                    | Field::Protocol4
                    | Field::NextHeader
                    | Field::Ttl
                    | Field::HopLimit
                    | Field::Dscp4
                    | Field::Dscp6
            )
        };
        let fields = self.mentions.numbers.keys().chain(self.mentions.bits.keys()).filter(cells);
        let names: BTreeSet<String> = fields.map(|field| format!("{field:?}")).collect();
        let names: Vec<String> = names.into_iter().collect();
        (!names.is_empty()).then(|| format!("What rules also look at: {}.", names.join(", ")))
    }
}
