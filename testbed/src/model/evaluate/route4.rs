//! What Linux decides about an IPv4 packet between `prerouting` and the next hook (`ip_route_input_slow`,
//! `fib_validate_source`, `ip_rcv_options`).

use std::net::Ipv4Addr;

use super::super::outcome::Kernel;
use super::super::packet::Packet;
use super::super::routes::{NoWay, Place, Tables, Way};
use super::Device;

/// What is decided.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Decision<'a> {
    /// For the node itself.
    Local,
    /// For a group that somebody in the node may have joined.
    Group,
    /// To be forwarded.
    Forward(Way<'a>),
    Drop(Kernel),
    Unknown(String),
}

/// What is decided about a packet that came in by `link`.
pub(super) fn decide<'a>(
    device: &Device<'a>,
    packet: &Packet,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    link: &str,
) -> Decision<'a> {
    let decision = by_addresses(device, source, destination, link);
    match decision {
        Decision::Drop(_) | Decision::Unknown(_) => decision,
        _ if !packet.options.iter().any(|option| LOOSE_OR_STRICT.contains(option)) => decision,
        _ => match device.setting4(link, "accept_source_route") {
            (Some(0), _) | (_, Some(0)) => Decision::Drop(Kernel::SourceRoute),
            _ => Decision::Unknown("where a source route leads".into()),
        },
    }
}

/// Source routes, by option number.
const LOOSE_OR_STRICT: [u8; 2] = [131, 137];

fn by_addresses<'a>(
    device: &Device<'a>,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    link: &str,
) -> Decision<'a> {
    // Since Linux 5.3 the rest of 0.0.0.0/8 is like any other address.
    let zero = |address: Ipv4Addr| address.is_unspecified();
    if source.is_multicast() || source.is_broadcast() {
        return Decision::Drop(Kernel::MartianSource);
    }
    let to_all = destination.is_broadcast() || (source.is_unspecified() && destination.is_unspecified());
    if zero(source) && !to_all && !local_group(destination) {
        return Decision::Drop(Kernel::MartianSource);
    }
    if zero(destination) && !to_all {
        return Decision::Drop(Kernel::MartianDestination);
    }
    if destination.is_loopback() || source.is_loopback() {
        return match device.setting4(link, "route_localnet") {
            (Some(0) | None, Some(0) | None) if destination.is_loopback() => {
                Decision::Drop(Kernel::MartianDestination)
            }
            (Some(0) | None, Some(0) | None) => Decision::Drop(Kernel::MartianSource),
            _ => Decision::Unknown("loopback addresses that are routed".into()),
        };
    }
    if to_all {
        return if zero(source) {
            Decision::Local
        } else {
            with_source(device, (source, destination), link, Decision::Local)
        };
    }
    let tables = Tables::of(device.node);
    let decision = match tables.place(destination.into()) {
        Place::Own(_) | Place::Broadcast(_) | Place::Anycast(_) => Decision::Local,
        Place::Multicast if zero(source) => return Decision::Group,
        Place::Multicast => Decision::Group,
        Place::Depends => {
            return Decision::Unknown(format!("{destination} is the lowest address of its network"));
        }
        Place::Unicast if device.forwards4(link) == Some(false) => {
            return Decision::Drop(Kernel::NotForwarding);
        }
        Place::Unicast if device.forwards4(link).is_none() => {
            return Decision::Unknown(format!("whether {link} forwards"));
        }
        Place::Unicast => match tables.way(source.into(), destination.into(), None) {
            Ok(way) => Decision::Forward(way),
            Err(NoWay::NoRoute) => return Decision::Drop(Kernel::NoRoute),
            Err(NoWay::Ambiguous(text)) => return Decision::Unknown(text),
        },
    };
    with_source(device, (source, destination), link, decision)
}

/// 224.0.0.0/24.
fn local_group(address: Ipv4Addr) -> bool {
    address.octets()[..3] == [224, 0, 0]
}

/// The decision, unless the source is none that may come in by this link.
fn with_source<'a>(
    device: &Device<'a>,
    (source, destination): (Ipv4Addr, Ipv4Addr),
    link: &str,
    decision: Decision<'a>,
) -> Decision<'a> {
    let tables = Tables::of(device.node);
    match tables.place(source.into()) {
        Place::Own(_) => return Decision::Drop(Kernel::MartianSource),
        Place::Broadcast(_) | Place::Depends if !device.node.policy.is_empty() => {
            return Decision::Unknown("a source that is a broadcast address".into());
        }
        _ => (),
    }
    let back = || tables.way(destination.into(), source.into(), None);
    match device.setting4(link, "rp_filter") {
        (Some(0), Some(0)) => decision,
        (all, own) => match (all.max(own), all.is_some() && own.is_some(), back()) {
            (Some(1), true, Ok(way)) if way.link.name.as_str() == link => decision,
            (Some(2), true, Ok(_)) => decision,
            (Some(1 | 2), true, Ok(_) | Err(NoWay::NoRoute)) => Decision::Drop(Kernel::ReversePath),
            // Even the strictest would let it pass.
            (_, false, Ok(way)) if way.link.name.as_str() == link => decision,
            _ => Decision::Unknown("rp_filter is not planned".into()),
        },
    }
}
