//! The packets that stand for cells where a negative is sent: of each cell its edges and one by chance, and for each time to
//! live or code point that rules look at one more.

use std::collections::BTreeSet;

use super::cells::Known;
use super::{Extent, Interval, IpFamily};
use crate::model::Model;
use crate::names::{Header, Plain, Shape, Traffic, is_bare};

/// Ports from which kernels take those of real conversations (ip_local_port_range, ip(7)): a packet by chance keeps away from
/// them, as it would be taken for a part of one.
const TAKEN_PORTS: (u128, u128) = (32_768, 60_999);

/// The least time to live that is sent: with less it may not get past the devices on its way, whatever their rules say.
const LEAST_TTL: u128 = 8;

const ANY_PORT: Interval = Interval { first: 0, last: u16::MAX as u128 };

/// With this hop limit neighbours are believed (RFC 4861, section 7.1): such messages keep the link up, and are no attack.
const NEIGHBOUR_TTL: u8 = 255;
const NEIGHBOUR_MESSAGES: std::ops::RangeInclusive<u8> = 133..=137;

/// What stands for the cells from one address to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// How many cells.
    pub cells: u64,
    /// Their packets.
    pub packets: Vec<Traffic>,
    /// One of these packets for each cell.
    pub ones: Vec<Traffic>,
    /// Why not every combination of what rules tell apart is among them, a sentence each; none if all are.
    pub too_many: Vec<String>,
}

impl Model<'_> {
    /// The packets that stand for cells, without what flows allow; others by chance for each `seed`.
    ///
    /// At most three for each of [`Model::extents`], and as many as there are unusual times to live and code points besides.
    pub fn standing(&self, family: IpFamily, allowed: &[Traffic], seed: u64) -> Standing {
        self.known().standing(family, allowed, seed)
    }

    /// The same where packets cross a switch whose rules count as well.
    ///
    /// Errors: in words, if these are not known.
    pub fn standing_at_switches(
        &self,
        family: IpFamily,
        allowed: &[Traffic],
        seed: u64,
    ) -> Result<Standing, String> {
        Ok(self.at_switches()?.standing(family, allowed, seed))
    }

    /// The frames without IP that stand for the EtherTypes which the rules tell apart, those of switches among them: of each
    /// piece both edges and one by chance, as far as such a frame can be sent.
    ///
    /// Errors: in words, if the rules of switches are not known.
    pub fn frames(&self, seed: u64) -> Result<Standing, String> {
        let mut chance = Chance(seed);
        let short = |number| u16::try_from(number).unwrap_or(u16::MAX);
        let (mut packets, mut cells) = (Vec::new(), 0);
        for piece in self.at_switches()?.ether_types() {
            let by_chance = between(piece, false).at(chance.number());
            let types = BTreeSet::from([piece.first, by_chance, piece.last].map(short));
            let before = packets.len();
            packets.extend(types.into_iter().filter(|one| is_bare(*one)).map(|one| Traffic::Ether(one, one)));
            cells += u64::from(packets.len() > before);
        }
        Ok(Standing { cells, packets, ones: Vec::new(), too_many: Vec::new() })
    }

    fn at_switches(&self) -> Result<&Known, String> {
        self.known_at_switches().ok_or_else(|| "no rules of switches were listed".to_owned())
    }
}

impl Known {
    fn standing(&self, family: IpFamily, allowed: &[Traffic], seed: u64) -> Standing {
        let mut chance = Chance(seed);
        let unusual = self.unusual_headers(family);
        let (mut sent, mut ones) = (Vec::new(), Vec::new());
        for extent in self.extents(family) {
            let packets = packets(&extent, &unusual, &mut chance);
            let packets = packets.into_iter().map(Shape::traffic);
            let before = sent.len();
            sent.extend(packets.filter(|one| !allowed.iter().any(|flow| flow.meets(one))));
            ones.extend(sent.get(before).copied());
        }
        Standing { cells: ones.len() as u64, packets: sent, ones, too_many: self.too_many(family) }
    }

    /// Times to live and code points, one unusual in each.
    fn unusual_headers(&self, family: IpFamily) -> Vec<(Option<u8>, Option<u8>)> {
        let byte = |number: u128| u8::try_from(number).ok();
        // Both edges, since each device on the way takes one from it before its rules look at it.
        let ttls = self.ttls(family).into_iter();
        let edges = ttls.flat_map(|piece| BTreeSet::from([piece.first, piece.last]));
        let ttls = edges.filter(|ttl| *ttl >= LEAST_TTL).map(|ttl| (byte(ttl), None));
        ttls.chain(self.code_points(family).into_iter().map(|piece| (None, byte(piece.last)))).collect()
    }
}

/// Both edges of a cell and one between them, if there is any; then one for each unusual value.
fn packets(extent: &Extent, unusual: &[(Option<u8>, Option<u8>)], chance: &mut Chance) -> Vec<Shape> {
    let (first, second) = extent.sides();
    let shape = |at, beside| Shape::of(header(extent, at, beside));
    let has_ports = matches!(extent, Extent::Tcp { .. } | Extent::Udp { .. });
    // Source ports that nothing tells apart have no edges worth sending; as each packet has another, none meets what
    // devices remember of an earlier one.
    let any_source = has_ports && second == ANY_PORT;
    let mut of = |first: Interval, second: Interval| {
        let mut one = |side: Interval| between(side, has_ports).at(chance.number());
        shape(one(first), one(second))
    };
    let edge =
        |at: u128, source: u128| (Interval::one(at), if any_source { second } else { Interval::one(source) });
    let (low, high) = (edge(first.first, second.first), edge(first.last, second.last));
    let mut shapes = vec![of(low.0, low.1)];
    if first.size() > 1 || (second.size() > 1 && !any_source) {
        shapes.push(of(high.0, high.1));
    }
    let mut by_chance = || of(first, second);
    if first.size().max(second.size()) > 2 {
        shapes.push(by_chance());
    }
    for (ttl, dscp) in unusual.iter().filter(|(ttl, _)| !keeps_a_link_up(extent, *ttl)) {
        let usual = by_chance();
        shapes.push(Shape { ttl: ttl.unwrap_or(usual.ttl), dscp: dscp.unwrap_or(usual.dscp), ..usual });
    }
    shapes
}

/// What is neither edge of a piece, if there is such; of ports, what no kernel takes.
fn between(piece: Interval, has_ports: bool) -> Interval {
    let inner = match piece.size() {
        1 | 2 => piece,
        _ => Interval { first: piece.first + 1, last: piece.last - 1 },
    };
    if has_ports { untaken(inner) } else { inner }
}

fn keeps_a_link_up(extent: &Extent, ttl: Option<u8>) -> bool {
    let Extent::Icmp6 { kind, .. } = extent else { return false };
    ttl == Some(NEIGHBOUR_TTL) && NEIGHBOUR_MESSAGES.clone().any(|message| kind.contains(message.into()))
}

/// The header at these places of the two sides.
fn header(extent: &Extent, first: u128, second: u128) -> Header {
    let short = |number| u16::try_from(number).unwrap_or(u16::MAX);
    let byte = |number| u8::try_from(number).unwrap_or(u8::MAX);
    let message = u16::from_be_bytes([byte(first), byte(second)]);
    match *extent {
        Extent::Tcp { flags, .. } => Header::Tcp { to: short(first), from: short(second), flags },
        Extent::Udp { .. } => Header::Udp { to: short(first), from: short(second) },
        Extent::Icmp { .. } => Header::Plain(Plain::Icmp(message)),
        Extent::Icmp6 { .. } => Header::Plain(Plain::Icmp6(message)),
        Extent::Protocol(_) => Header::Plain(Plain::Protocol(byte(first))),
    }
}

/// The part of a piece that no kernel takes ports from; all of it where there is no such part.
fn untaken(piece: Interval) -> Interval {
    let (first, last) = TAKEN_PORTS;
    if piece.first < first {
        Interval { first: piece.first, last: piece.last.min(first - 1) }
    } else if piece.last > last {
        Interval { first: piece.first.max(last + 1), last: piece.last }
    } else {
        piece
    }
}

/// Numbers in a row that have nothing to do with one another: the first is told by the seed (Steele and others, "Fast
/// splittable pseudorandom number generators", 2014).
struct Chance(u64);

impl Chance {
    fn number(&mut self) -> u128 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        for (shift, factor) in [(30, 0xbf58_476d_1ce4_e5b9), (27, 0x94d0_49bb_1331_11eb)] {
            bits = (bits ^ (bits >> shift)).wrapping_mul(factor);
        }
        (bits ^ (bits >> 31)).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::with_rules;

    fn sent(rules: &str, family: IpFamily, allowed: &[&str], seed: u64) -> (Standing, BTreeSet<String>) {
        let allowed: Vec<Traffic> = allowed.iter().map(|text| text.parse().unwrap()).collect();
        let standing = with_rules(rules, |model| model.standing(family, &allowed, seed));
        let texts = standing.packets.iter().map(ToString::to_string).collect();
        (standing, texts)
    }

    #[test]
    fn both_edges_of_each_cell_are_sent_and_one_by_chance() {
        let rules = "udp dport 47808 udp sport 1024-2000 accept; tcp flags & (fin|syn|rst|ack) == fin accept";
        let (standing, texts) = sent(rules, IpFamily::V4, &[], 7);
        for wanted in [
            "udp/47808 from 1024",
            "udp/47808 from 2000",
            "udp/47809 from 2001",
            "udp/0 from 0",
            "udp/47807 from 1023",
        ] {
            assert!(texts.contains(wanted), "{wanted}: {texts:?}");
        }
        let between = |text: &String| {
            let from = text.strip_prefix("udp/47808 from ").and_then(|from| from.parse::<u16>().ok());
            from.is_some_and(|from| (1025..2000).contains(&from))
        };
        assert_eq!(texts.iter().filter(|text| between(text)).count(), 1, "{texts:?}");
        assert!(
            texts.iter().any(|text| text.starts_with("tcp/") && text.ends_with(" flags fin|psh|urg")),
            "{texts:?}"
        );
        assert!(
            standing.cells > 20 && standing.too_many.is_empty() && standing.packets.len() > 60,
            "{standing:?}"
        );
        let (_, others) = sent(rules, IpFamily::V4, &[], 8);
        assert!(others != texts && sent(rules, IpFamily::V4, &[], 7).1 == texts, "chance is the seed's");
    }

    #[test]
    fn what_flows_allow_is_not_sent_whatever_else_it_has() {
        let rules = "udp dport 47808 accept; tcp dport 80 accept";
        let (_, texts) = sent(rules, IpFamily::V4, &["udp/47808", "tcp/80", "icmp/*", "proto/47"], 7);
        let of = |start: &str| texts.iter().filter(|text| text.starts_with(start)).count();
        assert_eq!((of("udp/47808 "), of("tcp/80 "), of("icmp/"), of("proto/47")), (0, 0, 0, 0), "{texts:?}");
        assert!(of("udp/47807 ") > 0 && of("tcp/81 ") > 0, "{texts:?}");
    }

    #[test]
    fn unusual_headers_that_rules_look_at_are_sent_with_every_cell() {
        let rules = "ip dscp 46 accept; ip ttl 255 accept; ip ttl < 3 accept; ip6 hoplimit 255 accept";
        let (_, four) = sent(rules, IpFamily::V4, &[], 7);
        let ends =
            |texts: &BTreeSet<String>, with: &str| texts.iter().filter(|text| text.ends_with(with)).count();
        assert!(ends(&four, " dscp 46") > 10 && ends(&four, " ttl 255") > 10, "{four:?}");
        assert!(
            ends(&four, " ttl 2") + ends(&four, " ttl 0") == 0,
            "it would not get through by itself: {four:?}"
        );
        let (_, six) = sent(rules, IpFamily::V6, &[], 7);
        assert!(ends(&six, " ttl 255") > 10 && ends(&six, " dscp 46") == 0, "{six:?}");
        let neighbours = |text: &String| text.starts_with("icmp6/13") && text.ends_with("ttl 255");
        let told: Vec<_> = six.iter().filter(|text| neighbours(text)).collect();
        let upkeep = ["133", "134", "135", "136", "137"].map(|kind| format!("icmp6/{kind}"));
        assert!(!told.iter().any(|text| upkeep.iter().any(|kind| text.starts_with(kind))), "{told:?}");
    }

    #[test]
    fn ports_by_chance_are_none_of_real_conversations() {
        for (first, last) in
            [(0, 65_535), (40_000, 65_535), (100, 50_000), (61_000, 61_000), (40_000, 50_000)]
        {
            let piece = Interval { first, last };
            let untaken = untaken(piece);
            assert!(piece.contains(untaken.first) && piece.contains(untaken.last), "{piece}");
            let taken = (TAKEN_PORTS.0..=TAKEN_PORTS.1).contains(&untaken.first)
                || (TAKEN_PORTS.0..=TAKEN_PORTS.1).contains(&untaken.last);
            assert_eq!(taken, piece == Interval { first: 40_000, last: 50_000 }, "{piece}");
        }
    }
}
