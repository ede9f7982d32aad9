//! What a rule looks at: payload, meta, connection, routing and the like.

use serde_json::{Map, Value};

use super::fields::{Fib, FibAsks};
use super::sets::lookup;
use super::value::{number, text};
use super::{Bits, Expression, Field, Kind};

const TCP: u8 = 6;

/// The expression; `Unknown` with its text where it is not known.
pub(super) fn expression(value: &Value) -> Expression {
    known(value).unwrap_or_else(|| Expression::Unknown(text(value)))
}

/// The kind of each part, none where it is not known.
pub(super) fn kinds(expression: &Expression) -> Vec<Option<Kind>> {
    match expression {
        Expression::Field(field) => vec![Some(field.kind())],
        Expression::Bits { of, .. } => kinds(of),
        Expression::Concat(parts) => parts.iter().flat_map(kinds).collect(),
        Expression::Mapped { .. } | Expression::Number(_) | Expression::Unknown(_) => vec![None],
    }
}

fn known(value: &Value) -> Option<Expression> {
    if let Some(number) = value.as_u64() {
        return Some(Expression::Number(number.into()));
    }
    let (key, inside) = value.as_object()?.iter().next()?;
    match key.as_str() {
        "concat" => Some(Expression::Concat(inside.as_array()?.iter().map(expression).collect())),
        "&" => bits(Bits::And, inside),
        "|" => bits(Bits::Or, inside),
        "^" => bits(Bits::Xor, inside),
        "map" => {
            let key = expression(inside.get("key")?);
            // What it leads to is a number, where it is used so: a mark.
            let map = lookup(&kinds(&key), inside.get("data")?, &[Some(Kind::Number)])?;
            Some(Expression::Mapped { key: Box::new(key), map })
        }
        _ => field(key, inside).map(Expression::Field),
    }
}

fn bits(op: Bits, value: &Value) -> Option<Expression> {
    let [left, right] = value.as_array()?.as_slice() else { return None };
    let of = expression(left);
    let [Some(kind)] = kinds(&of)[..] else { return None };
    Some(Expression::Bits { of: Box::new(of), op, with: number(kind, right)? })
}

fn field(key: &str, inside: &Value) -> Option<Field> {
    let inside = inside.as_object()?;
    match key {
        "payload" => payload(inside),
        "meta" => meta(word(inside, "key")?),
        "ct" => connection(inside),
        "fib" => fib(inside),
        "ip option" if inside.len() == 1 => option(word(inside, "name")?),
        "exthdr" => extension(inside),
        "tcp option" => Some(Field::Other(TCP, "option".into())),
        _ => None,
    }
}

fn word<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    object.get(key)?.as_str()
}

fn payload(inside: &Map<String, Value>) -> Option<Field> {
    let (protocol, field) = (word(inside, "protocol")?, word(inside, "field")?);
    Some(match (protocol, field) {
        ("ether", "saddr") => Field::EtherSource,
        ("ether", "daddr") => Field::EtherDestination,
        ("ether", "type") => Field::EtherType,
        ("ip", _) => ip(field)?,
        ("ip6", _) => ip6(field)?,
        ("icmp", "type") => Field::IcmpType,
        ("icmp", "code") => Field::IcmpCode,
        ("icmpv6", "type") => Field::Icmp6Type,
        ("icmpv6", "code") => Field::Icmp6Code,
        ("tcp", "flags") => Field::TcpFlags,
        (_, "sport") => Field::SourcePort(transport(protocol)?),
        (_, "dport") => Field::DestinationPort(transport(protocol)?),
        _ => Field::Other(transport(protocol).filter(|number| *number != 0)?, field.to_owned()),
    })
}

fn ip(field: &str) -> Option<Field> {
    Some(match field {
        "saddr" => Field::Source4,
        "daddr" => Field::Destination4,
        "protocol" => Field::Protocol4,
        "ttl" => Field::Ttl,
        "frag-off" => Field::Fragment4,
        "version" => Field::Version4,
        "hdrlength" => Field::HeaderLength4,
        "dscp" => Field::Dscp4,
        _ => return None,
    })
}

fn ip6(field: &str) -> Option<Field> {
    Some(match field {
        "saddr" => Field::Source6,
        "daddr" => Field::Destination6,
        "nexthdr" => Field::NextHeader,
        "hoplimit" => Field::HopLimit,
        "version" => Field::Version6,
        "dscp" => Field::Dscp6,
        _ => return None,
    })
}

/// The number of the protocol; 0 for any that has its ports at the usual place.
fn transport(protocol: &str) -> Option<u8> {
    Some(match protocol {
        "th" => 0,
        "icmp" => 1,
        "tcp" => TCP,
        "udp" => 17,
        "dccp" => 33,
        "esp" => 50,
        "ah" => 51,
        "icmpv6" => 58,
        "comp" => 108,
        "sctp" => 132,
        "udplite" => 136,
        _ => return None,
    })
}

fn meta(key: &str) -> Option<Field> {
    Some(match key {
        "iifname" | "iif" => Field::InLink,
        "oifname" | "oif" => Field::OutLink,
        "nfproto" => Field::NfProto,
        "protocol" => Field::EtherType,
        "l4proto" => Field::L4Protocol,
        "mark" => Field::Mark,
        "pkttype" => Field::PacketType,
        _ => return None,
    })
}

fn connection(inside: &Map<String, Value>) -> Option<Field> {
    if inside.contains_key("dir") {
        return None;
    }
    Some(match word(inside, "key")? {
        "state" => Field::CtState,
        "status" => Field::CtStatus,
        "mark" => Field::CtMark,
        "direction" => Field::CtDirection,
        _ => return None,
    })
}

fn fib(inside: &Map<String, Value>) -> Option<Field> {
    let flags = match inside.get("flags")? {
        Value::Array(flags) => flags.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?,
        one => vec![one.as_str()?],
    };
    // Routes by mark are not planned, so that `mark` changes nothing.
    if flags.iter().any(|flag| !["saddr", "daddr", "iif", "oif", "mark"].contains(flag)) {
        return None;
    }
    let has = |flag| flags.contains(&flag);
    let asks = match word(inside, "result")? {
        "oif" | "oifname" => FibAsks::Link,
        "type" => FibAsks::AddressType,
        _ => return None,
    };
    let one_end = has("saddr") != has("daddr");
    let fib = Fib { of_source: has("saddr"), in_link: has("iif"), out_link: has("oif"), asks };
    one_end.then_some(Field::Fib(fib))
}

/// By IANA's number, type with copied flag and class (RFC 791, section 3.1).
fn option(name: &str) -> Option<Field> {
    Some(Field::Option4(match name {
        "rr" => 7,
        "lsrr" => 131,
        "ssrr" => 137,
        "ra" => 148,
        _ => return None,
    }))
}

fn extension(inside: &Map<String, Value>) -> Option<Field> {
    let number = match word(inside, "name")? {
        "hbh" => 0,
        "rt" => 43,
        "frag" => 44,
        "dst" => 60,
        "mh" => 135,
        _ => return None,
    };
    inside.get("field").is_none().then_some(Field::Extension6(number))
}
