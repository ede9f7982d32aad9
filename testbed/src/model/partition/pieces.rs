//! A range of single kinds cut wherever rules and flows tell its packets apart, so that one prediction stands for many.

use super::cells::{Known, TCP, UDP};
use super::{Interval, IpFamily};
use crate::model::Model;
use crate::model::ruleset::Field;
use crate::names::Traffic;

/// Some single kinds in a row, of which the model says the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// All of them.
    pub range: Traffic,
    /// One that the model does not tell apart from them; it need not be one of them.
    pub stands: Traffic,
}

impl Model<'_> {
    /// The pieces of a range, numbers ascending: each of its single kinds is in exactly one.
    ///
    /// Ports and messages are cut as in [`Model::extents`]; sets of flags, and what is no range, stand for themselves.
    pub fn pieces(&self, range: Traffic) -> Vec<Piece> {
        let known = self.known();
        match range {
            // Bits of a number are told apart within every interval.
            _ if fields(&range).iter().any(|field| known.mentions().bits_of(field) != 0) => singles(range),
            Traffic::Tcp(a, b) => in_a_row(&known.ports(TCP).0, (a, b), Traffic::Tcp),
            Traffic::TcpFrom(a, b) => in_a_row(&known.ports(TCP).1, (a, b), Traffic::TcpFrom),
            Traffic::Udp(a, b) => in_a_row(&known.ports(UDP).0, (a, b), Traffic::Udp),
            Traffic::UdpFrom(a, b) => in_a_row(&known.ports(UDP).1, (a, b), Traffic::UdpFrom),
            Traffic::Icmp(a, b) => messages(known, IpFamily::V4, (a, b), Traffic::Icmp),
            Traffic::Icmp6(a, b) => messages(known, IpFamily::V6, (a, b), Traffic::Icmp6),
            Traffic::Protocol(a, b) => in_a_row(&known.protocols(), (a.into(), b.into()), protocols),
            other => singles(other),
        }
    }
}

fn singles(range: Traffic) -> Vec<Piece> {
    range.each().map(|one| Piece { range: one, stands: one }).collect()
}

/// What a rule looks at to tell the numbers of a range apart.
fn fields(range: &Traffic) -> Vec<Field> {
    match range {
        Traffic::Tcp(..) => [0, 6].map(Field::DestinationPort).to_vec(),
        Traffic::TcpFrom(..) => [0, 6].map(Field::SourcePort).to_vec(),
        Traffic::Udp(..) => [0, 17].map(Field::DestinationPort).to_vec(),
        Traffic::UdpFrom(..) => [0, 17].map(Field::SourcePort).to_vec(),
        Traffic::Icmp(..) => vec![Field::IcmpType, Field::IcmpCode],
        Traffic::Icmp6(..) => vec![Field::Icmp6Type, Field::Icmp6Code],
        Traffic::Protocol(..) => vec![Field::L4Protocol, Field::Protocol4, Field::NextHeader],
        Traffic::TcpFlags(..) | Traffic::Ntp(_) | Traffic::Shaped(_) | Traffic::Ether(..) => Vec::new(),
    }
}

/// Numbers of a range, cut; `of` makes traffic of the first and the last of a piece.
fn in_a_row(cut: &[Interval], (first, last): (u16, u16), of: fn(u16, u16) -> Traffic) -> Vec<Piece> {
    let piece = |(a, b)| Piece { range: of(a, b), stands: of(a, a) };
    within(cut, first, last).map(|(a, b, _)| (a, b)).map(piece).collect()
}

/// Type by type, codes cut; those that no rule tells apart share the one that stands for them.
fn messages(
    known: &Known,
    family: IpFamily,
    (first, last): (u16, u16),
    of: fn(u16, u16) -> Traffic,
) -> Vec<Piece> {
    let (kinds, codes) = known.icmp(family);
    let ([kind, code], [last_kind, last_code]) = (first.to_be_bytes(), last.to_be_bytes());
    let number = |kind: u16, code: u16| kind << 8 | code;
    let mut pieces = Vec::new();
    for (_, _, alike) in within(&kinds, kind.into(), last_kind.into()) {
        for one in alike.0.max(kind.into())..=alike.1.min(last_kind.into()) {
            let from = if one == u16::from(kind) { code } else { 0 };
            let to = if one == u16::from(last_kind) { last_code } else { u8::MAX };
            pieces.extend(within(&codes, from.into(), to.into()).map(|(a, b, codes)| {
                let stands = number(alike.0, codes.0);
                Piece { range: of(number(one, a), number(one, b)), stands: of(stands, stands) }
            }));
        }
    }
    pieces
}

fn protocols(first: u16, last: u16) -> Traffic {
    let low = |number: u16| number.to_be_bytes()[1];
    Traffic::Protocol(low(first), low(last))
}

/// The parts of each interval that are from `first` to `last`, with the whole of it.
fn within(cut: &[Interval], first: u16, last: u16) -> impl Iterator<Item = (u16, u16, (u16, u16))> {
    let short = |number: u128| u16::try_from(number).unwrap_or(u16::MAX);
    let whole = cut.iter().map(move |one| (short(one.first), short(one.last)));
    let inside = whole.filter(move |(a, b)| *a <= last && first <= *b);
    inside.map(move |(a, b)| (a.max(first), b.min(last), (a, b)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::with_rules;

    fn pieces(rules: &str, range: &str) -> Vec<(String, String)> {
        let range: Traffic = range.parse().unwrap();
        let text = |piece: Piece| (piece.range.to_string(), piece.stands.to_string());
        with_rules(rules, |model| model.pieces(range).into_iter().map(text).collect())
    }

    #[test]
    fn a_range_is_cut_where_rules_name_a_number_of_it() {
        let rules = "tcp dport 50-60 accept; udp sport 20 accept; icmp type 13 icmp code 7 accept";
        let text = |all: Vec<(String, String)>| {
            all.into_iter()
                .map(|(range, _)| range)
                .filter(|range| range.starts_with("tcp/5"))
                .collect::<Vec<_>>()
        };
        assert_eq!(text(pieces(rules, "tcp/50-55")), ["tcp/50-55"]);
        assert!(text(pieces(rules, "tcp/*")).contains(&"tcp/50-60".to_owned()));
        assert!(pieces(rules, "udp-from/10-30").iter().any(|(range, _)| range == "udp-from/20"));
        let messages = pieces(rules, "icmp/*");
        assert!(messages.iter().any(|(range, _)| range == "icmp/13/7"), "{messages:?}");
        let of = |wanted: &str| {
            messages.iter().find(|(range, _)| range == wanted).map(|(_, stands)| stands.clone())
        };
        assert_eq!(of("icmp/200-200/6"), of("icmp/201-201/6"), "nothing tells the two apart: {messages:?}");
        assert!(of("icmp/200-200/6").is_some(), "{messages:?}");
    }

    #[test]
    fn where_bits_of_a_number_matter_each_stands_for_itself() {
        let by_bits = pieces("udp dport & 0xff == 7 accept", "udp/0-999");
        assert_eq!(by_bits.len(), 1000);
        assert!(by_bits.iter().all(|(range, stands)| range == stands));
        assert!(pieces("udp dport & 0xff == 7 accept", "tcp/0-999").len() < 10);
    }

    #[test]
    fn each_kind_is_in_one_piece() {
        let rules = "tcp dport { 1, 7-9, 65535 } accept; meta l4proto 47 accept; icmp code 3 accept";
        for range in ["tcp/0-70", "icmp/3/4-5/1", "proto/*", "tcp-flags/*", "udp/9", "icmp6/1/*"] {
            let range: Traffic = range.parse().unwrap();
            let cut: Vec<Traffic> = with_rules(rules, |model| {
                model
                    .pieces(range)
                    .into_iter()
                    .flat_map(|piece| piece.range.each().collect::<Vec<_>>())
                    .collect()
            });
            assert_eq!(cut, range.each().collect::<Vec<_>>(), "{range}");
        }
    }
}
