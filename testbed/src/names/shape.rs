//! A packet with each field of its headers chosen, as cells of rules ask for: any port with any source port and flags, a time
//! to live or a code point that some rule looks at.

use std::fmt;

use super::{BadName, Traffic, Tunnel};

/// What a packet has that nothing else is said of: time to live or hop limit, and code point (RFC 2474).
pub const USUAL_TTL: u8 = 64;
const USUAL_DSCP: u8 = 0;
/// A segment that opens a conversation has this flag alone (RFC 9293, section 3.1).
const SYN: u8 = 2;

/// Flags from the lowest bit on (RFC 9293, section 3.1; RFC 3168), as rule files name them.
const FLAGS: [&str; 8] = ["fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"];

/// One packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shape {
    /// What it carries.
    pub header: Header,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// Code point of differentiated services, 0 to 63.
    pub dscp: u8,
    /// How it is packed.
    pub form: Form,
}

/// How a packet is packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Form {
    /// As one packet, without anything between the IP header and what it carries.
    #[default]
    Whole,
    /// In two fragments (RFC 791, section 3.2; RFC 8200, section 4.5): the first has the header of what it carries.
    Pieces,
    /// In two fragments of which the first is as short as there are: eight bytes, with ports and without TCP's flags (RFC 1858, section 3).
    Tiny,
    /// In three fragments: two as of [`Form::Pieces`], and between them another first one, to this destination port, or of this type and
    /// code (RFC 1858, section 4; RFC 5722). Whoever keeps what came first makes the packet of it, whoever keeps the last another one.
    Overlap(u16),
    /// With a loose source route of IPv4 by way of the first device, which is then who it is for, to the target (RFC 791, section 3.1); to a
    /// neighbour, and of IPv6, as the end of a route that has been gone: of IPv6 a routing header of type 0 (RFC 5095).
    Loose,
    /// With a strict source route of IPv4, likewise.
    Strict,
    /// In a tunnel to the target, or to the first device on the way: all else that is said of the packet is so of the one inside, and time
    /// to live and code point of both. Its target and source are those of the packet outside, as far as it has addresses of their family.
    In(Tunnel),
    /// With an option of IPv4 that records the route (RFC 791, section 3.1), or of IPv6 a header of destination options that is
    /// padding alone (RFC 8200, section 4.6).
    Options,
}

/// Where the second of two fragments begins, units of 8 bytes (RFC 791, section 3.2): behind any transport header, and a probe's number.
pub const SECOND_PIECE: u16 = 3;
/// Where it begins behind the shortest first one there is.
pub const TINY_PIECE: u16 = 1;

/// What a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Header {
    /// TCP.
    Tcp {
        /// Destination port.
        to: u16,
        /// Source port.
        from: u16,
        /// FIN is 1, CWR is 128.
        flags: u8,
    },
    /// UDP.
    Udp {
        /// Destination port.
        to: u16,
        /// Source port.
        from: u16,
    },
    /// Any kind that has a name without ports of its own: a type and code of ICMP, or a protocol.
    Plain(Plain),
}

/// A kind of packet without ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Plain {
    /// ICMP, type * 256 + code.
    Icmp(u16),
    /// ICMPv6, likewise.
    Icmp6(u16),
    /// An IP protocol, without a header of its own.
    Protocol(u8),
}

impl Form {
    /// Where the second of its fragments begins, units of 8 bytes; none where it comes as one packet.
    pub fn second_piece(self) -> Option<u16> {
        match self {
            Form::Whole | Form::Options | Form::Loose | Form::Strict | Form::In(_) => None,
            Form::Pieces | Form::Overlap(_) => Some(SECOND_PIECE),
            Form::Tiny => Some(TINY_PIECE),
        }
    }
}

impl Shape {
    /// The packet with what is usual of everything else.
    pub fn of(header: Header) -> Self {
        Shape { header, ttl: USUAL_TTL, dscp: USUAL_DSCP, form: Form::Whole }
    }

    /// By its shortest name: a packet without ports and with nothing unusual is a kind by itself.
    pub fn traffic(self) -> Traffic {
        match self.header {
            Header::Plain(plain) if self == Shape::of(self.header) => plain.into(),
            _ => Traffic::Shaped(self),
        }
    }

    /// The kind whose destination port, type or protocol it has.
    pub(super) fn kind(self) -> Traffic {
        match self.header {
            Header::Tcp { to, .. } => Traffic::Tcp(to, to),
            Header::Udp { to, .. } => Traffic::Udp(to, to),
            Header::Plain(plain) => plain.into(),
        }
    }

    /// The kind whose source port it has, if it has one.
    pub(super) fn source_kind(self) -> Option<Traffic> {
        match self.header {
            Header::Tcp { from, .. } => Some(Traffic::TcpFrom(from, from)),
            Header::Udp { from, .. } => Some(Traffic::UdpFrom(from, from)),
            Header::Plain(_) => None,
        }
    }
}

impl From<Plain> for Traffic {
    fn from(plain: Plain) -> Traffic {
        match plain {
            Plain::Icmp(message) => Traffic::Icmp(message, message),
            Plain::Icmp6(message) => Traffic::Icmp6(message, message),
            Plain::Protocol(number) => Traffic::Protocol(number, number),
        }
    }
}

impl fmt::Display for Shape {
    /// `tcp/80 from 53 flags fin|ack ttl 255 dscp 46`; what is usual is left out, but for the source port.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind().fmt(f)?;
        if let Header::Tcp { from, .. } | Header::Udp { from, .. } = self.header {
            write!(f, " from {from}")?;
        }
        if let Header::Tcp { flags, .. } = self.header
            && flags != SYN
        {
            write!(f, " flags {}", flag_names(flags))?;
        }
        if self.ttl != USUAL_TTL {
            write!(f, " ttl {}", self.ttl)?;
        }
        if self.dscp != USUAL_DSCP {
            write!(f, " dscp {}", self.dscp)?;
        }
        match self.form {
            Form::Whole => {}
            Form::Pieces => f.write_str(" in pieces")?,
            Form::Tiny => f.write_str(" in tiny-pieces")?,
            Form::Overlap(other) => write!(f, " overlapping {other}")?,
            Form::Loose => f.write_str(" with loose-route")?,
            Form::Strict => f.write_str(" with strict-route")?,
            Form::In(tunnel) => write!(f, " in {tunnel}")?,
            Form::Options => f.write_str(" with options")?,
        }
        Ok(())
    }
}

fn flag_names(flags: u8) -> String {
    let set = FLAGS.iter().enumerate().filter(|(bit, _)| flags & (1 << bit) != 0);
    let names: Vec<&str> = set.map(|(_, name)| *name).collect();
    if names.is_empty() { "none".to_owned() } else { names.join("|") }
}

fn flags_of(names: &str) -> Option<u8> {
    if names == "none" {
        return Some(0);
    }
    names.split('|').try_fold(0, |flags, name| {
        let bit = FLAGS.iter().position(|flag| *flag == name)?;
        Some(flags | 1 << bit)
    })
}

impl std::str::FromStr for Shape {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        read(text).ok_or_else(|| BadName("must look like `tcp/80 from 53 flags ack ttl 255 dscp 46`".into()))
    }
}

fn read(text: &str) -> Option<Shape> {
    let mut words = text.split(' ');
    let kind: Traffic = words.next()?.parse().ok()?;
    let (mut from, mut flags, mut ttl, mut dscp) = (None, None, USUAL_TTL, USUAL_DSCP);
    let mut form = Form::Whole;
    while let Some(word) = words.next() {
        let value = words.next()?;
        match word {
            "from" => from = Some(value.parse().ok()?),
            "flags" => flags = Some(flags_of(value)?),
            "ttl" => ttl = value.parse().ok()?,
            "dscp" => dscp = value.parse().ok().filter(|code| *code < 64)?,
            "in" if value == "pieces" => form = Form::Pieces,
            "in" if value == "tiny-pieces" => form = Form::Tiny,
            "in" => form = Form::In(Tunnel::read(value)?),
            "overlapping" => form = Form::Overlap(value.parse().ok()?),
            "with" if value == "options" => form = Form::Options,
            "with" if value == "loose-route" => form = Form::Loose,
            "with" if value == "strict-route" => form = Form::Strict,
            _ => return None,
        }
    }
    let header = match (kind, from, flags) {
        (Traffic::Tcp(to, last), Some(from), flags) if to == last => {
            Header::Tcp { to, from, flags: flags.unwrap_or(SYN) }
        }
        (Traffic::Udp(to, last), Some(from), None) if to == last => Header::Udp { to, from },
        (Traffic::Icmp(a, b), None, None) if a == b => Header::Plain(Plain::Icmp(a)),
        (Traffic::Icmp6(a, b), None, None) if a == b => Header::Plain(Plain::Icmp6(a)),
        (Traffic::Protocol(a, b), None, None) if a == b => Header::Plain(Plain::Protocol(a)),
        _ => return None,
    };
    Some(Shape { header, ttl, dscp, form })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traffic(text: &str) -> Traffic {
        Traffic::try_from(text.to_owned()).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_shape_reads_back_as_it_was_written() {
        for text in [
            "tcp/80 from 53",
            "tcp/0 from 0 flags none",
            "tcp/65535 from 1 flags fin|syn|rst|psh|ack|urg|ecn|cwr ttl 255 dscp 46",
            "udp/47808 from 65535",
            "udp/1 from 2 dscp 63",
            "icmp/8 ttl 1",
            "icmp6/134/7 ttl 255",
            "proto/47 dscp 1",
            "tcp/22 from 5 flags ack in pieces",
            "udp/53 from 5 with options",
            "icmp/8 in pieces",
            "tcp/22 from 5 in tiny-pieces",
            "udp/161 from 5 overlapping 53",
            "icmp/8 overlapping 0",
            "tcp/22 from 5 with loose-route",
            "icmp/8 with strict-route",
            "tcp/22 from 5 in gre",
            "proto/89 in vxlan-to-router",
        ] {
            assert_eq!(traffic(text).to_string(), text);
            assert_eq!((traffic(text).width(), traffic(text).nth(0)), (1, Some(traffic(text))), "{text}");
        }
        for bad in [
            "tcp/80 ",
            "tcp/80 from",
            "tcp/80 from 70000",
            "tcp/1-2 from 3",
            "tcp/80 ttl 3",
            "udp/80 from 3 flags ack",
            "udp/80 from 3 dscp 64",
            "icmp/8 from 3",
            "tcp/80 from 3 flags ack|",
            "udp/80 from 3 in parts",
            "ntp/large ttl 3",
            "tcp/80  from 3",
        ] {
            assert!(Traffic::try_from(bad.to_owned()).is_err(), "{bad:?} is no packet");
        }
        assert!("tcp/80 from 53".parse::<Traffic>().is_err(), "nobody writes one into a scenario");
    }

    #[test]
    fn what_is_usual_in_all_is_a_kind_by_itself() {
        for text in ["icmp/8/3", "icmp6/128", "proto/47"] {
            let shape: Shape = text.parse().unwrap();
            assert_eq!(shape.traffic(), text.parse().unwrap());
        }
        let shape: Shape = "proto/47 ttl 3".parse().unwrap();
        assert_eq!(shape.traffic(), Traffic::Shaped(shape));
    }

    #[test]
    fn a_flow_has_all_that_goes_to_its_port_or_comes_from_it() {
        for (flow, text, meets) in [
            ("tcp/80-90", "tcp/85 from 3 flags ack", true),
            ("tcp/80", "tcp/81 from 80", false),
            ("udp/85", "tcp/85 from 3", false),
            ("ntp/question", "udp/123 from 9", true),
            ("ntp/large", "udp/123 from 9", true),
            ("ntp/answer", "udp/9 from 123", true),
            ("icmp/8/*", "icmp/8/3 ttl 255", true),
            ("proto/40-50", "proto/47 dscp 9", true),
            ("tcp-from/53", "tcp/9 from 53 flags fin", true),
            ("udp-from/53", "udp/53 from 9", false),
        ] {
            let flow: Traffic = flow.parse().unwrap();
            assert_eq!(
                (flow.meets(&traffic(text)), traffic(text).meets(&flow)),
                (meets, meets),
                "{flow} {text}"
            );
        }
        let one = traffic("tcp/85 from 3");
        assert!(one.covers(&one) && one.meets(&one) && !one.meets(&traffic("tcp/85 from 4")));
        assert!(one.without(&Traffic::Tcp(0, 100)).is_empty() && one.without(&Traffic::Tcp(0, 84)) == [one]);
    }
}
