//! Statements that change addresses and ports.

use serde_json::Value;

use super::expression::{expression, kinds};
use super::sets::lookup;
use super::value::number;
use super::{Expression, Family, Kind, Lookup};

/// Changes a packet's destination or source, and those of all that belongs to its connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nat {
    /// Which end it changes, and how.
    pub kind: NatKind,
    /// Packets of which family, where that is said.
    pub family: Option<Family>,
    /// To which address; none: it stays, or is the link's own.
    pub address: Option<Target>,
    /// To which port; none: it stays if it can.
    pub port: Option<Target>,
    /// Whether the source port is chosen by chance.
    pub random: bool,
}

/// Which end is changed, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "nft's own words")]
pub enum NatKind {
    Dnat,
    Snat,
    Masquerade,
    Redirect,
}

/// What a part of the packet becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// This.
    Fixed(u128),
    /// What a map says: an address, or an address and a port.
    Mapped(Expression, Lookup),
    /// One of several, or what is not known.
    Unknown,
}

/// Reads the statement; none if it is no such one.
pub(super) fn nat(key: &str, inside: &Value) -> Option<Nat> {
    let kind = match key {
        "dnat" => NatKind::Dnat,
        "snat" => NatKind::Snat,
        "masquerade" => NatKind::Masquerade,
        "redirect" => NatKind::Redirect,
        _ => return None,
    };
    let family = match inside.get("family").and_then(Value::as_str) {
        Some("ip") => Some(Family::Ip),
        Some("ip6") => Some(Family::Ip6),
        _ => None,
    };
    let address = inside.get("addr").map(|value| target(value, family));
    let port = inside.get("port").map(|value| target(value, None));
    // Other flags (`persistent`, `netmap`) choose among several, or map whole networks: not followed.
    let flags = inside.get("flags").is_some();
    let address = if flags && address.is_some() { Some(Target::Unknown) } else { address };
    Some(Nat { kind, family, address, port, random: flags })
}

fn target(value: &Value, family: Option<Family>) -> Target {
    let kind = match (family, value.as_str()) {
        (Some(Family::Ip), _) => Kind::Address4,
        (Some(Family::Ip6), _) => Kind::Address6,
        (_, Some(word)) if word.contains(':') => Kind::Address6,
        (_, Some(word)) if word.contains('.') => Kind::Address4,
        _ => Kind::Number,
    };
    if let Some(map) = value.get("map") {
        return mapped(map, kind).unwrap_or(Target::Unknown);
    }
    number(kind, value).map_or(Target::Unknown, Target::Fixed)
}

fn mapped(map: &Value, kind: Kind) -> Option<Target> {
    let key = expression(map.get("key")?);
    let data = map.get("data")?;
    // A named map says itself what it leads to; here it stands in the rule.
    let pairs = data.get("set").and_then(Value::as_array).and_then(|pairs| pairs.first()?.get(1));
    let with_port = pairs.is_some_and(|to| to.get("concat").is_some());
    let to = if with_port { vec![Some(kind), Some(Kind::Number)] } else { vec![Some(kind)] };
    Some(Target::Mapped(key.clone(), lookup(&kinds(&key), data, &to)?))
}
