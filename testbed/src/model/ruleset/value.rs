//! Values on the right-hand side: numbers, words, addresses, prefixes, ranges, bits.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::Value;

use super::{Kind, Pattern, words};
use crate::names::Mac;

/// Text of what is not known, short enough for a line.
pub(super) fn text(value: &Value) -> String {
    const MOST: usize = 160;
    let mut text = value.to_string();
    if let Some((cut, _)) = text.char_indices().nth(MOST) {
        text.truncate(cut);
        text.push('…');
    }
    text
}

/// The values that this stands for.
pub(super) fn pattern(kind: Option<Kind>, value: &Value) -> Pattern {
    kind.and_then(|kind| known(kind, value)).unwrap_or_else(|| Pattern::Unknown(text(value)))
}

fn known(kind: Kind, value: &Value) -> Option<Pattern> {
    if kind == Kind::Interface {
        return value.as_str().map(name);
    }
    match value {
        Value::Object(object) => {
            let (key, inside) = object.iter().next()?;
            match key.as_str() {
                "range" => {
                    let [first, last] = inside.as_array()?.as_slice() else { return None };
                    let (first, last) = (number(kind, first)?, number(kind, last)?);
                    (first <= last).then_some(Pattern::Number(first, last))
                }
                "prefix" => prefix(kind, inside),
                _ => number(kind, value).map(|one| Pattern::Number(one, one)),
            }
        }
        _ => number(kind, value).map(|one| Pattern::Number(one, one)),
    }
}

/// One number: a word, an address, or several words or bits that are put together.
pub(super) fn number(kind: Kind, value: &Value) -> Option<u128> {
    match value {
        Value::Number(number) => number.as_u64().map(u128::from),
        Value::Bool(yes) => Some(u128::from(*yes)),
        Value::String(word) => match kind {
            Kind::Address4 => word.parse::<Ipv4Addr>().ok().map(|address| address.to_bits().into()),
            Kind::Address6 => word.parse::<Ipv6Addr>().ok().map(Ipv6Addr::to_bits),
            Kind::Mac => word.parse::<Mac>().ok().map(bits_of_mac),
            _ => words::number(kind, word),
        },
        Value::Array(bits) => all_bits(kind, bits),
        Value::Object(object) => all_bits(kind, object.get("|")?.as_array()?),
        Value::Null => None,
    }
}

/// An Ethernet address as a number.
pub(crate) fn bits_of_mac(mac: Mac) -> u128 {
    mac.0.iter().fold(0, |bits, byte| bits << 8 | u128::from(*byte))
}

fn all_bits(kind: Kind, bits: &[Value]) -> Option<u128> {
    bits.iter().try_fold(0, |sum, bit| Some(sum | number(kind, bit)?))
}

fn prefix(kind: Kind, value: &Value) -> Option<Pattern> {
    let width = match kind {
        Kind::Address4 => 32,
        Kind::Address6 => 128,
        Kind::Mac => 48,
        _ => return None,
    };
    let address = number(kind, value.get("addr")?)?;
    let length = u32::try_from(value.get("len")?.as_u64()?).ok().filter(|length| *length <= width)?;
    let hosts = 1_u128.checked_shl(width - length).map_or(u128::MAX, |size| size - 1);
    Some(Pattern::Number(address & !hosts, address | hosts))
}

/// `eth*` is every name that begins so; a star that is part of the name has a backslash before it.
fn name(word: &str) -> Pattern {
    match (word.strip_suffix("\\*"), word.strip_suffix('*')) {
        (Some(start), _) => Pattern::Name(format!("{start}*")),
        (None, Some(start)) => Pattern::NameStart(start.to_owned()),
        (None, None) => Pattern::Name(word.to_owned()),
    }
}
