//! Rules that change addresses and ports.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::packet::Body;
use super::super::ruleset::{Data, Family, Field, Nat, NatKind, Pattern, Target, Verdict};
use super::Surroundings;
use super::look::Look;
use super::matching::{find, looks};
use super::rule::{Next, Step};
use super::traveller::Traveller;

/// What a target turned out to be.
enum Told {
    /// It stays as it is.
    Same,
    /// This, and perhaps a port.
    To(u128, Option<u128>),
    /// The map has nothing for this packet: the rule ends.
    Nothing,
    Unknown,
}

/// Everything that may come of it; `why` and `steps` are what came of the rule so far.
pub(super) fn apply(
    nat: &Nat,
    traveller: Traveller,
    around: &Surroundings<'_>,
    mut why: Vec<String>,
    mut steps: Vec<Step>,
) -> Vec<Step> {
    let other_family = match nat.family {
        Some(Family::Ip) => traveller.packet.is_6(),
        Some(Family::Ip6) => !traveller.packet.is_6(),
        _ => false,
    };
    let mut changed = traveller.clone();
    let next = if other_family {
        Next::Rule
    } else {
        match change(nat, &mut changed, around) {
            Ok(true) => Next::Verdict(Verdict::Accept),
            Ok(false) => {
                changed = traveller;
                Next::Rule
            }
            Err(text) => {
                why.push(text.to_owned());
                Next::Unknown
            }
        }
    };
    steps.push(Step { next, traveller: changed, why });
    steps
}

/// False: the rule does not match after all.
fn change(nat: &Nat, on: &mut Traveller, around: &Surroundings<'_>) -> Result<bool, &'static str> {
    let destination = matches!(nat.kind, NatKind::Dnat | NatKind::Redirect);
    let address = match nat.kind {
        NatKind::Dnat | NatKind::Snat => told(nat.address.as_ref(), on, around),
        // Of an IPv6 link's addresses, the one of the link itself may be taken.
        NatKind::Redirect if on.packet.is_6() => return Err("the address it goes to"),
        NatKind::Redirect => Told::To(own(&on.in_link, on, around).ok_or("the address it goes to")?, None),
        NatKind::Masquerade => Told::To(own(&on.out_link, on, around).ok_or("the address it gets")?, None),
    };
    let port = told(nat.port.as_ref(), on, around);
    let mut to_port = None;
    match address {
        Told::Same => (),
        Told::Nothing => return Ok(false),
        Told::Unknown => return Err("an address among several"),
        Told::To(number, port) => {
            to_port = port;
            let end = if destination { &mut on.packet.destination } else { &mut on.packet.source };
            *end = address_of(end.is_ipv6(), number);
        }
    }
    match port {
        Told::Same => (),
        Told::Nothing => return Ok(false),
        Told::Unknown if destination => return Err("a port among several"),
        Told::Unknown => forget_source_port(on),
        Told::To(number, _) => to_port = Some(number),
    }
    if let Some(port) = to_port {
        set_port(on, destination, u16::try_from(port).map_err(|_| "a port that is none")?);
    }
    if destination {
        on.dnat = true;
    } else {
        on.snat = true;
        if nat.random {
            forget_source_port(on);
        }
    }
    Ok(true)
}

fn told(target: Option<&Target>, on: &Traveller, around: &Surroundings<'_>) -> Told {
    let (key, map) = match target {
        None => return Told::Same,
        Some(Target::Fixed(number)) => return Told::To(*number, None),
        Some(Target::Unknown) => return Told::Unknown,
        Some(Target::Mapped(key, map)) => (key, map),
    };
    let looks = looks(key, on, around);
    if looks.contains(&Look::Absent) {
        return Told::Nothing;
    }
    let found = find(map, &looks, around);
    match (found.sure.and_then(|element| element.data.as_ref()), found.why) {
        (Some(Data::Value(parts)), _) => match parts[..] {
            [Pattern::Number(one, last)] if one == last => Told::To(one, None),
            [Pattern::Number(one, last), Pattern::Number(port, to)] if one == last && port == to => {
                Told::To(one, Some(port))
            }
            _ => Told::Unknown,
        },
        (None, None) if found.sure.is_none() => Told::Nothing,
        _ => Told::Unknown,
    }
}

/// The only address of the link's that fits; of several the kernel chooses.
fn own(link: &str, on: &Traveller, around: &Surroundings<'_>) -> Option<u128> {
    let link = around.node.links.iter().find(|one| one.name.as_str() == link)?;
    let fits = link.addresses.iter().map(|net| net.addr());
    let mut fits = fits.filter(|address| address.is_ipv6() == on.packet.is_6());
    match (fits.next(), fits.next()) {
        (Some(IpAddr::V4(address)), None) => Some(address.to_bits().into()),
        (Some(IpAddr::V6(address)), None) => Some(address.to_bits()),
        _ => None,
    }
}

fn address_of(is_6: bool, number: u128) -> IpAddr {
    match u32::try_from(number) {
        Ok(number) if !is_6 => Ipv4Addr::from_bits(number).into(),
        _ => Ipv6Addr::from_bits(number).into(),
    }
}

fn set_port(on: &mut Traveller, destination: bool, port: u16) {
    match &mut on.packet.body {
        Body::Tcp { source, destination: to, .. } | Body::Udp { source, destination: to } => {
            *(if destination { to } else { source }) = port;
        }
        _ => (),
    }
}

fn forget_source_port(on: &mut Traveller) {
    if on.packet.ports().is_some() {
        on.rewritten.extend([0, on.packet.protocol()].map(Field::SourcePort));
    }
}
