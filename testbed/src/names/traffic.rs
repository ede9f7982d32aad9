//! Kinds of traffic that flows and checks speak of: how they are written, and arithmetic with their ranges.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{BadName, Shape};

/// A kind of traffic: `tcp/554`, `udp/1-1024`, `tcp/*`, `icmp/8` (type, for IPv4), `icmp6/128` (type, for IPv6),
/// `proto/47` (IP protocol or next header), `ntp/control` (what pretends to be time).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Traffic {
    /// TCP to the ports from the first to the last.
    Tcp(u16, u16),
    /// UDP to the ports from the first to the last.
    Udp(u16, u16),
    /// ICMP (RFC 792) from the first to the last of its kinds, each type * 256 + code.
    Icmp(u16, u16),
    /// ICMPv6 (RFC 4443), likewise.
    Icmp6(u16, u16),
    /// Any IP protocols from the first to the last, each with a payload of our own and no header of that protocol.
    Protocol(u8, u8),
    /// TCP from the ports from the first to the last, to a port that nobody listens on: what passes for an answer.
    TcpFrom(u16, u16),
    /// UDP likewise.
    UdpFrom(u16, u16),
    /// TCP with flags from the first to the last of these bytes (RFC 9293 section 3.1: CWR is 128, FIN is 1), to a port that
    /// nobody listens on.
    TcpFlags(u8, u8),
    /// UDP on the time server's port.
    Ntp(Ntp),
    /// One packet with each field chosen. No scenario says it; cells of rules do.
    Shaped(Shape),
    /// Frames with the EtherTypes from the first to the last of these, with a payload of our own; below 0x600 it is a length
    /// (IEEE 802.3, clause 3.2.6). No scenario says it; it is what neighbours send whom a switch keeps apart.
    Ether(u16, u16),
}

/// What passes for time by its port alone (RFC 5905, section 7.3), and the question itself: 48 bytes, if nothing else is
/// said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ntp {
    /// The question for the time (mode 3) to port 123, as clients ask it.
    Question,
    /// A control message (mode 6; RFC 9327) to port 123.
    Control,
    /// A private one (mode 7), `monlist`, to port 123: answers are many times larger (CVE-2013-5211).
    Private,
    /// A question for the time (mode 3) to port 123 of 1,000 bytes: something else rides on it.
    Large,
    /// An answer (mode 4) from port 123 that nobody asked for.
    Answer,
}

impl Ntp {
    const ALL: [(&str, Ntp); 5] = [
        ("question", Ntp::Question),
        ("control", Ntp::Control),
        ("private", Ntp::Private),
        ("large", Ntp::Large),
        ("answer", Ntp::Answer),
    ];
}

impl fmt::Display for Ntp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Ntp::ALL.iter().find(|(_, one)| one == self).map_or("", |(word, _)| word))
    }
}

/// Where packets go whose kind is not their destination port: nobody listens there, and no kernel takes its ports for
/// real traffic from there.
pub const FAR_PORTS: std::ops::RangeInclusive<u16> = 62_000..=64_999;

impl Traffic {
    /// ICMP of one type, code 0.
    pub fn icmp(kind: u8) -> Self {
        Traffic::Icmp(u16::from(kind) << 8, u16::from(kind) << 8)
    }

    /// ICMPv6 of one type, code 0.
    pub fn icmp6(kind: u8) -> Self {
        Traffic::Icmp6(u16::from(kind) << 8, u16::from(kind) << 8)
    }

    /// One IP protocol.
    pub fn protocol(number: u8) -> Self {
        Traffic::Protocol(number, number)
    }

    /// How many single kinds it stands for.
    pub fn width(&self) -> u64 {
        let (first, last) = self.range();
        u64::from(last - first) + 1
    }

    /// What a flow with these ports lets through: with a type of ICMP all of its codes, as a rule that asks for the type does.
    pub fn as_allowed(&self) -> Self {
        match *self {
            Traffic::Icmp(a, b) if a == b && a.trailing_zeros() >= 8 => Traffic::Icmp(a, a | 0xff),
            Traffic::Icmp6(a, b) if a == b && a.trailing_zeros() >= 8 => Traffic::Icmp6(a, a | 0xff),
            other => other,
        }
    }

    /// First and last number; of what has none, 0 and 0.
    fn range(&self) -> (u16, u16) {
        match *self {
            Traffic::Tcp(a, b) | Traffic::Udp(a, b) | Traffic::Icmp(a, b) | Traffic::Icmp6(a, b) => (a, b),
            Traffic::TcpFrom(a, b) | Traffic::UdpFrom(a, b) | Traffic::Ether(a, b) => (a, b),
            Traffic::Protocol(a, b) | Traffic::TcpFlags(a, b) => (a.into(), b.into()),
            Traffic::Ntp(_) | Traffic::Shaped(_) => (0, 0),
        }
    }

    /// The same kind with other numbers; those of a protocol are below 256.
    fn with(&self, first: u16, last: u16) -> Self {
        let low = |number: u16| number.to_be_bytes()[1];
        match self {
            Traffic::Tcp(..) => Traffic::Tcp(first, last),
            Traffic::Udp(..) => Traffic::Udp(first, last),
            Traffic::Icmp(..) => Traffic::Icmp(first, last),
            Traffic::Icmp6(..) => Traffic::Icmp6(first, last),
            Traffic::Protocol(..) => Traffic::Protocol(low(first), low(last)),
            Traffic::TcpFrom(..) => Traffic::TcpFrom(first, last),
            Traffic::UdpFrom(..) => Traffic::UdpFrom(first, last),
            Traffic::TcpFlags(..) => Traffic::TcpFlags(low(first), low(last)),
            Traffic::Ntp(one) => Traffic::Ntp(*one),
            Traffic::Shaped(one) => Traffic::Shaped(*one),
            Traffic::Ether(..) => Traffic::Ether(first, last),
        }
    }

    /// The same and one more at its end, if `next` is the very next of it.
    pub fn extended(&self, next: &Traffic) -> Option<Traffic> {
        let ((first, last), (number, end)) = (self.range(), next.range());
        let follows = self.like(next) && number == end && last.checked_add(1) == Some(number);
        follows.then(|| self.with(first, number))
    }

    /// Whether both count the same thing, so that their numbers can be compared.
    fn like(&self, other: &Traffic) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
            && !matches!(self, Traffic::Ntp(_) | Traffic::Shaped(_))
    }

    /// What is left of it without another one: nothing, itself, or what is below and above.
    pub fn without(&self, hole: &Traffic) -> Vec<Traffic> {
        if !self.meets(hole) {
            return vec![*self];
        }
        if !self.like(hole) {
            return Vec::new();
        }
        let ((a, b), (c, d)) = (self.range(), hole.range());
        let below = c.checked_sub(1).filter(|last| a <= *last).map(|last| self.with(a, last));
        let above = d.checked_add(1).filter(|first| *first <= b).map(|first| self.with(first, b));
        below.into_iter().chain(above).collect()
    }

    /// The same kinds with neighbouring numbers joined into ranges, in order, none twice.
    pub fn joined(mut kinds: Vec<Traffic>) -> Vec<Traffic> {
        kinds.sort();
        let mut joined: Vec<Traffic> = Vec::new();
        for kind in kinds {
            match joined.last_mut() {
                Some(last) if *last == kind => {}
                Some(last) if last.like(&kind) && kind.range().0 <= last.range().1.saturating_add(1) => {
                    *last = last.with(last.range().0, last.range().1.max(kind.range().1));
                }
                _ => joined.push(kind),
            }
        }
        joined
    }

    /// True if `self` covers all that `other` stands for.
    pub fn covers(&self, other: &Traffic) -> bool {
        let ((a, b), (c, d)) = (self.range(), other.range());
        self == other || (self.like(other) && a <= c && d <= b)
    }

    /// True if the two have a kind in common: what may go to UDP port 123 may ask for the time there.
    pub fn meets(&self, other: &Traffic) -> bool {
        let asks = |ports: (u16, u16)| ports.0 <= 123 && 123 <= ports.1;
        let far = |ports: (u16, u16)| ports.0 <= *FAR_PORTS.end() && *FAR_PORTS.start() <= ports.1;
        match (*self, *other) {
            (Traffic::Udp(a, b), Traffic::Ntp(Ntp::Question))
            | (Traffic::Ntp(Ntp::Question), Traffic::Udp(a, b)) => asks((a, b)),
            (Traffic::Tcp(a, b), Traffic::TcpFrom(..) | Traffic::TcpFlags(..))
            | (Traffic::TcpFrom(..) | Traffic::TcpFlags(..), Traffic::Tcp(a, b))
            | (Traffic::Udp(a, b), Traffic::UdpFrom(..))
            | (Traffic::UdpFrom(..), Traffic::Udp(a, b)) => far((a, b)),
            (Traffic::Shaped(one), Traffic::Shaped(other)) => one == other,
            (Traffic::Shaped(one), other) | (other, Traffic::Shaped(one)) => other.has(one),
            (one, other) => {
                let ((a, b), (c, d)) = (one.range(), other.range());
                one == other || (one.like(&other) && a <= d && c <= b)
            }
        }
    }

    /// Whether a packet goes to one of its ports, or comes from one where that is what it is about.
    fn has(&self, packet: Shape) -> bool {
        let of_time = |port: u16| Traffic::Udp(port, port);
        match (*self, packet.kind(), packet.source_kind()) {
            (Traffic::Ntp(Ntp::Answer), _, from) => from == Some(Traffic::UdpFrom(123, 123)),
            (Traffic::Ntp(_), to, _) => to == of_time(123),
            (Traffic::TcpFrom(..) | Traffic::UdpFrom(..), _, from) => {
                from.is_some_and(|from| self.covers(&from))
            }
            (_, to, _) => self.covers(&to),
        }
    }

    /// The single kind at a place of the range, from 0; none behind its end.
    pub fn nth(self, place: u64) -> Option<Traffic> {
        let number = u16::try_from(u64::from(self.range().0) + place).ok()?;
        (place < self.width()).then(|| self.with(number, number))
    }

    /// The single kinds that a range stands for, numbers ascending.
    pub fn each(self) -> impl Iterator<Item = Traffic> {
        let (first, last) = self.range();
        (first..=last).map(move |number| self.with(number, number))
    }
}

impl FromStr for Traffic {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let bad = || {
            BadName(
                "must look like `tcp/554`, `udp/1-1024`, `tcp/*`, `icmp/8`, `icmp/3/4`, `icmp6/128`, `proto/47` or \
                 `ntp/control`"
                    .into(),
            )
        };
        let (word, numbers) = text.split_once('/').ok_or_else(bad)?;
        match word {
            "tcp" => range(numbers).map(|(a, b)| Traffic::Tcp(a, b)).ok_or_else(bad),
            "udp" => range(numbers).map(|(a, b)| Traffic::Udp(a, b)).ok_or_else(bad),
            "icmp" => messages(numbers).map(|(a, b)| Traffic::Icmp(a, b)).ok_or_else(bad),
            "icmp6" => messages(numbers).map(|(a, b)| Traffic::Icmp6(a, b)).ok_or_else(bad),
            "tcp-from" => range(numbers).map(|(a, b)| Traffic::TcpFrom(a, b)).ok_or_else(bad),
            "udp-from" => range(numbers).map(|(a, b)| Traffic::UdpFrom(a, b)).ok_or_else(bad),
            "tcp-flags" => range(numbers).map(|(a, b)| Traffic::TcpFlags(a, b)).ok_or_else(bad),
            "proto" => range(numbers).map(|(a, b)| Traffic::Protocol(a, b)).ok_or_else(bad),
            "ntp" => {
                let known = Ntp::ALL.into_iter().find(|(word, _)| *word == numbers);
                known.map(|(_, one)| Traffic::Ntp(one)).ok_or_else(bad)
            }
            _ => Err(bad()),
        }
    }
}

/// `N`, `N-M`, `*`.
fn range<N: FromStr + Bounded + Copy + PartialOrd>(text: &str) -> Option<(N, N)> {
    if text == "*" {
        return Some((N::FIRST, N::LAST));
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some((first, last))
}

/// A number of which `*` is all.
trait Bounded {
    const FIRST: Self;
    const LAST: Self;
}

impl Bounded for u8 {
    const FIRST: u8 = 0;
    const LAST: u8 = u8::MAX;
}

impl Bounded for u16 {
    const FIRST: u16 = 0;
    const LAST: u16 = u16::MAX;
}

/// Kinds of ICMP: `TYPE` (code 0), `TYPE/CODE`, `TYPE/*`, `*`, and from one to another, `TYPE/CODE-TYPE/CODE`.
fn messages(text: &str) -> Option<(u16, u16)> {
    let one = |text: &str| {
        let (kind, code) = text.split_once('/').unwrap_or((text, "0"));
        Some(u16::from_be_bytes([kind.parse().ok()?, code.parse().ok()?]))
    };
    if text == "*" {
        return Some((0, u16::MAX));
    }
    if let Some(kind) = text.strip_suffix("/*") {
        let kind: u8 = kind.parse().ok()?;
        return Some((u16::from_be_bytes([kind, 0]), u16::from_be_bytes([kind, u8::MAX])));
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (one(first)?, one(last)?);
    (first <= last).then_some((first, last))
}

/// `0xNNNN`, `0xNNNN-0xNNNN`.
fn ether_types(text: &str) -> Option<Traffic> {
    let one = |text: &str| u16::from_str_radix(text.strip_prefix("0x")?, 16).ok();
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (one(first)?, one(last)?);
    (first <= last).then_some(Traffic::Ether(first, last))
}

/// As [`messages`] reads it.
fn message_text((first, last): (u16, u16)) -> String {
    let one = |number: u16| match number.to_be_bytes() {
        [kind, 0] => kind.to_string(),
        [kind, code] => format!("{kind}/{code}"),
    };
    let [kind, code] = first.to_be_bytes();
    match (first, last) {
        (0, u16::MAX) => "*".into(),
        (a, b) if a == b => one(a),
        (_, b) if code == 0 && b == u16::from_be_bytes([kind, u8::MAX]) => format!("{kind}/*"),
        (a, b) => format!("{}-{}", one(a), one(b)),
    }
}

impl TryFrom<String> for Traffic {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        if let Some(types) = text.strip_prefix("ether/") {
            return ether_types(types).ok_or_else(|| BadName("must look like `ether/0x88cc`".into()));
        }
        if text.contains(' ') { text.parse().map(Traffic::Shaped) } else { text.parse() }
    }
}

impl From<Traffic> for String {
    fn from(traffic: Traffic) -> String {
        traffic.to_string()
    }
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, first, last, all) = match *self {
            Traffic::Tcp(a, b) => ("tcp", a, b, u16::MAX),
            Traffic::Udp(a, b) => ("udp", a, b, u16::MAX),
            Traffic::Icmp(a, b) => return write!(f, "icmp/{}", message_text((a, b))),
            Traffic::Icmp6(a, b) => return write!(f, "icmp6/{}", message_text((a, b))),
            Traffic::Protocol(a, b) => ("proto", a.into(), b.into(), u8::MAX.into()),
            Traffic::TcpFrom(a, b) => ("tcp-from", a, b, u16::MAX),
            Traffic::UdpFrom(a, b) => ("udp-from", a, b, u16::MAX),
            Traffic::TcpFlags(a, b) => ("tcp-flags", a.into(), b.into(), u8::MAX.into()),
            Traffic::Ntp(one) => return write!(f, "ntp/{one}"),
            Traffic::Shaped(one) => return one.fmt(f),
            Traffic::Ether(a, b) if a == b => return write!(f, "ether/{a:#06x}"),
            Traffic::Ether(a, b) => return write!(f, "ether/{a:#06x}-{b:#06x}"),
        };
        match (first, last) {
            (0, b) if b == all => write!(f, "{word}/*"),
            (a, b) if a == b => write!(f, "{word}/{a}"),
            (a, b) => write!(f, "{word}/{a}-{b}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_reads_back_as_it_was_written() {
        for text in [
            "tcp/554",
            "udp/1-1024",
            "tcp/*",
            "icmp/8",
            "icmp6/128",
            "proto/47",
            "ntp/private",
            "proto/*",
            "proto/4-41",
            "icmp/*",
            "icmp/3/4",
            "icmp6/1/*",
            "icmp/3/4-5/1",
            "icmp/8-9",
            "tcp-from/53",
            "udp-from/0-1023",
            "tcp-flags/*",
            "tcp-flags/16",
        ] {
            assert_eq!(text.parse::<Traffic>().unwrap().to_string(), text);
        }
        for bad in [
            "tcp",
            "tcp/",
            "tcp/70000",
            "tcp/9-1",
            "sctp/1",
            "icmp/300",
            "tcp/1-2-3",
            "tcp/-1",
            "ntp/6",
            "icmp/8/",
            "icmp/8/300",
            "proto/256",
            "icmp/9-8",
            "icmp/*/3",
        ] {
            assert!(bad.parse::<Traffic>().is_err(), "{bad:?} is no traffic");
        }
    }

    #[test]
    fn ethertypes_are_kept_and_no_scenario_says_them() {
        for text in ["ether/0x88cc", "ether/0x0000", "ether/0x8863-0x8864"] {
            assert_eq!(Traffic::try_from(text.to_owned()).unwrap().to_string(), text);
            assert!(text.parse::<Traffic>().is_err(), "{text}");
        }
        for bad in ["ether/", "ether/88cc", "ether/0x10000", "ether/0x9-0x8", "ether/0x9-"] {
            assert!(Traffic::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        let [one, other] = [Traffic::Ether(5, 5), Traffic::Tcp(5, 5)];
        assert!(!one.meets(&other) && !other.meets(&one) && one.meets(&one));
    }

    #[test]
    fn each_place_of_a_range_is_one_of_its_kinds() {
        for text in ["tcp/65530-65535", "icmp/8", "proto/250-255", "ntp/control"] {
            let range: Traffic = text.parse().unwrap();
            let each: Vec<_> = range.each().collect();
            let nth: Vec<_> = (0..range.width()).filter_map(|place| range.nth(place)).collect();
            assert_eq!((nth, range.nth(range.width())), (each, None), "{text}");
        }
    }

    #[test]
    fn a_range_stands_for_its_ports() {
        let ports: Vec<_> = Traffic::Udp(5, 7).each().map(|one| one.to_string()).collect();
        assert_eq!(ports, ["udp/5", "udp/6", "udp/7"]);
        let some = ["udp/7", "tcp/2", "tcp/1", "tcp/4-9", "tcp/3", "ntp/large", "ntp/large", "tcp/11"];
        let joined = Traffic::joined(some.map(|text| text.parse().unwrap()).to_vec());
        let joined: Vec<_> = joined.iter().map(ToString::to_string).collect();
        assert_eq!(joined, ["tcp/1-9", "tcp/11", "udp/7", "ntp/large"]);
        let extended = |one: &str, next: &str| {
            let [one, next] = [one, next].map(|text| text.parse::<Traffic>().unwrap());
            one.extended(&next).map(|one| one.to_string())
        };
        assert_eq!(extended("tcp/1-3", "tcp/4").as_deref(), Some("tcp/1-4"));
        assert_eq!(extended("icmp/3/255", "icmp/4").as_deref(), Some("icmp/3/255-4"));
        for (one, next) in [("tcp/1", "tcp/3"), ("tcp/1", "tcp/2-3"), ("tcp/1", "udp/2"), ("tcp/2", "tcp/1")]
        {
            assert_eq!(extended(one, next), None);
        }
        let allowed = ["icmp/8", "icmp/0", "icmp/3/4", "icmp6/128", "tcp/256"];
        let allowed = allowed.map(|text| text.parse::<Traffic>().unwrap().as_allowed().to_string());
        assert_eq!(allowed, ["icmp/8/*", "icmp/0/*", "icmp/3/4", "icmp6/128/*", "tcp/256"]);
        let all = ["tcp/*", "icmp/*", "proto/*", "ntp/large"].map(|text| text.parse::<Traffic>().unwrap());
        assert_eq!(all.map(|one| one.width()), [65_536, 65_536, 256, 1]);
        assert!(all.iter().all(|one| one.each().count() as u64 == one.width()));
        assert!(
            Traffic::Tcp(0, 100).covers(&Traffic::Tcp(5, 5))
                && !Traffic::Tcp(5, 5).covers(&Traffic::Udp(5, 5))
        );
    }
}
